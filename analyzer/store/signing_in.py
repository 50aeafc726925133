"""Signing in: passwords against guessing, sessions that end, and log-ins of the organisation's own provider."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from analyzer.store import events
from analyzer.store.accounts import ACCOUNT, account_of, assigned_to, normal_login, previous_password, recorded
from analyzer.store.database import Database, StoreError
from analyzer.store.events import Change, Data
from analyzer.store.passwords import Passwords, SignInPolicy, shared_passwords
from analyzer.store.principal import Principal
from analyzer.store.records import Clock, moment, now
from analyzer.store.tables import ACCOUNTS, CHAIN, SESSIONS

ProviderRefusal = Literal["unverified", "stale", "unknown"]
UNKNOWN: Final = "?"
"""What an event says instead of a login that no account has: what was typed may be somebody's password."""
_TOKEN_BYTES: Final = 32
# A session of the provider's is told by its token, whose hash covers the mark; nobody can put it there or take it off.
_OF_PROVIDER: Final = "provider."
_TOUCHED_AFTER: Final = timedelta(minutes=1)
# A provider's clock may be a little ahead of ours.
_CLOCK_SKEW: Final = timedelta(minutes=2)


class LogInRefusedError(StoreError):
    """The log-in was not accepted. One wording for every reason, so that it does not tell which logins there are."""

    def __init__(self, policy: SignInPolicy) -> None:
        self.failures, self.lock = policy.failures_before_lock, policy.lock
        minutes = int(policy.lock.total_seconds() // 60)
        super().__init__(
            "the login or the password is wrong, or the account may not log in; "
            f"after {self.failures} wrong passwords in a row it is locked for {minutes} minutes"
        )


class SessionEndedError(StoreError):
    """There is no such session (any more)."""

    def __init__(self) -> None:
        super().__init__("the session has ended; log in again")


class ProviderRefusedError(StoreError):
    """A log-in at the organisation's provider that gives no access here. reason: as a word for the screen."""

    def __init__(self, reason: ProviderRefusal) -> None:
        self.reason: ProviderRefusal = reason
        super().__init__(_PROVIDER_REFUSALS[reason])


@dataclass(frozen=True, slots=True)
class Session:
    """A session just begun. token: what its holder shows from now on; the store keeps its hash alone.

    must_change: the principal may do nothing until a new password has been chosen.
    """

    token: str
    principal: Principal
    must_change: bool

    def __repr__(self) -> str:
        # A log or a traceback that shows the record does not show the secret.
        return f"Session({self.principal.login!r})"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A password about to be tried. kept: what to compare with, None where the attempt cannot succeed, for a reason."""

    login: str | None
    kept: str | None
    reason: str
    failures: int


class SigningIn:
    """Log-ins and sessions. Its functions ask for no right: they are how one comes by any. Safe to share."""

    def __init__(self, database: Database, clock: Clock = now, passwords: Passwords | None = None) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords or shared_passwords()
        self._policy = self._passwords.policy

    def has_accounts(self) -> bool:
        """Whether there is anybody yet who could log in."""
        with self._database.reading() as connection:
            return connection.execute(select(ACCOUNTS.c.login).limit(1)).first() is not None

    def log_in(self, login: str, password: str, *, source: str = "app") -> Session:
        """Begin a session. Raises LogInRefusedError, in about the same time whatever the reason."""
        attempt = self._attempt(normal_login(login))
        right = self._passwords.matches(attempt.kept, password)
        outdated = right and attempt.kept is not None and self._passwords.is_outdated(attempt.kept)
        renewed = self._passwords.hash(password) if outdated else None
        with self._database.writing() as connection:
            events.lock(connection)
            row = self._still(connection, attempt) if right else None
            if row is None:
                self._failed(connection, attempt, source)
                session = None
            else:
                values = {"password": renewed} if renewed is not None else {}
                self._succeeded(connection, row.login, **values)
                principal = _principal(connection, row, row.must_change)
                session = self._begin(connection, principal, "", {"way": "password"}, source)
        if session is None:
            # Only after the failure has been written: an error inside would take it back.
            raise LogInRefusedError(self._policy)
        return session

    def principal_of(self, token: str) -> Principal:
        """Who holds the session, with today's role and assignments. Raises SessionEndedError.

        Keeps the session awake; that is written once a minute at most.
        """
        at = self._clock()
        with self._database.reading() as connection:
            session, account = self._session(connection, token, at)
            principal = _principal(connection, account, _must_change(account, token))
        if session.seen_at <= moment(at - _TOUCHED_AFTER):
            with self._database.writing() as connection:
                connection.execute(
                    update(SESSIONS)
                    .where(SESSIONS.c.token == session.token, SESSIONS.c.seen_at < moment(at))
                    .values(seen_at=moment(at))
                )
        return principal

    def log_out(self, token: str, *, source: str = "app") -> None:
        """End the session; one that has ended already is no error."""
        with self._database.writing() as connection:
            events.lock(connection)
            where = SESSIONS.c.token == _digest(token)
            login = connection.execute(select(SESSIONS.c.login).where(where)).scalar_one_or_none()
            if login is not None:
                connection.execute(delete(SESSIONS).where(where))
                self._say(connection, login, "log_out", source)

    def change_password(self, token: str, old: str, new: str, *, source: str = "app") -> None:
        """Replace the password of the session's account and end its other sessions.

        Raises SessionEndedError; LogInRefusedError where the old one is wrong, which counts as a wrong password at a
        log-in does; PasswordRefusedError where the new one may not be taken.
        """
        with self._database.reading() as connection:
            _, account = self._session(connection, token, self._clock())
        attempt = self._attempt(account.login)
        if not self._passwords.matches(attempt.kept, old):
            with self._database.writing() as connection:
                self._failed(connection, attempt, source)
            raise LogInRefusedError(self._policy)
        with self._database.writing() as connection:
            self._succeeded(connection, account.login)
        self._passwords.require_new(new, account.login, attempt.kept, account.previous_password)
        kept = self._passwords.hash(new)
        with self._database.writing() as connection:
            events.lock(connection)
            self._session(connection, token, self._clock())
            row = self._still(connection, attempt)
            before = account_of(connection, account.login)
            if row is None or before is None:
                raise SessionEndedError
            self._succeeded(
                connection, row.login, password=kept, previous_password=previous_password(account), must_change=False
            )
            connection.execute(
                delete(SESSIONS).where(SESSIONS.c.login == row.login, SESSIONS.c.token != _digest(token))
            )
            after = account_of(connection, row.login)
            assert after is not None
            self._say(connection, row.login, "change_password", source, recorded(before), recorded(after))

    def principal_for_oidc(self, claims: Mapping[str, Any]) -> Principal:
        """Whose log-in at the provider this is. claims: of the ID token (`email`, `email_verified`, `iat`).

        Raises ProviderRefusedError: `unverified` without an address that the provider vouches for, `stale` where the
        log-in there is longer ago than a session may idle, `unknown` where no enabled account has the address.
        """
        email, verified = claims.get("email"), claims.get("email_verified")
        # Some providers write the truth value as a text.
        if not isinstance(email, str) or not (verified is True or verified == "true"):
            raise ProviderRefusedError("unverified")
        # Streamlit keeps a provider's log-in for 30 days; without this our sessions would end in name only.
        at, issued = self._clock(), _issued(claims)
        if issued is None or not at - self._policy.idle <= issued <= at + _CLOCK_SKEW:
            raise ProviderRefusedError("stale")
        query = select(ACCOUNTS).where(ACCOUNTS.c.email == email.strip().lower(), ACCOUNTS.c.disabled.is_(False))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise ProviderRefusedError("unknown")
            # The first password is none of the provider's business: whoever comes by it has not used that one.
            return _principal(connection, row, must_change=False)

    def log_in_with_oidc(self, claims: Mapping[str, Any], *, source: str = "app") -> Session:
        """Begin a session for a log-in at the provider (see `principal_for_oidc`). Raises ProviderRefusedError."""
        try:
            principal = self.principal_for_oidc(claims)
        except ProviderRefusedError as refused:
            with self._database.writing() as connection:
                said = {"way": "oidc", "reason": refused.reason}
                self._say(connection, UNKNOWN, "log_in_failed", source, after=said)
            raise
        with self._database.writing() as connection:
            events.lock(connection)
            if (account := account_of(connection, principal.login)) is None or account.disabled:
                raise ProviderRefusedError("unknown")
            return self._begin(connection, principal, _OF_PROVIDER, {"way": "oidc"}, source)

    # -- attempts -----------------------------------------------------------------------------------------------------

    def _attempt(self, login: str) -> _Attempt:
        """Count an attempt before it is made: however many come at once, no more are tried than may fail.

        The comparison, which is slow on purpose, then needs no lock.
        """
        at = self._clock()
        with self._database.writing() as connection:
            row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.login == login).with_for_update()).one_or_none()
            barred = _barred(row, moment(at))
            if row is None or barred is not None:
                # As much written as for an attempt that counts, so that the time does not tell them apart.
                connection.execute(update(CHAIN).where(CHAIN.c.id == 1).values(number=CHAIN.c.number))
                return _Attempt(row.login if row is not None else None, None, barred or "unknown", 0)
            failures = (0 if row.locked_until is not None else row.failures) + 1
            locked = failures >= self._policy.failures_before_lock
            until = moment(at + self._policy.lock) if locked else None
            connection.execute(
                update(ACCOUNTS).where(ACCOUNTS.c.login == login).values(failures=failures, locked_until=until)
            )
            return _Attempt(login, row.password, "password", failures)

    def _still(self, connection: Connection, attempt: _Attempt) -> Row[Any] | None:
        """The account of an attempt that was right, unless it was disabled or its password replaced meanwhile."""
        row = connection.execute(
            select(ACCOUNTS).where(ACCOUNTS.c.login == attempt.login).with_for_update()
        ).one_or_none()
        unchanged = row is not None and not row.disabled and row.password == attempt.kept
        return row if unchanged else None

    def _succeeded(self, connection: Connection, login: str, **values: Any) -> None:
        connection.execute(
            update(ACCOUNTS).where(ACCOUNTS.c.login == login).values(failures=0, locked_until=None, **values)
        )

    def _failed(self, connection: Connection, attempt: _Attempt, source: str) -> None:
        login = attempt.login or UNKNOWN
        self._say(connection, login, "log_in_failed", source, after={"way": "password", "reason": attempt.reason})
        if attempt.failures >= self._policy.failures_before_lock:
            minutes = int(self._policy.lock.total_seconds() // 60)
            self._say(connection, login, "lock", source, after={"failures": attempt.failures, "minutes": minutes})

    # -- sessions -----------------------------------------------------------------------------------------------------

    def _begin(self, connection: Connection, principal: Principal, mark: str, said: Data, source: str) -> Session:
        at = self._clock()
        over = or_(SESSIONS.c.ends_at <= moment(at), SESSIONS.c.seen_at <= moment(at - self._policy.idle))
        connection.execute(delete(SESSIONS).where(over))
        token = mark + secrets.token_urlsafe(_TOKEN_BYTES)
        connection.execute(
            insert(SESSIONS).values(
                token=_digest(token),
                login=principal.login,
                begun_at=moment(at),
                seen_at=moment(at),
                ends_at=moment(at + self._policy.longest),
            )
        )
        self._say(connection, principal.login, "log_in", source, after=said)
        return Session(token, principal, principal.must_change)

    def _session(self, connection: Connection, token: str, at: datetime) -> tuple[Row[Any], Row[Any]]:
        """The session in force of a token, and its account. Raises SessionEndedError."""
        session = connection.execute(select(SESSIONS).where(SESSIONS.c.token == _digest(token))).one_or_none()
        if session is None or session.ends_at <= moment(at) or session.seen_at <= moment(at - self._policy.idle):
            raise SessionEndedError
        account = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.login == session.login)).one()
        if account.disabled:
            raise SessionEndedError
        return session, account

    def _say(
        self,
        connection: Connection,
        login: str,
        action: str,
        source: str,
        before: Data | None = None,
        after: Data | None = None,
    ) -> None:
        said = Change(action, None, ACCOUNT, login, before, after, source)
        events.append(connection, login, moment(self._clock()), [said])


def _barred(row: Row[Any] | None, at: str) -> str | None:
    """Why no password can be right: a word for the trail; None where one can."""
    if row is None:
        return "unknown"
    if row.disabled:
        return "disabled"
    if row.locked_until is not None and row.locked_until > at:
        return "locked"
    return None if row.password is not None else "no password"


def _principal(connection: Connection, account: Row[Any], must_change: bool) -> Principal:
    assigned = frozenset(assigned_to(connection, account.login))
    return Principal(account.login, account.name, account.role, assigned, must_change)


def _must_change(account: Row[Any], token: str) -> bool:
    return bool(account.must_change) and not token.startswith(_OF_PROVIDER)


def _issued(claims: Mapping[str, Any]) -> datetime | None:
    """When the provider made the ID token."""
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        return None
    try:
        return datetime.fromtimestamp(issued, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


_PROVIDER_REFUSALS: Final[Mapping[ProviderRefusal, str]] = {
    "unverified": "the provider does not vouch for an e-mail address of yours; ask whoever runs it",
    "stale": "your log-in at the provider is too long ago; log in there again",
    "unknown": "no enabled account here has your e-mail address; ask an administrator for one",
}
