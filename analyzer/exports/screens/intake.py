"""The page on which a filled-in workbook comes back, as fragments of HTML: what would change, what cannot be taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from analyzer.exports.tabular import to_csv_bytes
from analyzer.exports.templating import render_html

Deed = Literal["add", "change", "remove"]
DEEDS: Final[dict[Deed, tuple[str, str]]] = {"add": ("＋", "追加"), "change": ("→", "変更"), "remove": ("－", "削除")}
"""The sign and the word of what a row does."""


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell: its name in the sheet, its heading, what the record holds and what the cell says."""

    cell: str
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row that would change something. conflict: why a person has to choose, None where nobody has to."""

    sheet: str
    label: str
    deed: Deed
    cells: tuple[ShownCell, ...]
    conflict: str | None = None


@dataclass(frozen=True, slots=True)
class ShownRefusal:
    """A cell, or (cell empty) a whole sheet, that cannot be taken."""

    sheet: str
    cell: str
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows change, are in conflict, stay as they are, and how many cells are refused."""

    changes: int
    conflicts: int
    untouched: int
    refused: int


def summary_fragment(file: str, counts: Counts, notes: Sequence[str]) -> str:
    """The counts that come first, and what to know before taking."""
    return render_html("screens/intake_summary.html.j2", file=file, counts=counts, notes=notes).decode()


def changes_fragment(rows: Sequence[ShownRow]) -> str:
    """Every cell that would change, before and after."""
    return render_html("screens/intake_changes.html.j2", rows=rows, deeds=DEEDS).decode()


def conflict_fragment(row: ShownRow) -> str:
    """One row that somebody else changed meanwhile, both values side by side."""
    return render_html("screens/intake_conflict.html.j2", row=row, deeds=DEEDS).decode()


def refused_fragment(refused: Sequence[ShownRefusal]) -> str:
    """What cannot be taken: sheet, cell, reason."""
    return render_html("screens/intake_refused.html.j2", refused=refused).decode()


def refused_csv(refused: Sequence[ShownRefusal]) -> bytes:
    """The same as a CSV that spreadsheets open; format: see `to_csv_bytes`."""
    columns = {
        "シート": [each.sheet for each in refused],
        "セル": [each.cell for each in refused],
        "理由": [each.reason for each in refused],
    }
    return to_csv_bytes(pd.DataFrame(columns, dtype="string"))
