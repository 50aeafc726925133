"""Passwords: what is asked of a new one, and how they are kept (Argon2id) and compared without telling by the time."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final, Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from analyzer.knowledge.schemas import read_document
from analyzer.resources import rules_dir
from analyzer.store.database import StoreError

Refusal = Literal["short", "long", "letter", "digit", "symbol", "login", "in_force", "previous"]
REFUSALS: Final[tuple[Refusal, ...]] = get_args(Refusal)
LONGEST: Final = 256
"""Characters a password may have: hashing must not become work that anybody can order."""
# Without signs that are taken for one another when they are read out or copied by hand.
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"
_DIGITS: Final = "23456789"
_GROUP: Final = 4
_FIRST_LENGTH: Final = 16
# Each hash takes 64 MiB; more at a time would let anybody who asks often enough use up the memory.
_HASHING: Final = threading.BoundedSemaphore(4)


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """rules/accounts.yaml. needs: kinds of characters, each at least once. idle, longest: how long a session lasts.

    reset: how long a link can be used that resets a password.
    """

    min_length: int
    recommended_length: int
    needs: tuple[Refusal, ...]
    failures_before_lock: int
    lock: timedelta
    idle: timedelta
    longest: timedelta
    reset: timedelta


class PasswordRefusedError(StoreError):
    """A new password that may not be taken. refusals: every reason, as words for the screen to put into sentences."""

    def __init__(self, refusals: Sequence[Refusal], policy: SignInPolicy) -> None:
        self.refusals = tuple(refusals)
        said = {
            "short": f"has fewer than {policy.min_length} characters",
            "long": f"has more than {LONGEST} characters",
            "letter": "has no letter",
            "digit": "has no digit",
            "symbol": "has no symbol",
            "login": "contains the login name",
            "in_force": "is the one in force",
            "previous": "is the one before",
        }
        super().__init__(f"the new password {', '.join(said[each] for each in self.refusals)}; choose another")


@cache
def sign_in_policy() -> SignInPolicy:
    """What rules/accounts.yaml says. Raises InputError for its faults."""
    path = rules_dir() / "accounts.yaml"
    data = read_document(path.read_bytes(), str(path), "accounts")
    return SignInPolicy(
        min_length=data["password_min_length"],
        recommended_length=data["password_recommended_length"],
        needs=tuple(data["password_needs"]),
        failures_before_lock=data["failures_before_lock"],
        lock=timedelta(minutes=data["lock_minutes"]),
        idle=timedelta(minutes=data["session_idle_minutes"]),
        longest=timedelta(hours=data["session_max_hours"]),
        reset=timedelta(minutes=data["reset_minutes"]),
    )


class Passwords:
    """Makes, checks and compares passwords. Safe to share between threads.

    policy: rules/accounts.yaml unless another is given. hasher: the cost of a hash; the library's own choice (RFC 9106,
    64 MiB) unless another is given.
    """

    def __init__(self, policy: SignInPolicy | None = None, hasher: PasswordHasher | None = None) -> None:
        self.policy = policy or sign_in_policy()
        self._hasher = hasher or PasswordHasher()
        # Compared with where there is no account, so that an unknown login takes as long as a wrong password.
        self._nobodys = self.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with _HASHING:
            return self._hasher.hash(_bytes(password))

    def matches(self, kept: str | None, password: str) -> bool:
        """Whether the password is the one that was kept; None (there is none) takes as long and is never it."""
        usable = kept if len(password) <= LONGEST else None
        try:
            with _HASHING:
                self._hasher.verify(usable or self._nobodys, _bytes(password[:LONGEST]))
        except (VerificationError, InvalidHashError):
            return False
        return usable is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed at another cost than today's."""
        return self._hasher.check_needs_rehash(kept)

    def refusals(self, password: str, login: str) -> list[Refusal]:
        """Why this may not be the login's new password, as far as it shows without the earlier ones."""
        plain = _plain(password)
        found: list[Refusal] = []
        if len(plain) < self.policy.min_length:
            found.append("short")
        if len(password) > LONGEST:
            found.append("long")
        found += [kind for kind in self.policy.needs if not any(map(_KINDS[kind], plain))]
        if login and login.casefold() in plain.casefold():
            found.append("login")
        return found

    def require_new(self, password: str, login: str, in_force: str | None, previous: str | None) -> None:
        """Raise PasswordRefusedError unless this may be the login's new password after those two, given as kept."""
        found = self.refusals(password, login)
        if not found and in_force is not None and self.matches(in_force, password):
            found.append("in_force")
        if not found and previous is not None and self.matches(previous, password):
            found.append("previous")
        if found:
            raise PasswordRefusedError(found, self.policy)

    def is_long(self, password: str) -> bool:
        """Whether it has the length that is recommended, beyond the one that is asked for."""
        return len(_plain(password)) >= self.policy.recommended_length

    def first(self, login: str) -> str:
        """A random password to hand over once, e.g. `k7mf-2xqa-9dnp-r4we` (80 bits)."""
        length = max(_FIRST_LENGTH, self.policy.min_length)
        while True:
            signs = [secrets.choice(_LETTERS + _DIGITS) for _ in range(length)]
            made = "-".join("".join(signs[at : at + _GROUP]) for at in range(0, length, _GROUP))
            if not self.refusals(made, login):
                return made


@cache
def shared_passwords() -> Passwords:
    """The ones in force, made once: to make them takes a hash."""
    return Passwords()


_KINDS: Final[Mapping[Refusal, Callable[[str], bool]]] = {
    "letter": str.isalpha,
    "digit": str.isdecimal,
    "symbol": lambda sign: not sign.isalnum() and not sign.isspace(),
}


def _plain(password: str) -> str:
    """The same characters whether an input method made them wide or narrow, composed or not."""
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    return _plain(password).encode("utf-8", "surrogatepass")
