"""The dates of a step: what is agreed or asked for, and a form to propose several."""

from __future__ import annotations

from datetime import date, time
from typing import Final

import streamlit as st

from analyzer.programme.office import WantedDate
from analyzer.programme.participant import Participant, StepRecord
from analyzer.programme.refusal import PortalError
from analyzer.programme.screens.office import dates_fragment
from analyzer.store.principal import Principal
from analyzer.web.components.panel import show_panel
from analyzer.web.pages.office_acts import perform, show_told
from analyzer.web.pages.office_place import Place
from analyzer.web.workspace import workspace

_AT_FIRST: Final = 3
_MOST: Final = 10


def draw_schedule(place: Place, participant: Participant, record: StepRecord) -> None:
    """Draw the dates of a step."""
    step, schedule = record.step, record.schedule
    here = f"schedule-{participant.institution}-{step.id}"
    lines_key = f"_office_lines_{here}"
    lines: int = st.session_state.setdefault(lines_key, _AT_FIRST)

    def propose(who: Principal) -> None:
        wanted = [found for line in range(lines) if (found := _line(here, line)) is not None]
        if not wanted:
            raise PortalError("候補の日付を一つは入れてください。", "no date given")
        workspace().portal.office.propose_dates(
            who, place.programme.id, participant.institution, step.id, wanted, schedule.version
        )

    def add_line() -> None:
        st.session_state[lines_key] = min(lines + 1, _MOST)

    with st.container(border=True):
        show_panel(dates_fragment(record), key="office-schedule")
        again = bool(schedule.proposals)
        label = "候補を出し直す（今の候補と決まった日程に代わります）" if again else "候補を出す"
        with st.expander(label, icon=":material/event:", expanded=not again or schedule.other is not None):
            for line in range(lines):
                _draw_line(place, here, line)
            with st.container(horizontal=True):
                st.button(
                    "候補を知らせる",
                    type="primary",
                    icon=":material/send:",
                    on_click=perform,
                    args=(here, propose, "候補を知らせました。", *(_keys(here, line)[0] for line in range(lines))),
                    key=f"propose-{here}",
                )
                st.button(
                    "欄を加える",
                    icon=":material/add:",
                    on_click=add_line,
                    disabled=lines >= _MOST,
                    key=f"more-{here}",
                )
        show_told(here)


def _keys(here: str, line: int) -> tuple[str, str, str, str]:
    day, start, end, where = (f"_office_{name}_{here}_{line}" for name in ("day", "start", "end", "where"))
    return day, start, end, where


def _draw_line(place: Place, here: str, line: int) -> None:
    day, start, end, where = _keys(here, line)
    st.session_state.setdefault(start, time(13, 30))
    st.session_state.setdefault(end, time(15, 0))
    period = place.programme.period
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.date_input(
            f"候補{line + 1}",
            value=None,
            min_value=period.starts_on,
            max_value=period.ends_on,
            key=day,
            format="YYYY-MM-DD",
            width=150,
        )
        st.time_input("始まり", key=start, width=110)
        st.time_input("終わり", key=end, width=110)
        st.text_input("場所", key=where, placeholder="貴院、オンラインなど", autocomplete="off", width=240)


def _line(here: str, line: int) -> WantedDate | None:
    day, start, end, where = (st.session_state.get(key) for key in _keys(here, line))
    if not isinstance(day, date):
        return None
    assert isinstance(start, time) and isinstance(end, time)
    return WantedDate(day, start, end, where or "")
