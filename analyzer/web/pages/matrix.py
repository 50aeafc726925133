"""管理策マトリクス: every control of every guideline in one table, filtered, searched, and opened."""

from __future__ import annotations

from functools import partial

import streamlit as st

from analyzer.browse.columns import COLUMNS, ColumnId, Heading
from analyzer.browse.facets import FACETS
from analyzer.browse.filter import SORT, TEXT, MatrixFilter
from analyzer.browse.rows import MatrixRow
from analyzer.browse.selection import Selection
from analyzer.exports.kinds import MEDIA_TYPES
from analyzer.exports.selection import selection_csv, selection_xlsx
from analyzer.web import address
from analyzer.web.components.facets import facet_groups, show_facets
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.context import assessment_of, choose_context
from analyzer.web.opened import show_clause, show_control
from analyzer.web.workspace import Workspace, workspace

_FILTER_PARAMETERS = (*FACETS, TEXT, SORT)
_OPEN_AT_FIRST = frozenset({"guideline", "level", "vendor_conformity", "disclosure", "conformity"})
# The least width of a column, in em; the table scrolls sideways where they do not fit.
_WIDTHS: dict[ColumnId, float] = {
    "control": 9.5,
    "title": 15,
    "match": 20,
    "vendor": 7,
    "level": 5.5,
    "party": 9.5,
    "condition": 11,
    "evidence_way": 8,
    "conformity": 8.5,
    "gaps": 8,
    "section": 11,
    "guideline": 10,
    "requirement": 32,
    "documents": 17,
    "certifications": 11,
    "note": 17,
}
_OTHERWISE = 7.0
# The closed set whose words a column's tones are, where it is not called like the column.
_WORDS_OF: dict[ColumnId, str] = {"gaps": "priority"}


def page() -> None:
    """Draw the table, or the control that the address opens."""
    shared = workspace()
    st.title("管理策マトリクス", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if address.first("control") is None and address.first("clause") is None:
            _search_box(MatrixFilter.from_query(address.query()))
        context = choose_context(shared, optional=True)
    assessment = assessment_of(shared, context)
    wanted = MatrixFilter.from_query(address.query())
    selection = shared.browser.select(wanted, assessment)
    clause, opened = address.first("clause"), address.first("control")
    if clause is not None:
        show_clause(shared, clause)
        return
    if opened is not None:
        neighbours = list(dict.fromkeys(row.control.key for row in selection.rows))
        hit = next((row.hit for row in selection.rows if row.control.key == opened), None)
        show_control(shared, opened, neighbours, assessment=assessment, hit=hit)
        return
    _filters(selection)
    _say_unknown(selection)
    if selection.rows:
        _table(shared, selection)
    else:
        _nothing(selection)


def _search_box(wanted: MatrixFilter) -> None:
    st.session_state["_text"] = wanted.text
    st.text_input(
        "文言・項番で探す",
        key="_text",
        type="search",
        live=True,
        placeholder="例: アクセスログ、6.5-07、Ⅱ.4.1.1（かな・全角半角・軽い打ち間違いは問わない）",
        on_change=lambda: _apply(MatrixFilter(st.session_state["_text"] or "", _current().chosen, None)),
    )


def _filters(selection: Selection) -> None:
    with st.sidebar:
        st.subheader("絞り込み", anchor=False)
        st.button(
            "すべて外す",
            icon=":material/filter_alt_off:",
            disabled=not selection.filter.chosen,
            on_click=lambda: _apply(MatrixFilter(_current().text, {}, _current().sort)),
        )
        opened = _OPEN_AT_FIRST.union(facet.id for facet in selection.facets if facet.chosen)
        show_facets(facet_groups(selection.facets, opened), "_facets", _choose)


def _say_unknown(selection: Selection) -> None:
    for unknown in selection.unknown:
        st.warning(
            f"リンクにある条件「{unknown.parameter}={unknown.value}」は、この知識ベースにないため使っていません。",
            icon=":material/link_off:",
        )


def _counted(selection: Selection) -> str:
    chosen = [
        f"{facet.label}: {'・'.join(each.value.label for each in facet.chosen)}"
        for facet in selection.facets
        if facet.chosen
    ]
    order = ["一致の強い順"] if selection.searched and not selection.filter.sort else []
    return "　".join([f"**{len(selection.rows)} 件**（全 {selection.total} 件）", *chosen, *order])


def _table(shared: Workspace, selection: Selection) -> None:
    offered = shared.columns.offered(selection)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_counted(selection), width="stretch")
        shown = _choose_columns(offered)
        ids = [heading.id for heading in shown]
        st.download_button(
            "この一覧を Excel で",
            data=partial(selection_xlsx, selection, ids, shared.knowledge, shared.rulebook),
            file_name="control-selection.xlsx",
            mime=MEDIA_TYPES["xlsx"],
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "CSV で",
            data=partial(selection_csv, selection, shared.knowledge),
            file_name="control-selection.csv",
            mime=MEDIA_TYPES["csv"],
            icon=":material/download:",
            on_click="ignore",
        )
    here = selection.filter.to_query()
    rows = [
        Row(
            f"{row.control.key} {row.vendor}",
            address.link(parameters={**here, "control": [row.control.key]}),
            [_cell(shared, row, column) for column in ids],
        )
        for row in selection.rows
    ]
    columns = [Column(heading.text, _WIDTHS.get(heading.id, _OTHERWISE), heading.id) for heading in shown]
    show_table(
        "管理策の一覧。行を選ぶと管理策を開く。",
        columns,
        rows,
        "_table",
        sort=selection.filter.sort,
        on_sort=lambda order: _apply(MatrixFilter(_current().text, _current().chosen, order)),
    )


def _cell(shared: Workspace, row: MatrixRow, column: ColumnId) -> Cell:
    cell = shared.columns.cell(row, column)
    return Cell(
        cell.text,
        detail=cell.detail or None,
        mark=cell.mark or None,
        tone=f"{_WORDS_OF.get(column, column)}-{cell.tone}" if cell.tone else None,
        spans=cell.spans,
    )


def _nothing(selection: Selection) -> None:
    st.markdown(_counted(selection))
    st.info("条件に合う管理策はありません。", icon=":material/search_off:")
    if selection.searched:
        st.markdown("- 語を減らす、または別の言い方にする（例: 「ログ」「アクセス記録」）")
    for facet in selection.facets:
        if facet.chosen:
            st.button(
                f"「{facet.label}」の絞り込みを外す",
                key=f"_without_{facet.id}",
                on_click=_drop_facet,
                args=(facet.id,),
            )


def _choose_columns(offered: tuple[Heading, ...]) -> list[Heading]:
    names = {heading.id: heading.text for heading in offered}
    asked = [column for column in address.query().get("cols", []) if column in names]
    chosen = asked or [heading.id for heading in offered if heading.default]
    st.session_state["_columns"] = chosen
    with st.popover("列を選ぶ", icon=":material/view_column:"):
        st.pills(
            "表示する列",
            list(names),
            selection_mode="multi",
            key="_columns",
            format_func=lambda column: names[column],
            on_change=lambda: address.change(cols=[c for c in COLUMNS if c in st.session_state["_columns"]]),
        )
    return [heading for heading in offered if heading.id in chosen or heading.id == "control"]


def _current() -> MatrixFilter:
    return MatrixFilter.from_query(address.query())


def _apply(wanted: MatrixFilter) -> None:
    others = {name: values for name, values in address.query().items() if name not in _FILTER_PARAMETERS}
    address.replace({**others, **wanted.to_query()})


def _choose(facet: str, value: str, chosen: bool) -> None:
    now = _current()
    without = tuple(each for each in now.chosen.get(facet, ()) if each != value)
    values = (*without, value) if chosen else without
    _apply(MatrixFilter(now.text, {**now.chosen, facet: values}, now.sort))


def _drop_facet(facet: str) -> None:
    now = _current()
    _apply(MatrixFilter(now.text, {name: values for name, values in now.chosen.items() if name != facet}, now.sort))
