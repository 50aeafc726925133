"""Conditions on an institution's facts, with an unknown fact kept apart from a false one (Kleene's three values)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import AllOf, AnyOf, Expression, FactTest, Not
from analyzer.model.results import UnknownFact

Facts = Mapping[str, bool | str]


def holds(expression: Expression, facts: Facts) -> bool | None:
    """True, False, or None where the known facts do not settle it."""
    match expression:
        case FactTest(fact, values):
            known = facts.get(fact)
            return None if known is None else known in values
        case Not(part):
            inner = holds(part, facts)
            return None if inner is None else not inner
        case AllOf(parts):
            found = [holds(part, facts) for part in parts]
            return False if False in found else None if None in found else True
        case AnyOf(parts):
            found = [holds(part, facts) for part in parts]
            return True if True in found else None if None in found else False


def open_facts(expression: Expression, facts: Facts) -> tuple[str, ...]:
    """The unknown facts that can still settle an expression, in its order; empty where it is settled."""
    if holds(expression, facts) is not None:
        return ()
    match expression:
        case FactTest(fact, _):
            return (fact,)
        case Not(part):
            return open_facts(part, facts)
        case AllOf(parts) | AnyOf(parts):
            return tuple(dict.fromkeys(fact for part in parts for fact in open_facts(part, facts)))


def unknown_facts(knowledge: KnowledgeBase, facts: Facts) -> tuple[UnknownFact, ...]:
    """The unknown facts that can still decide whether controls apply, those that decide most first."""
    decides: Counter[str] = Counter()
    for control in knowledge.controls.values():
        if control.applies_if is not None:
            decides.update(open_facts(knowledge.conditions[control.applies_if].when, facts))
    order = {fact: index for index, fact in enumerate(knowledge.facts)}
    ranked = sorted(decides.items(), key=lambda item: (-item[1], order[item[0]]))
    return tuple(UnknownFact(fact, knowledge.facts[fact].question, count) for fact, count in ranked)


def facts_to_ask(knowledge: KnowledgeBase, facts: Facts) -> tuple[UnknownFact, ...]:
    """What to ask an institution next, in this order: facts that decide controls, then those that only inform them."""
    deciding = unknown_facts(knowledge, facts)
    named = {fact.fact for fact in deciding}
    informing = (
        UnknownFact(fact.id, fact.question, 0)
        for fact in knowledge.facts.values()
        if fact.informs and fact.id not in facts and fact.id not in named
    )
    return (*deciding, *informing)
