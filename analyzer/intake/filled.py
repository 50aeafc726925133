"""A filled-in checklist as rows of cells: its tables found by their headings, wherever people have moved them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from analyzer.exports.checklist import layout
from analyzer.exports.checklist.layout import Field
from analyzer.intake.values import plain
from analyzer.intake.workbook import IntakeError, RawCell, RawSheet, coordinate

TABLES: Final[Mapping[str, tuple[Field, ...]]] = {
    "answers": layout.ANSWERS,
    "evidence": layout.EVIDENCE,
    "services": layout.SERVICES,
    "reviews": layout.REVIEWS,
    "facts": layout.FACTS,
}
# What makes a row of headings that of a table; without these its rows would not be known.
_ANCHORS: Final[Mapping[str, tuple[str, ...]]] = {
    "answers": ("control", "party"),
    "evidence": ("id", "title"),
    "services": ("vendor", "nda_concluded_on"),
    "reviews": ("vendor", "sections", "documents"),
    "facts": ("fact", "question"),
}
_OLD_FORMATS: Final = frozenset({"sansho-checklist/1", layout.WITHOUT_BASE})


@dataclass(frozen=True, slots=True)
class Refused:
    """What is not taken, where it stands (cell empty: the whole sheet), and why."""

    sheet: str
    cell: str
    reason: str


@dataclass(frozen=True, slots=True)
class FilledRow:
    """A row of a table. cells: by field, those that hold something; merged: the fields whose cells are joined."""

    sheet: str
    number: int
    columns: Mapping[str, int]
    cells: Mapping[str, RawCell]
    merged: frozenset[str]

    def cell(self, field: str) -> str:
        """The cell's name, `I7`; the row's first where the field has no column."""
        return coordinate(self.number, self.columns.get(field, 1))


@dataclass(frozen=True, slots=True)
class FilledTable:
    """A table that was found: its columns by field, its rows in the order of the sheet. missing: fields not found."""

    name: str
    sheet: str
    columns: Mapping[str, int]
    rows: tuple[FilledRow, ...]
    missing: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled-in checklist. base: per table and row key the digests of what its input cells held; None where the
    file's format has none. refused: what of it cannot be read. sections: empty where it covers all.
    """

    format: str
    institution: str
    as_of: str
    knowledge_version: str
    sections: tuple[str, ...]
    base: Mapping[tuple[str, str], tuple[str, ...]] | None
    epoch: datetime
    tables: Mapping[str, FilledTable]
    refused: tuple[Refused, ...]


def is_checklist(sheets: Sequence[RawSheet]) -> bool:
    """Whether a workbook has the hidden sheet of a checklist of ours."""
    return bool(_meta_sheets(sheets))


def read_filled(sheets: Sequence[RawSheet], name: str) -> Filled:
    """A checklist of ours. Raises IntakeError where it is none, or of a format that this version does not know."""
    found = _meta_sheets(sheets)
    if not found:
        raise IntakeError(
            name,
            "is not a checklist made by Sansho (its hidden sheet is missing); see --suggest-mapping for others",
            "このソフトウェアで作ったチェックリストではない（隠しシートがない）。ほかの表は、列の対応を確かめてから取り込む。",
        )
    if len(found) > 1:
        raise IntakeError(
            name, "holds two checklists", "チェックリストが2つ入っている。1つのブックに1つだけにして取り込む。"
        )
    meta = found[0]
    said = _said(meta)
    version = said.get("format", "")
    if version not in {layout.FORMAT, *_OLD_FORMATS}:
        raise IntakeError(
            name,
            f"has the format {version[:40]!r}, which this version cannot read",
            f"書式「{version[:40]}」は、この版では読めない。新しい版のSanshoで取り込む。",
        )
    if not said.get("institution_id"):
        raise IntakeError(
            name,
            "does not say whose checklist it is",
            "どの医療機関のチェックリストかが書かれていない（隠しシートの欠け）。",
        )
    others = [sheet for sheet in sheets if sheet is not meta]
    tables, refused = _tables(others, _sheet_names(meta))
    return Filled(
        format=version,
        institution=said["institution_id"],
        as_of=said.get("as_of", ""),
        knowledge_version=said.get("knowledge_version", ""),
        sections=_sections(meta),
        base=_base(meta) if version == layout.FORMAT else None,
        epoch=meta.epoch,
        tables=tables,
        refused=tuple(refused),
    )


# -- the hidden sheet -------------------------------------------------------------------------------------------------


def _meta_sheets(sheets: Sequence[RawSheet]) -> list[RawSheet]:
    return [
        sheet
        for sheet in sheets
        if any(
            _text(row.get(1)) == "format" and _text(row.get(2)).startswith("sansho-checklist/")
            for row in sheet.rows.values()
        )
    ]


def _said(meta: RawSheet) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in meta.rows.values():
        found.setdefault(_text(row.get(1)), _text(row.get(2)))
    return found


def _sections(meta: RawSheet) -> tuple[str, ...]:
    for row in meta.rows.values():
        if _text(row.get(1)) == layout.PART:
            return tuple(_text(cell) for column, cell in sorted(row.items()) if column > 1)
    return ()


def _base(meta: RawSheet) -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        (_text(row.get(2)), _text(row.get(3))): tuple(_text(row.get(4)).split(" "))
        for row in meta.rows.values()
        if _text(row.get(1)) == layout.BASE
    }


def _sheet_names(meta: RawSheet) -> dict[str, str]:
    """The name that each table's sheet had."""
    return {_text(row.get(1)): _text(row.get(2)) for row in meta.rows.values() if _text(row.get(1)) in TABLES}


# -- the tables -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Heading:
    """A row of headings that may be a table's."""

    table: str
    sheet: RawSheet
    row: int
    columns: dict[str, int]
    doubled: tuple[str, ...]


def _tables(sheets: Sequence[RawSheet], sheet_names: Mapping[str, str]) -> tuple[dict[str, FilledTable], list[Refused]]:
    headings = [heading for sheet in sheets for heading in _headings(sheet)]
    refused: list[Refused] = []
    chosen: dict[str, _Heading] = {}
    for name in TABLES:
        candidates = [heading for heading in headings if heading.table == name]
        at_home = [heading for heading in candidates if heading.sheet.name == sheet_names.get(name)]
        of = at_home if len(at_home) == 1 else candidates
        if len(of) == 1 and set(_ANCHORS[name]) & set(of[0].doubled):
            where = coordinate(of[0].row, 1)
            refused.append(Refused(of[0].sheet.name, where, "キーの列が2つあるため、この表は取り込まない。"))
        elif len(of) == 1:
            chosen[name] = of[0]
            refused += (
                Refused(other.sheet.name, coordinate(other.row, 1), f"「{of[0].sheet.name}」と同じ表のため読まない。")
                for other in candidates
                if other is not of[0]
            )
        elif not of:
            where = sheet_names.get(name, "")
            refused.append(Refused(where, "", "表の見出しが見つからないため、この表は取り込まない。"))
        else:
            refused += (
                Refused(each.sheet.name, coordinate(each.row, 1), "同じ表が2つあり、どちらか分からないため読まない。")
                for each in of
            )
    tables = {}
    for name, heading in chosen.items():
        ends = [other.row for other in headings if other.sheet is heading.sheet and other.row > heading.row]
        table = _table(heading, min(ends, default=None))
        tables[name] = table
        refused += _column_refusals(heading, table)
    return tables, refused


def _headings(sheet: RawSheet) -> list[_Heading]:
    """The rows of a sheet that are headings of a table: the table of which most headings are there."""
    found = []
    for number, row in sheet.rows.items():
        texts: dict[str, list[int]] = {}
        for column, cell in row.items():
            if cell.kind == "text":
                texts.setdefault(plain(str(cell.value)), []).append(column)
        best = max((_matched(name, sheet, number, texts) for name in TABLES), key=lambda match: len(match.columns))
        anchored = all(anchor in best.columns for anchor in _ANCHORS[best.table])
        if anchored and len(best.columns) * 2 >= len(TABLES[best.table]):
            found.append(best)
    return found


def _matched(name: str, sheet: RawSheet, number: int, texts: Mapping[str, list[int]]) -> _Heading:
    columns = {field.name: texts[plain(field.header)] for field in TABLES[name] if plain(field.header) in texts}
    return _Heading(
        name,
        sheet,
        number,
        {field: places[0] for field, places in columns.items()},
        tuple(field for field, places in columns.items() if len(places) > 1),
    )


def _table(heading: _Heading, end: int | None) -> FilledTable:
    sheet, fields = heading.sheet, TABLES[heading.table]
    columns = {field: column for field, column in heading.columns.items() if field not in heading.doubled}
    rows = []
    for number, cells in sheet.rows.items():
        if number <= heading.row or (end is not None and number >= end):
            continue
        held = {field: cells[column] for field, column in columns.items() if column in cells}
        merged = frozenset(field for field, column in columns.items() if sheet.in_merge(number, column))
        if held or merged:
            rows.append(FilledRow(sheet.name, number, columns, held, merged))
    missing = tuple(field for field in fields if field.name not in columns)
    return FilledTable(heading.table, sheet.name, columns, tuple(rows), missing)


def _column_refusals(heading: _Heading, table: FilledTable) -> list[Refused]:
    """The columns to fill in that cannot be told, and keys that are not there."""
    found = []
    for field in table.missing:
        if field.name in heading.doubled:
            where = coordinate(heading.row, heading.columns[field.name])
            found.append(
                Refused(table.sheet, where, f"見出し「{field.header}」の列が2つあり、どちらか分からないため読まない。")
            )
        elif field.input:
            found.append(
                Refused(
                    table.sheet,
                    coordinate(heading.row, 1),
                    f"見出し「{field.header}」の列が見つからないため、この列は読まない。",
                )
            )
    return found


def _text(cell: RawCell | None) -> str:
    return str(cell.value).strip() if cell is not None and cell.kind in {"text", "number"} else ""
