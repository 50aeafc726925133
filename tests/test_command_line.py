"""The commands as a user types them, and what is promised about them."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from openpyxl import load_workbook

from analyzer.cli.main import main, sansho

ROOT = Path(__file__).resolve().parent.parent
DAY = "2026-11-01"


def run(capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> tuple[int, bytes, str]:
    code = main(list(arguments))
    out, err = capsysbinary.readouterr()
    return code, out, err.decode()


def test_validate_counts_rows(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, err = run(capsysbinary, "validate", "minato-general-hospital", "hidamari-clinic")
    assert (code, err) == (0, "")
    text = out.decode()
    assert re.search(r"6\.1 +2 .*\n +6\.2 +6 .*\n +6\.3 +13 .*\n +6\.4 +6 .*\n +6\.5 +20 ", text)
    assert text.count(", ok") == 2


def test_controls_as_json_have_the_promised_shape(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, _ = run(capsysbinary, "export", "controls", "--format", "json")
    data = json.loads(out)
    assert code == 0 and set(data) >= {"version", "controls"}
    promised = {
        "key", "guideline", "id", "mark", "section", "level", "title", "requirement", "applies_if", "mic", "responses"
    }  # fmt: skip
    assert all(promised <= set(control) for control in data["controls"])
    response = data["controls"][0]["responses"]["cybozu.com"]
    assert set(response) >= {
        "conformity", "statement", "urls", "finding", "finding_documents", "disclosure", "documents", "certifications",
        "interview", "nda_documents", "duties"
    }  # fmt: skip


def test_an_analysis_as_json_has_the_promised_shape(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = "evidence/institutions/minato-general-hospital.yaml"
    code, out, err = run(capsysbinary, "analyze", str(ROOT / path), "--as-of", DAY, "--format", "json")
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert set(data) >= {"institution", "as_of", "summary", "results"} and data["as_of"] == DAY
    for result in data["results"]:
        assert set(result) >= {
            "control", "applicability", "responsibility", "conformity", "rule", "reason", "vendor", "duties", "gaps"
        }  # fmt: skip
        assert set(result["vendor"]) >= {"service", "conformity", "assurance"}
        assert all(set(duty) >= {"party", "status", "proof"} for duty in result["duties"])
        assert all(set(gap) >= {"kind", "party", "priority", "rule", "reason", "action"} for gap in result["gaps"])


def test_the_same_input_gives_the_same_bytes(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    for arguments in (
        ("analyze", "hidamari-clinic", "--as-of", DAY, "--format", "json"),
        ("analyze", "hidamari-clinic", "--as-of", DAY, "--format", "xlsx"),
        ("checklist", "hidamari-clinic", "--as-of", DAY, "--format", "pdf", "-o", "-"),
    ):
        assert run(capsysbinary, *arguments)[1] == run(capsysbinary, *arguments)[1]


@pytest.mark.parametrize(
    ("output_format", "begins"),
    [
        ("table", "架空".encode()),
        ("csv", b"\xef\xbb\xbf"),
        ("xlsx", b"PK"),
        ("html", b"<!DOCTYPE html>"),
        ("parquet", b"PAR1"),
    ],
)
def test_every_format_goes_to_standard_output(
    output_format: str, begins: bytes, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    arguments = ("analyze", "hidamari-clinic", "--as-of", DAY, "--format", output_format, "-o", "-")
    code, out, err = run(capsysbinary, *arguments)
    assert (code, err) == (0, "")
    assert out.lstrip().lower().startswith(begins.lower())


@pytest.mark.parametrize("ending", ["xlsx", "html", "pdf"])
def test_a_checklist_is_written_by_its_ending(
    ending: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "deep" / f"checklist.{ending}"
    assert run(capsysbinary, "checklist", "hidamari-clinic", "--as-of", DAY, "-o", str(path)) == (0, b"", "")
    assert path.read_bytes().lstrip()[:4].lower() in {b"pk\x03\x04", b"%pdf", b"<!do"}


def test_the_matrix_opens(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "matrix.xlsx"
    assert run(capsysbinary, "export", "matrix", "-o", str(path))[0] == 0
    assert len(load_workbook(io.BytesIO(path.read_bytes())).sheetnames) >= 5


@pytest.mark.parametrize(("bound", "code"), [("high", 1), ("medium", 1), ("low", 1)])
def test_fail_on_gaps(bound: str, code: int, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    arguments = ("analyze", "minato-general-hospital", "--as-of", DAY, "--format", "json", "--fail-on", bound)
    assert run(capsysbinary, *arguments)[0] == code


def test_fail_on_counts_only_gaps_as_high_or_higher(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "unanswered.yaml"
    path.write_text(
        "institution: {id: x, name: x, kind: clinic}\nprofile: {}\nservices: []\nanswers: []\nevidence: []\n",
        "utf-8",
    )
    assert run(capsysbinary, "analyze", str(path), "--as-of", DAY, "--fail-on", "high")[0] == 0
    assert run(capsysbinary, "analyze", str(path), "--as-of", DAY, "--fail-on", "medium")[0] == 1


def test_explain_names_every_rule_that_fired(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, _ = run(capsysbinary, "explain", "minato-general-hospital", "6.5-07", "--as-of", DAY)
    assert code == 0
    assert all(table in out.decode() for table in ("applicability", "assurance", "user_duty", "conformity"))


def test_help_needs_no_heavy_module() -> None:
    code = (
        "import sys; from analyzer.cli.main import main; main(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('pandas', 'streamlit', 'pyarrow', 'openpyxl', 'numpy')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_nothing_is_said_of_progress_when_piped(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analyzer.cli", "checklist", "hidamari-clinic", "-o", str(tmp_path / "c.html")]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{shlex.quote(sys.executable)} -m analyzer.cli export controls | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, b"")


def documented(readme: str) -> list[str]:
    """The `sansho …` lines of a README's code blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / readme).read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("sansho ")]


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
def test_the_readmes_commands_run_as_written(
    readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "evidence").symlink_to(ROOT / "evidence")
    monkeypatch.chdir(tmp_path)
    commands = documented(readme)
    assert len(commands) >= 6
    for command in commands:
        code, _, err = run(capsysbinary, *shlex.split(command)[1:])
        assert (code, err) == (0, ""), command


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
def test_every_command_is_in_the_readmes(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    for name, command in sansho.commands.items():
        inner: dict[str, click.Command] = getattr(command, "commands", {"": command})
        for word, each in inner.items():
            said = f"`sansho {name} {'' if each.hidden else word}".rstrip()
            assert said in text, f"{said}` is not in {readme}"
