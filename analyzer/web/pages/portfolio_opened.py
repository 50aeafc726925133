"""One institution out of many: its counts, its sections, its results with filters, and the way to its own pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

import streamlit as st

from analyzer.exports.screens.portfolio import Place, institution_fragment
from analyzer.portfolio.reading import PortfolioCell
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.context import AS_OF, INSTITUTION, session_source
from analyzer.web.pages.portfolio_state import (
    BACK,
    OPENED,
    VIEW,
    PortfolioView,
    counted,
    draw_filters,
    draw_search,
    wanted_of,
)
from analyzer.web.workspace import Workspace

_PAGES: Final = {
    "gaps": "ギャップ分析",
    "matrix": "管理策マトリクス",
    "checklist": "責任分界チェックリスト",
    "answers": "回答",
}


def draw_institution(shared: Workspace, view: PortfolioView, identity: str) -> None:
    """Draw an institution, or say that there is none of that id."""
    browser = view.browser
    st.button("一覧に戻る", icon=":material/arrow_back:", on_click=_close, args=(view,))
    institution = browser.portfolio.institution(identity)
    if institution is None:
        st.warning(f"医療機関「{identity}」は、ここにはありません。", icon=":material/link_off:")
        return
    results = browser.cells(identity)
    here = {OPENED: [identity], BACK: address.query().get(BACK, [])}
    visible = identity in session_source(shared).institutions()
    own = {INSTITUTION: [identity], AS_OF: [browser.portfolio.as_of.isoformat()]} if visible else None
    fragment = institution_fragment(
        institution,
        Place(browser.ranks.get(identity), browser.portfolio.institutions),
        browser.sections_of(results.items),
        {address.link(page, own): label for page, label in _PAGES.items()} if own else {},
        shared.knowledge,
        shared.rulebook,
        lambda page, wanted: view.href(page, wanted if page else {**here, **wanted}),
    )
    show_panel(fragment, key="portfolio-institution")
    st.header("管理策ごとの結果", anchor=False)
    wanted = wanted_of(results)
    draw_search(wanted, "管理策を探す", "項番か項目名（かな・全角半角は問わない）")
    chosen = results.choose(wanted)
    draw_filters(chosen, wanted, {"conformity", "priority", "service", "guideline"})
    st.markdown(counted(chosen, "件"))
    if not chosen.items:
        st.info("条件に合う結果はありません。語を減らすか、絞り込みを外してください。", icon=":material/search_off:")
        return
    columns = [
        Column("項番", 8),
        Column("項目名", 14),
        Column("判定", 9),
        Column("責任分界", 6),
        Column("ギャップ", 22),
    ]
    if len({cell.service for cell in results.items}) > 1:
        columns.insert(2, Column("サービス", 8))
    rows = [_row(shared, cell, own, with_service=len(columns) > 5) for cell in chosen.items]
    show_table("管理策ごとの結果。行を選ぶと管理策を開く。", columns, rows, "_portfolio_cells")


def _row(shared: Workspace, cell: PortfolioCell, own: Mapping[str, Sequence[str]] | None, *, with_service: bool) -> Row:
    rulebook = shared.rulebook
    control = shared.knowledge.controls[cell.control]
    conformity = rulebook.term("conformity", cell.conformity)
    gaps = (
        f"{rulebook.term('priority', priority).mark} {rulebook.term('priority', priority).ja}　"
        f"{rulebook.term('gap_kind', kind).ja}／{rulebook.term('party', party).ja}"
        for party, kind, priority in cell.gaps
    )
    vendor = shared.knowledge.vendors.get(cell.service) if cell.service else None
    service = [Cell(vendor.name.ja if vendor else cell.service or "－")] if with_service else []
    return Row(
        f"{cell.control} {cell.service}",
        address.link("matrix", {**(own or {}), "control": [cell.control]}),
        [
            Cell(control.id, detail=shared.knowledge.guidelines[control.guideline].short_title),
            Cell(control.title.ja),
            *service,
            Cell(conformity.ja, mark=conformity.mark, tone=f"conformity-{cell.conformity}"),
            Cell(rulebook.term("responsibility", cell.responsibility).ja),
            Cell("\n".join(gaps) or "－"),
        ],
    )


def _close(view: PortfolioView) -> None:
    kept = {name: values for name, values in address.query().items() if name in address.CONTEXT}
    address.replace({**parse_qs(address.first(BACK) or ""), **kept, **view.kept, VIEW: [view.name]})
