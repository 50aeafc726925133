"""`sansho checklist import`: a filled-in checklist, or a confirmed workbook of somebody else's, back into the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import controls_option, institution_path, open_knowledge
from analyzer.cli.output import hand_out
from analyzer.cli.store import open_store, operator, store_options
from analyzer.errors import SanshoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.engine.rulebook import Rulebook
    from analyzer.intake.filled import Refused
    from analyzer.intake.proposal import Proposal, RowChange
    from analyzer.intake.workbook import RawSheet
    from analyzer.knowledge.base import KnowledgeBase
    from analyzer.store.records import Record


@click.command("import")
@click.argument("filled", type=click.Path(path_type=Path), metavar="FILLED.xlsx")
@store_options
@click.option("--institution", metavar="ID", help="Whose it is; default: as the checklist says.")
@click.option("--file", "against", metavar="INSTITUTION", help="Compare with an institution's file; takes nothing.")
@click.option("--mapping", type=click.Path(path_type=Path), metavar="FILE", help="How to read a foreign workbook.")
@click.option("--suggest-mapping", is_flag=True, help="Print a mapping of a foreign workbook, to check and to change.")
@click.option("--sheet", metavar="NAME", help="With --suggest-mapping: the sheet that is meant.")
@click.option("--dry-run", is_flag=True, help="Show what would change; take nothing.")
@click.option(
    "--take",
    type=click.Choice(("all", "accepted")),
    default="all",
    show_default=True,
    help="all: take everything, or nothing where a cell is refused or in conflict. accepted: take what can be taken.",
)
@click.option(
    "--resolve",
    type=click.Choice(("mine", "theirs")),
    help="Where somebody else changed the record: mine keeps the record's value, theirs takes the workbook's.",
)
@click.option("--format", "output_format", type=click.Choice(("text", "json")), default="text", show_default=True)
@controls_option
@click.pass_context
def import_(
    context: click.Context,
    filled: Path,
    location: str,
    files: Path | None,
    institution: str | None,
    against: str | None,
    mapping: Path | None,
    suggest_mapping: bool,
    sheet: str | None,
    dry_run: bool,
    take: str,
    resolve: str | None,
    output_format: str,
    roots: tuple[Path, ...],
) -> int:
    """Take a filled-in checklist back. Exits 1 where a cell was refused or is in conflict.

    Cells that nobody changed propose nothing, so taking a file twice changes nothing.
    """
    from analyzer.intake.workbook import MAX_BYTES, read_workbook
    from analyzer.knowledge.yamlreader import read_bytes

    content = _read(filled, MAX_BYTES)
    sheets = read_workbook(content, filled.name)
    if suggest_mapping:
        return _suggest(context, sheets, filled.name, sheet, roots)
    if against is not None:
        from analyzer.intake.proposal import record_of_file

        knowledge = open_knowledge(context, roots)
        path = institution_path(against)
        record = record_of_file(read_bytes(path), str(path), knowledge)
        return _report(_proposal(sheets, filled.name, record, knowledge, mapping), output_format, None)
    with open_store(context, location, files, roots) as store:
        identity = institution or _named(sheets, filled.name, mapping)
        record = store.records.read(operator(), identity)
        proposal = _proposal(sheets, filled.name, record, store.knowledge, mapping)
        chosen = _chosen(proposal, take, resolve)
        if dry_run or chosen is None:
            return _report(proposal, output_format, None)
        taken = proposal.take(chosen, store.records, operator())
    return _report(proposal, output_format, taken.rows, taken.refused, resolved=resolve is not None)


def _read(path: Path, most: int) -> bytes:
    try:
        if not path.is_file():
            raise SanshoError(f"{path}: no such file")
        if path.stat().st_size > most:
            raise SanshoError(f"{path}: is larger than {most:,} bytes")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise SanshoError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _proposal(
    sheets: Sequence[RawSheet], name: str, record: Record, knowledge: KnowledgeBase, mapping: Path | None
) -> Proposal:
    rulebook = _rulebook()
    if mapping is None:
        from analyzer.intake.compare import propose_sheets

        return propose_sheets(sheets, name, record, knowledge, rulebook)
    from analyzer.intake.foreign import mapping_of, propose_foreign
    from analyzer.knowledge.yamlreader import parse_yaml, read_bytes

    data = parse_yaml(read_bytes(mapping), str(mapping))
    return propose_foreign(sheets, name, mapping_of(data, str(mapping), knowledge), record, knowledge, rulebook)


def _rulebook() -> Rulebook:
    from analyzer.engine.rulebook import shipped_rulebook

    return shipped_rulebook()


def _named(sheets: Sequence[RawSheet], name: str, mapping: Path | None) -> str:
    """The institution that the checklist names."""
    from analyzer.intake.filled import read_filled

    if mapping is not None:
        raise SanshoError("say with --institution whose answers the workbook holds")
    return read_filled(sheets, name).institution


def _suggest(
    context: click.Context, sheets: Sequence[RawSheet], name: str, sheet: str | None, roots: tuple[Path, ...]
) -> int:
    import yaml

    from analyzer.intake.foreign import mapping_data, suggest_mapping

    found = suggest_mapping(sheets, open_knowledge(context, roots), _rulebook(), sheet)
    if found is None:
        raise SanshoError(f"{name}: no sheet has a column of control ids and one of statuses")
    click.echo(f"# A suggestion for {name}: check every line, then pass the file with --mapping.")
    click.echo(f"# {found.found} rows name a control. How sure each column is (0 to 100):")
    for column in found.columns:
        click.echo(f"#   {column.field}: {column.column} {column.heading!r} {column.score:.0f}")
    for word in (*found.statuses, *found.parties):
        click.echo(f"#   {word.shown!r} ({word.count}): {word.word or 'not known; add it'} {word.score:.0f}")
    click.echo(yaml.safe_dump(mapping_data(found.mapping), allow_unicode=True, sort_keys=False), nl=False)
    return 0


def _chosen(proposal: Proposal, take: str, resolve: str | None) -> frozenset[str] | None:
    """What to take; None where everything was asked for and not everything can be."""
    in_doubt = proposal.refused or (proposal.conflicts and resolve is None)
    if take == "all" and in_doubt:
        return None
    return proposal.accepted | (proposal.in_conflict if resolve == "theirs" else frozenset())


def _report(
    proposal: Proposal,
    output_format: str,
    taken: Sequence[RowChange] | None,
    fallen: Sequence[Refused] = (),
    *,
    resolved: bool = False,
) -> int:
    """Say what the file proposes and what of it was taken (None: nothing was). Returns the exit code."""
    refused = [*proposal.refused, *fallen]
    if output_format == "json":
        data = _as_data(proposal, refused, taken)
        hand_out(json.dumps(data, ensure_ascii=False, indent=2).encode() + b"\n", None, "json")
    else:
        for line in _as_text(proposal, refused, taken):
            click.echo(line)
    return 1 if refused or (proposal.conflicts and not resolved) else 0


def _as_text(proposal: Proposal, refused: Sequence[Refused], taken: Sequence[RowChange] | None) -> list[str]:
    from analyzer.exports.visible import visible

    lines = [f"note: {note}" for note in proposal.notes]
    for mark, rows in (("change", proposal.changes), ("conflict", proposal.conflicts)):
        for row in rows:
            for cell in row.cells:
                where = f"{row.sheet}!{cell.cell}"
                lines.append(f"{mark} {where} {row.label} {cell.label}: {_short(cell.before)} -> {_short(cell.after)}")
            if row.conflict:
                lines.append(f"         {row.conflict}")
    lines += [f"refused {each.sheet}{'!' if each.cell else ''}{each.cell} {each.reason}" for each in refused]
    counts = f"{len(proposal.changes)} to change, {len(proposal.conflicts)} in conflict, {len(refused)} refused"
    done = "nothing taken" if taken is None else f"{len(taken)} rows taken"
    lines.append(f"{counts}, {proposal.untouched} rows as they were; {done}")
    return [visible(line).replace("\n", " ") for line in lines]


def _short(text: str) -> str:
    shown = " ".join(text.split()) or "(empty)"
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def _as_data(proposal: Proposal, refused: Sequence[Refused], taken: Sequence[RowChange] | None) -> dict[str, Any]:
    return {
        "file": proposal.name,
        "institution": proposal.record.institution.id,
        "notes": list(proposal.notes),
        "changes": [_row(row) for row in proposal.changes],
        "conflicts": [{**_row(row), "why": row.conflict} for row in proposal.conflicts],
        "refused": [{"sheet": each.sheet, "cell": each.cell, "reason": each.reason} for each in refused],
        "untouched": proposal.untouched,
        "taken": None if taken is None else [row.id for row in taken],
    }


def _row(row: RowChange) -> dict[str, Any]:
    return {
        "id": row.id,
        "sheet": row.sheet,
        "row": row.row,
        "label": row.label,
        "deed": row.deed,
        "parts": [list(target) for target in row.targets],
        "cells": [
            {"cell": cell.cell, "field": cell.field, "label": cell.label, "before": cell.before, "after": cell.after}
            for cell in row.cells
        ],
    }
