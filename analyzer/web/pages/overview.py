"""概要: what the knowledge base holds, where each reader begins, how old everything is."""

from __future__ import annotations

import streamlit as st

from analyzer.exports.screens import overview
from analyzer.programme.links import institution_link
from analyzer.store.principal import may
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.context import session_source, today
from analyzer.web.signing_in import accounts_required, current_principal
from analyzer.web.workspace import Workspace, workspace

# The landing page shows this many institutions; the others are reached through the choice on every page.
_SHOWN = 12


def page() -> None:
    """Draw the landing page."""
    shared = workspace()
    as_of = today()
    st.title("三省のガイドラインに、何で応え、何が残っているか", anchor=False)
    _programmes(shared)
    notice = overview.notice_fragment(shared.knowledge, as_of)
    if notice:
        show_panel(notice, key="notice")
    show_panel(overview.readers_fragment(), key="readers")
    show_panel(overview.figures_fragment(shared.knowledge), key="figures")
    st.header("医療機関", anchor=False)
    _institutions(shared)
    st.header("ガイドラインの版と経過", anchor=False)
    show_panel(overview.guidelines_fragment(shared.knowledge, shared.rulebook, as_of), key="guidelines")


def _programmes(shared: Workspace) -> None:
    """The way to the support programmes in which the account's institutions take part."""
    principal = current_principal(shared)
    if not accounts_required() or not may(principal, "take_part"):
        return
    portal = shared.portal
    for institution in sorted(principal.institutions):
        for programme in portal.participation.programmes(principal, institution):
            title = portal.programmes[programme].title.ja
            st.button(
                f"支援事業「{title}」を開く",
                icon=":material/handshake:",
                key=f"programme {institution} {programme}",
                on_click=address.follow,
                args=(institution_link(programme, institution, None),),
            )


def _institutions(shared: Workspace) -> None:
    institutions = list(session_source(shared).institutions().values())
    if not institutions:
        st.info(
            f"`{session_source(shared).where}` に医療機関のファイルがありません。"
            "見本を写して書き換えると、ここに現れます。",
            icon=":material/add_home:",
        )
        return
    shown = [shared.assess(institution, today()) for institution in institutions[:_SHOWN]]
    show_panel(overview.institutions_fragment(shown, shared.rulebook), key="institutions")
    if len(institutions) > _SHOWN:
        st.caption(f"ほかに {len(institutions) - _SHOWN} 機関があります。ギャップ分析の画面で選べます。")
