"""Many institutions at once: every (institution, control) cell packed into 16 bits and decided by one array lookup.

A cell is what differs between institutions: its condition, how its vendor documents stand (review and certificate),
and a duty code for each party (see compiled.py). What is the same for all of them (level, the vendor's answer, the
survey's age) selects a control's stretch of the lookup array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analyzer.engine.analysis import Analyzer
from analyzer.engine.cell import CellRules
from analyzer.engine.compiled import CellColumns, CellRows, CompiledRules
from analyzer.model.controls import Control
from analyzer.model.institution import Institution

Cells = npt.NDArray[np.uint16]
Outcomes = npt.NDArray[np.uint16]

# Rows decided in one go: small enough for the temporary arrays to stay in the processor's cache.
_BLOCK_CELLS = 1 << 16


class PopulationColumns(NamedTuple):
    """The answers of a population as codes; four arrays of uint8, shaped institutions × controls.

    condition: position in the applicability table's domain. standing: review × certificate. user, integrator: duty
    codes, 0 where the party holds no duty.
    """

    condition: npt.NDArray[np.uint8]
    standing: npt.NDArray[np.uint8]
    user: npt.NDArray[np.uint8]
    integrator: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Constant:
    """What a control brings to its cells whatever the institution."""

    level: str
    vendor_answer: str
    disclosure: str
    survey: str


class PopulationEngine:
    """Decides cells of institutions that use one vendor's service (None: no service), at one day.

    `controls` gives the columns' order. 2 bytes a cell go in, 2 bytes come out.
    """

    def __init__(self, analyzer: Analyzer, vendor: str | None, as_of: date) -> None:
        self.controls: tuple[Control, ...] = tuple(analyzer.knowledge.controls.values())
        self._analyzer = analyzer
        self._compiled: CompiledRules = analyzer.compiled
        self._as_of = as_of
        self._vendor = vendor
        tables = analyzer.rulebook.tables
        self._domains = {**tables["assurance"].inputs, **tables["applicability"].inputs}
        self._duties = self._compiled.duty_codes
        self._standings = len(self._domains["review"]) * len(self._domains["certificate"])
        # `decide` puts a condition and a standing into one byte, `pack` a whole cell into two.
        assert len(self._domains["condition"]) * self._standings * self._duties**2 <= 1 << 16
        assert len(self._domains["condition"]) * self._standings <= 1 << 8
        constants = [self._constant(control) for control in self.controls]
        different = list(dict.fromkeys(constants))
        stretches = [self._stretch(constant) for constant in different]
        # Cells with the same rules share an outcome number, so that 16 bits name every outcome there is.
        rows, numbers = _distinct_columns(np.concatenate(stretches, axis=1))
        self._outcome_rows = rows
        self._lookup: Outcomes = numbers.astype(np.uint16)
        width = stretches[0].shape[1] if stretches else 0
        self._offsets = np.array([different.index(constant) * width for constant in constants], dtype=np.intp)

    @property
    def lookup(self) -> Outcomes:
        """The lookup array: outcome numbers by cell code plus the control's offset."""
        return self._lookup

    @cached_property
    def outcomes(self) -> tuple[CellRules, ...]:
        """What each outcome number stands for: the rules that fired."""
        names = [field.name for field in fields(CellRows)]
        rows = CellRows(**dict(zip(names, self._outcome_rows, strict=True)))
        return tuple(self._compiled.rules_of(rows, index) for index in range(self._outcome_rows.shape[1]))

    def columns(self, institutions: Sequence[Institution]) -> PopulationColumns:
        """The codes of institutions' files; only the service of this engine's vendor is looked at."""
        shape = (len(institutions), len(self.controls))
        coded = PopulationColumns(*(np.zeros(shape, dtype=np.uint8) for _ in PopulationColumns._fields))
        certificates = self._domains["certificate"]
        for row, institution in enumerate(institutions):
            for column, cell in enumerate(self._analyzer.cell_inputs(institution, self._as_of, self._vendor)):
                coded.condition[row, column] = self._domains["condition"].index(cell.condition)
                review = self._domains["review"].index(cell.review)
                coded.standing[row, column] = review * len(certificates) + certificates.index(cell.certificate)
                coded.user[row, column] = self._compiled.duty_code(cell.user)
                coded.integrator[row, column] = self._compiled.duty_code(cell.integrator)
        return coded

    def pack(self, columns: PopulationColumns) -> Cells:
        """The columns as one 16-bit code a cell."""
        cells = columns.condition.astype(np.uint16)
        for part, base in (
            (columns.standing, self._standings),
            (columns.user, self._duties),
            (columns.integrator, self._duties),
        ):
            cells *= np.uint16(base)
            cells += part
        return cells

    def decide(self, columns: PopulationColumns) -> Outcomes:
        """The outcome number of every cell, institutions × controls."""
        outcomes = np.empty(columns.user.shape, dtype=np.uint16)
        given = outcomes.reshape(-1)
        condition, standing, user, integrator = (np.ascontiguousarray(column).reshape(-1) for column in columns)
        width = max(1, len(self.controls))
        size = min(max(1, _BLOCK_CELLS // width), max(1, len(outcomes))) * width
        offsets = np.tile(self._offsets, size // width)
        # Scratch, kept from block to block. A condition and a standing fit a byte; casts are cheapest as bare copies.
        both, cells, part = (np.empty(size, dtype=kind) for kind in (np.uint8, np.uint16, np.uint16))
        places = np.empty(size, dtype=np.intp)
        for start in range(0, given.size, size):
            cut = slice(start, min(start + size, given.size))
            count = cut.stop - start
            first, cell, duty, place = both[:count], cells[:count], part[:count], places[:count]
            np.multiply(condition[cut], np.uint8(self._standings), out=first)
            np.add(first, standing[cut], out=first)
            np.copyto(cell, first)
            for codes in (user, integrator):
                np.multiply(cell, np.uint16(self._duties), out=cell)
                np.copyto(duty, codes[cut])
                np.add(cell, duty, out=cell)
            np.copyto(place, cell)
            np.add(place, offsets[:count], out=place)
            # No code lies outside; of the modes that write into an array, this is the quickest.
            np.take(self._lookup, place, out=given[cut], mode="wrap")
        return outcomes

    def _constant(self, control: Control) -> _Constant:
        cell = self._analyzer.constant_inputs(control, self._vendor, self._as_of)
        return _Constant(**cell)

    def _stretch(self, constant: _Constant) -> npt.NDArray[np.int16]:
        """The rules of every cell a control with these constants can have: tables × cell codes."""
        conditions, reviews = len(self._domains["condition"]), len(self._domains["review"])
        grid = np.indices(
            (conditions, reviews, len(self._domains["certificate"]), self._duties, self._duties), dtype=np.int16
        ).reshape(5, -1)
        domains = {**self._domains, "level": self._compiled.rulebook.tables["conformity"].inputs["level"]}
        fixed = {
            field.name: np.int16(domains[field.name].index(getattr(constant, field.name))) for field in fields(constant)
        }
        rows = self._compiled.decide(
            CellColumns(
                condition=grid[0],
                level=np.broadcast_to(fixed["level"], grid[0].shape),
                vendor_answer=np.broadcast_to(fixed["vendor_answer"], grid[0].shape),
                disclosure=np.broadcast_to(fixed["disclosure"], grid[0].shape),
                review=grid[1],
                survey=np.broadcast_to(fixed["survey"], grid[0].shape),
                certificate=grid[2],
                user=grid[3],
                integrator=grid[4],
            )
        )
        return np.stack([getattr(rows, field.name) for field in fields(CellRows)]).astype(np.int16)


def _distinct_columns(rows: npt.NDArray[np.int16]) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.intp]]:
    """The different columns of a two-dimensional array in ascending order, and for every column its place there.

    What np.unique(axis=1) gives, without comparing columns: each is packed into one whole number.
    """
    keys = np.zeros(rows.shape[1], dtype=np.int64)
    different = 1
    for row in rows:
        least = int(row.min())
        radix = int(row.max()) - least + 1
        if different * radix > np.iinfo(np.int64).max:
            # Too many to count on: number anew those that there are, which keeps their order.
            known, keys = np.unique(keys, return_inverse=True)
            different = len(known)
        keys = keys * radix + (row - least)
        different *= radix
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    return rows[:, first], places
