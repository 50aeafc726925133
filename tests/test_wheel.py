"""An installed wheel carries its data and works outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from this checkout, unpacked as an installer does."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, cwd: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-m", "analyzer.cli", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_works_where_there_is_no_repository(installed: Path, tmp_path: Path) -> None:
    assert "6.5      20" in run(installed, tmp_path, "validate")
    printed = run(installed, tmp_path, "demo", "-o", "out", "--as-of", "2026-11-01")
    files = [tmp_path / line for line in printed.splitlines()]
    assert all(path.stat().st_size > 500 for path in files)
    assert {path.suffix for path in files} >= {".xlsx", ".html", ".pdf", ".json", ".csv", ".parquet"}


def test_the_wheel_holds_no_more_than_it_needs(installed: Path) -> None:
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"analyzer"}
    data = {path.name for path in (installed / "analyzer" / "_data").iterdir()}
    assert data == {".streamlit", "app.py", "controls", "evidence", "reports"}
