"""The responsibility checklist as a workbook to fill in and hand back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from openpyxl.worksheet.worksheet import Worksheet

from analyzer.exports.checklist import layout
from analyzer.exports.checklist.forms import Form, Forms
from analyzer.exports.checklist.model import Checklist, Count, PartyCell, RelatedLine, Row, VendorCell, VendorItem
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Book, Column, Value
from analyzer.exports.xlsx.laid import KnownTexts
from analyzer.exports.xlsx.looks import BODY, CENTRE, DATE, HEADING, LABEL, NUMBER, PLAIN, TITLE, TOTAL, WARNING

_NAME_WIDTH, _COUNT_WIDTH = 46.0, 8.0
_COUNTS = 17
_GUIDE_WIDTHS = (24.0, 96.0)
_DIVISION_TOP = 4
_RULES_ON_RELATED = (
    "複数のガイドラインが同じことを求める対応は、1行にまとめてある。記入は「題名・区分」に並ぶすべての項目の回答になる。"
    "すでに回答が分かれている項目は行を分け、その旨を「関連項目・参考にできる回答」の欄に示す。",
    "「参考にできる」とある回答や証跡は、自動では写らない。内容を確かめ、使えるものだけを記入する。",
)


def checklist_xlsx(checklist: Checklist, texts: KnownTexts | None = None) -> bytes:
    """The workbook: counts, how to use it, who does what, the sheets to fill in, what is left out, what to ask.

    Sheets are protected without a password; only the cells to fill in are open. The same checklist gives the same
    bytes. texts: what several checklists share, see `known_texts`.
    """
    head = checklist.head
    book = Book(f"{checklist.title} {head.name} {head.as_of}", head.as_of, checklist.terms, texts)
    part = "　抜粋" if checklist.part else ""
    footer = f"{head.name}　基準日 {head.as_of}　知識ベース {head.knowledge_version}{part}"
    rows = [row for section in checklist.sections for row in section.rows]
    # The rows of 責任分界 follow its header, one a control.
    division_rows = {row.key: number for number, row in enumerate(rows, _DIVISION_TOP)}
    _cover(book, checklist, footer)
    _guide(book, checklist, footer)
    _division(book, checklist, rows, footer)
    forms = Forms(book, checklist, footer, division_rows)
    forms.answers()
    forms.evidence()
    forms.reviews()
    forms.facts()
    _left_out(book, checklist, footer)
    _requests(book, checklist, footer)
    for sheet in book.workbook.worksheets:
        _protect(sheet)
    _meta(book, checklist, forms.made)
    return book.to_bytes()


def _protect(sheet: Worksheet) -> None:
    """Keep what is not to be filled in as it is; rows may be made higher and lists filtered."""
    sheet.protection.enable()
    sheet.protection.formatRows = False
    sheet.protection.autoFilter = False


# -- the first sheets -------------------------------------------------------------------------------------------------


def _cover(book: Book, checklist: Checklist, footer: str) -> None:
    head = checklist.head
    sheet = book.sheet(layout.COVER_SHEET, tab_colour="1F4E79")
    last = _COUNTS + 1
    book.put(sheet, 1, 1, checklist.title, TITLE)
    book.put(sheet, 2, 1, head.name, HEADING)
    sheet.row_dimensions[1].height, sheet.row_dimensions[2].height = 32, 22
    row = 3
    if head.fictional:
        book.merged(sheet, row, 1, last, "架空の医療機関の記入例であり、実在の団体とは関係がない。", WARNING)
        row += 1
    identity: list[tuple[str, Value]] = [
        ("基準日", head.as_of.isoformat()),
        ("知識ベースの版", head.knowledge_version),
        ("施設ID", head.institution_id),
        ("種別", head.kind.ja),
        ("病床数", head.beds),
        ("職員数", head.staff),
        ("所在地", head.region),
        ("SI事業者", head.integrator),
    ]
    for name, value in identity:
        book.put(sheet, row, 1, name, LABEL)
        book.merged(sheet, row, 2, 8, "－" if value is None else str(value), BODY)
        row += 1
    for notice in _notices(checklist):
        book.merged(sheet, row, 1, last, notice, WARNING)
        book.fit_row(sheet, row, [(notice, _NAME_WIDTH + _COUNTS * _COUNT_WIDTH)])
        row += 1
    row = _counts(book, sheet, checklist, row + 1)
    _lapsing(book, sheet, checklist, row + 1)
    book.print_setup(sheet, footer=footer, paper="A4")


def _notices(checklist: Checklist) -> Iterator[str]:
    if checklist.part:
        yield checklist.part.notice
    for guideline in checklist.head.guidelines:
        name = f"{guideline.issuer}「{guideline.title}」{guideline.edition or ''}"
        yield name if guideline.warning is None else f"{name}【旧版】{guideline.warning}"
    for survey in checklist.head.surveys:
        yield (
            f"{survey.service}の回答は、{survey.surveyor}の調査（{survey.title} {survey.edition}、"
            f"調査日 {survey.surveyed_on}（{survey.basis}））による。その後の変更は反映されていない。"
        )


def _counts(book: Book, sheet: Worksheet, checklist: Checklist, row: int) -> int:
    """The counts by section; returns the row after them."""
    status = checklist.terms["status"]
    who, duties, verdict = "誰が行うか", "利用者側の対応", "判定"
    columns = [
        Column("章", _NAME_WIDTH, BODY),
        Column("項目", _COUNT_WIDTH, NUMBER),
        Column("適用なし", _COUNT_WIDTH, NUMBER),
        *(Column(label.ja, _COUNT_WIDTH, NUMBER, who) for label in checklist.responsibility_labels.values()),
        Column("全数", _COUNT_WIDTH, NUMBER, duties),
        *(
            Column(status[word].ja, _COUNT_WIDTH, NUMBER, duties)
            for word in ("implemented", "not_applicable", "unanswered")
        ),
        Column("要再確認", _COUNT_WIDTH, NUMBER, duties),
        *(Column(label.text, _COUNT_WIDTH, NUMBER, verdict) for label in checklist.conformity_labels),
    ]
    book.put(sheet, row, 1, "集計", HEADING)
    data = [
        _count_row(checklist.total_name, checklist.total),
        *(_count_row(f"{count.guideline} {count.section} {count.title}", count) for count in checklist.counts),
    ]
    table = book.table(sheet, row + 1, columns, [], filters=False)
    looks = [column.look for column in columns]
    book.lay(sheet, table.first_row, 1, [LABEL, *([TOTAL] * _COUNTS)], table.widths, data[:1])
    book.lay(sheet, table.first_row + 1, 1, looks, table.widths, data[1:])
    last_row = table.header_row + len(data)
    note = (
        "項目＝適用なし＋「誰が行うか」の合計。利用者側は医療機関とSI事業者を指し、対応は項目と担い手の組で数える。"
        f"判定の「{status['not_applicable'].ja}」は、適用なしの項目と、理由を添えて{status['not_applicable'].ja}と"
        "答えた項目の合計。"
    )
    if len(checklist.head.services) > 1:
        note += "項目と判定は、サービスごとに数える。"
    book.merged(sheet, last_row + 1, 1, _COUNTS + 1, note, PLAIN)
    sheet.row_dimensions[last_row + 1].height = 32
    return last_row + 2


def _count_row(name: str, count: Count) -> list[Value]:
    return [
        name,
        count.controls,
        count.left_out,
        count.vendor,
        count.shared,
        count.user_side,
        count.none_stated,
        count.duties,
        count.done,
        count.excluded,
        count.unanswered,
        count.recheck,
        *count.conformity.values(),
    ]


def _lapsing(book: Book, sheet: Worksheet, checklist: Checklist, row: int) -> None:
    book.put(sheet, row, 1, f"期限が近い証跡（{checklist.head.notice_days}日以内）と切れた証跡", HEADING)
    row += 1
    if not checklist.lapsing:
        book.put(sheet, row, 1, "該当する証跡はない。", PLAIN)
        return
    spans = ((1, 1), (2, 3), (4, 5), (6, 8), (9, _COUNTS + 1))
    for (first, last), header in zip(spans, ("証跡", "発行日", "最後の日", "状態", "使っている項目"), strict=True):
        book.merged(sheet, row, first, last, header, LABEL)
    for item in checklist.lapsing:
        row += 1
        used = "、".join(item.used_by)
        name = f"［{item.id}］{item.title}"
        values: tuple[Value, ...] = (name, item.issued_on, item.expires_on, item.state, used)
        for (first, last), value in zip(spans, values, strict=True):
            book.merged(sheet, row, first, last, value, DATE if first in {2, 4} else BODY)
        book.fit_row(sheet, row, [(name, _NAME_WIDTH), (used, _COUNT_WIDTH * (_COUNTS - 8))])


def _guide(book: Book, checklist: Checklist, footer: str) -> None:
    sheet = book.sheet(layout.GUIDE_SHEET, tab_colour="1F4E79")
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = _GUIDE_WIDTHS
    book.put(sheet, 1, 1, "使い方", HEADING)
    steps = [
        (layout.DIVISION_SHEET, "項目ごとに、ベンダー・SI事業者・医療機関の誰が何を行うか、なぜ当てはまるかを読む。"),
        (layout.FACT_SHEET, "未回答の質問に答える。条件付きの項目の適用が決まる。"),
        (layout.FORM_SHEET, "担い手ごとの行に、状況・確認日・証跡の番号・担当・期限・備考を記入する。"),
        (layout.EVIDENCE_SHEET, "証跡の発行日、有効期限、対象期間を書く。空いた行に書き足す。"),
        (layout.REVIEW_SHEET, "ベンダーの資料を確かめた日、確かめた章、確認者を書く。"),
        (layout.REQUEST_SHEET, "ベンダーに求めるものを、NDAが要るものと要らないものに分けて示す。"),
        (layout.LEFT_OUT_SHEET, "対象としない項目・対応と、その理由を示す。"),
    ]
    row = 2
    for name, text in steps:
        book.put(sheet, row, 1, f"「{name}」", LABEL)
        book.put(sheet, row, 2, text, BODY)
        row += 1
    rules = (
        "黄色の欄だけに記入できる。ほかの欄、列、シートの名前は変えない。行や列を足したり並べ替えたりしない。",
        "空欄の状況は、まだ答えていないことを表す。一度入れた記入を消すと、未回答に戻る。",
        f"再確認の欄が「{CARRIED_OVER}」の行は、前回の回答を写したもの。確かめたら確認日を改め、「確認済」を選ぶ。",
        "「集計に入らない回答」の行は、理由が「次の対応」の欄にある。記入は残る。",
        *(_RULES_ON_RELATED if any(row.related for section in checklist.sections for row in section.rows) else ()),
    )
    row += 1
    book.put(sheet, row, 1, "約束ごと", HEADING)
    for text in rules:
        row += 1
        book.merged(sheet, row, 1, 2, text, BODY)
        book.fit_row(sheet, row, [(text, _GUIDE_WIDTHS[0] + _GUIDE_WIDTHS[1])])
    row += 2
    book.put(sheet, row, 1, "状況の選び方", HEADING)
    for status in checklist.choices.statuses:
        row += 1
        book.put(sheet, row, 1, status.text, LABEL)
        book.put(sheet, row, 2, status.help, BODY)
    book.print_setup(sheet, footer=footer, paper="A4")


# -- reading sheets ---------------------------------------------------------------------------------------------------


def _division(book: Book, checklist: Checklist, rows: Sequence[Row], footer: str) -> None:
    sheet = book.sheet(layout.DIVISION_SHEET, tab_colour="1F4E79")
    book.put(sheet, 1, 1, "責任分界（誰が何を行うか）", HEADING)
    party = checklist.terms["party"]
    columns = [
        Column("項番", 11, CENTRE),
        Column("題名・区分", 13),
        Column("求められること・当てはまる理由・監査で証跡となるもの", 38, most=52),
        Column(party["vendor"].ja, 36, most=52),
        Column(party["integrator"].ja, 20, most=36),
        Column(party["user"].ja, 26, most=44),
        Column("責任分界", 8, CENTRE, terms="responsibility"),
        Column("判定", 9, CENTRE, terms="conformity"),
        Column("判定の理由と次の対応", 28, most=44),
    ]
    table = book.table(sheet, _DIVISION_TOP - 1, columns, [_division_row(book, row) for row in rows], final=True)
    book.freeze(sheet, table.first_row, 3)
    book.print_setup(sheet, footer=footer, paper="A4", repeat_rows=(table.header_row, table.header_row))


def _division_row(book: Book, row: Row) -> list[Value]:
    several = len(row.vendors) > 1
    asked = [row.requirement, *(f"({number}) {text}" for number, text in row.points), f"【理由】{row.why}"]
    if row.expected_evidence:
        asked += ["【監査で証跡となるもの】", *(f"・{text}" for text in row.expected_evidence)]
    if row.source_note:
        asked.append(f"【資料についての注記】{row.source_note}")
    if row.related:
        asked += ["【関連項目】", *(_related_text(line) for line in row.related)]
    verdicts = [f"{vendor.name}：{vendor.result_reason}" if several else vendor.result_reason for vendor in row.vendors]
    gaps = [
        f"{gap.priority.text} {gap.party.ja}・{gap.kind.ja}{f'（{gap.service}）' if gap.service else ''}：{gap.action}"
        for gap in row.gaps
    ]
    return [
        row.id,
        f"{row.title}\n［{row.level.ja}］",
        "\n".join(asked),
        "\n\n".join(_vendor_text(vendor) for vendor in row.vendors),
        _party_text(row.integrator),
        _party_text(row.user),
        _each(book, row.vendors, "responsibility"),
        _each(book, row.vendors, "conformity"),
        "\n".join([*verdicts, *gaps]),
    ]


def _each(book: Book, vendors: Sequence[VendorCell], of: str) -> str:
    """One word where the services agree, else one a service."""
    words = [
        book.label(of, vendor.responsibility.word if of == "responsibility" else vendor.result.word)
        for vendor in vendors
    ]
    if len(set(words)) == 1:
        return words[0]
    return "\n".join(f"{vendor.name}：{word}" for vendor, word in zip(vendors, words, strict=True))


def _vendor_text(vendor: VendorCell) -> str:
    lines = [f"［{vendor.conformity.ja}］{vendor.name}"]
    if vendor.statement is not None:
        lines.append(vendor.statement)
    lines.append(f"【裏付け】{vendor.assurance.ja}：{vendor.assurance_reason}")
    if vendor.items:
        lines.append("【求める・確かめるもの】" if vendor.outstanding else "【裏付けとなるもの】")
        lines += [f"・{'（NDA）' if item.under_nda else ''}{item.text}" for item in vendor.items]
    return "\n".join(lines)


def _related_text(line: RelatedLine) -> str:
    return (
        f"{line.relation.text}　{line.item.id} {line.item.title}（{line.item.guideline_title}）"
        f"{line.reason}［{line.source.ja}］"
    )


def _party_text(cell: PartyCell) -> str:
    lines = [*cell.texts, *([f"※{cell.remark}"] if cell.remark else [])]
    if cell.status:
        proof = f"・{cell.proof.ja}" if cell.proof else ""
        lines.append(f"【状況】{cell.status.text}{proof}")
    if cell.answer and cell.answer.carried_over:
        lines.append(f"【{CARRIED_OVER}】")
    if cell.overdue is not None:
        lines.append(f"【期限】{cell.overdue}日過ぎている")
    if cell.shared and len(cell.shared.items) > 1:
        lines.append(f"【まとめて答える項目】{'、'.join(item.id for item in cell.shared.items)}")
    if cell.shared:
        lines += [f"！ {line}" for line in cell.shared.differing]
    lines += [f"→ {suggestion.text}" for suggestion in cell.suggestions]
    return "\n".join(lines)


def _left_out(book: Book, checklist: Checklist, footer: str) -> None:
    sheet = book.sheet(layout.LEFT_OUT_SHEET, tab_colour="6B7580")
    book.put(sheet, 1, 1, "適用除外（対象としない項目・対応とその理由）", HEADING)
    columns = [
        Column("ガイドライン", 28),
        Column("項番", 11, CENTRE),
        Column("題名", 40),
        Column("区分", 9, CENTRE),
        Column("除外の範囲", 24),
        Column("対象としない理由", 70, most=120),
    ]
    rows: list[list[Value]] = [
        [entry.guideline_title, entry.id, entry.title, entry.level.ja, entry.scope, entry.reason]
        for entry in checklist.left_out
    ]
    table = book.table(sheet, 3, columns, rows, final=True)
    if not rows:
        book.put(sheet, 4, 1, "すべての項目を対象とする。", PLAIN)
    book.freeze(sheet, table.first_row, 1)
    book.print_setup(sheet, footer=footer, paper="A4", repeat_rows=(table.header_row, table.header_row))


def _requests(book: Book, checklist: Checklist, footer: str) -> None:
    sheet = book.sheet(layout.REQUEST_SHEET, tab_colour="6B7580")
    book.put(sheet, 1, 1, "ベンダーへの確認", HEADING)
    columns = [
        Column("項番", 11, CENTRE),
        Column("題名", 18),
        Column("ベンダー", 14),
        Column("優先度", 8, CENTRE, terms="priority"),
        Column("内容", 12),
        Column("資料の区分", 10, CENTRE),
        Column("NDAのもとで求めるもの", 24),
        Column("NDAなしで求める・確かめるもの", 42, most=60),
        Column("裏付け", 12, CENTRE, terms="assurance"),
        Column("理由", 22),
        Column("次の対応", 24),
    ]
    rows: list[list[Value]] = [
        [
            request.id,
            request.title,
            request.vendor.name,
            book.label("priority", gap.priority.word),
            gap.kind.ja,
            request.vendor.disclosure.ja,
            _item_lines(item for item in request.vendor.items if item.under_nda),
            _item_lines(item for item in request.vendor.items if not item.under_nda),
            book.label("assurance", request.vendor.assurance.word),
            request.vendor.assurance_reason,
            gap.action,
        ]
        for request in checklist.requests
        for gap in request.gaps
    ]
    table = book.table(sheet, 3, columns, rows, final=True)
    if not rows:
        book.put(sheet, 4, 1, "ベンダーに確かめることはない。", PLAIN)
    book.freeze(sheet, table.first_row, 3)
    book.print_setup(sheet, footer=footer, paper="A4", repeat_rows=(table.header_row, table.header_row))


def _item_lines(items: Iterator[VendorItem]) -> str:
    return "\n".join(f"・{item.text}{f' {item.url}' if item.url else ''}" for item in items)


# -- the way back -----------------------------------------------------------------------------------------------------


def _meta(book: Book, checklist: Checklist, forms: Sequence[Form]) -> None:
    """The hidden sheet by which a filled-in checklist is recognised and read."""
    sheet = book.sheet(layout.META_SHEET)
    head = checklist.head
    values: list[list[Value]] = [
        ["format", layout.FORMAT],
        ["institution_id", head.institution_id],
        ["as_of", head.as_of.isoformat()],
        ["knowledge_version", head.knowledge_version],
        *([[layout.PART, *checklist.part.keys]] if checklist.part else ()),
    ]
    for form in forms:
        values += [[layout.BASE, form.name, key, held] for key, held in form.base.items()]
    values.append([layout.TABLES_MARK, "sheet", "header_row", "first_row", "last_row", "fields"])
    for form in forms:
        table = form.table
        names = [field.name for field in form.fields]
        values.append([form.name, form.sheet, table.header_row, table.first_row, table.last_row, *names])
    columns = max(map(len, values))
    book.lay(sheet, 1, 1, [PLAIN] * columns, [inf] * columns, values)
    _protect(sheet)
    sheet.sheet_state = "veryHidden"
