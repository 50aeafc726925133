"""A text field whose typing cannot be lost: the browser keeps it until it has been saved, whatever happens."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from analyzer.web.components.styles import app_css, script

_DRAFT = st.components.v2.component(
    "sansho-draft", html='<div class="draft"></div>', css=app_css(), js=script("draft.js")
)


def edit_text(
    label: str,
    text: str,
    place: str,
    *,
    key: str,
    version: int,
    on_text: Callable[[str], None],
    rows: int = 3,
    limit: int = 20_000,
) -> None:
    """Show a text to edit; `on_text` is called with what was typed, a moment after the last key.

    text: what is saved now. place: what tells this text from every other, kept in the browser with what is typed.
    version: of what is saved. limit: characters.
    """

    def typed() -> None:
        event = st.session_state[key].get("text")
        if event and event["place"] == f"sansho {place}":
            on_text(event["text"])

    data = {
        "label": label,
        "text": text,
        "place": f"sansho {place}",
        "version": version,
        "rows": rows,
        "limit": limit,
        "saved": "保存しました。",
    }
    _DRAFT(key=key, data=data, on_text_change=typed)
