"""The compiled evaluator: the same tables as numpy arrays, over any number of cells at once.

A cell's inputs are small integers: positions in the tables' domains. A duty is one byte: 0 where the party holds none,
else 1 + ((status * proofs + proof) * rechecks + recheck). Rows come back as positions in their table's rules,
NO_RULE where a duty is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analyzer.engine.cell import CellInputs, CellRules, DutyInputs
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.tables import DecisionTable, Rule

IntArray = npt.NDArray[Any]

NO_RULE = -1
NO_DUTY = 0


class CellColumns(NamedTuple):
    """The inputs of cells as arrays that broadcast against each other; see the module for the codes."""

    condition: IntArray
    level: IntArray
    vendor_answer: IntArray
    disclosure: IntArray
    review: IntArray
    survey: IntArray
    certificate: IntArray
    user: IntArray
    integrator: IntArray


@dataclass(frozen=True, slots=True)
class CellRows:
    """For every cell the position of the row that fired, by table."""

    applicability: IntArray
    assurance: IntArray
    responsibility: IntArray
    user_duty: IntArray
    integrator_duty: IntArray
    user_side: IntArray
    vendor_side: IntArray
    conformity: IntArray
    user_gap: IntArray
    integrator_gap: IntArray
    vendor_gap: IntArray


class CompiledRules:
    """The rulebook compiled to lookup arrays. Immutable once made; safe to share."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self._rows = {name: table.decided_by for name, table in rulebook.tables.items()}
        self._outputs = {
            (name, output): _output_codes(table, output)
            for name, table in rulebook.tables.items()
            for output in table.outputs
        }
        stated = rulebook.tables["responsibility"].inputs["duties"]
        self._stated, self._unstated = np.int16(stated.index("stated")), np.int16(stated.index("unstated"))
        duty, duty_gap = rulebook.tables["duty"], rulebook.tables["duty_gap"]
        statuses, proofs, rechecks = duty.inputs.values()
        codes = [(s, p, r) for s in range(len(statuses)) for p in range(len(proofs)) for r in range(len(rechecks))]
        self._duty_inputs = (None, *(DutyInputs(statuses[s], proofs[p], rechecks[r]) for s, p, r in codes))
        self._duty_code = {inputs: code for code, inputs in enumerate(self._duty_inputs)}
        # By duty code: the duty's row, its state among user_side's words, and what duty_gap asks.
        parts = np.array([(0, 0, 0), *codes], dtype=np.int16).T
        self._duty_row = self._rows["duty"][parts[0], parts[1], parts[2]].copy()
        self._duty_row[NO_DUTY] = NO_RULE
        words = rulebook.tables["user_side"].inputs["user"]
        state_of_row = np.array([words.index(rule.then["duty_state"]) for rule in duty.rules], dtype=np.int16)
        self._duty_state = state_of_row[self._duty_row]
        self._duty_state[NO_DUTY] = words.index("no_duty")
        self._gap_status = np.array([0] + [duty_gap.inputs["status"].index(statuses[s]) for s, _, _ in codes])
        self._gap_proof = np.array([0] + [duty_gap.inputs["proof"].index(proofs[p]) for _, p, _ in codes])

    @property
    def duty_codes(self) -> int:
        """How many codes a duty can have, 0 included."""
        return len(self._duty_inputs)

    def duty_code(self, duty: DutyInputs | None) -> int:
        """The code of a duty's inputs."""
        return self._duty_code[duty]

    def columns(self, cells: list[CellInputs]) -> CellColumns:
        """The codes of cells given in words; arrays of length len(cells)."""
        tables = self.rulebook.tables
        domains = {**tables["assurance"].inputs, **tables["applicability"].inputs, "level": _levels(self.rulebook)}
        coded = {
            name: np.array([domains[name].index(getattr(cell, name)) for cell in cells], dtype=np.int16)
            for name in CellColumns._fields[:-2]
        }
        for party in ("user", "integrator"):
            coded[party] = np.array([self._duty_code[getattr(cell, party)] for cell in cells], dtype=np.int16)
        return CellColumns(**coded)

    def decide(self, cells: CellColumns) -> CellRows:
        """The rows that decide every cell; arrays of the columns' broadcast shape."""
        rows, outputs = self._rows, self._outputs
        applicability = rows["applicability"][cells.condition]
        applies = outputs["applicability", "applicability"][applicability]
        assurance = rows["assurance"][
            cells.vendor_answer, cells.disclosure, cells.review, cells.survey, cells.certificate
        ]
        assured = outputs["assurance", "assurance"][assurance]
        unstated = (cells.user == NO_DUTY) & (cells.integrator == NO_DUTY)
        duties = np.where(unstated, self._unstated, self._stated)
        responsibility = rows["responsibility"][cells.vendor_answer, duties]
        user_side = rows["user_side"][self._duty_state[cells.user], self._duty_state[cells.integrator]]
        vendor_side = rows["vendor_side"][cells.vendor_answer, assured]
        conformity = rows["conformity"][
            applies,
            outputs["vendor_side", "vendor_side"][vendor_side],
            outputs["user_side", "user_side"][user_side],
            cells.level,
        ]
        vendor_gap = rows["vendor_gap"][applies, cells.level, cells.vendor_answer, assured, duties]
        return CellRows(
            applicability=applicability,
            assurance=assurance,
            responsibility=responsibility,
            user_duty=self._duty_row[cells.user],
            integrator_duty=self._duty_row[cells.integrator],
            user_side=user_side,
            vendor_side=vendor_side,
            conformity=conformity,
            user_gap=self._gap(cells.user, applies, cells.level),
            integrator_gap=self._gap(cells.integrator, applies, cells.level),
            vendor_gap=vendor_gap,
        )

    def rules_of(self, rows: CellRows, index: int) -> CellRules:
        """The rules that fired for one cell of a one-dimensional result."""
        tables = self.rulebook.tables
        return CellRules(
            applicability=tables["applicability"].rules[rows.applicability[index]],
            assurance=tables["assurance"].rules[rows.assurance[index]],
            responsibility=tables["responsibility"].rules[rows.responsibility[index]],
            user_duty=_optional(tables["duty"], rows.user_duty[index]),
            integrator_duty=_optional(tables["duty"], rows.integrator_duty[index]),
            user_side=tables["user_side"].rules[rows.user_side[index]],
            vendor_side=tables["vendor_side"].rules[rows.vendor_side[index]],
            conformity=tables["conformity"].rules[rows.conformity[index]],
            user_gap=_optional(tables["duty_gap"], rows.user_gap[index]),
            integrator_gap=_optional(tables["duty_gap"], rows.integrator_gap[index]),
            vendor_gap=tables["vendor_gap"].rules[rows.vendor_gap[index]],
        )

    def _gap(self, duty: IntArray, applies: IntArray, level: IntArray) -> IntArray:
        row = self._rows["duty_gap"][applies, level, self._gap_status[duty], self._gap_proof[duty]]
        return np.where(duty == NO_DUTY, np.int16(NO_RULE), row)


def _levels(rulebook: Rulebook) -> tuple[str, ...]:
    return rulebook.tables["conformity"].inputs["level"]


def _output_codes(table: DecisionTable, output: str) -> IntArray:
    return np.array([table.outputs[output].index(rule.then[output]) for rule in table.rules], dtype=np.int16)


def _optional(table: DecisionTable, row: int) -> Rule | None:
    return None if row == NO_RULE else table.rules[row]
