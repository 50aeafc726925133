"""`sansho search`: find controls by text."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.cli.options import controls_option, open_knowledge
from analyzer.errors import SanshoError


@click.command()
@click.argument("text")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at the most.")
@click.option("--guideline", metavar="ID", help="Only this guideline's controls.")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@controls_option
@click.pass_context
def search(
    context: click.Context, text: str, limit: int, guideline: str | None, output_format: str, roots: tuple[Path, ...]
) -> None:
    """Controls that TEXT is about, best first; widths, kana and typing slips are forgiven."""
    from analyzer.exports.hits import hits_json, hits_text
    from analyzer.exports.structured import to_json_bytes
    from analyzer.search.index import SearchIndex

    knowledge = open_knowledge(context, roots)
    encoded = [item.id for item in knowledge.encoded_guidelines]
    if guideline is not None and guideline not in encoded:
        raise SanshoError(f"no controls of a guideline {guideline!r}; there are: {', '.join(encoded)}")
    hits = SearchIndex(knowledge).find(text, limit=limit, guideline=guideline)
    if output_format == "json":
        click.echo(to_json_bytes(hits_json(text, hits)), nl=False)
    else:
        click.echo(hits_text(hits), nl=False)
