"""Every public function of the programme portal, tried as every role, for institutions in the programme and outside.

A new function of analyzer.programme fails the first tests until it is marked and has a row below, or a reason to have
none.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
from argon2 import PasswordHasher
from authorisation import ALLOWED, REFUSED, SCOPED, Row, outcome, public_functions
from mail_servers import settings_for
from portal_world import PROGRAMME, SECRETARIAT, listed, row_of, whole_answers
from sqlalchemy import insert, select
from store_helpers import PDF, PNG, ticking

import analyzer.programme
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme.filled_form import shown_questions
from analyzer.programme.handing_in import FormFaultsError
from analyzer.programme.loading import load_programmes
from analyzer.programme.model import Programme
from analyzer.programme.office import WantedDate
from analyzer.programme.participant import Participant, StepRecord
from analyzer.programme.portal import Portal
from analyzer.programme.portal_files import Upload
from analyzer.programme.refusal import PortalError
from analyzer.programme.taking import Taking
from analyzer.resources import programmes_dir, sample_institutions
from analyzer.store.accounts import AccountRefusedError, Accounts, UnknownAccountError
from analyzer.store.database import StoreError
from analyzer.store.passwords import Passwords
from analyzer.store.principal import ROLES, SINGLE_USER, ForbiddenError, Principal
from analyzer.store.records import PartChange, UnknownInstitutionError
from analyzer.store.store import Store
from analyzer.store.tables import METADATA

INSIDE, OUTSIDE = f"{PROGRAMME}-1", f"{PROGRAMME}-2"
ALONE, NOWHERE = "hidamari-clinic", "no-such-place"
# In the store, but used by nobody.
BARE: Final = "quiet-clinic"
NEW: Final = f"{PROGRAMME}-7"
PLACES: Final = (INSIDE, OUTSIDE, ALONE, NOWHERE)
ENROLLED: Final = {INSIDE, OUTSIDE}
TODAY = date(2026, 11, 22)
SUPPORT, HANDED, FREE = "external_lines", "network_diagram", "line_list"
FAILED_MAIL = "f" * 32

# Functions that ask for no right, and why.
WITHOUT_RIGHT: Final[Mapping[str, str]] = {
    "Notifications.*": "of one's own account alone",
    "MailQueue.send_due": "the machine's own work: sends what others were allowed to queue",
    "remind_due": "the machine's own work: the programme's file has decided",
    "Background.*": "the machine's own work: these two, by and by",
    "Resetting.*": "for those who cannot log in; the token is the right",
    "Taking.wait": "waits for Enrolling.take, which asks",
    "PortalFiles.store": "a part of acts whose callers have asked",
    "PortalFiles.name_in": "a part of acts whose callers have asked",
    "make_offers": "a part of Office.accept",
    "Act.*": "what the services, which have asked, write with",
    "Desk.*": "what the services, which have asked, read and write with",
    "Outbox.*": "a part of acts whose callers have asked",
    "enqueue": "a part of acts whose callers have asked",
}


@dataclass(frozen=True)
class World:
    """A portal with two institutions that have done the same, one outside of the programme, and files of both."""

    store: Store
    portal: Portal
    folder: Path

    @property
    def programme(self) -> Programme:
        return self.portal.programmes[PROGRAMME]

    def participant(self, institution: str) -> Participant:
        """The participant, or that of another institution where there is none."""
        return self.portal.desk.read(PROGRAMME, institution if institution in ENROLLED else INSIDE)

    def step(self, institution: str) -> StepRecord:
        return self.participant(institution).steps[SUPPORT]

    def seen(self, institution: str) -> int:
        """The version of the basic data."""
        return self.participant(institution).registration.version

    def offer(self, institution: str) -> str:
        return next(each.id for each in self.participant(institution).offers if each.kind == "fact")

    def file(self, institution: str, owner: str) -> tuple[str, str]:
        """Place and hash of a file: of a `document`, a `message`, a `handout`."""
        places = self.participant(institution).files
        return next(place for place in places if place[0].startswith({"document": f"{SUPPORT}/"}.get(owner, owner)))

    def login(self, institution: str) -> str:
        """The account that acts for an institution."""
        return {ALONE: "alone", NOWHERE: "alone"}.get(institution, institution)

    def preview(self) -> Any:
        """What a list with an institution that is known, and with a new one, would make."""
        known = row_of(self.programme, 6, 医療機関ID=BARE)
        content = listed(self.programme, [known, row_of(self.programme, 7)])
        return self.portal.enrolling.preview(SECRETARIAT, PROGRAMME, content, "list.xlsx")

    def dump(self) -> dict[str, list[Any]]:
        """Everything that the store holds."""
        with self.store.database.reading() as connection:
            held = {
                table.name: sorted(map(repr, connection.execute(select(table)).all()))
                for table in METADATA.sorted_tables
            }
        return {**held, "folder": sorted(path.name for path in self.folder.rglob("*") if path.is_file())}


def _registration(world: World, institution: str) -> dict[str, str]:
    values = world.participant(institution).registration.values
    phone = next(field.id for field in world.programme.registration if field.type == "phone")
    return {**values, phone: "03-0000-9999"}


def _paper(world: World, institution: str, decision: str, kind: str) -> tuple[Any, ...]:
    """The arguments of a decision on what was handed in."""
    participant = world.participant(institution)
    if kind == "form":
        return kind, "closing", participant.steps["closing"].forms["closing"].version
    return kind, HANDED, participant.steps[SUPPORT].documents[HANDED].version


REWRITTEN: Final = "書き直した回答"


def _form(world: World, institution: str) -> tuple[str, dict[str, Any], int]:
    """The closing form, its answers with one written anew, and the version that was seen."""
    form = world.programme.form_by_id["closing"]
    answers = whole_answers(form, {})
    written = next(each.id for each in shown_questions(form, answers) if each.type in {"text", "long_text"})
    version = world.participant(institution).steps["closing"].forms["closing"].version
    return "closing", {**answers, written: REWRITTEN}, version


def _dates() -> list[WantedDate]:
    return [WantedDate(date(2026, 7, 8), time(10, 0), time(11, 0), "来院")]


def _upload(institution: str, what: str) -> list[Upload]:
    return [Upload(f"{what}.pdf", PDF + f"{institution} {what}".encode())]


Call = Callable[[World, Principal, str], object]


def mine(name: str, call: Call, *writes: str) -> Row:
    return Row(name, "take_part", True, call, frozenset(writes))


def theirs(name: str, call: Call, *writes: str) -> Row:
    return Row(name, "run_programme", True, call, frozenset(writes))


def general(name: str, call: Call, *writes: str) -> Row:
    return Row(name, "run_programme", False, call, frozenset(writes))


# What a row writes: kinds of items, and tables beside programme_items; what goes along with an act is in ALONG.
ALONG: Final = {"events", "chain", "notifications", "mails", "files", "folder"}
P: Final = PROGRAMME
NEXT: Final = "security-support-2027"
ROWS: Final = (
    mine("Participation.programmes", lambda w, p, i: w.portal.participation.programmes(p, i)),
    mine("Participation.view", lambda w, p, i: w.portal.participation.view(p, P, i)),
    mine(
        "Participation.confirm_registration",
        lambda w, p, i: w.portal.participation.confirm_registration(p, P, i, w.seen(i)),
        "check",
    ),
    mine(
        "Participation.request_change",
        lambda w, p, i: w.portal.participation.request_change(p, P, i, w.seen(i), "電話番号が違います"),
        "check",
    ),
    mine(
        "Participation.consent",
        lambda w, p, i: w.portal.participation.consent(p, P, i, "院長", w.programme.terms.digest),
        "consent",
    ),
    mine("Participation.wish", lambda w, p, i: w.portal.participation.wish(p, P, i, "offline_backup", True), "wish"),
    mine(
        "Participation.choose_date",
        lambda w, p, i: w.portal.participation.choose_date(p, P, i, SUPPORT, "1", w.step(i).schedule.version),
        "schedule",
    ),
    mine(
        "Participation.ask_other_dates",
        lambda w, p, i: w.portal.participation.ask_other_dates(p, P, i, SUPPORT, "翌週", w.step(i).schedule.version),
        "schedule",
    ),
    mine("HandingIn.save_form", lambda w, p, i: w.portal.handing_in.save_form(p, P, i, *_form(w, i)), "form"),
    mine("HandingIn.hand_in_form", lambda w, p, i: w.portal.handing_in.hand_in_form(p, P, i, *_form(w, i)), "form"),
    mine(
        "HandingIn.hand_in_document",
        lambda w, p, i: w.portal.handing_in.hand_in_document(p, P, i, FREE, _upload(i, "一覧"), date(2026, 4, 1)),
        "document",
        "file",
    ),
    mine("Messages.thread", lambda w, p, i: w.portal.messages.thread(p, P, i, SUPPORT)),
    mine(
        "Messages.write",
        lambda w, p, i: w.portal.messages.write(p, P, i, SUPPORT, "質問です", _upload(i, "質問")),
        "message",
        "file",
    ),
    theirs(
        "Messages.answer",
        lambda w, p, i: w.portal.messages.answer(p, P, i, SUPPORT, "答えです", _upload(i, "答え")),
        "message",
        "file",
    ),
    mine("PortalFiles.open", lambda w, p, i: w.portal.files.open(p, P, i, *w.file(i, "document"))),
    theirs(
        "PortalFiles.open_as_secretariat",
        lambda w, p, i: w.portal.files.open_as_secretariat(p, P, i, *w.file(i, "document")),
    ),
    mine("Feeding.offers", lambda w, p, i: w.portal.feeding.offers(p, P, i)),
    mine("Feeding.take", lambda w, p, i: w.portal.feeding.take(p, P, i, [w.offer(i)]), "offer", "parts"),
    mine("Feeding.decline", lambda w, p, i: w.portal.feeding.decline(p, P, i, [w.offer(i)]), "offer"),
    mine("Notices.for_institution", lambda w, p, i: w.portal.notices.for_institution(p, P, i)),
    theirs("Notices.publish", lambda w, p, i: w.portal.notices.publish(p, P, "案内", "本文", [i]), "notice"),
    general("Notices.publish", lambda w, p, i: w.portal.notices.publish(p, P, "案内", "本文"), "notice"),
    general("Notices.all", lambda w, p, i: w.portal.notices.all(p, P)),
    general("Board.rows", lambda w, p, i: w.portal.board.rows(p, P, TODAY)),
    theirs("History.of", lambda w, p, i: w.portal.history.of(p, P, i)),
    theirs("History.last_handed_in", lambda w, p, i: w.portal.history.last_handed_in(p, P, i, "network")),
    theirs("Office.view", lambda w, p, i: w.portal.office.view(p, P, i)),
    theirs(
        "Office.change_registration",
        lambda w, p, i: w.portal.office.change_registration(p, P, i, _registration(w, i), w.seen(i)),
        "registration",
    ),
    theirs(
        "Office.accept",
        lambda w, p, i: w.portal.office.accept(p, P, i, *_paper(w, i, "accept", "document")),
        "document",
    ),
    theirs("Office.accept", lambda w, p, i: w.portal.office.accept(p, P, i, *_paper(w, i, "accept", "form")), "form"),
    theirs(
        "Office.send_back",
        lambda w, p, i: w.portal.office.send_back(
            p, P, i, "document", HANDED, "不足があります", w.step(i).documents[HANDED].version
        ),
        "document",
    ),
    theirs(
        "Office.propose_dates",
        lambda w, p, i: w.portal.office.propose_dates(p, P, i, SUPPORT, _dates(), w.step(i).schedule.version),
        "schedule",
    ),
    theirs(
        "Office.set_progress",
        lambda w, p, i: w.portal.office.set_progress(p, P, i, SUPPORT, "surveying", "概要", 0),
        "progress",
    ),
    theirs(
        "Office.hand_over",
        lambda w, p, i: w.portal.office.hand_over(p, P, i, SUPPORT, "報告書", _upload(i, "報告")[0], report=True),
        "handout",
        "file",
    ),
    theirs("Office.remind", lambda w, p, i: w.portal.office.remind(p, P, i, SUPPORT, "お願いします"), "reminder"),
    theirs("Office.reminder_mail", lambda w, p, i: w.portal.office.reminder_mail(p, P, i, SUPPORT, "お願いします")),
    general(
        "Enrolling.preview",
        lambda w, p, i: w.portal.enrolling.preview(p, P, listed(w.programme, [row_of(w.programme, 8)]), "list.xlsx"),
    ),
    general(
        "Enrolling.take",
        lambda w, p, i: w.portal.enrolling.take(p, P, w.preview()),
        "enrolment",
        "registration",
        "institutions",
        "parts",
        "accounts",
        "assignments",
    ),
    theirs("Enrolling.accounts", lambda w, p, i: w.portal.enrolling.accounts(p, P, i)),
    theirs(
        "Enrolling.create_account",
        lambda w, p, i: w.portal.enrolling.create_account(p, P, i, "second", "二人目", None),
        "accounts",
        "assignments",
    ),
    theirs(
        "Enrolling.reset_password",
        lambda w, p, i: w.portal.enrolling.reset_password(p, P, i, w.login(i)),
        "accounts",
    ),
    theirs(
        "Enrolling.stop_account",
        lambda w, p, i: w.portal.enrolling.stop_account(p, P, i, w.login(i)),
        "accounts",
    ),
    general("MailQueue.counts", lambda w, p, i: w.portal.mailing.counts(p)),
    general("MailQueue.troubled", lambda w, p, i: w.portal.mailing.troubled(p)),
    general("MailQueue.resend", lambda w, p, i: w.portal.mailing.resend(p, FAILED_MAIL), "mails"),
    general("MailQueue.let_be", lambda w, p, i: w.portal.mailing.let_be(p, FAILED_MAIL), "mails"),
)

# Where whoever acts for an institution outside of the programme hears that it has none, instead of a refusal.
ANSWERED_OUTSIDE: Final = {"Participation.programmes"}


# -- the world ---------------------------------------------------------------------------------------------------------


def person_of(institution: str) -> Principal:
    return Principal(institution, "担当者", "institution", frozenset({institution}))


def people() -> dict[str, Principal]:
    """Everybody who may come, by what they are."""
    every = {role: Principal("tester", "試す人", role, frozenset({INSIDE})) for role in ROLES}
    return {
        **every,
        "institution": person_of(INSIDE),
        "institution outside": person_of(ALONE),
        "consultant of all": Principal("tester", "試す人", "consultant", frozenset(PLACES)),
        "nobody's institution": Principal("tester", "試す人", "institution"),
        "single user": SINGLE_USER,
        **{
            f"{role} with a first password": replace(principal, must_change=True)
            for role, principal in {**every, "institution": person_of(INSIDE)}.items()
        },
    }


@contextmanager
def opened(location: str, folder: Path, knowledge: KnowledgeBase, rulebook: Rulebook) -> Iterator[World]:
    clock = ticking()
    store = Store.open(location, knowledge, folder, clock)
    try:
        cheap = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        store.accounts = Accounts(store.database, clock, cheap)
        read = load_programmes(programmes_dir(), knowledge)[PROGRAMME]
        # As many persons as the row for a new account needs.
        this_year = replace(read, persons_per_institution=2)
        programmes = {PROGRAMME: this_year, NEXT: replace(this_year, id=NEXT)}
        yield World(store, Portal(store, programmes, rulebook, settings_for(25), clock), folder)
    finally:
        store.close()


def furnish(world: World) -> None:
    """Let both institutions come as far that each row of the table can be called for either."""
    store, portal, programme = world.store, world.portal, world.programme
    bare = f"institution:\n  id: {BARE}\n  name: 静かな診療所\n  kind: clinic\n"
    bare += "profile: {}\nservices: []\nanswers: []\nevidence: []\n"
    store.records.create(SINGLE_USER, bare.encode(), "bare.yaml")
    path = sample_institutions()[ALONE]
    store.records.create(SINGLE_USER, path.read_bytes(), path.name)
    store.accounts.create(SINGLE_USER, "alone", "診療所の人", "institution", [ALONE])
    store.accounts.create(SINGLE_USER, "office", "事務局", "secretariat")
    content = listed(programme, [row_of(programme, 1), row_of(programme, 2)])
    portal.enrolling.take(
        SECRETARIAT, PROGRAMME, portal.enrolling.preview(SECRETARIAT, PROGRAMME, content, "list.xlsx")
    )
    store.accounts.create(SINGLE_USER, "adviser", "助言者", "consultant", [INSIDE, OUTSIDE])
    for here in (INSIDE, OUTSIDE):
        me = person_of(here)
        portal.handing_in.hand_in_document(me, PROGRAMME, here, HANDED, _upload(here, "図"), date(2026, 4, 1))
        for form in ("network", "closing"):
            answers = whole_answers(programme.form_by_id[form], {})
            portal.handing_in.hand_in_form(me, PROGRAMME, here, form, answers, 0)
        version = world.step(here).forms["network"].version
        portal.office.accept(SECRETARIAT, PROGRAMME, here, "form", "network", version)
        portal.office.propose_dates(SECRETARIAT, PROGRAMME, here, SUPPORT, _dates(), 0)
        portal.messages.write(me, PROGRAMME, here, SUPPORT, "はじめの質問", _upload(here, "添付"))
        portal.office.hand_over(SECRETARIAT, PROGRAMME, here, SUPPORT, "手引き", _upload(here, "手引き")[0])
        portal.notices.publish(SECRETARIAT, PROGRAMME, f"{here} へ", "この機関だけに", [here])
        evidence = PartChange(
            "evidence",
            "own-record",
            {"id": "own-record", "title": "院内の記録", "kind": "record", "issued_on": "2026-04-01"},
            0,
        )
        store.records.change(me, here, [evidence])
        store.files.attach(me, here, "own-record", "own.png", PNG + here.encode())
    with store.database.writing() as connection:
        table = METADATA.tables["mails"]
        row = connection.execute(select(table).limit(1)).mappings().one()
        connection.execute(
            insert(table).values({**row, "id": FAILED_MAIL, "message_id": "<f@example.jp>", "state": "failed"})
        )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, knowledge: KnowledgeBase, rulebook: Rulebook) -> Path:
    """A folder with a store on SQLite and its files, to be copied."""
    folder = tmp_path_factory.mktemp("portal")
    with opened(str(folder / "sansho.db"), folder / "files", knowledge, rulebook) as world:
        furnish(world)
    return folder


@pytest.fixture
def copy(built: Path, tmp_path: Path, knowledge: KnowledgeBase, rulebook: Rulebook) -> Iterator[Callable[[], World]]:
    """Opens another copy of the world whenever it is called."""
    exits = []

    def another() -> World:
        target = tmp_path / f"copy-{len(exits)}"
        shutil.copytree(built, target)
        manager = opened(str(target / "sansho.db"), target / "files", knowledge, rulebook)
        world = manager.__enter__()
        exits.append(manager)
        return world

    yield another
    for manager in exits:
        manager.__exit__(None, None, None)


@pytest.fixture
def world(copy: Callable[[], World]) -> World:
    return copy()


# -- what there is -----------------------------------------------------------------------------------------------------


def functions() -> dict[str, Any]:
    """Public functions that take a principal, are marked, or are made with something by which they get at the data."""
    at_data = {"Database", "Desk", "Connection", "Act", "Store", "Records", "Accounts", "ContentFolder"}
    return dict(public_functions(analyzer.programme, at_data, given=at_data))


def test_the_search_finds_what_it_is_for() -> None:
    wanted = {
        "Participation.view",
        "HandingIn.hand_in_form",
        "Messages.answer",
        "Office.accept",
        "Feeding.take",
        "Enrolling.take",
        "Board.rows",
        "Notices.publish",
        "Notifications.list",
        "MailQueue.resend",
        "Resetting.ask_reset",
        "PortalFiles.open",
        "History.of",
        "remind_due",
        "make_offers",
        "Desk.act",
        "Taking.wait",
    }
    assert wanted <= set(functions())


def test_every_public_function_is_marked_or_has_a_reason() -> None:
    found = functions()
    excused = {name: [each for each in WITHOUT_RIGHT if fnmatchcase(name, each)] for name in found}
    assert {name for name, function in found.items() if not hasattr(function, "needs") and not excused[name]} == set()
    assert {name for name, function in found.items() if hasattr(function, "needs") and excused[name]} == set()
    assert {each for reasons in excused.values() for each in reasons} == set(WITHOUT_RIGHT), "reasons for nothing"


def test_every_marked_function_is_tried_with_the_right_of_its_mark() -> None:
    marked = {(name, function.needs) for name, function in functions().items() if hasattr(function, "needs")}
    assert {(row.name, row.right) for row in ROWS} == marked, "give a new function its rows in this file"


def test_a_service_is_held_by_the_portal_as_it_is_tried_here(world: World) -> None:
    classes = {name.partition(".")[0] for name, function in functions().items() if hasattr(function, "needs")}
    assert classes <= {type(service).__name__ for service in vars(world.portal).values()}


# -- who may -----------------------------------------------------------------------------------------------------------


def is_allowed(row: Row, who: Principal, institution: str) -> bool:
    """Whether the right is there, wherever the institution."""
    if who.must_change or who.role not in ALLOWED[row.right]:
        return False
    return not row.scoped or who.role not in SCOPED or institution in who.institutions


def is_done(row: Row, who: Principal, institution: str) -> bool:
    """Whether the call does what was asked."""
    there = not row.scoped or institution in ENROLLED or row.name in ANSWERED_OUTSIDE
    return is_allowed(row, who, institution) and there


def test_what_is_refused_says_so_and_changes_nothing(
    store_location: str, tmp_path: Path, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    with opened(store_location, tmp_path / "files", knowledge, rulebook) as world:
        furnish(world)
        before = world.dump()
        wrong = []
        for name, who in people().items():
            for row in ROWS:
                for institution in PLACES if row.scoped else (INSIDE,):
                    if is_done(row, who, institution):
                        continue
                    said = outcome(row, world, who, institution)
                    wanted = UnknownInstitutionError if is_allowed(row, who, institution) else ForbiddenError
                    if type(said) is not wanted:
                        wrong.append(f"{name}: {row.name} {institution}: {said!r}")
            assert wrong == []
            assert world.dump() == before, name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_allowed_is_done_and_changes_what_it_says(copy: Callable[[], World], row: Row) -> None:
    able = {name: who for name, who in people().items() if any(is_done(row, who, each) for each in PLACES)}
    assert set(able) - {"institution outside"} == (
        {"institution"} if row.right == "take_part" else {"secretariat", "administrator", "single user"}
    )
    for name, who in able.items():
        for institution in PLACES if row.scoped else (INSIDE,):
            if not is_done(row, who, institution):
                continue
            world = copy()
            before = world.dump()
            assert outcome(row, world, who, institution) is None, (name, institution)
            after = world.dump()
            changed = written(before, after)
            assert {what for what, _ in changed} - (ALONG - row.writes) == set(row.writes), (name, institution)
            assert {place for _, place in changed} <= {institution, "", BARE, NEW}, (name, institution)
            if row.writes:
                assert len(after["events"]) > len(before["events"])
            else:
                assert after == before


def written(before: Mapping[str, list[Any]], after: Mapping[str, list[Any]]) -> set[tuple[str, str]]:
    """What differs: tables, and of items the kind and whose they are."""
    differing = {table for table in before if before[table] != after[table]}
    changed = {(table, "") for table in differing - {"programme_items"}}
    for row in set(before["programme_items"]) ^ set(after["programme_items"]):
        _, institution, kind = (part.strip(" ('") for part in row.split(",")[:3])
        changed.add((kind, institution))
    return changed


def test_an_institution_hears_the_same_of_another_as_of_one_that_is_not_there(world: World) -> None:
    me = person_of(INSIDE)
    for row in ROWS:
        if row.scoped:
            said = {place: outcome(row, world, me, place) for place in (OUTSIDE, ALONE, NOWHERE)}
            assert len({(type(each), str(each).replace(place, "…")) for place, each in said.items()}) == 1, row.name


def test_the_secretariat_hears_the_same_of_a_stranger_as_of_one_that_is_not_there(world: World) -> None:
    for row in ROWS:
        if row.scoped and row.right == "run_programme":
            said = {place: outcome(row, world, SECRETARIAT, place) for place in (ALONE, NOWHERE)}
            assert len({(type(each), str(each).replace(place, "…")) for place, each in said.items()}) == 1, row.name


def test_what_concerns_the_whole_programme_is_no_institution(world: World) -> None:
    empty = Principal("tester", "試す人", "institution", frozenset({""}))
    before = world.dump()
    for row in ROWS:
        if row.scoped and row.name not in ANSWERED_OUTSIDE:
            for who in (empty, SECRETARIAT, person_of(INSIDE)):
                assert isinstance(outcome(row, world, who, ""), REFUSED), row.name
    assert world.dump() == before


@pytest.mark.parametrize("place", [ALONE, NOWHERE])
def test_nothing_is_written_for_an_institution_outside_of_the_programme(world: World, place: str) -> None:
    # Also by an act that looks at nothing of the participant before it writes.
    before = world.dump()
    with pytest.raises(UnknownInstitutionError), world.portal.desk.act(SECRETARIAT, PROGRAMME, place, "write") as act:
        act.set("progress", SUPPORT, {"stage": None, "summary": "概要", "signed": act.signature.data()})
    assert world.dump() == before


def test_taking_a_list_in_beside_the_screen_asks_as_well(world: World) -> None:
    before = world.dump()
    for who in (person_of(INSIDE), Principal("adviser", "助言者", "consultant", frozenset({INSIDE}))):
        taking = Taking(world.portal.enrolling, who, PROGRAMME, world.preview())
        assert taking.wait(30)
        assert isinstance(taking.error, ForbiddenError)
        assert taking.enrolled is None
    assert world.dump() == before


# -- one's own ---------------------------------------------------------------------------------------------------------


def test_notifications_are_shown_to_whom_they_are_for_while_they_may_act(world: World) -> None:
    every = world.portal.notifications
    told = every.list(person_of(INSIDE), limit=500)
    assert {each.institution for each in told} == {INSIDE}
    assert all(OUTSIDE not in each.link for each in told)
    assert {each.institution for each in every.list(SECRETARIAT, limit=500)} == ENROLLED
    moved = Principal(INSIDE, "移った人", "institution", frozenset({OUTSIDE}))
    for role in ("auditor", "consultant"):
        left = Principal(INSIDE, "移った人", role, frozenset({INSIDE}))
        assert (every.list(left), every.unread(left)) == ([], 0)
    assert (every.list(moved), every.unread(moved)) == ([], 0)
    first = replace(person_of(INSIDE), must_change=True)
    assert (every.list(first), every.unread(first)) == ([], 0)


def test_nobody_marks_the_notifications_of_others(world: World) -> None:
    every, before = world.portal.notifications, world.dump()
    others = [each.id for each in every.list(person_of(OUTSIDE))]
    moved = Principal(INSIDE, "移った人", "institution", frozenset({OUTSIDE}))
    for who in (person_of(INSIDE), SECRETARIAT, moved, replace(person_of(OUTSIDE), must_change=True)):
        every.mark_read(who, others)
        every.mark_unread(who, others)
    assert world.dump() == before
    every.mark_read(person_of(OUTSIDE), others[:1])
    assert every.unread(person_of(OUTSIDE)) == len(others) - 1


def test_notices_to_one_are_not_for_another(world: World) -> None:
    world.portal.notices.publish(SECRETARIAT, PROGRAMME, "二つへ", "本文", [INSIDE, OUTSIDE])
    seen = world.portal.notices.for_institution(person_of(INSIDE), PROGRAMME, INSIDE)
    assert [each.title for each in seen] == ["二つへ", f"{INSIDE} へ"]
    assert {each.to for each in seen} == {(INSIDE,)}


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_file_is_opened_at_its_own_place_by_both_sides_alone(world: World) -> None:
    files = world.portal.files
    for owner in ("document", "message", "handout"):
        for here in (INSIDE, OUTSIDE):
            at = world.file(here, owner)
            assert files.open(person_of(here), PROGRAMME, here, *at)[0].place == at[0]
            assert files.open_as_secretariat(SECRETARIAT, PROGRAMME, here, *at)[0].sha256 == at[1]


def guesses(world: World) -> Iterator[tuple[str, str]]:
    """Places and hashes that are not a file of INSIDE: others' files, files at other places, files of the record."""
    own = {owner: world.file(INSIDE, owner) for owner in ("document", "message", "handout")}
    for owner in own:
        yield world.file(OUTSIDE, owner)
        yield own[owner][0], world.file(OUTSIDE, owner)[1]
        yield own[owner][0].replace(SUPPORT, "closing"), own[owner][1]
        yield f"{own[owner][0].removesuffix('000001')}000002", own[owner][1]
    yield own["document"][0], own["message"][1]
    yield own["message"][0], own["document"][1]
    yield own["handout"][0], own["document"][1]
    for here in (INSIDE, OUTSIDE):
        for attached in world.store.files.attachments(person_of(here), here):
            for place in (own["document"][0], own["message"][0], attached.evidence, ""):
                yield place, attached.sha256
    whole = own["document"][1]
    yield from ((own["document"][0], each) for each in (f"../{whole}", whole.upper(), whole[:63], "", f"{whole} "))
    yield f"{own['document'][0]} {whole}", ""
    yield f"../{OUTSIDE}/{own['document'][0]}", whole


def refusal(function: Callable[..., object], *asked: Any) -> StoreError:
    """What was said, where a call was refused; fails where it was not."""
    with pytest.raises(StoreError) as caught:
        function(*asked)
    return caught.value


def test_a_guessed_place_opens_nothing_and_does_not_tell_what_is_there(world: World) -> None:
    before, files = world.dump(), world.portal.files
    for guess in guesses(world):
        own = refusal(files.open, person_of(INSIDE), PROGRAMME, INSIDE, *guess)
        office = refusal(files.open_as_secretariat, SECRETARIAT, PROGRAMME, INSIDE, *guess)
        assert type(own) is type(office) is PortalError, guess
    for name, who in people().items():
        for function in (files.open, files.open_as_secretariat):
            if function == files.open_as_secretariat and who.role in ALLOWED["run_programme"] and not who.must_change:
                continue
            said = {
                str(error).replace(OUTSIDE, NOWHERE)
                for place in (OUTSIDE, NOWHERE)
                for at in (world.file(OUTSIDE, "message"), ("no/such", "0" * 64))
                if isinstance(error := refusal(function, who, PROGRAMME, place, *at), ForbiddenError)
            }
            assert len(said) == 1, name
    assert world.dump() == before


def test_a_file_of_the_programme_is_none_of_the_record(world: World) -> None:
    for owner in ("document", "message", "handout"):
        _, sha256 = world.file(INSIDE, owner)
        for who in (person_of(INSIDE), Principal("adviser", "助言者", "consultant", frozenset({INSIDE})), SINGLE_USER):
            said = {str(refusal(world.store.files.open, who, INSIDE, each)) for each in (sha256, "0" * 64)}
            assert len({each.replace(sha256, "0" * 64).replace(sha256[:12], "0" * 12) for each in said}) == 1


# -- what the secretariat is not to see --------------------------------------------------------------------------------


def test_the_secretariat_reads_no_record(world: World) -> None:
    store, before = world.store, world.dump()
    (attached,) = store.files.attachments(person_of(INSIDE), INSIDE)
    for call in (
        lambda: store.records.names(SECRETARIAT),
        lambda: store.records.stamps(SECRETARIAT),
        lambda: store.records.read(SECRETARIAT, INSIDE),
        lambda: store.records.export_file(SECRETARIAT, INSIDE),
        lambda: store.records.history(SECRETARIAT, INSIDE),
        lambda: store.records.change(SECRETARIAT, INSIDE, []),
        lambda: store.files.attachments(SECRETARIAT, INSIDE),
        lambda: store.files.open(SECRETARIAT, INSIDE, attached.sha256),
        lambda: store.analyses.saved(SECRETARIAT, INSIDE),
        lambda: store.analyses.progress(SECRETARIAT, INSIDE),
        lambda: store.analyses.read(SECRETARIAT, INSIDE, 1),
        lambda: store.audit.log(SECRETARIAT, INSIDE),
        lambda: store.audit.log(SECRETARIAT, None),
        lambda: world.portal.feeding.offers(SECRETARIAT, PROGRAMME, INSIDE),
    ):
        with pytest.raises(ForbiddenError):
            call()
    assert world.dump() == before


def test_drafts_and_offers_are_the_institutions_alone(world: World) -> None:
    me, secret = person_of(INSIDE), "まだ見せたくない書きかけ"
    form, answers, version = _form(world, INSIDE)
    open_question = next(name for name, value in answers.items() if value == REWRITTEN)
    world.portal.office.send_back(SECRETARIAT, PROGRAMME, INSIDE, "form", form, "直してください", version)
    seen = world.participant(INSIDE).steps["closing"].forms[form].version
    world.portal.handing_in.save_form(me, PROGRAMME, INSIDE, form, {**answers, open_question: secret}, seen)
    assert world.portal.participation.view(me, PROGRAMME, INSIDE).offers
    assert secret in repr(world.portal.participation.view(me, PROGRAMME, INSIDE))
    board = world.portal.board.rows(SECRETARIAT, PROGRAMME, TODAY)
    shown = world.portal.office.view(SECRETARIAT, PROGRAMME, INSIDE)
    history = world.portal.history
    said = [history.of(SECRETARIAT, PROGRAMME, INSIDE), history.last_handed_in(SECRETARIAT, PROGRAMME, INSIDE, form)]
    assert secret not in repr([shown, *board, *said])
    assert shown.offers == ()
    # Handed in, it is theirs to read.
    again = world.participant(INSIDE).steps["closing"].forms[form].version
    world.portal.handing_in.hand_in_form(me, PROGRAMME, INSIDE, form, {**answers, open_question: secret}, again)
    assert secret in repr(world.portal.office.view(SECRETARIAT, PROGRAMME, INSIDE))
    assert secret not in repr(world.portal.board.rows(SECRETARIAT, PROGRAMME, TODAY)), "the board holds no answers"


def test_the_history_names_who_acts_and_not_who_advises(world: World) -> None:
    said = "".join(each.said for each in world.portal.history.of(SECRETARIAT, PROGRAMME, INSIDE)[0])
    assert f"アカウント「{INSIDE}」" in said
    assert "adviser" not in said
    assert OUTSIDE not in said


# -- accounts ----------------------------------------------------------------------------------------------------------


def test_the_secretariat_gives_passwords_to_participants_alone(world: World) -> None:
    enrolling, accounts = world.portal.enrolling, world.store.accounts
    accounts.create(SINGLE_USER, "of-two", "二つの担当", "institution", [INSIDE, ALONE])
    accounts.create(SINGLE_USER, "boss", "管理者", "administrator")
    before = world.dump()
    refusals = []
    for login in ("alone", "boss", "office", "adviser", OUTSIDE, "no-such-login"):
        said = refusal(enrolling.reset_password, SECRETARIAT, P, INSIDE, login)
        refusals.append((type(said), str(said).replace(login, "…")))
    assert set(refusals) == {(UnknownAccountError, "no account '…'")}, "what exists is not told from what does not"
    for error, function, *asked in (
        (AccountRefusedError, enrolling.reset_password, INSIDE, "of-two"),
        (UnknownInstitutionError, enrolling.reset_password, ALONE, "alone"),
        (UnknownInstitutionError, enrolling.create_account, ALONE, "spy", "間者", None),
    ):
        assert type(refusal(function, SECRETARIAT, P, *asked)) is error
    assert world.dump() == before
    handed = enrolling.reset_password(SECRETARIAT, P, INSIDE, f" {INSIDE.upper()} ")
    assert handed.account.login == INSIDE
    assert [each.login for each in enrolling.accounts(SECRETARIAT, P, INSIDE)] == ["of-two", INSIDE]


def test_the_programme_says_how_many_persons_an_institution_may_have(world: World) -> None:
    enrolling = world.portal.enrolling
    enrolling.create_account(SECRETARIAT, P, INSIDE, "second", "二人目", None)
    with pytest.raises(AccountRefusedError) as refused:
        enrolling.create_account(SECRETARIAT, P, INSIDE, "third", "三人目", None)
    assert refused.value.reason == "enough"


@pytest.mark.parametrize("used", ["record", "account", "adviser"])
def test_who_uses_the_store_already_is_brought_in_by_the_administrator(world: World, used: str) -> None:
    enrolling, store = world.portal.enrolling, world.store
    content = listed(world.programme, [row_of(world.programme, 9, 医療機関ID=BARE)])
    assert enrolling.preview(SECRETARIAT, P, content, "list.xlsx").refused == ()
    earlier = enrolling.preview(SECRETARIAT, P, content, "list.xlsx")
    if used == "record":
        fact = PartChange("fact", "has_remote_maintenance", {"value": True}, 0)
        store.records.change(SINGLE_USER, BARE, [fact])
    else:
        store.accounts.create(
            SINGLE_USER, "someone", "ある人", "institution" if used == "account" else "consultant", [BARE]
        )
    before = world.dump()
    (refused,) = enrolling.preview(SECRETARIAT, P, content, "list.xlsx").refused
    assert "管理者" in refused.reason
    with pytest.raises(PortalError, match="administrator"):
        enrolling.take(SECRETARIAT, P, earlier)
    assert world.dump() == before
    (made,) = enrolling.take(SINGLE_USER, P, enrolling.preview(SINGLE_USER, P, content, "list.xlsx"))
    assert (made.handover is None) == (used == "account")
    if used == "account":
        # Once in a programme it comes into the next one by the secretariat's list, and keeps its account.
        again = enrolling.preview(SECRETARIAT, NEXT, content, "list.xlsx")
        assert [each.handover for each in enrolling.take(SECRETARIAT, NEXT, again)] == [None]


# -- names and texts that are not what they should be ------------------------------------------------------------------

ODD: Final = ("", "../consent", "consent/", "external_lines/000001", "external_lines 0", "x" * 300, "外部", "a\nb", "%")


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_names_no_step_form_document_or_offer_is_refused_and_stores_nothing(world: World, odd: str) -> None:
    portal, me, before = world.portal, person_of(INSIDE), world.dump()
    mine, theirs = (me, PROGRAMME, INSIDE), (SECRETARIAT, PROGRAMME, INSIDE)
    upload = [Upload("図.pdf", PDF + b"stored in vain")]
    for call in (
        lambda: portal.messages.thread(*mine, odd),
        lambda: portal.messages.write(*mine, odd, "質問", upload),
        lambda: portal.messages.answer(*theirs, odd, "答え", upload),
        lambda: portal.participation.wish(*mine, odd, True),
        lambda: portal.participation.choose_date(*mine, odd, "1", 0),
        lambda: portal.participation.choose_date(*mine, SUPPORT, odd, world.step(INSIDE).schedule.version),
        lambda: portal.participation.ask_other_dates(*mine, odd, "翌週", 0),
        lambda: portal.handing_in.save_form(*mine, odd, {}, 0),
        lambda: portal.handing_in.save_form(*mine, "closing", {odd: "x"}, 0),
        lambda: portal.handing_in.hand_in_document(*mine, odd, upload, date(2026, 4, 1)),
        lambda: portal.feeding.take(*mine, [odd]),
        lambda: portal.feeding.decline(*mine, [odd]),
        lambda: portal.office.accept(*theirs, "form", odd, 0),
        lambda: portal.office.accept(*theirs, "document", odd, 0),
        lambda: portal.office.send_back(*theirs, "document", odd, "理由", 0),
        lambda: portal.office.propose_dates(*theirs, odd, _dates(), 0),
        lambda: portal.office.set_progress(*theirs, odd, None, "概要", 0),
        lambda: portal.office.set_progress(*theirs, SUPPORT, odd, "概要", 0),
        lambda: portal.office.hand_over(*theirs, odd, "手引き", upload[0]),
        lambda: portal.office.remind(*theirs, odd, "お願い"),
        lambda: portal.history.last_handed_in(*theirs, odd),
    ):
        with pytest.raises(PortalError):
            call()
    assert world.dump() == before


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [["x"]], [None], 7, True, float("nan")], ids=repr)
def test_an_answer_of_a_wrong_shape_is_told_and_not_kept(world: World, value: object) -> None:
    before, save = world.dump(), world.portal.handing_in.save_form
    for question in world.programme.form_by_id["closing"].questions:
        if question.options and question.shown_if is None:
            said = refusal(save, person_of(INSIDE), PROGRAMME, INSIDE, "closing", {question.id: value}, 0)
            assert isinstance(said, FormFaultsError)
    assert world.dump() == before


def test_an_upload_is_kept_under_a_plain_name(world: World) -> None:
    names = ["../../etc/x.pdf", "C:\\x\\y.pdf", "a\u202efdp.pdf", "<img src=x>.pdf", "con.pdf"]
    for number, name in enumerate(names):
        upload = Upload(name, PDF + bytes([number]))
        world.portal.messages.write(person_of(INSIDE), PROGRAMME, INSIDE, "consent", "添付", [upload])
    kept = [file.name for message in world.participant(INSIDE).steps["consent"].messages for file in message.files]
    assert len(kept) == len(names)
    assert not any(set(name) & set('/\\<>:"|?*\u202e') for name in kept)
    assert "con.pdf" not in kept


HOSTILE: Final = '<script>alert(1)</script><a href="javascript:1">"\'&'


def test_a_text_of_a_person_is_never_markup_of_the_other_side(world: World) -> None:
    from analyzer.programme.screens import institution as screens
    from analyzer.programme.screens.notifications import notification_fragment
    from analyzer.programme.screens.office import history_fragment

    portal, me = world.portal, person_of(INSIDE)
    portal.messages.write(me, PROGRAMME, INSIDE, SUPPORT, HOSTILE, [Upload(f"{HOSTILE}.pdf", PDF + b"x")])
    portal.participation.request_change(me, PROGRAMME, INSIDE, world.seen(INSIDE), HOSTILE)
    portal.participation.consent(me, PROGRAMME, INSIDE, HOSTILE, world.programme.terms.digest)
    portal.participation.ask_other_dates(me, PROGRAMME, INSIDE, SUPPORT, HOSTILE, world.step(INSIDE).schedule.version)
    portal.office.hand_over(SECRETARIAT, PROGRAMME, INSIDE, SUPPORT, HOSTILE, _upload(INSIDE, "b")[0], note=HOSTILE)
    participant = portal.office.view(SECRETARIAT, PROGRAMME, INSIDE)
    fragments = [
        history_fragment(*portal.history.of(SECRETARIAT, PROGRAMME, INSIDE)[:1], more=False),
        screens.checks_fragment(participant),
        screens.thread_fragment(participant.steps[SUPPORT]),
        *(notification_fragment(each, HOSTILE) for each in portal.notifications.list(SECRETARIAT)),
    ]
    shown = "".join(fragments)
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    assert 'href="javascript' not in shown
