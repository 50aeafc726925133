"""What related controls have to offer: answers and evidence given for one, put forward for the other.

A relation never hands conformity over: nothing here changes a result.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from analyzer.engine.periods import expires_on
from analyzer.engine.rulebook import Policy
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.crosswalk import Relation, RelationKind
from analyzer.model.institution import Institution
from analyzer.model.results import ControlResult, DutyResult, Suggestion
from analyzer.model.vocabulary import Party


def suggestions(
    results: tuple[ControlResult, ...],
    institution: Institution,
    as_of: date,
    knowledge: KnowledgeBase,
    policy: Policy,
) -> tuple[Suggestion, ...]:
    """What can be offered to duties that are unanswered, or said to be done without valid proof; in results' order.

    Sources are the same party's answered duties under related controls. A duty declared not applicable offers
    nothing: its reason is about its own control.
    """
    duties: dict[tuple[str, Party], DutyResult] = {}
    for result in results:
        if result.applicability == "applicable":
            for duty in result.duties:
                duties.setdefault((result.control.key, duty.party), duty)

    def holding(duty: DutyResult) -> tuple[str, ...]:
        pieces = (institution.evidence[item] for item in duty.answer.evidence) if duty.answer else ()
        return tuple(item.id for item in pieces if item.issued_on <= as_of <= expires_on(item, policy))

    def offered(key: str, duty: DutyResult) -> Iterator[Suggestion]:
        for relation in knowledge.related.get(key, ()):
            source, kind = _source(relation, key)
            other = duties.get((source, duty.party))
            if other is None or other.status in {"unanswered", "not_applicable"}:
                continue
            own = set(duty.answer.evidence) if duty.answer else set()
            evidence = tuple(item for item in holding(other) if item not in own)
            status = other.status if duty.status == "unanswered" else None
            if status or evidence:
                yield Suggestion(key, duty.party, source, kind, relation.reason, status, evidence)

    wanting = (
        (key, duty)
        for (key, _), duty in duties.items()
        if duty.status == "unanswered" or (duty.status in {"implemented", "partial"} and duty.proof != "current")
    )
    return tuple(suggestion for key, duty in wanting for suggestion in offered(key, duty))


def _source(relation: Relation, key: str) -> tuple[str, RelationKind]:
    """The related control, and what it is to the control `key`."""
    source = relation.second if relation.first == key else relation.first
    return source, relation.seen_from(source)[1]
