"""The gap page's fragments, list and comparison: true to the assessment, complete, leading where they say."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import openpyxl
import pytest

from analyzer.browse.comparing import analysis_document, compare_assessments
from analyzer.browse.gap_words import word_spans
from analyzer.browse.gaps import GAP_FACETS, GapFilter, GapSelection, select_gaps
from analyzer.comparison.documents import read_document
from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.gap_report.parts import GapRow, gap_rows
from analyzer.exports.screens.gaps import (
    facts_fragment,
    no_institution_fragment,
    open_questions,
    overview_fragment,
    section_map,
)
from analyzer.exports.screens.gaps_comparison import ComparisonWords, comparison_fragment, section_pairs
from analyzer.exports.screens.gaps_files import gaps_csv, gaps_workbook
from analyzer.exports.structured import assessment_json, to_json_bytes
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES
from analyzer.resources import evidence_dir
from analyzer.search.index import SearchIndex
from analyzer.search.normalise import words

TODAY = date(2026, 11, 1)
HOSPITAL, CLINIC = "minato-general-hospital", "hidamari-clinic"


@cache
def sample(name: str) -> Institution:
    return load_institution(evidence_dir() / "institutions" / f"{name}.yaml", load_knowledge())[0]


@pytest.fixture(scope="module")
def index(knowledge: KnowledgeBase) -> SearchIndex:
    return SearchIndex(knowledge)


@pytest.fixture(scope="module")
def hospital(analyzer: Analyzer) -> Assessment:
    return analyzer.analyze(sample(HOSPITAL), TODAY)


@pytest.fixture(scope="module")
def clinic(analyzer: Analyzer) -> Assessment:
    return analyzer.analyze(sample(CLINIC), TODAY)


def href(page: str, parameters: Mapping[str, Sequence[str]]) -> str:
    return f"{page}?{urlencode(parameters, doseq=True)}"


def links(fragment: str) -> list[tuple[str, dict[str, list[str]]]]:
    """Every in-app link: the page it leads to and its parameters."""
    found = [urlsplit(unescape(target)) for target in re.findall(r'<a [^>]*href="([^"#][^"]*)"', fragment)]
    return [(target.path, parse_qs(target.query)) for target in found]


def text(fragment: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", fragment)).split())


def rows(assessment: Assessment) -> list[GapRow]:
    return [row for by_priority in gap_rows(assessment).values() for row in by_priority]


def ids(selection: GapSelection[GapRow]) -> list[tuple[str, str, str]]:
    return [(row.result.control.key, row.gap.kind, row.gap.party) for row in selection.rows]


# Overview


def test_the_overview_shows_every_count_of_the_summary(
    hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    shown = text(overview_fragment(hospital, knowledge, rulebook, href))
    for word in CONFORMITIES:
        assert f"{rulebook.term('conformity', word).ja} {hospital.summary.overall.conformity[word]} " in shown
    for priority in PRIORITIES:
        assert f"{rulebook.term('priority', priority).ja} {hospital.summary.gaps_by_priority[priority]} " in shown
    overdue = sum(row.days_overdue is not None for row in rows(hospital))
    assert overdue > 0
    assert f"期限超過 {overdue} 期限を過ぎたギャップ" in shown
    assert f"引継ぎ・要再確認 {hospital.summary.carried_over} " in shown
    assert f"証跡の期限 {len(hospital.summary.expiring)} " in shown
    for entry in hospital.summary.expiring:
        assert entry.evidence.title in shown


def test_progress_counts_every_duty_once(hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    shown = text(overview_fragment(hospital, knowledge, rulebook, href))
    for party, statuses in hospital.summary.duties_by_party.items():
        whole = sum(statuses.values())
        done = statuses["implemented"] + statuses["not_applicable"]
        assert f"回答済み {whole - statuses['unanswered']} ／{whole}（" in shown, party
        assert f"{done} ／{whole}（" in shown, party


def test_the_map_has_every_section_with_its_own_counts_and_leads_to_its_gaps(
    hospital: Assessment, knowledge: KnowledgeBase
) -> None:
    mapped = section_map(hospital, knowledge, href)
    assert [entry.section for strip in mapped for entry in strip.sections] == list(knowledge.sections)
    for strip in mapped:
        assert strip.tally.controls == sum(entry.tally.controls for entry in strip.sections)
        for entry in strip.sections:
            name = f"{entry.section.guideline}:{entry.section.id}"
            assert parse_qs(urlsplit(entry.href).query) == {"view": ["list"], "section": [name]}


def test_a_cell_says_in_words_what_its_colour_says(
    hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    fragment = overview_fragment(hospital, knowledge, rulebook, href)
    cells = re.findall(r'<li class="cell" style="--share: ([\d.]+)"><a href="[^"]*">(.*?)</a>', fragment, re.DOTALL)
    assert cells
    for share, content in cells:
        written = re.search(r"([\d.]+)%", content)
        assert written
        assert 100 * float(share) == pytest.approx(float(written.group(1)), abs=0.1)


def test_a_section_without_an_applicable_control_has_no_rate(
    clinic: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    empty = [key for key, tally in clinic.summary.by_section.items() if not tally.applicable]
    assert empty, "the sample has a section that does not apply"
    shown = text(overview_fragment(clinic, knowledge, rulebook, href))
    assert shown.count("適用する項目なし") == len(empty)


def test_the_links_of_the_overview_lead_to_what_their_figure_counts(
    hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex
) -> None:
    lists = [query for page, query in links(overview_fragment(hospital, knowledge, rulebook, href)) if "view" in query]
    high = select_gaps(rows(hospital), GapFilter.from_query({"priority": ["high"]}), knowledge, rulebook, index)
    assert len(high.rows) == hospital.summary.gaps_by_priority["high"]
    for query in lists:
        selection = select_gaps(rows(hospital), GapFilter.from_query(query), knowledge, rulebook, index)
        assert not selection.unknown
    assert {"view": ["list"], "priority": ["high"]} in lists
    assert {"view": ["list"], "due": ["overdue"]} in lists


def test_superseded_editions_are_named(hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    shown = text(overview_fragment(hospital, knowledge, rulebook, href))
    for guideline in knowledge.encoded_guidelines:
        assert guideline.in_force or guideline.short_title in shown


# Facts


def test_every_unknown_fact_is_asked_with_the_controls_that_it_decides(
    clinic: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    asked = {fact.line.id: fact for fact in open_questions(clinic, knowledge)}
    assert clinic.summary.unknown_facts
    for unknown in clinic.summary.unknown_facts:
        assert len(asked[unknown.fact].decides) == unknown.controls
    fragment = facts_fragment(clinic, knowledge, rulebook, href, file="data/clinic.yaml")
    opened = {query["control"][0] for _, query in links(fragment)}
    for fact in asked.values():
        assert fact.line.question in text(fragment)
        assert {control.key for control in fact.decides} <= opened
        assert f"{fact.line.id}: {fact.line.choices[0].word}" in text(fragment)
    assert "sansho profile data/clinic.yaml" in text(fragment)


def test_an_answered_fact_is_asked_no_more(
    clinic: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    first = clinic.summary.unknown_facts[0].fact
    answered = replace(clinic.institution, facts={**clinic.institution.facts, first: True})
    shown = text(facts_fragment(analyzer.analyze(answered, TODAY), knowledge, rulebook, href, file="x.yaml"))
    assert knowledge.facts[first].question not in shown


def test_a_full_profile_has_nothing_to_ask(
    clinic: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    facts = {fact.id: fact.values[0] if fact.values else True for fact in knowledge.facts.values()}
    full = analyzer.analyze(replace(clinic.institution, facts=facts), TODAY)
    shown = text(facts_fragment(full, knowledge, rulebook, href, file="x.yaml"))
    assert "すべて答えている" in shown
    assert "sansho profile" not in shown


def test_without_an_institution_the_page_says_where_its_file_goes() -> None:
    shown = text(no_institution_fragment("data/<institutions>"))
    assert "data/<institutions>" in shown
    assert "sansho validate" in shown


# The list


def test_without_a_filter_every_gap_is_listed_highest_priority_first(
    hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex
) -> None:
    selection = select_gaps(rows(hospital), GapFilter(), knowledge, rulebook, index)
    assert len(selection.rows) == selection.total == sum(hospital.summary.gaps_by_priority.values())
    order = [PRIORITIES.index(row.gap.priority) for row in selection.rows]
    assert order == sorted(order)


def test_every_count_is_what_choosing_it_shows(
    hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex
) -> None:
    given = rows(hospital)
    narrowed = {"party": ("user",), "kind": ("duty_open", "proof_expired")}
    selection = select_gaps(given, GapFilter("規程", narrowed), knowledge, rulebook, index)
    assert 0 < len(selection.rows) < len(given)
    for facet in selection.facets:
        for value in facet.values:
            chosen = {**narrowed, facet.id: (value.value.id,)}
            alone = select_gaps(given, GapFilter("規程", chosen), knowledge, rulebook, index)
            assert len(alone.rows) == value.count, (facet.id, value.value.id)


def test_a_filter_says_itself_in_an_address(
    hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex
) -> None:
    query = {"section": ["mhlw-5:6.5"], "priority": ["high", "medium"], "sort": ["-due"], "q": ["ログ"]}
    selection = select_gaps(rows(hospital), GapFilter.from_query(query), knowledge, rulebook, index)
    assert selection.rows
    assert {row.result.control.section.id for row in selection.rows} == {"6.5"}
    assert {row.gap.priority for row in selection.rows} <= {"high", "medium"}
    days = [row.duty.answer.due if row.duty and row.duty.answer else None for row in selection.rows]
    set_days = [day for day in days if day]
    assert set_days == sorted(set_days, reverse=True)
    assert None not in days[: len(set_days)]


@pytest.mark.parametrize("facet", GAP_FACETS)
def test_what_an_address_says_wrongly_is_named_and_not_used(
    facet: str, hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex
) -> None:
    everything = select_gaps(rows(hospital), GapFilter(), knowledge, rulebook, index)
    wrong = GapFilter(chosen={facet: ("no such",)}, sort="-no such")
    selection = select_gaps(rows(hospital), wrong, knowledge, rulebook, index)
    assert ids(selection) == ids(everything)
    assert [tuple(unknown) for unknown in selection.unknown] == [(facet, "no such"), ("sort", "-no such")]


def test_a_text_finds_gaps_by_control_and_by_what_the_answer_says(
    clinic: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex
) -> None:
    def found(asked: str) -> set[str]:
        selection = select_gaps(rows(clinic), GapFilter(asked), knowledge, rulebook, index)
        return {row.result.control.key for row in selection.rows}

    assert "mhlw-5:6.5-07" in found("アクセスログ")
    owned = next(row for row in rows(clinic) if row.duty and row.duty.answer and row.duty.answer.owner)
    assert owned.duty is not None
    assert owned.duty.answer is not None
    assert owned.result.control.key in found(str(owned.duty.answer.owner))
    assert found("ベンダー") == found("ﾍﾞﾝﾀﾞｰ") != set()
    assert found("ぬるぽが") == set()


def test_found_words_are_marked_where_they_stand() -> None:
    line = "ｻｰﾊﾞｰの時刻を定める。サーバを止める。"
    assert [line[start:end] for start, end in word_spans(line, words("サーバ"))] == ["ｻｰﾊﾞｰ", "サーバ"]
    assert word_spans("定める", words("メール")) == ()


# Files


def test_the_files_hold_the_rows_of_the_list(
    hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex
) -> None:
    chosen = {"priority": ("high",), "section": ("mhlw-5:6.5", "mhlw-5:6.10")}
    selection = select_gaps(rows(hospital), GapFilter(chosen=chosen), knowledge, rulebook, index)
    wanted = sorted((row.result.control.key, row.gap.kind, row.gap.party) for row in selection.rows)
    assert wanted
    content = gaps_csv(hospital, selection.rows).decode("utf-8-sig")
    read = [(row["control"], row["kind"], row["party"]) for row in csv.DictReader(io.StringIO(content))]
    assert sorted(read) == wanted

    book = gaps_workbook(hospital, selection.rows, knowledge, rulebook, narrowed=True)
    sheet = openpyxl.load_workbook(io.BytesIO(book)).worksheets[0]
    cells = [[str(cell.value or "") for cell in line] for line in sheet.iter_rows()]
    header = next(number for number, line in enumerate(cells) if line[0] == "優先度")
    listed = cells[header + 1 :]
    assert [line[1] for line in listed] == [row.result.control.id for row in selection.rows]
    assert [line[5] for line in listed] == [row.gap.action.ja for row in selection.rows]
    assert f"画面で絞り込んだ{len(selection.rows)}件" in cells[1][0]


# Comparison


def test_an_assessment_is_compared_as_its_json_would_be(hospital: Assessment, clinic: Assessment) -> None:
    for assessment in (hospital, clinic):
        written = read_document(to_json_bytes(assessment_json(assessment)), "analysis.json")
        assert analysis_document(assessment) == written


def test_of_one_institution_the_earlier_day_comes_first(analyzer: Analyzer, hospital: Assessment) -> None:
    earlier = analyzer.analyze(sample(HOSPITAL), date(2026, 1, 1))
    for asked, other in ((hospital, earlier), (earlier, hospital)):
        comparison = compare_assessments(asked, other)
        assert (comparison.first, comparison.second) == (earlier, hospital)
        assert comparison.one_institution
    open_before = sum(earlier.summary.gaps_by_priority.values())
    open_after = sum(hospital.summary.gaps_by_priority.values())
    assert open_before - len(comparison.only_first) + len(comparison.only_second) == open_after
    assert comparison.differing


def test_of_two_institutions_the_one_asked_about_is_a(hospital: Assessment, clinic: Assessment) -> None:
    comparison = compare_assessments(hospital, clinic)
    assert (comparison.first, comparison.second) == (hospital, clinic)
    assert not comparison.one_institution
    by_key = {result.control.key: result.conformity for result in clinic.results}
    for entry in comparison.differing:
        assert entry.after == by_key[entry.control] != entry.before


def test_both_sides_stand_beside_each_other_by_section(
    hospital: Assessment, clinic: Assessment, knowledge: KnowledgeBase
) -> None:
    pairs = section_pairs(compare_assessments(hospital, clinic), knowledge, href)
    assert [pair.first for pair in pairs] == list(hospital.summary.by_section.values())
    assert [pair.second for pair in pairs] == list(clinic.summary.by_section.values())


def test_two_institutions_are_not_said_to_get_better(
    hospital: Assessment, clinic: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    comparison = compare_assessments(hospital, clinic)
    terms = ComparisonWords(comparison, rulebook, knowledge)
    shown = text(comparison_fragment(comparison, knowledge, rulebook, terms, href))
    said = [terms.direction(entry.direction) for entry in comparison.progress.controls]
    said += [terms.cause(gap.cause) for gap in comparison.progress.gaps]
    assert not re.search("改善|悪化|解消|新規|になった|をやめた", shown + "".join(said))
    assert hospital.institution.name in shown
    assert clinic.institution.name in shown


def test_a_progress_says_before_and_after_and_why(
    hospital: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    comparison = compare_assessments(hospital, analyzer.analyze(sample(HOSPITAL), date(2025, 11, 1)))
    terms = ComparisonWords(comparison, rulebook, knowledge)
    shown = text(comparison_fragment(comparison, knowledge, rulebook, terms, href))
    assert f"解消 {len(comparison.only_first)} " in shown
    assert f"新規 {len(comparison.only_second)} " in shown
    for word in CONFORMITIES:
        counts = [side.summary.overall.conformity[word] for side in (comparison.first, comparison.second)]
        assert f"{rulebook.term('conformity', word).ja} {counts[0]} {counts[1]} " in shown
    assert "365日" in shown
    assert "確認日がその日以前の回答" in shown


def test_a_hostile_name_stays_text(
    hospital: Assessment, clinic: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    named = replace(clinic, institution=replace(clinic.institution, name="<img src=x onerror=alert(1)>"))
    comparison = compare_assessments(hospital, named)
    terms = ComparisonWords(comparison, rulebook, knowledge)
    fragment = comparison_fragment(comparison, knowledge, rulebook, terms, href)
    assert "<img" not in fragment
    assert "&lt;img src=x" in fragment
