"""`sansho store`: institutions' files into the store and out of it, and whether all that it holds is whole."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analyzer.cli.options import controls_option, institution_path, open_knowledge, output_option
from analyzer.cli.output import hand_out
from analyzer.errors import SanshoError

if TYPE_CHECKING:
    from analyzer.store.principal import Principal
    from analyzer.store.store import Store

Command = TypeVar("Command", bound=Callable[..., Any])
DEFAULT_STORE = "sansho.db"
files_option = click.option(
    "--files",
    envvar="SANSHO_FILES",
    show_envvar=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder of evidence files; by default beside the SQLite file.",
)


def store_options(command: Command) -> Command:
    """`--store LOCATION` and `--files DIR`, also from the environment."""
    store = click.option(
        "--store",
        "location",
        envvar="SANSHO_STORE",
        show_envvar=True,
        default=DEFAULT_STORE,
        show_default=True,
        metavar="LOCATION",
        help="The store: an SQLite file, or a PostgreSQL URL.",
    )
    return store(files_option(command))


@contextmanager
def open_store(
    context: click.Context, location: str, files: Path | None, roots: tuple[Path, ...] = (), *, make: bool = False
) -> Iterator[Store]:
    """The store of the options, closed at the end. make: an SQLite file that is not there is made."""
    from analyzer.store.store import Store

    if not make and "://" not in location and "\0" not in location and not Path(location).exists():
        raise SanshoError(f"{location}: no store there; `sansho store import` makes one, --store names another")
    knowledge = open_knowledge(context, roots)
    store = Store.open(location, knowledge, files)
    try:
        yield store
    finally:
        store.close()


def operator() -> Principal:
    """Who types a command: whoever can open the database may do everything; the trail names the account they used."""
    from analyzer.store.principal import Principal

    try:
        login = getpass.getuser()
    except (OSError, KeyError, ImportError):
        login = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return Principal(f"cli:{login[:90]}", login[:90], "administrator")


@click.group()
def store() -> None:
    """Institutions' records in the store: take files in, hand them out, check that all is whole."""


@store.command("import")
@click.argument("files_in", nargs=-1, required=True, metavar="FILE...")
@click.option("--update", is_flag=True, help="Make records that are there already hold what the file says.")
@store_options
@controls_option
@click.pass_context
def import_command(
    context: click.Context,
    files_in: tuple[str, ...],
    update: bool,
    location: str,
    files: Path | None,
    roots: tuple[Path, ...],
) -> int:
    """Take institution FILEs (or samples by id) into the store, each whole or not at all."""
    failed = False
    with open_store(context, location, files, roots, make=True) as opened:
        for name in files_in:
            try:
                click.echo(f"{name}: {_take_in(opened, name, update)}")
            except SanshoError as error:
                failed = True
                click.echo(str(error), err=True)
    return 2 if failed else 0


def _take_in(opened: Store, name: str, update: bool) -> str:
    from analyzer.knowledge.institutions import read_institution_data
    from analyzer.knowledge.yamlreader import read_bytes

    who = operator()
    content = read_bytes(institution_path(name), name)
    document = read_institution_data(content, name, opened.knowledge)
    identity = document["institution"]["id"]
    if identity not in opened.records.names(who):
        record = opened.records.create(who, content, name)
        return f"{record.institution.name}, {len(record.institution.answers)} answers, taken in as {identity}"
    changes = opened.records.differences(who, identity, document)
    if not changes:
        return f"{identity} holds the same already"
    if not update:
        raise SanshoError(
            f"{name}: {identity} is in the store and differs in {len(changes)} parts; --update changes it"
        )
    opened.records.change(who, identity, changes, action="import", source=name)
    return f"{identity}, {len(changes)} parts changed"


@store.command("export")
@click.argument("institution", metavar="INSTITUTION")
@output_option
@store_options
@controls_option
@click.pass_context
def export_command(
    context: click.Context,
    institution: str,
    output: Path | None,
    location: str,
    files: Path | None,
    roots: tuple[Path, ...],
) -> None:
    """Write INSTITUTION's record as an institution file (YAML), without loss."""
    with open_store(context, location, files, roots) as opened:
        content = opened.records.export_file(operator(), institution)
    hand_out(content, output, "yaml")


@store.command("list")
@store_options
@controls_option
@click.pass_context
def list_command(context: click.Context, location: str, files: Path | None, roots: tuple[Path, ...]) -> None:
    """List the institutions of the store with their latest change."""
    with open_store(context, location, files, roots) as opened:
        who = operator()
        for institution, name in opened.records.names(who).items():
            latest = opened.records.history(who, institution, limit=1)
            changed = f"event {latest[0].number}, {latest[0].at[:19]}Z by {latest[0].actor}" if latest else "－"
            click.echo(f"{institution}  {name}  {changed}")


@store.command("check")
@store_options
@controls_option
@click.pass_context
def check_command(context: click.Context, location: str, files: Path | None, roots: tuple[Path, ...]) -> int:
    """Check the audit trail, every record and every evidence file. Exits 1 where something is not whole."""
    with open_store(context, location, files, roots) as opened:
        who = operator()
        report = opened.audit.verify(who)
        faults = [*opened.database.damage(), *(fault.reason for fault in report.faults)]
        names = opened.records.names(who)
        for institution in names:
            try:
                opened.records.read(who, institution)
            except SanshoError as error:
                faults += str(error).splitlines()
        found = opened.files.check(who)
    faults += [fault.reason for fault in found if fault.lost]
    for reason in faults:
        click.echo(reason, err=True)
    for fault in found:
        if not fault.lost:
            click.echo(f"warning: {fault.reason}", err=True)
    click.echo(f"{len(names)} institutions, {report.events} events, {len(faults)} faults")
    return 1 if faults else 0
