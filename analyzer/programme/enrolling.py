"""How institutions come into a programme: one by one, or many from the secretariat's list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, or_, select

from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.yamlwriter import write_document
from analyzer.programme.desk import Desk
from analyzer.programme.listing import ListedInstitution, ListPreview, Taken, read_list
from analyzer.programme.model import Programme
from analyzer.programme.refusal import PortalError
from analyzer.programme.registration import checked_registration
from analyzer.store.accounts import Account, Accounts, Handover, NewParticipant, UnknownAccountError, normal_login
from analyzer.store.principal import Principal, may, needs, require
from analyzer.store.records import Records
from analyzer.store.tables import ACCOUNTS, ASSIGNMENTS, INSTITUTIONS, PARTS, PROGRAMME_ITEMS

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An institution that has come in, with the account's first password; None where it had an account already."""

    institution: str
    name: str
    handover: Handover | None


class Enrolling:
    """Enrols institutions, with their records and accounts."""

    def __init__(self, desk: Desk, records: Records, accounts: Accounts, rulebook: Rulebook) -> None:
        self._desk = desk
        self._records = records
        self._accounts = accounts
        self._rulebook = rulebook

    @needs("run_programme")
    def preview(self, principal: Principal, programme: str, content: bytes, name: str) -> ListPreview:
        """What a list would make; nothing is made. Raises IntakeError, PortalError for a list that cannot be read.

        An institution that uses the store already, and not for a programme, is for the administrator to bring in: its
        record is not the secretariat's to read, and a first password would open it.
        """
        require(principal, "run_programme")
        taken = self._taken(principal, programme)
        return read_list(content, name, self._desk.programme(programme), self._rulebook, taken)

    @needs("run_programme")
    def take(
        self,
        principal: Principal,
        programme: str,
        preview: ListPreview,
        report: Report = lambda _done, _of: None,
    ) -> tuple[Enrolled, ...]:
        """Make records, participants and accounts of a preview's accepted rows.

        The first passwords are in what is returned and nowhere else. Records and participants come one by one, each
        whole; the accounts come last, all or none. After a stop, the same list makes what is still missing.

        report: told how much is done, of how much: every institution is brought in, which is a tenth of the work, then
        given its first password.
        Raises PortalError for an institution that only the administrator may bring in.
        """
        require(principal, "run_programme")
        meant = self._desk.programme(programme)
        kept = self._kept(principal)
        if any(listed.id in kept for listed in preview.accepted):
            raise PortalError(
                "すでに記録が使われている医療機関があります。一覧を開き直してください。",
                "some institutions use the store already; an administrator has to bring them in",
            )
        rows = len(preview.accepted)
        for done, listed in enumerate(preview.accepted):
            report(done, 10 * rows)
            self._bring_in(principal, meant, listed, preview.file)
        with self._desk.database.reading() as connection:
            served = _with_account(connection)
        wanted = [self._account(meant, listed) for listed in preview.accepted if listed.id not in served]
        made = self._accounts.create_participant_accounts(
            principal,
            wanted,
            meant.persons_per_institution,
            source=preview.file,
            progress=lambda hashed: report(rows + 9 * (rows - len(wanted) + hashed), 10 * rows),
        )
        handed = {handover.account.institutions[0]: handover for handover in made}
        report(10 * rows, 10 * rows)
        return tuple(Enrolled(listed.id, listed.name, handed.get(listed.id)) for listed in preview.accepted)

    @needs("run_programme")
    def accounts(self, principal: Principal, programme: str, institution: str) -> tuple[Account, ...]:
        """The accounts that act for a participant, by login. Raises UnknownInstitutionError where it takes no part."""
        require(principal, "run_programme", institution)
        return self._acting_for(principal, programme, institution)

    @needs("run_programme")
    def create_account(
        self, principal: Principal, programme: str, institution: str, login: str, name: str, email: str | None
    ) -> Handover:
        """Make an account for a participant, as many as the programme lets it have.

        Raises UnknownInstitutionError where it takes no part, AccountRefusedError for what cannot be an account.
        """
        require(principal, "run_programme", institution)
        most = self._desk.read(programme, institution).programme.persons_per_institution
        return self._accounts.create_participant_account(principal, login, name, institution, email, most)

    @needs("run_programme")
    def reset_password(self, principal: Principal, programme: str, institution: str, login: str) -> Handover:
        """Give an account that acts for a participant, and for nobody else, a new first password.

        Raises UnknownInstitutionError where it takes no part, UnknownAccountError where the account does not act for
        it, whether there is one of that login or not, AccountRefusedError where it acts for others too.
        """
        require(principal, "run_programme", institution)
        wanted = self._login_of(principal, programme, institution, login)
        return self._accounts.reset_participant_password(principal, wanted)

    @needs("run_programme")
    def stop_account(self, principal: Principal, programme: str, institution: str, login: str) -> Account:
        """Refuse the log-ins of an account that acts for a participant: its person has changed. As `reset_password`."""
        require(principal, "run_programme", institution)
        return self._accounts.disable_participant(principal, self._login_of(principal, programme, institution, login))

    def _login_of(self, principal: Principal, programme: str, institution: str, login: str) -> str:
        wanted = normal_login(login)
        if wanted not in {each.login for each in self._acting_for(principal, programme, institution)}:
            raise UnknownAccountError(f"no account {wanted!r}")
        return wanted

    def _acting_for(self, principal: Principal, programme: str, institution: str) -> tuple[Account, ...]:
        self._desk.read(programme, institution)
        every = self._accounts.participant_accounts(principal)
        return tuple(each for each in every if institution in each.institutions)

    def _bring_in(self, principal: Principal, programme: Programme, listed: ListedInstitution, source: str) -> None:
        with self._desk.database.reading() as connection:
            known = connection.execute(select(INSTITUTIONS.c.id).where(INSTITUTIONS.c.id == listed.id)).first()
        if known is None:
            content = write_document(_document(listed), "institution")
            self._records.create(principal, content, f"{source} {listed.row}行")
        values = checked_registration(programme, listed.values)
        with self._desk.act(principal, programme.id, listed.id, "enrol", source=source) as act:
            if act.find("enrolment", "") is not None:
                return
            signed = act.signature.data()
            act.set(
                "enrolment",
                "",
                {
                    "name": listed.name,
                    "kind": listed.kind,
                    "region": listed.region,
                    "number": listed.number,
                    "signed": signed,
                },
            )
            act.set("registration", "", {"values": values, "signed": signed})

    @staticmethod
    def _account(programme: Programme, listed: ListedInstitution) -> NewParticipant:
        # The person registered, or where the list names none, the institution itself.
        person = listed.value_of(programme, "text", listed.name) or listed.name
        return NewParticipant(listed.login, person, listed.id, listed.value_of(programme, "email"))

    def _kept(self, principal: Principal) -> set[str]:
        """The institutions that use the store for themselves, where whoever asks may not give out accounts to them."""
        if may(principal, "accounts"):
            return set()
        enrolled = select(PROGRAMME_ITEMS.c.institution).where(PROGRAMME_ITEMS.c.kind == "enrolment")
        filled = exists().where(PARTS.c.institution == INSTITUTIONS.c.id, PARTS.c.kind != "identity")
        assigned = exists().where(ASSIGNMENTS.c.institution == INSTITUTIONS.c.id)
        query = select(INSTITUTIONS.c.id).where(INSTITUTIONS.c.id.not_in(enrolled), or_(filled, assigned))
        with self._desk.database.reading() as connection:
            return set(connection.execute(query).scalars())

    def _taken(self, principal: Principal, programme: str) -> Taken:
        kept = self._kept(principal)
        with self._desk.database.reading() as connection:
            enrolled = select(PROGRAMME_ITEMS.c.institution).where(
                PROGRAMME_ITEMS.c.programme == programme, PROGRAMME_ITEMS.c.kind == "enrolment"
            )
            with_account = _with_account(connection)
            participants = set(connection.execute(enrolled).scalars())
            rows = connection.execute(select(ACCOUNTS.c.login, ACCOUNTS.c.email)).all()
            return Taken(
                institutions=set(connection.execute(select(INSTITUTIONS.c.id)).scalars()),
                kept=kept,
                served=with_account,
                # A participant without an account is one whose list was stopped half-way: it may come again.
                participants=participants & with_account,
                logins={row.login for row in rows},
                emails={row.email for row in rows if row.email},
            )


def _with_account(connection: Connection) -> set[str]:
    """The institutions for which somebody can act already."""
    query = (
        select(ASSIGNMENTS.c.institution)
        .join(ACCOUNTS, ACCOUNTS.c.login == ASSIGNMENTS.c.login)
        .where(ACCOUNTS.c.role == "institution", ACCOUNTS.c.disabled.is_(False))
    )
    return set(connection.execute(query).scalars())


def _document(listed: ListedInstitution) -> Mapping[str, Any]:
    identity = {"id": listed.id, "name": listed.name, "kind": listed.kind}
    more = {"beds": listed.beds, "staff": listed.staff, "region": listed.region}
    return {
        "institution": {**identity, **{name: value for name, value in more.items() if value is not None}},
        "profile": {},
        "services": [],
        "answers": [],
        "evidence": [],
    }
