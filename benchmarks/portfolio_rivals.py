"""What the engine is compared with: the plain interpreter and three rule libraries, each used the quickest way found.

business-rules and rule-engine answer for one table at a time and are led through the chain; zen-engine is given the
whole chain as a graph of decision tables and a list of cells. docs/benchmarks/portfolio.md tells what else was tried.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import rule_engine
import zen
from business_rules import run_all
from business_rules.actions import BaseActions, rule_action
from business_rules.fields import FIELD_SELECT
from business_rules.variables import BaseVariables, string_rule_variable

from analyzer.engine.cell import CellInputs, CellRules
from analyzer.engine.interpreter import interpret_cell
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.tables import Rule
from benchmarks.portfolio_chain import NO_DUTY, Fired, Hit, Rival, Step, fired_of, flat_words, follow, steps


class Interpreter:
    """Sansho's own plain evaluator."""

    name = "plain interpreter"

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook

    def prepare(self, cells: Sequence[CellInputs]) -> Sequence[CellInputs]:
        return cells

    def decide(self, prepared: Sequence[CellInputs]) -> list[CellRules]:
        return [interpret_cell(self._rulebook, cell) for cell in prepared]

    def fired(self, decided: list[CellRules]) -> list[Fired]:
        return [fired_of(rules) for rules in decided]


class _Led:
    """A library that answers for one table at a time."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._chain = [(step, self._hit(step, rulebook.tables[step.table].rules)) for step in steps(rulebook)]

    def prepare(self, cells: Sequence[CellInputs]) -> list[dict[str, str]]:
        return [flat_words(cell) for cell in cells]

    def decide(self, prepared: list[dict[str, str]]) -> list[Fired]:
        return [follow(self._chain, cell) for cell in prepared]

    def fired(self, decided: list[Fired]) -> list[Fired]:
        return decided

    def _hit(self, step: Step, rules: Sequence[Rule]) -> Hit:
        raise NotImplementedError


class RuleEngine(_Led):
    """rule-engine: a table is one expression, `row 1 holds ? "id 1" : (row 2 holds ? …)`, parsed once."""

    name = "rule-engine"

    def _hit(self, step: Step, rules: Sequence[Rule]) -> Hit:
        *others, last = rules
        text = f'"{last.id}"'
        for rule in reversed(others):
            text = f'({self._condition(step, rule)}) ? "{rule.id}" : ({text})'
        parsed = rule_engine.Rule(text)
        by_id = {rule.id: rule for rule in rules}
        return lambda words: by_id[parsed.evaluate(words)]

    @staticmethod
    def _condition(step: Step, rule: Rule) -> str:
        parts = [
            "(" + " or ".join(f'{step.inputs[name]} == "{word}"' for word in words) + ")"
            for name, words in rule.when.items()
        ]
        return " and ".join(parts) or "true"


class _Fire(BaseActions):  # type: ignore[misc]  # the library is not typed
    """The only action: remember the row."""

    rule: Rule

    @rule_action(params={"rule": FIELD_SELECT})  # type: ignore[untyped-decorator]
    def fire(self, rule: Rule) -> None:
        self.rule = rule


class BusinessRules(_Led):
    """business-rules: a table is a list of rules, run until the first one fires."""

    name = "business-rules"

    def _hit(self, step: Step, rules: Sequence[Rule]) -> Hit:
        variables = _variables(step)
        listed = [
            {
                "conditions": {"all": [_any_of(step.inputs[name], words) for name, words in rule.when.items()]},
                "actions": [{"name": "fire", "params": {"rule": rule}}],
            }
            for rule in rules
        ]

        def hit(words: dict[str, str]) -> Rule:
            actions = _Fire()
            run_all(listed, variables(words), actions, stop_on_first_trigger=True)
            return actions.rule

        return hit


def _any_of(name: str, words: Sequence[str]) -> dict[str, Any]:
    each = [{"name": name, "operator": "equal_to", "value": word} for word in words]
    return each[0] if len(each) == 1 else {"any": each}


def _variables(step: Step) -> Any:
    """The class of a table's inputs, one method an input, as the library wants it."""

    def variable(name: str) -> Any:
        def read(self: Any) -> str:
            word: str = self.words[name]
            return word

        return string_rule_variable(label=name)(read)

    def remember(self: Any, words: dict[str, str]) -> None:
        self.words = words

    methods = {name: variable(name) for name in step.inputs.values()}
    return type(step.name, (BaseVariables,), {"__init__": remember, **methods})


class ZenEngine:
    """zen-engine (GoRules): every table a node of one decision graph, compiled once; cells go in as lists."""

    name = "zen-engine"

    def __init__(self, rulebook: Rulebook) -> None:
        self._columns = [f"row_of_{step.name}" for step in steps(rulebook)]
        self._engine = zen.ZenEngine({"loader": {"type": "static", "content": {"cell": _graph(rulebook)}}})

    def prepare(self, cells: Sequence[CellInputs]) -> list[Any]:
        return [{"key": "cell", "context": flat_words(cell)} for cell in cells]

    def decide(self, prepared: list[Any]) -> Any:
        return self._engine.evaluate_batch(prepared)

    def fired(self, decided: Any) -> list[Fired]:
        return [tuple(cell["data"]["result"].get(column) for column in self._columns) for cell in decided]


def _graph(rulebook: Rulebook) -> dict[str, Any]:
    """The chain in GoRules' JSON: a table hangs on the request and on the tables whose outputs it asks for."""
    chain = steps(rulebook)
    maker = {word: step.name for step in chain for word in step.outputs.values()}
    wires: list[tuple[str, str]] = []
    for step in chain:
        needed = dict.fromkeys(maker[word] for word in step.inputs.values() if word in maker)
        wires += [(source, step.name) for source in ("request", *needed)]
        wires.append((step.name, "response"))
    nodes: list[dict[str, Any]] = [
        {"id": "request", "type": "inputNode"},
        *({"id": step.name, "type": "decisionTableNode", "content": _table(step, rulebook)} for step in chain),
        {"id": "response", "type": "outputNode"},
    ]
    return {
        "contentType": "application/vnd.gorules.decision",
        "nodes": [{"name": node["id"], "position": {"x": 0, "y": 0}, **node} for node in nodes],
        "edges": [
            {"id": f"wire{number}", "type": "edge", "sourceId": source, "targetId": target}
            for number, (source, target) in enumerate(wires)
        ],
    }


def _table(step: Step, rulebook: Rulebook) -> dict[str, Any]:
    rules = rulebook.tables[step.table].rules
    rows: list[dict[str, str]] = [
        {
            "_id": rule.id,
            **{name: ", ".join(json.dumps(word) for word in rule.when.get(name, ())) for name in step.inputs},
            **{f"then_{name}": json.dumps(rule.then[name]) for name in step.outputs},
            "row": json.dumps(rule.id),
        }
        for rule in rules
    ]
    if step.party:
        nothing = {**dict.fromkeys(step.inputs, ""), "status": json.dumps(NO_DUTY), "_id": "none", "row": "null"}
        rows.insert(0, {**nothing, **{f"then_{name}": json.dumps(NO_DUTY) for name in step.outputs}})
    outputs = [{"id": f"then_{name}", "name": name, "field": word} for name, word in step.outputs.items()]
    return {
        "hitPolicy": "first",
        "passThrough": False,
        "inputs": [{"id": name, "name": name, "field": word} for name, word in step.inputs.items()],
        "outputs": [*outputs, {"id": "row", "name": "row", "field": f"row_of_{step.name}"}],
        "rules": rows,
    }


def libraries(rulebook: Rulebook) -> list[Rival]:
    """The rule libraries, ready to decide."""
    return [RuleEngine(rulebook), BusinessRules(rulebook), ZenEngine(rulebook)]
