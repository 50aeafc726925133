"""Fixtures that every test may use: the shipped knowledge base and an analyzer of it, read once a session."""

from __future__ import annotations

import pytest
from hypothesis import settings

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook, shipped_rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.loading import load_knowledge

# A run repeats the one before it; `pytest --hypothesis-profile=explore` looks further, with new examples every time.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=30)
settings.register_profile("explore", derandomize=False, deadline=None, max_examples=300)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    """The knowledge base that ships with Sansho."""
    return load_knowledge()


@pytest.fixture(scope="session")
def analyzer(knowledge: KnowledgeBase) -> Analyzer:
    """An analyzer of the shipped knowledge base with the shipped rules."""
    return Analyzer(knowledge)


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    """The rules that ship with Sansho."""
    return shipped_rulebook()
