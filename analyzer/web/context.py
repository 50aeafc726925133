"""Which institution, at which day: chosen once, kept from page to page, written into every address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import streamlit as st

from analyzer.exports.japan_time import JAPAN
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment
from analyzer.web import address
from analyzer.web.signing_in import current_principal
from analyzer.web.sources import InstitutionSource
from analyzer.web.workspace import Workspace

INSTITUTION, AS_OF = address.CONTEXT
_KEPT = "_context"
NONE_CHOSEN = "（選ばない）"


@dataclass(frozen=True, slots=True)
class Context:
    """The institution in view (None: none chosen) and the day to judge by."""

    institution: Institution | None
    as_of: date


def today() -> date:
    """The day in Japan. The app's only look at the clock."""
    return datetime.now(JAPAN).date()


def session_source(workspace: Workspace) -> InstitutionSource:
    """The institutions that the reader of this session may see."""
    return workspace.source(current_principal(workspace))


def choose_context(workspace: Workspace, *, optional: bool = False) -> Context:
    """Draw the two choices in a row and return what they say.

    optional: the page also makes sense without an institution. An unknown institution or day in the address is said
    plainly, and the first institution or today stands in for it.
    """
    source = session_source(workspace)
    institutions = source.institutions()
    asked = _remembered()
    options = [*([""] if optional else []), *institutions]
    chosen = asked.get(INSTITUTION) or (options[0] if options else "")
    if chosen not in options:
        st.warning(
            f"医療機関「{chosen}」は見つかりません。ほかの医療機関を選んでください。", icon=":material/link_off:"
        )
        chosen = options[0] if options else ""
    as_of = _day(asked.get(AS_OF))
    st.session_state["_institution"], st.session_state["_as_of"] = chosen, as_of
    with st.container(horizontal=True, vertical_alignment="bottom", width="content"):
        if options:
            st.selectbox(
                "医療機関",
                options,
                key="_institution",
                format_func=lambda identity: institutions[identity].name if identity else NONE_CHOSEN,
                on_change=_choose_institution,
                width=300,
            )
        st.date_input("基準日", key="_as_of", on_change=_choose_day, width=150)
    _say_unreadable(source)
    _keep(chosen, as_of, said=bool(chosen) or AS_OF in asked)
    return Context(institutions.get(chosen), as_of)


def choose_day() -> date:
    """Draw the choice of the day alone, for a page about no single institution, and return what it says."""
    asked = _remembered()
    as_of = _day(asked.get(AS_OF))
    st.session_state["_as_of"] = as_of
    st.date_input("基準日", key="_as_of", on_change=_choose_day, width=150)
    return as_of


def assessment_of(workspace: Workspace, context: Context) -> Assessment | None:
    """The assessment of the institution in view; None where none is chosen."""
    return workspace.assess(context.institution, context.as_of) if context.institution else None


def parameters(context: Context) -> dict[str, list[str]]:
    """The context as parameters of an address."""
    chosen = [context.institution.id] if context.institution else []
    return {INSTITUTION: chosen, AS_OF: [context.as_of.isoformat()]}


def _remembered() -> dict[str, str]:
    kept: dict[str, str] = st.session_state.get(_KEPT, {})
    said = {name: value for name in (INSTITUTION, AS_OF) if (value := address.first(name)) is not None}
    return {**kept, **said}


def _day(text: str | None) -> date:
    if text is None:
        return today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        st.warning(f"基準日「{text}」は日付として読めません。今日の日付で表示します。", icon=":material/event_busy:")
        return today()


def _keep(chosen: str, as_of: date, *, said: bool) -> None:
    """Remember the context for the other pages; where it matters (`said`), say it in the address."""
    if not said:
        return
    now = {INSTITUTION: chosen, AS_OF: as_of.isoformat()}
    st.session_state[_KEPT] = now
    if any((address.first(name) or "") != value for name, value in now.items()):
        address.change(**{name: value or None for name, value in now.items()})


def _choose_institution() -> None:
    _remember(INSTITUTION, st.session_state["_institution"])


def _choose_day() -> None:
    chosen = st.session_state["_as_of"]
    _remember(AS_OF, (chosen or today()).isoformat())


def _remember(name: str, value: str) -> None:
    st.session_state[_KEPT] = {**st.session_state.get(_KEPT, {}), name: value}
    address.change(**{name: value or None})


def _say_unreadable(source: InstitutionSource) -> None:
    broken = source.unreadable()
    if not broken:
        return
    with st.expander(f"読めない医療機関ファイルが {len(broken)} 件あります", icon=":material/warning:"):
        for entry in broken:
            st.code("\n".join(str(problem) for problem in entry.problems), language=None, wrap_lines=True)
