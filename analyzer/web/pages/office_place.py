"""Where the secretariat is: which programme, at which day, and the part of the address that says what is filtered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from analyzer.programme.board import FACETS, BoardFilter, BoardRow, BoardView, Facet, board_view, sorted_rows
from analyzer.programme.model import Programme
from analyzer.programme.portal import Portal
from analyzer.web import address
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace

PROGRAMME, TEXT, SORT, PAGE = "programme", "q", "sort", "page"
PARAMETERS: Final[Mapping[Facet, str]] = {
    "act": "act",
    "turn": "turn",
    "overdue": "overdue",
    "step": "at",
    "kind": "kind",
    "region": "region",
}
"""A facet's parameter in an address; `step` is the step that is opened."""


@dataclass(frozen=True, slots=True)
class Place:
    """The programme in view, at a day."""

    shared: Workspace
    programme: Programme
    as_of: date

    @property
    def portal(self) -> Portal:
        """The services."""
        return self.shared.portal

    def rows(self) -> tuple[BoardRow, ...]:
        """Every participant."""
        return self.portal.board.rows(current_principal(self.shared), self.programme.id, self.as_of)

    def view(self, rows: tuple[BoardRow, ...] | None = None) -> BoardView:
        """The participants that the address asks for, in its order. rows: all of them, where they are at hand."""
        return self.view_of(self.rows() if rows is None else rows, asked_filter(), address.first(SORT))

    def view_of(self, rows: tuple[BoardRow, ...], wanted: BoardFilter, order: str | None) -> BoardView:
        """Those of the rows that a filter asks for, in an order."""
        found = board_view(rows, wanted)
        return BoardView(sorted_rows(found.rows, order, self.programme), found.counts, found.of)


def asked_filter() -> BoardFilter:
    """What the address asks for."""
    said = address.query()
    chosen = {facet: tuple(said[PARAMETERS[facet]]) for facet in FACETS if PARAMETERS[facet] in said}
    return BoardFilter(address.first(TEXT) or "", chosen)


def href(changes: Mapping[str, str | None]) -> str:
    """The address in view with some parameters set, or (None) left out."""
    said = {name: list(values) for name, values in address.query().items()}
    for name, value in changes.items():
        said[name] = [value] if value is not None else []
    return address.link(parameters=said)
