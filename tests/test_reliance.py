"""What rests on a piece of evidence, and what falls without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from analyzer.engine.analysis import Analyzer
from analyzer.engine.reliance import (
    Item,
    find_item,
    named_by,
    own_evidence,
    register_items,
    reliance,
    relying_on,
)
from analyzer.engine.what_if import Fall, WhatIf
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.catalog import Certification
from analyzer.model.controls import Response
from analyzer.model.institution import Institution, Review
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import ASSURANCES, CONFORMITIES
from analyzer.resources import evidence_dir

TODAY = date(2026, 11, 1)
BEFORE_WITHDRAWAL = date(2025, 6, 1)
SAMPLES = ("hidamari-clinic", "minato-general-hospital")
ISO = Item("cybozu.com", "certification", "iso-27001")


def doc(number: str) -> Item:
    return Item("cybozu.com", "document", number)


@cache
def sample(name: str) -> Institution:
    return load_institution(evidence_dir() / "institutions" / f"{name}.yaml", load_knowledge())[0]


def answer(knowledge: KnowledgeBase, key: str) -> Response:
    return knowledge.controls[key].responses["cybozu.com"]


def having_read(institution: Institution, day: date) -> Institution:
    """The institution with a look at all public documents and at all under NDA on a day."""
    reviews = (Review("public", day, (), None, None), Review("nda", day, (), None, None))
    return replace(institution, services=tuple(replace(one, reviews=reviews) for one in institution.services))


def altered_answer(knowledge: KnowledgeBase, key: str, **fields: object) -> KnowledgeBase:
    control = knowledge.controls[key]
    response = replace(control.responses["cybozu.com"], **fields)  # type: ignore[arg-type]
    changed = replace(control, responses={"cybozu.com": response})
    return replace(knowledge, controls={**knowledge.controls, key: changed})


def result_of(assessment: Assessment, key: str) -> tuple[str, str]:
    found = next(one for one in assessment.results if one.control.key == key)
    return found.conformity, found.assurance


def keys(fall: Fall) -> set[str]:
    return {change.control.key for change in fall.changed}


# -- what rests on an entry -------------------------------------------------------------------------------------------


def test_every_mention_in_an_answer_is_found_again_under_its_entry(knowledge: KnowledgeBase) -> None:
    """Read the answers column by column here, and entry by entry there."""
    said = {
        (control.key, "cybozu.com", column, identity)
        for control in knowledge.controls.values()
        for column, identities in (
            ("confirmed", answer(knowledge, control.key).documents),
            ("finding", answer(knowledge, control.key).finding_documents),
            ("certification", answer(knowledge, control.key).certifications),
        )
        for identity in identities
    }
    found = {
        (one.control.key, item.vendor, how, item.id)
        for item, answers in reliance(knowledge, "cybozu.com").relying.items()
        for one in answers
        for how in one.how[item]
    }
    assert found == said
    assert len(said) > 200


def test_the_register_is_listed_whole_and_in_its_order(knowledge: KnowledgeBase) -> None:
    vendor = knowledge.vendors["cybozu.com"]
    listed = list(reliance(knowledge, "cybozu.com").relying)
    assert [item.id for item in listed] == [*vendor.documents, *vendor.certifications]
    assert listed == list(register_items(knowledge, "cybozu.com"))


def test_an_entry_that_nothing_rests_on_is_listed_with_nothing(knowledge: KnowledgeBase) -> None:
    vendor = knowledge.vendors["cybozu.com"]
    spare = replace(vendor.documents["15"], number="99")
    register = replace(vendor, documents={**vendor.documents, "99": spare})
    widened = replace(knowledge, vendors={**knowledge.vendors, "cybozu.com": register})
    assert reliance(widened, "cybozu.com").relying[doc("99")] == ()


def test_only_support_means_that_nothing_else_is_named(knowledge: KnowledgeBase) -> None:
    by_key = {one.control.key: one for one in reliance(knowledge, "cybozu.com").relying[doc("15")]}
    assert answer(knowledge, "mhlw-5:6.1-01").documents == ("15",)
    assert by_key["mhlw-5:6.1-01"].only_support
    # 6.1-02 names document 15 and rests on material under NDA too.
    assert answer(knowledge, "mhlw-5:6.1-02").nda_documents
    assert not by_key["mhlw-5:6.1-02"].only_support
    # 2.1-00 names one document and the certification: neither is alone, both together are everything.
    one, other, both = (relying_on(knowledge, items) for items in ([doc("01")], [ISO], [doc("01"), ISO]))
    alone = [
        {found.control.key: found.only_support for found in group}["meti-2:2.1-00"] for group in (one, other, both)
    ]
    assert alone == [False, False, True]


@pytest.mark.parametrize(
    "support",
    [{"interview": True}, {"nda_documents": True}, {"documents": ("15", "02")}, {"certifications": ("iso-27001",)}],
    ids=lambda fields: next(iter(fields)),
)
def test_any_other_support_counts(knowledge: KnowledgeBase, support: dict[str, object]) -> None:
    widened = altered_answer(knowledge, "mhlw-5:6.1-01", **support)
    by_key = {one.control.key: one for one in relying_on(widened, [doc("15")])}
    assert not by_key["mhlw-5:6.1-01"].only_support


def test_an_answer_marked_as_under_nda_has_support_there_even_where_no_column_says_which(
    knowledge: KnowledgeBase,
) -> None:
    marked = altered_answer(knowledge, "mhlw-5:6.1-01", disclosure="nda")
    by_key = {one.control.key: one for one in relying_on(marked, [doc("15")])}
    assert not by_key["mhlw-5:6.1-01"].only_support


def test_several_entries_lost_together_leave_less_than_each_alone(knowledge: KnowledgeBase) -> None:
    manuals = [doc(number) for number in ("20", "21", "22", "23")]
    assert not any(one.only_support for item in manuals for one in relying_on(knowledge, [item]))
    together = relying_on(knowledge, manuals)
    assert [one.control.key for one in together] == list(dict.fromkeys(one.control.key for one in together))
    bereft = {one.control.key for one in together if one.only_support}
    assert bereft == {
        control.key
        for control in knowledge.controls.values()
        for response in control.responses.values()
        if response.all_documents
        and set(response.all_documents) <= {"20", "21", "22", "23"}
        and response.disclosure != "nda"
        and not (response.certifications or response.interview or response.nda_documents)
    }
    assert bereft


def test_an_address_leads_to_its_entry_or_to_nothing(knowledge: KnowledgeBase) -> None:
    assert find_item(knowledge, "document", "cybozu.com:15") == doc("15")
    assert find_item(knowledge, "certification", ISO.address) == ISO
    for kind, address in (
        ("document", "cybozu.com:99"),
        ("document", "nobody:15"),
        ("document", "15"),
        ("document", ""),
    ):
        assert find_item(knowledge, kind, address) is None  # type: ignore[arg-type]
    assert find_item(knowledge, "certification", "cybozu.com:15") is None


# -- what falls without an entry of a vendor's register ---------------------------------------------------------------


def test_an_answer_without_its_only_public_document_is_backed_by_nothing(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(having_read(sample("minato-general-hospital"), TODAY), TODAY)
    fall = WhatIf(analyzer).without(assessment, [doc("15")])
    before = {change.control.key: change for change in fall.changed}
    lost = before["mhlw-5:6.1-01"]
    assert (lost.before.assurance, lost.after.assurance) == ("public", "none")
    assert (lost.before.conformity, lost.after.conformity) == ("conforming", "conforming_pending")
    assert lost.conformity_lost
    assert [gap.kind for gap in lost.new_gaps] == ["vendor_confirmation"]
    # 6.1-02 keeps its NDA material, and so its state.
    assert "mhlw-5:6.1-02" in {result.control.key for result in fall.unchanged}


def test_exactly_the_public_answers_that_name_nothing_else_change(analyzer: Analyzer) -> None:
    """Whatever was read, a public answer falls just when no document and no certification is left to it."""
    assessment = analyzer.analyze(having_read(sample("minato-general-hospital"), TODAY), TODAY)
    for item in register_items(analyzer.knowledge, "cybozu.com"):
        if item.kind == "document":
            fall = WhatIf(analyzer).without(assessment, [item])
            bereft = {
                one.control.key
                for one in relying_on(analyzer.knowledge, [item])
                if one.response.disclosure == "public" and not (one.left.documents or one.left.certifications)
            }
            assert keys(fall) == bereft, item


def test_a_certification_still_named_keeps_a_public_answer_public(analyzer: Analyzer) -> None:
    """On a day before the edition's withdrawal, 2.1-00 without its document; then without both."""
    day = BEFORE_WITHDRAWAL
    assessment = analyzer.analyze(having_read(sample("minato-general-hospital"), day.replace(month=5)), day)
    assert result_of(assessment, "meti-2:2.1-00") == ("conforming", "public")
    what_if = WhatIf(analyzer)
    assert "meti-2:2.1-00" not in keys(what_if.without(assessment, [doc("01")]))
    both = {change.control.key: change for change in what_if.without(assessment, [doc("01"), ISO]).changed}
    assert both["meti-2:2.1-00"].after.assurance == "stale"


def test_a_certification_that_lapses_takes_conformity_where_it_held(analyzer: Analyzer) -> None:
    day = BEFORE_WITHDRAWAL
    assessment = analyzer.analyze(having_read(sample("minato-general-hospital"), day.replace(month=5)), day)
    fall = WhatIf(analyzer).without(assessment, [ISO])
    assert fall.already_lapsed == ()
    assert keys(fall) == {"meti-2:2.1-00", "meti-2:2.3-04", "meti-2:2.3-05"}
    assert {change.after.assurance for change in fall.changed} == {"stale"}
    assert any(change.conformity_lost for change in fall.changed)


def test_where_the_survey_is_too_old_already_only_the_reason_changes(analyzer: Analyzer) -> None:
    """The clinic never read the chapters that name the certification: stale before, stale after, for another reason."""
    assessment = analyzer.analyze(sample("hidamari-clinic"), BEFORE_WITHDRAWAL)
    fall = WhatIf(analyzer).without(assessment, [ISO])
    assert len(fall.changed) == 3
    assert all(change.only_reason for change in fall.changed)
    assert all(change.before.assurance_reason != change.after.assurance_reason for change in fall.changed)


def test_a_certification_that_has_lapsed_already_changes_nothing_and_says_so(analyzer: Analyzer) -> None:
    for name in SAMPLES:
        fall = WhatIf(analyzer).without(analyzer.analyze(sample(name), TODAY), [ISO])
        assert fall.already_lapsed == (ISO,)
        assert fall.changed == ()
        assert {result.control.key for result in fall.unchanged} == {"meti-2:2.1-00", "meti-2:2.3-04", "meti-2:2.3-05"}


def test_what_was_looked_at_since_the_withdrawal_is_not_lost_by_supposing_it_again(analyzer: Analyzer) -> None:
    """Having seen the current certificate, the institution is not thrown back to the day in question."""
    assessment = analyzer.analyze(having_read(sample("minato-general-hospital"), date(2026, 3, 1)), TODAY)
    assert result_of(assessment, "meti-2:2.1-00")[1] == "public"
    assert WhatIf(analyzer).without(assessment, [ISO]).changed == ()


def test_the_day_of_withdrawal_counts_as_lapsed(analyzer: Analyzer) -> None:
    withdrawn = date(2025, 10, 31)
    institution = sample("minato-general-hospital")
    assert WhatIf(analyzer).without(analyzer.analyze(institution, withdrawn), [ISO]).already_lapsed == (ISO,)
    the_day_before = analyzer.analyze(institution, date(2025, 10, 30))
    assert WhatIf(analyzer).without(the_day_before, [ISO]).already_lapsed == ()


def test_a_certification_without_an_end_lapses_too(knowledge: KnowledgeBase) -> None:
    vendor = knowledge.vendors["cybozu.com"]
    endless: Certification = replace(vendor.certifications["iso-27001"], edition_withdrawn_on=None)
    register = replace(vendor, certifications={"iso-27001": endless})
    engine = Analyzer(replace(knowledge, vendors={**knowledge.vendors, "cybozu.com": register}))
    assessment = engine.analyze(having_read(sample("minato-general-hospital"), date(2026, 3, 1)), TODAY)
    fall = WhatIf(engine).without(assessment, [ISO])
    assert fall.already_lapsed == ()
    assert "meti-2:2.1-00" in keys(fall)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("day", [TODAY, BEFORE_WITHDRAWAL, date(2021, 1, 4)], ids=str)
def test_a_loss_never_makes_anything_better(analyzer: Analyzer, name: str, day: date) -> None:
    assessment = analyzer.analyze(sample(name), day)
    for item in register_items(analyzer.knowledge, "cybozu.com"):
        fall = WhatIf(analyzer).without(assessment, [item])
        relying = {one.control.key for one in relying_on(analyzer.knowledge, [item])}
        assert keys(fall) | {result.control.key for result in fall.unchanged} == relying
        for change in fall.changed:
            before, after = change.before, change.after
            assert ASSURANCES.index(after.assurance) >= ASSURANCES.index(before.assurance)
            assert CONFORMITIES.index(after.conformity) >= CONFORMITIES.index(before.conformity)
            assert {(gap.kind, gap.party) for gap in before.gaps} <= {(gap.kind, gap.party) for gap in after.gaps}


def test_a_document_that_only_the_finding_names_keeps_an_answer_public(knowledge: KnowledgeBase) -> None:
    engine = Analyzer(altered_answer(knowledge, "mhlw-5:6.1-01", finding_documents=("02",)))
    assessment = engine.analyze(having_read(sample("minato-general-hospital"), TODAY), TODAY)
    what_if = WhatIf(engine)
    assert "mhlw-5:6.1-01" not in keys(what_if.without(assessment, [doc("15")]))
    assert "mhlw-5:6.1-01" in keys(what_if.without(assessment, [doc("15"), doc("02")]))


def test_an_answer_marked_public_does_not_become_one_under_nda(knowledge: KnowledgeBase) -> None:
    """Else a page that vanishes would lift an answer whose NDA documents were read for other reasons."""
    widened = altered_answer(knowledge, "mhlw-5:6.1-01", interview=True)
    engine = Analyzer(widened)
    institution = sample("minato-general-hospital")
    read = (Review("nda", date(2026, 10, 1), (), None, None),)
    only_nda = replace(institution, services=tuple(replace(one, reviews=read) for one in institution.services))
    assessment = engine.analyze(only_nda, TODAY)
    assert result_of(assessment, "mhlw-5:6.1-01")[1] == "stale"
    change = next(
        one for one in WhatIf(engine).without(assessment, [doc("15")]).changed if one.control.key == "mhlw-5:6.1-01"
    )
    assert change.after.assurance == "none"


def test_nothing_falls_where_the_service_is_not_used(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(replace(sample("hidamari-clinic"), services=()), TODAY)
    assert WhatIf(analyzer).without(assessment, [doc("01"), ISO]) == Fall((), (), (ISO,))


def test_another_vendors_answers_stay(knowledge: KnowledgeBase) -> None:
    root = Path(__file__).parent / "data"
    engine = Analyzer(load_knowledge([root / "second-vendor"]))
    institution, _ = load_institution(root / "wakaba-dental.yaml", engine.knowledge)
    assessment = engine.analyze(institution, TODAY)
    assert "example-cloud" in {one.service for one in assessment.results}
    loss = Item("example-cloud", "document", "01")
    fall = WhatIf(engine).without(assessment, [loss])
    touched = {one.before.service for one in fall.changed} | {one.service for one in fall.unchanged}
    assert touched == {"example-cloud"}
    assert fall.changed
    assert all(loss in named_by(change.before.response) for change in fall.changed if change.before.response)


def test_an_unknown_entry_and_a_foreign_assessment_are_refused(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(sample("hidamari-clinic"), TODAY)
    what_if = WhatIf(analyzer)
    for unknown in (doc("99"), Item("nobody", "document", "01"), Item("cybozu.com", "certification", "iso-9001")):
        with pytest.raises(KeyError):
            what_if.without(assessment, [unknown])
    with pytest.raises(KeyError):
        what_if.without_own(assessment, ["no-such-record"])
    with pytest.raises(ValueError, match="another knowledge base"):
        what_if.without(replace(assessment, knowledge_version="other"), [ISO])


# -- the institution's own evidence -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_own_evidence_agrees_with_the_summary_on_what_expires(analyzer: Analyzer, name: str) -> None:
    """Whatever the summary announces is due or expired here, with the same days."""
    assessment = analyzer.analyze(sample(name), TODAY)
    found = {
        piece.evidence.id: piece
        for piece in own_evidence(assessment.institution, TODAY, analyzer.knowledge, analyzer.rulebook.policy)
    }
    assert list(found) == list(assessment.institution.evidence)
    assert assessment.summary.expiring
    for entry in assessment.summary.expiring:
        piece = found[entry.evidence.id]
        assert (piece.expires_on, piece.days) == (entry.expires_on, entry.days)
        assert piece.state == ("expired" if entry.days < 0 else "due")
        assert set(entry.controls) <= {resting.control.key for resting in piece.relying}


def test_the_state_turns_on_the_days_themselves(analyzer: Analyzer) -> None:
    institution = sample("hidamari-clinic")
    identity, held = next((key, one) for key, one in institution.evidence.items() if one.issued_on < date(2026, 1, 1))
    dated = replace(held, valid_until=date(2026, 12, 31))
    changed = replace(institution, evidence={**institution.evidence, identity: dated})

    def state(day: date) -> str:
        found = own_evidence(changed, day, analyzer.knowledge, analyzer.rulebook.policy)
        return next(piece.state for piece in found if piece.evidence.id == identity)

    assert state(date.fromordinal(held.issued_on.toordinal() - 1)) == "upcoming"
    assert state(held.issued_on) == "current"
    assert (state(date(2026, 10, 1)), state(date(2026, 10, 2))) == ("current", "due")
    assert (state(date(2026, 12, 31)), state(date(2027, 1, 1))) == ("due", "expired")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_fall_of_own_evidence_is_told_by_the_proof_that_is_left(analyzer: Analyzer, name: str) -> None:
    """Every duty whose proof would be another without the item is among the changes, and no other control is."""
    assessment = analyzer.analyze(sample(name), TODAY)
    held = {
        (one.control.key, duty.party) for one in assessment.results for duty in one.duties if duty.answer is not None
    }
    fell = 0
    for piece in own_evidence(assessment.institution, TODAY, analyzer.knowledge, analyzer.rulebook.policy):
        fall = WhatIf(analyzer).without_own(assessment, [piece.evidence.id])
        weaker = {
            resting.control.key
            for resting in piece.relying
            if resting.proof != resting.proof_without and (resting.control.key, resting.answer.party) in held
        }
        assert keys(fall) == weaker, piece.evidence.id
        named = {
            resting.control.key for resting in piece.relying if (resting.control.key, resting.answer.party) in held
        }
        assert {result.control.key for result in fall.unchanged} == named - weaker
        fell += len(weaker)
    assert fell > 20


def test_a_duty_loses_its_conformity_with_its_only_record(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(sample("minato-general-hospital"), TODAY)
    change = next(
        one
        for identity in assessment.institution.evidence
        for one in WhatIf(analyzer).without_own(assessment, [identity]).changed
        if one.conformity_lost
    )
    assert change.after.conformity == "conforming_pending"
    assert "proof_missing" in [gap.kind for gap in change.new_gaps]


def test_records_that_stand_in_for_each_other_fall_only_together(analyzer: Analyzer) -> None:
    institution = sample("minato-general-hospital")
    day = TODAY
    pieces = own_evidence(institution, day, analyzer.knowledge, analyzer.rulebook.policy)
    shared = next(
        resting.answer
        for piece in pieces
        for resting in piece.relying
        if len(resting.answer.evidence) == 2
        and resting.answer.status == "implemented"
        and resting.proof == "current"
        and all(
            other.proof_without == "current"
            for other_piece in pieces
            for other in other_piece.relying
            if other.answer is resting.answer
        )
    )
    assessment = analyzer.analyze(institution, day)
    what_if = WhatIf(analyzer)
    for identity in shared.evidence:
        assert shared.control not in keys(what_if.without_own(assessment, [identity]))
    assert shared.control in keys(what_if.without_own(assessment, shared.evidence))
