"""What a filter leaves of the matrix, to take away: an Excel file that says which filter made it, and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from analyzer.browse.columns import ColumnId, MatrixColumns
from analyzer.browse.rows import MatrixRow
from analyzer.browse.selection import Selection
from analyzer.browse.sorting import sort_column
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.changes.sheets import first_sheet, list_sheet
from analyzer.exports.matrix.context import Context, content_day
from analyzer.exports.matrix.controls import lines
from analyzer.exports.related import related_controls, unrelated_controls
from analyzer.exports.rows import CONTROLS, RESULTS
from analyzer.exports.tabular import controls_table, results_table, to_csv_bytes
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Book, Column, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE, DATE, Look
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.crosswalk import Unrelated
from analyzer.model.results import ControlResult, Gap
from analyzer.model.vocabulary import Party

if TYPE_CHECKING:
    import pandas as pd

_TITLE = "管理策マトリクス（絞り込んだ一覧）"
_SHEET = "一覧"
# The columns that stay in sight, and begin every printed page.
_LEADING: Final[tuple[ColumnId, ...]] = ("control", "title")
# About what fits a printed page at a readable size, in units of column width.
_PAGE_WIDTH = 220.0

_OF_ANSWER = list(CONTROLS)[list(CONTROLS).index("vendor") :]
# What the columns of the controls say already.
_OF_PLACE = frozenset({"knowledge_version", "control", "guideline", "section", "section_title", "level", "title"})
_OF_RUN = frozenset({"institution_id", "institution_name", "as_of"})


def selection_xlsx(
    selection: Selection, columns: Sequence[ColumnId], knowledge: KnowledgeBase, rulebook: Rulebook
) -> bytes:
    """The selected rows with every field, the filter on a first sheet; the same input gives the same bytes.

    columns: those on screen; they come first, in this order, behind the control's id and title.
    """
    assessment = selection.assessment
    book = Book(_TITLE, content_day(knowledge, assessment), rulebook.terms)
    context = Context(knowledge, rulebook, assessment, book, {})
    fields = _Fields(selection, context).fields()
    shown = [name for name in dict.fromkeys((*_LEADING, *columns, *fields)) if name in fields]
    chosen = [fields[name] for name in shown]
    headings = [
        Column(rulebook.term("column", name).ja, field.width, field.look, terms=field.terms, most=field.most)
        for name, field in zip(shown, chosen, strict=True)
    ]
    sheet, _ = first_sheet(book, _TITLE, _facts(selection, context), _notices(selection, context))
    book.print_setup(sheet, header=_TITLE, footer=context.footer, paper="A4", landscape=False)
    list_sheet(
        book,
        _SHEET,
        _TITLE,
        headings,
        [[field.value(row) for field in chosen] for row in selection.rows],
        note=f"{_counted(selection)}。どの条件で絞り込んだかは、最初のシートにある。",
        frozen=len(_LEADING),
        footer=context.footer,
        breaks_after=_page_breaks(headings),
    )
    return book.to_bytes()


def selection_csv(selection: Selection, knowledge: KnowledgeBase) -> bytes:
    """The selected rows in their order: the columns of `controls_table`, the stated responsibility, and with an
    assessment those of `results_table` as `result_…` and the gaps, one a line. Format: see `to_csv_bytes`.
    """
    frame = _stated_part(selection, controls_table(knowledge))
    frame["responsibility"] = _texts(row.responsibility for row in selection.rows)
    if selection.assessment is not None:
        results = _result_part(selection, results_table(selection.assessment))
        for name in results.columns:
            frame[name if name in _OF_RUN else f"result_{name}"] = results[name]
        frame["result_gap_list"] = _texts(
            "\n".join(f"{gap.priority} {gap.kind} {gap.party} {gap.rule}" for gap in _gaps(row)) or None
            for row in selection.rows
        )
    return to_csv_bytes(frame)


# -- CSV --------------------------------------------------------------------------------------------------------------


def _texts(values: Iterable[str | None]) -> pd.Series:
    import pandas as pd

    return pd.Series(list(values), dtype="string")


def _stated_part(selection: Selection, stated: pd.DataFrame) -> pd.DataFrame:
    """The rows of the controls' table that were selected; of a service that gives no answer, only its name."""
    import pandas as pd

    places = {pair: place for place, pair in enumerate(zip(stated["key"], stated["vendor"].fillna(""), strict=True))}
    first = {key: place for place, key in reversed(list(enumerate(stated["key"])))}
    wanted = [(row.control.key, row.vendor or "") for row in selection.rows]
    frame = stated.iloc[[places.get(pair, first[pair[0]]) for pair in wanted]].reset_index(drop=True)
    for place, pair in enumerate(wanted):
        if pair not in places:
            frame.loc[place, _OF_ANSWER] = pd.NA
            frame.loc[place, "vendor"] = pair[1]
    return frame


def _result_part(selection: Selection, results: pd.DataFrame) -> pd.DataFrame:
    """The selected rows' lines of the results' table, empty where the service is not used."""
    pairs = zip(results["control"], results["service"].fillna(""), strict=True)
    places = {pair: place for place, pair in enumerate(pairs)}
    wanted = [
        places[row.control.key, row.result.service or ""] if row.result else -1  # a line that there is not
        for row in selection.rows
    ]
    names = [name for name in RESULTS if name not in _OF_PLACE]
    return results[names].reindex(wanted).reset_index(drop=True)


# -- the first sheet --------------------------------------------------------------------------------------------------


def _counted(selection: Selection) -> str:
    return f"{len(selection.rows)}件（全{selection.total}件のうち）"


def _facts(selection: Selection, context: Context) -> Iterator[tuple[str, Value]]:
    yield "知識ベースの版", context.knowledge.version
    if selection.assessment is not None:
        yield "機関", selection.assessment.institution.name
        yield "基準日", selection.assessment.as_of.isoformat()
    yield "件数", _counted(selection)
    conditions = list(_conditions(selection))
    yield from conditions or [("絞り込みの条件", "なし（すべての行）")]
    yield "並び順", _order(selection, context)
    vendors = dict.fromkeys(row.vendor for row in selection.rows if row.vendor)
    yield from ((f"調査（{context.vendor_name(vendor)}）", context.survey_line(vendor)) for vendor in vendors)


def _conditions(selection: Selection) -> Iterator[tuple[str, Value]]:
    """The filter, facet by facet; values of one facet are alternatives."""
    if selection.searched:
        yield "検索した語", selection.filter.text
    for facet in selection.facets:
        if facet.chosen:
            names = (f"{item.value.group}　{item.value.label}".strip() for item in facet.chosen)
            yield f"絞り込み：{facet.label}", " または ".join(names)


def _order(selection: Selection, context: Context) -> str:
    column = sort_column(selection.filter.sort or "")
    if column is not None:
        direction = "降順" if (selection.filter.sort or "").startswith("-") else "昇順"
        return f"{context.word('column', column)}（{direction}）"
    return "検索した語によく合う順" if selection.searched else "ガイドラインの項目の順"


def _notices(selection: Selection, context: Context) -> Iterator[str]:
    if selection.assessment is not None and selection.assessment.institution.fictional:
        yield "架空の機関の記入例であり、実在の機関ではない。"
    for parameter, value in selection.unknown:
        facet = context.rulebook.terms["facet"].get(parameter)
        yield f"次の条件は、当てはまるものがないため無視した：{facet.ja if facet else '並び順'}「{value}」"
    for identity in dict.fromkeys(row.control.guideline for row in selection.rows):
        guideline = context.knowledge.guidelines[identity]
        if not guideline.in_force:
            yield f"{context.edition(guideline)}：{context.edition_warning(guideline)}"


# -- the list ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    """A column of the list and what stands in it for a row."""

    width: float
    value: Callable[[MatrixRow], Value]
    look: Look = BODY
    terms: str = ""
    most: float = 0.0


@dataclass(frozen=True)
class _Fields:
    """The list's columns by the words of the set `column`."""

    selection: Selection
    context: Context

    def fields(self) -> dict[str, _Field]:
        """Every field of the controls and answers, and of the results where there is an assessment."""
        found = {**self._control(), **self._answer()}
        if self.selection.searched:
            found["match"] = _Field(46, self._match, most=60)
        if self.selection.assessment is not None:
            found |= self._result()
        return found

    @cached_property
    def _columns(self) -> MatrixColumns:
        return MatrixColumns(self.context.knowledge, self.context.rulebook)

    def _shown(self, column: ColumnId) -> Callable[[MatrixRow], Value]:
        """What stands on screen, the mark in front."""

        def value(row: MatrixRow) -> Value:
            cell = self._columns.cell(row, column)
            return f"{cell.mark} {cell.text}" if len(cell.mark) == 1 else cell.text or None

        return value

    def _match(self, row: MatrixRow) -> Value:
        cell = self._columns.cell(row, "match")
        return f"{cell.detail}：{cell.text}" if cell.text else None

    def _control(self) -> dict[str, _Field]:
        return {
            "control": _Field(11, lambda row: row.control.id, CENTRE),
            "title": _Field(24, lambda row: row.control.title.ja),
            "guideline": _Field(22, self._shown("guideline")),
            "guideline_status": _Field(16, self._edition),
            "section": _Field(18, self._shown("section")),
            "level": _Field(9, self._shown("level"), CENTRE),
            "mark": _Field(9, lambda row: row.control.mark, CENTRE),
            "requirement": _Field(60, lambda row: row.control.full_requirement, most=100),
            "condition": _Field(20, self._shown("condition")),
            "clauses": _Field(40, self._clauses, most=60),
            "agreements": _Field(46, self._agreements, most=76),
            "expected_evidence": _Field(44, lambda row: lines(row.control.expected_evidence), most=70),
            "related": _Field(46, self._related, most=70),
            "note": _Field(40, lambda row: row.control.note, most=70),
            "key": _Field(18, lambda row: row.control.key),
            "title_en": _Field(22, lambda row: row.control.title.en),
        }

    def _answer(self) -> dict[str, _Field]:
        duties = 46
        return {
            "vendor": _Field(22, self._shown("vendor")),
            "surveyed_on": _Field(11, self._surveyed_on, DATE),
            "vendor_conformity": _Field(12, self._shown("vendor_conformity"), CENTRE, "vendor_conformity"),
            "statement": _Field(54, lambda row: row.response.statement if row.response else None, most=90),
            "urls": _Field(34, lambda row: lines(row.response.urls) if row.response else None, most=60),
            "finding": _Field(54, lambda row: row.response.finding if row.response else None, most=90),
            "finding_documents": _Field(11, self._finding_documents, CENTRE),
            "disclosure": _Field(10, self._shown("disclosure"), CENTRE),
            "evidence_way": _Field(20, self._shown("evidence_way")),
            "documents": _Field(34, self._documents, most=60),
            "certifications": _Field(26, self._certifications, most=50),
            "responsibility": _Field(12, self._shown("responsibility"), CENTRE, "responsibility"),
            "party": _Field(22, self._shown("party")),
            "duties_user": _Field(duties, lambda row: _duties(row, "user"), most=76),
            "duties_integrator": _Field(duties, lambda row: _duties(row, "integrator"), most=76),
        }

    def _result(self) -> dict[str, _Field]:
        def of(get: Callable[[ControlResult], Value]) -> Callable[[MatrixRow], Value]:
            return lambda row: get(row.result) if row.result else None

        label = self.context.label
        return {
            "conformity": _Field(16, self._shown("conformity"), CENTRE, "conformity"),
            "reason": _Field(46, of(lambda result: result.reason.ja), most=76),
            "rule": _Field(8, of(lambda result: result.rule), CENTRE),
            "priority": _Field(10, self._priority, CENTRE, "priority"),
            "gaps": _Field(46, lambda row: lines(self._gap_line(gap) for gap in _gaps(row)), most=76),
            "action": _Field(46, lambda row: lines(dict.fromkeys(f"・{gap.action.ja}" for gap in _gaps(row))), most=76),
            "duty_states": _Field(34, of(self._duty_states), most=60),
            "applicability": _Field(
                10, of(lambda result: label("applicability", result.applicability)), CENTRE, "applicability"
            ),
            "applicability_reason": _Field(30, of(lambda result: result.applicability_reason.ja), most=50),
            "assurance": _Field(16, of(lambda result: label("assurance", result.assurance)), CENTRE, "assurance"),
            "assurance_reason": _Field(36, of(lambda result: result.assurance_reason.ja), most=60),
        }

    def _edition(self, row: MatrixRow) -> Value:
        guideline = self.context.knowledge.guidelines[row.control.guideline]
        return f"{guideline.edition or ''}（{'現行' if guideline.in_force else '旧版'}）"

    def _clauses(self, row: MatrixRow) -> Value:
        cited = []
        for clause in row.control.mic.clauses if row.control.mic else ():
            known = self.context.knowledge.clauses.get(clause.id)
            title = f" {known.title.ja}" if known else ""
            note = f"（{clause.note}）" if clause.note else ""
            cited.append(f"{clause.id}【{self.context.word('clause_class', clause.clause_class)}】{title}{note}")
        return lines(cited)

    def _agreements(self, row: MatrixRow) -> Value:
        return lines(f"・{item}" for item in row.control.mic.agreements) if row.control.mic else None

    @cached_property
    def _unrelated(self) -> dict[str, tuple[Unrelated, ...]]:
        return unrelated_controls(self.context.knowledge)

    def _related(self, row: MatrixRow) -> Value:
        key, guidelines = row.control.key, self.context.knowledge.guidelines
        return lines(
            [
                *(
                    f"{self.context.label('relation', other.kind)}　{self.context.control_name(other.control)}"
                    f"：{other.reason}"
                    for other in related_controls(key, self.context.knowledge)
                ),
                *(
                    f"関連なし（{guidelines[judged.guideline].short_title}）：{judged.reason}"
                    for judged in self._unrelated.get(key, ())
                ),
            ]
        )

    def _surveyed_on(self, row: MatrixRow) -> Value:
        known = self.context.knowledge.vendors.get(row.vendor or "")
        return known.survey.surveyed_on if known and row.response else None

    def _finding_documents(self, row: MatrixRow) -> Value:
        return lines(f"[{number}]" for number in row.response.finding_documents) if row.response else None

    def _documents(self, row: MatrixRow) -> Value:
        response = row.response
        if response is None:
            return None
        return lines(self.context.document_text(response.vendor, number) for number in response.documents)

    def _certifications(self, row: MatrixRow) -> Value:
        response = row.response
        if response is None:
            return None
        return lines(self.context.certification_text(response.vendor, item) for item in response.certifications)

    def _priority(self, row: MatrixRow) -> Value:
        return self.context.label("priority", row.gap_priority) if row.gap_priority else None

    def _gap_line(self, gap: Gap) -> str:
        what = f"{self.context.label('priority', gap.priority)}：{self.context.word('gap_kind', gap.kind)}"
        return f"{what}（{self.context.word('party', gap.party)}、{gap.rule}）"

    def _duty_states(self, result: ControlResult) -> Value:
        return lines(
            f"{self.context.word('party', duty.party)}：{self.context.label('status', duty.status)}、"
            f"{self.context.word('proof', duty.proof)}{f'（{CARRIED_OVER}）' if duty.carried_over else ''}"
            for duty in result.duties
        )


def _duties(row: MatrixRow, party: Party) -> Value:
    return lines(duty.text for duty in row.response.duties if party in duty.parties) if row.response else None


def _gaps(row: MatrixRow) -> tuple[Gap, ...]:
    return row.result.gaps if row.result else ()


def _page_breaks(columns: Sequence[Column]) -> list[int]:
    """After which columns a printed page ends, the leading ones repeated on each."""
    leading = sum(column.width for column in columns[: len(_LEADING)])
    breaks = []
    used = leading
    for place, column in enumerate(columns[len(_LEADING) :], len(_LEADING) + 1):
        if used > leading and used + column.width > _PAGE_WIDTH:
            breaks.append(place - 1)
            used = leading
        used += column.width
    return breaks
