"""The gap report: one HTML file for screen and paper, counts first, every answer and every reason in it."""

from __future__ import annotations

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.answers import unused_answers
from analyzer.exports.checklist.facts import fact_lines
from analyzer.exports.gap_report import parts
from analyzer.exports.gap_report.charts import BAR_LEFT, BAR_RIGHT, ROW_HEIGHT, WIDTH
from analyzer.exports.related import related_controls
from analyzer.exports.templating import render_html
from analyzer.exports.wording import service_name
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES, RESPONSIBILITIES, STATUSES


def gap_report_html(assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> bytes:
    """A self-contained page in Japanese as UTF-8. `#mhlw-5:6.3-01` leads to that control's result.

    knowledge and rulebook have to be those that the assessment was made with.
    """
    gaps = parts.gap_rows(assessment)
    return render_html(
        "gap_report.html.j2",
        institution=assessment.institution,
        as_of=assessment.as_of,
        version=assessment.knowledge_version,
        summary=assessment.summary,
        knowledge=knowledge,
        policy=rulebook.policy,
        term=rulebook.term,
        conformities=CONFORMITIES,
        priorities=PRIORITIES,
        responsibilities=RESPONSIBILITIES,
        statuses=STATUSES,
        canvas={"width": WIDTH, "left": BAR_LEFT, "right": BAR_RIGHT, "row": ROW_HEIGHT},
        guidelines=parts.superseded_guidelines(knowledge),
        service_name=lambda vendor: service_name(vendor, knowledge),
        services=parts.surveyed_services(assessment, knowledge, rulebook),
        section_charts=tuple(parts.section_charts(assessment, knowledge, rulebook)),
        level_chart=parts.level_chart(assessment, rulebook),
        responsibility_chart=parts.responsibility_chart(assessment, rulebook),
        gap_counts=parts.gap_counts(assessment),
        gaps=gaps,
        overdue=sum(row.days_overdue is not None for rows in gaps.values() for row in rows),
        requests=parts.vendor_requests(assessment, knowledge, rulebook),
        facts=fact_lines(assessment, knowledge),
        carried_over=parts.carried_over_duties(assessment),
        left_out=parts.left_out(assessment, knowledge, rulebook),
        excluded_duties=parts.excluded_duties(assessment),
        suggestions=assessment.suggestions,
        related=lambda control: related_controls(control.key, knowledge),
        unused=unused_answers(assessment),
        sections=parts.by_section(assessment),
        anchor_of=parts.anchor_of,
    )
