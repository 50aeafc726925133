"""The control matrix re-opened: nothing of the knowledge base or of an institution's answers is missing from it."""

from __future__ import annotations

import io
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from filled_institution import AS_OF, IDENTITY_DAYS, IDENTITY_TEXTS, filled
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.matrix.workbook import matrix_workbook
from analyzer.exports.xlsx.book import Book, Column, sheet_name
from analyzer.exports.xlsx.celltext import CELL_LIMIT, safe_text
from analyzer.exports.xlsx.looks import BODY
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.controls import Control, Response
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import PARTIES, PRIORITIES

SECOND_VENDOR = Path(__file__).parent / "data" / "second-vendor"
LINK = re.compile(r"'(?P<sheet>[^']+)'!(?P<cell>[A-Z]+[0-9]+)")


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def header_row(sheet: Worksheet, first: str) -> int:
    return next(row for row in range(1, 12) if sheet.cell(row, 1).value == first)


def rows_of(sheet: Worksheet, first: str) -> Iterator[dict[tuple[str, str], Cell]]:
    """The rows of a sheet's table, each by (group, header); groups are empty where the table has none."""
    top = header_row(sheet, first)
    group, keys = "", []
    for column in range(1, sheet.max_column + 1):
        group = sheet.cell(top - 1, column).value or group
        keys.append((str(group), str(sheet.cell(top, column).value)))
    for row in range(top + 1, sheet.max_row + 1):
        yield dict(zip(keys, sheet[row], strict=True))


def by_header(row: dict[tuple[str, str], Cell]) -> dict[str, object]:
    return {header: cell.value for (_, header), cell in row.items()}


def control_rows(book: Workbook, knowledge: KnowledgeBase) -> Iterator[tuple[Control, dict[tuple[str, str], Cell]]]:
    for guideline in knowledge.encoded_guidelines:
        rows = list(rows_of(book[sheet_name(guideline.short_title, ())], "項番"))
        controls = [control for control in knowledge.controls.values() if control.guideline == guideline.id]
        assert [next(iter(row.values())).value for row in rows] == [control.id for control in controls]
        yield from zip(controls, rows, strict=True)


@pytest.fixture(scope="module")
def assessment(knowledge: KnowledgeBase, analyzer: Analyzer) -> Assessment:
    """Every duty answered, each field filled; and an answer for a party that holds no duty."""
    institution = filled(knowledge).institution
    some = next(iter(institution.answers.values()))
    unasked = next(
        (control.key, party)
        for control in knowledge.controls.values()
        for party in PARTIES
        if (control.key, party) not in institution.answers
    )
    extra = replace(some, control=unasked[0], party=unasked[1], checked_on=AS_OF, note="求められていない回答")
    return analyzer.analyze(replace(institution, answers={**institution.answers, unasked: extra}), AS_OF)


@pytest.fixture(scope="module")
def assessed(knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment) -> Workbook:
    return opened(matrix_workbook(knowledge, rulebook, assessment))


@pytest.fixture(scope="module")
def two_vendors() -> KnowledgeBase:
    return load_knowledge([SECOND_VENDOR])


@pytest.fixture(scope="module")
def plain(two_vendors: KnowledgeBase, rulebook: Rulebook) -> Workbook:
    return opened(matrix_workbook(two_vendors, rulebook))


# -- the knowledge base -----------------------------------------------------------------------------------------------


def test_every_field_of_every_control_stands_in_its_row(
    plain: Workbook, two_vendors: KnowledgeBase, rulebook: Rulebook
) -> None:
    for control, row in control_rows(plain, two_vendors):
        cells = by_header(row)
        assert cells["項目名"] == control.title.ja
        assert cells["項目名（英語）"] == control.title.en
        assert cells["原典の標記"] == control.mark
        assert cells["節"] == f"{control.section.id} {control.section.title.ja}"
        assert cells["節（英語）"] == control.section.title.en
        assert cells["区分"] == rulebook.term("level", control.level).ja
        assert cells["要求事項"] == control.full_requirement
        condition = two_vendors.conditions[control.applies_if].title.ja if control.applies_if else "すべての機関"
        assert cells["適用条件"] == condition
        assert cells["備考（出典の疑義等）"] == control.note
        for item in control.expected_evidence:
            assert item in str(cells["想定される証跡"])
        for cited in control.mic.clauses if control.mic else ():
            text = str(cells["条項"])
            assert f"{cited.id}【{rulebook.term('clause_class', cited.clause_class).ja}】" in text
            assert (cited.note or "") in text
        for agreement in control.mic.agreements if control.mic else ():
            assert agreement in str(cells["条項のない要求事項（合意等）"])


def test_every_field_of_every_vendors_answer_stands_in_its_row(
    plain: Workbook, two_vendors: KnowledgeBase, rulebook: Rulebook
) -> None:
    assert len({vendor for control in two_vendors.controls.values() for vendor in control.responses}) > 1
    for control, row in control_rows(plain, two_vendors):
        for vendor, register in two_vendors.vendors.items():
            cells = {header: cell.value for (group, header), cell in row.items() if group.startswith(register.name.ja)}
            response = control.responses.get(vendor)
            if response is None:
                assert cells["適合性"] == rulebook.term("vendor_conformity", "no_answer").ja
            else:
                assert_answer_shown(cells, response, two_vendors, rulebook)


def assert_answer_shown(
    cells: dict[str, object], response: Response, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    register = knowledge.vendors[response.vendor]
    assert cells["適合性"] == rulebook.term("vendor_conformity", response.conformity).ja
    assert cells["ベンダーの見解"] == response.statement
    assert cells["見解が示すURL"] == ("\n".join(response.urls) or None)
    assert cells["調査で確認した内容"] == response.finding
    assert cells["開示区分"] == rulebook.term("disclosure", response.disclosure).ja
    assert cells["インタビュー"] == ("あり" if response.interview else "－")
    assert cells["NDA資料"] == ("あり" if response.nda_documents else "－")
    for number in response.finding_documents:
        assert f"[{number}]" in str(cells["確認内容が引く文献"])
    for number in response.documents:
        assert f"[{number}] {register.documents[number].title or ''}" in str(cells["確認した公開文書"])
    for item in response.certifications:
        assert register.certifications[item].title in str(cells["第三者認証"])
    for duty in response.duties:
        for party in duty.parties:
            assert duty.text in str(cells[f"{rulebook.term('party', party).ja}の対応"])


def test_clauses_documents_and_certifications_are_registered_with_what_rests_on_them(
    plain: Workbook, two_vendors: KnowledgeBase
) -> None:
    clauses = {row["条項"]: row for row in map(by_header, rows_of(plain["MIC要求事項"], "条項"))}
    assert list(clauses) == list(two_vendors.clauses)
    for clause in two_vendors.clauses.values():
        row = clauses[clause.id]
        assert (row["題名"], row["題名（英語）"], row["要求事項"], row["備考"]) == (
            *clause.title,
            clause.text,
            clause.note,
        )
        citing = [control.id for control in two_vendors.citing_controls[clause.id]]
        assert row["引用する項目の数"] == len(citing)
        assert [row[f"項目{number}"] for number in range(1, len(citing) + 1)] == citing
    register = {(row["ベンダー"], row["番号"]): row for row in map(by_header, rows_of(plain["証跡台帳"], "番号"))}
    for vendor in two_vendors.vendors.values():
        answers = [
            control.responses[vendor.id] for control in two_vendors.controls.values() if vendor.id in control.responses
        ]
        for document in vendor.documents.values():
            row = register[vendor.name.ja, f"[{document.number}]"]
            assert row["依拠する項目の数"] == sum(document.number in answer.all_documents for answer in answers)
            assert (row["根拠"], row["URL"]) == (document.basis, document.url)
        for held in vendor.certifications.values():
            row = register[vendor.name.ja, held.id]
            assert row["依拠する項目の数"] == sum(held.id in answer.certifications for answer in answers)
            assert (row["登録番号"], row["版"], row["後継の版"]) == (held.number, held.edition, held.successor)


def test_the_cover_counts_what_the_knowledge_base_holds(
    plain: Workbook, two_vendors: KnowledgeBase, rulebook: Rulebook
) -> None:
    sheet = plain["表紙"]
    texts = [cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert two_vendors.version in texts
    for guideline in two_vendors.guidelines.values():
        if not guideline.in_force:
            assert any(f"【旧版】{guideline.status_note}" in str(text) for text in texts)
    for vendor in two_vendors.vendors.values():
        line = next(str(text) for text in texts if f"{vendor.name.ja}の回答は" in str(text))
        assert str(vendor.survey.surveyed_on) in line
        assert vendor.survey.surveyor in line
    top = next(row for row in range(1, 40) if sheet.cell(row, 4).value == "項目数")
    counted = {
        (sheet.cell(row, 1).value, sheet.cell(row, 2).value, sheet.cell(row, 3).value): row
        for row in range(top + 1, top + 60)
        if isinstance(sheet.cell(row, 4).value, int)
    }
    controls = list(two_vendors.controls.values())
    assert sheet.cell(counted["全体", None, "計"], 4).value == len(controls)
    for section in two_vendors.sections:
        row = counted[two_vendors.guidelines[section.guideline].short_title, section.id, section.title.ja]
        group = two_vendors.in_section(section)
        assert sheet.cell(row, 4).value == len(group)
        levels = [sum(control.level == level for control in group) for level in ("minimum", "recommended", "none")]
        assert [sheet.cell(row, column).value for column in (5, 6, 7)] == levels
        answers = [control.responses["cybozu.com"].conformity for control in group]
        words = ("conformable", "out_of_scope", "not_conforming")
        assert [sheet.cell(row, column).value for column in (8, 9, 10)] == [answers.count(word) for word in words]


def test_the_legend_explains_every_word_of_every_set(plain: Workbook, rulebook: Rulebook) -> None:
    explained = [
        (cells["記号"] or "", cells["用語"], cells["意味"] or "", cells["英語"])
        for cells in map(by_header, rows_of(plain["凡例"], "用語の集まり"))
    ]
    of_screens = {"facet", "facet_value", "column"}
    for of, terms in rulebook.terms.items():
        for term in () if of in of_screens else terms.values():
            found = [line for line in explained if (line[0], line[1], line[3]) == (term.mark, term.ja, term.en)]
            assert found, f"{of}: {term.ja}"
            # The kinds of documents, evidence and institutions say what they are.
            assert (of.endswith("_kind") and of != "gap_kind") or any(line[2] for line in found), f"{of}: {term.ja}"


@pytest.mark.parametrize("which", ["plain", "assessed"])
def test_every_link_leads_to_a_cell_that_holds_something(which: str, request: pytest.FixtureRequest) -> None:
    book: Workbook = request.getfixturevalue(which)
    count = 0
    for sheet in book.worksheets:
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.hyperlink and cell.hyperlink.location):
            match = LINK.fullmatch(cell.hyperlink.location)
            assert match, cell.hyperlink.location
            target = book[match["sheet"]][match["cell"]].value
            assert target is not None, cell.hyperlink.location
            if re.fullmatch(r"[0-9]+\.[0-9.]+-[0-9.]+", str(cell.value)):
                assert target == cell.value
            count += 1
    assert count > 100


def test_documents_and_clauses_lead_to_their_controls_and_back(plain: Workbook, two_vendors: KnowledgeBase) -> None:
    expected = [
        (control.id, item)
        for control in two_vendors.controls.values()
        for item in [
            *(cited.id for cited in (control.mic.clauses if control.mic else ())),
            *(f"[{number}]" for answer in control.responses.values() for number in answer.all_documents),
            *(item for answer in control.responses.values() for item in answer.certifications),
        ]
    ]
    for name in ("対応表（項目順）", "対応表（参照先順）"):
        rows = [cells for cells in map(by_header, rows_of(plain[name], "項番")) if cells["種別"] != "関連項目"]
        pairs = [(cells["項番"], cells["参照先へ"]) for cells in rows]
        assert sorted(map(str, pairs)) == sorted(map(str, expected))


def test_a_guidelines_sheet_is_set_up_for_reading_and_printing(plain: Workbook, two_vendors: KnowledgeBase) -> None:
    sheet = plain[sheet_name(two_vendors.encoded_guidelines[0].short_title, ())]
    top = header_row(sheet, "項番")
    assert sheet.freeze_panes == f"C{top + 1}"
    assert sheet.auto_filter.ref.startswith(f"A{top}:")
    assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (8, "landscape")
    assert sheet.print_title_rows == f"${top - 1}:${top}"
    assert sheet.print_title_cols == "$A:$B"
    assert two_vendors.version in sheet.oddFooter.left.text
    assert "旧版" in sheet.oddHeader.left.text
    assert sheet.cell(top + 1, 3).font.name == "Yu Gothic"
    # At the printed scale no page is wider than A3: 420 mm less margins of 10 mm, 7 pixels a unit and 5 a column.
    breaks = [0, *(brk.id for brk in sheet.col_breaks.brk), sheet.max_column]
    widths = [sheet.column_dimensions[cell.column_letter].width * 7 + 5 for cell in sheet[top]]
    for first, last in itertools.pairwise(breaks):
        pixels = sum(widths[first:last]) + (sum(widths[:2]) if first else 0)
        assert pixels * sheet.page_setup.scale / 100 <= 400 / 25.4 * 96


# -- an institution ---------------------------------------------------------------------------------------------------


def test_every_field_of_every_answer_stands_in_its_controls_row(
    assessed: Workbook, knowledge: KnowledgeBase, assessment: Assessment, rulebook: Rulebook
) -> None:
    institution = assessment.institution
    shown = 0
    for control, row in control_rows(assessed, knowledge):
        for party in PARTIES:
            answer = institution.answers.get((control.key, party))
            if answer is None:
                continue
            group = f"{rulebook.term('party', party).ja}の回答"
            cells = {header: cell.value for (of, header), cell in row.items() if of == group}
            status = rulebook.term("status", answer.status)
            assert cells["実施状況"] == f"{status.mark} {status.ja}"
            assert cells["該当なし等の理由"] == answer.reason
            assert cells["担当"] == answer.owner
            assert cells["回答の備考"] == answer.note
            assert cells["確認日"].date() == answer.checked_on
            assert cells["期限"].date() == answer.due
            assert cells["引継ぎ"] == ("引継ぎ・要再確認" if answer.carried_over else None)
            held = institution.evidence[answer.evidence[0]]
            for part in (held.id, held.title, held.issued_on, held.valid_until, held.covers_from, held.covers_to):
                assert str(part) in cells["証跡"]
            duties = [duty for result in assessment.results if result.control is control for duty in result.duties]
            used = any(duty.answer is answer for duty in duties)
            assert (cells["判定での扱い"] == "判定に使った") == used
            shown += 1
    assert shown == len(institution.answers)


def test_every_result_stands_in_its_controls_row(
    assessed: Workbook, knowledge: KnowledgeBase, assessment: Assessment, rulebook: Rulebook
) -> None:
    results = {result.control.key: result for result in assessment.results}
    for control, row in control_rows(assessed, knowledge):
        result = results[control.key]
        cells = {header: cell.value for (group, header), cell in row.items() if group.startswith("評価（")}
        conformity = rulebook.term("conformity", result.conformity)
        assert cells["判定"] == f"{conformity.mark} {conformity.ja}"
        assert cells["判定の理由"] == result.reason.ja
        assert cells["規則"] == result.rule
        assert cells["適用"] == rulebook.term("applicability", result.applicability).ja
        assert cells["適用の理由"] == result.applicability_reason.ja
        assert cells["回答の裏付け"] == rulebook.term("assurance", result.assurance).ja
        assert cells["責任分界"] == rulebook.term("responsibility", result.responsibility).ja
        assert str(cells["ギャップ"] or "").count("\n") + bool(cells["ギャップ"]) == len(result.gaps)


def test_the_gap_list_holds_every_gap_highest_priority_first(
    assessed: Workbook, assessment: Assessment, rulebook: Rulebook
) -> None:
    rows = list(rows_of(assessed["ギャップ一覧"], "優先度"))
    listed = [tuple(by_header(row)[name] for name in ("項番", "規則", "理由", "次に行うこと")) for row in rows]
    expected = [
        (result.control.id, gap.rule, gap.reason.ja, gap.action.ja)
        for result in assessment.results
        for gap in result.gaps
    ]
    assert expected
    assert sorted(map(str, listed)) == sorted(map(str, expected))
    words = [rulebook.term("priority", word) for word in PRIORITIES]
    ranks = [[f"{term.mark} {term.ja}" for term in words].index(str(by_header(row)["優先度"])) for row in rows]
    assert ranks == sorted(ranks)


def test_everything_the_institution_says_of_itself_and_its_evidence_is_there(
    assessed: Workbook, knowledge: KnowledgeBase, assessment: Assessment
) -> None:
    institution = assessment.institution
    cells = [cell for row in assessed["機関情報"].iter_rows() for cell in row]
    told = "\n".join(str(cell.value) for cell in cells)
    for text in (*IDENTITY_TEXTS, *map(str, IDENTITY_DAYS), institution.id, "cybozu.com"):
        assert text in told
    by_text = {cell.value: cell for cell in cells}
    for fact in knowledge.facts.values():
        given = institution.facts.get(fact.id)
        spoken = {True: "はい", False: "いいえ", None: "？ 未回答"}
        assert by_text[fact.question].offset(0, 1).value == spoken.get(given, given)
    evidence = {cells["証跡ID"]: cells for cells in map(by_header, rows_of(assessed["機関の証跡"], "証跡ID"))}
    for item in institution.evidence.values():
        cells = evidence[item.id]
        assert (cells["題名"], cells["保管場所"], cells["備考"]) == (item.title, item.location, item.note)
        days = [cells[name].date() for name in ("発行日", "有効期限", "対象期間（始）", "対象期間（終）")]
        assert days == [item.issued_on, item.valid_until, item.covers_from, item.covers_to]


def test_the_statement_of_applicability_gives_a_reason_for_every_control_left_out(
    assessed: Workbook, assessment: Assessment
) -> None:
    out = {result.control.id for result in assessment.results if result.conformity == "not_applicable"}
    rows = list(map(by_header, rows_of(assessed["適用宣言"], "項番")))
    assert out
    assert out == {row["項番"] for row in rows if row["範囲"] == "項目の全体"}
    assert all(row["理由"] for row in rows)


def test_the_summary_counts_as_the_assessment_does(assessed: Workbook, assessment: Assessment) -> None:
    sheet = assessed["集計"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    summary = assessment.summary
    total = next(row for row in rows if row[0] == "全体")
    assert total[3:5] == [summary.overall.controls, summary.overall.applicable]
    assert total[5:11] == list(summary.overall.conformity.values())
    sections = {(row[1], row[2]): row for row in rows if row[1]}
    for (_, section), tally in summary.by_section.items():
        row = next(row for key, row in sections.items() if key[0] == section and row[3] == tally.controls)
        assert row[5:11] == list(tally.conformity.values())
    texts = {str(value) for row in rows for value in row}
    assert {entry.evidence.title for entry in summary.expiring} <= texts
    carried = [answer for answer in assessment.institution.answers.values() if answer.carried_over]
    assert {answer.note for answer in carried} <= texts


# -- the file ---------------------------------------------------------------------------------------------------------


def test_the_same_assessment_gives_the_same_bytes_dated_by_its_day(
    knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment
) -> None:
    first = matrix_workbook(knowledge, rulebook, assessment)
    assert first == matrix_workbook(knowledge, rulebook, assessment)
    with ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    properties = opened(first).properties
    assert (properties.created.date(), properties.modified.date()) == (AS_OF, AS_OF)


def hostile(knowledge: KnowledgeBase, text: str) -> KnowledgeBase:
    """The knowledge base with one control whose texts are all hostile."""
    key, control = next(iter(knowledge.controls.items()))
    answers = {
        vendor: replace(response, statement=text, finding=text, urls=(text,))
        for vendor, response in control.responses.items()
    }
    changed = replace(
        control, title=control.title._replace(ja=text), requirement=text, points=(), note=text, responses=answers
    )
    return replace(knowledge, controls={**knowledge.controls, key: changed})


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x","y")', "#N/A", "＝1"])
def test_no_text_runs_as_a_formula(knowledge: KnowledgeBase, rulebook: Rulebook, text: str) -> None:
    content = matrix_workbook(hostile(knowledge, text), rulebook)
    with ZipFile(io.BytesIO(content)) as archive:
        sheets = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
    assert not any(b"<f>" in sheet or b"<f " in sheet for sheet in sheets)
    assert not any(b't="e"' in sheet for sheet in sheets)
    found = [
        cell for sheet in opened(content).worksheets for row in sheet.iter_rows() for cell in row if cell.value == text
    ]
    assert len(found) >= 5
    assert all(cell.data_type == "s" for cell in found)
    assert all(cell.quotePrefix for cell in found) or text == "#N/A"
    assert not any(cell.hyperlink and cell.hyperlink.target for cell in found)


def test_control_and_direction_characters_are_shown(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    text = "前\x00中\x1b\x7f\u202e\ud800\uffff後\r\n次"
    book = opened(matrix_workbook(hostile(knowledge, text), rulebook))
    shown = "前␀中␛␡〔U+202E〕〔U+D800〕〔U+FFFF〕後\n次"
    assert any(cell.value == shown for row in book.worksheets[2].iter_rows() for cell in row)


def test_a_text_beyond_excels_limit_is_cut_with_the_number_of_characters_left_out() -> None:
    for character in ("a", "漢", "😀"):
        text = character * 40_000
        kept = safe_text(text)
        assert len(kept.encode("utf-16-le")) // 2 <= CELL_LIMIT
        match = re.fullmatch(rf"({character}+)…（以下(\d+)文字省略）", kept)
        assert match
        assert len(match[1]) + int(match[2]) == 40_000
    assert safe_text("a" * CELL_LIMIT) == "a" * CELL_LIMIT


def test_excels_own_escapes_stay_what_they_were_typed_as() -> None:
    # Excel reads _x003D_ in a file as the sign =, and _x005F_ as the underscore.
    assert safe_text("_x003D_1+1") == "_x005F_x003D_1+1"
    assert safe_text("_x_ _xyz") == "_x_ _xyz"


def test_rows_are_as_high_as_their_longest_text_and_columns_widen_where_that_is_not_enough(rulebook: Rulebook) -> None:
    book = Book("試し", AS_OF, rulebook.terms)
    sheet = book.sheet("試し")
    book.table(
        sheet,
        1,
        [Column("狭い", 20, BODY), Column("広がる", 20, BODY, most=100)],
        [["漢" * 50, "字" * 600], ["a", "b"]],
    )
    # 20 units hold about 10 full-width characters, so 50 take 5 lines; each line of 9 points stands 15 points high.
    assert sheet.row_dimensions[2].height >= 5 * 15
    assert sheet.column_dimensions["A"].width == 20
    assert 40 < sheet.column_dimensions["B"].width < 100
    assert sheet.row_dimensions[2].height <= 409
    assert 600 * 2 / sheet.column_dimensions["B"].width * 13 <= sheet.row_dimensions[2].height


def test_sheets_get_names_that_excel_takes() -> None:
    assert sheet_name("厚労省/安全:管理", ()) == "厚労省・安全・管理"
    assert sheet_name("あ" * 40, ()) == "あ" * 31
    assert sheet_name("ABC", ("abc",)) == "ABC (2)"
    assert sheet_name("'[]'", ()) not in {"", "'"}


@pytest.mark.tools
def test_libreoffice_opens_and_prints_it(
    knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment, tmp_path: Path
) -> None:
    if not (shutil.which("soffice") and shutil.which("pdftotext")):
        assert os.environ.get("SANSHO_TEST_TOOLS") != "required", "CI installs LibreOffice and poppler"
        pytest.skip("needs LibreOffice and poppler")
    path = tmp_path / "matrix.xlsx"
    path.write_bytes(matrix_workbook(knowledge, rulebook, assessment))
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    printed = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "matrix.pdf"), "-"], check=True, capture_output=True, text=True
    ).stdout
    pages = printed.split("\f")[:-1]
    assert all(knowledge.version in page and "2026-11-01" in page for page in pages)
    squeezed = re.sub(r"\s", "", printed)
    for control in knowledge.controls.values():
        assert control.id in squeezed
