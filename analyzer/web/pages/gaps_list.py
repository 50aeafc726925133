"""The gap list: filters with counts, a table by priority, the same rows as files."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from analyzer.browse.filter import TEXT
from analyzer.browse.gap_words import word_spans
from analyzer.browse.gaps import GAP_FACETS, GapFacet, GapFilter, GapSelection, select_gaps
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.gap_report.parts import GapRow, gap_rows
from analyzer.exports.gap_report.report import gap_report_html
from analyzer.exports.kinds import MEDIA_TYPES
from analyzer.exports.screens.gaps_files import gaps_csv, gaps_workbook
from analyzer.model.results import Assessment
from analyzer.search.normalise import Word
from analyzer.web import address
from analyzer.web.components.facets import facet_groups, show_facets
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.workspace import Workspace

_OPEN_AT_FIRST: Final = frozenset({"priority", "kind", "party", "due"})
_COLUMNS: Final = (
    Column("項番", 7, "control"),
    Column("項目名", 10.5),
    Column("優先度", 5.5, "priority"),
    Column("種別・担い手", 9.5, "kind"),
    Column("次に行うこと", 13),
    Column("理由", 13),
    Column("期限", 8, "due"),
    Column("規則", 5, "rule"),
)


def draw_list(shared: Workspace, assessment: Assessment) -> None:
    """Draw the list that the address asks for."""
    wanted = GapFilter.from_query(address.query())
    _search_box(wanted)
    selection = _selection(shared, assessment, wanted)
    _filters(selection, wanted)
    for unknown in selection.unknown:
        st.warning(
            f"リンクにある条件「{unknown.parameter}={unknown.value}」は、ここにはないため使っていません。",
            icon=":material/link_off:",
        )
    _heading(shared, assessment, selection, wanted)
    if selection.rows:
        _table(shared.rulebook, selection, wanted)
    else:
        _nothing(selection)


def listed_keys(shared: Workspace, assessment: Assessment) -> list[str]:
    """The controls of the list that the address asks for, each once, for going from one to the next."""
    selection = _selection(shared, assessment, GapFilter.from_query(address.query()))
    return list(dict.fromkeys(row.result.control.key for row in selection.rows))


def _selection(shared: Workspace, assessment: Assessment, wanted: GapFilter) -> GapSelection[GapRow]:
    rows = [row for by_priority in gap_rows(assessment).values() for row in by_priority]
    return select_gaps(rows, wanted, shared.knowledge, shared.rulebook, shared.search)


def _search_box(wanted: GapFilter) -> None:
    st.session_state["_gaps_text"] = wanted.text
    st.text_input(
        "文言・項番で絞り込む",
        key="_gaps_text",
        type="search",
        live=True,
        placeholder="例: アクセスログ、6.5-07、担当者の名（かな・全角半角・軽い打ち間違いは問わない）",
        on_change=lambda: address.change(q=st.session_state["_gaps_text"] or None),
    )


def _filters(selection: GapSelection[GapRow], wanted: GapFilter) -> None:
    with st.sidebar:
        st.subheader("絞り込み", anchor=False)
        st.button(
            "すべて外す",
            key="_gaps_clear",
            icon=":material/filter_alt_off:",
            disabled=not wanted.chosen,
            on_click=_clear,
        )
        show_facets(facet_groups(selection.facets, _OPEN_AT_FIRST.union(wanted.chosen)), "_gaps_facets", _choose)


def _heading(shared: Workspace, assessment: Assessment, selection: GapSelection[GapRow], wanted: GapFilter) -> None:
    name = f"{assessment.institution.id}-gaps-{assessment.as_of}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_counted(selection), width="stretch")
        st.download_button(
            "この一覧を Excel で",
            data=partial(
                gaps_workbook,
                assessment,
                selection.rows,
                shared.knowledge,
                shared.rulebook,
                narrowed=wanted.narrows,
            ),
            file_name=f"{name}.xlsx",
            mime=MEDIA_TYPES["xlsx"],
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "CSV で",
            data=partial(gaps_csv, assessment, selection.rows),
            file_name=f"{name}.csv",
            mime=MEDIA_TYPES["csv"],
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "分析報告書（HTML）",
            data=partial(gap_report_html, assessment, shared.knowledge, shared.rulebook),
            file_name=f"{assessment.institution.id}-gap-report-{assessment.as_of}.html",
            mime=MEDIA_TYPES["html"],
            icon=":material/description:",
            help="絞り込みによらず、判定、ギャップ、理由、証跡のすべてを一つにした報告書。",
            on_click="ignore",
        )


def _counted(selection: GapSelection[GapRow]) -> str:
    chosen = [f"{facet.label}: {'・'.join(_chosen(facet))}" for facet in selection.facets if _chosen(facet)]
    return "　".join([f"**{len(selection.rows)} 件**（全 {selection.total} 件）", *chosen])


def _chosen(facet: GapFacet) -> list[str]:
    return [each.value.label for each in facet.values if each.chosen]


def _table(rulebook: Rulebook, selection: GapSelection[GapRow], wanted: GapFilter) -> None:
    here = address.query()
    rows = [
        Row(
            f"{row.result.control.key} {row.result.service} {row.gap.kind} {row.gap.party}",
            address.link(parameters={**here, "control": [row.result.control.key]}),
            _cells(row, rulebook, selection.words),
        )
        for row in selection.rows
    ]
    show_table(
        "ギャップの一覧。行を選ぶと管理策を開く。",
        _COLUMNS,
        rows,
        "_gaps_table",
        sort=wanted.sort,
        on_sort=lambda order: address.change(sort=order),
    )


def _cells(row: GapRow, rulebook: Rulebook, asked: tuple[Word, ...]) -> list[Cell]:
    control, gap = row.result.control, row.gap
    priority = rulebook.term("priority", gap.priority)
    return [
        Cell(control.id, spans=word_spans(control.id, asked)),
        Cell(control.title.ja, spans=word_spans(control.title.ja, asked)),
        Cell(priority.ja, mark=priority.mark, tone=f"priority-{gap.priority}"),
        Cell(rulebook.term("gap_kind", gap.kind).ja, detail=rulebook.term("party", gap.party).ja),
        Cell(gap.action.ja, spans=word_spans(gap.action.ja, asked)),
        Cell(gap.reason.ja, spans=word_spans(gap.reason.ja, asked)),
        _due(row),
        Cell(gap.rule),
    ]


def _due(row: GapRow) -> Cell:
    answer = row.duty.answer if row.duty else None
    if answer is None or answer.due is None:
        return Cell("－", detail=answer.owner if answer else None)
    overdue = f"⚠ {row.days_overdue}日超過" if row.days_overdue is not None else None
    return Cell(f"{answer.due:%Y/%m/%d}", detail="\n".join(filter(None, (overdue, answer.owner))) or None)


def _nothing(selection: GapSelection[GapRow]) -> None:
    if not selection.total:
        st.success("この基準日に、ギャップはありません。", icon=":material/task_alt:")
        return
    st.info("条件に合うギャップはありません。語を減らすか、絞り込みを外してください。", icon=":material/search_off:")
    if selection.words:
        st.button("文言を消す", key="_gaps_without_text", on_click=address.change, kwargs={TEXT: None})
    for facet in selection.facets:
        if _chosen(facet):
            st.button(
                f"「{facet.label}」の絞り込みを外す",
                key=f"_gaps_without_{facet.id}",
                on_click=address.change,
                kwargs={facet.id: None},
            )


def _choose(facet: str, value: str, chosen: bool) -> None:
    now = GapFilter.from_query(address.query()).chosen.get(facet, ())
    without = [each for each in now if each != value]
    address.change(**{facet: [*without, value] if chosen else without})


def _clear() -> None:
    address.change(**dict.fromkeys(GAP_FACETS))
