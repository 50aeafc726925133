"""`sansho backup` and `sansho restore`: the whole store as one file, and back, into either database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli.options import controls_option
from analyzer.cli.store import files_option, open_store, operator, store_options

if TYPE_CHECKING:
    from analyzer.store.backups import BackupReport


@click.command()
@click.argument("archive", type=click.Path(path_type=Path), metavar="FILE.zip")
@store_options
@controls_option
@click.pass_context
def backup(context: click.Context, archive: Path, location: str, files: Path | None, roots: tuple[Path, ...]) -> int:
    """Write the store, records, trail, accounts and evidence files, to FILE.zip and verify it.

    The store stays in use meanwhile. Keep the file as safe as the store: it holds everything. Exits 1 where the store
    itself was at fault; the backup is then written all the same, and names the faults.
    """
    with open_store(context, location, files, roots) as opened:
        report = opened.backups.write(operator(), archive)
    for reason in report.faults:
        click.echo(f"warning: {reason}", err=True)
    click.echo(f"{archive}: {_counts(report)}")
    return 1 if report.faults else 0


@click.command()
@click.argument("archive", type=click.Path(path_type=Path), metavar="FILE.zip")
@click.option("--to", "location", required=True, metavar="LOCATION", help="The new store: an SQLite file, or a URL.")
@files_option
@click.option("--accept-faults", is_flag=True, help="Also where the store was at fault when the backup was made.")
def restore(archive: Path, location: str, files: Path | None, accept_faults: bool) -> None:
    """Make a new store from the backup FILE.zip; everything is verified before and after."""
    from analyzer.store.backups import restore as make_from

    report = make_from(operator(), archive, location, files, accept_faults=accept_faults)
    for reason in report.faults:
        click.echo(f"warning: {reason}", err=True)
    click.echo(f"{location if '://' not in location else 'the database'}: {_counts(report)}")


def _counts(report: BackupReport) -> str:
    number, digest = report.head
    return (
        f"{report.rows['institutions']} institutions, {number} events, {report.files} evidence files, "
        f"head {number}:{digest}"
    )
