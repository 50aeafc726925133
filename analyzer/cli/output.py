"""Handing results out: to a file, whole or not at all, or to standard output."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from analyzer.errors import SanshoError
from analyzer.exports.files import write_whole

BINARY_FORMATS = frozenset({"xlsx", "pdf", "parquet"})


def hand_out(content: bytes, output: Path | None, output_format: str) -> None:
    """Write to the file, or to standard output where there is none or it is `-`. Binary never goes to a terminal."""
    if output is None or str(output) == "-":
        if output is None and output_format in BINARY_FORMATS and sys.stdout.isatty():
            raise SanshoError(f"{output_format} is not for a terminal; name a file with -o")
        click.echo(content, nl=False)
        return
    write_whole(output, content)


def format_of(output: Path | None, given: str | None, known: tuple[str, ...]) -> str:
    """The format: as given, else by the file's ending. Raises SanshoError where neither says, or they contradict."""
    ending = output.suffix.lower().lstrip(".") if output is not None and str(output) != "-" else ""
    if given is not None:
        if ending in known and ending != given:
            raise SanshoError(f"{output}: the ending says {ending}, --format says {given}")
        return given
    if ending in known:
        return ending
    endings = ", ".join(f".{name}" for name in known)
    if output is None or str(output) == "-":
        raise SanshoError(f"say the format: -o FILE with one of {endings}, or --format")
    raise SanshoError(f"{output}: the ending is not one of {endings}")
