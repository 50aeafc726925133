"""The gap list (ギャップ一覧) of one or many institutions as one Excel file: counts first, then a table of all gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.answers import days_overdue
from analyzer.exports.changes.names import Names
from analyzer.exports.gap_columns import GAP_COLUMNS, gap_cells
from analyzer.exports.xlsx.book import Book, Column, Table, Value
from analyzer.exports.xlsx.looks import DATE, HEADING, LABEL, NOTE, NUMBER, TOTAL, WARNING
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.institution import Answer
from analyzer.model.results import Assessment, ControlResult, DutyResult, Gap
from analyzer.model.vocabulary import PRIORITIES

COUNTS_SHEET, GAPS_SHEET, ALL_GAPS_SHEET = "集計", "ギャップ一覧", "ギャップ一覧（全機関）"
_HEADER_ROW = 4
_NOTICE_WIDTH = 150.0


def gap_list_workbook(assessments: Sequence[Assessment], knowledge: KnowledgeBase, rulebook: Rulebook) -> bytes:
    """The gaps of the assessments (xlsx), institution by institution in the order given, high priority first.

    The assessments have to be of this knowledge base and rulebook. The same ones give the same bytes. Raises
    ValueError where there is none.
    """
    if not assessments:
        raise ValueError("no assessment to list the gaps of")
    dated = max(assessment.as_of for assessment in assessments)
    lists = _GapList(assessments, knowledge, rulebook, Book(f"ギャップ一覧 {dated}", dated, rulebook.terms))
    lists.write_counts()
    lists.write_gaps()
    return lists.book.to_bytes()


@dataclass(frozen=True, slots=True)
class _Line:
    """A gap with what it is of. duty: the party's, None for the vendor's gaps."""

    assessment: Assessment
    result: ControlResult
    gap: Gap
    duty: DutyResult | None

    @property
    def answer(self) -> Answer | None:
        return self.duty.answer if self.duty else None

    @property
    def overdue(self) -> int | None:
        return days_overdue(self.duty, self.assessment.as_of) if self.duty else None

    @property
    def carried_over(self) -> bool:
        return self.duty is not None and self.duty.carried_over


def _lines(assessment: Assessment) -> tuple[_Line, ...]:
    """The gaps by priority, within one in the order of the controls."""
    found = [(result, gap) for result in assessment.results for gap in result.gaps]
    found.sort(key=lambda pair: PRIORITIES.index(pair[1].priority))
    return tuple(
        _Line(assessment, result, gap, next((duty for duty in result.duties if duty.party == gap.party), None))
        for result, gap in found
    )


@dataclass(frozen=True)
class _GapList:
    assessments: Sequence[Assessment]
    knowledge: KnowledgeBase
    rulebook: Rulebook
    book: Book

    @cached_property
    def names(self) -> Names:
        """The words of the sheets."""
        return Names(self.rulebook, self.knowledge)

    @cached_property
    def _lines(self) -> tuple[tuple[_Line, ...], ...]:
        """The gaps of each assessment."""
        return tuple(_lines(assessment) for assessment in self.assessments)

    @property
    def _days(self) -> str:
        days = sorted({assessment.as_of for assessment in self.assessments})
        return "、".join(day.isoformat() for day in days)

    @property
    def _footer(self) -> str:
        return f"知識ベース {self.assessments[0].knowledge_version}　基準日 {self._days}"

    def write_counts(self) -> None:
        """Fill the first sheet: what the list rests on, and how many gaps each institution has."""
        sheet = self.book.sheet(COUNTS_SHEET, "143250")
        self.book.put(sheet, 1, 1, "ギャップ一覧", HEADING)
        self.book.put(sheet, 2, 1, f"基準日 {self._days}　知識ベース {self.assessments[0].knowledge_version}", NOTE)
        columns = [
            Column("機関", 36),
            Column("機関ID", 28),
            Column("基準日", 12, DATE),
            Column("ギャップ", 10, NUMBER),
            *(Column(self.book.label("priority", word), 10, NUMBER, "優先度") for word in PRIORITIES),
            *(Column(self.names.word("party", word), 16, NUMBER, "当事者") for word in self.rulebook.terms["party"]),
            Column("期限超過", 10, NUMBER),
            Column("引継ぎ", 10, NUMBER),
        ]
        rows = [self._count_row(*each) for each in zip(self.assessments, self._lines, strict=True)]
        table = self.book.table(sheet, _HEADER_ROW, columns, rows, filters=False)
        row = table.last_row + 1
        if len(rows) > 1:
            self._totals(table, rows, row)
            row += 1
        for notice in self._notices():
            row += 1
            self.book.merged(sheet, row, 1, len(columns), notice, WARNING)
            self.book.fit_row(sheet, row, [(notice, _NOTICE_WIDTH)])
        self.book.freeze(sheet, table.first_row, 2)
        self.book.print_setup(sheet, footer=self._footer, paper="A4")

    def _totals(self, table: Table, rows: Sequence[Sequence[Value]], row: int) -> None:
        sheet = self.book.workbook[COUNTS_SHEET]
        for column in range(1, table.last_column + 1):
            counts = [line[column - 1] for line in rows]
            total: Value = "合計" if column == 1 else None
            if column > 3:
                total = sum(count for count in counts if isinstance(count, int))
            self.book.put(sheet, row, column, total, LABEL if column <= 3 else TOTAL)

    def _count_row(self, assessment: Assessment, lines: Sequence[_Line]) -> list[Value]:
        return [
            assessment.institution.name,
            assessment.institution.id,
            assessment.as_of,
            len(lines),
            *(sum(line.gap.priority == word for line in lines) for word in PRIORITIES),
            *(sum(line.gap.party == word for line in lines) for word in self.rulebook.terms["party"]),
            sum(line.overdue is not None for line in lines),
            sum(line.carried_over for line in lines),
        ]

    def _notices(self) -> Iterator[str]:
        if any(assessment.institution.fictional for assessment in self.assessments):
            names = "、".join(each.institution.name for each in self.assessments if each.institution.fictional)
            yield f"架空の医療機関の例であり、実在の団体とは関係がない：{names}"
        for guideline in self.knowledge.encoded_guidelines:
            if not guideline.in_force:
                yield f"【旧版】「{guideline.title.ja}」{guideline.edition or ''}：{guideline.status_note}"

    def write_gaps(self) -> None:
        """Fill the table of gaps."""
        several = len(self.assessments) > 1
        found = [line for lines in self._lines for line in lines]
        sheet = self.book.sheet(ALL_GAPS_SHEET if several else GAPS_SHEET, "1F7A4D")
        name = "全機関" if several else self.assessments[0].institution.name
        self.book.put(sheet, 1, 1, f"ギャップ一覧　{name}（{len(found)}件）", HEADING)
        empty = "" if found else "ギャップはない。"
        self.book.put(sheet, 2, 1, f"基準日 {self._days}。見出しの▼で絞り込める。{empty}", NOTE)
        columns = [
            Column("機関", 24),
            Column("基準日", 11, DATE),
            *GAP_COLUMNS,
            Column("機関ID", 24),
            Column("管理策キー", 22),
        ]
        table = self.book.table(sheet, _HEADER_ROW, columns, [self._gap_row(line) for line in found])
        self.book.freeze(sheet, table.first_row, 6)
        self.book.print_setup(
            sheet, header=f"ギャップ一覧　{name}", footer=self._footer, repeat_rows=(_HEADER_ROW, _HEADER_ROW)
        )

    def _gap_row(self, line: _Line) -> list[Value]:
        institution = line.assessment.institution
        return [
            institution.name,
            line.assessment.as_of,
            *gap_cells(line.result, line.gap, self.names, line.assessment.as_of),
            institution.id,
            line.result.control.key,
        ]
