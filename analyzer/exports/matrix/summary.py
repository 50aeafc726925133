"""An institution's summary: every count of its assessment, and what needs a look soon."""

from __future__ import annotations

from collections import Counter

from openpyxl.worksheet.worksheet import Worksheet

from analyzer.exports.matrix.context import GAPS, LEFT_OUT, SUMMARY, Context
from analyzer.exports.matrix.page import (
    EVEN,
    ID,
    NAME,
    TITLE_WIDTH,
    count_columns,
    mark_total,
    named,
    section_title,
    set_grid,
    table_or_none,
    tally_columns,
    tally_values,
)
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Column, Link, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE, DATE, NUMBER, TOTAL
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import CONFORMITIES, GAP_KINDS, PRIORITIES, RESPONSIBILITIES, STATUSES

_ROWS = list[list[Value]]


def write_summary(context: Context, assessment: Assessment) -> None:
    """Fill an institution's summary."""
    several = len(assessment.institution.services) > 1
    note = "利用するサービスが複数あるため、項目とサービスの組を1件と数える。" if several else ""
    title = f"集計：{assessment.institution.name}（{assessment.as_of}現在）"
    sheet = context.heading(SUMMARY, title, note)
    set_grid(sheet)
    row = 3
    for part in (_sections, _levels, _responsibility, _parties, _gaps, _expiring, _unknown, _carried, _left_out):
        row = part(context, sheet, row + 1, assessment) + 1
    context.book.print_setup(sheet, header=context.header, footer=context.footer)


def _sections(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    summary = assessment.summary
    titles = {(section.guideline, section.id): section.title.ja for section in context.knowledge.sections}
    firsts = {
        (control.guideline, control.section.id): row
        for control, row in (
            (control, context.control_rows[control.key]) for control in reversed(context.knowledge.controls.values())
        )
    }
    columns = [
        Column("ガイドライン", NAME),
        Column("節", ID, CENTRE),
        Column("題名", TITLE_WIDTH),
        *tally_columns(context),
    ]
    rows: _ROWS = [
        [
            context.knowledge.guidelines[guideline].short_title,
            Link(section, context.sheets[guideline].title, f"A{firsts[guideline, section]}"),
            titles[guideline, section],
            *tally_values(tally),
        ]
        for (guideline, section), tally in summary.by_section.items()
    ]
    rows.append(["全体", None, "計", *tally_values(summary.overall)])
    row = section_title(context, sheet, top, "節別")
    last = table_or_none(context, sheet, row, columns, rows)
    mark_total(context, sheet, last, columns, rows[-1])
    return last


def _levels(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    row = section_title(context, sheet, top, "区分別")
    rows: _ROWS = [
        [context.label("level", level), *tally_values(tally)] for level, tally in assessment.summary.by_level.items()
    ]
    return table_or_none(context, sheet, row, [named("区分"), *tally_columns(context)], rows)


def _responsibility(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    applicable = [result for result in assessment.results if result.applicability == "applicable"]
    counted = Counter((result.responsibility, result.conformity) for result in applicable)
    row = section_title(context, sheet, top, "責任分界別（適用のある項目）")
    columns = [
        named("責任分界"),
        Column("件数", EVEN, TOTAL),
        *count_columns(context.label("conformity", word) for word in CONFORMITIES),
    ]
    rows: _ROWS = []
    for word in RESPONSIBILITIES:
        counts = [counted[word, conformity] for conformity in CONFORMITIES]
        rows.append([context.label("responsibility", word), sum(counts), *counts])
    return table_or_none(context, sheet, row, columns, rows)


def _parties(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    row = section_title(context, sheet, top, "当事者別の実施状況（適用のある項目の対応）")
    columns = [
        named("当事者"),
        Column("件数", EVEN, TOTAL),
        *count_columns(context.label("status", status) for status in STATUSES),
    ]
    rows: _ROWS = [
        [context.word("party", party), sum(counts.values()), *counts.values()]
        for party, counts in assessment.summary.duties_by_party.items()
    ]
    return table_or_none(context, sheet, row, columns, rows)


def _gaps(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    summary = assessment.summary
    counted = Counter((gap.kind, gap.priority) for result in assessment.results for gap in result.gaps)
    row = section_title(context, sheet, top, "ギャップの種類と優先度")
    columns = [
        named("種類"),
        Column("件数", EVEN, TOTAL),
        *count_columns(context.label("priority", word) for word in PRIORITIES),
    ]
    rows: _ROWS = [
        [context.word("gap_kind", kind), summary.gaps_by_kind[kind], *(counted[kind, word] for word in PRIORITIES)]
        for kind in GAP_KINDS
    ]
    rows.append(["計", sum(summary.gaps_by_priority.values()), *summary.gaps_by_priority.values()])
    last = table_or_none(context, sheet, row, columns, rows)
    mark_total(context, sheet, last, columns, rows[-1])
    context.book.put(sheet, last + 1, 1, Link("ギャップ一覧へ", context.sheets[GAPS].title, "A1"), BODY)
    return last + 1


def _expiring(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    days = context.rulebook.policy.expiry_notice_days
    row = section_title(context, sheet, top, f"{days}日以内に期限の来る、または期限の切れた証跡（使われているもの）")
    columns = [
        Column("証跡ID", NAME),
        Column("題名", ID + TITLE_WIDTH, BODY, span=2),
        Column("最終有効日", EVEN, DATE),
        Column("残り日数", EVEN, NUMBER),
        Column("状態", EVEN, CENTRE),
        Column("使う項目", EVEN * 11, BODY, span=11),
    ]
    rows: _ROWS = [
        [
            entry.evidence.id,
            entry.evidence.title,
            entry.expires_on,
            entry.days,
            "× 期限切れ" if entry.days < 0 else "△ 間近",
            "、".join(context.knowledge.controls[key].id for key in entry.controls),
        ]
        for entry in assessment.summary.expiring
    ]
    return table_or_none(context, sheet, row, columns, rows)


def _unknown(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    row = section_title(context, sheet, top, "未回答の問い（答えるまで、関わる項目は適用ありとみなす）")
    columns = [
        Column("問いのID", NAME),
        Column("関わる項目", ID, NUMBER),
        Column("問い", TITLE_WIDTH + EVEN * 14, BODY, span=15),
    ]
    rows: _ROWS = [[item.fact, item.controls, item.question] for item in assessment.summary.unknown_facts]
    return table_or_none(context, sheet, row, columns, rows)


def _carried(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    row = section_title(context, sheet, top, f"前回から引き継いだ回答（{CARRIED_OVER}）")
    columns = [
        Column("ガイドライン", NAME),
        Column("項番", ID, CENTRE),
        Column("項目名", TITLE_WIDTH),
        Column("当事者", EVEN * 2, BODY, span=2),
        Column("実施状況", EVEN * 2, CENTRE, terms="status", span=2),
        Column("確認日", EVEN, DATE),
        Column("回答の備考", EVEN * 9, BODY, span=9),
    ]
    controls = context.knowledge.controls
    rows: _ROWS = [
        [
            context.knowledge.guidelines[controls[answer.control].guideline].short_title,
            context.control_link(answer.control),
            controls[answer.control].title.ja,
            context.word("party", answer.party),
            context.label("status", answer.status),
            answer.checked_on,
            answer.note,
        ]
        for answer in assessment.institution.answers.values()
        if answer.carried_over
    ]
    return table_or_none(context, sheet, row, columns, rows)


def _left_out(context: Context, sheet: Worksheet, top: int, assessment: Assessment) -> int:
    row = section_title(context, sheet, top, "適用宣言")
    columns = [named("範囲"), *count_columns(("件数",))]
    counts = Counter(
        "condition" if result.applicability == "not_applicable" else "declared"
        for result in assessment.results
        if result.conformity == "not_applicable"
    )
    rows: _ROWS = [
        ["適用する項目", assessment.summary.overall.applicable],
        ["適用条件に当たらないため適用しない項目", counts["condition"]],
        ["理由のある申告により適用しない項目", counts["declared"]],
    ]
    last = table_or_none(context, sheet, row, columns, rows)
    link = Link("適用しない項目と理由の一覧へ", context.sheets[LEFT_OUT].title, "A1")
    context.book.put(sheet, last + 1, 1, link, BODY)
    return last + 1
