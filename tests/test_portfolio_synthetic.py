"""A made-up population hangs together: kind and size go with facts, SI vendors and answers."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.portfolio.layout import Layout
from analyzer.portfolio.synthetic import synthetic_blocks

AS_OF = date(2026, 11, 1)
COUNT = 3 * 1024


class Population:
    """A population's columns as numbers, one an institution."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.kind = np.array(self.texts("kind"))
        self.size = np.log10(table.column("staff").to_numpy())
        self.integrator = np.array(self.texts("integrator")) == "present"
        facts = [name for name in table.column_names if name.startswith("fact:") and name != "fact:small_institution"]
        flags = [name for name in facts if pa.types.is_boolean(table.schema.field(name).type)]
        known = np.array([table.column(name).to_pylist() for name in flags], dtype=float)
        self.facts = np.nanmean(known, axis=0)
        user = [name for name in table.column_names if name.startswith("status:") and name.endswith("/user")]
        statuses = np.array([self.texts(name) for name in user])
        self.answered = (statuses != "").mean(axis=0)
        self.implemented = (statuses == "implemented").sum(axis=0) / np.maximum((statuses != "").sum(axis=0), 1)

    def texts(self, name: str) -> list[str]:
        """A column of words, empty where nothing is given."""
        return [value or "" for value in self.table.column(name).to_pylist()]


@pytest.fixture(scope="module")
def layout(knowledge: KnowledgeBase, rulebook: Rulebook) -> Layout:
    return Layout(knowledge, rulebook)


@pytest.fixture(scope="module")
def population(knowledge: KnowledgeBase, layout: Layout) -> Population:
    return Population(pa.Table.from_batches(synthetic_blocks(COUNT, 11, layout, knowledge, AS_OF)))


def together(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_kinds_are_as_common_as_in_life(population: Population) -> None:
    share = {kind: float((population.kind == kind).mean()) for kind in set(population.kind)}
    assert share["clinic"] > share["dental"] > share["home_nursing"] > share["midwifery"]
    assert 0.015 < share["hospital"] < 0.06
    assert min(share.values()) > 0


def test_hospitals_are_large_have_beds_and_an_si_vendor(population: Population) -> None:
    hospital = population.kind == "hospital"
    assert np.median(population.size[hospital]) > np.median(population.size[~hospital]) + 1
    assert population.integrator[hospital].mean() > population.integrator[population.kind == "dental"].mean() + 0.3
    beds = np.array(population.table.column("beds").to_pylist())
    assert (beds[hospital] >= 20).all()


@pytest.mark.parametrize("kind", [None, "hospital", "clinic", "dental"])
def test_the_larger_the_more_facts_hold_and_the_more_is_done(population: Population, kind: str | None) -> None:
    chosen = np.ones(COUNT, dtype=bool) if kind is None else population.kind == kind
    size = population.size[chosen]
    assert together(size, population.facts[chosen]) > 0.2
    assert together(size, population.implemented[chosen]) > 0.25
    assert together(population.size, population.integrator.astype(float)) > 0.15


def test_whoever_does_more_answers_more(population: Population) -> None:
    assert together(population.implemented, population.answered) > 0.5


def test_a_fact_does_not_hold_without_what_it_needs(population: Population) -> None:
    several = np.array(population.table.column("fact:has_several_access_points").to_pylist())
    wireless = np.array(population.table.column("fact:uses_wireless_lan").to_pylist())
    assert (several == True).any()  # noqa: E712  values may be missing
    assert not ((several == True) & (wireless == False)).any()  # noqa: E712
