"""Choosing a new password by a link that is sent by mail: for whoever has forgotten theirs and can read their mail.

Asking says nothing about which accounts there are. The store keeps the SHA-256 of the link's token alone; the mail with
it lies in the queue until it is sent, and is blanked then.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from analyzer.programme.desk import Desk
from analyzer.programme.links import reset_link
from analyzer.programme.mail_settings import MailSettings
from analyzer.programme.mail_texts import MailValues, mail_text
from analyzer.programme.mailing import OF_RESET, NewMail, enqueue
from analyzer.programme.model import Programme, Secretariat
from analyzer.programme.refusal import PortalError
from analyzer.store import events
from analyzer.store.accounts import ACCOUNT, account_of, assigned_to, normal_login, previous_password, recorded
from analyzer.store.events import Change, Data
from analyzer.store.passwords import Passwords, shared_passwords
from analyzer.store.records import moment
from analyzer.store.signing_in import UNKNOWN
from analyzer.store.tables import ACCOUNTS, EVENTS, RESETS, SESSIONS

ASKS_AN_HOUR: Final = 3
_HOUR: Final = timedelta(hours=1)
_KEPT: Final = timedelta(days=1)
_TOKEN_BYTES: Final = 32
_LONGEST_ASKED: Final = 254
# What ends the links that were sent before it.
_ENDING: Final = ("change_password", "reset_password", "reset_by_mail", "set_email", "disable", "enable")


class ResetRefusedError(PortalError):
    """A link that cannot be used: one wording for one that never was, was used, has ended, or is of no use any more."""

    def __init__(self) -> None:
        super().__init__(
            "このリンクは使えません。期限が切れたか、すでに使われています。もう一度、再設定を申し込んでください。",
            "the link has ended or was used; ask for another one",
        )


class Resetting:
    """Asks for such links, and what they do. Needs mail to be on."""

    def __init__(self, desk: Desk, passwords: Passwords | None = None) -> None:
        self._desk = desk
        self._passwords = passwords or shared_passwords()
        self._lasts = self._passwords.policy.reset

    @property
    def is_on(self) -> bool:
        """Whether links can be sent: mail is on."""
        return self._desk.mail is not None

    def ask_reset(self, login_or_email: str, *, source: str = "app") -> None:
        """Send a link to the account's address, where there is an account that may have one. Never says whether.

        Asks for no right: it is for those who cannot log in, and shows them nothing. Raises PortalError where mail is
        off, whoever asks. An account gets ASKS_AN_HOUR links an hour.
        """
        mail = self._desk.mail
        if mail is None:
            raise PortalError(
                "メールの送信が設定されていません。管理者に、新しい最初のパスワードを頼んでください。",
                "mail is off (SANSHO_SMTP_HOST)",
            )
        # As slow as a log-in for everybody: asking is no quick way to try names, and the rest does not show.
        self._passwords.matches(None, "")
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._desk.database.writing() as connection:
            events.lock(connection)
            account = _meant(connection, login_or_email)
            reason = self._barred(connection, account)
            if account is not None and reason in {None, "disabled", "no address"}:
                # Also where no link is sent: it counts what is asked for the account.
                self._keep(connection, account.login, _digest(token if reason is None else secrets.token_hex()))
            if account is not None and reason is None:
                self._queue(connection, mail, account, token)
            asked = account.login if account is not None else UNKNOWN
            self._say(connection, asked, "ask_reset", source, None, {"refused": reason})

    def is_open(self, token: str) -> bool:
        """Whether a link can be used now, for the screen that asks for the new password."""
        with self._desk.database.reading() as connection:
            return self._found(connection, token) is not None

    def reset_password(self, token: str, new: str, *, source: str = "app") -> None:
        """Choose a new password by a link, once; ends every session of the account and lifts a lock.

        Asks for no right: the token shows that the mail was read. Raises ResetRefusedError, and PasswordRefusedError
        where the new one may not be taken, after which the link still can be used.
        """
        with self._desk.database.reading() as connection:
            account = self._found(connection, token)
        if account is None:
            raise ResetRefusedError
        self._passwords.require_new(new, account.login, account.password, account.previous_password)
        kept = self._passwords.hash(new)
        with self._desk.database.writing() as connection:
            events.lock(connection)
            still = self._found(connection, token)
            before = account_of(connection, account.login)
            if still is None or before is None or still.password != account.password:
                raise ResetRefusedError
            at = moment(self._desk.clock())
            connection.execute(
                update(ACCOUNTS)
                .where(ACCOUNTS.c.login == account.login)
                .values(
                    password=kept,
                    previous_password=previous_password(account),
                    must_change=False,
                    failures=0,
                    locked_until=None,
                )
            )
            connection.execute(
                update(RESETS).where(RESETS.c.login == account.login, RESETS.c.used_at.is_(None)).values(used_at=at)
            )
            connection.execute(delete(SESSIONS).where(SESSIONS.c.login == account.login))
            after = account_of(connection, account.login)
            assert after is not None
            self._say(connection, account.login, "reset_by_mail", source, recorded(before), recorded(after))

    def _barred(self, connection: Connection, account: Row[Any] | None) -> str | None:
        """Why no link is sent, as a word for the trail; None where one is."""
        if account is None:
            return "unknown"
        at = self._desk.clock()
        asked = select(func.count()).where(RESETS.c.login == account.login, RESETS.c.made_at > moment(at - _HOUR))
        if connection.execute(asked).scalar_one() >= ASKS_AN_HOUR:
            return "too often"
        if account.disabled:
            return "disabled"
        return None if account.email is not None else "no address"

    def _keep(self, connection: Connection, login: str, digest: str) -> None:
        at = self._desk.clock()
        connection.execute(delete(RESETS).where(RESETS.c.ends_at < moment(at - _KEPT)))
        values = {"token": digest, "login": login, "made_at": moment(at), "ends_at": moment(at + self._lasts)}
        connection.execute(insert(RESETS).values(**values, used_at=None))

    def _queue(self, connection: Connection, mail: MailSettings, account: Row[Any], token: str) -> None:
        programme = self._programme_of(connection, account.login)
        minutes = int(self._lasts.total_seconds() // 60)
        values = MailValues(
            programme=programme.title.ja if programme is not None else "Sansho",
            institution="",
            recipient=account.name,
            step="",
            secretariat=programme.secretariat if programme is not None else _NOBODY,
            link=f"{mail.app}/{reset_link(token)}",
            due=None,
            days=None,
            text=f"新しいパスワードを選ぶためのリンクです。{minutes}分以内に、一度だけ使えます。"
            "心当たりがなければ、このメールは捨ててください。パスワードは変わりません。",
        )
        subject, body = mail_text(programme.mails.get("password_reset") if programme is not None else None, values)
        new = NewMail(account.login, account.email, subject, body, f"{OF_RESET}{_digest(token)}")
        enqueue(connection, mail, moment(self._desk.clock()), [new])

    def _programme_of(self, connection: Connection, login: str) -> Programme | None:
        """The programme whose words are used: the latest in which the account takes part, else the latest of all."""
        known: Mapping[str, Programme] = self._desk.programmes
        named = self._desk.enrolled(connection, assigned_to(connection, login))
        found = [known[each] for each in named if each in known] or list(known.values())
        return max(found, key=lambda each: each.period.starts_on, default=None)

    def _found(self, connection: Connection, token: str) -> Row[Any] | None:
        """The account that a link may give a new password now."""
        at = moment(self._desk.clock())
        row = connection.execute(select(RESETS).where(RESETS.c.token == _digest(token))).one_or_none()
        if row is None or row.used_at is not None or row.ends_at <= at:
            return None
        account = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.login == row.login)).one()
        if account.disabled or account.email is None:
            return None
        ended = select(EVENTS.c.number).where(
            EVENTS.c.institution.is_(None),
            EVENTS.c.kind == ACCOUNT,
            EVENTS.c.key == row.login,
            EVENTS.c.action.in_(_ENDING),
            EVENTS.c.at >= row.made_at,
        )
        return account if connection.execute(ended.limit(1)).first() is None else None

    def _say(
        self, connection: Connection, login: str, action: str, source: str, before: Data | None, after: Data
    ) -> None:
        said = Change(action, None, ACCOUNT, login, before, after, source)
        events.append(connection, login, moment(self._desk.clock()), [said])


_NOBODY: Final = Secretariat("", "", "", "", "", None)


def _meant(connection: Connection, login_or_email: str) -> Row[Any] | None:
    """The account of a login, else of an e-mail address."""
    asked = normal_login(login_or_email[:_LONGEST_ASKED])
    if not asked.isprintable():
        return None
    found = connection.execute(select(ACCOUNTS).where(or_(ACCOUNTS.c.login == asked, ACCOUNTS.c.email == asked))).all()
    return next((row for row in found if row.login == asked), found[0] if found else None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
