"""One participant: where it stands, and of each step what the secretariat does in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from analyzer.programme.board import first_open
from analyzer.programme.progress import StepState, step_states
from analyzer.programme.screens.office import standing_fragment
from analyzer.store.records import UnknownInstitutionError
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.pages.office_people import draw_account, draw_history
from analyzer.web.pages.office_place import Place, href
from analyzer.web.pages.office_steps import draw_step
from analyzer.web.signing_in import current_principal

_VIEWS: Final[Mapping[str, str]] = {"steps": "手順", "account": "アカウント", "history": "履歴"}


def draw_participant(place: Place, institution: str) -> None:
    """Draw a participant, or say that there is none of that id."""
    _way_back(place, institution)
    try:
        participant = place.portal.office.view(current_principal(place.shared), place.programme.id, institution)
    except UnknownInstitutionError:
        st.warning(
            f"「{institution}」は「{place.programme.title.ja}」の参加機関ではありません。一覧から選び直してください。",
            icon=":material/link_off:",
        )
        return
    states = step_states(participant, place.as_of)
    view = address.first("view") or "steps"
    state = _state(states) if view == "steps" else None
    shown = state.step.id if state is not None else None
    show_panel(
        standing_fragment(participant, states, place.as_of, shown, href, place.shared.rulebook), key="office-standing"
    )
    _choose_view(view)
    if view == "account":
        draw_account(place, participant)
    elif view == "history":
        draw_history(place, participant)
    elif state is not None:
        draw_step(place, participant, state)


def _state(states: tuple[StepState, ...]) -> StepState:
    """The step that the address opens; without one, the first that is not over."""
    asked = address.first("step")
    found = next((state for state in states if state.step.id == asked), None)
    if asked is not None and found is None:
        st.warning(f"手順「{asked}」はありません。", icon=":material/link_off:")
    return found or first_open(states) or states[0]


def _choose_view(view: str) -> None:
    st.session_state["_office_one_view"] = view
    st.segmented_control(
        "表示",
        list(_VIEWS),
        key="_office_one_view",
        required=True,
        label_visibility="collapsed",
        format_func=_VIEWS.__getitem__,
        on_change=_set_view,
    )


def _set_view() -> None:
    chosen = st.session_state["_office_one_view"]
    address.change(view=None if chosen == "steps" else chosen)


def _way_back(place: Place, institution: str) -> None:
    rows = [row.institution for row in place.view().rows]
    at = rows.index(institution) if institution in rows else None
    before = rows[at - 1] if at else None
    after = rows[at + 1] if at is not None and at + 1 < len(rows) else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "一覧に戻る",
            icon=":material/arrow_back:",
            on_click=address.change,
            kwargs={"institution": None, "step": None, "view": None},
        )
        for label, target in (("前の機関", before), ("次の機関", after)):
            st.button(
                label,
                disabled=target is None,
                on_click=address.change,
                kwargs={"institution": target, "step": None},
            )
        if at is not None:
            st.caption(f"{at + 1:,} / {len(rows):,} 機関目", width="content")
