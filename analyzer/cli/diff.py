"""`sansho diff`: what changed between two knowledge bases, or two analyses of one institution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli.options import open_knowledge, output_option, warn
from analyzer.cli.output import format_of, hand_out
from analyzer.errors import InputError

if TYPE_CHECKING:
    from analyzer.comparison.documents import AnalysisDocument, ControlsDocument
    from analyzer.knowledge.base import KnowledgeBase

FORMATS = ("text", "json", "xlsx")


@click.command()
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW")
@click.option("--format", "output_format", type=click.Choice(FORMATS), help="Default: by FILE, else text.")
@output_option
@click.pass_context
def diff(context: click.Context, old: Path, new: Path, output_format: str | None, output: Path | None) -> None:
    """What changed from OLD to NEW: two `export controls` JSON files or folders of controls, or two `analyze` JSONs."""
    if output is None or str(output) == "-":
        output_format = output_format or "text"
    chosen = format_of(output, output_format, FORMATS)
    before, after = _document(old), _document(new)
    hand_out(_compared(before, after, (old, new), chosen, open_knowledge(context, ())), output, chosen)


def _document(path: Path) -> ControlsDocument | AnalysisDocument:
    """A file that Sansho wrote, or a folder that holds a whole knowledge base."""
    from analyzer.comparison.documents import read_document
    from analyzer.exports.structured import controls_json, to_json_bytes
    from analyzer.knowledge.loading import GUIDELINES_FILE, load_knowledge
    from analyzer.knowledge.yamlreader import read_bytes

    if not path.is_dir():
        return read_document(read_bytes(path), str(path))
    if not (path / GUIDELINES_FILE).is_file():
        raise InputError.single(str(path), f"is a folder without a {GUIDELINES_FILE}, so not a whole knowledge base")
    knowledge = load_knowledge([path])
    warn(knowledge.warnings)
    return read_document(to_json_bytes(controls_json(knowledge)), str(path))


def _compared(
    old: ControlsDocument | AnalysisDocument,
    new: ControlsDocument | AnalysisDocument,
    paths: tuple[Path, Path],
    chosen: str,
    knowledge: KnowledgeBase,
) -> bytes:
    from analyzer.comparison.controls_changes import compare_controls
    from analyzer.comparison.documents import AnalysisDocument, ControlsDocument
    from analyzer.comparison.progress import compare_analyses
    from analyzer.engine.rulebook import shipped_rulebook
    from analyzer.exports.changes.data import controls_changes_json, progress_json
    from analyzer.exports.changes.names import Names
    from analyzer.exports.changes.text import controls_changes_text, progress_text
    from analyzer.exports.structured import to_json_bytes

    names = Names(shipped_rulebook(), knowledge)
    if isinstance(old, ControlsDocument) and isinstance(new, ControlsDocument):
        changes = compare_controls(old, new)
        if chosen == "xlsx":
            from analyzer.exports.changes.controls_workbook import controls_changes_workbook

            return controls_changes_workbook(changes, names)
        if chosen == "json":
            return to_json_bytes(controls_changes_json(changes))
        return controls_changes_text(changes, names).encode()
    if isinstance(old, AnalysisDocument) and isinstance(new, AnalysisDocument):
        if old.institution != new.institution:
            message = f"{new.institution!r} is not {old.institution!r}, the institution of {paths[0]}"
            raise InputError.single(str(paths[1]), message, path="institution.id")
        progress = compare_analyses(old, new)
        if chosen == "xlsx":
            from analyzer.exports.changes.progress_workbook import progress_workbook

            return progress_workbook(progress, names)
        if chosen == "json":
            return to_json_bytes(progress_json(progress))
        return progress_text(progress, names).encode()
    kinds = ["controls" if isinstance(side, ControlsDocument) else "an analysis" for side in (old, new)]
    message = f"holds {kinds[1]}, and {paths[0]} holds {kinds[0]}; only two of a kind can be compared"
    raise InputError.single(str(paths[1]), message)
