"""A table of records: real table markup with sortable headings, marked hits, and rows that open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from analyzer.web import address
from analyzer.web.components.styles import app_css, script

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading. width: the least it gets, in em; what is left over is shared out in proportion. sort: what the address
    says to sort by it; None where it cannot be.
    """

    label: str
    width: float = 6.5
    sort: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text. mark and tone (set and word, `level-minimum`) make it a badge; spans are marked as found; detail
    is a second, lighter line.
    """

    text: str
    detail: str | None = None
    mark: str | None = None
    tone: str | None = None
    spans: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row. href: the in-app link of its first cell, followed when the row is opened."""

    id: str
    href: str | None
    cells: Sequence[Cell]


_TABLE = st.components.v2.component(
    "sansho-table", html='<div class="table-root"></div>', css=app_css(), js=script("table.js")
)


def show_table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Row],
    key: str,
    *,
    sort: str | None = None,
    selected: str | None = None,
    height: str = "max(60vh, 420px)",
    on_sort: Callable[[str | None], None] | None = None,
) -> None:
    """Show a table; its caption is read out, not drawn.

    sort: the order in force (`level`, `-level`). on_sort: called with the order asked for. A row's link is followed
    inside the app when it, or any place of the row, is clicked, or on Enter; arrow keys move from row to row.
    """

    def follow() -> None:
        href = st.session_state[key].get("go")
        if href:
            address.follow(href)

    def sorted_anew() -> None:
        if on_sort is not None:
            on_sort(st.session_state[key].get("sort") or None)

    data = {
        "caption": caption,
        "columns": [{"label": column.label, "width": column.width, "sort": column.sort} for column in columns],
        "rows": [{"id": row.id, "href": row.href, "cells": [_cell(cell) for cell in row.cells]} for row in rows],
        "sort": sort,
        "selected": selected,
        "height": height,
    }
    _TABLE(key=key, data=data, on_go_change=follow, on_sort_change=sorted_anew)


def _cell(cell: Cell) -> str | dict[str, Any]:
    if not (cell.detail or cell.mark or cell.tone or cell.spans):
        return cell.text
    return {"p": _pieces(cell.text, cell.spans), "d": cell.detail, "m": cell.mark, "t": cell.tone}


def _pieces(text: str, spans: Sequence[Span]) -> list[list[str]]:
    """The text cut at the spans' edges, plain and found pieces in turn: [[plain, found], …]."""
    pieces, end = [], 0
    for start, stop in spans:
        pieces.append([text[end:start], text[start:stop]])
        end = stop
    return [*pieces, [text[end:], ""]]
