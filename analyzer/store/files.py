"""Evidence files: stored once by content, attached to an institution's evidence, verified whenever they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import Connection, insert, select

from analyzer.store import events
from analyzer.store.content import ContentFolder
from analyzer.store.database import Database, StoreError
from analyzer.store.filetypes import clean_name, media_type_of
from analyzer.store.limits import limits
from analyzer.store.parts import Data, Part
from analyzer.store.principal import Principal, needs, require
from analyzer.store.records import ABSENT, Clock, PartChange, Record, Records, moment, now
from analyzer.store.tables import EVENTS, FILES

_NAMING: Final = ("attachment", "file")
"""Kinds of events whose key ends with the hash of a file: of a record, of a support programme."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is attached to a piece of evidence. size: in bytes."""

    evidence: str
    sha256: str
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class FileFault:
    """A stored file that is not as it was written. lost: an attachment cannot be opened; else it is only litter."""

    sha256: str
    reason: str
    lost: bool


def attachment_key(evidence: str, sha256: str) -> str:
    """The key of an attachment's part: `e-0007 abcdef…`."""
    return f"{evidence} {sha256}"


def attachments_of(record: Record, evidence: str | None = None) -> tuple[Attachment, ...]:
    """The files attached to a record, or to one piece of its evidence, in the order in which they came."""
    return tuple(
        _attachment(part)
        for part in record.extras
        if part.kind == "attachment" and evidence in {None, part.data["evidence"]}
    )


class EvidenceFiles:
    """The evidence files of a store. Safe to share between threads.

    A file is stored before the record names it: a stop in between leaves a file that nobody names, never a name
    without its file. Files are never deleted, since the history of a record goes on naming them.
    """

    def __init__(self, database: Database, records: Records, folder: Path | None, clock: Clock = now) -> None:
        self.content = ContentFolder(folder)
        self._database = database
        self._records = records
        self._clock = clock

    @needs("answer")
    def attach(
        self,
        principal: Principal,
        institution: str,
        evidence: str,
        name: str,
        content: bytes | BinaryIO,
        *,
        source: str = "app",
    ) -> Attachment:
        """Store a file and attach it. The same file under the same name, attached again, changes nothing.

        Raises StoreError where there is no such evidence, or the file is of no kind or size that is taken.
        """
        require(principal, "answer")
        record = self._records.read(principal, institution)
        require(principal, "answer", institution)
        allowed = limits().files
        shown = clean_name(name, allowed)
        data = read_content(content, shown, allowed.max_bytes)
        media_type = media_type_of(shown, data, allowed)
        present = self._room_for(record, evidence, shown)
        sha256, _ = self.content.put([data])
        made = Attachment(evidence, sha256, shown, media_type, len(data))
        same = next((each for each in present if each.sha256 == sha256), None)
        if same is not None:
            if same.name != shown:
                raise StoreError(f"{shown}: is attached to evidence {evidence!r} already, as {same.name}")
            return same
        self._note(made)
        part = PartChange("attachment", attachment_key(evidence, sha256), _data(made), ABSENT)
        self._records.attach(principal, institution, part, source=source)
        return made

    @needs("answer")
    def detach(
        self, principal: Principal, institution: str, evidence: str, sha256: str, *, source: str = "app"
    ) -> Record:
        """Take an attachment from the record; undoing that brings it back. Raises StoreError where there is none."""
        require(principal, "answer")
        record = self._records.read(principal, institution)
        require(principal, "answer", institution)
        key = attachment_key(evidence, sha256)
        version = record.version("attachment", key)
        if version == ABSENT:
            raise _unknown(institution, sha256)
        gone = PartChange("attachment", key, None, version)
        return self._records.change(principal, institution, [gone], action="detach", source=source)

    @needs("read")
    def attachments(
        self, principal: Principal, institution: str, evidence: str | None = None
    ) -> tuple[Attachment, ...]:
        """The files of an institution, or of one piece of its evidence."""
        require(principal, "read")
        return attachments_of(self._records.read(principal, institution), evidence)

    @needs("read")
    def open(self, principal: Principal, institution: str, sha256: str) -> tuple[Attachment, bytes]:
        """An attached file, verified. Raises StoreError where it is missing or was altered, and where this institution
        has no such file, whether or not another one has.
        """
        require(principal, "read")
        found = attachments_of(self._records.read(principal, institution))
        attachment = next((each for each in found if each.sha256 == sha256), None)
        if attachment is None:
            raise _unknown(institution, sha256)
        return attachment, self.content.read(sha256)

    @needs("audit")
    def check(self, principal: Principal) -> list[FileFault]:
        """Every stored file that is missing, altered, or named by nobody."""
        require(principal, "audit")
        with self._database.reading() as connection:
            noted = set(connection.execute(select(FILES.c.sha256)).scalars())
            keys = set(connection.execute(select(EVENTS.c.key).where(EVENTS.c.kind.in_(_NAMING))).scalars())
        named = {key.rpartition(" ")[2] for key in keys}
        if not named and not noted and not self.content.is_given:
            return []
        return list(self._faults(named, noted))

    def _faults(self, named: set[str], noted: set[str]) -> Iterator[FileFault]:
        present = self.content.present()
        for sha256 in sorted(named | noted | present):
            if sha256 not in named:
                yield FileFault(sha256, f"evidence file {sha256}: is attached to nothing", lost=False)
            elif sha256 not in noted:
                yield FileFault(sha256, f"evidence file {sha256}: is attached, but not in the list of files", lost=True)
            elif reason := self.content.fault(sha256):
                yield FileFault(sha256, reason, lost=True)
        for path in self.content.leftovers():
            yield FileFault("", f"{path}: was left by an upload that was cut off", lost=False)

    @staticmethod
    def _room_for(record: Record, evidence: str, name: str) -> tuple[Attachment, ...]:
        if evidence not in record.institution.evidence:
            raise StoreError(f"{name}: {record.institution.id} has no evidence {evidence!r}")
        present = attachments_of(record, evidence)
        most = limits().files.max_per_evidence
        if len(present) >= most:
            raise StoreError(f"{name}: evidence {evidence!r} has {most} files already, and more are not taken")
        return present

    def _note(self, made: Attachment) -> None:
        """Put a file on the list of files."""
        with self._database.writing() as connection:
            note_file(connection, made.sha256, made.size, made.media_type, moment(self._clock()))


def note_file(connection: Connection, sha256: str, size: int, media_type: str, at: str) -> None:
    """Put a file that lies in the folder on the list of files, in a writing transaction; before or with its name."""
    events.lock(connection)
    if connection.execute(select(FILES.c.sha256).where(FILES.c.sha256 == sha256)).first() is None:
        connection.execute(insert(FILES).values(sha256=sha256, size=size, media_type=media_type, stored_at=at))


def read_content(content: bytes | BinaryIO, name: str, most: int) -> bytes:
    """A file that is handed in, whole. most: in bytes. Raises StoreError where it is larger, or empty."""
    data = content if isinstance(content, bytes) else content.read(most + 1)
    if len(data) > most:
        raise StoreError(f"{name}: is larger than {most:,} bytes, which is the most that is taken")
    if not data:
        raise StoreError(f"{name}: is empty")
    return data


def _attachment(part: Part) -> Attachment:
    return Attachment(**part.data)


def _data(attachment: Attachment) -> Data:
    return {
        "evidence": attachment.evidence,
        "sha256": attachment.sha256,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size": attachment.size,
    }


def _unknown(institution: str, sha256: str) -> StoreError:
    return StoreError(f"{institution}: has no file {sha256[:12]!r}…")
