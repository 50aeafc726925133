"""Accounts, passwords, log-ins and sessions, on both databases."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert, select

from analyzer.store import events
from analyzer.store.accounts import (
    AccountRefusedError,
    Accounts,
    Handover,
    LastAdministratorError,
    NewParticipant,
    UnknownAccountError,
)
from analyzer.store.database import Database, StoreError
from analyzer.store.events import Event
from analyzer.store.passwords import PasswordRefusedError, Passwords, sign_in_policy
from analyzer.store.principal import SINGLE_USER, ForbiddenError, Principal, may, require
from analyzer.store.records import UnknownInstitutionError
from analyzer.store.signing_in import (
    LogInRefusedError,
    ProviderRefusedError,
    Session,
    SessionEndedError,
    SigningIn,
)
from analyzer.store.tables import ACCOUNTS, EVENTS, INSTITUTIONS, SESSIONS

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
POLICY = sign_in_policy()
CHOSEN = "sakura-no-hana-7"


@dataclass
class Clock:
    """A clock that the test sets."""

    at: datetime = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class House:
    """A store with accounts, and the ways in."""

    database: Database
    clock: Clock
    passwords: Passwords = field(default_factory=lambda: Passwords(hasher=CHEAP))

    @property
    def accounts(self) -> Accounts:
        return Accounts(self.database, self.clock, self.passwords)

    @property
    def signing_in(self) -> SigningIn:
        return SigningIn(self.database, self.clock, self.passwords)

    def settled(self, login: str, role: str = "auditor", password: str = CHOSEN, **more: Any) -> Session:
        """An account whose first password has been replaced, signed in."""
        made = self.accounts.create(SINGLE_USER, login, login.title(), role, **more)  # type: ignore[arg-type]
        session = self.signing_in.log_in(login, made.first_password)
        self.signing_in.change_password(session.token, made.first_password, password)
        return session

    def trail(self, login: str) -> list[Event]:
        with self.database.reading() as connection:
            return events.history(connection, None, ["account"], login)[::-1]


@pytest.fixture
def house(store_location: str) -> Iterator[House]:
    database = Database.open(store_location)
    with database.writing() as connection:
        for identity in ("clinic-a", "clinic-b"):
            connection.execute(insert(INSTITUTIONS).values(id=identity, created_at="2026-11-01T00:00:00.000000Z"))
    yield House(database, Clock())
    database.close()


# -- accounts ---------------------------------------------------------------------------------------------------------


def test_an_account_is_made_with_a_first_password_that_only_its_maker_sees(house: House) -> None:
    made = house.accounts.create(
        SINGLE_USER, " Sato.Hanako ", "佐藤 花子", "institution", ["clinic-a"], "Hanako@Example.JP"
    )
    account = made.account
    assert (account.login, account.name, account.email) == ("sato.hanako", "佐藤 花子", "hanako@example.jp")
    assert (account.role, account.institutions, account.must_change) == ("institution", ("clinic-a",), True)
    assert house.accounts.list(SINGLE_USER) == [account]
    assert not house.passwords.refusals(made.first_password, account.login)
    assert made.first_password not in repr(made)
    with house.database.reading() as connection:
        everything = [repr(row) for table in (ACCOUNTS, EVENTS) for row in connection.execute(select(table))]
    assert not any(made.first_password in text for text in everything)
    assert house.signing_in.log_in("SATO.Hanako", made.first_password).must_change


def test_every_change_is_an_event_that_holds_no_secret(house: House) -> None:
    accounts = house.accounts
    accounts.create(SINGLE_USER, "tanaka", "田中", "consultant")
    accounts.assign(SINGLE_USER, "tanaka", "clinic-a")
    accounts.assign(SINGLE_USER, "tanaka", "clinic-a")
    accounts.unassign(SINGLE_USER, "tanaka", "clinic-a")
    accounts.set_role(SINGLE_USER, "tanaka", "auditor")
    accounts.set_email(SINGLE_USER, "tanaka", "t@example.jp")
    accounts.disable(SINGLE_USER, "tanaka")
    accounts.enable(SINGLE_USER, "tanaka")
    accounts.reset_password(SINGLE_USER, "tanaka", source="command")
    trail = house.trail("tanaka")
    assert [event.change.action for event in trail] == [
        "create",
        "assign",
        "unassign",
        "set_role",
        "set_email",
        "disable",
        "enable",
        "reset_password",
    ], "what changes nothing is no event"
    assert {event.actor for event in trail} == {SINGLE_USER.login}
    assert trail[-1].change.source == "command"
    role = trail[3].change
    assert role.before is not None
    assert role.after is not None
    assert (role.before["role"], role.after["role"]) == ("consultant", "auditor")
    with house.database.reading() as connection:
        assert "argon2" not in repr(connection.execute(select(EVENTS)).all())
        assert not events.verify(connection).faults


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"login": "ab"}, "is not a login"),
        ({"login": "佐藤"}, "is not a login"),
        ({"login": "?"}, "is not a login"),
        ({"login": "single-user"}, "is not a login"),
        ({"login": "taken"}, "already"),
        ({"name": " "}, "the name"),
        ({"name": "a\nb"}, "the name"),
        ({"role": "owner"}, "is not a role"),
        ({"email": "nobody"}, "is not an e-mail"),
        ({"email": "TAKEN@example.jp"}, "already"),
        ({"role": "auditor", "institutions": ["clinic-a"]}, "is for every institution"),
        ({"institutions": ["clinic-z"]}, "no institution 'clinic-z'"),
    ],
)
def test_an_account_that_cannot_be_is_refused_and_nothing_is_left_of_it(
    house: House, wrong: dict[str, Any], told: str
) -> None:
    house.accounts.create(SINGLE_USER, "taken", "先の人", "consultant", email="taken@example.jp")
    before = (house.accounts.list(SINGLE_USER), house.trail("taken"))
    with pytest.raises(StoreError, match=told):
        house.accounts.create(SINGLE_USER, **{"login": "newcomer", "name": "新しい人", "role": "consultant", **wrong})
    assert (house.accounts.list(SINGLE_USER), house.trail("taken")) == before


def test_what_is_asked_of_an_account_that_is_not_there_is_refused(house: House) -> None:
    with pytest.raises(UnknownAccountError, match="nobody"):
        house.accounts.disable(SINGLE_USER, "nobody")
    house.accounts.create(SINGLE_USER, "tanaka", "田中", "consultant")
    with pytest.raises(UnknownInstitutionError, match="clinic-z"):
        house.accounts.assign(SINGLE_USER, "tanaka", "clinic-z")


def test_a_role_that_reads_everything_keeps_no_assignments(house: House) -> None:
    house.accounts.create(SINGLE_USER, "tanaka", "田中", "consultant", ["clinic-a"])
    assert house.accounts.set_role(SINGLE_USER, "tanaka", "auditor").institutions == ()
    assert house.accounts.set_role(SINGLE_USER, "tanaka", "consultant").institutions == ()


def test_the_first_administrator_is_made_only_where_there_is_no_account(house: House) -> None:
    assert not house.signing_in.has_accounts()

    def bootstrap(number: int) -> Handover | None:
        try:
            return house.accounts.bootstrap(SINGLE_USER, f"admin{number}", "管理者")
        except StoreError:
            return None

    with ThreadPoolExecutor(6) as pool:
        made = [done for done in pool.map(bootstrap, range(6)) if done]
    assert len(made) == 1
    assert made[0].account.role == "administrator"
    assert house.signing_in.has_accounts()
    assert [account.login for account in house.accounts.list(SINGLE_USER)] == [made[0].account.login]


def test_the_last_administrator_stays(house: House) -> None:
    house.accounts.bootstrap(SINGLE_USER, "first", "管理者")
    house.accounts.create(SINGLE_USER, "second", "次の管理者", "administrator")
    house.accounts.disable(SINGLE_USER, "second")
    for lose in (house.accounts.disable, lambda who, login: house.accounts.set_role(who, login, "auditor")):
        with pytest.raises(LastAdministratorError, match="first"):
            lose(SINGLE_USER, "first")
    house.accounts.enable(SINGLE_USER, "second")
    # Two that step down at once: one of them may.
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(house.accounts.disable, SINGLE_USER, login) for login in ("first", "second")]
    assert sorted(type(done.exception()).__name__ for done in asked) == ["LastAdministratorError", "NoneType"]


# -- accounts that a secretariat makes --------------------------------------------------------------------------------

OFFICE = Principal("office", "事務局", "secretariat")


def participants(house: House) -> list[tuple[str, tuple[str, ...]]]:
    return [(account.login, account.institutions) for account in house.accounts.participant_accounts(OFFICE)]


def test_a_secretariat_makes_accounts_of_institutions_up_to_the_number_that_is_allowed(house: House) -> None:
    accounts = house.accounts
    accounts.create(SINGLE_USER, "adviser", "助言者", "consultant", ["clinic-a"])
    made = accounts.create_participant_account(OFFICE, " Sato ", "佐藤", "clinic-a", "sato@example.jp", 1)
    assert (made.account.login, made.account.role, made.account.institutions) == ("sato", "institution", ("clinic-a",))
    assert house.accounts.list(SINGLE_USER)[1] == made.account
    assert house.signing_in.log_in("sato", made.first_password).must_change
    (event,) = [event for event in house.trail("sato") if event.change.action == "create"]
    assert event.actor == "office" and event.change.before is None
    with pytest.raises(AccountRefusedError, match="clinic-a has 1 accounts already") as refused:
        accounts.create_participant_account(OFFICE, "suzuki", "鈴木", "clinic-a", None, 1)
    assert refused.value.reason == "enough"
    accounts.create_participant_account(OFFICE, "suzuki", "鈴木", "clinic-a", None, 2)
    accounts.disable(SINGLE_USER, "sato")
    accounts.create_participant_account(OFFICE, "tanaka", "田中", "clinic-a", None, 2)
    assert participants(house) == [(login, ("clinic-a",)) for login in ("sato", "suzuki", "tanaka")]


def test_many_accounts_are_made_at_once_or_none(house: House) -> None:
    wanted = [NewParticipant(f"user{n}", f"担当{n}", f"clinic-{'ab'[n % 2]}", f"u{n}@example.jp") for n in range(6)]
    house.accounts.create_participant_account(OFFICE, "taken", "先の人", "clinic-a", "taken@example.jp", 9)
    before = (participants(house), _last_event(house))
    told: list[int] = []
    wrong: list[tuple[NewParticipant, int, str]] = [
        (NewParticipant("taken", "新", "clinic-a"), 9, "login_taken"),
        (NewParticipant("USER3", "新", "clinic-a"), 9, "login_taken"),
        (NewParticipant("new", "新", "clinic-a", "taken@example.jp"), 9, "email_taken"),
        (NewParticipant("new", "新", "clinic-a", "U3@example.jp"), 9, "email_taken"),
        (NewParticipant("new", "新", "clinic-b"), 3, "enough"),
        (NewParticipant("x", "新", "clinic-b"), 9, "login"),
        (NewParticipant("new", " ", "clinic-b"), 9, "name"),
    ]
    for last, most, reason in wrong:
        with pytest.raises(AccountRefusedError) as refused:
            house.accounts.create_participant_accounts(OFFICE, [*wanted, last], most, progress=told.append)
        assert refused.value.reason == reason
    with pytest.raises(UnknownInstitutionError):
        somewhere = NewParticipant("new", "新", "clinic-z")
        house.accounts.create_participant_accounts(OFFICE, [*wanted, somewhere], 9, progress=told.append)
    assert told == [], "nobody waits for hashes in vain"
    assert (participants(house), _last_event(house)) == before
    made = house.accounts.create_participant_accounts(OFFICE, wanted, 4, progress=told.append)
    assert told == [1, 2, 3, 4, 5, 6]
    assert [(each.account.login, each.account.institutions[0]) for each in made] == [
        (each.login, each.institution) for each in wanted
    ]
    assert len({each.first_password for each in made}) == 6
    for each in made:
        assert house.signing_in.log_in(each.account.login, each.first_password).must_change
    assert house.accounts.create_participant_accounts(OFFICE, [], 1) == ()


def test_what_becomes_taken_while_hashes_are_made_is_refused(house: House) -> None:
    def meanwhile(_made: int) -> None:
        house.accounts.create(SINGLE_USER, "rival", "先の人", "institution", ["clinic-a"])

    wanted = [NewParticipant("late", "後の人", "clinic-a")]
    with pytest.raises(AccountRefusedError) as refused:
        house.accounts.create_participant_accounts(OFFICE, wanted, 1, progress=meanwhile)
    assert refused.value.reason == "enough"
    assert participants(house) == [("rival", ("clinic-a",))]


def test_a_secretariat_resets_passwords_of_accounts_of_one_institution_only(house: House) -> None:
    accounts = house.accounts
    first = accounts.create_participant_account(OFFICE, "sato", "佐藤", "clinic-a", None, 1).first_password
    session = house.signing_in.log_in("sato", first)
    again = accounts.reset_participant_password(OFFICE, "SATO").first_password
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(session.token)
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("sato", first)
    assert house.signing_in.log_in("sato", again).must_change
    accounts.create(SINGLE_USER, "chief", "管理者", "administrator")
    accounts.create(SINGLE_USER, "colleague", "同僚", "secretariat")
    accounts.create(SINGLE_USER, "adviser", "助言者", "consultant", ["clinic-a"])
    accounts.create(SINGLE_USER, "group", "二つの担当", "institution", ["clinic-a", "clinic-b"])
    accounts.create(SINGLE_USER, "nobody", "担当なし", "institution")
    before = _last_event(house)
    for login in ("chief", "colleague", "adviser", "group", "nobody"):
        with pytest.raises(AccountRefusedError) as refused:
            accounts.reset_participant_password(OFFICE, login)
        assert refused.value.reason == "not_participant"
        with pytest.raises(AccountRefusedError):
            accounts.disable_participant(OFFICE, login)
    with pytest.raises(UnknownAccountError):
        accounts.reset_participant_password(OFFICE, "ghost")
    assert _last_event(house) == before


def test_a_secretariat_stops_the_account_of_a_person_who_left_and_makes_the_successor_s(house: House) -> None:
    accounts = house.accounts
    first = accounts.create_participant_account(OFFICE, "sato", "佐藤", "clinic-a", None, 1).first_password
    session = house.signing_in.log_in("sato", first)
    with pytest.raises(AccountRefusedError):
        accounts.create_participant_account(OFFICE, "suzuki", "鈴木", "clinic-a", None, 1)
    assert accounts.disable_participant(OFFICE, "sato").disabled
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(session.token)
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("sato", first)
    assert accounts.create_participant_account(OFFICE, "suzuki", "鈴木", "clinic-a", None, 1).account.institutions == (
        "clinic-a",
    )


def _last_event(house: House) -> int:
    with house.database.reading() as connection:
        return events.verify(connection).last


# -- passwords --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "refused"),
    [
        ("short1", {"short"}),
        ("onlyletters", {"digit"}),
        ("1234567890", {"letter"}),
        ("my-Tanaka-99", {"login"}),
        ("ｓｈｏｒｔ１", {"short"}),
        ("a1" * 129, {"long"}),
        ("good-enough-1", set()),
        ("十分に長い合言葉９", set()),
    ],
)
def test_what_is_asked_of_a_password(password: str, refused: set[str]) -> None:
    assert set(Passwords(hasher=CHEAP).refusals(password, "tanaka")) == refused


def test_a_tightened_policy_is_kept_by_first_passwords_too() -> None:
    strict = Passwords(dataclasses.replace(POLICY, min_length=40, needs=("letter", "digit", "symbol")), CHEAP)
    assert set(strict.refusals("abcdefgh1", "tanaka")) == {"short", "symbol"}
    made = {strict.first("tanaka") for _ in range(20)}
    assert len(made) == 20
    assert not any(strict.refusals(each, "tanaka") for each in made)


def test_the_password_in_force_and_the_one_before_cannot_be_chosen(house: House) -> None:
    session = house.settled("tanaka")
    with pytest.raises(PasswordRefusedError) as refused:
        house.signing_in.change_password(session.token, CHOSEN, CHOSEN)
    assert refused.value.refusals == ("in_force",)
    house.signing_in.change_password(session.token, CHOSEN, "himawari-2026")
    with pytest.raises(PasswordRefusedError) as refused:
        house.signing_in.change_password(session.token, "himawari-2026", CHOSEN)
    assert refused.value.refusals == ("previous",)
    # A new first password does not open the way back either.
    again = house.accounts.reset_password(SINGLE_USER, "tanaka").first_password
    token = house.signing_in.log_in("tanaka", again).token
    for old in (again, "himawari-2026"):
        with pytest.raises(PasswordRefusedError):
            house.signing_in.change_password(token, again, old)
    house.signing_in.change_password(token, again, "asagao-to-ame-3")
    assert not house.signing_in.log_in("tanaka", "asagao-to-ame-3").must_change


def test_a_first_password_in_between_does_not_bring_the_one_before_back(house: House) -> None:
    house.settled("tanaka")
    for resets in (1, 2):
        for _ in range(resets):
            first = house.accounts.reset_password(SINGLE_USER, "tanaka").first_password
        token = house.signing_in.log_in("tanaka", first).token
        with pytest.raises(PasswordRefusedError):
            house.signing_in.change_password(token, first, CHOSEN)
    house.signing_in.change_password(token, first, "himawari-2026")
    with pytest.raises(PasswordRefusedError) as refused:
        house.signing_in.change_password(token, "himawari-2026", CHOSEN)
    assert refused.value.refusals == ("previous",)
    house.signing_in.change_password(token, "himawari-2026", "asagao-to-ame-3")
    house.signing_in.change_password(token, "asagao-to-ame-3", CHOSEN)


def test_wide_and_narrow_characters_are_the_same_password(house: House) -> None:
    house.settled("tanaka", password="ｈｉｍａｗａｒｉ２０２６")
    assert house.signing_in.log_in("ＴＡＮＡＫＡ", "himawari2026")


def test_a_hash_of_another_cost_is_renewed_at_the_next_log_in(house: House) -> None:
    house.settled("tanaka")
    dearer = Passwords(hasher=PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    SigningIn(house.database, house.clock, dearer).log_in("tanaka", CHOSEN)
    with house.database.reading() as connection:
        kept = connection.execute(select(ACCOUNTS.c.password)).scalar_one()
    assert "m=16,t=2" in kept
    assert dearer.matches(kept, CHOSEN)


def test_passwords_are_kept_with_argon2id_at_the_recommended_cost() -> None:
    kept = Passwords().hash(CHOSEN)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


# -- log-in -----------------------------------------------------------------------------------------------------------


def test_until_the_first_password_is_replaced_nothing_else_can_be_done(house: House) -> None:
    made = house.accounts.bootstrap(SINGLE_USER, "chief", "管理者")
    session = house.signing_in.log_in("chief", made.first_password)
    assert session.must_change
    held = house.signing_in.principal_of(session.token)
    with pytest.raises(ForbiddenError):
        house.accounts.list(held)
    assert not may(held, "read")
    house.signing_in.change_password(session.token, made.first_password, CHOSEN)
    held = house.signing_in.principal_of(session.token)
    assert [account.login for account in house.accounts.list(held)] == ["chief"]
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("chief", made.first_password)


def test_a_refusal_does_not_tell_why(house: House) -> None:
    house.settled("tanaka")
    house.settled("locked")
    house.settled("gone")
    house.accounts.disable(SINGLE_USER, "gone")
    for _ in range(POLICY.failures_before_lock):
        with pytest.raises(LogInRefusedError):
            house.signing_in.log_in("locked", "wrong-word-1")
    told = set()
    for login, password in [
        ("tanaka", "wrong-word-1"),
        ("tanaka", ""),
        ("tanaka", "x" * 100_000),
        ("tanaka", "\ud800\0"),
        ("nobody", CHOSEN),
        ("", ""),
        ("?", ""),
        ("locked", CHOSEN),
        ("gone", CHOSEN),
    ]:
        with pytest.raises(LogInRefusedError) as refused:
            house.signing_in.log_in(login, password)
        told.add(str(refused.value))
    assert len(told) == 1


def test_an_unknown_login_costs_as_much_as_a_wrong_password(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.settled("tanaka")
    done: list[str] = []
    verify = PasswordHasher.verify
    writing = Database.writing

    def seen(self: PasswordHasher, kept: str, password: bytes) -> bool:
        done.append(kept.rsplit("$", 2)[0])
        return verify(self, kept, password)

    def written(self: Database) -> Any:
        done.append("transaction")
        return writing(self)

    monkeypatch.setattr(PasswordHasher, "verify", seen)
    monkeypatch.setattr(Database, "writing", written)
    work = []
    for login in ("tanaka", "nobody"):
        done.clear()
        with pytest.raises(LogInRefusedError):
            house.signing_in.log_in(login, "wrong-word-1")
        work.append(list(done))
    assert work[0] == work[1]
    assert len(work[0]) == 3, "an attempt counted, a hash compared, a failure written"


def test_wrong_passwords_lock_for_a_while(house: House) -> None:
    house.settled("tanaka")
    other_process = SigningIn(house.database, house.clock, house.passwords)
    for number in range(POLICY.failures_before_lock):
        with pytest.raises(LogInRefusedError):
            (other_process if number % 2 else house.signing_in).log_in("tanaka", f"guess-{number}")
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("tanaka", CHOSEN)
    house.clock.pass_by(seconds=POLICY.lock.total_seconds() - 1)
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("tanaka", CHOSEN)
    house.clock.pass_by(seconds=1)
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("tanaka", "one-more-guess-1")
    assert house.signing_in.log_in("tanaka", CHOSEN), "after the lock the count begins anew"


def test_a_right_password_begins_the_count_anew(house: House) -> None:
    house.settled("tanaka")
    for _ in range(3):
        for number in range(POLICY.failures_before_lock - 1):
            with pytest.raises(LogInRefusedError):
                house.signing_in.log_in("tanaka", f"guess-{number}")
        assert house.signing_in.log_in("tanaka", CHOSEN)


def test_an_administrator_lifts_a_lock(house: House) -> None:
    house.settled("tanaka")
    for number in range(POLICY.failures_before_lock):
        with pytest.raises(LogInRefusedError):
            house.signing_in.log_in("tanaka", f"guess-{number}")
    assert house.accounts.list(SINGLE_USER)[0].locked_until is not None
    house.accounts.enable(SINGLE_USER, "tanaka")
    assert house.signing_in.log_in("tanaka", CHOSEN)


def test_guesses_that_come_at_once_are_not_more_than_may_fail(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.settled("tanaka")
    with house.database.reading() as connection:
        kept = connection.execute(select(ACCOUNTS.c.password)).scalar_one()
    tried: list[str] = []
    matches = Passwords.matches
    all_there = threading.Barrier(12)

    def seen(self: Passwords, given: str | None, password: str) -> bool:
        all_there.wait(30)
        if given == kept:
            tried.append(password)
        return matches(self, given, password)

    monkeypatch.setattr(Passwords, "matches", seen)

    def guess(number: int) -> None:
        with pytest.raises(LogInRefusedError):
            SigningIn(house.database, house.clock, house.passwords).log_in("tanaka", f"guess-{number}")

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(guess, range(12)))
    assert len(tried) == POLICY.failures_before_lock
    actions = [event.change.action for event in house.trail("tanaka")]
    assert actions.count("log_in_failed") == 12
    assert actions.count("lock") == 1


@pytest.mark.parametrize("meanwhile", ["disable", "reset_password"])
def test_a_log_in_that_an_administrator_overtakes_begins_no_session(
    house: House, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    house.settled("tanaka")
    matches = Passwords.matches

    def overtaken(self: Passwords, kept: str | None, password: str) -> bool:
        right = matches(self, kept, password)
        getattr(house.accounts, meanwhile)(SINGLE_USER, "tanaka")
        return right

    monkeypatch.setattr(Passwords, "matches", overtaken)
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("tanaka", CHOSEN)
    with house.database.reading() as connection:
        assert not connection.execute(select(SESSIONS)).all()


def test_log_ins_failures_and_locks_are_in_the_trail_without_what_was_typed(house: House) -> None:
    session = house.settled("tanaka")
    house.signing_in.log_out(session.token)
    for _ in range(POLICY.failures_before_lock + 1):
        with pytest.raises(LogInRefusedError):
            house.signing_in.log_in("tanaka", "Secret-typed-1")
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("Password-as-login-1", "x")
    actions = [event.change.action for event in house.trail("tanaka")]
    assert actions == [
        "create",
        "log_in",
        "change_password",
        "log_out",
        *["log_in_failed"] * POLICY.failures_before_lock,
        "lock",
        "log_in_failed",
    ]
    assert [event.change.after for event in house.trail("?")] == [{"way": "password", "reason": "unknown"}]
    with house.database.reading() as connection:
        written = repr(connection.execute(select(EVENTS)).all()).lower()
        assert not events.verify(connection).faults
    for secret in ("secret-typed", "password-as-login", CHOSEN, session.token.lower(), "argon2"):
        assert secret not in written


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_holds_todays_rights(house: House) -> None:
    session = house.settled("tanaka", "consultant", institutions=["clinic-a"])
    held = house.signing_in.principal_of(session.token)
    assert held == Principal("tanaka", "Tanaka", "consultant", frozenset({"clinic-a"}))
    house.accounts.assign(SINGLE_USER, "tanaka", "clinic-b")
    house.accounts.unassign(SINGLE_USER, "tanaka", "clinic-a")
    assert house.signing_in.principal_of(session.token).institutions == {"clinic-b"}
    house.accounts.set_role(SINGLE_USER, "tanaka", "auditor")
    require(house.signing_in.principal_of(session.token), "audit")


def test_of_a_token_only_the_hash_is_kept(house: House) -> None:
    session = house.settled("tanaka")
    assert len(session.token) >= 43
    assert session.token not in repr(session)
    with house.database.reading() as connection:
        kept = connection.execute(select(SESSIONS.c.token)).scalars().all()
    assert session.token not in kept
    for forged in (kept[0], "", session.token + "x", "provider." + session.token, "\ud800"):
        with pytest.raises(SessionEndedError):
            house.signing_in.principal_of(forged)


def test_a_session_ends_when_idle_and_in_any_case(house: House) -> None:
    session = house.settled("tanaka")
    began = house.clock.at
    while house.clock.at - began < POLICY.longest - POLICY.idle:
        house.clock.pass_by(seconds=POLICY.idle.total_seconds() - 61)
        house.signing_in.principal_of(session.token)
    house.clock.at = began + POLICY.longest - timedelta(seconds=1)
    house.signing_in.principal_of(session.token)
    house.clock.pass_by(seconds=1)
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(session.token)
    idle = house.signing_in.log_in("tanaka", CHOSEN)
    house.clock.pass_by(seconds=POLICY.idle.total_seconds())
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(idle.token)
    house.signing_in.log_in("tanaka", CHOSEN)
    with house.database.reading() as connection:
        assert len(connection.execute(select(SESSIONS)).all()) == 1, "ended sessions do not pile up"


def test_looking_at_a_session_writes_once_a_minute(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    session = house.settled("tanaka")
    writes = []
    writing = Database.writing
    monkeypatch.setattr(Database, "writing", lambda self: writes.append(house.clock.at) or writing(self))
    for _ in range(180):
        house.clock.pass_by(seconds=1)
        house.signing_in.principal_of(session.token)
    assert len(writes) == 3


def test_what_ends_a_session_at_once(house: House) -> None:
    session = house.settled("tanaka")
    second = house.signing_in.log_in("tanaka", CHOSEN)
    house.signing_in.log_out(second.token)
    house.signing_in.log_out(second.token)
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(second.token)
    house.signing_in.principal_of(session.token)
    house.accounts.disable(SINGLE_USER, "tanaka")
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(session.token)
    house.accounts.enable(SINGLE_USER, "tanaka")
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(session.token)
    third = house.signing_in.log_in("tanaka", CHOSEN)
    house.accounts.reset_password(SINGLE_USER, "tanaka")
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(third.token)


def test_a_new_password_ends_the_other_sessions(house: House) -> None:
    here = house.settled("tanaka")
    there = house.signing_in.log_in("tanaka", CHOSEN)
    house.signing_in.change_password(here.token, CHOSEN, "himawari-2026")
    house.signing_in.principal_of(here.token)
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(there.token)
    with pytest.raises(SessionEndedError):
        house.signing_in.change_password(there.token, "himawari-2026", "asagao-to-ame-3")


def test_guessing_the_old_password_in_a_stolen_session_locks_too(house: House) -> None:
    session = house.settled("tanaka")
    for number in range(POLICY.failures_before_lock):
        with pytest.raises(LogInRefusedError):
            house.signing_in.change_password(session.token, f"guess-{number}", "himawari-2026")
    with pytest.raises(LogInRefusedError):
        house.signing_in.change_password(session.token, CHOSEN, "himawari-2026")
    house.clock.pass_by(seconds=POLICY.lock.total_seconds())
    assert house.signing_in.log_in("tanaka", CHOSEN)


def test_a_refused_new_password_does_not_count_as_a_wrong_one(house: House) -> None:
    session = house.settled("tanaka")
    for _ in range(POLICY.failures_before_lock + 1):
        with pytest.raises(PasswordRefusedError):
            house.signing_in.change_password(session.token, CHOSEN, "short1")
    house.signing_in.change_password(session.token, CHOSEN, "himawari-2026")


# -- the organisation's own provider ----------------------------------------------------------------------------------


def claims(house: House, **changed: object) -> dict[str, object]:
    return {
        "email": "Tanaka@Example.jp",
        "email_verified": True,
        "iat": int(house.clock.at.timestamp()),
        "sub": "1234",
        **changed,
    }


def test_a_log_in_at_the_provider_finds_the_account_by_its_address(house: House) -> None:
    house.accounts.create(SINGLE_USER, "tanaka", "田中", "consultant", ["clinic-a"], "tanaka@example.jp")
    session = house.signing_in.log_in_with_oidc(claims(house))
    held = house.signing_in.principal_of(session.token)
    assert (held.login, held.institutions, held.must_change) == ("tanaka", {"clinic-a"}, False)
    assert house.trail("tanaka")[-1].change.after == {"way": "oidc"}
    house.accounts.disable(SINGLE_USER, "tanaka")
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(session.token)
    with pytest.raises(ProviderRefusedError) as refused:
        house.signing_in.log_in_with_oidc(claims(house))
    assert refused.value.reason == "unknown"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"email": "stranger@example.jp"}, "unknown"),
        ({"email": None}, "unverified"),
        ({"email": ["tanaka@example.jp"]}, "unverified"),
        ({"email_verified": False}, "unverified"),
        ({"email_verified": None}, "unverified"),
        ({"email_verified": ["true"]}, "unverified"),
        ({"iat": None}, "stale"),
        ({"iat": "soon"}, "stale"),
        ({"iat": 1e300}, "stale"),
        ({"iat": float("nan")}, "stale"),
        ({"iat": 1}, "stale"),
        ({"iat": 4_000_000_000}, "stale"),
    ],
)
def test_a_log_in_at_the_provider_that_gives_no_access_says_why(
    house: House, changed: dict[str, object], reason: str
) -> None:
    house.accounts.create(SINGLE_USER, "tanaka", "田中", "consultant", email="tanaka@example.jp")
    with pytest.raises(ProviderRefusedError) as refused:
        house.signing_in.log_in_with_oidc(claims(house, **changed))
    assert refused.value.reason == reason
    assert house.trail("?")[-1].change.after == {"way": "oidc", "reason": reason}
    with house.database.reading() as connection:
        assert not connection.execute(select(SESSIONS)).all()
        assert "stranger" not in json.dumps([list(row) for row in connection.execute(select(EVENTS))])


def test_an_idle_session_of_the_providers_cannot_be_begun_again_without_logging_in_there(house: House) -> None:
    house.accounts.create(SINGLE_USER, "tanaka", "田中", "consultant", email="tanaka@example.jp")
    earlier = claims(house)
    session = house.signing_in.log_in_with_oidc(earlier)
    house.clock.pass_by(seconds=POLICY.idle.total_seconds() + 1)
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(session.token)
    with pytest.raises(ProviderRefusedError):
        house.signing_in.log_in_with_oidc(earlier)
    assert house.signing_in.log_in_with_oidc(claims(house))
