"""Where a portfolio comes from: tables (wide or long, Parquet or CSV), a folder of institution files, records.

Every source delivers the same: blocks of the wide layout, checked, with no institution twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from analyzer.engine.rulebook import Policy
from analyzer.errors import InputError, Problem, SanshoError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.model.institution import Institution
from analyzer.portfolio.layout import INSTITUTION, LONG_COLUMNS, Layout
from analyzer.portfolio.records import block_of

TABLE_ENDINGS: Final = (".parquet", ".csv")
_YAML_ENDINGS: Final = (".yaml", ".yml")
_READ_BYTES: Final = 1 << 20
# Rows of a long table read at once; an institution has some thousands.
_LONG_ROWS: Final = 1 << 17


# From an institution's place in a block and a column to the row of the table, from 0, that holds the value.
_RowOf = Callable[[int, str], int]


class Source(Protocol):
    """Institutions in blocks."""

    @property
    def name(self) -> str:
        """What messages and the manifest call it."""
        ...

    def digest(self) -> str:
        """SHA-256 over all that the blocks are made of."""
        ...

    def count(self) -> int | None:
        """How many institutions there are, None where only reading everything would tell."""
        ...

    def blocks(self, size: int, as_of: date, start: int = 0) -> Iterator[pa.RecordBatch]:
        """The blocks from number `start` on, of `size` institutions at the most, always cut at the same places.

        Raises InputError that names row and column.
        """
        ...


class Records(Protocol):
    """Institutions that something else keeps, such as a store."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def stamps(self) -> Mapping[str, object]:
        """The ids, in order, each with something whose repr is another one after every change."""
        ...

    def read(self, institution: str) -> Institution:
        """The institution of an id."""
        ...


class RecordsSource:
    """Institutions read one by one from a keeper of records."""

    def __init__(self, records: Records, layout: Layout, policy: Policy) -> None:
        self._records = records
        self._layout = layout
        self._policy = policy

    @property
    def name(self) -> str:
        """The keeper's name."""
        return self._records.name

    def digest(self) -> str:
        """Over the ids and their stamps."""
        return hashlib.sha256(repr(sorted(self._records.stamps().items())).encode()).hexdigest()

    def count(self) -> int | None:
        """How many records there are."""
        return len(self._records.stamps())

    def blocks(self, size: int, as_of: date, start: int = 0) -> Iterator[pa.RecordBatch]:
        """The records in the order of the stamps."""
        ids = list(self._records.stamps())[start * size :]
        for first in range(0, len(ids), size):
            institutions = [self._records.read(item) for item in ids[first : first + size]]
            yield block_of(institutions, self._layout, self._policy, as_of)


class FolderSource:
    """A folder of institution files, by name."""

    def __init__(self, folder: Path, knowledge: KnowledgeBase, layout: Layout, policy: Policy) -> None:
        self._folder = folder
        self._paths = sorted(path for path in folder.iterdir() if path.suffix in _YAML_ENDINGS)
        self._knowledge = knowledge
        self._layout = layout
        self._policy = policy

    @property
    def name(self) -> str:
        """The folder as given."""
        return str(self._folder)

    def digest(self) -> str:
        """Over the files' names and bytes."""
        return _files_digest(self._paths)

    def count(self) -> int | None:
        """How many files there are."""
        return len(self._paths)

    def blocks(self, size: int, as_of: date, start: int = 0) -> Iterator[pa.RecordBatch]:
        """The files by name; one that cannot be used stops the reading."""
        seen = SeenIds(self.name)
        paths = iter(self._paths[start * size :])
        while chosen := list(islice(paths, size)):
            institutions = [load_institution(path, self._knowledge)[0] for path in chosen]
            block = block_of(institutions, self._layout, self._policy, as_of)
            seen.take(block)
            yield block


class TableSource:
    """One table, or the tables of a folder by name: Parquet or CSV, each wide or long by its columns."""

    def __init__(self, paths: Sequence[Path], name: str, layout: Layout) -> None:
        self._paths = list(paths)
        self._name = name
        self._layout = layout

    @property
    def name(self) -> str:
        """The file or folder as given."""
        return self._name

    def digest(self) -> str:
        """Over the files' names and bytes."""
        return _files_digest(self._paths)

    def count(self) -> int | None:
        """The rows of wide Parquet tables; None for others."""
        total = 0
        for path in self._paths:
            if path.suffix.lower() != ".parquet":
                return None
            with _opened(path) as file:
                if _is_long(file.schema_arrow.names):
                    return None
                total += file.metadata.num_rows
        return total

    def blocks(self, size: int, as_of: date, start: int = 0) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """The tables' rows; a table's words hold for whatever day is asked, its days are compared with that day."""
        left = start
        seen = SeenIds(self._name)
        for path in self._paths:
            skipped = 0
            for ids in _finished_ids(path, size, left):
                seen.take(ids)
                skipped += 1
            for block in _table_blocks(path, size, self._layout, skipped):
                if skipped < left:
                    # A finished block was checked when it was done: only its ids are of interest now.
                    seen.take(block.ids(), block.where)
                    skipped += 1
                    continue
                checked = block()
                seen.take(checked, block.where)
                yield checked
            left = max(0, left - skipped)


class _Block:
    """A block as read, turned into the layout's types only where it is asked for."""

    def __init__(self, batch: pa.RecordBatch, file: str, row_of: _RowOf, layout: Layout) -> None:
        self._batch = batch
        self._file = file
        self._row_of = row_of
        self._layout = layout

    def __call__(self) -> pa.RecordBatch:
        return self._layout.conform(self._batch, self._file, self.where)

    def ids(self) -> pa.RecordBatch:
        """The institutions' ids alone."""
        return self._batch.select([INSTITUTION])

    def where(self, row: int, column: str) -> str:
        """How messages name a row, which a column's value is at fault in."""
        identity = self._batch.column(self._batch.schema.names.index(INSTITUTION))[row].as_py()
        named = f"institution {identity}" if identity else "an institution without an id"
        return f"row {self._row_of(row, column) + 1} ({named})"


def open_source(path: Path, knowledge: KnowledgeBase, layout: Layout, policy: Policy) -> Source:
    """The source that a path means: a table, a folder of tables, or a folder of institution files."""
    if path.is_file():
        if path.suffix.lower() not in TABLE_ENDINGS:
            raise SanshoError(f"{path}: not a table; the ending must be one of {', '.join(TABLE_ENDINGS)}")
        return TableSource([path], str(path), layout)
    if not path.is_dir():
        raise SanshoError(f"{path}: there is no such file or folder")
    endings = {item.suffix.lower() for item in path.iterdir() if item.is_file()}
    tables, files = endings & set(TABLE_ENDINGS), endings & set(_YAML_ENDINGS)
    if tables and files:
        raise SanshoError(f"{path}: holds tables and institution files; keep them in folders of their own")
    if tables:
        found = sorted(item for item in path.iterdir() if item.suffix.lower() in TABLE_ENDINGS)
        return TableSource(found, str(path), layout)
    if files:
        return FolderSource(path, knowledge, layout, policy)
    raise SanshoError(f"{path}: holds neither tables ({', '.join(TABLE_ENDINGS)}) nor institution files (.yaml)")


class SeenIds:
    """Refuses an id that came before. Keeps 8 bytes an institution."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._hashes: npt.NDArray[np.uint64] = np.empty(0, dtype=np.uint64)

    def take(self, block: pa.RecordBatch, where: Callable[[int, str], str] | None = None) -> None:
        """Raises InputError where an id of the block is known already. where: how a message names a row."""
        ids = block.column(block.schema.names.index(INSTITUTION)).to_pylist()
        found = np.array([_hash(item) for item in ids], dtype=np.uint64)
        if len(self._hashes) and len(found):
            places = np.minimum(np.searchsorted(self._hashes, found), len(self._hashes) - 1)
            known = np.nonzero(self._hashes[places] == found)[0]
            if len(known):
                row = int(known[0])
                place = where(row, INSTITUTION) if where else f"institution {ids[row]}"
                raise InputError([Problem(self._file, None, place, "the id comes twice")])
        self._hashes = np.sort(np.concatenate([self._hashes, found]))


def _hash(identity: str | None) -> int:
    return int.from_bytes(hashlib.blake2b((identity or "").encode(), digest_size=8).digest(), "big")


def _files_digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        try:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise SanshoError(f"{path}: cannot be read: {error.strerror or error}") from None
    return digest.hexdigest()


def _is_long(names: Sequence[str]) -> bool:
    return set(names) == set(LONG_COLUMNS)


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError.single(str(path), f"is not a Parquet file: {_one_line(error)}") from None


def _next(batches: Iterator[Any], path: Path) -> Any:
    try:
        return next(batches, None)
    except (pa.ArrowException, OSError) as error:
        raise InputError.single(str(path), f"cannot be read to its end: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _finished_ids(path: Path, size: int, blocks: int) -> Iterator[pa.RecordBatch]:
    """The ids of the first `blocks` blocks of a wide Parquet table, without reading its other columns."""
    if not blocks or path.suffix.lower() != ".parquet":
        return
    with _opened(path) as file:
        if INSTITUTION in file.schema_arrow.names and not _is_long(file.schema_arrow.names):
            yield from islice(_cut(file.iter_batches(batch_size=size, columns=[INSTITUTION]), size), blocks)


def _table_blocks(path: Path, size: int, layout: Layout, skip: int) -> Iterator[_Block]:
    """The blocks of a table; of a wide Parquet table those after the first `skip`."""
    parquet = path.suffix.lower() == ".parquet"
    names, batches = _parquet(path, size, layout, skip * size) if parquet else _csv(path, layout)
    file = str(path)
    if _is_long(names):
        for block in _pivoted(batches, size, file, layout):
            yield _Block(block, file, partial(_long_row, path, layout, block.column(INSTITUTION)), layout)
        return
    layout.check_columns(names, file)
    first = skip * size
    for batch in _cut(batches, size):
        yield _Block(batch, file, partial(_wide_row, first), layout)
        first += batch.num_rows


def _wide_row(first: int, row: int, _column: str) -> int:
    return first + row


def _long_row(path: Path, layout: Layout, ids: Any, row: int, column: str) -> int:
    """Where a long table gives a column of an institution, or where the institution begins if it does not.

    Read again from the beginning: nobody keeps the places of millions of values for a fault that may never come.
    """
    identity, wanted = ids[row].as_py(), layout.columns[column]
    begins = passed = 0
    found = False
    _, batches = _parquet(path, 1, layout, 0) if path.suffix.lower() == ".parquet" else _csv(path, layout)
    for batch in batches:
        same = pc.equal(batch.column("institution").cast(pa.string()), identity)
        here: int = pc.index(same, True).as_py()
        if not found and here >= 0:
            begins, found = passed + here, True
        for name, value in (("kind", wanted.kind), ("key", wanted.key)):
            same = pc.and_(same, pc.equal(batch.column(name).cast(pa.string()), value))
        here = pc.index(same, True).as_py()
        if here >= 0:
            return passed + here
        passed += batch.num_rows
    return begins


def _parquet(path: Path, size: int, layout: Layout, skip: int) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    with _opened(path) as file:
        names = file.schema_arrow.names
    long = _is_long(names)
    words = [name for name in names if name in layout.columns and layout.columns[name].type == "word"]

    def read() -> Iterator[pa.RecordBatch]:
        # Buffering ahead keeps what was read of a file until its end, so that memory grows with the file.
        with pq.ParquetFile(path, read_dictionary=["kind"] if long else words, pre_buffer=False) as file:
            groups = list(range(file.num_row_groups))
            rest = skip
            while groups and rest >= (rows := file.metadata.row_group(groups[0]).num_rows):
                rest -= rows
                del groups[0]
            batches = file.iter_batches(batch_size=_LONG_ROWS if long else size, row_groups=groups)
            while (batch := _next(batches, path)) is not None:
                passed = min(rest, batch.num_rows)
                rest -= passed
                if passed < batch.num_rows:
                    yield batch.slice(passed)

    return names, read()


def _csv(path: Path, layout: Layout) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError.single(str(path), f"cannot be read as UTF-8: {_one_line(error)}") from None
    import csv

    names = next(csv.reader([header]), [])
    if not names:
        raise InputError.single(str(path), "is empty")
    if len(set(names)) != len(names):
        layout.check_columns(names, str(path))

    def read() -> Iterator[pa.RecordBatch]:
        options = pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        try:
            with pcsv.open_csv(
                path,
                read_options=pcsv.ReadOptions(block_size=max(_READ_BYTES, 64 * len(header))),
                parse_options=pcsv.ParseOptions(newlines_in_values=True),
                convert_options=options,
            ) as reader:
                yield from reader
        except pa.ArrowInvalid as error:
            raise InputError.single(str(path), f"is not a table: {_one_line(error)}") from None

    return names, read()


def _cut(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `size`, the last one smaller."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        rest = batch
        while rows + rest.num_rows >= size:
            held.append(rest.slice(0, size - rows))
            rest = rest.slice(size - rows)
            yield _joined(held)
            held, rows = [], 0
        if rest.num_rows:
            held.append(rest)
            rows += rest.num_rows
    if held:
        yield _joined(held)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()[0]


def _pivoted(batches: Iterator[pa.RecordBatch], size: int, file: str, layout: Layout) -> Iterator[pa.RecordBatch]:
    """The rows of a long table as wide blocks; the rows of an institution stand together."""
    held: list[Any] = []
    institutions = first = 0
    last: str | None = None
    for batch in batches:
        plain = pa.table(
            {name: batch.column(batch.schema.names.index(name)).cast(pa.string()) for name in LONG_COLUMNS}
        )
        held.append(plain)
        ids = plain.column("institution").to_numpy()
        changes = int(np.count_nonzero(ids[1:] != ids[:-1])) + int(len(ids) > 0 and ids[0] != last)
        institutions += changes
        last = ids[-1] if len(ids) else last
        while institutions > size:
            rows = pa.concat_tables(held).combine_chunks()
            all_ids = rows.column("institution").to_numpy()
            starts = np.concatenate([[0], np.nonzero(all_ids[1:] != all_ids[:-1])[0] + 1])
            cut = int(starts[size])
            yield _wide(rows.slice(0, cut), first, file, layout)
            held, first, institutions = [rows.slice(cut)], first + cut, institutions - size
    if held and institutions:
        yield _wide(pa.concat_tables(held).combine_chunks(), first, file, layout)


def _wide(rows: Any, first: int, file: str, layout: Layout) -> pa.RecordBatch:
    """One block of a long table, as text; `first` is the number of the rows before it."""
    ids = rows.column("institution").combine_chunks()
    if ids.null_count:
        row = pc.index(ids.is_null(), True).as_py()
        raise InputError.single(file, "is empty", path=f"row {first + row + 1}, column institution")
    plain = ids.to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.nonzero(plain[1:] != plain[:-1])[0] + 1])
    names = plain[starts]
    again, counts = np.unique(names, return_counts=True)
    if (counts > 1).any():
        message = "its rows do not stand together; sort the table by institution"
        raise InputError.single(file, message, path=f"institution {again[counts > 1][0]}")
    institution = np.repeat(np.arange(len(starts)), np.diff([*starts, len(plain)]))
    keys = (
        pc.binary_join_element_wise(rows.column("kind"), rows.column("key"), "\n").combine_chunks().dictionary_encode()
    )
    values = rows.column("value").combine_chunks()
    codes = keys.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise InputError.single(file, "has no kind or no key", path=f"row {first + row + 1}")
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(keys.dictionary) + 1))
    columns: dict[str, Any] = {INSTITUTION: pa.array(names.tolist(), pa.string())}
    for number, joined in enumerate(keys.dictionary.to_pylist()):
        chosen = order[bounds[number] : bounds[number + 1]]
        kind, _, key = joined.partition("\n")
        column = layout.by_key.get((kind, key))
        if column is None or column.name == INSTITUTION:
            place = f"row {first + int(chosen[0]) + 1}"
            raise InputError.single(file, f"the layout has no {kind} {key!r}", path=place)
        at = institution[chosen]
        repeated = np.nonzero(at[1:] == at[:-1])[0]
        if len(repeated):
            place = f"row {first + int(chosen[repeated[0] + 1]) + 1}"
            raise InputError.single(file, f"{kind} {key!r} of {names[at[repeated[0]]]} is given twice", path=place)
        places = np.full(len(names), -1, dtype=np.int64)
        places[at] = chosen
        columns[column.name] = values.take(pa.array(places, mask=places < 0))
    return pa.RecordBatch.from_pydict(columns)
