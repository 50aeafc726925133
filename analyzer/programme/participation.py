"""What an institution does in a programme besides handing in: checks its data, consents, wishes, chooses dates."""

from __future__ import annotations

from analyzer.programme.desk import Desk
from analyzer.programme.participant import Participant
from analyzer.programme.refusal import PortalError
from analyzer.programme.texts import one_line, paragraph
from analyzer.store.principal import Principal, needs, require

_NAME, _TEXT = 100, 2_000


class Participation:
    """The institution's acts. An institution sees and changes its own part of a programme alone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @needs("take_part")
    def programmes(self, principal: Principal, institution: str) -> tuple[str, ...]:
        """The programmes in which the institution takes part, the latest first."""
        require(principal, "take_part", institution)
        return self._desk.programmes_of(institution)

    @needs("take_part")
    def view(self, principal: Principal, programme: str, institution: str) -> Participant:
        """The institution's part of a programme. Raises UnknownInstitutionError where it takes none."""
        require(principal, "take_part", institution)
        return self._desk.read(programme, institution)

    @needs("take_part")
    def confirm_registration(self, principal: Principal, programme: str, institution: str, seen: int) -> None:
        """Say that the basic data are correct. seen: the version that was looked at."""
        require(principal, "take_part", institution)
        self._check(principal, programme, institution, seen, None)

    @needs("take_part")
    def request_change(self, principal: Principal, programme: str, institution: str, seen: int, text: str) -> None:
        """Ask the secretariat to change the basic data. text: what is to be changed, and to what."""
        require(principal, "take_part", institution)
        self._check(principal, programme, institution, seen, paragraph(text, "直したい内容", _TEXT))

    @needs("take_part")
    def consent(self, principal: Principal, programme: str, institution: str, name: str, digest: str) -> None:
        """Agree to the terms. name: of the person who agrees; digest: of the terms that were shown to them.

        Every consent stays; agreeing again to the same terms is refused.
        """
        require(principal, "take_part", institution)
        agreed_by = one_line(name, "同意する方の氏名", _NAME)
        with self._desk.act(principal, programme, institution, "consent") as act:
            terms = act.programme.terms
            if digest != terms.digest:
                raise PortalError(
                    "規約が改まりました。開き直して、新しい規約を読んでください。",
                    "the terms have changed; read them again",
                )
            if act.participant.consent is not None:
                raise PortalError("この規約には、すでに同意しています。", "these terms are agreed to already")
            act.add(
                "consent",
                {
                    "terms_version": terms.version,
                    "digest": terms.digest,
                    "name": agreed_by,
                    "signed": act.signature.data(),
                },
            )
            act.tell_secretariat("consent_given", f"規約（{terms.version}版）に同意しました。", act.step_of("consent"))

    @needs("take_part")
    def wish(self, principal: Principal, programme: str, institution: str, step: str, wanted: bool) -> None:
        """Say whether an optional step is wanted. May be said anew as long as nothing has been handed in to it."""
        require(principal, "take_part", institution)
        with self._desk.act(principal, programme, institution, "wish") as act:
            record = act.step(step)
            if record.step.optional is None:
                raise PortalError("この手順は、希望を選ぶものではありません。", f"step {step!r} is not optional")
            papers = (*record.forms.values(), *record.documents.values())
            if not wanted and any(paper.handed_in is not None for paper in papers):
                raise PortalError(
                    "すでに提出したものがあるため、ここでは取りやめられません。事務局に連絡してください。",
                    f"step {step!r} has begun; only the secretariat can end it",
                )
            if record.wanted == wanted:
                return
            act.set("wish", step, {"wanted": wanted, "signed": act.signature.data()})
            said = "希望する" if wanted else "希望しない"
            act.tell_secretariat("wish_stated", f"「{record.step.title}」を{said}と回答しました。", step)

    @needs("take_part")
    def choose_date(
        self, principal: Principal, programme: str, institution: str, step: str, proposal: str, seen: int
    ) -> None:
        """Agree to one of the proposed dates. seen: the version of the schedule that was looked at."""
        require(principal, "take_part", institution)
        with self._desk.act(principal, programme, institution, "agree_date") as act:
            schedule = act.step(step).schedule
            _require_open(schedule.agreed is None)
            chosen = next((each for each in schedule.proposals if each.id == proposal), None)
            if chosen is None:
                raise PortalError("その候補はもうありません。開き直してください。", f"no proposal {proposal!r}")
            act.set_schedule(step, schedule.proposals, agreed=proposal, other=None, expected=seen)
            act.tell_secretariat("date_agreed", f"日程を{chosen.day} {chosen.start}～{chosen.end}に決めました。", step)

    @needs("take_part")
    def ask_other_dates(
        self, principal: Principal, programme: str, institution: str, step: str, text: str, seen: int
    ) -> None:
        """Say that none of the proposed dates suits, and what would."""
        require(principal, "take_part", institution)
        said = paragraph(text, "都合のよい日時", _TEXT)
        with self._desk.act(principal, programme, institution, "ask_other_dates") as act:
            schedule = act.step(step).schedule
            _require_open(schedule.agreed is None and bool(schedule.proposals))
            act.set_schedule(step, schedule.proposals, agreed=None, other=said, expected=seen)
            act.tell_secretariat("other_dates_asked", f"ほかの日程を希望しています：{said}", step)

    def _check(self, principal: Principal, programme: str, institution: str, seen: int, text: str | None) -> None:
        with self._desk.act(principal, programme, institution, "check") as act:
            participant = act.participant
            if participant.registration.version != seen:
                raise PortalError(
                    "登録情報がその後変わりました。開き直して、もう一度確認してください。",
                    "the basic data have changed meanwhile; look at them again",
                )
            latest = participant.check
            if text is None and latest is not None and latest.outcome == "correct":
                return
            outcome = "correct" if text is None else "change"
            act.add("check", {"outcome": outcome, "version": seen, "text": text, "signed": act.signature.data()})
            step = act.step_of("registration")
            if text is None:
                act.tell_secretariat("data_confirmed", "登録情報に誤りがないことを確認しました。", step)
            else:
                act.tell_secretariat("change_requested", f"登録情報の変更を依頼しました：{text}", step)


def _require_open(condition: bool) -> None:
    if not condition:
        raise PortalError("日程はその後変わりました。開き直してください。", "the schedule has changed meanwhile")
