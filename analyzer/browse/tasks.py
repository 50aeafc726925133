"""The duties of an institution as a list of things to do: whose they are, what is late, what is due soon."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, get_args

from analyzer.browse.facets import CountedValue, FacetValue
from analyzer.browse.narrowing import narrow
from analyzer.browse.selection import Unknown
from analyzer.engine import periods
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment, ControlResult, DutyResult
from analyzer.model.vocabulary import PARTIES, STATUSES

TaskView = Literal["open", "overdue", "soon", "recheck", "all"]
TASK_VIEWS: Final[tuple[TaskView, ...]] = get_args(TaskView)
TaskFacetId = Literal["status", "party", "owner", "section"]
TASK_FACETS: Final[tuple[TaskFacetId, ...]] = get_args(TaskFacetId)
NOBODY: Final = "-"
"""The value of the facet `owner` for a duty that nobody has taken."""

_SETTLED: Final = frozenset({"implemented", "not_applicable"})


@dataclass(frozen=True, slots=True)
class Task:
    """A duty of a party under a control. days_left: to the day set for it, below 0 where it has passed; None without.

    result: of the first service under which the duty stands.
    """

    result: ControlResult
    duty: DutyResult
    days_left: int | None
    overdue: bool
    settled: bool

    @property
    def key(self) -> tuple[str, str]:
        """Control and party, as an answer is filed."""
        return self.result.control.key, self.duty.party

    @property
    def owner(self) -> str:
        """Who has taken it; empty where nobody has."""
        return (self.duty.answer.owner or "") if self.duty.answer else ""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks, and by facet the values of which one has to hold."""

    view: TaskView = "open"
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskFacet:
    """A facet with what each of its values would leave."""

    id: TaskFacetId
    label: str
    values: tuple[CountedValue, ...]


@dataclass(frozen=True, slots=True)
class TaskSelection:
    """The tasks a filter leaves, the most pressing first; counts: how many each view has."""

    tasks: tuple[Task, ...]
    counts: Mapping[TaskView, int]
    facets: tuple[TaskFacet, ...]
    unknown: tuple[Unknown, ...]


def tasks_of(assessment: Assessment) -> tuple[Task, ...]:
    """Every duty of applicable controls, each once however many services leave it, in the order of the controls."""
    found: dict[tuple[str, str], Task] = {}
    for result in assessment.results:
        for duty in result.duties if result.applicability == "applicable" else ():
            found.setdefault((result.control.key, duty.party), _task(result, duty, assessment.as_of))
    return tuple(found.values())


def select_tasks(
    tasks: Iterable[Task], wanted: TaskFilter, soon_days: int, knowledge: KnowledgeBase, rulebook: Rulebook
) -> TaskSelection:
    """Narrow tasks by a filter; never raises for one. soon_days: how near a day is that counts as soon."""
    every = tuple(tasks)
    in_view = tuple(task for task in every if _in_view(task, wanted.view, soon_days))
    values = _facet_values(every, knowledge, rulebook)
    narrowed = narrow(in_view, _OF, values, wanted.chosen)
    return TaskSelection(
        tasks=tuple(sorted(narrowed.rows, key=lambda task: (task.days_left is None, task.days_left or 0))),
        counts={view: sum(_in_view(task, view, soon_days) for task in every) for view in TASK_VIEWS},
        facets=tuple(TaskFacet(facet, _LABELS[facet], counted) for facet, counted in narrowed.values.items()),
        unknown=narrowed.unknown,
    )


def _task(result: ControlResult, duty: DutyResult, as_of: date) -> Task:
    due = duty.answer.due if duty.answer else None
    return Task(
        result=result,
        duty=duty,
        days_left=(due - as_of).days if due else None,
        overdue=periods.days_overdue(due, duty.status, as_of) is not None,
        settled=duty.status in _SETTLED and not duty.carried_over,
    )


def _in_view(task: Task, view: TaskView, soon_days: int) -> bool:
    match view:
        case "all":
            return True
        case "open":
            return not task.settled
        case "overdue":
            return task.overdue
        case "soon":
            return not task.settled and task.days_left is not None and 0 <= task.days_left <= soon_days
        case "recheck":
            return task.duty.carried_over


_OF: Final[Mapping[TaskFacetId, Callable[[Task], str]]] = {
    "status": lambda task: task.duty.status,
    "party": lambda task: task.duty.party,
    "owner": lambda task: task.owner or NOBODY,
    "section": lambda task: f"{task.result.control.guideline}:{task.result.control.section.id}",
}
_LABELS: Final[Mapping[TaskFacetId, str]] = {
    "status": "実施状況",
    "party": "担い手",
    "owner": "担当者",
    "section": "節",
}


def _facet_values(
    tasks: Iterable[Task], knowledge: KnowledgeBase, rulebook: Rulebook
) -> dict[TaskFacetId, dict[str, FacetValue]]:
    found = list(tasks)
    owners = sorted({task.owner for task in found if task.owner})
    present = {_OF["section"](task) for task in found}
    sections = {f"{section.guideline}:{section.id}": section for section in knowledge.sections}
    labels: dict[TaskFacetId, dict[str, str]] = {
        "status": {status: rulebook.term("status", status).ja for status in STATUSES},
        "party": {party: rulebook.term("party", party).ja for party in PARTIES},
        "owner": {**{owner: owner for owner in owners}, NOBODY: "担当者なし"},
        "section": {
            place: f"{section.id} {section.title.ja}" for place, section in sections.items() if place in present
        },
    }
    return {
        facet: {value: FacetValue(value, label, order) for order, (value, label) in enumerate(texts.items())}
        for facet, texts in labels.items()
    }
