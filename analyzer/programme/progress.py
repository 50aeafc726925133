"""Where a participant stands: for every step what is done, whose turn it is, what to do next and by when.

Pure: from a participant and a day. Nothing is kept of it, so it can never disagree with what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from analyzer.programme.model import Step, StepKind
from analyzer.programme.participant import Paper, Participant, Side, StepRecord

StepStatus = Literal["todo", "waiting", "done", "not_wanted"]
"""todo: the institution's turn; waiting: the secretariat's."""


@dataclass(frozen=True, slots=True)
class Task:
    """A thing to be done within a step. waiting_for: whose turn it is, None where it is done. action: what to do."""

    title: str
    action: str
    waiting_for: Side | None
    kind: Literal["registration", "consent", "wish", "form", "document", "schedule", "report", "stage"]
    key: str = ""


@dataclass(frozen=True, slots=True)
class StepState:
    """Where a step stands. overdue: the due day is past and the step is not done."""

    step: Step
    status: StepStatus
    waiting_for: Side | None
    next_action: str
    due: date | None
    overdue: bool
    tasks: tuple[Task, ...]

    @property
    def done_tasks(self) -> int:
        """How many tasks are done."""
        return sum(1 for task in self.tasks if task.waiting_for is None)


def step_states(participant: Participant, as_of: date) -> tuple[StepState, ...]:
    """The state of every step, in the programme's order, at a day."""
    return tuple(_state(participant, record, as_of) for record in participant.steps.values())


def current_step(states: tuple[StepState, ...]) -> StepState | None:
    """The first step that is not over: the institution's turn before the secretariat's; None where all are over."""
    mine = next((state for state in states if state.waiting_for == "institution"), None)
    return mine or next((state for state in states if state.waiting_for == "secretariat"), None)


def _state(participant: Participant, record: StepRecord, as_of: date) -> StepState:
    step = record.step
    if record.wanted is False:
        return StepState(step, "not_wanted", None, "希望しないと回答しました。", step.due, overdue=False, tasks=())
    tasks = tuple(_TASKS[step.kind](participant, record))
    open_tasks = [task for task in tasks if task.waiting_for is not None]
    if not open_tasks:
        return StepState(step, "done", None, "完了しました。", step.due, overdue=False, tasks=tasks)
    following = next((task for task in open_tasks if task.waiting_for == "institution"), open_tasks[0])
    return StepState(
        step=step,
        status="todo" if following.waiting_for == "institution" else "waiting",
        waiting_for=following.waiting_for,
        next_action=following.action,
        due=step.due,
        overdue=step.due is not None and step.due < as_of,
        tasks=tasks,
    )


def _registration(participant: Participant, record: StepRecord) -> Iterator[Task]:
    check = participant.check
    if check is None:
        again = any(each.outcome == "change" for each in participant.checks)
        action = "直した登録情報を確認してください。" if again else "登録情報に誤りがないか確認してください。"
        yield Task(record.step.title, action, "institution", "registration")
    elif check.outcome == "change":
        yield Task(record.step.title, "事務局が、変更の依頼を反映します。", "secretariat", "registration")
    else:
        yield Task(record.step.title, "", None, "registration")


def _consent(participant: Participant, record: StepRecord) -> Iterator[Task]:
    if participant.consent is not None:
        yield Task(record.step.title, "", None, "consent")
    else:
        action = (
            "規約が改まりました。読んで、あらためて同意してください。"
            if participant.consents
            else "規約を読んで、同意してください。"
        )
        yield Task(record.step.title, action, "institution", "consent")


def _support(_participant: Participant, record: StepRecord) -> Iterator[Task]:
    if record.wanted is None:
        yield Task("希望の有無", "支援を希望するかどうかを回答してください。", "institution", "wish")
        return
    yield from _papers(record)
    if record.step.schedule:
        yield _schedule(record, "調査の日程")
    yield from _stage(record)
    if record.step.report:
        done = record.report is not None
        yield Task("報告書", "事務局が、報告書を届けます。", None if done else "secretariat", "report")


def _hearing(_participant: Participant, record: StepRecord) -> Iterator[Task]:
    yield from _papers(record)
    if record.step.schedule:
        yield _schedule(record, "打合せの日程")
    yield from _stage(record)


def _questionnaire(_participant: Participant, record: StepRecord) -> Iterator[Task]:
    programme_forms = record.forms
    for paper in programme_forms.values():
        done = paper.state in {"handed_in", "accepted"}
        yield Task("アンケート", _FORM_ACTION[paper.state], None if done else "institution", "form", paper.id)


def _papers(record: StepRecord) -> Iterator[Task]:
    for paper in record.forms.values():
        yield _paper(paper, "様式", _FORM_ACTION[paper.state], "form")
    for wanted in record.step.documents:
        paper = record.documents[wanted.id]
        if wanted.required or paper.state != "asked":
            yield _paper(paper, wanted.title, f"「{wanted.title}」を{_DOCUMENT_ACTION[paper.state]}", "document")


def _paper(paper: Paper, title: str, action: str, kind: Literal["form", "document"]) -> Task:
    turn: Side | None = "institution"
    if paper.state == "accepted":
        turn = None
    elif paper.state == "handed_in":
        turn = "secretariat"
    return Task(title, action, turn, kind, paper.id)


def _schedule(record: StepRecord, title: str) -> Task:
    schedule = record.schedule
    if schedule.agreed is not None:
        return Task(title, "", None, "schedule")
    if schedule.proposals and schedule.other is None:
        return Task(title, "候補の日程から選んでください。", "institution", "schedule")
    return Task(title, "事務局が、日程の候補を出します。", "secretariat", "schedule")


def _stage(record: StepRecord) -> Iterator[Task]:
    """The last of a step's stages is the one at which the secretariat has finished."""
    stages = record.step.stages
    if stages:
        done = record.progress.stage == stages[-1].id
        yield Task("進捗", "事務局が進めています。", None if done else "secretariat", "stage")


_TASKS: Final[Mapping[StepKind, Callable[[Participant, StepRecord], Iterator[Task]]]] = {
    "registration": _registration,
    "consent": _consent,
    "support": _support,
    "hearing": _hearing,
    "questionnaire": _questionnaire,
}
_FORM_ACTION: Final = {
    "asked": "様式に記入して提出してください。",
    "draft": "書きかけの様式を仕上げて提出してください。",
    "handed_in": "事務局が、様式を確認します。",
    "sent_back": "差し戻された様式を直して、もう一度提出してください。",
    "accepted": "",
}
_DOCUMENT_ACTION: Final = {
    "asked": "提出してください。",
    "draft": "提出してください。",
    "handed_in": "事務局が確認しています。",
    "sent_back": "直して、もう一度提出してください。",
    "accepted": "受領しました。",
}
