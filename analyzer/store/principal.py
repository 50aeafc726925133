"""Who asks, and whether they may: authorisation is decided here, for every function of the store and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, TypeVar, get_args

from analyzer.knowledge.schemas import read_document
from analyzer.model.controls import Text
from analyzer.resources import rules_dir
from analyzer.store.database import StoreError

Role = Literal["institution", "auditor", "consultant", "secretariat", "administrator"]
Action = Literal[
    "read",
    "answer",
    "profile",
    "comment",
    "take_part",
    "run_programme",
    "create",
    "portfolio",
    "audit",
    "accounts",
    "backup",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

Function = TypeVar("Function", bound=Callable[..., Any])


class ForbiddenError(StoreError):
    """The account may not do this."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. institutions: those assigned to the account; they matter only to roles whose scope is `assigned`.

    must_change: signed in with a first password; may do nothing but choose a new one.
    """

    login: str
    name: str
    role: Role
    institutions: frozenset[str] = frozenset()
    must_change: bool = False


SINGLE_USER: Final = Principal("single-user", "この機械の利用者", "administrator")
"""Who acts where the app runs for one person on their own machine, without log-in."""


@dataclass(frozen=True, slots=True)
class RoleRights:
    """What a role may do, and for which institutions."""

    title: Text
    everywhere: bool
    actions: frozenset[Action]


@cache
def rights() -> dict[Role, RoleRights]:
    """The rights of every role, from rules/permissions.yaml."""
    path = rules_dir() / "permissions.yaml"
    data = read_document(path.read_bytes(), str(path), "permissions")
    return {
        role: RoleRights(Text(**entry["title"]), entry["scope"] == "all", frozenset(entry["actions"]))
        for role, entry in data["roles"].items()
    }


def may(principal: Principal, action: Action, institution: str | None = None) -> bool:
    """Whether an account may do something, to an institution where one is meant."""
    granted = rights()[principal.role]
    if principal.must_change or action not in granted.actions:
        return False
    return institution is None or granted.everywhere or institution in principal.institutions


def require(principal: Principal, action: Action, institution: str | None = None) -> None:
    """Raise ForbiddenError where the account may not; an institution out of its scope is not told from none."""
    if not may(principal, action, institution):
        where = f" for institution {institution!r}" if institution is not None else ""
        raise ForbiddenError(f"{principal.login}: may not {action}{where}")


def needs(action: Action) -> Callable[[Function], Function]:
    """Mark a public function of the store with the right it asks for, so that a test can try every one as every role.

    The function itself calls `require`, since only it knows the institution.
    """

    def mark(function: Function) -> Function:
        function.needs = action  # type: ignore[attr-defined]
        return function

    return mark
