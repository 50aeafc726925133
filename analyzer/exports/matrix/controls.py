"""The matrix proper: one sheet a guideline, one row a control, every field of it, and an institution's state beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from analyzer.exports.answers import UnusedAnswer, days_overdue, unused_answers
from analyzer.exports.matrix.context import FIRST_ROW, GROUP_ROW, Context
from analyzer.exports.matrix.links import References
from analyzer.exports.related import unrelated_controls
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Column, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE, DATE, NUMBER
from analyzer.model.catalog import Guideline
from analyzer.model.controls import Control, Response
from analyzer.model.crosswalk import Unrelated
from analyzer.model.institution import Answer, Evidence
from analyzer.model.results import ControlResult, DutyResult
from analyzer.model.vocabulary import PARTIES, Party

YES, NO, NOTHING = "あり", "－", "－"
_FROZEN = 2


@dataclass(frozen=True, slots=True)
class Field:
    """A column and what stands in it for a control. `ends_page`: a printed page ends after it."""

    column: Column
    value: Callable[[Control], Value]
    ends_page: bool = False


def write_guideline(context: Context, references: References, guideline: Guideline) -> None:
    """Fill the sheet of one guideline."""
    controls = context.by_guideline[guideline.id]
    fields = ControlFields(context, references, guideline).fields()
    sheet = context.heading(
        guideline.id,
        context.edition(guideline),
        context.edition_warning(guideline),
        "　".join(_surveys(context, controls)),
    )
    table = context.book.table(
        sheet,
        GROUP_ROW,
        [field.column for field in fields],
        [[field.value(control) for field in fields] for control in controls],
    )
    context.book.freeze(sheet, FIRST_ROW, _FROZEN + 1)
    old = "" if guideline.in_force else "【旧版。表紙の「ガイドラインの版」を参照】"
    context.book.print_setup(
        sheet,
        header=f"{guideline.short_title} {guideline.edition or ''}{old}",
        footer=context.footer,
        repeat_rows=(GROUP_ROW, table.header_row),
        repeat_columns=(1, _FROZEN),
        breaks_after=[index for index, field in enumerate(fields, 1) if field.ends_page],
        first_row=GROUP_ROW,
    )


def _surveys(context: Context, controls: Iterable[Control]) -> list[str]:
    answering = {vendor for control in controls for vendor in control.responses}
    return [context.survey_line(vendor) for vendor in context.vendors if vendor in answering]


def lines(items: Iterable[str]) -> str | None:
    """One item a line; None where there is none."""
    return "\n".join(items) or None


@dataclass(frozen=True)
class ControlFields:
    """Which columns a guideline's sheet has, from left to right."""

    context: Context
    references: References
    guideline: Guideline

    def fields(self) -> list[Field]:
        """The control, the MIC clauses, each vendor's answer, proof, related controls where there is a crosswalk, and
        with an assessment each service and party.
        """
        found = self._own()
        if any(control.mic for control in self.context.by_guideline[self.guideline.id]):
            found += self._mic()
        found[-1] = Field(found[-1].column, found[-1].value, ends_page=True)
        for vendor in self.context.vendors:
            found += self._vendor(vendor)
        found += self._proof()
        if any(self.guideline.id in (walk.first, walk.second) for walk in self.context.knowledge.crosswalks):
            found += self._related()
        found[-1] = Field(found[-1].column, found[-1].value, ends_page=True)
        if self.context.assessment:
            services = [service.vendor for service in self.context.assessment.institution.services]
            for index, service in enumerate(services or [None]):
                found += self._result(service, index)
            for party in PARTIES:
                found += self._answer(party)
        return found

    # -- what is asked --------------------------------------------------------------------------------------------

    def _own(self) -> list[Field]:
        group = "求められること"
        return [
            Field(Column("項番", 11, CENTRE, "項目"), lambda control: control.id),
            Field(Column("項目名", 24, BODY, "項目"), lambda control: control.title.ja),
            Field(Column("原典の標記", 9, CENTRE, group), lambda control: control.mark),
            Field(Column("節", 18, BODY, group), lambda control: f"{control.section.id} {control.section.title.ja}"),
            Field(Column("区分", 9, CENTRE, group), lambda control: self.context.label("level", control.level)),
            Field(Column("要求事項", 60, BODY, group, most=100), lambda control: control.full_requirement),
            Field(Column("適用条件", 20, BODY, group), self._condition),
            Field(Column("項目名（英語）", 22, BODY, group), lambda control: control.title.en),
            Field(Column("節（英語）", 20, BODY, group), lambda control: control.section.title.en),
        ]

    def _condition(self, control: Control) -> str:
        if control.applies_if is None:
            return "すべての機関"
        return self.context.knowledge.conditions[control.applies_if].title.ja

    def _mic(self) -> list[Field]:
        group = "総務省ガイドラインの要求事項"
        return [
            Field(Column("条項", 40, BODY, group, most=60), self._clauses),
            Field(
                Column("条項へ", 8, CENTRE, group),
                lambda control: self.references.link_from_control(control.key, "clause"),
            ),
            Field(
                Column("条項のない要求事項（合意等）", 46, BODY, group, most=76),
                lambda control: lines(f"・{item}" for item in control.mic.agreements) if control.mic else None,
            ),
        ]

    def _clauses(self, control: Control) -> Value:
        cited = []
        for clause in control.mic.clauses if control.mic else ():
            known = self.context.knowledge.clauses.get(clause.id)
            title = f" {known.title.ja}" if known else ""
            note = f"（{clause.note}）" if clause.note else ""
            cited.append(f"{clause.id}【{self.context.word('clause_class', clause.clause_class)}】{title}{note}")
        return lines(cited)

    # -- what a vendor answers ------------------------------------------------------------------------------------

    def _vendor(self, vendor: str) -> list[Field]:
        name = self.context.vendor_name(vendor)
        answer, left = f"{name}の回答（調査による）", f"{name}：責任分界と利用者側の対応"

        def of(get: Callable[[Response], Value]) -> Callable[[Control], Value]:
            def value(control: Control) -> Value:
                response = control.responses.get(vendor)
                return get(response) if response else None

            return value

        return [
            Field(
                Column("適合性", 12, CENTRE, answer, "vendor_conformity"),
                lambda control: self.context.label(
                    "vendor_conformity",
                    control.responses[vendor].conformity if vendor in control.responses else "no_answer",
                ),
            ),
            Field(Column("ベンダーの見解", 54, BODY, answer, most=90), of(lambda response: response.statement)),
            Field(Column("見解が示すURL", 34, BODY, answer, most=60), of(lambda response: lines(response.urls))),
            Field(Column("調査で確認した内容", 54, BODY, answer, most=90), of(lambda response: response.finding)),
            Field(
                Column("確認内容が引く文献", 11, CENTRE, answer),
                of(lambda response: lines(f"[{number}]" for number in response.finding_documents)),
            ),
            Field(
                Column("開示区分", 10, CENTRE, answer),
                of(lambda response: self.context.label("disclosure", response.disclosure)),
            ),
            Field(Column("確認した公開文書", 34, BODY, answer, most=60), of(self._documents)),
            Field(
                Column("文献へ", 8, CENTRE, answer),
                lambda control: self.references.link_from_control(control.key, "document", vendor),
            ),
            Field(Column("第三者認証", 26, BODY, answer, most=50), of(self._certifications)),
            Field(
                Column("認証へ", 8, CENTRE, answer),
                lambda control: self.references.link_from_control(control.key, "certification", vendor),
            ),
            Field(Column("インタビュー", 9, CENTRE, answer), of(lambda response: YES if response.interview else NO)),
            Field(
                Column("NDA資料", 9, CENTRE, answer),
                of(lambda response: YES if response.nda_documents else NO),
                ends_page=True,
            ),
            Field(
                Column("責任分界（出典の記載）", 12, CENTRE, left, "responsibility"),
                lambda control: self.context.label(
                    "responsibility", self.context.stated_responsibility(control, vendor)
                ),
            ),
            *(
                Field(
                    Column(f"{self.context.word('party', party)}の対応", 46, BODY, left, most=76),
                    of(lambda response, party=party: _duties(response, party)),  # type: ignore[misc]
                )
                for party in PARTIES
            ),
        ]

    def _documents(self, response: Response) -> Value:
        return lines(self.context.document_text(response.vendor, number) for number in response.documents)

    def _certifications(self, response: Response) -> Value:
        return lines(self.context.certification_text(response.vendor, item) for item in response.certifications)

    def _proof(self) -> list[Field]:
        group = "証跡の例と備考"
        return [
            Field(
                Column("想定される証跡", 44, BODY, group, most=70),
                lambda control: lines(f"・{item}" for item in control.expected_evidence),
            ),
            Field(Column("備考（出典の疑義等）", 40, BODY, group, most=70), lambda control: control.note),
        ]

    # -- what other guidelines ask --------------------------------------------------------------------------------

    def _related(self) -> list[Field]:
        group = "関連項目（ほかのガイドライン）"
        return [
            Field(Column("関連項目", 46, BODY, group, most=70), self._related_names),
            Field(
                Column("関連項目へ", 9, CENTRE, group),
                lambda control: self.references.link_from_control(control.key, "related"),
            ),
            Field(Column("関連の理由", 46, BODY, group, most=76), self._related_reasons),
            Field(Column("関連の出典", 20, BODY, group), self._related_sources),
        ]

    @cached_property
    def _unrelated(self) -> dict[str, tuple[Unrelated, ...]]:
        return unrelated_controls(self.context.knowledge)

    def _related_names(self, control: Control) -> Value:
        """What the other is to this control, and its name; where judged to have none, that."""
        return lines(
            [
                *(
                    f"{self.context.label('relation', other.kind)}　{self.context.control_name(other.control)}"
                    for other in self.context.related[control.key]
                ),
                *(f"関連なし（{self._short_title(judged)}）" for judged in self._unrelated.get(control.key, ())),
            ]
        )

    def _related_reasons(self, control: Control) -> Value:
        return lines(
            [
                *(f"{other.control.id}：{other.reason}" for other in self.context.related[control.key]),
                *(f"関連なし：{judged.reason}" for judged in self._unrelated.get(control.key, ())),
            ]
        )

    def _related_sources(self, control: Control) -> Value:
        """Whose judgement each relation is; once where all have the same."""
        others = self.context.related[control.key]
        words = [self.context.word("relation_source", other.source) for other in others]
        if len(set(words)) <= 1:
            return words[0] if words else None
        return lines(f"{other.control.id}：{word}" for other, word in zip(others, words, strict=True))

    def _short_title(self, judged: Unrelated) -> str:
        return self.context.knowledge.guidelines[judged.guideline].short_title

    # -- how an institution stands --------------------------------------------------------------------------------

    def _result(self, service: str | None, index: int) -> list[Field]:
        group = f"評価（{self.context.vendor_name(service)}）"

        def of(get: Callable[[ControlResult], Value]) -> Callable[[Control], Value]:
            return lambda control: get(self.context.results[control.key][index])

        return [
            Field(
                Column("適用", 10, CENTRE, group, "applicability"),
                of(lambda result: self.context.label("applicability", result.applicability)),
            ),
            Field(Column("適用の理由", 30, BODY, group, most=50), of(_applicability_reason)),
            Field(
                Column("判定", 16, CENTRE, group, "conformity"),
                of(lambda result: self.context.label("conformity", result.conformity)),
            ),
            Field(Column("判定の理由", 46, BODY, group, most=76), of(lambda result: result.reason.ja)),
            Field(Column("規則", 8, CENTRE, group), of(lambda result: result.rule)),
            Field(
                Column("回答の裏付け", 16, CENTRE, group, "assurance"),
                of(lambda result: self.context.label("assurance", result.assurance)),
            ),
            Field(Column("裏付けの理由", 36, BODY, group, most=60), of(lambda result: result.assurance_reason.ja)),
            Field(
                Column("責任分界", 11, CENTRE, group, "responsibility"),
                of(lambda result: self.context.label("responsibility", result.responsibility)),
            ),
            Field(Column("対応の担い手", 26, BODY, group, most=40), of(self._holders)),
            Field(
                Column("ギャップ", 46, BODY, group, most=76),
                of(lambda result: lines(self._gap_line(result))),
                ends_page=True,
            ),
        ]

    def _holders(self, result: ControlResult) -> Value:
        held = []
        for duty in result.duties:
            others = [self.context.word("party", party) for party in duty.stated_for if party != duty.party]
            taken = f"（{'・'.join(others)}の分を含む）" if others else ""
            held.append(self.context.word("party", duty.party) + taken)
        return lines(held)

    def _gap_line(self, result: ControlResult) -> list[str]:
        return [
            f"{self.context.label('priority', gap.priority)}：{self.context.word('gap_kind', gap.kind)}"
            f"（{self.context.word('party', gap.party)}、{gap.rule}）"
            for gap in result.gaps
        ]

    def _answer(self, party: Party) -> list[Field]:
        group = f"{self.context.word('party', party)}の回答"

        def of(get: Callable[[Answer], Value]) -> Callable[[Control], Value]:
            def value(control: Control) -> Value:
                answer = self._given(control, party)
                return get(answer) if answer else None

            return value

        return [
            Field(
                Column("実施状況", 13, CENTRE, group, "status"),
                lambda control: self._status(control, party),
            ),
            Field(
                Column("証跡の状態", 16, CENTRE, group, "proof"),
                lambda control: self._proof_state(control, party),
            ),
            Field(
                Column("引継ぎ", 11, CENTRE, group),
                of(lambda answer: CARRIED_OVER if answer.carried_over else None),
            ),
            Field(Column("該当なし等の理由", 28, BODY, group, most=60), of(lambda answer: answer.reason)),
            Field(
                Column("証跡", 44, BODY, group, most=80),
                of(lambda answer: lines(self._evidence_line(item) for item in answer.evidence)),
            ),
            Field(Column("確認日", 11, DATE, group), of(lambda answer: answer.checked_on)),
            Field(Column("期限", 11, DATE, group), of(lambda answer: answer.due)),
            Field(Column("期限超過（日）", 9, NUMBER, group), lambda control: self._overdue(control, party)),
            Field(Column("担当", 16, BODY, group, most=40), of(lambda answer: answer.owner)),
            Field(Column("回答の備考", 34, BODY, group, most=80), of(lambda answer: answer.note)),
            Field(
                Column("判定での扱い", 24, BODY, group),
                lambda control: self._use(control, party),
                ends_page=party != PARTIES[-1],
            ),
        ]

    @cached_property
    def _unused(self) -> dict[tuple[str, Party], UnusedAnswer]:
        unused = unused_answers(self.context.assessment) if self.context.assessment else ()
        return {(item.answer.control, item.answer.party): item for item in unused}

    def _given(self, control: Control, party: Party) -> Answer | None:
        assessment = self.context.assessment
        return assessment.institution.answers.get((control.key, party)) if assessment else None

    def _duty(self, control: Control, party: Party) -> DutyResult | None:
        found = (duty for result in self.context.results[control.key] for duty in result.duties if duty.party == party)
        return next(found, None)

    def _status(self, control: Control, party: Party) -> Value:
        answer, duty = self._given(control, party), self._duty(control, party)
        if answer:
            return self.context.label("status", answer.status)
        return self.context.label("status", duty.status) if duty else NOTHING

    def _proof_state(self, control: Control, party: Party) -> Value:
        duty = self._duty(control, party)
        return self.context.label("proof", duty.proof) if duty else NOTHING

    def _overdue(self, control: Control, party: Party) -> Value:
        duty = self._duty(control, party)
        return days_overdue(duty, self.context.assessment.as_of) if duty and self.context.assessment else None

    def _use(self, control: Control, party: Party) -> Value:
        unused = self._unused.get((control.key, party))
        if unused is None:
            return "判定に使った" if self._given(control, party) else None
        if unused.why == "after_as_of":
            return "確認日が基準日より後のため、判定に使っていない"
        return "この当事者の対応が求められていないため、判定に使っていない"

    def _evidence_line(self, identity: str) -> str:
        assessment = self.context.assessment
        assert assessment is not None
        return evidence_text(assessment.institution.evidence[identity], self.context)


def evidence_text(evidence: Evidence, context: Context) -> str:
    """All dates of a piece of evidence in one line: `id 題名（種類、発行 …）`."""
    parts = [context.word("evidence_kind", evidence.kind), f"発行 {evidence.issued_on}"]
    if evidence.valid_until:
        parts.append(f"有効期限 {evidence.valid_until}")
    if evidence.covers_from and evidence.covers_to:
        parts.append(f"対象期間 {evidence.covers_from}～{evidence.covers_to}")
    return f"{evidence.id} {evidence.title}（{'、'.join(parts)}）"


def _duties(response: Response, party: Party) -> Value:
    return lines(duty.text for duty in response.duties if party in duty.parties)


def _applicability_reason(result: ControlResult) -> Value:
    return result.applicability_reason.ja
