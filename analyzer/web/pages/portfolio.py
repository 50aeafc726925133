"""多機関の状況: many institutions judged together, where they stand, what most of them lack, and each one by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.exports.portfolio_overview import portfolio_overview
from analyzer.exports.screens.portfolio import distribution_fragment, head_fragment, map_fragment
from analyzer.portfolio.choosing import AXES, PortfolioBrowser
from analyzer.store.principal import Principal
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.context import AS_OF, choose_day, session_source
from analyzer.web.pages.portfolio_lists import draw_gaps, draw_institutions, draw_missed
from analyzer.web.pages.portfolio_opened import draw_institution
from analyzer.web.pages.portfolio_state import OPENED, SOURCE, VIEW, PortfolioView
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace, workspace

_RUN, _RECORDS = "run", "records"
_SOURCES: Final = {_RUN: "一括判定の結果", _RECORDS: "登録されている医療機関"}
_DISTRIBUTION: Final = "distribution"
_TITLES: Final = {
    _DISTRIBUTION: "概況",
    "map": "節と種別",
    "missed": "研修で取り上げる管理策",
    "gaps": "多いギャップ",
    "institutions": "機関の一覧",
}
_GUIDELINE: Final = "guideline"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def page() -> None:
    """Draw the view, or the institution, that the address asks for."""
    shared = workspace()
    st.title("多機関の状況", anchor=False)
    browser, kept = _choose_source(shared, current_principal(shared))
    if browser is None:
        return
    if not browser.portfolio.institutions:
        st.info(
            "まとめて見る医療機関がありません。医療機関を登録するか、担当の医療機関を割り当ててもらうと、ここに現れます。",
            icon=":material/add_home:",
        )
        return
    opened = address.first(OPENED)
    if opened is not None:
        draw_institution(shared, PortfolioView(browser, "institutions", kept), opened)
        return
    elsewhere = PortfolioView(browser, "", kept)
    name = _choose_view()
    head = head_fragment(
        browser.summary, shared.knowledge, shared.rulebook, elsewhere.href, short=name != _DISTRIBUTION
    )
    show_panel(head, key="portfolio-head")
    _VIEWS[name](shared, PortfolioView(browser, name, kept))


def _choose_source(shared: Workspace, principal: Principal) -> tuple[PortfolioBrowser | None, dict[str, list[str]]]:
    """Draw what is looked at and as of when; the portfolio, and the parameters that every link of the page keeps."""
    has_run = shared.has_run(principal)
    source = _RUN if has_run else _RECORDS
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = address.first(SOURCE)
        # Without a run there is nothing to choose from, and a link that names one shows what there is.
        if has_run and session_source(shared).institutions():
            if asked is not None and asked not in _SOURCES:
                st.warning(f"対象「{asked}」はありません。一括判定の結果を示します。", icon=":material/link_off:")
            source = asked if asked in _SOURCES else _RUN
            st.session_state["_portfolio_source"] = source
            st.segmented_control(
                "対象",
                list(_SOURCES),
                key="_portfolio_source",
                required=True,
                format_func=lambda name: _SOURCES[name],
                on_change=_change_source,
            )
        as_of = choose_day() if source == _RECORDS else None
        browser = None
        if source == _RUN:
            browser = _run(shared, principal)
        elif as_of is not None:
            with st.spinner("すべての医療機関を判定しています。"):
                browser = shared.portfolio(principal, as_of)
        if browser is not None and browser.portfolio.institutions:
            summary = browser.portfolio.summary
            st.download_button(
                "総覧を Excel で",
                data=lambda: portfolio_overview(summary(), shared.knowledge, shared.rulebook),
                file_name=f"portfolio-overview-{browser.portfolio.as_of}.xlsx",
                mime=_XLSX,
                icon=":material/download:",
                on_click="ignore",
            )
    kept = {SOURCE: [source]} if has_run else {}
    return browser, kept if as_of is None else {**kept, AS_OF: [as_of.isoformat()]}


def _run(shared: Workspace, principal: Principal) -> PortfolioBrowser | None:
    try:
        return shared.portfolio_run(principal)
    except SanshoError as error:
        st.error(
            "起動のときに指定された一括判定の結果を読めません。次の点を直してから、ページを開き直してください。",
            icon=":material/error:",
        )
        st.code(str(error), language=None, wrap_lines=True)
        return None


def _change_source() -> None:
    if (address.first(SOURCE) or _RUN) == st.session_state["_portfolio_source"]:
        return
    # What was narrowed and opened there means nothing here.
    view, day = address.first(VIEW), address.first(AS_OF)
    address.replace(
        {
            SOURCE: [st.session_state["_portfolio_source"] or _RUN],
            VIEW: [view] if view else [],
            AS_OF: [day] if day else [],
        }
    )


def _choose_view() -> str:
    asked = address.first(VIEW) or _DISTRIBUTION
    view = asked if asked in _TITLES else _DISTRIBUTION
    if view != asked:
        st.warning(f"「{asked}」という表示はありません。概況を示します。", icon=":material/link_off:")
    st.session_state["_portfolio_view"] = view
    st.segmented_control(
        "表示",
        list(_TITLES),
        key="_portfolio_view",
        required=True,
        label_visibility="collapsed",
        format_func=lambda name: _TITLES[name],
        on_change=_change_view,
    )
    return view


def _change_view() -> None:
    # See `here` in portfolio_state: the value may be that of a page that was just left.
    if (address.first(VIEW) or _DISTRIBUTION) == st.session_state["_portfolio_view"]:
        return
    kept = {name: values for name, values in address.query().items() if name in {SOURCE, *address.CONTEXT}}
    address.replace({**kept, VIEW: [st.session_state["_portfolio_view"] or _DISTRIBUTION]})


def _draw_distribution(shared: Workspace, view: PortfolioView) -> None:
    browser = view.browser
    groups = {axis: browser.groups(axis) for axis in AXES}
    show_panel(distribution_fragment(browser.summary, groups, shared.rulebook, view.href), key="portfolio-distribution")


def _draw_map(shared: Workspace, view: PortfolioView) -> None:
    parts = {part.guideline.id: part for part in view.browser.map}
    if not parts:
        st.info("適用のある結果がありません。", icon=":material/grid_off:")
        return
    asked = address.first(_GUIDELINE)
    chosen = asked if asked in parts else next(iter(parts))
    if asked not in {None, chosen}:
        st.warning(f"ガイドライン「{asked}」は、ここにはありません。", icon=":material/link_off:")
    st.session_state["_portfolio_guideline"] = chosen
    st.segmented_control(
        "ガイドライン",
        list(parts),
        key="_portfolio_guideline",
        required=True,
        format_func=lambda identity: parts[identity].guideline.short_title,
        on_change=_change_guideline,
    )
    fragment = map_fragment(parts[chosen], view.browser.kinds, shared.rulebook, view.href)
    show_panel(fragment, key="portfolio-map")


def _change_guideline() -> None:
    if address.first(VIEW) == "map":
        address.change(guideline=st.session_state["_portfolio_guideline"])


_VIEWS: Final[Mapping[str, Callable[[Workspace, PortfolioView], None]]] = {
    _DISTRIBUTION: _draw_distribution,
    "map": _draw_map,
    "missed": draw_missed,
    "gaps": draw_gaps,
    "institutions": draw_institutions,
}
