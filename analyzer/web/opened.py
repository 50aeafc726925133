"""One control opened, as the matrix and the gap page both show it: requirement, answers, evidence, duties, and why."""

from __future__ import annotations

import streamlit as st

from analyzer.exports.screens.control import clause_fragment, control_fragment
from analyzer.exports.screens.why import why_fragment
from analyzer.model.controls import Control
from analyzer.model.results import Assessment
from analyzer.search.index import Hit
from analyzer.web import address
from analyzer.web.comments import show_comments
from analyzer.web.components.panel import show_panel
from analyzer.web.neighbours import show_way_back
from analyzer.web.workspace import Workspace


def show_control(
    workspace: Workspace,
    key: str,
    neighbours: list[str],
    *,
    assessment: Assessment | None = None,
    hit: Hit | None = None,
) -> None:
    """Draw a control, or say that there is none of that key.

    neighbours: keys of the list the reader comes from, for going on to the next. assessment: the institution in view.
    """
    control = workspace.knowledge.controls.get(key)
    show_way_back(key, neighbours, "項目", lambda place: {"control": place}, beside=lambda: _link(key))
    if control is None:
        st.warning(
            f"管理策「{key}」は見つかりません。リンクが途中で切れていないか、版が違わないかを確かめてください。"
            "一覧で検索することもできます。",
            icon=":material/link_off:",
        )
        return
    fragment = control_fragment(control, workspace.knowledge, workspace.rulebook, assessment=assessment, hit=hit)
    show_panel(fragment, key="control")
    if assessment is not None:
        show_comments(workspace, assessment.institution, key)
        _why(workspace, control, assessment)


def show_clause(workspace: Workspace, identity: str) -> None:
    """Draw a MIC clause with the controls that cite it, or say that there is none of that id."""
    st.button("戻る", icon=":material/arrow_back:", on_click=address.change, kwargs={"clause": None})
    clause = workspace.knowledge.clauses.get(identity)
    if clause is None:
        st.warning(f"総務省の要求事項「{identity}」は、収録した中にありません。", icon=":material/link_off:")
        return
    show_panel(clause_fragment(clause, workspace.knowledge, workspace.rulebook), key="clause")


def _why(workspace: Workspace, control: Control, assessment: Assessment) -> None:
    with st.expander("判定の理由（働いた規則と入力）", icon=":material/account_tree:", expanded=False):
        steps = workspace.analyzer.explain(assessment.institution, assessment.as_of, control)
        show_panel(why_fragment(steps, workspace.rulebook, workspace.knowledge), key="why")


def _link(key: str) -> None:
    with st.popover("リンク", icon=":material/link:"):
        st.caption("送ると、同じ管理策が開きます。")
        st.code(_full_link(key), language=None, wrap_lines=True)


def _full_link(key: str) -> str:
    """The address of this control alone, as a colleague needs it."""
    here = (st.context.url or "").split("?")[0]
    return f"{here}{address.link(parameters={'control': [key]})}"
