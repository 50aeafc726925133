"""What an analysis finds (DESIGN section 6 and 7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from analyzer.model.controls import Control, Response, Text
from analyzer.model.crosswalk import RelationKind
from analyzer.model.institution import Answer, Evidence, Institution
from analyzer.model.vocabulary import (
    Applicability,
    Assurance,
    Conformity,
    GapKind,
    GapParty,
    Party,
    Priority,
    Proof,
    Responsibility,
    Status,
)


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One table's part in a result: what it was asked, the row that fired, what it gave."""

    table: str
    rule: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    reason: Text


@dataclass(frozen=True, slots=True)
class DutyResult:
    """A party's duty under a control.

    `party` holds it; `stated_for` are the parties that the vendor's answer names, so an SI vendor's duty that fell to
    the institution shows there. `texts` are the duties themselves. answer is None where there is none as of the date.
    """

    party: Party
    stated_for: tuple[Party, ...]
    texts: tuple[str, ...]
    status: Status
    proof: Proof
    answer: Answer | None

    @property
    def carried_over(self) -> bool:
        """The answer is taken from an earlier assessment and has not been checked again."""
        return self.answer is not None and self.answer.carried_over


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is missing, with the rule that says so and what to do next."""

    kind: GapKind
    party: GapParty
    priority: Priority
    rule: str
    reason: Text
    action: Text


@dataclass(frozen=True, slots=True)
class ControlResult:
    """The state of one control at one institution for one service (service None: the institution uses none)."""

    control: Control
    service: str | None
    response: Response | None
    applicability: Applicability
    applicability_reason: Text
    condition_unknown: bool
    responsibility: Responsibility
    conformity: Conformity
    rule: str
    reason: Text
    assurance: Assurance
    assurance_reason: Text
    duties: tuple[DutyResult, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over some results: by conformity and by responsibility, with what they sum to.

    controls counts all, applicable those that neither a condition nor a declaration takes out. rate is the share of
    the applicable controls that conform (pending ones not counted), None where nothing applies.
    """

    controls: int
    applicable: int
    conformity: dict[Conformity, int]
    responsibility: dict[Responsibility, int]

    @property
    def rate(self) -> float | None:
        """Conforming controls as a share of the applicable ones, 0 to 1."""
        return self.conformity["conforming"] / self.applicable if self.applicable else None


@dataclass(frozen=True, slots=True)
class UnknownFact:
    """A fact that the profile leaves open, and how many controls it decides."""

    fact: str
    question: str
    controls: int


@dataclass(frozen=True, slots=True)
class ExpiringEvidence:
    """A piece of evidence in use that lapses soon, or has lapsed; `days` counts from as_of, negative once lapsed."""

    evidence: Evidence
    expires_on: date
    days: int
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts that come first in every report. Sections are keyed (guideline, section), in order."""

    overall: Tally
    by_level: dict[str, Tally]
    by_section: dict[tuple[str, str], Tally]
    duties_by_party: dict[Party, dict[Status, int]]
    gaps_by_kind: dict[GapKind, int]
    gaps_by_priority: dict[Priority, int]
    carried_over: int
    unknown_facts: tuple[UnknownFact, ...]
    expiring: tuple[ExpiringEvidence, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What was said of a related control's duty, offered for this one and never taken over by itself.

    control, party: the duty it is offered for. source: the related control whose duty was answered by the same party.
    relation: what the source is to the control (superset: it asks for more). status: the source's; offered where
    the duty is unanswered, None where only evidence is offered. evidence: ids of the source's evidence that holds at
    as_of and that this duty does not have.
    """

    control: str
    party: Party
    source: str
    relation: RelationKind
    reason: str
    status: Status | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """An institution's analysis at a day: results in the order of the knowledge base, and their summary."""

    institution: Institution
    as_of: date
    knowledge_version: str
    results: tuple[ControlResult, ...]
    summary: Summary
    suggestions: tuple[Suggestion, ...] = ()
