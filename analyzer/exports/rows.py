"""The rows behind the long tables: plain values by English column names, one list entry a line inside a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from analyzer.exports.answers import days_overdue, unused_answers
from analyzer.exports.related import related_controls
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control, Response
from analyzer.model.institution import Answer, Evidence
from analyzer.model.results import Assessment, ControlResult, DutyResult
from analyzer.model.vocabulary import PARTIES, PRIORITIES

Kind = Literal["text", "count", "flag", "day"]
Columns = dict[str, Kind]
Row = dict[str, Any]

_RUN: Final[Columns] = {
    "institution_id": "text",
    "institution_name": "text",
    "as_of": "day",
    "knowledge_version": "text",
}
_PLACE: Final[Columns] = {
    "control": "text",
    "guideline": "text",
    "section": "text",
    "section_title": "text",
    "level": "text",
    "title": "text",
    "service": "text",
}
_ANSWER: Final[Columns] = {
    "status": "text",
    "proof": "text",
    "carried_over": "flag",
    "evidence": "text",
    "evidence_detail": "text",
    "checked_on": "day",
    "due": "day",
    "owner": "text",
    "note": "text",
    "reason": "text",
}
CONTROLS: Final[Columns] = {
    "knowledge_version": "text",
    "key": "text",
    "guideline": "text",
    "guideline_title": "text",
    "guideline_edition": "text",
    "guideline_in_force": "flag",
    "guideline_status_note": "text",
    "id": "text",
    "mark": "text",
    "section": "text",
    "section_title": "text",
    "section_title_en": "text",
    "level": "text",
    "title": "text",
    "title_en": "text",
    "requirement": "text",
    "applies_if": "text",
    "mic_clauses": "text",
    "mic_agreements": "text",
    "expected_evidence": "text",
    "note": "text",
    "related": "text",
    "vendor": "text",
    "surveyed_on": "day",
    "conformity": "text",
    "statement": "text",
    "urls": "text",
    "finding": "text",
    "finding_documents": "text",
    "disclosure": "text",
    "documents": "text",
    "certifications": "text",
    "interview": "flag",
    "nda_documents": "flag",
    "duties_user": "text",
    "duties_integrator": "text",
}
RESULTS: Final[Columns] = {
    **_RUN,
    **_PLACE,
    "vendor_conformity": "text",
    "assurance": "text",
    "assurance_reason": "text",
    "applicability": "text",
    "applicability_reason": "text",
    "condition_unknown": "flag",
    "responsibility": "text",
    "conformity": "text",
    "rule": "text",
    "reason": "text",
    "gaps": "count",
    **{f"gaps_{priority}": "count" for priority in PRIORITIES},
    **{f"{party}_{name}": kind for party in PARTIES for name, kind in _ANSWER.items()},
}
DUTIES: Final[Columns] = {
    **_RUN,
    **_PLACE,
    "party": "text",
    "stated_for": "text",
    "duties": "text",
    **_ANSWER,
    "counted": "flag",
    "not_counted_because": "text",
}
GAPS: Final[Columns] = {
    **_RUN,
    **_PLACE,
    "kind": "text",
    "party": "text",
    "priority": "text",
    "rule": "text",
    "reason": "text",
    "action": "text",
    "status": "text",
    "carried_over": "flag",
    "owner": "text",
    "due": "day",
    "days_overdue": "count",
}
SUGGESTIONS: Final[Columns] = {
    **_RUN,
    "control": "text",
    "title": "text",
    "party": "text",
    "source": "text",
    "source_title": "text",
    "relation": "text",
    "reason": "text",
    "status": "text",
    "evidence": "text",
    "evidence_detail": "text",
}
EVIDENCE: Final[Columns] = {
    **_RUN,
    "evidence": "text",
    "title": "text",
    "kind": "text",
    "issued_on": "day",
    "valid_until": "day",
    "covers_from": "day",
    "covers_to": "day",
    "location": "text",
    "note": "text",
    "answers": "text",
}


def _listed(items: Iterable[str]) -> str | None:
    return "\n".join(items) or None


def control_rows(knowledge: KnowledgeBase) -> Iterator[Row]:
    """The rows of CONTROLS."""
    for control in knowledge.controls.values():
        common = _control_part(control, knowledge)
        for response in control.responses.values():
            yield {**common, **_response_part(response, knowledge)}
        if not control.responses:
            yield common


def _control_part(control: Control, knowledge: KnowledgeBase) -> Row:
    guideline = knowledge.guidelines[control.guideline]
    mic = control.mic
    return {
        "knowledge_version": knowledge.version,
        "key": control.key,
        "guideline": control.guideline,
        "guideline_title": guideline.title.ja,
        "guideline_edition": guideline.edition,
        "guideline_in_force": guideline.in_force,
        "guideline_status_note": guideline.status_note,
        "id": control.id,
        "mark": control.mark,
        "section": control.section.id,
        "section_title": control.section.title.ja,
        "section_title_en": control.section.title.en,
        "level": control.level,
        "title": control.title.ja,
        "title_en": control.title.en,
        "requirement": control.full_requirement,
        "applies_if": control.applies_if,
        "mic_clauses": _listed(
            f"{cited.id} {cited.clause_class}" + (f" {cited.note}" if cited.note else "") for cited in mic.clauses
        )
        if mic
        else None,
        "mic_agreements": _listed(mic.agreements) if mic else None,
        "expected_evidence": _listed(control.expected_evidence),
        "note": control.note,
        "related": _listed(f"{other.control.key} {other.kind}" for other in related_controls(control.key, knowledge)),
    }


def _response_part(response: Response, knowledge: KnowledgeBase) -> Row:
    vendor = knowledge.vendors.get(response.vendor)
    return {
        "vendor": response.vendor,
        "surveyed_on": vendor.survey.surveyed_on if vendor else None,
        "conformity": response.conformity,
        "statement": response.statement,
        "urls": _listed(response.urls),
        "finding": response.finding,
        "finding_documents": _listed(response.finding_documents),
        "disclosure": response.disclosure,
        "documents": _listed(response.documents),
        "certifications": _listed(response.certifications),
        "interview": response.interview,
        "nda_documents": response.nda_documents,
        **{
            f"duties_{party}": _listed(duty.text for duty in response.duties if party in duty.parties)
            for party in PARTIES
        },
    }


def _run_part(assessment: Assessment) -> Row:
    return {
        "institution_id": assessment.institution.id,
        "institution_name": assessment.institution.name,
        "as_of": assessment.as_of,
        "knowledge_version": assessment.knowledge_version,
    }


def _place_part(control: Control, service: str | None) -> Row:
    return {
        "control": control.key,
        "guideline": control.guideline,
        "section": control.section.id,
        "section_title": control.section.title.ja,
        "level": control.level,
        "title": control.title.ja,
        "service": service,
    }


def result_rows(assessment: Assessment) -> Iterator[Row]:
    """The rows of RESULTS."""
    for result in assessment.results:
        yield _result_row(assessment, result)


def _result_row(assessment: Assessment, result: ControlResult) -> Row:
    row = {
        **_run_part(assessment),
        **_place_part(result.control, result.service),
        "vendor_conformity": result.response.conformity if result.response else None,
        "assurance": result.assurance,
        "assurance_reason": result.assurance_reason.ja,
        "applicability": result.applicability,
        "applicability_reason": result.applicability_reason.ja,
        "condition_unknown": result.condition_unknown,
        "responsibility": result.responsibility,
        "conformity": result.conformity,
        "rule": result.rule,
        "reason": result.reason.ja,
        "gaps": len(result.gaps),
    }
    for priority in PRIORITIES:
        row[f"gaps_{priority}"] = sum(gap.priority == priority for gap in result.gaps)
    for duty in result.duties:
        row.update({f"{duty.party}_{name}": value for name, value in _duty_part(assessment, duty).items()})
    return row


def _duty_part(assessment: Assessment, duty: DutyResult) -> Row:
    return {
        **_answer_part(assessment, duty.answer),
        "status": duty.status,
        "proof": duty.proof,
        "carried_over": duty.carried_over,
    }


def _answer_part(assessment: Assessment, answer: Answer | None) -> Row:
    if answer is None:
        return {}
    register = assessment.institution.evidence
    return {
        "status": answer.status,
        "carried_over": answer.carried_over,
        "evidence": _listed(answer.evidence),
        "evidence_detail": _listed(_evidence_line(register[item]) for item in answer.evidence),
        "checked_on": answer.checked_on,
        "due": answer.due,
        "owner": answer.owner,
        "note": answer.note,
        "reason": answer.reason,
    }


def _evidence_line(evidence: Evidence) -> str:
    """All that is known of a piece of evidence."""
    parts = [f"発行 {evidence.issued_on}"]
    if evidence.valid_until:
        parts.append(f"有効期限 {evidence.valid_until}")
    if evidence.covers_from or evidence.covers_to:
        parts.append(f"対象期間 {evidence.covers_from or ''}～{evidence.covers_to or ''}")
    if evidence.location:
        parts.append(f"保管場所 {evidence.location}")
    if evidence.note:
        parts.append(f"備考 {evidence.note}")
    return f"{evidence.id} {evidence.title}（{'、'.join(parts)}）"


def duty_rows(assessment: Assessment) -> Iterator[Row]:
    """The rows of DUTIES."""
    run = _run_part(assessment)
    controls: dict[str, Control] = {}
    for result in assessment.results:
        controls[result.control.key] = result.control
        for duty in result.duties:
            yield {
                **run,
                **_place_part(result.control, result.service),
                "party": duty.party,
                "stated_for": _listed(duty.stated_for),
                "duties": _listed(duty.texts),
                **_duty_part(assessment, duty),
                "counted": duty.answer is not None,
                "not_counted_because": None,
            }
    for unused in unused_answers(assessment):
        yield {
            **run,
            **_place_part(controls[unused.answer.control], None),
            "party": unused.answer.party,
            **_answer_part(assessment, unused.answer),
            "counted": False,
            "not_counted_because": unused.why,
        }


def gap_rows(assessment: Assessment) -> Iterator[Row]:
    """The rows of GAPS."""
    run = _run_part(assessment)
    for result in assessment.results:
        by_party = {duty.party: duty for duty in result.duties}
        for gap in result.gaps:
            duty = by_party.get(gap.party) if gap.party != "vendor" else None
            answer = duty.answer if duty else None
            yield {
                **run,
                **_place_part(result.control, result.service),
                "kind": gap.kind,
                "party": gap.party,
                "priority": gap.priority,
                "rule": gap.rule,
                "reason": gap.reason.ja,
                "action": gap.action.ja,
                "status": duty.status if duty else None,
                "carried_over": duty.carried_over if duty else None,
                "owner": answer.owner if answer else None,
                "due": answer.due if answer else None,
                "days_overdue": days_overdue(duty, assessment.as_of) if duty else None,
            }


def suggestion_rows(assessment: Assessment) -> Iterator[Row]:
    """The rows of SUGGESTIONS."""
    run = _run_part(assessment)
    titles = {result.control.key: result.control.title.ja for result in assessment.results}
    register = assessment.institution.evidence
    for suggestion in assessment.suggestions:
        yield {
            **run,
            "control": suggestion.control,
            "title": titles[suggestion.control],
            "party": suggestion.party,
            "source": suggestion.source,
            "source_title": titles[suggestion.source],
            "relation": suggestion.relation,
            "reason": suggestion.reason,
            "status": suggestion.status,
            "evidence": _listed(suggestion.evidence),
            "evidence_detail": _listed(_evidence_line(register[item]) for item in suggestion.evidence),
        }


def evidence_rows(assessment: Assessment) -> Iterator[Row]:
    """The rows of EVIDENCE."""
    run = _run_part(assessment)
    used: dict[str, list[str]] = {}
    for answer in assessment.institution.answers.values():
        for item in answer.evidence:
            used.setdefault(item, []).append(f"{answer.control} ({answer.party})")
    for evidence in assessment.institution.evidence.values():
        yield {
            **run,
            "evidence": evidence.id,
            "title": evidence.title,
            "kind": evidence.kind,
            "issued_on": evidence.issued_on,
            "valid_until": evidence.valid_until,
            "covers_from": evidence.covers_from,
            "covers_to": evidence.covers_to,
            "location": evidence.location,
            "note": evidence.note,
            "answers": _listed(used.get(evidence.id, ())),
        }
