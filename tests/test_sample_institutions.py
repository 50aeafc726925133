"""The sample institutions: each reads without a complaint, and together they show every case a reader may meet."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import pytest

from analyzer.engine.analysis import Analyzer
from analyzer.errors import Problem
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.results import Assessment, DutyResult
from analyzer.model.vocabulary import CONFORMITIES, GAP_KINDS, PARTIES, PRIORITIES, PROOFS, STATUSES
from analyzer.resources import evidence_dir

AS_OF = date(2026, 11, 1)
DATA = Path(__file__).parent / "data"
HOSPITAL = evidence_dir() / "institutions" / "minato-general-hospital.yaml"
CLINIC = evidence_dir() / "institutions" / "hidamari-clinic.yaml"
DENTAL = DATA / "wakaba-dental.yaml"
SHIPPED = sorted((evidence_dir() / "institutions").glob("*.yaml"))
SAMPLES = [*SHIPPED, DENTAL]

# What the shipped controls leave out with cybozu.com; the second vendor is there to show these.
ONLY_SECOND_VENDOR = {"vendor_nonconformity", "no_vendor_answer", "duty_unstated"}


@cache
def analyzer(second_vendor: bool) -> Analyzer:
    return Analyzer(load_knowledge([DATA / "second-vendor"] if second_vendor else []))


@cache
def assessed(path: Path) -> tuple[Assessment, tuple[Problem, ...]]:
    engine = analyzer(path == DENTAL)
    institution, warnings = load_institution(path, engine.knowledge)
    return engine.analyze(institution, AS_OF), warnings


def assessments(*paths: Path) -> list[Assessment]:
    return [assessed(path)[0] for path in paths]


def duties(*paths: Path) -> list[DutyResult]:
    """The duties of the controls that apply."""
    results = [result for assessment in assessments(*paths) for result in assessment.results]
    return [duty for result in results if result.applicability == "applicable" for duty in result.duties]


def gap_kinds(*paths: Path) -> set[str]:
    results = [result for assessment in assessments(*paths) for result in assessment.results]
    return {gap.kind for result in results for gap in result.gaps}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_reads_without_warnings(path: Path) -> None:
    assessment, warnings = assessed(path)
    assert warnings == ()
    assert assessment.institution.id == path.stem


def test_the_second_vendor_lies_over_the_shipped_controls_without_warnings() -> None:
    alone, laid_over = analyzer(False).knowledge, analyzer(True).knowledge
    added = {problem.message for problem in laid_over.warnings} - {problem.message for problem in alone.warnings}
    assert added == set()
    assert list(laid_over.controls) == list(alone.controls)
    assert "cybozu.com" in laid_over.controls["mhlw-5:6.5-01"].responses
    assert "example-cloud" in laid_over.controls["mhlw-5:6.5-01"].responses


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_says_that_it_is_made_up(path: Path) -> None:
    institution = assessed(path)[0].institution
    assert institution.fictional
    assert institution.name.startswith("架空")
    assert institution.integrator is None or institution.integrator.startswith("架空")
    first_line = path.read_text("utf-8").splitlines()[0]
    assert first_line.startswith("# 架空の") and "すべて作りごと" in first_line


def test_hospital_and_clinic_show_every_status_proof_and_outcome() -> None:
    found = duties(HOSPITAL, CLINIC)
    assert {duty.status for duty in found} == set(STATUSES)
    assert {duty.proof for duty in found if duty.status == "implemented"} == set(PROOFS)
    assert any(duty.carried_over for duty in found)
    results = [result for assessment in assessments(HOSPITAL, CLINIC) for result in assessment.results]
    assert {result.conformity for result in results} == set(CONFORMITIES)


def test_together_the_samples_show_every_gap_kind_and_priority() -> None:
    assert set(GAP_KINDS) - ONLY_SECOND_VENDOR <= gap_kinds(HOSPITAL, CLINIC)
    assert gap_kinds(*SAMPLES) == set(GAP_KINDS)
    results = [result for assessment in assessments(*SAMPLES) for result in assessment.results]
    assert {gap.priority for result in results for gap in result.gaps} == set(PRIORITIES)


@pytest.mark.parametrize("path", [HOSPITAL, CLINIC], ids=lambda path: path.stem)
def test_a_sample_shows_what_time_does(path: Path) -> None:
    assessment, _ = assessed(path)
    summary = assessment.summary
    assert any(entry.days < 0 for entry in summary.expiring)
    assert any(0 <= entry.days <= 90 for entry in summary.expiring)
    assert any(answer.due is not None and answer.due < AS_OF for answer in assessment.institution.answers.values())
    assert summary.carried_over > 0


@pytest.mark.parametrize("path", [HOSPITAL, CLINIC], ids=lambda path: path.stem)
def test_conditions_are_met_unmet_and_unknown(path: Path) -> None:
    assessment, _ = assessed(path)
    conditional = [result for result in assessment.results if result.control.applies_if is not None]
    assert any(result.condition_unknown for result in conditional)
    assert any(result.applicability == "not_applicable" for result in conditional)
    assert any(result.applicability == "applicable" and not result.condition_unknown for result in conditional)
    assert assessment.summary.unknown_facts


def test_without_an_si_vendor_the_clinic_holds_every_duty() -> None:
    assert {duty.party for duty in duties(HOSPITAL)} == set(PARTIES)
    assert {duty.party for duty in duties(CLINIC)} == {"user"}
    assert any(duty.stated_for == PARTIES for duty in duties(CLINIC))


def test_every_piece_of_evidence_is_used_and_some_serve_several_controls() -> None:
    for path in SAMPLES:
        institution = assessed(path)[0].institution
        serves: dict[str, set[str]] = {item: set() for item in institution.evidence}
        for answer in institution.answers.values():
            for item in answer.evidence:
                serves[item].add(answer.control)
        assert all(serves.values()), path
        assert any(len(controls) > 1 for controls in serves.values()), path


def test_no_evidence_is_younger_than_the_check_that_relied_on_it() -> None:
    for path in SAMPLES:
        institution = assessed(path)[0].institution
        for answer in institution.answers.values():
            for item in answer.evidence:
                evidence = institution.evidence[item]
                assert answer.checked_on is not None, (path, answer.control)
                assert evidence.issued_on <= answer.checked_on <= AS_OF, (path, answer.control, item)
                assert evidence.covers_to is None or evidence.covers_to <= evidence.issued_on, (path, item)
