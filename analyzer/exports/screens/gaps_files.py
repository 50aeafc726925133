"""The gap list that a screen shows, as files: Excel for people, CSV for programs."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.changes.names import CARRIED_OVER, Names
from analyzer.exports.changes.sheets import list_sheet
from analyzer.exports.gap_report.parts import GapRow
from analyzer.exports.tabular import gaps_table, to_csv_bytes
from analyzer.exports.xlsx.book import Book, Column, Value
from analyzer.exports.xlsx.looks import CENTRE, DATE, NUMBER
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment

_COLUMNS = (
    Column("優先度", 9, CENTRE, terms="priority"),
    Column("項番", 12, CENTRE),
    Column("項目名", 30),
    Column("種別", 17),
    Column("担い手", 20),
    Column("次に行うこと", 42),
    Column("理由", 44, most=80),
    Column("実施状況", 13, CENTRE, terms="status"),
    Column("担当者", 16),
    Column("期限", 11, DATE),
    Column("期限超過（日）", 9, NUMBER),
    Column("引継ぎ", 11, CENTRE),
    Column("判定", 16, CENTRE, terms="conformity"),
    Column("区分", 9, CENTRE),
    Column("規則", 8, CENTRE),
    Column("求められる対応", 44, most=80),
    Column("回答の備考", 30, most=70),
    Column("節", 24),
    Column("ガイドライン", 24),
    Column("サービス", 18),
)


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
        _COLUMNS,
        [_row(book, names, row) for row in rows],
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


def _row(book: Book, names: Names, row: GapRow) -> list[Value]:
    control, gap, duty = row.result.control, row.gap, row.duty
    answer = duty.answer if duty else None
    return [
        book.label("priority", gap.priority),
        control.id,
        control.title.ja,
        names.word("gap_kind", gap.kind),
        names.word("party", gap.party),
        gap.action.ja,
        gap.reason.ja,
        book.label("status", duty.status) if duty else None,
        answer.owner if answer else None,
        answer.due if answer else None,
        row.days_overdue,
        CARRIED_OVER if duty and duty.carried_over else None,
        book.label("conformity", row.result.conformity),
        book.label("level", control.level),
        gap.rule,
        "\n".join(duty.texts) if duty else control.full_requirement,
        answer.note if answer else None,
        names.section(control.guideline, control.section.id),
        names.guideline(control.guideline),
        names.service(row.result.service),
    ]
