"""What a filter leaves of the matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from analyzer.browse.facets import FacetView
from analyzer.browse.filter import MatrixFilter
from analyzer.browse.rows import MatrixRow
from analyzer.model.results import Assessment


class Unknown(NamedTuple):
    """A part of a filter that names nothing here and was ignored. parameter: the facet's id, or `sort`."""

    parameter: str
    value: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that a filter leaves, in the order to show them.

    total: how many rows there are without a filter. facets: those on offer, with what each value would leave.
    several_vendors: rows have to say whose answer they hold.
    """

    rows: tuple[MatrixRow, ...]
    total: int
    facets: tuple[FacetView, ...]
    unknown: tuple[Unknown, ...]
    filter: MatrixFilter
    assessment: Assessment | None
    several_vendors: bool

    @property
    def searched(self) -> bool:
        """Whether the rows were searched for."""
        return bool(self.filter.text.strip())
