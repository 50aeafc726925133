"""`sansho checklist`: the responsibility checklist of an institution, to print or to fill in, and its way back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from analyzer.cli.checklist_import import import_
from analyzer.cli.options import (
    as_of_option,
    controls_option,
    institution_argument,
    open_institution,
    open_knowledge,
    output_option,
)
from analyzer.cli.output import format_of, hand_out
from analyzer.cli.progress import progress

FORMATS = ("xlsx", "html", "pdf")


class _WriteOrElse(click.Group):
    """`sansho checklist INSTITUTION …` writes one: what is no subcommand's name belongs to `write`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `write` in front of arguments that name no subcommand."""
        if not args or args[0] not in self.commands:
            args = ["write", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_WriteOrElse)
def checklist() -> None:
    """The checklist as xlsx (to fill in), HTML or PDF (to print), and its way back."""


@checklist.command(hidden=True, epilog="`sansho checklist import FILLED.xlsx` takes a filled-in one back.")
@institution_argument
@as_of_option
@click.option("--format", "output_format", type=click.Choice(FORMATS), help="Default: by FILE.")
@output_option
@controls_option
@click.pass_context
def write(
    context: click.Context,
    institution: str,
    as_of: date,
    output_format: str | None,
    output: Path | None,
    roots: tuple[Path, ...],
) -> None:
    """The checklist as xlsx (to fill in), HTML or PDF (to print)."""
    from analyzer.engine.analysis import Analyzer
    from analyzer.exports.checklist.content import build_checklist, render_checklist

    chosen = format_of(output, output_format, FORMATS)
    knowledge = open_knowledge(context, roots)
    analyzer = Analyzer(knowledge)
    assessment = analyzer.analyze(open_institution(institution, knowledge), as_of)
    content = build_checklist(assessment, knowledge, analyzer.rulebook)
    with progress(1) as step:
        step("責任分界チェックリスト")
        rendered = render_checklist(content, chosen)
    hand_out(rendered, output, chosen)


checklist.add_command(import_)
