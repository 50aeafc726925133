"""Browsing the matrix: rows, facets with counts, searching, sorting, addresses, and what cells show."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import pytest
from filled_institution import AS_OF, filled
from hypothesis import given
from hypothesis import strategies as st

from analyzer.browse.browser import MatrixBrowser
from analyzer.browse.columns import COLUMNS, MatrixColumns
from analyzer.browse.facets import ASSESSED_FACETS, FACETS, ROW_VALUES
from analyzer.browse.filter import LONGEST_VALUE, MOST_VALUES, MatrixFilter
from analyzer.browse.rows import MatrixRow
from analyzer.browse.selection import Selection, Unknown
from analyzer.engine.analysis import Analyzer
from analyzer.engine.interpreter import first_hit
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Service
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import LEVELS, PRIORITIES
from analyzer.search.index import SearchIndex

SECOND_VENDOR = Path(__file__).parent / "data" / "second-vendor"


@pytest.fixture(scope="module")
def index(knowledge: KnowledgeBase) -> SearchIndex:
    return SearchIndex(knowledge)


@pytest.fixture(scope="module")
def browser(knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex) -> MatrixBrowser:
    return MatrixBrowser(knowledge, rulebook, index)


@pytest.fixture(scope="module")
def assessment(knowledge: KnowledgeBase, analyzer: Analyzer) -> Assessment:
    return analyzer.analyze(filled(knowledge).institution, AS_OF)


@pytest.fixture(scope="module")
def two_vendors() -> KnowledgeBase:
    return load_knowledge([SECOND_VENDOR])


@pytest.fixture(scope="module")
def two_vendors_browser(two_vendors: KnowledgeBase, rulebook: Rulebook) -> MatrixBrowser:
    return MatrixBrowser(two_vendors, rulebook, SearchIndex(two_vendors))


@pytest.fixture(scope="module")
def columns(knowledge: KnowledgeBase, rulebook: Rulebook) -> MatrixColumns:
    return MatrixColumns(knowledge, rulebook)


def assessed_with(
    knowledge: KnowledgeBase, rulebook: Rulebook, services: Callable[[tuple[Service, ...]], tuple[Service, ...]]
) -> Assessment:
    """The filled institution with other services."""
    institution = filled(knowledge).institution
    return Analyzer(knowledge, rulebook).analyze(
        replace(institution, services=services(institution.services), answers={}, evidence={}), AS_OF
    )


def keys(selection: Selection) -> list[str]:
    return [row.control.key for row in selection.rows]


def counts(selection: Selection) -> dict[str, dict[str, int]]:
    return {facet.id: {value.value.id: value.count for value in facet.values} for facet in selection.facets}


def narrowed(**chosen: tuple[str, ...]) -> MatrixFilter:
    return MatrixFilter(chosen=chosen)


# -- rows -------------------------------------------------------------------------------------------------------------


def test_without_a_filter_every_control_is_there_in_the_knowledge_bases_order(
    browser: MatrixBrowser, knowledge: KnowledgeBase
) -> None:
    selection = browser.select(MatrixFilter())
    assert keys(selection) == list(knowledge.controls)
    assert selection.total == len(knowledge.controls)


def test_a_control_has_a_row_for_every_vendor_that_answers_it(
    two_vendors_browser: MatrixBrowser, two_vendors: KnowledgeBase
) -> None:
    rows = two_vendors_browser.select(MatrixFilter()).rows
    expected = [(key, vendor) for key, control in two_vendors.controls.items() for vendor in control.responses]
    assert [(row.control.key, row.vendor) for row in rows] == expected


def test_a_control_that_nobody_answers_has_one_row_that_says_so(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    key, control = next(iter(knowledge.controls.items()))
    lacking = replace(knowledge, controls={**knowledge.controls, key: replace(control, responses={})})
    browser = MatrixBrowser(lacking, rulebook, SearchIndex(lacking))
    (row,) = browser.select(narrowed(vendor_conformity=("no_answer",))).rows
    assert (row.control.key, row.vendor, row.responsibility, row.evidence_ways) == (key, None, "none_stated", ("none",))
    assert counts(browser.select(narrowed(vendor=("none",))))["vendor"] == {
        "cybozu.com": len(knowledge.controls) - 1,
        "none": 1,
    }


def test_responsibility_is_what_the_rulebooks_table_says(browser: MatrixBrowser, rulebook: Rulebook) -> None:
    rows = browser.select(MatrixFilter()).rows
    assert {row.responsibility for row in rows} >= {"vendor", "shared", "user_side"}
    for row in rows:
        assert row.response is not None
        asked = {
            "vendor_answer": row.response.conformity,
            "duties": "stated" if row.response.duties else "unstated",
        }
        rule = first_hit(rulebook.tables["responsibility"], asked)
        assert row.responsibility == rule.then["responsibility"]


def test_an_answer_may_rest_on_several_kinds_of_evidence(browser: MatrixBrowser) -> None:
    for row in browser.select(MatrixFilter()).rows:
        answer = row.response
        assert answer is not None
        held = {
            "public": bool(answer.documents),
            "certification": bool(answer.certifications),
            "interview": answer.interview,
            "nda": answer.nda_documents,
        }
        assert set(row.evidence_ways) == ({way for way, holds in held.items() if holds} or {"none"})


def test_every_row_carries_the_institutions_result(browser: MatrixBrowser, assessment: Assessment) -> None:
    rows = browser.select(MatrixFilter(), assessment).rows
    assert [row.result for row in rows] == list(assessment.results)


def test_no_result_is_missing_where_a_service_leaves_controls_unanswered(
    two_vendors_browser: MatrixBrowser, two_vendors: KnowledgeBase, rulebook: Rulebook
) -> None:
    assessment = assessed_with(
        two_vendors, rulebook, lambda services: (*services, replace(services[0], vendor="example-cloud", reviews=()))
    )
    rows = two_vendors_browser.select(MatrixFilter(), assessment).rows
    by_service = {(row.control.key, row.vendor): row.result for row in rows}
    assert len(rows) == len(by_service) == len(assessment.results)
    assert all(by_service[result.control.key, result.service] is result for result in assessment.results)
    silent = next(row for row in rows if row.vendor == "example-cloud" and row.response is None)
    assert silent.vendor_conformity == "no_answer"


def test_answers_of_a_service_that_is_not_used_have_no_result(
    two_vendors_browser: MatrixBrowser, two_vendors: KnowledgeBase, rulebook: Rulebook
) -> None:
    assessment = assessed_with(two_vendors, rulebook, lambda services: services)
    selection = two_vendors_browser.select(narrowed(conformity=("not_used",)), assessment)
    assert {row.vendor for row in selection.rows} == {"example-cloud"}
    assert all(row.result is None for row in selection.rows)
    assert counts(selection)["gap_priority"]["not_used"] == len(selection.rows)


def test_an_institution_without_a_service_has_its_result_in_every_row(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    assessment = assessed_with(knowledge, rulebook, lambda services: ())
    rows = browser.select(MatrixFilter(), assessment).rows
    assert [row.result for row in rows] == list(assessment.results)


# -- facets -----------------------------------------------------------------------------------------------------------


def test_values_of_a_facet_are_alternatives_and_facets_narrow_each_other(browser: MatrixBrowser) -> None:
    selection = browser.select(narrowed(level=("minimum", "recommended"), party=("integrator",)))
    assert selection.rows
    assert {row.control.level for row in selection.rows} == {"minimum", "recommended"}
    assert all("integrator" in row.parties for row in selection.rows)


CASES = [
    MatrixFilter(),
    narrowed(guideline=("mhlw-5",)),
    narrowed(level=("minimum", "none"), disclosure=("nda",)),
    narrowed(evidence_way=("public", "nda"), party=("user",), responsibility=("shared",)),
    MatrixFilter("ログ", {"vendor_conformity": ("conformable",)}),
    MatrixFilter("ログ", {"section": ("mhlw-5:6.5", "meti-2:2.6.6"), "condition": ("always",)}),
    narrowed(condition=("uses_wireless_lan",), level=("recommended",)),
    MatrixFilter("見つからない語句である"),
]


@pytest.mark.parametrize("wanted", CASES, ids=lambda wanted: str(wanted.to_query()))
@pytest.mark.parametrize("with_results", [False, True])
def test_a_count_is_what_choosing_the_value_alone_in_its_facet_would_leave(
    browser: MatrixBrowser, assessment: Assessment, wanted: MatrixFilter, with_results: bool
) -> None:
    given_assessment = assessment if with_results else None
    for facet in browser.select(wanted, given_assessment).facets:
        for value in facet.values:
            alone = replace(wanted, chosen={**wanted.chosen, facet.id: (value.value.id,)})
            assert value.count == len(browser.select(alone, given_assessment).rows), (facet.id, value.value.id)
            assert value.chosen == (value.value.id in wanted.chosen.get(facet.id, ()))


def test_closed_sets_are_offered_whole_and_in_their_own_order(browser: MatrixBrowser, assessment: Assessment) -> None:
    offered = counts(browser.select(narrowed(section=("mhlw-5:6.5",)), assessment))
    assert tuple(offered["level"]) == LEVELS
    assert list(offered["vendor_conformity"]) == ["conformable", "out_of_scope", "not_conforming", "no_answer"]
    assert list(offered["evidence_way"]) == ["public", "certification", "interview", "nda", "none"]
    assert list(offered["party"]) == ["user", "integrator", "none"]
    assert list(offered["gap_priority"]) == [*PRIORITIES, "none"]
    assert offered["vendor_conformity"]["no_answer"] == 0


def test_facets_speak_the_words_of_the_data(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    facets = {facet.id: facet for facet in browser.select(MatrixFilter()).facets}
    assert [facets[facet].label for facet in facets] == [rulebook.term("facet", facet).ja for facet in facets]
    labels = {facet: {item.value.id: item.value.label for item in view.values} for facet, view in facets.items()}
    assert labels["guideline"]["meti-2"] == knowledge.guidelines["meti-2"].short_title
    assert labels["section"]["mhlw-5:6.5"] == "6.5 技術的安全対策"
    assert labels["condition"]["uses_wireless_lan"] == knowledge.conditions["uses_wireless_lan"].title.ja
    assert labels["disclosure"]["nda"] == rulebook.term("disclosure", "nda").ja
    assert facets["section"].values[0].value.group == knowledge.guidelines["mhlw-5"].short_title


def test_facets_that_cannot_narrow_anything_are_not_offered(
    browser: MatrixBrowser, two_vendors_browser: MatrixBrowser, assessment: Assessment
) -> None:
    plain = {facet.id for facet in browser.select(MatrixFilter()).facets}
    assert plain == set(FACETS) - ASSESSED_FACETS - {"vendor"}
    assert {facet.id for facet in browser.select(MatrixFilter(), assessment).facets} == plain | ASSESSED_FACETS
    vendors = counts(two_vendors_browser.select(MatrixFilter()))["vendor"]
    assert set(vendors) == {"cybozu.com", "example-cloud"}
    # Who follows a link to a vendor has to be able to leave it again.
    assert "vendor" in counts(browser.select(narrowed(vendor=("cybozu.com",))))


def test_what_a_filter_names_in_vain_is_reported_and_ignored(browser: MatrixBrowser, assessment: Assessment) -> None:
    wanted = MatrixFilter(chosen={"level": ("minimum", "minimun"), "section": ("mhlw-9:1",)}, sort="-colour")
    selection = browser.select(wanted)
    assert keys(selection) == keys(browser.select(narrowed(level=("minimum",))))
    assert set(selection.unknown) == {
        Unknown("level", "minimun"),
        Unknown("section", "mhlw-9:1"),
        Unknown("sort", "-colour"),
    }
    of_an_institution = narrowed(conformity=("nonconforming",))
    assert browser.select(of_an_institution).unknown == (Unknown("conformity", "nonconforming"),)
    found = browser.select(of_an_institution, assessment)
    assert not found.unknown
    assert found.rows
    assert all(row.result and row.result.conformity == "nonconforming" for row in found.rows)


def test_a_row_is_filed_under_its_highest_gap(browser: MatrixBrowser, assessment: Assessment) -> None:
    for priority, higher in (("high", set()), ("medium", {"high"}), ("low", {"high", "medium"})):
        for row in browser.select(narrowed(gap_priority=(priority,)), assessment).rows:
            assert row.result is not None
            found = {gap.priority for gap in row.result.gaps}
            assert priority in found
            assert not found & higher
    without = browser.select(narrowed(gap_priority=("none",)), assessment).rows
    assert without
    assert all(row.result and not row.result.gaps for row in without)


def test_every_row_has_a_value_in_every_facet(browser: MatrixBrowser, assessment: Assessment) -> None:
    selection = browser.select(MatrixFilter(), assessment)
    offered = counts(selection)
    for facet, row in product(offered, selection.rows):
        values = ROW_VALUES[facet](row)
        assert values
        assert set(values) <= set(offered[facet])


def test_readers_at_the_same_time_get_what_they_would_get_alone(
    browser: MatrixBrowser, knowledge: KnowledgeBase, analyzer: Analyzer, assessment: Assessment
) -> None:
    other = analyzer.analyze(replace(assessment.institution, answers={}), AS_OF)
    asked = [(wanted, given) for wanted in CASES for given in (None, assessment, other)] * 4
    alone = [browser.select(wanted, given) for wanted, given in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda pair: browser.select(*pair), asked))
    assert [keys(selection) for selection in together] == [keys(selection) for selection in alone]
    assert [counts(selection) for selection in together] == [counts(selection) for selection in alone]


# -- searching and sorting --------------------------------------------------------------------------------------------


def test_rows_that_are_searched_for_come_best_first_with_their_hits(browser: MatrixBrowser, index: SearchIndex) -> None:
    selection = browser.select(MatrixFilter("バックアップ"))
    hits = index.find("バックアップ", limit=None)
    assert keys(selection) == [hit.control.key for hit in hits]
    assert [row.hit for row in selection.rows] == hits


def test_a_search_within_a_facet_keeps_its_ranking(browser: MatrixBrowser) -> None:
    everywhere = browser.select(MatrixFilter("ログ")).rows
    within = browser.select(MatrixFilter("ログ", {"guideline": ("meti-2",)})).rows
    assert list(within) == [row for row in everywhere if row.control.guideline == "meti-2"]


def test_blank_text_is_no_search(browser: MatrixBrowser) -> None:
    assert len(browser.select(MatrixFilter(" 　")).rows) == browser.select(MatrixFilter()).total


def test_a_row_is_not_found_by_another_vendors_words(two_vendors_browser: MatrixBrowser) -> None:
    found = two_vendors_browser.select(MatrixFilter("端末の画面の扱いは")).rows
    assert found
    for row in found:
        assert row.hit is not None
        assert row.hit.matches
        of_vendors = [match for match in row.hit.matches if match.field in {"duty", "statement", "finding"}]
        assert {match.source for match in of_vendors} <= {row.vendor}
    assert next(row.vendor for row in found if row.control.id == "6.5-04") == "example-cloud"


def test_by_id_means_as_people_number_things(browser: MatrixBrowser, knowledge: KnowledgeBase) -> None:
    assert keys(browser.select(MatrixFilter(sort="control"))) == list(knowledge.controls)
    assert keys(browser.select(MatrixFilter(sort="-control"))) == list(knowledge.controls)[::-1]


def test_words_of_closed_sets_sort_as_the_vocabulary_has_them(browser: MatrixBrowser, assessment: Assessment) -> None:
    levels = [row.control.level for row in browser.select(MatrixFilter(sort="level")).rows]
    assert levels == sorted(levels, key=LEVELS.index)
    assert len(set(levels)) == 3
    gaps = [row.gap_priority for row in browser.select(MatrixFilter(sort="gaps"), assessment).rows]
    assert gaps == sorted(gaps, key=(*PRIORITIES, None).index)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("direction", ["", "-"])
def test_sorting_keeps_every_row_and_the_order_of_equal_ones(
    browser: MatrixBrowser, assessment: Assessment, columns: MatrixColumns, column: str, direction: str
) -> None:
    plain = browser.select(MatrixFilter("ログ"), assessment).rows
    rows = browser.select(MatrixFilter("ログ", sort=direction + column), assessment).rows
    assert sorted(map(id_of, rows)) == sorted(map(id_of, plain))
    place = {id_of(row): number for number, row in enumerate(plain)}
    if column in {"level", "vendor_conformity", "disclosure", "responsibility", "party", "condition", "conformity"}:
        by_text: dict[str, list[int]] = {}
        for row in rows:
            by_text.setdefault(columns.cell(row, column).text, []).append(place[id_of(row)])  # type: ignore[arg-type]
        assert all(places == sorted(places) for places in by_text.values())
        seen = [columns.cell(row, column).text for row in rows]  # type: ignore[arg-type]
        runs = [text for text, before in zip(seen, [None, *seen], strict=False) if text != before]
        assert len(runs) == len(set(runs))


@pytest.mark.parametrize("direction", ["", "-"])
def test_rows_in_which_the_column_is_empty_come_last_either_way(browser: MatrixBrowser, direction: str) -> None:
    notes = [row.control.note for row in browser.select(MatrixFilter(sort=f"{direction}note")).rows]
    filled_in = [note for note in notes if note is not None]
    assert 0 < len(filled_in) < len(notes)
    assert notes[: len(filled_in)] == sorted(filled_in, reverse=bool(direction))


def id_of(row: MatrixRow) -> tuple[str, str]:
    return row.control.key, row.vendor or ""


# -- addresses --------------------------------------------------------------------------------------------------------

texts = st.text(max_size=LONGEST_VALUE + 20)
filters = st.builds(
    MatrixFilter,
    text=texts,
    chosen=st.dictionaries(st.sampled_from(FACETS), st.lists(texts, max_size=4).map(tuple)),
    sort=st.none() | texts,
)


@given(filters)
def test_an_address_says_the_whole_filter(wanted: MatrixFilter) -> None:
    assert MatrixFilter.from_query(wanted.to_query()) == wanted


def test_the_address_of_no_filter_is_empty() -> None:
    assert MatrixFilter().to_query() == {}
    assert MatrixFilter.from_query({"institution": ["minato"], "q": [], "level": [""]}) == MatrixFilter()


@given(st.dictionaries(st.sampled_from([*FACETS, "q", "sort", "page"]), st.lists(texts, max_size=3)))
def test_no_address_fails(query: dict[str, list[str]]) -> None:
    wanted = MatrixFilter.from_query(query)
    assert MatrixFilter.from_query(wanted.to_query()) == wanted


def test_addresses_of_any_size_are_cut() -> None:
    wanted = MatrixFilter.from_query(
        {"q": ["語" * 10_000], "sort": ["-" * 10_000], "level": [str(number) * 300 for number in range(5000)]}
    )
    assert len(wanted.text) == len(wanted.sort or "") == LONGEST_VALUE
    assert len(wanted.chosen["level"]) == MOST_VALUES
    assert max(map(len, wanted.chosen["level"])) <= LONGEST_VALUE


@given(text=texts)
def test_no_text_or_value_fails_in_a_selection(browser: MatrixBrowser, text: str) -> None:
    selection = browser.select(MatrixFilter(text, {"level": (text,)}, text))
    assert len(selection.rows) <= selection.total


# -- columns ----------------------------------------------------------------------------------------------------------


def test_columns_appear_where_they_have_something_to_say(
    browser: MatrixBrowser, two_vendors_browser: MatrixBrowser, columns: MatrixColumns, assessment: Assessment
) -> None:
    plain = [heading.id for heading in columns.offered(browser.select(MatrixFilter()))]
    assert plain[:5] == ["control", "title", "level", "vendor_conformity", "disclosure"]
    assert not {"match", "conformity", "gaps", "vendor"} & set(plain)
    assert "match" in {heading.id for heading in columns.offered(browser.select(MatrixFilter("ログ")))}
    with_results = {heading.id for heading in columns.offered(browser.select(MatrixFilter(), assessment))}
    assert with_results - set(plain) == {"conformity", "gaps"}
    assert "vendor" in {heading.id for heading in columns.offered(two_vendors_browser.select(MatrixFilter()))}


def test_a_cell_says_its_word_with_the_mark_beside_the_colour(
    browser: MatrixBrowser, columns: MatrixColumns, assessment: Assessment, rulebook: Rulebook
) -> None:
    for row in browser.select(MatrixFilter(), assessment).rows:
        assert row.result is not None
        term = rulebook.term("conformity", row.result.conformity)
        cell = columns.cell(row, "conformity")
        assert (cell.text, cell.mark, cell.tone) == (term.ja, term.mark, row.result.conformity)
        assert columns.cell(row, "disclosure").tone == row.disclosure
        gaps = columns.cell(row, "gaps")
        assert gaps.tone == (row.gap_priority or "")
        if row.gap_priority:
            highest = rulebook.term("priority", row.gap_priority)
            count = sum(gap.priority == row.gap_priority for gap in row.result.gaps)
            assert gaps.text.startswith(f"{highest.ja} {count}")
            assert gaps.mark == highest.mark


def test_several_values_stand_together_without_one_colour(browser: MatrixBrowser, columns: MatrixColumns) -> None:
    row = next(row for row in browser.select(MatrixFilter()).rows if len(row.parties) == 2)
    cell = columns.cell(row, "party")
    assert cell.text == "利用者（医療機関）、SI事業者"
    assert cell.tone == ""


@pytest.mark.parametrize("query", ["ログ", "バックアップ", "6.5-07", "無線LAN", "Ⅱ.4.1.1", "利用者の識別"])
def test_highlights_lie_inside_the_shown_text(browser: MatrixBrowser, columns: MatrixColumns, query: str) -> None:
    rows = browser.select(MatrixFilter(query)).rows
    assert rows
    for row, column in product(rows, COLUMNS):
        cell = columns.cell(row, column)
        assert all(0 <= first < last <= len(cell.text) for first, last in cell.spans), (row.control.key, column)
        assert all(before[1] <= after[0] for before, after in combinations(cell.spans, 2))
    shown = ("control", "title", "match")
    assert all(any(columns.cell(row, column).spans for column in shown) for row in rows)


def test_a_word_is_highlighted_where_it_stands(browser: MatrixBrowser, columns: MatrixColumns) -> None:
    marked = [
        cell.text[first:last]
        for row in browser.select(MatrixFilter("バックアップ")).rows
        for column in ("title", "requirement", "match")
        for cell in [columns.cell(row, column)]  # type: ignore[arg-type]
        for first, last in cell.spans
    ]
    assert marked
    assert marked.count("バックアップ") > len(marked) / 2


def test_points_of_a_requirement_are_highlighted_behind_their_numbers(
    browser: MatrixBrowser, columns: MatrixColumns, knowledge: KnowledgeBase
) -> None:
    control = next(control for control in knowledge.controls.values() if len(control.points) > 1)
    point = control.points[-1]
    words = point.text[:12]
    row = next(row for row in browser.select(MatrixFilter(words)).rows if row.control == control)
    cell = columns.cell(row, "requirement")
    at = cell.text.index(f"({point.id}) {point.text}") + len(f"({point.id}) ")
    assert any(at <= first < at + len(words) for first, _ in cell.spans)


def test_the_match_column_names_the_text_that_matched(
    browser: MatrixBrowser, columns: MatrixColumns, rulebook: Rulebook
) -> None:
    for row in browser.select(MatrixFilter("ログ")).rows:
        cell = columns.cell(row, "match")
        if cell.text:
            assert cell.detail in {term.ja for term in rulebook.terms["column"].values()}
            assert cell.spans


def test_every_facet_and_column_has_its_word(columns: MatrixColumns, rulebook: Rulebook) -> None:
    assert set(rulebook.terms["facet"]) == set(FACETS)
    assert all(columns.heading(column).text and columns.heading(column).help for column in COLUMNS)
