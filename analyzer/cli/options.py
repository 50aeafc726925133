"""What several commands take: the knowledge base's folders, an institution, a day, an output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analyzer.errors import Problem, SanshoError

if TYPE_CHECKING:
    from analyzer.knowledge.base import KnowledgeBase
    from analyzer.model.institution import Institution

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Settings:
    """The options given before the command."""

    roots: tuple[Path, ...]


class Day(click.ParamType[date]):
    """A calendar day, `2026-11-01`."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date, or a usage error that shows what was given."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            self.fail(f"{value!r} is not a day that exists; write it as 2026-11-01", param, ctx)


def controls_option(command: Command) -> Command:
    """`--controls DIR`, repeatable, also after the command's name."""
    return click.option(
        "--controls",
        "roots",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="A further folder of controls; repeatable.",
    )(command)


def as_of_option(command: Command) -> Command:
    """`--as-of DATE`; today where it is not given. Only here is the clock read."""
    return click.option("--as-of", type=Day(), default=date.today, show_default="today", help="The day to judge by.")(
        command
    )


def institution_argument(command: Command) -> Command:
    """An institution's file, or the id of a sample."""
    return click.argument("institution", metavar="INSTITUTION")(command)


def output_option(command: Command) -> Command:
    """`-o FILE`; `-` is standard output."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, allow_dash=True),
        metavar="FILE",
        help="`-` is standard output.",
    )(command)


def open_knowledge(context: click.Context, roots: tuple[Path, ...]) -> KnowledgeBase:
    """The knowledge base of the given folders; its warnings go to standard error."""
    from analyzer.knowledge.loading import load_knowledge

    settings = context.find_object(Settings)
    knowledge = load_knowledge([*(settings.roots if settings else ()), *roots])
    warn(knowledge.warnings)
    return knowledge


def open_institution(institution: str, knowledge: KnowledgeBase) -> Institution:
    """The institution of a file, or the sample of that id; warnings go to standard error."""
    from analyzer.knowledge.institutions import load_institution

    found, warnings = load_institution(institution_path(institution), knowledge)
    warn(warnings)
    return found


def institution_path(institution: str) -> Path:
    """The file that is meant: as given, or a sample by its id."""
    from analyzer.resources import sample_institutions

    path = Path(institution)
    if "\0" in institution:
        raise SanshoError(f"{institution!r}: not a path")
    samples = sample_institutions()
    if not path.exists() and institution in samples:
        return samples[institution]
    return path


def warn(warnings: tuple[Problem, ...]) -> None:
    """Each warning as a line on standard error."""
    for problem in warnings:
        click.echo(f"warning: {problem}", err=True)
