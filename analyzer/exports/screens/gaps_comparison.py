"""Two assessments side by side as a fragment of HTML, and the words for what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from analyzer.browse.comparing import Comparison
from analyzer.comparison.progress import MOVEMENTS, Cause, Direction, Movement
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.changes.names import Names
from analyzer.exports.screens.gaps import Href
from analyzer.exports.templating import render_html
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment, Tally
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES

# Between two institutions nothing gets better or is closed: what differs is said of each of them.
_DIRECTIONS: Final[dict[Direction, str]] = {
    "better": "Bが上",
    "worse": "Aが上",
    "same": "同じ水準",
    "left_out": "Bだけ該当なし",
    "taken_in": "Aだけ該当なし",
    "added": "Bだけにある",
    "removed": "Aだけにある",
}
_MOVEMENTS: Final[dict[Movement, str]] = {"opened": "Bだけ", "open": "両方", "closed": "Aだけ"}
_CAUSES: Final[dict[Cause, str]] = {
    "new": "Aにはない",
    "settled": "Bにはない",
    "other_kind": "もう一方では別の種別のギャップ",
    "left_out": "Bでは項目が該当なし",
    "taken_in": "Aでは項目が該当なし",
    "declared_not_applicable": "Bでは対応が該当なしと申告",
    "duty_gone": "Bではその担い手の対応でない",
    "duty_new": "Aではその担い手の対応でない",
    "control_removed": "Bの分析に項目がない",
    "control_added": "Aの分析に項目がない",
    "service_removed": "Bではサービスを使っていない",
    "service_added": "Aではサービスを使っていない",
    "still": "両方にある",
}


class ComparisonWords:
    """What the two sides, and what differs between them, are called: before and after, or A and B."""

    def __init__(self, comparison: Comparison, rulebook: Rulebook, knowledge: KnowledgeBase) -> None:
        self._names = Names(rulebook, knowledge)
        self._one = comparison.one_institution
        self.sides = ("前", "後") if self._one else ("A", "B")

    def direction(self, word: Direction) -> str:
        """How a control's conformity differs."""
        return self._names.label("direction", word) if self._one else _DIRECTIONS[word]

    def movement(self, word: Movement) -> str:
        """On which side a gap is."""
        return self._names.label("movement", word) if self._one else _MOVEMENTS[word]

    def cause(self, word: Cause) -> str:
        """Why a gap is on one side only."""
        return self._names.word("cause", word) if self._one else _CAUSES[word]

    def service(self, vendor: str | None) -> str:
        """What people call a vendor's service."""
        return self._names.service(vendor)


@dataclass(frozen=True, slots=True)
class SectionPair:
    """A section's counts on both sides; None where a side does not have it."""

    guideline: str
    title: str
    first: Tally | None
    second: Tally | None
    href: str


def comparison_fragment(
    comparison: Comparison, knowledge: KnowledgeBase, rulebook: Rulebook, words: ComparisonWords, href: Href
) -> str:
    """Conformity and gaps of both sides, then section by section."""
    progress = comparison.progress
    return render_html(
        "screens/gaps_comparison.html.j2",
        one=comparison.one_institution,
        sides=tuple(zip(words.sides, (comparison.first, comparison.second), strict=True)),
        days=progress.days,
        services_differ=_services(comparison.first) != _services(comparison.second),
        progress=progress,
        movements=MOVEMENTS,
        priorities=PRIORITIES,
        conformities=CONFORMITIES,
        sections=section_pairs(comparison, knowledge, href),
        words=words,
        term=rulebook.term,
    ).decode()


def section_pairs(comparison: Comparison, knowledge: KnowledgeBase, href: Href) -> tuple[SectionPair, ...]:
    """Every section that either side has, in the order of the knowledge base."""
    first, second = (side.summary.by_section for side in (comparison.first, comparison.second))
    return tuple(
        SectionPair(
            knowledge.guidelines[section.guideline].short_title,
            f"{section.id} {section.title.ja}",
            _at(first, section.guideline, section.id),
            _at(second, section.guideline, section.id),
            href("", {"view": ["list"], "section": [f"{section.guideline}:{section.id}"]}),
        )
        for section in knowledge.sections
        if {(section.guideline, section.id)} & {*first, *second}
    )


def _at(counts: Mapping[tuple[str, str], Tally], guideline: str, section: str) -> Tally | None:
    return counts.get((guideline, section))


def _services(assessment: Assessment) -> set[str]:
    return {service.vendor for service in assessment.institution.services}
