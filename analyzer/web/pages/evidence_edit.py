"""Registering an institution's evidence and the files behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any, Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.store.files import attachments_of
from analyzer.store.principal import Principal, may
from analyzer.store.records import ABSENT, PartChange, Record
from analyzer.store.store import Store
from analyzer.web.signing_in import current_principal, principal_later
from analyzer.web.workspace import Workspace

Data = dict[str, Any]
_DATES: Final = {
    "issued_on": "発行日",
    "valid_until": "有効期限",
    "covers_from": "対象期間の始め",
    "covers_to": "対象期間の終わり",
}
_SAID: Final = "_evidence_said"


def draw_registration(shared: Workspace, principal: Principal, record: Record) -> None:
    """A form for a new piece of evidence, where the account may write."""
    _say()
    if not may(principal, "answer", record.institution.id):
        return
    with st.expander("証跡を登録する", icon=":material/add:"), st.form("evidence-new", clear_on_submit=False):
        data = _fields(shared, {})
        if st.form_submit_button("登録する", type="primary"):
            _save(shared, principal, record, {"id": _free_id(record), **data}, ABSENT)


def draw_item(shared: Workspace, principal: Principal, record: Record, identity: str) -> None:
    """The files of a piece of evidence, and, where the account may write, forms to change it and to add files."""
    assert shared.store is not None
    _say()
    writes = may(principal, "answer", record.institution.id)
    st.subheader("ファイル", anchor=False)
    attached = attachments_of(record, identity)
    if not attached:
        st.caption("ファイルはまだない。")
    for file in attached:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                f"{file.name}（{max(file.size / 1024, 1):,.0f} KB）",
                data=partial(_content, shared, principal_later(shared), record.institution.id, file.sha256),
                file_name=file.name,
                icon=":material/attach_file:",
                key=f"file-{file.sha256}",
                on_click="ignore",
            )
            if writes:
                remove = partial(_detach, shared, record.institution.id, identity, file.sha256)
                st.button("外す", key=f"detach-{file.sha256}", on_click=remove)
    if not writes:
        return
    _upload(shared.store, principal, record.institution.id, identity)
    present = next(item for item in record.document["evidence"] if item["id"] == identity)
    with st.expander("登録内容を直す", icon=":material/edit:"), st.form("evidence-edit"):
        data = _fields(shared, present)
        if st.form_submit_button("保存する", type="primary"):
            _save(shared, principal, record, {"id": identity, **data}, record.version("evidence", identity))


def _upload(store: Store, principal: Principal, institution: str, evidence: str) -> None:
    with st.form("evidence-file", clear_on_submit=True):
        file = st.file_uploader("ファイルを加える（PDF、画像、xlsx、docx、テキスト。25 MB まで）")
        if st.form_submit_button("加える") and file is not None:
            try:
                store.files.attach(principal, institution, evidence, file.name, file.getvalue())
            except SanshoError as error:
                _tell(f"{file.name} は受け取れませんでした: {error}", failed=True)
            else:
                _tell(f"{file.name} を加えました。")
            st.rerun()


def _content(shared: Workspace, who: Callable[[], Principal], institution: str, sha256: str) -> bytes:
    assert shared.store is not None
    return shared.store.files.open(who(), institution, sha256)[1]


def _detach(shared: Workspace, institution: str, evidence: str, sha256: str) -> None:
    assert shared.store is not None
    try:
        shared.store.files.detach(current_principal(shared), institution, evidence, sha256)
    except SanshoError as error:
        _tell(str(error), failed=True)


def _fields(shared: Workspace, present: Mapping[str, Any]) -> Data:
    """Draw the fields; what they hold as the data of a piece of evidence."""
    kinds = shared.rulebook.terms["evidence_kind"]
    covers = present.get("covers") or {}
    days = {**present, "covers_from": covers.get("from"), "covers_to": covers.get("to")}
    title = st.text_input("題名", present.get("title", ""), max_chars=200)
    first, second = st.columns(2)
    kind = first.selectbox(
        "種類",
        list(kinds),
        index=list(kinds).index(present.get("kind", "record")),
        format_func=lambda word: kinds[word].ja,
        filter_mode=None,
    )
    location = second.text_input("保管場所", present.get("location", ""), max_chars=2000)
    given: dict[str, date | None] = {}
    for column, (field, label) in zip(st.columns(4), _DATES.items(), strict=True):
        said = days.get(field)
        given[field] = column.date_input(label, value=date.fromisoformat(said) if said else None)
    note = st.text_area("備考", present.get("note", ""), max_chars=20_000)
    data: Data = {"title": title.strip(), "kind": kind, "location": location.strip(), "note": note.strip()}
    data |= {field: day.isoformat() for field, day in given.items() if day and not field.startswith("covers")}
    if given["covers_from"] or given["covers_to"]:
        ends = {"from": given["covers_from"], "to": given["covers_to"]}
        data["covers"] = {name: day.isoformat() for name, day in ends.items() if day}
    return {name: value for name, value in data.items() if value}


def _save(shared: Workspace, principal: Principal, record: Record, data: Data, expected: int) -> None:
    assert shared.store is not None
    lacking = [label for field, label in {"title": "題名", "issued_on": "発行日"}.items() if not data.get(field)]
    if lacking:
        st.warning(f"{'と'.join(lacking)}を入れてください。", icon=":material/edit_note:")
        return
    if len(data.get("covers", {"from": "", "to": ""})) < len(("from", "to")):
        st.warning("対象期間は、始めと終わりの両方を入れてください。", icon=":material/edit_note:")
        return
    change = PartChange("evidence", data["id"], data, expected)
    try:
        shared.store.records.change(principal, record.institution.id, [change])
    except SanshoError as error:
        st.error("保存できませんでした。", icon=":material/error:")
        st.code(str(error), language=None, wrap_lines=True)
    else:
        _tell(f"「{data['title']}」を保存しました。")
        st.rerun()


def _free_id(record: Record) -> str:
    """An id that no piece of evidence has had, counted on from those there are."""
    number = len(record.institution.evidence) + 1
    while f"evidence-{number}" in record.institution.evidence:
        number += 1
    return f"evidence-{number}"


def _tell(text: str, *, failed: bool = False) -> None:
    st.session_state[_SAID] = (text, failed)


def _say() -> None:
    text, failed = st.session_state.pop(_SAID, ("", False))
    if text:
        (st.error if failed else st.success)(text)
