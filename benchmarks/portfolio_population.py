"""Synthetic institutions as blocks, as the engine's codes, and as cells in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analyzer.engine.cell import CellInputs, CellRules, DutyInputs
from analyzer.engine.population import Outcomes, PopulationColumns, PopulationEngine
from analyzer.portfolio.analysis import PortfolioEngine
from analyzer.portfolio.encoding import Block
from analyzer.portfolio.layout import INSTITUTION
from analyzer.portfolio.run_files import BLOCK_SIZE
from analyzer.portfolio.synthetic import synthetic_blocks

AS_OF = date(2026, 11, 1)
SEED = 7


@dataclass(frozen=True, slots=True)
class Part:
    """The cells of institutions that use one vendor's service (None: no service), institutions × controls.

    codes: where each cell's outcome lies in the engine's lookup array, all that a bare lookup needs.
    """

    vendor: str | None
    engine: PopulationEngine
    columns: PopulationColumns
    codes: npt.NDArray[np.intp]

    def decide(self) -> Outcomes:
        return self.engine.decide(self.columns)

    def bare(self) -> Outcomes:
        """The least anybody could do: codes ready, one lookup a cell."""
        return np.take(self.engine.lookup, self.codes)


def blocks(institutions: int, engine: PortfolioEngine) -> Iterator[pa.RecordBatch]:
    """Made-up institutions in blocks as large as those of a run of `sansho portfolio`."""
    drawn = synthetic_blocks(institutions, SEED, engine.layout, engine.analyzer.knowledge, AS_OF)
    group: list[pa.RecordBatch] = []
    for block in drawn:
        group.append(block)
        if sum(each.num_rows for each in group) >= BLOCK_SIZE:
            yield pa.Table.from_batches(group).combine_chunks().to_batches()[0]
            group = []
    if group:
        yield pa.Table.from_batches(group).combine_chunks().to_batches()[0]


def parts_of(block: pa.RecordBatch, results: pa.RecordBatch, engine: PortfolioEngine) -> dict[str | None, Part]:
    """A block encoded, by vendor. Raises AssertionError where `results` are not what the codes' outcomes say."""
    encoder, seen = engine.encoder(AS_OF), Block(block)
    shared = encoder.shared(seen)
    position = {identity: row for row, identity in enumerate(block.column(INSTITUTION).to_pylist())}
    rows = np.array([position[identity] for identity in results.column("institution").values.to_pylist()])
    services = results.column("service").values.to_pylist()
    found: dict[str | None, Part] = {}
    for vendor in dict.fromkeys(services):
        places = np.array([service == vendor for service in services])
        decider = engine.decider(vendor, AS_OF).engine
        encoded = encoder.columns(seen, shared, vendor, rows[places])
        # Row by row in memory, as a block's codes and results are; the encoder may leave a column turned.
        columns = PopulationColumns(*(np.ascontiguousarray(column) for column in encoded))
        found[vendor] = Part(vendor, decider, columns, decider.pack(columns) + decider._offsets)
        _assert_same(results, places, found[vendor])
    return found


def joined(parts: Sequence[Part]) -> Part:
    """Parts of one vendor as one."""
    columns = PopulationColumns(*(np.concatenate(column) for column in zip(*(p.columns for p in parts), strict=True)))
    return Part(parts[0].vendor, parts[0].engine, columns, np.concatenate([part.codes for part in parts]))


class Words:
    """Cells of parts in the words of the tables."""

    def __init__(self, engine: PortfolioEngine) -> None:
        self._analyzer = engine.analyzer
        tables = self._analyzer.rulebook.tables
        self._conditions = tables["applicability"].inputs["condition"]
        standings = product(tables["assurance"].inputs["review"], tables["assurance"].inputs["certificate"])
        self._standings = list(standings)
        duties = [None, *(DutyInputs(*words) for words in product(*tables["duty"].inputs.values()))]
        self._duties = {self._analyzer.compiled.duty_code(duty): duty for duty in duties}
        self._constant: dict[tuple[str | None, int], dict[str, str]] = {}

    def cell(self, part: Part, row: int, column: int) -> CellInputs:
        """One cell's inputs."""
        key = (part.vendor, column)
        if key not in self._constant:
            control = part.engine.controls[column]
            self._constant[key] = self._analyzer.constant_inputs(control, part.vendor, AS_OF)
        review, certificate = self._standings[part.columns.standing[row, column]]
        return CellInputs(
            condition=self._conditions[part.columns.condition[row, column]],
            **self._constant[key],
            review=review,
            certificate=certificate,
            user=self._duties[int(part.columns.user[row, column])],
            integrator=self._duties[int(part.columns.integrator[row, column])],
        )


class Sample:
    """Cells drawn evenly from parts: in words, and as the engine decides them."""

    def __init__(self, parts: Sequence[Part], size: int, words: Words) -> None:
        """Size: all cells where there are not more."""
        ends = np.cumsum([part.codes.size for part in parts])
        total = int(ends[-1])
        numbers = np.arange(total) if total <= size else np.random.default_rng(SEED).integers(0, total, size)
        self._places = []
        for number in numbers.tolist():
            of = int(np.searchsorted(ends, number, side="right"))
            row, column = np.unravel_index(number - (int(ends[of - 1]) if of else 0), parts[of].codes.shape)
            self._places.append((parts[of], int(row), int(column)))
        self.cells = [words.cell(*place) for place in self._places]

    @cached_property
    def decided(self) -> list[CellRules]:
        """The rules of every cell of the sample, through the engine's outcome numbers."""
        return [part.engine.outcomes[part.engine.lookup[part.codes[row, column]]] for part, row, column in self._places]


def _assert_same(results: pa.RecordBatch, places: npt.NDArray[np.bool_], part: Part) -> None:
    """Every cell of the results against the words of its outcome's rules."""
    outcomes = part.decide()
    assert np.array_equal(outcomes, part.bare())
    said = [_said(rules) for rules in part.engine.outcomes]
    for name in ("conformity", "responsibility", "user_gap", "integrator_gap", "vendor_gap"):
        column = results.column(name)
        codes = {word: code for code, word in enumerate(column.dictionary.to_pylist())} | {None: -1}
        expected = np.array([codes[words.get(name)] for words in said], dtype=np.int8)[outcomes]
        given = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).reshape(-1, outcomes.shape[1])
        assert np.array_equal(given[places], expected), name


def _said(rules: CellRules) -> dict[str, str]:
    """What an outcome's rules say, by result column."""
    said = {name: getattr(rules, name).then[name] for name in ("conformity", "responsibility")}
    for party, rule in (("user", rules.user_gap), ("integrator", rules.integrator_gap), (None, rules.vendor_gap)):
        if rule is not None and rule.then["kind"] != "no_gap":
            said[f"{party or rule.then['party']}_gap"] = f"{rule.then['kind']} {rule.then['priority']}"
    return said
