"""The responsibility checklist (責任分界チェックリスト) of one institution: its content, and its three files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.checklist.answers import AnswerLines
from analyzer.exports.checklist.context import Context, SectionKey, Shared
from analyzer.exports.checklist.facts import fact_lines
from analyzer.exports.checklist.model import (
    Checklist,
    Choices,
    Count,
    GuidelineNotice,
    Head,
    Part,
    ReviewLine,
    ServiceLine,
    SurveyNotice,
)
from analyzer.exports.checklist.relations import RelationLines
from analyzer.exports.checklist.rows import ControlLines
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Section as ControlSection
from analyzer.model.institution import Service
from analyzer.model.results import Assessment, ControlResult
from analyzer.model.vocabulary import CONFORMITIES, PARTIES, RESPONSIBILITIES, STATUSES

if TYPE_CHECKING:
    from analyzer.exports.xlsx.laid import KnownTexts


def build_checklist(
    assessment: Assessment,
    knowledge: KnowledgeBase,
    rulebook: Rulebook,
    sections: frozenset[SectionKey] | None = None,
    shared: Shared | None = None,
) -> Checklist:
    """Everything the checklist of an assessed institution says, ready for any file format.

    sections: only these, by (guideline, section id); what is counted, left out or to be settled is then theirs alone,
    and the checklist says that it is a part. Naming every section is the same as None. shared: what several
    checklists share. Raises ValueError where there is no such section, or none is named.
    """
    every = _sections(assessment)
    chosen = None if sections == every.keys() else sections
    if chosen is not None and not (chosen and chosen <= every.keys()):
        raise ValueError(f"no such sections: {sorted(chosen - every.keys())}")
    context = Context(assessment, knowledge, rulebook, chosen, shared or Shared())
    answers = AnswerLines(context)
    controls = ControlLines(context, answers, RelationLines(context, answers))
    return Checklist(
        head=_head(context),
        part=_part(context, every) if chosen else None,
        total=_count(context, None, context.results),
        counts=tuple(_section_counts(context)),
        conformity_labels=tuple(context.label("conformity", word) for word in CONFORMITIES),
        responsibility_labels={word: context.label("responsibility", word) for word in RESPONSIBILITIES},
        lapsing=tuple(answers.evidence[entry.evidence.id] for entry in assessment.summary.expiring),
        facts=fact_lines(assessment, knowledge),
        carried_over=tuple(answers.carried_over()),
        left_out=tuple(controls.left_out()),
        sections=tuple(controls.sections()),
        requests=tuple(controls.requests()),
        uncounted=tuple(answers.uncounted()),
        evidence=tuple(answers.evidence.values()),
        choices=_choices(context),
        terms=rulebook.terms,
    )


def render_checklist(checklist: Checklist, output_format: str, texts: KnownTexts | None = None) -> bytes:
    """The checklist as a file: `xlsx`, `html` or `pdf`. The same checklist gives the same bytes.

    texts: what workbooks made one after the other share, see `known_texts`; it changes nothing in them. Raises
    ValueError for any other format.
    """
    match output_format:
        case "html":
            from analyzer.exports.checklist.html import checklist_html

            return checklist_html(checklist)
        case "pdf":
            from analyzer.exports.checklist.pdf import checklist_pdf

            return checklist_pdf(checklist)
        case "xlsx":
            from analyzer.exports.checklist.xlsx import checklist_xlsx

            return checklist_xlsx(checklist, texts)
        case _:
            raise ValueError(f"no checklist format {output_format!r}")


def _sections(assessment: Assessment) -> dict[SectionKey, ControlSection]:
    """The sections of the assessment's controls, in order."""
    controls = (result.control for result in assessment.results)
    return {(control.guideline, control.section.id): control.section for control in controls}


def _part(context: Context, every: Mapping[SectionKey, ControlSection]) -> Part:
    chosen = [key for key in every if context.sections and key in context.sections]
    names = (
        f"{context.knowledge.guidelines[guideline].short_title} {section} {every[guideline, section].title.ja}"
        for guideline, section in chosen
    )
    return Part(tuple(":".join(key) for key in chosen), tuple(names), len(every))


def _head(context: Context) -> Head:
    institution = context.institution
    named = institution.integrator or "あり（名称は未登録）"
    integrator = {"present": named, "absent": "なし", "unknown": institution.integrator or "未回答"}
    vendors = [
        context.knowledge.vendors[s.vendor] for s in institution.services if s.vendor in context.knowledge.vendors
    ]
    return Head(
        institution_id=institution.id,
        name=institution.name,
        kind=context.label("institution_kind", institution.kind),
        beds=institution.beds,
        staff=institution.staff,
        region=institution.region,
        fictional=institution.fictional,
        integrator=integrator[institution.integrator_presence],
        integrator_absent=institution.integrator_presence == "absent",
        knowledge_version=context.assessment.knowledge_version,
        as_of=context.assessment.as_of,
        notice_days=context.rulebook.policy.expiry_notice_days,
        guidelines=tuple(
            GuidelineNotice(
                guideline.id,
                guideline.title.ja,
                guideline.edition,
                guideline.issuer.ja,
                None if guideline.in_force else guideline.status_note,
            )
            for guideline in context.knowledge.encoded_guidelines
        ),
        surveys=tuple(
            SurveyNotice(
                vendor.name.ja,
                vendor.survey.title,
                vendor.survey.edition,
                vendor.survey.surveyor,
                vendor.survey.surveyed_on,
                context.rulebook.term("title_known", vendor.survey.surveyed_on_basis).ja,
            )
            for vendor in vendors
        ),
        services=tuple(_service(context, service) for service in institution.services),
    )


def _service(context: Context, service: Service) -> ServiceLine:
    name = context.vendor_name(service.vendor)
    reviews = (
        ReviewLine(
            service.vendor,
            context.label("disclosure", review.documents),
            review.reviewed_on,
            review.sections,
            review.by,
            review.note,
        )
        for review in service.reviews
    )
    return ServiceLine(service.vendor, name, service.used_for, service.nda_concluded_on, tuple(reviews))


def _section_counts(context: Context) -> Iterator[Count]:
    for _, group in groupby(context.results, lambda result: (result.control.guideline, result.control.section.id)):
        results = list(group)
        yield _count(context, results[0].control.section, results)


def _count(context: Context, section: ControlSection | None, results: Sequence[ControlResult]) -> Count:
    applicable = [result for result in results if result.applicability == "applicable"]
    duties = {(result.control.key, duty.party): duty for result in applicable for duty in result.duties}.values()
    statuses = Counter(duty.status for duty in duties)
    responsibility = Counter(result.responsibility for result in applicable)
    conformity = Counter(result.conformity for result in results)
    return Count(
        guideline_id=section.guideline if section else "",
        guideline=context.knowledge.guidelines[section.guideline].short_title if section else "",
        section=section.id if section else "",
        title=section.title.ja if section else "",
        controls=len(results),
        left_out=len(results) - len(applicable),
        vendor=responsibility["vendor"],
        shared=responsibility["shared"],
        user_side=responsibility["user_side"],
        none_stated=responsibility["none_stated"],
        duties=len(duties),
        done=statuses["implemented"],
        excluded=statuses["not_applicable"],
        unanswered=statuses["unanswered"],
        recheck=sum(duty.carried_over for duty in duties),
        conformity={word: conformity[word] for word in CONFORMITIES},
    )


def _choices(context: Context) -> Choices:
    return Choices(
        statuses=tuple(context.label("status", word) for word in STATUSES if word != "unanswered"),
        parties=tuple(context.label("party", word) for word in PARTIES),
        evidence_kinds=tuple(context.label("evidence_kind", word) for word in context.rulebook.terms["evidence_kind"]),
        disclosures=(context.label("disclosure", "public"), context.label("disclosure", "nda")),
    )
