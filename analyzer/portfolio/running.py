"""A whole portfolio: block after block from a source to files, so that a run that stopped goes on where it was.

What the folder holds is said in run_files.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.engine.rulebook import Rulebook
from analyzer.errors import SanshoError
from analyzer.exports.tabular import to_csv_bytes
from analyzer.portfolio.analysis import PortfolioEngine, analyse_block, flat
from analyzer.portfolio.run_files import BLOCK_SIZE, COUNTED, PARTS, Done, Manifest, RunFiles, writing
from analyzer.portfolio.sizes import SizeClasses, shipped_sizes
from analyzer.portfolio.sources import Source
from analyzer.portfolio.summary import SCHEMAS, SUMMARY_SCHEMA, added, count_block

Report = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. institutions: all of the portfolio. kept: those of blocks that an earlier run had finished."""

    institutions: int
    cells: int
    kept: int


def run_portfolio(
    source: Source,
    engine: PortfolioEngine,
    as_of: date,
    folder: Path,
    report: Report = lambda _count: None,
    *,
    block_size: int = BLOCK_SIZE,
    anew: bool = False,
) -> Outcome:
    """Judge all institutions of a source at a day and write what is found to a folder.

    report: called with the number of institutions of every block as it is finished or found finished. anew: forget
    what an earlier run left. Raises SanshoError where the folder holds a run of other input or cannot be written to,
    InputError where the source cannot be used; what was finished until then is kept for a run that goes on.
    """
    sizes = shipped_sizes()
    rulebook, version = engine.analyzer.rulebook, engine.analyzer.knowledge.version
    about = Manifest(source.digest(), version, _rules_digest(rulebook, sizes), as_of, block_size)
    run = _Run(RunFiles(folder), about)
    if not anew:
        run.take_up(source.name)
    for block in run.done:
        report(block.institutions)
    kept = sum(block.institutions for block in run.done)

    def judge(number: int, institutions: pa.RecordBatch) -> Done:
        results = analyse_block(institutions, engine, as_of)
        counts = count_block(institutions, results, sizes)
        return run.write(
            number, {"results": flat(results), **{name: getattr(counts, name) for name in ("summary", *COUNTED)}}
        )

    # One block is judged and written while the next is read: Arrow and numpy let threads work at once.
    with ThreadPoolExecutor(1) as beside:
        working: Future[Done] | None = None
        try:
            for institutions in source.blocks(block_size, as_of, start=len(run.done)):
                if working is None:
                    run.begin()
                else:
                    before, working = working, None
                    report(run.keep(before.result()))
                working = beside.submit(judge, len(run.done), institutions)
        finally:
            if working is not None:
                report(run.keep(working.result()))
    if not any(block.institutions for block in run.done):
        raise SanshoError(f"{source.name}: holds no institutions")
    run.finish()
    return Outcome(sum(block.institutions for block in run.done), sum(block.cells for block in run.done), kept)


class _Run:
    """A run as it goes on: its files and its finished blocks."""

    def __init__(self, files: RunFiles, manifest: Manifest) -> None:
        self._files = files
        self._manifest = manifest
        self._metadata = {
            "sansho.as_of": manifest.as_of.isoformat(),
            "sansho.knowledge_version": manifest.knowledge_version,
            "sansho.source": manifest.source,
        }
        self.done: list[Done] = []

    def take_up(self, source: str) -> None:
        """Keep the blocks at the beginning that an earlier run finished and whose files are whole."""
        before = self._files.manifest()
        if before is None:
            return
        if told := before.differences(self._manifest, source):
            raise SanshoError(
                f"{self._files.folder}: holds another run: {told}. Name another folder with -o, or begin again "
                "with --anew"
            )
        for number, block in enumerate(before.blocks):
            if self._files.digest(number) != block.digest:
                break
            self.done.append(block)

    def begin(self) -> None:
        """Say that the run is under way: from here on the tables of a finished run and the blocks may not agree."""
        self._say(finished=False)

    def write(self, number: int, parts: dict[str, pa.RecordBatch]) -> Done:
        """Write a block's files."""
        for kind in PARTS:
            self._files.write_part(kind, number, parts[kind], self._metadata)
        return Done(parts["summary"].num_rows, parts["results"].num_rows, self._files.digest(number) or "")

    def keep(self, block: Done) -> int:
        """Say that the next block is finished; returns how many institutions it has."""
        self.done.append(block)
        self._say(finished=False)
        return block.institutions

    def finish(self) -> None:
        """Write the tables over all blocks, and remove files of blocks that are no more."""
        self._files.tidy(len(self.done))
        schema = SUMMARY_SCHEMA.with_metadata(self._metadata)
        with writing(self._files.table("summary")) as aside, self._writer(aside, schema) as writer:
            for table in self._parts("summary"):
                # A block is a row group: that is how reading.py finds an institution's block.
                writer.write_table(table.cast(schema))
        with writing(self._files.folder / "summary.csv") as aside, aside.open("wb") as stream:
            stream.write(to_csv_bytes(_frame(SUMMARY_SCHEMA.empty_table())))
            for table in self._parts("summary"):
                # Each part repeats the heading, which no column's name breaks over lines.
                stream.write(to_csv_bytes(_frame(table)).partition(b"\r\n")[2])
        for name in COUNTED:
            total = SCHEMAS[name].empty_table()
            for table in self._parts(name):
                total = added([total, table], name)
            with writing(self._files.table(name)) as aside:
                pq.write_table(total.replace_schema_metadata(self._metadata), aside, compression="zstd")
        self._say(finished=True)

    def _say(self, *, finished: bool) -> None:
        self._files.write_manifest(replace(self._manifest, blocks=self.done, finished=finished))

    def _parts(self, kind: str) -> Iterator[Any]:
        for number in range(len(self.done)):
            yield pq.read_table(self._files.part(kind, number)).replace_schema_metadata(None)

    @staticmethod
    def _writer(path: Path, schema: pa.Schema) -> AbstractContextManager[Any]:
        writer: AbstractContextManager[Any] = pq.ParquetWriter(path, schema, compression="zstd")
        return writer


def _rules_digest(rulebook: Rulebook, sizes: SizeClasses) -> str:
    """SHA-256 over what decides and what classes; labels and titles aside."""
    tables = [(name, [(rule.when, rule.then) for rule in table.rules]) for name, table in rulebook.tables.items()]
    return hashlib.sha256(repr((tables, rulebook.policy, sizes)).encode()).hexdigest()


def _frame(table: Any) -> Any:
    import pandas as pd

    types = {pa.string(): pd.StringDtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    return table.to_pandas(types_mapper=types.get)
