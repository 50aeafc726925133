"""JSON for programs: the controls, and an assessment (DESIGN section 7). Keys stand in a fixed order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from analyzer.exports.answers import unused_answers
from analyzer.exports.related import related_controls
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Guideline, Vendor
from analyzer.model.controls import Control, MicRequirements, Response, Text
from analyzer.model.institution import Answer, Evidence, Institution, Service
from analyzer.model.results import Assessment, ControlResult, DutyResult, Gap, Suggestion, Summary, Tally, TraceStep

Data = dict[str, Any]
Language = Literal["ja", "en"]
# What `Analyzer.explain` gives for one control: the tables' steps by service (None: no service).
Explain = Callable[[Control], Mapping[str | None, Sequence[TraceStep]]]


def controls_json(knowledge: KnowledgeBase) -> Data:
    """`{version, guidelines, surveys, controls: [...]}`: every control with the vendors' answers.

    `requirement` is the whole text, `points` the same enumeration apart. `guidelines` says which editions are no
    longer in force, `surveys` how old the vendors' answers are. `related` are the controls of other guidelines that ask
    for the same or part of it; `relation` is what the other is to this one (`superset`: it asks for more).
    """
    return {
        "version": knowledge.version,
        "guidelines": [_guideline(guideline) for guideline in knowledge.guidelines.values()],
        "surveys": [_survey(vendor) for vendor in knowledge.vendors.values()],
        "controls": [_control(control, knowledge) for control in knowledge.controls.values()],
    }


def assessment_json(
    assessment: Assessment,
    explain: Explain | None = None,
    *,
    lang: Language = "ja",
    knowledge: KnowledgeBase | None = None,
) -> Data:
    """`{version, institution, as_of, summary, results: [...], suggestions: [...], unused_answers: [...]}`.

    One result a control and service. explain adds `trace` to each result. lang chooses the language of reasons and
    actions. knowledge, the base that the assessment was made with, adds `guidelines` and `surveys` as in
    `controls_json`. `suggestions` are what related controls (`source`) have to offer; none of it counts in a result.
    `unused_answers` are those that decide nothing, with `why`: `after_as_of` or `no_duty`.
    """
    editions: Data = {}
    if knowledge is not None:
        used = {service.vendor for service in assessment.institution.services}
        editions = {
            "guidelines": [_guideline(guideline) for guideline in knowledge.guidelines.values()],
            "surveys": [_survey(vendor) for vendor in knowledge.vendors.values() if vendor.id in used],
        }
    return {
        "version": assessment.knowledge_version,
        "institution": _institution(assessment.institution),
        "as_of": assessment.as_of.isoformat(),
        **editions,
        "summary": _summary(assessment.summary),
        "results": [_result(result, lang, explain) for result in assessment.results],
        "suggestions": [_suggestion(suggestion) for suggestion in assessment.suggestions],
        "unused_answers": [
            {
                "control": unused.answer.control,
                "party": unused.answer.party,
                "status": unused.answer.status,
                "why": unused.why,
                **_answer(unused.answer),
            }
            for unused in unused_answers(assessment)
        ],
    }


def to_json_bytes(data: Data) -> bytes:
    """UTF-8 with Japanese as it is, two spaces a level, a line end at the end."""
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _guideline(guideline: Guideline) -> Data:
    return {
        "id": guideline.id,
        "title": _text(guideline.title),
        "edition": guideline.edition,
        "issuer": _text(guideline.issuer),
        "published": guideline.published,
        "in_force": guideline.in_force,
        "status_note": guideline.status_note,
        "successor": guideline.successor,
    }


def _survey(vendor: Vendor) -> Data:
    survey = vendor.survey
    return {
        "vendor": vendor.id,
        "title": survey.title,
        "edition": survey.edition,
        "surveyor": survey.surveyor,
        "surveyed_on": survey.surveyed_on.isoformat(),
        "surveyed_on_basis": survey.surveyed_on_basis,
    }


def _control(control: Control, knowledge: KnowledgeBase) -> Data:
    return {
        "key": control.key,
        "guideline": control.guideline,
        "id": control.id,
        "mark": control.mark,
        "section": {"id": control.section.id, "title": _text(control.section.title)},
        "level": control.level,
        "title": _text(control.title),
        "requirement": control.full_requirement,
        "points": [{"id": point.id, "text": point.text} for point in control.points],
        "applies_if": control.applies_if,
        "mic": _mic(control.mic) if control.mic else None,
        "responses": {vendor: _response(response) for vendor, response in control.responses.items()},
        "expected_evidence": list(control.expected_evidence),
        "note": control.note,
        "related": [
            {"control": other.control.key, "relation": other.kind, "reason": other.reason, "source": other.source}
            for other in related_controls(control.key, knowledge)
        ],
    }


def _mic(mic: MicRequirements) -> Data:
    return {
        "clauses": [
            {"id": cited.id, "class": cited.clause_class, **({"note": cited.note} if cited.note else {})}
            for cited in mic.clauses
        ],
        "agreements": list(mic.agreements),
    }


def _response(response: Response) -> Data:
    return {
        "conformity": response.conformity,
        "statement": response.statement,
        "urls": list(response.urls),
        "finding": response.finding,
        "finding_documents": list(response.finding_documents),
        "disclosure": response.disclosure,
        "documents": list(response.documents),
        "certifications": list(response.certifications),
        "interview": response.interview,
        "nda_documents": response.nda_documents,
        "duties": [{"parties": list(duty.parties), "text": duty.text} for duty in response.duties],
    }


def _institution(institution: Institution) -> Data:
    return {
        "id": institution.id,
        "name": institution.name,
        "kind": institution.kind,
        "beds": institution.beds,
        "staff": institution.staff,
        "region": institution.region,
        "fictional": institution.fictional,
        "profile": dict(institution.facts),
        "integrator": {"presence": institution.integrator_presence, "name": institution.integrator},
        "services": [_service(service) for service in institution.services],
        "evidence": [_evidence(evidence) for evidence in institution.evidence.values()],
    }


def _service(service: Service) -> Data:
    return {
        "vendor": service.vendor,
        "used_for": service.used_for,
        "nda_concluded_on": _day(service.nda_concluded_on),
        "reviews": [
            {
                "documents": review.documents,
                "on": review.reviewed_on.isoformat(),
                "sections": list(review.sections),
                "by": review.by,
                "note": review.note,
            }
            for review in service.reviews
        ],
    }


def _evidence(evidence: Evidence) -> Data:
    covers = evidence.covers_from or evidence.covers_to
    return {
        "id": evidence.id,
        "title": evidence.title,
        "kind": evidence.kind,
        "issued_on": evidence.issued_on.isoformat(),
        "valid_until": _day(evidence.valid_until),
        "covers": {"from": _day(evidence.covers_from), "to": _day(evidence.covers_to)} if covers else None,
        "location": evidence.location,
        "note": evidence.note,
    }


def _summary(summary: Summary) -> Data:
    return {
        "overall": _tally(summary.overall),
        "by_level": {level: _tally(tally) for level, tally in summary.by_level.items()},
        "by_section": [
            {"guideline": guideline, "section": section, **_tally(tally)}
            for (guideline, section), tally in summary.by_section.items()
        ],
        "duties_by_party": {party: dict(statuses) for party, statuses in summary.duties_by_party.items()},
        "gaps_by_kind": dict(summary.gaps_by_kind),
        "gaps_by_priority": dict(summary.gaps_by_priority),
        "carried_over": summary.carried_over,
        "unknown_facts": [
            {"fact": unknown.fact, "question": unknown.question, "controls": unknown.controls}
            for unknown in summary.unknown_facts
        ],
        "expiring": [
            {
                "evidence": entry.evidence.id,
                "title": entry.evidence.title,
                "expires_on": entry.expires_on.isoformat(),
                "days": entry.days,
                "controls": list(entry.controls),
            }
            for entry in summary.expiring
        ],
    }


def _tally(tally: Tally) -> Data:
    return {
        "controls": tally.controls,
        "applicable": tally.applicable,
        "rate": tally.rate,
        "conformity": dict(tally.conformity),
        "responsibility": dict(tally.responsibility),
    }


def _result(result: ControlResult, lang: Language, explain: Explain | None) -> Data:
    data: Data = {
        "control": result.control.key,
        "applicability": result.applicability,
        "applicability_reason": _in(lang, result.applicability_reason),
        "condition_unknown": result.condition_unknown,
        "responsibility": result.responsibility,
        "conformity": result.conformity,
        "rule": result.rule,
        "reason": _in(lang, result.reason),
        "vendor": {
            "service": result.service,
            "conformity": result.response.conformity if result.response else None,
            "assurance": result.assurance,
            "assurance_reason": _in(lang, result.assurance_reason),
        },
        "duties": [_duty(duty) for duty in result.duties],
        "gaps": [_gap(gap, lang) for gap in result.gaps],
    }
    if explain is not None:
        data["trace"] = [_step(step, lang) for step in explain(result.control)[result.service]]
    return data


def _duty(duty: DutyResult) -> Data:
    return {
        "party": duty.party,
        "status": duty.status,
        "proof": duty.proof,
        "stated_for": list(duty.stated_for),
        "texts": list(duty.texts),
        **_answer(duty.answer),
    }


def _answer(answer: Answer | None) -> Data:
    """All of an answer but its place and status; the same keys where there is none."""
    return {
        "carried_over": answer is not None and answer.carried_over,
        "evidence": list(answer.evidence) if answer else [],
        "checked_on": _day(answer.checked_on) if answer else None,
        "due": _day(answer.due) if answer else None,
        "owner": answer.owner if answer else None,
        "note": answer.note if answer else None,
        "reason": answer.reason if answer else None,
    }


def _gap(gap: Gap, lang: Language) -> Data:
    return {
        "kind": gap.kind,
        "party": gap.party,
        "priority": gap.priority,
        "rule": gap.rule,
        "reason": _in(lang, gap.reason),
        "action": _in(lang, gap.action),
    }


def _suggestion(suggestion: Suggestion) -> Data:
    return {
        "control": suggestion.control,
        "party": suggestion.party,
        "source": suggestion.source,
        "relation": suggestion.relation,
        "reason": suggestion.reason,
        "status": suggestion.status,
        "evidence": list(suggestion.evidence),
    }


def _step(step: TraceStep, lang: Language) -> Data:
    return {
        "table": step.table,
        "rule": step.rule,
        "inputs": dict(step.inputs),
        "outputs": dict(step.outputs),
        "reason": _in(lang, step.reason),
    }


def _text(text: Text) -> Data:
    return {"ja": text.ja, "en": text.en}


def _in(lang: Language, text: Text) -> str:
    return text.ja if lang == "ja" else text.en


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
