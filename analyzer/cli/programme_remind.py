"""`sansho programme remind`: write the day's reminders, as the app does while it runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from analyzer.cli.options import as_of_option, controls_option
from analyzer.cli.store import open_store, store_options


@click.command("remind")
@click.option(
    "--programmes",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="SANSHO_PROGRAMMES",
    show_envvar=True,
    metavar="DIR",
    help="The folder of programme files; without it the shipped ones.",
)
@as_of_option
@store_options
@controls_option
@click.pass_context
def remind_command(
    context: click.Context,
    programmes: Path | None,
    as_of: date,
    location: str,
    files: Path | None,
    roots: tuple[Path, ...],
) -> None:
    """Remind institutions of steps whose due day is near or past, as the programmes' files say.

    Each reminder is made once, however often this is run. Mails are queued where SANSHO_SMTP_HOST names a server;
    `sansho mail send` sends them.
    """
    from analyzer.programme.desk import Desk
    from analyzer.programme.loading import load_programmes
    from analyzer.programme.mail_settings import MailSettings
    from analyzer.programme.reminders import remind_due
    from analyzer.resources import programmes_dir

    settings = MailSettings.from_environment()
    with open_store(context, location, files, roots) as opened:
        known = load_programmes(programmes or programmes_dir(), opened.knowledge)
        made = remind_due(Desk(opened.database, known, mail=settings), as_of)
    click.echo(f"{made} reminders")
