"""Tables are read in blocks, faults name row and column, a run that stopped goes on."""

from __future__ import annotations

import csv
import json
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from shutil import copy
from typing import Any

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from analyzer.cli.main import main
from analyzer.errors import InputError, SanshoError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.institution import Institution
from analyzer.portfolio.analysis import PortfolioEngine
from analyzer.portfolio.layout import LONG_COLUMNS, Layout
from analyzer.portfolio.reading import open_run
from analyzer.portfolio.running import run_portfolio
from analyzer.portfolio.sources import RecordsSource, TableSource, open_source
from analyzer.portfolio.synthetic import BLOCK, synthetic_blocks, write_synthetic
from analyzer.resources import sample_institutions

AS_OF = date(2026, 11, 1)


@pytest.fixture(scope="module")
def engine(knowledge: KnowledgeBase) -> PortfolioEngine:
    return PortfolioEngine(knowledge)


@pytest.fixture(scope="module")
def table(engine: PortfolioEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("portfolio") / "made-up.parquet"
    write_synthetic(path, 50, 3, engine.layout, engine.analyzer.knowledge, AS_OF)
    return path


def results(folder: Path) -> pa.Table:
    return ds.dataset(sorted((folder / "results").glob("*.parquet"))).to_table()


def written(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def as_long(path: Path, layout: Layout) -> list[tuple[str, str, str, str]]:
    rows = []
    for row in pq.read_table(path).to_pylist():
        for name, value in row.items():
            if value is not None and name != "institution":
                column = layout.columns[name]
                shown = str(value).lower() if isinstance(value, bool) else str(value)
                rows.append((row["institution"], column.kind, column.key, shown))
    return rows


def write_csv(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.mark.parametrize("layout", ["wide.csv", "long.csv", "long.parquet"])
def test_every_layout_gives_the_same_results(engine: PortfolioEngine, table: Path, tmp_path: Path, layout: str) -> None:
    other = tmp_path / layout
    if layout == "wide.csv":
        pcsv.write_csv(_plain(pq.read_table(table)), other)
    elif layout == "long.csv":
        write_csv(other, LONG_COLUMNS, as_long(table, engine.layout))
    else:
        columns = list(zip(*as_long(table, engine.layout), strict=True))
        pq.write_table(pa.table(dict(zip(LONG_COLUMNS, map(list, columns), strict=True))), other)
    for path, name in ((table, "a"), (other, "b")):
        run_portfolio(TableSource([path], str(path), engine.layout), engine, AS_OF, tmp_path / name, block_size=16)
    assert len(list((tmp_path / "b" / "results").iterdir())) == 4
    assert results(tmp_path / "a").to_pylist() == results(tmp_path / "b").to_pylist()
    assert (tmp_path / "a" / "summary.csv").read_bytes() == (tmp_path / "b" / "summary.csv").read_bytes()


def _plain(table: pa.Table) -> pa.Table:
    words = {field.name: pa.string() for field in table.schema if pa.types.is_dictionary(field.type)}
    return table.cast(pa.schema([(field.name, words.get(field.name, field.type)) for field in table.schema]))


def test_a_folder_of_institution_files_is_a_source(engine: PortfolioEngine, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for path in sample_institutions().values():
        copy(path, folder)
    source = open_source(folder, engine.analyzer.knowledge, engine.layout, engine.analyzer.rulebook.policy)
    outcome = run_portfolio(source, engine, AS_OF, tmp_path / "out", block_size=1)
    assert outcome.institutions == source.count() == len(sample_institutions())
    found = pq.read_table(tmp_path / "out" / "summary.parquet").column("institution").to_pylist()
    assert found == sorted(sample_institutions())


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            ("institution", "kind", "fact:uses_wireless_lan"),
            [("a", "clinic", "true"), ("b", "clinic", "maybe")],
            "row 2 (institution b), column fact:uses_wireless_lan: 'maybe' cannot be read as true or false",
        ),
        (
            ("institution", "kind", "status:mhlw-5:6.5-01/user"),
            [("a", "clinic", "done")],
            "row 1 (institution a), column status:mhlw-5:6.5-01/user: 'done' is not one of implemented",
        ),
        (
            ("institution", "kind", "checked_on:mhlw-5:6.5-01/user"),
            [("a", "clinic", "2026-02-30")],
            "'2026-02-30' cannot be read as a day such as 2026-11-01",
        ),
        (("institution", "kind", "fact:flies"), [("a", "clinic", "")], "column fact:flies: the knowledge base has no"),
        (("institution", "kind"), [("a", "clinic"), ("b", "clinic"), ("a", "clinic")], "'a' comes twice"),
        (("institution", "kind"), [("a", "clinic"), ("b", "")], "row 2 (institution b), column kind: is empty"),
        (
            ("institution", "kind"),
            [("a", "clinic"), ("b", "clinic"), ("c", "clinic"), ("a", "dental")],
            "row 4 (institution a): the id comes twice",
        ),
        (("institution", "kind"), [("", "clinic")], "column institution: is empty"),
        (("institution",), [("a",)], "column kind: is missing"),
        (("institution", "kind", "beds"), [("a", "clinic", "-3")], "'-3' cannot be read as a whole number"),
        (LONG_COLUMNS, [("a", "fact", "flies", "true")], "row 1: the layout has no fact 'flies'"),
        (
            LONG_COLUMNS,
            [("a", "identity", "kind", "clinic"), ("a", "identity", "kind", "dental")],
            "row 2: identity 'kind' of a is given twice",
        ),
        (
            LONG_COLUMNS,
            [
                ("a", "identity", "kind", "clinic"),
                ("b", "identity", "kind", "clinic"),
                ("b", "identity", "beds", "ten"),
            ],
            "row 3 (institution b), column beds: 'ten' cannot be read as a whole number",
        ),
        (
            LONG_COLUMNS,
            [("a", "identity", "kind", "clinic"), ("b", "identity", "beds", "1"), ("b", "identity", "staff", "1")],
            "row 2 (institution b), column kind: is empty",
        ),
        (
            LONG_COLUMNS,
            [("a", "identity", "kind", "clinic"), ("b", "identity", "kind", "clinic"), ("a", "identity", "beds", "1")],
            "do not stand together",
        ),
    ],
)
def test_faults_name_row_and_column(
    engine: PortfolioEngine, tmp_path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]], message: str
) -> None:
    path = write_csv(tmp_path / "table.csv", header, rows)
    with pytest.raises(InputError) as raised:
        list(TableSource([path], str(path), engine.layout).blocks(3, AS_OF))
    assert message in str(raised.value)


def test_a_run_that_stopped_goes_on_where_it_was(engine: PortfolioEngine, table: Path, tmp_path: Path) -> None:
    source = TableSource([table], str(table), engine.layout)
    run_portfolio(source, engine, AS_OF, tmp_path / "whole", block_size=16)

    class StoppedError(Exception):
        pass

    def stop_at_second(_count: int) -> None:
        if len(list((tmp_path / "cut" / "results").iterdir())) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        run_portfolio(source, engine, AS_OF, tmp_path / "cut", stop_at_second, block_size=16)
    untouched = (tmp_path / "cut" / "results" / "00000.parquet").stat().st_mtime_ns
    outcome = run_portfolio(source, engine, AS_OF, tmp_path / "cut", block_size=16)
    assert (outcome.kept, outcome.institutions) == (32, 50)
    assert (tmp_path / "cut" / "results" / "00000.parquet").stat().st_mtime_ns == untouched
    assert written(tmp_path / "cut") == written(tmp_path / "whole")


def test_a_run_that_was_killed_goes_on_where_it_was(engine: PortfolioEngine, tmp_path: Path) -> None:
    table = tmp_path / "many.parquet"
    write_synthetic(table, 600, 3, engine.layout, engine.analyzer.knowledge, AS_OF)
    manifest = tmp_path / "cut" / "manifest.json"
    command = [sys.executable, "-m", "analyzer.cli", "portfolio", str(table), "--block", "16"]
    with subprocess.Popen([*command, "-o", str(tmp_path / "cut"), "--as-of", "2026-11-01"]) as killed:
        while killed.poll() is None and not (manifest.exists() and len(json.loads(manifest.read_text())["blocks"]) > 1):
            time.sleep(0.01)
        killed.kill()
    (tmp_path / "cut" / ".manifest.json.k3.part").write_bytes(b"half")
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "cut" / "summary.parquet").exists()
    with pytest.raises(SanshoError, match="the run is not finished"):
        open_run(tmp_path / "cut", engine.analyzer.knowledge)

    source = TableSource([table], str(table), engine.layout)
    outcome = run_portfolio(source, engine, AS_OF, tmp_path / "cut", block_size=16)
    run_portfolio(source, engine, AS_OF, tmp_path / "whole", block_size=16)
    assert outcome.institutions == 600
    assert 32 <= outcome.kept < 600
    assert written(tmp_path / "cut") == written(tmp_path / "whole")


def test_a_full_disk_is_told_in_a_line_and_leaves_nothing_half_written(table: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analyzer.cli", "portfolio", str(table), "-o", str(tmp_path), "--block", "16"]
    arguments = [*command, "--as-of", "2026-11-01"]

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    failed = subprocess.run(arguments, preexec_fn=limit_files, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert re.fullmatch(rf"{tmp_path}/\S+: cannot be written: File too large\n", failed.stderr)
    assert not list(tmp_path.rglob("*.part"))
    assert not (tmp_path / "overview.xlsx").exists()
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0
    assert pq.read_table(tmp_path / "summary.parquet").num_rows == 50


def test_a_folder_that_cannot_be_written_to_is_told(engine: PortfolioEngine, table: Path, tmp_path: Path) -> None:
    (tmp_path / "results").write_bytes(b"")
    source = TableSource([table], str(table), engine.layout)
    with pytest.raises(SanshoError, match=r"results/00000\.parquet: cannot be written: "):
        run_portfolio(source, engine, AS_OF, tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_blocks_before_a_fault_are_kept(engine: PortfolioEngine, tmp_path: Path) -> None:
    rows = [("a", "clinic"), ("b", "clinic"), ("c", "castle")]
    path = write_csv(tmp_path / "table.csv", ("institution", "kind"), rows)
    with pytest.raises(InputError, match=r"row 3 \(institution c\), column kind: 'castle'"):
        run_portfolio(TableSource([path], str(path), engine.layout), engine, AS_OF, tmp_path / "out", block_size=1)
    assert len(json.loads((tmp_path / "out" / "manifest.json").read_text())["blocks"]) == 2
    assert not (tmp_path / "out" / "summary.parquet").exists()


def test_a_table_without_institutions_is_refused(engine: PortfolioEngine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "table.csv", ("institution", "kind"), [])
    with pytest.raises(SanshoError, match=r"table\.csv: holds no institutions"):
        run_portfolio(TableSource([path], str(path), engine.layout), engine, AS_OF, tmp_path / "out")


def test_a_cut_off_parquet_table_is_told(engine: PortfolioEngine, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    content = bytearray(table.read_bytes())
    content[1000:20_000] = b"\0" * 19_000
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cut\.parquet: cannot be read to its end"):
        run_portfolio(TableSource([path], str(path), engine.layout), engine, AS_OF, tmp_path / "out")


def test_whatever_stamps_a_record_changes_the_digest(engine: PortfolioEngine) -> None:
    class Records:
        name = "records"

        def __init__(self, stamps: dict[str, object]) -> None:
            self._stamps = stamps

        def stamps(self) -> dict[str, object]:
            return self._stamps

        def read(self, institution: str) -> Institution:
            raise AssertionError(institution)

    def digest(stamps: dict[str, object]) -> str:
        return RecordsSource(Records(stamps), engine.layout, engine.analyzer.rulebook.policy).digest()

    before: dict[str, object] = {"b": (3, "2026-11-01"), "a": (1, None)}
    assert digest(before) == digest(dict(reversed(before.items())))
    assert digest(before) != digest({**before, "b": (3, "2026-11-02")})
    assert digest(before) != digest({**before, "b": 3})


def test_a_damaged_block_is_done_again(engine: PortfolioEngine, table: Path, tmp_path: Path) -> None:
    source = TableSource([table], str(table), engine.layout)
    run_portfolio(source, engine, AS_OF, tmp_path, block_size=16)
    whole = written(tmp_path)
    (tmp_path / "results" / "00001.parquet").write_bytes(b"half")
    assert run_portfolio(source, engine, AS_OF, tmp_path, block_size=16).kept == 16
    assert written(tmp_path) == whole


def test_other_input_is_not_mixed_into_a_run(engine: PortfolioEngine, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    copy(table, path)
    source = TableSource([path], str(path), engine.layout)
    run_portfolio(source, engine, AS_OF, tmp_path / "out")
    with pytest.raises(SanshoError, match="the day was 2026-11-01, now it is 2026-11-02"):
        run_portfolio(source, engine, date(2026, 11, 2), tmp_path / "out")
    write_synthetic(path, 20, 4, engine.layout, engine.analyzer.knowledge, AS_OF)
    with pytest.raises(SanshoError, match=r"table\.parquet has changed since.*--anew"):
        run_portfolio(source, engine, AS_OF, tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "knowledge_version": "0+other"}))
    with pytest.raises(SanshoError, match=r"the knowledge base was 0\+other"):
        run_portfolio(source, engine, AS_OF, tmp_path / "out")
    assert run_portfolio(source, engine, AS_OF, tmp_path / "out", anew=True).institutions == 20


def test_a_population_is_made_up_alike_and_says_so(engine: PortfolioEngine, table: Path) -> None:
    knowledge = engine.analyzer.knowledge
    few = next(synthetic_blocks(50, 3, engine.layout, knowledge, AS_OF))
    many = next(synthetic_blocks(BLOCK + 1, 3, engine.layout, knowledge, AS_OF))
    assert many.slice(0, 50).to_pylist() == few.to_pylist() == pq.read_table(table).to_pylist()
    assert next(synthetic_blocks(50, 4, engine.layout, knowledge, AS_OF)).to_pylist() != few.to_pylist()
    metadata = pq.read_schema(table).metadata
    assert metadata[b"sansho.fictional"] == b"true"
    assert b"--seed 3" in metadata[b"sansho.origin"]
    assert all(row["fictional"] for row in few.select(["fictional"]).to_pylist())


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_dask_gives_what_one_process_gives(
    engine: PortfolioEngine, table: Path, tmp_path: Path, scheduler: str
) -> None:
    pytest.importorskip("dask.bag")
    from analyzer.portfolio.dask_bag import analysed_bag

    whole = pq.read_table(table)
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, part in zip(paths, (whole.slice(0, 30), whole.slice(30)), strict=True):
        pq.write_table(part, path)
    bag: Any = analysed_bag(paths, engine, AS_OF, block_size=20)
    found = bag.compute(scheduler=scheduler, num_workers=2)
    run_portfolio(TableSource([table], str(table), engine.layout), engine, AS_OF, tmp_path / "out")
    assert pa.Table.from_batches(found).to_pylist() == results(tmp_path / "out").to_pylist()


def test_the_commands_make_and_judge_a_population(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, folder = str(tmp_path / "p.parquet"), str(tmp_path / "out")
    day = ["--as-of", "2026-11-01"]
    assert main(["portfolio", "generate", "20", "--seed", "2", "-o", table, *day]) == 0
    assert main(["portfolio", table, "-o", folder, *day]) == 0
    assert "20 institutions, 7,860 results" in capsys.readouterr().out
    assert pq.read_table(tmp_path / "out" / "summary.parquet").num_rows == 20
    sheet = load_workbook(tmp_path / "out" / "overview.xlsx").worksheets[0]
    assert any("すべて架空の医療機関" in str(cell.value) for row in sheet.iter_rows() for cell in row)
    assert main(["portfolio", table, "-o", folder, "--as-of", "2026-11-02"]) == 2
    assert "holds another run" in capsys.readouterr().err
    assert main(["portfolio", str(tmp_path / "none"), "-o", folder]) == 2


def test_files_have_names_where_none_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["portfolio", "generate", "3"]) == 0
    assert main(["portfolio", "reports/out/portfolio-3.parquet"]) == 0
    assert "reports/out/portfolio: 3 institutions" in capsys.readouterr().out
    assert (tmp_path / "reports" / "out" / "portfolio" / "overview.xlsx").exists()


def test_the_store_is_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    location = str(tmp_path / "sansho.db")
    for sample in sample_institutions():
        assert main(["store", "import", sample, "--store", location]) == 0
    arguments = ["portfolio", "store", "--store", location, "-o", str(tmp_path / "out"), "--as-of", "2026-11-01"]
    assert main(arguments) == 0
    found = pq.read_table(tmp_path / "out" / "summary.parquet")
    assert found.column("institution").to_pylist() == sorted(sample_institutions())
