"""The fragments of the secretariat's pages: the board's figures, a participant's standing, answers beside questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme.filled_form import is_given, shown_questions
from analyzer.programme.history import HistoryEntry
from analyzer.programme.listing import ListPreview
from analyzer.programme.mailing import MailState
from analyzer.programme.model import Form, Informs, Question, WantedDocument
from analyzer.programme.notices import Notice
from analyzer.programme.participant import Paper, Participant, StepRecord
from analyzer.programme.progress import StepState
from analyzer.programme.screens.words import days_left, render, said

Href = Callable[[Mapping[str, str | None]], str]
"""An in-app address: the one in view with some parameters set, or (None) left out."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A count that leads to what it counts. care: it asks for somebody's attention."""

    label: str
    count: int
    href: str
    care: bool = False


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """A question with its answer, in words, and what the answer counts for. given: None where there is none."""

    question: Question
    given: str | None
    informs: Sequence[str]


MAIL_WORDS: Mapping[MailState, str] = {
    "waiting": "送信待ち",
    "sending": "送信中",
    "sent": "送信済み",
    "unsure": "届いたか分からない",
    "failed": "送れなかった",
    "let_be": "そのままにした",
}


def figures_fragment(figures: Sequence[Figure]) -> str:
    """Counts as cards, each a link."""
    return render("office_figures", figures=figures)


def standing_fragment(
    participant: Participant,
    states: Sequence[StepState],
    as_of: date,
    step: str | None,
    href: Href,
    rulebook: Rulebook,
) -> str:
    """Who the participant is, and its steps, each with where it stands and the way to it; `step` is in view."""
    return render(
        "office_standing",
        enrolment=participant.enrolment,
        kind=rulebook.term("institution_kind", participant.enrolment.kind).ja,
        institution=participant.institution,
        states=states,
        shown=step,
        href=lambda identity: href({"step": identity, "view": None}),
        left={
            state.step.id: days_left(state.due, as_of)
            for state in states
            if state.due is not None and state.status in {"todo", "waiting"}
        },
    )


def step_fragment(state: StepState, as_of: date) -> str:
    """A step: its day and its tasks with whose turn each is."""
    open_ = state.due is not None and state.status in {"todo", "waiting"}
    return render("office_step", state=state, left=days_left(state.due, as_of) if open_ and state.due else None)


def requests_fragment(participant: Participant) -> str:
    """What the institution said of its basic data: the request that is open first, then every word of it."""
    check = participant.check
    return render(
        "office_requests",
        open=check if check is not None and check.outcome == "change" else None,
        checks=tuple(reversed(participant.checks)),
        current=participant.registration.version,
    )


def paper_fragment(title: str, guidance: str | None, paper: Paper, *, required: bool = True) -> str:
    """A form or document: its state, who handed it in and who decided, and the reason where it was sent back.

    What the institution has not handed in is not shown as more than not handed in.
    """
    return render("office_paper", title=title, guidance=guidance, paper=paper, required=required)


def missing_fragment(wanted: Sequence[WantedDocument]) -> str:
    """The documents that have not been handed in."""
    return render("office_missing", wanted=wanted)


def answer_lines(
    form: Form, answers: Mapping[str, object], knowledge: KnowledgeBase, rulebook: Rulebook
) -> tuple[AnswerLine, ...]:
    """The questions that these answers leave to be asked, in order, with their answers."""
    return tuple(
        AnswerLine(
            question,
            said(question, answers[question.id]) if is_given(answers.get(question.id)) else None,
            _informed(question.informs, knowledge, rulebook),
        )
        for question in shown_questions(form, answers)
    )


def answers_fragment(lines: Sequence[AnswerLine], note: str | None = None) -> str:
    """A form that was handed in: each question with its answer and what it informs."""
    return render("office_answers", lines=lines, note=note)


def dates_fragment(record: StepRecord) -> str:
    """The dates of a step: the one that is agreed on, else what was proposed and what the institution says to it."""
    return render("office_dates", schedule=record.schedule)


def history_fragment(entries: Sequence[HistoryEntry], *, more: bool) -> str:
    """What was done, the latest first. more: there was still more before."""
    return render("office_history", entries=entries, more=more)


def published_fragment(notices: Sequence[Notice], names: Mapping[str, str]) -> str:
    """The notices, the latest first, with whom each was for."""
    return render("office_notices", notices=notices, names=names)


def preview_fragment(preview: ListPreview, rulebook: Rulebook) -> str:
    """What a list would make, what it would not and why, and the headings that mean nothing."""
    return render(
        "office_preview",
        preview=preview,
        known=sum(1 for each in preview.accepted if each.state == "known"),
        kinds={word: term.ja for word, term in rulebook.terms["institution_kind"].items()},
    )


def _informed(informs: Informs, knowledge: KnowledgeBase, rulebook: Rulebook) -> tuple[str, ...]:
    """What an answer may count for, in words: facts, duties, services; where there are none of these, sections."""
    facts = [f"事実：{knowledge.facts[rule.fact].question}" for rule in informs.facts]
    duties = [
        f"{control.id} {control.title.ja}（{rulebook.term('party', rule.party).ja}）"
        for rule in informs.answers
        for control in [knowledge.controls[rule.control]]
    ]
    services = [f"利用サービス：{knowledge.vendors[rule.vendor].name.ja}" for rule in informs.services]
    found = (*facts, *duties, *services)
    if found:
        return found
    titles = {f"{section.guideline}:{section.id}": f"{section.id} {section.title.ja}" for section in knowledge.sections}
    return tuple(titles.get(topic, topic) for topic in informs.topics)
