"""The controls of a checklist: who does what, what is missing, what is left out, what to settle with a vendor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from analyzer.exports.answers import days_overdue
from analyzer.exports.checklist.answers import AnswerLines
from analyzer.exports.checklist.context import Context
from analyzer.exports.checklist.facts import settled_by
from analyzer.exports.checklist.model import GapLine, LeftOut, PartyCell, Row, Section, VendorCell, VendorRequest
from analyzer.exports.checklist.relations import RelationLines
from analyzer.exports.checklist.vendor import vendor_items
from analyzer.model.results import ControlResult, Gap
from analyzer.model.vocabulary import Party

_WHOLE = "項目全体"


@dataclass(frozen=True)
class ControlLines:
    """The controls of one assessed institution."""

    context: Context
    answers: AnswerLines
    relations: RelationLines

    def sections(self) -> Iterator[Section]:
        """The sections with their applicable controls; a section without any does not show."""
        rows = [self._row(group) for group in self.context.by_control if group[0].applicability == "applicable"]
        for (guideline, section), group in groupby(rows, lambda row: self._place(row.key)):
            control = self.context.knowledge.controls[(members := list(group))[0].key]
            yield Section(
                guideline, self.context.guideline_title(control), section, control.section.title.ja, tuple(members)
            )

    def _place(self, key: str) -> tuple[str, str]:
        control = self.context.knowledge.controls[key]
        return control.guideline, control.section.id

    def _row(self, group: tuple[ControlResult, ...]) -> Row:
        control = group[0].control
        return Row(
            key=control.key,
            id=control.id,
            title=control.title.ja,
            level=self.context.label("level", control.level),
            requirement=control.requirement,
            points=tuple((point.id, point.text) for point in control.points),
            why=self._why(group[0]),
            vendors=tuple(self._vendor(result) for result in group),
            integrator=self._party(group, "integrator"),
            user=self._party(group, "user"),
            gaps=self._gaps(group),
            expected_evidence=control.expected_evidence,
            source_note=control.note,
            related=self.relations.related(control.key),
        )

    def _why(self, result: ControlResult) -> str:
        """The reason for applying or not, with the condition and what the institution said of it."""
        reason = result.applicability_reason.ja
        if result.control.applies_if is None:
            return reason
        condition = self.context.knowledge.conditions[result.control.applies_if]
        asked = settled_by(condition.when, self.context.institution.facts, self.context.knowledge)
        return "\n".join([reason, f"条件：{condition.title.ja}", *asked])

    def _vendor(self, result: ControlResult) -> VendorCell:
        outstanding = any(gap.party == "vendor" for gap in result.gaps)
        told = (
            result.control.key,
            result.service,
            result.responsibility,
            result.assurance,
            result.assurance_reason.ja,
            result.conformity,
            result.reason.ja,
            outstanding,
        )
        found = self.context.shared.vendors.get(told)
        if found is None:
            found = self.context.shared.vendors[told] = self._new_vendor(result, outstanding)
        return found

    def _new_vendor(self, result: ControlResult, outstanding: bool) -> VendorCell:
        response = result.response
        vendor = self.context.knowledge.vendors.get(result.service or "")
        return VendorCell(
            service=result.service,
            name=self.context.vendor_name(result.service),
            conformity=self.context.label("vendor_conformity", response.conformity if response else "no_answer"),
            statement=response.statement if response else None,
            responsibility=self.context.label("responsibility", result.responsibility),
            disclosure=self.context.label("disclosure", response.disclosure if response else "none"),
            assurance=self.context.label("assurance", result.assurance),
            assurance_reason=result.assurance_reason.ja,
            items=vendor_items(response, vendor, self.context.assessment.as_of, self.context.rulebook)
            if response
            else (),
            outstanding=outstanding,
            result=self.context.label("conformity", result.conformity),
            result_reason=result.reason.ja,
        )

    def _party(self, group: tuple[ControlResult, ...], party: Party) -> PartyCell:
        duties = [duty for result in group for duty in result.duties if duty.party == party]
        label = self.context.label("party", party)
        if not duties:
            return PartyCell(label, (), self._no_duty(group, party), None, None, None, None)
        first = duties[0]
        others = {stated for duty in duties for stated in duty.stated_for} - {party}
        remark = "SI事業者がいないため、SI事業者に求められる対応も含む。" if others else None
        return PartyCell(
            party=label,
            texts=tuple(dict.fromkeys(text for duty in duties for text in duty.texts)),
            remark=remark,
            status=self.context.label("status", first.status),
            proof=self.context.label("proof", first.proof) if first.status in {"implemented", "partial"} else None,
            answer=self.answers.line(first.answer) if first.answer else None,
            overdue=days_overdue(first, self.context.assessment.as_of),
            shared=self.relations.shared(group[0].control.key, party),
            suggestions=self.relations.suggestions(group[0].control.key, party),
        )

    def _no_duty(self, group: tuple[ControlResult, ...], party: Party) -> str:
        if all(result.response is None for result in group):
            return "ベンダーの回答がなく、担う対応が示されていない。"
        if party == "integrator" and self.context.institution.integrator_presence == "absent":
            fell = any("integrator" in duty.stated_for for result in group for duty in result.duties)
            return "SI事業者がいないため、医療機関が担う。" if fell else "SI事業者はいない。"
        return "この項目に対応は書かれていない。"

    def _gaps(self, group: tuple[ControlResult, ...]) -> tuple[GapLine, ...]:
        found: dict[tuple[str, str, str, str | None], GapLine] = {}
        for result in group:
            for gap in result.gaps:
                # A duty's gap is the same whatever the service; the vendor's is each service's own.
                service = (
                    result.service if gap.party == "vendor" and len(self.context.institution.services) > 1 else None
                )
                found.setdefault((gap.kind, gap.party, gap.rule, service), self._gap(gap, service))
        return tuple(found.values())

    def _gap(self, gap: Gap, service: str | None) -> GapLine:
        return GapLine(
            kind=self.context.label("gap_kind", gap.kind),
            party=self.context.label("party", gap.party),
            priority=self.context.label("priority", gap.priority),
            rule=gap.rule,
            reason=gap.reason.ja,
            action=gap.action.ja,
            service=self.context.vendor_name(service) if service else None,
        )

    def left_out(self) -> Iterator[LeftOut]:
        """What a condition or a declaration takes out: whole controls, or duties of controls that stay in."""
        for group in self.context.by_control:
            control = group[0].control
            for scope, reason in self._exclusions(group):
                yield LeftOut(
                    control.key,
                    self.context.guideline_title(control),
                    control.id,
                    control.title.ja,
                    self.context.label("level", control.level),
                    scope,
                    reason,
                )

    def _exclusions(self, group: tuple[ControlResult, ...]) -> Iterator[tuple[str, str]]:
        """Scope and reason of each exclusion under a control."""
        if group[0].applicability == "not_applicable":
            yield _WHOLE, self._why(group[0])
            return
        declared = {
            duty.party: duty.answer.reason or "理由の記載なし"
            for result in group
            for duty in result.duties
            if duty.answer is not None and duty.status == "not_applicable"
        }
        names = {party: f"{self.context.label('party', party).ja}の対応" for party in declared}
        if all(result.conformity == "not_applicable" for result in group):
            given = [f"{names[party]}：{reason}" for party, reason in declared.items()]
            yield _WHOLE, "\n".join([group[0].reason.ja, *given])
            return
        for party, reason in declared.items():
            yield names[party], reason

    def requests(self) -> Iterator[VendorRequest]:
        """What is to be settled with each vendor, control by control."""
        for result in self.context.results:
            gaps = tuple(self._gap(gap, None) for gap in result.gaps if gap.party == "vendor")
            if gaps:
                control = result.control
                yield VendorRequest(
                    control.key,
                    self.context.guideline_title(control),
                    control.id,
                    control.title.ja,
                    self.context.label("level", control.level),
                    self._vendor(result),
                    gaps,
                )
