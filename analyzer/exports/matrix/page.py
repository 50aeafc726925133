"""Parts of the sheets that hold several tables one below the other, on one grid of columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from analyzer.exports.matrix.context import Context
from analyzer.exports.xlsx.book import Column, Value
from analyzer.exports.xlsx.looks import BODY, HEADING, LABEL, NUMBER, PERCENT, PLAIN, TOTAL, Look
from analyzer.model.results import Tally
from analyzer.model.vocabulary import CONFORMITIES, RESPONSIBILITIES

# The grid: what a row is of (a name, an id, a title), then even columns for counts.
NAME, ID, TITLE_WIDTH, EVEN = 34.0, 10.0, 36.0, 11.0
GRID = 17
_TOTAL_PERCENT = replace(TOTAL, name="Sansho 合計の割合", number_format=PERCENT.number_format)
_WIDE = ID + TITLE_WIDTH + EVEN * (GRID - 3)


def set_grid(sheet: Worksheet) -> None:
    """Set the widths of the grid's columns."""
    for column in range(1, GRID + 1):
        width = (NAME, ID, TITLE_WIDTH)[column - 1] if column <= 3 else EVEN
        sheet.column_dimensions[get_column_letter(column)].width = width


def named(header: str) -> Column:
    """A first column that stands over the whole name, id and title part of the grid."""
    return Column(header, NAME + ID + TITLE_WIDTH, BODY, span=3)


def count_columns(words: Iterable[str], group: str = "") -> list[Column]:
    """One column of counts a word."""
    return [Column(word, EVEN, NUMBER, group) for word in words]


def section_title(context: Context, sheet: Worksheet, row: int, text: str) -> int:
    """Write a heading; returns the row below."""
    context.book.put(sheet, row, 1, text, HEADING)
    sheet.row_dimensions[row].height = 24
    return row + 1


def paragraph(context: Context, sheet: Worksheet, row: int, text: str) -> int:
    """Write a text across the grid; returns the row below."""
    context.book.merged(sheet, row, 1, GRID, text, PLAIN)
    context.book.fit_row(sheet, row, [(text, NAME + _WIDE)])
    return row + 1


def labelled(context: Context, sheet: Worksheet, row: int, label: str, value: Value, look: Look = BODY) -> int:
    """Write a label and what it is of, across the grid; returns the row below."""
    context.book.put(sheet, row, 1, label, LABEL)
    context.book.merged(sheet, row, 2, GRID, value, look)
    context.book.fit_row(sheet, row, [(label, NAME), (value, _WIDE)])
    return row + 1


def table_or_none(
    context: Context, sheet: Worksheet, top: int, columns: Sequence[Column], rows: Sequence[Sequence[Value]]
) -> int:
    """Write a table on the grid, or that there is nothing; returns its last row."""
    if rows:
        return context.book.table(sheet, top, columns, rows, filters=False, set_widths=False).last_row
    context.book.put(sheet, top, 1, "なし", PLAIN)
    return top


def tally_columns(context: Context) -> list[Column]:
    """The columns of `tally_values`."""
    return [
        *count_columns(("件数", "適用あり")),
        *count_columns(context.label("conformity", word) for word in CONFORMITIES),
        Column("適合率", EVEN, PERCENT),
        *count_columns(f"責任：{context.word('responsibility', word)}" for word in RESPONSIBILITIES),
    ]


def tally_values(tally: Tally) -> list[Value]:
    """A tally's counts, its rate, and who has to act."""
    rate: Value = "－" if tally.rate is None else tally.rate
    return [tally.controls, tally.applicable, *tally.conformity.values(), rate, *tally.responsibility.values()]


def mark_total(
    context: Context, sheet: Worksheet, row: int, columns: Sequence[Column], values: Sequence[Value]
) -> None:
    """Write a row of a table anew as one of totals."""
    place = 1
    for column, value in zip(columns, values, strict=True):
        look = LABEL if isinstance(value, str) or value is None else TOTAL
        if column.look == PERCENT:
            look = _TOTAL_PERCENT
        context.book.put(sheet, row, place, value, look)
        place += column.span
