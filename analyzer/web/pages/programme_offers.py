"""What accepted forms suggest for the institution's record: seen, and taken or declined."""

from __future__ import annotations

from functools import partial

import streamlit as st

from analyzer.programme.effects import offer_effects
from analyzer.programme.feeding import ShownOffer
from analyzer.programme.screens.institution import heading_fragment
from analyzer.programme.screens.offers import offer_fragment, offer_title, offers_head_fragment
from analyzer.programme.screens.words import OFFER
from analyzer.web.components.panel import show_panel
from analyzer.web.portal_visit import Visit, attempt, plain_markdown, tell


def draw(visit: Visit) -> None:
    """Draw every offer with what it would change."""
    offers = visit.portal.feeding.offers(visit.principal, *visit.at)
    record = visit.shared.record(visit.principal, visit.participant.institution)
    if not offers or record is None:
        show_panel(offers_head_fragment(offers, 0), key="offers-head")
        st.info("まだ候補はありません。様式を提出し、事務局が受領すると、ここに現れます。", icon=":material/info:")
        return
    effects = offer_effects(visit.shared.analyzer, record.institution, offers, visit.as_of)
    show_panel(offers_head_fragment(offers, len(effects.together)), key="offers-head")
    by_state = {state: [each for each in offers if each.offer.state == state] for state in OFFER}
    _buttons(visit, by_state["offered"], "top")
    for state, found in by_state.items():
        if not found:
            continue
        show_panel(heading_fragment(f"{OFFER[state].ja}　{len(found)}件", level=3), key=f"offers {state}")
        for shown in found:
            with st.container(border=True, key=f"offer-{shown.offer.id}"):
                if state != "taken":
                    st.checkbox(
                        f"**{plain_markdown(offer_title(shown, visit.shared.knowledge))}**",
                        key=_chosen_key(visit, shown),
                    )
                fragment = offer_fragment(
                    visit.participant,
                    shown,
                    effects.single[shown.offer.id],
                    visit.shared.knowledge,
                    visit.shared.rulebook,
                    titled=state == "taken",
                )
                show_panel(fragment, key=f"offer {shown.offer.id}")
    _buttons(visit, [*by_state["offered"], *by_state["declined"]], "bottom")


def _buttons(visit: Visit, open_ones: list[ShownOffer], key: str) -> None:
    if not open_ones:
        return
    everything = [each for each in open_ones if each.offer.state == "offered"]
    with st.container(horizontal=True):
        if everything:
            st.button("未決定をすべて選ぶ", key=f"all {key}", on_click=partial(_choose, visit, everything))
        st.button(
            "選んだものを反映する",
            key=f"take {key}",
            type="primary",
            icon=":material/check:",
            on_click=partial(_decide, visit, "take"),
        )
        st.button(
            "選んだものは反映しない",
            key=f"decline {key}",
            icon=":material/close:",
            on_click=partial(_decide, visit, "decline"),
        )


def _choose(visit: Visit, offers: list[ShownOffer]) -> None:
    for shown in offers:
        st.session_state[_chosen_key(visit, shown)] = True


def _decide(visit: Visit, act: str) -> None:
    offers = visit.portal.feeding.offers(*visit.anew())
    chosen = [each.offer.id for each in offers if st.session_state.get(_chosen_key(visit, each))]
    feeding = visit.portal.feeding
    if not chosen:
        tell("候補に印を付けてから押してください。", failed=True)
        return
    if act == "take":
        done = attempt(lambda: feeding.take(*visit.anew(), chosen), f"{len(chosen)}件を記録に反映しました。")
    else:
        done = attempt(lambda: feeding.decline(*visit.anew(), chosen), f"{len(chosen)}件は反映しないことにしました。")
    if done:
        for each in offers:
            st.session_state.pop(_chosen_key(visit, each), None)


def _chosen_key(visit: Visit, shown: ShownOffer) -> str:
    return f"chosen {visit.place} {shown.offer.id}"
