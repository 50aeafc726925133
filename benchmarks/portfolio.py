"""`python -m benchmarks.portfolio`: a portfolio beside a bare lookup, the plain interpreter and rule libraries.

Prints Markdown. Exits 1 where a goal is missed by deciding; `--profile` says instead where a whole block's time goes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

from analyzer.knowledge.loading import load_knowledge
from analyzer.portfolio.analysis import PortfolioEngine
from benchmarks.measure import shown
from benchmarks.portfolio_profile import profile
from benchmarks.portfolio_rivals import Interpreter, libraries
from benchmarks.portfolio_rounds import Spread, ratio, spread
from benchmarks.portfolio_sizes import BARE, DECIDING, WHOLE, Measured, measure

SIZES = (1, 100, 10_000, 100_000)
LIBRARIES = ("rule-engine", "business-rules", "zen-engine")
AT_MOST_BARE, AT_LEAST_LIBRARY = 3, 500


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.portfolio", description=__doc__)
    options.add_argument("--institutions", type=int, nargs="+", default=SIZES, metavar="N")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument(
        "--processor-time", action="store_true", help="not the clock; for a machine shared with other work"
    )
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    engine = PortfolioEngine(load_knowledge())
    if given.profile:
        _print_table("step of a run", ["share", "time a block", "time a cell"], profile(engine))
        return 0
    memory = {str(size): _memory(size) for size in given.institutions}
    clock = time.process_time if given.processor_time else time.perf_counter
    rivals = [Interpreter(engine.analyzer.rulebook), *libraries(engine.analyzer.rulebook)]
    measured = [measure(size, engine, rivals, given.rounds, clock) for size in given.institutions]
    print(", ".join(f"{name} {version(name)}" for name in ("numpy", "pyarrow", *LIBRARIES)))
    kind = "processor time" if given.processor_time else "time on the clock"
    print(f"The quickest of {given.rounds} rounds, {kind}; in brackets the lowest and the highest of them.\n")
    heads = [f"{each.institutions:,}" for each in measured]
    names = [DECIDING, WHOLE, BARE, *(rival.name for rival in rivals)]
    _print_table("time a cell", heads, [(name, [_time(each, name) for each in measured]) for name in names])
    ratios = [(name, [_shown(value(each)) for each in measured]) for name, value in _RATIOS.items()]
    _print_table("ratio", heads, ratios)
    _print_table("cells", heads, _cells(measured))
    kinds = [(f"{kind}{'' if 'MB' in kind else ', bytes a cell'}", kind) for kind in next(iter(memory.values()))]
    rows = [(label, [f"{found[kind]:.1f}" for found in memory.values()]) for label, kind in kinds]
    _print_table("memory", heads, rows)
    return _goals(measured[-1])


def _best(measured: Measured) -> list[float]:
    """The quickest library's seconds a cell."""
    quickest = min(LIBRARIES, key=lambda name: spread(measured.seconds[name]).value)
    return measured.seconds[quickest]


_RATIOS: dict[str, Callable[[Measured], Spread]] = {
    "ours, deciding / bare lookup": lambda m: ratio(m.seconds[DECIDING], m.seconds[BARE]),
    "ours, whole / bare lookup": lambda m: ratio(m.seconds[WHOLE], m.seconds[BARE]),
    "plain interpreter / ours, deciding": lambda m: ratio(m.seconds[Interpreter.name], m.seconds[DECIDING]),
    "plain interpreter / ours, whole": lambda m: ratio(m.seconds[Interpreter.name], m.seconds[WHOLE]),
    "best library / ours, deciding": lambda m: ratio(_best(m), m.seconds[DECIDING]),
    "best library / ours, whole": lambda m: ratio(_best(m), m.seconds[WHOLE]),
}


def _goals(largest: Measured) -> int:
    """Print what the goals say of the largest population; 1 where deciding misses one."""
    missed = 0
    for name in (DECIDING, WHOLE):
        beside = ratio(largest.seconds[name], largest.seconds[BARE]).value
        library = ratio(_best(largest), largest.seconds[name]).value
        for value, met, goal in (
            (beside, beside <= AT_MOST_BARE, f"at most {AT_MOST_BARE} × the bare lookup"),
            (library, library >= AT_LEAST_LIBRARY, f"at least {AT_LEAST_LIBRARY} × the best library"),
        ):
            print(f"{name}, {largest.institutions:,} institutions: {value:.1f} ×, {goal}: {'met' if met else 'MISSED'}")
            missed += not met and name == DECIDING
    return 1 if missed else 0


def _memory(institutions: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.portfolio_memory", str(institutions)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _time(measured: Measured, name: str) -> str:
    found = spread(measured.seconds[name])
    return f"{_short(found.value)} (–{_short(found.high)})"


def _short(value: float) -> str:
    return f"{value * 1e9:.2f} ns" if value < 1e-7 else shown(value) if value >= 1e-5 else f"{value * 1e9:,.0f} ns"


def _shown(found: Spread) -> str:
    digits = 0 if found.value >= 100 else 1
    return f"{found.value:,.{digits}f} ({found.low:,.{digits}f}–{found.high:,.{digits}f})"


def _cells(measured: list[Measured]) -> list[tuple[str, list[str]]]:
    return [
        ("decided by ours and the bare lookup", [f"{each.cells:,}" for each in measured]),
        ("given to each rival", [f"{each.sampled:,}" for each in measured]),
        ("of these different", [f"{each.different:,}" for each in measured]),
    ]


def _print_table(corner: str, heads: list[str], rows: list[tuple[str, list[str]]]) -> None:
    print(f"| {' | '.join([corner, *heads])} |")
    print(f"|---|{'---:|' * len(heads)}")
    for name, values in rows:
        print(f"| {' | '.join([name, *values])} |")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
