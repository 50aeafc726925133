"""What the tests of the portal share: a small store with participants, accounts and the shipped programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from mail_servers import settings_for
from sqlalchemy import insert, select

from analyzer.programme.desk import Desk
from analyzer.programme.model import Programme
from analyzer.store.accounts import Accounts
from analyzer.store.database import Database
from analyzer.store.passwords import Passwords
from analyzer.store.principal import SINGLE_USER, Principal, Role
from analyzer.store.records import moment
from analyzer.store.signing_in import SigningIn
from analyzer.store.tables import ACCOUNTS, INSTITUTIONS, MAILS, NOTIFICATIONS

PROGRAMME = "security-support-2026"
OFFICE = Principal("office", "事務局の担当", "secretariat")
NURSE = Principal("nurse-a", "看護部 高﨑", "institution", frozenset({"clinic-a"}))
MAIL = settings_for(25)
PASSWORD = "himitsu no 2026"


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class House:
    """A store with clinics that take part, an account of each, and a secretariat. mail is on."""

    database: Database
    desk: Desk
    clock: SetClock
    accounts: Accounts
    signing_in: SigningIn
    passwords: Passwords

    def account(self, login: str, role: Role, institutions: tuple[str, ...] = (), email: str | None = None) -> str:
        made = self.accounts.create(SINGLE_USER, login, f"{login} さん", role, institutions, email)
        return made.first_password

    def clinic(self, name: str) -> None:
        with self.database.writing() as connection:
            connection.execute(insert(INSTITUTIONS).values(id=name, created_at=moment(self.clock())))

    def enrol(self, name: str) -> None:
        with self.desk.act(OFFICE, PROGRAMME, name, "enrol") as act:
            signed = act.signature.data()
            data = {"name": f"医療法人 {name}", "kind": "clinic", "region": None, "number": None, "signed": signed}
            act.set("enrolment", "", data)
            act.set("registration", "", {"values": {}, "signed": signed})

    def told(self) -> list[tuple[str, str]]:
        """Every notification as login and event."""
        with self.database.reading() as connection:
            query = select(NOTIFICATIONS).order_by(NOTIFICATIONS.c.at, NOTIFICATIONS.c.id)
            return [(row.login, row.event) for row in connection.execute(query)]

    def mails(self) -> list[Mapping[str, Any]]:
        """Every mail in the queue, by recipient."""
        with self.database.reading() as connection:
            query = select(MAILS).order_by(MAILS.c.recipient, MAILS.c.created_at)
            return [dict(row) for row in connection.execute(query).mappings()]

    def recipients(self) -> list[str]:
        return [str(mail["recipient"]) for mail in self.mails()]

    def set_password(self, login: str, first: str) -> None:
        session = self.signing_in.log_in(login, first)
        self.signing_in.change_password(session.token, first, PASSWORD)

    def hash_of(self, login: str) -> str:
        with self.database.reading() as connection:
            return str(connection.execute(select(ACCOUNTS.c.password).where(ACCOUNTS.c.login == login)).scalar_one())


def open_house(location: str, programme: Programme) -> House:
    """Two clinics in the programme with an account each, one without; two of the secretariat, one of them disabled."""
    database, clock = Database.open(location), SetClock()
    passwords = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    house = House(
        database,
        Desk(database, {programme.id: programme}, clock, MAIL),
        clock,
        Accounts(database, clock, passwords),
        SigningIn(database, clock, passwords),
        passwords,
    )
    for name in ("clinic-a", "clinic-b", "clinic-c"):
        house.clinic(name)
    for name in ("clinic-a", "clinic-b"):
        house.enrol(name)
    house.account("chief", "administrator", email="chief@example.jp")
    house.account("office", "secretariat", email="office@example.jp")
    house.account("office-2", "secretariat")
    house.account("nurse-a", "institution", ("clinic-a",), "nurse-a@example.jp")
    house.account("nurse-b", "institution", ("clinic-b",), "nurse-b@example.jp")
    house.account("adviser", "consultant", ("clinic-a",), "adviser@example.jp")
    return house
