"""`sansho portfolio checklists`: the checklists of many institutions, over the machine's cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli.options import Settings, as_of_option, controls_option, open_knowledge
from analyzer.cli.progress import progress
from analyzer.errors import SanshoError

if TYPE_CHECKING:
    from analyzer.exports.bulk_workers import Source
    from analyzer.store.store import Store

EXIT_INCOMPLETE = 1
STORE_SOURCE = "store"
# Rows of a table read at once.
_ROWS = 64


@click.command("checklists")
@click.argument("source", metavar="SOURCE")
@as_of_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR|FILE.zip",
    help="A folder, or a zip, which appears when it is whole.",
)
@click.option("--workers", type=click.IntRange(1, 256), help="Processes at once. [default: one for each core]")
@click.option(
    "--store", "location", envvar="SANSHO_STORE", metavar="LOCATION", help="The store, where SOURCE is `store`."
)
@controls_option
@click.pass_context
def checklists(
    context: click.Context,
    source: str,
    as_of: date,
    output: Path,
    workers: int | None,
    location: str | None,
    roots: tuple[Path, ...],
) -> int:
    """One checklist (xlsx) for each institution of SOURCE: a folder of institution files, a table (.parquet, .csv) of
    the portfolio's layout or a folder of such tables, or `store`.

    A run that stopped goes on where it was; what has not changed since is kept. Exits 1 where one could not be made.
    """
    from analyzer.exports.bulk import bulk_checklists

    with ExitStack() as closing:
        count, institutions = _institutions(context, source, as_of, location, roots, closing)
        settings = context.find_object(Settings)
        every_root = (*(settings.roots if settings else ()), *roots)
        with progress(count) as advance:
            report = bulk_checklists(
                institutions, every_root, as_of, output, workers, lambda outcome: advance(outcome.name)
            )
    for failed in report.failures:
        click.echo(f"{failed.id}: {_one_line(failed.reason or '')}", err=True)
    click.echo(f"{output}: {report.made} made, {report.kept} kept, {len(report.failures)} failed")
    return EXIT_INCOMPLETE if report.failures else 0


def _institutions(
    context: click.Context,
    source: str,
    as_of: date,
    location: str | None,
    roots: tuple[Path, ...],
    closing: ExitStack,
) -> tuple[int | None, Iterable[Source]]:
    """How many institutions a source has, None where only reading them all would tell, and the institutions."""
    path = Path(source)
    if source == STORE_SOURCE and not path.exists():
        from analyzer.cli.store import DEFAULT_STORE, open_store

        stored = _Stored(closing.enter_context(open_store(context, location or DEFAULT_STORE, None, roots)))
        return len(stored.ids), stored.institutions()
    knowledge = open_knowledge(context, roots)  # its warnings are said once, before the work
    files = _institution_files(path)
    if files:
        return len(files), files

    from analyzer.engine.rulebook import shipped_rulebook
    from analyzer.portfolio.layout import Layout
    from analyzer.portfolio.records import institutions_of
    from analyzer.portfolio.sources import open_source

    rulebook = shipped_rulebook()
    layout = Layout(knowledge, rulebook)
    table = open_source(path, knowledge, layout, rulebook.policy)
    blocks = table.blocks(_ROWS, as_of)
    return table.count(), (found for block in blocks for found in institutions_of(block, layout, as_of))


class _Stored:
    """The store's institutions as the operator of the machine reads them."""

    def __init__(self, store: Store) -> None:
        from analyzer.cli.store import operator

        self._records = store.records
        self._who = operator()
        self.ids = sorted(self._records.stamps(self._who))
        if not self.ids:
            raise SanshoError("the store: holds no institutions")

    def institutions(self) -> Iterator[Source]:
        """Their records as they stand; one that cannot be read does not keep the others back."""
        from analyzer.exports.bulk_workers import Unread

        for identity in self.ids:
            try:
                found: Source = self._records.read(self._who, identity).institution
            except SanshoError as error:
                found = Unread(identity, str(error))
            yield found


def _institution_files(folder: Path) -> list[Path]:
    """The institution files of a folder that holds no tables, by name."""
    try:
        found = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    except OSError as error:
        raise SanshoError(f"{folder}: {error.strerror or error}") from None
    tables = any(path.suffix.lower() in {".parquet", ".csv"} for path in found)
    return [] if tables else [path for path in found if path.suffix.lower() in {".yaml", ".yml"}]


def _one_line(text: str) -> str:
    return " / ".join(text.splitlines())
