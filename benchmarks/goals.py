"""One function a goal; each returns lines of the table."""

from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
from datetime import date

import numpy as np
import yaml
from openpyxl import Workbook, load_workbook

from analyzer.engine.analysis import Analyzer
from analyzer.engine.compiled import NO_DUTY
from analyzer.engine.interpreter import interpret_cell
from analyzer.engine.population import PopulationColumns, PopulationEngine
from analyzer.exports.matrix.workbook import matrix_workbook
from analyzer.knowledge import schemas
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.resources import controls_dir, evidence_dir, sample_institutions
from benchmarks.measure import Measurement, interleaved, seconds, shown

AS_OF = date(2026, 11, 1)
INSTITUTIONS = 100_000


def loading() -> list[Measurement]:
    """Load and validate everything, schemas compiled anew, against libyaml alone over the same bytes."""
    files = [*controls_dir().rglob("*.yaml"), *(evidence_dir() / "vendors").glob("*.yaml")]
    contents = [path.read_bytes() for path in files]

    def cold() -> None:
        for cached in (schemas.gate, schemas._registry, schemas._schemas):
            cached.cache_clear()
        load_knowledge()

    def parse_to_data() -> None:
        for content in contents:
            yaml.load(content, yaml.CSafeLoader)

    def parse_to_events() -> None:
        for content in contents:
            loader = yaml.CSafeLoader(content)
            while loader.get_event() is not None:
                pass

    size = f"{sum(map(len, contents)) / 1000:.0f} kB"
    ours, data = interleaved(cold, parse_to_data)
    same, events = interleaved(cold, parse_to_events)
    return [
        Measurement(f"load and validate, {size} / libyaml to data", shown(ours), shown(data), ours / data, "×", 3),
        Measurement(
            f"load and validate, {size} / libyaml's bare events", shown(same), shown(events), same / events, "×", 3
        ),
    ]


def imports() -> list[Measurement]:
    """What `sansho --help` must not import."""
    code = (
        "import sys; from analyzer.cli.main import main; main(['--help']); "
        "print(sum(name in sys.modules for name in ('pandas', 'streamlit', 'pyarrow', 'openpyxl', 'numpy')))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = int(printed.splitlines()[-1])
    bare = seconds(lambda: subprocess.run([sys.executable, "-c", "import click"], check=True))
    ours = seconds(
        lambda: subprocess.run([sys.executable, "-m", "analyzer.cli", "--help"], capture_output=True, check=True)
    )
    return [
        Measurement("heavy modules imported by sansho --help", str(heavy), "0", heavy, "modules", 0),
        Measurement("sansho --help / python importing click", shown(ours), shown(bare), ours / bare, "×", 3),
    ]


def one_institution() -> list[Measurement]:
    """One institution after loading."""
    knowledge = load_knowledge()
    analyzer = Analyzer(knowledge)
    institution, _ = load_institution(sample_institutions()["minato-general-hospital"], knowledge)
    ours = seconds(lambda: analyzer.analyze(institution, AS_OF), 20)
    cells = analyzer.cell_inputs(institution, AS_OF, "cybozu.com")
    plain = seconds(lambda: [interpret_cell(analyzer.rulebook, cell) for cell in cells], 20)
    return [
        Measurement(
            f"analyse one institution, {len(cells)} controls (beside: plain interpreter, decisions only)",
            shown(ours),
            shown(plain),
            ours * 1e3,
            "ms",
            10,
        ),
    ]


def population() -> list[Measurement]:
    """100,000 institutions × all controls against a bare numpy lookup over the same cells."""
    analyzer = Analyzer(load_knowledge())
    engine = PopulationEngine(analyzer, "cybozu.com", AS_OF)
    shape = (INSTITUTIONS, len(engine.controls))
    draw = np.random.default_rng(1)
    duties = analyzer.compiled.duty_codes
    columns = PopulationColumns(
        condition=draw.integers(0, 4, shape, dtype=np.uint8),
        standing=draw.integers(0, 9, shape, dtype=np.uint8),
        user=draw.integers(NO_DUTY, duties, shape, dtype=np.uint8),
        integrator=draw.integers(NO_DUTY, duties, shape, dtype=np.uint8),
    )
    cells = engine.pack(columns)
    ours, bare = interleaved(lambda: engine.decide(columns), lambda: engine.lookup[cells], 5)
    tracemalloc.start()
    outcomes = engine.decide(columns)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    held = sum(column.nbytes for column in columns)
    name = f"{INSTITUTIONS:,} institutions × {shape[1]} controls"
    return [
        Measurement(f"{name} / bare numpy lookup", shown(ours), shown(bare), ours / bare, "×", 3),
        Measurement(
            f"{name}, memory (answers {held / outcomes.size:.0f} + peak of the analysis)",
            f"{(held + peak) / 1e6:.0f} MB",
            "",
            (held + peak) / outcomes.size,
            "bytes a cell",
            8,
        ),
    ]


def workbook() -> list[Measurement]:
    """The matrix workbook against a bare openpyxl write of its cells."""
    analyzer = Analyzer(load_knowledge())
    institution, _ = load_institution(sample_institutions()["minato-general-hospital"], analyzer.knowledge)
    assessment = analyzer.analyze(institution, AS_OF)
    written = load_workbook(io.BytesIO(matrix_workbook(analyzer.knowledge, analyzer.rulebook, assessment)))
    sheets = {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in written}

    def bare() -> None:
        book = Workbook()
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        book.save(io.BytesIO())

    ours, beside = interleaved(lambda: matrix_workbook(analyzer.knowledge, analyzer.rulebook, assessment), bare, 5)
    cells = sum(value is not None for rows in sheets.values() for row in rows for value in row)
    return [
        Measurement(
            f"matrix workbook, {cells:,} cells / bare openpyxl", shown(ours), shown(beside), ours / beside, "×", 2
        )
    ]


ALL = (loading, imports, one_institution, population, workbook)
