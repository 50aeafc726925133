"""Answering the open questions on screen, where the app works on a store."""

from __future__ import annotations

import streamlit as st

from analyzer.engine.profile import facts_to_ask
from analyzer.errors import SanshoError
from analyzer.model.catalog import Fact
from analyzer.model.results import Assessment
from analyzer.store.principal import may
from analyzer.store.records import ConflictError, PartChange
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace

_YES_NO = {True: "はい", False: "いいえ"}
_FAILED = "_fact_failed"


def draw_fact_answers(shared: Workspace, assessment: Assessment) -> bool:
    """Draw every open question with its possible answers; False where this session cannot write them."""
    principal = current_principal(shared)
    institution = assessment.institution.id
    if shared.record(principal, institution) is None or not may(principal, "profile", institution):
        return False
    failed = st.session_state.pop(_FAILED, None)
    if failed:
        st.error(f"保存できませんでした。{failed}", icon=":material/error:")
    asked = facts_to_ask(shared.knowledge, assessment.institution.facts)
    if not asked:
        st.success("すべての質問に答えてあります。", icon=":material/task_alt:")
    for question in asked:
        _question(shared, institution, shared.knowledge.facts[question.fact], question.controls)
    return True


def _question(shared: Workspace, institution: str, fact: Fact, decides: int) -> None:
    key = f"_fact_{fact.id}"
    options: list[bool | str] = list(fact.values) or [True, False]

    def save() -> None:
        chosen = st.session_state[key]
        principal = current_principal(shared)
        record = shared.record(principal, institution)
        if chosen is None or record is None or shared.store is None:
            return
        change = PartChange("fact", fact.id, {"value": chosen}, record.version("fact", fact.id))
        try:
            shared.store.records.change(principal, institution, [change])
        except ConflictError:
            st.session_state[_FAILED] = "ほかの人が先に答えました。新しい内容を表示しています。"
        except SanshoError as error:
            st.session_state[_FAILED] = str(error)

    with st.container(border=True):
        st.segmented_control(
            fact.question,
            options,
            key=key,
            help=fact.help,
            format_func=lambda value: _YES_NO[value] if isinstance(value, bool) else value,
            on_change=save,
        )
        st.caption(f"決まる項目 {decides} 件" if decides else "読み方に関わる質問")
