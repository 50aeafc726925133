"""`sansho demo`: the main job on the sample institutions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from analyzer.cli.options import Day, controls_option, open_knowledge
from analyzer.cli.progress import progress

# A fixed day, so that the demonstration shows the same everywhere and at any time.
DEMO_DAY = date(2026, 11, 1)


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("reports/out"),
    show_default=True,
    metavar="DIR",
    help="The folder the files go to.",
)
@click.option("--as-of", type=Day(), default=DEMO_DAY.isoformat(), show_default=True, help="The day to judge by.")
@controls_option
@click.pass_context
def demo(context: click.Context, output: Path, as_of: date, roots: tuple[Path, ...]) -> None:
    """Control matrix, checklists, gap reports and data of the sample institutions."""
    from analyzer.exports.bundle import FILES_OF_AN_INSTITUTION, write_bundle
    from analyzer.knowledge.institutions import load_institution
    from analyzer.resources import sample_institutions

    knowledge = open_knowledge(context, roots)
    institutions = [load_institution(path, knowledge)[0] for path in sample_institutions().values()]
    with progress(2 + FILES_OF_AN_INSTITUTION * len(institutions)) as step:
        for path in write_bundle(knowledge, institutions, as_of, output, step):
            click.echo(path)
