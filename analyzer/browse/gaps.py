"""The gaps of an institution narrowed by facets and a text: what is left, and what every other choice would leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, get_args

from analyzer.browse.facets import CountedValue, FacetValue
from analyzer.browse.filter import LONGEST_VALUE, MOST_VALUES, SORT, TEXT
from analyzer.browse.gap_words import Listed, ListedGap, rows_with_text
from analyzer.browse.narrowing import narrow
from analyzer.browse.selection import Unknown
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.vocabulary import GAP_KINDS, PRIORITIES, GapParty
from analyzer.search.index import SearchIndex
from analyzer.search.normalise import Word, words

GapFacetId = Literal["priority", "kind", "party", "due", "guideline", "section"]
GAP_FACETS: tuple[GapFacetId, ...] = get_args(GapFacetId)
GapSortId = Literal["control", "priority", "kind", "due", "rule"]
GAP_SORTS: tuple[GapSortId, ...] = get_args(GapSortId)
OVERDUE, SET, UNSET = "overdue", "set", "unset"
_DUE: Final = {OVERDUE: ("期限超過", "⚠"), SET: ("期限あり（超過なし）", ""), UNSET: ("期限の記入なし", "")}
_LABELS: Final[dict[GapFacetId, str]] = {"kind": "種別", "party": "担い手", "due": "期限"}


@dataclass(frozen=True, slots=True)
class GapFilter:
    """A text, by facet the values of which one has to hold, and what to sort by (`-` in front: descending).

    On the way in every text is cut to 200 characters and a facet to its first 200 different values.
    """

    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str | None = None

    def __post_init__(self) -> None:
        kept = {facet: _values(self.chosen.get(facet, ())) for facet in GAP_FACETS}
        object.__setattr__(self, "text", self.text[:LONGEST_VALUE])
        object.__setattr__(self, "chosen", {facet: values for facet, values in kept.items() if values})
        object.__setattr__(self, "sort", self.sort[:LONGEST_VALUE] if self.sort else None)

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> GapFilter:
        """The filter that an address's parameters say; the others are left alone."""
        return cls(
            text=next(iter(query.get(TEXT, ())), ""),
            chosen={facet: tuple(query[facet]) for facet in GAP_FACETS if facet in query},
            sort=next(iter(query.get(SORT, ())), None),
        )

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.text.strip() or self.chosen)


@dataclass(frozen=True, slots=True)
class GapFacet:
    """A facet with its values; counts are what each would show with the other facets as they are."""

    id: GapFacetId
    label: str
    values: tuple[CountedValue, ...]


@dataclass(frozen=True, slots=True)
class GapSelection(Generic[Listed]):
    """The gaps that a filter leaves, in the order to show them; unknown: parts of the filter that name nothing here."""

    rows: tuple[Listed, ...]
    total: int
    facets: tuple[GapFacet, ...]
    words: tuple[Word, ...]
    unknown: tuple[Unknown, ...]


def select_gaps(
    rows: Sequence[Listed], wanted: GapFilter, knowledge: KnowledgeBase, rulebook: Rulebook, index: SearchIndex
) -> GapSelection[Listed]:
    """Narrow gaps by a filter; never raises for a filter. Without an order of its own the given one is kept.

    index: of the same knowledge base.
    """
    values = _facet_values(rows, knowledge, rulebook)
    narrowed = narrow(rows_with_text(rows, wanted.text, index, rulebook), _OF_ROW, values, wanted.chosen)
    left, unknown = narrowed.rows, narrowed.unknown
    if wanted.sort:
        if wanted.sort.removeprefix("-") in GAP_SORTS:
            left = _sorted(left, wanted.sort, tuple(knowledge.controls))
        else:
            unknown += (Unknown(SORT, wanted.sort),)
    return GapSelection(
        rows=left,
        total=len(rows),
        facets=tuple(GapFacet(facet, _label(facet, rulebook), counted) for facet, counted in narrowed.values.items()),
        words=words(wanted.text),
        unknown=unknown,
    )


def _values(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:LONGEST_VALUE] for value in values if value))[:MOST_VALUES]


def _section(row: ListedGap) -> str:
    section = row.result.control.section
    return f"{section.guideline}:{section.id}"


def _due(row: ListedGap) -> str:
    if row.days_overdue is not None:
        return OVERDUE
    return SET if row.duty and row.duty.answer and row.duty.answer.due else UNSET


_OF_ROW: Final[dict[GapFacetId, Callable[[ListedGap], str]]] = {
    "priority": lambda row: row.gap.priority,
    "kind": lambda row: row.gap.kind,
    "party": lambda row: row.gap.party,
    "due": _due,
    "guideline": lambda row: row.result.control.guideline,
    "section": _section,
}


def _label(facet: GapFacetId, rulebook: Rulebook) -> str:
    if facet == "priority":
        return rulebook.term("column", facet).ja
    return _LABELS.get(facet) or rulebook.term("facet", facet).ja


def _facet_values(
    rows: Sequence[ListedGap], knowledge: KnowledgeBase, rulebook: Rulebook
) -> dict[GapFacetId, dict[str, FacetValue]]:
    """Every value that a facet may have. Kinds and parties that no gap has are left out: they would only be noise."""
    kinds, parties = ({_OF_ROW[facet](row) for row in rows} for facet in ("kind", "party"))
    closed: dict[GapFacetId, tuple[str, Iterable[str]]] = {
        "priority": ("priority", PRIORITIES),
        "kind": ("gap_kind", (kind for kind in GAP_KINDS if kind in kinds)),
        "party": ("party", (party for party in get_args(GapParty) if party in parties)),
    }
    found: dict[GapFacetId, list[tuple[str, str, str, str]]] = {}
    for facet, (of, ids) in closed.items():
        terms = ((identity, rulebook.term(of, identity)) for identity in ids)
        found[facet] = [(identity, term.ja, term.mark, "") for identity, term in terms]
    found["due"] = [(identity, label, mark, "") for identity, (label, mark) in _DUE.items()]
    found["guideline"] = [(entry.id, entry.short_title, "", "") for entry in knowledge.encoded_guidelines]
    found["section"] = [
        (
            f"{entry.guideline}:{entry.id}",
            f"{entry.id} {entry.title.ja}",
            "",
            knowledge.guidelines[entry.guideline].short_title,
        )
        for entry in knowledge.sections
    ]
    return {
        facet: {
            identity: FacetValue(identity, label, order, mark, group=group)
            for order, (identity, label, mark, group) in enumerate(entries)
        }
        for facet, entries in found.items()
    }


def _sorted(rows: Sequence[Listed], sort: str, order: Sequence[str]) -> tuple[Listed, ...]:
    """By a column; equal ones keep their order, and those without a day come last either way."""
    places = {key: place for place, key in enumerate(order)}
    keys: dict[str, Callable[[ListedGap], Any]] = {
        "control": lambda row: places[row.result.control.key],
        "priority": lambda row: PRIORITIES.index(row.gap.priority),
        "kind": lambda row: GAP_KINDS.index(row.gap.kind),
        "due": lambda row: row.duty.answer.due if row.duty and row.duty.answer else None,
        "rule": lambda row: row.gap.rule,
    }
    keyed = [(keys[sort.removeprefix("-")](row), row) for row in rows]
    filled = sorted((pair for pair in keyed if pair[0] is not None), key=_first, reverse=sort.startswith("-"))
    return (*(row for _, row in filled), *(row for key, row in keyed if key is None))


def _first(pair: tuple[Any, object]) -> Any:
    return pair[0]
