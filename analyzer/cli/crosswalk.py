"""`sansho crosswalk`: candidates for relations between guidelines, and how good the candidates are."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.cli.options import controls_option, open_knowledge
from analyzer.errors import SanshoError

DEPTHS = (1, 3, 5, 10)


@click.group()
def crosswalk() -> None:
    """Related controls of different guidelines."""


@crosswalk.command("suggest")
@click.option("--from", "first", default="mhlw-5", show_default=True, metavar="GUIDELINE")
@click.option("--to", "second", default="meti-2", show_default=True, metavar="GUIDELINE")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="How many for each control.")
@click.option("--new", "only_new", is_flag=True, help="Leave out pairs that the crosswalk holds.")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@controls_option
@click.pass_context
def suggest(
    context: click.Context,
    first: str,
    second: str,
    limit: int,
    only_new: bool,
    output_format: str,
    roots: tuple[Path, ...],
) -> None:
    """Propose, for every control of one guideline, those of the other that may ask for the same."""
    from analyzer.exports.candidates import candidates_json, candidates_text
    from analyzer.exports.structured import to_json_bytes
    from analyzer.search.crosswalk import suggest as candidates_of

    knowledge = open_knowledge(context, roots)
    encoded = [guideline.id for guideline in knowledge.encoded_guidelines]
    for guideline in (first, second):
        if guideline not in encoded:
            raise SanshoError(f"no controls of a guideline {guideline!r}; there are: {', '.join(encoded)}")
    held = {(relation.first, relation.second) for walk in knowledge.crosswalks for relation in walk.relations}
    found = candidates_of(knowledge, first, second, limit)
    if only_new:
        found = [item for item in found if (item.first.key, item.second.key) not in held]
    if output_format == "json":
        click.echo(to_json_bytes(candidates_json(found, held)), nl=False)
    else:
        click.echo(candidates_text(found, held), nl=False)


@crosswalk.command("measure")
@controls_option
@click.pass_context
def measure(context: click.Context, roots: tuple[Path, ...]) -> None:
    """Precision and recall of the candidates against the curated crosswalks."""
    from analyzer.search.crosswalk import measure as quality_of
    from analyzer.search.crosswalk import suggest as candidates_of

    knowledge = open_knowledge(context, roots)
    for walk in knowledge.crosswalks:
        click.echo(f"{walk.first} -> {walk.second}: {len(walk.relations)} relations, {len(walk.unrelated)} unrelated")
        candidates = candidates_of(knowledge, walk.first, walk.second, max(DEPTHS))
        for depth in DEPTHS:
            quality = quality_of(candidates, walk, depth)
            click.echo(
                f"  best {depth:>2}: precision {quality.precision:.2f}  recall {quality.recall:.2f}"
                f"  controls reached {quality.reached:.2f}"
            )
