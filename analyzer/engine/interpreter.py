"""The plain evaluator: reads the rows of a table from the top, as an auditor would. Slow, obvious, the yardstick."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.engine.cell import CellInputs, CellRules, DutyInputs
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.tables import DecisionTable, Rule


def first_hit(table: DecisionTable, values: Mapping[str, str]) -> Rule:
    """The first row whose conditions all hold. Raises KeyError for a missing input, LookupError where none holds."""
    for rule in table.rules:
        if all(values[name] in allowed for name, allowed in rule.when.items()):
            return rule
    raise LookupError(f"no rule of {table.name} decides {dict(values)}")


def interpret_cell(rulebook: Rulebook, cell: CellInputs) -> CellRules:
    """The row of every table that decides one (institution, control) cell."""
    tables = rulebook.tables
    duties = "stated" if cell.user or cell.integrator else "unstated"
    applicability = first_hit(tables["applicability"], {"condition": cell.condition})
    applies = applicability.then["applicability"]
    assurance = first_hit(
        tables["assurance"],
        {
            "vendor_answer": cell.vendor_answer,
            "disclosure": cell.disclosure,
            "review": cell.review,
            "survey": cell.survey,
            "certificate": cell.certificate,
        },
    )
    assured = assurance.then["assurance"]
    responsibility = first_hit(tables["responsibility"], {"vendor_answer": cell.vendor_answer, "duties": duties})
    user, user_gap = _duty(rulebook, cell.user, applies, cell.level)
    integrator, integrator_gap = _duty(rulebook, cell.integrator, applies, cell.level)
    user_side = first_hit(
        tables["user_side"],
        {
            "user": user.then["duty_state"] if user else "no_duty",
            "integrator": integrator.then["duty_state"] if integrator else "no_duty",
        },
    )
    vendor_side = first_hit(tables["vendor_side"], {"vendor_answer": cell.vendor_answer, "assurance": assured})
    conformity = first_hit(
        tables["conformity"],
        {
            "applicability": applies,
            "vendor_side": vendor_side.then["vendor_side"],
            "user_side": user_side.then["user_side"],
            "level": cell.level,
        },
    )
    vendor_gap = first_hit(
        tables["vendor_gap"],
        {
            "applicability": applies,
            "level": cell.level,
            "vendor_answer": cell.vendor_answer,
            "assurance": assured,
            "duties": duties,
        },
    )
    return CellRules(
        applicability=applicability,
        assurance=assurance,
        responsibility=responsibility,
        user_duty=user,
        integrator_duty=integrator,
        user_side=user_side,
        vendor_side=vendor_side,
        conformity=conformity,
        user_gap=user_gap,
        integrator_gap=integrator_gap,
        vendor_gap=vendor_gap,
    )


def _duty(rulebook: Rulebook, duty: DutyInputs | None, applies: str, level: str) -> tuple[Rule | None, Rule | None]:
    if duty is None:
        return None, None
    status, proof, recheck = duty
    state = first_hit(rulebook.tables["duty"], {"status": status, "proof": proof, "recheck": recheck})
    gap = first_hit(
        rulebook.tables["duty_gap"],
        {"applicability": applies, "level": level, "status": status, "proof": proof},
    )
    return state, gap
