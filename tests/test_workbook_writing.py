"""Writing workbooks quickly: what openpyxl would write cell by cell is what stands in the file."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.checklist import layout
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.checklist.model import Checklist
from analyzer.exports.xlsx.book import Book, Column, Link, Value, known_texts
from analyzer.exports.xlsx.laid import KnownTexts
from analyzer.exports.xlsx.looks import BODY, CENTRE, DATE, INPUT, NUMBER, PERCENT, Look
from analyzer.knowledge.institutions import load_institution
from analyzer.resources import sample_institutions

AS_OF = date(2026, 11, 1)
STYLE_PARTS = ("font", "fill", "border", "alignment", "protection")
TEXTS = (
    "項目",
    " 前後の空白 ",
    "二行\nの文",
    "<b>&amp;\"'",
    "=1+1",
    "＝SUM(A1)",
    "@here",
    "#N/A",
    "",
    " ",
    "_x0041_",
    "\x07制御\u202e文字",
    "😀" * 30,
    "長い文" * 200,
    "あ" * 40_000,
)
VALUES: tuple[Value, ...] = (
    *TEXTS,
    None,
    0,
    1,
    True,
    False,
    -3.25,
    1e-9,
    date(2026, 2, 28),
    date(1900, 1, 1),
    datetime(2026, 2, 28, 13, 30),
    Link("先", "別のシート", "B3", tip='"先" & <後>'),
    Link("=1", "別の'シート", "A1"),
    Link(12, "別のシート", "A1"),
    Link("外", url="https://example.com/?a=1&b=2"),
    Link("いいえ", url="javascript:alert(1)"),
)
COLUMNS = (
    Column("文", 12, BODY, "群"),
    Column("中央", 12, CENTRE, "群"),
    Column("数", 8, NUMBER),
    Column("割合", 8, PERCENT),
    Column("日", 11, DATE),
    Column("記入", 14, INPUT, most=40),
)


def table_book(rulebook: Rulebook, *, final: bool, texts: KnownTexts | None = None) -> Book:
    book = Book("書き方", AS_OF, rulebook.terms, texts)
    for name in ("表", "別のシート"):
        sheet = book.sheet(name)
        book.merged(sheet, 1, 2, 4, "表題")
        rows = [[VALUES[(start + step) % len(VALUES)] for step in range(len(COLUMNS))] for start in range(len(VALUES))]
        table = book.table(sheet, 3, COLUMNS, rows, final=final)
        book.put(sheet, table.last_row + 2, 9, "後", INPUT)
        book.freeze(sheet, table.first_row, 2)
        book.print_setup(sheet, footer="版", repeat_rows=(3, 4))
    book.sheet("空")
    return book


def told(content: bytes) -> dict[object, object]:
    """Everything a reader of the file gets to know of its cells and sheets."""
    kept: dict[int, tuple[Any, str]] = {}

    def plain(part: Any) -> str:
        held = part._StyleProxy__target
        if id(held) not in kept:
            kept[id(held)] = held, repr(held)
        return kept[id(held)][1]

    found: dict[object, object] = {}
    for sheet in load_workbook(io.BytesIO(content)).worksheets:
        raw: Any = sheet
        for (row, column), cell in raw._cells.items():
            style = [plain(getattr(cell, part)) for part in STYLE_PARTS]
            link = cell.hyperlink
            leads = (link.location, link.target, link.tooltip) if link else None
            said = (cell.value, cell.data_type, leads, cell.style, cell.number_format, cell.quotePrefix, *style)
            found[sheet.title, row, column] = said
        found[sheet.title] = (
            sheet.dimensions,
            {row: (held.height, held.customHeight) for row, held in sheet.row_dimensions.items()},
            {letter: (held.width, held.hidden) for letter, held in sheet.column_dimensions.items()},
            sorted(str(area) for area in sheet.merged_cells.ranges),
            sheet.auto_filter.ref,
            [(str(rule.sqref), rule.formula1) for rule in sheet.data_validations.dataValidation],
            [(str(area.sqref), [rule.formula for rule in area.rules]) for area in sheet.conditional_formatting],
        )
    return found


def lay_as_cells(
    book: Book,
    sheet: Worksheet,
    top: int,
    left: int,
    looks: Sequence[Look],
    widths: Sequence[float],
    rows: Iterable[Sequence[Value]],
) -> None:
    for number, row in enumerate(rows, top):
        for column, (look, value) in enumerate(zip(looks, row, strict=False), left):
            book.put(sheet, number, column, value, look)
        book.fit_row(sheet, number, zip(row, widths, strict=False))


def by_openpyxl(book: Book) -> bytes:
    stream = io.BytesIO()
    ExcelWriter(book.workbook, ZipFile(stream, "w", ZIP_DEFLATED)).save()
    return stream.getvalue()


@pytest.fixture(scope="module", params=sorted(sample_institutions()))
def checklist(analyzer: Analyzer, request: pytest.FixtureRequest) -> Checklist:
    institution, _ = load_institution(sample_institutions()[request.param], analyzer.knowledge)
    return build_checklist(analyzer.analyze(institution, AS_OF), analyzer.knowledge, analyzer.rulebook)


def test_every_kind_of_value_is_written_as_openpyxl_writes_it(rulebook: Rulebook) -> None:
    slow = told(by_openpyxl(table_book(rulebook, final=False)))
    assert told(table_book(rulebook, final=False).to_bytes()) == slow
    assert told(table_book(rulebook, final=True).to_bytes()) == slow


def test_a_whole_checklist_is_written_as_openpyxl_writes_it(
    checklist: Checklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = told(render_checklist(checklist, "xlsx"))
    monkeypatch.setattr(Book, "lay", lay_as_cells)
    monkeypatch.setattr(Book, "to_bytes", by_openpyxl)
    assert told(render_checklist(checklist, "xlsx")) == quick


@pytest.mark.parametrize("most", [10**9, 5_000, 0])
def test_what_books_share_changes_nothing_in_them(rulebook: Rulebook, checklist: Checklist, most: int) -> None:
    shared = known_texts(most)
    alone, checked = table_book(rulebook, final=True).to_bytes(), render_checklist(checklist, "xlsx")
    for _ in range(2):
        assert table_book(rulebook, final=True, texts=shared).to_bytes() == alone
        assert render_checklist(checklist, "xlsx", shared) == checked


def test_a_final_row_cannot_be_changed(rulebook: Rulebook) -> None:
    book = table_book(rulebook, final=True)
    book.put(book.workbook["表"], 7, 1, "後から")
    with pytest.raises(ValueError, match="表: a final row was changed"):
        book.to_bytes()


def test_libreoffice_opens_it(checklist: Checklist, tmp_path: Path) -> None:
    if not shutil.which("soffice"):
        assert os.environ.get("SANSHO_TEST_TOOLS") != "required", "CI installs LibreOffice"
        pytest.skip("needs LibreOffice")
    path = tmp_path / "checklist.xlsx"
    path.write_bytes(render_checklist(checklist, "xlsx"))
    # Comma, quotes, UTF-8, from the first line, as shown, every sheet in a file of its own.
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    command = ["soffice", profile, "--headless", "--convert-to", every_sheet, "--outdir", str(tmp_path), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)

    def shown(sheet: str) -> list[list[str]]:
        with (tmp_path / f"checklist-{sheet}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    rows = [row for section in checklist.sections for row in section.rows]
    assert [line[0] for line in shown(layout.DIVISION_SHEET)[3:]] == [row.id for row in rows]
    assert any(row.requirement in line[2] for row in rows[:1] for line in shown(layout.DIVISION_SHEET))
    assert {line[0] for line in shown(layout.EVIDENCE_SHEET)} >= {item.id for item in checklist.evidence}
