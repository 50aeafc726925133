"""Narrowing a list by facets of which a row has one value each: what is left, and what every choice would leave.

The matrix, whose rows may have several values of a facet and are many, counts by bit masks instead (`browser`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from analyzer.browse.facets import CountedValue, FacetValue
from analyzer.browse.selection import Unknown

FacetId = TypeVar("FacetId", bound=str)
Row = TypeVar("Row")
RowFacets = Mapping[FacetId, Callable[[Row], str]]
"""By facet, which of its values a row has."""


@dataclass(frozen=True, slots=True)
class Narrowed(Generic[FacetId, Row]):
    """The rows left, in their order; by facet its values, counted as they would be with the other facets as they are;
    and the parts of the filter that name nothing here.
    """

    rows: tuple[Row, ...]
    values: Mapping[FacetId, tuple[CountedValue, ...]]
    unknown: tuple[Unknown, ...]


def narrow(
    rows: Iterable[Row],
    facets: RowFacets[FacetId, Row],
    offered: Mapping[FacetId, Mapping[str, FacetValue]],
    chosen: Mapping[str, Sequence[str]],
) -> Narrowed[FacetId, Row]:
    """Narrow rows to those that have, in each facet of which something known is chosen, one of the values chosen.

    offered: every value of each facet, in order. Never raises for what is chosen.
    """
    every = tuple(rows)
    asked = [(facet, value) for facet in facets for value in chosen.get(facet, ())]
    known = {facet: frozenset(chosen.get(facet, ())) & offered[facet].keys() for facet in facets}

    def fits(row: Row, but: FacetId | None = None) -> bool:
        return all(not values or facet == but or facets[facet](row) in values for facet, values in known.items())

    def counted(facet: FacetId) -> tuple[CountedValue, ...]:
        counts = Counter(facets[facet](row) for row in every if fits(row, but=facet))
        return tuple(CountedValue(value, counts[name], name in known[facet]) for name, value in offered[facet].items())

    return Narrowed(
        rows=tuple(row for row in every if fits(row)),
        values={facet: counted(facet) for facet in facets},
        unknown=tuple(Unknown(facet, value) for facet, value in asked if value not in known[facet]),
    )
