"""Institutions' records in the store: read whole, changed part by part, each change checked, versioned, remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from analyzer.errors import InputError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import institution_of, read_institution_data
from analyzer.knowledge.yamlwriter import write_document
from analyzer.model.institution import Institution
from analyzer.store import events
from analyzer.store.database import Database, StoreError
from analyzer.store.events import Change, Event
from analyzer.store.parts import ANALYSIS_KIND, KINDS, OF_FILE, Data, Part, PartKind, document_of, parts_of
from analyzer.store.principal import Action, Principal, may, needs, require
from analyzer.store.tables import INSTITUTIONS, PARTS

Clock = Callable[[], datetime]
PartKey = tuple[PartKind, str]
ABSENT: Final = 0
"""The version of a part that is not there."""
_OF_RECORD: Final = (*KINDS, ANALYSIS_KIND)
_NEEDED: Final[Mapping[PartKind, Action]] = {
    "identity": "profile",
    "integrator": "profile",
    "fact": "profile",
    "service": "profile",
    "answer": "answer",
    "evidence": "answer",
    "attachment": "answer",
    "comment": "comment",
}


def now() -> datetime:
    """The moment, in UTC: only the store's entries are dated by the clock, never a judgement."""
    return datetime.now(UTC)


def moment(at: datetime) -> str:
    """A moment as the store writes it: `2026-11-22T08:15:00.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class PartChange:
    """A wish to set a part (data None: remove it), made by somebody who saw it at version `expected`."""

    kind: PartKind
    key: str
    data: Data | None
    expected: int


@dataclass(frozen=True, slots=True)
class Collision:
    """A part that somebody else changed meanwhile: what it is now, and who changed it when."""

    wanted: PartChange
    version: int
    data: Data | None
    actor: str
    at: str


class ConflictError(StoreError):
    """Parts were changed meanwhile; nothing of what was asked has been written."""

    def __init__(self, institution: str, collisions: Sequence[Collision]) -> None:
        self.collisions = tuple(collisions)
        named = ", ".join(f"{each.wanted.kind} {each.wanted.key!r} by {each.actor}" for each in self.collisions)
        super().__init__(f"{institution}: changed meanwhile: {named}; read it again and decide")


class UnknownInstitutionError(StoreError):
    """There is no such institution, or the account may not know of it."""


@dataclass(frozen=True, slots=True)
class Record:
    """An institution as the store holds it.

    versions: of every part, by kind and key. document: the data of its file. extras: attachments and comments.
    """

    institution: Institution
    document: Data
    versions: Mapping[PartKey, int]
    extras: tuple[Part, ...]

    def version(self, kind: PartKind, key: str) -> int:
        """The version of a part, ABSENT where it is not there."""
        return self.versions.get((kind, key), ABSENT)


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a change of a record is known: the latest version of its parts, and how many parts there are, since a
    removed one leaves no version behind.
    """

    version: int
    parts: int


class Records:
    """The institutions of a store. Safe to share between threads."""

    def __init__(self, database: Database, knowledge: KnowledgeBase, clock: Clock = now) -> None:
        self._database = database
        self._knowledge = knowledge
        self._clock = clock

    @needs("read")
    def names(self, principal: Principal) -> dict[str, str]:
        """The institutions an account may read: id → name, by id."""
        require(principal, "read")
        query = (
            select(PARTS.c.institution, PARTS.c.data).where(PARTS.c.kind == "identity").order_by(PARTS.c.institution)
        )
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return {
            row.institution: str(events.loads(row.data).get("name"))
            for row in found
            if may(principal, "read", row.institution)
        }

    @needs("read")
    def stamps(self, principal: Principal) -> dict[str, Stamp]:
        """The institutions an account may read, each with a stamp that is another one after every change."""
        require(principal, "read")
        query = select(PARTS.c.institution, func.max(PARTS.c.version), func.count()).group_by(PARTS.c.institution)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return {row[0]: Stamp(row[1], row[2]) for row in found if may(principal, "read", row[0])}

    @needs("read")
    def read(self, principal: Principal, institution: str) -> Record:
        """A record as it stands. Raises UnknownInstitutionError."""
        require(principal, "read")
        self._require_known(principal, "read", institution)
        with self._database.reading() as connection:
            parts = _read_parts(connection, institution)
        if not parts:
            raise UnknownInstitutionError(f"no institution {institution!r} in the store")
        return self._record(institution, parts)

    @needs("read")
    def export_file(self, principal: Principal, institution: str) -> bytes:
        """The record as an institution's file (YAML), from which it can be made again without loss."""
        return write_document(self.read(principal, institution).document, "institution")

    @needs("create")
    def create(self, principal: Principal, content: bytes, name: str) -> Record:
        """Take an institution's file into the store. Raises InputError for faults, StoreError where the id exists."""
        require(principal, "create")
        document = read_institution_data(content, name, self._knowledge)
        identity = document["institution"]["id"]
        with self._database.writing() as connection:
            self._lock(connection)
            if connection.execute(select(INSTITUTIONS.c.id).where(INSTITUTIONS.c.id == identity)).first():
                raise StoreError(f"{name}: the store has an institution {identity!r} already")
            connection.execute(insert(INSTITUTIONS).values(id=identity, created_at=moment(self._clock())))
            changes = [PartChange(part.kind, part.key, part.data, ABSENT) for part in parts_of(document)]
            after = self._write(connection, principal, identity, changes, {}, "create", name)
        return self._record(identity, after)

    @needs("read")
    def differences(self, principal: Principal, institution: str, document: Data) -> list[PartChange]:
        """The changes that would make a record hold this data instead; what no file has stays."""
        record = self.read(principal, institution)
        wanted = {(part.kind, part.key): part.data for part in parts_of(document)}
        present = {(part.kind, part.key): part.data for part in parts_of(record.document)}
        changed = [
            PartChange(*place, data, record.version(*place))
            for place, data in wanted.items()
            if present.get(place) != data
        ]
        gone = [PartChange(*place, None, record.version(*place)) for place in present if place not in wanted]
        return [*gone, *changed]

    @needs("answer")
    def change(
        self,
        principal: Principal,
        institution: str,
        changes: Sequence[PartChange],
        *,
        action: str = "edit",
        source: str = "app",
    ) -> Record:
        """Make changes, all or none; what changes nothing is left out.

        Raises ConflictError where a part is no longer at the version that was seen, InputError where the record would
        not be a valid institution afterwards, ForbiddenError where the account may not change a part of that kind.
        """
        wanted: list[Action] = list(dict.fromkeys(_NEEDED[change.kind] for change in changes)) or ["read"]
        for needed in wanted:
            require(principal, needed)
            self._require_known(principal, needed, institution)
        if any(each.kind == "attachment" and each.data is not None for each in changes):
            # Whoever could name any hash here could read the files of others.
            raise StoreError(f"{institution}: a file is attached by handing it in, not by naming it")
        return self._change(principal, institution, changes, action, source)

    @needs("answer")
    def attach(self, principal: Principal, institution: str, attachment: PartChange, *, source: str = "app") -> Record:
        """Put a file's attachment into the record. Only for `EvidenceFiles`, which has the file itself.

        Raises what `change` raises, InputError where the record has no such evidence.
        """
        require(principal, "answer")
        self._require_known(principal, "answer", institution)
        return self._change(principal, institution, [attachment], "attach", source)

    def _change(
        self, principal: Principal, institution: str, changes: Sequence[PartChange], action: str, source: str
    ) -> Record:
        if len({(each.kind, each.key) for each in changes}) < len(changes):
            raise StoreError(f"{institution}: a part is to be changed twice at once")
        with self._database.writing() as connection:
            self._lock(connection)
            present = _read_parts(connection, institution)
            if not present:
                raise UnknownInstitutionError(f"no institution {institution!r} in the store")
            effective = [each for each in changes if _data(present, each) != each.data]
            collisions = [
                self._collision(connection, institution, each, present)
                for each in effective
                if present.get((each.kind, each.key), (ABSENT,))[0] != each.expected
            ]
            if collisions:
                raise ConflictError(institution, collisions)
            after = self._write(connection, principal, institution, effective, present, action, source)
        return self._record(institution, after)

    @needs("read")
    def history(
        self,
        principal: Principal,
        institution: str,
        kind: PartKind | None = None,
        key: str | None = None,
        limit: int = 200,
    ) -> list[Event]:
        """What was changed in the record and analyses kept, the latest first; nothing of support programmes."""
        require(principal, "read")
        self._require_known(principal, "read", institution)
        if kind is not None and kind not in KINDS:
            raise StoreError(f"{institution}: {kind!r} is not a kind of part of a record")
        with self._database.reading() as connection:
            return events.history(connection, institution, _OF_RECORD if kind is None else [kind], key, limit)

    @needs("answer")
    def undo(self, principal: Principal, institution: str, number: int) -> Record:
        """Take back one change. Raises ConflictError where the part has been changed again since."""
        require(principal, "answer")
        self._require_known(principal, "answer", institution)
        with self._database.reading() as connection:
            found = events.event(connection, number)
        if found is None or found.change.institution != institution:
            raise StoreError(f"{institution}: no event {number}")
        done = found.change
        kind = next((kind for kind in KINDS if kind == done.kind), None)
        if kind is None:
            raise StoreError(f"{institution}: event {number} is not a change of the record")
        require(principal, _NEEDED[kind], institution)
        expected = number if done.after is not None else ABSENT
        back = PartChange(kind, done.key, done.before, expected)
        return self._change(principal, institution, [back], "undo", f"event {number}")

    def _record(self, institution: str, parts: _Parts) -> Record:
        whole = [Part(*place, data) for place, (_, data) in parts.items()]
        try:
            document = document_of(whole)
        except (KeyError, TypeError) as error:
            raise StoreError(f"{institution}: the record is damaged; restore the latest backup") from error
        return Record(
            institution=institution_of(document, institution, self._knowledge)[0],
            document=document,
            versions={place: version for place, (version, _) in parts.items()},
            extras=tuple(part for part in whole if part.kind not in OF_FILE),
        )

    def _write(
        self,
        connection: Connection,
        principal: Principal,
        institution: str,
        changes: Sequence[PartChange],
        present: _Parts,
        action: str,
        source: str,
    ) -> _Parts:
        """Write changes and return what the record is with them: not with what others change right afterwards."""
        after = dict(present)
        for each in changes:
            if each.kind == "fact" and each.data is not None and set(each.data) != {"value"}:
                raise StoreError(f"{institution}: a fact is given as its value, nothing else")
            if each.kind == "comment":
                _require_own_new_comment(each, present, principal)
            if each.data is None:
                after.pop((each.kind, each.key), None)
            else:
                after[each.kind, each.key] = (ABSENT, each.data)
        document = document_of(Part(*place, data) for place, (_, data) in after.items())
        if document["institution"].get("id") != institution:
            raise InputError.single(institution, "the id of an institution cannot be changed", path="institution.id")
        institution_of(document, institution, self._knowledge)
        if {(part.kind, part.key) for part in parts_of(document)} != {place for place in after if place[0] in OF_FILE}:
            raise StoreError(f"{institution}: a part says that it is another one than its key does")
        evidence = {item["id"] for item in document["evidence"]}
        for place, (_, data) in after.items():
            if place[0] == "attachment" and data["evidence"] not in evidence:
                message = f"evidence {data['evidence']!r} is not there, but the file {data['name']!r} is attached to it"
                raise InputError.single(institution, message)
        said = [
            Change(action, institution, each.kind, each.key, _data(present, each), each.data, source)
            for each in changes
        ]
        numbers = events.append(connection, principal.login, moment(self._clock()), said)
        last = connection.execute(
            select(func.max(PARTS.c.position)).where(PARTS.c.institution == institution)
        ).scalar_one()
        position = -1 if last is None else last
        for each, number in zip(changes, numbers, strict=True):
            where = (PARTS.c.institution == institution) & (PARTS.c.kind == each.kind) & (PARTS.c.key == each.key)
            text = events.dumps(each.data)
            if text is None:
                connection.execute(delete(PARTS).where(where))
                continue
            after[each.kind, each.key] = (number, events.loads(text))
            if (each.kind, each.key) in present:
                connection.execute(update(PARTS).where(where).values(data=text, version=number))
            else:
                position += 1
                connection.execute(
                    insert(PARTS).values(
                        institution=institution,
                        kind=each.kind,
                        key=each.key,
                        position=position,
                        data=text,
                        version=number,
                    )
                )
        return after

    @staticmethod
    def _lock(connection: Connection) -> None:
        """Wait for other writers, before anything is read that the writing depends on."""
        events.lock(connection)

    def _collision(self, connection: Connection, institution: str, wanted: PartChange, present: _Parts) -> Collision:
        version, data = present.get((wanted.kind, wanted.key), (ABSENT, None))
        latest = events.history(connection, institution, [wanted.kind], wanted.key, limit=1)
        actor, at = (latest[0].actor, latest[0].at) if latest else ("", "")
        return Collision(wanted, version, data, actor, at)

    @staticmethod
    def _require_known(principal: Principal, action: Action, institution: str) -> None:
        if not may(principal, "read", institution):
            raise UnknownInstitutionError(f"no institution {institution!r} in the store")
        require(principal, action, institution)


def _require_own_new_comment(change: PartChange, present: _Parts, principal: Principal) -> None:
    """Comments are only added, each by the account that it names."""
    if change.data is None or (change.kind, change.key) in present:
        raise StoreError("a comment cannot be changed or removed")
    if change.data.get("login") != principal.login:
        raise StoreError("a comment names the account that makes it")


_Parts = dict[PartKey, tuple[int, Data]]


def _read_parts(connection: Connection, institution: str) -> _Parts:
    """Version and data of every part, in the record's order."""
    query = select(PARTS).where(PARTS.c.institution == institution).order_by(PARTS.c.position)
    return {(row.kind, row.key): (row.version, events.loads(row.data)) for row in connection.execute(query)}


def _data(present: _Parts, change: PartChange) -> Data | None:
    found = present.get((change.kind, change.key))
    return found[1] if found else None
