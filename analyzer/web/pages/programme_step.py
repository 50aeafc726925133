"""A step of a programme: its views, and what is done in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import streamlit as st

from analyzer.programme.model import StepKind, WantedDocument
from analyzer.programme.participant import Paper, StepRecord
from analyzer.programme.progress import StepState
from analyzer.programme.screens import institution as screens
from analyzer.programme.screens.institution import Tab
from analyzer.web.components.panel import show_panel
from analyzer.web.pages import programme_form, programme_messages
from analyzer.web.portal_visit import Visit, attempt, draw_files, fresh_key, tell, uploads_of, used_up

_MESSAGES: Final = "messages"
_DOCUMENTS: Final = "documents"


def draw(visit: Visit, step: str, view: str) -> None:
    """Draw a view of a step; one that it does not have gives way to its first."""
    state = next(each for each in visit.states if each.step.id == step)
    record = visit.participant.steps[step]
    tabs = _tabs(visit, record)
    if view not in {tab.view for tab in tabs}:
        view = tabs[0].view
    show_panel(screens.tabs_fragment(visit.participant, state, tabs, view, visit.as_of), key=f"head {step}")
    if view == _MESSAGES:
        programme_messages.draw(visit, record)
    elif view == _DOCUMENTS:
        _documents(visit, record)
    elif view.startswith("form:"):
        programme_form.draw(visit, record, view.removeprefix("form:"))
    else:
        _FIRST[record.step.kind](visit, record, state)


def _tabs(visit: Visit, record: StepRecord) -> list[Tab]:
    tabs = [Tab("", {"registration": "登録情報", "consent": "規約と同意"}.get(record.step.kind, "状況"))]
    if record.step.kind == "questionnaire":
        tabs = []
    if record.wanted is not False:
        forms = visit.programme.form_by_id
        tabs += [Tab(f"form:{form}", forms[form].title) for form in record.step.forms]
        if record.step.documents:
            papers = record.documents.values()
            handed = sum(1 for paper in papers if paper.state in {"handed_in", "accepted"})
            tabs.append(Tab(_DOCUMENTS, "提出資料", f"{handed} / {len(papers)}"))
    tabs = tabs or [Tab("", "状況")]
    return [*tabs, Tab(_MESSAGES, "連絡", str(len(record.messages)) if record.messages else None)]


# -- basic data and consent -------------------------------------------------------------------------------------------
# What is done is done in callbacks: they hold the version that was on the screen, not the one of the next drawing.


def _registration(visit: Visit, _record: StepRecord, _state: StepState) -> None:
    participant, name = visit.participant, f"change {visit.place}"
    show_panel(screens.registration_fragment(participant), key="registration")
    seen, check = participant.registration.version, participant.check
    if check is not None and check.outcome == "change":
        st.info("変更を依頼しています。事務局が直すと、通知が届きます。", icon=":material/hourglass:")
    if check is None or check.outcome != "correct":
        st.button(
            "この内容で正しい",
            type="primary",
            icon=":material/check:",
            key="confirm-registration",
            on_click=partial(_confirm, visit, seen),
        )
    expander = st.expander("違うところがある", icon=":material/edit:", expanded=check is None)
    with expander, st.form("change-registration", border=False):
        key = fresh_key(name)
        st.text_area(
            "どの項目を、どう直すか",
            key=key,
            max_chars=2_000,
            placeholder="例：担当者の電話番号を 03-0000-0000 に",
        )
        st.form_submit_button("変更を依頼する", on_click=partial(_ask_change, visit, seen, name, key))
    show_panel(screens.checks_fragment(participant), key="checks")


def _confirm(visit: Visit, seen: int) -> None:
    part = visit.portal.participation
    attempt(lambda: part.confirm_registration(*visit.anew(), seen), "登録情報が正しいことを確認しました。")


def _ask_change(visit: Visit, seen: int, name: str, key: str) -> None:
    part, text = visit.portal.participation, st.session_state[key]
    if attempt(lambda: part.request_change(*visit.anew(), seen, text), "事務局に変更を依頼しました。"):
        used_up(name)


def _consent(visit: Visit, _record: StepRecord, _state: StepState) -> None:
    participant = visit.participant
    show_panel(screens.terms_fragment(participant), key="terms")
    if participant.consent is None:
        if participant.consents:
            st.warning("規約が改まりました。あらためて同意をお願いします。", icon=":material/history_edu:")
        with st.form("consent"):
            name, agreed = f"consent name {visit.place}", f"consent mark {visit.place}"
            st.text_input("同意する方の氏名", key=name, max_chars=100)
            st.checkbox("規約を最後まで読み、同意します", key=agreed)
            st.form_submit_button(
                "同意する",
                type="primary",
                icon=":material/history_edu:",
                on_click=partial(_agree, visit, participant.programme.terms.digest, name, agreed),
            )
    else:
        with st.container(horizontal=True, vertical_alignment="center", key="consent-keep"):
            st.download_button(
                "規約と同意の記録を保存（HTML）",
                data=lambda: screens.consent_page(visit.read_anew()),
                file_name=f"consent-{visit.programme.id}-{participant.institution}.html",
                mime="text/html",
                icon=":material/download:",
                on_click="ignore",
            )
            st.caption("このページをブラウザーで印刷しても、規約と同意の記録だけが印刷されます。")
    if participant.consents:
        show_panel(screens.consents_fragment(participant), key="consents")


def _agree(visit: Visit, digest: str, name: str, agreed: str) -> None:
    if not st.session_state[agreed]:
        tell("同意する場合は、「規約を最後まで読み、同意します」に印を付けてください。", failed=True)
        return
    part, by = visit.portal.participation, st.session_state[name]
    attempt(lambda: part.consent(*visit.anew(), by, digest), "同意を記録しました。")


# -- support, hearing -------------------------------------------------------------------------------------------------


def _support(visit: Visit, record: StepRecord, state: StepState) -> None:
    if record.step.optional is not None:
        _wish(visit, record)
    if record.wanted is not True:
        return
    show_panel(screens.tasks_fragment(visit.participant, state), key="tasks")
    if record.step.schedule:
        _schedule(visit, record)
    if record.step.stages or record.progress.summary:
        show_panel(screens.progress_fragment(record), key="progress")
    if record.step.kind == "support" or record.handouts:
        show_panel(screens.handouts_fragment(record), key="handouts")
        draw_files(visit, [each.file for each in reversed(record.handouts) if each.file is not None], "handout")


def _wish(visit: Visit, record: StepRecord) -> None:
    step = record.step
    assert step.optional is not None
    key = f"wish {visit.place} {step.id}"
    with st.container(border=True):
        st.session_state[key] = record.wanted

        def say_wish() -> None:
            wanted = st.session_state[key]
            if wanted is not None:
                said = "希望する" if wanted else "希望しない"
                attempt(
                    lambda: visit.portal.participation.wish(*visit.anew(), step.id, wanted=wanted),
                    f"{said}と回答しました。",
                )

        st.radio(
            step.optional.question,
            [True, False],
            index=None,
            key=key,
            format_func=lambda value: "希望する" if value else "希望しない",
            horizontal=True,
            on_change=say_wish,
        )
        if record.wanted is False:
            st.caption("希望しないと回答しています。期限までは、選び直せます。")


def _schedule(visit: Visit, record: StepRecord) -> None:
    schedule, step = record.schedule, record.step.id
    show_panel(screens.schedule_fragment(record), key="schedule")
    if schedule.agreed is not None or not schedule.proposals:
        return
    seen, name = schedule.version, f"dates {visit.place} {step}"
    with st.form(f"choose-date {step}", border=True):
        lines = {
            each.id: screens.proposal_text(each.day, each.start, each.end, each.place) for each in schedule.proposals
        }
        key = f"{name} {seen}"
        st.radio("候補の日程", list(lines), index=None, format_func=lambda each: lines[each], key=key)
        st.form_submit_button(
            "この日に決める",
            type="primary",
            icon=":material/event_available:",
            on_click=partial(_choose_date, visit, step, seen, key),
        )
    if schedule.other is None:
        with (
            st.expander("別の日を希望する", icon=":material/event_busy:"),
            st.form(f"other-dates {step}", border=False),
        ):
            key = fresh_key(name)
            st.text_area("都合のよい日時", key=key, max_chars=2_000)
            st.form_submit_button("別の日を希望する", on_click=partial(_ask_others, visit, step, seen, name, key))


def _choose_date(visit: Visit, step: str, seen: int, key: str) -> None:
    part, chosen = visit.portal.participation, st.session_state[key]
    if chosen is None:
        tell("候補から1つ選んでください。", failed=True)
    else:
        attempt(lambda: part.choose_date(*visit.anew(), step, chosen, seen), "日程を決めました。")


def _ask_others(visit: Visit, step: str, seen: int, name: str, key: str) -> None:
    part, text = visit.portal.participation, st.session_state[key]
    if attempt(lambda: part.ask_other_dates(*visit.anew(), step, text, seen), "別の日の希望を事務局に伝えました。"):
        used_up(name)


# -- documents --------------------------------------------------------------------------------------------------------


def _documents(visit: Visit, record: StepRecord) -> None:
    if record.wanted is None:
        st.info("先に「状況」で、この支援を希望するかどうかを回答してください。", icon=":material/help:")
        return
    for wanted in record.step.documents:
        with st.container(border=True, key=f"document-{wanted.id}"):
            _document(visit, wanted, record.documents[wanted.id])


def _document(visit: Visit, wanted: WantedDocument, paper: Paper) -> None:
    show_panel(screens.document_fragment(wanted, paper), key=f"paper {wanted.id}")
    draw_files(visit, paper.files, f"file {wanted.id}")
    if paper.earlier:
        with st.expander(f"前に提出したファイル {len(paper.earlier)}件", icon=":material/history:"):
            draw_files(visit, paper.earlier, f"earlier {wanted.id}")
    if paper.state == "accepted":
        return
    label = {"handed_in": "差し替える", "sent_back": "直したものを提出する"}.get(paper.state, "提出する")
    with st.expander(label, icon=":material/upload_file:", expanded=paper.state == "sent_back"):
        _hand_in(visit, wanted, label)


def _hand_in(visit: Visit, wanted: WantedDocument, label: str) -> None:
    name, limits = f"upload {visit.place} {wanted.id}", visit.programme.files
    with st.form(f"hand-in {wanted.id}", border=False):
        files, day = fresh_key(name), fresh_key(f"{name} day")
        st.file_uploader(
            f"ファイル（{limits.per_place}件まで、1件 {limits.max_bytes / 1048576:.0f} MBまで）",
            accept_multiple_files=True,
            key=files,
        )
        st.date_input(
            "資料の日付（資料に書かれている作成日や発行日）", value=None, max_value=visit.as_of, key=day, width=320
        )
        st.form_submit_button(
            label,
            type="primary",
            icon=":material/upload_file:",
            on_click=partial(_hand_in_files, visit, wanted, name, files, day),
        )


def _hand_in_files(visit: Visit, wanted: WantedDocument, name: str, files: str, day: str) -> None:
    uploads, issued_on = uploads_of(st.session_state[files]), st.session_state[day]
    if issued_on is None:
        tell("資料の日付を入れてください。", failed=True)
        return
    handing_in = visit.portal.handing_in
    if attempt(
        lambda: handing_in.hand_in_document(*visit.anew(), wanted.id, uploads, issued_on),
        f"「{wanted.title}」を提出しました。",
    ):
        used_up(name)
        used_up(f"{name} day")


_FIRST: Final[Mapping[StepKind, Callable[[Visit, StepRecord, StepState], None]]] = {
    "registration": _registration,
    "consent": _consent,
    "support": _support,
    "hearing": _support,
    "questionnaire": _support,
}
