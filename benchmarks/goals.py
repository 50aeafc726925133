"""One function a goal; each returns lines of the table."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tempfile
import tracemalloc
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import yaml
from openpyxl import Workbook, load_workbook

from analyzer.engine.analysis import Analyzer
from analyzer.engine.compiled import NO_DUTY
from analyzer.engine.interpreter import interpret_cell
from analyzer.engine.population import PopulationColumns, PopulationEngine
from analyzer.exports.bulk import BulkReport, available_workers, bulk_checklists
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.files import write_whole
from analyzer.exports.kinds import CHECKLIST_XLSX
from analyzer.exports.matrix.workbook import matrix_workbook
from analyzer.knowledge import schemas
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Institution
from analyzer.model.vocabulary import STATUSES
from analyzer.resources import controls_dir, evidence_dir, sample_institutions
from benchmarks.measure import Measurement, Spent, interleaved, seconds, shown

AS_OF = date(2026, 11, 1)
INSTITUTIONS = 100_000
CHECKLISTS = 1_000


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


def checklists(number: int = CHECKLISTS, rounds: int = 2) -> list[Measurement]:
    """Checklists over all cores against the same ones one by one in this process, both written to a folder.

    No two institutions are alike (see `_another`). The two take turns, half of the institutions each time, so that
    both see the same state of the machine; the processes of the first begin anew each time, and that is counted. The
    processor's time is told beside the clock's: it shows what the machine's other work hides.
    """
    analyzer = Analyzer(load_knowledge())
    samples = [load_institution(path, analyzer.knowledge)[0] for path in sample_institutions().values()]
    given = [_another(samples[each % len(samples)], each) for each in range(number)]

    def together(some: list[Institution], folder: Path) -> BulkReport:
        return bulk_checklists(some, (), AS_OF, folder)

    def alone(some: list[Institution], folder: Path) -> None:
        for institution in some:
            content = build_checklist(analyzer.analyze(institution, AS_OF), analyzer.knowledge, analyzer.rulebook)
            write_whole(folder / _file(institution), render_checklist(content, "xlsx"))

    ours, beside = Spent(), Spent()
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            some = given[turn::rounds]
            place = Path(folder) / str(turn)
            assert ours.on(partial(together, some, place / "ours")).made == len(some)
            beside.on(partial(alone, some, place / "beside"))
            for institution in some[:: max(1, len(some) // 10)]:
                name = _file(institution)
                assert (place / "ours" / name).read_bytes() == (place / "beside" / name).read_bytes()
    name = f"{number:,} checklists, {available_workers()} processes / one by one in one"
    ratio = ours.clock / beside.clock
    return [Measurement(name, str(ours), str(beside), ratio, "×", 0.5)]


def _file(institution: Institution) -> str:
    return CHECKLIST_XLSX.files[0].name(institution.id, AS_OF)


def _another(sample: Institution, number: int) -> Institution:
    """An institution unlike the others: other states, days, names, notes and facts than the sample's."""
    draw = random.Random(number)
    answers = {}
    for key, answer in sample.answers.items():
        if draw.random() < 0.1:
            continue
        status = answer.status if draw.random() < 0.4 else draw.choice(STATUSES[:4])
        answers[key] = replace(
            answer,
            status=status,
            reason=answer.reason if status == answer.status else None,
            checked_on=AS_OF - timedelta(days=draw.randrange(500)),
            due=None if status == "implemented" else AS_OF + timedelta(days=draw.randrange(-60, 300)),
            owner=f"{draw.choice(['情報システム課', '医事課', '事務長', '院長'])}{number}",
            note=f"備考 {number}-{draw.randrange(10**6)}" if draw.random() < 0.4 else answer.note,
        )
    kept = {name: value for name, value in sample.facts.items() if draw.random() < 0.9}
    facts = {
        name: not value if isinstance(value, bool) and draw.random() < 0.2 else value for name, value in kept.items()
    }
    evidence = {
        item.id: replace(
            item, title=f"{item.title} {number}", issued_on=item.issued_on - timedelta(days=draw.randrange(300))
        )
        for item in sample.evidence.values()
    }
    name = f"架空の医療機関{number}"
    return replace(sample, id=f"copy-{number:05}", name=name, answers=answers, facts=facts, evidence=evidence)


ALL = (loading, imports, one_institution, population, workbook, checklists)
