"""通知: what an account was told, read and unread."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import streamlit as st

from analyzer.programme.notifications import MOST, Notification
from analyzer.programme.portal import Portal
from analyzer.programme.screens.notifications import notification_fragment
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.context import session_source
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace, workspace

_PART: Final = 30
_VIEWS: Final[Mapping[str, str]] = {"all": "すべて", "unread": "未読だけ"}


def page() -> None:
    """Draw the page."""
    shared = workspace()
    principal = current_principal(shared)
    st.title("通知", anchor=False)
    portal = shared.portal
    view = address.first("view") if address.first("view") in _VIEWS else "all"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.session_state["_notifications_view"] = view
        st.segmented_control(
            "表示",
            list(_VIEWS),
            key="_notifications_view",
            format_func=lambda each: _VIEWS[each],
            label_visibility="collapsed",
            on_change=_show,
        )
        unread = portal.notifications.unread(principal)
        st.button(
            "すべて既読にする",
            icon=":material/done_all:",
            disabled=not unread,
            on_click=partial(_mark, shared, None),
            key="mark-all",
        )
    shown = min(int(text) if (text := address.first("shown") or "").isdecimal() else _PART, MOST)
    found = portal.notifications.list(principal, unread_only=view == "unread", limit=shown + 1)
    if not found:
        st.info(
            "未読の通知はありません。" if view == "unread" else "通知はまだありません。",
            icon=":material/notifications:",
        )
    names = {each: known.name for each, known in session_source(shared).institutions().items()}
    for one in found[:shown]:
        _draw(shared, portal, one, names)
    if len(found) > shown:
        st.button("さらに表示", on_click=address.change, kwargs={"shown": str(shown + _PART)}, key="more")


def _draw(shared: Workspace, portal: Portal, one: Notification, names: Mapping[str, str]) -> None:
    programme = portal.programmes.get(one.programme)
    about = [programme.title.ja if programme is not None else "", names.get(one.institution, "")]
    with st.container(border=True, key=f"notification-{one.id}"):
        text, acts = st.columns([4, 1.3], vertical_alignment="center")
        with text:
            show_panel(notification_fragment(one, "　".join(each for each in about if each)), key=f"told {one.id}")
        with acts, st.container(horizontal=True, horizontal_alignment="right"):
            if one.link:
                st.button("開く", key=f"open {one.id}", on_click=partial(_open, shared, one))
            if one.read_at is None:
                st.button("既読にする", key=f"mark {one.id}", on_click=partial(_mark, shared, [one.id]))


def _open(shared: Workspace, one: Notification) -> None:
    _mark(shared, [one.id])
    address.follow(one.link)


def _mark(shared: Workspace, ids: list[str] | None) -> None:
    shared.portal.notifications.mark_read(current_principal(shared), ids)


def _show() -> None:
    address.change(view=st.session_state["_notifications_view"] or "all", shown=None)
