"""Two assessments held against each other: one institution at two days, or two institutions."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.comparison.documents import AnalysisDocument, Background, DutyState, GapState, ResultState
from analyzer.comparison.progress import ControlProgress, GapProgress, Progress, progress_between
from analyzer.model.results import Assessment, ControlResult, DutyResult


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two assessments and what differs.

    Of one institution `first` is the earlier day; of two, `first` is the one asked about. In progress `old` stands for
    first and `new` for second.
    """

    first: Assessment
    second: Assessment
    progress: Progress

    @property
    def one_institution(self) -> bool:
        """Whether both sides are of the same institution, so that before and after mean something."""
        return self.first.institution.id == self.second.institution.id

    @property
    def differing(self) -> tuple[ControlProgress, ...]:
        """The controls whose conformity is not the same on both sides."""
        return tuple(entry for entry in self.progress.controls if entry.before != entry.after)

    @property
    def only_first(self) -> tuple[GapProgress, ...]:
        """The gaps that only the first has: closed since, or the first institution's own."""
        return self.progress.moved("closed")

    @property
    def only_second(self) -> tuple[GapProgress, ...]:
        """The gaps that only the second has."""
        return self.progress.moved("opened")


def compare_assessments(asked: Assessment, other: Assessment) -> Comparison:
    """Hold two assessments made with the same knowledge base against each other."""
    first, second = asked, other
    if asked.institution.id == other.institution.id and other.as_of < asked.as_of:
        first, second = other, asked
    return Comparison(first, second, progress_between(analysis_document(first), analysis_document(second)))


def analysis_document(assessment: Assessment) -> AnalysisDocument:
    """The assessment as comparisons take it: what its JSON read back gives, but for editions and surveys."""
    return AnalysisDocument(
        version=assessment.knowledge_version,
        institution=assessment.institution.id,
        name=assessment.institution.name,
        fictional=assessment.institution.fictional,
        as_of=assessment.as_of,
        results={(result.control.key, result.service): _state(result) for result in assessment.results},
        controls=frozenset(result.control.key for result in assessment.results),
        sections={section: tally.conformity for section, tally in assessment.summary.by_section.items()},
        background=Background({}, {}),
    )


def _state(result: ControlResult) -> ResultState:
    return ResultState(
        conformity=result.conformity,
        duties={duty.party: _duty(duty) for duty in result.duties},
        gaps={
            (gap.kind, gap.party): GapState(gap.priority, gap.rule, gap.reason.ja, gap.action.ja) for gap in result.gaps
        },
    )


def _duty(duty: DutyResult) -> DutyState:
    answer = duty.answer
    return DutyState(
        status=duty.status,
        proof=duty.proof,
        carried_over=duty.carried_over,
        evidence=answer.evidence if answer else (),
        checked_on=answer.checked_on if answer else None,
        due=answer.due if answer else None,
        owner=answer.owner if answer else None,
        note=answer.note if answer else None,
        reason=answer.reason if answer else None,
    )
