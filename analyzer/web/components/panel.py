"""A panel of HTML made by our templates, whose in-app links change the page without loading it anew."""

from __future__ import annotations

import streamlit as st

from analyzer.web import address
from analyzer.web.components.styles import app_css, script

_PANEL = st.components.v2.component(
    "sansho-panel", html='<div class="panel"></div>', css=app_css(), js=script("panel.js")
)


def show_panel(fragment: str, key: str) -> None:
    """Show a fragment. It has to come from a template that escapes its data: it is inserted as it is.

    A link whose href is a query, or a page's name and a query, is followed inside the app.
    """

    def follow() -> None:
        href = st.session_state[key].get("go")
        if href:
            address.follow(href)

    _PANEL(key=key, data={"html": fragment}, on_go_change=follow)
