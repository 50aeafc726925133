"""A text that is sent by a button and told to Python while it is typed; Streamlit's own field tells it when left."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from analyzer.web.components.styles import app_css, script

_WRITING = st.components.v2.component(
    "sansho-writing", html='<div class="draft"></div>', css=app_css(), js=script("writing.js")
)


def write_text(
    label: str,
    place: str,
    *,
    key: str,
    last: tuple[str, str] | None,
    on_text: Callable[[str], None],
    rows: int = 5,
    limit: int = 8_000,
) -> None:
    """Show a field for a text; `on_text` is called with what is in it, a moment after the last key and on leaving it.

    place: what tells this text from every other; under it the browser tab keeps what is typed, also through a reload.
    last: id and text of what was sent from here last: the field is emptied when what it holds has been sent.
    """

    def typed() -> None:
        event = st.session_state[key].get("text")
        if event and event["place"] == place:
            on_text(event["text"])

    data = {
        "label": label,
        "place": place,
        "told": typed_text(key, place) or "",
        "last": {"id": last[0], "text": last[1]} if last is not None else {"id": "", "text": ""},
        "rows": rows,
        "limit": limit,
    }
    _WRITING(key=key, data=data, on_text_change=typed)


def typed_text(key: str, place: str) -> str | None:
    """What the field of that key holds, as far as it has told; None where it has not, or is another place's."""
    state = st.session_state.get(key)
    event = state.get("text") if state is not None else None
    return str(event["text"]) if event and event["place"] == place else None
