"""Why a result is what it is: every table's question, the row that fired and its answer, in the order of the chain."""

from __future__ import annotations

from analyzer.engine.cell import CellInputs, CellRules, DutyInputs
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.tables import Rule
from analyzer.model.results import TraceStep


def trace_cell(rulebook: Rulebook, cell: CellInputs, rules: CellRules) -> tuple[TraceStep, ...]:
    """The steps of one cell; `user_duty` and `integrator_duty` are the duty table asked for each party."""
    known: dict[str, str] = {
        "condition": cell.condition,
        "level": cell.level,
        "vendor_answer": cell.vendor_answer,
        "disclosure": cell.disclosure,
        "review": cell.review,
        "survey": cell.survey,
        "certificate": cell.certificate,
        "duties": "stated" if cell.user or cell.integrator else "unstated",
        "user": "no_duty",
        "integrator": "no_duty",
    }
    steps: list[TraceStep] = []

    def step(table: str, rule: Rule | None, name: str | None = None, extra: dict[str, str] | None = None) -> None:
        if rule is None:
            return
        asked = {**known, **(extra or {})}
        inputs = {key: asked[key] for key in rulebook.tables[table].inputs}
        steps.append(TraceStep(name or table, rule.id, inputs, rule.then, rule.reason))
        known.update({key: value for key, value in rule.then.items() if key not in {"kind", "party", "priority"}})

    def duty(party: str, inputs: DutyInputs | None, state: Rule | None, gap: Rule | None) -> None:
        if inputs is None or state is None:
            return
        extra = inputs._asdict()
        step("duty", state, f"{party}_duty", extra)
        known[party] = state.then["duty_state"]
        step("duty_gap", gap, f"{party}_gap", extra)

    step("applicability", rules.applicability)
    step("assurance", rules.assurance)
    step("responsibility", rules.responsibility)
    duty("user", cell.user, rules.user_duty, rules.user_gap)
    duty("integrator", cell.integrator, rules.integrator_duty, rules.integrator_gap)
    step("user_side", rules.user_side)
    step("vendor_side", rules.vendor_side)
    step("conformity", rules.conformity)
    step("vendor_gap", rules.vendor_gap)
    return tuple(steps)
