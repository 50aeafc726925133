"""Notices: what the secretariat says to all participants, or to some. A notice is never changed or taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, select

from analyzer.programme.desk import Desk, unknown_participant
from analyzer.programme.participant import Signature
from analyzer.programme.refusal import PortalError
from analyzer.programme.texts import one_line, paragraph
from analyzer.store.items import OF_PROGRAMME, Item, read_items
from analyzer.store.principal import Principal, needs, require
from analyzer.store.tables import PROGRAMME_ITEMS

_TITLE: Final = 200
_TEXT: Final = 8_000


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice. to: the institutions it is for, None for all that take part; an institution sees itself alone there."""

    id: str
    title: str
    text: str
    to: tuple[str, ...] | None
    signed: Signature


class Notices:
    """The notices of all programmes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @needs("run_programme")
    def publish(
        self, principal: Principal, programme: str, title: str, text: str, to: Sequence[str] | None = None
    ) -> None:
        """Publish a notice and tell everybody it is for. to: institutions, None for all, also those enrolled later.

        Raises UnknownInstitutionError where one of them takes no part.
        """
        require(principal, "run_programme")
        headed, said = one_line(title, "件名", _TITLE), paragraph(text, "本文", _TEXT)
        if to is not None and not to:
            raise PortalError("お知らせを届ける医療機関を選んでください。", "a notice to nobody")
        with self._desk.act(principal, programme, OF_PROGRAMME, "publish_notice") as act:
            enrolled = _enrolled(act.connection, programme)
            meant = None if to is None else tuple(sorted(set(to)))
            for each in meant or ():
                if each not in enrolled:
                    raise unknown_participant(programme, each)
            data = {"title": headed, "text": said, "to": None if meant is None else list(meant)}
            act.add("notice", {**data, "signed": act.signature.data()})
            for each in enrolled if meant is None else meant:
                act.outbox.tell_institution(each, "notice_published", f"お知らせ「{headed}」が届きました。")

    @needs("take_part")
    def for_institution(self, principal: Principal, programme: str, institution: str) -> tuple[Notice, ...]:
        """The notices that an institution is to read, the latest first. Raises where it takes no part."""
        require(principal, "take_part", institution)
        self._desk.programme(programme)
        with self._desk.database.reading() as connection:
            if not read_items(connection, programme, institution, "enrolment"):
                raise unknown_participant(programme, institution)
            found = _notices(read_items(connection, programme, OF_PROGRAMME, "notice"))
        # Whom else the secretariat wrote to is nobody's business.
        return tuple(
            each if each.to is None else replace(each, to=(institution,))
            for each in found
            if each.to is None or institution in each.to
        )

    @needs("run_programme")
    def all(self, principal: Principal, programme: str) -> tuple[Notice, ...]:
        """Every notice of a programme, the latest first."""
        require(principal, "run_programme")
        self._desk.programme(programme)
        with self._desk.database.reading() as connection:
            return tuple(_notices(read_items(connection, programme, OF_PROGRAMME, "notice")))


def _enrolled(connection: Connection, programme: str) -> tuple[str, ...]:
    query = select(PROGRAMME_ITEMS.c.institution).where(
        PROGRAMME_ITEMS.c.programme == programme, PROGRAMME_ITEMS.c.kind == "enrolment"
    )
    return tuple(connection.execute(query.order_by(PROGRAMME_ITEMS.c.institution)).scalars())


def _notices(items: Iterable[Item]) -> list[Notice]:
    return [
        Notice(
            item.key,
            item.data["title"],
            item.data["text"],
            None if item.data["to"] is None else tuple(item.data["to"]),
            Signature(**item.data["signed"]),
        )
        for item in reversed(tuple(items))
    ]
