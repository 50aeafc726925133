"""A support programme as its file describes it: steps, forms, documents wanted, terms, FAQ, mail texts.

The file's format: docs/programme.md. Made by analyzer.programme.loading, which checks every reference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal, get_args

from analyzer.model.controls import Text
from analyzer.model.vocabulary import Party, Status

StepKind = Literal["registration", "consent", "support", "hearing", "questionnaire"]
QuestionType = Literal["yes_no", "choice", "choices", "text", "long_text", "number", "date"]
FieldType = Literal["text", "kana", "email", "phone", "number"]
MailEvent = Literal[
    "welcome",
    "answer_posted",
    "message_received",
    "document_handed_over",
    "document_handed_in",
    "document_accepted",
    "document_sent_back",
    "form_handed_in",
    "form_accepted",
    "form_sent_back",
    "data_changed",
    "change_requested",
    "data_confirmed",
    "consent_given",
    "dates_proposed",
    "date_agreed",
    "other_dates_asked",
    "stage_changed",
    "wish_stated",
    "report_delivered",
    "notice_published",
    "date_near",
    "overdue",
    "reminder",
    "password_reset",
    "offer_made",
]

STEP_KINDS: tuple[StepKind, ...] = get_args(StepKind)
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)
MAIL_EVENTS: tuple[MailEvent, ...] = get_args(MailEvent)
YES = "yes"
NO = "no"


@dataclass(frozen=True, slots=True)
class Period:
    """The days of a programme, both included."""

    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Secretariat:
    """Who runs the programme and when they can be reached; `closed` are the days on which they cannot."""

    name: str
    email: str
    phone: str
    hours: str
    closed: str
    note: str | None


@dataclass(frozen=True, slots=True)
class FileRules:
    """Limits on files, never wider than rules/store.yaml. max_bytes: of one file. per_place: files in one place."""

    max_bytes: int
    per_place: int


@dataclass(frozen=True, slots=True)
class Reminders:
    """When an institution is reminded by itself.

    days_before: days before a due date, largest first. overdue_every_days: after it, None for never.
    """

    days_before: tuple[int, ...]
    overdue_every_days: int | None


@dataclass(frozen=True, slots=True)
class Article:
    """One article of the terms."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What an institution consents to."""

    version: str
    title: str
    effective_from: date
    articles: tuple[Article, ...]

    @property
    def digest(self) -> str:
        """The SHA-256 of version and articles in hex, kept with a consent: which text was agreed to."""
        written = [self.version, [[article.heading, article.text] for article in self.articles]]
        return hashlib.sha256(json.dumps(written, ensure_ascii=False).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the basic data. heading: its column in the secretariat's Excel list."""

    id: str
    label: str
    type: FieldType
    required: bool
    heading: str


@dataclass(frozen=True, slots=True)
class OptionalStep:
    """Of a step that an institution may decline: the question by which it says whether it wants it."""

    question: str


@dataclass(frozen=True, slots=True)
class WantedDocument:
    """A document that an institution is asked to hand in; the id is unique in the programme. example: in words."""

    id: str
    title: str
    guidance: str
    required: bool
    example: str | None


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the secretariat's work on a step; the last one of a step is its end."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a programme.

    due: last day for what the institution does, None where there is none. forms: ids of Programme.forms; a form
    belongs to one step. schedule: a date is agreed on. report: a final report is delivered.
    """

    id: str
    kind: StepKind
    title: str
    guidance: str
    due: date | None
    optional: OptionalStep | None
    forms: tuple[str, ...]
    documents: tuple[WantedDocument, ...]
    stages: tuple[Stage, ...]
    schedule: bool
    report: bool

    def document(self, identity: str) -> WantedDocument | None:
        """The document of that id, None where this step wants none."""
        return next((document for document in self.documents if document.id == identity), None)

    def stage(self, identity: str) -> Stage | None:
        """The stage of that id, None where this step has none."""
        return next((stage for stage in self.stages if stage.id == identity), None)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose. alone: of several to choose from, this one excludes the others (`none of these`)."""

    value: str
    label: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """When a question is shown: the answer to an earlier question of the form is, or holds, one of `values`.

    A question whose condition names one that is itself not shown is not shown either.
    """

    question: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactRule:
    """Which value of a fact an answer speaks for. values: by the answer's value, in the order that decides."""

    fact: str
    values: dict[str, bool | str]

    def value_for(self, chosen: Collection[str]) -> bool | str | None:
        """The fact's value where these were chosen, None where they say nothing of it.

        Of several chosen the one that stands first in the rule decides.
        """
        return next((value for option, value in self.values.items() if option in chosen), None)


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """Which status of a party's duty an answer suggests.

    control: its key. statuses: by the answer's value, in the order that decides; never `not_applicable`, which needs
    a reason of the institution's own. document: the document wanted that would show it, None for none.
    """

    control: str
    party: Party
    statuses: dict[str, Status]
    document: str | None

    def status_for(self, chosen: Collection[str]) -> Status | None:
        """The status suggested where these were chosen, None for none; the first in the rule decides."""
        return next((status for option, status in self.statuses.items() if option in chosen), None)


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """Which answers say that the institution uses a vendor's service. values: any one of them is enough."""

    vendor: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Informs:
    """Where an answer counts in the knowledge base. topics: sections it belongs to, `mhlw-5:6.11`."""

    facts: tuple[FactRule, ...] = ()
    answers: tuple[AnswerRule, ...] = ()
    services: tuple[ServiceRule, ...] = ()
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a form; the id is unique in its form.

    options: of `yes_no` the two words yes and no, of `choice` and `choices` what the file gives, else empty.
    unit: of `number`, what is counted. required: only where it is shown.
    """

    id: str
    text: str
    help: str | None
    type: QuestionType
    options: tuple[Option, ...]
    unit: str | None
    required: bool
    shown_if: Condition | None
    informs: Informs

    def label(self, value: str) -> str:
        """What is shown for an option's value; the value itself where no option has it."""
        return next((option.label for option in self.options if option.value == value), value)


@dataclass(frozen=True)
class Form:
    """A form to fill in; the id is unique in the programme."""

    id: str
    title: str
    guidance: str | None
    questions: tuple[Question, ...]

    @cached_property
    def by_id(self) -> dict[str, Question]:
        """The questions by id, in order."""
        return {question.id: question for question in self.questions}


@dataclass(frozen=True, slots=True)
class Faq:
    """A question asked often and its answer. keywords: further words by which it is found."""

    id: str
    category: str
    question: str
    answer: str
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailText:
    """The templates of one event's mail; analyzer.programme.mail_texts fills them in."""

    subject: str
    body: str


@dataclass(frozen=True)
class Programme:
    """A support programme; immutable.

    persons_per_institution: accounts that an institution may have. mails: a text for every MailEvent.
    """

    id: str
    title: Text
    fictional: bool
    period: Period
    secretariat: Secretariat
    persons_per_institution: int
    files: FileRules
    reminders: Reminders
    terms: Terms
    registration: tuple[Field, ...]
    steps: tuple[Step, ...]
    forms: tuple[Form, ...]
    faq: tuple[Faq, ...]
    mails: dict[MailEvent, MailText]

    @cached_property
    def step_by_id(self) -> dict[str, Step]:
        """The steps by id, in order."""
        return {step.id: step for step in self.steps}

    @cached_property
    def form_by_id(self) -> dict[str, Form]:
        """The forms by id, in order."""
        return {form.id: form for form in self.forms}

    @cached_property
    def step_of_form(self) -> dict[str, Step]:
        """The step to which each form belongs, by the form's id."""
        return {form: step for step in self.steps for form in step.forms}

    @cached_property
    def step_of_document(self) -> dict[str, Step]:
        """The step that wants each document, by the document's id."""
        return {document.id: step for step in self.steps for document in step.documents}

    def step_of_kind(self, kind: Literal["registration", "consent"]) -> Step | None:
        """The step of a kind that a programme has at most once, None where it has none."""
        return next((step for step in self.steps if step.kind == kind), None)
