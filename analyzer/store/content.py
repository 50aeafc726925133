"""A folder of files that are named by the SHA-256 of what they hold."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from analyzer.store.database import Database, StoreError

_ASIDE: Final = ".part-"
_CHUNK: Final = 1 << 20
_NAME: Final = re.compile(r"[0-9a-f]{64}")


class ContentFolder:
    """Files by content: `ab/abcdef…`. One is written aside, flushed to the disk and renamed: it is whole or not there.

    folder: None where none was given; every use then says so.
    """

    def __init__(self, folder: Path | None) -> None:
        self._given = folder

    @property
    def folder(self) -> Path:
        """Where the files lie. Raises StoreError where no folder was given."""
        if self._given is None:
            raise StoreError("evidence files: no folder was given for them; use --files or SANSHO_FILES")
        return self._given

    @property
    def is_given(self) -> bool:
        """Whether there is a folder at all."""
        return self._given is not None

    def put(self, chunks: Iterable[bytes]) -> tuple[str, bool]:
        """Store a content: its SHA-256, and whether it is new here. A damaged copy of it is replaced by this one."""
        aside: Path | None = None
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=_ASIDE)
            aside = Path(name)
            digest = hashlib.sha256()
            with os.fdopen(descriptor, "wb") as stream:
                for chunk in chunks:
                    digest.update(chunk)
                    stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
            sha256 = digest.hexdigest()
            if self.fault(sha256) is None:
                return sha256, False
            target = self._path(sha256)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            aside.replace(target)
            for folder in (target.parent, self.folder):
                _flush_folder(folder)
        except OSError as error:
            raise StoreError(f"{self.folder}: the file cannot be stored: {error.strerror or error}") from error
        else:
            return sha256, True
        finally:
            if aside is not None:
                with suppress(OSError):
                    aside.unlink(missing_ok=True)

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """A file's content piece by piece; only at its end is it known to be unaltered. Raises StoreError."""
        digest = hashlib.sha256()
        try:
            with self._path(sha256).open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    yield chunk
        except FileNotFoundError:
            raise StoreError(f"evidence file {sha256}: is missing from {self.folder}") from None
        except OSError as error:
            raise StoreError(f"evidence file {sha256}: cannot be read: {error.strerror or error}") from error
        if digest.hexdigest() != sha256:
            raise StoreError(f"evidence file {sha256}: was altered after it was stored; restore it from a backup")

    def read(self, sha256: str) -> bytes:
        """A file's content, verified. Raises StoreError where it is missing or was altered."""
        return b"".join(self.chunks(sha256))

    def fault(self, sha256: str) -> str | None:
        """Why a file cannot be given out; None where it can."""
        try:
            for _ in self.chunks(sha256):
                pass
        except StoreError as error:
            return str(error)
        return None

    def remove(self, sha256: str) -> None:
        """Take a file away again, for a restore that failed."""
        with suppress(OSError):
            self._path(sha256).unlink()

    def present(self) -> set[str]:
        """The hashes that files are there for."""
        if not self.folder.is_dir():
            return set()
        return {path.name for path in self.folder.glob("??/*") if _NAME.fullmatch(path.name)}

    def leftovers(self) -> list[Path]:
        """Files that were being written when the program was stopped."""
        return sorted(self.folder.glob(f"{_ASIDE}*")) if self.folder.is_dir() else []

    def _path(self, sha256: str) -> Path:
        if not _NAME.fullmatch(sha256):
            raise StoreError(f"{sha256!r}: is not the hash of a file")
        return self.folder / sha256[:2] / sha256


def default_folder(database: Database) -> Path | None:
    """The folder of evidence files that belongs to a database: beside the SQLite file, `sansho.db.files`; else None."""
    if not database.is_sqlite or not database.engine.url.database:
        return None
    path = Path(database.engine.url.database)
    return path.with_name(f"{path.name}.files")


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a loss of power; Windows has no way to ask for it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
