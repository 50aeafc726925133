"""The JSON outputs: the shapes that programs rely on, and nothing dropped."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from filled_institution import AS_OF, IDENTITY_DAYS, IDENTITY_TEXTS, filled

from analyzer.engine.analysis import Analyzer
from analyzer.exports.structured import assessment_json, controls_json, to_json_bytes
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.results import Assessment

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def assessment(knowledge: KnowledgeBase, analyzer: Analyzer) -> Assessment:
    return analyzer.analyze(filled(knowledge).institution, AS_OF)


def test_controls_have_the_documented_shape(knowledge: KnowledgeBase):
    data = controls_json(knowledge)
    assert data["version"] == knowledge.version
    assert [control["key"] for control in data["controls"]] == list(knowledge.controls)
    first = next(control for control in data["controls"] if control["key"] == "mhlw-5:6.3-01")
    assert list(first) == [
        "key", "guideline", "id", "mark", "section", "level", "title", "requirement", "points", "applies_if", "mic",
        "responses", "expected_evidence", "note", "related",
    ]  # fmt: skip
    assert first["section"] == {"id": "6.3", "title": {"ja": "組織的安全管理対策", "en": "Organisational safeguards"}}
    assert first["mic"]["clauses"][0] == {"id": "Ⅱ.4.1.1", "class": "recommended"}
    response = first["responses"]["cybozu.com"]
    assert list(response) == [
        "conformity", "statement", "urls", "finding", "finding_documents", "disclosure", "documents",
        "certifications", "interview", "nda_documents", "duties",
    ]  # fmt: skip
    assert response["duties"][0]["parties"] == ["user", "integrator"]


def test_a_requirement_is_whole_and_its_points_stand_apart(knowledge: KnowledgeBase):
    enumerating = [control for control in knowledge.controls.values() if control.points]
    assert enumerating
    by_key = {control["key"]: control for control in controls_json(knowledge)["controls"]}
    for control in enumerating:
        written = by_key[control.key]
        assert [point["text"] for point in written["points"]] == [point.text for point in control.points]
        assert all(f"({point['id']}) {point['text']}" in written["requirement"] for point in written["points"])


def test_superseded_editions_and_the_age_of_the_survey_are_told(knowledge: KnowledgeBase, assessment: Assessment):
    for data in (controls_json(knowledge), assessment_json(assessment, knowledge=knowledge)):
        editions = {guideline["id"]: guideline for guideline in data["guidelines"]}
        assert editions["mhlw-5"]["in_force"] is False
        assert "旧版" in editions["mhlw-5"]["status_note"]
        assert [survey["surveyed_on"] for survey in data["surveys"]] == ["2019-07-31"]


def test_a_result_has_the_documented_shape(assessment: Assessment):
    data = assessment_json(assessment)
    assert data["version"] == assessment.knowledge_version
    assert data["as_of"] == "2026-11-01"
    assert {"id", "name", "kind", "beds"} <= set(data["institution"])
    assert len(data["results"]) == len(assessment.results)
    result = data["results"][0]
    assert {
        "control", "applicability", "responsibility", "conformity", "rule", "reason", "vendor", "duties", "gaps",
    } <= set(result)  # fmt: skip
    assert {"service", "conformity", "assurance"} <= set(result["vendor"])
    assert {
        "party", "status", "proof", "stated_for", "carried_over", "evidence", "checked_on", "due", "owner", "note",
        "reason",
    } <= set(result["duties"][0])  # fmt: skip
    gaps = [gap for result in data["results"] for gap in result["gaps"]]
    assert all(list(gap) == ["kind", "party", "priority", "rule", "reason", "action"] for gap in gaps)
    assert "trace" not in result


def test_the_summary_counts_what_the_results_say(assessment: Assessment):
    data = assessment_json(assessment)
    summary = data["summary"]
    found = Counter(result["conformity"] for result in data["results"])
    assert {word: count for word, count in summary["overall"]["conformity"].items() if count} == dict(found)
    assert summary["overall"]["controls"] == len(data["results"])
    assert sum(section["controls"] for section in summary["by_section"]) == len(data["results"])
    gaps = [gap for result in data["results"] for gap in result["gaps"]]
    assert sum(summary["gaps_by_kind"].values()) == sum(summary["gaps_by_priority"].values()) == len(gaps)
    assert {entry["evidence"] for entry in summary["expiring"]} == {
        entry.evidence.id for entry in assessment.summary.expiring
    }
    assert summary["unknown_facts"][0]["question"] == assessment.summary.unknown_facts[0].question


def test_nothing_answered_is_missing(knowledge: KnowledgeBase, assessment: Assessment):
    everything = filled(knowledge)
    text = json.dumps(json.loads(to_json_bytes(assessment_json(assessment))), ensure_ascii=False)
    for wanted in (*everything.texts, *IDENTITY_TEXTS):
        assert wanted in text, wanted
    for day in (*everything.days, *IDENTITY_DAYS):
        assert day.isoformat() in text, day
    duties = [duty for result in assessment_json(assessment)["results"] for duty in result["duties"]]
    carried = sum(answer.carried_over for answer in everything.institution.answers.values())
    assert sum(duty["carried_over"] for duty in duties) == carried > 0


def test_an_answer_checked_after_the_day_is_kept_and_said_to_decide_nothing(assessment: Assessment):
    (unused,) = assessment_json(assessment)["unused_answers"]
    assert unused["why"] == "after_as_of"
    assert unused["checked_on"] == (AS_OF + timedelta(days=1)).isoformat()


def test_an_answer_to_a_duty_that_nobody_states_is_kept(analyzer: Analyzer, knowledge: KnowledgeBase):
    everything = filled(knowledge).institution
    alone = replace(everything, integrator_presence="absent", integrator=None)
    unused = assessment_json(analyzer.analyze(alone, AS_OF))["unused_answers"]
    assert {entry["party"] for entry in unused if entry["why"] == "no_duty"} == {"integrator"}


def test_reasons_and_actions_come_in_english_on_request(assessment: Assessment):
    results = assessment_json(assessment, lang="en")["results"]
    texts = [result["reason"] for result in results]
    texts += [gap[name] for result in results for gap in result["gaps"] for name in ("reason", "action")]
    assert texts
    assert all(text.isascii() for text in texts)


def test_explaining_adds_the_chain_that_ends_in_the_result(
    knowledge: KnowledgeBase, analyzer: Analyzer, assessment: Assessment
):
    institution = assessment.institution
    data = assessment_json(assessment, lambda control: analyzer.explain(institution, AS_OF, control))
    for result in data["results"]:
        fired = {step["table"]: step for step in result["trace"]}
        assert fired["conformity"]["rule"] == result["rule"]
        assert fired["conformity"]["outputs"] == {"conformity": result["conformity"]}


def test_a_vendor_without_an_answer_has_no_conformity():
    knowledge = load_knowledge([DATA / "second-vendor"])
    institution, _ = load_institution(DATA / "wakaba-dental.yaml", knowledge)
    results = assessment_json(Analyzer(knowledge).analyze(institution, AS_OF))["results"]
    silent = [result for result in results if result["vendor"]["conformity"] is None]
    assert silent
    assert all(result["vendor"]["service"] == "example-cloud" for result in silent)


def test_bytes_are_utf8_with_japanese_as_it_is_and_the_same_every_time(
    knowledge: KnowledgeBase, analyzer: Analyzer, assessment: Assessment
):
    once = to_json_bytes(assessment_json(assessment))
    again = to_json_bytes(assessment_json(analyzer.analyze(filled(knowledge).institution, AS_OF)))
    assert once == again
    assert once.startswith(b"{\n  ")
    assert once.endswith(b"}\n")
    assert "架空すべて記入病院".encode() in once
