"""Every cell there can be: the full product of the inputs of one (institution, control) cell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.engine.cell import CellInputs, DutyInputs
from analyzer.engine.compiled import CellColumns, CellRows, CompiledRules
from analyzer.engine.rulebook import Rulebook

IntArray = npt.NDArray[Any]

AXES = CellColumns._fields
NO_ROW = -1

# The table that each array of CellRows points into.
TABLE_OF = {
    "applicability": "applicability",
    "assurance": "assurance",
    "responsibility": "responsibility",
    "user_duty": "duty",
    "integrator_duty": "duty",
    "user_side": "user_side",
    "vendor_side": "vendor_side",
    "conformity": "conformity",
    "user_gap": "duty_gap",
    "integrator_gap": "duty_gap",
    "vendor_gap": "vendor_gap",
}


class InputSpace:
    """The cells as a nine-dimensional block, one axis an input in the order of CellColumns, decided once."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.compiled = CompiledRules(rulebook)
        tables = rulebook.tables
        words = {**tables["applicability"].inputs, **tables["conformity"].inputs, **tables["assurance"].inputs}
        self.words: dict[str, tuple[str, ...]] = {axis: words[axis] for axis in AXES[:-2]}
        statuses, proofs, rechecks = tables["duty"].inputs.values()
        self.duties: tuple[DutyInputs | None, ...] = (
            None,
            *(DutyInputs(status, proof, recheck) for status in statuses for proof in proofs for recheck in rechecks),
        )
        self.shape = (*(len(words) for words in self.words.values()), len(self.duties), len(self.duties))

    @cached_property
    def columns(self) -> CellColumns:
        """The codes of all cells as an open mesh: axis i holds the codes of input i."""
        return CellColumns(*np.ix_(*(np.arange(size, dtype=np.int16) for size in self.shape)))

    @cached_property
    def rows(self) -> CellRows:
        """The rows that the compiled rules find, each array with only the axes it depends on."""
        return self.compiled.decide(self.columns)

    def whole(self, array: IntArray) -> IntArray:
        """A decided array seen over all cells."""
        return np.broadcast_to(array, self.shape)

    def output(self, array_name: str, output: str, scale: Mapping[str, int], *, otherwise: int = 0) -> IntArray:
        """What the rows of an array give for an output, over all cells, as numbers on a scale; `otherwise` where the
        scale does not name the word or no row fired."""
        rules = self.rulebook.tables[TABLE_OF[array_name]].rules
        numbers = [*(scale.get(rule.then[output], otherwise) for rule in rules), otherwise]
        return self.whole(np.array(numbers, dtype=np.int8)[getattr(self.rows, array_name)])

    def says(self, array_name: str, output: str, *words: str) -> IntArray:
        """Whether the rows of an array give one of the words, over all cells."""
        return self.output(array_name, output, dict.fromkeys(words, 1)).astype(bool)

    def along(self, axis: str, chosen: int) -> tuple[slice | int, ...]:
        """The index of the cells whose input on an axis is the chosen one."""
        return tuple(chosen if name == axis else slice(None) for name in AXES)

    def cell(self, index: tuple[int, ...]) -> CellInputs:
        """The inputs of one cell in words."""
        known = {axis: words[position] for (axis, words), position in zip(self.words.items(), index[:-2], strict=True)}
        return CellInputs(**known, user=self.duties[index[-2]], integrator=self.duties[index[-1]])

    def first(self, broken: IntArray) -> str:
        """The first cell of a mask in words, for a message."""
        found = np.argwhere(broken)
        return f"{len(found)} cells, e.g. {self.cell(tuple(int(part) for part in found[0]))}" if len(found) else ""
