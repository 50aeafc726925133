"""Handing one mail after another to an SMTP server, so that it is always known whether the server may have taken it.

The standard library's client speaks; what is decided here is what each answer means. Up to the moment at which the text
is sent nothing can have been delivered. After it, only an answer tells: where none comes, the mail is `unsure`.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal

from analyzer.errors import SanshoError
from analyzer.programme.mail_settings import ADDRESS, MailSettings

Outcome = Literal["sent", "later", "refused", "unsure"]
_LONGEST_ANSWER: Final = 300


class ServerTroubleError(SanshoError):
    """The server cannot be reached, or takes no mail from us. The mail at hand was not delivered."""


class UnfitMailError(SanshoError):
    """A mail that cannot be written as one, e.g. to something that is no address."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for the server, in seconds. taking: for its word on a whole mail, which may be scanned."""

    command: float = 30
    taking: float = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a mail. later: refused for now. refused: for good. said: in the server's words."""

    outcome: Outcome
    said: str


class Courier:
    """A connection to the server, made when it is first needed and used for one mail after another. For one thread.

    may_have_arrived: whether the mail at hand was sent as far as it can have been delivered.
    """

    def __init__(self, settings: MailSettings, patience: Patience | None = None) -> None:
        self._settings = settings
        self._patience = patience or Patience()
        self._server: smtplib.SMTP | None = None
        self.may_have_arrived = False

    def deliver(self, recipient: str, content: bytes) -> Delivery:
        """Hand over a mail. Raises ServerTroubleError, and then it was not delivered."""
        self.may_have_arrived = False
        try:
            server = self._begun()
            code, said = server.rcpt(recipient)
            if code not in {250, 251}:
                return self._refused(server, code, said)
            code, said = server.docmd("DATA")
            if code != 354:
                return self._refused(server, code, said)
        except (OSError, ValueError) as error:
            self.close()
            raise ServerTroubleError(_plain(error)) from error
        try:
            self.may_have_arrived = True
            assert server.sock is not None
            server.sock.settimeout(self._patience.taking)
            server.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
            code, said = server.getreply()
            server.sock.settimeout(self._patience.command)
        except (OSError, ValueError) as error:
            self.close()
            return Delivery("unsure", f"sent, but the server did not say whether it took it: {_plain(error)}")
        if code == 250:
            return Delivery("sent", _answer(code, said))
        if not 400 <= code < 600:
            self.close()
            return Delivery("unsure", _answer(code, said))
        self.may_have_arrived = False
        try:
            return self._refused(server, code, said)
        except ServerTroubleError:
            return Delivery("later", _answer(code, said))

    def close(self) -> None:
        """Take leave of the server. The next mail makes a new connection."""
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (OSError, ValueError):
                server.close()

    def _begun(self) -> smtplib.SMTP:
        """The server, told whom the mail comes from."""
        if self._server is not None:
            try:
                return self._mail_from(self._server)
            except (OSError, ServerTroubleError):
                # It may have ended an idle connection, or one that brought many mails; a new one is tried once.
                self.close()
        self._server = self._connected()
        return self._mail_from(self._server)

    def _mail_from(self, server: smtplib.SMTP) -> smtplib.SMTP:
        code, said = server.mail(self._settings.sender.addr_spec)
        if code != 250:
            # It depends on no mail: what is refused for this one would be for all.
            self.close()
            raise ServerTroubleError(f"the server takes no mail from us: {_answer(code, said)}")
        return server

    def _connected(self) -> smtplib.SMTP:
        with_us = self._settings
        name = with_us.sender.domain
        server: smtplib.SMTP
        if with_us.protection == "tls":
            server = smtplib.SMTP_SSL(
                with_us.host,
                with_us.port,
                local_hostname=name,
                timeout=self._patience.command,
                context=ssl.create_default_context(),
            )
        else:
            server = smtplib.SMTP(with_us.host, with_us.port, local_hostname=name, timeout=self._patience.command)
        try:
            server.ehlo_or_helo_if_needed()
            if with_us.protection == "starttls":
                # Raises where the server does not offer it: nothing is ever sent in the clear instead.
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            if with_us.user is not None and with_us.password is not None:
                server.login(with_us.user, with_us.password)
        except BaseException:
            server.close()
            raise
        return server

    def _refused(self, server: smtplib.SMTP, code: int, said: bytes) -> Delivery:
        answer = _answer(code, said)
        if code == 421:
            self.close()
            raise ServerTroubleError(f"the server ends the connection: {answer}")
        try:
            server.rset()
        except OSError:
            self.close()
        return Delivery("later" if 400 <= code < 500 else "refused", answer)


def written_mail(sender: Address, recipient: str, subject: str, body: str, message_id: str, queued_at: str) -> bytes:
    """A mail as it goes over the wire: plain text in UTF-8, the same bytes whenever it is written.

    queued_at: its date, as the store writes moments. Raises UnfitMailError.
    """
    if not ADDRESS.fullmatch(recipient):
        raise UnfitMailError(f"{recipient!r}: is not an address that mail can be sent to")
    made = EmailMessage(policy=SMTP)
    try:
        made["From"] = sender
        made["To"] = Address(addr_spec=recipient)
        made["Subject"] = " ".join(subject.split())
        made["Date"] = format_datetime(datetime.fromisoformat(queued_at))
        made["Message-ID"] = message_id
        # Nobody's absence is to be answered to a machine (RFC 3834).
        made["Auto-Submitted"] = "auto-generated"
        made.set_content(body, charset="utf-8", cte="base64")
        content = made.as_bytes()
    except (ValueError, TypeError, LookupError) as error:
        raise UnfitMailError(f"cannot be written as a mail: {error}") from error
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _answer(code: int, said: bytes) -> str:
    return _one_line(f"{code} {said.decode('utf-8', 'replace')}")


def _plain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return _answer(error.smtp_code, said if isinstance(said, bytes) else str(said).encode())
    return _one_line(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _one_line(text: str) -> str:
    return "".join(ch if ch.isprintable() else " " for ch in text)[:_LONGEST_ANSWER]
