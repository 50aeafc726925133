"""責任分界チェックリスト: who does what at one institution, by section and by party; printed, and downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from typing import Final, cast, get_args

import streamlit as st

from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.checklist.context import SectionKey
from analyzer.exports.kinds import MEDIA_TYPES
from analyzer.exports.screens.checklist import EVERY_SECTION, ChecklistScreen, View
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import GapParty
from analyzer.web import address
from analyzer.web.components.facets import Choice, Group, show_facets
from analyzer.web.components.panel import show_panel
from analyzer.web.context import Context, assessment_of, choose_context, parameters, session_source
from analyzer.web.workspace import Workspace, workspace

SECTION, PARTY, SCOPE, TAKE = "section", "party", "scope", "take"
_WHOLE, _SHOWN, _CHOSEN = "whole", "shown", "chosen"
_SCOPES: Final = {_WHOLE: "全体", _SHOWN: "表示中の節だけ", _CHOSEN: "節を選ぶ"}
_FORMATS: Final = {
    "xlsx": ("Excel（記入用）", "記入して返すための様式。数秒で作る。"),
    "pdf": ("PDF（印刷用）", "A4横。押してから作るため、全体では10秒ほどかかり、200ページを超えることがある。"),
    "html": ("HTML", "画面で読むための1つのファイル。"),
}
_EVERY_PARTY = "すべて"
# How many checklists are kept ready for drawing; each takes a few megabytes.
_KEPT = 16


def page() -> None:
    """Draw the checklist of the institution in view."""
    shared = workspace()
    st.title("責任分界チェックリスト", anchor=False)
    controls = st.container(key="checklist-controls")
    with controls:
        context = choose_context(shared)
    assessment = assessment_of(shared, context)
    if assessment is None:
        _no_institution(shared)
        return
    screen = _screen(_Subject(shared, assessment))
    view = _view(screen)
    with controls:
        _downloads(shared, screen, assessment, view)
    show_panel(screen.summary(partial(_href, context)), key="summary")
    with st.sidebar:
        st.subheader("節", anchor=False)
        show_panel(screen.navigation(view, partial(_href, context)), key="sections")
    with st.container(key="checklist-party", horizontal=True, vertical_alignment="center"):
        _choose_party(shared, view)
    show_panel(screen.duties(view, partial(_href, context)), key="duties")


def _no_institution(shared: Workspace) -> None:
    st.info(
        f"医療機関のファイルが `{session_source(shared).where}` にありません。見本を写して書き換えると、"
        "ここにその機関のチェックリストが現れます。",
        icon=":material/add_home:",
    )


def _href(context: Context, page: str, said: Mapping[str, Sequence[str]]) -> str:
    """An in-app address that keeps the institution and the day."""
    return address.link(page, {**parameters(context), **said})


# -- what is in view --------------------------------------------------------------------------------------------------


def _view(screen: ChecklistScreen) -> View:
    """What the address asks for; what it names wrongly is said, and something sensible shown instead."""
    asked_party = address.first(PARTY)
    party = cast(GapParty, asked_party) if asked_party in get_args(GapParty) else None
    if asked_party and party is None:
        st.warning(f"担い手「{asked_party}」はありません。すべての担い手を示します。", icon=":material/link_off:")
    asked = address.first(SECTION)
    if asked == EVERY_SECTION:
        return View(None, party)
    section = screen.section_of(asked) if asked else None
    if asked and section is None:
        st.warning(
            f"節「{asked}」は見つかりません。リンクが途中で切れていないか確かめてください。最初の節を示します。",
            icon=":material/link_off:",
        )
    return View(section or screen.sections[0], party)


def _choose_party(shared: Workspace, view: View) -> None:
    words = ["", *get_args(GapParty)]
    names = {word: shared.rulebook.term("party", word).ja for word in words if word}
    names |= {"": _EVERY_PARTY, "vendor": "ベンダーに求めるもの"}
    st.session_state["_party"] = view.party or ""
    st.segmented_control(
        "担い手",
        words,
        key="_party",
        format_func=names.__getitem__,
        required=True,
        on_change=lambda: address.change(**{PARTY: st.session_state["_party"] or None}),
    )
    st.caption("印刷は Ctrl+P（Macは ⌘+P）。表示中の節と担い手だけが紙に出る。全体は上のPDFで。")


# -- downloads --------------------------------------------------------------------------------------------------------


def _downloads(shared: Workspace, screen: ChecklistScreen, assessment: Assessment, view: View) -> None:
    asked = address.first(SCOPE)
    scope = asked if asked in _SCOPES else _WHOLE
    st.session_state["_scope"] = scope
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "ダウンロードする範囲",
            list(_SCOPES),
            key="_scope",
            format_func=_SCOPES.__getitem__,
            required=True,
            on_change=lambda: address.change(**{SCOPE: st.session_state["_scope"]}),
        )
        sections = _sections_of(screen, scope, view)
        for output_format, (label, help_text) in _FORMATS.items():
            st.download_button(
                label,
                data=partial(
                    _file, shared, assessment.institution, assessment.as_of, frozenset(sections), output_format
                ),
                file_name=screen.file_name(sections, output_format),
                mime=MEDIA_TYPES[output_format],
                help=help_text,
                icon=":material/download:",
                on_click="ignore",
                disabled=scope == _CHOSEN and not sections,
                key=f"_download_{output_format}",
            )
    if scope == _CHOSEN:
        _choose_sections(screen, sections)


def _sections_of(screen: ChecklistScreen, scope: str, view: View) -> list[SectionKey]:
    """The sections to download, in order; none stands for the whole, unless sections are being chosen."""
    if scope == _SHOWN:
        return [view.section] if view.section else []
    if scope == _CHOSEN:
        taken = {screen.section_of(text) for text in address.query().get(TAKE, [])}
        return [key for key in screen.sections if key in taken]
    return []


def _choose_sections(screen: ChecklistScreen, chosen: Sequence[SectionKey]) -> None:
    with st.expander(f"ダウンロードする節を選ぶ（{len(chosen)}／{len(screen.sections)}）", expanded=True):
        with st.container(horizontal=True):
            st.button("すべて選ぶ", on_click=_take, args=(screen.sections,), icon=":material/done_all:")
            st.button("すべて外す", on_click=_take, args=((),), icon=":material/remove_done:", disabled=not chosen)
        st.caption("数は、その節で対応の要る項目。")
        groups = [
            Group(
                title,
                title,
                True,
                [
                    Choice(":".join(key), screen.section_name(key), screen.controls_in(key), key in chosen)
                    for key in keys
                ],
            )
            for title, keys in screen.by_guideline
        ]
        show_facets(groups, "_take", partial(_toggle, screen))


def _toggle(screen: ChecklistScreen, _group: str, value: str, taken: bool) -> None:
    before = set(address.query().get(TAKE, []))
    after = before | {value} if taken else before - {value}
    _take([key for key in screen.sections if ":".join(key) in after])


def _take(sections: Sequence[SectionKey]) -> None:
    address.change(**{TAKE: [":".join(key) for key in sections]})


def _file(
    shared: Workspace, institution: Institution, as_of: date, sections: frozenset[SectionKey], output_format: str
) -> bytes:
    """The file, made when it is asked for."""
    assessment = shared.assess(institution, as_of)
    checklist = build_checklist(assessment, shared.knowledge, shared.rulebook, sections or None)
    return render_checklist(checklist, output_format)


# -- kept between runs ------------------------------------------------------------------------------------------------


class _Subject:
    """An assessment as a cache key: the very object."""

    def __init__(self, shared: Workspace, assessment: Assessment) -> None:
        self.shared, self.assessment = shared, assessment

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Subject) and other.assessment is self.assessment

    def __hash__(self) -> int:
        return id(self.assessment)


@lru_cache(maxsize=_KEPT)
def _screen(subject: _Subject) -> ChecklistScreen:
    knowledge, rulebook = subject.shared.knowledge, subject.shared.rulebook
    return ChecklistScreen(build_checklist(subject.assessment, knowledge, rulebook), knowledge, rulebook)
