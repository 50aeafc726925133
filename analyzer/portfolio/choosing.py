"""What a reader sees of a portfolio: lists narrowed by filters with counts, the map of sections and kinds.

Everything is made once from a portfolio and then only selected from, so that a filter answers at once for tens of
thousands of institutions as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from analyzer.browse.facets import CountedValue, FacetValue
from analyzer.browse.filter import LONGEST_VALUE, MOST_VALUES, SORT, TEXT
from analyzer.browse.selection import Unknown
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.portfolio_overview import (
    RATE_BANDS,
    Axis,
    FrequentGap,
    GroupCounts,
    InstitutionCounts,
    MissedControl,
    PortfolioSummary,
    ResultCounts,
    need_of,
    ranks_of,
    rate_band,
    summed,
)
from analyzer.exports.screens.portfolio import MapGuideline, MapRow, SectionState, band_label
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Guideline
from analyzer.model.vocabulary import CONFORMITIES, GAP_KINDS, LEVELS, PRIORITIES, GapParty, Priority
from analyzer.search.normalise import fold

if TYPE_CHECKING:
    from analyzer.portfolio.reading import Portfolio, PortfolioCell

Item = TypeVar("Item")
Flags = npt.NDArray[np.bool_]

AXES: Final[tuple[Axis, ...]] = get_args(Axis)

UNNAMED: Final = "-"
"""What a filter calls a size or region that is not known, a service that is none, and a cell without a gap."""

_NOT_STATED: Final = "（記載なし）"
_SECTION: Final = "節"
# Institutions whose results are kept while readers narrow them.
_KEPT: Final = 32


# -- lists ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader asked of a list: a text, by facet the values of which one has to hold, and an order.

    sort: `-` in front for descending. On the way in texts are cut to 200 characters, a facet to its first 200 values.
    """

    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str | None = None

    def __post_init__(self) -> None:
        kept = {facet: _values(values) for facet, values in self.chosen.items()}
        object.__setattr__(self, "text", self.text[:LONGEST_VALUE])
        object.__setattr__(self, "chosen", {facet: values for facet, values in kept.items() if values})
        object.__setattr__(self, "sort", self.sort[:LONGEST_VALUE] if self.sort else None)

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]], facets: Iterable[str]) -> Choice:
        """What an address's parameters say about a list with these facets; the others are left alone."""
        return cls(
            text=next(iter(query.get(TEXT, ())), ""),
            chosen={facet: tuple(query[facet]) for facet in facets if facet in query},
            sort=next(iter(query.get(SORT, ())), None),
        )


@dataclass(frozen=True, slots=True)
class Facet(Generic[Item]):
    """Something by which a list is narrowed. of: the id of the value that an item has; it is one of `values`."""

    id: str
    label: str
    values: tuple[FacetValue, ...]
    of: Callable[[Item], str]


@dataclass(frozen=True, slots=True)
class ChosenFacet:
    """A facet with its values; counts are what each would show with the other facets as they are."""

    id: str
    label: str
    values: tuple[CountedValue, ...]


@dataclass(frozen=True, slots=True)
class Chosen(Generic[Item]):
    """What a choice leaves of a list, in the order to show it; unknown: parts of the choice that name nothing here."""

    items: tuple[Item, ...]
    total: int
    facets: tuple[ChosenFacet, ...]
    unknown: tuple[Unknown, ...]


class Listing(Generic[Item]):
    """Items to narrow and sort, prepared once. Safe to share between sessions."""

    def __init__(
        self,
        items: Sequence[Item],
        facets: Sequence[Facet[Item]],
        text: Callable[[Item], str],
        sorts: Mapping[str, Callable[[Item], Any]] | None = None,
    ) -> None:
        """items: in the order to show them at first. text: what a search looks through. sorts: keys of further
        orders by name; a key None comes last in either direction.
        """
        self.items = tuple(items)
        self.facets = tuple(facets)
        self._text = text
        self._sorts = sorts or {}
        self._orders: dict[str, npt.NDArray[np.intp]] = {}
        self._codes = {facet.id: _codes(self.items, facet) for facet in self.facets}

    def choose(self, wanted: Choice) -> Chosen[Item]:
        """Narrow and sort; never fails for a choice."""
        known: dict[str, list[int]] = {}
        unknown: list[Unknown] = []
        for facet in self.facets:
            places = {value.id: place for place, value in enumerate(facet.values)}
            asked = wanted.chosen.get(facet.id, ())
            known[facet.id] = [places[value] for value in asked if value in places]
            unknown += [Unknown(facet.id, value) for value in asked if value not in places]
        found = self._with_text(wanted.text)
        fits = {facet: np.isin(self._codes[facet], places) for facet, places in known.items() if places}
        left = np.logical_and.reduce([found, *fits.values()])
        order: npt.NDArray[np.intp] = np.arange(len(self.items))
        if wanted.sort:
            if wanted.sort.removeprefix("-") in self._sorts:
                order = self._order(wanted.sort)
            else:
                unknown.append(Unknown(SORT, wanted.sort))
        return Chosen(
            items=tuple(self.items[place] for place in order[left[order]].tolist()),
            total=len(self.items),
            facets=tuple(
                self._counted(
                    facet,
                    np.logical_and.reduce([found, *(mask for name, mask in fits.items() if name != facet.id)]),
                    known[facet.id],
                )
                for facet in self.facets
            ),
            unknown=tuple(unknown),
        )

    def _counted(self, facet: Facet[Item], among: Flags, chosen: Sequence[int]) -> ChosenFacet:
        counts = np.bincount(self._codes[facet.id][among], minlength=len(facet.values)).tolist()
        values = (
            CountedValue(value, counts[place], place in chosen)
            for place, value in enumerate(facet.values)
            if counts[place] or place in chosen
        )
        return ChosenFacet(facet.id, facet.label, tuple(values))

    def _with_text(self, text: str) -> Flags:
        terms = [folded for term in text.split() if (folded := fold(term).text)]
        if not terms:
            return np.ones(len(self.items), dtype=np.bool_)
        return np.array([all(term in entry for term in terms) for entry in self._folded], dtype=np.bool_)

    @cached_property
    def _folded(self) -> list[str]:
        # One text for all: folding thousands of short ones would take seconds.
        lines = [" ".join(self._text(item).split()) for item in self.items]
        folded = fold("\n".join(lines)).text.split("\n")
        return folded if len(folded) == len(lines) else [fold(line).text for line in lines]

    def _order(self, sort: str) -> npt.NDArray[np.intp]:
        if sort not in self._orders:
            key = self._sorts[sort.removeprefix("-")]
            keyed = [(key(item), place) for place, item in enumerate(self.items)]
            filled = [pair for pair in keyed if pair[0] is not None]
            filled.sort(key=lambda pair: pair[0], reverse=sort.startswith("-"))
            empty = [place for value, place in keyed if value is None]
            self._orders[sort] = np.array([*(place for _, place in filled), *empty], dtype=np.intp)
        return self._orders[sort]


def _values(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:LONGEST_VALUE] for value in values if value))[:MOST_VALUES]


def _codes(items: Sequence[Item], facet: Facet[Item]) -> npt.NDArray[np.intp]:
    places = {value.id: place for place, value in enumerate(facet.values)}
    return np.fromiter((places[facet.of(item)] for item in items), dtype=np.intp, count=len(items))


# -- a portfolio ------------------------------------------------------------------------------------------------------


class PortfolioBrowser:
    """A portfolio as screens ask for it; controls that the knowledge base lacks are left out. Safe to share."""

    def __init__(self, portfolio: Portfolio, knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
        self.portfolio = portfolio
        self.knowledge = knowledge
        self.rulebook = rulebook
        self._kinds: tuple[str, ...] = tuple(rulebook.terms["institution_kind"])
        self._kept_cells = lru_cache(maxsize=_KEPT)(self._cells)
        self._kept_missed = lru_cache(maxsize=_KEPT)(self._missed)

    @cached_property
    def summary(self) -> PortfolioSummary:
        """The counts."""
        return self.portfolio.summary()

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of institutions that there are, in the order of the terms."""
        there = {group.group for group in self.summary.groups if group.axis == "kind"}
        return tuple(kind for kind in self._kinds if kind in there)

    @cached_property
    def institutions(self) -> Listing[InstitutionCounts]:
        """Those that the summary ranks, the one in most need first."""
        return self._listing_of(self.summary.ranked)

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """The places of the ranked by id, from 1; equals share one."""
        shown = self.institutions.items
        return {each.id: rank for each, rank in zip(shown, ranks_of(shown), strict=True)}

    def find_institutions(self, wanted: Choice) -> Chosen[InstitutionCounts]:
        """The institutions that a choice leaves. Where the summary ranks only some, a text is looked for in all."""
        if wanted.text.strip() and len(self.summary.ranked) < self.summary.institutions:
            return self._listing_of(self.portfolio.find(wanted.text.strip(), MOST_VALUES)).choose(
                Choice("", wanted.chosen, wanted.sort)
            )
        return self.institutions.choose(wanted)

    def missed(self, kind: str | None = None) -> Listing[MissedControl]:
        """The controls that some institution (of a kind) misses, those that the greatest share misses first."""
        return self._kept_missed(kind if kind in self.kinds else None)

    def _missed(self, kind: str | None) -> Listing[MissedControl]:
        order = {key: place for place, key in enumerate(self.knowledge.controls)}
        counted = self.summary.missed
        if kind is not None:
            counted = [MissedControl(each.control, *each.by_kind.get(kind, (0, 0))) for each in counted]
        there = [each for each in counted if each.missing and each.control in order]
        there.sort(key=lambda each: (-each.missing / each.applicable, -each.missing, order[each.control]))
        of = self.knowledge.controls
        facets: list[Facet[MissedControl]] = [
            self._guideline_facet(lambda each: each.control),
            self._section_facet(lambda each: each.control),
            Facet(
                "level",
                self.rulebook.term("facet", "level").ja,
                self._closed("level", LEVELS),
                lambda each: of[each.control].level,
            ),
        ]
        return Listing(there, facets, lambda each: self._control_text(each.control))

    @cached_property
    def gaps(self) -> Listing[FrequentGap]:
        """The gaps, the most frequent first."""
        order = {key: place for place, key in enumerate(self.knowledge.controls)}
        there = [each for each in self.summary.gaps if each.control in order]
        there.sort(key=lambda each: (-each.institutions, PRIORITIES.index(each.priority), order[each.control]))
        facets: list[Facet[FrequentGap]] = [
            Facet("priority", "優先度", self._closed("priority", PRIORITIES), lambda each: each.priority),
            Facet("gap_kind", "種類", self._closed("gap_kind", GAP_KINDS), lambda each: each.kind),
            Facet("party", "当事者", self._closed("party", get_args(GapParty)), lambda each: each.party),
            self._guideline_facet(lambda each: each.control),
            self._section_facet(lambda each: each.control),
        ]
        return Listing(there, facets, lambda each: self._control_text(each.control))

    @cached_property
    def map(self) -> tuple[MapGuideline, ...]:
        """Every guideline with its sections, in the order of the knowledge base; those without results are left out."""
        cells: dict[tuple[str, str], dict[str, list[ResultCounts]]] = {}
        for each in self.summary.sections:
            of_section = cells.setdefault((each.guideline, each.section), {})
            of_section.setdefault(each.kind, []).append(ResultCounts(each.conformity, {}))
        return tuple(
            part for guideline in self.knowledge.encoded_guidelines if (part := self._map_of(guideline, cells)).rows
        )

    def groups(self, axis: Axis) -> tuple[GroupCounts, ...]:
        """The groups of an axis: kinds in the order of the terms, sizes as the summary has them, regions by name."""
        there = [group for group in self.summary.groups if group.axis == axis]
        if axis == "kind":
            there.sort(key=lambda group: self._kinds.index(group.group) if group.group in self._kinds else 99)
        elif axis == "region":
            there.sort(key=lambda group: group.group or "")
        return tuple(sorted(there, key=lambda group: group.group is None))

    def cells(self, identity: str) -> Listing[PortfolioCell]:
        """An institution's results, to narrow by conformity, gap, service, guideline and section."""
        return self._kept_cells(identity)

    def _cells(self, identity: str) -> Listing[PortfolioCell]:
        cells = [cell for cell in self.portfolio.cells(identity) if cell.control in self.knowledge.controls]
        services = sorted({cell.service or UNNAMED for cell in cells})
        vendors = self.knowledge.vendors
        facets: list[Facet[PortfolioCell]] = [
            Facet(
                "conformity",
                self.rulebook.term("facet", "conformity").ja,
                self._closed("conformity", CONFORMITIES),
                lambda cell: cell.conformity,
            ),
            Facet(
                "priority",
                self.rulebook.term("facet", "gap_priority").ja,
                (*self._closed("priority", PRIORITIES), FacetValue(UNNAMED, "ギャップなし", len(PRIORITIES))),
                lambda cell: highest_priority(cell) or UNNAMED,
            ),
            self._guideline_facet(lambda cell: cell.control),
            self._section_facet(lambda cell: cell.control),
        ]
        if len(services) > 1:
            named = (
                FacetValue(service, vendors[service].name.ja if service in vendors else service, place)
                for place, service in enumerate(services)
            )
            facets.insert(2, Facet("service", "サービス", tuple(named), lambda cell: cell.service or UNNAMED))
        return Listing(cells, facets, lambda cell: self._control_text(cell.control))

    def sections_of(self, cells: Iterable[PortfolioCell]) -> tuple[SectionState, ...]:
        """An institution's results by section, in the order of the knowledge base."""
        conformity: dict[tuple[str, str], Counter[Any]] = {}
        gaps: dict[tuple[str, str], Counter[Priority]] = {}
        for cell in cells:
            section = self.knowledge.controls[cell.control].section
            place = (section.guideline, section.id)
            conformity.setdefault(place, Counter())[cell.conformity] += 1
            gaps.setdefault(place, Counter()).update(priority for _, _, priority in cell.gaps)
        return tuple(
            SectionState(section, ResultCounts(dict(conformity[place]), dict(gaps[place])))
            for section in self.knowledge.sections
            if (place := (section.guideline, section.id)) in conformity
        )

    def _listing_of(self, institutions: Sequence[InstitutionCounts]) -> Listing[InstitutionCounts]:
        ordered = sorted(institutions, key=need_of)
        kinds = {kind: place for place, kind in enumerate(self._kinds)}
        sizes = [group.group for group in self.groups("size") if group.group]
        regions = [group.group for group in self.groups("region") if group.group]
        bands = (
            *(FacetValue(str(band), band_label(band), band) for band in range(RATE_BANDS)),
            FacetValue(UNNAMED, "適用なし", RATE_BANDS),
        )
        facets: list[Facet[InstitutionCounts]] = [
            Facet("kind", "種別", self._closed("institution_kind", self._kinds), lambda each: each.kind),
            Facet("band", "適合の割合", bands, _band),
            _named_facet("size", "規模", sizes, ordered, lambda each: each.size),
            _named_facet("region", "地域", regions, ordered, lambda each: each.region),
        ]
        return Listing(
            ordered,
            facets,
            lambda each: f"{each.id} {each.name}",
            {
                "name": lambda each: each.name,
                "kind": lambda each: kinds.get(each.kind, len(kinds)),
                "region": lambda each: each.region,
                "rate": lambda each: each.counts.rate,
                **{word: _counts_gaps(word) for word in PRIORITIES},
            },
        )

    def _map_of(
        self, guideline: Guideline, cells: Mapping[tuple[str, str], Mapping[str, Sequence[ResultCounts]]]
    ) -> MapGuideline:
        rows = []
        for section in self.knowledge.sections:
            found = cells.get((section.guideline, section.id))
            if section.guideline == guideline.id and found:
                by_kind = {kind: summed(parts) for kind, parts in found.items()}
                rows.append(MapRow(section, summed(by_kind.values()), by_kind))
        kinds = {kind for row in rows for kind in row.by_kind}
        whole = {kind: summed(row.by_kind[kind] for row in rows if kind in row.by_kind) for kind in kinds}
        return MapGuideline(guideline, summed(whole.values()), whole, tuple(rows))

    def _closed(self, of: str, words: Iterable[str]) -> tuple[FacetValue, ...]:
        terms = ((word, self.rulebook.term(of, word)) for word in words)
        return tuple(
            FacetValue(word, f"{term.mark} {term.ja}".strip(), place, term.mark)
            for place, (word, term) in enumerate(terms)
        )

    def _guideline_facet(self, control: Callable[[Item], str]) -> Facet[Item]:
        values = (
            FacetValue(guideline.id, guideline.short_title, place)
            for place, guideline in enumerate(self.knowledge.encoded_guidelines)
        )
        of = self.knowledge.controls
        label = self.rulebook.term("facet", "guideline").ja
        return Facet("guideline", label, tuple(values), lambda item: of[control(item)].guideline)

    def _section_facet(self, control: Callable[[Item], str]) -> Facet[Item]:
        values = (
            FacetValue(f"{section.guideline}:{section.id}", f"{section.id} {section.title.ja}", place)
            for place, section in enumerate(self.knowledge.sections)
        )
        of = self.knowledge.controls

        def section(item: Item) -> str:
            found = of[control(item)].section
            return f"{found.guideline}:{found.id}"

        return Facet("section", _SECTION, tuple(values), section)

    def _control_text(self, key: str) -> str:
        control = self.knowledge.controls[key]
        return f"{control.id} {control.title.ja} {control.key}"


def highest_priority(cell: PortfolioCell) -> Priority | None:
    """The highest priority of a result's gaps; None where it has none."""
    return min((priority for _, _, priority in cell.gaps), key=PRIORITIES.index, default=None)


def _band(each: InstitutionCounts) -> str:
    rate = each.counts.rate
    return UNNAMED if rate is None else str(rate_band(rate))


def _counts_gaps(priority: Priority) -> Callable[[InstitutionCounts], int]:
    return lambda each: each.counts.gaps.get(priority, 0)


def _named_facet(
    identity: str,
    label: str,
    names: Iterable[str],
    items: Iterable[InstitutionCounts],
    of: Callable[[InstitutionCounts], str | None],
) -> Facet[InstitutionCounts]:
    """A facet of free names: those of the summary in its order, then any other that an item has."""
    everything = dict.fromkeys((*names, *(name for item in items if (name := of(item)))))
    ids = dict.fromkeys(name[:LONGEST_VALUE] for name in everything)
    values = [FacetValue(name, name, place) for place, name in enumerate(ids) if name != UNNAMED]
    values.append(FacetValue(UNNAMED, _NOT_STATED, len(values)))
    return Facet(identity, label, tuple(values), lambda item: (of(item) or UNNAMED)[:LONGEST_VALUE])
