"""`sansho store`, `audit`, `backup` and `restore` as an operator types them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from store_helpers import ADMINISTRATOR, CLINIC, HOSPITAL, PNG, open_store

from analyzer.cli.main import main
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import read_institution_data
from analyzer.resources import sample_institutions

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("SANSHO_STORE", "SANSHO_FILES"):
        monkeypatch.delenv(name, raising=False)

    def typed(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return typed


def test_files_go_into_the_store_and_come_out(run: Run, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    code, out, err = run("store", "import", HOSPITAL, CLINIC)
    assert (code, err) == (0, "") and out.count("taken in") == 2
    code, out, _ = run("store", "list")
    assert code == 0 and re.search(rf"{CLINIC}  架空ひだまり診療所  event \d+, \S+Z by cli:", out)
    code, out, _ = run("store", "export", CLINIC)
    sample = read_institution_data(sample_institutions()[CLINIC].read_bytes(), "s", knowledge)
    assert code == 0 and read_institution_data(out.encode(), "e", knowledge) == sample
    assert run("store", "export", CLINIC, "-o", "c.yaml")[0] == 0
    assert (tmp_path / "c.yaml").read_text(encoding="utf-8") == out
    assert run("store", "check")[:2] == (0, f"2 institutions, {last_event(run)} events, 0 faults\n")


def last_event(run: Run) -> int:
    return int(run("audit", "verify")[1].split()[0])


def test_a_file_changes_what_is_there_only_when_told_to(run: Run, tmp_path: Path) -> None:
    run("store", "import", CLINIC)
    code, out, _ = run("store", "import", CLINIC)
    assert code == 0 and "holds the same already" in out
    run("store", "export", CLINIC, "-o", "c.yaml")
    changed = (tmp_path / "c.yaml").read_text(encoding="utf-8").replace("架空ひだまり診療所", "架空ひまわり診療所", 1)
    (tmp_path / "c.yaml").write_text(changed, encoding="utf-8")
    code, out, err = run("store", "import", "c.yaml")
    assert code == 2 and "differs in 1 parts; --update changes it" in err and "架空ひだまり" in run("store", "list")[1]
    code, out, _ = run("store", "import", "--update", "c.yaml")
    assert code == 0 and "1 parts changed" in out and "架空ひまわり" in run("store", "list")[1]


def test_one_bad_file_does_not_keep_the_others_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("institution: {id: x}\n", encoding="utf-8")
    code, out, err = run("store", "import", "bad.yaml", CLINIC, "none.yaml")
    assert code == 2 and "taken in as hidamari-clinic" in out
    assert "bad.yaml" in err and "none.yaml: no such file" in err


def test_the_store_is_named_by_option_or_environment(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("store", "import", CLINIC, "--store", "a.db")[0] == 0
    assert (tmp_path / "a.db").exists() and not (tmp_path / "sansho.db").exists()
    monkeypatch.setenv("SANSHO_STORE", "a.db")
    assert CLINIC in run("store", "list")[1]


@pytest.mark.parametrize(
    "command",
    [("store", "list"), ("store", "check"), ("store", "export", CLINIC), ("audit", "verify"), ("backup", "b.zip")],
)
def test_a_store_that_is_not_there_is_not_made_by_looking(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    code, _, err = run(*command)
    assert code == 2 and "no store there" in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_unknown_institutions_and_wrong_heads_are_said_in_a_line(run: Run) -> None:
    run("store", "import", CLINIC)
    for command in (
        ("store", "export", "nobody"),
        ("audit", "verify", "--head", "12:zz"),
        ("audit", "verify", "--head", "x"),
    ):
        code, _, err = run(*command)
        assert code == 2 and err.count("\n") == 1


def test_verify_names_each_fault_and_exits_1(run: Run, tmp_path: Path) -> None:
    run("store", "import", CLINIC)
    code, out, err = run("audit", "verify")
    head = re.search(r"0 faults, head (\d+:[0-9a-f]{64})\n", out)
    assert (code, err) == (0, "") and head is not None
    assert run("audit", "verify", "--head", head[1])[0] == 0
    assert run("audit", "verify", "--head", head[1][:-1] + ("0" if head[1][-1] != "0" else "1"))[0] == 1
    with closing(sqlite3.connect(tmp_path / "sansho.db")) as database, database:
        database.execute("UPDATE events SET actor = 'x' WHERE number = 7")
        database.execute("DELETE FROM events WHERE number = 9")
    code, out, err = run("audit", "verify")
    assert code == 1 and "event 7 has been altered" in err and "event 9 has been removed" in err
    assert run("store", "check")[0] == 1


def test_the_log_lists_what_was_done(run: Run) -> None:
    run("store", "import", CLINIC)
    code, out, _ = run("audit", "log", CLINIC, "--limit", "2")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 2
    assert re.match(r"\d+  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  cli:\S+  create  answer \S+ user: set .*control", lines[0])
    assert run("audit", "log")[:2] == (0, "")


def test_a_backup_is_restored_by_command(run: Run, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    run("store", "import", HOSPITAL, CLINIC)
    with open_store("sansho.db", knowledge) as store:
        evidence = next(iter(store.records.read(ADMINISTRATOR, CLINIC).institution.evidence))
        made = store.files.attach(ADMINISTRATOR, CLINIC, evidence, "a.png", PNG)
    code, out, err = run("backup", "b.zip")
    assert (code, err) == (0, "") and "2 institutions" in out and "1 evidence files" in out
    head = out.split("head ")[1].strip()
    code, out, err = run("restore", "b.zip", "--to", "r.db")
    assert (code, err) == (0, "") and f"head {head}" in out
    assert run("audit", "verify", "--store", "r.db", "--head", head)[0] == 0
    assert run("store", "check", "--store", "r.db")[0] == 0
    assert run("store", "export", CLINIC, "--store", "r.db")[1] == run("store", "export", CLINIC)[1]
    assert (tmp_path / "r.db.files" / made.sha256[:2] / made.sha256).read_bytes() == PNG
    code, _, err = run("restore", "b.zip", "--to", "r.db")
    assert code == 2 and "is not empty" in err and err.count("\n") == 1
    code, _, err = run("restore", "none.zip", "--to", "x.db")
    assert code == 2 and "no such file" in err and not (tmp_path / "x.db").exists()


def test_missing_and_altered_evidence_is_reported(run: Run, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    run("store", "import", CLINIC)
    with open_store("sansho.db", knowledge) as store:
        evidence = next(iter(store.records.read(ADMINISTRATOR, CLINIC).institution.evidence))
        made = store.files.attach(ADMINISTRATOR, CLINIC, evidence, "a.png", PNG)
    folder = tmp_path / "sansho.db.files"
    (folder / ".part-cut-off").write_bytes(b"x")
    code, out, err = run("store", "check")
    assert code == 0 and "0 faults" in out and err.startswith("warning: ") and err.count("\n") == 1
    (folder / made.sha256[:2] / made.sha256).write_bytes(b"altered")
    code, _, err = run("store", "check")
    assert code == 1 and f"evidence file {made.sha256}: was altered" in err
    code, _, err = run("backup", "b.zip")
    assert code == 1 and "warning: evidence file" in err and (tmp_path / "b.zip").exists()
    code, _, err = run("restore", "b.zip", "--to", "r.db")
    assert code == 2 and "was at fault when it was made" in err
    assert run("restore", "b.zip", "--to", "r.db", "--accept-faults")[0] == 0
