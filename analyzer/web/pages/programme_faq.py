"""The frequent questions of a programme, by category, and a search in them."""

from __future__ import annotations

import streamlit as st

from analyzer.programme.faq import LEAST_TYPED, search_faq
from analyzer.programme.screens.faq import faq_fragment, hits_fragment
from analyzer.programme.screens.institution import heading_fragment
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.portal_visit import Visit

_KEY = "_faq_q"


def draw(visit: Visit) -> None:
    """Draw the search and what it finds, or everything."""
    show_panel(heading_fragment("よくある質問"), key="faq-heading")
    asked = address.first("q") or ""
    if st.session_state.get(_KEY) != asked:
        st.session_state[_KEY] = asked
    st.text_input(
        "質問や言葉で探す",
        key=_KEY,
        icon=":material/search:",
        placeholder="例：パスワードを忘れた",
        live=True,
        max_chars=200,
        on_change=_search,
    )
    if len(asked.strip()) >= LEAST_TYPED:
        show_panel(hits_fragment(search_faq(visit.programme.faq, asked, 10), offered=False), key="faq-hits")
    else:
        show_panel(faq_fragment(visit.programme.faq), key="faq-all")


def _search() -> None:
    address.change(q=st.session_state[_KEY] or None)
