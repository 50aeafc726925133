"""Where bulk checklists go: a folder, or a zip that appears when it is whole. Both know what is finished in them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from analyzer.errors import SanshoError
from analyzer.exports.bulk_lock import only_one
from analyzer.exports.files import write_whole

MANIFEST_NAME: Final = "manifest.jsonl"
"""A line of JSON for each finished file; of several lines for one file the last counts."""
LIST_NAME: Final = "一覧.csv"
_CHANGED = "同じ名前のファイルがあり、内容が異なるため、上書きしない"


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished file and what it was made from. size in bytes; sha256: of the file."""

    file: str
    id: str
    name: str
    digest: str
    knowledge: str
    as_of: str
    size: int
    sha256: str


class Target(Protocol):
    """Takes finished checklists, and keeps those of an earlier run. Only one process writes to it at a time."""

    def __enter__(self) -> Self:
        """Begin. Raises SanshoError where another process is at it, or nothing can be written."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; what is finished stays for the next run, and nothing half-written."""
        ...

    def finished(self, digest: str, knowledge: str, as_of: date, /) -> Finished | None:
        """The file that stands already, made from just this; None where it has to be made."""
        ...

    def add(self, finished: Finished, content: bytes) -> str | None:
        """Take a file; the reason where it is not taken. Raises SanshoError where nothing can be written."""
        ...

    def close_with(self, listed: bytes, files: Sequence[str]) -> None:
        """Write the list of all files, last. files: those of this run, in order."""
        ...


class FolderTarget:
    """A folder. A file that is as its manifest says is kept; one that somebody has changed is never overwritten."""

    def __init__(self, folder: Path) -> None:
        self._files = _FinishedFiles(folder, guarded=True)
        self._folder = folder
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with self._open as opening:
            _make_folder(self._folder, self._folder)
            opening.enter_context(only_one(self._folder / ".lock", self._folder))
            opening.enter_context(self._files)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def finished(self, digest: str, knowledge: str, as_of: date, /) -> Finished | None:
        """The file of this data, version and day, if it is there and as it was made."""
        return self._files.finished(digest, knowledge, as_of)

    def add(self, finished: Finished, content: bytes) -> str | None:
        """Write a file unless another stands there that the manifest does not know."""
        return self._files.add(finished, content)

    def close_with(self, listed: bytes, _files: Sequence[str]) -> None:
        """Write the list, and the manifest without its outdated lines."""
        write_whole(self._folder / LIST_NAME, listed)
        self._files.write_manifest()


class ZipTarget:
    """A zip. What is finished waits in a folder beside it (NAME.parts), and goes into it together at the end.

    The same files give the same bytes, however many runs it took. What an earlier zip holds is kept, too.
    """

    def __init__(self, path: Path, as_of: date) -> None:
        self._path = path
        self._parts = path.with_name(f"{path.name}.parts")
        self._files = _FinishedFiles(self._parts, guarded=False)
        self._before = _EarlierZip(path)
        self._chosen: dict[str, tuple[Finished, _FinishedFiles | _EarlierZip]] = {}
        # A zip's calendar runs from 1980 to 2107.
        self._stamp = (min(max(as_of.year, 1980), 2107), as_of.month, as_of.day, 0, 0, 0)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with self._open as opening:
            _make_folder(self._path.parent, self._path)
            if self._path.is_dir():
                raise SanshoError(f"{self._path}: cannot be written: is a folder")
            opening.enter_context(only_one(self._path.with_name(f".{self._path.name}.lock"), self._path))
            _make_folder(self._parts, self._path)
            opening.enter_context(self._files)
            opening.enter_context(self._before)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._files.known:
            self._files.discard()
        self._open.close()

    def finished(self, digest: str, knowledge: str, as_of: date, /) -> Finished | None:
        """The file of this data, version and day, from the folder beside or from the zip that stands."""
        for place in (self._files, self._before):
            found = place.finished(digest, knowledge, as_of)
            if found is not None:
                self._chosen.setdefault(found.file, (found, place))
                return found
        return None

    def add(self, finished: Finished, content: bytes) -> str | None:
        """Keep a file for the zip."""
        self._chosen[finished.file] = finished, self._files
        return self._files.add(finished, content)

    def close_with(self, listed: bytes, files: Sequence[str]) -> None:
        """Put the files, the list and the manifest into a zip, the zip in its place, and the folder away."""
        aside = self._parts / ".zip.part"
        try:
            with aside.open("wb") as stream:
                with ZipFile(stream, "w", allowZip64=True) as archive:
                    self._fill(archive, listed, files)
                stream.flush()
                os.fsync(stream.fileno())
            self._before.close()
            aside.replace(self._path)
        except (OSError, BadZipFile) as error:
            aside.unlink(missing_ok=True)
            raise SanshoError(f"{self._path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
        self._files.discard()

    def _fill(self, archive: ZipFile, listed: bytes, files: Sequence[str]) -> None:
        for file in files:
            self._put(archive, file, self._chosen[file][1].read(file), ZIP_STORED)  # a workbook is compressed already
        manifest = "".join(_line(self._chosen[file][0]) for file in files)
        self._put(archive, LIST_NAME, listed, ZIP_DEFLATED)
        self._put(archive, MANIFEST_NAME, manifest.encode(), ZIP_DEFLATED)

    def _put(self, archive: ZipFile, name: str, content: bytes, packing: int) -> None:
        entry = ZipInfo(name, self._stamp)
        entry.create_system = 3  # as on every system, so that the bytes do not tell where they were made
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, content, packing)


class _FinishedFiles:
    """A folder's finished files with their manifest. guarded: a file that somebody has changed is not overwritten."""

    def __init__(self, folder: Path, *, guarded: bool) -> None:
        self._folder = folder
        self._guarded = guarded
        self.known: dict[str, Finished] = {}
        self._origins: dict[tuple[str, str, str], Finished] = {}
        self._manifest: IO[str] | None = None

    def __enter__(self) -> Self:
        path = self._folder / MANIFEST_NAME
        try:
            for left in self._folder.glob(".*.part"):
                left.unlink()  # of a run that was interrupted
            with suppress(FileNotFoundError):
                self.known = _read_manifest(path.read_text(encoding="utf-8", errors="replace"))
            self._origins = _by_origin(self.known)
            # Whole lines only, so that the first new one does not run on from a torn one.
            self.write_manifest()
            self._manifest = path.open("a", encoding="utf-8")
        except OSError as error:
            raise SanshoError(f"{self._folder}: cannot be written: {error.strerror or error}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write no more."""
        if self._manifest is not None:
            self._manifest.close()

    def discard(self) -> None:
        """Remove the files, and the folder if nothing else is in it."""
        self.close()
        with suppress(OSError):
            for file in (*self.known, MANIFEST_NAME):
                (self._folder / file).unlink(missing_ok=True)
            self._folder.rmdir()

    def finished(self, digest: str, knowledge: str, as_of: date) -> Finished | None:
        """The file of an origin, if it is there and as it was made."""
        found = self._origins.get((digest, knowledge, as_of.isoformat()))
        return found if found is not None and self._sha256(found.file) == found.sha256 else None

    def add(self, finished: Finished, content: bytes) -> str | None:
        """Write a file; the reason where it is not written."""
        held = self._sha256(finished.file)
        known = self.known.get(finished.file)
        if self._guarded and held not in {None, finished.sha256, known.sha256 if known else None}:
            return _CHANGED
        if held != finished.sha256:
            write_whole(self._folder / finished.file, content)
        self.known[finished.file] = finished
        if self._manifest is not None:
            try:
                self._manifest.write(_line(finished))
                self._manifest.flush()
            except OSError as error:
                place = self._folder / MANIFEST_NAME
                raise SanshoError(f"{place}: cannot be written: {error.strerror or error}") from None
        return None

    def read(self, file: str) -> bytes:
        """A finished file."""
        return (self._folder / file).read_bytes()

    def write_manifest(self) -> None:
        """Write the manifest anew, a line a file."""
        write_whole(self._folder / MANIFEST_NAME, "".join(map(_line, self.known.values())).encode())

    def _sha256(self, file: str) -> str | None:
        try:
            return hashlib.sha256(self.read(file)).hexdigest()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SanshoError(f"{self._folder / file}: {error.strerror or error}") from None


class _EarlierZip:
    """What a zip holds that an earlier run made; of any other file nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: ZipFile | None = None
        self.known: dict[str, Finished] = {}
        self._origins: dict[tuple[str, str, str], Finished] = {}

    def __enter__(self) -> Self:
        try:
            self._archive = ZipFile(self._path)
            self.known = _read_manifest(self._archive.read(MANIFEST_NAME).decode(errors="replace"))
        except (OSError, BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError):
            self.known = {}
        self._origins = _by_origin(self.known)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        if self._archive is not None:
            self._archive.close()

    def finished(self, digest: str, knowledge: str, as_of: date) -> Finished | None:
        """The file of an origin, if it is in the zip as it was made."""
        found = self._origins.get((digest, knowledge, as_of.isoformat()))
        if found is None:
            return None
        try:
            return found if hashlib.sha256(self.read(found.file)).hexdigest() == found.sha256 else None
        except (OSError, BadZipFile, KeyError):
            return None

    def read(self, file: str) -> bytes:
        """A file of the zip. Raises KeyError where it is not there, BadZipFile where it is damaged."""
        if self._archive is None:
            raise KeyError(file)
        return self._archive.read(file)


def _make_folder(folder: Path, subject: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SanshoError(f"{subject}: cannot be written: {error.strerror or error}") from None


def _by_origin(known: dict[str, Finished]) -> dict[tuple[str, str, str], Finished]:
    return {(each.digest, each.knowledge, each.as_of): each for each in known.values()}


def _line(finished: Finished) -> str:
    return json.dumps(asdict(finished), ensure_ascii=False, separators=(",", ":")) + "\n"


def _read_manifest(text: str) -> dict[str, Finished]:
    """The finished files by name. A line that cannot be read is passed over: its file is then made anew."""
    entries = (entry for line in text.split("\n") if (entry := _read_line(line)) is not None)
    return {entry.file: entry for entry in entries}


def _read_line(line: str) -> Finished | None:
    try:
        values: Any = json.loads(line)
        entry = Finished(**values)
    except (ValueError, TypeError):
        return None
    texts = (entry.file, entry.id, entry.name, entry.digest, entry.knowledge, entry.as_of, entry.sha256)
    inside = isinstance(entry.file, str) and entry.file == Path(entry.file).name
    return entry if inside and all(isinstance(text, str) for text in texts) and isinstance(entry.size, int) else None
