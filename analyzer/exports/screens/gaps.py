"""The gap page's overview and open questions as fragments of HTML: figures, progress, the map of sections, facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analyzer.engine.profile import facts_to_ask, open_facts
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.summary import tally
from analyzer.exports.checklist.facts import fact_lines
from analyzer.exports.checklist.model import FactLine
from analyzer.exports.gap_report import parts
from analyzer.exports.templating import render_html
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Guideline
from analyzer.model.controls import Control, Section
from analyzer.model.results import Assessment, Tally
from analyzer.model.vocabulary import CONFORMITIES, PARTIES, PRIORITIES, STATUSES, Party, Status

Href = Callable[[str, Mapping[str, Sequence[str]]], str]
"""An in-app address: a page (empty: the one in view) and the parameters to add to the institution and the day."""

# Statuses of a duty that somebody has answered, and those of one that leaves nothing to do.
_DONE: frozenset[Status] = frozenset({"implemented", "not_applicable"})


@dataclass(frozen=True, slots=True)
class PartyProgress:
    """How far a party has come with its duties: how many of each status, answered ones, and those done or excluded."""

    party: Party
    statuses: dict[Status, int]

    @property
    def duties(self) -> int:
        """All duties."""
        return sum(self.statuses.values())

    @property
    def answered(self) -> int:
        """Those with an answer."""
        return self.duties - self.statuses["unanswered"]

    @property
    def done(self) -> int:
        """Those that are implemented or do not apply."""
        return sum(self.statuses[status] for status in _DONE)


@dataclass(frozen=True, slots=True)
class MappedSection:
    """A section on the map: its counts, and where its gaps are listed."""

    section: Section
    tally: Tally
    href: str


@dataclass(frozen=True, slots=True)
class MappedGuideline:
    """A guideline's strip of the map."""

    guideline: Guideline
    tally: Tally
    sections: tuple[MappedSection, ...]


@dataclass(frozen=True, slots=True)
class OpenFact:
    """A fact that the profile leaves open, with the controls that it decides, or only informs."""

    line: FactLine
    decides: tuple[Control, ...]
    informs: tuple[Control, ...]


def overview_fragment(assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, href: Href) -> str:
    """The counts that come first, how far the duties are, every section on a map, and what needs care soon."""
    rows = parts.gap_rows(assessment)
    return render_html(
        "screens/gaps_overview.html.j2",
        assessment=assessment,
        institution=assessment.institution,
        summary=assessment.summary,
        superseded=parts.superseded_guidelines(knowledge),
        policy=rulebook.policy,
        conformities=CONFORMITIES,
        priorities=PRIORITIES,
        statuses=STATUSES,
        overdue=sum(row.days_overdue is not None for each in rows.values() for row in each),
        parties=party_progress(assessment),
        guidelines=section_map(assessment, knowledge, href),
        carried_over=parts.carried_over_duties(assessment),
        controls=knowledge.controls,
        term=rulebook.term,
        href=href,
    ).decode()


def facts_fragment(
    assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, href: Href, *, file: str
) -> str:
    """The questions that the profile leaves open, what each decides, and how to answer.

    file: the institution's file as `sansho profile` would be given it.
    """
    asked = open_questions(assessment, knowledge)
    return render_html(
        "screens/gaps_facts.html.j2",
        deciding=[fact for fact in asked if fact.decides],
        informing=[fact for fact in asked if not fact.decides],
        results={result.control.key: result for result in assessment.results},
        file=file,
        term=rulebook.term,
        href=href,
    ).decode()


def party_progress(assessment: Assessment) -> tuple[PartyProgress, ...]:
    """For each party that has duties how many of them are of each status."""
    counted = (PartyProgress(party, assessment.summary.duties_by_party[party]) for party in PARTIES)
    return tuple(progress for progress in counted if progress.duties)


def section_map(assessment: Assessment, knowledge: KnowledgeBase, href: Href) -> tuple[MappedGuideline, ...]:
    """Every guideline with its sections, in the order of the knowledge base."""
    counts = assessment.summary.by_section
    return tuple(
        MappedGuideline(
            guideline,
            tally(result for result in assessment.results if result.control.guideline == guideline.id),
            tuple(
                MappedSection(
                    section,
                    counts[section.guideline, section.id],
                    href("", {"view": ["list"], "section": [f"{section.guideline}:{section.id}"]}),
                )
                for section in knowledge.sections
                if section.guideline == guideline.id and (section.guideline, section.id) in counts
            ),
        )
        for guideline in knowledge.encoded_guidelines
    )


def open_questions(assessment: Assessment, knowledge: KnowledgeBase) -> tuple[OpenFact, ...]:
    """The facts to ask for, those that decide most controls first, then those that only inform."""
    facts = assessment.institution.facts
    lines = {line.id: line for line in fact_lines(assessment, knowledge)}
    decides: dict[str, list[Control]] = {}
    for control in knowledge.controls.values():
        if control.applies_if is not None:
            for fact in open_facts(knowledge.conditions[control.applies_if].when, facts):
                decides.setdefault(fact, []).append(control)
    return tuple(
        OpenFact(
            lines[unknown.fact],
            tuple(decides.get(unknown.fact, ())),
            tuple(
                knowledge.controls[key] for key in knowledge.facts[unknown.fact].informs if key in knowledge.controls
            ),
        )
        for unknown in facts_to_ask(knowledge, facts)
    )


def no_institution_fragment(folder: str) -> str:
    """How to add the first institution; folder: where its file goes."""
    return render_html("screens/gaps_empty.html.j2", folder=folder).decode()
