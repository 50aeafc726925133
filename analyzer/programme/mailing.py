"""The queue of mails, in the database: written with the act that they tell of, sent later, each at most once.

A mail is claimed (`sending`) in a transaction of its own, handed to the server, and marked. A server that is not there
or refuses for now makes it wait, longer each time; a refusal for good makes it `failed`. Where nobody can know whether
the server took it, since its answer never came or the process that sent it died, it is `unsure`: it is never sent
again by itself, but shown to the secretariat, which sends it again or lets it be.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from sqlalchemy import Connection, Row, case, func, insert, select, update

from analyzer.programme.mail_settings import MailSettings
from analyzer.programme.refusal import PortalError
from analyzer.programme.smtp import Courier, Outcome, ServerTroubleError, UnfitMailError, written_mail
from analyzer.store import events
from analyzer.store.database import Database
from analyzer.store.events import Change
from analyzer.store.passwords import sign_in_policy
from analyzer.store.principal import Principal, needs, require
from analyzer.store.records import Clock, moment, now
from analyzer.store.tables import MAILS

MailState = Literal["waiting", "sending", "sent", "unsure", "failed", "let_be"]
MAIL_STATES: Final[tuple[MailState, ...]] = get_args(MailState)
OF_RESET: Final = "reset:"
"""How `once` begins of a mail that resets a password: its body is blanked when it is no longer to be sent."""
_PAUSES: Final = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 180, 360, 720, 1440, 1440))
# Longer than any sending takes whose process is alive (smtp.Patience).
_STALE_AFTER: Final = timedelta(minutes=30)
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to be queued. login: the account it is for, None for none. once: of two with the same, one is queued."""

    login: str | None
    recipient: str
    subject: str
    body: str
    once: str | None = None


@dataclass(frozen=True, slots=True)
class SendReport:
    """What one round did, as numbers of mails. trouble: why the round ended early, None where it did not."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    unsure: int = 0
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class TroubledMail:
    """A mail that is not sent again by itself. can_resend: not where its content has been blanked."""

    id: str
    state: Literal["unsure", "failed"]
    recipient: str
    subject: str
    created_at: str
    changed_at: str
    attempts: int
    error: str | None
    can_resend: bool


def enqueue(connection: Connection, settings: MailSettings, at: str, mails: Iterable[NewMail]) -> None:
    """Queue mails in the caller's writing transaction, under the chain's lock where `once` is to count."""
    rows = []
    for mail in mails:
        if mail.once is not None and _is_queued(connection, mail.once):
            continue
        identity = uuid.uuid4().hex
        rows.append(
            {
                "id": identity,
                "created_at": at,
                "login": mail.login,
                "recipient": mail.recipient,
                "subject": mail.subject,
                "body": mail.body,
                # Fixed now, so that a mail that is sent again can be known for the same.
                "message_id": f"<{identity}@{settings.sender.domain}>",
                "once": mail.once,
                "state": "waiting",
                "attempts": 0,
                "due_at": at,
                "changed_at": at,
                "error": None,
            }
        )
    if rows:
        connection.execute(insert(MAILS), rows)


def _is_queued(connection: Connection, once: str) -> bool:
    return connection.execute(select(MAILS.c.id).where(MAILS.c.once == once)).first() is not None


class MailQueue:
    """Sends what is queued. Any number of processes and threads may do so at once; each mail is claimed by one.

    settings: None where mail is off; then nothing is sent. courier: makes the connection of a round.
    """

    def __init__(
        self,
        database: Database,
        settings: MailSettings | None,
        clock: Clock = now,
        courier: Callable[[MailSettings], Courier] = Courier,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._courier = courier

    @property
    def is_on(self) -> bool:
        """Whether mail is sent at all."""
        return self._settings is not None

    def send_due(self, limit: int | None = None, stop: threading.Event | None = None) -> SendReport:
        """Send what is due, `limit` mails at most, until `stop` is set. Raises StoreError for the database alone.

        Asks for no right: it sends what others were allowed to queue.
        """
        report = SendReport()
        if self._settings is None:
            return report
        self._doubt_stale()
        courier = self._courier(self._settings)
        try:
            done = 0
            while (limit is None or done < limit) and not (stop is not None and stop.is_set()):
                mail = self._claim()
                if mail is None:
                    break
                done += 1
                try:
                    report = _counted(report, self._send(self._settings, courier, mail))
                except ServerTroubleError as trouble:
                    # What is wrong with the server would be wrong for every other mail.
                    report = replace(report, trouble=str(trouble))
                    break
        finally:
            courier.close()
        return report

    @needs("run_programme")
    def counts(self, principal: Principal) -> dict[MailState, int]:
        """How many mails are in each state; states of none are left out."""
        require(principal, "run_programme")
        query = select(MAILS.c.state, func.count().label("number")).group_by(MAILS.c.state)
        with self._database.reading() as connection:
            found = {row.state: row.number for row in connection.execute(query)}
        return {state: found[state] for state in MAIL_STATES if state in found}

    @needs("run_programme")
    def troubled(self, principal: Principal) -> Sequence[TroubledMail]:
        """Mails that failed, or of which nobody knows whether they were sent; the latest first."""
        require(principal, "run_programme")
        query = select(MAILS).where(MAILS.c.state.in_(("unsure", "failed")))
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(MAILS.c.changed_at.desc(), MAILS.c.id)).all()
        return [
            TroubledMail(
                row.id,
                row.state,
                row.recipient,
                row.subject,
                row.created_at,
                row.changed_at,
                row.attempts,
                row.error,
                can_resend=not _is_secret(row),
            )
            for row in found
        ]

    @needs("run_programme")
    def resend(self, principal: Principal, identity: str) -> None:
        """Send a mail that failed or is unsure once more, with the Message-ID that it had."""
        require(principal, "run_programme")
        if self._settings is None:
            raise PortalError("メールの送信が設定されていません。", "mail is off (SANSHO_SMTP_HOST)")
        at = moment(self._clock())
        self._decide(principal, identity, "resend", {"state": "waiting", "due_at": at, "changed_at": at, "attempts": 0})

    @needs("run_programme")
    def let_be(self, principal: Principal, identity: str) -> None:
        """Leave a mail that failed or is unsure as it is: it is listed no longer, and never sent again."""
        require(principal, "run_programme")
        self._decide(principal, identity, "let_be", {"state": "let_be", "changed_at": moment(self._clock())})

    # -- one mail -----------------------------------------------------------------------------------------------------

    def _claim(self) -> Row[Any] | None:
        """Take the mail that has waited longest for this sender alone."""
        at = self._clock()
        with self._database.writing() as connection:
            row = connection.execute(
                select(MAILS)
                .where(MAILS.c.state == "waiting", MAILS.c.due_at <= moment(at))
                .order_by(MAILS.c.due_at, MAILS.c.created_at, MAILS.c.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).one_or_none()
            if row is None:
                return None
            values = {"state": "sending", "attempts": row.attempts + 1, "changed_at": moment(at)}
            connection.execute(update(MAILS).where(MAILS.c.id == row.id).values(**values))
            return connection.execute(select(MAILS).where(MAILS.c.id == row.id)).one()

    def _send(self, settings: MailSettings, courier: Courier, mail: Row[Any]) -> Outcome:
        if _is_secret(mail) and self._clock() > datetime.fromisoformat(mail.created_at) + sign_in_policy().reset:
            self._mark(mail, "failed", "the link in it has ended before it could be sent")
            return "refused"
        try:
            content = written_mail(
                settings.sender, mail.recipient, mail.subject, mail.body, mail.message_id, mail.created_at
            )
        except UnfitMailError as error:
            self._mark(mail, "failed", str(error))
            return "refused"
        try:
            delivery = courier.deliver(mail.recipient, content)
        except ServerTroubleError as trouble:
            # It had no say about this mail, so that the attempt does not count.
            self._mark(mail, "waiting", str(trouble), attempts=mail.attempts - 1, pause=_PAUSES[0])
            raise
        except BaseException:
            if courier.may_have_arrived:
                self._mark(mail, "unsure", "the sender was stopped while it sent the mail")
            else:
                self._mark(mail, "waiting", None, attempts=mail.attempts - 1)
            raise
        if delivery.outcome == "sent":
            self._mark(mail, "sent", None)
        elif delivery.outcome == "unsure":
            self._mark(mail, "unsure", delivery.said)
        elif delivery.outcome == "later" and mail.attempts <= len(_PAUSES):
            self._mark(mail, "waiting", delivery.said, pause=_PAUSES[mail.attempts - 1])
        else:
            self._mark(mail, "failed", delivery.said)
            return "refused"
        return delivery.outcome

    def _mark(
        self,
        mail: Row[Any],
        state: MailState,
        error: str | None,
        *,
        attempts: int | None = None,
        pause: timedelta = timedelta(0),
    ) -> None:
        """Say what became of a claim. Where the claim was doubted meanwhile, the one who sent knows better."""
        at = self._clock()
        values: dict[str, Any] = {
            "state": state,
            "error": error,
            "attempts": mail.attempts if attempts is None else attempts,
            "due_at": moment(at + pause),
            "changed_at": moment(at),
        }
        if state != "waiting" and _is_secret(mail):
            values["body"] = ""
        if state in {"failed", "unsure"}:
            _LOG.warning("mail %s to %s: %s: %s", mail.id, mail.recipient, state, error)
        with self._database.writing() as connection:
            connection.execute(
                update(MAILS)
                .where(MAILS.c.id == mail.id, MAILS.c.changed_at == mail.changed_at)
                .where(MAILS.c.state.in_(("sending", "unsure")))
                .values(**values)
            )

    def _doubt_stale(self) -> None:
        """Claims whose sender must be dead. changed_at stays: it says when the mail may have been sent."""
        before = moment(self._clock() - _STALE_AFTER)
        stale = (MAILS.c.state == "sending") & (MAILS.c.changed_at < before)
        with self._database.reading() as connection:
            if connection.execute(select(MAILS.c.id).where(stale).limit(1)).first() is None:
                return
        with self._database.writing() as connection:
            secret = MAILS.c.once.startswith(OF_RESET, autoescape=True)
            connection.execute(
                update(MAILS)
                .where(stale)
                .values(
                    state="unsure",
                    error="the sender ended while it sent the mail; nobody knows whether it went out",
                    body=case((secret, ""), else_=MAILS.c.body),
                )
            )

    def _decide(self, principal: Principal, identity: str, action: str, values: dict[str, Any]) -> None:
        with self._database.writing() as connection:
            events.lock(connection)
            row = connection.execute(select(MAILS).where(MAILS.c.id == identity).with_for_update()).one_or_none()
            if row is None or row.state not in {"unsure", "failed"}:
                raise PortalError(
                    "そのメールは、もう判断を待っていません。開き直してください。",
                    f"mail {identity!r} awaits no decision",
                )
            if action == "resend" and _is_secret(row):
                raise PortalError(
                    "パスワード再設定のメールは送り直せません。本人がもう一度申し込んでください。",
                    f"mail {identity!r} had a secret in it; it has to be asked for anew",
                )
            connection.execute(update(MAILS).where(MAILS.c.id == identity).values(**values))
            said = {"recipient": row.recipient, "subject": row.subject}
            before, after = {**said, "state": row.state}, {**said, "state": values["state"]}
            change = Change(action, None, "mail", identity, before, after)
            events.append(connection, principal.login, moment(self._clock()), [change])


def _is_secret(mail: Row[Any]) -> bool:
    return mail.once is not None and mail.once.startswith(OF_RESET)


def _counted(report: SendReport, outcome: Outcome) -> SendReport:
    if outcome == "sent":
        return replace(report, sent=report.sent + 1)
    if outcome == "later":
        return replace(report, later=report.later + 1)
    if outcome == "unsure":
        return replace(report, unsure=report.unsure + 1)
    return replace(report, failed=report.failed + 1)
