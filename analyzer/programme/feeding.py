"""From a programme into the institution's own record: what accepted forms suggest, shown before it counts.

An accepted form makes offers: a fact, or a status for a party's duty with the accepted document as its evidence. The
institution takes or declines each; only what it takes is written, in its own name, through `Records.change`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.model.vocabulary import Status
from analyzer.programme.desk import Act, Desk
from analyzer.programme.filled_form import chosen, shown_questions
from analyzer.programme.model import AnswerRule, Form, Programme
from analyzer.programme.participant import Offer, Paper, Participant
from analyzer.programme.refusal import PortalError
from analyzer.store.content import ContentFolder
from analyzer.store.files import EvidenceFiles
from analyzer.store.parts import Data, answer_key
from analyzer.store.principal import Principal, needs, require
from analyzer.store.records import ABSENT, PartChange, PartKey, Record, Records


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a form's answers suggest. kind and key: of the record's part; data: its value or status."""

    kind: str
    key: str
    data: Data
    question: str


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """An offer beside what the record holds: what it would set, and what stands there now (None: nothing)."""

    offer: Offer
    present: Data | None


class Feeding:
    """The institution's decisions on offers."""

    def __init__(self, desk: Desk, records: Records, files: EvidenceFiles, content: ContentFolder) -> None:
        self._desk = desk
        self._records = records
        self._files = files
        self._content = content

    @needs("take_part")
    def offers(self, principal: Principal, programme: str, institution: str) -> tuple[ShownOffer, ...]:
        """Every offer made to the institution, in the form's order, beside what its record holds."""
        require(principal, "take_part", institution)
        record = self._records.read(principal, institution)
        present = _present(record)
        made = self._desk.read(programme, institution).offers
        return tuple(ShownOffer(each, present.get((each.kind, each.key))) for each in made)

    @needs("take_part")
    def take(self, principal: Principal, programme: str, institution: str, offers: Sequence[str]) -> Record:
        """Write offers into the record, all or none. Raises ConflictError where the record was changed meanwhile."""
        require(principal, "take_part", institution)
        participant = self._desk.read(programme, institution)
        wanted = [_open(participant, each) for each in dict.fromkeys(offers)]
        record = self._records.read(principal, institution)
        named = {each.data["document"] for each in wanted if each.data.get("document")}
        evidence = {each for each in named if _is_evidence(_document(participant, each))}
        changes = [*_evidence_changes(participant, evidence, record), *_changes(participant, wanted, record)]
        source = f"programme {programme}"
        # The record first: a stop in between leaves an offer that can be taken once more, which then changes nothing.
        self._records.change(principal, institution, changes, action="take_offer", source=source)
        for document in sorted(evidence):
            for file in _document(participant, document).files:
                content = self._content.read(file.sha256)
                self._files.attach(
                    principal, institution, evidence_id(programme, document), file.name, content, source=source
                )
        self._decide(principal, programme, institution, wanted, "taken")
        return self._records.read(principal, institution)

    @needs("take_part")
    def decline(self, principal: Principal, programme: str, institution: str, offers: Sequence[str]) -> None:
        """Leave the record as it is; the offers stay, as declined, and may still be taken later."""
        require(principal, "take_part", institution)
        participant = self._desk.read(programme, institution)
        self._decide(
            principal, programme, institution, [_open(participant, each) for each in dict.fromkeys(offers)], "declined"
        )

    def _decide(
        self, principal: Principal, programme: str, institution: str, offers: Sequence[Offer], state: str
    ) -> None:
        with self._desk.act(principal, programme, institution, f"offer_{state}") as act:
            for each in offers:
                act.set(
                    "offer", each.id, {**_data(each), "state": state, "decided": act.signature.data()}, each.version
                )


def make_offers(act: Act, form: str) -> int:
    """Set, in an act, the offers of a form that is being accepted; how many of them are new or other than before.

    What was taken or declined already, and would be the same again, stays decided. What the form no longer says and
    nobody has taken is an offer no more.
    """
    participant = act.participant
    known = {each.id: each for each in participant.offers if each.form == form}
    said = suggestions(participant.programme, form, _form_paper(participant, form).answers)
    now = {f"{form}/{each.kind} {each.key}": each for each in said}
    for identity, offer in known.items():
        if identity not in now and offer.state != "taken":
            act.remove("offer", identity)
    made = 0
    for identity, suggestion in now.items():
        before = known.get(identity)
        data = {
            "form": form,
            "question": suggestion.question,
            "kind": suggestion.kind,
            "key": suggestion.key,
            "data": suggestion.data,
            "state": "offered",
            "decided": None,
        }
        if before is None or before.data != suggestion.data:
            act.set("offer", identity, data)
            made += 1
    return made


def suggestions(programme: Programme, form: str, answers: Mapping[str, Any]) -> tuple[Suggestion, ...]:
    """What a form's answers say of services, facts and duties; loading sees to it that no two speak of one part."""
    return tuple(_suggestions(programme.form_by_id[form], answers))


def evidence_id(programme: str, document: str) -> str:
    """The id in the record of the evidence that an accepted document becomes."""
    return f"{programme}.{document}"[:64].rstrip(".-_").lower()


def _suggestions(form: Form, answers: Mapping[str, Any]) -> Iterator[Suggestion]:
    for question in shown_questions(form, answers):
        said = chosen(question, answers)
        if not said:
            continue
        for service in question.informs.services:
            if said & set(service.values):
                yield Suggestion("service", service.vendor, {"vendor": service.vendor}, question.id)
        for fact in question.informs.facts:
            value = fact.value_for(said)
            if value is not None:
                yield Suggestion("fact", fact.fact, {"value": value}, question.id)
        for rule in question.informs.answers:
            status = rule.status_for(said)
            if status is not None:
                yield Suggestion("answer", answer_key(rule.control, rule.party), _status(rule, status), question.id)


def _status(rule: AnswerRule, status: Status) -> Data:
    return {"control": rule.control, "party": rule.party, "status": status, "document": rule.document}


def _form_paper(participant: Participant, form: str) -> Paper:
    return participant.steps[participant.programme.step_of_form[form].id].forms[form]


def _document(participant: Participant, document: str) -> Paper:
    return participant.steps[participant.programme.step_of_document[document].id].documents[document]


def _is_evidence(paper: Paper) -> bool:
    """Whether a document can be named as evidence: the secretariat has accepted it, and the day it bears is known."""
    return paper.state == "accepted" and paper.issued_on is not None


def _open(participant: Participant, identity: str) -> Offer:
    found = next((each for each in participant.offers if each.id == identity), None)
    if found is None:
        raise PortalError("その反映候補はありません。開き直してください。", f"no offer {identity!r}")
    if _form_paper(participant, found.form).state != "accepted":
        raise PortalError(
            "様式が差し戻されています。もう一度受領されてから反映してください。",
            f"form {found.form!r} is not accepted any more",
        )
    if found.state == "taken":
        raise PortalError("すでに記録に反映しています。", f"offer {identity!r} is taken already")
    return found


def _evidence_changes(participant: Participant, documents: set[str], record: Record) -> Iterator[PartChange]:
    programme = participant.programme
    for document in sorted(documents):
        paper = _document(participant, document)
        wanted = programme.step_of_document[document].document(document)
        assert wanted is not None
        identity = evidence_id(programme.id, document)
        data = {
            "id": identity,
            "title": wanted.title,
            "kind": "record",
            "issued_on": paper.issued_on,
            "location": f"「{programme.title.ja}」に提出した資料",
        }
        yield PartChange("evidence", identity, data, record.version("evidence", identity))


def _changes(participant: Participant, offers: Sequence[Offer], record: Record) -> Iterator[PartChange]:
    present = _present(record)
    for offer in offers:
        version = record.version(offer.kind, offer.key)
        if offer.kind == "service":
            # What is known of a service already, its reviews and agreements, stays.
            if version == ABSENT:
                yield PartChange("service", offer.key, offer.data, version)
        elif offer.kind == "fact":
            yield PartChange("fact", offer.key, offer.data, version)
        else:
            before = present.get((offer.kind, offer.key)) or {}
            yield PartChange("answer", offer.key, _answer(participant, offer, before), version)


def _answer(participant: Participant, offer: Offer, before: Data) -> Data:
    """The answer as it will stand: the status of the form, and of what was there all that still goes with it."""
    programme = participant.programme
    paper = _form_paper(participant, offer.form)
    assert paper.handed_in is not None
    kept: Data = {name: before[name] for name in ("due", "owner", "note") if name in before}
    evidence = list(before.get("evidence", ()))
    document = offer.data["document"]
    if document and _is_evidence(_document(participant, document)):
        identity = evidence_id(programme.id, document)
        evidence += [identity] if identity not in evidence else []
    said = f"「{programme.title.ja}」の様式「{programme.form_by_id[offer.form].title}」の回答による。"
    return {
        "control": offer.data["control"],
        "party": offer.data["party"],
        "status": offer.data["status"],
        **({"evidence": evidence} if evidence else {}),
        "checked_on": paper.handed_in.at[:10],
        **{"note": said, **kept},
    }


def _present(record: Record) -> dict[PartKey, Data]:
    document = record.document
    facts: dict[PartKey, Data] = {
        ("fact", name): {"value": value} for name, value in document["profile"].items() if value is not None
    }
    answers: dict[PartKey, Data] = {
        ("answer", answer_key(each["control"], each["party"])): each for each in document["answers"]
    }
    services: dict[PartKey, Data] = {("service", each["vendor"]): each for each in document["services"]}
    return {**facts, **answers, **services}


def _data(offer: Offer) -> Data:
    return {"form": offer.form, "question": offer.question, "kind": offer.kind, "key": offer.key, "data": offer.data}
