"""メール: what is queued, and what went wrong: sent again, or let be, by the secretariat."""

from __future__ import annotations

import streamlit as st

from analyzer.programme.mailing import TroubledMail
from analyzer.programme.screens.office import MAIL_WORDS, Figure, figures_fragment
from analyzer.programme.screens.words import when
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.pages.office_acts import perform, show_told
from analyzer.web.pages.office_place import Place
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import workspace

_HERE = "mail"
_SHOWN = 50


def draw_mail(place: Place) -> None:
    """Draw whether mail is on, how many mails are in which state, and those that wait for a decision."""
    mailing = place.portal.mailing
    principal = current_principal(place.shared)
    if mailing.is_on:
        st.markdown("メールの送信　**● 設定済み**")
    else:
        st.info(
            "メールの送信は設定されていません。通知はポータルの中だけに出ます。"
            "送るには、起動する環境に `SANSHO_SMTP_HOST` などを設定します（docs/programme.md）。",
            icon=":material/mail_off:",
        )
    counts = mailing.counts(principal)
    here = address.link(parameters=address.query())
    if counts:
        show_panel(
            figures_fragment(
                [
                    Figure(MAIL_WORDS[state], number, here, care=state in {"unsure", "failed"})
                    for state, number in counts.items()
                ]
            ),
            key="office-mail",
        )
    elif mailing.is_on:
        st.caption("まだ1通もありません。")
    show_told(_HERE)
    troubled = mailing.troubled(principal)
    if not troubled:
        st.caption("判断を待つメールはありません。")
        return
    st.subheader(f"判断を待つメール（{len(troubled):,}通）", anchor=False)
    st.caption(
        "「届いたか分からない」は、送っている間に止まったものです。二重に届くことがあるため、ひとりでには送り直しません。"
    )
    for mail in troubled[:_SHOWN]:
        _draw(mail, mailing.is_on)
    if len(troubled) > _SHOWN:
        st.caption(f"ほか{len(troubled) - _SHOWN:,}通。上のものを済ませると出ます。")


def _draw(mail: TroubledMail, is_on: bool) -> None:
    with st.container(border=True):
        mark = "？" if mail.state == "unsure" else "×"
        st.markdown(f"**{mark} {MAIL_WORDS[mail.state]}**")
        st.text(
            f"宛先　{mail.recipient}\n件名　{mail.subject}\n作成　{when(mail.created_at)}　"
            f"最後の動き　{when(mail.changed_at)}　試した回数　{mail.attempts}"
        )
        if mail.error:
            st.caption("送信サーバーなどの言い分")
            st.code(mail.error, language=None, wrap_lines=True)
        with st.container(horizontal=True):
            if mail.can_resend:
                st.button(
                    "もう一度送る",
                    icon=":material/forward_to_inbox:",
                    disabled=not is_on,
                    on_click=perform,
                    args=(_HERE, lambda who: workspace().portal.mailing.resend(who, mail.id), "もう一度送ります。"),
                    key=f"resend-{mail.id}",
                )
            else:
                st.caption("パスワード再設定のメールです。本人がもう一度申し込みます。", width="content")
            st.button(
                "そのままにする",
                icon=":material/do_not_disturb_on:",
                on_click=perform,
                args=(_HERE, lambda who: workspace().portal.mailing.let_be(who, mail.id), "そのままにしました。"),
                key=f"let-be-{mail.id}",
            )
