"""The gap list that a screen shows, as files: Excel for people, CSV for programs."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.changes.names import Names
from analyzer.exports.changes.sheets import list_sheet
from analyzer.exports.gap_columns import GAP_COLUMNS, gap_cells
from analyzer.exports.gap_report.parts import GapRow
from analyzer.exports.tabular import gaps_table, to_csv_bytes
from analyzer.exports.xlsx.book import Book
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment


def gaps_workbook(
    assessment: Assessment,
    rows: Sequence[GapRow],
    knowledge: KnowledgeBase,
    rulebook: Rulebook,
    *,
    narrowed: bool,
) -> bytes:
    """The rows as one sheet, in their order. narrowed: they are not all; the sheet says so."""
    names = Names(rulebook, knowledge)
    title = f"ギャップ一覧（{assessment.institution.name}、{assessment.as_of}現在）"
    book = Book(title, assessment.as_of, rulebook.terms)
    everything = sum(assessment.summary.gaps_by_priority.values())
    note = f"全{everything}件のうち、画面で絞り込んだ{len(rows)}件。" if narrowed else f"全{everything}件。"
    if assessment.institution.fictional:
        note += "架空の機関の記入例であり、実在の機関ではない。"
    list_sheet(
        book,
        "ギャップ一覧",
        title,
        GAP_COLUMNS,
        [gap_cells(row.result, row.gap, names, assessment.as_of) for row in rows],
        note=note,
        frozen=3,
        footer=f"知識ベース {assessment.knowledge_version}　基準日 {assessment.as_of}",
        breaks_after=(7, 15),
    )
    return book.to_bytes()


def gaps_csv(assessment: Assessment, rows: Sequence[GapRow]) -> bytes:
    """The rows with the columns of the gap table, in the order of the knowledge base."""
    wanted = {(row.result.control.key, row.result.service, row.gap.kind, row.gap.party) for row in rows}
    units = ((result, gap) for result in assessment.results for gap in result.gaps)
    kept = [(result.control.key, result.service, gap.kind, gap.party) in wanted for result, gap in units]
    return to_csv_bytes(gaps_table(assessment)[kept])
