"""事務局: the support programmes as their secretariat runs them: the board, one participant, notices, lists, mails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from analyzer.programme.model import Programme
from analyzer.programme.portal import Portal
from analyzer.store.principal import may
from analyzer.web import address
from analyzer.web.context import today
from analyzer.web.pages.office_board import draw_board
from analyzer.web.pages.office_list import draw_list, remind_of_passwords
from analyzer.web.pages.office_mail import draw_mail
from analyzer.web.pages.office_notices import draw_notices
from analyzer.web.pages.office_one import draw_participant
from analyzer.web.pages.office_place import PROGRAMME, Place
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import workspace

_VIEWS: Final[Mapping[str, tuple[str, Callable[[Place], None]]]] = {
    "board": ("参加機関", draw_board),
    "notices": ("お知らせ", draw_notices),
    "list": ("一覧の取り込み", draw_list),
    "mail": ("メール", draw_mail),
}


def page() -> None:
    """Draw what the address asks for: a view of the programme, or one of its participants."""
    shared = workspace()
    principal = current_principal(shared)
    if shared.store is None:
        st.title("事務局", anchor=False)
        st.info("支援事業には、データベースが要ります。`sansho app` を `--read-only` なしで起動してください。")
        return
    if not may(principal, "run_programme"):
        st.title("事務局", anchor=False)
        st.warning("この画面は事務局だけが使えます。", icon=":material/lock:")
        return
    portal = shared.portal
    institution = address.first("institution")
    if institution is not None and address.first("view") in (None, "account", "history"):
        programme = _programme(portal)
        if programme is not None:
            draw_participant(Place(shared, programme, today()), institution)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.title("事務局", anchor=False, width="content")
        programme = _choose_programme(portal)
    if programme is None:
        return
    _draw_view(Place(shared, programme, today()))


def _draw_view(place: Place) -> None:
    view = address.first("view") or "board"
    if view not in _VIEWS:
        view = "board"
    st.session_state["_office_view"] = view
    st.segmented_control(
        "表示",
        list(_VIEWS),
        key="_office_view",
        required=True,
        label_visibility="collapsed",
        format_func=lambda each: _VIEWS[each][0],
        on_change=lambda: address.change(view=st.session_state["_office_view"], institution=None),
    )
    if view != "list":
        remind_of_passwords()
    _VIEWS[view][1](place)


def _programme(portal: Portal) -> Programme | None:
    """The programme that the address names, else the latest; said plainly where there is none."""
    programmes = sorted(portal.programmes.values(), key=lambda each: each.period.starts_on, reverse=True)
    if not programmes:
        st.info(
            "支援事業がまだありません。事業の YAML ファイルを用意して、起動し直してください（docs/programme.md）。",
            icon=":material/add_circle:",
        )
        return None
    asked = address.first(PROGRAMME)
    found = next((each for each in programmes if each.id == asked), None)
    if asked is not None and found is None:
        st.warning(
            f"支援事業「{asked}」はありません。「{programmes[0].title.ja}」を表示します。", icon=":material/link_off:"
        )
    return found or programmes[0]


def _choose_programme(portal: Portal) -> Programme | None:
    programme = _programme(portal)
    if programme is None:
        return None
    latest_first = sorted(portal.programmes.values(), key=lambda each: each.period.starts_on, reverse=True)
    st.session_state["_office_programme"] = programme.id
    st.selectbox(
        "支援事業",
        [each.id for each in latest_first],
        key="_office_programme",
        format_func=lambda identity: portal.programmes[identity].title.ja,
        filter_mode=None,
        width=460,
        on_change=lambda: address.replace({PROGRAMME: [st.session_state["_office_programme"]]}),
    )
    return programme
