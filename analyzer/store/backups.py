"""Backups of the whole store that any database can be restored from: written whole and verified, restored whole and
verified. Decision: docs/decisions/0010-records-in-parts.md.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, delete, func, insert, select, update

from analyzer import __version__
from analyzer.store import events
from analyzer.store.archives import TABLES, Archive, ArchiveWriter, opened
from analyzer.store.audit import Head, verify_all
from analyzer.store.content import ContentFolder, default_folder
from analyzer.store.database import Database, StoreError
from analyzer.store.events import Change
from analyzer.store.limits import limits
from analyzer.store.principal import Principal, needs, require
from analyzer.store.records import Clock, moment, now
from analyzer.store.tables import CHAIN, FILES, MAILS

_BLOCK: Final = 500
_LISTED: Final = 3


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was backed up or restored. rows: by table. files: how many. head: number and hash of the last event.

    faults: what was wrong with the store already, in words; the rest is whole.
    """

    rows: Mapping[str, int]
    files: int
    head: Head
    faults: tuple[str, ...]


class Backups:
    """Makes backups of a store that is in use; others go on reading and writing meanwhile."""

    def __init__(self, database: Database, content: ContentFolder, clock: Clock = now) -> None:
        self._database = database
        self._content = content
        self._clock = clock

    @needs("backup")
    def write(self, principal: Principal, path: Path) -> BackupReport:
        """Write a backup of one moment, verify it, and put it at the path, whole or not at all.

        What is wrong with the store is named in the report and in the backup, and does not prevent it. Only its owner
        may read the file. Raises StoreError.
        """
        require(principal, "backup")
        aside: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise StoreError(f"{path}: is a folder, not a file")
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".sansho-backup-", suffix=".part")
            os.close(descriptor)
            aside = Path(name)
            if not self._pack(aside, principal, compressed=True):
                self._pack(aside, principal, compressed=False)
            with opened(aside, limits().backup) as archive:
                archive.verify()
                report = _report(archive)
            aside.replace(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreError(f"{path}: the backup cannot be written: {reason}") from error
        else:
            return report
        finally:
            if aside is not None:
                with suppress(OSError):
                    aside.unlink(missing_ok=True)

    def _pack(self, path: Path, principal: Principal, *, compressed: bool) -> bool:
        """Write the archive; whether it can be restored, which too dense a packing prevents."""
        at = self._clock()
        with path.open("wb") as stream:
            with zipfile.ZipFile(stream, "w") as packed:
                writer = ArchiveWriter(packed, at.timetuple()[:6], compressed)
                with self._database.reading() as connection:
                    head = connection.execute(select(CHAIN.c.number, CHAIN.c.hash).where(CHAIN.c.id == 1)).one()
                    faults = [fault.reason for fault in verify_all(connection).faults]
                    for table in TABLES:
                        writer.add_table(table, _rows(connection, table))
                    stored = list(connection.execute(select(FILES.c.sha256).order_by(FILES.c.sha256)).scalars())
                    schema = MigrationContext.configure(connection).get_current_revision()
                lost = []
                for sha256 in stored:
                    if reason := self._content.fault(sha256):
                        lost.append(sha256)
                        faults.append(reason)
                    else:
                        writer.add_file(sha256, self._content.chunks(sha256))
                writer.finish(
                    {
                        "program": __version__,
                        "schema": schema,
                        "made_at": moment(at),
                        "made_by": principal.login,
                        "head": {"number": head.number, "hash": head.hash},
                        "lost_files": lost,
                        "faults": faults,
                    }
                )
                restorable = not writer.bursts(limits().backup)
            stream.flush()
            os.fsync(stream.fileno())
        return restorable


@needs("backup")
def restore(
    principal: Principal,
    path: Path,
    location: str,
    files: Path | None = None,
    clock: Clock = now,
    *,
    accept_faults: bool = False,
) -> BackupReport:
    """Make a new store from a backup, in either database; a store that holds anything is refused.

    The backup is verified before anything is written, the audit trail before it becomes the store's, both once more
    afterwards. files: the folder of evidence files, needed where the backup has any. accept_faults: also where the
    store was at fault already when the backup was made. Raises StoreError; then nothing has been made.
    """
    require(principal, "backup")
    with opened(path, limits().backup) as archive:
        if archive.manifest["faults"] and not accept_faults:
            raise archive.refused(f"the store was at fault when it was made: {_listed(archive.manifest['faults'])}")
        archive.verify()
        made = _Restoration(archive, location, files)
        try:
            made.fill(principal, moment(clock()), path.name)
        except BaseException:
            made.take_back()
            raise
        finally:
            made.database.close()
        return _report(archive)


class _Restoration:
    """A store that is being made from an archive."""

    def __init__(self, archive: Archive, location: str, files: Path | None) -> None:
        self._archive = archive
        self._new_file = None if "://" in location or Path(location).exists() else Path(location)
        self.database = Database.open(location)
        self._content = ContentFolder(files or default_folder(self.database))
        self._added: list[str] = []

    def fill(self, principal: Principal, at: str, source: str) -> None:
        archive = self._archive
        head = (archive.manifest["head"]["number"], archive.manifest["head"]["hash"])
        with self.database.writing() as connection:
            events.lock(connection)
            self._require_empty(connection)
            connection.execute(delete(CHAIN))
            for table in TABLES:
                _insert(connection, table, archive.rows(table))
            self._doubt_mails(connection)
            self._continue_numbering(connection)
            self._verify(connection, head)
            for sha256 in archive.manifest["files"]:
                stored, new = self._content.put(archive.file(sha256))
                if new:
                    self._added.append(stored)
            after = {"made_at": archive.manifest["made_at"], "head": archive.manifest["head"]}
            events.append(connection, principal.login, at, [Change("restore", None, "store", "", None, after, source)])
        with self.database.reading() as connection:
            self._verify(connection, head)
            for sha256 in archive.manifest["files"]:
                if reason := self._content.fault(sha256):
                    raise StoreError(reason)

    def take_back(self) -> None:
        """Leave nothing behind of what was begun."""
        for sha256 in self._added:
            self._content.remove(sha256)
        if self._new_file is not None:
            self.database.close()
            for ending in ("", "-wal", "-shm", "-journal"):
                with suppress(OSError):
                    self._new_file.with_name(self._new_file.name + ending).unlink(missing_ok=True)

    def _require_empty(self, connection: Connection) -> None:
        for table in TABLES:
            if table is not CHAIN and connection.execute(select(func.count()).select_from(table)).scalar_one():
                raise StoreError(f"{self.database.where}: is not empty; a backup is restored into a new store only")

    def _verify(self, connection: Connection, head: Head) -> None:
        known = list(self._archive.manifest["faults"])
        found = [fault.reason for fault in verify_all(connection, head if head[0] else None).faults]
        new = [reason for reason in found if reason not in known]
        if new:
            raise self._archive.refused(f"its audit trail does not hold: {_listed(new)}")
        listed = set(connection.execute(select(FILES.c.sha256)).scalars())
        held = {*self._archive.manifest["files"], *self._archive.manifest["lost_files"]}
        if listed != held:
            raise self._archive.refused("its list of files and its files are not the same")

    @staticmethod
    def _doubt_mails(connection: Connection) -> None:
        """A mail that was still to go out may have gone out since the backup: a person decides whether to send it."""
        connection.execute(update(MAILS).where(MAILS.c.state.in_(("waiting", "sending"))).values(state="unsure"))

    def _continue_numbering(self, connection: Connection) -> None:
        """PostgreSQL numbers analyses by a counter that inserted numbers do not move."""
        if not self.database.is_sqlite:
            connection.exec_driver_sql(
                "SELECT setval(pg_get_serial_sequence('analyses', 'id'), max(id)) FROM analyses HAVING max(id) > 0"
            )


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    query = select(table).order_by(*table.primary_key.columns)
    for row in connection.execute(query.execution_options(yield_per=_BLOCK)).mappings():
        yield dict(row)


def _insert(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while block := list(islice(rows, _BLOCK)):
        connection.execute(insert(table), block)


def _report(archive: Archive) -> BackupReport:
    manifest = archive.manifest
    return BackupReport(
        rows={name: entry["rows"] for name, entry in manifest["tables"].items()},
        files=len(manifest["files"]),
        head=(manifest["head"]["number"], manifest["head"]["hash"]),
        faults=tuple(manifest["faults"]),
    )


def _listed(faults: list[str]) -> str:
    more = f" and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
    return "; ".join(faults[:_LISTED]) + more
