"""The messages of a step: the thread, and writing, while which the frequent questions are offered."""

from __future__ import annotations

from functools import partial

import streamlit as st

from analyzer.programme.faq import search_faq
from analyzer.programme.messages import LONGEST_MESSAGE
from analyzer.programme.participant import StepRecord
from analyzer.programme.screens import institution as screens
from analyzer.programme.screens.faq import hits_fragment
from analyzer.web.components.panel import show_panel
from analyzer.web.components.writing import typed_text, write_text
from analyzer.web.portal_visit import Visit, attempt, draw_files, fresh_key, uploads_of, used_up

_OFFERED = 3


def draw(visit: Visit, record: StepRecord) -> None:
    """Draw the thread and the field for the next message."""
    show_panel(screens.thread_fragment(record), key="thread")
    sent_along = [file for message in record.messages for file in message.files]
    if sent_along:
        with st.expander(f"添付ファイル {len(sent_along)}件", icon=":material/attach_file:", expanded=True):
            draw_files(visit, sent_along, f"message {record.step.id}")
    show_panel(screens.heading_fragment("事務局に連絡する", level=3), key="writing-heading")
    place = f"{visit.place} {record.step.id}"
    writing, offered = st.columns([3, 2], gap="medium")
    with writing:
        _write(visit, record, place)
    with offered:
        # Beside the field, so that nothing below it moves while somebody is about to press the button.
        text = _text(visit, record.step.id)
        show_panel(hits_fragment(search_faq(visit.programme.faq, text, _OFFERED), offered=True), key="offered-faq")


def _write(visit: Visit, record: StepRecord, place: str) -> None:
    own = [message for message in record.messages if message.side == "institution"]
    write_text(
        "本文",
        place,
        key=f"writing {place}",
        last=(own[-1].id, own[-1].text) if own else None,
        on_text=partial(st.session_state.__setitem__, f"_typed {place}"),
        limit=LONGEST_MESSAGE,
    )
    limits, name = visit.programme.files, f"sent {place}"
    key = fresh_key(name)
    st.file_uploader(
        f"添付ファイル（{limits.per_place}件まで、1件 {limits.max_bytes / 1048576:.0f} MBまで）",
        accept_multiple_files=True,
        key=key,
    )
    st.caption("送った連絡は、書き換えることも消すこともできません。患者の情報を書かないでください。")
    st.button(
        "送る",
        type="primary",
        icon=":material/send:",
        key="send-message",
        on_click=partial(_send, visit, record.step.id, name, key),
    )


def _send(visit: Visit, step: str, name: str, key: str) -> None:
    text, uploads = _text(visit, step), uploads_of(st.session_state[key])
    if attempt(lambda: visit.portal.messages.write(*visit.anew(), step, text, uploads), "連絡を送りました。"):
        st.session_state.pop(f"_typed {visit.place} {step}", None)
        used_up(name)


def _text(visit: Visit, step: str) -> str:
    """What is in the field. Its own word counts first: the button may be pressed before the field's change is told."""
    place = f"{visit.place} {step}"
    told = typed_text(f"writing {place}", place)
    kept: str = st.session_state.get(f"_typed {place}", "")
    return told if told is not None else kept
