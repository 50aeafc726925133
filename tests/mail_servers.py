"""SMTP servers of the tests' own, on the loopback: one that works and answers as it is told, others that do not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from analyzer.programme.mail_settings import MailSettings, Protection

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def settings_for(port: int, protection: Protection = "none", **more: Any) -> MailSettings:
    sender = Address("Sansho 事務局", "sansho", "sansho.example.jp")
    given = {"user": None, "password": None, "app": "https://sansho.example.jp", **more}
    return MailSettings(host=LOOPBACK, port=port, protection=protection, sender=sender, **given)


@dataclass
class MailServer:
    """A server that takes mail. `answers`: what it says, in turn, to a recipient or (as `DATA`) to a whole mail."""

    port: int = field(default_factory=free_port)
    answers: dict[str, list[str]] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)
    froms: list[str] = field(default_factory=list)
    connections: int = 0

    @property
    def mails(self) -> list[EmailMessage]:
        """What arrived, read as a mail program reads it."""
        return [message_from_bytes(content, policy=default) for content in self.taken]  # type: ignore[misc]

    @property
    def arrivals(self) -> Counter[str]:
        """How often each Message-ID arrived."""
        return Counter(str(mail["Message-ID"]) for mail in self.mails)

    def _answer(self, to: str) -> str | None:
        left = self.answers.get(to)
        return left.pop(0) if left else None

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        refusal = self._answer(address)
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        refusal = self._answer("MAIL")
        if refusal is not None:
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_EHLO(self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: Any) -> Any:  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        refusal = self._answer("DATA")
        if refusal is not None:
            return refusal
        self.froms.append(envelope.mail_from)
        self.taken.append(envelope.content)
        return "250 taken"


class _Controller(Controller):
    def __init__(self, server: MailServer, options: dict[str, Any], implicit: ssl.SSLContext | None) -> None:
        self._options = options
        super().__init__(server, hostname=LOOPBACK, port=server.port, ssl_context=implicit)

    def factory(self) -> SMTP:
        return SMTP(self.handler, **self._options)


@contextmanager
def running(
    server: MailServer,
    *,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
) -> Iterator[MailServer]:
    options: dict[str, Any] = {"tls_context": starttls, "require_starttls": starttls is not None}
    if login is not None:

        def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
            right = (given.login.decode(), given.password.decode()) == login
            return AuthResult(success=right, handled=False)

        options |= {"authenticator": check, "auth_required": True, "auth_require_tls": starttls is not None}
    controller = _Controller(server, options, implicit)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


Stage = Literal["greeting", "RCPT", "body", "gone"]


class SilentServer:
    """A server that stops answering: at its greeting, at a recipient, or after a whole mail (gone: and hangs up)."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._listening = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listening.getsockname()[1])
        self.reached = threading.Event()
        self.bodies = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()
        for each in self._open:
            each.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        if self._stage == "greeting":
            self.reached.set()
            return
        stream = connection.makefile("rwb")
        try:
            self._say(stream, b"220 hello")
            while line := stream.readline():
                word = line[:4].upper().decode()
                if word == self._stage:
                    self.reached.set()
                    return
                if word == "DATA":
                    self._say(stream, b"354 go on")
                    while stream.readline() != b".\r\n":
                        pass
                    self.bodies += 1
                    self.reached.set()
                    if self._stage == "gone":
                        connection.shutdown(socket.SHUT_RDWR)
                    return
                self._say(stream, b"250 fine")
        except OSError:
            return

    @staticmethod
    def _say(stream: Any, line: bytes) -> None:
        stream.write(line + b"\r\n")
        stream.flush()
