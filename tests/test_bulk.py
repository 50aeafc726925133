"""Checklists of many institutions: the same files as one by one, whatever fails, stops or has been done before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from store_helpers import CLINIC, open_store, take_in

from analyzer.cli.bulk import checklists
from analyzer.engine.analysis import Analyzer
from analyzer.errors import SanshoError
from analyzer.exports import bulk_workers
from analyzer.exports.bulk import BulkOutcome, bulk_checklists
from analyzer.exports.bulk_workers import source_digest
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.model.controls import Place
from analyzer.model.institution import Institution
from analyzer.portfolio.layout import Layout
from analyzer.portfolio.records import block_of, institutions_of
from analyzer.resources import sample_institutions

AS_OF = date(2026, 11, 1)


@pytest.fixture(scope="module")
def clinic(knowledge: KnowledgeBase) -> Institution:
    return load_institution(sample_institutions()["hidamari-clinic"], knowledge)[0]


def several(clinic: Institution, number: int) -> list[Institution]:
    return [replace(clinic, id=f"clinic-{each}", name=f"架空診療所{each}") for each in range(number)]


def broken(clinic: Institution) -> Institution:
    """An institution that no checklist can be made of."""
    return replace(clinic, id="broken", kind="no-such-kind")


def one(institution: Institution, analyzer: Analyzer) -> bytes:
    assessment = analyzer.analyze(institution, AS_OF)
    return render_checklist(build_checklist(assessment, analyzer.knowledge, analyzer.rulebook), "xlsx")


def name_of(institution: Institution) -> str:
    return f"{institution.id}-checklist-{AS_OF}.xlsx"


def states(outcomes: tuple[BulkOutcome, ...]) -> list[tuple[str, str]]:
    return [(outcome.id, outcome.state) for outcome in outcomes]


def test_processes_make_the_same_files_as_one_by_one_in_order_and_a_failure_stops_no_other(
    clinic: Institution, analyzer: Analyzer, tmp_path: Path
) -> None:
    first, second, third = several(clinic, 3)
    seen: list[str] = []
    given = [first, broken(clinic), second, third, replace(second, name="別名")]
    report = bulk_checklists(given, (), AS_OF, tmp_path / "out.zip", 2, lambda outcome: seen.append(outcome.id))
    assert states(report.outcomes) == [
        ("clinic-0", "made"),
        ("broken", "failed"),
        ("clinic-1", "made"),
        ("clinic-2", "made"),
        ("clinic-1", "failed"),
    ]
    assert seen == [outcome.id for outcome in report.outcomes]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == [name_of(first), name_of(second), name_of(third), "一覧.csv", "manifest.jsonl"]
        for institution in (first, second, third):
            assert archive.read(name_of(institution)) == one(institution, analyzer)
        listed = archive.read("一覧.csv").decode("utf-8-sig")
    assert [line.split(",")[1] for line in listed.splitlines()[1:]] == [each.id for each in given]
    assert listed.count("作成できず") == 2
    bulk_checklists(given, (), AS_OF, tmp_path / "alone.zip", 1)
    assert (tmp_path / "alone.zip").read_bytes() == (tmp_path / "out.zip").read_bytes()


def test_a_folder_is_taken_up_where_it_stands(clinic: Institution, analyzer: Analyzer, tmp_path: Path) -> None:
    given = several(clinic, 3)

    def stop(outcome: BulkOutcome) -> None:
        if outcome.id == "clinic-1":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bulk_checklists(given, (), AS_OF, tmp_path, 1, stop)
    # A line that was being written when the power went, and a file that was.
    with (tmp_path / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
        manifest.write('{"file":"clinic-2-che')
    (tmp_path / f".{name_of(given[2])}.x.part").write_bytes(b"half")
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.xlsx")}
    report = bulk_checklists(given, (), AS_OF, tmp_path, 1)
    assert states(report.outcomes) == [("clinic-0", "kept"), ("clinic-1", "kept"), ("clinic-2", "made")]
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in before} == before
    assert (tmp_path / name_of(given[2])).read_bytes() == one(given[2], analyzer)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*map(name_of, given), "manifest.jsonl", "一覧.csv"]
    )
    assert bulk_checklists(given, (), AS_OF, tmp_path, 1).kept == 3


def test_what_changed_is_made_anew_and_what_somebody_filled_in_is_never_overwritten(
    clinic: Institution, tmp_path: Path
) -> None:
    given = several(clinic, 3)
    bulk_checklists(given, (), AS_OF, tmp_path, 1)
    filled, lost = tmp_path / name_of(given[1]), tmp_path / name_of(given[2])
    filled.write_bytes(b"filled in by hand")
    lost.unlink()
    renamed = [replace(given[0], name="新しい名前"), *given[1:]]
    report = bulk_checklists(renamed, (), AS_OF, tmp_path, 1)
    assert states(report.outcomes) == [("clinic-0", "made"), ("clinic-1", "failed"), ("clinic-2", "made")]
    assert filled.read_bytes() == b"filled in by hand"
    assert "上書きしない" in str(report.failures[0].reason)
    other_day = bulk_checklists(given, (), AS_OF + timedelta(days=1), tmp_path, 1)
    assert other_day.made == 3


def test_the_digest_tells_every_change_of_the_data_and_no_other(clinic: Institution) -> None:
    digest = source_digest(clinic)
    key, answer = next(iter(clinic.answers.items()))
    evidence = next(iter(clinic.evidence.values()))
    service = clinic.services[0]
    for changed in (
        replace(clinic, beds=999),
        replace(clinic, facts={**clinic.facts, "uses_wireless_lan": "another"}),
        replace(clinic, answers={**clinic.answers, key: replace(answer, note="書き足し")}),
        replace(clinic, answers={**clinic.answers, key: replace(answer, carried_over=not answer.carried_over)}),
        replace(clinic, evidence={**clinic.evidence, evidence.id: replace(evidence, issued_on=date(1999, 1, 1))}),
        replace(clinic, services=(replace(service, used_for="別の用途"), *clinic.services[1:])),
    ):
        assert source_digest(changed) != digest
    elsewhere = Place("elsewhere.yaml", ())
    moved = {key: replace(answer, place=elsewhere) for key, answer in clinic.answers.items()}
    assert source_digest(replace(clinic, place=elsewhere, answers=moved)) == digest


def _fatal(source: bulk_workers.Source) -> bulk_workers.Made:
    if isinstance(source, Institution) and source.id == "fatal":
        os.kill(os.getpid(), signal.SIGKILL)
    return bulk_workers._makers[0].make(source)


def test_a_process_that_dies_costs_one_institution(
    clinic: Institution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = several(clinic, 3)
    given.insert(1, replace(clinic, id="fatal"))
    monkeypatch.setattr(bulk_workers, "_make", _fatal)
    report = bulk_checklists(given, (), AS_OF, tmp_path, 2)
    assert [outcome.id for outcome in report.failures] == ["fatal"]
    assert report.made == 3


def test_a_zip_is_there_when_it_is_whole_and_is_taken_up_where_it_stopped(clinic: Institution, tmp_path: Path) -> None:
    path, given = tmp_path / "out.zip", several(clinic, 3)
    path.write_bytes(b"of last month")

    def stop(outcome: BulkOutcome) -> None:
        if outcome.id == "clinic-1":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bulk_checklists(given, (), AS_OF, path, 1, stop)
    assert path.read_bytes() == b"of last month"
    # What the power cut leaves: a torn line, half a file, half a zip.
    parts = tmp_path / "out.zip.parts"
    with (parts / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
        manifest.write('{"file":"clinic-2-che')
    (parts / f".{name_of(given[2])}.x.part").write_bytes(b"half")
    (parts / ".zip.part").write_bytes(b"half")
    report = bulk_checklists(given, (), AS_OF, path, 1)
    assert states(report.outcomes) == [("clinic-0", "kept"), ("clinic-1", "kept"), ("clinic-2", "made")]
    assert [each.name for each in tmp_path.iterdir()] == ["out.zip"]
    bulk_checklists(given, (), AS_OF, tmp_path / "at-once.zip", 1)
    assert (tmp_path / "at-once.zip").read_bytes() == path.read_bytes()


def test_a_finished_zip_is_made_anew_only_where_something_changed(clinic: Institution, tmp_path: Path) -> None:
    path, given = tmp_path / "out.zip", several(clinic, 3)
    bulk_checklists(given, (), AS_OF, path, 1)
    first = path.read_bytes()
    assert bulk_checklists(given, (), AS_OF, path, 1).kept == 3
    assert path.read_bytes() == first
    changed = [given[0], replace(given[1], beds=77), *several(clinic, 4)[3:]]
    report = bulk_checklists(changed, (), AS_OF, path, 1)
    assert states(report.outcomes) == [("clinic-0", "kept"), ("clinic-1", "made"), ("clinic-3", "made")]
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist()[:3] == [name_of(each) for each in changed]
        assert archive.testzip() is None
    assert bulk_checklists(given, (), AS_OF + timedelta(days=1), path, 1).made == 3


@pytest.mark.parametrize("name", ["folder", "out.zip"])
def test_a_second_run_at_once_is_refused_and_a_killed_one_leaves_no_lock(
    clinic: Institution, tmp_path: Path, name: str
) -> None:
    out, given = tmp_path / name, several(clinic, 2)
    refused: list[str] = []

    def meanwhile(_outcome: BulkOutcome) -> None:
        with pytest.raises(SanshoError, match="another run is writing to it") as told:
            bulk_checklists(given, (), AS_OF, out, 1)
        refused.append(str(told.value))

    assert bulk_checklists(given, (), AS_OF, out, 1, meanwhile).made == 2
    assert len(refused) == 2
    assert refused[0].startswith(f"{out}: ")
    lock = out / ".lock" if name == "folder" else tmp_path / ".out.zip.lock"
    assert not lock.exists()
    lock.write_bytes(b"")  # what a process leaves that was killed
    assert bulk_checklists(given, (), AS_OF, out, 1).kept == 2


def test_a_run_that_is_killed_goes_on(tmp_path: Path, clinic: Institution) -> None:
    source, out = tmp_path / "in", tmp_path / "out.zip"
    source.mkdir()
    content = sample_institutions()["hidamari-clinic"].read_text(encoding="utf-8")
    for number in range(6):
        renamed = content.replace("id: hidamari-clinic", f"id: clinic-{number}", 1)
        (source / f"{number}.yaml").write_text(renamed, encoding="utf-8")
    command = [sys.executable, "-m", "analyzer.cli", "portfolio", "checklists", str(source), "-o", str(out)]
    command += ["--as-of", AS_OF.isoformat(), "--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("out.zip.parts/clinic-*.xlsx")) and time.monotonic() < deadline:
            time.sleep(0.02)
        running.kill()
    assert not out.exists()
    report = bulk_checklists(sorted(source.iterdir()), (), AS_OF, out, 1)
    assert report.kept >= 1
    assert report.made + report.kept == 6
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 8
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "out.zip"]


def test_institutions_are_taken_as_they_are_needed(clinic: Institution, tmp_path: Path) -> None:
    taken: list[str] = []
    most_ahead = 0

    def one_by_one() -> Iterator[Institution]:
        for institution in several(clinic, 12):
            taken.append(institution.id)
            yield institution

    def step(outcome: BulkOutcome) -> None:
        nonlocal most_ahead
        most_ahead = max(most_ahead, len(taken) - int(outcome.id.removeprefix("clinic-")))

    bulk_checklists(one_by_one(), (), AS_OF, tmp_path, 2, step)
    assert len(taken) == 12
    assert most_ahead <= 7


def test_nothing_can_be_written_is_said(clinic: Institution, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SanshoError, match="cannot be written"):
        bulk_checklists([clinic], (), AS_OF, tmp_path / "file" / "folder", 1)


def test_the_command_reads_the_files_of_a_folder_and_says_what_failed(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    content = sample_institutions()["hidamari-clinic"].read_text(encoding="utf-8")
    for number in range(2):
        renamed = content.replace("id: hidamari-clinic", f"id: clinic-{number}", 1)
        (source / f"{number}.yaml").write_text(renamed, encoding="utf-8")
    (source / "bad.yaml").write_text("institution: 1\n", encoding="utf-8")
    arguments = [str(source), "-o", str(out), "--as-of", AS_OF.isoformat(), "--workers", "2"]
    result = CliRunner().invoke(checklists, arguments, standalone_mode=False)
    assert result.return_value == 1
    assert "2 made, 0 kept, 1 failed" in result.stdout
    assert "bad" in result.stderr
    again = CliRunner().invoke(checklists, arguments, standalone_mode=False)
    assert "0 made, 2 kept, 1 failed" in again.stdout


def test_the_command_takes_a_table(clinic: Institution, analyzer: Analyzer, tmp_path: Path) -> None:
    layout = Layout(analyzer.knowledge, analyzer.rulebook)
    block = block_of(several(clinic, 3), layout, analyzer.rulebook.policy, AS_OF)
    pq.write_table(pa.Table.from_batches([block]), tmp_path / "all.parquet")
    arguments = [str(tmp_path / "all.parquet"), "-o", str(tmp_path / "out"), "--as-of", AS_OF.isoformat()]
    result = CliRunner().invoke(checklists, [*arguments, "--workers", "1"], standalone_mode=False)
    assert result.return_value == 0
    assert "3 made, 0 kept, 0 failed" in result.stdout
    told = next(institutions_of(block, layout, AS_OF))
    assert (tmp_path / "out" / name_of(told)).read_bytes() == one(told, analyzer)
    again = CliRunner().invoke(checklists, [*arguments, "--workers", "1"], standalone_mode=False)
    assert "0 made, 3 kept, 0 failed" in again.stdout


def test_the_command_takes_the_store(clinic: Institution, analyzer: Analyzer, tmp_path: Path) -> None:
    location, out = str(tmp_path / "sansho.db"), tmp_path / "out"
    with open_store(location, analyzer.knowledge) as store:
        take_in(store, CLINIC)
    arguments = ["store", "--store", location, "-o", str(out), "--as-of", AS_OF.isoformat(), "--workers", "1"]
    result = CliRunner().invoke(checklists, arguments, standalone_mode=False)
    assert "1 made, 0 kept, 0 failed" in result.stdout
    assert (out / name_of(clinic)).read_bytes() == one(clinic, analyzer)


@pytest.mark.parametrize("name", ["nowhere", "empty", "text.txt"])
def test_the_command_says_what_is_no_source(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("")
    with pytest.raises(SanshoError, match=name):
        CliRunner().invoke(
            checklists,
            [str(tmp_path / name), "-o", str(tmp_path / "out")],
            standalone_mode=False,
            catch_exceptions=False,
        )
    assert not (tmp_path / "out").exists()
