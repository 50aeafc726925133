"""The compiled rules and the plain interpreter say the same.

What is exhaustive here:

- every table, over every combination of its inputs: the compiled lookup array against `first_hit`, row by row;
- the whole chain, over every cell there can be (4 conditions x 3 levels x 4 vendor answers x 3 disclosures x 3 review,
  2 survey and 3 certificate states x 37 x 37 duties: 3,548,448 cells as the tables stand), for all eleven rows that
  decide a cell. The interpreter's own `interpret_cell` runs for this, lifted to arrays of words; each of its table
  look-ups is answered from what `first_hit` said for that combination. `interpret_cell` branches on nothing but
  whether a duty is there, so four lifted runs cover every cell.

What is a sample: `interpret_cell` with plain words, unaltered, against `Analyzer`'s way through `columns` and
`rules_of`, on every 149th cell; the lifting itself is checked by this.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from input_space import AXES, NO_ROW, TABLE_OF, InputSpace

from analyzer.engine import interpreter
from analyzer.engine.cell import CellInputs, DutyInputs
from analyzer.engine.contract import TABLES
from analyzer.engine.interpreter import first_hit, interpret_cell
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.tables import DecisionTable

SAMPLE_STEP = 149


@pytest.fixture(scope="module")
def space(rulebook: Rulebook) -> InputSpace:
    return InputSpace(rulebook)


def interpreted_rows(table: DecisionTable) -> np.ndarray[Any, Any]:
    """What `first_hit` says for every combination of a table's inputs, as positions of rows."""
    position = {id(rule): index for index, rule in enumerate(table.rules)}
    rows = [
        position[id(first_hit(table, dict(zip(table.inputs, values, strict=True))))]
        for values in product(*table.inputs.values())
    ]
    return np.array(rows, dtype=np.int16).reshape([len(domain) for domain in table.inputs.values()])


class Lifted:
    """A rule for every cell of a block: the rows that fired, and their outputs as arrays of words."""

    def __init__(self, table: DecisionTable, rows: np.ndarray[Any, Any]) -> None:
        self.rows = rows
        self.then = {name: np.array([rule.then[name] for rule in table.rules])[rows] for name in table.outputs}


def lifted_first_hit(tables: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """`first_hit` for arrays of words; each combination is answered as `first_hit` answered it alone."""

    def answer(table: DecisionTable, values: Mapping[str, Any]) -> Lifted:
        assert set(values) == set(table.inputs)
        codes = []
        for name, domain in table.inputs.items():
            words = np.asarray(values[name])
            code = np.full(words.shape, NO_ROW)
            for position, word in enumerate(domain):
                code[words == word] = position
            assert (code != NO_ROW).all(), f"{table.name}.{name}: a word outside its domain"
            codes.append(code)
        return Lifted(table, tables[table.name][tuple(codes)])

    return answer


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_compiled_as_it_reads(rulebook: Rulebook, name: str) -> None:
    table = rulebook.tables[name]
    assert np.array_equal(table.decided_by, interpreted_rows(table))


def test_the_chain_agrees_on_every_cell(space: InputSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {name: interpreted_rows(table) for name, table in space.rulebook.tables.items()}
    monkeypatch.setattr(interpreter, "first_hit", lifted_first_hit(tables))
    axes = len(AXES)

    def words(axis: str) -> np.ndarray[Any, Any]:
        shape = [1] * axes
        shape[AXES.index(axis)] = -1
        return np.array(space.words[axis]).reshape(shape)

    def duty(axis: str, *, held: bool) -> DutyInputs | None:
        if not held:
            return None
        shape = [1] * axes
        shape[AXES.index(axis)] = -1
        parts = (np.array(part).reshape(shape) for part in zip(*filter(None, space.duties), strict=True))
        return DutyInputs(*parts)  # type: ignore[arg-type]  # words lifted to arrays

    covered = 0
    for user_held, integrator_held in product((False, True), repeat=2):
        cell = CellInputs(
            **{axis: words(axis) for axis in AXES[:-2]},  # type: ignore[arg-type]
            user=duty("user", held=user_held),
            integrator=duty("integrator", held=integrator_held),
        )
        said = interpret_cell(space.rulebook, cell)
        block = (
            *(slice(None),) * (axes - 2),
            slice(1, None) if user_held else slice(0, 1),
            slice(1, None) if integrator_held else slice(0, 1),
        )
        covered += space.whole(space.rows.conformity)[block].size
        for name in TABLE_OF:
            compiled = space.whole(getattr(space.rows, name))[block]
            lifted: Any = getattr(said, name)
            interpreted = NO_ROW if lifted is None else lifted.rows
            wrong = compiled != interpreted
            assert not wrong.any(), f"{name}: {int(wrong.sum())} cells, the first at {np.argwhere(wrong)[0]}"
    assert covered == np.prod(space.shape)


def test_plain_cells_agree_on_the_way_that_the_analyzer_takes(space: InputSpace) -> None:
    indices = np.unravel_index(np.arange(0, int(np.prod(space.shape)), SAMPLE_STEP), space.shape)
    cells = [space.cell(tuple(int(part) for part in index)) for index in zip(*indices, strict=True)]
    rows = space.compiled.decide(space.compiled.columns(cells))
    for position, cell in enumerate(cells):
        assert space.compiled.rules_of(rows, position) == interpret_cell(space.rulebook, cell), cell


def test_the_columns_are_the_codes_of_the_words(space: InputSpace) -> None:
    """Each word of each input, and each duty, gets the code that the block above gives it."""
    blank: Any = space.cell((0,) * len(AXES))
    for axis, words in (*space.words.items(), ("user", space.duties), ("integrator", space.duties)):
        coded = getattr(space.compiled.columns([blank._replace(**{axis: word}) for word in words]), axis)
        assert coded.tolist() == list(range(len(words))), axis


@pytest.mark.parametrize("name", TABLE_OF)
def test_every_row_decides_some_cell(space: InputSpace, name: str) -> None:
    """A row that is reachable in its table can still be dead in the chain; none is."""
    fired = set(np.unique(getattr(space.rows, name)).tolist()) - {NO_ROW}
    dead = [rule.id for index, rule in enumerate(space.rulebook.tables[TABLE_OF[name]].rules) if index not in fired]
    assert not dead
