"""`make bench`: every goal in one table; exits 1 where one is missed."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from benchmarks.goals import ALL


def main() -> int:
    """Measure, print, and say whether every goal is met."""
    table = Table("measured", "ours", "beside it", "result", "goal (at most)", "met")
    missed = 0
    for goal in ALL:
        for line in goal():
            missed += not line.met
            value, bound = f"{line.value:.2f} {line.unit}", f"{line.goal:g} {line.unit}"
            table.add_row(line.name, line.ours, line.beside, value, bound, "yes" if line.met else "NO")
    Console(width=150).print(table)
    return 1 if missed else 0


sys.exit(main())
