"""How one institution moved between two analyses: conformity by control, and what became of every gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from analyzer.comparison.documents import AnalysisDocument, DutyState, GapState, ResultState, Unit
from analyzer.errors import SanshoError
from analyzer.model.vocabulary import PARTIES, PRIORITIES, Conformity, GapKind, GapParty, Priority

Direction = Literal["better", "worse", "same", "left_out", "taken_in", "added", "removed"]
"""left_out and taken_in: became, or no longer is, not applicable. added and removed: only one analysis has it."""

Movement = Literal["opened", "open", "closed"]
Cause = Literal[
    "new",
    "settled",
    "other_kind",
    "left_out",
    "taken_in",
    "declared_not_applicable",
    "duty_gone",
    "duty_new",
    "control_removed",
    "control_added",
    "service_removed",
    "service_added",
    "still",
]
"""Why a gap moved. other_kind: the same duty has a gap of another kind on the other side, so nothing was settled."""

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
MOVEMENTS: tuple[Movement, ...] = get_args(Movement)
CAUSES: tuple[Cause, ...] = get_args(Cause)

_RANK: dict[Conformity, int] = {
    "nonconforming": 0,
    "not_assessed": 0,
    "partial": 1,
    "conforming_pending": 2,
    "conforming": 3,
}


@dataclass(frozen=True, slots=True)
class ControlProgress:
    """A control's conformity for one service on both sides; None where that side does not have it."""

    control: str
    service: str | None
    before: Conformity | None
    after: Conformity | None
    direction: Direction


@dataclass(frozen=True, slots=True)
class GapProgress:
    """What became of a gap, known by control, service, kind and party.

    before, after: the gap on both sides, None where it is not there. old_duty, new_duty: what that party answered on
    both sides, where it has a duty. days_overdue: at the new day, where the gap is there and the duty's day has passed.
    """

    control: str
    service: str | None
    kind: GapKind
    party: GapParty
    movement: Movement
    cause: Cause
    before: GapState | None
    after: GapState | None
    old_duty: DutyState | None
    new_duty: DutyState | None
    days_overdue: int | None

    @property
    def latest(self) -> GapState:
        """The gap as the latest side that has it states it."""
        state = self.after or self.before
        assert state is not None
        return state

    @property
    def priority_changed(self) -> bool:
        """Whether it is open on both sides with another priority."""
        return self.before is not None and self.after is not None and self.before.priority != self.after.priority


@dataclass(frozen=True, slots=True)
class SectionProgress:
    """The counts by conformity of one section on both sides; None where that side does not have it."""

    guideline: str
    section: str
    before: dict[Conformity, int] | None
    after: dict[Conformity, int] | None


@dataclass(frozen=True, slots=True)
class Progress:
    """All of it. controls and sections: in the new analysis's order, then what only the old one has.
    gaps: opened, open, closed, each by priority and then in the order of the controls.
    """

    old: AnalysisDocument
    new: AnalysisDocument
    controls: tuple[ControlProgress, ...]
    gaps: tuple[GapProgress, ...]
    sections: tuple[SectionProgress, ...]

    @property
    def versions_differ(self) -> bool:
        """Whether the analyses rest on different knowledge bases, so that not every change is the institution's."""
        return self.old.version != self.new.version

    @property
    def backwards(self) -> bool:
        """Whether the analysis given as new is of an earlier day."""
        return self.new.as_of < self.old.as_of

    @property
    def days(self) -> int:
        """The days from the old analysis to the new one; negative where it is of an earlier day."""
        return (self.new.as_of - self.old.as_of).days

    def moved(self, movement: Movement) -> tuple[GapProgress, ...]:
        """The gaps of one movement, in order."""
        return tuple(gap for gap in self.gaps if gap.movement == movement)

    def directions(self) -> dict[Direction, int]:
        """How many controls went which way."""
        counted = Counter(control.direction for control in self.controls)
        return {direction: counted[direction] for direction in DIRECTIONS}

    def priorities(self, movement: Movement) -> dict[Priority, int]:
        """The gaps of a movement by their latest priority."""
        counted = Counter(gap.latest.priority for gap in self.moved(movement))
        return {priority: counted[priority] for priority in PRIORITIES}

    def causes(self, movement: Movement) -> dict[Cause, int]:
        """Why the gaps of a movement moved, in the order of CAUSES; only causes that there are."""
        counted = Counter(gap.cause for gap in self.moved(movement))
        return {cause: counted[cause] for cause in CAUSES if counted[cause]}


def compare_analyses(old: AnalysisDocument, new: AnalysisDocument) -> Progress:
    """The progress from old to new. Raises SanshoError where they are of different institutions."""
    if old.institution != new.institution:
        raise SanshoError(f"the analyses are of different institutions: {old.institution!r} and {new.institution!r}")
    return progress_between(old, new)


def progress_between(old: AnalysisDocument, new: AnalysisDocument) -> Progress:
    """What differs from old to new, whosever they are; of two institutions, what the second has otherwise."""
    units = list({**new.results, **old.results})
    return Progress(
        old=old,
        new=new,
        controls=tuple(_control(unit, old, new) for unit in units),
        gaps=tuple(sorted((gap for unit in units for gap in _gaps(unit, old, new)), key=_gap_order)),
        sections=tuple(
            SectionProgress(*key, _counts(old, key), _counts(new, key)) for key in {**new.sections, **old.sections}
        ),
    )


def _counts(side: AnalysisDocument, section: tuple[str, str]) -> dict[Conformity, int] | None:
    return dict(side.sections[section]) if section in side.sections else None


def _control(unit: Unit, old: AnalysisDocument, new: AnalysisDocument) -> ControlProgress:
    before = old.results[unit].conformity if unit in old.results else None
    after = new.results[unit].conformity if unit in new.results else None
    return ControlProgress(*unit, before, after, _direction(before, after))


def _direction(before: Conformity | None, after: Conformity | None) -> Direction:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    if before == after:
        return "same"
    if after == "not_applicable":
        return "left_out"
    if before == "not_applicable":
        return "taken_in"
    step = _RANK[after] - _RANK[before]
    return "better" if step > 0 else "worse" if step < 0 else "same"


def _gap_order(gap: GapProgress) -> tuple[int, int]:
    return MOVEMENTS.index(gap.movement), PRIORITIES.index(gap.latest.priority)


def _gaps(unit: Unit, old: AnalysisDocument, new: AnalysisDocument) -> Iterator[GapProgress]:
    before, after = old.results.get(unit), new.results.get(unit)
    for kind, party in _keys(after, before):
        was = before.gaps.get((kind, party)) if before else None
        is_now = after.gaps.get((kind, party)) if after else None
        old_duty, new_duty = _duty(before, party), _duty(after, party)
        movement: Movement = "open" if was and is_now else "opened" if is_now else "closed"
        yield GapProgress(
            control=unit[0],
            service=unit[1],
            kind=kind,
            party=party,
            movement=movement,
            cause=_cause(movement, unit, party, old, new),
            before=was,
            after=is_now,
            old_duty=old_duty,
            new_duty=new_duty,
            days_overdue=new_duty.days_overdue(new.as_of) if new_duty and is_now else None,
        )


def _keys(*sides: ResultState | None) -> Iterable[tuple[GapKind, GapParty]]:
    return dict.fromkeys(key for side in sides if side for key in side.gaps)


def _duty(side: ResultState | None, party: GapParty) -> DutyState | None:
    return (
        next((side.duties[word] for word in PARTIES if word == party and word in side.duties), None) if side else None
    )


def _cause(movement: Movement, unit: Unit, party: GapParty, old: AnalysisDocument, new: AnalysisDocument) -> Cause:
    if movement == "open":
        return "still"
    closed = movement == "closed"
    there, gone = (old, new) if closed else (new, old)  # the side that has the gap, the side that does not
    here, other = there.results[unit], gone.results.get(unit)
    if other is None:
        if unit[0] in gone.controls:
            return "service_removed" if closed else "service_added"
        return "control_removed" if closed else "control_added"
    if other.conformity == "not_applicable":
        return "left_out" if closed else "taken_in"
    if any(owner == party and (kind, owner) not in here.gaps for kind, owner in other.gaps):
        return "other_kind"
    duty, counterpart = _duty(here, party), _duty(other, party)
    if duty and not counterpart:
        return "duty_gone" if closed else "duty_new"
    if closed and counterpart and counterpart.status == "not_applicable":
        return "declared_not_applicable"
    return "settled" if closed else "new"
