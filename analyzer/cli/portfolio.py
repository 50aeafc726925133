"""`sansho portfolio`: many institutions at once, from a table, a folder or the store."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli.bulk import checklists
from analyzer.cli.options import as_of_option, controls_option, open_knowledge
from analyzer.cli.progress import progress
from analyzer.errors import SanshoError

if TYPE_CHECKING:
    import contextlib

    from analyzer.model.institution import Institution
    from analyzer.portfolio.analysis import PortfolioEngine
    from analyzer.portfolio.sources import Source
    from analyzer.store.store import Store

STORE_SOURCE = "store"
DEFAULT_FOLDER = Path("reports/out/portfolio")
OVERVIEW = "overview.xlsx"


class _AnalyseOrElse(click.Group):
    """`sansho portfolio SOURCE …` analyses it: what is no subcommand's name belongs to `analyse`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `analyse` in front of arguments that name no subcommand."""
        if args and args[0] not in {*self.commands, "--help", "-h"}:
            args = ["analyse", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_AnalyseOrElse)
def portfolio() -> None:
    """Judge many institutions at once: sansho portfolio SOURCE."""


@portfolio.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    default=DEFAULT_FOLDER,
    show_default=True,
)
@as_of_option
@click.option("--anew", is_flag=True, help="Begin again, whatever an earlier run left in DIR.")
@click.option("--block", type=click.IntRange(1, 65_536), help="Institutions judged at once. Default: 2048.")
@click.option(
    "--store", "location", envvar="SANSHO_STORE", metavar="LOCATION", help="The store, where SOURCE is `store`."
)
@controls_option
@click.pass_context
def analyse(
    context: click.Context,
    source: str,
    output: Path,
    as_of: date,
    anew: bool,
    block: int | None,
    location: str | None,
    roots: tuple[Path, ...],
) -> None:
    """Judge every institution of SOURCE: a table (.parquet, .csv), a folder of tables or of institution files, `store`.

    Writes overview.xlsx, summary.parquet and .csv (institutions), controls.parquet, groups.parquet, gaps.parquet
    (counts) and results/ (institution × control) to DIR. A run that stopped goes on where it was.
    """
    import contextlib

    from analyzer.exports.files import write_whole
    from analyzer.exports.portfolio_overview import portfolio_overview
    from analyzer.portfolio.analysis import PortfolioEngine
    from analyzer.portfolio.reading import open_run
    from analyzer.portfolio.run_files import BLOCK_SIZE
    from analyzer.portfolio.running import run_portfolio

    with contextlib.ExitStack() as closing:
        if source == STORE_SOURCE and not Path(source).exists():
            opened, engine = _from_store(context, location, roots, closing)
        else:
            from analyzer.portfolio.sources import open_source

            engine = PortfolioEngine(open_knowledge(context, roots))
            analyzer = engine.analyzer
            opened = open_source(Path(source), analyzer.knowledge, engine.layout, analyzer.rulebook.policy)
        size = block or BLOCK_SIZE
        count = opened.count()
        with progress(None if count is None else -(-count // size)) as advance:
            told = 0

            def report(institutions: int) -> None:
                nonlocal told
                told += institutions
                advance(f"{told:,}")

            outcome = run_portfolio(opened, engine, as_of, output, report, block_size=size, anew=anew)
        knowledge, rulebook = engine.analyzer.knowledge, engine.analyzer.rulebook
        overview = portfolio_overview(open_run(output, knowledge).summary(), knowledge, rulebook)
        write_whole(output / OVERVIEW, overview)
    kept = f" ({outcome.kept:,} of them from an earlier run)" if outcome.kept else ""
    click.echo(f"{output}: {outcome.institutions:,} institutions{kept}, {outcome.cells:,} results")


@portfolio.command()
@click.argument("count", metavar="N", type=click.IntRange(1, 10_000_000))
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed gives the same ones.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.parquet",
    help="Default: reports/out/portfolio-N.parquet.",
)
@as_of_option
@controls_option
@click.pass_context
def generate(
    context: click.Context, count: int, seed: int, output: Path | None, as_of: date, roots: tuple[Path, ...]
) -> None:
    """Make up N institutions for demonstrations and benchmarks; the file says that nobody in it exists."""
    from analyzer.engine.rulebook import shipped_rulebook
    from analyzer.portfolio.layout import Layout
    from analyzer.portfolio.synthetic import BLOCK, write_synthetic

    output = output or DEFAULT_FOLDER.with_name(f"portfolio-{count}.parquet")
    if output.suffix.lower() != ".parquet":
        raise SanshoError(f"{output}: the ending must be .parquet")
    knowledge = open_knowledge(context, roots)
    layout = Layout(knowledge, shipped_rulebook())
    with progress(-(-count // BLOCK)) as advance:
        write_synthetic(output, count, seed, layout, knowledge, as_of, lambda done: advance(f"{done:,}"))
    click.echo(f"{output}: {count:,} fictional institutions, seed {seed}")


portfolio.add_command(checklists)


def _from_store(
    context: click.Context, location: str | None, roots: tuple[Path, ...], closing: contextlib.ExitStack
) -> tuple[Source, PortfolioEngine]:
    from analyzer.cli.store import DEFAULT_STORE, open_store
    from analyzer.portfolio.analysis import PortfolioEngine
    from analyzer.portfolio.sources import RecordsSource

    place = location or DEFAULT_STORE
    store = closing.enter_context(open_store(context, place, None, roots))
    engine = PortfolioEngine(store.knowledge)
    # A location may be a URL with a password in it: messages do not repeat it.
    return RecordsSource(_StoreRecords(store), engine.layout, engine.analyzer.rulebook.policy), engine


class _StoreRecords:
    """The store's institutions as the operator of the machine reads them."""

    def __init__(self, store: Store) -> None:
        from analyzer.cli.store import operator

        self._records = store.records
        self._who = operator()
        self.name = "the store"

    def stamps(self) -> dict[str, object]:
        """The institutions' ids, sorted, with what changes with each."""
        return dict(sorted(self._records.stamps(self._who).items()))

    def read(self, institution: str) -> Institution:
        """An institution's record as it stands."""
        return self._records.read(self._who, institution).institution
