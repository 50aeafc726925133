"""Accounts: who may sign in, as what, for which institutions. Every change of one is an event; none is ever deleted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from analyzer.store import events
from analyzer.store.database import Database, StoreError
from analyzer.store.events import Change, Data
from analyzer.store.passwords import Passwords, shared_passwords
from analyzer.store.principal import ROLES, SINGLE_USER, Principal, Role, needs, require, rights
from analyzer.store.records import Clock, UnknownInstitutionError, moment, now
from analyzer.store.tables import ACCOUNTS, ASSIGNMENTS, INSTITUTIONS, SESSIONS

AccountRefusal = Literal[
    "login",
    "login_taken",
    "name",
    "role",
    "unassignable",
    "email",
    "email_taken",
    "not_first",
    "enough",
    "not_participant",
]
ACCOUNT: Final = "account"
"""The kind of an event that concerns an account; its key is the login."""
_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,62}[a-z0-9]")
_RESERVED: Final = frozenset({SINGLE_USER.login})
_EMAIL: Final = re.compile(r"[!-?A-~]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
_LONGEST_EMAIL: Final = 254
_LONGEST_NAME: Final = 200


class UnknownAccountError(StoreError):
    """There is no account of that login."""


class LastAdministratorError(StoreError):
    """Nobody could manage accounts any more."""


class AccountRefusedError(StoreError):
    """An account that cannot be as it was wanted. reason: as a word for the screen."""

    def __init__(self, reason: AccountRefusal, message: str) -> None:
        self.reason: AccountRefusal = reason
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its administrator sees it: no password in any form.

    institutions: ids assigned, sorted. must_change: its first password has not been replaced yet. locked_until: the
    moment (UTC) up to which log-ins are refused after too many wrong passwords, None where that was never so.
    """

    login: str
    name: str
    role: Role
    institutions: tuple[str, ...]
    email: str | None
    must_change: bool
    disabled: bool
    locked_until: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Handover:
    """An account and the first password to hand over. The password is kept nowhere: it can only be shown now."""

    account: Account
    first_password: str

    def __repr__(self) -> str:
        # A log or a traceback that shows the record does not show the secret.
        return f"Handover({self.account.login!r})"


@dataclass(frozen=True, slots=True)
class NewParticipant:
    """An account of role `institution` that is wanted for one institution."""

    login: str
    name: str
    institution: str
    email: str | None = None


_Changing = Callable[[Connection, Account], None]
# Within the class the word stands for its method.
_AccountList = list[Account]


class Accounts:
    """The accounts of a store. Safe to share between threads."""

    def __init__(self, database: Database, clock: Clock = now, passwords: Passwords | None = None) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords or shared_passwords()

    @needs("accounts")
    def bootstrap(
        self, principal: Principal, login: str, name: str, email: str | None = None, *, source: str = "command"
    ) -> Handover:
        """Make the first administrator. Raises AccountRefusedError where there is any account already.

        For whoever holds the database itself; not to be offered to visitors of a served app.
        """
        require(principal, "accounts")
        account = _checked(login, name, "administrator", (), email)
        return self._create(principal, account, source, first=True)

    @needs("accounts")
    def list(self, principal: Principal) -> _AccountList:
        """Every account, by login."""
        require(principal, "accounts")
        with self._database.reading() as connection:
            return _read_all(connection)

    @needs("accounts")
    def create(
        self,
        principal: Principal,
        login: str,
        name: str,
        role: Role,
        institutions: Collection[str] = (),
        email: str | None = None,
        *,
        source: str = "app",
    ) -> Handover:
        """Make an account with a random first password, which has to be replaced at the first log-in.

        Raises AccountRefusedError, e.g. for a login that is taken, and UnknownInstitutionError.
        """
        require(principal, "accounts")
        return self._create(principal, _checked(login, name, role, institutions, email), source)

    @needs("accounts")
    def set_role(self, principal: Principal, login: str, role: Role, *, source: str = "app") -> Account:
        """Give another role. A role that is for every institution has no assignments: those that there are end."""
        require(principal, "accounts")
        _require_role(role)

        def change(connection: Connection, account: Account) -> None:
            if role != "administrator":
                _keep_an_administrator(connection, account)
            _set(connection, account.login, role=role)
            if rights()[role].everywhere:
                connection.execute(delete(ASSIGNMENTS).where(ASSIGNMENTS.c.login == account.login))

        return self._change(principal, login, "set_role", source, change)

    @needs("accounts")
    def set_email(self, principal: Principal, login: str, email: str | None, *, source: str = "app") -> Account:
        """Set or remove the e-mail address, by which a log-in at the organisation's own provider finds the account."""
        require(principal, "accounts")
        wanted = _email(email)

        def change(connection: Connection, account: Account) -> None:
            if wanted is not None and wanted != account.email:
                _require_free_email(connection, wanted)
            _set(connection, account.login, email=wanted)

        return self._change(principal, login, "set_email", source, change)

    @needs("accounts")
    def assign(self, principal: Principal, login: str, institution: str, *, source: str = "app") -> Account:
        """Assign an institution. Raises UnknownInstitutionError, AccountRefusedError for a role that reads all."""
        require(principal, "accounts")

        def change(connection: Connection, account: Account) -> None:
            _require_assignable(account.role, [institution])
            _require_institutions(connection, [institution])
            if institution not in account.institutions:
                connection.execute(insert(ASSIGNMENTS).values(login=account.login, institution=institution))

        return self._change(principal, login, "assign", source, change)

    @needs("accounts")
    def unassign(self, principal: Principal, login: str, institution: str, *, source: str = "app") -> Account:
        """Take an assignment back; one that is not there changes nothing."""
        require(principal, "accounts")

        def change(connection: Connection, account: Account) -> None:
            connection.execute(
                delete(ASSIGNMENTS).where(
                    ASSIGNMENTS.c.login == account.login, ASSIGNMENTS.c.institution == institution
                )
            )

        return self._change(principal, login, "unassign", source, change)

    @needs("accounts")
    def disable(self, principal: Principal, login: str, *, source: str = "app") -> Account:
        """Refuse its log-ins and end its sessions at once. Raises LastAdministratorError."""
        require(principal, "accounts")

        def change(connection: Connection, account: Account) -> None:
            _keep_an_administrator(connection, account)
            _set(connection, account.login, disabled=True)
            connection.execute(delete(SESSIONS).where(SESSIONS.c.login == account.login))

        return self._change(principal, login, "disable", source, change)

    @needs("accounts")
    def enable(self, principal: Principal, login: str, *, source: str = "app") -> Account:
        """Let it log in again, also where wrong passwords have locked it."""
        require(principal, "accounts")

        def change(connection: Connection, account: Account) -> None:
            _set(connection, account.login, disabled=False, failures=0, locked_until=None)

        return self._change(principal, login, "enable", source, change)

    @needs("accounts")
    def reset_password(self, principal: Principal, login: str, *, source: str = "app") -> Handover:
        """Give a new first password, end its sessions and lift a lock. A disabled account stays disabled."""
        require(principal, "accounts")
        return self._reset_password(principal, login, source)

    @needs("run_programme")
    def participant_accounts(self, principal: Principal) -> _AccountList:
        """Every account of role `institution`, by login."""
        require(principal, "run_programme")
        with self._database.reading() as connection:
            return _read_all(connection, "institution")

    @needs("run_programme")
    def create_participant_account(
        self,
        principal: Principal,
        login: str,
        name: str,
        institution: str,
        email: str | None,
        most: int,
        *,
        source: str = "app",
    ) -> Handover:
        """Make an account of role `institution` for one institution; otherwise as `create`.

        most: how many such accounts that are not disabled an institution may have. Raises AccountRefusedError where it
        has them already.
        """
        require(principal, "run_programme")
        wanted = NewParticipant(login, name, institution, email)
        return self.create_participant_accounts(principal, [wanted], most, source=source)[0]

    @needs("run_programme")
    def create_participant_accounts(
        self,
        principal: Principal,
        wanted: Sequence[NewParticipant],
        most: int,
        *,
        source: str = "app",
        progress: Callable[[int], object] | None = None,
    ) -> tuple[Handover, ...]:
        """Make many, all or none, as `create_participant_account` makes one; in the order in which they are wanted.

        Each takes a hash, which takes its time (some 50 ms), before the store is locked. progress: told how many
        hashes are made.
        """
        require(principal, "run_programme")
        checked = [_checked(each.login, each.name, "institution", [each.institution], each.email) for each in wanted]
        with self._database.reading() as connection:
            # Asked here so that nobody waits for hashes in vain, and again below, where it counts.
            _require_free(connection, checked, most)
        made = []
        for number, account in enumerate(checked, start=1):
            made.append((account, *self._first(account.login)))
            if progress is not None:
                progress(number)
        with self._database.writing() as connection:
            events.lock(connection)
            _require_free(connection, checked, most)
            return tuple(
                Handover(self._insert(connection, principal, account, kept, source), first)
                for account, first, kept in made
            )

    @needs("run_programme")
    def reset_participant_password(self, principal: Principal, login: str, *, source: str = "app") -> Handover:
        """Give a new first password, as `reset_password`, to an account of role `institution` that has one institution.

        Others, and one that has several, are for the administrator: raises AccountRefusedError.
        """
        require(principal, "run_programme")
        return self._reset_password(principal, login, source, _require_participant)

    @needs("run_programme")
    def disable_participant(self, principal: Principal, login: str, *, source: str = "app") -> Account:
        """Refuse the log-ins of an account of one institution, as `disable`: its person has changed.

        Raises AccountRefusedError for any other account. Only an administrator lets it in again.
        """
        require(principal, "run_programme")

        def change(connection: Connection, account: Account) -> None:
            _require_participant(account)
            _set(connection, account.login, disabled=True)
            connection.execute(delete(SESSIONS).where(SESSIONS.c.login == account.login))

        return self._change(principal, login, "disable", source, change)

    def _reset_password(
        self, principal: Principal, login: str, source: str, check: Callable[[Account], None] | None = None
    ) -> Handover:
        first, kept = self._first(normal_login(login))

        def change(connection: Connection, account: Account) -> None:
            if check is not None:
                check(account)
            before = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.login == account.login)).one()
            _set(
                connection,
                account.login,
                password=kept,
                previous_password=previous_password(before),
                must_change=True,
                failures=0,
                locked_until=None,
            )
            connection.execute(delete(SESSIONS).where(SESSIONS.c.login == account.login))

        return Handover(self._change(principal, login, "reset_password", source, change, always=True), first)

    def _create(self, principal: Principal, wanted: Account, source: str, *, first: bool = False) -> Handover:
        password, kept = self._first(wanted.login)
        with self._database.writing() as connection:
            events.lock(connection)
            if first and connection.execute(select(ACCOUNTS.c.login).limit(1)).first() is not None:
                raise AccountRefusedError(
                    "not_first", "there are accounts already; an administrator makes further ones"
                )
            _require_free(connection, [wanted])
            made = self._insert(connection, principal, wanted, kept, source)
        return Handover(made, password)

    def _first(self, login: str) -> tuple[str, str]:
        """A first password, and what is kept of it. Takes its time: not to be asked for while the store is locked."""
        first = self._passwords.first(login)
        return first, self._passwords.hash(first)

    def _insert(self, connection: Connection, principal: Principal, wanted: Account, kept: str, source: str) -> Account:
        """Write an account that `_require_free` has nothing against, with its event."""
        at = moment(self._clock())
        connection.execute(
            insert(ACCOUNTS).values(
                login=wanted.login,
                name=wanted.name,
                role=wanted.role,
                email=wanted.email,
                password=kept,
                previous_password=None,
                must_change=True,
                disabled=False,
                failures=0,
                locked_until=None,
                created_at=at,
            )
        )
        for institution in wanted.institutions:
            connection.execute(insert(ASSIGNMENTS).values(login=wanted.login, institution=institution))
        made = replace(wanted, created_at=at)
        said = Change("create", None, ACCOUNT, made.login, None, recorded(made), source)
        events.append(connection, principal.login, at, [said])
        return made

    def _change(
        self, principal: Principal, login: str, action: str, source: str, change: _Changing, *, always: bool = False
    ) -> Account:
        """Change an account and say so in the trail; a change that changes nothing is no event unless `always`."""
        with self._database.writing() as connection:
            events.lock(connection)
            before = account_of(connection, normal_login(login))
            if before is None:
                raise UnknownAccountError(f"no account {normal_login(login)!r}")
            change(connection, before)
            after = account_of(connection, before.login)
            assert after is not None
            if always or after != before:
                said = Change(action, None, ACCOUNT, after.login, recorded(before), recorded(after), source)
                events.append(connection, principal.login, moment(self._clock()), [said])
        return after


def normal_login(login: str) -> str:
    """The one way of writing a login: narrow, lower case, without spaces around it."""
    return unicodedata.normalize("NFKC", login).strip().lower()


def previous_password(row: Row[Any]) -> str | None:
    """What is to be kept as the one before when an account (a row of ACCOUNTS) gets another password.

    A first password, which nobody chose, does not take the place of the last one that the owner did choose: otherwise
    a reset would open the way back to it.
    """
    kept: str | None = row.previous_password if row.must_change and row.previous_password else row.password
    return kept


def account_of(connection: Connection, login: str) -> Account | None:
    """An account as it stands, None where there is none."""
    row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.login == login)).one_or_none()
    return _account(row, assigned_to(connection, login)) if row is not None else None


def _read_all(connection: Connection, role: Role | None = None) -> _AccountList:
    """Every account, or those of a role, by login."""
    assigned: dict[str, list[str]] = {}
    for row in connection.execute(select(ASSIGNMENTS).order_by(ASSIGNMENTS.c.institution)):
        assigned.setdefault(row.login, []).append(row.institution)
    query = select(ACCOUNTS).order_by(ACCOUNTS.c.login)
    if role is not None:
        query = query.where(ACCOUNTS.c.role == role)
    return [_account(row, assigned.get(row.login, ())) for row in connection.execute(query)]


def assigned_to(connection: Connection, login: str) -> tuple[str, ...]:
    """The institutions assigned to a login, sorted."""
    query = select(ASSIGNMENTS.c.institution).where(ASSIGNMENTS.c.login == login).order_by(ASSIGNMENTS.c.institution)
    return tuple(connection.execute(query).scalars())


def recorded(account: Account) -> Data:
    """What an event says of an account."""
    return {
        "name": account.name,
        "role": account.role,
        "institutions": list(account.institutions),
        "email": account.email,
        "must_change": account.must_change,
        "disabled": account.disabled,
        "locked_until": account.locked_until,
    }


def _account(row: Row[Any], institutions: Iterable[str]) -> Account:
    return Account(
        login=row.login,
        name=row.name,
        role=row.role,
        institutions=tuple(institutions),
        email=row.email,
        must_change=row.must_change,
        disabled=row.disabled,
        locked_until=row.locked_until,
        created_at=row.created_at,
    )


def _set(connection: Connection, login: str, **values: Any) -> None:
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.login == login).values(**values))


def _checked(login: str, name: str, role: Role, institutions: Collection[str], email: str | None) -> Account:
    """A new account as it would stand. Raises StoreError for the first thing that is not right."""
    normal = normal_login(login)
    if not _LOGIN.fullmatch(normal) or normal in _RESERVED:
        raise AccountRefusedError(
            "login", f"{login!r}: is not a login: 3 to 64 of a-z, 0-9 and . _ @ -, a letter or digit at both ends"
        )
    shown = name.strip()
    if not shown or len(shown) > _LONGEST_NAME or not shown.isprintable():
        raise AccountRefusedError(
            "name", f"{normal}: the name must be 1 to {_LONGEST_NAME} characters without control characters"
        )
    _require_role(role)
    wanted = tuple(sorted(set(institutions)))
    _require_assignable(role, wanted)
    return Account(normal, shown, role, wanted, _email(email), True, False, None, "")


def _email(email: str | None) -> str | None:
    if email is None or not email.strip():
        return None
    normal = email.strip().lower()
    if len(normal) > _LONGEST_EMAIL or not _EMAIL.fullmatch(normal):
        raise AccountRefusedError("email", f"{email!r}: is not an e-mail address")
    return normal


def _require_participant(account: Account) -> None:
    if account.role != "institution" or len(account.institutions) != 1:
        raise AccountRefusedError(
            "not_participant", f"{account.login}: is not the account of one institution; ask an administrator"
        )


def _require_role(role: str) -> None:
    if role not in ROLES:
        raise AccountRefusedError("role", f"{role!r}: is not a role; the roles are {', '.join(ROLES)}")


def _require_assignable(role: Role, institutions: Collection[str]) -> None:
    if institutions and rights()[role].everywhere:
        raise AccountRefusedError("unassignable", f"the role {role} is for every institution; none is assigned to it")


def _require_free(connection: Connection, wanted: Sequence[Account], most: int | None = None) -> None:
    """Raise AccountRefusedError or UnknownInstitutionError for the first of new accounts that cannot be made.

    most: enabled accounts of role `institution` that an institution may have with them, None for any number.
    """
    logins: set[str] = set()
    emails: set[str] = set()
    counts: dict[str, int] = {}
    for account in wanted:
        taken = connection.execute(select(ACCOUNTS.c.login).where(ACCOUNTS.c.login == account.login)).first()
        if taken or account.login in logins:
            raise AccountRefusedError("login_taken", f"{account.login}: there is an account of that login already")
        if account.email is not None:
            if account.email in emails:
                raise AccountRefusedError("email_taken", f"{account.email}: is wanted for two accounts")
            _require_free_email(connection, account.email)
            emails.add(account.email)
        _require_institutions(connection, account.institutions)
        logins.add(account.login)
        if most is None:
            continue
        for institution in account.institutions:
            if institution not in counts:
                counts[institution] = _enabled_of(connection, institution)
            counts[institution] += 1
            if counts[institution] > most:
                raise AccountRefusedError("enough", f"{account.login}: {institution} has {most} accounts already")


def _enabled_of(connection: Connection, institution: str) -> int:
    """How many accounts of role `institution` that are not disabled an institution has."""
    query = (
        select(func.count())
        .select_from(ASSIGNMENTS.join(ACCOUNTS, ACCOUNTS.c.login == ASSIGNMENTS.c.login))
        .where(
            ASSIGNMENTS.c.institution == institution,
            ACCOUNTS.c.role == "institution",
            ACCOUNTS.c.disabled.is_(False),
        )
    )
    return int(connection.execute(query).scalar_one())


def _require_free_email(connection: Connection, email: str) -> None:
    # A provider's log-in finds an account by its address, so that no two accounts may have the same.
    taken = connection.execute(select(ACCOUNTS.c.login).where(ACCOUNTS.c.email == email)).scalars().first()
    if taken is not None:
        raise AccountRefusedError("email_taken", f"{email}: is the e-mail address of the account {taken!r} already")


def _require_institutions(connection: Connection, institutions: Iterable[str]) -> None:
    for institution in institutions:
        if connection.execute(select(INSTITUTIONS.c.id).where(INSTITUTIONS.c.id == institution)).first() is None:
            raise UnknownInstitutionError(f"no institution {institution!r} in the store")


def _keep_an_administrator(connection: Connection, account: Account) -> None:
    """Raise LastAdministratorError where this is the only administrator that can sign in."""
    if account.role != "administrator" or account.disabled:
        return
    others = select(func.count()).where(
        ACCOUNTS.c.role == "administrator", ACCOUNTS.c.disabled.is_(False), ACCOUNTS.c.login != account.login
    )
    if connection.execute(others).scalar_one() == 0:
        raise LastAdministratorError(f"{account.login}: is the last administrator; make another one first")
