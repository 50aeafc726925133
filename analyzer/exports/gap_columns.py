"""The columns of a gap in every workbook that lists gaps."""

from __future__ import annotations

from datetime import date
from typing import Final

from analyzer.exports.answers import days_overdue
from analyzer.exports.changes.names import Names
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Column, Value
from analyzer.exports.xlsx.looks import CENTRE, DATE, NUMBER
from analyzer.model.results import ControlResult, Gap

GAP_COLUMNS: Final = (
    Column("優先度", 9, CENTRE, terms="priority"),
    Column("項番", 12, CENTRE),
    Column("項目名", 28),
    Column("種類", 17),
    Column("当事者", 20),
    Column("次に行うこと", 42),
    Column("理由", 44, most=80),
    Column("実施状況", 13, CENTRE, terms="status"),
    Column("担当", 16),
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
CONTROL_COLUMN: Final = 1
"""Which of the cells, from 0, holds the control's id."""


def gap_cells(result: ControlResult, gap: Gap, names: Names, as_of: date) -> list[Value]:
    """The cells of a gap, one for each of GAP_COLUMNS; empty where a gap of the vendor's has no answer."""
    control = result.control
    duty = next((duty for duty in result.duties if duty.party == gap.party), None)
    answer = duty.answer if duty else None
    return [
        names.label("priority", gap.priority),
        control.id,
        control.title.ja,
        names.word("gap_kind", gap.kind),
        names.word("party", gap.party),
        gap.action.ja,
        gap.reason.ja,
        names.label("status", duty.status) if duty else None,
        answer.owner if answer else None,
        answer.due if answer else None,
        days_overdue(duty, as_of) if duty else None,
        CARRIED_OVER if duty and duty.carried_over else None,
        names.label("conformity", result.conformity),
        names.label("level", control.level),
        gap.rule,
        "\n".join(duty.texts) if duty else control.full_requirement,
        answer.note if answer else None,
        names.section(control.guideline, control.section.id),
        names.guideline(control.guideline),
        names.service(result.service),
    ]
