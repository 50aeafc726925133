"""How mail is sent, from the environment. Without SANSHO_SMTP_HOST it is off: none is queued that nobody would send."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from analyzer.errors import SanshoError

Protection = Literal["starttls", "tls", "none"]
_PORTS: Final[Mapping[Protection, int]] = {"starttls": 587, "tls": 465, "none": 25}
ADDRESS: Final = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
"""What can be the address of a mailbox here: no spaces, no line breaks, ASCII alone."""
_LONGEST_PASSWORD: Final = 4096
# Its domain ends every Message-ID, for which the store has 200 characters.
_LONGEST_SENDER: Final = 160


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The server that takes mail, and what mails say of this app.

    user, password: None where the server asks for none. sender: whom mails come from. protection: `none` only to a
    server on this very machine. app: the address under which people open the app, without a slash at its end.
    """

    host: str
    port: int
    protection: Protection
    user: str | None
    password: str | None = field(repr=False)
    sender: Address
    app: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> MailSettings | None:
        """The settings in force, None where mail is off. Raises SanshoError that names the variable at fault."""
        given = os.environ if environment is None else environment
        said = {name: given.get(name, "").strip() for name in _VARIABLES}
        host = said["SANSHO_SMTP_HOST"]
        if not host:
            return None
        if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", host):
            raise _fault("SANSHO_SMTP_HOST", "is not the name or address of a server")
        protection = _protection(said["SANSHO_SMTP_TLS"], host)
        user, password = _credentials(said["SANSHO_SMTP_USER"], said["SANSHO_SMTP_PASSWORD_FILE"])
        return cls(
            host=host,
            port=_port(said["SANSHO_SMTP_PORT"], protection),
            protection=protection,
            user=user,
            password=password,
            sender=_sender(said["SANSHO_MAIL_FROM"]),
            app=_app(said["SANSHO_URL"]),
        )


_VARIABLES: Final = (
    "SANSHO_SMTP_HOST",
    "SANSHO_SMTP_PORT",
    "SANSHO_SMTP_USER",
    "SANSHO_SMTP_PASSWORD_FILE",
    "SANSHO_MAIL_FROM",
    "SANSHO_SMTP_TLS",
    "SANSHO_URL",
)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _fault(variable: str, reason: str) -> SanshoError:
    return SanshoError(f"{variable}: {reason}")


def _protection(said: str, host: str) -> Protection:
    protection: Protection | None = next((each for each in get_args(Protection) if each == (said or "starttls")), None)
    if protection is None:
        raise _fault("SANSHO_SMTP_TLS", f"{said!r} is none of {', '.join(get_args(Protection))}")
    if protection == "none" and not is_loopback(host):
        raise _fault("SANSHO_SMTP_TLS", f"none is for a server on this machine; {host} is another one")
    return protection


def _port(said: str, protection: Protection) -> int:
    if not said:
        return _PORTS[protection]
    if not re.fullmatch(r"[0-9]{1,5}", said) or not 1 <= int(said) <= 65535:
        raise _fault("SANSHO_SMTP_PORT", f"{said!r} is not a port")
    return int(said)


def _credentials(user: str, file: str) -> tuple[str | None, str | None]:
    if not user and not file:
        return None, None
    if not user or not file:
        raise _fault("SANSHO_SMTP_USER", "goes with SANSHO_SMTP_PASSWORD_FILE; give both or neither")
    try:
        with Path(file).open("rb") as stream:
            password = stream.read(_LONGEST_PASSWORD + 1).decode("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise _fault("SANSHO_SMTP_PASSWORD_FILE", f"{file!r} cannot be read: {error}") from error
    if not password or len(password) > _LONGEST_PASSWORD:
        raise _fault("SANSHO_SMTP_PASSWORD_FILE", f"{file!r} holds no password")
    return user, password


def _sender(said: str) -> Address:
    name, address = parseaddr(said)
    if not said.isprintable() or not ADDRESS.fullmatch(address) or len(address) > _LONGEST_SENDER:
        raise _fault("SANSHO_MAIL_FROM", "has to be an address, e.g. Sansho <sansho@example.jp>")
    user, _, domain = address.rpartition("@")
    return Address(display_name=name, username=user, domain=domain)


def _app(said: str) -> str:
    try:
        parts = urlsplit(said)
        host = parts.hostname or ""
    except ValueError:
        raise _fault("SANSHO_URL", f"{said!r} is not an address") from None
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or not said.isprintable():
        raise _fault(
            "SANSHO_URL", "has to be the address under which people open the app, e.g. https://sansho.example.jp"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise _fault("SANSHO_URL", "has to begin with https://, since mails carry links that reset passwords")
    return said.rstrip("/")
