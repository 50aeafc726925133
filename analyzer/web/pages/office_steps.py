"""One step of a participant, from the secretariat's side: what came in, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from analyzer.programme.office import PaperKind
from analyzer.programme.participant import Paper, Participant, StepRecord
from analyzer.programme.portal_files import Upload
from analyzer.programme.progress import StepState
from analyzer.programme.refusal import PortalError
from analyzer.programme.screens.institution import (
    consent_page,
    consents_fragment,
    handouts_fragment,
    terms_fragment,
    thread_fragment,
)
from analyzer.programme.screens.office import (
    answer_lines,
    answers_fragment,
    missing_fragment,
    paper_fragment,
    requests_fragment,
    step_fragment,
)
from analyzer.store.principal import Principal
from analyzer.web.components.panel import show_panel
from analyzer.web.pages.office_acts import (
    bound,
    is_stale,
    next_upload,
    perform,
    performed,
    release,
    show_files,
    show_told,
    upload_key,
)
from analyzer.web.pages.office_place import Place
from analyzer.web.pages.office_schedule import draw_schedule
from analyzer.web.signing_in import current_principal, principal_later
from analyzer.web.workspace import workspace


def draw_step(place: Place, participant: Participant, state: StepState) -> None:
    """Draw a step with all that the secretariat may do in it."""
    record = participant.steps[state.step.id]
    show_panel(step_fragment(state, place.as_of), key="office-step")
    kind = state.step.kind
    if kind == "registration":
        _registration(place, participant)
    elif kind == "consent":
        _consent(place, participant)
    if state.step.optional is not None:
        _wish(record)
    if not record.wanted and not _has_come_in(record):
        # Nothing is asked for as long as the institution has not said that it wants it.
        _messages(place, participant, record)
        _remind(place, participant, state)
        return
    _papers(place, participant, record)
    if state.step.schedule:
        draw_schedule(place, participant, record)
    if state.step.stages:
        _progress(place, participant, record)
    _handouts(place, participant, record)
    _messages(place, participant, record)
    _remind(place, participant, state)


# -- basic data and consent ------------------------------------------------------------------------------------------


def _registration(place: Place, participant: Participant) -> None:
    here = f"registration-{participant.institution}"
    fields = {f"_office_{participant.institution}_{field.id}": field for field in place.programme.registration}
    seen = bound(
        here,
        participant.registration.version,
        {key: participant.registration.values.get(field.id, "") for key, field in fields.items()},
    )
    edit, told = st.columns([3, 2], gap="large")
    with edit:
        st.subheader("登録情報", anchor=False)
        _say_stale(here, participant.registration.version)
        for key, field in fields.items():
            st.text_input(field.label + ("" if field.required else "（任意）"), key=key, autocomplete="off")

        def save() -> None:
            values = {field.id: st.session_state[key] for key, field in fields.items()}
            if performed(
                here,
                lambda who: workspace().portal.office.change_registration(
                    who, place.programme.id, participant.institution, values, seen
                ),
                "登録情報を保存しました。変わったときは、医療機関に確認を頼んでいます。",
            ):
                release(here)

        st.button("保存して確認を頼む", type="primary", icon=":material/save:", on_click=save, key="_office_save_data")
        show_told(here)
    with told:
        show_panel(requests_fragment(participant), key="office-requests")


def _say_stale(here: str, version: int) -> None:
    """Where fields hold what was typed over an older version: say so, and offer to open them anew."""
    if is_stale(here, version):
        st.warning(
            "入力している間に、ほかの人が保存しました。欄には入力したものが残っています。",
            icon=":material/sync_problem:",
        )
        st.button("入力を捨てて開き直す", icon=":material/refresh:", on_click=release, args=(here,), key=f"anew-{here}")


def _consent(place: Place, participant: Participant) -> None:
    if participant.consents:
        show_panel(consents_fragment(participant), key="office-consents")
        if participant.consent is None:
            st.warning("今の版の規約には、まだ同意していません。", icon=":material/edit_document:")
    else:
        st.info("まだ同意していません。", icon=":material/hourglass_empty:")
    st.download_button(
        "印刷用のページ（規約と同意の記録）",
        data=partial(_consent_page, principal_later(place.shared), participant.programme.id, participant.institution),
        file_name=f"同意_{participant.enrolment.name}.html",
        mime="text/html",
        icon=":material/print:",
        on_click="ignore",
    )
    with st.expander("規約の本文", icon=":material/gavel:"):
        show_panel(terms_fragment(participant), key="office-terms")


def _consent_page(asked: Callable[[], Principal], programme: str, institution: str) -> bytes:
    return consent_page(workspace().portal.office.view(asked(), programme, institution))


def _wish(record: StepRecord) -> None:
    if record.wanted is None:
        st.info("この支援を希望するかどうか、医療機関の回答を待っています。", icon=":material/hourglass_empty:")
    elif record.wanted:
        st.markdown("希望の有無　**✓ 希望する**")
    else:
        st.markdown("希望の有無　**－ 希望しない**")


def _has_come_in(record: StepRecord) -> bool:
    """Whether anything was handed in, ever."""
    return any(paper.handed_in is not None for paper in (*record.forms.values(), *record.documents.values()))


# -- forms and documents ---------------------------------------------------------------------------------------------


def _papers(place: Place, participant: Participant, record: StepRecord) -> None:
    for identity, paper in record.forms.items():
        form = place.programme.form_by_id[identity]
        with st.container(border=True):
            show_panel(paper_fragment(form.title, None, paper), key=f"office-form-{identity}")
            _answers(place, participant, paper)
            _decide(place, participant, "form", paper)
    missing = []
    for wanted in record.step.documents:
        paper = record.documents[wanted.id]
        if paper.state == "asked":
            missing.append(wanted)
            continue
        with st.container(border=True):
            show_panel(
                paper_fragment(wanted.title, wanted.guidance, paper, required=wanted.required),
                key=f"office-document-{wanted.id}",
            )
            show_files(place.programme.id, participant.institution, paper.files)
            if paper.earlier:
                with st.expander(f"前に提出されたもの（{len(paper.earlier)}件）"):
                    show_files(place.programme.id, participant.institution, paper.earlier)
            _decide(place, participant, "document", paper)
    if missing:
        show_panel(missing_fragment(missing), key="office-missing")


def _answers(place: Place, participant: Participant, paper: Paper) -> None:
    """What was handed in; what the institution has filled in since is not the secretariat's to see."""
    form, knowledge = place.programme.form_by_id[paper.id], place.shared.knowledge
    note = None
    answers = paper.answers
    if paper.state == "sent_back":
        principal = current_principal(place.shared)
        before = place.portal.history.last_handed_in(principal, place.programme.id, participant.institution, paper.id)
        if before is None:
            return
        answers, note = before, "差し戻す前に提出された内容です。直している途中のものは、提出されるまで見えません。"
    elif paper.state not in {"handed_in", "accepted"}:
        return
    with st.expander("回答を読む", icon=":material/description:", expanded=paper.state == "handed_in"):
        lines = answer_lines(form, answers, knowledge, place.shared.rulebook)
        show_panel(answers_fragment(lines, note), key=f"office-answers-{paper.id}")


def _decide(place: Place, participant: Participant, kind: PaperKind, paper: Paper) -> None:
    here = f"{kind}-{participant.institution}-{paper.id}"
    reason = f"_office_reason_{here}"
    if paper.state in {"handed_in", "accepted"}:
        programme, institution = place.programme.id, participant.institution

        def accept(who: Principal) -> None:
            workspace().portal.office.accept(who, programme, institution, kind, paper.id, paper.version)

        def send_back(who: Principal) -> None:
            said = st.session_state[reason]
            workspace().portal.office.send_back(who, programme, institution, kind, paper.id, said, paper.version)

        with st.container(horizontal=True, vertical_alignment="bottom"):
            if paper.state == "handed_in":
                st.button(
                    "受領する",
                    type="primary",
                    icon=":material/check:",
                    on_click=perform,
                    args=(here, accept, "受領しました。"),
                    key=f"accept-{here}",
                )
            with st.popover("差し戻す", icon=":material/undo:"):
                st.text_area("差し戻す理由（医療機関に示します）", key=reason, width=460)
                st.button(
                    "理由を付けて差し戻す",
                    on_click=perform,
                    args=(here, send_back, "差し戻しました。", reason),
                    key=f"send-back-{here}",
                )
    show_told(here)


# -- progress, files handed over ---------------------------------------------------------------------------------------


def _progress(place: Place, participant: Participant, record: StepRecord) -> None:
    step, progress = record.step, record.progress
    here = f"progress-{participant.institution}-{step.id}"
    stage_key, summary_key = f"_office_stage_{here}", f"_office_summary_{here}"
    titles = {"": "（まだ）", **{stage.id: stage.title for stage in step.stages}}
    seen = bound(here, progress.version, {stage_key: progress.stage or "", summary_key: progress.summary or ""})

    def save() -> None:
        stage, summary = st.session_state[stage_key] or None, st.session_state[summary_key]
        if performed(
            here,
            lambda who: workspace().portal.office.set_progress(
                who, place.programme.id, participant.institution, step.id, stage, summary, seen
            ),
            "進捗を保存しました。",
        ):
            release(here)

    with st.container(border=True):
        st.subheader("進捗と概要", anchor=False)
        _say_stale(here, progress.version)
        st.segmented_control(
            "進捗（最後の段階にすると、この手順が終わります）",
            list(titles),
            key=stage_key,
            required=True,
            format_func=titles.__getitem__,
        )
        st.text_area("概要（医療機関にも見えます）", key=summary_key)
        st.button("進捗を保存する", on_click=save, icon=":material/save:", key=f"save-{here}")
        show_told(here)


def _handouts(place: Place, participant: Participant, record: StepRecord) -> None:
    step = record.step
    here = f"handout-{participant.institution}-{step.id}"
    title_key, note_key, report_key = (f"_office_{name}_{here}" for name in ("title", "note", "report"))
    file_key = upload_key(here)

    def hand_over() -> None:
        file = st.session_state.get(file_key)
        if file is None:
            perform(here, _no_file, "")
            return
        report = bool(st.session_state.get(report_key))
        title, note = st.session_state[title_key] or file.name, st.session_state[note_key]
        if performed(
            here,
            lambda who: workspace().portal.office.hand_over(
                who,
                place.programme.id,
                participant.institution,
                step.id,
                title,
                Upload(file.name, file.getvalue()),
                report=report,
                note=note,
            ),
            "最終報告書を届けました。" if report else "資料を届けました。",
            title_key,
            note_key,
            report_key,
        ):
            next_upload(here)

    with st.container(border=bool(record.handouts)):
        if record.handouts:
            show_panel(handouts_fragment(record), key="office-handouts")
            show_files(
                place.programme.id,
                participant.institution,
                [each.file for each in reversed(record.handouts) if each.file is not None],
            )
        label = "資料・最終報告書を届ける" if step.report else "資料を届ける"
        with st.expander(label, icon=":material/upload_file:", expanded=False):
            st.file_uploader(_file_label(place, 1), key=file_key)
            st.text_input("資料の名前（空ならファイルの名前）", key=title_key, autocomplete="off")
            st.text_input("説明（任意）", key=note_key, autocomplete="off")
            if step.report:
                st.checkbox("この手順の最終報告書", key=report_key)
            st.button("届ける", icon=":material/send:", on_click=hand_over, key=f"hand-over-{here}")
        show_told(here)


def _no_file(_who: Principal) -> None:
    raise PortalError("ファイルを選んでください。", "no file chosen")


def _file_label(place: Place, most: int) -> str:
    size = place.programme.files.max_bytes // 1_048_576
    return f"ファイル（{'1件' if most == 1 else f'{most}件まで'}、1件 {size} MB まで）"


# -- messages and reminders --------------------------------------------------------------------------------------------


def _messages(place: Place, participant: Participant, record: StepRecord) -> None:
    here = f"message-{participant.institution}-{record.step.id}"
    text_key, file_key = f"_office_text_{here}", upload_key(here)

    def answer() -> None:
        files = st.session_state.get(file_key) or []
        uploads = [Upload(each.name, each.getvalue()) for each in files]
        text = st.session_state[text_key]
        if performed(
            here,
            lambda who: workspace().portal.messages.answer(
                who, place.programme.id, participant.institution, record.step.id, text, uploads
            ),
            "連絡を送りました。",
            text_key,
        ):
            next_upload(here)

    with st.container(border=True):
        st.subheader("連絡", anchor=False)
        show_panel(thread_fragment(record, "secretariat"), key="office-thread")
        files = [file for message in record.messages for file in message.files]
        if files:
            st.caption("連絡に添えられたファイル")
            show_files(place.programme.id, participant.institution, files)
        st.text_area("事務局から書く（送ると消せません）", key=text_key, max_chars=8_000)
        with st.expander("ファイルを添える", icon=":material/attach_file:"):
            st.file_uploader(
                _file_label(place, place.programme.files.per_place), accept_multiple_files=True, key=file_key
            )
        st.button("送る", type="primary", icon=":material/send:", on_click=answer, key=f"send-{here}")
        show_told(here)


def _remind(place: Place, participant: Participant, state: StepState) -> None:
    if state.waiting_for != "institution":
        return
    here = f"remind-{participant.institution}-{state.step.id}"
    text_key = f"_office_text_{here}"
    st.session_state.setdefault(text_key, f"まだお済みでないことがあります。{state.next_action}")

    def remind(who: Principal) -> None:
        text = st.session_state[text_key]
        workspace().portal.office.remind(who, place.programme.id, participant.institution, state.step.id, text)

    with st.container(border=True):
        st.subheader("催促", anchor=False)
        text = st.text_area("催促の文", key=text_key, max_chars=4_000)
        with st.expander("届くメールの文面", icon=":material/mail:"):
            if not place.portal.mailing.is_on:
                st.caption("メールの送信は設定されていません。催促はポータルの通知にだけ出ます。")
            subject, body = place.portal.office.reminder_mail(
                current_principal(place.shared), place.programme.id, participant.institution, state.step.id, text
            )
            st.text(f"件名　{subject}\n\n{body}")
        st.button(
            "催促を送る",
            icon=":material/notifications_active:",
            on_click=perform,
            args=(here, remind, "催促しました。", text_key),
            key=f"send-{here}",
        )
        show_told(here)
