"""CSV and Parquet: every answer in long tables, and texts that a spreadsheet cannot run."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest
from filled_institution import AS_OF, filled

from analyzer.engine.analysis import Analyzer
from analyzer.exports.tabular import (
    CELL_LIMIT,
    assessment_metadata,
    controls_metadata,
    controls_table,
    duties_table,
    evidence_table,
    gaps_table,
    results_table,
    to_csv_bytes,
    to_parquet_bytes,
)
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment


@pytest.fixture(scope="module")
def assessment(knowledge: KnowledgeBase, analyzer: Analyzer) -> Assessment:
    return analyzer.analyze(filled(knowledge).institution, AS_OF)


def _read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def _csv_of(text: str) -> str:
    ((row),) = _read(to_csv_bytes(pd.DataFrame({"text": pd.Series([text], dtype="string")})))
    return row["text"]


def test_importing_the_module_does_not_import_pandas():
    code = "import sys, analyzer.exports.tabular; print({'pandas', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_csv_is_as_excel_in_japan_expects_it(assessment: Assessment):
    content = to_csv_bytes(results_table(assessment))
    assert content.startswith(b"\xef\xbb\xbfinstitution_id,")
    assert content.endswith(b"\r\n")
    rows = _read(content)
    assert [row["control"] for row in rows] == [result.control.key for result in assessment.results]
    assert {row["as_of"] for row in rows} == {"2026-11-01"}
    assert {row["knowledge_version"] for row in rows} == {assessment.knowledge_version}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", " =", "\n="])
def test_no_text_begins_as_a_formula(start: str):
    read = _csv_of(f"{start}1+cmd|' /C calc'!A0")
    assert read.startswith("'")
    assert "1+cmd|' /C calc'!A0" in read


@pytest.mark.parametrize("text", ["規程（第1版）", "1行目\n2行目", '引用"符', "a=b", "'", "", "コンマ,区切り"])
def test_a_harmless_text_is_left_as_it_is(text: str):
    assert _csv_of(text) == text


def test_control_characters_are_shown():
    assert _csv_of("見え\x00る\x1b[2J\u202e逆") == "見え␀る␛[2J〔U+202E〕逆"


@pytest.mark.parametrize("text", ["あ" * (CELL_LIMIT + 5), "=" * 65536, "𠮷" * (CELL_LIMIT - 10)])
def test_a_text_above_excels_limit_is_cut_with_a_mark_that_counts(text: str):
    read = _csv_of(text)
    assert len(read.encode("utf-16-le")) // 2 <= CELL_LIMIT
    kept, mark = read.removeprefix("'").split("…")
    assert text.startswith(kept)
    assert mark == f"（以下{len(text) - len(kept)}文字省略）"


def test_nothing_answered_is_missing_from_the_duties_and_the_evidence(knowledge: KnowledgeBase, assessment: Assessment):
    everything = filled(knowledge)
    text = (to_csv_bytes(duties_table(assessment)) + to_csv_bytes(evidence_table(assessment))).decode()
    for wanted in everything.texts:
        assert wanted in text, wanted
    for day in everything.days:
        assert day.isoformat() in text, day
    rows = _read(to_csv_bytes(duties_table(assessment)))
    answers = everything.institution.answers
    assert {(row["control"], row["party"]) for row in rows} == set(answers)
    for row in rows:
        if row["status"] == "unanswered":
            continue
        answer = answers[row["control"], row["party"]]
        assert (row["status"], row["owner"], row["due"]) == (answer.status, answer.owner, answer.due.isoformat())
        assert row["carried_over"] == str(answer.carried_over)


def test_an_answer_that_decides_nothing_has_a_row_that_says_why(assessment: Assessment):
    frame = duties_table(assessment)
    kept = frame[frame["not_counted_because"].notna()]
    assert list(kept["not_counted_because"]) == ["after_as_of"]
    assert not kept["counted"].any()


def test_results_hold_both_parties_answers(assessment: Assessment):
    frame = results_table(assessment).set_index("control")
    answer = assessment.institution.answers["mhlw-5:6.3-01", "integrator"]
    row = frame.loc["mhlw-5:6.3-01"]
    assert row["integrator_status"] == answer.status
    assert row["integrator_owner"] == answer.owner
    assert row["integrator_due"] == answer.due


def test_gaps_are_those_of_the_assessment_and_overdue_counts_from_as_of(
    analyzer: Analyzer, knowledge: KnowledgeBase, assessment: Assessment
):
    frame = gaps_table(assessment)
    assert len(frame) == sum(assessment.summary.gaps_by_kind.values())
    late = frame[frame["days_overdue"].notna()]
    assert len(late) > 0
    assert all((AS_OF - row.due).days == row.days_overdue > 0 for row in late.itertuples())
    assert not set(late["status"]) & {"implemented", "not_applicable"}
    earlier = replace(assessment, as_of=min(frame["due"].dropna()))
    assert gaps_table(earlier)["days_overdue"].isna().all()


def test_controls_have_one_row_a_vendors_answer_with_nothing_cut_off(knowledge: KnowledgeBase):
    frame = controls_table(knowledge)
    assert len(frame) == sum(max(len(control.responses), 1) for control in knowledge.controls.values())
    row = frame.set_index("key").loc["mhlw-5:6.3-01"]
    control = knowledge.controls["mhlw-5:6.3-01"]
    response = control.responses["cybozu.com"]
    assert row["requirement"] == control.full_requirement
    assert row["statement"] == response.statement
    assert row["urls"].split("\n") == list(response.urls)
    assert row["mic_clauses"].split("\n")[0] == "Ⅱ.4.1.1 recommended"
    assert not row["guideline_in_force"]
    assert row["surveyed_on"] == knowledge.vendors["cybozu.com"].survey.surveyed_on


def test_parquet_names_version_and_day_and_keeps_long_texts_whole(assessment: Assessment):
    (key, answer), *_ = assessment.institution.answers.items()
    long = replace(answer, note="=" + "長" * 60_000, checked_on=None)
    institution = replace(assessment.institution, answers={**assessment.institution.answers, key: long})
    results = tuple(
        replace(
            result, duties=tuple(replace(duty, answer=long if duty.party == key[1] else None) for duty in result.duties)
        )
        if result.control.key == key[0]
        else result
        for result in assessment.results
    )
    longer = replace(assessment, institution=institution, results=results)
    content = to_parquet_bytes(duties_table(longer), assessment_metadata(longer))
    table = pq.read_table(io.BytesIO(content))
    assert table.schema.metadata[b"sansho.knowledge_version"].decode() == assessment.knowledge_version
    assert table.schema.metadata[b"sansho.as_of"] == b"2026-11-01"
    assert long.note in table.column("note").to_pylist()
    assert long.due in table.column("due").to_pylist()


def test_the_columns_keep_their_types_where_a_table_is_empty(analyzer: Analyzer, assessment: Assessment):
    empty = replace(assessment, results=(), institution=replace(assessment.institution, answers={}, evidence={}))
    for table in (results_table, duties_table, gaps_table, evidence_table):
        full, none = (
            pq.read_schema(io.BytesIO(to_parquet_bytes(table(of), assessment_metadata(of))))
            for of in (assessment, empty)
        )
        assert full.remove_metadata() == none.remove_metadata()


def test_the_same_input_gives_the_same_bytes(knowledge: KnowledgeBase, analyzer: Analyzer, assessment: Assessment):
    again = analyzer.analyze(filled(knowledge).institution, AS_OF)
    for table in (results_table, duties_table, gaps_table, evidence_table):
        assert to_csv_bytes(table(assessment)) == to_csv_bytes(table(again))
        assert to_parquet_bytes(table(assessment), assessment_metadata(assessment)) == to_parquet_bytes(
            table(again), assessment_metadata(again)
        )
    once, twice = (to_parquet_bytes(controls_table(knowledge), controls_metadata(knowledge)) for _ in range(2))
    assert once == twice
