"""One (institution, control) cell: what the tables are asked about it, and the rows that answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from analyzer.engine.tables import Rule


class DutyInputs(NamedTuple):
    """What is known of a party's duty: its status, its proof at as_of, and whether it was checked again."""

    status: str
    proof: str
    recheck: str


class CellInputs(NamedTuple):
    """The inputs of a cell, in the words of the tables. A duty is None where the party holds none."""

    condition: str
    level: str
    vendor_answer: str
    disclosure: str
    review: str
    survey: str
    certificate: str
    user: DutyInputs | None
    integrator: DutyInputs | None


@dataclass(frozen=True, slots=True)
class CellRules:
    """The row of each table that fired for a cell; duty rows are None where there is no duty."""

    applicability: Rule
    assurance: Rule
    responsibility: Rule
    user_duty: Rule | None
    integrator_duty: Rule | None
    user_side: Rule
    vendor_side: Rule
    conformity: Rule
    user_gap: Rule | None
    integrator_gap: Rule | None
    vendor_gap: Rule
