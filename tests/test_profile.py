"""Conditions on facts of which some are not known yet: neither taken for true nor for false."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from analyzer.engine.profile import holds, open_facts
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.lint import tests_in as fact_tests
from analyzer.model.catalog import AllOf, AnyOf, Expression, FactTest, Not

A, B, C = (FactTest(name, (True,)) for name in "abc")
WHERE = FactTest("where", ("outside", "both"))
TRUTH = (True, False, None)

# Kleene's strong logic, written out: False < None < True, and is the least, or the greatest, not the mirror image.
SIZE = {False: 0, None: 1, True: 2}
WORD = {size: word for word, size in SIZE.items()}


def known(**facts: bool | str | None) -> dict[str, bool | str]:
    return {fact: value for fact, value in facts.items() if value is not None}


def expressions(depth: int) -> Iterator[Expression]:
    """Every expression over a and b of at most this depth, with one to three parts."""
    yield from (A, B)
    if depth == 0:
        return
    inner = list(expressions(depth - 1))
    yield from (Not(part) for part in inner)
    for count in (1, 2, 3) if depth == 1 else (2,):
        for parts in product(inner, repeat=count):
            yield AllOf(parts)
            yield AnyOf(parts)


def kleene(expression: Expression, facts: dict[str, bool | str]) -> int:
    match expression:
        case FactTest(fact, values):
            return SIZE[None] if fact not in facts else SIZE[facts[fact] in values]
        case Not(part):
            return 2 - kleene(part, facts)
        case AllOf(parts):
            return min(kleene(part, facts) for part in parts)
        case AnyOf(parts):
            return max(kleene(part, facts) for part in parts)


@pytest.mark.parametrize("a", TRUTH)
@pytest.mark.parametrize("b", TRUTH)
def test_the_truth_tables(a: bool | None, b: bool | None) -> None:
    facts = known(a=a, b=b)
    assert holds(A, facts) is a
    assert holds(Not(A), facts) is {True: False, False: True, None: None}[a]
    assert holds(AllOf((A, B)), facts) is (False if False in (a, b) else None if None in (a, b) else True)
    assert holds(AnyOf((A, B)), facts) is (True if True in (a, b) else None if None in (a, b) else False)


def test_every_small_expression_is_as_kleene_has_it() -> None:
    every = list(expressions(2))
    assert len(every) > 1000
    for expression, (a, b) in product(every, product(TRUTH, repeat=2)):
        facts = known(a=a, b=b)
        assert holds(expression, facts) is WORD[kleene(expression, facts)], (expression, facts)


def completions(facts: dict[str, bool | str]) -> Iterator[dict[str, bool | str]]:
    free = [name for name in ("a", "b") if name not in facts]
    for values in product((True, False), repeat=len(free)):
        yield {**facts, **dict(zip(free, values, strict=True))}


def test_what_is_settled_stays_settled_whatever_is_answered_later() -> None:
    for expression, (a, b) in product(expressions(2), product(TRUTH, repeat=2)):
        facts = known(a=a, b=b)
        settled = holds(expression, facts)
        if settled is not None:
            assert all(holds(expression, later) is settled for later in completions(facts)), (expression, facts)


def test_open_facts_are_unknown_ones_that_the_expression_asks_for_and_answering_all_settles_it() -> None:
    for expression, (a, b) in product(expressions(2), product(TRUTH, repeat=2)):
        facts = known(a=a, b=b)
        open_now = open_facts(expression, facts)
        assert (open_now == ()) == (holds(expression, facts) is not None), (expression, facts)
        assert len(set(open_now)) == len(open_now)
        assert set(open_now) <= {test.fact for test in fact_tests(expression)} - facts.keys()
        for answers in product((True, False), repeat=len(open_now)):
            answered = {**facts, **dict(zip(open_now, answers, strict=True))}
            assert holds(expression, answered) is not None, (expression, answered)


def test_a_part_that_is_settled_asks_for_nothing() -> None:
    """No wireless LAN settles how many access points there are; the number alone settles nothing else."""
    points = AllOf((A, B))
    assert open_facts(points, {}) == ("a", "b")
    assert open_facts(points, {"a": True}) == ("b",)
    assert open_facts(points, {"a": False}) == ()
    assert open_facts(AnyOf((points, C)), {"a": False}) == ("c",)
    assert open_facts(AnyOf((points, C)), {"c": True}) == ()


def test_a_fact_asked_for_twice_is_named_once_in_the_order_of_the_expression() -> None:
    assert open_facts(AllOf((B, AnyOf((A, Not(B))))), {}) == ("b", "a")


@pytest.mark.parametrize(("value", "expected"), [("outside", True), ("both", True), ("inside", False), (None, None)])
def test_a_fact_with_several_values_holds_for_any_of_those_named(value: str | None, expected: bool | None) -> None:
    assert holds(WHERE, known(where=value)) is expected
    assert holds(Not(WHERE), known(where=value)) is (None if expected is None else not expected)


def test_a_no_that_is_asked_for_is_not_an_unknown() -> None:
    no = FactTest("a", (False,))
    assert holds(no, {"a": False}) is True
    assert holds(no, {"a": True}) is False
    assert holds(no, {}) is None


def test_every_shipped_condition_can_be_met_and_can_be_unmet(knowledge: KnowledgeBase) -> None:
    for condition in knowledge.conditions.values():
        asked = [knowledge.facts[test.fact] for test in fact_tests(condition.when)]
        facts: dict[str, tuple[bool | str, ...]] = {fact.id: fact.values or (True, False) for fact in asked}
        found = {holds(condition.when, dict(zip(facts, values, strict=True))) for values in product(*facts.values())}
        assert found == {True, False}, condition.id
        assert holds(condition.when, {}) is None, condition.id
