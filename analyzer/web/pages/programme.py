"""支援事業: an institution's way through a support programme, step by step."""

from __future__ import annotations

import streamlit as st

from analyzer.programme.model import Programme
from analyzer.programme.progress import step_states
from analyzer.programme.screens import institution as screens
from analyzer.store.principal import may
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.context import session_source, today
from analyzer.web.pages import programme_faq, programme_offers, programme_step
from analyzer.web.portal_visit import Visit, say
from analyzer.web.signing_in import current_principal, principal_later
from analyzer.web.workspace import Workspace, workspace

INSTITUTION, PROGRAMME, STEP, VIEW = "institution", "programme", "step", "view"


def page() -> None:
    """Draw the page."""
    visit = _visit(workspace())
    if visit is None:
        return
    step, view = _in_view(visit.programme)
    way, content = st.columns([1, 3.2], gap="medium")
    with way, st.container(key="portal-way"):
        show_panel(screens.steps_fragment(visit.participant, visit.states, step, view), key="portal-steps")
    with content:
        say()
        if step is not None:
            programme_step.draw(visit, step, view or "")
        elif view == "offers":
            programme_offers.draw(visit)
        elif view == "faq":
            programme_faq.draw(visit)
        else:
            _top(visit)


def _top(visit: Visit) -> None:
    portal = visit.portal
    unread = portal.notifications.unread(visit.principal)
    offered = sum(1 for offer in visit.participant.offers if offer.state == "offered")
    show_panel(
        screens.top_fragment(visit.participant, visit.states, visit.as_of, unread=unread, offered=offered),
        key="portal-top",
    )
    said, office = st.columns([3, 2], gap="large")
    with said:
        notices = portal.notices.for_institution(visit.principal, *visit.at)
        show_panel(screens.notices_fragment(notices), key="portal-notices")
    with office:
        show_panel(screens.contact_fragment([visit.programme]), key="portal-contact")


def _visit(shared: Workspace) -> Visit | None:
    """Who visits what; None where there is nothing to visit, which is said."""
    principal = current_principal(shared)
    own = sorted(each for each in principal.institutions if may(principal, "take_part", each))
    asked = address.first(INSTITUTION)
    if asked is not None and asked not in own:
        st.title("支援事業", anchor=False)
        st.error("この医療機関の支援事業は、このアカウントでは見られません。", icon=":material/lock:")
        if not own:
            return None
    portal = shared.portal
    institution = asked if asked in own else own[0] if own else None
    programmes = portal.participation.programmes(principal, institution) if institution is not None else ()
    wanted = address.first(PROGRAMME)
    # Where the address names none, an institution that takes part comes before one that does not.
    for other in own if not programmes and asked is None else ():
        found = portal.participation.programmes(principal, other)
        if found:
            institution, programmes = other, found
            break
    if asked is None or asked in own:
        chosen = wanted if wanted in programmes else programmes[0] if programmes else None
        st.title(portal.programmes[chosen].title.ja if chosen is not None else "支援事業", anchor=False)
    else:
        return None
    names = {each: found.name for each, found in session_source(shared).institutions().items()}
    with st.container(horizontal=True, key="portal-choice"):
        if len(own) > 1:
            _choice("医療機関", own, institution, names, INSTITUTION)
        if len(programmes) > 1:
            titles = {each: portal.programmes[each].title.ja for each in programmes}
            _choice("支援事業", list(programmes), chosen, titles, PROGRAMME)
    if institution is None or chosen is None:
        _no_programme(list(portal.programmes.values()), names.get(institution or ""))
        return None
    if wanted is not None and wanted != chosen:
        st.warning("参加していない支援事業です。参加している支援事業を表示しています。", icon=":material/link_off:")
    if len(own) == 1:
        st.caption(names.get(institution, institution))
    participant = portal.participation.view(principal, chosen, institution)
    as_of = today()
    return Visit(shared, principal, participant, step_states(participant, as_of), as_of, principal_later(shared))


def _choice(label: str, options: list[str], chosen: str | None, names: dict[str, str], parameter: str) -> None:
    key = f"_portal_{parameter}"
    st.session_state[key] = chosen

    def choose() -> None:
        # Another institution or programme has steps of its own: its first view.
        kept = {INSTITUTION: address.first(INSTITUTION)} if parameter == PROGRAMME else {PROGRAMME: None}
        address.change(**{STEP: None, VIEW: None, **kept, parameter: st.session_state[key]})

    st.selectbox(
        label,
        options,
        key=key,
        format_func=lambda each: names.get(each, each),
        on_change=choose,
        width=320,
        filter_mode=None,
    )


def _no_programme(programmes: list[Programme], name: str | None) -> None:
    st.info(
        f"{name or 'このアカウントの医療機関'}は、いまどの支援事業にも参加していません。"
        "参加の申し込みと問い合わせは、事務局へお願いします。",
        icon=":material/info:",
    )
    if programmes:
        show_panel(screens.contact_fragment(programmes), key="portal-contacts")


def _in_view(programme: Programme) -> tuple[str | None, str | None]:
    """Step and view of the address; what the programme does not have is said and left out."""
    step, view = address.first(STEP), address.first(VIEW)
    if step is not None and step not in programme.step_by_id:
        st.warning("その手順はありません。全体の状況を表示しています。", icon=":material/link_off:")
        return None, None
    return step, view
