"""One control or MIC clause as a fragment of HTML: what is asked, answered, shown, left to do, and how it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.answers import days_overdue
from analyzer.exports.checklist.facts import NO, YES, settled_by
from analyzer.exports.related import related_controls, unrelated_controls
from analyzer.exports.templating import lines, render_html
from analyzer.exports.wording import service_name
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import AllOf, AnyOf, Certification, Document, Expression, FactTest, MicClause, Not, Vendor
from analyzer.model.controls import Citation, Control, Response
from analyzer.model.institution import Evidence
from analyzer.model.results import Assessment, ControlResult, DutyResult
from analyzer.model.vocabulary import PARTIES, Party
from analyzer.search.documents import FieldName
from analyzer.search.excerpts import highlight
from analyzer.search.index import Hit

Marked = Callable[[FieldName, str | None], Markup]
"""A text of a field as HTML, with `<mark>` where the search found something in it."""


class Ground(NamedTuple):
    """A part of a condition in plain words, with the parts that it joins."""

    text: str
    parts: tuple[Ground, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A document behind an answer (None: not in the vendor's register), and in which columns the survey names it."""

    number: str
    document: Document | None
    cited: bool
    confirmed: bool


@dataclass(frozen=True, slots=True)
class NamedCertification:
    """A certification behind an answer (None: not in the register). withdrawn: its edition no longer held on the day
    of the assessment; without an assessment, on the day of the survey.
    """

    id: str
    certification: Certification | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class DutyText:
    """A duty, and the parties it is stated for where it has fallen to another."""

    text: str
    fallen_from: tuple[Party, ...]


@dataclass(frozen=True, slots=True)
class DutyRow:
    """What a party has to do. held: how it stands at the institution, None without one."""

    party: Party
    texts: tuple[DutyText, ...]
    held: DutyResult | None
    evidence: tuple[tuple[str, Evidence | None], ...]
    days_overdue: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A vendor's answer. result: how the control stands at the institution for this vendor's service."""

    id: str
    name: str
    vendor: Vendor | None
    response: Response
    documents: tuple[NamedDocument, ...]
    certifications: tuple[NamedCertification, ...]
    duties: tuple[DutyRow, ...]
    result: ControlResult | None


def control_fragment(
    control: Control,
    knowledge: KnowledgeBase,
    rulebook: Rulebook,
    *,
    result: ControlResult | None = None,
    hit: Hit | None = None,
    assessment: Assessment | None = None,
) -> str:
    """A control with everything said of it, in an `<article>`.

    assessment: the institution's, of which the results of all its services are shown; it also gives the day to judge
    by and the titles of evidence. result: only this one; without an assessment, evidence is named by its id. hit: what
    a search found in the control, marked where it stands. Sections have the ids `asked`, `state`, `vendor-<id>`,
    `duties-<id>`, `proof`, `mic`, `related`.
    """
    results = _results(control, result, assessment)
    condition = knowledge.conditions[control.applies_if] if control.applies_if else None
    return render_html(
        "screens/control.html.j2",
        control=control,
        guideline=knowledge.guidelines[control.guideline],
        condition=condition,
        ground=ground(condition.when, knowledge) if condition else None,
        informing=tuple(fact.question for fact in knowledge.facts.values() if control.key in fact.informs),
        results=results,
        settled=settled_by(condition.when, assessment.institution.facts, knowledge) if condition and assessment else (),
        assessment=assessment,
        service_name=lambda vendor: service_name(vendor, knowledge),
        clauses=_clauses(control, knowledge),
        clause_guidelines=_clause_guidelines(control, knowledge),
        answers=tuple(
            _answered(response, knowledge, results.get(vendor), assessment)
            for vendor, response in control.responses.items()
        ),
        related=related_controls(control.key, knowledge),
        unrelated=unrelated_controls(knowledge).get(control.key, ()),
        guidelines=knowledge.guidelines,
        term=rulebook.term,
        marked=_marked(hit),
        control_href=control_href,
        clause_href=clause_href,
        document_href=document_href,
    ).decode()


def clause_fragment(clause: MicClause, knowledge: KnowledgeBase, rulebook: Rulebook, *, hit: Hit | None = None) -> str:
    """A MIC clause with the controls that cite it, in an `<article>`. Sections have the ids `asked`, `citing`."""
    citing = knowledge.citing_controls.get(clause.id, ())
    return render_html(
        "screens/clause.html.j2",
        clause=clause,
        guideline=knowledge.guidelines[clause.guideline],
        guidelines=knowledge.guidelines,
        citing=tuple((control, _citations(control, clause.id)) for control in citing),
        term=rulebook.term,
        marked=_marked(hit),
        control_href=control_href,
    ).decode()


def control_href(key: str) -> str:
    """The in-app address of a control, by its key."""
    return f"?control={quote(key, safe=':')}"


def clause_href(clause: str) -> str:
    """The in-app address of a MIC clause, by its id."""
    return f"?clause={quote(clause)}"


def document_href(vendor: str, number: str) -> str:
    """The in-app address of a numbered document of a vendor."""
    return f"evidence?document={quote(f'{vendor}:{number}', safe=':')}"


def ground(expression: Expression, knowledge: KnowledgeBase) -> Ground:
    """A condition in plain words: the questions that decide it and the answers with which it holds."""
    match expression:
        case FactTest(fact, values):
            wanted = "または".join(_spoken(value) for value in values)
            return Ground(f"「{knowledge.facts[fact].question}」に「{wanted}」")
        case Not(part):
            return Ground("次に当てはまらない", (ground(part, knowledge),))
        case AllOf(parts):
            return Ground("次のすべてに当てはまる", tuple(ground(part, knowledge) for part in parts))
        case AnyOf(parts):
            return Ground("次のどれかに当てはまる", tuple(ground(part, knowledge) for part in parts))


def _spoken(value: bool | str) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    return value


def _marked(hit: Hit | None) -> Marked:
    found = {(match.field, match.text): match.spans for match in hit.matches} if hit else {}

    def marked(field: FieldName, text: str | None) -> Markup:
        spans = found.get((field, text)) if text is not None else None
        if text is None or not spans:
            return lines(text)
        parts = (
            Markup("<mark>{}</mark>").format(lines(part)) if inside else lines(part)
            for part, inside in highlight(text, spans)
        )
        return Markup("").join(parts)

    return marked


def _results(
    control: Control, result: ControlResult | None, assessment: Assessment | None
) -> dict[str | None, ControlResult]:
    """The results to show, by service."""
    if result is not None:
        return {result.service: result}
    if assessment is None:
        return {}
    return {found.service: found for found in assessment.results if found.control.key == control.key}


def _answered(
    response: Response, knowledge: KnowledgeBase, result: ControlResult | None, assessment: Assessment | None
) -> Answered:
    vendor = knowledge.vendors.get(response.vendor)
    day = assessment.as_of if assessment else vendor.survey.surveyed_on if vendor else None
    return Answered(
        id=response.vendor,
        name=service_name(response.vendor, knowledge),
        vendor=vendor,
        response=response,
        documents=tuple(
            NamedDocument(
                number,
                vendor.documents.get(number) if vendor else None,
                number in response.finding_documents,
                number in response.documents,
            )
            for number in response.all_documents
        ),
        certifications=tuple(
            _certification(identity, vendor.certifications.get(identity) if vendor else None, day)
            for identity in response.certifications
        ),
        duties=_held_duties(response, result, assessment) if result else _stated_duties(response),
        result=result,
    )


def _certification(identity: str, certification: Certification | None, day: date | None) -> NamedCertification:
    ended = certification.edition_withdrawn_on if certification else None
    return NamedCertification(identity, certification, ended is not None and day is not None and ended <= day)


def _stated_duties(response: Response) -> tuple[DutyRow, ...]:
    return tuple(
        DutyRow(
            party, tuple(DutyText(duty.text, ()) for duty in response.duties if party in duty.parties), None, (), None
        )
        for party in PARTIES
        if party in response.duty_parties
    )


def _held_duties(response: Response, result: ControlResult, assessment: Assessment | None) -> tuple[DutyRow, ...]:
    evidence = assessment.institution.evidence if assessment else {}
    return tuple(
        DutyRow(
            party=held.party,
            texts=tuple(DutyText(text, _fallen_from(text, held, response)) for text in held.texts),
            held=held,
            evidence=tuple((item, evidence.get(item)) for item in held.answer.evidence) if held.answer else (),
            days_overdue=days_overdue(held, assessment.as_of) if assessment else None,
        )
        for held in result.duties
    )


def _fallen_from(text: str, held: DutyResult, response: Response) -> tuple[Party, ...]:
    """The parties that a duty is stated for, where its holder is none of them."""
    named = {party for duty in response.duties if duty.text == text for party in duty.parties}
    return () if held.party in named else tuple(party for party in PARTIES if party in named)


def _clauses(control: Control, knowledge: KnowledgeBase) -> tuple[tuple[Citation, MicClause | None], ...]:
    cited = control.mic.clauses if control.mic else ()
    return tuple((citation, knowledge.clauses.get(citation.id)) for citation in cited)


def _clause_guidelines(control: Control, knowledge: KnowledgeBase) -> tuple[str, ...]:
    """The guidelines that the cited clauses stand in, each once."""
    return tuple(dict.fromkeys(clause.guideline for _, clause in _clauses(control, knowledge) if clause))


def _citations(control: Control, clause: str) -> tuple[Citation, ...]:
    return tuple(citation for citation in control.mic.clauses if citation.id == clause) if control.mic else ()
