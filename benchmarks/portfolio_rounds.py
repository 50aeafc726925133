"""Contenders timed in turns, round after round, and the ratio of two of them with its spread."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Clock = Callable[[], float]

Seconds = dict[str, list[float]]
"""By contender the seconds a cell, one figure a round."""

# Runs shorter than this are repeated until they take so long together.
_ENOUGH = 0.02


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure taken from the quickest round, since other work on the machine only ever makes a run slower.

    low, high: the same figure in the rounds where it was lowest and highest.
    """

    value: float
    low: float
    high: float


def spread(figures: list[float]) -> Spread:
    """The seconds of the rounds."""
    return Spread(min(figures), min(figures), max(figures))


def ratio(above: list[float], below: list[float]) -> Spread:
    """How many times `below` goes into `above`: of the quickest runs, and within each round."""
    each = [a / b for a, b in zip(above, below, strict=True)]
    return Spread(min(above) / min(below), min(each), max(each))


def in_turns(contenders: Mapping[str, tuple[Callable[[], object], int]], rounds: int, clock: Clock) -> Seconds:
    """Seconds a cell of every contender, given with the number of cells it decides; all run once in each round."""
    for run, _cells in contenders.values():
        run()
    found: Seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (run, cells) in contenders.items():
            found[name].append(seconds(run, clock) / cells)
    return found


def seconds(run: Callable[[], object], clock: Clock) -> float:
    """Seconds of one run, the mean of several where one is very short."""
    gc.collect()
    runs = 0
    begun = clock()
    while True:
        run()
        runs += 1
        passed = clock() - begun
        if passed >= _ENOUGH:
            return passed / runs
