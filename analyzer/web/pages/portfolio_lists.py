"""The lists of the page of many institutions: controls most of them miss, frequent gaps, the institutions by need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import streamlit as st

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.portfolio_overview import InstitutionCounts
from analyzer.exports.screens.portfolio import gaps_fragment, missed_fragment
from analyzer.exports.screens.portfolio_files import institutions_csv
from analyzer.model.vocabulary import PRIORITIES
from analyzer.portfolio.choosing import Listing, PortfolioBrowser
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.pages.portfolio_state import (
    BACK,
    FIRST_PAGE,
    KIND,
    OPENED,
    PAGE,
    SHOWN,
    PortfolioView,
    counted,
    draw_filters,
    draw_search,
    here,
    number_of,
    sort_by,
    wanted_of,
    way_back,
)
from analyzer.web.workspace import Workspace

Item = TypeVar("Item")

# How many controls or gaps are shown at first, and how many institutions a page.
_AT_FIRST: Final = 20
_A_PAGE: Final = 50
_NO_SIZE: Final = "－"


def draw_missed(shared: Workspace, view: PortfolioView) -> None:
    """The controls that most institutions miss: what a training would take up first."""
    kind = _draw_kinds(shared, view.browser)
    _draw_controls(
        view.browser.missed(kind),
        "項目",
        {"guideline", "level"},
        lambda rows: missed_fragment(rows, shared.knowledge, shared.rulebook),
        "どれかのサービスで「適合」にも「適合（要確認）」にもなっていない機関を数える。"
        "割合は、適用のある機関に対するもの。項番を選ぶと、管理策の内容を開く。",
    )


def _draw_kinds(shared: Workspace, browser: PortfolioBrowser) -> str | None:
    """Draw the choice of the kind of institutions that are counted; None for all of them."""
    kinds = browser.kinds
    if len(kinds) < 2:
        return None
    asked = address.first(KIND)
    place, key = here(), "_portfolio_missed_kind"

    def choose() -> None:
        if here() == place:
            address.change(**{KIND: st.session_state[key] or None, SHOWN: None})

    st.session_state[key] = asked if asked in kinds else ""
    st.segmented_control(
        "数える機関",
        ["", *kinds],
        key=key,
        format_func=lambda kind: shared.rulebook.term("institution_kind", kind).ja if kind else "すべての種別",
        on_change=choose,
    )
    return asked if asked in kinds else None


def draw_gaps(shared: Workspace, view: PortfolioView) -> None:
    """The gaps that stand at most institutions."""
    institutions = view.browser.portfolio.institutions
    _draw_controls(
        view.browser.gaps,
        "種類",
        {"priority", "gap_kind", "party"},
        lambda rows: gaps_fragment(rows, institutions, shared.knowledge, shared.rulebook),
        "管理策・当事者・種類・優先度の組ごとに、ギャップのある機関を数える。割合は、全機関に対するもの。",
    )


def draw_institutions(shared: Workspace, view: PortfolioView) -> None:
    """The institutions, the one in most need first, narrowed and in pages."""
    browser = view.browser
    wanted = wanted_of(browser.institutions)
    draw_search(wanted, "機関を探す", "機関の名前かID（かな・全角半角は問わない）")
    chosen = browser.find_institutions(wanted)
    draw_filters(chosen, wanted, {"kind", "band", "size", "region"})
    pages = -(-len(chosen.items) // _A_PAGE) or 1
    page = min(number_of(PAGE, FIRST_PAGE), pages)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(counted(chosen, "機関"), width="stretch")
        st.download_button(
            "この一覧を CSV で",
            data=partial(institutions_csv, chosen.items, browser.ranks, shared.rulebook),
            file_name=f"portfolio-institutions-{browser.portfolio.as_of}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    if len(browser.institutions.items) < browser.portfolio.institutions:
        st.caption(
            f"全 {browser.portfolio.institutions:,}機関のうち、"
            f"適合の割合が低い {len(browser.institutions.items):,}機関を示す。ほかの機関は、名前かIDで探すと現れる。"
        )
    if not chosen.items:
        st.info("条件に合う機関はありません。語を減らすか、絞り込みを外してください。", icon=":material/search_off:")
        return
    back = way_back(browser.institutions)
    rows = [
        _institution_row(
            each, view.href("", {OPENED: [each.id], BACK: [back] if back else []}), browser, shared.rulebook
        )
        for each in chosen.items[(page - 1) * _A_PAGE : page * _A_PAGE]
    ]
    show_table(
        "機関の一覧。行を選ぶと、その機関の結果を開く。",
        _institution_columns(shared.rulebook),
        rows,
        "_portfolio_institutions",
        sort=wanted.sort,
        on_sort=sort_by,
    )
    if pages > 1:
        _turn(page, pages)


def _draw_controls(
    listing: Listing[Item],
    unit: str,
    open_at_first: set[str],
    fragment: Callable[[Sequence[Item]], str],
    note: str,
) -> None:
    wanted = wanted_of(listing)
    draw_search(wanted, "管理策を探す", "項番か項目名（かな・全角半角は問わない）")
    chosen = listing.choose(wanted)
    draw_filters(chosen, wanted, open_at_first)
    st.markdown(counted(chosen, unit))
    if not chosen.items:
        if chosen.total:
            st.info(
                "条件に合うものはありません。語を減らすか、絞り込みを外してください。", icon=":material/search_off:"
            )
        else:
            st.success("どの機関にもありません。", icon=":material/task_alt:")
        return
    st.caption(note)
    shown = number_of(SHOWN, _AT_FIRST)
    show_panel(fragment(chosen.items[:shown]), key="portfolio-controls")
    left = len(chosen.items) - shown
    if left > 0:
        st.button(
            f"もっと見る（残り {left:,}）",
            icon=":material/expand_more:",
            on_click=address.change,
            kwargs={SHOWN: str(shown + _AT_FIRST)},
        )


def _turn(page: int, pages: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, target in (("前のページ", page - 1), ("次のページ", page + 1)):
            st.button(
                label,
                disabled=not 1 <= target <= pages,
                on_click=address.change,
                kwargs={PAGE: str(target)},
            )
        st.caption(f"{page:,} / {pages:,} ページ")


def _institution_columns(rulebook: Rulebook) -> list[Column]:
    return [
        Column("機関", 12, "name"),
        Column("順位", 4),
        Column("種別", 7, "kind"),
        Column("規模", 8),
        Column("地域", 7, "region"),
        Column("適合の割合", 7.5, "rate"),
        Column("適用のある項目", 5),
        *(Column(f"ギャップ {rulebook.term('priority', word).ja}", 5.5, word) for word in PRIORITIES),
    ]


def _institution_row(each: InstitutionCounts, href: str, browser: PortfolioBrowser, rulebook: Rulebook) -> Row:
    rank, rate = browser.ranks.get(each.id), each.counts.rate
    cells: list[Any] = [
        Cell(each.name, detail=each.id),
        Cell(f"{rank:,}" if rank else _NO_SIZE),
        Cell(rulebook.term("institution_kind", each.kind).ja),
        Cell(each.size or _NO_SIZE),
        Cell(each.region or _NO_SIZE),
        Cell("－" if rate is None else f"{rate:.1%}"),
        Cell(f"{each.counts.applicable:,}"),
        *(Cell(f"{each.counts.gaps.get(word, 0):,}") for word in PRIORITIES),
    ]
    return Row(each.id, href, cells)
