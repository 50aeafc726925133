"""The laws of the rule engine that hold whatever the tables say (docs: the design's section on the rule engine).

Each law is proved over every cell there can be (`InputSpace`, 3,548,448 cells as the tables stand), and tried on
generated institutions, where facts, dates, evidence, reviews and SI vendor are in play as well: against the shipped
knowledge base and against a synthetic one that has every sort of control.

The order of conformity: 不適合 and 未評価 stand side by side at the bottom, then 一部適合, 適合（要確認）, 適合.
該当なし stands outside of the order. The order of answers: 未実施 < 計画中 < 一部実施 < 実施済, and 未回答 < 一部実施.

What holds of answers, exactly (found by trying every pair): to raise one party's answer in that order never lowers
conformity, whatever proof stands behind either answer, whether or not it is carried over, and whatever the other
party says; nor does 未実施 -> 未回答. Nothing else holds. 未回答 is not below 未実施 or 計画中: where the SI vendor's
duty is done and the institution has not answered, the control is 一部適合, and it is 不適合 once the institution says
未実施, or 計画中 for a minimum item. 該当なし is not comparable with any answer.
"""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise, permutations
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from input_space import InputSpace
from strategies import (
    as_of_days,
    duty_keys,
    institutions,
    make_answer,
    pieces_of_evidence,
    reviews,
    synthetic_knowledge,
)

import analyzer as package
from analyzer.engine import periods
from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.model.catalog import Certification
from analyzer.model.institution import Answer, Evidence, Institution, Review, Service
from analyzer.model.results import Assessment, ControlResult, Gap
from analyzer.model.vocabulary import CONFORMITIES, GAP_KINDS, LEVELS, PARTIES, Disclosure, Level, Status

RANK: dict[str, int] = {
    "nonconforming": 0,
    "not_assessed": 0,
    "partial": 1,
    "conforming_pending": 2,
    "conforming": 3,
}
BETTER: tuple[tuple[Status, Status], ...] = (
    ("not_implemented", "planned"),
    ("not_implemented", "partial"),
    ("not_implemented", "implemented"),
    ("planned", "partial"),
    ("planned", "implemented"),
    ("partial", "implemented"),
    ("unanswered", "partial"),
    ("unanswered", "implemented"),
)
URGENCY: dict[str, int] = {"none": 0, "low": 1, "medium": 2, "high": 3}
PROOF_ORDER = ("missing", "expired", "current")
GAP_ARRAYS = ("user_gap", "integrator_gap", "vendor_gap")
DUTY_GAPS = {"duty_open", "duty_unanswered", "proof_missing", "proof_expired"}
T = TypeVar("T")
_SYNTHETIC = synthetic_knowledge()


# --- over every cell ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def space(rulebook: Rulebook) -> InputSpace:
    return InputSpace(rulebook)


@pytest.fixture(scope="module")
def rank(space: InputSpace) -> np.ndarray:
    """The place of every cell in the order of conformity; -1 outside of it."""
    return space.output("conformity", "conformity", RANK, otherwise=-1)


@pytest.fixture(scope="module")
def conformity(space: InputSpace) -> np.ndarray:
    """The conformity of every cell, as its position among the words."""
    return space.output("conformity", "conformity", {word: index for index, word in enumerate(CONFORMITIES)})


def urgency(space: InputSpace, array: str) -> np.ndarray:
    """How urgent the gap of every cell is: 0 where there is none."""
    return space.output(array, "priority", URGENCY)


def kinds(space: InputSpace, array: str) -> np.ndarray:
    """The kind of the gap of every cell, as its position among the words; -1 where there is none."""
    return space.output(array, "kind", {word: index for index, word in enumerate(GAP_KINDS)}, otherwise=-1)


def has_gap(space: InputSpace) -> np.ndarray:
    user, integrator, vendor = (kinds(space, array) >= 0 for array in GAP_ARRAYS)
    return user | integrator | vendor


def duty_positions(space: InputSpace, status: str) -> list[int]:
    return [index for index, duty in enumerate(space.duties) if duty is not None and duty.status == status]


@pytest.mark.parametrize("party", ["user", "integrator"])
@pytest.mark.parametrize(("worse", "better"), BETTER)
def test_a_better_answer_never_makes_conformity_worse(
    space: InputSpace, rank: np.ndarray, conformity: np.ndarray, party: str, worse: str, better: str
) -> None:
    for before in duty_positions(space, worse):
        for after in duty_positions(space, better):
            ranks = rank[space.along(party, before)], rank[space.along(party, after)]
            assert (ranks[1] >= ranks[0]).all(), (party, space.duties[before], space.duties[after])
            words = conformity[space.along(party, before)], conformity[space.along(party, after)]
            moved = words[0] != words[1]
            # An answer that changes anything moves the control up: never sideways between 不適合 and 未評価.
            assert (ranks[1] > ranks[0])[moved].all(), (party, space.duties[before], space.duties[after])


def test_the_order_of_answers_is_all_that_holds(space: InputSpace, rank: np.ndarray) -> None:
    """The module's docstring says what holds and that nothing else does: the counterexamples are there."""
    holding = set()
    for worse, better in permutations(space.rulebook.tables["duty"].inputs["status"], 2):
        steps = [(a, b) for a in duty_positions(space, worse) for b in duty_positions(space, better)]
        before = (rank[space.along("user", a)] for a, _ in steps)
        after = (rank[space.along("user", b)] for _, b in steps)
        if all((new >= old).all() and ((new < 0) == (old < 0)).all() for old, new in zip(before, after, strict=True)):
            holding.add((worse, better))
    assert holding == {*BETTER, ("not_implemented", "unanswered")}


def test_stronger_proof_never_makes_conformity_worse_and_never_adds_a_gap(space: InputSpace, rank: np.ndarray) -> None:
    """missing -> expired -> current, and carried over -> checked again. A missing proof that is replaced by a lapsed
    one changes the gap's kind; that is the same gap at the same priority, not one more."""
    steps = [
        (before, after)
        for before, weak in enumerate(space.duties)
        for after, strong in enumerate(space.duties)
        if weak is not None
        and strong is not None
        and weak.status == strong.status
        and PROOF_ORDER.index(weak.proof) <= PROOF_ORDER.index(strong.proof)
        and ("carried_over", "done").index(weak.recheck) <= ("carried_over", "done").index(strong.recheck)
    ]
    assert len(steps) == 6 * 6 * 3
    for party in ("user", "integrator"):
        for before, after in steps:
            weak, strong = space.along(party, before), space.along(party, after)
            assert (rank[strong] >= rank[weak]).all(), (party, space.duties[before], space.duties[after])
    for party in ("user", "integrator"):
        gaps = urgency(space, f"{party}_gap")
        for before, after in steps:
            assert (gaps[space.along(party, after)] <= gaps[space.along(party, before)]).all()


@pytest.mark.parametrize(
    ("axis", "order"),
    [
        ("review", ("never", "outdated", "current")),
        ("survey", ("old", "fresh")),
        ("certificate", ("lapsed", "valid")),
    ],
)
def test_stronger_vendor_evidence_never_makes_conformity_worse_and_never_adds_a_gap(
    space: InputSpace, rank: np.ndarray, axis: str, order: tuple[str, ...]
) -> None:
    gaps = urgency(space, "vendor_gap")
    for weak, strong in pairwise(order):
        before = space.along(axis, space.words[axis].index(weak))
        after = space.along(axis, space.words[axis].index(strong))
        assert (rank[after] >= rank[before]).all(), (axis, weak, strong)
        assert (gaps[after] <= gaps[before]).all(), (axis, weak, strong)


@pytest.mark.parametrize("party", ["user", "integrator"])
def test_an_unanswered_duty_is_never_conforming(space: InputSpace, rank: np.ndarray, party: str) -> None:
    for position in duty_positions(space, "unanswered"):
        assert (rank[space.along(party, position)] < RANK["conforming_pending"]).all(), space.duties[position]


@pytest.mark.parametrize("answer", ["not_conforming", "no_answer"])
def test_a_vendor_that_does_not_conform_or_does_not_answer_is_never_conforming(
    space: InputSpace, rank: np.ndarray, answer: str
) -> None:
    cells = rank[space.along("vendor_answer", space.words["vendor_answer"].index(answer))]
    assert (cells <= RANK["nonconforming"]).all()


def test_a_control_that_does_not_apply_has_no_gap(space: InputSpace) -> None:
    """Whether the condition leaves it out or the user side declares it not applicable."""
    left_out = space.says("conformity", "conformity", "not_applicable")
    assert left_out[space.along("condition", space.words["condition"].index("unmet"))].all()
    broken = left_out & has_gap(space)
    assert not broken.any(), space.first(broken)


def test_a_conforming_control_has_no_gap(space: InputSpace) -> None:
    broken = space.says("conformity", "conformity", "conforming") & has_gap(space)
    assert not broken.any(), space.first(broken)


def test_what_falls_short_says_what_is_missing(space: InputSpace) -> None:
    """不適合, 未評価 and 一部適合 come with a gap always; so does 適合（要確認）, save where a carried-over answer
    waits to be checked again: no kind of gap stands for that, `carried_over` shows it."""
    silent = ~has_gap(space)
    broken = space.says("conformity", "conformity", "nonconforming", "not_assessed", "partial") & silent
    assert not broken.any(), space.first(broken)
    waiting = np.array(
        [duty is not None and (duty.status, duty.recheck) == ("implemented", "carried_over") for duty in space.duties]
    )
    explained = waiting[space.columns.user] | waiting[space.columns.integrator]
    broken = space.says("conformity", "conformity", "conforming_pending") & silent & ~explained
    assert not broken.any(), space.first(broken)


@pytest.mark.parametrize("array", GAP_ARRAYS)
def test_a_recommended_gap_never_outranks_the_same_minimum_gap(space: InputSpace, array: str) -> None:
    minimum, recommended, none = (
        space.along("level", space.words["level"].index(level)) for level in ("minimum", "recommended", "none")
    )
    kind, urgent = kinds(space, array), urgency(space, array)
    assert (kind[recommended] == kind[minimum]).all()
    assert (urgent[recommended] <= urgent[minimum]).all()
    assert (kind[none] == kind[minimum]).all()
    assert (urgent[none] == urgent[minimum]).all()


def test_an_item_without_a_level_is_judged_as_a_minimum_one(space: InputSpace, conformity: np.ndarray) -> None:
    minimum, none = (space.along("level", space.words["level"].index(level)) for level in ("minimum", "none"))
    assert (conformity[none] == conformity[minimum]).all()


def test_a_gap_always_has_a_priority_and_no_gap_never_has_one(rulebook: Rulebook) -> None:
    for table in ("duty_gap", "vendor_gap"):
        for rule in rulebook.tables[table].rules:
            assert (rule.then["kind"] == "no_gap") == (rule.then["priority"] == "none"), rule.id
            if "party" in rule.then:
                assert (rule.then["kind"] == "no_gap") == (rule.then["party"] == "none"), rule.id


# --- over generated institutions ------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["shipped", "synthetic"])
def analyst(request: pytest.FixtureRequest, analyzer: Analyzer) -> Analyzer:
    return analyzer if request.param == "shipped" else Analyzer(_SYNTHETIC)


def conformity_rank(result: ControlResult) -> int:
    return RANK.get(result.conformity, -1)


def gap_slots(result: ControlResult) -> dict[str, Gap]:
    """A result's gaps by what they are about: one party's duty, or the vendor."""
    return {gap.party if gap.kind in DUTY_GAPS else "about the vendor": gap for gap in result.gaps}


def pairs(before: Assessment, after: Assessment) -> Iterator[tuple[ControlResult, ControlResult]]:
    for old, new in zip(before.results, after.results, strict=True):
        assert (old.control.key, old.service) == (new.control.key, new.service)
        yield old, new


def with_answer(institution: Institution, answer: Answer) -> Institution:
    return replace(institution, answers={**institution.answers, (answer.control, answer.party): answer})


def without_answer(institution: Institution, control: str, party: str) -> Institution:
    kept = {key: answer for key, answer in institution.answers.items() if key != (control, party)}
    return replace(institution, answers=kept)


@given(data=st.data())
def test_raising_an_answer_worsens_no_control(analyst: Analyzer, data: st.DataObject) -> None:
    institution = data.draw(institutions(analyst.knowledge))
    as_of = data.draw(as_of_days())
    key = data.draw(duty_keys(analyst.knowledge))
    worse, better = data.draw(st.sampled_from(BETTER))
    evidence = data.draw(st.sets(st.sampled_from(["none", *institution.evidence]))) - {"none"}
    raised = with_answer(institution, make_answer(*key, better, sorted(evidence)))
    lower = (
        without_answer(institution, *key)
        if worse == "unanswered"
        else with_answer(institution, make_answer(*key, worse, sorted(evidence)))
    )
    for old, new in pairs(analyst.analyze(lower, as_of), analyst.analyze(raised, as_of)):
        if old.control.key != key[0]:
            assert old == new
        assert conformity_rank(new) >= conformity_rank(old)
        assert (new.conformity == "not_applicable") == (old.conformity == "not_applicable")


def assert_no_worse(before: Assessment, after: Assessment) -> None:
    for old, new in pairs(before, after):
        assert conformity_rank(new) >= conformity_rank(old)
        slots = gap_slots(old)
        for slot, gap in gap_slots(new).items():
            assert slot in slots, f"{new.control.key}: more evidence added {gap}"
            assert URGENCY[gap.priority] <= URGENCY[slots[slot].priority]


@given(data=st.data())
def test_another_piece_of_evidence_worsens_nothing(analyst: Analyzer, data: st.DataObject) -> None:
    """Every duty is said to be done with no evidence, then with one piece more at each step."""
    institution = data.draw(institutions(analyst.knowledge, max_answers=0).filter(lambda drawn: drawn.services))
    as_of = data.draw(as_of_days())
    pieces = [data.draw(pieces_of_evidence(f"piece{number}")) for number in range(3)]

    def shown_by(count: int) -> Institution:
        held = {piece.id: piece for piece in pieces[:count]}
        keys = [(control, party) for control in analyst.knowledge.controls for party in PARTIES]
        answers = {key: make_answer(*key, "implemented", list(held)) for key in keys}
        return replace(institution, answers=answers, evidence=held)

    steps = [analyst.analyze(shown_by(count), as_of) for count in range(len(pieces) + 1)]
    for before, after in pairwise(steps):
        assert_no_worse(before, after)


@given(data=st.data())
def test_another_look_at_the_documents_worsens_nothing(analyst: Analyzer, data: st.DataObject) -> None:
    institution = data.draw(institutions(analyst.knowledge).filter(lambda drawn: drawn.services))
    as_of = data.draw(as_of_days())
    first, *others = institution.services
    looked = replace(first, reviews=(*first.reviews, data.draw(reviews(analyst.knowledge))))
    after = replace(institution, services=(looked, *others))
    assert_no_worse(analyst.analyze(institution, as_of), analyst.analyze(after, as_of))


@settings(max_examples=200)
@given(pieces=st.lists(pieces_of_evidence("piece"), max_size=4), more=pieces_of_evidence("more"), as_of=as_of_days())
def test_one_piece_more_never_weakens_the_proof(
    rulebook: Rulebook, pieces: list[Evidence], more: Evidence, as_of: date
) -> None:
    states = [periods.proof_state(held, as_of, rulebook.policy) for held in (pieces, [*pieces, more])]
    assert PROOF_ORDER.index(states[0]) <= PROOF_ORDER.index(states[1])


@settings(max_examples=200)
@given(data=st.data())
def test_one_look_more_never_weakens_review_or_certificate(rulebook: Rulebook, data: st.DataObject) -> None:
    knowledge = _SYNTHETIC
    section, as_of = "example:1.1", data.draw(as_of_days())
    disclosure: Disclosure = data.draw(st.sampled_from(("public", "nda")))
    looks = tuple(data.draw(st.lists(reviews(knowledge), max_size=3)))
    withdrawn = data.draw(st.lists(st.none() | as_of_days(), max_size=2))
    certifications = [Certification(str(number), "", "", "", day, None, "") for number, day in enumerate(withdrawn)]

    def standing(held: tuple[Review, ...]) -> tuple[int, int]:
        review = periods.last_review(Service("v", None, None, held), disclosure, section, as_of)
        state = periods.review_state(review, as_of, rulebook.policy)
        certificate = periods.certificate_state(certifications, review, as_of)
        return ("never", "outdated", "current").index(state), int(certificate != "lapsed")

    before, after = standing(looks), standing((*looks, data.draw(reviews(knowledge))))
    assert after[0] >= before[0]
    assert after[1] >= before[1]


@given(data=st.data())
def test_what_is_unanswered_or_refused_never_passes_and_what_is_left_out_has_no_gap(
    analyst: Analyzer, data: st.DataObject
) -> None:
    institution = data.draw(institutions(analyst.knowledge, max_answers=30))
    assessment = analyst.analyze(institution, data.draw(as_of_days()))
    for result in assessment.results:
        if result.conformity == "not_applicable":
            assert result.gaps == ()
        if result.applicability == "not_applicable":
            assert result.conformity == "not_applicable"
        passes = result.conformity in {"conforming", "conforming_pending"}
        if any(duty.status == "unanswered" for duty in result.duties):
            assert not passes
        if result.response is None or result.response.conformity == "not_conforming":
            assert not passes


@given(data=st.data())
def test_a_result_says_when_the_si_vendor_s_duty_fell_to_the_institution(
    analyst: Analyzer, data: st.DataObject
) -> None:
    institution = data.draw(institutions(analyst.knowledge))
    assessment = analyst.analyze(institution, data.draw(as_of_days()))
    holders = analyst.rulebook.tables["duty_holder"].rules
    for result in assessment.results:
        taken_over = [duty for duty in result.duties if duty.stated_for != (duty.party,)]
        assert bool(taken_over) == (
            institution.integrator_presence == "absent"
            and result.response is not None
            and "integrator" in result.response.duty_parties
        )
        said = [rule.id for rule in holders if rule.reason.ja in result.reason.ja]
        assert said == (["H-02"] if taken_over and result.applicability == "applicable" else [])


@given(data=st.data())
def test_the_same_control_is_never_more_urgent_when_it_is_only_recommended(
    analyst: Analyzer, data: st.DataObject
) -> None:
    institution = data.draw(institutions(analyst.knowledge))
    as_of = data.draw(as_of_days())
    at = {level: at_level(analyst, level).analyze(institution, as_of) for level in LEVELS}
    for minimum, recommended in pairs(at["minimum"], at["recommended"]):
        stricter = {(gap.kind, gap.party): gap for gap in minimum.gaps}
        assert stricter.keys() == {(gap.kind, gap.party) for gap in recommended.gaps}
        for gap in recommended.gaps:
            assert URGENCY[gap.priority] <= URGENCY[stricter[gap.kind, gap.party].priority]
    for minimum, unlevelled in pairs(at["minimum"], at["none"]):
        assert minimum.conformity == unlevelled.conformity
        assert [(gap.kind, gap.party, gap.priority) for gap in minimum.gaps] == [
            (gap.kind, gap.party, gap.priority) for gap in unlevelled.gaps
        ]


_AT_LEVEL: dict[tuple[str, Level], Analyzer] = {}


def at_level(analyst: Analyzer, level: Level) -> Analyzer:
    """The same knowledge base with every control at one level."""
    known = analyst.knowledge
    key = (known.version, level)
    if key not in _AT_LEVEL:
        controls = {name: replace(control, level=level) for name, control in known.controls.items()}
        _AT_LEVEL[key] = Analyzer(replace(known, controls=controls))
    return _AT_LEVEL[key]


@given(data=st.data())
def test_the_same_input_and_day_give_the_same_output(analyst: Analyzer, data: st.DataObject) -> None:
    """Run twice, by another analyzer, and with answers, evidence and looks at documents in another order."""
    institution = data.draw(institutions(analyst.knowledge))
    as_of = data.draw(as_of_days())
    mixed = random.Random(data.draw(st.integers(0, 2**16)))

    def shuffled(items: Collection[T]) -> list[T]:
        return mixed.sample(list(items), len(items))

    reordered = replace(
        institution,
        facts=dict(shuffled(institution.facts.items())),
        answers=dict(shuffled(institution.answers.items())),
        evidence=dict(shuffled(institution.evidence.items())),
        services=tuple(replace(service, reviews=tuple(shuffled(service.reviews))) for service in institution.services),
    )
    first = analyst.analyze(institution, as_of)
    for again in (
        analyst.analyze(institution, as_of),
        Analyzer(analyst.knowledge).analyze(institution, as_of),
        analyst.analyze(reordered, as_of),
    ):
        assert repr((again.results, again.summary)) == repr((first.results, first.summary))


# --- over machines --------------------------------------------------------------------------------------------------

_DIGEST = """
import hashlib
from datetime import date
from analyzer.engine.analysis import Analyzer
from strategies import GIVEN_STATUSES, make_answer, synthetic_knowledge
from analyzer.model.controls import Place
from analyzer.model.institution import Evidence, Institution, Review, Service
knowledge = synthetic_knowledge()
answers = {
    (control, party): make_answer(control, party, GIVEN_STATUSES[(7 * index + offset) % 5], ["e"] if index % 2 else [])
    for index, control in enumerate(knowledge.controls) if index % 11
    for offset, party in enumerate(("user", "integrator"))
}
evidence = {"e": Evidence("e", "", "record", date(2026, 1, 1), date(2026, 12, 31), None, None, None, None)}
services = tuple(
    Service(vendor, None, None, (Review("nda", date(2026, 1, 1), (), None, None),))
    for vendor in ("example-cloud", "other-cloud")
)
institution = Institution("x", "x", "hospital", None, None, None, True, {"wireless": True}, "present", None, services,
                          answers, evidence, Place("x", ()))
assessment = Analyzer(knowledge).analyze(institution, date(2026, 11, 1))
explained = [
    Analyzer(knowledge).explain(institution, date(2026, 11, 1), control)
    for control in list(knowledge.controls.values())[:9]
]
print(hashlib.sha256(repr((assessment, explained)).encode()).hexdigest())
"""


def test_the_output_does_not_depend_on_the_process() -> None:
    """Another hash seed, time zone and language of the machine: the same bytes."""
    root = Path(package.__file__).resolve().parent.parent
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _DIGEST],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}", **machine},
        )
        for machine in (
            {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
            {"PYTHONHASHSEED": "2", "TZ": "America/Los_Angeles", "LC_ALL": "C"},
        )
    ]
    digests = {process.communicate(timeout=60)[0] for process in running}
    assert all(process.returncode == 0 for process in running)
    assert len(digests) == 1


_CLOCK_CALLS = {"today", "now", "utcnow", "fromtimestamp", "utcfromtimestamp", "localtime", "gmtime", "ctime"}


def clock_reads(source: str) -> list[int]:
    """The lines that read the machine's clock or bring in the means to."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        named = isinstance(node, ast.Attribute) and node.attr in _CLOCK_CALLS
        imported = isinstance(node, ast.Import) and any(alias.name == "time" for alias in node.names)
        taken = isinstance(node, ast.ImportFrom) and node.module == "time"
        if named or imported or taken:
            lines.append(node.lineno)  # type: ignore[attr-defined]
    return lines


def test_no_rule_reads_the_clock() -> None:
    assert clock_reads("from datetime import date\nx = date.today()") == [2]
    folder = Path(package.__file__).resolve().parent
    files = [path for layer in ("engine", "model", "knowledge") for path in sorted((folder / layer).glob("*.py"))]
    assert files
    found = [f"{path.name}:{line}" for path in files for line in clock_reads(path.read_text(encoding="utf-8"))]
    assert not found
