"""A portfolio as pages, workbooks and commands read it, whether a run's files or institutions in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analyzer.errors import SanshoError
from analyzer.exports.portfolio_overview import (
    MOST_RANKED,
    RATE_BANDS,
    FrequentGap,
    GroupCounts,
    InstitutionCounts,
    MissedControl,
    PortfolioSummary,
    ResultCounts,
    SectionCounts,
    rate_band,
    summed,
)
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.institution import Institution
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES, Conformity, GapKind, GapParty, Priority, Responsibility
from analyzer.portfolio.analysis import GAP_COLUMNS, PortfolioEngine, analyse_block, flat
from analyzer.portfolio.layout import INSTITUTION
from analyzer.portfolio.records import block_of
from analyzer.portfolio.run_files import BLOCK_SIZE, Manifest, RunFiles
from analyzer.portfolio.sizes import SizeClasses, shipped_sizes
from analyzer.portfolio.sources import SeenIds
from analyzer.portfolio.summary import SCHEMAS, added, count_block

_RATING: Final = ("rate", "fictional")


@dataclass(frozen=True, slots=True)
class PortfolioCell:
    """One result: a control, the service it is judged for (None: the institution uses none), and the gaps it shows."""

    control: str
    service: str | None
    conformity: Conformity
    responsibility: Responsibility
    gaps: tuple[tuple[GapParty, GapKind, Priority], ...]


class Portfolio(Protocol):
    """Many institutions, judged at one day. institutions, fictional: how many there are, how many are made up."""

    @property
    def as_of(self) -> date:
        """The day they were judged by."""
        ...

    @property
    def knowledge_version(self) -> str:
        """The knowledge base they were judged by."""
        ...

    @property
    def institutions(self) -> int:
        """How many there are."""
        ...

    @property
    def fictional(self) -> int:
        """How many of them are made up."""
        ...

    def summary(self) -> PortfolioSummary:
        """What the overview is made from; computed once."""
        ...

    def find(self, text: str, limit: int) -> tuple[InstitutionCounts, ...]:
        """The first institutions, in the portfolio's order, that have the text in their id or name.

        Width and case make no difference; an empty text finds everyone.
        """
        ...

    def institution(self, identity: str) -> InstitutionCounts | None:
        """The institution of an id."""
        ...

    def cells(self, identity: str) -> tuple[PortfolioCell, ...]:
        """An institution's results: its services in the layout's order, controls in the knowledge base's order.

        Empty where there is no such institution.
        """
        ...


def open_run(folder: Path, knowledge: KnowledgeBase, sizes: SizeClasses | None = None) -> Portfolio:
    """The portfolio that `sansho portfolio` wrote to a folder. Only what is asked for is read.

    knowledge: where the controls' sections come from; it may be of another version than the run's. Raises SanshoError
    where the folder holds no run, or one that is not finished.
    """
    files = RunFiles(folder)
    manifest = files.manifest()
    if manifest is None:
        raise SanshoError(f"{folder}: holds no portfolio; `sansho portfolio SOURCE -o {folder}` makes one")
    if not manifest.finished:
        raise SanshoError(f"{folder}: the run is not finished; start it again, and it goes on where it was")
    return _Read(_RunTables(files, manifest), knowledge, sizes or shipped_sizes())


def portfolio_of(institutions: Iterable[Institution], engine: PortfolioEngine, as_of: date) -> Portfolio:
    """Judge institutions in memory, block after block; a result keeps about 7 bytes.

    Raises InputError where an id comes twice.
    """
    knowledge, policy = engine.analyzer.knowledge, engine.analyzer.rulebook.policy
    rest = iter(institutions)
    seen = SeenIds("institutions")
    summaries, results = [], []
    counts: dict[str, list[Any]] = {name: [schema.empty_table()] for name, schema in SCHEMAS.items()}
    while chosen := list(islice(rest, BLOCK_SIZE)):
        block = block_of(chosen, engine.layout, policy, as_of)
        seen.take(block)
        found = analyse_block(block, engine, as_of)
        counted = count_block(block, found)
        summaries.append(pa.Table.from_batches([counted.summary]))
        results.append(found)
        for name, tables in counts.items():
            tables.append(pa.Table.from_batches([getattr(counted, name)]))
            counts[name] = [added(tables, name)]
    totals = {name: tables[0] for name, tables in counts.items()}
    return _Read(_MemoryTables(as_of, knowledge.version, summaries, results, totals), knowledge, shipped_sizes())


class _Tables(Protocol):
    """What was found, block by block."""

    as_of: date
    knowledge_version: str
    blocks: int

    def counts(self, name: str) -> Any:
        """A table of SCHEMAS."""
        ...

    def summary(self, block: int, columns: Sequence[str] | None = None) -> Any:
        """The rows of a block's institutions."""
        ...

    def results(self, block: int, first: int, count: int) -> Any:
        """Some of a block's results, as FLAT_SCHEMA."""
        ...


class _MemoryTables:
    def __init__(
        self, as_of: date, version: str, summaries: list[Any], results: list[pa.RecordBatch], counts: dict[str, Any]
    ) -> None:
        self.as_of = as_of
        self.knowledge_version = version
        self.blocks = len(summaries)
        self._summaries = summaries
        self._results = results
        self._counts = counts

    def counts(self, name: str) -> Any:
        return self._counts[name]

    def summary(self, block: int, columns: Sequence[str] | None = None) -> Any:
        found = self._summaries[block]
        return found if columns is None else found.select(list(columns))

    def results(self, block: int, first: int, count: int) -> Any:
        return pa.Table.from_batches([flat(self._results[block].slice(first, count))])


class _RunTables:
    def __init__(self, files: RunFiles, manifest: Manifest) -> None:
        self.as_of = manifest.as_of
        self.knowledge_version = manifest.knowledge_version
        self.blocks = len(manifest.blocks)
        self._files = files

    def counts(self, name: str) -> Any:
        return _reading(self._files.table(name), pq.read_table)

    def summary(self, block: int, columns: Sequence[str] | None = None) -> Any:
        # A row group is a block (running.py).
        def read(path: Path) -> Any:
            with pq.ParquetFile(path) as file:
                return file.read_row_group(block, columns=columns)

        return _reading(self._files.table("summary"), read)

    def results(self, block: int, first: int, count: int) -> Any:
        def read(path: Path) -> Any:
            with pq.ParquetFile(path) as file:
                groups, passed, skipped = [], 0, 0
                for number in range(file.num_row_groups):
                    rows = file.metadata.row_group(number).num_rows
                    if passed + rows <= first:
                        skipped += rows
                    elif passed < first + count:
                        groups.append(number)
                    passed += rows
                return file.read_row_groups(groups).slice(first - skipped, count)

        return _reading(self._files.part("results", block), read)


def _reading(path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(path)
    except (OSError, pa.ArrowException) as error:
        raise SanshoError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None


class _Read:
    """A portfolio over tables."""

    def __init__(self, tables: _Tables, knowledge: KnowledgeBase, sizes: SizeClasses) -> None:
        self._tables = tables
        self._knowledge = knowledge
        self._sizes = sizes
        self.as_of = tables.as_of
        self.knowledge_version = tables.knowledge_version

    @property
    def institutions(self) -> int:
        """How many there are."""
        return self._rated[0]

    @property
    def fictional(self) -> int:
        """How many of them are made up."""
        return self._rated[1]

    def summary(self) -> PortfolioSummary:
        """What the overview is made from; computed once."""
        return self._summary

    def find(self, text: str, limit: int) -> tuple[InstitutionCounts, ...]:
        """The first institutions that have the text in their id or name."""
        wanted = _plain(pa.array([text]))[0].as_py()
        found: list[InstitutionCounts] = []
        for block in range(self._tables.blocks):
            names = self._tables.summary(block, (INSTITUTION, "name")).combine_chunks()
            hits = pc.or_kleene(
                *(pc.match_substring(_plain(names.column(column)), wanted) for column in (INSTITUTION, "name"))
            )
            rows = np.nonzero(hits.fill_null(False).to_numpy(zero_copy_only=False))[0][: limit - len(found)]
            if len(rows):
                found += _institutions(self._tables.summary(block).take(pa.array(rows)))
            if len(found) >= limit:
                break
        return tuple(found)

    def institution(self, identity: str) -> InstitutionCounts | None:
        """The institution of an id."""
        place = self._place(identity)
        return next(iter(_institutions(self._tables.summary(place[0]).slice(place[1], 1)))) if place else None

    def cells(self, identity: str) -> tuple[PortfolioCell, ...]:
        """An institution's results."""
        place = self._place(identity)
        if place is None:
            return ()
        block, row = place
        # An institution has as many results as its row in the summary counts, one after the other.
        counts = self._tables.summary(block, ("controls",)).column("controls").to_numpy()
        results = self._tables.results(block, int(counts[:row].sum()), int(counts[row]))
        return tuple(_cell(result) for result in results.to_pylist())

    def _place(self, identity: str) -> tuple[int, int] | None:
        for block in range(self._tables.blocks):
            row = pc.index(self._tables.summary(block, (INSTITUTION,)).column(INSTITUTION), identity).as_py()
            if row >= 0:
                return block, row
        return None

    @cached_property
    def _rated(self) -> tuple[int, int, tuple[int, ...]]:
        """How many institutions there are, how many made up, and how many in each band of rates."""
        institutions = fictional = 0
        bands = np.zeros(RATE_BANDS, dtype=np.int64)
        for block in range(self._tables.blocks):
            rows = self._tables.summary(block, _RATING)
            institutions += rows.num_rows
            fictional += pc.sum(rows.column("fictional")).as_py() or 0
            rates = rows.column("rate").drop_null().to_numpy()
            bands += np.bincount([rate_band(rate) for rate in rates], minlength=RATE_BANDS)
        return institutions, fictional, tuple(int(count) for count in bands)

    @cached_property
    def _summary(self) -> PortfolioSummary:
        institutions, fictional, bands = self._rated
        groups = self._groups()
        controls = self._tables.counts("controls")
        return PortfolioSummary(
            as_of=self.as_of,
            knowledge_version=self.knowledge_version,
            institutions=institutions,
            fictional=fictional,
            total=summed(group.counts for group in groups if group.axis == "kind"),
            rate_bands=bands,
            ranked=self._ranked(),
            groups=groups,
            sections=self._sections(controls),
            missed=_missed(controls),
            gaps=tuple(FrequentGap(**row) for row in self._tables.counts("gaps").to_pylist()),
        )

    def _ranked(self) -> tuple[InstitutionCounts, ...]:
        """The institutions with the lowest rates; no more than MOST_RANKED are in memory beside a block."""
        order = [("rate", "ascending"), ("gaps_high", "descending"), (INSTITUTION, "ascending")]
        kept: Any = None
        for block in range(self._tables.blocks):
            rows = self._tables.summary(block)
            rows = rows if kept is None else pa.concat_tables([kept, rows])
            kept = rows.take(pc.sort_indices(rows, order)[:MOST_RANKED]).combine_chunks()
        return tuple(_institutions(kept)) if kept is not None else ()

    def _groups(self) -> tuple[GroupCounts, ...]:
        """The groups; those by size in the order of their classes."""
        labels = {label: number for number, label in enumerate(self._sizes.labels)}
        rows = self._tables.counts("groups").to_pylist()
        rows.sort(key=lambda row: (row["axis"], labels.get(row["group"], len(labels)), row["group"] or ""))
        return tuple(GroupCounts(row["axis"], row["group"], row["institutions"], _counts(row)) for row in rows)

    def _sections(self, controls: Any) -> tuple[SectionCounts, ...]:
        found: dict[tuple[str, str, str], dict[Conformity, int]] = {}
        for row in controls.to_pylist():
            if row["institutions"]:
                place = (*self._section(row["control"]), row["kind"])
                counts = found.setdefault(place, dict.fromkeys(CONFORMITIES, 0))
                for word in CONFORMITIES:
                    counts[word] += row[word]
        return tuple(SectionCounts(*place, counts) for place, counts in found.items())

    def _section(self, key: str) -> tuple[str, str]:
        """A control's guideline and section; of one that the knowledge base lacks, as its key says them."""
        known = self._knowledge.controls.get(key)
        if known is not None:
            return known.guideline, known.section.id
        guideline, _, identity = key.partition(":")
        return guideline, identity.partition("-")[0]


def _missed(controls: Any) -> tuple[MissedControl, ...]:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for row in controls.select(["control", "kind", "applying", "missing"]).to_pylist():
        kinds = found.setdefault(row["control"], {})
        if row["applying"]:
            kinds[row["kind"]] = (row["applying"], row["missing"])
    return tuple(
        MissedControl(
            control,
            applicable=sum(applying for applying, _ in kinds.values()),
            missing=sum(missing for _, missing in kinds.values()),
            by_kind=kinds,
        )
        for control, kinds in found.items()
    )


def _institutions(rows: Any) -> Iterator[InstitutionCounts]:
    for row in rows.to_pylist():
        identity = row[INSTITUTION]
        yield InstitutionCounts(
            identity, row["name"] or identity, row["kind"], row["size"], row["region"], _counts(row)
        )


def _counts(row: dict[str, Any]) -> ResultCounts:
    return ResultCounts({word: row[word] for word in CONFORMITIES}, {word: row[f"gaps_{word}"] for word in PRIORITIES})


def _cell(row: dict[str, Any]) -> PortfolioCell:
    gaps = tuple(
        (cast(GapParty, column.removesuffix("_gap")), row[column], row[column.replace("_gap", "_priority")])
        for column in GAP_COLUMNS
        if row[column] is not None
    )
    return PortfolioCell(row["control"], row["service"], row["conformity"], row["responsibility"], gaps)


def _plain(values: Any) -> Any:
    """Texts without differences of width and case."""
    return pc.utf8_lower(pc.utf8_normalize(values, "NFKC"))
