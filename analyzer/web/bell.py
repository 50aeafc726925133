"""The bell in the frame of every page: how many notifications are unread, and the way to them."""

from __future__ import annotations

from typing import Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.programme.notifications import COUNTED
from analyzer.store.principal import Principal, Role
from analyzer.web import address
from analyzer.web.workspace import workspace

_PAGE: Final = "notifications"
_TOLD: Final[frozenset[Role]] = frozenset({"institution", "secretariat"})


def show_bell(visitor: Principal) -> None:
    """Draw it for accounts that are told things. One count in the database; where that fails the page comes first."""
    if visitor.role not in _TOLD:
        return
    try:
        unread = workspace().portal.notifications.unread(visitor)
    except SanshoError:
        return
    said = f"{COUNTED - 1}+" if unread >= COUNTED else str(unread)
    with st.container(key="bell"):
        st.button(
            f"未読 {said}件" if unread else "通知",
            icon=":material/notifications_unread:" if unread else ":material/notifications:",
            type="tertiary",
            key="_bell",
            on_click=address.follow,
            args=(_PAGE,),
        )
