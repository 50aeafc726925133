"""What the secretariat does for a participant: the counterpart of every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Literal

from analyzer.programme.desk import Act, Desk
from analyzer.programme.feeding import make_offers
from analyzer.programme.links import institution_link
from analyzer.programme.mail_texts import MailValues, mail_text
from analyzer.programme.participant import (
    Paper,
    Participant,
    Proposal,
    as_handed_in,
    document_place,
    form_key,
    handout_place,
)
from analyzer.programme.portal_files import PortalFiles, Upload
from analyzer.programme.refusal import PortalError
from analyzer.programme.registration import checked_registration
from analyzer.programme.texts import one_line, optional_paragraph, paragraph
from analyzer.store.principal import Principal, needs, require

PaperKind = Literal["form", "document"]
_LINE, _TEXT = 200, 4_000
_MOST_PROPOSALS = 10


@dataclass(frozen=True, slots=True)
class WantedDate:
    """A date to propose: begins and ends on one day."""

    day: date
    start: time
    end: time
    place: str


class Office:
    """The secretariat's acts for one participant at a time."""

    def __init__(self, desk: Desk, files: PortalFiles) -> None:
        self._desk = desk
        self._files = files

    @needs("run_programme")
    def view(self, principal: Principal, programme: str, institution: str) -> Participant:
        """A participant, as the secretariat sees it: without drafts and offers."""
        require(principal, "run_programme", institution)
        return as_handed_in(self._desk.read(programme, institution))

    @needs("run_programme")
    def change_registration(
        self, principal: Principal, programme: str, institution: str, values: Mapping[str, str], seen: int
    ) -> None:
        """Set the basic data; the institution is asked to check them anew. seen: the version that was changed."""
        require(principal, "run_programme", institution)
        wanted = checked_registration(self._desk.programme(programme), values)
        with self._desk.act(principal, programme, institution, "change_registration") as act:
            if dict(act.participant.registration.values) == wanted:
                return
            act.set("registration", "", {"values": wanted, "signed": act.signature.data()}, seen)
            act.tell_institution(
                "data_changed", "登録情報を直しました。確認してください。", act.step_of("registration")
            )

    @needs("run_programme")
    def accept(
        self, principal: Principal, programme: str, institution: str, kind: PaperKind, identity: str, seen: int
    ) -> None:
        """Accept a form or document that was handed in. An accepted form makes offers to the institution's record."""
        require(principal, "run_programme", institution)
        with self._desk.act(principal, programme, institution, "accept") as act:
            step, title, paper = _handed_in(act, kind, identity, ("handed_in",))
            self._decide(act, kind, step, paper, "accepted", None, seen)
            act.tell_institution(
                "form_accepted" if kind == "form" else "document_accepted", f"「{title}」を受領しました。", step
            )
            if kind == "form" and make_offers(act, identity):
                act.tell_institution(
                    "offer_made", f"「{title}」の回答から、記録への反映候補ができました。確認してください。", step
                )

    @needs("run_programme")
    def send_back(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        kind: PaperKind,
        identity: str,
        reason: str,
        seen: int,
    ) -> None:
        """Send back what was handed in, or accepted before, with the reason."""
        require(principal, "run_programme", institution)
        said = paragraph(reason, "差し戻す理由", _TEXT)
        with self._desk.act(principal, programme, institution, "send_back") as act:
            step, title, paper = _handed_in(act, kind, identity, ("handed_in", "accepted"))
            self._decide(act, kind, step, paper, "sent_back", said, seen)
            act.tell_institution(
                "form_sent_back" if kind == "form" else "document_sent_back",
                f"「{title}」を差し戻しました。理由：{said}",
                step,
            )

    @needs("run_programme")
    def propose_dates(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        step: str,
        dates: Sequence[WantedDate],
        seen: int,
    ) -> None:
        """Propose dates for a step; they take the place of those proposed before, also of one agreed on."""
        require(principal, "run_programme", institution)
        if not 1 <= len(dates) <= _MOST_PROPOSALS:
            raise PortalError(f"候補は1件から{_MOST_PROPOSALS}件までにしてください。", "too few or too many dates")
        with self._desk.act(principal, programme, institution, "propose_dates") as act:
            record = act.step(step)
            if not record.step.schedule:
                raise PortalError("この手順では日程を決めません。", f"step {step!r} has no schedule")
            period = act.programme.period
            for each in dates:
                if not period.starts_on <= each.day <= period.ends_on:
                    raise PortalError(f"{each.day} は事業の期間の外です。", f"{each.day}: outside of the period")
                if each.end <= each.start:
                    raise PortalError(
                        f"{each.day} の終わりの時刻が始まりより前です。", f"{each.day}: ends before it begins"
                    )
            # Numbers go on through the rounds, so that a choice from an earlier one can never mean a date of this one.
            first = 1 + max((int(each.id) for each in record.schedule.proposals), default=0)
            proposals = [
                Proposal(
                    str(first + index),
                    each.day.isoformat(),
                    each.start.strftime("%H:%M"),
                    each.end.strftime("%H:%M"),
                    one_line(each.place, "場所", _LINE),
                )
                for index, each in enumerate(dates)
            ]
            act.set_schedule(step, proposals, agreed=None, other=None, expected=seen)
            act.tell_institution("dates_proposed", f"「{record.step.title}」の日程の候補を出しました。", step)

    @needs("run_programme")
    def set_progress(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        step: str,
        stage: str | None,
        summary: str | None,
        seen: int,
    ) -> None:
        """Say where a step stands, and what a meeting came to."""
        require(principal, "run_programme", institution)
        said = optional_paragraph(summary, "概要", _TEXT)
        with self._desk.act(principal, programme, institution, "set_progress") as act:
            record = act.step(step)
            known = record.step.stage(stage) if stage is not None else None
            if stage is not None and known is None:
                raise PortalError("その進捗はありません。", f"step {step!r} has no stage {stage!r}")
            if (record.progress.stage, record.progress.summary) == (stage, said):
                return
            act.set("progress", step, {"stage": stage, "summary": said, "signed": act.signature.data()}, seen)
            if known is not None and record.progress.stage != stage:
                act.tell_institution("stage_changed", f"「{record.step.title}」は「{known.title}」になりました。", step)

    @needs("run_programme")
    def hand_over(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        step: str,
        title: str,
        upload: Upload,
        *,
        report: bool = False,
        note: str | None = None,
    ) -> None:
        """Give the institution a file; report: it is the step's final report."""
        require(principal, "run_programme", institution)
        named = one_line(title, "資料の名前", _LINE)
        said = optional_paragraph(note, "説明", _TEXT)
        # Asked before a file is stored, so that nothing is left behind.
        self._desk.read(programme, institution).step(step)
        stored = self._files.store(self._desk.programme(programme), [upload])
        with self._desk.act(principal, programme, institution, "hand_over") as act:
            record = act.step(step)
            if report and not record.step.report:
                raise PortalError("この手順には報告書がありません。", f"step {step!r} has no report")
            key = act.add(
                "handout",
                {"title": named, "report": report, "note": said, "signed": act.signature.data()},
                step,
            )
            self._files.name_in(act, handout_place(key), stored)
            act.tell_institution(
                "report_delivered" if report else "document_handed_over", f"「{named}」を届けました。", step
            )

    @needs("run_programme")
    def remind(self, principal: Principal, programme: str, institution: str, step: str, text: str) -> None:
        """Remind the institution of a step, in one's own words."""
        require(principal, "run_programme", institution)
        said = paragraph(text, "催促の本文", _TEXT)
        with self._desk.act(principal, programme, institution, "remind") as act:
            title = act.step(step).step.title
            act.add("reminder", {"text": said, "automatic": False, "signed": act.signature.data()}, step)
            act.tell_institution("reminder", f"「{title}」について：{said}", step)

    @needs("run_programme")
    def reminder_mail(
        self, principal: Principal, programme: str, institution: str, step: str, text: str
    ) -> tuple[str, str]:
        """Subject and body of the mail that a reminder in these words would be; nothing is sent."""
        require(principal, "run_programme", institution)
        participant = self._desk.read(programme, institution)
        meant, known = participant.programme, participant.programme.step_by_id.get(step)
        title = known.title if known is not None else step
        app = self._desk.mail.app if self._desk.mail is not None else "（ポータルのアドレス）"
        values = MailValues(
            programme=meant.title.ja,
            institution=participant.enrolment.name,
            recipient="（担当者の名前）",
            step=title,
            secretariat=meant.secretariat,
            link=f"{app}/{institution_link(programme, institution, step)}",
            due=known.due if known is not None else None,
            days=None,
            text=f"「{title}」について：{text.strip()}",
        )
        return mail_text(meant.mails.get("reminder"), values)

    @staticmethod
    def _decide(
        act: Act,
        kind: PaperKind,
        step: str,
        paper: Paper,
        state: Literal["accepted", "sent_back"],
        reason: str | None,
        seen: int,
    ) -> None:
        data = {
            "state": state,
            "reason": reason,
            "handed_in": paper.handed_in.data() if paper.handed_in else None,
            "decided": act.signature.data(),
        }
        if kind == "form":
            act.set("form", form_key(step, paper.id), {**data, "answers": dict(paper.answers)}, seen)
        else:
            files = [each.sha256 for each in paper.files]
            kept = {**data, "files": files, "issued_on": paper.issued_on}
            act.set("document", document_place(step, paper.id), kept, seen)


def _handed_in(act: Act, kind: PaperKind, identity: str, states: Sequence[str]) -> tuple[str, str, Paper]:
    """Step, title and paper of what is in one of these states. Raises PortalError."""
    programme = act.programme
    if kind == "form":
        step, form = programme.step_of_form.get(identity), programme.form_by_id.get(identity)
        title = form.title if form is not None else identity
    else:
        step = programme.step_of_document.get(identity)
        wanted = step.document(identity) if step is not None else None
        title = wanted.title if wanted is not None else identity
    if step is None:
        raise PortalError("その様式や資料はありません。", f"no {kind} {identity!r}")
    record = act.step(step.id)
    paper = (record.forms if kind == "form" else record.documents)[identity]
    if paper.state not in states:
        raise PortalError(
            "提出されている状態ではありません。開き直してください。", f"{kind} {identity!r} is {paper.state}"
        )
    return step.id, title, paper
