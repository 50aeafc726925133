"""The cover, and the division of responsibility: what the knowledge base alone can count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from openpyxl.worksheet.worksheet import Worksheet

from analyzer.exports.matrix.context import COVER, FIRST_ROW, GROUP_ROW, RESPONSIBILITY, Context
from analyzer.exports.matrix.page import (
    ID,
    NAME,
    TITLE_WIDTH,
    count_columns,
    labelled,
    mark_total,
    named,
    paragraph,
    section_title,
    set_grid,
    tally_columns,
    tally_values,
)
from analyzer.exports.xlsx.book import Column, Link, Table, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE, TITLE, WARNING
from analyzer.model.controls import Control
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import LEVELS, PARTIES, RESPONSIBILITIES

_VENDOR_WORDS = ("conformable", "out_of_scope", "not_conforming", "no_answer")
_TOTAL = "計"


def write_cover(context: Context) -> None:
    """Fill the cover: what this is, counts first, then editions, surveys and the list of sheets."""
    sheet = context.sheets[COVER]
    set_grid(sheet)
    context.book.put(sheet, 1, 1, "医療情報ガイドライン 管理策マトリクス", TITLE)
    sheet.row_dimensions[1].height = 36
    row = _introduction(context, sheet, 2)
    if context.assessment:
        row = _assessment_counts(context, sheet, row + 1, context.assessment)
    row = section_title(context, sheet, row + 1, "項目の件数")
    row = _stated_table(context, sheet, row, duties=False, filters=False).last_row
    row = _editions(context, sheet, row + 2)
    row = section_title(context, sheet, row + 1, "調査")
    for vendor in context.vendors:
        row = labelled(context, sheet, row, context.vendor_name(vendor), context.survey_line(vendor))
    row = section_title(context, sheet, row + 1, "シートの一覧")
    for other in context.sheets.values():
        if other.title != sheet.title:
            context.book.put(sheet, row, 1, Link(other.title, other.title, "A1"), BODY)
            row += 1
    context.book.print_setup(sheet, footer=context.footer, header=context.header)


def _introduction(context: Context, sheet: Worksheet, row: int) -> int:
    assessment = context.assessment
    about = (
        "厚生労働省・総務省・経済産業省の医療情報ガイドラインの各項目について、求められること、クラウドベンダーの回答と"
        "その裏付け、利用者側（医療機関・SI事業者）に残る対応を一覧にした表。"
    )
    if assessment:
        about += f"{assessment.institution.name}の{assessment.as_of}現在の評価を並べて示す。"
    row = paragraph(context, sheet, row, about)
    row = labelled(context, sheet, row, "知識ベースの版", context.knowledge.version)
    if assessment:
        row = labelled(context, sheet, row, "機関", assessment.institution.name)
        row = labelled(context, sheet, row, "基準日", str(assessment.as_of))
        if assessment.institution.fictional:
            row = labelled(context, sheet, row, "注意", "架空の機関の記入例であり、実在の機関ではない。", WARNING)
    return row


def _assessment_counts(context: Context, sheet: Worksheet, row: int, assessment: Assessment) -> int:
    row = section_title(context, sheet, row, f"評価の件数（{assessment.as_of}現在）")
    columns = [named("範囲"), *tally_columns(context)]
    rows: list[list[Value]] = [["全体", *tally_values(assessment.summary.overall)]]
    return context.book.table(sheet, row, columns, rows, filters=False, set_widths=False).last_row + 1


def _editions(context: Context, sheet: Worksheet, row: int) -> int:
    row = section_title(context, sheet, row, "ガイドラインの版")
    for guideline in context.knowledge.guidelines.values():
        warning = context.edition_warning(guideline)
        text = f"{context.edition(guideline)}\n{warning or guideline.status_note}"
        if guideline.later_editions:
            later = (f"{item.edition}（{item.published}）{item.note or ''}" for item in guideline.later_editions)
            text += f"\nその後の版：{'、'.join(later)}"
        row = labelled(context, sheet, row, guideline.short_title, text, WARNING if warning else BODY)
    return row


def write_responsibility(context: Context) -> None:
    """Fill the sheet of who has to act by the source, by section and vendor, with the duties left to each party."""
    rules = "".join(rule.reason.ja for rule in context.rulebook.tables["responsibility"].rules)
    sheet = context.heading(RESPONSIBILITY, "責任分界集計（出典に書かれた分担、節別）", f"分け方：{rules}")
    table = _stated_table(context, sheet, GROUP_ROW, duties=True, filters=True)
    context.book.freeze(sheet, FIRST_ROW, 4)
    context.book.print_setup(sheet, header=context.header, footer=context.footer, repeat_rows=(1, table.header_row))


def _stated_table(context: Context, sheet: Worksheet, top: int, *, duties: bool, filters: bool) -> Table:
    """The counts by guideline and section, each guideline's total below its sections; duties: also by party."""
    columns = _stated_columns(context, duties=duties)
    rows = [[*head, *_stated_counts(context, controls, duties=duties)] for head, controls in _sections(context)]
    everything = list(context.knowledge.controls.values())
    rows.append(["全体", None, _TOTAL, *_stated_counts(context, everything, duties=duties)])
    table = context.book.table(sheet, top, columns, rows, filters=filters)
    for number, row in enumerate(rows, table.first_row):
        if row[2] == _TOTAL:
            mark_total(context, sheet, number, columns, row)
    return table


def _sections(context: Context) -> Iterator[tuple[list[Value], list[Control]]]:
    """For each guideline its sections, then the guideline itself: what a row begins with, and its controls."""
    for guideline in context.knowledge.encoded_guidelines:
        controls = context.by_guideline[guideline.id]
        sheet = context.sheets[guideline.id].title
        for section, group in groupby(controls, lambda control: control.section):
            items = list(group)
            link = Link(section.id, sheet, f"A{context.control_rows[items[0].key]}")
            yield [guideline.short_title, link, section.title.ja], items
        yield [guideline.short_title, None, _TOTAL], list(controls)


def _stated_columns(context: Context, *, duties: bool) -> list[Column]:
    columns = [
        Column("ガイドライン", NAME, BODY, "節"),
        Column("節", ID, CENTRE, "節"),
        Column("題名", TITLE_WIDTH, BODY, "節"),
        *count_columns(("項目数",), "項目"),
        *count_columns((context.label("level", level) for level in LEVELS), "区分"),
    ]
    for vendor in context.vendors:
        name = context.vendor_name(vendor)
        columns += count_columns((context.label("vendor_conformity", word) for word in _VENDOR_WORDS), f"{name}の回答")
        words = (context.label("responsibility", word) for word in RESPONSIBILITIES)
        columns += count_columns(words, f"{name}との責任分界（出典の記載）")
        if duties:
            words = (f"{context.word('party', party)}の対応がある項目" for party in PARTIES)
            columns += count_columns(words, f"{name}：利用者側の対応")
    return columns


def _stated_counts(context: Context, controls: Sequence[Control], *, duties: bool) -> list[Value]:
    levels = Counter(control.level for control in controls)
    found: list[Value] = [len(controls), *(levels[level] for level in LEVELS)]
    for vendor in context.vendors:
        answered = [control.responses[vendor] for control in controls if vendor in control.responses]
        answers = Counter[str](response.conformity for response in answered)
        answers["no_answer"] = len(controls) - len(answered)
        responsibility = Counter(context.stated_responsibility(control, vendor) for control in controls)
        found += [answers[word] for word in _VENDOR_WORDS]
        found += [responsibility[word] for word in RESPONSIBILITIES]
        if duties:
            found += [sum(party in response.duty_parties for response in answered) for party in PARTIES]
    return found
