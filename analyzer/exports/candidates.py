"""Candidates for the crosswalk, as data and as text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

from rich.table import Table
from rich.text import Text as Line

from analyzer.exports.terminal import console_text, text_console
from analyzer.search.crosswalk import Candidate


def candidates_json(candidates: Sequence[Candidate], held: Collection[tuple[str, str]]) -> dict[str, Any]:
    """The candidates, grouped in order; `held` are the pairs of keys that the crosswalk holds already."""
    return {
        "candidates": [
            {
                "from": item.first.key,
                "to": item.second.key,
                "score": item.score,
                "held": (item.first.key, item.second.key) in held,
            }
            for item in candidates
        ]
    }


def candidates_text(candidates: Sequence[Candidate], held: Collection[tuple[str, str]]) -> str:
    """A block for each control; ● marks pairs that the crosswalk holds."""
    console = text_console()
    for control, group in groupby(candidates, key=lambda item: item.second):
        console.print(Line(f"{control.key} {control.title.ja}"))
        table = Table(box=None, show_header=False, pad_edge=False)
        for item in group:
            mark = "●" if (item.first.key, item.second.key) in held else " "
            table.add_row(mark, f"{item.score:5.1f}", item.first.key, Line(item.first.title.ja))
        console.print(table)
    return console_text(console)
