"""What the chapters of the gap report list, each found in an assessment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from analyzer.engine.periods import survey_state
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.summary import tally
from analyzer.exports.answers import days_overdue
from analyzer.exports.checklist.facts import settled_by
from analyzer.exports.checklist.model import VendorItem
from analyzer.exports.checklist.vendor import vendor_items
from analyzer.exports.gap_report.charts import Chart, conformity_chart
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Guideline, Vendor
from analyzer.model.controls import Control, Section
from analyzer.model.institution import Service
from analyzer.model.results import Assessment, ControlResult, DutyResult, Gap, Tally
from analyzer.model.vocabulary import GAP_KINDS, PRIORITIES, RESPONSIBILITIES, GapKind, Priority


@dataclass(frozen=True, slots=True)
class Counted:
    """A line of a table of counts: its name, and where it leads to (empty: nowhere)."""

    name: str
    tally: Tally
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class CountedChart:
    """A chart of conformity and the table that says the same in numbers; `head` names the table's first column."""

    chart: Chart
    head: str
    rows: tuple[Counted, ...]


@dataclass(frozen=True, slots=True)
class GapRow:
    """A gap with the duty it hangs on; days_overdue is None where no day has passed."""

    result: ControlResult
    gap: Gap
    duty: DutyResult | None
    days_overdue: int | None


@dataclass(frozen=True, slots=True)
class VendorRequest:
    """A gap that the cloud vendor has to close and what to obtain from it."""

    result: ControlResult
    gap: Gap
    items: tuple[VendorItem, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A control that is left out, by a condition's answers or by the parties' reasons (one a line)."""

    result: ControlResult
    condition: str | None
    grounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldDuty:
    """A duty of a control, each once however many services leave it."""

    control: Control
    duty: DutyResult


@dataclass(frozen=True, slots=True)
class SurveyedService:
    """A service in use, its vendor's register (None: there is none) and whether the survey is too old."""

    service: Service
    vendor: Vendor | None
    old: bool


@dataclass(frozen=True, slots=True)
class SectionResults:
    """A section's controls, each with its results, one a service."""

    section: Section
    controls: tuple[tuple[ControlResult, ...], ...]


def anchor_of(section: Section) -> str:
    """The anchor of a section's chapter; a control's is its key."""
    return f"section-{section.guideline}-{section.id}"


def section_charts(assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> Iterator[CountedChart]:
    """For each guideline its sections."""
    summary = assessment.summary.by_section
    for guideline in knowledge.encoded_guidelines:
        sections = [part for part in knowledge.sections if part.guideline == guideline.id]
        rows = tuple(
            Counted(f"{part.id} {part.title.ja}", summary[part.guideline, part.id], anchor_of(part))
            for part in sections
            if (part.guideline, part.id) in summary
        )
        yield _chart(f"chart-{guideline.id}", f"{guideline.short_title}：節ごとの適合", "節", rows, rulebook)


def level_chart(assessment: Assessment, rulebook: Rulebook) -> CountedChart:
    """Conformity by the controls' level."""
    rows = tuple(
        Counted(rulebook.term("level", level).ja, counts) for level, counts in assessment.summary.by_level.items()
    )
    return _chart("chart-level", "項目の区分ごとの適合", "区分", rows, rulebook)


def responsibility_chart(assessment: Assessment, rulebook: Rulebook) -> CountedChart:
    """Conformity of the controls that no condition takes out, by who is responsible."""
    applicable = [result for result in assessment.results if result.applicability == "applicable"]
    rows = tuple(
        Counted(
            rulebook.term("responsibility", word).ja,
            tally(result for result in applicable if result.responsibility == word),
        )
        for word in RESPONSIBILITIES
    )
    return _chart("chart-responsibility", "責任分界ごとの適合", "責任分界", rows, rulebook)


def _chart(identity: str, title: str, head: str, rows: tuple[Counted, ...], rulebook: Rulebook) -> CountedChart:
    return CountedChart(
        conformity_chart(identity, title, ((row.name, row.tally) for row in rows), rulebook), head, rows
    )


def gap_counts(assessment: Assessment) -> dict[GapKind, dict[Priority, int]]:
    """How many gaps of each kind and priority."""
    counts = Counter((gap.kind, gap.priority) for result in assessment.results for gap in result.gaps)
    return {kind: {priority: counts[kind, priority] for priority in PRIORITIES} for kind in GAP_KINDS}


def gap_rows(assessment: Assessment) -> dict[Priority, tuple[GapRow, ...]]:
    """Every gap by priority, in the order of the knowledge base."""
    found: dict[Priority, list[GapRow]] = {priority: [] for priority in PRIORITIES}
    for result in assessment.results:
        for gap in result.gaps:
            duty = next((duty for duty in result.duties if duty.party == gap.party), None)
            overdue = days_overdue(duty, assessment.as_of) if duty else None
            found[gap.priority].append(GapRow(result, gap, duty, overdue))
    return {priority: tuple(rows) for priority, rows in found.items()}


def vendor_requests(
    assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
) -> tuple[tuple[Section, tuple[VendorRequest, ...]], ...]:
    """What to ask of the cloud vendors, by section."""
    found: dict[tuple[str, str], tuple[Section, list[VendorRequest]]] = {}
    for result in assessment.results:
        section = result.control.section
        for gap in result.gaps:
            if gap.party != "vendor":
                continue
            vendor = knowledge.vendors.get(result.service) if result.service else None
            items = vendor_items(result.response, vendor, assessment.as_of, rulebook) if result.response else ()
            _, requests = found.setdefault((section.guideline, section.id), (section, []))
            requests.append(VendorRequest(result, gap, items))
    return tuple((section, tuple(requests)) for section, requests in found.values())


def left_out(assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> tuple[LeftOut, ...]:
    """Every control that is not applicable, with the reason."""
    return tuple(
        _left_out(result, assessment, knowledge, rulebook)
        for result in assessment.results
        if result.conformity == "not_applicable"
    )


def _left_out(result: ControlResult, assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> LeftOut:
    condition = knowledge.conditions[result.control.applies_if] if result.control.applies_if else None
    if result.applicability == "not_applicable" and condition is not None:
        grounds = settled_by(condition.when, assessment.institution.facts, knowledge)
        return LeftOut(result, condition.title.ja, grounds)
    return LeftOut(
        result,
        None,
        tuple(
            f"{rulebook.term('party', duty.party).ja}：{duty.answer.reason}"
            for duty in result.duties
            if duty.answer and duty.status == "not_applicable"
        ),
    )


def excluded_duties(assessment: Assessment) -> tuple[HeldDuty, ...]:
    """Duties declared not applicable under controls that stay in."""
    return _held(
        (result.control, duty)
        for result in assessment.results
        for duty in result.duties
        if duty.status == "not_applicable" and result.conformity != "not_applicable"
    )


def carried_over_duties(assessment: Assessment) -> tuple[HeldDuty, ...]:
    """Duties whose answer comes from an earlier assessment and has not been checked again."""
    return _held((result.control, duty) for result in assessment.results for duty in result.duties if duty.carried_over)


def _held(duties: Iterator[tuple[Control, DutyResult]]) -> tuple[HeldDuty, ...]:
    once: dict[tuple[str, str], HeldDuty] = {}
    for control, duty in duties:
        once.setdefault((control.key, duty.party), HeldDuty(control, duty))
    return tuple(once.values())


def surveyed_services(
    assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
) -> tuple[SurveyedService, ...]:
    """The services in use, with what is known of the survey behind the vendor's answers."""
    found = []
    for service in assessment.institution.services:
        vendor = knowledge.vendors.get(service.vendor)
        state = survey_state(vendor.survey if vendor else None, assessment.as_of, rulebook.policy)
        found.append(SurveyedService(service, vendor, state == "old"))
    return tuple(found)


def superseded_guidelines(knowledge: KnowledgeBase) -> tuple[Guideline, ...]:
    """The guidelines that this knowledge base works with and whose edition is no longer in force."""
    cited = {knowledge.clauses[clause].guideline for clause in knowledge.citing_controls if clause in knowledge.clauses}
    used = {section.guideline for section in knowledge.sections} | cited
    return tuple(part for part in knowledge.guidelines.values() if part.id in used and not part.in_force)


def by_section(assessment: Assessment) -> tuple[SectionResults, ...]:
    """Every result, by section and control."""
    return tuple(
        SectionResults(section, tuple(tuple(same) for _, same in groupby(group, lambda result: result.control.key)))
        for section, group in groupby(assessment.results, lambda result: result.control.section)
    )
