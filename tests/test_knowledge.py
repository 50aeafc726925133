"""What a maintainer relies on: the knowledge base loads whole, and every fault is named with its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from analyzer.errors import InputError
from analyzer.exports.notes import notes_markdown
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.counts import count_knowledge
from analyzer.knowledge.loading import load_knowledge
from analyzer.knowledge.yamlreader import line_numbers, parse_yaml
from analyzer.model.ordering import natural_key
from analyzer.resources import controls_dir, evidence_dir

SECTION_ROWS = {"6.1": 2, "6.2": 6, "6.3": 13, "6.4": 6, "6.5": 20}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A whole knowledge base of one's own to break; returns its controls folder."""
    shutil.copytree(controls_dir(), tmp_path / "controls")
    shutil.copytree(evidence_dir() / "vendors", tmp_path / "evidence" / "vendors")
    return tmp_path / "controls"


def edit(path: Path, old: str, new: str) -> int:
    """Replace the first occurrence; returns its 1-based line."""
    text = path.read_text("utf-8")
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return text[: text.index(old)].count("\n") + 1


def faults(root: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_knowledge([root])
    return [str(problem) for problem in caught.value.problems]


def test_counts_are_those_of_the_published_table(knowledge: KnowledgeBase) -> None:
    counted = {item.section.id: item.controls for item in count_knowledge(knowledge).guidelines[0].sections}
    assert counted | SECTION_ROWS == counted
    assert len(knowledge.vendors["cybozu.com"].documents) == 24
    assert knowledge.vendors["cybozu.com"].certifications["iso-27001"].number == "IS 577142"


def test_every_control_is_complete(knowledge: KnowledgeBase) -> None:
    for control in knowledge.controls.values():
        assert control.title.ja and control.title.en, control.key
        assert control.expected_evidence, control.key
        response = control.responses["cybozu.com"]
        # A row that the survey marks as shown under NDA says so in one of its two NDA columns, or explains itself.
        if response.disclosure == "nda":
            assert response.interview or response.nda_documents or control.note, control.key


@pytest.mark.parametrize(
    ("key", "conformity", "disclosure", "documents", "interview", "nda_documents"),
    [
        ("mhlw-5:6.1-01", "conformable", "public", ("15",), False, False),
        ("mhlw-5:6.3-03", "conformable", "nda", ("01", "03", "04"), True, True),
        ("mhlw-5:6.3-06", "out_of_scope", "none", (), False, False),
        ("mhlw-5:6.3-09", "conformable", "nda", (), True, False),
        ("mhlw-5:6.5-06", "conformable", "public", ("03", "04", "20", "21", "22", "23"), False, False),
        ("mhlw-5:6.5-16", "conformable", "nda", (), True, True),
    ],
)
def test_rows_read_by_hand(
    knowledge: KnowledgeBase,
    key: str,
    conformity: str,
    disclosure: str,
    documents: tuple[str, ...],
    interview: bool,
    nda_documents: bool,
) -> None:
    response = knowledge.controls[key].responses["cybozu.com"]
    assert (response.conformity, response.disclosure, response.documents) == (conformity, disclosure, documents)
    assert (response.interview, response.nda_documents) == (interview, nda_documents)


def test_merged_statement_stands_at_every_row_it_covers(knowledge: KnowledgeBase) -> None:
    statements = {knowledge.controls[f"mhlw-5:6.4-{row:02}"].responses["cybozu.com"].statement for row in range(1, 7)}
    assert len(statements) == 1 and None not in statements


def test_same_as_above_is_resolved(knowledge: KnowledgeBase) -> None:
    above, below = (knowledge.controls[f"mhlw-5:6.5-0{row}"].mic for row in (1, 2))
    assert above is not None and below is not None
    assert [cited.id for cited in below.clauses] == [cited.id for cited in above.clauses] == ["Ⅲ.3.1.1", "Ⅲ.3.1.3"]


def test_version_changes_with_any_text(copied: Path) -> None:
    before = load_knowledge([copied]).version
    edit(copied / "mhlw-5" / "6.1.yaml", "個人情報", "患者情報")
    assert load_knowledge([copied]).version != before


@pytest.mark.parametrize(
    ("file", "old", "new", "path", "reason"),
    [
        ("mhlw-5/6.3.yaml", "level: minimum", "level: minimun", "controls[0].level",
         "'minimun' is not one of minimum, recommended, none"),
        ("mhlw-5/6.3.yaml", "disclosure: nda", "disclosur: nda", "controls[0].responses.cybozu.com.disclosur",
         "unknown key 'disclosur'; did you mean 'disclosure'?"),
        ("mhlw-5/6.1.yaml", 'documents: ["15"]', 'documents: ["16"]', "controls[0].responses.cybozu.com",
         "document '16' is not in the register of cybozu.com"),
        ("mhlw-5/6.1.yaml", "certifications: []", "certifications: [iso-9001]", "certifications[0]",
         "certification 'iso-9001' is not in the register"),
        ("mhlw-5/6.3.yaml", "Ⅱ.4.3.1", "Ⅱ.4.3.9", "controls[0].mic.clauses[1]",
         "no clause Ⅱ.4.3.9 in the MIC catalogue"),
        ("mhlw-5/6.5.yaml", "applies_if: uses_wireless_lan", "applies_if: uses_wireles_lan", ".applies_if",
         "no condition 'uses_wireles_lan'"),
        ("mhlw-5/6.2.yaml", "id: 6.2-02", "id: 6.2-01", "controls[1]", "control 6.2-01 is given twice"),
        ("mhlw-5/6.2.yaml", "id: 6.2-01", "id: 6.2-09", "controls[0].id", "stands before a control with a smaller id"),
        ("mhlw-5/6.2.yaml", "id: 6.2-06", "id: 6.3-06", "controls[5].id", "6.3-06 does not belong to section 6.2"),
        ("mhlw-5/6.2.yaml", 'id: "6.2"', 'id: "6.9"', "section", "section 6.9 lies in a file named 6.2.yaml"),
        ("mhlw-5/6.2.yaml", "guideline: mhlw-5", "guideline: mhlw-9", "guideline", "lies in the folder of 'mhlw-5'"),
        ("conditions.yaml", "{fact: uses_iot_devices, is: true}", "{fact: uses_iot_device, is: true}",
         ".when", "no fact 'uses_iot_device'"),
        ("conditions.yaml", "{fact: uses_iot_devices, is: true}", "{fact: uses_iot_devices, is: often}",
         ".when", "'often' is not a value of uses_iot_devices (true, false)"),
        ("mic/mic-saas.yaml", "class: basic", "class: recommended", ".mic.clauses", "without a note"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_file_line_path_and_reason(
    copied: Path, file: str, old: str, new: str, path: str, reason: str
) -> None:
    edit(copied / file, old, new)
    found = faults(copied)
    assert any(path in fault and reason in fault for fault in found), found
    assert all(fault.split(":")[1].isdigit() for fault in found), found


def test_line_is_the_line_of_the_fault(copied: Path) -> None:
    line = edit(copied / "mhlw-5" / "6.4.yaml", "level: recommended", "level: optional")
    assert faults(copied)[0].split(": ")[0].endswith(f"6.4.yaml:{line}")


def test_all_faults_of_all_files_are_reported_at_once(copied: Path) -> None:
    edit(copied / "mhlw-5" / "6.1.yaml", "level: minimum", "level: high")
    edit(copied / "mhlw-5" / "6.4.yaml", "level: recommended", "level: optional")
    edit(copied / "guidelines.yaml", "in_force: true", "in_force: perhaps")
    found = "\n".join(faults(copied))
    assert "'high'" in found and "'optional'" in found and "'perhaps'" in found


def test_a_broken_file_does_not_blame_what_refers_to_it(copied: Path) -> None:
    edit(copied / "mic" / "mic-saas.yaml", "class: basic", "class: fundamental")
    found = faults(copied)
    assert len(found) == 1 and "'fundamental'" in found[0]


def test_a_further_root_adds_a_vendor(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    answer = overlay(tmp_path, "other-cloud")
    loaded = load_knowledge([tmp_path])
    response = loaded.controls["mhlw-5:6.1-01"].responses["other-cloud"]
    assert response.conformity == answer["conformity"]
    assert (
        loaded.controls["mhlw-5:6.1-01"].responses["cybozu.com"]
        == knowledge.controls["mhlw-5:6.1-01"].responses["cybozu.com"]
    )
    assert any("other-cloud" in str(warning) for warning in loaded.warnings)


def test_a_second_answer_of_a_vendor_names_both_places(tmp_path: Path) -> None:
    overlay(tmp_path, "cybozu.com")
    (fault,) = faults(tmp_path)
    line = line_numbers((controls_dir() / "mhlw-5" / "6.1.yaml").read_bytes(), "")[
        "controls", 0, "responses", "cybozu.com"
    ]
    assert str(tmp_path / "mhlw-5" / "6.1.yaml") in fault
    assert f"6.1.yaml:{line}" in fault.split("already, at ")[1]


def test_an_overlay_may_repeat_a_control_but_not_change_it(tmp_path: Path) -> None:
    overlay(tmp_path, "other-cloud", level="recommended")
    assert any("defined differently" in fault for fault in faults(tmp_path))
    overlay(tmp_path, "other-cloud", level="minimum")
    assert "other-cloud" in load_knowledge([tmp_path]).controls["mhlw-5:6.1-01"].responses


def overlay(root: Path, vendor: str, **more: str) -> dict[str, object]:
    data = yaml.safe_load((controls_dir() / "mhlw-5" / "6.1.yaml").read_text("utf-8"))
    answer = {**data["controls"][0]["responses"]["cybozu.com"], "documents": [], "finding_documents": []}
    data["controls"] = [{"id": "6.1-01", "responses": {vendor: answer}, **more}]
    (root / "mhlw-5").mkdir(exist_ok=True)
    (root / "mhlw-5" / "6.1.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return answer


def test_our_reader_gives_what_pyyaml_gives() -> None:
    for path in sorted(controls_dir().rglob("*.yaml")):
        content = path.read_bytes()
        assert parse_yaml(content, path.name) == yaml.load(content, yaml.CSafeLoader), path


def test_words_that_yaml_1_1_would_bend_stay_words() -> None:
    data = parse_yaml(b"{a: no, b: 6.10, c: 2026-11-01, d: '1', e: ~, f: true, g: 12:30, h: 010}", "x")
    assert data == {"a": "no", "b": 6.1, "c": "2026-11-01", "d": "1", "e": None, "f": True, "g": "12:30", "h": 10}


def test_ids_sort_as_people_number_things() -> None:
    ids = ["6.10", "6.9", "Ⅲ.1.1.5", "Ⅱ.4.1.1", "Ⅱ.10.1.1", "2.5.2-01.10", "2.5.2-01.9"]
    assert sorted(ids, key=natural_key) == [
        "2.5.2-01.9",
        "2.5.2-01.10",
        "6.9",
        "6.10",
        "Ⅱ.4.1.1",
        "Ⅱ.10.1.1",
        "Ⅲ.1.1.5",
    ]


def test_the_documented_notes_are_those_of_the_controls(knowledge: KnowledgeBase) -> None:
    documented = Path(__file__).resolve().parent.parent / "docs" / "encoding" / "notes.md"
    assert documented.read_text("utf-8") == notes_markdown(knowledge), (
        "run: sansho export notes -o docs/encoding/notes.md"
    )
