"""The fragments of the institution's page: where it stands, what each step holds, what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from analyzer.programme.filled_form import is_given, shown_questions
from analyzer.programme.model import Form, Programme, WantedDocument
from analyzer.programme.notices import Notice
from analyzer.programme.participant import Paper, Participant, Side, StepRecord
from analyzer.programme.progress import StepState, Task, current_step
from analyzer.programme.screens.words import day_text, days_left, here, render, said


@dataclass(frozen=True, slots=True)
class Tab:
    """A view within a step. count: what stands behind its name, None for nothing."""

    view: str
    label: str
    count: str | None = None


def steps_fragment(participant: Participant, states: Sequence[StepState], step: str | None, view: str | None) -> str:
    """The way to every step, with where each stands; what is in view is marked."""
    return render("steps", participant=participant, states=states, step=step, view=view, here=_here(participant))


def top_fragment(
    participant: Participant, states: Sequence[StepState], as_of: date, *, unread: int, offered: int
) -> str:
    """What to do next and by when, the steps with their tasks."""
    return render(
        "top",
        participant=participant,
        programme=participant.programme,
        states=states,
        next=current_step(tuple(states)),
        as_of=as_of,
        days_left=days_left,
        unread=unread,
        offered=offered,
        late=[state for state in states if state.overdue],
        done=sum(1 for state in states if state.status in {"done", "not_wanted"}),
        here=_here(participant),
        place=task_view,
    )


def heading_fragment(title: str, text: str | None = None, *, level: int = 2) -> str:
    """A heading with what is to be known below it."""
    return render("heading", title=title, text=text, level=level)


def notices_fragment(notices: Sequence[Notice]) -> str:
    """The notices, the latest first."""
    return render("notices", notices=notices)


def contact_fragment(programmes: Sequence[Programme]) -> str:
    """How the secretariats are reached."""
    return render("contact", programmes=programmes)


def tabs_fragment(participant: Participant, state: StepState, tabs: Sequence[Tab], view: str, as_of: date) -> str:
    """A step's title, what it is for, where it stands, and its views."""
    return render(
        "step_head",
        state=state,
        step=state.step,
        tabs=tabs,
        view=view,
        due=days_left(state.due, as_of) if state.due is not None and state.status in {"todo", "waiting"} else None,
        here=_here(participant),
    )


def tasks_fragment(participant: Participant, state: StepState) -> str:
    """The tasks of a step with whose turn each is."""
    return render("tasks", state=state, here=_here(participant), place=task_view)


def task_view(task: Task) -> str | None:
    """The view of a step in which a task is done."""
    return {"form": f"form:{task.key}", "document": "documents"}.get(task.kind)


def registration_fragment(participant: Participant) -> str:
    """The basic data as they are held."""
    return render("registration", participant=participant, programme=participant.programme)


def checks_fragment(participant: Participant) -> str:
    """Who looked at the basic data when, and what they said, the latest first."""
    return render("checks", checks=tuple(reversed(participant.checks)))


def terms_fragment(participant: Participant) -> str:
    """The terms in full, with the consent that was given to them."""
    return render("terms", participant=participant, programme=participant.programme)


def consents_fragment(participant: Participant) -> str:
    """Every consent that was given, the latest first."""
    return render("consents", consents=tuple(reversed(participant.consents)))


def consent_page(participant: Participant) -> bytes:
    """The terms and the consent to them as a page of its own, to keep or to print."""
    return render("consent_page", participant=participant, programme=participant.programme).encode("utf-8")


def document_fragment(wanted: WantedDocument, paper: Paper) -> str:
    """A document that is wanted: what it is, whether it is in, and why it was sent back."""
    return render("document", wanted=wanted, paper=paper)


def form_head_fragment(form: Form, paper: Paper) -> str:
    """A form's title, what it is for, where it stands."""
    return render("form_head", form=form, paper=paper)


def answers_fragment(form: Form, paper: Paper) -> str:
    """A form as it was filled in, to read."""
    rows = [
        (question, said(question, paper.answers[question.id]) if is_given(paper.answers.get(question.id)) else None)
        for question in shown_questions(form, paper.answers)
    ]
    return render("answers", form=form, rows=rows)


def schedule_fragment(record: StepRecord) -> str:
    """The dates that are proposed, the one that is agreed, or the wish for others."""
    return render("schedule", schedule=record.schedule)


def proposal_text(day: str, start: str, end: str, place: str) -> str:
    """A proposed date in a line."""
    return f"{day_text(day)} {start}～{end}　{place}"


def progress_fragment(record: StepRecord) -> str:
    """The stages of the secretariat's work, the one at hand, and its summary."""
    stages = record.step.stages
    at = next((index for index, stage in enumerate(stages) if stage.id == record.progress.stage), -1)
    return render("progress", record=record, stages=stages, at=at)


def handouts_fragment(record: StepRecord) -> str:
    """What the secretariat gave, the final report first."""
    return render("handouts", record=record)


def thread_fragment(record: StepRecord, reader: Side = "institution") -> str:
    """The messages of a step, the oldest first; those of the reader's own side stand on the right."""
    return render("thread", messages=record.messages, reader=reader)


def _here(participant: Participant) -> partial[str]:
    """Addresses of this participant's views: called with a step and a view."""
    return partial(here, participant.programme.id, participant.institution)
