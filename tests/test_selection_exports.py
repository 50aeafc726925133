"""Taking a filtered matrix away: nothing that was selected is missing, and the file says how it was selected."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest
from filled_institution import AS_OF, filled
from openpyxl.workbook import Workbook

from analyzer.browse.browser import MatrixBrowser
from analyzer.browse.columns import COLUMNS, ColumnId
from analyzer.browse.filter import MatrixFilter
from analyzer.browse.selection import Selection
from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.selection import selection_csv, selection_xlsx
from analyzer.exports.tabular import controls_table, to_csv_bytes
from analyzer.exports.xlsx.book import term_label
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.results import Assessment
from analyzer.search.index import SearchIndex

SECOND_VENDOR = Path(__file__).parent / "data" / "second-vendor"
DEFAULT: tuple[ColumnId, ...] = ("control", "title", "level", "vendor_conformity")
WANTED = MatrixFilter("ログ", {"level": ("minimum", "none"), "disclosure": ("nda",)}, "-level")


@pytest.fixture(scope="module")
def browser(knowledge: KnowledgeBase, rulebook: Rulebook) -> MatrixBrowser:
    return MatrixBrowser(knowledge, rulebook, SearchIndex(knowledge))


@pytest.fixture(scope="module")
def assessment(knowledge: KnowledgeBase, analyzer: Analyzer) -> Assessment:
    return analyzer.analyze(filled(knowledge).institution, AS_OF)


@pytest.fixture(scope="module")
def two_services(rulebook: Rulebook) -> tuple[KnowledgeBase, Selection]:
    """Everything, at an institution that also uses a service that leaves most controls unanswered."""
    knowledge = load_knowledge([SECOND_VENDOR])
    institution = filled(knowledge).institution
    other = replace(institution.services[0], vendor="example-cloud", reviews=())
    assessment = Analyzer(knowledge, rulebook).analyze(
        replace(institution, services=(*institution.services, other)), AS_OF
    )
    browser = MatrixBrowser(knowledge, rulebook, SearchIndex(knowledge))
    return knowledge, browser.select(MatrixFilter(), assessment)


def opened(content: bytes) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def listed(book: Workbook) -> Iterator[dict[str, object]]:
    """The list's rows by heading."""
    headings, *rows = book["一覧"].iter_rows(min_row=4, values_only=True)
    for row in rows:
        yield dict(zip(map(str, headings), row, strict=True))


def first_sheet(book: Workbook) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in book["概要"].iter_rows(values_only=True) if row[1] is not None}


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_file_says_which_filter_made_it(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment
) -> None:
    selection = browser.select(WANTED, assessment)
    said = first_sheet(opened(selection_xlsx(selection, DEFAULT, knowledge, rulebook)))
    assert said["知識ベースの版"] == knowledge.version
    assert said["機関"] == assessment.institution.name
    assert said["基準日"] == AS_OF.isoformat()
    assert said["件数"] == f"{len(selection.rows)}件（全{len(knowledge.controls)}件のうち）"
    assert said["検索した語"] == "ログ"
    assert said["絞り込み：区分"] == "最低限 または －"
    assert said["絞り込み：開示区分"] == "要NDA"
    assert said["並び順"] == "区分（降順）"


def test_the_file_says_what_of_the_filter_was_ignored_and_which_editions_are_old(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    selection = browser.select(MatrixFilter(chosen={"level": ("minimun",)}, sort="colour"))
    book = opened(selection_xlsx(selection, DEFAULT, knowledge, rulebook))
    assert first_sheet(book)["絞り込みの条件"] == "なし（すべての行）"
    notices = [str(row[1]) for row in book["概要"].iter_rows(values_only=True) if row[0] == "注意"]
    assert any("区分「minimun」" in notice for notice in notices)
    assert any("並び順「colour」" in notice for notice in notices)
    for guideline in knowledge.encoded_guidelines:
        assert any(guideline.status_note in notice for notice in notices)


def test_rows_stand_in_the_order_shown_and_the_columns_shown_come_first(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    selection = browser.select(WANTED)
    columns: tuple[ColumnId, ...] = ("title", "note", "match", "documents")
    rows = list(listed(opened(selection_xlsx(selection, columns, knowledge, rulebook))))
    assert [row["項目キー"] for row in rows] == [row.control.key for row in selection.rows]
    headings = [rulebook.term("column", name).ja for name in ("control", "title", "note", "match", "documents")]
    assert list(rows[0])[:5] == headings
    assert all("ログ" in f"{row['一致箇所'] or ''}{row['項目名']}" for row in rows[:1])


def test_every_field_of_the_controls_and_answers_stands_in_the_list(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    selection = browser.select(MatrixFilter())
    rows = list(listed(opened(selection_xlsx(selection, DEFAULT, knowledge, rulebook))))
    assert len(rows) == selection.total
    for shown, row in zip(rows, selection.rows, strict=True):
        control, answer = row.control, row.response
        assert answer is not None
        text = "\n".join(str(value) for value in shown.values() if value is not None)
        expected = [
            control.id,
            control.key,
            control.title.ja,
            control.title.en,
            control.mark,
            control.full_requirement,
            control.note,
            control.section.title.ja,
            knowledge.guidelines[control.guideline].short_title,
            rulebook.term("level", control.level).ja,
            knowledge.conditions[control.applies_if].title.ja if control.applies_if else None,
            *control.expected_evidence,
            *((cited.id for cited in control.mic.clauses) if control.mic else ()),
            *(control.mic.agreements if control.mic else ()),
            rulebook.term("vendor_conformity", answer.conformity).ja,
            rulebook.term("disclosure", answer.disclosure).ja,
            answer.statement,
            *answer.urls,
            answer.finding,
            *(f"[{number}]" for number in (*answer.documents, *answer.finding_documents)),
            *(knowledge.vendors[answer.vendor].certifications[item].title for item in answer.certifications),
            "インタビュー" if answer.interview else None,
            "NDA資料" if answer.nda_documents else None,
            *(duty.text for duty in answer.duties),
            rulebook.term("responsibility", row.responsibility).ja,
        ]
        missing = [item for item in expected if item and item not in text]
        assert not missing, control.key


def test_with_an_assessment_its_results_and_gaps_stand_beside(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment
) -> None:
    selection = browser.select(MatrixFilter(sort="gaps"), assessment)
    rows = list(listed(opened(selection_xlsx(selection, DEFAULT, knowledge, rulebook))))
    for shown, row in zip(rows, selection.rows, strict=True):
        result = row.result
        assert result is not None
        assert shown["適合状況"] == term_label(rulebook.term("conformity", result.conformity))
        assert (shown["理由"], shown["規則"]) == (result.reason.ja, result.rule)
        for gap in result.gaps:
            assert rulebook.term("gap_kind", gap.kind).ja in str(shown["ギャップ"])
            assert gap.rule in str(shown["ギャップ"])
            assert gap.action.ja in str(shown["次に行うこと"])
        assert bool(shown["優先度"]) == bool(result.gaps)
        for duty in result.duties:
            assert rulebook.term("status", duty.status).ja in str(shown["実施状況"])


def test_the_list_is_set_up_for_reading(browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    sheet = opened(selection_xlsx(browser.select(WANTED), DEFAULT, knowledge, rulebook))["一覧"]
    assert sheet.freeze_panes == "C5"
    assert sheet.auto_filter.ref is not None
    assert sheet.auto_filter.ref.startswith("A4:")
    assert sheet["A5"].alignment.wrap_text
    assert sheet.print_title_rows == "$1:$4"


def test_an_empty_selection_is_still_a_file(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment
) -> None:
    selection = browser.select(MatrixFilter("見つからない語句である"), assessment)
    assert not selection.rows
    book = opened(selection_xlsx(selection, COLUMNS, knowledge, rulebook))
    assert first_sheet(book)["件数"] == f"0件（全{len(knowledge.controls)}件のうち）"
    assert list(listed(book)) == []
    assert read(selection_csv(selection, knowledge)) == []


def test_the_same_selection_gives_the_same_bytes(
    browser: MatrixBrowser, knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment
) -> None:
    first, second = (selection_xlsx(browser.select(WANTED, assessment), DEFAULT, knowledge, rulebook) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "＝1"])
def test_no_text_runs_as_a_formula(knowledge: KnowledgeBase, rulebook: Rulebook, text: str) -> None:
    key, control = next(iter(knowledge.controls.items()))
    answers = {
        vendor: replace(answer, statement=text, finding=text, urls=(text,))
        for vendor, answer in control.responses.items()
    }
    hostile = replace(
        control, title=control.title._replace(ja=text), requirement=text, points=(), note=text, responses=answers
    )
    changed = replace(knowledge, controls={key: hostile})
    selection = MatrixBrowser(changed, rulebook, SearchIndex(changed)).select(
        MatrixFilter(chosen={"level": (text,)}, sort=text)
    )
    content = selection_xlsx(selection, COLUMNS, changed, rulebook)
    with ZipFile(io.BytesIO(content)) as archive:
        sheets = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
    assert not any(b"<f>" in sheet or b"<f " in sheet for sheet in sheets)
    cells = [cell for sheet in opened(content).worksheets for row in sheet.iter_rows() for cell in row]
    found = [cell for cell in cells if cell.value == text]
    assert len(found) >= 5
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in found)
    (row,) = read(selection_csv(selection, changed))
    assert {row["title"], row["statement"], row["note"]} == {f"'{text}"}


def test_csv_is_the_controls_table_with_the_selected_rows_only(
    browser: MatrixBrowser, knowledge: KnowledgeBase
) -> None:
    everything = {row["key"]: row for row in read(to_csv_bytes(controls_table(knowledge)))}
    selection = browser.select(WANTED)
    rows = read(selection_csv(selection, knowledge))
    assert [row["key"] for row in rows] == [row.control.key for row in selection.rows]
    for row, selected in zip(rows, selection.rows, strict=True):
        assert row.pop("responsibility") == selected.responsibility
        assert row == everything[row["key"]]


def test_csv_holds_the_results_of_the_selected_rows(
    browser: MatrixBrowser, knowledge: KnowledgeBase, assessment: Assessment
) -> None:
    selection = browser.select(MatrixFilter(sort="-control"), assessment)
    rows = read(selection_csv(selection, knowledge))
    assert len(rows) == selection.total
    for row, selected in zip(rows, selection.rows, strict=True):
        result = selected.result
        assert result is not None
        assert (row["key"], row["as_of"]) == (result.control.key, AS_OF.isoformat())
        assert (row["result_conformity"], row["result_rule"]) == (result.conformity, result.rule)
        assert row["result_reason"] == result.reason.ja
        assert len(row["result_gap_list"].splitlines()) == len(result.gaps) == int(row["result_gaps"])


def test_a_service_that_leaves_a_control_unanswered_is_not_dropped(
    two_services: tuple[KnowledgeBase, Selection], rulebook: Rulebook
) -> None:
    knowledge, selection = two_services
    rows = read(selection_csv(selection, knowledge))
    listed_rows = list(listed(opened(selection_xlsx(selection, COLUMNS, knowledge, rulebook))))
    assert len(rows) == len(listed_rows) == 2 * len(knowledge.controls)
    for row, shown, selected in zip(rows, listed_rows, selection.rows, strict=True):
        assert selected.result is not None
        assert (row["vendor"], row["result_service"]) == (selected.vendor, selected.vendor)
        assert row["result_conformity"] == selected.result.conformity
        assert row["conformity"] == (selected.response.conformity if selected.response else "")
        assert bool(row["surveyed_on"]) == bool(selected.response)
        assert row["requirement"] == selected.control.full_requirement
        assert shown["ベンダーの回答"] == rulebook.term("vendor_conformity", selected.vendor_conformity).ja
