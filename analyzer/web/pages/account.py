"""アカウント: one's own account: role, institutions, and a new password."""

from __future__ import annotations

import streamlit as st

from analyzer.store.principal import Principal, may, rights
from analyzer.store.store import Store
from analyzer.web.signing_in import (
    SINGLE_USER_NOTE,
    accounts_required,
    current_principal,
    draw_password_form,
)
from analyzer.web.workspace import workspace


def page() -> None:
    """Draw what the store knows of the reader."""
    shared = workspace()
    st.title("アカウント", anchor=False)
    principal = current_principal(shared)
    if shared.store is None or not accounts_required():
        st.info(
            f"{SINGLE_USER_NOTE}何人かで使うときは、`sansho account add` で管理者を登録し、"
            "`sansho app --accounts` で起動してください。",
            icon=":material/person:",
        )
        return
    _about(shared.store, principal)
    st.subheader("パスワードを変える", anchor=False)
    with st.container(width=480):
        if draw_password_form(shared.store.signing_in, "_password_form", "変更する"):
            st.success("パスワードを変えました。ほかの端末でのログインは終わりました。", icon=":material/check_circle:")


def _about(store: Store, principal: Principal) -> None:
    role = rights()[principal.role]
    st.markdown(f"ログイン名　**{principal.login}**　　役割　**{role.title.ja}**")
    st.text(f"名前　{principal.name}")
    if role.everywhere:
        sees = may(principal, "read")
        st.caption(
            "すべての医療機関を見られます。"
            if sees
            else "支援事業ですべての医療機関を受け持ちます。医療機関の記録は見られません。"
        )
        return
    names = store.records.names(principal)
    if names:
        st.text("担当の医療機関　" + "、".join(names.values()))
    else:
        st.warning(
            "担当の医療機関がまだありません。管理者に割り当てを頼んでください。", icon=":material/domain_disabled:"
        )
