"""The account of a participant's person, and what was done in its part of the programme."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import streamlit as st

from analyzer.exports.japan_time import in_japan
from analyzer.programme.participant import Participant
from analyzer.programme.screens.office import history_fragment
from analyzer.programme.screens.words import when
from analyzer.store.accounts import Account, Handover
from analyzer.store.principal import Principal
from analyzer.store.records import now
from analyzer.web.components.panel import show_panel
from analyzer.web.pages.office_acts import perform, show_told
from analyzer.web.pages.office_place import Place
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import workspace

# The first password that was just made, until the next thing is done: it can be shown only now.
_HANDOVER: Final = "_office_handover"


def draw_account(place: Place, participant: Participant) -> None:
    """Draw the accounts that act for the participant, and what can be done about them."""
    here = f"account-{participant.institution}"
    principal = current_principal(place.shared)
    accounts = place.shared.portal.enrolling.accounts(principal, place.programme.id, participant.institution)
    _show_handover(participant)
    show_told(here)
    most = place.programme.persons_per_institution
    if not accounts:
        st.info("この医療機関のアカウントは、まだありません。", icon=":material/person_add:")
    for account in accounts:
        _draw_one(here, participant, account)
    in_use = sum(1 for each in accounts if not each.disabled)
    st.caption(f"1機関に登録できるのは{most}人までです（いま{in_use}人）。")
    if in_use < most:
        _draw_new(here, place, participant, len(accounts))


def _draw_one(here: str, participant: Participant, account: Account) -> None:
    with st.container(border=True):
        st.markdown(f"ログイン名　**{account.login}**　　{_state(account)}")
        st.text(f"担当者　{account.name}　　メール　{account.email or '（なし）'}\n登録　{when(account.created_at)}")
        if len(account.institutions) > 1:
            st.caption("いくつもの医療機関を担当するアカウントです。初期パスワードは管理者が発行します。")
            return

        def reset(who: Principal) -> None:
            enrolling = workspace().portal.enrolling
            programme = participant.programme.id
            _keep(participant, enrolling.reset_password(who, programme, participant.institution, account.login))

        with st.popover("初期パスワードを発行する", icon=":material/key:"):
            st.markdown("いまのパスワードは使えなくなり、ログイン中の端末は終わります。")
            st.button(
                "発行する",
                on_click=perform,
                args=(here, reset, "初期パスワードを発行しました。"),
                key=f"reset-{account.login}",
            )

        if account.disabled:
            return

        def stop(who: Principal) -> None:
            enrolling = workspace().portal.enrolling
            enrolling.stop_account(who, participant.programme.id, participant.institution, account.login)

        with st.popover("止める", icon=":material/person_off:"):
            st.markdown(
                "担当者が代わったときに使います。ログインできなくなり、別の担当者を加えられます。戻せるのは管理者だけです。"
            )
            st.button(
                "このアカウントを止める",
                on_click=perform,
                args=(here, stop, "アカウントを止めました。"),
                key=f"stop-{account.login}",
            )


def _state(account: Account) -> str:
    if account.disabled:
        return "× 停止中"
    if account.locked_until is not None and datetime.fromisoformat(account.locked_until) > now():
        return f"▲ 間違いが続き一時停止（{in_japan(account.locked_until):%H:%M}まで）"
    return "△ まだ初期パスワードのまま" if account.must_change else "● 使用中"


def _draw_new(here: str, place: Place, participant: Participant, number: int) -> None:
    login, name, email = (f"_office_new_{field}_{participant.institution}" for field in ("login", "name", "email"))
    contact = _contact(participant)
    st.session_state.setdefault(
        login, participant.institution if number == 0 else f"{participant.institution}-{number + 1}"
    )
    st.session_state.setdefault(name, contact[0] if number == 0 else "")
    st.session_state.setdefault(email, contact[1] if number == 0 else "")

    def create(who: Principal) -> None:
        handover = workspace().portal.enrolling.create_account(
            who,
            place.programme.id,
            participant.institution,
            st.session_state[login],
            st.session_state[name],
            st.session_state[email] or None,
        )
        _keep(participant, handover)

    with st.container(border=True):
        st.subheader("担当者を加える", anchor=False)
        st.text_input("ログイン名", key=login, autocomplete="off", width=420)
        st.text_input("担当者の名前", key=name, autocomplete="off", width=420)
        st.text_input("メールアドレス（通知と再設定に使います）", key=email, autocomplete="off", width=420)
        st.button(
            "アカウントを作る",
            icon=":material/person_add:",
            on_click=perform,
            args=(here, create, "アカウントを作りました。", login, name, email),
            key=f"create-{participant.institution}",
        )


def _contact(participant: Participant) -> tuple[str, str]:
    """The contact's name and address as registered, for a first account."""
    values = participant.registration.values
    fields = participant.programme.registration
    email = next((values.get(each.id, "") for each in fields if each.type == "email"), "")
    kana = next((index for index, each in enumerate(fields) if each.type == "kana"), None)
    name = values.get(fields[kana - 1].id, "") if kana else ""
    return name or participant.enrolment.name, email


def _keep(participant: Participant, handover: Handover) -> None:
    st.session_state[_HANDOVER] = (participant.institution, handover)


def _show_handover(participant: Participant) -> None:
    kept: tuple[str, Handover] | None = st.session_state.pop(_HANDOVER, None)
    if kept is None or kept[0] != participant.institution:
        return
    with st.container(border=True):
        st.success(
            f"「{kept[1].account.login}」の初期パスワードです。いま一度だけ表示します。"
            "本人に安全な方法で渡してください。最初のログインで、本人が新しいパスワードに変えます。",
            icon=":material/key:",
        )
        st.code(kept[1].first_password, language=None)


def draw_history(place: Place, participant: Participant) -> None:
    """Draw what was done, the latest first."""
    entries, more = place.portal.history.of(
        current_principal(place.shared), place.programme.id, participant.institution
    )
    show_panel(history_fragment(entries, more=more), key="office-history")
