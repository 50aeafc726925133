"""Decision tables in the manner of DMN: finite domains, first hit, every combination decided, every row reachable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.errors import InputError
from analyzer.knowledge.located import Fault, locate
from analyzer.knowledge.schemas import read_document
from analyzer.knowledge.yamlreader import read_bytes
from analyzer.model.controls import Place, Text

Domains = dict[str, tuple[str, ...]]
RuleIndex = npt.NDArray[np.int16]

UNDECIDED = -1


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `when` names for some inputs the values that match; inputs not named match any value.

    because: the table whose reason explains this one further, None where it stands alone.
    """

    id: str
    when: dict[str, tuple[str, ...]]
    then: dict[str, str]
    because: str | None
    reason: Text


@dataclass(frozen=True)
class DecisionTable:
    """A checked table. `source` says on what its rows rest."""

    name: str
    title: Text
    source: str
    inputs: Domains
    outputs: Domains
    rules: tuple[Rule, ...]

    @cached_property
    def decided_by(self) -> RuleIndex:
        """The index of the row that fires, for every combination; shaped by the inputs' domains, in their order."""
        return _first_hits(self.inputs, self.rules)


def load_table(path: Path) -> DecisionTable:
    """Read and check a table. Raises InputError that names every fault: unknown values, undecided combinations,
    rows that no combination reaches, ids given twice, outputs left out.
    """
    name = str(path)
    content = read_bytes(path)
    data = read_document(content, name, "table")
    table = _build(data)
    faults = list(_word_faults(table, name))
    if not faults:
        faults = list(_coverage_faults(table, name))
    if faults:
        raise InputError(locate(faults, {name: content}))
    return table


def _build(data: dict[str, Any]) -> DecisionTable:
    return DecisionTable(
        name=data["table"],
        title=Text(**data["title"]),
        source=data["source"],
        inputs={name: tuple(values) for name, values in data["inputs"].items()},
        outputs={name: tuple(values) for name, values in data["outputs"].items()},
        rules=tuple(
            Rule(
                id=item["id"],
                when={
                    name: (values,) if isinstance(values, str) else tuple(values)
                    for name, values in item["when"].items()
                },
                then=item["then"],
                because=item.get("because"),
                reason=Text(**item["reason"]),
            )
            for item in data["rules"]
        ),
    )


def _first_hits(inputs: Domains, rules: tuple[Rule, ...]) -> RuleIndex:
    hits = np.full([len(domain) for domain in inputs.values()], UNDECIDED, dtype=np.int16)
    # The last row is laid first, so that the first one that matches stays on top.
    for index in range(len(rules) - 1, -1, -1):
        when = rules[index].when
        chosen = [
            [domain.index(value) for value in when[name]] if name in when else list(range(len(domain)))
            for name, domain in inputs.items()
        ]
        hits[np.ix_(*chosen)] = index
    return hits


def _word_faults(table: DecisionTable, file: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, rule in enumerate(table.rules):
        place = Place(file, ("rules", index))
        if rule.id in seen:
            yield Fault(Place(file, (*place.path, "id")), f"rule {rule.id} is given twice")
        seen.add(rule.id)
        for part, domains, words in (
            ("when", table.inputs, rule.when.items()),
            ("then", table.outputs, ((name, (value,)) for name, value in rule.then.items())),
        ):
            for name, values in words:
                at = Place(file, (*place.path, part, name))
                if name not in domains:
                    yield Fault(at, f"{name!r} is not one of {', '.join(domains)}")
                    continue
                for value in values:
                    if value not in domains[name]:
                        yield Fault(at, f"{value!r} is not one of {', '.join(domains[name])}")
        for name in table.outputs:
            if name not in rule.then:
                yield Fault(Place(file, (*place.path, "then")), f"{name!r} is left out")


def _coverage_faults(table: DecisionTable, file: str) -> Iterator[Fault]:
    hits = table.decided_by
    undecided = np.argwhere(hits == UNDECIDED)
    if len(undecided):
        first = ", ".join(
            f"{name}={domain[position]}"
            for (name, domain), position in zip(table.inputs.items(), undecided[0], strict=True)
        )
        yield Fault(Place(file, ("rules",)), f"{len(undecided)} combinations are decided by no rule, e.g. {first}")
    reached = set(np.unique(hits).tolist())
    for index, rule in enumerate(table.rules):
        if index not in reached:
            yield Fault(Place(file, ("rules", index)), f"rule {rule.id} is never reached")
