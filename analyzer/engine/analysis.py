"""The analysis of one institution: its answers laid beside the knowledge base, the tables asked, results assembled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple, cast

from analyzer.engine import periods
from analyzer.engine.cell import CellInputs, CellRules, DutyInputs
from analyzer.engine.compiled import CompiledRules
from analyzer.engine.interpreter import first_hit
from analyzer.engine.profile import holds
from analyzer.engine.rulebook import Rulebook, shipped_rulebook
from analyzer.engine.suggestions import suggestions
from analyzer.engine.summary import summarise
from analyzer.engine.tables import Rule
from analyzer.engine.trace import trace_cell
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control, Response, Text
from analyzer.model.institution import Institution, IntegratorPresence, Review, Service
from analyzer.model.results import Assessment, ControlResult, DutyResult, Gap, TraceStep
from analyzer.model.vocabulary import (
    PARTIES,
    Applicability,
    Assurance,
    Conformity,
    Disclosure,
    GapKind,
    GapParty,
    Party,
    Priority,
    Proof,
    Responsibility,
)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A control at an institution before the tables have spoken."""

    control: Control
    service: Service | None
    response: Response | None
    inputs: CellInputs
    duties: tuple[DutyResult, ...]
    holders: dict[Party, Rule]

    @property
    def fallen(self) -> Rule | None:
        """The rule by which a duty fell to another party than the one it is stated for."""
        return next((rule for party, rule in self.holders.items() if rule.then["holder"] != party), None)


class _Division(NamedTuple):
    """How the duties of a response fall to the parties.

    holders: for each party with a stated duty the rule that says who holds it. duties: holder, the parties the duties
    are stated for, their texts.
    """

    holders: dict[Party, Rule]
    duties: tuple[tuple[Party, tuple[Party, ...], tuple[str, ...]], ...]


_NOTHING_STATED = _Division({}, ())
# How many different cells' decisions an analyzer keeps; a few hundred are what an institution has.
_REMEMBERED = 65_536


class _Decision(NamedTuple):
    """What the tables say of a cell: the rules that fired, and the gaps that follow from them alone."""

    rules: CellRules
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class _View:
    """An institution as it stands at a day: conditions settled (None: unknown) and the proof behind every answer.

    last_reviews keeps what was found for a vendor, a disclosure level and a section: hundreds of controls share it.
    """

    institution: Institution
    as_of: date
    conditions: dict[str, bool | None]
    proofs: dict[tuple[str, Party], str]
    last_reviews: dict[tuple[str, Disclosure, str], Review | None] = field(default_factory=dict)

    def last_review(self, service: Service, disclosure: Disclosure, section: str) -> Review | None:
        """The latest look up to the day at documents of a disclosure level for a section."""
        key = (service.vendor, disclosure, section)
        if key not in self.last_reviews:
            self.last_reviews[key] = periods.last_review(service, disclosure, section, self.as_of)
        return self.last_reviews[key]


class Analyzer:
    """Analyses institutions against one knowledge base. Holds the compiled rules; safe to share."""

    def __init__(self, knowledge: KnowledgeBase, rulebook: Rulebook | None = None) -> None:
        self.knowledge = knowledge
        self.rulebook = rulebook or shipped_rulebook()
        self.compiled = CompiledRules(self.rulebook)
        holders = self.rulebook.tables["duty_holder"]
        self._holders = {
            (party, presence): first_hit(holders, {"party": party, "si_vendor": presence})
            for party in PARTIES
            for presence in holders.inputs["si_vendor"]
        }
        self._divisions: dict[tuple[str, str, str], _Division] = {}
        self._decisions: dict[CellInputs, _Decision] = {}

    def analyze(self, institution: Institution, as_of: date) -> Assessment:
        """The state of every control at `as_of`. The same input and day give the same result."""
        cells = list(self._cells(institution, as_of, self.knowledge.controls.values()))
        decided = self._decide({cell.inputs for cell in cells})
        results = tuple(self._result(cell, decided[cell.inputs]) for cell in cells)
        return Assessment(
            institution=institution,
            as_of=as_of,
            knowledge_version=self.knowledge.version,
            results=results,
            summary=summarise(results, institution, as_of, self.knowledge, self.rulebook.policy),
            suggestions=suggestions(results, institution, as_of, self.knowledge, self.rulebook.policy),
        )

    def explain(
        self, institution: Institution, as_of: date, control: Control
    ) -> dict[str | None, tuple[TraceStep, ...]]:
        """Why a control's result is what it is: for each service (None: no service) the tables' steps."""
        cells = list(self._cells(institution, as_of, [control]))
        decided = self._decide({cell.inputs for cell in cells})
        return {
            cell.service.vendor if cell.service else None: (
                *self._holder_steps(cell, institution),
                *trace_cell(self.rulebook, cell.inputs, decided[cell.inputs].rules),
            )
            for cell in cells
        }

    @staticmethod
    def _holder_steps(cell: _Cell, institution: Institution) -> Iterator[TraceStep]:
        for party, rule in cell.holders.items():
            inputs: dict[str, str] = {"party": party, "si_vendor": institution.integrator_presence}
            yield TraceStep("duty_holder", rule.id, inputs, rule.then, rule.reason)

    def cell_inputs(self, institution: Institution, as_of: date, vendor: str | None) -> list[CellInputs]:
        """What the tables are asked of every control, in the knowledge base's order, for one vendor's service."""
        only = tuple(service for service in institution.services if service.vendor == vendor)
        narrowed = replace(institution, services=only)
        return [cell.inputs for cell in self._cells(narrowed, as_of, self.knowledge.controls.values())]

    def constant_inputs(self, control: Control, vendor: str | None, as_of: date) -> dict[str, str]:
        """The inputs of a control's cells that no institution changes: level, vendor_answer, disclosure, survey."""
        response = control.responses.get(vendor) if vendor else None
        register = self.knowledge.vendors.get(response.vendor) if response else None
        survey = register.survey if register else None
        return {
            "level": control.level,
            "vendor_answer": response.conformity if response else "no_answer",
            "disclosure": response.disclosure if response else "none",
            "survey": periods.survey_state(survey, as_of, self.rulebook.policy),
        }

    def _decide(self, inputs: set[CellInputs]) -> dict[CellInputs, _Decision]:
        """What the tables say of every different cell; new ones are looked up in one pass and remembered."""
        new = [cell for cell in inputs if cell not in self._decisions]
        if len(self._decisions) + len(new) > _REMEMBERED:
            self._decisions.clear()
            new = list(inputs)
        if new:
            rows = self.compiled.decide(self.compiled.columns(new))
            for index, cell in enumerate(new):
                rules = self.compiled.rules_of(rows, index)
                self._decisions[cell] = _Decision(rules, tuple(self._gaps(rules)))
        return {cell: self._decisions[cell] for cell in inputs}

    def _cells(self, institution: Institution, as_of: date, controls: Iterable[Control]) -> Iterator[_Cell]:
        view = _View(
            institution,
            as_of,
            conditions={
                condition.id: holds(condition.when, institution.facts)
                for condition in self.knowledge.conditions.values()
            },
            proofs={
                key: periods.proof_state(
                    (institution.evidence[item] for item in answer.evidence), as_of, self.rulebook.policy
                )
                for key, answer in institution.answers.items()
            },
        )
        services: tuple[Service | None, ...] = institution.services or (None,)
        for control in controls:
            for service in services:
                yield self._cell(control, service, view)

    def _cell(self, control: Control, service: Service | None, view: _View) -> _Cell:
        response = control.responses.get(service.vendor) if service else None
        division = self._division(control, response, view.institution.integrator_presence)
        duties = _duties(control, division, view)
        by_party = {duty.party: duty for duty in duties}
        inputs = CellInputs(
            condition=_condition(control, view.conditions),
            **self.constant_inputs(control, service.vendor if service else None, view.as_of),
            **self._standing(control, service, response, view),
            user=_duty_inputs(by_party.get("user")),
            integrator=_duty_inputs(by_party.get("integrator")),
        )
        return _Cell(control, service, response, inputs, duties, division.holders)

    def _standing(
        self, control: Control, service: Service | None, response: Response | None, view: _View
    ) -> dict[str, str]:
        """How the documents behind the vendor's answer stand with this institution: review and certificate."""
        if service is None or response is None:
            return {"review": "never", "certificate": "not_relied_on"}
        review = view.last_review(service, response.disclosure, f"{control.guideline}:{control.section.id}")
        vendor = self.knowledge.vendors.get(response.vendor)
        relied_on = [vendor.certifications[item] for item in response.certifications] if vendor else []
        return {
            "review": periods.review_state(review, view.as_of, self.rulebook.policy),
            "certificate": periods.certificate_state(relied_on, review, view.as_of),
        }

    def _division(self, control: Control, response: Response | None, presence: IntegratorPresence) -> _Division:
        """How a response's duties fall to the parties; worked out once, since no institution changes it."""
        if response is None:
            return _NOTHING_STATED
        key = (control.key, response.vendor, presence)
        if key not in self._divisions:
            parties = response.duty_parties
            holders = {party: self._holders[party, presence] for party in PARTIES if party in parties}
            self._divisions[key] = _divided(response, holders)
        return self._divisions[key]

    def _result(self, cell: _Cell, decision: _Decision) -> ControlResult:
        rules = decision.rules
        return ControlResult(
            control=cell.control,
            service=cell.service.vendor if cell.service else None,
            response=cell.response,
            applicability=cast(Applicability, rules.applicability.then["applicability"]),
            applicability_reason=rules.applicability.reason,
            condition_unknown=cell.inputs.condition == "unknown",
            responsibility=cast(Responsibility, rules.responsibility.then["responsibility"]),
            conformity=cast(Conformity, rules.conformity.then["conformity"]),
            rule=rules.conformity.id,
            reason=_reason(rules.conformity, rules, cell.fallen),
            assurance=cast(Assurance, rules.assurance.then["assurance"]),
            assurance_reason=rules.assurance.reason,
            duties=cell.duties,
            gaps=decision.gaps,
        )

    def _gaps(self, rules: CellRules) -> Iterator[Gap]:
        found = (("user", rules.user_gap), ("integrator", rules.integrator_gap), (None, rules.vendor_gap))
        for party, rule in found:
            if rule is None or rule.then["kind"] == "no_gap":
                continue
            concerned = party or rule.then["party"]
            yield Gap(
                kind=cast(GapKind, rule.then["kind"]),
                party=cast(GapParty, concerned),
                priority=cast(Priority, rule.then["priority"]),
                rule=rule.id,
                reason=_reason(rule, rules, None),
                action=self.rulebook.actions[rule.then["kind"]][concerned],
            )


def _divided(response: Response, holders: dict[Party, Rule]) -> _Division:
    texts: dict[Party, dict[str, None]] = {}
    stated_for: dict[Party, list[Party]] = {}
    for party, rule in holders.items():
        holder = cast(Party, rule.then["holder"])
        own = (duty.text for duty in response.duties if party in duty.parties)
        texts.setdefault(holder, {}).update(dict.fromkeys(own))
        stated_for.setdefault(holder, []).append(party)
    duties = tuple((party, tuple(stated_for[party]), tuple(texts[party])) for party in PARTIES if party in texts)
    return _Division(holders, duties)


def _duties(control: Control, division: _Division, view: _View) -> tuple[DutyResult, ...]:
    """The duties by the party that holds them, with its answer as of the day."""
    found = []
    for party, stated_for, texts in division.duties:
        key = (control.key, party)
        answer = view.institution.answers.get(key)
        counted = answer if periods.counts_at(answer, view.as_of) else None
        found.append(
            DutyResult(
                party=party,
                stated_for=stated_for,
                texts=texts,
                status=counted.status if counted else "unanswered",
                proof=cast(Proof, view.proofs[key]) if counted else "missing",
                answer=counted,
            )
        )
    return tuple(found)


def _condition(control: Control, conditions: dict[str, bool | None]) -> str:
    if control.applies_if is None:
        return "unconditional"
    met = conditions[control.applies_if]
    return "unknown" if met is None else "met" if met else "unmet"


def _duty_inputs(duty: DutyResult | None) -> DutyInputs | None:
    if duty is None:
        return None
    return DutyInputs(duty.status, duty.proof, "carried_over" if duty.carried_over else "done")


def _reason(rule: Rule, rules: CellRules, fallen: Rule | None) -> Text:
    """The rule's reason, then that of the table it rests on, then why a duty lies with another party."""
    parts = [rule.reason]
    if rule.because is not None:
        parts.append(getattr(rules, rule.because).reason)
    if fallen is not None and rules.applicability.then["applicability"] == "applicable":
        parts.append(fallen.reason)
    return Text("".join(part.ja for part in parts), " ".join(part.en for part in parts))
