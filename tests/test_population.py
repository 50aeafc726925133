"""Many institutions at once give what each gives alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import institutions

from analyzer.engine.analysis import Analyzer
from analyzer.engine.population import PopulationColumns, PopulationEngine, _distinct_columns
from analyzer.model.institution import Service

AS_OF = date(2026, 11, 1)


@pytest.fixture(scope="module")
def engine(analyzer: Analyzer) -> PopulationEngine:
    return PopulationEngine(analyzer, "cybozu.com", AS_OF)


@given(data=st.data())
@settings(max_examples=20)
def test_a_population_is_decided_like_each_institution_alone(
    analyzer: Analyzer, engine: PopulationEngine, data: st.DataObject
) -> None:
    drawn = data.draw(institutions(analyzer.knowledge))
    user = replace(
        drawn, services=(Service("cybozu.com", None, None, drawn.services[0].reviews if drawn.services else ()),)
    )
    outcomes = engine.decide(engine.columns([user]))[0]
    for result, outcome in zip(analyzer.analyze(user, AS_OF).results, outcomes, strict=True):
        rules = engine.outcomes[outcome]
        assert rules.conformity.id == result.rule
        assert rules.assurance.then["assurance"] == result.assurance
        assert rules.responsibility.then["responsibility"] == result.responsibility
        fired = [rules.user_gap, rules.integrator_gap, rules.vendor_gap]
        assert [rule.id for rule in fired if rule and rule.then["kind"] != "no_gap"] == [
            gap.rule for gap in result.gaps
        ]


def test_every_cell_code_is_decided(analyzer: Analyzer, engine: PopulationEngine) -> None:
    draw = np.random.default_rng(7)
    shape = (3000, len(engine.controls))
    columns = PopulationColumns(
        condition=draw.integers(0, 4, shape, dtype=np.uint8),
        standing=draw.integers(0, 9, shape, dtype=np.uint8),
        user=draw.integers(0, analyzer.compiled.duty_codes, shape, dtype=np.uint8),
        integrator=draw.integers(0, analyzer.compiled.duty_codes, shape, dtype=np.uint8),
    )
    outcomes = engine.decide(columns)
    assert outcomes.max() < len(engine.outcomes)
    # Blocks are cut along institutions: a part decided by itself is that part of the whole.
    part = engine.decide(PopulationColumns(*(column[1000:1500] for column in columns)))
    assert (part == outcomes[1000:1500]).all()


@pytest.mark.parametrize(("rows", "high"), [(3, 4), (11, 30), (11, 2000)])
def test_columns_are_numbered_as_numpy_numbers_them(rows: int, high: int) -> None:
    """Also where a column is too long to be packed into one number at a time."""
    columns = np.random.default_rng(3).integers(-1, high, (rows, 5000)).astype(np.int16)
    columns[:, 2500:] = columns[:, :2500]
    found, places = _distinct_columns(columns)
    wanted, wanted_places = np.unique(columns, axis=1, return_inverse=True)
    assert (found == wanted).all()
    assert (places == wanted_places.reshape(-1)).all()
