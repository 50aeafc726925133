"""お知らせ: what the secretariat says to all participants, to those filtered, or to some that it chooses."""

from __future__ import annotations

from typing import Final

import streamlit as st

from analyzer.programme.board import BoardRow
from analyzer.programme.screens.office import published_fragment
from analyzer.store.principal import Principal
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.pages.office_acts import perform, show_told
from analyzer.web.pages.office_place import Place
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import workspace

_HERE: Final = "notice"
_TITLE, _TEXT, _TO, _CHOSEN = (
    "_office_notice_title",
    "_office_notice_text",
    "_office_notice_to",
    "_office_notice_chosen",
)
_SINGLY: Final = 100


def draw_notices(place: Place) -> None:
    """Draw the form for a notice, and those that were published."""
    rows = place.rows()
    filtered = place.view(rows).rows
    ways = {
        "all": "すべての参加機関（後から加わる機関にも見える）",
        "filtered": f"「参加機関」で絞り込んだ{len(filtered):,}機関",
        "chosen": "1機関ずつ選ぶ",
    }
    with st.container(border=True):
        st.subheader("お知らせを出す", anchor=False)
        show_told(_HERE)
        st.text_input("件名", key=_TITLE, max_chars=200, autocomplete="off")
        st.text_area("本文", key=_TEXT, max_chars=8_000)
        to = st.radio("届け先", list(ways), format_func=ways.__getitem__, key=_TO)
        institutions: list[str] | None = None
        if to == "filtered":
            institutions = [row.institution for row in filtered]
            _draw_filtered(filtered, len(rows))
        elif to == "chosen":
            institutions = _choose(filtered)
        number = len(rows) if institutions is None else len(institutions)

        def publish(who: Principal) -> None:
            title, text = st.session_state[_TITLE], st.session_state[_TEXT]
            workspace().portal.notices.publish(who, place.programme.id, title, text, institutions)

        st.button(
            f"{number:,}機関に知らせる" if number else "知らせる",
            type="primary",
            icon=":material/campaign:",
            on_click=perform,
            args=(_HERE, publish, "お知らせを出しました。", _TITLE, _TEXT, _CHOSEN),
            key="_office_publish",
            help="出したお知らせは、変えることも取り消すこともできません。",
        )
    names = {row.institution: row.enrolment.name for row in rows}
    published = place.portal.notices.all(current_principal(place.shared), place.programme.id)
    show_panel(published_fragment(published, names), key="office-notices")


def _draw_filtered(rows: tuple[BoardRow, ...], of: int) -> None:
    if len(rows) == of:
        st.caption("いまは絞り込んでいないため、全機関に届きます（後から加わる機関には見えません）。")
    shown = "、".join(row.enrolment.name for row in rows[:20])
    st.caption(shown + (f" ほか{len(rows) - 20:,}機関" if len(rows) > 20 else ""))
    st.button("絞り込みを変える", icon=":material/filter_alt:", on_click=address.change, kwargs={"view": "board"})


def _choose(rows: tuple[BoardRow, ...]) -> list[str]:
    """Ask for each participant of the filter whether it is meant; those chosen stay while the filter changes."""
    chosen: set[str] = st.session_state.setdefault(_CHOSEN, set())
    st.caption(f"「参加機関」で絞り込んだ中から選びます。選んだ{len(chosen):,}機関は、絞り込みを変えても残ります。")
    with st.container(horizontal=True, height=280):
        for row in rows[:_SINGLY]:
            identity = row.institution
            key = f"_office_to_{identity}"
            st.session_state[key] = identity in chosen
            number = f"{row.enrolment.number} " if row.enrolment.number else ""
            st.checkbox(f"{number}{row.enrolment.name}", key=key, width=300, on_change=_toggle, args=(identity,))
    if len(rows) > _SINGLY:
        st.caption(f"ほか{len(rows) - _SINGLY:,}機関。「参加機関」で絞り込むと選べます。")
    return sorted(chosen)


def _toggle(identity: str) -> None:
    chosen: set[str] = st.session_state.setdefault(_CHOSEN, set())
    chosen.symmetric_difference_update({identity})
