"""What a reader asked for, as an address carries it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from analyzer.browse.facets import FACETS

TEXT, SORT = "q", "sort"
LONGEST_VALUE: Final = 200
MOST_VALUES: Final = 200


@dataclass(frozen=True, slots=True)
class MatrixFilter:
    """A text to search for, by facet id the values of which one has to hold, and a column id to sort by.

    sort: `-` in front for descending, None for the default order. On the way in every text is cut to 200 characters,
    a facet to its first 200 different values; a facet without values is left out, so that equal filters compare equal.
    """

    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str | None = None

    def __post_init__(self) -> None:
        kept = {facet: _values(values) for facet, values in self.chosen.items() if facet in FACETS}
        object.__setattr__(self, "text", self.text[:LONGEST_VALUE])
        object.__setattr__(self, "chosen", {facet: kept[facet] for facet in FACETS if kept.get(facet)})
        object.__setattr__(self, "sort", self.sort[:LONGEST_VALUE] if self.sort else None)

    @classmethod
    def from_query(cls, query: Mapping[str, list[str]]) -> MatrixFilter:
        """The filter that an address's parameters say; those that are none of a filter's are left alone."""
        return cls(
            text=next(iter(query.get(TEXT, ())), ""),
            chosen={facet: tuple(query[facet]) for facet in FACETS if facet in query},
            sort=next(iter(query.get(SORT, ())), None),
        )

    def to_query(self) -> dict[str, list[str]]:
        """The parameters of an address that says the filter; what is not narrowed is left out."""
        query = {TEXT: [self.text]} if self.text else {}
        query |= {facet: list(values) for facet, values in self.chosen.items()}
        if self.sort:
            query[SORT] = [self.sort]
        return query


def _values(values: Iterable[str]) -> tuple[str, ...]:
    different = dict.fromkeys(value[:LONGEST_VALUE] for value in values if value)
    return tuple(different)[:MOST_VALUES]
