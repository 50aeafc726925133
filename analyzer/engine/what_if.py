"""What falls when evidence is missing: an institution analysed again as if a vendor's documents were gone, a
certification had lapsed, or records of its own could not be found; and what differs.

The rules decide, as always; only what they are asked about is altered (docs/decisions/0009-what-if-on-evidence.md):

- A document that is gone is named by no answer any more. An answer that was marked `public` and names neither a
  document nor a certification afterwards has nothing that anybody could check: its disclosure becomes `none`. An answer
  marked `nda` stays so, since the material under NDA is still there.
- A certification that lapses has its edition withdrawn on `as_of`, unless it was withdrawn before. The answer still
  names it: resting on a lapsed certification is a state of its own in rules/assurance.yaml, better than `none`.
- A record of the institution that is missing is named by none of its answers any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date

from analyzer.engine.analysis import Analyzer
from analyzer.engine.reliance import Item, named_by
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Certification, Vendor
from analyzer.model.controls import Control, Response
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment, ControlResult, Gap
from analyzer.model.vocabulary import PRIORITIES, Disclosure


@dataclass(frozen=True, slots=True)
class Change:
    """A control's result with the evidence and without it, for one service."""

    before: ControlResult
    after: ControlResult

    @property
    def control(self) -> Control:
        """The control concerned."""
        return self.before.control

    @property
    def conformity_changed(self) -> bool:
        """The result itself is another."""
        return self.before.conformity != self.after.conformity

    @property
    def conformity_lost(self) -> bool:
        """It conformed, and does so no more (pending conformity included)."""
        return self.before.conformity == "conforming" and self.conformity_changed

    @property
    def assurance_changed(self) -> bool:
        """What stands behind the vendor's answer is of another strength."""
        return self.before.assurance != self.after.assurance

    @property
    def new_gaps(self) -> tuple[Gap, ...]:
        """Gaps of a kind that the party did not have here, or had with a lower priority."""
        known = {(gap.kind, gap.party): PRIORITIES.index(gap.priority) for gap in self.before.gaps}
        lowest = len(PRIORITIES)
        return tuple(
            gap for gap in self.after.gaps if PRIORITIES.index(gap.priority) < known.get((gap.kind, gap.party), lowest)
        )

    @property
    def only_reason(self) -> bool:
        """The result, the assurance and the gaps stay; only why, or what proves a duty, is another."""
        return not (self.conformity_changed or self.assurance_changed or self.new_gaps)


@dataclass(frozen=True, slots=True)
class Fall:
    """What the loss of evidence does to an institution, in the order of the results.

    changed: results that differ in anything. unchanged: those that rest on the lost evidence and stay as they were.
    already_lapsed: the certifications among the losses whose edition was withdrawn by the day; supposing it changes
    nothing, and what rests on them is in the results already.
    """

    changed: tuple[Change, ...]
    unchanged: tuple[ControlResult, ...]
    already_lapsed: tuple[Item, ...] = ()


class WhatIf:
    """Asks an analyzer what an assessment of its own would be without some evidence. Safe to share."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer

    def without(self, assessment: Assessment, items: Collection[Item]) -> Fall:
        """What falls were these documents gone and these certifications lapsed, all at once, at the assessment's day.

        Nothing falls where the institution does not use the vendor's service. Raises KeyError for an item that is not
        registered, ValueError for an assessment of another knowledge base.
        """
        self._check(assessment)
        knowledge = self.analyzer.knowledge
        already = tuple(item for item in dict.fromkeys(items) if _lapsed(knowledge, item, assessment.as_of))
        altered = Analyzer(_altered(knowledge, items, assessment.as_of), self.analyzer.rulebook)
        after = altered.analyze(assessment.institution, assessment.as_of)
        wanted = frozenset(items)

        def relies(result: ControlResult) -> bool:
            return result.response is not None and not wanted.isdisjoint(named_by(result.response))

        return _fall(assessment, after, {index for index, one in enumerate(assessment.results) if relies(one)}, already)

    def without_own(self, assessment: Assessment, evidence: Collection[str]) -> Fall:
        """What falls were these pieces of the institution's own evidence missing, all at once.

        Raises KeyError for an id that the institution does not have, ValueError for an assessment of another knowledge
        base.
        """
        self._check(assessment)
        lost = frozenset(evidence)
        after = self.analyzer.analyze(_without_records(assessment.institution, lost), assessment.as_of)

        def relies(result: ControlResult) -> bool:
            return any(duty.answer and not lost.isdisjoint(duty.answer.evidence) for duty in result.duties)

        return _fall(assessment, after, {index for index, one in enumerate(assessment.results) if relies(one)}, ())

    def _check(self, assessment: Assessment) -> None:
        if assessment.knowledge_version != self.analyzer.knowledge.version:
            raise ValueError("the assessment was made with another knowledge base")


def _fall(before: Assessment, after: Assessment, relying: set[int], already: tuple[Item, ...]) -> Fall:
    changed: list[Change] = []
    unchanged: list[ControlResult] = []
    for index, (one, other) in enumerate(zip(before.results, after.results, strict=True)):
        if _told(one) != _told(other):
            changed.append(Change(one, other))
        elif index in relying:
            unchanged.append(one)
    return Fall(tuple(changed), tuple(unchanged), already)


def _told(result: ControlResult) -> tuple[object, ...]:
    """Everything of a result that a reader could find changed."""
    proofs = tuple(duty.proof for duty in result.duties)
    return (result.conformity, result.reason, result.assurance, result.assurance_reason, result.gaps, proofs)


def _lapsed(knowledge: KnowledgeBase, item: Item, as_of: date) -> bool:
    if item.kind != "certification":
        return False
    withdrawn = knowledge.vendors[item.vendor].certifications[item.id].edition_withdrawn_on
    return withdrawn is not None and withdrawn <= as_of


def _altered(knowledge: KnowledgeBase, items: Iterable[Item], as_of: date) -> KnowledgeBase:
    """The knowledge base without some items; records that name none of them are the same objects."""
    gone: dict[str, set[str]] = {}
    lapsing: dict[str, set[str]] = {}
    for item in items:
        vendor = knowledge.vendors[item.vendor]
        if item.kind == "document":
            gone.setdefault(item.vendor, set()).add(vendor.documents[item.id].number)
        else:
            lapsing.setdefault(item.vendor, set()).add(vendor.certifications[item.id].id)
    return replace(
        knowledge,
        vendors={
            key: _with_lapsed(vendor, lapsing.get(key, set()), as_of) for key, vendor in knowledge.vendors.items()
        },
        controls={key: _without_documents(control, gone) for key, control in knowledge.controls.items()},
    )


def _with_lapsed(vendor: Vendor, certifications: Collection[str], as_of: date) -> Vendor:
    if not certifications:
        return vendor
    return replace(
        vendor,
        certifications={
            key: _lapsing(held, as_of) if key in certifications else held for key, held in vendor.certifications.items()
        },
    )


def _lapsing(certification: Certification, as_of: date) -> Certification:
    withdrawn = certification.edition_withdrawn_on
    return certification if withdrawn and withdrawn <= as_of else replace(certification, edition_withdrawn_on=as_of)


def _without_documents(control: Control, gone: dict[str, set[str]]) -> Control:
    touched = {
        vendor: _reduced(control.responses[vendor], numbers)
        for vendor, numbers in gone.items()
        if vendor in control.responses and not numbers.isdisjoint(control.responses[vendor].all_documents)
    }
    return replace(control, responses={**control.responses, **touched}) if touched else control


def _reduced(response: Response, gone: Collection[str]) -> Response:
    documents = tuple(number for number in response.documents if number not in gone)
    finding = tuple(number for number in response.finding_documents if number not in gone)
    checkable = bool(documents or finding or response.certifications)
    disclosure: Disclosure = "none" if response.disclosure == "public" and not checkable else response.disclosure
    return replace(response, documents=documents, finding_documents=finding, disclosure=disclosure)


def _without_records(institution: Institution, lost: frozenset[str]) -> Institution:
    for identity in lost:
        institution.evidence[identity]  # KeyError where it is not there
    return replace(
        institution,
        evidence={key: item for key, item in institution.evidence.items() if key not in lost},
        answers={
            key: replace(answer, evidence=tuple(item for item in answer.evidence if item not in lost))
            for key, answer in institution.answers.items()
        },
    )
