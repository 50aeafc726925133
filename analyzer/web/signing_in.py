"""Who sits before the app: nobody has to say where it runs for one person, everybody where accounts are required.

The session's token is kept in the memory of the browser tab's connection alone, in no cookie: reloading the page asks
to log in again, and nothing that another page could read gives access.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitMissingAuthlibError

from analyzer.errors import SanshoError
from analyzer.programme.links import RESET
from analyzer.programme.resetting import ResetRefusedError, Resetting
from analyzer.store.database import StoreError
from analyzer.store.passwords import LONGEST, PasswordRefusedError, Refusal, SignInPolicy, sign_in_policy
from analyzer.store.principal import SINGLE_USER, Principal, rights
from analyzer.store.signing_in import (
    LogInRefusedError,
    ProviderRefusal,
    ProviderRefusedError,
    Session,
    SessionEndedError,
    SigningIn,
)
from analyzer.web.settings import AppSettings
from analyzer.web.workspace import Workspace, workspace

SINGLE_USER_NOTE: Final = "ログインなしの一人用モードです。この機械からだけ使えます。"
_TOKEN: Final = "_session_token"  # noqa: S105 - the name of a place, not a secret
_LOGIN: Final = "_session_login"
_ENDED: Final = "_session_ended"
_REFUSED: Final = "_provider_refused"
_RESET_DONE: Final = "_reset_done"
_PROVIDER_REFUSALS: Final[Mapping[ProviderRefusal, str]] = {
    "unverified": "組織のログインから、確認済みのメールアドレスが届きませんでした。組織の管理者に知らせてください。",
    "stale": "組織でのログインから時間がたっています。もう一度ログインしてください。",
    "unknown": "このメールアドレスで使えるアカウントがありません。Sansho の管理者に登録を頼んでください。",
}


def accounts_required() -> bool:
    """Whether people have to log in (`sansho app --accounts`)."""
    return AppSettings.from_environment().accounts


def current_principal(shared: Workspace) -> Principal:
    """Who uses this session of the app, as the store knows them now. Draws nothing.

    Raises SessionEndedError where nobody has logged in or the session is over.
    """
    if not accounts_required():
        return SINGLE_USER
    token = st.session_state.get(_TOKEN)
    if token is None:
        raise SessionEndedError
    return _signing_in(shared).principal_of(token)


def principal_later(shared: Workspace) -> Callable[[], Principal]:
    """Who uses this session, asked of the store anew whenever it is called.

    For what Streamlit calls outside of the session, where `current_principal` knows nobody: the data of a download that
    is made at the click. Raises SessionEndedError where the session is over, now or then.
    """
    if not accounts_required():
        return lambda: SINGLE_USER
    token = st.session_state.get(_TOKEN)
    if token is None:
        raise SessionEndedError
    return lambda: _signing_in(shared).principal_of(token)


def may_enter() -> bool:
    """Whether pages may be drawn. Where not, `show_entrance` says why and offers what is to be done."""
    if not accounts_required():
        return True
    try:
        return not current_principal(workspace()).must_change
    except SessionEndedError:
        if st.session_state.pop(_TOKEN, None) is not None:
            st.session_state[_ENDED] = True
        return False
    except SanshoError:
        return False


def show_entrance() -> None:
    """Draw what stands between a visitor and the pages: logging in, or choosing a password of one's own."""
    try:
        signing_in = _signing_in(workspace())
        with st.container(width=480):
            if st.session_state.get(_TOKEN) is None:
                _draw_log_in(signing_in)
            else:
                _draw_first_change(signing_in)
    except SessionEndedError:
        st.rerun()
    except SanshoError as error:
        st.error("ログインの画面を表示できません。次の点を管理者に知らせてください。", icon=":material/error:")
        st.code(str(error), language=None, wrap_lines=True)


def show_visitor() -> None:
    """Draw the line that says who works here, with the way out; in single-user mode that it is one."""
    if not accounts_required():
        st.caption(SINGLE_USER_NOTE)
        return
    try:
        principal = current_principal(workspace())
    except SanshoError:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{principal.name}（{rights()[principal.role].title.ja}）としてログイン中", width="content")
        _draw_log_out("_log_out")


def draw_password_form(signing_in: SigningIn, key: str, button: str) -> bool:
    """Draw the form for a new password of one's own; True once it has been changed."""
    policy = sign_in_policy()
    with st.form(key, enter_to_submit=True, border=True):
        old = st.text_input("いまのパスワード", type="password", autocomplete="current-password")
        new = st.text_input("新しいパスワード", type="password", autocomplete="new-password")
        again = st.text_input("新しいパスワード（もう一度）", type="password", autocomplete="new-password")
        st.caption(password_advice(policy))
        sent = st.form_submit_button(button, type="primary")
    if not sent:
        return False
    if new != again:
        st.error("新しいパスワードの2つの欄が同じではありません。", icon=":material/error:")
        return False
    try:
        signing_in.change_password(st.session_state[_TOKEN], old, new)
    except SessionEndedError:
        # The frame asks to log in when it draws anew.
        st.rerun()
    except LogInRefusedError as refused:
        st.error(
            f"いまのパスワードが違います。続けて{refused.failures}回間違えると、{_minutes(policy)}分間は変更できません。",
            icon=":material/error:",
        )
        return False
    except PasswordRefusedError as refused:
        st.error(" ".join(refusal_text(each, policy) for each in refused.refusals), icon=":material/error:")
        return False
    return True


def password_advice(policy: SignInPolicy) -> str:
    """What is asked of a password, and what is recommended beyond."""
    kinds = {"letter": "英字などの文字", "digit": "数字", "symbol": "記号"}
    asked = "と".join(kinds[each] for each in policy.needs)
    asked = f"{policy.min_length}文字以上" + (f"で、{asked}を含めます。" if asked else "にします。")
    more = f"{policy.recommended_length}文字以上をすすめます。" if policy.recommended_length > policy.min_length else ""
    return f"{asked}{more}ログイン名を含むもの、いまのものと1つ前のものは使えません。"


def refusal_text(refusal: Refusal, policy: SignInPolicy) -> str:
    """Why a new password is not taken."""
    texts: Mapping[Refusal, str] = {
        "short": f"新しいパスワードは{policy.min_length}文字以上にしてください。",
        "long": f"新しいパスワードは{LONGEST}文字までにしてください。",
        "letter": "新しいパスワードに文字（英字など）を含めてください。",
        "digit": "新しいパスワードに数字を含めてください。",
        "symbol": "新しいパスワードに記号を含めてください。",
        "login": "新しいパスワードにログイン名を含めないでください。",
        "in_force": "いまと同じパスワードは使えません。",
        "previous": "1つ前のパスワードは使えません。",
    }
    return texts[refusal]


# -- logging in and out -----------------------------------------------------------------------------------------------


def _draw_log_in(signing_in: SigningIn) -> None:
    st.title("ログイン", anchor=False)
    if st.session_state.get(_ENDED):
        st.info(
            "しばらく操作がなかったか、時間の上限に達したか、管理者が止めたため、ログインが終わりました。",
            icon=":material/schedule:",
        )
    if not signing_in.has_accounts():
        st.warning(
            "アカウントがまだありません。このアプリを動かしている機械で、最初の管理者を登録してください。",
            icon=":material/person_add:",
        )
        st.code("sansho account add ログイン名 --name 名前 --role administrator", language=None)
        st.caption("データベースを `--store` で選んで起動したときは、このコマンドにも同じ `--store` を付けます。")
        return
    policy = sign_in_policy()
    resetting = _resetting()
    token = st.query_params.get(RESET)
    if token is not None and resetting is not None:
        _draw_reset(resetting, token)
        return
    if st.session_state.pop(_RESET_DONE, False):
        st.success("パスワードを変えました。新しいパスワードでログインしてください。", icon=":material/key:")
    with st.form("_log_in_form", enter_to_submit=True):
        login = st.text_input("ログイン名", autocomplete="username")
        password = st.text_input("パスワード", type="password", autocomplete="current-password")
        sent = st.form_submit_button("ログイン", type="primary", icon=":material/login:")
    if sent:
        try:
            session = signing_in.log_in(login, password)
        except LogInRefusedError as refused:
            st.error(
                "ログインできません。ログイン名かパスワードが違うか、アカウントが止められています。"
                f"続けて{refused.failures}回間違えると、{_minutes(policy)}分間はログインできません。",
                icon=":material/error:",
            )
        else:
            _enter(session)
    _draw_provider(signing_in)
    if resetting is not None:
        _draw_ask(resetting)
    st.caption(
        f"操作のない時間が{_whole(policy.idle.total_seconds() / 60)}分続くか、ログインから"
        f"{_whole(policy.longest.total_seconds() / 3600)}時間たつと終わります。"
        "ページを再読み込みしたときも、もう一度ログインしてください。"
        + ("" if resetting is not None else "パスワードを忘れたときは、管理者に初期パスワードを頼んでください。")
    )


# -- a password that was forgotten ------------------------------------------------------------------------------------


def _resetting() -> Resetting | None:
    """What sends links for a new password; None where mail is off, or the programmes' files cannot be used."""
    try:
        resetting = workspace().portal.resetting
    except SanshoError:
        return None
    return resetting if resetting.is_on else None


def _draw_ask(resetting: Resetting) -> None:
    with st.expander("パスワードを忘れた", icon=":material/help:"), st.form("_ask_reset_form"):
        asked = st.text_input("ログイン名かメールアドレス", autocomplete="username", max_chars=254)
        if st.form_submit_button("再設定のリンクをメールで受け取る") and asked.strip():
            try:
                resetting.ask_reset(asked)
            except SanshoError:
                st.error("いまは申し込めません。しばらくしてから、もう一度お試しください。", icon=":material/error:")
            else:
                # The same words whoever asks for whomever: they say nothing about which accounts there are.
                st.info(
                    "登録のあるメールアドレスなら、再設定のリンクを送りました。届かないときは、事務局か管理者に知らせてください。",
                    icon=":material/mail:",
                )


def _draw_reset(resetting: Resetting, token: str) -> None:
    """The form behind the link of a mail."""
    if not resetting.is_open(token):
        st.error(ResetRefusedError().ja, icon=":material/link_off:")
        st.button("ログインの画面へ", on_click=_leave_reset)
        _draw_ask(resetting)
        return
    policy = sign_in_policy()
    st.info("新しいパスワードを決めてください。リンクは一度だけ使えます。", icon=":material/key:")
    with st.form("_reset_form", enter_to_submit=True):
        new = st.text_input("新しいパスワード", type="password", autocomplete="new-password")
        again = st.text_input("新しいパスワード（もう一度）", type="password", autocomplete="new-password")
        st.caption(password_advice(policy))
        sent = st.form_submit_button("パスワードを変える", type="primary")
    st.button("やめてログインの画面へ", on_click=_leave_reset, type="tertiary")
    if not sent:
        return
    if new != again:
        st.error("新しいパスワードの2つの欄が同じではありません。", icon=":material/error:")
        return
    try:
        resetting.reset_password(token, new)
    except PasswordRefusedError as refused:
        st.error(" ".join(refusal_text(each, policy) for each in refused.refusals), icon=":material/error:")
    except ResetRefusedError as refused:
        st.error(refused.ja, icon=":material/link_off:")
    else:
        _leave_reset()
        st.session_state[_RESET_DONE] = True
        st.rerun()


def _leave_reset() -> None:
    """Take the link's token out of the address, where it would stay in the browser's history of this page."""
    if RESET in st.query_params:
        del st.query_params[RESET]


# -- logging in by password, out ---------------------------------------------------------------------------------------


def _draw_first_change(signing_in: SigningIn) -> None:
    st.title("新しいパスワードを決める", anchor=False)
    st.info("受け取った初期パスワードを自分のパスワードに変えると、使い始められます。", icon=":material/key:")
    if draw_password_form(signing_in, "_first_password_form", "変更して始める"):
        st.rerun()
    _draw_log_out("_log_out_first")


def _enter(session: Session) -> None:
    """Begin with a clean slate unless the same person comes back to what they left."""
    if st.session_state.get(_LOGIN) != session.principal.login:
        st.session_state.clear()
    st.session_state[_TOKEN], st.session_state[_LOGIN] = session.token, session.principal.login
    st.session_state.pop(_ENDED, None)
    st.rerun()


def _draw_log_out(key: str) -> None:
    st.button("ログアウト", icon=":material/logout:", on_click=_log_out, type="tertiary", key=key)


def _log_out() -> None:
    token = st.session_state.get(_TOKEN)
    # What was on the screen belongs to whoever leaves.
    st.session_state.clear()
    if token is not None:
        _signing_in(workspace()).log_out(token)
    if _of_provider() is not None:
        st.logout()


# -- the organisation's own provider ----------------------------------------------------------------------------------


def _draw_provider(signing_in: SigningIn) -> None:
    """Offer the organisation's own log-in where it is configured, and take it where it has been made."""
    if getattr(st.user, "is_logged_in", None) is None:
        return
    claims = _of_provider()
    if claims is not None:
        # Each log-in there is tried once: what was refused is in the trail once, not at every redraw.
        tried = (claims.get("email"), claims.get("iat"))
        if st.session_state.get(_REFUSED, (None,))[0] != tried:
            try:
                session = signing_in.log_in_with_oidc(claims)
            except ProviderRefusedError as refused:
                st.session_state[_REFUSED] = (tried, refused.reason)
            else:
                _enter(session)
        st.warning(_PROVIDER_REFUSALS[st.session_state[_REFUSED][1]], icon=":material/badge:")
    for name in _providers():
        label = "組織のアカウントでログイン" + (f"（{name}）" if name else "")
        if st.button(label, icon=":material/domain:", key=f"_provider_{name}"):
            try:
                st.login(name or None)
            except (StreamlitMissingAuthlibError, StreamlitAuthError):
                st.error("組織のログインの設定が正しくありません。管理者に知らせてください。", icon=":material/error:")


def _of_provider() -> Mapping[str, Any] | None:
    """What the provider says of the visitor; None where there is no log-in of that kind."""
    return st.user.to_dict() if getattr(st.user, "is_logged_in", False) is True else None


def _providers() -> list[str]:
    """The names of the providers in `[auth]`, empty for the one that is configured there itself."""
    auth = st.secrets.get("auth", {}) if hasattr(st.secrets, "get") else {}
    named = [name for name, value in auth.items() if isinstance(value, Mapping) and "client_id" in value]
    return [*([""] if "client_id" in auth else []), *named]


def _signing_in(shared: Workspace) -> SigningIn:
    if shared.store is None:
        raise StoreError("accounts need a store; start the app without --read-only")
    return shared.store.signing_in


def _minutes(policy: SignInPolicy) -> str:
    return _whole(policy.lock.total_seconds() / 60)


def _whole(figure: float) -> str:
    return f"{figure:g}"
