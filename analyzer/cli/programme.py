"""`sansho programme`: support programmes' files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli.options import controls_option, open_knowledge
from analyzer.cli.programme_remind import remind_command
from analyzer.errors import InputError, SanshoError

if TYPE_CHECKING:
    from analyzer.programme.model import Programme


@click.group()
def programme() -> None:
    """Support programmes that institutions and a secretariat work through together."""


@programme.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@controls_option
@click.pass_context
def validate_command(context: click.Context, files: tuple[str, ...], roots: tuple[Path, ...]) -> int:
    """Check programme FILEs against the format and the knowledge base, report every fault with file and line.

    Exits 1 where there is one.
    """
    from analyzer.knowledge.yamlreader import read_bytes
    from analyzer.programme.loading import read_programme

    knowledge = open_knowledge(context, roots)
    failed = False
    for name in files:
        try:
            if "\0" in name:
                raise SanshoError(f"{name!r}: not a path")
            click.echo(f"{name}: {_counted(read_programme(read_bytes(Path(name)), name, knowledge))}, ok")
        except InputError as error:
            failed = True
            click.echo(str(error), err=True)
    return 1 if failed else 0


def _counted(read: Programme) -> str:
    questions = [question for form in read.forms for question in form.questions]
    facts = sum(len(question.informs.facts) for question in questions)
    duties = sum(len(question.informs.answers) for question in questions)
    return (
        f"{read.title.ja}, {len(read.steps)} steps, {len(questions)} questions that inform {facts} facts and "
        f"{duties} duties, {len(read.faq)} FAQ"
    )


programme.add_command(remind_command)
