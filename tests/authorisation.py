"""What the tests of rights share: who has which right, the search for public functions, and the trying of them.

What is expected is written here and not read from rules/permissions.yaml: whoever changes a right changes it twice.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from analyzer.errors import SanshoError
from analyzer.store.principal import ForbiddenError, Principal, Role
from analyzer.store.records import UnknownInstitutionError

REFUSED = (ForbiddenError, UnknownInstitutionError)

# Who has which right, and whose rights end at the institutions assigned.
ALLOWED: Final[dict[str, set[Role]]] = {
    "read": {"institution", "auditor", "consultant", "administrator"},
    "answer": {"institution", "consultant", "administrator"},
    "profile": {"institution", "consultant", "administrator"},
    "comment": {"institution", "auditor", "consultant", "administrator"},
    "take_part": {"institution"},
    "run_programme": {"secretariat", "administrator"},
    "create": {"secretariat", "administrator"},
    "portfolio": {"auditor", "consultant", "administrator"},
    "audit": {"auditor", "administrator"},
    "accounts": {"administrator"},
    "backup": {"administrator"},
}
SCOPED: Final[set[Role]] = {"institution", "consultant"}


@dataclass(frozen=True)
class Row:
    """A function, the right it has to ask for, and a call of it. scoped: whether it concerns one institution.

    writes: what a call that is allowed changes, as the tests of a layer name it; empty where it only reads, or where
    they do not look.
    """

    name: str
    right: str
    scoped: bool
    call: Callable[[Any, Principal, str], object]
    writes: frozenset[str] = frozenset()


def outcome(row: Row, world: Any, who: Principal, institution: str) -> SanshoError | None:
    """What was said, None where what was asked was done."""
    try:
        row.call(world, who, institution)
    except SanshoError as error:
        return error
    return None


def public_functions(
    package: ModuleType,
    at_data: Collection[str],
    *,
    given: Collection[str] = (),
    beside: Collection[str] = (),
    but: Collection[type] = (),
) -> Iterator[tuple[str, Any]]:
    """Public functions of a package that take a principal or are marked, and all of every class that gets at the data.

    at_data: names of types; a class gets at the data where it is made with one of them or with a principal, or has a
    method that takes a principal. given: names of types; a function that takes one is found without a principal too.
    beside: modules left out; but: classes left out.
    """
    for module in _modules(package, beside):
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(thing) and (
                hasattr(thing, "needs") or _takes_principal(thing) or _takes(thing, given)
            ):
                yield name, thing
            if inspect.isclass(thing) and thing not in but:
                methods = {
                    each: inspect.unwrap(getattr(thing, each))
                    for each, value in vars(thing).items()
                    if not each.startswith("_")
                    and isinstance(value, classmethod | staticmethod) | inspect.isfunction(value)
                }
                made = thing if "__init__" in vars(thing) else None
                on_data = made is not None and (_takes(made, at_data) or _takes_principal(made))
                if on_data or any(map(_takes_principal, methods.values())):
                    yield from ((f"{thing.__name__}.{each}", method) for each, method in methods.items())


def _modules(package: ModuleType, beside: Collection[str]) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not any(found.name == each or found.name.startswith(f"{each}.") for each in beside):
            yield importlib.import_module(found.name)


def _takes(thing: Any, names: Collection[str]) -> bool:
    annotations = [str(each.annotation) for each in inspect.signature(thing).parameters.values()]
    return any(name in annotation.replace("|", " ").split() for annotation in annotations for name in names)


def _takes_principal(thing: Any) -> bool:
    return any(
        str(each.annotation) == "Principal" and each.name == "principal"
        for each in inspect.signature(thing).parameters.values()
    )
