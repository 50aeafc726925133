"""The sheets of a checklist workbook that are filled in: answers, evidence, services and reviews, questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from openpyxl.formatting.rule import Rule as FormatRule
from openpyxl.styles import Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from analyzer.exports.checklist import layout
from analyzer.exports.checklist.baseline import (
    Given,
    answer_inputs,
    digest,
    evidence_inputs,
    fact_inputs,
    review_inputs,
    said,
    service_inputs,
)
from analyzer.exports.checklist.layout import Field
from analyzer.exports.checklist.model import (
    AnswerLine,
    Checklist,
    EvidenceLine,
    Label,
    PartyCell,
    Row,
    UncountedAnswer,
)
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Book, Column, Link, Table, Value
from analyzer.exports.xlsx.looks import HEADING, PLAIN, TONES

SPARE_EVIDENCE, SPARE_REVIEWS = 40, 15
# Excel keeps the words of a drop-down in 255 characters.
_LIST_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Form:
    """A table to fill in, as the hidden sheet tells the way back."""

    name: str
    sheet: str
    table: Table
    fields: Sequence[Field]
    base: dict[str, str] = field(default_factory=dict)

    def remember(self, key: str, held: Sequence[Given]) -> None:
        """Keep what the input cells of a row hold."""
        self.base[key] = " ".join(digest(said(given)) for given in held)


class Served(NamedTuple):
    """A control that a row of answers serves, the party's part of it, and its answer where that does not count."""

    row: Row
    cell: PartyCell
    uncounted: UncountedAnswer | None


@dataclass
class Forms:
    """The fill-in sheets of one checklist; `made` grows with each."""

    book: Book
    checklist: Checklist
    footer: str
    division_rows: dict[str, int]
    made: list[Form] = field(default_factory=list)

    def answers(self) -> None:
        """One row for each party's duty under an applicable control, or under several that ask the same and are
        answered the same, and one for every other answer there is.
        """
        sheet = self._sheet(
            layout.FORM_SHEET,
            "記入",
            "黄色の欄に記入する。状況は選択肢から選び、該当なしには理由を書く。証跡の番号は「証跡」のシートの番号を、"
            "複数あればコンマで区切って書く。",
            len(layout.ANSWERS),
        )
        rows = list(self._answer_rows())
        table = self._form(sheet, "answers", layout.FORM_SHEET, layout.ANSWERS, [row for row, _ in rows], top=4)
        for row, answer in rows:
            self._last.remember(f"{row[0]} {row[1]}", answer_inputs(answer))
        column = _columns(layout.ANSWERS)
        statuses = self.checklist.choices.statuses
        _choose(sheet, table, column["status"], [status.ja for status in statuses], "状況は選択肢から選んでください。")
        _choose(
            sheet,
            table,
            column["carried_over"],
            [CARRIED_OVER, layout.CONFIRMED],
            "引き継いだ回答を確かめたら「確認済」を選んでください。",
        )
        _colour(sheet, table, column["status"], statuses)
        self._ask_for_reason(sheet, table, column)
        if all(not row.related for section in self.checklist.sections for row in section.rows):
            sheet.column_dimensions[get_column_letter(column["related"])].hidden = True
        self.book.freeze(sheet, table.first_row, column["duty"])

    def evidence(self) -> None:
        """Every piece of evidence, and room for more."""
        sheet = self._sheet(
            layout.EVIDENCE_SHEET,
            "証跡",
            "番号は半角の英小文字・数字・ハイフンで付け、「記入」のシートから番号で指す。"
            "登録した日ではなく、文書の発行日と、記録が対象とする期間を書く。空いた行に書き足せる。",
            len(layout.EVIDENCE),
        )
        rows: list[list[Value]] = [_evidence_row(item) for item in self.checklist.evidence]
        rows += [[None] * len(layout.EVIDENCE) for _ in range(SPARE_EVIDENCE)]
        table = self._form(sheet, "evidence", layout.EVIDENCE_SHEET, layout.EVIDENCE, rows, top=4)
        for item in self.checklist.evidence:
            self._last.remember(item.id, evidence_inputs(item))
        kinds = [kind.ja for kind in self.checklist.choices.evidence_kinds]
        _choose(sheet, table, _columns(layout.EVIDENCE)["kind"], kinds, "種類は選択肢から選んでください。")
        self.book.freeze(sheet, table.first_row, 3)

    def reviews(self) -> None:
        """The services in use with their NDAs, and below them the looks taken at their documents."""
        sheet = self._sheet(
            layout.REVIEW_SHEET,
            "利用するサービスと、資料を確かめた記録",
            "ベンダーの資料（公開文書、NDAのもとで示された資料）を確かめたら、サービス・資料・確認日を書く。"
            "章は「mhlw-5:6.3」のように書き、複数あればコンマで区切る。空欄はすべての章を確かめたことを表す。",
            len(layout.REVIEWS),
        )
        services = self.checklist.head.services
        above: list[list[Value]] = [
            [service.id, service.name, *_cells(service_inputs(service))] for service in services
        ]
        first = self._form(sheet, "services", layout.REVIEW_SHEET, layout.SERVICES, above, top=4, printed=False)
        for service in services:
            self._last.remember(service.id, service_inputs(service))
        reviews = {
            f"{service.id}#{number}": review for service in services for number, review in enumerate(service.reviews, 1)
        }
        rows: list[list[Value]] = [[*_cells(review_inputs(review)), key] for key, review in reviews.items()]
        rows += [[None] * len(layout.REVIEWS) for _ in range(SPARE_REVIEWS)]
        top = max(first.last_row, first.header_row) + 3
        self.book.put(sheet, top - 1, 1, "資料を確かめた記録", HEADING)
        table = self._form(sheet, "reviews", layout.REVIEW_SHEET, layout.REVIEWS, rows, top=top)
        for key, review in reviews.items():
            self._last.remember(key, review_inputs(review))
        column = _columns(layout.REVIEWS)
        _choose(
            sheet, table, column["vendor"], [service.id for service in services], "上の表のサービスから選んでください。"
        )
        documents = [choice.ja for choice in self.checklist.choices.disclosures]
        _choose(sheet, table, column["documents"], documents, "資料は選択肢から選んでください。")

    def facts(self) -> None:
        """The questions on the institution, open ones too."""
        sheet = self._sheet(
            layout.FACT_SHEET,
            "施設への質問",
            "答えると、その条件が付いた項目の適用・適用除外が決まる。未回答の間は適用ありとして扱う。",
            len(layout.FACTS),
        )
        facts = self.checklist.facts
        rows: list[list[Value]] = [
            [fact.id, fact.question, fact.help, *_cells(fact_inputs(fact)), fact.controls or None] for fact in facts
        ]
        table = self._form(sheet, "facts", layout.FACT_SHEET, layout.FACTS, rows, top=4)
        for row, fact in enumerate(facts, table.first_row):
            self._last.remember(fact.id, fact_inputs(fact))
            one = Table(table.header_row, row, row, table.first_column, table.last_column, table.widths)
            _choose(
                sheet,
                one,
                _columns(layout.FACTS)["answer"],
                [choice.ja for choice in fact.choices],
                "回答は選択肢から選んでください。",
            )

    # -- parts ----------------------------------------------------------------------------------------------------

    @property
    def _last(self) -> Form:
        return self.made[-1]

    def _sheet(self, name: str, title: str, hint: str, width: int) -> Worksheet:
        sheet = self.book.sheet(name, tab_colour="C99A00")
        self.book.put(sheet, 1, 1, None, HEADING)
        first_shown = 3 if name == layout.FORM_SHEET else 2 if name == layout.FACT_SHEET else 1
        self.book.put(sheet, 1, first_shown, title, HEADING)
        self.book.merged(sheet, 2, first_shown, width, hint, PLAIN)
        sheet.row_dimensions[1].height = 22
        sheet.row_dimensions[2].height = 32
        return sheet

    def _form(
        self,
        sheet: Worksheet,
        name: str,
        sheet_name: str,
        fields: Sequence[Field],
        rows: list[list[Value]],
        *,
        top: int,
        printed: bool = True,
    ) -> Table:
        columns = [Column(item.header, item.width, item.look, item.group, item.terms) for item in fields]
        table = self.book.table(sheet, top, columns, rows, filters=False, final=True)
        for number, item in enumerate(fields, 1):
            if item.key:
                sheet.column_dimensions[get_column_letter(number)].hidden = True
            if item.look.number_format == "yyyy-mm-dd" and item.input:
                _dates(sheet, table, number)
        if printed:
            repeated = (top, table.header_row) if name != "reviews" else None
            self.book.print_setup(sheet, footer=self.footer, paper="A4", repeat_rows=repeated)
        self.made.append(Form(name, sheet_name, table, fields))
        return table

    def _answer_rows(self) -> Iterator[tuple[list[Value], AnswerLine | None]]:
        """Every row with the answer that it holds."""
        uncounted = {(entry.key, entry.answer.party.word): entry for entry in self.checklist.uncounted}
        rows = {row.key: row for section in self.checklist.sections for row in section.rows}
        for row in rows.values():
            for of_party in (_user, _integrator):
                cell = of_party(row)
                if not cell.texts or (cell.shared and cell.shared.first.key != row.key):
                    continue
                keys = [item.key for item in cell.shared.items] if cell.shared else [row.key]
                served = [
                    Served(rows[key], of_party(rows[key]), uncounted.pop((key, cell.party.word), None)) for key in keys
                ]
                yield self._duty_row(served), _held(served)
        for entry in uncounted.values():
            yield self._uncounted_row(entry), entry.answer

    def _duty_row(self, served: Sequence[Served]) -> list[Value]:
        """A duty with the answer that counts, or the one that does not count yet."""
        row, cell, _ = served[0]
        titles = [f"{one.row.title}\n［{one.row.level.ja}］" for one in served]
        if len(served) > 1:
            titles = [f"{one.row.id} {title}" for one, title in zip(served, titles, strict=True)]
            titles.append(f"※この1行で{len(served)}項目に答える")
        return [
            layout.LIST_SEPARATOR.join(one.row.key for one in served),
            cell.party.word,
            Link(row.id, layout.DIVISION_SHEET, f"A{self.division_rows[row.key]}"),
            "\n".join(titles),
            cell.party.ja,
            _distinct([*one.cell.texts, *([f"※{one.cell.remark}"] if one.cell.remark else [])] for one in served),
            _distinct([f"・{text}" for text in one.row.expected_evidence] for one in served),
            _told(served, _related),
            *_cells(answer_inputs(_held(served))),
            self.book.label("proof", cell.proof.word) if cell.proof else None,
            _told(served, _todo),
        ]

    def _uncounted_row(self, entry: UncountedAnswer) -> list[Value]:
        answer = entry.answer
        return [
            entry.key,
            answer.party.word,
            entry.id,
            entry.title,
            answer.party.ja,
            "（集計に入らない回答）",
            None,
            None,
            *_cells(answer_inputs(answer)),
            None,
            entry.why,
        ]

    def _ask_for_reason(self, sheet: Worksheet, table: Table, column: dict[str, int]) -> None:
        """Show in red where the status needs a reason and has none."""
        if table.last_row < table.first_row:
            return
        status, reason = get_column_letter(column["status"]), get_column_letter(column["reason"])
        excluded = self.checklist.terms["status"]["not_applicable"].ja
        _colour_where(
            sheet,
            f"{reason}{table.first_row}:{reason}{table.last_row}",
            f'AND(${status}{table.first_row}="{excluded}",TRIM(${reason}{table.first_row})="")',
            TONES["status"]["not_implemented"],
        )


def _held(served: Sequence[Served]) -> AnswerLine | None:
    """The answer that a row holds: all its controls' is the same."""
    _, cell, entry = served[0]
    return entry.answer if entry else cell.answer


def _user(row: Row) -> PartyCell:
    return row.user


def _integrator(row: Row) -> PartyCell:
    return row.integrator


def _distinct(texts: Iterable[Iterable[str]]) -> str:
    """Every text once, one a line."""
    return "\n".join(dict.fromkeys(text for some in texts for text in some))


def _told(served: Sequence[Served], lines_of: Callable[[Served], Iterable[str]]) -> str:
    """What is said of the controls of a row, each line once; what is not said of all of them names those it is of."""
    found: dict[str, list[str]] = {}
    for one in served:
        for line in dict.fromkeys(lines_of(one)):
            found.setdefault(line, []).append(one.row.id)
    return "\n".join(
        line if len(ids) == len(served) else f"{line}（{'、'.join(ids)}について）" for line, ids in found.items()
    )


def _related(one: Served) -> Iterator[str]:
    """What controls of other guidelines mean for a duty: answered otherwise, related, to draw on."""
    shared = one.cell.shared
    together = {item.key for item in shared.items} if shared else set()
    for difference in shared.differing if shared else ():
        yield f"！ {difference}"
    for line in one.row.related:
        if line.item.key not in together:
            yield f"{line.relation.text}　{line.item.id} {line.item.title}"
    for suggestion in one.cell.suggestions:
        yield f"→ {suggestion.text}"


def _todo(one: Served) -> Iterator[str]:
    if one.cell.overdue is not None:
        yield f"！ 期限を{one.cell.overdue}日過ぎている"
    for gap in one.row.gaps:
        if gap.party.word == one.cell.party.word:
            yield f"{gap.priority.text} {gap.kind.ja}：{gap.action}"
    if one.uncounted is not None:
        yield one.uncounted.why


def _cells(inputs: Iterable[Given]) -> Iterator[Value]:
    """What input cells show."""
    for given in inputs:
        if isinstance(given, Label):
            yield given.ja
        elif given is None or isinstance(given, str | date):
            yield given
        else:
            yield layout.LIST_SEPARATOR.join(given) or None


def _evidence_row(item: EvidenceLine) -> list[Value]:
    return [
        *_cells(evidence_inputs(item)),
        item.expires_on,
        item.state,
        "、".join(item.used_by) or None,
        item.id,
    ]


def _columns(fields: Sequence[Field]) -> dict[str, int]:
    return {item.name: number for number, item in enumerate(fields, 1)}


def _area(table: Table, column: int) -> str | None:
    letter = get_column_letter(column)
    return f"{letter}{table.first_row}:{letter}{table.last_row}" if table.last_row >= table.first_row else None


def _choose(sheet: Worksheet, table: Table, column: int, words: Sequence[str], message: str) -> None:
    """A drop-down of words; none where Excel cannot hold them."""
    area, listed = _area(table, column), ",".join(words)
    if area is None or not words or len(listed) > _LIST_LIMIT or any('"' in word or "," in word for word in words):
        return
    rule = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True, showErrorMessage=True)
    rule.errorTitle, rule.error = "入力できない値", message
    rule.promptTitle, rule.prompt, rule.showInputMessage = "選択", message, True
    rule.add(area)
    sheet.add_data_validation(rule)


def _dates(sheet: Worksheet, table: Table, column: int) -> None:
    area = _area(table, column)
    if area is None:
        return
    rule = DataValidation(
        type="date",
        operator="between",
        formula1="DATE(1950,1,1)",
        formula2="DATE(2199,12,31)",
        allow_blank=True,
        showErrorMessage=True,
    )
    rule.errorTitle, rule.error = "入力できない値", "日付を 2026-11-01 の形で入力してください。"
    rule.add(area)
    sheet.add_data_validation(rule)


def _colour(sheet: Worksheet, table: Table, column: int, statuses: Iterable[Label]) -> None:
    """Colour a status as it is chosen; the word itself says the same."""
    area = _area(table, column)
    if area is None:
        return
    letter = get_column_letter(column)
    for status in statuses:
        _colour_where(sheet, area, f'${letter}{table.first_row}="{status.ja}"', TONES["status"][status.word])


def _colour_where(sheet: Worksheet, area: str, formula: str, tone: tuple[str, str]) -> None:
    fill, ink = tone
    style = DifferentialStyle(font=Font(color=ink), fill=PatternFill(bgColor=fill, fill_type="solid"))
    sheet.conditional_formatting.add(area, FormatRule(type="expression", formula=[formula], dxf=style))
