"""アカウント管理: who may sign in, as what, for which institutions; for administrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.exports.japan_time import in_japan
from analyzer.store.accounts import Account, AccountRefusal, AccountRefusedError, Handover, LastAdministratorError
from analyzer.store.principal import ROLES, ForbiddenError, Principal, Role, rights
from analyzer.store.records import moment, now
from analyzer.store.signing_in import SessionEndedError
from analyzer.store.store import Store
from analyzer.web import address
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.signing_in import SINGLE_USER_NOTE, accounts_required, current_principal
from analyzer.web.workspace import workspace

ACCOUNT: Final = "account"
# The first password of an account just made, until the next thing is done: it can be shown only now.
_HANDOVER: Final = "_handover"
_TOLD: Final = "_account_told"
_NEXT: Final = "_next_account"
REFUSALS: Final[Mapping[AccountRefusal, str]] = {
    "login": "ログイン名は3〜64文字の英小文字・数字と . _ @ - で、英小文字か数字で始めて終えてください。",
    "login_taken": "そのログイン名のアカウントはもうあります。",
    "name": "名前を200文字までで入れてください。",
    "role": "その役割はありません。",
    "unassignable": "その役割はすべての医療機関を受け持つので、担当の医療機関は選べません。",
    "email": "メールアドレスの形が正しくありません。",
    "email_taken": "そのメールアドレスは、ほかのアカウントで使っています。",
    "not_first": "アカウントはもうあります。管理者が登録してください。",
    "enough": "この医療機関には、決められた数のアカウントがもうあります。",
    "not_participant": "1つの医療機関だけを担当するアカウントではありません。管理者に頼んでください。",
}
_COLUMNS: Final = (
    Column("ログイン名", 10),
    Column("名前", 10),
    Column("役割", 8),
    Column("医療機関", 16),
    Column("メール", 14),
    Column("状態", 12),
)


def page() -> None:
    """Draw the list, the account that the address opens, and the form for a new one."""
    shared = workspace()
    st.title("アカウント管理", anchor=False)
    principal = current_principal(shared)
    if shared.store is None:
        st.info("アカウントには、データベースが要ります。`sansho app` を `--read-only` なしで起動してください。")
        return
    try:
        accounts = shared.store.accounts.list(principal)
    except ForbiddenError:
        st.warning("この画面は管理者だけが使えます。", icon=":material/lock:")
        return
    if not accounts_required():
        st.info(
            f"{SINGLE_USER_NOTE}ここで登録したアカウントは、`sansho app --accounts` で起動したときに使われます。",
            icon=":material/person:",
        )
    names = shared.store.records.names(principal)
    _tell()
    _table(accounts, names)
    login = address.first(ACCOUNT)
    opened = next((account for account in accounts if account.login == login), None)
    if opened is not None:
        _one(shared.store, opened, names)
        return
    if login is not None:
        st.warning(f"アカウント「{login}」は見つかりません。", icon=":material/link_off:")
    _new(shared.store, names)


def _tell() -> None:
    """Say, once, what the last thing done has led to."""
    handover: Handover | None = st.session_state.pop(_HANDOVER, None)
    if handover is not None:
        with st.container(border=True):
            st.success(
                f"「{handover.account.login}」の初期パスワードです。いま一度だけ表示します。"
                "本人に安全な方法で渡してください。最初のログインで、本人が新しいパスワードに変えます。",
                icon=":material/key:",
            )
            st.code(handover.first_password, language=None)
    told: tuple[bool, str] | None = st.session_state.pop(_TOLD, None)
    if told is not None:
        done, text = told
        if done:
            st.success(text, icon=":material/check_circle:")
        else:
            st.error(text, icon=":material/error:")


def _table(accounts: list[Account], names: dict[str, str]) -> None:
    if not accounts:
        st.info("アカウントはまだありません。最初の1人は管理者にしてください。", icon=":material/person_add:")
        return
    rows = [
        Row(
            account.login,
            address.link("", {ACCOUNT: [account.login]}),
            [
                Cell(account.login),
                Cell(account.name),
                Cell(_title(account.role)),
                Cell(_institutions(account, names)),
                Cell(account.email or "－"),
                Cell(_state(account)),
            ],
        )
        for account in accounts
    ]
    show_table(
        "アカウントの一覧",
        _COLUMNS,
        rows,
        key="_accounts",
        selected=address.first(ACCOUNT),
        height="min(50vh, 420px)",
    )


def _institutions(account: Account, names: dict[str, str]) -> str:
    if rights()[account.role].everywhere:
        return "すべて"
    return "、".join(names.get(each, each) for each in account.institutions) or "なし"


def _state(account: Account) -> str:
    if account.disabled:
        return "× 停止中"
    if account.locked_until is not None and account.locked_until > moment(now()):
        return f"▲ 一時停止（{in_japan(account.locked_until):%H:%M}まで）"
    return "△ 初期パスワード" if account.must_change else "● 使用中"


# -- one account ------------------------------------------------------------------------------------------------------


def _one(store: Store, account: Account, names: dict[str, str]) -> None:
    login = account.login
    st.button("一覧に戻る", icon=":material/arrow_back:", on_click=address.change, kwargs={ACCOUNT: None})
    st.subheader(f"{account.name}（{login}）", anchor=False)
    _role_and_email(store, account)
    _assignments(store, account, names)
    with st.container(horizontal=True):
        st.button(
            "初期パスワードを発行する",
            icon=":material/key:",
            help="いまのパスワードは使えなくなり、ログイン中の端末は終わります。",
            on_click=_hand_over,
            args=(lambda principal: store.accounts.reset_password(principal, login),),
        )
        if account.disabled or account.locked_until is not None:
            st.button(
                "使えるようにする",
                icon=":material/lock_open:",
                on_click=_do,
                args=(lambda principal: store.accounts.enable(principal, login), "使えるようにしました。"),
            )
        if not account.disabled:
            st.button(
                "停止する",
                icon=":material/block:",
                help="すぐにログインが終わり、以後ログインできません。記録は残ります。",
                on_click=_do,
                args=(lambda principal: store.accounts.disable(principal, login), "停止しました。"),
            )


def _role_and_email(store: Store, account: Account) -> None:
    login = account.login
    # What stands in the store is part of the keys: after a change the fields show it, not what was typed before.
    role_key, email_key = f"_role_{login}_{account.role}", f"_email_{login}_{account.email}"

    def set_role(principal: Principal) -> Account:
        return store.accounts.set_role(principal, login, st.session_state[role_key])

    def set_email(principal: Principal) -> Account:
        return store.accounts.set_email(principal, login, st.session_state[email_key])

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "役割",
            ROLES,
            index=ROLES.index(account.role),
            format_func=_title,
            key=role_key,
            filter_mode=None,
            width=200,
        )
        st.button("役割を変える", on_click=_do, args=(set_role, "役割を変えました。"))
        st.text_input("メール（組織のログイン用）", account.email or "", key=email_key, width=280, autocomplete="off")
        st.button("メールを変える", on_click=_do, args=(set_email, "メールを変えました。"))


def _assignments(store: Store, account: Account, names: dict[str, str]) -> None:
    if rights()[account.role].everywhere:
        st.caption(f"{_title(account.role)}は、すべての医療機関を{_scope(account.role)}。")
        return
    st.markdown("**担当の医療機関**")
    with st.container(horizontal=True):
        for identity, name in names.items():
            key = f"_assigned_{account.login}_{identity}"
            st.session_state[key] = identity in account.institutions
            st.checkbox(
                name,
                key=key,
                width=290,
                on_change=_do,
                args=(_assignment(store, account.login, identity, key), "担当の医療機関を変えました。"),
            )


def _assignment(store: Store, login: str, identity: str, key: str) -> Callable[[Principal], Account]:
    def change(principal: Principal) -> Account:
        if st.session_state[key]:
            return store.accounts.assign(principal, login, identity)
        return store.accounts.unassign(principal, login, identity)

    return change


# -- a new account ----------------------------------------------------------------------------------------------------


def _new(store: Store, names: dict[str, str]) -> None:
    st.subheader("アカウントを登録する", anchor=False)
    # After each account the form is another one: an empty one.
    number = st.session_state.setdefault(_NEXT, 0)
    with st.form(f"_new_account_{number}", enter_to_submit=False, width=640):
        login = st.text_input(
            "ログイン名",
            placeholder="英小文字・数字と . _ @ - で3〜64文字",
            autocomplete="off",
            key=f"_new_login_{number}",
        )
        name = st.text_input("名前", autocomplete="off", key=f"_new_name_{number}")
        role = st.selectbox("役割", ROLES, format_func=_title, filter_mode=None, key=f"_new_role_{number}")
        email = st.text_input("メール（組織のログインを使うときだけ）", autocomplete="off", key=f"_new_email_{number}")
        st.markdown("担当の医療機関（「医療機関」と「コンサルタント」の役割だけ）")
        with st.container(horizontal=True):
            chosen = [each for each, shown in names.items() if st.checkbox(shown, key=f"_new_{number}_{each}")]
        sent = st.form_submit_button("登録する", type="primary", icon=":material/person_add:")
    if sent:
        _hand_over(lambda principal: store.accounts.create(principal, login, name, role, chosen, email))
        if _HANDOVER in st.session_state:
            st.session_state[_NEXT] = number + 1
            st.rerun()
        _tell()


def _title(role: Role) -> str:
    return rights()[role].title.ja


def _scope(role: Role) -> str:
    """What a role of all institutions has to do with each of them."""
    return "見られます" if "read" in rights()[role].actions else "支援事業で受け持ち、その記録は見られません"


# -- doing it ---------------------------------------------------------------------------------------------------------


def _do(change: Callable[[Principal], Account], done: str) -> None:
    """Make a change as whoever is signed in now, which may no longer be who the page was drawn for."""
    try:
        change(current_principal(workspace()))
    except SanshoError as error:
        st.session_state[_TOLD] = (False, _said(error))
    else:
        st.session_state[_TOLD] = (True, done)


def _hand_over(make: Callable[[Principal], Handover]) -> None:
    try:
        st.session_state[_HANDOVER] = make(current_principal(workspace()))
    except SanshoError as error:
        st.session_state[_TOLD] = (False, _said(error))


def _said(error: SanshoError) -> str:
    if isinstance(error, AccountRefusedError):
        return REFUSALS[error.reason]
    if isinstance(error, LastAdministratorError):
        return "最後の管理者です。先に別の管理者を登録してください。"
    if isinstance(error, ForbiddenError | SessionEndedError):
        return "この操作は、ログイン中の管理者だけができます。"
    return f"できませんでした。何も変わっていません。（{error}）"
