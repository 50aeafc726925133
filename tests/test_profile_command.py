"""Facts are asked in the order of what they decide, and written without touching anything else in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from analyzer.cli.main import main, sansho
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.profile_edit import with_facts
from analyzer.knowledge.yamlreader import parse_yaml

FILE = """\
# 冒頭の注記
institution: {id: x, name: 試験医院, kind: clinic}   # 名称
profile:
    # 端末について
    uses_id_password: true    # 院長に確認
    uses_iot_devices: null    # 未確認
    uses_wireless_lan:
# ここから契約
services: [{vendor: cybozu.com}]

answers: []
evidence: []
# 末尾の注記
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "clinic.yaml"
    file.write_text(FILE, "utf-8")
    return file


def test_only_the_facts_lines_change(path: Path) -> None:
    written = with_facts(path.read_bytes(), "x", {"uses_iot_devices": False, "takes_out_devices": True})
    assert written.decode() == FILE.replace("null    # 未確認", "false    # 未確認").replace(
        "    uses_wireless_lan:\n", "    uses_wireless_lan:\n    takes_out_devices: true\n"
    )


def test_an_empty_value_is_filled(path: Path) -> None:
    written = with_facts(path.read_bytes(), "x", {"uses_wireless_lan": True}).decode()
    assert written == FILE.replace("uses_wireless_lan:\n", "uses_wireless_lan: true\n")


@given(
    layout=st.sampled_from(["profile: {}\n", "profile: {a: true}\n", "profile: {a: null,\n  b: x}  # c\n",
                            "profile:\n  a: null\n", "profile:\n  b: 'x' # c\n\n", "profile:\n   a: ~\n   b: x"]),
    after=st.sampled_from(["", "# end\n", "answers: []\n", "\n\nanswers:\n- 1\n"]),
    facts=st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.booleans() | st.just("word"), min_size=1),
)  # fmt: skip
def test_every_layout_is_edited_rightly(layout: str, after: str, facts: dict[str, bool | str]) -> None:
    text = layout if layout.endswith("\n") else f"{layout}\n"
    content = f"# top\n{text}{after}".encode()
    written = with_facts(content, "x", facts)
    before = parse_yaml(content, "x")
    assert parse_yaml(written, "x") == {**before, "profile": {**before["profile"], **facts}}
    assert written.decode().startswith("# top\n")
    assert written.decode().count("#") == content.decode().count("#")


def test_asked_in_the_order_of_what_they_decide(path: Path, knowledge: KnowledgeBase) -> None:
    done = CliRunner().invoke(sansho, ["profile", str(path), "--list"], standalone_mode=False)
    counts = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert counts == sorted(counts, reverse=True) and counts[0] > 10
    assert {line.split()[1] for line in done.stdout.splitlines()} | {"uses_id_password"} == set(knowledge.facts)


def test_answers_are_saved_as_they_are_given(path: Path, knowledge: KnowledgeBase) -> None:
    first = CliRunner().invoke(sansho, ["profile", str(path), "--list"], standalone_mode=False).stdout.splitlines()
    typed = "?\nperhaps\ny\n\nn\nq\n"
    done = CliRunner().invoke(sansho, ["profile", str(path)], input=typed, standalone_mode=False)
    assert done.exit_code == 0 and "未回答の質問" in done.stdout
    facts = load_institution(path, knowledge)[0].facts
    assert facts[first[0].split()[1]] is True
    assert sorted(facts.values()) == [False, True, True]
    assert path.read_text("utf-8").count("#") == FILE.count("#")


def test_stopping_in_the_middle_keeps_what_was_said(path: Path, knowledge: KnowledgeBase) -> None:
    CliRunner().invoke(sansho, ["profile", str(path)], input="y\n", standalone_mode=False)
    assert len(load_institution(path, knowledge)[0].facts) == 2


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("nothing=true", "no fact 'nothing'"), ("uses_iot_devices=maybe", "is not one of true, false"), ("x", "no fact")],
)
def test_a_wrong_setting_changes_nothing(
    path: Path, setting: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", str(path), "--set", "takes_out_devices=true", "--set", setting]) == 2
    err = capsys.readouterr().err
    assert reason in err and len(err.splitlines()) == 1
    assert path.read_text("utf-8") == FILE
