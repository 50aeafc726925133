"""The order in which the tables are asked about a cell, as data, so that every rule library is given the same chain.

A cell is a flat mapping of words. A party without a duty has the status NO_DUTY; the rows about its duty are then None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from analyzer.engine.cell import CellInputs, CellRules, DutyInputs
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.tables import Rule
from analyzer.model.vocabulary import PARTIES

NO_DUTY = "no_duty"

Fired = tuple[str | None, ...]
"""The ids of the rows that decide a cell, in the order of CellRules."""


@dataclass(frozen=True, slots=True)
class Step:
    """A table as it is asked: its inputs, and its outputs that later steps need, by the cell's words.

    party: the step is passed over where this party holds no duty.
    """

    name: str
    table: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    party: str | None = None


class Rival(Protocol):
    """A way to decide cells. Only `decide` is timed: words are made ready before, row ids are read off after."""

    @property
    def name(self) -> str: ...

    def prepare(self, cells: Sequence[CellInputs]) -> Any: ...

    def decide(self, prepared: Any) -> Any: ...

    def fired(self, decided: Any) -> list[Fired]: ...


def steps(rulebook: Rulebook) -> tuple[Step, ...]:
    """The chain of `engine.interpreter.interpret_cell`."""

    def step(table: str, *outputs: str) -> Step:
        inputs = rulebook.tables[table].inputs
        return Step(table, table, {name: name for name in inputs}, {name: name for name in outputs})

    def duty(party: str) -> Step:
        inputs = {name: f"{party}_{name}" for name in rulebook.tables["duty"].inputs}
        return Step(f"{party}_duty", "duty", inputs, {"duty_state": party}, party)

    def gap(party: str) -> Step:
        own = {"status", "proof"}
        names = rulebook.tables["duty_gap"].inputs
        inputs = {name: f"{party}_{name}" if name in own else name for name in names}
        return Step(f"{party}_gap", "duty_gap", inputs, {}, party)

    chain = (
        step("applicability", "applicability"),
        step("assurance", "assurance"),
        step("responsibility"),
        *(duty(party) for party in PARTIES),
        step("user_side", "user_side"),
        step("vendor_side", "vendor_side"),
        step("conformity"),
        *(gap(party) for party in PARTIES),
        step("vendor_gap"),
    )
    assert [each.name for each in chain] == [field.name for field in fields(CellRules)]
    return chain


def flat_words(cell: CellInputs) -> dict[str, str]:
    """A cell's inputs as one mapping, with what the chain takes for granted: `duties`."""
    words: dict[str, str] = {name: getattr(cell, name) for name in CellInputs._fields if name not in PARTIES}
    words["duties"] = "stated" if cell.user or cell.integrator else "unstated"
    for party in PARTIES:
        duty: DutyInputs | None = getattr(cell, party)
        for name, word in zip(DutyInputs._fields, duty or (NO_DUTY,) * len(DutyInputs._fields), strict=True):
            words[f"{party}_{name}"] = word
    return words


def fired_of(rules: CellRules) -> Fired:
    """The ids of the rows of a decided cell."""
    found: list[Rule | None] = [getattr(rules, field.name) for field in fields(CellRules)]
    return tuple(rule.id if rule else None for rule in found)


Hit = Callable[[dict[str, str]], Rule]
"""A library's answer for one table: the first row that holds for these words."""


def follow(chain: Sequence[tuple[Step, Hit]], cell: Mapping[str, str]) -> Fired:
    """Ask a cell's tables one after the other, for libraries that have no chains of their own."""
    words = dict(cell)
    words.update(dict.fromkeys(PARTIES, NO_DUTY))
    fired: list[str | None] = []
    for step, hit in chain:
        if step.party and words[f"{step.party}_status"] == NO_DUTY:
            fired.append(None)
            continue
        rule = hit(words)
        fired.append(rule.id)
        for output, word in step.outputs.items():
            words[word] = rule.then[output]
    return tuple(fired)
