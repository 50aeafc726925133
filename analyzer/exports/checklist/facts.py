"""The questions on the institution itself, what it answered, and what hangs on the open ones."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.engine.profile import Facts
from analyzer.exports.checklist.model import FactLine, Label
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import AllOf, AnyOf, Expression, FactTest, Not
from analyzer.model.results import Assessment

YES, NO, OPEN = "はい", "いいえ", "未回答"
_YES_NO = (Label("true", YES), Label("false", NO))


def fact_lines(assessment: Assessment, knowledge: KnowledgeBase) -> tuple[FactLine, ...]:
    """Every question in the register's order, answered or not."""
    decides = {unknown.fact: unknown.controls for unknown in assessment.summary.unknown_facts}
    known = assessment.institution.facts
    lines = []
    for fact in knowledge.facts.values():
        choices = tuple(Label(value, value) for value in fact.values) or _YES_NO
        given = known.get(fact.id)
        answer = None if given is None else Label(str(given).lower(), _spoken(given))
        lines.append(FactLine(fact.id, fact.question, fact.help, choices, answer, decides.get(fact.id, 0)))
    return tuple(lines)


def settled_by(expression: Expression, facts: Facts, knowledge: KnowledgeBase) -> tuple[str, ...]:
    """The questions of a condition with the answers given, one a line."""
    asked = dict.fromkeys(_facts_of(expression))
    return tuple(
        f"「{knowledge.facts[fact].question}」→ {OPEN if facts.get(fact) is None else _spoken(facts[fact])}"
        for fact in asked
    )


def _spoken(value: bool | str) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    return value


def _facts_of(expression: Expression) -> Iterator[str]:
    match expression:
        case FactTest(fact, _):
            yield fact
        case Not(part):
            yield from _facts_of(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _facts_of(part)
