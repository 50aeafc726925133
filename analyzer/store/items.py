"""What is done in a support programme, item by item: the one way in which it is written, each change with its event.

Rights are asked for by the services above, which know whose business an item is; here is what holds for every item.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sqlalchemy import Connection, delete, insert, select, update

from analyzer.store import events
from analyzer.store.database import StoreError
from analyzer.store.events import Change
from analyzer.store.parts import Data
from analyzer.store.records import ABSENT, UnknownInstitutionError
from analyzer.store.tables import INSTITUTIONS, PROGRAMME_ITEMS

ItemKind = Literal[
    "enrolment",
    "registration",
    "check",
    "consent",
    "wish",
    "form",
    "document",
    "file",
    "handout",
    "schedule",
    "progress",
    "message",
    "offer",
    "notice",
    "reminder",
]
ITEM_KINDS: Final[tuple[ItemKind, ...]] = get_args(ItemKind)
APPEND_ONLY: Final[frozenset[ItemKind]] = frozenset(
    {"check", "consent", "file", "handout", "message", "notice", "reminder"}
)
"""Kinds of which an item, once it is there, is never changed and never removed."""
OF_PROGRAMME: Final = ""
"""Stands for the institution where an item is of the whole programme."""
_PROGRAMME: Final = re.compile(r"[a-z0-9-]{1,40}")
_LONGEST_KEY: Final = 160
# An event names the programme before the key.
_LONGEST_EVENT_KEY: Final = 200
_NUMBER: Final = re.compile(r"[0-9]{6,}")


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it stands. version: number of the event that last changed it. position: in the order of coming."""

    kind: ItemKind
    key: str
    data: Data
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class ItemChange:
    """A wish to set an item (data None: remove it), made by somebody who saw it at version `expected`; ABSENT: new."""

    kind: ItemKind
    key: str
    data: Data | None
    expected: int


@dataclass(frozen=True, slots=True)
class ItemCollision:
    """An item that somebody else changed meanwhile: what it is now, and who changed it when."""

    wanted: ItemChange
    version: int
    data: Data | None
    actor: str
    at: str


class ItemConflictError(StoreError):
    """Items were changed meanwhile; nothing of what was asked has been written."""

    def __init__(self, programme: str, institution: str, collisions: Sequence[ItemCollision]) -> None:
        self.collisions = tuple(collisions)
        named = ", ".join(f"{each.wanted.kind} {each.wanted.key!r} by {each.actor}" for each in self.collisions)
        super().__init__(f"{programme} {institution}: changed meanwhile: {named}; read it again and decide")


def read_items(
    connection: Connection, programme: str, institution: str, kind: ItemKind | None = None
) -> tuple[Item, ...]:
    """The items of an institution (OF_PROGRAMME: of the whole programme), in the order in which they came."""
    query = select(PROGRAMME_ITEMS).where(
        PROGRAMME_ITEMS.c.programme == programme, PROGRAMME_ITEMS.c.institution == institution
    )
    if kind is not None:
        query = query.where(PROGRAMME_ITEMS.c.kind == kind)
    return tuple(
        Item(row.kind, row.key, events.loads(row.data), row.version, row.position)
        for row in connection.execute(query.order_by(PROGRAMME_ITEMS.c.position))
    )


def read_everybody(connection: Connection, programme: str) -> dict[str, tuple[Item, ...]]:
    """The items of every institution, by id; what is of the whole programme is left out."""
    query = (
        select(PROGRAMME_ITEMS)
        .where(PROGRAMME_ITEMS.c.programme == programme, PROGRAMME_ITEMS.c.institution != OF_PROGRAMME)
        .order_by(PROGRAMME_ITEMS.c.institution, PROGRAMME_ITEMS.c.position)
    )
    found: dict[str, list[Item]] = {}
    for row in connection.execute(query):
        item = Item(row.kind, row.key, events.loads(row.data), row.version, row.position)
        found.setdefault(row.institution, []).append(item)
    return {institution: tuple(items) for institution, items in found.items()}


def write_items(
    connection: Connection,
    actor: str,
    at: str,
    programme: str,
    institution: str,
    changes: Sequence[ItemChange],
    *,
    action: str,
    source: str = "app",
) -> list[int]:
    """Make changes, all or none, in the caller's writing transaction; each is an event. Returns the events' numbers.

    institution: OF_PROGRAMME for what is of the whole programme. at: as `records.moment` writes it. Raises
    ItemConflictError where an item is no longer at the version that was seen, UnknownInstitutionError, and StoreError
    for what may not be: an APPEND_ONLY item changed or removed, a key that cannot be kept.
    """
    _check(programme, institution, changes)
    events.lock(connection)
    _require_institution(connection, institution)
    present = {(item.kind, item.key): item for item in read_items(connection, programme, institution)}
    collisions = [
        _collision(connection, programme, institution, each, present.get((each.kind, each.key)))
        for each in changes
        if _version(present.get((each.kind, each.key))) != each.expected
    ]
    if collisions:
        raise ItemConflictError(programme, institution, collisions)
    said = []
    for each in changes:
        before = present.get((each.kind, each.key))
        if before is None and each.data is None:
            raise StoreError(f"{programme} {institution}: there is no {each.kind} {each.key!r} to remove")
        said.append(
            Change(
                action=action,
                institution=institution or None,
                kind=each.kind,
                key=event_key(programme, each.key),
                before=before.data if before is not None else None,
                after=each.data,
                source=source,
            )
        )
    numbers = events.append(connection, actor, at, said)
    last = max((item.position for item in present.values()), default=-1)
    for each, number in zip(changes, numbers, strict=True):
        is_new = (each.kind, each.key) not in present
        last += is_new
        _write(connection, programme, institution, each, number, last if is_new else None)
    return numbers


def next_key(connection: Connection, programme: str, institution: str, kind: ItemKind, prefix: str = "") -> str:
    """The next free number as a key, under the chain's lock: `000001`, with the prefix `external_lines` (a slash at its
    end or not) `external_lines/000001`. It is free until an item of that key is written, also for a second asker.
    """
    events.lock(connection)
    stem = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
    query = select(PROGRAMME_ITEMS.c.key).where(
        PROGRAMME_ITEMS.c.programme == programme,
        PROGRAMME_ITEMS.c.institution == institution,
        PROGRAMME_ITEMS.c.kind == kind,
        PROGRAMME_ITEMS.c.key.startswith(stem, autoescape=True),
    )
    ends = (key.removeprefix(stem) for key in connection.execute(query).scalars())
    return f"{stem}{max((int(end) for end in ends if _NUMBER.fullmatch(end)), default=0) + 1:06}"


def event_key(programme: str, key: str) -> str:
    """The key under which the trail knows an item: `security-support-2026 external_lines/000002`."""
    return f"{programme} {key}"


def _check(programme: str, institution: str, changes: Sequence[ItemChange]) -> None:
    """Refuse what no item may be, whatever there is already."""
    named = f"{programme} {institution}".rstrip()
    if not _PROGRAMME.fullmatch(programme):
        raise StoreError(f"{programme!r}: is not the id of a programme")
    if len({(each.kind, each.key) for each in changes}) < len(changes):
        raise StoreError(f"{named}: an item is to be changed twice at once")
    for each in changes:
        if (
            not each.key.isprintable()
            or len(each.key) > _LONGEST_KEY
            or len(event_key(programme, each.key)) > _LONGEST_EVENT_KEY
        ):
            raise StoreError(f"{named}: {each.key[:_LONGEST_KEY]!r} cannot be the key of an item")
        if each.kind in APPEND_ONLY and (each.data is None or each.expected != ABSENT):
            raise StoreError(f"{named}: {each.kind} {each.key!r} cannot be changed or removed")
        try:
            (events.dumps(each.data) or "").encode("utf-8")
        except UnicodeEncodeError as error:
            raise StoreError(f"{named}: {each.kind} {each.key!r}: has a sign that is no character") from error


def _require_institution(connection: Connection, institution: str) -> None:
    if institution == OF_PROGRAMME:
        return
    if connection.execute(select(INSTITUTIONS.c.id).where(INSTITUTIONS.c.id == institution)).first() is None:
        raise UnknownInstitutionError(f"no institution {institution!r} in the store")


def _version(item: Item | None) -> int:
    return item.version if item is not None else ABSENT


def _collision(
    connection: Connection, programme: str, institution: str, wanted: ItemChange, present: Item | None
) -> ItemCollision:
    latest = events.history(connection, institution or None, [wanted.kind], event_key(programme, wanted.key), limit=1)
    actor, at = (latest[0].actor, latest[0].at) if latest else ("", "")
    return ItemCollision(wanted, _version(present), present.data if present is not None else None, actor, at)


def _write(
    connection: Connection, programme: str, institution: str, change: ItemChange, number: int, position: int | None
) -> None:
    """Bring the table to what an event says. position: of a new item, None for one that is there."""
    place = {"programme": programme, "institution": institution, "kind": change.kind, "key": change.key}
    where = [PROGRAMME_ITEMS.c[name] == value for name, value in place.items()]
    text = events.dumps(change.data)
    if text is None:
        connection.execute(delete(PROGRAMME_ITEMS).where(*where))
    elif position is None:
        connection.execute(update(PROGRAMME_ITEMS).where(*where).values(data=text, version=number))
    else:
        connection.execute(insert(PROGRAMME_ITEMS).values(**place, position=position, data=text, version=number))
