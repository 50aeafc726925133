"""The page of many institutions as fragments of HTML: figures, distribution, map, controls, one institution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.gap_report.parts import superseded_guidelines
from analyzer.exports.portfolio_overview import (
    RATE_BANDS,
    Axis,
    FrequentGap,
    GroupCounts,
    InstitutionCounts,
    MissedControl,
    PortfolioSummary,
    ResultCounts,
)
from analyzer.exports.screens.gaps import Href
from analyzer.exports.templating import render_html
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Guideline
from analyzer.model.controls import Section
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES


@dataclass(frozen=True, slots=True)
class MapRow:
    """A section's results over all kinds of institutions, and by kind where it has any."""

    section: Section
    whole: ResultCounts
    by_kind: Mapping[str, ResultCounts]


@dataclass(frozen=True, slots=True)
class MapGuideline:
    """A guideline's part of the map."""

    guideline: Guideline
    whole: ResultCounts
    by_kind: Mapping[str, ResultCounts]
    rows: tuple[MapRow, ...]


@dataclass(frozen=True, slots=True)
class SectionState:
    """A section at one institution: its results by conformity, its gaps by priority."""

    section: Section
    counts: ResultCounts


@dataclass(frozen=True, slots=True)
class Place:
    """An institution's place: its rank among those ranked (None: not among them), and how many there are."""

    rank: int | None
    of: int


def band_label(band: int) -> str:
    """What a band of rates is called: `50〜60%`. A rate on an edge is in the upper one; the last includes 100%."""
    step = 100 // RATE_BANDS
    return f"{band * step}〜{(band + 1) * step}%"


def head_fragment(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook, href: Href, *, short: bool
) -> str:
    """What the page rests on, and its figures: institutions, rate, gaps by priority. short: in a line."""
    return _render(
        "portfolio_head",
        summary=summary,
        other_version=summary.knowledge_version != knowledge.version,
        version=knowledge.version,
        short=short,
        superseded=superseded_guidelines(knowledge),
        priorities=PRIORITIES,
        term=rulebook.term,
        href=href,
    )


def distribution_fragment(
    summary: PortfolioSummary, groups: Mapping[Axis, Sequence[GroupCounts]], rulebook: Rulebook, href: Href
) -> str:
    """How the rates are spread, all results by conformity, and kinds, sizes and regions side by side."""
    return _render(
        "portfolio_distribution",
        summary=summary,
        bands=[(band, band_label(band), count) for band, count in enumerate(summary.rate_bands)],
        most=max(summary.rate_bands, default=0) or 1,
        groups=groups,
        conformities=CONFORMITIES,
        priorities=PRIORITIES,
        term=rulebook.term,
        href=href,
    )


def map_fragment(part: MapGuideline, kinds: Sequence[str], rulebook: Rulebook, href: Href) -> str:
    """A guideline's sections by kinds of institutions: the share that conforms, and of how many results."""
    return _render("portfolio_map", part=part, kinds=kinds, term=rulebook.term, href=href)


def missed_fragment(rows: Sequence[MissedControl], knowledge: KnowledgeBase, rulebook: Rulebook) -> str:
    """Controls with the share of institutions that miss them, in the order given."""
    return _render("portfolio_missed", rows=rows, controls=knowledge.controls, knowledge=knowledge, term=rulebook.term)


def gaps_fragment(rows: Sequence[FrequentGap], institutions: int, knowledge: KnowledgeBase, rulebook: Rulebook) -> str:
    """Gaps with the share of the institutions at which they stand, in the order given."""
    return _render(
        "portfolio_gaps",
        rows=rows,
        institutions=institutions,
        controls=knowledge.controls,
        knowledge=knowledge,
        term=rulebook.term,
        actions=rulebook.actions,
    )


def institution_fragment(
    institution: InstitutionCounts,
    place: Place,
    sections: Sequence[SectionState],
    pages: Mapping[str, str],
    knowledge: KnowledgeBase,
    rulebook: Rulebook,
    href: Href,
) -> str:
    """One institution: its counts, its sections. pages: names of its own pages by where they lead; empty if none."""
    guidelines = [
        (guideline, own)
        for guideline in knowledge.encoded_guidelines
        if (own := [each for each in sections if each.section.guideline == guideline.id])
    ]
    return _render(
        "portfolio_institution",
        institution=institution,
        place=place,
        guidelines=guidelines,
        pages=pages,
        conformities=CONFORMITIES,
        priorities=PRIORITIES,
        term=rulebook.term,
        href=href,
    )


def _render(template: str, **context: object) -> str:
    return render_html(f"screens/{template}.html.j2", **context).decode("utf-8")
