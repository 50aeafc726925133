"""`python -m benchmarks.portfolio_memory N`: what N institutions need, in a process of its own; prints JSON."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

from analyzer.knowledge.loading import load_knowledge
from analyzer.portfolio.analysis import PortfolioEngine, analyse_block
from benchmarks.portfolio_population import AS_OF, blocks, parts_of


def measure(institutions: int) -> dict[str, float]:
    """Bytes a cell of each thing that is held, and megabytes of the process: ready, and at its highest."""
    engine = PortfolioEngine(load_knowledge())
    for vendor in (*engine.layout.vendors, None):
        engine.decider(vendor, AS_OF)
    ready = _megabytes("VmRSS")
    cells = 0
    sizes = dict.fromkeys(("table of answers", "results in Arrow"), 0)
    for block in blocks(institutions, engine):
        results = analyse_block(block, engine, AS_OF)
        cells += results.num_rows
        sizes["table of answers"] += block.nbytes
        sizes["results in Arrow"] += results.nbytes
    peak = _megabytes("VmHWM")
    parts = parts_of(block, results, engine).values()
    last = sum(part.codes.size for part in parts)
    codes = sum(column.nbytes for part in parts for column in part.columns)
    tracemalloc.start()
    decided = [part.decide() for part in parts]
    highest = tracemalloc.get_traced_memory()[1]
    outcomes = sum(each.nbytes for each in decided)
    return {
        **{name: size / cells for name, size in sizes.items()},
        "input codes": codes / last,
        "outcome numbers": outcomes / last,
        "scratch while deciding": (highest - outcomes) / last,
        "MB ready": ready,
        "MB at most": peak,
    }


def _megabytes(field: str) -> float:
    """A figure of this process as Linux keeps it; getrusage would begin with that of the process that started it."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
