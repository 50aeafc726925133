"""One size of population: everything decided in turns, and compared cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from analyzer.engine.interpreter import interpret_cell
from analyzer.portfolio.analysis import PortfolioEngine, analyse_block
from benchmarks.portfolio_chain import Rival, fired_of
from benchmarks.portfolio_population import AS_OF, Part, Sample, Words, blocks, joined, parts_of
from benchmarks.portfolio_rounds import Clock, Seconds, in_turns

DECIDING, WHOLE, BARE = "ours, deciding", "ours, whole", "bare lookup"

# Cells given to each rival in a round: a second or so of the slowest.
SAMPLE = 8_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds a cell by contender, a figure a round. sampled: cells given to each rival, different: of them."""

    institutions: int
    cells: int
    seconds: Seconds
    sampled: int
    different: int


def measure(institutions: int, engine: PortfolioEngine, rivals: Sequence[Rival], rounds: int, clock: Clock) -> Measured:
    """Raises AssertionError where two contenders do not decide a cell alike."""
    parts, whole = _streamed(institutions, engine, rounds, clock)
    cells = sum(part.codes.size for part in parts)
    sample = Sample(parts, SAMPLE, Words(engine))
    _assert_alike(engine, rivals, sample)
    contenders = {
        DECIDING: (lambda: [part.decide() for part in parts], cells),
        BARE: (lambda: [part.bare() for part in parts], cells),
    }
    for rival in rivals:
        contenders[rival.name] = (partial(rival.decide, rival.prepare(sample.cells)), len(sample.cells))
    found = in_turns(contenders, rounds, clock)
    found[WHOLE] = [each / cells for each in whole]
    return Measured(institutions, cells, found, len(sample.cells), len(set(sample.cells)))


def _streamed(institutions: int, engine: PortfolioEngine, rounds: int, clock: Clock) -> tuple[list[Part], list[float]]:
    """All cells by vendor, and the seconds of `analyse_block` over all blocks, a figure a round.

    A block's wide rows are let go before the next is made: a hundred thousand of them need not fit into memory.
    """
    found: dict[str | None, list[Part]] = {}
    whole = [0.0] * rounds
    for block in blocks(institutions, engine):
        for number, value in enumerate(_whole(block, engine, rounds, clock)):
            whole[number] += value
        for vendor, part in parts_of(block, analyse_block(block, engine, AS_OF), engine).items():
            found.setdefault(vendor, []).append(part)
    return [joined(parts) for parts in found.values()], whole


def _whole(block: pa.RecordBatch, engine: PortfolioEngine, rounds: int, clock: Clock) -> list[float]:
    return in_turns({WHOLE: (lambda: analyse_block(block, engine, AS_OF), 1)}, rounds, clock)[WHOLE]


def _assert_alike(engine: PortfolioEngine, rivals: Sequence[Rival], sample: Sample) -> None:
    """The rows that fire for the sample's cells: the lookup's, the plain interpreter's, and every rival's."""
    decided = [fired_of(rules) for rules in sample.decided]
    assert decided == [fired_of(interpret_cell(engine.analyzer.rulebook, cell)) for cell in sample.cells]
    for rival in rivals:
        assert rival.fired(rival.decide(rival.prepare(sample.cells))) == decided, rival.name
