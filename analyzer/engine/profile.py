"""Conditions on an institution's facts, with an unknown fact kept apart from a false one (Kleene's three values)."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.model.catalog import AllOf, AnyOf, Expression, FactTest, Not

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
