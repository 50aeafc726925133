"""What an account was told in the app: read and unread, for its owner alone.

No right is asked for, since each is the caller's own; but only what concerns institutions that the account may still
act for is shown. An account whose first password has not been replaced has none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, func, literal, select, update

from analyzer.programme.desk import Desk
from analyzer.programme.model import MailEvent
from analyzer.store.items import OF_PROGRAMME
from analyzer.store.principal import Principal, may
from analyzer.store.records import moment
from analyzer.store.tables import NOTIFICATIONS

MOST: Final = 500
"""How many notifications one list, or one marking, is about at most."""
COUNTED: Final = 100
"""Unread ones are counted up to this; a screen says `99+`."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification. link: page and query in the app. at, read_at: ISO 8601 in UTC; read_at None while unread."""

    id: str
    at: str
    programme: str
    institution: str
    step: str | None
    event: MailEvent
    text: str
    link: str
    read_at: str | None


# Within the class the word stands for its method.
_Found = list[Notification]


class Notifications:
    """The notifications of accounts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(self, principal: Principal, *, unread_only: bool = False, limit: int = 50) -> _Found:
        """One's own, the latest first."""
        own = _own(principal)
        if own is None:
            return []
        query = select(NOTIFICATIONS).where(own)
        if unread_only:
            query = query.where(NOTIFICATIONS.c.read_at.is_(None))
        query = query.order_by(NOTIFICATIONS.c.at.desc(), NOTIFICATIONS.c.id.desc()).limit(max(0, min(limit, MOST)))
        with self._desk.database.reading() as connection:
            return [_notification(row) for row in connection.execute(query)]

    def unread(self, principal: Principal) -> int:
        """How many of one's own are unread, COUNTED at most; cheap enough to be asked for at every redraw."""
        own = _own(principal)
        if own is None:
            return 0
        some = select(literal(1)).where(own, NOTIFICATIONS.c.read_at.is_(None)).limit(COUNTED).subquery()
        with self._desk.database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(some)).scalar_one())

    def mark_read(self, principal: Principal, ids: Collection[str] | None = None) -> None:
        """Mark one's own as read: those of the ids, or all of them. Ids of others' are passed over."""
        self._mark(principal, ids, moment(self._desk.clock()))

    def mark_unread(self, principal: Principal, ids: Collection[str]) -> None:
        """Mark one's own as unread again."""
        self._mark(principal, ids, None)

    def _mark(self, principal: Principal, ids: Collection[str] | None, read_at: str | None) -> None:
        own = _own(principal)
        if own is None or (ids is not None and not ids):
            return
        # What is read already keeps the moment at which it was read first.
        change = NOTIFICATIONS.c.read_at.is_(None) if read_at is not None else NOTIFICATIONS.c.read_at.is_not(None)
        where = and_(own, change)
        if ids is not None:
            where = and_(where, NOTIFICATIONS.c.id.in_(sorted(ids)[:MOST]))
        with self._desk.database.writing() as connection:
            connection.execute(update(NOTIFICATIONS).where(where).values(read_at=read_at))


def _own(principal: Principal) -> ColumnElement[bool] | None:
    """Which notifications are the caller's to see today; None for none."""
    mine = NOTIFICATIONS.c.login == principal.login
    if may(principal, "run_programme"):
        return mine
    if may(principal, "take_part"):
        return and_(mine, NOTIFICATIONS.c.institution.in_(sorted({*principal.institutions, OF_PROGRAMME})))
    return None


def _notification(row: Row[Any]) -> Notification:
    return Notification(
        id=row.id,
        at=row.at,
        programme=row.programme,
        institution=row.institution,
        step=row.step,
        event=row.event,
        text=row.text,
        link=row.link,
        read_at=row.read_at,
    )
