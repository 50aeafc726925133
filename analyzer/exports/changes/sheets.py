"""Parts of the comparisons' workbooks: the first sheet's title, facts and notices, and list sheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from analyzer.exports.xlsx.book import Book, Column, Table, Value
from analyzer.exports.xlsx.looks import BODY, HEADING, LABEL, NOTE, PLAIN, TITLE, WARNING, Look

SUMMARY = "概要"
SUMMARY_COLOUR, LIST_COLOUR = "143250", "1F7A4D"
HEADER_ROW = 4
_FIRST, _EVEN, _COLUMNS = 52.0, 14.0, 8


def first_sheet(
    book: Book, title: str, facts: Iterable[tuple[str, Value]], notices: Iterable[str]
) -> tuple[Worksheet, int]:
    """A new first sheet with its title, facts by label and notices; returns the sheet and the row below."""
    sheet = book.sheet(SUMMARY, SUMMARY_COLOUR)
    for column in range(1, _COLUMNS + 1):
        sheet.column_dimensions[get_column_letter(column)].width = _FIRST if column == 1 else _EVEN
    book.put(sheet, 1, 1, title, TITLE)
    sheet.row_dimensions[1].height = 36
    row = 2
    for label, value in facts:
        row = _labelled(book, sheet, row, label, value, BODY)
    for notice in notices:
        row = _labelled(book, sheet, row, "注意", notice, WARNING)
    return sheet, row + 1


def _labelled(book: Book, sheet: Worksheet, row: int, label: str, value: Value, look: Look) -> int:
    book.put(sheet, row, 1, label, LABEL)
    book.merged(sheet, row, 2, _COLUMNS, value, look)
    book.fit_row(sheet, row, [(label, _FIRST), (value, _EVEN * (_COLUMNS - 1))])
    return row + 1


def count_table(
    book: Book, sheet: Worksheet, top: int, title: str, columns: Sequence[Column], rows: Sequence[Sequence[Value]]
) -> int:
    """A heading and a table of counts on the first sheet's grid (or that there is none); returns the row below."""
    book.put(sheet, top, 1, title, HEADING)
    sheet.row_dimensions[top].height = 24
    if not rows:
        book.put(sheet, top + 1, 1, "なし", PLAIN)
        return top + 3
    return book.table(sheet, top + 1, columns, rows, filters=False, set_widths=False).last_row + 2


def count_columns(first: str, others: Iterable[str], look: Look) -> list[Column]:
    """Columns of the first sheet's grid: what a row is of, then counts."""
    return [Column(first, _FIRST), *(Column(other, _EVEN, look) for other in others)]


def list_sheet(
    book: Book,
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Value]],
    *,
    note: str,
    frozen: int,
    footer: str,
    breaks_after: Sequence[int] = (),
) -> Table:
    """A new sheet with one filtered table, its first `frozen` columns kept in sight.

    breaks_after: the columns after which a page ends in print, where one page's width is too little.
    """
    sheet = book.sheet(name, LIST_COLOUR)
    book.put(sheet, 1, 1, title, HEADING)
    sheet.row_dimensions[1].height = 22
    book.put(sheet, 2, 1, note if rows else f"{note}該当するものはない。", NOTE)
    grouped = any(column.group for column in columns)
    table = book.table(sheet, HEADER_ROW - 1 if grouped else HEADER_ROW, columns, rows)
    book.freeze(sheet, table.first_row, frozen + 1)
    book.print_setup(
        sheet,
        header=title,
        footer=footer,
        repeat_rows=(1, table.header_row),
        repeat_columns=(1, frozen) if breaks_after else None,
        breaks_after=breaks_after,
    )
    return table
