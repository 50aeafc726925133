"""A participant: what an institution and the secretariat have done in a programme, read from its items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal, get_args

from analyzer.programme.model import Programme, Step
from analyzer.programme.refusal import PortalError
from analyzer.store.items import Item, ItemKind
from analyzer.store.parts import Data
from analyzer.store.records import ABSENT, UnknownInstitutionError

Side = Literal["institution", "secretariat"]
PaperState = Literal["asked", "draft", "handed_in", "accepted", "sent_back"]
"""The state of a form or a wanted document; `draft` only of forms."""
PAPER_STATES: Final[tuple[PaperState, ...]] = get_args(PaperState)
CheckOutcome = Literal["correct", "change"]
OfferState = Literal["offered", "taken", "declined"]
Items = Mapping[tuple[ItemKind, str], Item]


@dataclass(frozen=True, slots=True)
class Signature:
    """Who did something, when: as it is kept beside what was done. at: ISO 8601 in UTC."""

    login: str
    name: str
    at: str

    def data(self) -> Data:
        """As items hold it."""
        return {"login": self.login, "name": self.name, "at": self.at}


@dataclass(frozen=True, slots=True)
class Enrolment:
    """How the institution came into the programme. number: as the secretariat counts it; None where it does not."""

    name: str
    kind: str
    region: str | None
    number: str | None
    signed: Signature


@dataclass(frozen=True, slots=True)
class Registration:
    """The basic data. version: ABSENT before there is any."""

    values: Mapping[str, str]
    version: int


@dataclass(frozen=True, slots=True)
class Check:
    """The institution's word on its basic data: correct, or what is to be changed. version: of what it had seen."""

    outcome: CheckOutcome
    version: int
    text: str | None
    signed: Signature


@dataclass(frozen=True, slots=True)
class Consent:
    """An agreement to the terms. name: as it was typed by whoever agreed. digest: of the terms' whole text."""

    terms_version: str
    digest: str
    name: str
    signed: Signature


@dataclass(frozen=True, slots=True)
class PortalFile:
    """A file handed in, handed over or sent along. place: what it belongs to. size: in bytes."""

    place: str
    sha256: str
    name: str
    media_type: str
    size: int
    signed: Signature


@dataclass(frozen=True, slots=True)
class Paper:
    """A form or a wanted document. reason: why it was sent back. answers: of a form, by question.

    files: of a document, of the latest hand-in. earlier: of hand-ins before, which stay. issued_on: the day that the
    document itself bears, `2026-04-01`. version: for the next change.
    """

    id: str
    state: PaperState
    version: int
    answers: Mapping[str, Any]
    reason: str | None
    handed_in: Signature | None
    decided: Signature | None
    files: tuple[PortalFile, ...] = ()
    earlier: tuple[PortalFile, ...] = ()
    issued_on: str | None = None


@dataclass(frozen=True, slots=True)
class Handout:
    """A file that the secretariat gave the institution. report: whether it is the step's final report."""

    id: str
    title: str
    report: bool
    note: str | None
    file: PortalFile | None
    signed: Signature


@dataclass(frozen=True, slots=True)
class Proposal:
    """A date that the secretariat proposes. day: `2026-09-01`; start, end: `13:30`."""

    id: str
    day: str
    start: str
    end: str
    place: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """proposals: those of the latest round. agreed: the one chosen. other: the institution's word if none suits it."""

    proposals: tuple[Proposal, ...]
    agreed: Proposal | None
    other: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the secretariat says that a step stands. stage: an id of the step's stages. summary: of a meeting."""

    stage: str | None
    summary: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the step's thread."""

    id: str
    side: Side
    text: str
    files: tuple[PortalFile, ...]
    signed: Signature


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What has happened in a step. wanted: None until the institution has said, always True where it is not asked."""

    step: Step
    wanted: bool | None
    wish_version: int
    forms: Mapping[str, Paper]
    documents: Mapping[str, Paper]
    handouts: tuple[Handout, ...]
    schedule: Schedule
    progress: Progress
    messages: tuple[Message, ...]

    @property
    def report(self) -> Handout | None:
        """The final report, the latest where there are several."""
        return next((each for each in reversed(self.handouts) if each.report), None)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an accepted form suggests for the institution's record (feeding.py).

    kind, key, data: the part of the record that it would set. question: of the form, for showing where it comes from.
    """

    id: str
    form: str
    question: str
    kind: Literal["fact", "answer", "service"]
    key: str
    data: Data
    state: OfferState
    version: int
    decided: Signature | None


@dataclass(frozen=True)
class Participant:
    """An institution in a programme."""

    programme: Programme
    institution: str
    enrolment: Enrolment
    registration: Registration
    checks: tuple[Check, ...]
    consents: tuple[Consent, ...]
    steps: Mapping[str, StepRecord]
    offers: tuple[Offer, ...]

    @cached_property
    def files(self) -> Mapping[tuple[str, str], PortalFile]:
        """Every file by place and SHA-256, whoever brought it."""
        return {(each.place, each.sha256): each for each in self._all_files()}

    def step(self, identity: str) -> StepRecord:
        """What has happened in a step. Raises PortalError where the programme has no such step."""
        found = self.steps.get(identity)
        if found is None:
            raise PortalError("その手順はありません。", f"no step {identity!r}")
        return found

    @property
    def consent(self) -> Consent | None:
        """The latest agreement to the terms in force; None where they are not agreed to."""
        terms = self.programme.terms
        return next((each for each in reversed(self.consents) if each.digest == terms.digest), None)

    @property
    def check(self) -> Check | None:
        """The latest word on the basic data as they are now; None where they were not looked at since they changed."""
        latest = self.checks[-1] if self.checks else None
        return latest if latest is not None and latest.version == self.registration.version else None

    def _all_files(self) -> Iterator[PortalFile]:
        for record in self.steps.values():
            for paper in record.documents.values():
                yield from (*paper.earlier, *paper.files)
            for message in record.messages:
                yield from message.files
            yield from (handout.file for handout in record.handouts if handout.file is not None)


def document_place(step: str, document: str) -> str:
    """The place of a wanted document's files, and the key of its item."""
    return f"{step}/{document}"


def form_key(step: str, form: str) -> str:
    """The key of a form's item."""
    return f"{step}/{form}"


def handout_place(key: str) -> str:
    """The place of a handout's file. key: of the handout, `external_lines/000001`."""
    return f"handout:{key}"


def message_place(key: str) -> str:
    """The place of the files sent with a message. key: of the message, `external_lines/000001`."""
    return f"message:{key}"


def file_key(place: str, sha256: str) -> str:
    """The key of a file's item."""
    return f"{place} {sha256}"


def participant_of(programme: Programme, institution: str, items: Items) -> Participant:
    """What items say. Raises UnknownInstitutionError where they say nothing of an enrolment."""
    enrolment = items.get(("enrolment", ""))
    if enrolment is None:
        raise UnknownInstitutionError(f"{programme.id}: no participant {institution!r}")
    reader = _Reader(items)
    data = enrolment.data
    return Participant(
        programme=programme,
        institution=institution,
        enrolment=Enrolment(data["name"], data["kind"], data["region"], data["number"], _signed(data["signed"])),
        registration=reader.registration(),
        checks=tuple(
            Check(each.data["outcome"], each.data["version"], each.data["text"], _signed(each.data["signed"]))
            for each in reader.all("check")
        ),
        consents=tuple(
            Consent(each.data["terms_version"], each.data["digest"], each.data["name"], _signed(each.data["signed"]))
            for each in reader.all("consent")
        ),
        steps={step.id: reader.step(step) for step in programme.steps},
        offers=tuple(
            Offer(
                id=each.key,
                form=each.data["form"],
                question=each.data["question"],
                kind=each.data["kind"],
                key=each.data["key"],
                data=each.data["data"],
                state=each.data["state"],
                version=each.version,
                decided=_maybe_signed(each.data["decided"]),
            )
            for each in reader.all("offer")
        ),
    )


def as_handed_in(participant: Participant) -> Participant:
    """A participant as the secretariat may see it: without what is the institution's alone.

    Its drafts, also of forms that were sent back, and what it makes of the offers to its record are left out.
    """
    steps = {
        name: replace(record, forms={each: _without_draft(paper) for each, paper in record.forms.items()})
        for name, record in participant.steps.items()
    }
    return replace(participant, steps=steps, offers=())


def _without_draft(paper: Paper) -> Paper:
    return paper if paper.state in {"handed_in", "accepted"} else replace(paper, answers={})


class _Reader:
    def __init__(self, items: Items) -> None:
        self._items = items
        self._files: dict[str, list[PortalFile]] = {}
        for each in self.all("file"):
            place, _, sha256 = each.key.rpartition(" ")
            self._files.setdefault(place, []).append(
                PortalFile(
                    place,
                    sha256,
                    each.data["name"],
                    each.data["media_type"],
                    each.data["size"],
                    _signed(each.data["signed"]),
                )
            )

    def all(self, kind: ItemKind) -> list[Item]:
        return [item for (of, _), item in self._items.items() if of == kind]

    def registration(self) -> Registration:
        item = self._items.get(("registration", ""))
        return Registration(item.data["values"], item.version) if item is not None else Registration({}, ABSENT)

    def step(self, step: Step) -> StepRecord:
        wish = self._items.get(("wish", step.id))
        said = wish.data["wanted"] if wish is not None else None
        return StepRecord(
            step=step,
            wanted=said if step.optional is not None else True,
            wish_version=wish.version if wish is not None else ABSENT,
            forms={form: self._paper("form", form_key(step.id, form), form, "asked") for form in step.forms},
            documents={
                wanted.id: self._paper("document", document_place(step.id, wanted.id), wanted.id, "asked")
                for wanted in step.documents
            },
            handouts=tuple(self._handout(each) for each in self._within("handout", step.id)),
            schedule=self._schedule(step.id),
            progress=self._progress(step.id),
            messages=tuple(
                Message(
                    each.key,
                    each.data["side"],
                    each.data["text"],
                    self._files_of(message_place(each.key)),
                    _signed(each.data["signed"]),
                )
                for each in self._within("message", step.id)
            ),
        )

    def _within(self, kind: ItemKind, step: str) -> list[Item]:
        return [each for each in self.all(kind) if each.key.partition("/")[0] == step]

    def _files_of(self, place: str) -> tuple[PortalFile, ...]:
        return tuple(self._files.get(place, ()))

    def _paper(self, kind: ItemKind, key: str, identity: str, default: PaperState) -> Paper:
        item = self._items.get((kind, key))
        files = self._files_of(key) if kind == "document" else ()
        if item is None:
            return Paper(identity, default, ABSENT, {}, None, None, None)
        data = item.data
        latest = data.get("files", ())
        return Paper(
            identity,
            data["state"],
            item.version,
            data.get("answers", {}),
            data["reason"],
            _maybe_signed(data["handed_in"]),
            _maybe_signed(data["decided"]),
            tuple(each for each in files if each.sha256 in latest),
            tuple(each for each in files if each.sha256 not in latest),
            data.get("issued_on"),
        )

    def _handout(self, item: Item) -> Handout:
        files = self._files_of(handout_place(item.key))
        data = item.data
        return Handout(
            item.key,
            data["title"],
            data["report"],
            data["note"],
            files[-1] if files else None,
            _signed(data["signed"]),
        )

    def _schedule(self, step: str) -> Schedule:
        item = self._items.get(("schedule", step))
        if item is None:
            return Schedule((), None, None, ABSENT)
        proposals = tuple(Proposal(**each) for each in item.data["proposals"])
        agreed = next((each for each in proposals if each.id == item.data["agreed"]), None)
        return Schedule(proposals, agreed, item.data["other"], item.version)

    def _progress(self, step: str) -> Progress:
        item = self._items.get(("progress", step))
        if item is None:
            return Progress(None, None, ABSENT)
        return Progress(item.data["stage"], item.data["summary"], item.version)


def _signed(data: Data) -> Signature:
    return Signature(**data)


def _maybe_signed(data: Data | None) -> Signature | None:
    return Signature(**data) if data is not None else None
