"""What an offer would change if it were taken: the institution's assessment with it beside the one without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from analyzer.engine.analysis import Analyzer
from analyzer.engine.profile import open_facts
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control
from analyzer.model.institution import Answer, Institution, Service
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import Conformity
from analyzer.programme.feeding import ShownOffer
from analyzer.store.parts import answer_key


@dataclass(frozen=True, slots=True)
class ControlEffect:
    """A control whose result would be another. before: None where it has none yet for the service."""

    control: Control
    before: Conformity | None
    after: Conformity


@dataclass(frozen=True, slots=True)
class OfferEffect:
    """What an offer would change by itself. same: the record holds it already.

    concerned: the controls that it is about, whether or not their result changes. changed: those whose result does.
    Both in the knowledge base's order.
    """

    same: bool
    concerned: tuple[Control, ...]
    changed: tuple[ControlEffect, ...]


@dataclass(frozen=True, slots=True)
class OfferEffects:
    """What each offer would change by itself, by its id, and what those that wait would change together."""

    single: Mapping[str, OfferEffect]
    together: tuple[ControlEffect, ...]


def offer_effects(
    analyzer: Analyzer, institution: Institution, offers: Sequence[ShownOffer], as_of: date
) -> OfferEffects:
    """Try every offer on the institution as it stands at a day."""
    before = analyzer.analyze(institution, as_of)
    concerned = _concerned(analyzer.knowledge)
    altered = institution
    for shown in offers:
        if shown.offer.state == "offered":
            altered = _with(altered, shown) or altered
    return OfferEffects(
        {shown.offer.id: _effect(analyzer, before, shown, concerned) for shown in offers},
        _changed(before, analyzer.analyze(altered, as_of)),
    )


def _concerned(knowledge: KnowledgeBase) -> Mapping[str, tuple[Control, ...]]:
    """The controls that a fact decides or informs, by the fact's id."""
    found: dict[str, dict[str, Control]] = {fact: {} for fact in knowledge.facts}
    for control in knowledge.controls.values():
        condition = knowledge.conditions[control.applies_if].when if control.applies_if is not None else None
        # With nothing known every fact of a condition is open.
        for fact in open_facts(condition, {}) if condition is not None else ():
            found[fact][control.key] = control
    for known in knowledge.facts.values():
        found[known.id].update({key: knowledge.controls[key] for key in known.informs})
    return {identity: tuple(controls.values()) for identity, controls in found.items()}


def _effect(
    analyzer: Analyzer, before: Assessment, shown: ShownOffer, of_facts: Mapping[str, tuple[Control, ...]]
) -> OfferEffect:
    offer, present = shown.offer, shown.present
    altered = _with(before.institution, shown)
    same = present is not None and (
        offer.kind == "service"
        or (offer.kind == "fact" and present["value"] == offer.data["value"])
        or (offer.kind == "answer" and present["status"] == offer.data["status"])
    )
    concerned: tuple[Control, ...] = ()
    if offer.kind == "fact":
        concerned = of_facts.get(offer.key, ())
    elif offer.kind == "answer":
        concerned = (analyzer.knowledge.controls[offer.data["control"]],)
    if same or altered is None:
        return OfferEffect(same, concerned, ())
    return OfferEffect(same, concerned, _changed(before, analyzer.analyze(altered, before.as_of)))


def _changed(before: Assessment, after: Assessment) -> tuple[ControlEffect, ...]:
    known = {(one.control.key, one.service): one.conformity for one in before.results}
    return tuple(
        ControlEffect(one.control, known.get((one.control.key, one.service)), one.conformity)
        for one in after.results
        if known.get((one.control.key, one.service)) != one.conformity
    )


def _with(institution: Institution, shown: ShownOffer) -> Institution | None:
    """The institution as it would be; None where what is offered is of no kind that can be tried."""
    offer = shown.offer
    if offer.kind == "fact":
        return replace(institution, facts={**institution.facts, offer.key: offer.data["value"]})
    if offer.kind == "service":
        if any(service.vendor == offer.key for service in institution.services):
            return institution
        return replace(institution, services=(*institution.services, Service(offer.key, None, None, ())))
    at = (offer.data["control"], offer.data["party"])
    if offer.key != answer_key(*at):
        return None
    status = offer.data["status"]
    known = institution.answers.get(at)
    answer = (
        replace(known, status=status, reason=None, carried_over=False)
        if known is not None
        else Answer(*at, status, None, (), None, None, None, None, carried_over=False, place=institution.place)
    )
    return replace(institution, answers={**institution.answers, at: answer})
