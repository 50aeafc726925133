"""What an act tells people: notifications in the app and, where mail is on, mails. Written with the act itself.

Where mail is off none is queued: one that waits for a server and goes out months later is worse than none.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select

from analyzer.programme.links import institution_link, secretariat_link
from analyzer.programme.mail_settings import MailSettings
from analyzer.programme.mail_texts import MailValues, mail_text
from analyzer.programme.mailing import NewMail, enqueue
from analyzer.programme.model import MailEvent, Programme
from analyzer.programme.participant import Side, Signature
from analyzer.store import events
from analyzer.store.tables import ACCOUNTS, ASSIGNMENTS, NOTIFICATIONS, PROGRAMME_ITEMS

_BLOCK: Final = 500


@dataclass(frozen=True, slots=True)
class _Told:
    to: Side
    institution: str
    event: MailEvent
    text: str
    step: str | None
    due: date | None
    days: int | None


class _Person(NamedTuple):
    """An account that is told. email: None where it has no address."""

    login: str
    name: str
    email: str | None


class Outbox:
    """What one act tells. Nothing is written before `send`, which belongs at the end of the act's transaction.

    signature: whose act it is, and when; they themselves are not told. mail: None where mail is off.
    """

    def __init__(
        self, connection: Connection, programme: Programme, signature: Signature, mail: MailSettings | None
    ) -> None:
        self._connection = connection
        self._programme = programme
        self._signature = signature
        self._mail = mail
        self._told: list[_Told] = []

    def tell_institution(
        self,
        institution: str,
        event: MailEvent,
        text: str,
        step: str | None = None,
        *,
        due: date | None = None,
        days: int | None = None,
    ) -> None:
        """Tell the enabled accounts of role `institution` that are assigned to it; mail to those with an address.

        text: the notification's. due, days: of a date that is near or past, for the mail's text; by default the due
        day of the step, without a number of days.
        """
        self._told.append(_Told("institution", institution, event, _storable(text), step, due, days))

    def tell_secretariat(
        self,
        institution: str,
        event: MailEvent,
        text: str,
        step: str | None = None,
        *,
        due: date | None = None,
        days: int | None = None,
    ) -> None:
        """Tell the enabled accounts of role `secretariat` of what an institution did; one mail to its mailbox."""
        self._told.append(_Told("secretariat", institution, event, _storable(text), step, due, days))

    def send(self) -> None:
        """Write every notification, and queue every mail."""
        if not self._told:
            return
        by_institution = self._persons({each.institution for each in self._told if each.to == "institution"})
        secretariat = self._secretariat() if any(each.to == "secretariat" for each in self._told) else ()
        notifications: list[dict[str, Any]] = []
        mails: list[NewMail] = []
        names = self._names({each.institution for each in self._told})
        stem = uuid.uuid4().hex[:24]
        for told in self._told:
            persons = secretariat if told.to == "secretariat" else by_institution[told.institution]
            for person in persons:
                # Numbered within the act, so that what is told at one moment keeps its order.
                identity = f"{stem}{len(notifications):08x}"
                notifications.append(self._notification(identity, told, person.login))
            if self._mail is not None:
                mails += self._mails(self._mail, told, persons, names.get(told.institution, ""))
        if notifications:
            self._connection.execute(insert(NOTIFICATIONS), notifications)
        if self._mail is not None:
            enqueue(self._connection, self._mail, self._signature.at, mails)

    def _notification(self, identity: str, told: _Told, login: str) -> dict[str, Any]:
        return {
            "id": identity,
            "login": login,
            "at": self._signature.at,
            "programme": self._programme.id,
            "institution": told.institution,
            "step": told.step,
            "event": told.event,
            "text": told.text,
            "link": self._link(told),
            "read_at": None,
        }

    def _mails(
        self, mail: MailSettings, told: _Told, persons: Collection[_Person], institution: str
    ) -> Iterator[NewMail]:
        to: Collection[_Person] = persons
        if told.to == "secretariat":
            office = self._programme.secretariat
            to = () if self._is_own(office.email) else [_Person("", office.name, office.email)]
        for person in to:
            if person.email is not None:
                values = self._values(mail, told, person.name, institution)
                subject, body = mail_text(self._programme.mails.get(told.event), values)
                yield NewMail(person.login or None, person.email, subject, body)

    def _values(self, mail: MailSettings, told: _Told, recipient: str, institution: str) -> MailValues:
        step = self._programme.step_by_id.get(told.step or "")
        return MailValues(
            programme=self._programme.title.ja,
            institution=institution,
            recipient=recipient,
            step=step.title if step is not None else "",
            secretariat=self._programme.secretariat,
            link=f"{mail.app}/{self._link(told)}",
            due=told.due or (step.due if step is not None else None),
            days=told.days,
            text=told.text,
        )

    def _link(self, told: _Told) -> str:
        link = institution_link if told.to == "institution" else secretariat_link
        return link(self._programme.id, told.institution, told.step)

    def _persons(self, institutions: Collection[str]) -> dict[str, list[_Person]]:
        query = (
            select(ASSIGNMENTS.c.institution, ACCOUNTS.c.login, ACCOUNTS.c.name, ACCOUNTS.c.email)
            .join(ACCOUNTS, ACCOUNTS.c.login == ASSIGNMENTS.c.login)
            .where(ACCOUNTS.c.role == "institution", ACCOUNTS.c.disabled.is_(False))
            .where(ACCOUNTS.c.login != self._signature.login)
            .order_by(ACCOUNTS.c.login)
        )
        found: dict[str, list[_Person]] = defaultdict(list)
        for block in _blocks(institutions):
            for row in self._connection.execute(query.where(ASSIGNMENTS.c.institution.in_(block))):
                found[row.institution].append(_Person(row.login, row.name, row.email))
        return found

    def _secretariat(self) -> list[_Person]:
        query = (
            select(ACCOUNTS.c.login, ACCOUNTS.c.name, ACCOUNTS.c.email)
            .where(ACCOUNTS.c.role == "secretariat", ACCOUNTS.c.disabled.is_(False))
            .where(ACCOUNTS.c.login != self._signature.login)
            .order_by(ACCOUNTS.c.login)
        )
        return [_Person(row.login, row.name, row.email) for row in self._connection.execute(query)]

    def _is_own(self, address: str) -> bool:
        query = select(ACCOUNTS.c.email).where(ACCOUNTS.c.login == self._signature.login)
        own = self._connection.execute(query).scalar_one_or_none()
        return own is not None and own == address.lower()

    def _names(self, institutions: Collection[str]) -> dict[str, str]:
        """The institutions' names as they are enrolled."""
        found = {}
        for block in _blocks(institutions):
            query = select(PROGRAMME_ITEMS.c.institution, PROGRAMME_ITEMS.c.data).where(
                PROGRAMME_ITEMS.c.programme == self._programme.id,
                PROGRAMME_ITEMS.c.institution.in_(block),
                PROGRAMME_ITEMS.c.kind == "enrolment",
            )
            for row in self._connection.execute(query):
                found[row.institution] = str(events.loads(row.data).get("name", ""))
        return found


def _blocks(names: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    for start in range(0, len(ordered), _BLOCK):
        yield ordered[start : start + _BLOCK]


def _storable(text: str) -> str:
    """A text that every database and every mail can hold: an act must not fail for what it tells."""
    return "".join(ch for ch in text if ch == "\n" or unicodedata.category(ch) not in {"Cc", "Cs", "Cn"})
