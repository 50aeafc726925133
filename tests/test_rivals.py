"""The rule libraries of the portfolio's benchmark decide every cell as Sansho does; otherwise it compares nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from input_space import InputSpace

from analyzer.engine.cell import CellInputs
from analyzer.engine.interpreter import interpret_cell
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.portfolio.analysis import PortfolioEngine, analyse_block
from analyzer.portfolio.records import institutions_of
from benchmarks.portfolio_chain import Rival, fired_of
from benchmarks.portfolio_population import AS_OF, Sample, Words, blocks, parts_of

CELLS = 1500


@pytest.fixture(scope="module", params=["rule-engine", "business-rules", "zen-engine"])
def rival(request: pytest.FixtureRequest, rulebook: Rulebook) -> Rival:
    for module in ("rule_engine", "business_rules", "zen"):
        pytest.importorskip(module, reason=f"{module} comes with the extra 'dev'")
    from benchmarks.portfolio_rivals import libraries

    return {each.name: each for each in libraries(rulebook)}[request.param]


@pytest.fixture(scope="module")
def cells(rulebook: Rulebook) -> list[CellInputs]:
    """Cells from all over the space of inputs, with half of the duties there and half not."""
    space = InputSpace(rulebook)
    draw = np.random.default_rng(2)
    indices = draw.integers(0, space.shape, (CELLS, len(space.shape)))
    indices[:, -2:] *= draw.integers(0, 2, (CELLS, 2))
    return [space.cell(tuple(index)) for index in indices.tolist()]


def test_a_library_fires_the_same_rows(rulebook: Rulebook, cells: list[CellInputs], rival: Rival) -> None:
    expected = [fired_of(interpret_cell(rulebook, cell)) for cell in cells]
    assert rival.fired(rival.decide(rival.prepare(cells))) == expected
    # A sample that never comes to a row would not notice a fault in it.
    reached = {rule for fired in expected for rule in fired}
    rows = {rule.id for name, table in rulebook.tables.items() if name != "duty_holder" for rule in table.rules}
    assert len(rows - reached) <= 3, rows - reached


@pytest.fixture(scope="module")
def engine(knowledge: KnowledgeBase) -> PortfolioEngine:
    return PortfolioEngine(knowledge)


def test_the_benchmark_gives_the_libraries_the_cells_that_the_engine_decides(engine: PortfolioEngine) -> None:
    """Back from codes to words, for institutions with a service and without."""
    (block,) = blocks(40, engine)
    parts = parts_of(block, analyse_block(block, engine, AS_OF), engine)
    assert set(parts) == {"cybozu.com", None}
    alone = {institution.id: institution for institution in institutions_of(block, engine.layout, AS_OF)}
    words = Words(engine)
    for vendor, part in parts.items():
        ids = [i.id for i in alone.values() if vendor in ([s.vendor for s in i.services] or [None])]
        for row, identity in enumerate(ids):
            expected = engine.analyzer.cell_inputs(alone[identity], AS_OF, vendor)
            assert [words.cell(part, row, column) for column in range(len(expected))] == expected
    sample = Sample(list(parts.values()), 500, words)
    plain = [fired_of(interpret_cell(engine.analyzer.rulebook, cell)) for cell in sample.cells]
    assert [fired_of(rules) for rules in sample.decided] == plain


def test_the_benchmark_notices_a_cell_that_differs(engine: PortfolioEngine) -> None:
    (block,) = blocks(2, engine)
    results: Any = analyse_block(block, engine, AS_OF)
    column = results.schema.names.index("conformity")
    changed = results.column(column).take(np.roll(np.arange(results.num_rows), 1))
    with pytest.raises(AssertionError, match="conformity"):
        parts_of(block, results.set_column(column, results.schema.field(column), changed), engine)
