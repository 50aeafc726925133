"""`sansho validate`: check the knowledge base, the rules and institutions' files, and count what is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli.options import controls_option, institution_path, open_knowledge, warn
from analyzer.errors import InputError

if TYPE_CHECKING:
    from analyzer.knowledge.counts import KnowledgeCounts


@click.command()
@click.argument("institutions", nargs=-1, metavar="[INSTITUTION]...")
@controls_option
@click.pass_context
def validate(context: click.Context, institutions: tuple[str, ...], roots: tuple[Path, ...]) -> int:
    """Check the knowledge base (and INSTITUTION files), report every fault with file and line, print the counts."""
    from analyzer.engine.rulebook import shipped_rulebook
    from analyzer.knowledge.counts import count_knowledge
    from analyzer.knowledge.institutions import load_institution

    failed = False
    try:
        knowledge = open_knowledge(context, roots)
        shipped_rulebook()
    except InputError as error:
        click.echo(str(error), err=True)
        click.echo(f"{len(error.problems)} error(s)", err=True)
        return 1
    for name in institutions:
        try:
            institution, warnings = load_institution(institution_path(name), knowledge)
            warn(warnings)
            click.echo(f"{name}: {institution.name}, {len(institution.answers)} answers, ok")
        except InputError as error:
            failed = True
            click.echo(str(error), err=True)
    for line in _count_lines(count_knowledge(knowledge)):
        click.echo(line)
    return 1 if failed else 0


def _count_lines(counts: KnowledgeCounts) -> list[str]:
    lines = [f"knowledge base {counts.version}"]
    for counted in counts.guidelines:
        edition = counted.guideline.edition or "－"
        lines.append(f"{counted.guideline.id}  {counted.guideline.title.ja} {edition}: {counted.controls} controls")
        lines += [f"  {item.section.id:<7}{item.controls:>4}  {item.section.title.ja}" for item in counted.sections]
    lines.append(f"MIC clauses: {counts.clauses}")
    lines += [f"documents of {vendor}: {number}" for vendor, number in counts.documents.items()]
    lines.append(f"conditions: {counts.conditions}")
    return lines
