"""回答: the duties as things to do, one's own and everybody's, with what is late and what is due soon."""

from __future__ import annotations

from typing import Final

import streamlit as st

from analyzer.browse.tasks import (
    TASK_FACETS,
    TASK_VIEWS,
    Task,
    TaskFilter,
    TaskSelection,
    TaskView,
    select_tasks,
    tasks_of,
)
from analyzer.exports.wording import CARRIED_OVER
from analyzer.model.results import Assessment
from analyzer.store.principal import Principal
from analyzer.web import address
from analyzer.web.components.facets import facet_groups, show_facets
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.context import assessment_of, choose_context
from analyzer.web.pages.answers_edit import draw_answer
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace, workspace

_TITLES: Final[dict[TaskView, str]] = {
    "open": "残っている対応",
    "overdue": "期限超過",
    "soon": "期限が近い",
    "recheck": "要再確認",
    "all": "すべて",
}
_COLUMNS: Final = (
    Column("項番", 8),
    Column("項目名", 16),
    Column("担い手", 8),
    Column("実施状況", 7),
    Column("担当者", 9),
    Column("期限", 9),
    Column("備考", 14),
)
# Sections are many; the others' values are seen at once.
_OPEN: Final = frozenset(TASK_FACETS) - {"section"}


def page() -> None:
    """Draw the list, or the answer that the address opens."""
    shared = workspace()
    st.title("回答", anchor=False)
    principal = current_principal(shared)
    context = choose_context(shared)
    assessment = assessment_of(shared, context)
    if shared.store is None:
        st.info("回答の記入には、データベースが要ります。`sansho app` を `--read-only` なしで起動してください。")
        return
    if assessment is None:
        st.info("医療機関がまだ登録されていません。", icon=":material/add_home:")
        return
    selection = _selection(shared, assessment)
    control, party = address.first("control"), address.first("party_of")
    if control is not None:
        draw_answer(shared, principal, assessment, (control, party or "user"), [task.key for task in selection.tasks])
        return
    _views(selection, principal)
    _filters(selection)
    _table(shared, selection)


def _selection(shared: Workspace, assessment: Assessment) -> TaskSelection:
    said = address.query()
    asked = address.first("view")
    view: TaskView = next((view for view in TASK_VIEWS if view == asked), "open")
    chosen: dict[str, tuple[str, ...]] = {facet: tuple(said[facet]) for facet in TASK_FACETS if facet in said}
    days = shared.rulebook.policy.due_notice_days
    return select_tasks(tasks_of(assessment), TaskFilter(view, chosen), days, shared.knowledge, shared.rulebook)


def _views(selection: TaskSelection, principal: Principal) -> None:
    asked = address.first("view")
    st.session_state["_task_view"] = asked if asked in TASK_VIEWS else "open"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "表示",
            list(TASK_VIEWS),
            key="_task_view",
            required=True,
            label_visibility="collapsed",
            format_func=lambda view: f"{_TITLES[view]}（{selection.counts[view]}）",
            on_change=lambda: address.change(view=st.session_state["_task_view"]),
        )
        st.session_state["_mine"] = address.query().get("owner") == [principal.name]
        st.toggle(
            "自分の担当だけ",
            key="_mine",
            help=f"担当者が「{principal.name}」のもの。",
            on_change=lambda: address.change(owner=principal.name if st.session_state["_mine"] else None),
        )


def _filters(selection: TaskSelection) -> None:
    for unknown in selection.unknown:
        st.warning(f"条件「{unknown.parameter}={unknown.value}」に当たるものはありません。", icon=":material/link_off:")
    with st.sidebar:
        st.subheader("絞り込み", anchor=False)
        show_facets(facet_groups(selection.facets, _OPEN), "_task_facets", _choose)


def _choose(facet: str, value: str, chosen: bool) -> None:
    others = [each for each in address.query().get(facet, []) if each != value]
    address.change(**{facet: [*others, value] if chosen else others})


def _table(shared: Workspace, selection: TaskSelection) -> None:
    st.markdown(f"**{len(selection.tasks)} 件**")
    if not selection.tasks:
        st.info("この条件に当たる対応はありません。", icon=":material/task_alt:")
        return
    rows = []
    for task in selection.tasks:
        control, party = task.key
        href = address.link(parameters={**address.query(), "control": [control], "party_of": [party]})
        rows.append(Row(f"{control} {party}", href, _cells(shared, task)))
    show_table("対応の一覧。行を選ぶと回答を記入できる。", _COLUMNS, rows, "_tasks")


def _cells(shared: Workspace, task: Task) -> list[Cell]:
    term = shared.rulebook.term
    control, duty = task.result.control, task.duty
    answer = duty.answer
    status = term("status", duty.status)
    return [
        Cell(control.id, detail=shared.knowledge.guidelines[control.guideline].short_title),
        Cell(control.title.ja),
        Cell(term("party", duty.party).ja),
        Cell(
            status.ja,
            detail=CARRIED_OVER if duty.carried_over else None,
            mark=status.mark,
            tone=f"status-{duty.status}",
        ),
        Cell(task.owner),
        Cell(answer.due.isoformat() if answer and answer.due else "", detail=_due(task)),
        Cell((answer.note or "") if answer else ""),
    ]


def _due(task: Task) -> str | None:
    if task.days_left is None or task.settled:
        return None
    return f"⚠ {-task.days_left}日超過" if task.overdue else f"あと{task.days_left}日"
