"""What an institution answered and what it shows as evidence, every field of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from analyzer.engine.periods import expires_on
from analyzer.exports.answers import UnusedAnswer, unused_answers
from analyzer.exports.checklist.context import Context
from analyzer.exports.checklist.model import AnswerLine, CarriedOver, EvidenceLine, UncountedAnswer
from analyzer.model.institution import Answer, Evidence


@dataclass(frozen=True)
class AnswerLines:
    """The answers and the evidence of one assessed institution."""

    context: Context

    @cached_property
    def evidence(self) -> dict[str, EvidenceLine]:
        """Every piece of evidence by id, used or not."""
        used: dict[str, dict[str, None]] = {}
        for answer in self.context.institution.answers.values():
            for item in answer.evidence:
                used.setdefault(item, {})[self.context.knowledge.controls[answer.control].id] = None
        lapsing = {entry.evidence.id for entry in self.context.assessment.summary.expiring}
        return {
            item.id: self._evidence_line(item, item.id in lapsing, tuple(used.get(item.id, ())))
            for item in self.context.institution.evidence.values()
        }

    def _evidence_line(self, item: Evidence, lapsing: bool, used_by: tuple[str, ...]) -> EvidenceLine:
        last = expires_on(item, self.context.rulebook.policy)
        return EvidenceLine(
            id=item.id,
            title=item.title,
            kind=self.context.label("evidence_kind", item.kind),
            issued_on=item.issued_on,
            valid_until=item.valid_until,
            covers_from=item.covers_from,
            covers_to=item.covers_to,
            location=item.location,
            note=item.note,
            expires_on=last,
            state=self._state(item, last, lapsing),
            lapsing=lapsing,
            used_by=used_by,
        )

    def _state(self, item: Evidence, last: date, lapsing: bool) -> str:
        as_of = self.context.assessment.as_of
        days = (last - as_of).days
        if item.issued_on > as_of:
            return "基準日より後の発行"
        if days < 0:
            return f"× 期限切れ（{-days}日前）"
        return f"▲ 残り{days}日" if lapsing else "● 有効"

    def line(self, answer: Answer) -> AnswerLine:
        """An answer with its evidence."""
        return AnswerLine(
            party=self.context.label("party", answer.party),
            status=self.context.label("status", answer.status),
            reason=answer.reason,
            evidence=tuple(self.evidence[item] for item in answer.evidence),
            checked_on=answer.checked_on,
            due=answer.due,
            owner=answer.owner,
            note=answer.note,
            carried_over=answer.carried_over,
        )

    def carried_over(self) -> Iterator[CarriedOver]:
        """The answers taken from an earlier assessment and not checked again, in the order of the file."""
        for answer in self.context.institution.answers.values():
            control = self.context.knowledge.controls[answer.control]
            if answer.carried_over and self.context.listed(control):
                yield CarriedOver(control.key, control.id, control.title.ja, self.line(answer))

    def uncounted(self) -> Iterator[UncountedAnswer]:
        """The answers that decide nothing at as_of, in the order of the file."""
        left_out = {
            duty.answer: result.control
            for result in self.context.assessment.results
            if result.applicability == "not_applicable"
            for duty in result.duties
            if duty.answer is not None
        }
        unused = {entry.answer: entry for entry in unused_answers(self.context.assessment)}
        for answer in self.context.institution.answers.values():
            control = self.context.knowledge.controls[answer.control]
            if not self.context.listed(control):
                continue
            if answer in unused:
                why = self._why_unused(unused[answer])
            elif answer in left_out:
                why = "項目が適用除外のため、集計に入らない。"
            else:
                continue
            yield UncountedAnswer(control.key, control.id, control.title.ja, self.line(answer), why)

    def _why_unused(self, unused: UnusedAnswer) -> str:
        institution = self.context.institution
        if unused.why == "after_as_of":
            return f"確認日が基準日（{self.context.assessment.as_of}）より後のため、集計に入らない。"
        if not institution.services:
            return "利用するサービスの登録がないため、集計に入らない。"
        if unused.answer.party == "integrator" and institution.integrator_presence == "absent":
            return "SI事業者がいないとされているため、集計に入らない。対応は医療機関が担う。"
        return "この担い手の対応が書かれていない項目のため、集計に入らない。"
