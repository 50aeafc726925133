"""The programme portal: both sides work through the steps, and what the institution tells feeds its record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from portal_world import PROGRAMME, SECRETARIAT, PortalWorld, listed, portal_world, row_of, whole_answers
from store_helpers import PDF, PNG

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook, shipped_rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme.enrolling import Enrolling
from analyzer.programme.handing_in import FormFaultsError
from analyzer.programme.office import WantedDate
from analyzer.programme.portal_files import Upload
from analyzer.programme.progress import StepState, step_states
from analyzer.programme.refusal import PortalError
from analyzer.store.accounts import Accounts
from analyzer.store.items import ItemConflictError
from analyzer.store.passwords import Passwords
from analyzer.store.principal import SINGLE_USER, ForbiddenError
from analyzer.store.records import UnknownInstitutionError

TODAY = date(2026, 6, 10)


@pytest.fixture
def world(store_location: str, tmp_path: Path, knowledge: KnowledgeBase, rulebook: Rulebook) -> Iterator[PortalWorld]:
    with portal_world(store_location, tmp_path / "files", knowledge, rulebook) as made:
        yield made


def place(world: PortalWorld, number: int = 0) -> str:
    return world.enrolled[number].institution


def state(world: PortalWorld, step: str, number: int = 0, as_of: date = TODAY) -> StepState:
    participant = world.portal.participation.view(world.person(number), PROGRAMME, place(world, number))
    return next(each for each in step_states(participant, as_of) if each.step.id == step)


def test_basic_data_are_confirmed_changed_and_confirmed_again(world: PortalWorld) -> None:
    me, here = world.person(), place(world)
    part, office = world.portal.participation, world.portal.office
    assert state(world, "basic_data").waiting_for == "institution"
    seen = part.view(me, PROGRAMME, here).registration
    part.request_change(me, PROGRAMME, here, seen.version, "電話番号を 03-0000-9999 に直してください")
    assert state(world, "basic_data").waiting_for == "secretariat"
    field = next(each for each in world.programme.registration if each.type == "phone")
    office.change_registration(
        SECRETARIAT, PROGRAMME, here, {**seen.values, field.id: "０３－００００－９９９９"}, seen.version
    )
    with pytest.raises(PortalError, match="changed meanwhile"):
        part.confirm_registration(me, PROGRAMME, here, seen.version)
    now = part.view(me, PROGRAMME, here).registration
    assert now.values[field.id] == "03-0000-9999"
    assert state(world, "basic_data").waiting_for == "institution"
    part.confirm_registration(me, PROGRAMME, here, now.version)
    assert state(world, "basic_data").status == "done"
    checks = part.view(me, PROGRAMME, here).checks
    assert [(each.outcome, each.signed.login) for each in checks] == [("change", me.login), ("correct", me.login)]


def test_a_consent_names_the_terms_and_stays(world: PortalWorld) -> None:
    me, here = world.person(), place(world)
    part = world.portal.participation
    terms = world.programme.terms
    with pytest.raises(PortalError, match="terms have changed"):
        part.consent(me, PROGRAMME, here, "院長 架空花子", "0" * 64)
    part.consent(me, PROGRAMME, here, " 院長  架空花子 ", terms.digest)
    given = part.view(me, PROGRAMME, here).consent
    assert given is not None
    assert (given.name, given.terms_version, given.digest) == ("院長 架空花子", terms.version, terms.digest)
    with pytest.raises(PortalError, match="already"):
        part.consent(me, PROGRAMME, here, "別の人", terms.digest)
    assert state(world, "consent").status == "done"


def test_an_optional_step_is_asked_for_and_declined_until_something_is_handed_in(world: PortalWorld) -> None:
    me, here = world.person(), place(world)
    part = world.portal.participation
    optional = next(step for step in world.programme.steps if step.optional is not None)
    with pytest.raises(PortalError, match="not wanted"):
        hand_in(world, optional.documents[0].id)
    part.wish(me, PROGRAMME, here, optional.id, wanted=False)
    assert state(world, optional.id).status == "not_wanted"
    part.wish(me, PROGRAMME, here, optional.id, wanted=True)
    hand_in(world, optional.documents[0].id)
    with pytest.raises(PortalError, match="only the secretariat"):
        part.wish(me, PROGRAMME, here, optional.id, wanted=False)


def hand_in(world: PortalWorld, document: str, content: bytes = PDF, name: str = "図.pdf", number: int = 0) -> None:
    world.portal.handing_in.hand_in_document(
        world.person(number), PROGRAMME, place(world, number), document, [Upload(name, content)], date(2026, 4, 1)
    )


def test_a_document_is_sent_back_handed_in_again_and_accepted(world: PortalWorld) -> None:
    me, here, office = world.person(), place(world), world.portal.office
    hand_in(world, "network_diagram")

    first = world.portal.participation.view(me, PROGRAMME, here).steps["external_lines"].documents["network_diagram"]
    assert (first.state, first.files[0].name, first.issued_on) == ("handed_in", "図.pdf", "2026-04-01")
    office.send_back(SECRETARIAT, PROGRAMME, here, "document", "network_diagram", "拠点の図がありません", first.version)
    back = world.portal.participation.view(me, PROGRAMME, here).steps["external_lines"].documents["network_diagram"]
    assert (back.state, back.reason) == ("sent_back", "拠点の図がありません")
    hand_in(world, "network_diagram", PNG, "図2.png")
    again = world.portal.participation.view(me, PROGRAMME, here).steps["external_lines"].documents["network_diagram"]
    assert [each.name for each in again.files] == ["図2.png"]
    assert [each.name for each in again.earlier] == ["図.pdf"]
    with pytest.raises(ItemConflictError):
        office.accept(SECRETARIAT, PROGRAMME, here, "document", "network_diagram", first.version)
    office.accept(SECRETARIAT, PROGRAMME, here, "document", "network_diagram", again.version)
    with pytest.raises(PortalError, match="accepted already"):
        hand_in(world, "network_diagram")


def test_files_are_refused_for_kind_size_and_number_and_nothing_is_handed_in(world: PortalWorld) -> None:
    too_many = [Upload(f"{n}.pdf", PDF + bytes([n])) for n in range(world.programme.files.per_place + 1)]
    for uploads in ([Upload("a.exe", b"MZ")], [Upload("a.pdf", PNG)], [Upload("a.pdf", b"")], too_many, []):
        with pytest.raises(PortalError):
            world.portal.handing_in.hand_in_document(
                world.person(), PROGRAMME, place(world), "network_diagram", uploads, date(2026, 4, 1)
            )
    assert state(world, "external_lines").tasks[1].waiting_for == "institution"


def test_files_are_opened_only_where_they_belong(world: PortalWorld) -> None:
    hand_in(world, "network_diagram")
    me, other, here, there = world.person(0), world.person(1), place(world, 0), place(world, 1)
    (_, sha256), found = next(iter(world.portal.participation.view(me, PROGRAMME, here).files.items()))
    opened, content = world.portal.files.open(me, PROGRAMME, here, found.place, sha256)
    assert (opened.name, content) == ("図.pdf", PDF)
    with pytest.raises(ForbiddenError):
        world.portal.files.open(other, PROGRAMME, here, found.place, sha256)
    with pytest.raises(PortalError):
        world.portal.files.open(other, PROGRAMME, there, found.place, sha256)
    with pytest.raises(ForbiddenError):
        world.portal.files.open_as_secretariat(me, PROGRAMME, here, found.place, sha256)


def test_dates_are_proposed_declined_proposed_again_and_agreed(world: PortalWorld) -> None:
    me, here = world.person(), place(world)
    part, office = world.portal.participation, world.portal.office

    first = WantedDate(date(2026, 7, 1), time(13, 30), time(15, 0), "来院")
    second = WantedDate(date(2026, 7, 8), time(10, 0), time(11, 0), "来院")
    office.propose_dates(SECRETARIAT, PROGRAMME, here, "external_lines", [first], 0)
    seen = part.view(me, PROGRAMME, here).steps["external_lines"].schedule
    part.ask_other_dates(me, PROGRAMME, here, "external_lines", "翌週なら", seen.version)
    asked = part.view(me, PROGRAMME, here).steps["external_lines"].schedule
    assert asked.other == "翌週なら"
    office.propose_dates(SECRETARIAT, PROGRAMME, here, "external_lines", [second], asked.version)
    proposed = part.view(me, PROGRAMME, here).steps["external_lines"].schedule
    with pytest.raises(PortalError, match="no proposal"):
        part.choose_date(me, PROGRAMME, here, "external_lines", "1", proposed.version)
    part.choose_date(me, PROGRAMME, here, "external_lines", proposed.proposals[0].id, proposed.version)
    agreed = part.view(me, PROGRAMME, here).steps["external_lines"].schedule.agreed
    assert agreed is not None
    assert (agreed.day, agreed.start) == ("2026-07-08", "10:00")


def test_a_form_with_gaps_is_kept_but_not_handed_in(world: PortalWorld) -> None:
    me, here = world.person(), place(world)
    form = world.programme.form_by_id["network"]
    handing_in = world.portal.handing_in
    whole = whole_answers(form, {})
    some = dict(list(whole.items())[:2])
    handing_in.save_form(me, PROGRAMME, here, "network", some, 0)
    paper = world.portal.participation.view(me, PROGRAMME, here).steps["external_lines"].forms["network"]
    assert (paper.state, dict(paper.answers)) == ("draft", some)
    with pytest.raises(FormFaultsError) as refused:
        handing_in.hand_in_form(me, PROGRAMME, here, "network", some, paper.version)
    assert set(refused.value.faults) <= set(whole)
    with pytest.raises(FormFaultsError):
        handing_in.save_form(me, PROGRAMME, here, "network", {"exchange_lines": ["no such line"]}, paper.version)
    with pytest.raises(ItemConflictError):
        handing_in.save_form(me, PROGRAMME, here, "network", whole, 0)
    handing_in.hand_in_form(me, PROGRAMME, here, "network", whole, paper.version)
    assert (
        world.portal.participation.view(me, PROGRAMME, here).steps["external_lines"].forms["network"].state
        == "handed_in"
    )


def test_what_an_accepted_form_says_counts_once_the_institution_takes_it(
    world: PortalWorld, analyzer: Analyzer
) -> None:
    me, here, office = world.person(), place(world), world.portal.office
    form = world.programme.form_by_id["network"]
    world.portal.handing_in.hand_in_form(me, PROGRAMME, here, "network", whole_answers(form, {}), 0)
    for document in ("network_diagram", "line_list", "maintenance_contracts", "maintenance_records", "device_settings"):
        hand_in(world, document)
        paper = office.view(SECRETARIAT, PROGRAMME, here).steps["external_lines"].documents[document]
        office.accept(SECRETARIAT, PROGRAMME, here, "document", document, paper.version)
    before = world.store.records.read(me, here)
    paper = office.view(SECRETARIAT, PROGRAMME, here).steps["external_lines"].forms["network"]
    office.accept(SECRETARIAT, PROGRAMME, here, "form", "network", paper.version)
    assert world.store.records.read(me, here).document == before.document
    offers = world.portal.feeding.offers(me, PROGRAMME, here)
    facts = [each for each in offers if each.offer.kind == "fact"]
    answers = [each for each in offers if each.offer.kind == "answer"]
    assert facts
    assert answers
    declined = facts[-1].offer.id
    world.portal.feeding.decline(me, PROGRAMME, here, [declined])
    taken = [each.offer.id for each in offers if each.offer.id != declined]
    record = world.portal.feeding.take(me, PROGRAMME, here, taken)
    for shown in offers:
        if shown.offer.kind == "fact":
            held = record.document["profile"].get(shown.offer.key)
            assert (held == shown.offer.data["value"]) == (shown.offer.id != declined)
    statuses = {f"{each['control']} {each['party']}": each for each in record.document["answers"]}
    for shown in answers:
        assert statuses[shown.offer.key]["status"] == shown.offer.data["status"]
    with_evidence = [each for each in statuses.values() if each.get("evidence")]
    assert with_evidence
    assert all(f"{PROGRAMME}." in name for each in with_evidence for name in each["evidence"])
    assert world.store.files.attachments(me, here)
    results = analyzer.analyze(record.institution, date(2026, 11, 30)).results
    assert any(duty.status != "unanswered" for result in results for duty in result.duties)
    with pytest.raises(PortalError, match="taken already"):
        world.portal.feeding.take(me, PROGRAMME, here, taken[:1])


def accepted_form(world: PortalWorld, form: str, answers: dict[str, object]) -> None:
    """The institution hands a form in, and the secretariat accepts it."""
    me, here, office = world.person(), place(world), world.portal.office
    step = world.programme.step_of_form[form].id
    paper = world.portal.participation.view(me, PROGRAMME, here).steps[step].forms[form]
    world.portal.handing_in.hand_in_form(me, PROGRAMME, here, form, answers, paper.version)
    version = office.view(SECRETARIAT, PROGRAMME, here).steps[step].forms[form].version
    office.accept(SECRETARIAT, PROGRAMME, here, "form", form, version)


def test_an_offer_that_the_form_no_longer_makes_cannot_be_taken(world: PortalWorld) -> None:
    me, here, office = world.person(), place(world), world.portal.office
    form = world.programme.form_by_id["network"]
    accepted_form(world, "network", whole_answers(form, {"exchange_lines": ["internet"]}))
    lines = "network/fact exchanges_externally"
    assert lines in {each.offer.id for each in world.portal.feeding.offers(me, PROGRAMME, here)}
    paper = office.view(SECRETARIAT, PROGRAMME, here).steps["external_lines"].forms["network"]
    office.send_back(SECRETARIAT, PROGRAMME, here, "form", "network", "回線を確かめてください", paper.version)
    with pytest.raises(PortalError, match="not accepted any more"):
        world.portal.feeding.take(me, PROGRAMME, here, [lines])
    accepted_form(world, "network", whole_answers(form, {"exchange_lines": ["unknown"]}))
    assert lines not in {each.offer.id for each in world.portal.feeding.offers(me, PROGRAMME, here)}


def test_messages_stay_in_order_with_their_files_and_tell_the_other_side(world: PortalWorld) -> None:
    me, here, messages = world.person(), place(world), world.portal.messages
    messages.write(me, PROGRAMME, here, "external_lines", "VPN機器の一覧は\n必要ですか", [Upload("表.png", PNG)])
    messages.answer(SECRETARIAT, PROGRAMME, here, "external_lines", "はい、お願いします")
    messages.write(me, PROGRAMME, here, "external_lines", "承知しました")
    thread = messages.thread(me, PROGRAMME, here, "external_lines")
    assert [each.side for each in thread] == ["institution", "secretariat", "institution"]
    assert [each.name for each in thread[0].files] == ["表.png"]
    told = world.portal.notifications.list(me)
    assert any("はい、お願いします" in each.text for each in told)
    for text in ("", "   ", "a" * 8_001, "\x00"):
        with pytest.raises(PortalError):
            messages.write(me, PROGRAMME, here, "external_lines", text)


def test_a_step_is_over_when_both_sides_have_done_their_part(world: PortalWorld) -> None:
    me, here, office = world.person(), place(world), world.portal.office
    hearing = next(step for step in world.programme.steps if step.kind == "hearing")
    assert state(world, hearing.id).waiting_for == "secretariat"
    wanted = WantedDate(date(2026, 9, 1), time(10, 0), time(11, 0), "オンライン")
    office.propose_dates(SECRETARIAT, PROGRAMME, here, hearing.id, [wanted], 0)
    seen = world.portal.participation.view(me, PROGRAMME, here).steps[hearing.id].schedule
    world.portal.participation.choose_date(me, PROGRAMME, here, hearing.id, seen.proposals[0].id, seen.version)
    office.set_progress(SECRETARIAT, PROGRAMME, here, hearing.id, hearing.stages[-1].id, "復元の試験を伺った", 0)
    done = state(world, hearing.id, as_of=date(2027, 3, 1))
    assert (done.status, done.overdue) == ("done", False)
    late = state(world, "closing", as_of=date(2027, 3, 1))
    assert (late.status, late.overdue) == ("todo", True)


def test_institutions_see_and_change_their_own_part_alone(world: PortalWorld) -> None:
    me, there = world.person(0), place(world, 1)
    part = world.portal.participation
    for call in (
        lambda: part.view(me, PROGRAMME, there),
        lambda: part.confirm_registration(me, PROGRAMME, there, 1),
        lambda: world.portal.messages.thread(me, PROGRAMME, there, "consent"),
        lambda: world.portal.messages.answer(me, PROGRAMME, place(world), "consent", "事務局のふり"),
        lambda: world.portal.office.view(me, PROGRAMME, place(world)),
        lambda: world.portal.board.rows(me, PROGRAMME, TODAY),
    ):
        with pytest.raises(ForbiddenError):
            call()
    with pytest.raises(UnknownInstitutionError):
        world.portal.office.view(SECRETARIAT, PROGRAMME, "no-such-place")


def test_every_act_is_in_the_trail_and_the_trail_holds(world: PortalWorld) -> None:
    hand_in(world, "network_diagram")
    world.portal.messages.write(world.person(), PROGRAMME, place(world), "consent", "質問です")
    report = world.store.audit.verify(SINGLE_USER)
    assert report.faults == ()
    actions = {each.change.action for each in world.store.audit.log(SINGLE_USER, institution=place(world))}
    assert {"enrol", "hand_in", "write"} <= actions


def test_a_list_is_shown_with_refused_rows_before_anything_is_made(world: PortalWorld) -> None:
    programme = world.programme
    email = next(field.heading for field in programme.registration if field.type == "email")
    rows = [
        row_of(programme, 11),
        row_of(programme, 12, 医療機関名=None),
        row_of(programme, 13, 種別="美容室"),
        row_of(programme, 14, 病床数="多い"),
        row_of(programme, 15, **{email: "person11@example.jp"}),
        row_of(programme, 1),
        row_of(programme, 16, **{email: "nobody"}),
    ]
    preview = world.portal.enrolling.preview(SECRETARIAT, PROGRAMME, listed(programme, rows), "list.xlsx")
    assert [each.number for each in preview.accepted] == ["11"]
    assert [each.row for each in preview.refused] == [3, 4, 5, 6, 7, 8]
    assert preview.refused[1].cell.endswith("4")
    assert "美容室" in preview.refused[1].reason
    assert len(world.portal.board.rows(SECRETARIAT, PROGRAMME, TODAY)) == 2


def test_three_hundred_institutions_come_in_from_one_list(world: PortalWorld) -> None:
    cheap = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    accounts = Accounts(world.store.database, passwords=cheap)
    enrolling = Enrolling(world.portal.desk, world.store.records, accounts, shipped_rulebook())
    rows = [row_of(world.programme, 100 + number) for number in range(300)]
    preview = enrolling.preview(SECRETARIAT, PROGRAMME, listed(world.programme, rows), "list.xlsx")
    assert (len(preview.accepted), preview.refused) == (300, ())
    told: list[tuple[int, int]] = []
    made = enrolling.take(SECRETARIAT, PROGRAMME, preview, lambda done, of: told.append((done, of)))
    assert len({each.handover.first_password for each in made if each.handover is not None}) == 300
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    assert len(world.portal.board.rows(SECRETARIAT, PROGRAMME, TODAY)) == 302
    last = made[-1].handover
    assert last is not None
    person = world.store.signing_in.log_in(last.account.login, last.first_password)
    assert person.must_change


def test_next_year_s_list_brings_the_same_institutions_with_the_accounts_that_they_have(world: PortalWorld) -> None:
    programme = world.programme
    following = replace(programme, id="next-year")
    desk = world.portal.desk
    desk.programmes = {**desk.programmes, following.id: following}
    known = place(world)
    row = row_of(programme, 1, 医療機関ID=known)
    preview = world.portal.enrolling.preview(SECRETARIAT, following.id, listed(programme, [row]), "next.xlsx")
    assert [(each.id, each.state) for each in preview.accepted] == [(known, "known")]
    made = world.portal.enrolling.take(SECRETARIAT, following.id, preview)
    assert [each.handover for each in made] == [None]
    assert set(world.portal.participation.programmes(world.person(), known)) == {following.id, PROGRAMME}


def test_a_list_that_was_stopped_half_way_goes_on(world: PortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    programme = world.programme
    content = listed(programme, [row_of(programme, 21), row_of(programme, 22)])
    enrolling = world.portal.enrolling
    preview = enrolling.preview(SECRETARIAT, PROGRAMME, content, "list.xlsx")
    with monkeypatch.context() as patched:
        patched.setattr(world.store.accounts, "create_participant_accounts", _stopped)
        with pytest.raises(KeyboardInterrupt):
            enrolling.take(SECRETARIAT, PROGRAMME, preview)
    again = enrolling.preview(SECRETARIAT, PROGRAMME, content, "list.xlsx")
    assert [each.state for each in again.accepted] == ["known", "known"]
    made = enrolling.take(SECRETARIAT, PROGRAMME, again)
    assert all(each.handover is not None for each in made)
    assert not enrolling.preview(SECRETARIAT, PROGRAMME, content, "list.xlsx").accepted


def _stopped(*_args: object, **_more: object) -> None:
    raise KeyboardInterrupt
