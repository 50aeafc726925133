"""Rows that are not touched again once they stand: straight to the text of the file, without an object for each cell.

What a text becomes in a cell is kept in `KnownTexts`, for the next cell that says the same. Whoever makes many
workbooks gives all of them one, so that what stands in each of them is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from openpyxl.compat import safe_string
from openpyxl.utils.datetime import to_excel
from openpyxl.worksheet.hyperlink import Hyperlink

from analyzer.exports.xlsx.celltext import may_run, safe_text

MOST_CHARACTERS: Final = 24_000_000
"""How many characters a KnownTexts holds; it begins anew when it is full."""
NOTHING: Final = ' t="n" />'
"""What follows the style of an empty cell."""


class Known(NamedTuple):
    """A text in a cell: what follows the cell's style in the file, whether a spreadsheet could take it for a formula,
    and over how many lines it is shown.
    """

    xml: str
    may_run: bool
    lines: int


class KnownTexts:
    """The texts met so far, by the width of their column, in which they take their lines."""

    def __init__(self, lines: Callable[[str, float], int], most: int = MOST_CHARACTERS) -> None:
        """lines: over how many lines a text is shown in a column of a width."""
        self._lines = lines
        self._most = most
        self._held = 0
        self._columns: dict[tuple[float, bool], dict[str | date, Known]] = {}

    def of_column(self, width: float, *, days: bool) -> dict[str | date, Known]:
        """Those of a column, to look a text up before `learn`; where the column shows days, its days, too."""
        return self._columns.setdefault((width, days), {})

    def learn(self, text: str, width: float, *, days: bool) -> Known:
        """A text that has not been met in such a column."""
        safe = safe_text(text)
        known = Known(text_cell(safe), may_run(safe), self._lines(text, width))
        self._keep(text, known, width, days)
        return known

    def learn_day(self, day: date, width: float) -> Known:
        """A day that has not been met in a column that shows days."""
        known = Known(day_cell(day), False, 1)
        self._keep(day, known, width, days=True)
        return known

    def _keep(self, value: str | date, known: Known, width: float, days: bool) -> None:
        size = len(known.xml) + (len(value) if isinstance(value, str) else 0)
        if self._held + size > self._most:
            for column in self._columns.values():
                column.clear()
            self._held = 0
        self._held += size
        self.of_column(width, days=days)[value] = known


@dataclass(slots=True)
class LaidRows:
    """The final rows of a sheet: by number the attributes of the row and its cells, as text. The cells' links: those
    to places in the workbook as text, others as openpyxl has them.
    """

    rows: dict[int, tuple[str, str]] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    links: list[Hyperlink] = field(default_factory=list)
    columns: int = 0


def place_link(ref: str, location: str, tip: str) -> str:
    """The link of a cell to a place in the workbook."""
    told = f" tooltip={quoteattr(tip)}" if tip else ""
    return f'<hyperlink ref="{ref}" location={quoteattr(location)}{told} />'


def number_cell(value: float) -> str:
    """What follows the style of a cell with a number."""
    return f' t="n"><v>{value if type(value) is int else safe_string(value)}</v></c>'


def day_cell(value: date) -> str:
    """What follows the style of a cell with a day, counted as openpyxl's workbooks do unless told otherwise."""
    serial: Any = to_excel  # untyped in openpyxl's stubs
    return number_cell(serial(value))


def text_cell(text: str) -> str:
    """What follows the style of a cell with a text, its white space kept."""
    if not text:
        return ' t="inlineStr" />'
    stripped = text.strip()
    kept = ' xml:space="preserve"' if stripped and stripped != text else ""
    if "&" in text or "<" in text or ">" in text:
        text = escape(text)
    return f' t="inlineStr"><is><t{kept}>{text}</t></is></c>'
