"""`sansho analyze` and `sansho explain`: an institution's conformity and gaps, and why."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from analyzer.cli.options import (
    as_of_option,
    controls_option,
    institution_argument,
    open_institution,
    open_knowledge,
    output_option,
)
from analyzer.cli.output import format_of, hand_out
from analyzer.errors import SanshoError

if TYPE_CHECKING:
    from analyzer.engine.analysis import Analyzer
    from analyzer.knowledge.base import KnowledgeBase
    from analyzer.model.results import Assessment

FORMATS = ("table", "json", "csv", "xlsx", "html", "parquet")


@click.command()
@institution_argument
@as_of_option
@click.option("--format", "output_format", type=click.Choice(FORMATS), help="Default: by FILE, else table.")
@click.option("--lang", type=click.Choice(["ja", "en"]), default="ja", show_default=True, help="Reasons in JSON.")
@click.option(
    "--fail-on", type=click.Choice(["high", "medium", "low"]), help="Exit 1 where such a gap, or a higher one, is open."
)
@output_option
@controls_option
@click.pass_context
def analyze(
    context: click.Context,
    institution: str,
    as_of: date,
    output_format: str | None,
    lang: Literal["ja", "en"],
    fail_on: str | None,
    output: Path | None,
    roots: tuple[Path, ...],
) -> int:
    """Judge an institution: conformity of every control, gaps by priority, what to do next."""
    from analyzer.engine.analysis import Analyzer

    if output is None or str(output) == "-":
        output_format = output_format or "table"
    chosen = format_of(output, output_format, FORMATS)
    knowledge = open_knowledge(context, roots)
    analyzer = Analyzer(knowledge)
    assessment = analyzer.analyze(open_institution(institution, knowledge), as_of)
    hand_out(_content(chosen, lang, assessment, analyzer, knowledge), output, chosen)
    return _failed(assessment, fail_on)


def _content(
    chosen: str, lang: Literal["ja", "en"], assessment: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase
) -> bytes:
    if chosen == "json":
        from analyzer.exports.structured import assessment_json, to_json_bytes

        return to_json_bytes(assessment_json(assessment, lang=lang, knowledge=knowledge))
    if chosen in {"csv", "parquet"}:
        from analyzer.exports.tabular import assessment_metadata, results_table, to_csv_bytes, to_parquet_bytes

        table = results_table(assessment)
        return to_csv_bytes(table) if chosen == "csv" else to_parquet_bytes(table, assessment_metadata(assessment))
    if chosen == "xlsx":
        from analyzer.exports.matrix.workbook import matrix_workbook

        return matrix_workbook(knowledge, analyzer.rulebook, assessment)
    if chosen == "html":
        from analyzer.exports.gap_report.report import gap_report_html

        return gap_report_html(assessment, knowledge, analyzer.rulebook)
    from analyzer.exports.terminal import assessment_text

    return assessment_text(assessment, analyzer.rulebook).encode()


def _failed(assessment: Assessment, fail_on: str | None) -> int:
    if fail_on is None:
        return 0
    from analyzer.model.vocabulary import PRIORITIES

    counted = assessment.summary.gaps_by_priority
    watched = PRIORITIES[: [str(priority) for priority in PRIORITIES].index(fail_on) + 1]
    found = {priority: counted[priority] for priority in watched if counted[priority]}
    if not found:
        return 0
    listed = ", ".join(f"{number} {priority}" for priority, number in found.items())
    click.echo(f"{assessment.institution.id}: open gaps: {listed}", err=True)
    return 1


@click.command()
@institution_argument
@click.argument("control")
@as_of_option
@controls_option
@click.pass_context
def explain(context: click.Context, institution: str, control: str, as_of: date, roots: tuple[Path, ...]) -> None:
    """Why CONTROL (e.g. mhlw-5:6.5-07, or 6.5-07) is judged as it is: every rule that fired, with its inputs."""
    from analyzer.engine.analysis import Analyzer
    from analyzer.exports.terminal import explanation_text

    knowledge = open_knowledge(context, roots)
    found = [item for key, item in knowledge.controls.items() if control in {key, item.id}]
    if len(found) != 1:
        meant = ", ".join(item.key for item in found)
        raise SanshoError(f"{control!r} means {meant}; say which" if found else f"no control {control!r}")
    steps = Analyzer(knowledge).explain(open_institution(institution, knowledge), as_of, found[0])
    click.echo(explanation_text(found[0], steps), nl=False)
