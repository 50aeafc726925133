"""Where a programme's changes are written: items, events, notifications and mails of one act in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Literal

from sqlalchemy import Connection, select

from analyzer.programme.mail_settings import MailSettings
from analyzer.programme.model import MailEvent, Programme
from analyzer.programme.outbox import Outbox
from analyzer.programme.participant import Participant, Proposal, Signature, StepRecord, participant_of
from analyzer.programme.refusal import UnknownProgrammeError
from analyzer.store import events
from analyzer.store.database import Database
from analyzer.store.items import OF_PROGRAMME, Item, ItemChange, ItemKind, next_key, read_items, write_items
from analyzer.store.parts import Data
from analyzer.store.principal import Principal
from analyzer.store.records import ABSENT, Clock, UnknownInstitutionError, moment, now
from analyzer.store.tables import PROGRAMME_ITEMS


@dataclass
class Act:
    """What one person does at once: the participant as it was seen under the lock, and what is to change."""

    connection: Connection
    programme: Programme
    institution: str
    signature: Signature
    items: Mapping[tuple[ItemKind, str], Item]
    outbox: Outbox
    changes: list[ItemChange] = field(default_factory=list)

    @cached_property
    def participant(self) -> Participant:
        """The participant before this act. Raises UnknownInstitutionError where the institution takes no part."""
        return participant_of(self.programme, self.institution, self.items)

    def step(self, identity: str) -> StepRecord:
        """What has happened in a step. Raises PortalError where the programme has no such step."""
        return self.participant.step(identity)

    def step_of(self, kind: Literal["registration", "consent"]) -> str | None:
        """The id of the programme's step of a kind."""
        step = self.programme.step_of_kind(kind)
        return step.id if step is not None else None

    def find(self, kind: ItemKind, key: str) -> Item | None:
        """An item as it was before."""
        return self.items.get((kind, key))

    def set(self, kind: ItemKind, key: str, data: Data, expected: int | None = None) -> None:
        """Set an item. expected: the version that the person saw; None where the lock alone has to do."""
        known = self.find(kind, key)
        version = known.version if known is not None else ABSENT
        self.changes.append(ItemChange(kind, key, data, version if expected is None else expected))

    def remove(self, kind: ItemKind, key: str) -> None:
        """Remove an item that is there."""
        self.changes.append(ItemChange(kind, key, None, self.items[kind, key].version))

    def set_schedule(
        self, step: str, proposals: Sequence[Proposal], *, agreed: str | None, other: str | None, expected: int
    ) -> None:
        """Set a step's schedule as the person who saw it at version `expected` wants it."""
        data = {"proposals": [asdict(each) for each in proposals], "agreed": agreed, "other": other}
        self.set("schedule", step, {**data, "signed": self.signature.data()}, expected)

    def add(self, kind: ItemKind, data: Data, prefix: str = "") -> str:
        """Add an item that nobody changes any more and return its key, which counts up within the prefix."""
        key = next_key(self.connection, self.programme.id, self.institution, kind, prefix)
        self.changes.append(ItemChange(kind, key, data, ABSENT))
        return key

    def tell_institution(self, event: MailEvent, text: str, step: str | None = None) -> None:
        """Notify those who act for the institution, and queue their mails."""
        self.outbox.tell_institution(self.institution, event, text, step)

    def tell_secretariat(self, event: MailEvent, text: str, step: str | None = None) -> None:
        """Notify the secretariat's accounts, and queue the mail to its mailbox."""
        self.outbox.tell_secretariat(self.institution, event, text, step)


class Desk:
    """Reads and writes the items of programmes. Safe to share between threads.

    mail: how mail is sent, None where it is off.
    """

    def __init__(
        self,
        database: Database,
        programmes: Mapping[str, Programme],
        clock: Clock = now,
        mail: MailSettings | None = None,
    ) -> None:
        self.database = database
        self.programmes = programmes
        self.clock = clock
        self.mail = mail

    def programme(self, identity: str) -> Programme:
        """A programme. Raises UnknownProgrammeError."""
        found = self.programmes.get(identity)
        if found is None:
            raise UnknownProgrammeError(f"no programme {identity!r}")
        return found

    @contextmanager
    def act(
        self, principal: Principal, programme: str, institution: str, action: str, *, source: str = "app"
    ) -> Iterator[Act]:
        """One act: everything that is set, added and told in the block is written at its end, or nothing of it.

        institution: OF_PROGRAMME for what concerns the whole programme. The caller has asked for the right.
        """
        meant = self.programme(programme)
        with self.database.writing() as connection:
            events.lock(connection)
            at = moment(self.clock())
            held = {(item.kind, item.key): item for item in read_items(connection, programme, institution)}
            signature = Signature(principal.login, principal.name, at)
            act = Act(connection, meant, institution, signature, held, Outbox(connection, meant, signature, self.mail))
            if institution != OF_PROGRAMME and ("enrolment", "") not in held and action != "enrol":
                raise unknown_participant(programme, institution)
            yield act
            if act.changes:
                write_items(
                    connection, principal.login, at, programme, institution, act.changes, action=action, source=source
                )
            act.outbox.send()

    def programmes_of(self, institution: str) -> tuple[str, ...]:
        """The programmes that are known here in which an institution takes part, the latest first."""
        with self.database.reading() as connection:
            enrolled = self.enrolled(connection, [institution])
        found = [self.programmes[each] for each in enrolled if each in self.programmes]
        return tuple(each.id for each in sorted(found, key=lambda each: each.period.starts_on, reverse=True))

    @staticmethod
    def enrolled(connection: Connection, institutions: Sequence[str]) -> tuple[str, ...]:
        """The programmes, known here or not, in which any of the institutions takes part."""
        query = select(PROGRAMME_ITEMS.c.programme).where(
            PROGRAMME_ITEMS.c.institution.in_(institutions), PROGRAMME_ITEMS.c.kind == "enrolment"
        )
        return tuple(connection.execute(query.distinct()).scalars())

    def read(self, programme: str, institution: str) -> Participant:
        """A participant as it stands. Raises UnknownInstitutionError, UnknownProgrammeError."""
        meant = self.programme(programme)
        with self.database.reading() as connection:
            held = {(item.kind, item.key): item for item in read_items(connection, programme, institution)}
        return participant_of(meant, institution, held)


def unknown_participant(programme: str, institution: str) -> UnknownInstitutionError:
    """What is raised for an institution that takes no part; the same where it does not exist."""
    return UnknownInstitutionError(f"{programme}: no participant {institution!r}")
