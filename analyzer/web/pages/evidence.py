"""証跡台帳: what rests on a vendor's documents and certifications and on one's own evidence, and what falls."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from analyzer.engine.reliance import Item, ItemKind, find_item
from analyzer.exports.screens.ledger import (
    document_fragment,
    own_evidence_fragment,
    own_item_fragment,
    register_fragment,
)
from analyzer.model.results import Assessment
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.context import Context, assessment_of, choose_context
from analyzer.web.pages.evidence_edit import draw_item, draw_registration
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace, workspace

_KINDS: tuple[ItemKind, ...] = ("document", "certification")
_VIEWS = {"vendor": "ベンダーの文書と認証", "own": "自機関の証跡"}


def page() -> None:
    """Draw the registers, or what the address opens: documents and certifications, or a piece of one's own."""
    shared = workspace()
    st.title("証跡台帳", anchor=False)
    context = choose_context(shared, optional=True)
    assessment = assessment_of(shared, context)
    asked: dict[ItemKind, list[str]] = {kind: address.query().get(kind, []) for kind in _KINDS}
    own = address.first("own")
    if any(asked.values()):
        _opened(shared, context, assessment, asked)
    elif own is not None:
        _own_opened(shared, assessment, own)
    else:
        _registers(shared, context, assessment)


def _registers(shared: Workspace, context: Context, assessment: Assessment | None) -> None:
    asked = address.first("view")
    st.session_state["_view"] = asked if asked in _VIEWS else "vendor"
    view = st.segmented_control(
        "台帳",
        list(_VIEWS),
        key="_view",
        format_func=_VIEWS.__getitem__,
        required=True,
        label_visibility="collapsed",
        on_change=lambda: address.change(view=st.session_state["_view"]),
    )
    if view == "vendor":
        for vendor in shared.knowledge.vendors:
            show_panel(
                register_fragment(vendor, shared.knowledge, shared.rulebook, context.as_of), key=f"register-{vendor}"
            )
    elif assessment is None:
        st.info("医療機関を選ぶと、その機関の証跡と期限、証跡が支えている管理策を表示します。", icon=":material/info:")
    else:
        principal = current_principal(shared)
        record = shared.record(principal, assessment.institution.id)
        if record is not None:
            draw_registration(shared, principal, record)
        show_panel(own_evidence_fragment(assessment, shared.knowledge, shared.rulebook), key="own-register")


def _opened(
    shared: Workspace, context: Context, assessment: Assessment | None, asked: dict[ItemKind, list[str]]
) -> None:
    _back()
    items = list(_items(shared, asked))
    for vendor in dict.fromkeys(item.vendor for item in items):
        of_vendor = [item for item in items if item.vendor == vendor]
        show_panel(document_fragment(of_vendor, shared.analyzer, context.as_of, assessment), key=f"document-{vendor}")
    if items and assessment is None:
        st.info("医療機関を選ぶと、失われたときに判定がどう変わるかを表示します。", icon=":material/info:")


def _items(shared: Workspace, asked: dict[ItemKind, list[str]]) -> Iterator[Item]:
    for kind in _KINDS:
        for named in asked[kind]:
            item = find_item(shared.knowledge, kind, named)
            if item is None:
                st.warning(f"「{named}」は台帳にありません。", icon=":material/link_off:")
            else:
                yield item


def _own_opened(shared: Workspace, assessment: Assessment | None, identity: str) -> None:
    _back()
    if assessment is None:
        st.info("医療機関を選ぶと、その機関の証跡を表示します。", icon=":material/info:")
    elif identity not in assessment.institution.evidence:
        st.warning(
            f"証跡「{identity}」は、{assessment.institution.name} の台帳にありません。", icon=":material/link_off:"
        )
    else:
        show_panel(own_item_fragment(identity, shared.analyzer, assessment), key="own-item")
        principal = current_principal(shared)
        record = shared.record(principal, assessment.institution.id)
        if record is not None:
            draw_item(shared, principal, record, identity)


def _back() -> None:
    st.button(
        "台帳に戻る",
        icon=":material/arrow_back:",
        on_click=address.change,
        kwargs={"document": None, "certification": None, "own": None},
    )
