"""Every public function of the store, tried as every role, inside and outside of what is assigned.

What is expected is written here and not read from rules/permissions.yaml: whoever changes a right changes it twice.
A new function of the store fails the first tests until it is marked and has a row below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from argon2 import PasswordHasher
from authorisation import ALLOWED, REFUSED, SCOPED, Row, outcome, public_functions
from sqlalchemy import select

import analyzer.store
from analyzer.engine.analysis import Analyzer
from analyzer.knowledge.base import KnowledgeBase
from analyzer.resources import sample_institutions
from analyzer.store import backups
from analyzer.store.accounts import Accounts, NewParticipant
from analyzer.store.database import Database
from analyzer.store.parts import answer_key
from analyzer.store.passwords import Passwords
from analyzer.store.principal import ROLES, SINGLE_USER, ForbiddenError, Principal, Role, may
from analyzer.store.records import PartChange, Record, UnknownInstitutionError
from analyzer.store.signing_in import SigningIn
from analyzer.store.store import Store
from analyzer.store.tables import EVENTS

INSIDE, OUTSIDE, NOWHERE = "hidamari-clinic", "minato-general-hospital", "no-such-place"
# Functions that ask for no right, and why: by them one comes by a principal in the first place, or shows a secret of
# one's own (a password, a session's token) instead.
WITHOUT_RIGHT: Final = {
    "SigningIn.has_accounts",
    "SigningIn.log_in",
    "SigningIn.principal_of",
    "SigningIn.log_out",
    "SigningIn.change_password",
    "SigningIn.principal_for_oidc",
    "SigningIn.log_in_with_oidc",
    # The whole, of which every part is asked for its own right.
    "Store.open",
    "Store.close",
}


@dataclass(frozen=True)
class World:
    """A store with two institutions, of which accounts of a limited role have one."""

    store: Store
    analyzer: Analyzer
    folder: Path

    def record(self, institution: str) -> Record:
        """The record, or that of another institution where there is none."""
        known = institution if institution != NOWHERE else INSIDE
        return self.store.records.read(SINGLE_USER, known)

    def evidence(self, institution: str) -> str:
        return str(next(iter(self.record(institution).document["evidence"]))["id"])

    def change(self, institution: str, kind: str) -> PartChange:
        """A change that the record would take."""
        if kind == "comment":
            return PartChange("comment", "c-1", {"control": "mhlw-5:6.3-01", "text": "所見"}, 0)
        record = self.record(institution)
        if kind == "fact":
            fact, value = next(
                (fact, value) for fact, value in record.document["profile"].items() if value in (True, False)
            )
            return PartChange("fact", fact, {"value": not value}, record.version("fact", fact))
        answer = record.document["answers"][0]
        key = answer_key(answer["control"], answer["party"])
        return PartChange("answer", key, {**answer, "note": "試し"}, record.version("answer", key))

    def event(self, institution: str) -> int:
        with self.store.database.reading() as connection:
            query = select(EVENTS.c.number).where(EVENTS.c.institution == self.record(institution).institution.id)
            return int(connection.execute(query.where(EVENTS.c.kind == "answer")).scalars().first() or 0)


def _save(world: World, who: Principal, institution: str) -> object:
    subject = replace(world.record(institution).institution, id=institution)
    return world.store.analyses.save(who, world.analyzer.analyze(subject, date(2026, 11, 1)))


def _attach_part(world: World, who: Principal, institution: str) -> object:
    evidence = world.evidence(institution)
    data = {"evidence": evidence, "sha256": "0" * 64, "name": "a.pdf", "media_type": "application/pdf", "size": 1}
    part = PartChange("attachment", f"{evidence} {'0' * 64}", data, 0)
    return world.store.records.attach(who, institution, part)


ROWS: Final = (
    Row("Records.names", "read", False, lambda w, p, i: w.store.records.names(p)),
    Row("Records.stamps", "read", False, lambda w, p, i: w.store.records.stamps(p)),
    Row("Records.read", "read", True, lambda w, p, i: w.store.records.read(p, i)),
    Row("Records.export_file", "read", True, lambda w, p, i: w.store.records.export_file(p, i)),
    Row("Records.create", "create", False, lambda w, p, i: w.store.records.create(p, _file(), "new.yaml")),
    Row(
        "Records.differences",
        "read",
        True,
        lambda w, p, i: w.store.records.differences(p, i, w.record(i).document),
    ),
    Row("Records.change", "answer", True, lambda w, p, i: w.store.records.change(p, i, [w.change(i, "answer")])),
    Row("Records.change", "profile", True, lambda w, p, i: w.store.records.change(p, i, [w.change(i, "fact")])),
    Row("Records.change", "comment", True, lambda w, p, i: w.store.records.change(p, i, [w.change(i, "comment")])),
    Row(
        "Records.change",
        "answer",
        True,
        lambda w, p, i: w.store.records.change(p, i, [w.change(i, "comment"), w.change(i, "answer")]),
    ),
    Row("Records.change", "read", True, lambda w, p, i: w.store.records.change(p, i, [])),
    Row("Records.attach", "answer", True, _attach_part),
    Row("Records.history", "read", True, lambda w, p, i: w.store.records.history(p, i)),
    Row("Records.undo", "answer", True, lambda w, p, i: w.store.records.undo(p, i, w.event(i))),
    Row(
        "EvidenceFiles.attach",
        "answer",
        True,
        lambda w, p, i: w.store.files.attach(p, i, w.evidence(i), "a.txt", "試し".encode()),
    ),
    Row(
        "EvidenceFiles.detach",
        "answer",
        True,
        lambda w, p, i: w.store.files.detach(p, i, w.evidence(i), "0" * 64),
    ),
    Row("EvidenceFiles.attachments", "read", True, lambda w, p, i: w.store.files.attachments(p, i)),
    Row("EvidenceFiles.open", "read", True, lambda w, p, i: w.store.files.open(p, i, "0" * 64)),
    Row("EvidenceFiles.check", "audit", False, lambda w, p, i: w.store.files.check(p)),
    Row("Analyses.save", "answer", True, _save),
    Row("Analyses.saved", "read", True, lambda w, p, i: w.store.analyses.saved(p, i)),
    Row("Analyses.progress", "read", True, lambda w, p, i: w.store.analyses.progress(p, i)),
    Row("Analyses.read", "read", True, lambda w, p, i: w.store.analyses.read(p, i, 1)),
    Row("Audit.verify", "audit", False, lambda w, p, i: w.store.audit.verify(p)),
    Row("Audit.log", "audit", True, lambda w, p, i: w.store.audit.log(p, i)),
    Row("Audit.log", "audit", False, lambda w, p, i: w.store.audit.log(p, None)),
    Row("Backups.write", "backup", False, lambda w, p, i: w.store.backups.write(p, w.folder / "backup.zip")),
    Row(
        "restore",
        "backup",
        False,
        lambda w, p, i: backups.restore(p, w.folder / "none.zip", str(w.folder / "restored.db")),
    ),
    Row("Accounts.list", "accounts", False, lambda w, p, i: w.store.accounts.list(p)),
    Row("Accounts.bootstrap", "accounts", False, lambda w, p, i: w.store.accounts.bootstrap(p, "boss", "長")),
    Row("Accounts.create", "accounts", False, lambda w, p, i: w.store.accounts.create(p, "new", "新人", "auditor")),
    Row("Accounts.set_role", "accounts", False, lambda w, p, i: w.store.accounts.set_role(p, "other", "consultant")),
    Row("Accounts.set_email", "accounts", False, lambda w, p, i: w.store.accounts.set_email(p, "other", None)),
    Row("Accounts.assign", "accounts", False, lambda w, p, i: w.store.accounts.assign(p, "other", OUTSIDE)),
    Row("Accounts.unassign", "accounts", False, lambda w, p, i: w.store.accounts.unassign(p, "other", OUTSIDE)),
    Row("Accounts.disable", "accounts", False, lambda w, p, i: w.store.accounts.disable(p, "other")),
    Row("Accounts.enable", "accounts", False, lambda w, p, i: w.store.accounts.enable(p, "other")),
    Row("Accounts.reset_password", "accounts", False, lambda w, p, i: w.store.accounts.reset_password(p, "other")),
    Row(
        "Accounts.participant_accounts",
        "run_programme",
        False,
        lambda w, p, i: w.store.accounts.participant_accounts(p),
    ),
    Row(
        "Accounts.create_participant_account",
        "run_programme",
        False,
        lambda w, p, i: w.store.accounts.create_participant_account(p, "nurse", "看護師", i, None, 9),
    ),
    Row(
        "Accounts.create_participant_accounts",
        "run_programme",
        False,
        lambda w, p, i: w.store.accounts.create_participant_accounts(p, [NewParticipant("nurses", "看護師", i)], 9),
    ),
    Row(
        "Accounts.reset_participant_password",
        "run_programme",
        False,
        lambda w, p, i: w.store.accounts.reset_participant_password(p, "person"),
    ),
    Row(
        "Accounts.disable_participant",
        "run_programme",
        False,
        lambda w, p, i: w.store.accounts.disable_participant(p, "person"),
    ),
)


def _file() -> bytes:
    return sample_institutions()[INSIDE].read_bytes()


@pytest.fixture
def world(store_location: str, knowledge: KnowledgeBase, analyzer: Analyzer, tmp_path: Path) -> Iterator[World]:
    store = Store.open(store_location, knowledge, tmp_path / "files")
    cheap = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    store.accounts = Accounts(store.database, passwords=cheap)
    for identity in (INSIDE, OUTSIDE):
        path = sample_institutions()[identity]
        store.records.create(SINGLE_USER, path.read_bytes(), path.name)
    store.accounts.bootstrap(SINGLE_USER, "chief", "管理者")
    store.accounts.create(SINGLE_USER, "other", "別の人", "consultant")
    store.accounts.create(SINGLE_USER, "person", "担当者", "institution", [INSIDE])
    yield World(store, analyzer, tmp_path)
    store.close()


# -- what there is ----------------------------------------------------------------------------------------------------


def functions() -> Iterator[tuple[str, Any]]:
    """Public functions of the store that take a principal or are marked, and all of every class that gets at the data.

    A class gets at the data where it is made with a `Database` or has a marked method. The migrations are scripts of
    Alembic's.
    """
    yield from public_functions(analyzer.store, {"Database"}, beside={"analyzer.store.migrations"}, but={Database})


def test_the_search_finds_what_it_is_for() -> None:
    found = {name for name, _ in functions()}
    assert {"Records.read", "Accounts.create", "EvidenceFiles.attach", "Audit.verify", "SigningIn.log_in"} <= found


def test_every_public_function_of_the_store_is_marked() -> None:
    # These two decide; they are not decided about.
    unmarked = {name for name, function in functions() if not hasattr(function, "needs")} - {"may", "require"}
    assert unmarked == WITHOUT_RIGHT


def test_every_marked_function_is_tried_with_the_right_of_its_mark() -> None:
    marked = {name: function.needs for name, function in functions() if hasattr(function, "needs")}
    tried: dict[str, set[str]] = {}
    for row in ROWS:
        tried.setdefault(row.name, set()).add(row.right)
    assert set(tried) == set(marked), "give a new function of the store its rows in this file"
    assert {name: right for name, right in marked.items() if right not in tried[name]} == {}


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_is_written_above_and_nothing_else(world: World, role: Role) -> None:
    who = Principal("tester", "試す人", role, frozenset({INSIDE}))
    wrong = []
    for row in ROWS:
        for institution in (INSIDE, OUTSIDE):
            may_it = role in ALLOWED[row.right] and not (row.scoped and role in SCOPED and institution == OUTSIDE)
            said = outcome(row, world, who, institution)
            if isinstance(said, REFUSED) == may_it:
                wrong.append(f"{row.name} ({row.right}) {institution}: {said!r}")
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_a_refusal_leaves_no_event(world: World, role: Role) -> None:
    nobody = Principal("tester", "試す人", role, must_change=True)
    before = written(world)
    assert [row.name for row in ROWS if not isinstance(outcome(row, world, nobody, INSIDE), REFUSED)] == []
    assert written(world) == before, "with a first password not even an administrator may do anything"


@pytest.mark.parametrize("role", sorted(SCOPED))
def test_an_institution_out_of_scope_is_not_told_from_one_that_is_not_there(world: World, role: Role) -> None:
    who = Principal("tester", "試す人", role, frozenset({INSIDE}))
    for row in ROWS:
        if row.scoped:
            there, nowhere = (outcome(row, world, who, identity) for identity in (OUTSIDE, NOWHERE))
            assert type(there) is type(nowhere), row.name
            assert str(there).replace(OUTSIDE, NOWHERE) == str(nowhere), row.name
            assert isinstance(there, REFUSED), row.name


@pytest.mark.parametrize("role", ROLES)
def test_lists_name_only_what_is_in_scope(world: World, role: Role) -> None:
    who = Principal("tester", "試す人", role, frozenset({INSIDE}))
    seen = {INSIDE} if role in SCOPED else {INSIDE, OUTSIDE}
    if role not in ALLOWED["read"]:
        for lists in (world.store.records.names, world.store.records.stamps):
            with pytest.raises(ForbiddenError):
                lists(who)
        return
    assert set(world.store.records.names(who)) == seen
    assert set(world.store.records.stamps(who)) == seen


def test_assignments_that_name_no_institution_give_nothing(world: World) -> None:
    who = Principal("tester", "試す人", "consultant", frozenset({NOWHERE, ""}))
    assert world.store.records.names(who) == {}
    with pytest.raises(UnknownInstitutionError):
        world.store.records.read(who, NOWHERE)


def test_what_the_functions_are_told_by_a_session_is_what_the_account_is(world: World) -> None:
    world.store.accounts.create(SINGLE_USER, "nurse", "看護師", "institution", [INSIDE], "nurse@example.jp")
    signing_in = SigningIn(world.store.database)
    claims = {"email": "nurse@example.jp", "email_verified": True, "iat": _epoch()}
    who = signing_in.principal_of(signing_in.log_in_with_oidc(claims).token)
    assert may(who, "answer", INSIDE)
    assert not may(who, "answer", OUTSIDE)
    assert set(world.store.records.names(who)) == {INSIDE}


def _epoch() -> float:
    from analyzer.store.records import now

    return now().timestamp()


def written(world: World) -> int:
    with world.store.database.reading() as connection:
        return len(connection.execute(select(EVENTS.c.number)).all())
