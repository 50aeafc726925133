"""`sansho export`: the controls for programs, the matrix for people."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from analyzer.cli.options import as_of_option, controls_option, open_institution, open_knowledge, output_option
from analyzer.cli.output import format_of, hand_out
from analyzer.cli.progress import progress


@click.group()
def export() -> None:
    """Write the knowledge base out."""


@export.command("controls")
@click.option(
    "--format", "output_format", type=click.Choice(["json", "csv", "parquet"]), help="Default: by FILE, else json."
)
@output_option
@controls_option
@click.pass_context
def controls(context: click.Context, output_format: str | None, output: Path | None, roots: tuple[Path, ...]) -> None:
    """All controls as data: JSON with every field, or a table (CSV, Parquet)."""
    from analyzer.exports.structured import controls_json, to_json_bytes

    if output is None or str(output) == "-":
        output_format = output_format or "json"
    chosen = format_of(output, output_format, ("json", "csv", "parquet"))
    knowledge = open_knowledge(context, roots)
    if chosen == "json":
        content = to_json_bytes(controls_json(knowledge))
    else:
        from analyzer.exports.tabular import controls_table, to_csv_bytes, to_parquet_bytes

        table = controls_table(knowledge)
        metadata = {"knowledge_version": knowledge.version}
        content = to_csv_bytes(table) if chosen == "csv" else to_parquet_bytes(table, metadata)
    hand_out(content, output, chosen)


@export.command("matrix")
@click.option("--institution", metavar="INSTITUTION", help="Lay an institution's state and gaps beside the controls.")
@as_of_option
@output_option
@controls_option
@click.pass_context
def matrix(
    context: click.Context, institution: str | None, as_of: date, output: Path | None, roots: tuple[Path, ...]
) -> None:
    """The control matrix as a workbook."""
    from analyzer.engine.analysis import Analyzer
    from analyzer.engine.rulebook import shipped_rulebook
    from analyzer.exports.matrix.workbook import matrix_workbook

    if output is not None and str(output) != "-":
        format_of(output, None, ("xlsx",))
    knowledge = open_knowledge(context, roots)
    assessment = None
    if institution is not None:
        assessment = Analyzer(knowledge).analyze(open_institution(institution, knowledge), as_of)
    with progress(1) as step:
        step("管理策マトリクス")
        content = matrix_workbook(knowledge, shipped_rulebook(), assessment)
    hand_out(content, output, "xlsx")


@export.command("notes")
@output_option
@controls_option
@click.pass_context
def notes(context: click.Context, output: Path | None, roots: tuple[Path, ...]) -> None:
    """What is odd in the published rows, and how it was read, as Markdown."""
    from analyzer.exports.notes import notes_markdown

    hand_out(notes_markdown(open_knowledge(context, roots)).encode(), output, "md")
