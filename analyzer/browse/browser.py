"""Selecting rows of the matrix: text, facets with counts, order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_

from analyzer.browse.facets import (
    ASSESSED_FACETS,
    FACETS,
    NONE,
    RARE,
    ROW_VALUES,
    CountedValue,
    FacetCatalogue,
    FacetId,
    FacetView,
)
from analyzer.browse.filter import SORT, MatrixFilter
from analyzer.browse.rows import MatrixRow, RowMaker
from analyzer.browse.selection import Selection, Unknown
from analyzer.browse.sorting import sort_column, sorted_rows
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment
from analyzer.search.documents import FieldName
from analyzer.search.index import Hit, SearchIndex

# How many assessments' rows are kept: those that readers at one time look at.
_REMEMBERED = 8
# Texts that belong to one vendor's answer.
_OF_A_VENDOR: frozenset[FieldName] = frozenset({"duty", "statement", "finding"})


@dataclass(frozen=True, slots=True)
class _Table:
    """All rows, and for each facet and value the rows that have it: a bit a row, the first row's the lowest."""

    rows: tuple[MatrixRow, ...]
    masks: dict[FacetId, dict[str, int]]
    places: dict[str, tuple[int, ...]]

    @property
    def all(self) -> int:
        return (1 << len(self.rows)) - 1

    @property
    def several_vendors(self) -> bool:
        return sum(bool(mask) for vendor, mask in self.masks["vendor"].items() if vendor != NONE) > 1


class MatrixBrowser:
    """Selects rows of one knowledge base's matrix. Built once; safe to share between threads."""

    def __init__(self, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex) -> None:
        """index: of the same knowledge base."""
        self._index = index
        self._catalogue = FacetCatalogue(knowledge, rulebook)
        self._maker = RowMaker(knowledge, rulebook)
        self._stated = self._table(None)
        # Replaced as a whole, never changed, so that no reader sees half of it.
        self._assessed: tuple[tuple[Assessment, _Table], ...] = ()

    def select(self, wanted: MatrixFilter, assessment: Assessment | None = None) -> Selection:
        """The rows that a filter leaves, and what each facet's values would leave; never raises for a filter.

        assessment: of the same knowledge base; adds each row's result, and the facets that need one.
        """
        table = self._stated if assessment is None else self._with_results(assessment)
        chosen, unknown = _chosen(wanted, table)
        hits = self._hits(wanted.text, table) if wanted.text.strip() else None
        found = table.all if hits is None else reduce(or_, (1 << place for place in hits), 0)
        masks = {
            facet: reduce(or_, (table.masks[facet][value] for value in values)) for facet, values in chosen.items()
        }
        left = reduce(and_, masks.values(), found)
        rows = _in_order(table, left, hits)
        if wanted.sort:
            rows = sorted_rows(rows, wanted.sort, self._catalogue)
            unknown += () if sort_column(wanted.sort) else (Unknown(SORT, wanted.sort),)
        return Selection(
            rows=tuple(rows),
            total=len(table.rows),
            facets=tuple(self._views(table, chosen, masks, found)),
            unknown=unknown,
            filter=wanted,
            assessment=assessment,
            several_vendors=table.several_vendors,
        )

    def _views(
        self, table: _Table, chosen: dict[FacetId, tuple[str, ...]], masks: dict[FacetId, int], found: int
    ) -> Iterator[FacetView]:
        for facet, by_value in table.masks.items():
            if facet == "vendor" and not table.several_vendors and facet not in chosen:
                continue
            others = reduce(and_, (mask for other, mask in masks.items() if other != facet), found)
            own = chosen.get(facet, ())
            term = self._catalogue.terms[facet]
            yield FacetView(
                facet,
                term.ja,
                term.help,
                tuple(
                    CountedValue(self._catalogue.values[facet][value], (mask & others).bit_count(), value in own)
                    for value, mask in by_value.items()
                ),
            )

    def _hits(self, text: str, table: _Table) -> dict[int, Hit]:
        """The rows that a text finds, best first, by their places; what is another vendor's does not count."""
        found: dict[int, Hit] = {}
        for hit in self._index.find(text, limit=None):
            for place in table.places[hit.control.key]:
                own = _own_part(hit, table.rows[place].vendor)
                if own.matches:
                    found[place] = own
        return found

    def _with_results(self, assessment: Assessment) -> _Table:
        known = self._assessed
        for kept, table in known:
            if kept is assessment:
                return table
        table = self._table(assessment)
        self._assessed = ((assessment, table), *known[: _REMEMBERED - 1])
        return table

    def _table(self, assessment: Assessment | None) -> _Table:
        rows = self._maker.rows(assessment)
        facets = [facet for facet in FACETS if assessment or facet not in ASSESSED_FACETS]
        masks = {facet: self._masks(facet, rows) for facet in facets}
        places: dict[str, tuple[int, ...]] = {}
        for place, row in enumerate(rows):
            places[row.control.key] = (*places.get(row.control.key, ()), place)
        return _Table(rows, masks, places)

    def _masks(self, facet: FacetId, rows: tuple[MatrixRow, ...]) -> dict[str, int]:
        masks = dict.fromkeys(self._catalogue.values[facet], 0)
        values = ROW_VALUES[facet]
        for place, row in enumerate(rows):
            for value in values(row):
                masks[value] |= 1 << place
        return {value: mask for value, mask in masks.items() if mask or (facet, value) not in RARE}


def _chosen(wanted: MatrixFilter, table: _Table) -> tuple[dict[FacetId, tuple[str, ...]], tuple[Unknown, ...]]:
    """The values that there are, by facet, and those that there are not."""
    known: dict[FacetId, tuple[str, ...]] = {}
    unknown = []
    for facet in FACETS:
        masks = table.masks.get(facet, {})
        values = wanted.chosen.get(facet, ())
        unknown += [Unknown(facet, value) for value in values if value not in masks]
        if there := tuple(value for value in values if value in masks):
            known[facet] = there
    return known, tuple(unknown)


def _in_order(table: _Table, left: int, hits: dict[int, Hit] | None) -> tuple[MatrixRow, ...]:
    """The rows of a mask: by rank where they were searched for, else in the knowledge base's order."""
    if hits is None:
        return tuple(row for place, row in enumerate(table.rows) if left >> place & 1)
    return tuple(replace(table.rows[place], hit=hit) for place, hit in hits.items() if left >> place & 1)


def _own_part(hit: Hit, vendor: str | None) -> Hit:
    """The hit without the texts of other vendors' answers."""
    own = tuple(match for match in hit.matches if match.field not in _OF_A_VENDOR or match.source == vendor)
    return hit if len(own) == len(hit.matches) else replace(hit, matches=own)
