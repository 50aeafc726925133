"""Comments on a control: what auditors, consultants and the institution tell one another; kept, never deleted."""

from __future__ import annotations

import uuid

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.exports.screens.comments import comments_fragment
from analyzer.model.institution import Institution
from analyzer.store.principal import may
from analyzer.store.records import ABSENT, PartChange, moment, now
from analyzer.web.components.panel import show_panel
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace

_TEXT = "_comment_text"


def show_comments(workspace: Workspace, institution: Institution, control: str) -> None:
    """The comments on a control of an institution, and a field to add one; nothing without a store."""
    principal = current_principal(workspace)
    record = workspace.record(principal, institution.id)
    if record is None:
        return
    said = [part.data for part in record.extras if part.kind == "comment" and part.data["control"] == control]
    with st.expander(f"所見（{len(said)}）", icon=":material/comment:", expanded=bool(said)):
        show_panel(comments_fragment(said), key="comments")
        if not may(principal, "comment", institution.id):
            return

        def add() -> None:
            text = st.session_state[_TEXT].strip()
            if not text or workspace.store is None:
                return
            data = {
                "control": control,
                "text": text,
                "author": principal.name,
                "login": principal.login,
                "at": moment(now()),
            }
            change = PartChange("comment", uuid.uuid4().hex, data, ABSENT)
            try:
                workspace.store.records.change(principal, institution.id, [change])
            except SanshoError as error:
                st.session_state["_comment_failed"] = str(error)
            else:
                st.session_state[_TEXT] = ""

        st.text_area("所見を書く", key=_TEXT, max_chars=10_000)
        st.button("残す", on_click=add, help="残した所見は消せません。")
        failed = st.session_state.pop("_comment_failed", None)
        if failed:
            st.error(f"残せませんでした。文は欄に残っています。{failed}", icon=":material/error:")
