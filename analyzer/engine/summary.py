"""The counts that come first in every report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from analyzer.engine.periods import expires_on
from analyzer.engine.profile import unknown_facts
from analyzer.engine.rulebook import Policy
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.institution import Institution
from analyzer.model.results import (
    ControlResult,
    ExpiringEvidence,
    Summary,
    Tally,
)
from analyzer.model.vocabulary import (
    CONFORMITIES,
    GAP_KINDS,
    LEVELS,
    PARTIES,
    PRIORITIES,
    RESPONSIBILITIES,
    STATUSES,
)


def summarise(
    results: tuple[ControlResult, ...],
    institution: Institution,
    as_of: date,
    knowledge: KnowledgeBase,
    policy: Policy,
) -> Summary:
    """Everything a report counts, from one institution's results."""
    by_level: dict[str, list[ControlResult]] = {level: [] for level in LEVELS}
    by_section: dict[tuple[str, str], list[ControlResult]] = {}
    for result in results:
        by_level[result.control.level].append(result)
        by_section.setdefault((result.control.guideline, result.control.section.id), []).append(result)
    applicable = [result for result in results if result.applicability == "applicable"]
    duties = [duty for result in applicable for duty in result.duties]
    gaps = [gap for result in results for gap in result.gaps]
    statuses = Counter((duty.party, duty.status) for duty in duties)
    kinds = Counter(gap.kind for gap in gaps)
    priorities = Counter(gap.priority for gap in gaps)
    return Summary(
        overall=tally(results),
        by_level={level: tally(group) for level, group in by_level.items() if group},
        by_section={section: tally(group) for section, group in by_section.items()},
        duties_by_party={party: {status: statuses[party, status] for status in STATUSES} for party in PARTIES},
        gaps_by_kind={kind: kinds[kind] for kind in GAP_KINDS},
        gaps_by_priority={priority: priorities[priority] for priority in PRIORITIES},
        carried_over=sum(duty.carried_over for duty in duties),
        unknown_facts=unknown_facts(knowledge, institution.facts),
        expiring=_expiring(applicable, institution, as_of, policy),
    )


def tally(results: Iterable[ControlResult]) -> Tally:
    """Counts over some results."""
    group = list(results)
    conformity = Counter(result.conformity for result in group)
    responsibility = Counter(result.responsibility for result in group if result.conformity != "not_applicable")
    return Tally(
        controls=len(group),
        applicable=len(group) - conformity["not_applicable"],
        conformity={word: conformity[word] for word in CONFORMITIES},
        responsibility={word: responsibility[word] for word in RESPONSIBILITIES},
    )


def _expiring(
    results: Iterable[ControlResult], institution: Institution, as_of: date, policy: Policy
) -> tuple[ExpiringEvidence, ...]:
    """Evidence that stands behind an applicable duty and lapses within the notice period, or has lapsed."""
    used: dict[str, dict[str, None]] = {}
    for result in results:
        for duty in result.duties:
            for item in duty.answer.evidence if duty.answer else ():
                used.setdefault(item, {})[result.control.key] = None
    found = []
    for item, controls in used.items():
        evidence = institution.evidence[item]
        last = expires_on(evidence, policy)
        days = (last - as_of).days
        if evidence.issued_on <= as_of and days <= policy.expiry_notice_days:
            found.append(ExpiringEvidence(evidence, last, days, tuple(controls)))
    return tuple(sorted(found, key=lambda entry: (entry.days, entry.evidence.id)))
