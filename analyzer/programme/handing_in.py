"""What an institution hands in: forms and wanted documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from analyzer.programme.desk import Act, Desk
from analyzer.programme.filled_form import form_faults, kept_answers
from analyzer.programme.participant import Paper, PaperState, StepRecord, document_place, form_key
from analyzer.programme.portal_files import PortalFiles, Upload
from analyzer.programme.refusal import PortalError
from analyzer.store.principal import Principal, needs, require


class FormFaultsError(PortalError):
    """A form that is not taken. faults: by question, Japanese."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__(f"直すところが{len(faults)}件あります。", f"faults in {', '.join(sorted(faults))}")


class HandingIn:
    """The institution's hand-ins. What was accepted can no longer be changed; what was sent back can."""

    def __init__(self, desk: Desk, files: PortalFiles) -> None:
        self._desk = desk
        self._files = files

    @needs("take_part")
    def save_form(
        self, principal: Principal, programme: str, institution: str, form: str, answers: Mapping[str, Any], seen: int
    ) -> None:
        """Keep a form as far as it is filled in. seen: the form's version that was filled in further.

        Raises FormFaultsError for answers that could not be right, ItemConflictError where somebody else saved.
        """
        require(principal, "take_part", institution)
        self._write_form(principal, programme, institution, form, answers, seen, "draft")

    @needs("take_part")
    def hand_in_form(
        self, principal: Principal, programme: str, institution: str, form: str, answers: Mapping[str, Any], seen: int
    ) -> None:
        """Hand a form in. Raises FormFaultsError also for required questions that are not answered."""
        require(principal, "take_part", institution)
        self._write_form(principal, programme, institution, form, answers, seen, "handed_in")

    @needs("take_part")
    def hand_in_document(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        document: str,
        uploads: Sequence[Upload],
        issued_on: date,
    ) -> None:
        """Hand in a wanted document as one or more files. What was handed in before stays, and says so.

        issued_on: the day that the document bears, since the day on which it is handed in proves nothing.
        """
        require(principal, "take_part", institution)
        meant = self._desk.programme(programme)
        step = meant.step_of_document.get(document)
        if step is None:
            raise PortalError("その資料は求められていません。", f"no document {document!r}")
        wanted = step.document(document)
        assert wanted is not None
        if not uploads:
            raise PortalError("ファイルを選んでください。", "no files")
        if issued_on > self._desk.clock().date() + timedelta(days=1):
            raise PortalError("資料の日付が、今日より後です。", f"{issued_on}: is in the future")
        # Seen before anything is stored, so that a stranger's upload leaves nothing behind.
        _require_open(self._desk.read(programme, institution).steps[step.id], "document", document)
        stored = self._files.store(meant, uploads)
        with self._desk.act(principal, programme, institution, "hand_in") as act:
            _require_open(act.step(step.id), "document", document)
            place = document_place(step.id, document)
            named = self._files.name_in(act, place, stored)
            act.set(
                "document",
                place,
                {
                    "state": "handed_in",
                    "reason": None,
                    "files": named,
                    "issued_on": issued_on.isoformat(),
                    "handed_in": act.signature.data(),
                    "decided": None,
                },
            )
            act.tell_secretariat("document_handed_in", f"「{wanted.title}」を提出しました（{len(named)}件）。", step.id)

    def _write_form(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        form: str,
        answers: Mapping[str, Any],
        seen: int,
        state: PaperState,
    ) -> None:
        meant = self._desk.programme(programme)
        known, step = meant.form_by_id.get(form), meant.step_of_form.get(form)
        if known is None or step is None:
            raise PortalError("その様式はありません。", f"no form {form!r}")
        faults = form_faults(known, answers, whole=state == "handed_in")
        if faults:
            raise FormFaultsError(faults)
        with self._desk.act(principal, programme, institution, "save" if state == "draft" else "hand_in") as act:
            paper = _require_open(act.step(step.id), "form", form)
            kept = kept_answers(known, answers)
            if state == "draft":
                # A form that was sent back stays so, with its reason, until it is handed in again.
                state = "sent_back" if paper.state == "sent_back" else "draft"
                if paper.answers == kept:
                    return
            act.set("form", form_key(step.id, form), _form_data(act, paper, state, kept), seen)
            if state == "handed_in":
                act.tell_secretariat("form_handed_in", f"「{known.title}」を提出しました。", step.id)


def _form_data(act: Act, paper: Paper, state: PaperState, answers: Mapping[str, Any]) -> dict[str, Any]:
    handed_in = act.signature.data() if state == "handed_in" else paper.handed_in.data() if paper.handed_in else None
    sent_back = state == "sent_back"
    return {
        "state": state,
        "answers": dict(answers),
        "reason": paper.reason if sent_back else None,
        "handed_in": handed_in,
        "decided": paper.decided.data() if sent_back and paper.decided else None,
    }


def _require_open(record: StepRecord, kind: str, identity: str) -> Paper:
    """The form or document, where it may be handed in now."""
    paper = (record.forms if kind == "form" else record.documents)[identity]
    if record.wanted is not True:
        raise PortalError(
            "先に、この支援を希望するかどうかを回答してください。", f"step {record.step.id!r} is not wanted"
        )
    if paper.state == "accepted":
        raise PortalError(
            "受領済みのため変えられません。直すときは、事務局に連絡してください。",
            f"{kind} {identity!r} is accepted already",
        )
    return paper
