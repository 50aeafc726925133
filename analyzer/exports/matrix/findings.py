"""What an institution has to act on: its gaps, highest priority first, and the controls it leaves out, with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from analyzer.exports.changes.names import Names
from analyzer.exports.gap_columns import CONTROL_COLUMN, GAP_COLUMNS, gap_cells
from analyzer.exports.matrix.context import FIRST_ROW, GAPS, HEADER_ROW, LEFT_OUT, RULES, Context
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Column, Value
from analyzer.exports.xlsx.looks import CENTRE, DATE
from analyzer.model.results import Assessment, ControlResult, DutyResult, Gap
from analyzer.model.vocabulary import PRIORITIES


def write_gaps(context: Context, assessment: Assessment) -> None:
    """Fill the gap list: by priority, then in the order of the controls."""
    found = [(result, gap) for result in assessment.results for gap in result.gaps]
    found.sort(key=lambda pair: PRIORITIES.index(pair[1].priority))
    counts = "、".join(
        f"{context.label('priority', word)} {assessment.summary.gaps_by_priority[word]}件" for word in PRIORITIES
    )
    sheet = context.heading(GAPS, f"ギャップ一覧（{assessment.as_of}現在、{len(found)}件）", counts)
    names = Names(context.rulebook, context.knowledge)
    rows = [_gap_row(context, names, result, gap, assessment.as_of) for result, gap in found]
    context.book.table(sheet, HEADER_ROW, GAP_COLUMNS, rows)
    context.book.freeze(sheet, FIRST_ROW, 4)
    context.book.print_setup(sheet, header=context.header, footer=context.footer, repeat_rows=(1, HEADER_ROW))


def _gap_row(context: Context, names: Names, result: ControlResult, gap: Gap, as_of: date) -> list[Value]:
    cells = gap_cells(result, gap, names, as_of)
    cells[CONTROL_COLUMN] = context.control_link(result.control.key)
    return cells


def write_left_out(context: Context, assessment: Assessment) -> None:
    """Fill the statement of applicability: every control, or party's duty, that is left out, with the reason."""
    rows = [row for result in assessment.results for row in _left_out(context, assessment, result)]
    entirely = sum(result.conformity == "not_applicable" for result in assessment.results)
    applicable = assessment.summary.overall.applicable
    note = f"全{len(assessment.results)}件のうち、適用する{applicable}件、適用しない{entirely}件。"
    if not rows:
        note += "適用しない項目はない。"
    sheet = context.heading(LEFT_OUT, f"適用宣言：適用しない項目とその理由（{assessment.as_of}現在）", note)
    columns = [
        Column("項番", 12, CENTRE),
        Column("ガイドライン", 28),
        Column("項目名", 36),
        Column("区分", 9, CENTRE),
        Column("範囲", 28),
        Column("根拠", 24),
        Column("理由", 70, most=100),
        Column("確認日", 12, DATE),
        Column("担当", 18),
        Column("引継ぎ", 12, CENTRE),
        Column("回答の備考", 40, most=70),
        Column("証跡", 30),
        Column("サービス", 24),
        Column("規則", 9, CENTRE),
    ]
    context.book.table(sheet, HEADER_ROW, columns, rows)
    context.book.freeze(sheet, FIRST_ROW, 2)
    context.book.print_setup(sheet, header=context.header, footer=context.footer, repeat_rows=(1, HEADER_ROW))


def _left_out(context: Context, assessment: Assessment, result: ControlResult) -> Iterator[list[Value]]:
    control = result.control
    head: list[Value] = [
        context.control_link(control.key),
        context.knowledge.guidelines[control.guideline].short_title,
        control.title.ja,
        context.label("level", control.level),
    ]
    tail: list[Value] = [context.vendor_name(result.service), result.rule]
    if result.applicability == "not_applicable":
        condition = context.knowledge.conditions[control.applies_if].title.ja if control.applies_if else ""
        reason = f"適用条件「{condition}」に当たらない。{result.applicability_reason.ja}"
        yield [*head, "項目の全体", "適用条件", reason, *[None] * 5, *tail]
        return
    whole = result.conformity == "not_applicable"
    declared = [duty for duty in result.duties if duty.status == "not_applicable"]
    for duty in declared:
        yield [*head, *_declared(context, assessment, duty, whole), *tail]
    if whole and not declared:
        yield [*head, "項目の全体", "判定", result.reason.ja, *[None] * 5, *tail]


def _declared(context: Context, assessment: Assessment, duty: DutyResult, whole: bool) -> list[Value]:
    party = context.word("party", duty.party)
    answer = duty.answer
    evidence = answer.evidence if answer else ()
    return [
        "項目の全体" if whole else f"{party}の対応だけ",
        f"{party}の申告",
        (answer.reason if answer else None) or "（理由の記入なし）",
        answer.checked_on if answer else None,
        answer.owner if answer else None,
        CARRIED_OVER if duty.carried_over else None,
        answer.note if answer else None,
        "\n".join(f"{item} {assessment.institution.evidence[item].title}" for item in evidence) or None,
    ]


def write_rules(context: Context) -> None:
    """Fill the sheet that says what each rule id of the other sheets stands for."""
    sheet = context.heading(RULES, "判定規則（各表の行と、その理由）", "表は上から順に調べ、最初に当たった行で決まる。")
    columns = [Column("規則", 10, CENTRE), Column("表", 30), Column("理由", 80), Column("表の拠り所", 70)]
    rows = [
        [rule.id, table.title.ja, rule.reason.ja, table.source if index == 0 else None]
        for table in context.rulebook.tables.values()
        for index, rule in enumerate(table.rules)
    ]
    context.book.table(sheet, HEADER_ROW, columns, rows)
    context.book.freeze(sheet, FIRST_ROW, 2)
    context.book.print_setup(
        sheet, header=context.header, footer=context.footer, paper="A4", repeat_rows=(1, HEADER_ROW)
    )
