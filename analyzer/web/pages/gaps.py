"""ギャップ分析: an institution's state at a day, what is missing and why, what is still unknown, and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import streamlit as st

from analyzer.exports.screens.gaps import Href, facts_fragment, no_institution_fragment, overview_fragment
from analyzer.model.results import Assessment
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.context import Context, assessment_of, choose_context, parameters, session_source
from analyzer.web.opened import show_control
from analyzer.web.pages.gaps_compare import draw_comparison
from analyzer.web.pages.gaps_facts import draw_fact_answers
from analyzer.web.pages.gaps_list import draw_list, listed_keys
from analyzer.web.pages.gaps_progress import draw_progress
from analyzer.web.workspace import Workspace, workspace

_VIEW, _CONTROL = "view", "control"
_OVERVIEW: Final = "overview"
_TITLES: Final = {_OVERVIEW: "概況", "list": "ギャップ一覧", "facts": "未確認の事実", "compare": "比較"}


def page() -> None:
    """Draw the view, or the control, that the address asks for."""
    shared = workspace()
    st.title("ギャップ分析", anchor=False)
    context = choose_context(shared)
    assessment = assessment_of(shared, context)
    if assessment is None:
        show_panel(no_institution_fragment(session_source(shared).where), key="no-institution")
        return
    opened = address.first(_CONTROL)
    if opened is not None:
        show_control(shared, opened, listed_keys(shared, assessment), assessment=assessment)
        return
    view = _choose_view(assessment)
    _VIEWS[view](shared, assessment, _href(context, view))


def _choose_view(assessment: Assessment) -> str:
    asked = address.first(_VIEW) or _OVERVIEW
    view = asked if asked in _TITLES else _OVERVIEW
    if view != asked:
        st.warning(f"「{asked}」という表示はありません。概況を示します。", icon=":material/link_off:")
    summary = assessment.summary
    counts = {"list": sum(summary.gaps_by_priority.values()), "facts": len(summary.unknown_facts)}
    st.session_state["_gaps_view"] = view
    st.segmented_control(
        "表示",
        list(_TITLES),
        key="_gaps_view",
        required=True,
        label_visibility="collapsed",
        format_func=lambda name: f"{_TITLES[name]}（{counts[name]}）" if name in counts else _TITLES[name],
        on_change=lambda: address.change(view=st.session_state["_gaps_view"] or _OVERVIEW),
    )
    return view


def _overview(shared: Workspace, assessment: Assessment, href: Href) -> None:
    show_panel(overview_fragment(assessment, shared.knowledge, shared.rulebook, href), key="gaps-overview")
    draw_progress(shared, assessment)


def _list(shared: Workspace, assessment: Assessment, _href: Href) -> None:
    draw_list(shared, assessment)


def _facts(shared: Workspace, assessment: Assessment, href: Href) -> None:
    if draw_fact_answers(shared, assessment):
        return
    file = _shown(Path(assessment.institution.place.file))
    show_panel(facts_fragment(assessment, shared.knowledge, shared.rulebook, href, file=file), key="gaps-facts")


_VIEWS: Final[Mapping[str, Callable[[Workspace, Assessment, Href], None]]] = {
    _OVERVIEW: _overview,
    "list": _list,
    "facts": _facts,
    "compare": draw_comparison,
}


def _href(context: Context, view: str) -> Href:
    """In-app links that keep the institution and the day, and on this page the view."""

    def href(to_page: str, wanted: Mapping[str, Sequence[str]]) -> str:
        here = {} if to_page else {_VIEW: [view]}
        return address.link(to_page, {**parameters(context), **here, **wanted})

    return href


def _shown(path: Path) -> str:
    """A path as one would type it where the app was started."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
