"""Reading an institution's file: schema first, then its references into the knowledge base and into itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from analyzer.errors import InputError, Problem
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.build import optional_date
from analyzer.knowledge.located import Fault, locate
from analyzer.knowledge.schemas import explain, gate, read_document
from analyzer.knowledge.yamlreader import read_bytes, show_path
from analyzer.model.controls import Place
from analyzer.model.institution import Answer, Evidence, Institution, Review, Service
from analyzer.model.vocabulary import Party

Data = dict[str, Any]


def load_institution(path: Path, knowledge: KnowledgeBase) -> tuple[Institution, tuple[Problem, ...]]:
    """The institution of a file and the warnings on it. Raises InputError that names every fault."""
    name = str(path)
    data, warnings = _read(read_bytes(path), name, knowledge)
    return _build(data, name), warnings


def read_institution_data(content: bytes, name: str, knowledge: KnowledgeBase) -> Data:
    """The data of an institution's file as it stands, checked whole. Raises InputError that names every fault."""
    return _read(content, name, knowledge)[0]


def institution_of(data: Data, name: str, knowledge: KnowledgeBase) -> tuple[Institution, tuple[Problem, ...]]:
    """The institution that data of an institution's file makes, and the warnings on it.

    For data that no file holds; problems have no lines. Raises InputError that names every fault.
    """
    if not gate("institution").is_valid(data):
        raise InputError(
            Problem(name, None, show_path(path), message) for path, message in explain(data, "institution")
        )
    warnings = _checked(data, name, {}, knowledge)
    return _build(data, name), warnings


def _read(content: bytes, name: str, knowledge: KnowledgeBase) -> tuple[Data, tuple[Problem, ...]]:
    data = read_document(content, name, "institution")
    return data, _checked(data, name, {name: content}, knowledge)


def _checked(data: Data, name: str, contents: Mapping[str, bytes], knowledge: KnowledgeBase) -> tuple[Problem, ...]:
    """The warnings on data that obeys its schema. Raises InputError for its errors."""
    problems = locate(list(_faults(data, name, knowledge)), contents)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InputError(errors)
    return tuple(problems)


def _build(data: Data, file: str) -> Institution:
    identity = data["institution"]
    integrator = data.get("integrator") or {"presence": "unknown"}
    answers = (_answer(item, Place(file, ("answers", index))) for index, item in enumerate(data["answers"]))
    return Institution(
        id=identity["id"],
        name=identity["name"],
        kind=identity["kind"],
        beds=identity.get("beds"),
        staff=identity.get("staff"),
        region=identity.get("region"),
        fictional=identity.get("fictional", False),
        facts={fact: value for fact, value in data["profile"].items() if value is not None},
        integrator_presence=integrator["presence"],
        integrator=integrator.get("name"),
        services=tuple(_service(item) for item in data["services"]),
        answers={(answer.control, answer.party): answer for answer in answers},
        evidence={item["id"]: _evidence(item) for item in data["evidence"]},
        place=Place(file, ()),
    )


def _service(item: Data) -> Service:
    return Service(
        vendor=item["vendor"],
        used_for=item.get("used_for"),
        nda_concluded_on=optional_date(item.get("nda_concluded_on")),
        reviews=tuple(
            Review(
                documents=review["documents"],
                reviewed_on=date.fromisoformat(review["on"]),
                sections=tuple(review.get("sections", ())),
                by=review.get("by"),
                note=review.get("note"),
            )
            for review in item.get("reviews", ())
        ),
    )


def _answer(item: Data, place: Place) -> Answer:
    return Answer(
        control=item["control"],
        party=item["party"],
        status=item["status"],
        reason=item.get("reason"),
        evidence=tuple(item.get("evidence", ())),
        checked_on=optional_date(item.get("checked_on")),
        due=optional_date(item.get("due")),
        owner=item.get("owner"),
        note=item.get("note"),
        carried_over=item.get("carried_over", False),
        place=place,
    )


def _evidence(item: Data) -> Evidence:
    covers = item.get("covers") or {}
    return Evidence(
        id=item["id"],
        title=item["title"],
        kind=item["kind"],
        issued_on=date.fromisoformat(item["issued_on"]),
        valid_until=optional_date(item.get("valid_until")),
        covers_from=optional_date(covers.get("from")),
        covers_to=optional_date(covers.get("to")),
        location=item.get("location"),
        note=item.get("note"),
    )


def _faults(data: Data, file: str, knowledge: KnowledgeBase) -> Iterator[Fault]:
    yield from _profile_faults(data["profile"], file, knowledge)
    yield from _service_faults(data["services"], file, knowledge)
    yield from _evidence_faults(data["evidence"], file)
    yield from _answer_faults(data, file, knowledge)
    integrator = data.get("integrator") or {}
    if integrator.get("presence") == "absent" and integrator.get("name"):
        yield Fault(Place(file, ("integrator", "name")), "an SI vendor is named, but 'presence' is absent")


def _profile_faults(profile: Data, file: str, knowledge: KnowledgeBase) -> Iterator[Fault]:
    for fact_id, value in profile.items():
        place = Place(file, ("profile", fact_id))
        fact = knowledge.facts.get(fact_id)
        if fact is None:
            yield Fault(place, f"no fact {fact_id!r} in conditions.yaml")
        elif value is not None and fact.values and value not in fact.values:
            yield Fault(place, f"{value!r} is not one of {', '.join(fact.values)}")
        elif value is not None and not fact.values and not isinstance(value, bool):
            yield Fault(place, f"{value!r} is not one of true, false")


def _service_faults(services: list[Data], file: str, knowledge: KnowledgeBase) -> Iterator[Fault]:
    sections = {f"{section.guideline}:{section.id}" for section in knowledge.sections}
    seen: set[str] = set()
    for index, service in enumerate(services):
        vendor = service["vendor"]
        answered = vendor in knowledge.vendors or any(vendor in c.responses for c in knowledge.controls.values())
        if not answered:
            known = ", ".join(knowledge.vendors)
            yield Fault(
                Place(file, ("services", index, "vendor")), f"vendor {vendor!r} is not known; known vendors: {known}"
            )
        if vendor in seen:
            yield Fault(Place(file, ("services", index, "vendor")), f"service of {vendor!r} is given twice")
        seen.add(vendor)
        for number, review in enumerate(service.get("reviews", ())):
            place = Place(file, ("services", index, "reviews", number))
            concluded = service.get("nda_concluded_on")
            if review["documents"] == "nda" and concluded is None:
                yield Fault(place, "NDA documents cannot have been read: no NDA has been concluded (nda_concluded_on)")
            elif review["documents"] == "nda" and review["on"] < concluded:
                yield Fault(place, f"NDA documents were read on {review['on']}, before the NDA of {concluded}")
            for which, section in enumerate(review.get("sections", ())):
                if section not in sections:
                    yield Fault(Place(file, (*place.path, "sections", which)), f"no section {section!r}")


def _evidence_faults(evidence: list[Data], file: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, item in enumerate(evidence):
        place = Place(file, ("evidence", index))
        if item["id"] in seen:
            yield Fault(Place(file, (*place.path, "id")), f"evidence {item['id']!r} is given twice")
        seen.add(item["id"])
        if item.get("valid_until", item["issued_on"]) < item["issued_on"]:
            message = f"valid until {item['valid_until']}, before it was issued on {item['issued_on']}"
            yield Fault(Place(file, (*place.path, "valid_until")), message)
        covers = item.get("covers")
        if covers and covers["to"] < covers["from"]:
            yield Fault(Place(file, (*place.path, "covers")), f"ends {covers['to']}, before it begins {covers['from']}")


def _answer_faults(data: Data, file: str, knowledge: KnowledgeBase) -> Iterator[Fault]:
    evidence = {item["id"] for item in data["evidence"]}
    vendors = [service["vendor"] for service in data["services"]]
    first: dict[tuple[str, Party], int] = {}
    for index, answer in enumerate(data["answers"]):
        place = Place(file, ("answers", index))
        key = (answer["control"], answer["party"])
        if key in first:
            message = f"{key[0]} is answered for {key[1]} already, at answers[{first[key]}]"
            yield Fault(place, message)
        first.setdefault(key, index)
        for number, item in enumerate(answer.get("evidence", ())):
            if item not in evidence:
                yield Fault(Place(file, (*place.path, "evidence", number)), f"no evidence {item!r} in this file")
        control = knowledge.controls.get(answer["control"])
        if control is None:
            yield Fault(Place(file, (*place.path, "control")), f"no control {answer['control']!r}")
            continue
        responses = [control.responses[vendor] for vendor in vendors if vendor in control.responses]
        if answer["party"] == "integrator" and (data.get("integrator") or {}).get("presence") == "absent":
            message = "there is no SI vendor: its duty is the user's; the answer is kept and decides nothing"
            yield Fault(place, message, "warning")
        elif not any(answer["party"] in response.duty_parties for response in responses):
            message = f"{control.key} leaves no duty to {answer['party']}; the answer is kept and decides nothing"
            yield Fault(place, message, "warning")
