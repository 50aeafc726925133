"""`sansho mail`: send what the portal has queued, and see what became of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.store import operator, store_options
from analyzer.errors import SanshoError

if TYPE_CHECKING:
    from analyzer.programme.mailing import MailQueue, SendReport


@click.group()
def mail() -> None:
    """Mails of the programme portal. They are sent where SANSHO_SMTP_HOST names a server (docs/mail.md)."""


@mail.command("send")
@click.option(
    "--watch", type=click.IntRange(1, 86_400), metavar="SECONDS", help="Go on, a round every SECONDS, until stopped."
)
@click.option("--limit", type=click.IntRange(1), metavar="NUMBER", help="Send no more than NUMBER mails a round.")
@store_options
def send_command(watch: int | None, limit: int | None, location: str, files: Path | None) -> int:
    """Send the mails that are due. Exits 1 where a mail failed, or the server takes none.

    The app does the same while it runs; several may do it at once, and each mail goes out once.
    """
    del files
    with _queue(location) as queue:
        if not queue.is_on:
            raise SanshoError("mail is off: SANSHO_SMTP_HOST names no server (docs/mail.md)")
        if watch is None:
            report = queue.send_due(limit)
            click.echo(_line(report))
            return 1 if report.trouble is not None or report.failed or report.unsure else 0
        _watch(queue, watch, limit)
    return 0


@mail.command("list")
@store_options
def list_command(location: str, files: Path | None) -> None:
    """List mails that failed or may not have arrived, and how many are in each state."""
    del files
    with _queue(location) as queue:
        who = operator()
        for each in queue.troubled(who):
            line = f"{each.id}  {each.state}  {each.changed_at[:19]}Z  {each.recipient}  {each.subject}: {each.error}"
            click.echo("".join(ch if ch.isprintable() else " " for ch in line))
        counts = queue.counts(who)
    click.echo(", ".join(f"{number} {state}" for state, number in counts.items()) or "no mails")


@contextmanager
def _queue(location: str) -> Iterator[MailQueue]:
    from analyzer.programme.mail_settings import MailSettings
    from analyzer.programme.mailing import MailQueue
    from analyzer.store.database import Database

    if "://" not in location and "\0" not in location and not Path(location).exists():
        raise SanshoError(f"{location}: no store there; --store names another")
    settings = MailSettings.from_environment()
    database = Database.open(location)
    try:
        yield MailQueue(database, settings)
    finally:
        database.close()


def _watch(queue: MailQueue, seconds: int, limit: int | None) -> None:
    """Rounds until the process is told to end, which it does after the mail at hand."""
    from analyzer.programme.background import next_pause

    stop = threading.Event()

    def end(_signal: int, _frame: Any) -> None:
        stop.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)
    pause = float(seconds)
    while not stop.is_set():
        well = True
        try:
            report = queue.send_due(limit, stop)
        except SanshoError as error:
            # A database that is away for a while ends a single round, not the watch.
            click.echo(str(error), err=True)
            well = False
        else:
            if report.sent or report.later or report.failed or report.unsure or report.trouble is not None:
                click.echo(_line(report))
            well = report.trouble is None
        pause = next_pause(pause, seconds, well)
        stop.wait(pause)


def _line(report: SendReport) -> str:
    said = f"{report.sent} sent, {report.later} to be tried again, {report.failed} failed, {report.unsure} unsure"
    return said if report.trouble is None else f"{said}; stopped: {report.trouble}"
