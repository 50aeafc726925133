"""Analyses that were recorded: how an institution has moved, and the button that records the one in view."""

from __future__ import annotations

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.exports.screens.progress import progress_fragment
from analyzer.model.results import Assessment
from analyzer.store.principal import may
from analyzer.web.components.panel import show_panel
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace

_SAID = "_recorded_said"


def draw_progress(shared: Workspace, assessment: Assessment) -> None:
    """The recorded analyses of the institution, the latest on top; nothing without a store."""
    principal, institution = current_principal(shared), assessment.institution.id
    if shared.store is None or shared.record(principal, institution) is None:
        return
    store = shared.store
    recorded = store.analyses.progress(principal, institution)
    with st.expander(f"記録した分析（{len(recorded)}）", icon=":material/timeline:", expanded=bool(recorded)):
        show_panel(progress_fragment(recorded, shared.rulebook), key="gaps-progress")
        said, failed = st.session_state.pop(_SAID, ("", False))
        if said:
            (st.error if failed else st.success)(said)
        if not may(principal, "answer", institution):
            return

        def record() -> None:
            try:
                store.analyses.save(current_principal(shared), assessment)
            except SanshoError as error:
                st.session_state[_SAID] = (f"記録できませんでした。{error}", True)
            else:
                st.session_state[_SAID] = ("記録しました。", False)

        st.button("この分析を記録する", icon=":material/bookmark_add:", on_click=record)
