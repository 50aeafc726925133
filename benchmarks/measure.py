"""Timing two things side by side."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Measurement:
    """One line of the table. value and goal have the same unit; a goal is an upper bound."""

    name: str
    ours: str
    beside: str
    value: float
    unit: str
    goal: float

    @property
    def met(self) -> bool:
        return self.value <= self.goal


@dataclass(slots=True)
class Spent:
    """What several runs took: by the clock, and of the processors, child processes included."""

    clock: float = 0.0
    processor: float = 0.0

    def on(self, run: Callable[[], T]) -> T:
        """Run once more."""
        gc.collect()
        begun, before = time.perf_counter(), os.times()
        result = run()
        after = os.times()
        self.clock += time.perf_counter() - begun
        self.processor += sum(after[:4]) - sum(before[:4])
        return result

    def __str__(self) -> str:
        return f"{shown(self.clock)} (CPU {shown(self.processor)})"


def seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """The quickest of some runs; other work on the machine only ever makes a run slower."""
    best = float("inf")
    for _ in range(repeats):
        gc.collect()
        begun = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begun)
    return best


def interleaved(ours: Callable[[], object], beside: Callable[[], object], repeats: int = 7) -> tuple[float, float]:
    """The quickest run of each, taken in turns, so that both see the same state of the machine."""
    best = [float("inf"), float("inf")]
    for _ in range(repeats):
        for position, run in enumerate((ours, beside)):
            best[position] = min(best[position], seconds(run, 1))
    return best[0], best[1]


def shown(value: float) -> str:
    """A duration people can read."""
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"
