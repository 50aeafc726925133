"""The audit trail: every change is an event that is only ever added, chained to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from analyzer.store.database import StoreError
from analyzer.store.parts import KINDS
from analyzer.store.tables import CHAIN, EVENTS, PARTS

Data = dict[str, Any]
GENESIS: Final = "0" * 64
_BLOCK: Final = 1000
_SOURCE_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Change:
    """What an event records. kind and key: the part of the institution's record, or e.g. `account` and the login.

    before, after: the part's data, None where there was or is none. source: by what way it was made, e.g. `app`.
    """

    action: str
    institution: str | None
    kind: str
    key: str
    before: Data | None
    after: Data | None
    source: str = "app"


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it stands in the trail. at: ISO 8601 in UTC."""

    number: int
    at: str
    actor: str
    change: Change
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFault:
    """Something in the trail, or beside it, that is not as it was written. number: the event, None for a part."""

    number: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a verification found. last, head: number and hash of the last event, to be noted and compared later."""

    events: int
    last: int
    head: str
    faults: tuple[AuditFault, ...]


def dumps(data: Data | None) -> str | None:
    """Data as the one text that stands for it: keys in order, no spaces."""
    if data is None:
        return None
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def loads(text: str) -> Data:
    """The data that a text of `dumps` stands for. Raises StoreError where it is none any more."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise StoreError(
            "the database holds a text that is damaged; see `sansho store check`, restore the latest backup"
        )
    return data


def lock(connection: Connection) -> tuple[int, str]:
    """Wait for other writers and return the last event's number and hash."""
    head = connection.execute(select(CHAIN.c.number, CHAIN.c.hash).where(CHAIN.c.id == 1).with_for_update()).one()
    return head.number, head.hash


def append(connection: Connection, actor: str, at: str, changes: Sequence[Change]) -> list[int]:
    """Add events and return their numbers, in order. The connection has to be in a writing transaction."""
    number, previous = lock(connection)
    first = number + 1
    rows = []
    for change in changes:
        number += 1
        row = {
            "number": number,
            "at": at,
            "actor": actor,
            "action": change.action,
            "source": _short(change.source),
            "institution": change.institution,
            "kind": change.kind,
            "key": change.key,
            "before": dumps(change.before),
            "after": dumps(change.after),
            "previous": previous,
        }
        previous = _hash(row)
        rows.append({**row, "hash": previous})
    if rows:
        connection.execute(insert(EVENTS), rows)
        connection.execute(update(CHAIN).where(CHAIN.c.id == 1).values(number=number, hash=previous))
    return list(range(first, number + 1))


def history(
    connection: Connection,
    institution: str | None,
    kinds: Collection[str] | None = None,
    key: str | None = None,
    limit: int = 200,
) -> list[Event]:
    """The latest events first; of an institution, or (None) those that concern none, narrowed to kinds and a key."""
    query = select(EVENTS).where(EVENTS.c.institution == institution).order_by(EVENTS.c.number.desc()).limit(limit)
    if kinds is not None:
        query = query.where(EVENTS.c.kind.in_(kinds))
    if key is not None:
        query = query.where(EVENTS.c.key == key)
    return [_event(row) for row in connection.execute(query).mappings()]


def event(connection: Connection, number: int) -> Event | None:
    """One event; None where there is none of that number."""
    row = connection.execute(select(EVENTS).where(EVENTS.c.number == number)).mappings().one_or_none()
    return _event(row) if row is not None else None


def verify(connection: Connection, known_head: tuple[int, str] | None = None) -> AuditReport:
    """Check every event, their order, the end of the trail, and that the records are what the events say.

    known_head: number and hash of an event noted earlier; tells of a trail that was written anew as a whole.
    """
    faults: list[AuditFault] = []
    state: dict[tuple[str, str, str], tuple[str, int]] = {}
    expected, previous, count = 1, GENESIS, 0
    hashes: dict[int, str] = {}
    for row in _rows(connection, select(EVENTS).order_by(EVENTS.c.number)):
        number = row["number"]
        if number != expected:
            missing = str(expected) if number == expected + 1 else f"{expected} to {number - 1}"
            faults.append(AuditFault(expected, f"event {missing} has been removed"))
        elif row["previous"] != previous:
            faults.append(AuditFault(number, f"event {number} does not follow the one before it: order was changed"))
        if _hash({name: row[name] for name in row if name != "hash"}) != row["hash"]:
            faults.append(AuditFault(number, f"event {number} has been altered"))
        expected, previous, count = number + 1, row["hash"], count + 1
        if known_head is not None and number == known_head[0]:
            hashes[number] = row["hash"]
        if row["institution"] is not None and row["kind"] in KINDS:
            place = (row["institution"], row["kind"], row["key"])
            if row["after"] is None:
                state.pop(place, None)
            else:
                state[place] = (row["after"], number)
    head = connection.execute(select(CHAIN.c.number, CHAIN.c.hash).where(CHAIN.c.id == 1)).one_or_none()
    if head is None or (head.number, head.hash) != (expected - 1, previous):
        last = head.number if head is not None else "?"
        faults.append(AuditFault(expected, f"the trail ends at event {expected - 1}, but {last} were written"))
    if known_head is not None and hashes.get(known_head[0], GENESIS) != known_head[1]:
        faults.append(AuditFault(known_head[0], f"event {known_head[0]} is not the one whose hash was noted"))
    faults += _state_faults(connection, state)
    return AuditReport(count, expected - 1, previous, tuple(faults))


def _state_faults(connection: Connection, state: dict[tuple[str, str, str], tuple[str, int]]) -> Iterator[AuditFault]:
    """Parts of records that are not what their last event says."""
    present = {
        (row["institution"], row["kind"], row["key"]): (row["data"], row["version"])
        for row in _rows(connection, select(PARTS).order_by(PARTS.c.institution, PARTS.c.kind, PARTS.c.key))
    }
    for place in sorted({*state, *present}):
        if state.get(place) != present.get(place):
            known = state.get(place)
            named = f"{place[0]}: {place[1]} {place[2]!r}"
            reason = "is not what the trail says" if known else "stands in the record without an event"
            yield AuditFault(known[1] if known else None, f"{named} {reason}")


def _short(source: str) -> str:
    """A source, often a file's path, as any database can hold it; the end of a path says more than its beginning."""
    readable = source.encode("utf-8", "replace").decode().replace("\0", "?")
    return readable if len(readable) <= _SOURCE_LENGTH else f"…{readable[1 - _SOURCE_LENGTH :]}"


def _hash(row: Data) -> str:
    covered = [row[name] for name in _COVERED]
    text = json.dumps(covered, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_COVERED: Final = tuple(column.name for column in EVENTS.columns if column.name != "hash")


def _event(row: RowMapping) -> Event:
    return Event(
        number=row["number"],
        at=row["at"],
        actor=row["actor"],
        change=Change(
            action=row["action"],
            institution=row["institution"],
            kind=row["kind"],
            key=row["key"],
            before=loads(row["before"]) if row["before"] is not None else None,
            after=loads(row["after"]) if row["after"] is not None else None,
            source=row["source"],
        ),
        previous=row["previous"],
        hash=row["hash"],
    )


def _rows(connection: Connection, query: Select[Any]) -> Iterable[RowMapping]:
    return connection.execute(query.execution_options(yield_per=_BLOCK)).mappings()
