"""What the files say of answers beyond the results: those that decide nothing, and days that have passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from analyzer.engine import periods
from analyzer.model.institution import Answer
from analyzer.model.results import Assessment, DutyResult

# after_as_of: checked later than the day of the assessment. no_duty: no service in use leaves a duty to that party.
WhyUnused = Literal["after_as_of", "no_duty"]


@dataclass(frozen=True, slots=True)
class UnusedAnswer:
    """An answer that no result counts, and why."""

    answer: Answer
    why: WhyUnused


def unused_answers(assessment: Assessment) -> tuple[UnusedAnswer, ...]:
    """The answers that stand in no result, in the order of the institution's file."""
    counted = {
        (result.control.key, duty.party) for result in assessment.results for duty in result.duties if duty.answer
    }
    return tuple(
        UnusedAnswer(answer, "after_as_of" if answer.checked_on and answer.checked_on > assessment.as_of else "no_duty")
        for key, answer in assessment.institution.answers.items()
        if key not in counted
    )


def days_overdue(duty: DutyResult, as_of: date) -> int | None:
    """By how many days the day set for a duty has passed at as_of; None where it is done or no day has passed."""
    return periods.days_overdue(duty.answer.due if duty.answer else None, duty.status, as_of)
