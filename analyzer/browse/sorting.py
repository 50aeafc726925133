"""The order of rows by a column: ids as people number things, words of closed sets as the vocabulary has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from analyzer.browse.columns import COLUMNS, FACET_OF, ColumnId
from analyzer.browse.facets import NOT_USED, ROW_VALUES, FacetCatalogue
from analyzer.browse.rows import MatrixRow
from analyzer.model.ordering import natural_key
from analyzer.model.vocabulary import PRIORITIES

# What a row sorts by; None where it has nothing to sort by.
Key = Callable[[MatrixRow], Any]


def _numbers(ids: Iterable[str]) -> Any:
    return tuple(natural_key(item) for item in ids) or None


def _gaps(row: MatrixRow) -> Any:
    """By the number of gaps of the highest priority, then the next; no gap at all comes last."""
    if row.result is None:
        return None
    priorities = [gap.priority for gap in row.result.gaps]
    return tuple(-priorities.count(priority) for priority in PRIORITIES)


_KEYS: Final[dict[ColumnId, Key]] = {
    "title": lambda row: row.control.title.ja,
    "match": lambda row: -row.hit.score if row.hit else None,
    "gaps": _gaps,
    "mark": lambda row: natural_key(row.control.mark) if row.control.mark else None,
    "requirement": lambda row: row.control.full_requirement,
    "documents": lambda row: _numbers(row.response.documents) if row.response else None,
    "certifications": lambda row: _numbers(row.response.certifications) if row.response else None,
    "clauses": lambda row: _numbers(cited.id for cited in row.control.mic.clauses) if row.control.mic else None,
    "note": lambda row: row.control.note,
}


def sort_column(sort: str) -> ColumnId | None:
    """The column that a filter's `sort` names, None where there is none of that id."""
    name = sort.removeprefix("-")
    return next((column for column in COLUMNS if column == name), None)


def sorted_rows(rows: Sequence[MatrixRow], sort: str, catalogue: FacetCatalogue) -> tuple[MatrixRow, ...]:
    """The rows by a column, `-` in front of its id for descending. Equal ones keep their order; rows in which the
    column is empty come last either way.
    """
    column = sort_column(sort)
    if column is None:
        return tuple(rows)
    key = _key(column, catalogue)
    keyed = [(key(row), row) for row in rows]
    filled = sorted(
        (pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0], reverse=sort.startswith("-")
    )
    return (*(row for _, row in filled), *(row for value, row in keyed if value is None))


def _key(column: ColumnId, catalogue: FacetCatalogue) -> Key:
    if column == "control":
        return lambda row: (catalogue.order("guideline", row), natural_key(row.control.id))
    facet = FACET_OF.get(column)
    if facet is None:
        return _KEYS[column]
    return lambda row: None if ROW_VALUES[facet](row) == (NOT_USED,) else catalogue.order(facet, row)
