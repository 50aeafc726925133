"""Sending mail against real SMTP servers: what arrives, and above all how often, whatever goes wrong in between."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_servers import LOOPBACK, MailServer, SilentServer, free_port, running, settings_for
from sqlalchemy import select, update

from analyzer.cli.main import main
from analyzer.errors import SanshoError
from analyzer.programme.mail_settings import MailSettings
from analyzer.programme.mailing import OF_RESET, MailQueue, NewMail, SendReport, enqueue
from analyzer.programme.refusal import PortalError
from analyzer.programme.smtp import Courier, Patience, UnfitMailError, written_mail
from analyzer.store.database import Database
from analyzer.store.events import history, verify
from analyzer.store.principal import ForbiddenError, Principal
from analyzer.store.records import moment
from analyzer.store.tables import MAILS

ROOT = Path(__file__).parent.parent
OFFICE = Principal("office", "事務局", "secretariat")
SHORT = Patience(command=0.5, taking=0.5)


class Hands:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(microseconds=1)
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def database(store_location: str) -> Iterator[Database]:
    opened = Database.open(store_location)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def server() -> Iterator[MailServer]:
    with running(MailServer()) as started:
        yield started


def impatient(settings: MailSettings) -> Courier:
    return Courier(settings, SHORT)


def queue_for(database: Database, port: int, clock: Hands) -> MailQueue:
    return MailQueue(database, settings_for(port), clock, impatient)


def put(database: Database, clock: Callable[[], datetime], *recipients: str, **more: Any) -> None:
    mails = [
        NewMail(None, each, more.get("subject", f"件名 {each}"), more.get("body", f"{each} 様\n"), more.get("once"))
        for each in recipients
    ]
    with database.writing() as connection:
        enqueue(connection, settings_for(25), moment(clock()), mails)


def rows(database: Database) -> dict[str, Any]:
    with database.reading() as connection:
        return {row.recipient: row for row in connection.execute(select(MAILS))}


def states(database: Database) -> dict[str, str]:
    return {recipient: row.state for recipient, row in rows(database).items()}


# -- what arrives -----------------------------------------------------------------------------------------------------


def test_a_mail_arrives_as_it_was_queued(database: Database, clock: Hands, server: MailServer) -> None:
    body = "みなと総合病院\n高﨑 様\n\n「外部接続の調査」😀\n.\n..点で始まる行\n" + "長い行" * 700 + "\n"
    put(database, clock, "takasaki@example.jp", subject="【支援事業】" + "調査報告書が届きました" * 12, body=body)
    assert queue_for(database, server.port, clock).send_due() == SendReport(sent=1)
    (mail,) = server.mails
    assert mail["Subject"] == "【支援事業】" + "調査報告書が届きました" * 12
    assert mail["To"] == "takasaki@example.jp"
    assert mail["From"] == "Sansho 事務局 <sansho@sansho.example.jp>"
    assert server.froms == ["sansho@sansho.example.jp"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == body
    row = rows(database)["takasaki@example.jp"]
    assert mail["Message-ID"] == row.message_id
    assert mail["Date"].datetime == datetime.fromisoformat(row.created_at).replace(microsecond=0)
    assert all(len(line) <= 998 and line.isascii() for line in server.taken[0].splitlines())
    assert (row.state, row.attempts, row.error) == ("sent", 1, None)
    assert queue_for(database, server.port, clock).send_due() == SendReport()


def test_no_line_of_a_mail_ends_it_early(server: MailServer) -> None:
    content = b"Subject: x\r\n\r\n.\r\n..two\r\nRSET\r\n.\r\nend\r\n"
    courier = Courier(settings_for(server.port), SHORT)
    assert courier.deliver("a@example.jp", content).outcome == "sent"
    courier.close()
    assert server.taken == [content]


def test_300_mails_go_out_over_one_connection_each_once(database: Database, clock: Hands, server: MailServer) -> None:
    put(database, clock, *(f"u{number}@example.jp" for number in range(300)))
    queue = queue_for(database, server.port, clock)
    assert queue.send_due(limit=10) == SendReport(sent=10)
    assert queue.send_due() == SendReport(sent=290)
    assert len(server.arrivals) == 300 and set(server.arrivals.values()) == {1}
    assert server.connections == 2
    assert queue.counts(OFFICE) == {"sent": 300}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028"])
def test_no_name_or_subject_adds_a_header(database: Database, clock: Hands, server: MailServer, newline: str) -> None:
    injected = f"件名{newline}Bcc: victim@example.com{newline}{newline}別の本文"
    put(database, clock, "a@example.jp", subject=injected, body=f"名前{newline}Bcc: victim@example.com")
    assert queue_for(database, server.port, clock).send_due().sent == 1
    (mail,) = server.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "件名 Bcc: victim@example.com 別の本文"
    assert {name.lower() for name in mail} == {
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "auto-submitted",
        "content-type",
        "content-transfer-encoding",
        "mime-version",
    }


@pytest.mark.parametrize(
    "recipient",
    ["a@example.jp\nRCPT TO:<victim@example.com>", "a@example.jp,b@example.jp", "a b@example.jp", "", "名@example.jp"],
)
def test_what_is_no_address_is_never_said_to_a_server(
    database: Database, clock: Hands, server: MailServer, recipient: str
) -> None:
    put(database, clock, recipient, "good@example.jp")
    assert queue_for(database, server.port, clock).send_due() == SendReport(sent=1, failed=1)
    assert states(database) == {recipient: "failed", "good@example.jp": "sent"}


def test_a_text_that_no_mail_can_hold_is_unfit() -> None:
    with pytest.raises(UnfitMailError):
        written_mail(settings_for(25).sender, "a@example.jp", "s", "\ud800", "<1@x>", "2026-11-22T08:00:00.000000Z")


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["a@example.jp", "DATA"])
def test_what_is_refused_for_now_waits_longer_each_time_and_arrives_once(
    database: Database, clock: Hands, server: MailServer, where: str
) -> None:
    server.answers[where] = ["451 try later", "450 4.2.0 greylisted"]
    put(database, clock, "a@example.jp")
    queue = queue_for(database, server.port, clock)
    assert queue.send_due() == SendReport(later=1)
    assert rows(database)["a@example.jp"].error == "451 try later"
    assert queue.send_due() == SendReport(), "it waits"
    clock.forward(minutes=1, seconds=1)
    assert queue.send_due() == SendReport(later=1)
    clock.forward(minutes=1, seconds=1)
    assert queue.send_due() == SendReport(), "it waits longer"
    clock.forward(minutes=4)
    assert queue.send_due() == SendReport(sent=1)
    clock.forward(days=3)
    assert queue.send_due() == SendReport()
    assert list(server.arrivals.values()) == [1]
    row = rows(database)["a@example.jp"]
    assert (row.state, row.attempts, row.error) == ("sent", 3, None)


@pytest.mark.parametrize("where", ["a@example.jp", "DATA"])
def test_what_is_refused_for_good_fails_and_others_go_on(
    database: Database, clock: Hands, server: MailServer, where: str
) -> None:
    server.answers[where] = ["550 5.1.1 no such mailbox"]
    put(database, clock, "a@example.jp")
    put(database, clock, "b@example.jp")
    queue = queue_for(database, server.port, clock)
    assert queue.send_due() == SendReport(sent=1, failed=1)
    assert states(database) == {"a@example.jp": "failed", "b@example.jp": "sent"}
    assert [(each.recipient, each.state, each.error) for each in queue.troubled(OFFICE)] == [
        ("a@example.jp", "failed", "550 5.1.1 no such mailbox")
    ]
    clock.forward(days=30)
    assert queue.send_due() == SendReport()
    assert server.connections == 1


def test_what_is_refused_for_now_over_days_fails_in_the_end(
    database: Database, clock: Hands, server: MailServer
) -> None:
    server.answers["a@example.jp"] = ["451 later"] * 50
    put(database, clock, "a@example.jp")
    queue = queue_for(database, server.port, clock)
    tried, begun = 0, clock.at
    while states(database)["a@example.jp"] == "waiting":
        report = queue.send_due()
        tried += report.later + report.failed
        clock.forward(minutes=30)
    assert tried == 10
    assert timedelta(days=2) < clock.at - begun < timedelta(days=5)


@pytest.mark.parametrize("said", ["451 busy", "550 5.7.1 sender refused", "421 closing"])
def test_a_server_that_takes_nothing_from_us_costs_no_mail(
    database: Database, clock: Hands, server: MailServer, said: str
) -> None:
    put(database, clock, "a@example.jp", "b@example.jp")
    queue = queue_for(database, server.port, clock)
    for _ in range(15):
        server.answers["MAIL"] = [said]
        report = queue.send_due()
        assert report.trouble is not None and said in report.trouble
        clock.forward(hours=12)
    assert states(database) == {"a@example.jp": "waiting", "b@example.jp": "waiting"}
    assert queue.send_due() == SendReport(sent=2)
    assert set(server.arrivals.values()) == {1}


def test_a_connection_that_ends_between_two_mails_is_made_anew(
    database: Database, clock: Hands, server: MailServer
) -> None:
    put(database, clock, *(f"u{number}@example.jp" for number in range(3)))
    courier = Courier(settings_for(server.port), SHORT)

    class Cut(Courier):
        def deliver(self, recipient: str, content: bytes) -> Any:
            try:
                return courier.deliver(recipient, content)
            finally:
                assert courier._server is not None and courier._server.sock is not None
                courier._server.sock.shutdown(socket.SHUT_RDWR)

    queue = MailQueue(database, settings_for(server.port), clock, Cut)
    assert queue.send_due() == SendReport(sent=3)
    assert server.connections == 3
    assert set(server.arrivals.values()) == {1}


# -- servers that are not there, or stop answering --------------------------------------------------------------------


def test_a_server_that_is_down_delays_and_loses_nothing(database: Database, clock: Hands) -> None:
    port = free_port()
    put(database, clock, "a@example.jp", "b@example.jp")
    queue = queue_for(database, port, clock)
    for _ in range(12):
        report = queue.send_due()
        assert report.trouble is not None and "Connection refused" in report.trouble
        clock.forward(hours=6)
    assert set(states(database).values()) == {"waiting"}
    with running(MailServer(port)) as server:
        assert queue.send_due() == SendReport(sent=2)
    assert set(server.arrivals.values()) == {1}


@pytest.mark.parametrize("stage", ["greeting", "RCPT"])
def test_a_server_that_hangs_before_the_text_is_tried_again(database: Database, clock: Hands, stage: Any) -> None:
    put(database, clock, "a@example.jp")
    silent = SilentServer(stage)
    begun = time.monotonic()
    report = queue_for(database, silent.port, clock).send_due()
    silent.close()
    assert time.monotonic() - begun < 5
    assert silent.reached.is_set() and report.trouble is not None
    assert states(database) == {"a@example.jp": "waiting"}
    clock.forward(minutes=2)
    with running(MailServer()) as server:
        assert queue_for(database, server.port, clock).send_due() == SendReport(sent=1)


@pytest.mark.parametrize("stage", ["body", "gone"])
def test_a_server_that_does_not_say_whether_it_took_a_mail_leaves_it_unsure(
    database: Database, clock: Hands, stage: Any
) -> None:
    put(database, clock, "a@example.jp")
    silent = SilentServer(stage)
    assert queue_for(database, silent.port, clock).send_due() == SendReport(unsure=1)
    clock.forward(days=30)
    queue = queue_for(database, silent.port, clock)
    assert queue.send_due() == SendReport(), "sent again by itself it could arrive twice"
    assert silent.bodies == 1
    silent.close()
    (told,) = queue.troubled(OFFICE)
    assert told.state == "unsure" and told.can_resend


@pytest.mark.parametrize("stage", ["greeting", "body"])
def test_a_sender_that_is_told_to_end_leaves_no_claim(database: Database, clock: Hands, stage: Any) -> None:
    put(database, clock, "a@example.jp")

    class Interrupted(Courier):
        def deliver(self, recipient: str, content: bytes) -> Any:
            self.may_have_arrived = stage == "body"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MailQueue(database, settings_for(25), clock, Interrupted).send_due()
    assert states(database) == {"a@example.jp": "unsure" if stage == "body" else "waiting"}


# -- processes --------------------------------------------------------------------------------------------------------


def environment(location: str, port: int) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("SANSHO_")},
        "SANSHO_STORE": location,
        "SANSHO_SMTP_HOST": LOOPBACK,
        "SANSHO_SMTP_PORT": str(port),
        "SANSHO_SMTP_TLS": "none",
        "SANSHO_MAIL_FROM": "Sansho 事務局 <sansho@sansho.example.jp>",
        "SANSHO_URL": "https://sansho.example.jp/",
        "PYTHONPATH": str(ROOT),
    }


def sender(location: str, port: int, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "analyzer.cli", "mail", "send", *more]
    return subprocess.Popen(
        command, env=environment(location, port), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_sender_that_is_killed_over_a_mail_leaves_it_unsure(
    database: Database, store_location: str, server: MailServer
) -> None:
    clock = Hands()
    put(database, clock, "a@example.jp", "later@example.jp")
    silent = SilentServer("body")
    process = sender(store_location, silent.port)
    assert silent.reached.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    silent.close()
    (dead,) = (row for row in rows(database).values() if row.state == "sending")
    message_id = dead.message_id
    queue = queue_for(database, server.port, clock)
    clock.forward(minutes=5)
    assert queue.send_due() == SendReport(sent=1), "the other mail; this one could still be with its sender"
    clock.forward(hours=1)
    assert queue.send_due() == SendReport()
    assert states(database)[dead.recipient] == "unsure"
    assert server.arrivals[message_id] == 0
    (told,) = queue.troubled(OFFICE)
    queue.resend(OFFICE, told.id)
    assert queue.send_due() == SendReport(sent=1)
    assert server.arrivals[message_id] == 1
    with database.reading() as connection:
        (event,) = history(connection, None, ["mail"])
        assert (event.actor, event.change.action, event.change.key) == ("office", "resend", dead.id)
        assert verify(connection).faults == ()


def test_a_sender_killed_between_claim_and_connection_is_unsure_too(
    database: Database, clock: Hands, server: MailServer
) -> None:
    put(database, clock, "a@example.jp")
    queue = queue_for(database, server.port, clock)
    assert queue._claim() is not None
    clock.forward(minutes=29)
    assert queue.send_due() == SendReport()
    assert states(database) == {"a@example.jp": "sending"}
    clock.forward(minutes=2)
    assert queue.send_due() == SendReport()
    assert states(database) == {"a@example.jp": "unsure"}
    assert server.taken == []


def test_senders_at_once_send_each_mail_once(database: Database, store_location: str, server: MailServer) -> None:
    put(database, lambda: datetime.now(UTC), *(f"u{number}@example.jp" for number in range(300)))
    processes = [sender(store_location, server.port) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        here = MailQueue(database, settings_for(server.port))
        reports = list(pool.map(lambda _: here.send_due(), range(2)))
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert len(server.arrivals) == 300 and set(server.arrivals.values()) == {1}
    sent = sum(report.sent for report in reports) + sum(int(out.split()[0]) for out, _ in said)
    assert sent == 300
    assert here.counts(OFFICE) == {"sent": 300}


def test_the_watch_sends_what_comes_and_ends_when_told(
    database: Database, store_location: str, server: MailServer
) -> None:
    process = sender(store_location, server.port, "--watch", "1")
    put(database, lambda: datetime.now(UTC), "a@example.jp")
    deadline = time.monotonic() + 60
    while len(server.taken) < 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    put(database, lambda: datetime.now(UTC), "b@example.jp")
    while len(server.taken) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    # The second may have come in time for the first one's round.
    assert sum(int(line.split()[0]) for line in out.splitlines()) == 2
    assert states(database) == {"a@example.jp": "sent", "b@example.jp": "sent"}


# -- what the secretariat decides -------------------------------------------------------------------------------------


def test_a_mail_that_is_let_be_is_listed_no_longer_and_never_sent(
    database: Database, clock: Hands, server: MailServer
) -> None:
    server.answers["a@example.jp"] = ["550 no"]
    put(database, clock, "a@example.jp")
    queue = queue_for(database, server.port, clock)
    queue.send_due()
    (told,) = queue.troubled(OFFICE)
    queue.let_be(OFFICE, told.id)
    assert queue.troubled(OFFICE) == []
    for decide in (queue.let_be, queue.resend):
        with pytest.raises(PortalError):
            decide(OFFICE, told.id)
    clock.forward(days=9)
    assert queue.send_due() == SendReport()
    assert queue.counts(OFFICE) == {"let_be": 1}


def test_nothing_that_waits_or_was_sent_can_be_sent_again(database: Database, clock: Hands, server: MailServer) -> None:
    put(database, clock, "a@example.jp")
    queue = queue_for(database, server.port, clock)
    identity = rows(database)["a@example.jp"].id
    for _ in range(2):
        with pytest.raises(PortalError):
            queue.resend(OFFICE, identity)
        queue.send_due()
    assert list(server.arrivals.values()) == [1]


def test_an_answer_that_comes_late_settles_a_doubted_claim_but_not_a_later_one(
    database: Database, clock: Hands, server: MailServer
) -> None:
    put(database, clock, "a@example.jp")
    queue = queue_for(database, server.port, clock)
    slow = queue._claim()
    assert slow is not None
    clock.forward(hours=1)
    queue.send_due()
    assert states(database) == {"a@example.jp": "unsure"}
    queue.resend(OFFICE, slow.id)
    again = queue._claim()
    assert again is not None
    queue._mark(slow, "waiting", None)
    assert states(database) == {"a@example.jp": "sending"}, "the claim is another's now"
    clock.forward(hours=1)
    queue.send_due()
    queue._mark(again, "sent", None)
    assert states(database) == {"a@example.jp": "sent"}


@pytest.mark.parametrize("role", ["institution", "auditor", "consultant"])
def test_who_does_not_run_programmes_sees_and_decides_nothing(database: Database, clock: Hands, role: Any) -> None:
    queue = queue_for(database, 25, clock)
    for who in (Principal("x", "x", role), Principal("x", "x", "secretariat", must_change=True)):
        for ask in (queue.counts, queue.troubled):
            with pytest.raises(ForbiddenError):
                ask(who)
        for decide in (queue.resend, queue.let_be):
            with pytest.raises(ForbiddenError):
                decide(who, "1")


# -- mails with a secret ----------------------------------------------------------------------------------------------


def test_a_mail_that_resets_a_password_keeps_no_text_once_it_is_over(
    database: Database, clock: Hands, server: MailServer
) -> None:
    server.answers["refused@example.jp"] = ["550 no"]
    put(database, clock, "sent@example.jp", body="?reset=geheim", once=f"{OF_RESET}1")
    put(database, clock, "refused@example.jp", body="?reset=geheim", once=f"{OF_RESET}2")
    put(database, clock, "killed@example.jp", body="?reset=geheim", once=f"{OF_RESET}3")
    put(database, clock, "twice@example.jp", body="?reset=anders", once=f"{OF_RESET}3")
    queue = queue_for(database, server.port, clock)
    assert queue.send_due(limit=2) == SendReport(sent=1, failed=1)
    assert queue._claim() is not None
    clock.forward(hours=1)
    queue.send_due()
    assert states(database) == {
        "sent@example.jp": "sent",
        "refused@example.jp": "failed",
        "killed@example.jp": "unsure",
    }
    assert {row.body for row in rows(database).values()} == {""}
    assert server.mails[0].get_content().strip() == "?reset=geheim"
    for each in queue.troubled(OFFICE):
        assert not each.can_resend
        with pytest.raises(PortalError):
            queue.resend(OFFICE, each.id)


def test_a_link_that_has_ended_is_not_sent(database: Database, clock: Hands, server: MailServer) -> None:
    put(database, clock, "a@example.jp", once=f"{OF_RESET}1")
    clock.forward(minutes=61)
    assert queue_for(database, server.port, clock).send_due() == SendReport(failed=1)
    assert server.taken == []


# -- protection of the connection -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of the loopback's, which is its own authority."""
    if shutil.which("openssl") is None:
        if os.environ.get("SANSHO_TEST_TOOLS") == "required":
            pytest.fail("openssl is not installed, and CI requires it")
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


@contextmanager
def protected(certificate: tuple[Path, Path], way: str, login: tuple[str, str] | None = None) -> Iterator[MailServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificate))
    server = MailServer()
    with running(
        server,
        starttls=context if way == "starttls" else None,
        implicit=context if way == "tls" else None,
        login=login,
    ):
        yield server


@pytest.fixture
def one_database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(str(tmp_path / "sansho.db"))
    yield opened
    opened.close()


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_a_protected_connection_is_used_where_the_server_proves_itself(
    one_database: Database, clock: Hands, certificate: tuple[Path, Path], way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(one_database, clock, "a@example.jp")
    with protected(certificate, way) as server:
        queue = MailQueue(one_database, settings_for(server.port, way), clock, impatient)
        report = queue.send_due()
        assert report.trouble is not None and "CERTIFICATE_VERIFY_FAILED" in report.trouble
        assert server.taken == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        clock.forward(minutes=2)
        assert queue.send_due() == SendReport(sent=1)


def test_nothing_goes_in_the_clear_where_protection_was_asked_for(
    one_database: Database, clock: Hands, server: MailServer
) -> None:
    put(one_database, clock, "a@example.jp")
    for way in ("starttls", "tls"):
        settings = settings_for(server.port, way, user="sansho", password="geheim")  # type: ignore[arg-type]
        assert MailQueue(one_database, settings, clock, impatient).send_due().trouble is not None
        clock.forward(minutes=2)
    assert server.taken == []


def test_a_password_is_used_and_a_wrong_one_costs_no_mail(
    one_database: Database, clock: Hands, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    put(one_database, clock, "a@example.jp")
    with protected(certificate, "starttls", ("sansho", "richtig")) as server:
        for password in ("falsch", "日本語"):
            settings = settings_for(server.port, "starttls", user="sansho", password=password)
            assert MailQueue(one_database, settings, clock, impatient).send_due().trouble is not None
            assert states(one_database) == {"a@example.jp": "waiting"}
            clock.forward(minutes=2)
        settings = settings_for(server.port, "starttls", user="sansho", password="richtig")
        assert MailQueue(one_database, settings, clock, impatient).send_due() == SendReport(sent=1)


# -- settings ---------------------------------------------------------------------------------------------------------

GIVEN = {
    "SANSHO_SMTP_HOST": "mail.example.jp",
    "SANSHO_MAIL_FROM": "Sansho 事務局 <sansho@example.jp>",
    "SANSHO_URL": "https://sansho.example.jp/app/",
}


def test_mail_is_off_without_a_host(one_database: Database, clock: Hands) -> None:
    assert MailSettings.from_environment({}) is None
    assert MailSettings.from_environment({**GIVEN, "SANSHO_SMTP_HOST": " "}) is None
    put(one_database, clock, "a@example.jp")
    queue = MailQueue(one_database, None, clock)
    assert not queue.is_on
    assert queue.send_due() == SendReport()
    assert states(one_database) == {"a@example.jp": "waiting"}


def test_settings_are_read_with_their_defaults(tmp_path: Path) -> None:
    read = MailSettings.from_environment(GIVEN)
    assert read is not None
    assert (read.host, read.port, read.protection, read.user, read.password) == (
        "mail.example.jp",
        587,
        "starttls",
        None,
        None,
    )
    assert (read.sender.display_name, read.sender.addr_spec) == ("Sansho 事務局", "sansho@example.jp")
    assert read.app == "https://sansho.example.jp/app"
    (tmp_path / "password").write_text("geheim\n")
    full = {
        **GIVEN,
        "SANSHO_SMTP_TLS": "tls",
        "SANSHO_SMTP_USER": "u",
        "SANSHO_SMTP_PASSWORD_FILE": str(tmp_path / "password"),
    }
    read = MailSettings.from_environment(full)
    assert read is not None
    assert (read.port, read.user, read.password) == (465, "u", "geheim")
    assert "geheim" not in repr(read)


@pytest.mark.parametrize(
    ("wrong", "variable"),
    [
        ({"SANSHO_SMTP_TLS": "none"}, "SANSHO_SMTP_TLS"),
        ({"SANSHO_SMTP_TLS": "ssl"}, "SANSHO_SMTP_TLS"),
        ({"SANSHO_SMTP_HOST": "a host"}, "SANSHO_SMTP_HOST"),
        ({"SANSHO_SMTP_PORT": "70000"}, "SANSHO_SMTP_PORT"),
        ({"SANSHO_SMTP_USER": "u"}, "SANSHO_SMTP_USER"),
        ({"SANSHO_SMTP_USER": "u", "SANSHO_SMTP_PASSWORD_FILE": "/nowhere"}, "SANSHO_SMTP_PASSWORD_FILE"),
        ({"SANSHO_MAIL_FROM": ""}, "SANSHO_MAIL_FROM"),
        ({"SANSHO_MAIL_FROM": "Sansho\nBcc: a@b.jp <sansho@example.jp>"}, "SANSHO_MAIL_FROM"),
        ({"SANSHO_URL": ""}, "SANSHO_URL"),
        ({"SANSHO_URL": "http://sansho.example.jp"}, "SANSHO_URL"),
        ({"SANSHO_URL": "javascript:alert(1)"}, "SANSHO_URL"),
    ],
)
def test_settings_that_cannot_be_right_are_refused_by_name(wrong: dict[str, str], variable: str) -> None:
    with pytest.raises(SanshoError, match=f"^{variable}: "):
        MailSettings.from_environment({**GIVEN, **wrong})


# -- commands ---------------------------------------------------------------------------------------------------------


def test_the_commands_send_and_list(
    one_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    location = str(tmp_path / "sansho.db")
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    assert main(["mail", "send", "--store", location]) == 2
    assert "mail is off" in capsys.readouterr().err
    assert main(["mail", "list", "--store", str(tmp_path / "none.db")]) == 2
    assert not (tmp_path / "none.db").exists()
    with running(MailServer()) as server:
        server.answers["b@example.jp"] = ["550 no\x1b[31m"]
        for name, value in environment(location, server.port).items():
            monkeypatch.setenv(name, value)
        put(one_database, lambda: datetime.now(UTC), "a@example.jp", "b@example.jp")
        capsys.readouterr()
        assert main(["mail", "send"]) == 1
        assert capsys.readouterr().out == "1 sent, 0 to be tried again, 1 failed, 0 unsure\n"
        assert main(["mail", "send"]) == 0
    assert main(["mail", "list"]) == 0
    first, counts = capsys.readouterr().out.splitlines()[1:]
    assert "failed" in first and "b@example.jp" in first and "550 no" in first and "\x1b" not in first
    assert counts == "1 sent, 1 failed"


def test_a_sender_stops_between_two_mails_when_asked(one_database: Database, clock: Hands, server: MailServer) -> None:
    put(one_database, clock, "a@example.jp", "b@example.jp")
    stop = threading.Event()
    stop.set()
    assert queue_for(one_database, server.port, clock).send_due(stop=stop) == SendReport()
    assert set(states(one_database).values()) == {"waiting"}


def test_the_store_keeps_what_is_sent_even_where_the_mark_is_late(one_database: Database, clock: Hands) -> None:
    put(one_database, clock, "a@example.jp")
    with one_database.writing() as connection:
        connection.execute(update(MAILS).values(state="sending", changed_at=moment(clock() - timedelta(days=1))))
    MailQueue(one_database, settings_for(free_port()), clock, impatient).send_due()
    row = rows(one_database)["a@example.jp"]
    assert row.state == "unsure"
    assert row.changed_at < moment(clock() - timedelta(hours=23)), "it says when the mail may have been sent"
