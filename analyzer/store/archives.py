"""The archive of a backup: a zip with a manifest, one file of JSON lines a table, and the evidence files.

Nothing in an archive is trusted: it may have been cut off, damaged, or made by somebody to do harm. Its members have to
be exactly those that the manifest names, and no name in it ever becomes a path.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Boolean, Column, String, Table
from sqlalchemy.types import BigInteger, Integer

from analyzer.knowledge.schemas import gate
from analyzer.store.database import StoreError
from analyzer.store.limits import BackupLimits
from analyzer.store.migrations import HEAD
from analyzer.store.tables import METADATA

Data = dict[str, Any]
FORMAT: Final = "sansho-backup/1"
MANIFEST: Final = "manifest.json"
# Left out: nobody is logged in to a restored store, and no link resets a password there.
_PASSING: Final = frozenset({"sessions", "resets"})
TABLES: Final[tuple[Table, ...]] = tuple(table for table in METADATA.sorted_tables if table.name not in _PASSING)
_MANIFEST_BYTES: Final = 64 << 20
_LINE_BYTES: Final = 64 << 20
_SMALL: Final = 1 << 20
_CHUNK: Final = 1 << 20
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def table_member(table: str) -> str:
    """The archive's member that holds a table."""
    return f"tables/{table}.jsonl"


def file_member(sha256: str) -> str:
    """The archive's member that holds an evidence file."""
    return f"files/{sha256[:2]}/{sha256}"


class Archive:
    """An archive that is being read. Open it with `opened`."""

    def __init__(self, path: Path, packed: zipfile.ZipFile, limits: BackupLimits) -> None:
        self.path = path
        self._packed = packed
        self._limits = limits
        self._infos = {info.filename: info for info in packed.infolist()}
        if len(self._infos) != len(packed.infolist()):
            raise self.refused("a member is there twice")
        self.manifest = self._read_manifest()
        self._check_members()

    def refused(self, reason: str) -> StoreError:
        """The error that refuses this archive."""
        return StoreError(f"{self.path}: cannot be restored: {reason}")

    def verify(self) -> None:
        """Read everything, and compare it with the manifest. Raises StoreError."""
        for table in TABLES:
            expected = self.manifest["tables"][table.name]
            rows = sum(1 for _ in self.rows(table))
            if rows != expected["rows"]:
                raise self.refused(f"table {table.name} has {rows} rows, not {expected['rows']}")
        for sha256 in self.manifest["files"]:
            for _ in self.file(sha256):
                pass

    def rows(self, table: Table) -> Iterator[Data]:
        """The rows of a table, each checked; an alteration is told at the end at the latest."""
        name = table_member(table.name)
        digest = hashlib.sha256()
        with self._reading(name), self._packed.open(name) as stream:
            while line := stream.readline(_LINE_BYTES):
                digest.update(line)
                yield self._row(table, line)
        if digest.hexdigest() != self.manifest["tables"][table.name]["sha256"]:
            raise self.refused(f"{name} is not what the manifest says")

    def file(self, sha256: str) -> Iterator[bytes]:
        """The content of an evidence file; an alteration is told at the end."""
        name = file_member(sha256)
        digest = hashlib.sha256()
        with self._reading(name), self._packed.open(name) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != sha256:
            raise self.refused(f"{name} is not what the manifest says")

    def _read_manifest(self) -> Data:
        info = self._infos.get(MANIFEST)
        if info is None:
            raise self.refused("it is not a backup of Sansho: it has no manifest")
        if info.file_size > _MANIFEST_BYTES or _bursts(info, self._limits):
            raise self.refused("its manifest is too large")
        try:
            with self._reading(MANIFEST):
                manifest = json.loads(self._packed.read(MANIFEST))
        except RecursionError:
            raise self.refused("its manifest is not a manifest of a backup") from None
        if isinstance(manifest, dict) and manifest.get("format") != FORMAT:
            raise self.refused(f"its format {str(manifest.get('format'))[:40]!r} is not {FORMAT!r}")
        if not gate("backup").is_valid(manifest):
            raise self.refused("its manifest is not a manifest of a backup")
        known: Data = manifest
        return known

    def _check_members(self) -> None:
        manifest = self.manifest
        if manifest["schema"] != HEAD:
            # Asked first: another version's tables are others.
            raise self.refused(
                f"it has schema {manifest['schema']}, this version {HEAD}; restore it with {manifest['program']}, "
                "then open that with this"
            )
        if set(manifest["tables"]) != {table.name for table in TABLES}:
            raise self.refused("it does not hold the tables of a store")
        sizes = {table_member(name): entry["size"] for name, entry in manifest["tables"].items()}
        sizes.update({file_member(sha256): size for sha256, size in manifest["files"].items()})
        for name in sorted({*sizes, *self._infos} - {MANIFEST}):
            if name not in sizes:
                raise self.refused(f"it has a member that the manifest does not name: {name[:100]!r}")
            info = self._infos.get(name)
            if info is None:
                raise self.refused(f"{name} is missing")
            if info.file_size != sizes[name]:
                raise self.refused(f"{name} has {info.file_size:,} bytes, not {sizes[name]:,}")
            if info.flag_bits & 1 or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise self.refused(f"{name} is packed in a way that backups are not")
            if _bursts(info, self._limits):
                raise self.refused(f"{name} would become {self._limits.max_expansion} times as large")
        if sum(sizes.values()) > self._limits.max_bytes:
            raise self.refused(f"it would become larger than {self._limits.max_bytes:,} bytes")
        if sum(info.compress_size for info in self._infos.values()) > self.path.stat().st_size:
            raise self.refused("its members overlap")

    def _row(self, table: Table, line: bytes) -> Data:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or set(row) != {column.name for column in table.columns}:
            raise self.refused(f"{table_member(table.name)} has a line that is no row")
        for column in table.columns:
            if not _fits(column, row[column.name]):
                raise self.refused(f"{table_member(table.name)}: {column.name} has a value that does not fit")
        return row

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise self.refused(f"{name[:100]} is damaged: {reason}") from error


@contextmanager
def opened(path: Path, limits: BackupLimits) -> Iterator[Archive]:
    """An archive for reading, its list of members checked against its manifest. Raises StoreError."""
    try:
        packed = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file") from None
    except _BROKEN as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise StoreError(f"{path}: cannot be restored: it is not a whole zip file: {reason}") from error
    with packed:
        yield Archive(path, packed, limits)


class ArchiveWriter:
    """An archive that is being written. compressed: tables are packed; evidence files never are, most are already."""

    def __init__(self, packed: zipfile.ZipFile, moment: tuple[int, int, int, int, int, int], compressed: bool) -> None:
        self._packed = packed
        self._moment = moment
        self._tables = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        self.tables: Data = {}
        self.files: dict[str, int] = {}

    def add_table(self, table: Table, rows: Iterable[Data]) -> None:
        """Add a table's rows, one JSON line each."""
        digest = hashlib.sha256()
        count = size = 0
        with self._packed.open(self._info(table_member(table.name), self._tables), "w", force_zip64=True) as stream:
            for row in rows:
                line = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8")
                digest.update(line)
                stream.write(line)
                count, size = count + 1, size + len(line)
        self.tables[table.name] = {"rows": count, "size": size, "sha256": digest.hexdigest()}

    def add_file(self, sha256: str, chunks: Iterable[bytes]) -> None:
        """Add an evidence file."""
        size = 0
        info = self._info(file_member(sha256), zipfile.ZIP_STORED)
        with self._packed.open(info, "w", force_zip64=True) as stream:
            for chunk in chunks:
                stream.write(chunk)
                size += len(chunk)
        self.files[sha256] = size

    def finish(self, manifest: Data) -> None:
        """Add the manifest: what is given, and what has been added."""
        whole = {"format": FORMAT, **manifest, "tables": self.tables, "files": self.files}
        content = json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8")
        self._packed.writestr(self._info(MANIFEST, self._tables), content)

    def bursts(self, limits: BackupLimits) -> bool:
        """Whether a member is packed so densely that the reader would refuse it as a bomb."""
        return any(_bursts(info, limits) for info in self._packed.infolist())

    def _info(self, name: str, compression: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._moment)
        info.compress_type = compression
        info.external_attr = 0o600 << 16
        return info


def _bursts(info: zipfile.ZipInfo, limits: BackupLimits) -> bool:
    return info.file_size > max(_SMALL, info.compress_size * limits.max_expansion)


def _fits(column: Column[Any], value: Any) -> bool:
    """Whether a value may stand in a column, in either database."""
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Boolean):
        return isinstance(value, bool)
    if isinstance(column.type, BigInteger | Integer):
        bits = 63 if isinstance(column.type, BigInteger) else 31
        return isinstance(value, int) and not isinstance(value, bool) and -(1 << bits) <= value < 1 << bits
    if not isinstance(value, str) or "\0" in value:
        return False
    length = column.type.length if isinstance(column.type, String) else None
    return (length is None or len(value) <= length) and value.encode("utf-8", "replace").decode() == value
