"""The audit trail for those who may inspect it: verification of all of it, and what was done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, select

from analyzer.store import events
from analyzer.store.accounts import ACCOUNT, account_of, recorded
from analyzer.store.analyses import analysis_digests
from analyzer.store.database import Database
from analyzer.store.events import AuditFault, AuditReport, Event
from analyzer.store.items import ITEM_KINDS
from analyzer.store.parts import ANALYSIS_KIND
from analyzer.store.principal import Principal, needs, require
from analyzer.store.tables import ACCOUNTS, EVENTS, PROGRAMME_ITEMS

Head = tuple[int, str]


class Audit:
    """The audit trail of a store. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @needs("audit")
    def verify(self, principal: Principal, known_head: Head | None = None) -> AuditReport:
        """Check every event, their order and end, and that records, what was done in programmes, kept analyses and
        accounts are what the events say.

        known_head: number and hash of an event noted earlier; tells of a trail that was written anew as a whole.
        """
        require(principal, "audit")
        with self._database.reading() as connection:
            return verify_all(connection, known_head)

    @needs("audit")
    def log(self, principal: Principal, institution: str | None, limit: int = 200) -> list[Event]:
        """The latest events of an institution, or (None) of what concerns none, such as accounts; latest first."""
        require(principal, "audit")
        with self._database.reading() as connection:
            return events.history(connection, institution, limit=limit)


def verify_all(connection: Connection, known_head: Head | None = None) -> AuditReport:
    """What `Audit.verify` does, on a connection whose view is consistent."""
    report = events.verify(connection, known_head)
    others = (*_analysis_faults(connection), *_account_faults(connection), *_item_faults(connection))
    return replace(report, faults=(*report.faults, *others))


def _analysis_faults(connection: Connection) -> Iterator[AuditFault]:
    query = select(EVENTS.c.number, EVENTS.c.institution, EVENTS.c.key, EVENTS.c.after)
    said: dict[tuple[str, str], tuple[str, int]] = {}
    for row in connection.execute(query.where(EVENTS.c.kind == ANALYSIS_KIND)):
        said[row.institution, row.key] = (_digest_in(row.after), row.number)
    present = analysis_digests(connection)
    for place in sorted({*said, *present}):
        named = f"{place[0]}: analysis {place[1]}"
        if place not in said:
            yield AuditFault(None, f"{named} stands in the store without an event")
        elif place not in present:
            yield AuditFault(said[place][1], f"{named} has been removed")
        elif said[place][0] != present[place]:
            yield AuditFault(said[place][1], f"{named} is not what the trail says")


def _digest_in(after: str | None) -> str:
    """The digest that an event names; none where the event was altered so far that it names no more."""
    try:
        found = json.loads(after or "")["sha256"]
    except (ValueError, KeyError, TypeError):
        return ""
    return str(found)


def _account_faults(connection: Connection) -> Iterator[AuditFault]:
    """Accounts whose role, institutions, name, address or state are not what the trail says."""
    query = select(EVENTS.c.number, EVENTS.c.key, EVENTS.c.after).where(EVENTS.c.kind == ACCOUNT)
    said: dict[str, tuple[dict[str, Any], int]] = {}
    for row in connection.execute(query.order_by(EVENTS.c.number)):
        after = _object(row.after)
        # Log-ins are events of the account too; they say nothing of what it may do.
        if "role" in after:
            said[row.key] = (after, row.number)
    present = {row.login: account_of(connection, row.login) for row in connection.execute(select(ACCOUNTS.c.login))}
    for login in sorted({*said, *present}):
        account = present.get(login)
        if login not in said:
            yield AuditFault(None, f"account {login!r} stands in the store without an event")
        elif account is None:
            yield AuditFault(said[login][1], f"account {login!r} has been removed")
        else:
            after, number = said[login]
            now = recorded(account)
            differing = [name for name in _OF_RIGHTS if after.get(name) != now[name]]
            if differing:
                yield AuditFault(number, f"account {login!r}: {', '.join(differing)} not what the trail says")


def _item_faults(connection: Connection) -> Iterator[AuditFault]:
    """Items of programmes, and their order, that are not what the trail says."""
    query = select(EVENTS.c.number, EVENTS.c.institution, EVENTS.c.kind, EVENTS.c.key, EVENTS.c.after)
    said: dict[_Place, tuple[str, int]] = {}
    came: dict[_Place, int] = {}
    for row in connection.execute(query.where(EVENTS.c.kind.in_(ITEM_KINDS)).order_by(EVENTS.c.number)):
        programme, _, key = row.key.partition(" ")
        place = (programme, row.institution or "", row.kind, key)
        if row.after is None:
            said.pop(place, None)
            came.pop(place, None)
        else:
            said[place] = (row.after, row.number)
            came.setdefault(place, row.number)
    present: dict[_Place, tuple[str, int]] = {}
    latest: dict[tuple[str, str], int] = {}
    disordered: set[tuple[str, str]] = set()
    order = (PROGRAMME_ITEMS.c.programme, PROGRAMME_ITEMS.c.institution, PROGRAMME_ITEMS.c.position)
    for row in connection.execute(select(PROGRAMME_ITEMS).order_by(*order)):
        place = (row.programme, row.institution, row.kind, row.key)
        present[place] = (row.data, row.version)
        number = came.get(place)
        if number is None:
            continue
        if number < latest.get(place[:2], 0):
            disordered.add(place[:2])
        latest[place[:2]] = number
    for place in sorted({*said, *present}):
        if said.get(place) != present.get(place):
            known = said.get(place)
            named = f"{place[0]} {place[1]}".rstrip() + f": {place[2]} {place[3]!r}"
            reason = "is not what the trail says" if known else "stands in the programme without an event"
            yield AuditFault(known[1] if known else None, f"{named} {reason}")
    for programme, institution in sorted(disordered):
        named = f"{programme} {institution}".rstrip()
        yield AuditFault(None, f"{named}: stands in another order than that of the trail")


_Place = tuple[str, str, str, str]
"""Programme, institution (empty: the whole programme), kind and key of an item."""
_OF_RIGHTS: Final = ("name", "role", "institutions", "email", "disabled")


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
