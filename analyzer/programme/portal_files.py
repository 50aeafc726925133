"""Files of a programme: stored as evidence files are; opened only by those who may see where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from analyzer.programme.desk import Act, Desk
from analyzer.programme.model import Programme
from analyzer.programme.participant import PortalFile, file_key
from analyzer.programme.refusal import PortalError
from analyzer.store import events
from analyzer.store.content import ContentFolder
from analyzer.store.database import StoreError
from analyzer.store.files import note_file, read_content
from analyzer.store.filetypes import clean_name, media_type_of
from analyzer.store.limits import FileLimits, limits
from analyzer.store.principal import Principal, needs, require
from analyzer.store.records import moment

# How many hand-ins of the most files one place has room for.
_HAND_INS: Final = 5


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as somebody brings it."""

    name: str
    content: bytes | BinaryIO


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is stored and waits for the act that names it. size: in bytes."""

    sha256: str
    name: str
    media_type: str
    size: int


class PortalFiles:
    """The files of all programmes. A file is stored before an act names it: never a name without its file."""

    def __init__(self, desk: Desk, content: ContentFolder) -> None:
        self._desk = desk
        self._content = content

    def store(self, programme: Programme, uploads: Sequence[Upload]) -> tuple[StoredFile, ...]:
        """Check and store files, before the act that names them. Raises PortalError for what is not taken.

        For the services of this package, which have asked for the right; the same file twice counts once.
        """
        allowed = _limits(programme)
        if len(uploads) > programme.files.per_place:
            raise _too_many(programme)
        checked: list[tuple[str, str, bytes]] = []
        for upload in uploads:
            try:
                name = clean_name(upload.name, allowed)
                data = read_content(upload.content, name, allowed.max_bytes)
                checked.append((name, media_type_of(name, data, allowed), data))
            except StoreError as error:
                raise PortalError(_refused(upload.name, allowed), str(error)) from error
        stored: dict[str, StoredFile] = {}
        for name, media_type, data in checked:
            sha256, _ = self._content.put([data])
            if sha256 not in stored:
                stored[sha256] = StoredFile(sha256, name, media_type, len(data))
                self._note(stored[sha256])
        return tuple(stored.values())

    def name_in(self, act: Act, place: str, files: Sequence[StoredFile]) -> list[str]:
        """Say in an act that files belong to a place; their digests. One that is there already is not said again."""
        present = {sha256 for at, sha256 in act.participant.files if at == place}
        if len({*present, *(each.sha256 for each in files)}) > _most(act.programme):
            raise _too_many(act.programme)
        for each in files:
            if each.sha256 not in present:
                data = {"name": each.name, "media_type": each.media_type, "size": each.size}
                act.set("file", file_key(place, each.sha256), {**data, "signed": act.signature.data()})
        return [each.sha256 for each in files]

    @needs("take_part")
    def open(
        self, principal: Principal, programme: str, institution: str, place: str, sha256: str
    ) -> tuple[PortalFile, bytes]:
        """A file of the institution's own part, verified. Raises PortalError where that place has no such file."""
        require(principal, "take_part", institution)
        return self._open(programme, institution, place, sha256)

    @needs("run_programme")
    def open_as_secretariat(
        self, principal: Principal, programme: str, institution: str, place: str, sha256: str
    ) -> tuple[PortalFile, bytes]:
        """A file of any participant, for the secretariat."""
        require(principal, "run_programme", institution)
        return self._open(programme, institution, place, sha256)

    def _open(self, programme: str, institution: str, place: str, sha256: str) -> tuple[PortalFile, bytes]:
        found = self._desk.read(programme, institution).files.get((place, sha256))
        if found is None:
            raise PortalError("そのファイルはありません。", f"{institution}: no file {sha256[:12]!r} in {place!r}")
        return found, self._content.read(sha256)

    def _note(self, stored: StoredFile) -> None:
        with self._desk.database.writing() as connection:
            events.lock(connection)
            note_file(connection, stored.sha256, stored.size, stored.media_type, moment(self._desk.clock()))


def _limits(programme: Programme) -> FileLimits:
    allowed = limits().files
    return replace(allowed, max_bytes=min(allowed.max_bytes, programme.files.max_bytes))


def _refused(name: str, allowed: FileLimits) -> str:
    endings = "、".join(allowed.endings)
    return (
        f"「{name}」は受け取れません。中身のある {endings} のファイルで、名前の末尾と中身が合い、"
        f"大きさが{allowed.max_bytes / 1048576:.0f} MBまでのものを選んでください。"
    )


def _most(programme: Programme) -> int:
    """How many files one place may hold: every hand-in keeps those of the hand-ins before it."""
    return programme.files.per_place * _HAND_INS


def _too_many(programme: Programme) -> PortalError:
    most = programme.files.per_place
    return PortalError(
        f"一度に渡せるファイルは{most}件まで、一つの場所に残るのは{_most(programme)}件までです。",
        f"more than {most} files at once, or {_most(programme)} in one place, are not taken",
    )
