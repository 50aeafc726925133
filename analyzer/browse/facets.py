"""The facets by which rows are narrowed: which values each has, and which of them a row has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from analyzer.browse.rows import EVIDENCE_WAYS, MatrixRow
from analyzer.engine.rulebook import Rulebook, Term
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.vocabulary import CONFORMITIES, LEVELS, PARTIES, PRIORITIES, RESPONSIBILITIES, Disclosure

FacetId = Literal[
    "guideline",
    "section",
    "level",
    "vendor_conformity",
    "disclosure",
    "evidence_way",
    "responsibility",
    "party",
    "condition",
    "vendor",
    "conformity",
    "gap_priority",
]
FACETS: tuple[FacetId, ...] = get_args(FacetId)
ASSESSED_FACETS: Final[frozenset[FacetId]] = frozenset({"conformity", "gap_priority"})

ALWAYS, NONE, NOT_USED = "always", "none", "not_used"
# Offered only where a row has them: most knowledge bases have no such row.
RARE: Final[frozenset[tuple[FacetId, str]]] = frozenset(
    {("vendor", NONE), ("conformity", NOT_USED), ("gap_priority", NOT_USED)}
)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value that a facet may have. order: its place among them, from 0. group: what it stands under (a section's
    guideline). mark, help: of its term; empty where there is none.
    """

    id: str
    label: str
    order: int
    mark: str = ""
    help: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class CountedValue:
    """A value, whether the filter has it, and how many rows there would be with it alone in its facet."""

    value: FacetValue
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class FacetView:
    """A facet as a screen shows it beside a selection; values in their order, those with count 0 included."""

    id: FacetId
    label: str
    help: str
    values: tuple[CountedValue, ...]

    @property
    def chosen(self) -> tuple[CountedValue, ...]:
        """The values that the filter has."""
        return tuple(value for value in self.values if value.chosen)


def _section(row: MatrixRow) -> str:
    return f"{row.control.guideline}:{row.control.section.id}"


def _gap_priority(row: MatrixRow) -> str:
    return (row.gap_priority or NONE) if row.result else NOT_USED


ROW_VALUES: Final[dict[FacetId, Callable[[MatrixRow], tuple[str, ...]]]] = {
    "guideline": lambda row: (row.control.guideline,),
    "section": lambda row: (_section(row),),
    "level": lambda row: (row.control.level,),
    "vendor_conformity": lambda row: (row.vendor_conformity,),
    "disclosure": lambda row: (row.disclosure,),
    "evidence_way": lambda row: row.evidence_ways,
    "responsibility": lambda row: (row.responsibility,),
    "party": lambda row: row.parties or (NONE,),
    "condition": lambda row: (row.control.applies_if or ALWAYS,),
    "vendor": lambda row: (row.vendor or NONE,),
    "conformity": lambda row: (row.result.conformity if row.result else NOT_USED,),
    "gap_priority": lambda row: (_gap_priority(row),),
}


class FacetCatalogue:
    """Every facet's label and values for a knowledge base, by facet and value id."""

    def __init__(self, knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
        self.terms: dict[FacetId, Term] = {facet: rulebook.term("facet", facet) for facet in FACETS}
        own = rulebook.terms["facet_value"]
        no_answer = rulebook.term("vendor_conformity", "no_answer")
        not_used = (NOT_USED, own[NOT_USED])
        vendors = list(_vendors(knowledge))

        def of(name: str, words: Iterable[str]) -> list[tuple[str, Term]]:
            return [(word, rulebook.term(name, word)) for word in words]

        closed: dict[FacetId, list[tuple[str, Term]]] = {
            "level": of("level", LEVELS),
            "vendor_conformity": of("vendor_conformity", rulebook.tables["responsibility"].inputs["vendor_answer"]),
            "disclosure": of("disclosure", get_args(Disclosure)),
            "evidence_way": of("evidence_way", EVIDENCE_WAYS),
            "responsibility": of("responsibility", RESPONSIBILITIES),
            "party": [*of("party", PARTIES), (NONE, own["no_duty"])],
            "conformity": [*of("conformity", CONFORMITIES), not_used],
            "gap_priority": [*of("priority", PRIORITIES), (NONE, own["no_gap"]), not_used],
        }
        always = FacetValue(ALWAYS, own["always"].ja, 0, help=own["always"].help)
        self.values: dict[FacetId, dict[str, FacetValue]] = {
            "guideline": _by_id(
                FacetValue(guideline.id, guideline.short_title, order, help=guideline.title.ja)
                for order, guideline in enumerate(knowledge.encoded_guidelines)
            ),
            "section": _by_id(_sections(knowledge)),
            "condition": _by_id(
                [
                    always,
                    *(
                        FacetValue(condition.id, condition.title.ja, order)
                        for order, condition in enumerate(knowledge.conditions.values(), 1)
                    ),
                ]
            ),
            "vendor": _by_id([*vendors, FacetValue(NONE, no_answer.ja, len(vendors), help=no_answer.help)]),
            **{
                facet: _by_id(
                    FacetValue(word, term.ja, order, term.mark, term.help) for order, (word, term) in enumerate(words)
                )
                for facet, words in closed.items()
            },
        }

    def order(self, facet: FacetId, row: MatrixRow) -> tuple[int, ...]:
        """The places of a row's values in the facet's order."""
        values = self.values[facet]
        return tuple(values[value].order for value in ROW_VALUES[facet](row))


def _by_id(values: Iterable[FacetValue]) -> dict[str, FacetValue]:
    return {value.id: value for value in values}


def _sections(knowledge: KnowledgeBase) -> Iterator[FacetValue]:
    for order, section in enumerate(knowledge.sections):
        yield FacetValue(
            f"{section.guideline}:{section.id}",
            f"{section.id} {section.title.ja}",
            order,
            group=knowledge.guidelines[section.guideline].short_title,
        )


def _vendors(knowledge: KnowledgeBase) -> Iterator[FacetValue]:
    answering = (vendor for control in knowledge.controls.values() for vendor in control.responses)
    for order, vendor in enumerate(dict.fromkeys((*knowledge.vendors, *answering))):
        known = knowledge.vendors.get(vendor)
        yield FacetValue(vendor, known.name.ja if known else vendor, order)
