"""Fixtures that every test may use: the shipped knowledge base and an analyzer of it, read once a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from postgres import empty, running_postgres

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook, shipped_rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.loading import load_knowledge
from analyzer.programme.loading import load_programmes
from analyzer.programme.model import Programme
from analyzer.resources import programmes_dir

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


@pytest.fixture(scope="session")
def programme(knowledge: KnowledgeBase) -> Programme:
    """The support programme that ships with Sansho."""
    return load_programmes(programmes_dir(), knowledge)["security-support-2026"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL server of the tests' own."""
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a test's own, empty store lies; every test that asks for it runs once on each database."""
    if request.param == "sqlite":
        return str(tmp_path / "sansho.db")
    url: str = request.getfixturevalue("postgres")
    empty(url)
    return url
