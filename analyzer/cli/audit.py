"""`sansho audit`: verify the audit trail, and list what was done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import controls_option
from analyzer.cli.store import open_store, operator, store_options

if TYPE_CHECKING:
    from analyzer.store.events import Event


class HeadType(click.ParamType[tuple[int, str]]):
    """An event as it was noted, `128:9f3a…`: its number and its whole hash."""

    name = "head"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, str]:
        """Number and hash, or a usage error that shows the form."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", value.strip().lower())
        if found is None:
            self.fail(f"{value!r} is not NUMBER:HASH as `sansho audit verify` prints it", param, ctx)
        return int(found[1]), found[2]


@click.group()
def audit() -> None:
    """The audit trail: verify it, list what was done."""


@audit.command("verify")
@click.option(
    "--head",
    type=HeadType(),
    metavar="NUMBER:HASH",
    help="An event as it was noted earlier; tells of a trail that was written anew.",
)
@store_options
@controls_option
@click.pass_context
def verify_command(
    context: click.Context, head: tuple[int, str] | None, location: str, files: Path | None, roots: tuple[Path, ...]
) -> int:
    """Check every event, and that the records are what the events say. Exits 1 and names each fault.

    Note the printed head outside of the store: with --head, later, even a trail that was rewritten as a whole is found.
    """
    with open_store(context, location, files, roots) as opened:
        report = opened.audit.verify(operator(), head)
    for fault in report.faults:
        click.echo(fault.reason, err=True)
    click.echo(f"{report.events} events, {len(report.faults)} faults, head {report.last}:{report.head}")
    return 1 if report.faults else 0


@audit.command("log")
@click.argument("institution", required=False, metavar="[INSTITUTION]")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="How many events.")
@store_options
@controls_option
@click.pass_context
def log_command(
    context: click.Context,
    institution: str | None,
    limit: int,
    location: str,
    files: Path | None,
    roots: tuple[Path, ...],
) -> None:
    """List the latest events of INSTITUTION, or of what concerns none (accounts, restores)."""
    with open_store(context, location, files, roots) as opened:
        found = opened.audit.log(operator(), institution, limit)
    for event in found:
        click.echo(_line(event))


def _line(event: Event) -> str:
    change = event.change
    before, after = change.before or {}, change.after or {}
    altered = ", ".join(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))
    how = "set" if change.before is None else "removed" if change.after is None else "changed"
    what = f"{change.kind} {change.key}".strip()
    text = (
        f"{event.number}  {event.at[:19]}Z  {event.actor}  {change.action}  {what}: {how} {altered}  [{change.source}]"
    )
    return "".join(ch if ch.isprintable() else " " for ch in text)
