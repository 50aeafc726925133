"""Checklists that a person filled in: a real record's workbook, edited as with Excel, and the record beside it."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.worksheet.worksheet import Worksheet
from store_helpers import ADMINISTRATOR

from analyzer.engine.analysis import Analyzer
from analyzer.exports.checklist import layout
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.intake.compare import propose
from analyzer.intake.proposal import Proposal
from analyzer.store.records import PartChange, Record, Records

AS_OF = date(2026, 11, 1)
SECTIONS = frozenset({("mhlw-5", "6.1"), ("mhlw-5", "6.5")})
TABLES = {
    "answers": layout.ANSWERS,
    "evidence": layout.EVIDENCE,
    "services": layout.SERVICES,
    "reviews": layout.REVIEWS,
    "facts": layout.FACTS,
}
SHEETS = {
    "answers": layout.FORM_SHEET,
    "evidence": layout.EVIDENCE_SHEET,
    "services": layout.REVIEW_SHEET,
    "reviews": layout.REVIEW_SHEET,
    "facts": layout.FACT_SHEET,
}


def checklist_of(record: Record, analyzer: Analyzer, sections: Collection[tuple[str, str]] | None = SECTIONS) -> bytes:
    """The workbook of a record; by default of a few sections, since most tests need no more."""
    assessment = analyzer.analyze(record.institution, AS_OF)
    chosen = None if sections is None else frozenset(sections)
    return render_checklist(build_checklist(assessment, analyzer.knowledge, analyzer.rulebook, chosen), "xlsx")


@dataclass
class Book:
    """A workbook open for editing, its cells named as the layout names them."""

    workbook: Workbook

    @classmethod
    def open(cls, content: bytes) -> Book:
        return cls(load_workbook(io.BytesIO(content)))

    def to_bytes(self) -> bytes:
        stream = io.BytesIO()
        self.workbook.save(stream)
        return stream.getvalue()

    def sheet(self, table: str) -> Worksheet:
        found: Worksheet = self.workbook[SHEETS[table]]
        return found

    def rows(self, table: str) -> list[int]:
        """The rows of a table, from its hidden sheet's word."""
        meta = self.workbook[layout.META_SHEET]
        line = next(row for row in meta.iter_rows(values_only=True) if row[0] == table)
        return list(range(int(line[3]), int(line[4]) + 1))

    def row(self, table: str, key: str) -> int:
        """The row whose key columns say this."""
        for number in self.rows(table):
            if self.key(table, number) == key:
                return number
        raise KeyError(key)

    def key(self, table: str, row: int) -> str:
        names = {
            "answers": ("control", "party"),
            "evidence": ("id",),
            "services": ("vendor",),
            "reviews": ("row",),
            "facts": ("fact",),
        }[table]
        return " ".join(str(self.cell(table, row, name).value or "") for name in names)

    def cell(self, table: str, row: int | str, name: str) -> Cell | MergedCell:
        number = self.row(table, row) if isinstance(row, str) else row
        column = next(place for place, field in enumerate(TABLES[table], 1) if field.name == name)
        return self.sheet(table).cell(number, column)

    def fill(self, table: str, row: int | str, **values: Any) -> None:
        number = self.row(table, row) if isinstance(row, str) else row
        for name, value in values.items():
            self.cell(table, number, name).value = value

    def free(self, table: str, place: int = 0) -> int:
        """A row in which nothing stands yet."""
        name = TABLES[table][0].name
        return [row for row in self.rows(table) if self.cell(table, row, name).value is None][place]


def edited(content: bytes, edit: Callable[[Book], object]) -> bytes:
    book = Book.open(content)
    edit(book)
    return book.to_bytes()


def proposed(content: bytes, record: Record, analyzer: Analyzer) -> Proposal:
    return propose(content, "filled.xlsx", record, analyzer.knowledge, analyzer.rulebook)


def said(proposal: Proposal) -> dict[tuple[str, str], str]:
    """What is proposed without conflict: (row's id, field) → the new value as people read it."""
    return {(row.id, cell.field): cell.after for row in proposal.changes for cell in row.cells}


def refused_cells(proposal: Proposal) -> dict[str, str]:
    """Where something was refused, and why."""
    return {f"{each.sheet}!{each.cell}": each.reason for each in proposal.refused}


def changed(records: Records, record: Record, kind: Any, key: str, **values: Any) -> Record:
    """Somebody else changes a part of the record meanwhile."""
    lists = {"answer": "answers", "evidence": "evidence", "service": "services"}
    data = next(
        each
        for each in record.document[lists[kind]]
        if key in {each.get("id"), each.get("vendor"), f"{each.get('control')} {each.get('party')}"}
    )
    after = {name: value for name, value in {**data, **values}.items() if value is not None}
    change = PartChange(kind, key, after, record.version(kind, key))
    return records.change(ADMINISTRATOR, record.institution.id, [change])


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)
