"""Broken and hostile inputs: exit 2 (1 for validate), one clear line that says where and why, no traceback, no file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.cli.main import main

GOOD = """\
institution: {id: test, name: 試験医院, kind: clinic}
profile: {}
integrator: {presence: absent}
services:
  - {vendor: cybozu.com}
answers:
  - {control: "mhlw-5:6.1-01", party: user, status: implemented, evidence: [e1]}
evidence:
  - {id: e1, title: 規程, kind: policy, issued_on: 2026-01-01}
"""


def changed(old: str, new: str) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new, 1).encode()


INSTITUTIONS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is not of type object"),
    "only a comment": (b"# nothing\n", "is not of type object"),
    "a word": (b"hospital\n", "is not of type object"),
    "a list": (b"- 1\n- 2\n", "is not of type object"),
    "not UTF-8": ("name: 病院".encode("shift_jis"), "not UTF-8"),
    "UTF-16": ("institution: {}".encode("utf-16"), "not UTF-8"),
    "binary": (bytes(range(256)) * 4, "not UTF-8"),
    "NUL byte": (GOOD.encode() + b"\x00", "not YAML"),
    "control character": (changed("試験医院", "試験\x07医院"), "not YAML"),
    "a tab as indentation": (b"institution:\n\tid: x\n", "not YAML"),
    "bracket left open": (b"institution: {id: x\n", "not YAML"),
    "two documents": (GOOD.encode() + b"---\n" + GOOD.encode(), "more than one YAML document"),
    "duplicate key": (GOOD.encode() + b"answers: []\n", "key 'answers' is given twice"),
    "duplicate key inside": (changed("kind: clinic", "kind: clinic, kind: hospital"), "key 'kind' is given twice"),
    "alias bomb": (
        b"a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c, *c, *c]\n",
        "is not allowed here",
    ),
    "alias to itself": (b"a: &a [*a]\n", "is not allowed here"),
    "python object": (b"a: !!python/object/apply:os.system [id]\n", "is not allowed here"),
    "merge key": (b"<<: {institution: {}}\n", "unknown key '<<'"),
    "deep brackets": (b"[" * 50_000, "nested deeper"),
    "deep dashes": (b"- " * 100_000 + b"x", "nested deeper"),
    "deep indentation": ("".join(" " * depth + "a:\n" for depth in range(400)).encode(), "nested deeper"),
    "a list as key": (b"? [a, b]\n: 1\n", "a key must be a plain word"),
    "unknown key": (changed("kind: clinic", "kind: clinic, knd: x"), "unknown key 'knd'; did you mean 'kind'?"),
    "key missing": (b"institution: {id: x, name: y, kind: clinic}\n", "'profile' is missing"),
    "wrong kind": (changed("kind: clinic", "kind: 医院"), "is not one of hospital, clinic"),
    "text for a number": (changed("kind: clinic", "kind: clinic, beds: many"), "'many' is not of type integer"),
    "negative beds": (changed("kind: clinic", "kind: clinic, beds: -1"), "-1 is less than the minimum"),
    "endless number": (changed("kind: clinic", f"kind: clinic, beds: {'9' * 5000}"), "is not of type integer"),
    "id with a path in it": (changed("id: test", "id: ../../etc/passwd"), "is not of the form"),
    "list for a mapping": (changed("profile: {}", "profile: []"), "[] is not of type object"),
    "unknown fact": (changed("profile: {}", "profile: {has_wings: true}"), "no fact 'has_wings'"),
    "text for yes or no": (
        changed("profile: {}", "profile: {uses_wireless_lan: 'yes'}"), "'yes' is not one of true, false"
    ),
    "unknown vendor": (
        changed("vendor: cybozu.com", "vendor: nowhere.example"),
        "vendor 'nowhere.example' is not known",
    ),
    "service twice": (
        changed("  - {vendor: cybozu.com}", "  - {vendor: cybozu.com}\n  - {vendor: cybozu.com}"),
        "twice",
    ),
    "NDA read without an NDA": (
        changed("{vendor: cybozu.com}", "{vendor: cybozu.com, reviews: [{documents: nda, on: 2026-01-01}]}"),
        "no NDA has been concluded",
    ),
    "NDA read before the NDA": (
        changed(
            "{vendor: cybozu.com}",
            "{vendor: cybozu.com, nda_concluded_on: 2026-02-01, reviews: [{documents: nda, on: 2026-01-01}]}",
        ),
        "before the NDA of 2026-02-01",
    ),
    "section that is not there": (
        changed(
            "{vendor: cybozu.com}",
            "{vendor: cybozu.com, reviews: [{documents: public, on: 2026-01-01, sections: ['mhlw-5:9.9']}]}",
        ),
        "no section 'mhlw-5:9.9'",
    ),
    "control that is not there": (changed("mhlw-5:6.1-01", "mhlw-5:6.1-77"), "no control 'mhlw-5:6.1-77'"),
    "control without guideline": (changed("mhlw-5:6.1-01", "6.1-01"), "is not of the form"),
    "wrong status": (changed("status: implemented", "status: done"), "'done' is not one of implemented, partial"),
    "status in Japanese": (changed("status: implemented", "status: 実施済"), "'実施済' is not one of"),
    "not applicable without a reason": (
        changed("status: implemented", "status: not_applicable"),
        "'reason' is missing",
    ),
    "wrong party": (changed("party: user", "party: vendor"), "'vendor' is not one of user, integrator"),
    "evidence that is not there": (changed("[e1]", "[e2]"), "no evidence 'e2' in this file"),
    "evidence twice in an answer": (changed("[e1]", "[e1, e1]"), "'e1' is given twice"),
    "evidence id twice": (GOOD.encode() + b"  - {id: e1, title: x, kind: log, issued_on: 2026-01-01}\n", "given twice"),
    "a day that does not exist": (changed("2026-01-01", "2026-02-30"), "is not a date that exists"),
    "a Japanese era": (changed("2026-01-01", "令和8年1月1日"), "is not of the form"),
    "a date with slashes": (changed("2026-01-01", "2026/01/01"), "is not of the form"),
    "year 0000": (changed("2026-01-01", "0000-01-01"), "is not"),
    "ends before it begins": (
        changed("issued_on: 2026-01-01", "issued_on: 2026-01-01, valid_until: 2025-01-01"), "before it was issued"
    ),
    "period backwards": (
        changed("issued_on: 2026-01-01", "issued_on: 2026-01-01, covers: {from: 2026-02-01, to: 2026-01-01}"),
        "before it begins",
    ),
    "same duty answered twice": (
        changed("answers:\n", 'answers:\n  - {control: "mhlw-5:6.1-01", party: user, status: partial}\n'),
        "is answered for user already, at answers[0]",
    ),
    "name of 64 KiB": (changed("試験医院", "あ" * 65_536), "characters long; at most"),
    "blank name": (changed("試験医院", "'   '"), "must not be blank"),
    "formula in an id": (changed("id: e1", "id: '=1+1'"), "is not of the form"),
    "SI vendor named but absent": (changed("presence: absent", "presence: absent, name: 某社"), "'presence' is absent"),
    "line break in a key": (changed("kind: clinic", '"kind\\nx": 1, kind: clinic'), "unknown key"),
}  # fmt: skip


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def assert_clear(err: str, reason: str) -> None:
    lines = err.splitlines()
    assert any(reason in line for line in lines), err
    assert "Traceback" not in err and "Error:" not in err
    assert all(line.isprintable() and len(line) < 1000 for line in lines), err


@pytest.mark.parametrize("name", INSTITUTIONS)
def test_a_broken_institution_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content, reason = INSTITUTIONS[name]
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_bytes(content)
    code, out, err = run(capsys, "analyze", "broken.yaml", "--as-of", "2026-11-01", "-o", "out.json")
    assert (code, out) == (2, "")
    assert_clear(err, reason)
    assert err.startswith("broken.yaml:")
    assert os.listdir() == ["broken.yaml"]
    code, _, err = run(capsys, "validate", "broken.yaml")
    assert code == 1
    assert_clear(err, reason)


def test_a_single_fault_is_a_single_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.yaml"
    path.write_bytes(changed("status: implemented", "status: done"))
    _, _, err = run(capsys, "analyze", str(path))
    assert err == (
        f"{path}:7: answers[0].status: 'done' is not one of "
        "implemented, partial, planned, not_implemented, not_applicable\n"
    )


def folder(path: Path) -> None:
    path.mkdir()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.symlink_to(path)


def huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(64 * 1024 * 1024)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _path: None, "no such file"),
        (folder, "is a folder"),
        (fifo, "is not a regular file"),
        (loop, "input.yaml"),
        (huge, "bytes long; at most"),
    ],
    ids=["missing", "folder", "fifo", "link to itself", "64 MiB"],
)
def test_a_path_that_is_no_file(
    make: Callable[[Path], None], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "input.yaml"
    make(path)
    code, out, err = run(capsys, "checklist", str(path), "-o", str(tmp_path / "out.pdf"))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert_clear(err, reason)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["analyze", "hidamari-clinic", "--as-of", "2026-13-01"], "is not a day that exists"),
        (["analyze", "hidamari-clinic", "--as-of", "tomorrow"], "is not a day that exists"),
        (["analyze", "hidamari-clinic", "--as-of", ""], "is not a day that exists"),
        (["analyze", "hidamari-clinic", "--as-of", "2026-W44-1"], "is not a day that exists"),
        (["analyze", "hidamari-clinic", "--format", "docx"], "docx"),
        (["analyze", "hidamari-clinic", "--fail-on", "urgent"], "urgent"),
        (["analyze", "hidamari-clinic", "-o", "out.docx"], "ending is not one of"),
        (["analyze", "hidamari-clinic", "--format", "json", "-o", "out.xlsx"], "the ending says xlsx"),
        (["analyze"], "INSTITUTION"),
        (["analyze", "nobody"], "nobody: no such file"),
        (["analyze", "a\0b"], "not a path"),
        (["analyze", "hidamari-clinic", "-o", "missing\0/out.json"], "null"),
        (["checklist", "hidamari-clinic"], "say the format"),
        (["checklist", "hidamari-clinic", "-o", "-"], "say the format"),
        (["checklist", "hidamari-clinic", "-o", "out.txt"], "ending is not one of"),
        (["export", "matrix", "-o", "out.xls"], "ending is not one of"),
        (["export", "controls", "-o", "out.yaml"], "ending is not one of"),
        (["explain", "hidamari-clinic", "6.99-01"], "no control '6.99-01'"),
        (["search", "ログ", "--limit", "0"], "0"),
        (["search", "ログ", "--guideline", "nothing"], "nothing"),
        (["search"], "TEXT"),
        (["frobnicate"], "frobnicate"),
        (["--controls", "nowhere", "export", "controls"], "nowhere: no such folder"),
        (["export", "controls", "--controls", "occupied"], "is not a folder"),
        (["analyze", "hidamari-clinic", "--format", "json", "-o", "occupied/out.json"], "cannot be written"),
        (["analyze", "hidamari-clinic", "--format", "json", "-o", "."], "cannot be written"),
        (["demo", "-o", "occupied"], "cannot be written"),
    ],
)
def test_wrong_words_on_the_command_line(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("occupied").write_text("a file", "utf-8")
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert_clear(err, reason)
    assert os.listdir() == ["occupied"]


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("guidelines.yaml", b"guidelines: []\n", "must not be empty"),
        ("guidelines.yaml", b"\xff\xfe", "not UTF-8"),
        ("mhlw-5/6.1.yaml", b"- " * 100_000, "nested deeper"),
        ("mhlw-5/6.1.yaml", b"a: &a [1]\nb: *a\n", "not allowed here"),
        ("mhlw-5/6.1.yaml", b"", "is not of type object"),
        ("mhlw-5/6.1.yaml", b"guideline: mhlw-5\nguideline: mhlw-5\n", "given twice"),
    ],
)
def test_a_broken_knowledge_base_fails_validation(
    file: str, content: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_bytes(content)
    code, _, err = run(capsys, "validate", "--controls", str(tmp_path))
    assert code == 1
    assert_clear(err, reason)
    code, out, err = run(capsys, "export", "controls", "--controls", str(tmp_path))
    assert (code, out) == (2, "")
    assert_clear(err, reason)


def test_what_stood_there_is_kept_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.json"
    target.write_text("before", "utf-8")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run(capsys, "analyze", "hidamari-clinic", "-o", str(target))
    assert code == 2
    assert err == f"{target}: cannot be written: No space left on device\n"
    assert target.read_text("utf-8") == "before"
    assert os.listdir(tmp_path) == ["out.json"]
