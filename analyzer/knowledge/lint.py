"""What schemas cannot say: that ids are in order, that references resolve, that every control is answered."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.located import Fault
from analyzer.model.catalog import AllOf, AnyOf, Expression, FactTest, Not
from analyzer.model.controls import Control, Place, Response
from analyzer.model.crosswalk import Crosswalk

# MHLW items carry the MIC column; no other guideline's items do.
_MIC_SOURCE = "mhlw"


def lint(knowledge: KnowledgeBase, *, incomplete: bool) -> list[Fault]:
    """Every fault of a loaded knowledge base.

    incomplete: some file could not be read, so what refers to it is not a fault of its own: only the checks that
    look at one record are made.
    """
    faults: list[Fault] = []
    for control in knowledge.controls.values():
        faults += _control(control)
    faults += _order(knowledge)
    if incomplete:
        return faults
    for control in knowledge.controls.values():
        faults += _references(control, knowledge)
    faults += _conditions(knowledge)
    faults += _clauses(knowledge)
    faults += _guidelines(knowledge)
    for crosswalk in knowledge.crosswalks:
        faults += _crosswalk(crosswalk, knowledge)
    return faults


def _at(control: Control, *path: str | int) -> Place:
    return Place(control.place.file, (*control.place.path, *path))


def _control(control: Control) -> Iterator[Fault]:
    if not control.id.startswith(f"{control.section.id}-"):
        yield Fault(_at(control, "id"), f"{control.id} does not belong to section {control.section.id}")
    if control.guideline.startswith(_MIC_SOURCE) and control.mic is None:
        yield Fault(_at(control), "'mic' is missing: MHLW items carry the MIC column")
    if not control.guideline.startswith(_MIC_SOURCE) and control.mic is not None:
        yield Fault(_at(control, "mic"), "only MHLW items carry the MIC column")
    if not control.responses:
        yield Fault(_at(control, "responses"), "no vendor's response; every control needs one")
    seen: set[str] = set()
    for index, point in enumerate(control.points):
        if point.id in seen:
            yield Fault(_at(control, "points", index, "id"), f"point {point.id!r} is given twice")
        seen.add(point.id)
    cited: set[str] = set()
    for index, citation in enumerate(control.mic.clauses if control.mic else ()):
        if citation.id in cited:
            yield Fault(_at(control, "mic", "clauses", index), f"clause {citation.id} is cited twice")
        cited.add(citation.id)
    for response in control.responses.values():
        yield from _duties(response)


def _duties(response: Response) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, duty in enumerate(response.duties):
        if duty.text in seen:
            yield Fault(Place(response.place.file, (*response.place.path, "duties", index)), "a duty is given twice")
        seen.add(duty.text)


def _order(knowledge: KnowledgeBase) -> Iterator[Fault]:
    """Controls stand in their file in the order of their ids, clauses in theirs."""
    last: dict[str, int] = {}
    for control in knowledge.controls.values():
        index = control.place.path[-1]
        assert isinstance(index, int)
        if index < last.get(control.place.file, -1):
            yield Fault(_at(control, "id"), f"{control.id} stands before a control with a smaller id")
        last[control.place.file] = max(index, last.get(control.place.file, -1))


def _references(control: Control, knowledge: KnowledgeBase) -> Iterator[Fault]:
    guideline = knowledge.guidelines.get(control.guideline)
    if guideline is not None and control.level not in guideline.levels:
        allowed = ", ".join(guideline.levels)
        yield Fault(_at(control, "level"), f"{control.level!r} is not a level of {guideline.id} ({allowed})")
    if control.applies_if is not None and control.applies_if not in knowledge.conditions:
        yield Fault(_at(control, "applies_if"), f"no condition {control.applies_if!r} in conditions.yaml")
    for index, citation in enumerate(control.mic.clauses if control.mic else ()):
        place = _at(control, "mic", "clauses", index)
        clause = knowledge.clauses.get(citation.id)
        if clause is None:
            yield Fault(place, f"no clause {citation.id} in the MIC catalogue")
        elif clause.clause_class != citation.clause_class and clause.note is None:
            message = f"cited as {citation.clause_class}, catalogued as {clause.clause_class} without a note on it"
            yield Fault(place, message)
    for response in control.responses.values():
        yield from _evidence_references(response, knowledge)


def _evidence_references(response: Response, knowledge: KnowledgeBase) -> Iterator[Fault]:
    file, path = response.place
    vendor = knowledge.vendors.get(response.vendor)
    if vendor is None:
        cites = bool(response.all_documents or response.certifications)
        message = f"no register of vendor {response.vendor!r} under vendors/"
        yield Fault(response.place, message, "error" if cites else "warning")
        return
    for key in ("documents", "finding_documents"):
        for index, number in enumerate(getattr(response, key)):
            if number not in vendor.documents:
                message = f"document {number!r} is not in the register of {vendor.id}"
                yield Fault(Place(file, (*path, key, index)), message)
    for index, certification in enumerate(response.certifications):
        if certification not in vendor.certifications:
            message = f"certification {certification!r} is not in the register of {vendor.id}"
            yield Fault(Place(file, (*path, "certifications", index)), message)


def _conditions(knowledge: KnowledgeBase) -> Iterator[Fault]:
    used_facts: set[str] = set()
    used = {control.applies_if for control in knowledge.controls.values()}
    for condition in knowledge.conditions.values():
        when = Place(condition.place.file, (*condition.place.path, "when"))
        for test in tests_in(condition.when):
            used_facts.add(test.fact)
            fact = knowledge.facts.get(test.fact)
            if fact is None:
                yield Fault(when, f"no fact {test.fact!r}")
                continue
            allowed: tuple[bool | str, ...] = fact.values or (True, False)
            for value in test.values:
                if value not in allowed or isinstance(value, bool) != isinstance(allowed[0], bool):
                    shown = ", ".join(str(word).lower() for word in allowed)
                    yield Fault(when, f"{value!r} is not a value of {fact.id} ({shown})")
        if condition.id not in used:
            yield Fault(condition.place, f"condition {condition.id} decides no control", "warning")
    if not knowledge.conditions:
        return
    file = next(iter(knowledge.conditions.values())).place.file
    for index, fact in enumerate(knowledge.facts.values()):
        if fact.id not in used_facts and not fact.informs:
            yield Fault(Place(file, ("facts", index)), f"fact {fact.id} is used by no condition", "warning")
        for number, key in enumerate(fact.informs):
            if key not in knowledge.controls:
                yield Fault(Place(file, ("facts", index, "informs", number)), f"no control {key!r}")


def _clauses(knowledge: KnowledgeBase) -> Iterator[Fault]:
    for clause, controls in knowledge.citing_controls.items():
        if not controls:
            yield Fault(knowledge.clauses[clause].place, f"clause {clause} is cited by no control", "warning")


def _guidelines(knowledge: KnowledgeBase) -> Iterator[Fault]:
    reported: set[str] = set()
    for control in knowledge.controls.values():
        if control.guideline not in knowledge.guidelines and control.place.file not in reported:
            reported.add(control.place.file)
            yield Fault(
                Place(control.place.file, ("guideline",)), f"no guideline {control.guideline!r} in guidelines.yaml"
            )


def _crosswalk(crosswalk: Crosswalk, knowledge: KnowledgeBase) -> Iterator[Fault]:
    """Every control named is there, no pair is given twice, and every control of the second guideline is judged."""
    pairs: set[tuple[str, str]] = set()
    judged: set[str] = set()
    for relation in crosswalk.relations:
        file, path = relation.place
        for end, key in (("from", relation.first), ("to", relation.second)):
            if key not in knowledge.controls:
                yield Fault(Place(file, (*path, end)), f"no control {key!r}")
        pair = (relation.first, relation.second)
        if pair in pairs:
            yield Fault(relation.place, f"{relation.first} and {relation.second} are related twice")
        pairs.add(pair)
        judged.add(relation.second)
    for unrelated in crosswalk.unrelated:
        if unrelated.control not in knowledge.controls:
            yield Fault(unrelated.place, f"no control {unrelated.control!r}")
        if unrelated.control in judged:
            yield Fault(unrelated.place, f"{unrelated.control} is judged already, above")
        judged.add(unrelated.control)
    for control in knowledge.controls.values():
        if control.guideline == crosswalk.second and control.key not in judged:
            message = f"{control.key} is neither related to {crosswalk.first} nor unrelated"
            yield Fault(crosswalk.place, message, "warning")


def tests_in(expression: Expression) -> Iterator[FactTest]:
    """The fact tests of an expression, left to right."""
    match expression:
        case FactTest():
            yield expression
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from tests_in(part)
        case Not(part):
            yield from tests_in(part)
