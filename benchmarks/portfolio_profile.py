"""Where the time of a block goes in a run of `sansho portfolio`, by the steps that the modules offer each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.engine.population import PopulationEngine
from analyzer.portfolio.analysis import PortfolioEngine, analyse_block, flat
from analyzer.portfolio.encoding import Block, Encoder
from analyzer.portfolio.layout import Layout
from analyzer.portfolio.run_files import BLOCK_SIZE
from analyzer.portfolio.summary import count_block
from benchmarks.measure import shown
from benchmarks.portfolio_population import AS_OF, blocks

_ROUNDS = 7
# By method the step it counts to; a column's reader names the kind of column.
_STEPS: tuple[tuple[Any, str, str], ...] = (
    (Layout, "conform", "columns checked against the layout"),
    (Encoder, "shared", "encoding: conditions and duty codes, laid in place"),
    (Encoder, "columns", "encoding: reviews and certificates, duties by party, laid in place"),
    (Block, "words", "encoding: reading {} columns"),
    (Block, "flags", "encoding: reading {} columns"),
    (Block, "days", "encoding: reading {} columns"),
    (Block, "all_words", "encoding: reading {} columns"),
    (Block, "all_days", "encoding: reading {} columns"),
    (PopulationEngine, "pack", "packing"),
    (PopulationEngine, "decide", "lookup"),
)


class _Clock:
    """Time by step, without the steps inside it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._inner = [0.0]

    def timed(self, step: str, run: Callable[[], Any]) -> Any:
        self._inner.append(0.0)
        begun = time.perf_counter()
        found = run()
        passed = time.perf_counter() - begun
        self.spent[step] = self.spent.get(step, 0.0) + passed - self._inner.pop()
        self._inner[-1] += passed
        return found


def profile(engine: PortfolioEngine) -> list[tuple[str, list[str]]]:
    """Rows of the table: step, share, time a block, time a cell. The quickest of some rounds of one block."""
    block = next(blocks(BLOCK_SIZE, engine))
    cells = analyse_block(block, engine, AS_OF).num_rows
    rounds = [_once(block, engine) for _ in range(_ROUNDS)]
    spent = min(rounds, key=lambda found: sum(found.values()))
    whole = sum(spent.values())
    rows = [
        *sorted(spent.items(), key=lambda item: -item[1]),
        (f"all, {block.num_rows:,} institutions, {cells:,} cells", whole),
    ]
    return [(name, [f"{value / whole:.1%}", shown(value), f"{value / cells * 1e9:.1f} ns"]) for name, value in rows]


def _once(block: pa.RecordBatch, engine: PortfolioEngine) -> dict[str, float]:
    clock = _Clock()
    with _watched(clock):
        results = clock.timed("result words and Arrow arrays", lambda: analyse_block(block, engine, AS_OF))
    clock.timed("summary: all counts", lambda: count_block(block, results))
    flattened = clock.timed("results in the form of files", lambda: flat(results))
    clock.timed("Parquet, in memory", lambda: _parquet(flattened))
    return clock.spent


def _parquet(batch: pa.RecordBatch) -> None:
    pq.write_table(pa.Table.from_batches([batch]), pa.BufferOutputStream(), compression="zstd", store_schema=True)


@contextmanager
def _watched(clock: _Clock) -> Iterator[None]:
    """The methods of _STEPS with a clock around them."""
    plain = [(owner, method, getattr(owner, method)) for owner, method, _step in _STEPS]
    for (owner, method, run), (_owner, _method, step) in zip(plain, _STEPS, strict=True):
        setattr(owner, method, _clocked(clock, run, step))
    try:
        yield
    finally:
        for owner, method, run in plain:
            setattr(owner, method, run)


def _clocked(clock: _Clock, run: Callable[..., Any], step: str) -> Callable[..., Any]:
    def clocked(self: Any, *given: Any, **named: Any) -> Any:
        name = step.format(_kind(given[0])) if "{}" in step else step
        return clock.timed(name, lambda: run(self, *given, **named))

    return clocked


def _kind(columns: str | list[str]) -> str:
    """The kind of a column, or of the first of several."""
    name = columns if isinstance(columns, str) else columns[0]
    return name.partition(":")[0]
