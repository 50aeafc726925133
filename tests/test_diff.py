"""What changed between two knowledge bases or two analyses: found, told in every format, hostile files refused."""

from __future__ import annotations

import copy
import io
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from analyzer.cli.diff import diff
from analyzer.cli.main import main, sansho
from analyzer.comparison.controls_changes import ControlsChanges, FieldChange, compare_controls
from analyzer.comparison.documents import AnalysisDocument, ControlsDocument, read_document
from analyzer.comparison.progress import GapProgress, Progress, compare_analyses
from analyzer.comparison.reading import read_export
from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.errors import InputError
from analyzer.exports.changes.controls_workbook import controls_changes_workbook
from analyzer.exports.changes.data import controls_changes_json, progress_json
from analyzer.exports.changes.names import Names
from analyzer.exports.changes.progress_workbook import progress_workbook
from analyzer.exports.changes.text import controls_changes_text, progress_text
from analyzer.exports.structured import assessment_json, controls_json, to_json_bytes
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.model.institution import Answer, Institution
from analyzer.model.vocabulary import CONFORMITIES
from analyzer.resources import controls_dir, data_root, sample_institutions

Data = dict[str, Any]
EARLY, LATE = date(2026, 9, 1), date(2026, 11, 1)
KEY = "mhlw-5:6.5-07"


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    if "diff" not in sansho.commands:
        sansho.add_command(diff)


@pytest.fixture(scope="module")
def names(rulebook: Rulebook, knowledge: KnowledgeBase) -> Names:
    return Names(rulebook, knowledge)


@pytest.fixture(scope="module")
def exported(knowledge: KnowledgeBase) -> Data:
    data: Data = json.loads(to_json_bytes(controls_json(knowledge)))
    return data


@pytest.fixture(scope="module")
def hospital(knowledge: KnowledgeBase) -> Institution:
    return load_institution(sample_institutions()["minato-general-hospital"], knowledge)[0]


def controls_of(data: Data) -> ControlsDocument:
    document = read_document(to_json_bytes(data), "controls.json")
    assert isinstance(document, ControlsDocument)
    return document


def analysis_of(data: Data) -> AnalysisDocument:
    document = read_document(to_json_bytes(data), "analysis.json")
    assert isinstance(document, AnalysisDocument)
    return document


def control(data: Data, key: str = KEY) -> Data:
    found: Data = next(item for item in data["controls"] if item["key"] == key)
    return found


def changed(exported: Data, change: Callable[[Data], object]) -> ControlsChanges:
    new = copy.deepcopy(exported)
    change(new)
    return compare_controls(controls_of(exported), controls_of(new))


def only_field(changes: ControlsChanges) -> FieldChange:
    [change] = changes.changes
    [field] = change.fields
    assert (change.subject, change.key, change.kind) == ("control", KEY, "changed")
    return field


# ---- the knowledge base


def test_the_same_controls_have_no_changes(exported: Data, names: Names) -> None:
    changes = changed(exported, lambda data: None)
    assert changes.changes == () and changes.not_compared == ()
    assert "変更はありません。" in controls_changes_text(changes, names)
    assert controls_changes_json(changes)["changes"] == []


def test_order_alone_is_no_change(exported: Data) -> None:
    def reverse(value: Any) -> Any:
        if isinstance(value, list):
            return [reverse(item) for item in reversed(value)]
        return {key: reverse(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    changes = compare_controls(controls_of(exported), controls_of(reverse(copy.deepcopy(exported))))
    # The requirement prints its points in their order, so there the order is text.
    assert {field.path for change in changes.changes for field in change.fields} <= {("requirement",)}
    assert all(control(exported, change.key)["points"] for change in changes.changes)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("level",), "recommended"),
        (("requirement",), "別の要求。"),
        (("applies_if",), "uses_wireless_lan"),
        (("mark",), "(99)"),
        (("note",), "別の備考"),
        (("title", "ja"), "別の題"),
        (("mic",), None),
        (("responses", "cybozu.com", "conformity"), "not_conforming"),
        (("responses", "cybozu.com", "statement"), "別の見解"),
        (("responses", "cybozu.com", "finding"), None),
        (("responses", "cybozu.com", "disclosure"), "none"),
    ],
)
def test_a_changed_field_is_told_with_both_values(
    exported: Data, names: Names, path: tuple[str, ...], value: Any
) -> None:
    def change(data: Data) -> None:
        item = control(data)
        for key in path[:-1]:
            item = item[key]
        item[path[-1]] = value

    before: Any = control(exported)
    for key in path:
        before = before[key]
    field = only_field(changed(exported, change))
    assert (field.path, field.old, field.new) == (path, before, value)


@pytest.mark.parametrize("name", ["interview", "nda_documents"])
def test_a_changed_yes_or_no_is_told(exported: Data, name: str) -> None:
    before = control(exported)["responses"]["cybozu.com"][name]
    field = only_field(
        changed(exported, lambda data: control(data)["responses"]["cybozu.com"].update({name: not before}))
    )
    assert (field.old, field.new) == (before, not before)


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("documents", "77"),
        ("finding_documents", "78"),
        ("certifications", "some-certificate"),
        ("urls", "https://example.com/x"),
        ("duties", {"parties": ["integrator"], "text": "新しい対応。"}),
    ],
)
def test_of_a_list_only_what_came_or_went_is_told(exported: Data, name: str, item: Any) -> None:
    field = only_field(changed(exported, lambda data: control(data)["responses"]["cybozu.com"][name].insert(0, item)))
    assert (field.path, field.old, field.new) == (("responses", "cybozu.com", name), [], [item])


def test_a_duty_that_moves_to_another_party_is_a_change(exported: Data, names: Names) -> None:
    duty = control(exported)["responses"]["cybozu.com"]["duties"][0]
    moved = {**duty, "parties": ["integrator"]}
    assert duty["parties"] != moved["parties"]

    def change(data: Data) -> None:
        control(data)["responses"]["cybozu.com"]["duties"][0] = moved

    changes = changed(exported, change)
    assert only_field(changes).new == [moved]
    assert f"【{names.word('party', 'integrator')}】" in controls_changes_text(changes, names)


def test_a_changed_point_is_told_alone(exported: Data) -> None:
    item = next(item for item in exported["controls"] if item["points"])

    def change(data: Data) -> None:
        found = control(data, item["key"])
        old = found["points"][0]["text"]
        found["points"][0]["text"] = "別の細目"
        found["requirement"] = found["requirement"].replace(old, "別の細目")

    [record] = changed(exported, change).changes
    [field] = record.fields
    assert field.path == ("points", item["points"][0]["id"]) and field.new == "別の細目"


def test_added_and_removed_controls_and_answers_are_told_whole(exported: Data, names: Names) -> None:
    def change(data: Data) -> None:
        data["version"] = "9.9.9+ffffffff"
        added = copy.deepcopy(control(data))
        added |= {"id": "6.5-99", "key": "mhlw-5:6.5-99", "requirement": "=新しい要求"}
        data["controls"] = [item for item in data["controls"] if item["key"] != "mhlw-5:6.1-01"] + [added]
        control(data)["responses"]["other"] = copy.deepcopy(control(data)["responses"]["cybozu.com"])

    changes = changed(exported, change)
    assert [(item.key, item.kind) for item in changes.changes] == [
        ("mhlw-5:6.1-01", "removed"),
        (KEY, "changed"),
        ("mhlw-5:6.5-99", "added"),
    ]
    assert changes.changes[1].fields[0].path == ("responses", "other")
    scope = next(scope for scope in changes.scopes if scope.guideline == "mhlw-5")
    assert scope.old == scope.new and dict(scope.kinds) == {"added": 1, "removed": 1, "changed": 1}
    content = controls_changes_workbook(changes, names)
    assert content == controls_changes_workbook(changes, names)
    cells = cells_of(content, "追加・削除")
    assert control(exported)["responses"]["cybozu.com"]["duties"][0]["text"] in "".join(cells)
    book = load_workbook(io.BytesIO(content))
    shown = [cell for row in book["追加・削除"].iter_rows() for cell in row if cell.value == "=新しい要求"]
    assert shown and all(cell.data_type == "s" for cell in shown)
    assert "9.9.9+ffffffff" in cells_of(content, "概要")


def test_every_difference_stands_in_every_format(exported: Data, names: Names) -> None:
    def change(data: Data) -> None:
        control(data)["requirement"] = "印一"
        control(data)["responses"]["cybozu.com"]["duties"] = [{"parties": ["user"], "text": "印二"}]
        data["guidelines"][0]["status_note"] = "印三"
        data["surveys"][0]["surveyed_on"] = "2020-02-29"

    changes = changed(exported, change)
    texts = (
        controls_changes_text(changes, names),
        to_json_bytes(controls_changes_json(changes)).decode(),
        "\n".join(cells_of(controls_changes_workbook(changes, names), "変更")),
    )
    for text in texts:
        assert all(mark in text for mark in ("印一", "印二", "印三", "2020-02-29"))
        assert control(exported)["requirement"][:20] in text


def test_a_field_that_one_version_did_not_have_is_named_and_not_compared(exported: Data, names: Names) -> None:
    older = copy.deepcopy(exported)
    for item in older["controls"]:
        del item["expected_evidence"]
    changes = compare_controls(controls_of(older), controls_of(exported))
    assert changes.changes == () and changes.not_compared == ("expected_evidence",)
    assert "想定される証跡" in controls_changes_text(changes, names)


# ---- an institution's progress


def answer(hospital: Institution, key: str, **what: Any) -> Institution:
    """The hospital with another answer of the user for a control."""
    known: Answer = hospital.answers[key, "user"]
    return replace(hospital, answers={**hospital.answers, (key, "user"): replace(known, **what)})


def analysed(analyzer: Analyzer, institution: Institution, as_of: date = LATE) -> Data:
    data: Data = json.loads(
        to_json_bytes(assessment_json(analyzer.analyze(institution, as_of), knowledge=analyzer.knowledge))
    )
    return data


def progress_of(old: Data, new: Data) -> Progress:
    return compare_analyses(analysis_of(old), analysis_of(new))


@pytest.fixture(scope="module")
def planned(hospital: Institution) -> Institution:
    """The hospital with one duty planned, due between the two days."""
    return answer(
        hospital, KEY, status="planned", evidence=(), checked_on=date(2026, 8, 1), due=date(2026, 10, 1), owner="担当甲"
    )


@pytest.fixture(scope="module")
def done(hospital: Institution) -> Institution:
    known = hospital.answers[KEY, "user"]
    assert known.status == "implemented"
    return hospital


def users_gaps(progress: Progress) -> dict[str, GapProgress]:
    return {gap.kind: gap for gap in progress.gaps if gap.control == KEY and gap.party == "user"}


def test_the_same_analysis_has_no_progress(analyzer: Analyzer, hospital: Institution, names: Names) -> None:
    data = analysed(analyzer, hospital)
    progress = progress_of(data, data)
    assert {item.direction for item in progress.controls} == {"same"}
    assert progress.moved("opened") == progress.moved("closed") == ()
    assert len(progress.moved("open")) == sum(data["summary"]["gaps_by_kind"].values())
    assert not any(gap.priority_changed for gap in progress.gaps)


def test_a_gap_that_was_worked_on_is_closed_with_its_day_and_owner(
    analyzer: Analyzer, planned: Institution, done: Institution, names: Names
) -> None:
    progress = progress_of(analysed(analyzer, planned, EARLY), analysed(analyzer, done))
    gap = users_gaps(progress)["duty_open"]
    assert (gap.movement, gap.cause, gap.after, gap.days_overdue) == ("closed", "settled", None, None)
    assert gap.old_duty and (gap.old_duty.due, gap.old_duty.owner) == (date(2026, 10, 1), "担当甲")
    assert gap.new_duty and gap.new_duty.status == "implemented"
    [item] = [item for item in progress.controls if item.control == KEY]
    assert item.direction == "better"
    assert "担当甲" in progress_text(progress, names)


def test_backwards_the_gap_is_opened_and_overdue_and_the_order_is_doubted(
    analyzer: Analyzer, planned: Institution, done: Institution, names: Names
) -> None:
    progress = progress_of(analysed(analyzer, done), analysed(analyzer, planned, EARLY))
    gap = users_gaps(progress)["duty_open"]
    assert (gap.movement, gap.cause, gap.days_overdue) == ("opened", "new", None)
    assert progress.backwards and "順が逆" in progress_text(progress, names)


def test_a_gap_that_stays_open_past_its_day_is_overdue(analyzer: Analyzer, planned: Institution, names: Names) -> None:
    later = answer(planned, KEY, due=date(2026, 10, 2), owner="担当乙")
    progress = progress_of(analysed(analyzer, planned, EARLY), analysed(analyzer, later))
    gap = users_gaps(progress)["duty_open"]
    assert (gap.movement, gap.days_overdue) == ("open", 30)
    text = progress_text(progress, names)
    for told in ("期限 2026-10-02", "（旧の期限 2026-10-01）", "【30日超過】", "担当 担当乙"):
        assert told in text


def test_a_gap_of_another_kind_settles_nothing(analyzer: Analyzer, planned: Institution, done: Institution) -> None:
    unproven = answer(done, KEY, evidence=())
    gaps = users_gaps(progress_of(analysed(analyzer, planned, EARLY), analysed(analyzer, unproven)))
    assert {kind: (gap.movement, gap.cause) for kind, gap in gaps.items()} == {
        "duty_open": ("closed", "other_kind"),
        "proof_missing": ("opened", "other_kind"),
    }


def test_what_was_declared_not_applicable_is_not_called_settled(analyzer: Analyzer, planned: Institution) -> None:
    declared = answer(planned, KEY, status="not_applicable", reason="使わない", due=None)
    gap = users_gaps(progress_of(analysed(analyzer, planned, EARLY), analysed(analyzer, declared)))["duty_open"]
    assert gap.movement == "closed" and gap.cause in {"declared_not_applicable", "left_out"}


def test_a_control_that_is_gone_closes_its_gaps_as_gone(analyzer: Analyzer, planned: Institution) -> None:
    old = analysed(analyzer, planned, EARLY)
    new = without_control(old, KEY)
    progress = progress_of(old, new)
    assert {gap.cause for gap in progress.moved("closed")} == {"control_removed"}
    assert [item.direction for item in progress.controls if item.control == KEY] == ["removed"]
    assert {gap.cause for gap in progress_of(new, old).moved("opened")} == {"control_added"}


def test_a_service_that_is_no_longer_used_closes_its_gaps_as_such(analyzer: Analyzer, planned: Institution) -> None:
    old = analysed(analyzer, planned, EARLY)
    progress = progress_of(old, analysed(analyzer, replace(planned, services=())))
    assert {gap.cause for gap in progress.moved("closed")} == {"service_removed"}
    assert {gap.cause for gap in progress.moved("opened")} <= {"service_added"}


def without_control(data: Data, key: str) -> Data:
    """The analysis as it would be had the knowledge base not had the control."""
    data = copy.deepcopy(data)
    data["version"] = "0.0.1+00000000"
    guideline, section = key.partition(":")[0], key.partition(":")[2].partition("-")[0]
    [counts] = [
        item for item in data["summary"]["by_section"] if (item["guideline"], item["section"]) == (guideline, section)
    ]
    for result in [result for result in data["results"] if result["control"] == key]:
        counts["conformity"][result["conformity"]] -= 1
        data["results"].remove(result)
    return data


def set_conformity(data: Data, index: int, word: str) -> None:
    """Change one result's conformity with the counts it is in."""
    result = data["results"][index]
    guideline, _, identity = result["control"].partition(":")
    section = identity.partition("-")[0]
    [counts] = [
        item["conformity"]
        for item in data["summary"]["by_section"]
        if (item["guideline"], item["section"]) == (guideline, section)
    ]
    counts[result["conformity"]] -= 1
    counts[word] += 1
    result["conformity"] = word


def test_the_order_of_conformities(analyzer: Analyzer, hospital: Institution) -> None:
    order = {"nonconforming": 0, "not_assessed": 0, "partial": 1, "conforming_pending": 2, "conforming": 3}
    base = analysed(analyzer, hospital)
    sides: list[Data] = [copy.deepcopy(base), copy.deepcopy(base)]
    pairs = [(before, after) for before in CONFORMITIES for after in CONFORMITIES]
    for index, pair in enumerate(pairs):
        for side, word in zip(sides, pair, strict=True):
            set_conformity(side, index, word)
    progress = progress_of(*sides)
    for (before, after), item in zip(pairs, progress.controls, strict=False):
        if before == after:
            expected = "same"
        elif "not_applicable" in (before, after):
            expected = "left_out" if after == "not_applicable" else "taken_in"
        else:
            step = order[after] - order[before]
            expected = "better" if step > 0 else "worse" if step else "same"
        assert (item.before, item.after, item.direction) == (before, after, expected)


def test_a_changed_priority_is_told(analyzer: Analyzer, planned: Institution, names: Names) -> None:
    old = analysed(analyzer, planned, EARLY)
    new = copy.deepcopy(old)
    gap = next(gap for result in new["results"] if result["control"] == KEY for gap in result["gaps"])
    gap["priority"] = "low" if gap["priority"] != "low" else "high"
    progress = progress_of(old, new)
    [found] = [gap for gap in progress.gaps if gap.priority_changed]
    assert found.before and found.after and found.after.priority == gap["priority"]
    [told] = [gap for gap in progress_json(progress)["gaps"]["open"] if gap["priority_changed"]]
    assert told["before"]["priority"] == found.before.priority and told["after"]["priority"] == gap["priority"]
    assert " → ".join(names.label("priority", side.priority) for side in (found.before, found.after)) in " ".join(
        line.split("│")[1].strip() for line in progress_text(progress, names).splitlines() if line.startswith("│")
    )


def test_a_difference_of_versions_is_said_in_every_format(
    analyzer: Analyzer, hospital: Institution, names: Names
) -> None:
    old = analysed(analyzer, hospital, EARLY)
    old["version"] = "0.0.1+00000000"
    progress = progress_of(old, analysed(analyzer, hospital))
    assert progress.versions_differ
    for text in (
        progress_text(progress, names),
        to_json_bytes(progress_json(progress)).decode(),
        "\n".join(cells_of(progress_workbook(progress, names), "概要")),
    ):
        assert "知識ベースの版が異なる" in text and "0.0.1+00000000" in text
        assert analyzer.knowledge.version in text and "旧版" in text and "架空" in text
    same = progress_of(analysed(analyzer, hospital, EARLY), analysed(analyzer, hospital))
    assert "知識ベースの版が異なる" not in progress_text(same, names)


def test_the_progress_workbook_holds_every_control_and_gap(
    analyzer: Analyzer, planned: Institution, done: Institution, names: Names
) -> None:
    hostile = answer(planned, KEY, owner="=cmd|'/c calc'!A1", note="x" * 40_000)
    progress = progress_of(analysed(analyzer, hostile, EARLY), analysed(analyzer, done))
    content = progress_workbook(progress, names)
    assert content == progress_workbook(progress, names)
    book = load_workbook(io.BytesIO(content))
    assert book["判定の変化"].max_row - 4 == len(progress.controls)
    gaps = book["ギャップの動き"]
    assert gaps.max_row - 4 == len(progress.gaps)
    cells = [cell for row in gaps.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    values = {cell.value for cell in cells}
    assert "=cmd|'/c calc'!A1" in values
    assert any(isinstance(value, str) and "文字省略" in value for value in values)
    days = {value.date() for value in values if hasattr(value, "date")}
    assert date(2026, 10, 1) in days
    total = [cell.value for cell in book["節別"][5]][2:]
    assert total == [side.conformity[word] for word in CONFORMITIES for side in (progress.old, progress.new)]


def test_an_old_answer_is_marked_as_carried_over(analyzer: Analyzer, planned: Institution, names: Names) -> None:
    carried = answer(planned, KEY, carried_over=True)
    progress = progress_of(analysed(analyzer, carried, EARLY), analysed(analyzer, carried))
    flat = progress_text(progress, names).replace("\n", "")
    assert "引継ぎ・要再確認" in flat
    assert "引継ぎ・要再確認" in cells_of(progress_workbook(progress, names), "ギャップの動き")


def cells_of(content: bytes, sheet: str) -> list[str]:
    book = load_workbook(io.BytesIO(content))
    return [str(cell.value) for row in book[sheet].iter_rows() for cell in row if cell.value is not None]


# ---- files that are not what they should be


def refused(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_document(content, "x.json")
    text = str(caught.value)
    assert "\n" not in text and text.startswith("x.json")
    return text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"version": "1",\n "controls": [}', "x.json:2: not JSON"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "nested deeper"),
        (b"[]", "is neither"),
        (b"null", "is neither"),
        (b"{}", "is neither"),
        (b'{"version": "1", "controls": [], "version": "2"}', "'version' is given twice"),
        (b'{"version": NaN, "controls": []}', "not a number"),
        (b'{"version": 1e999, "controls": []}', "not a number"),
        (b'{"version": ' + b"9" * 100_000 + b', "controls": []}', "not a number"),
        (b'{"version": "\\ud800", "controls": []}', "surrogate"),
        (b'{"version": 1, "controls": []}', "version: 1 is not of type string"),
        (b'{"version": "1", "controls": {}}', "controls: {} is not of type array"),
        (b'{"version": "1", "controls": [1, 2, 3]}', "controls[0]: 1 is not of type object"),
        (b'{"institution": 1, "as_of": "x", "summary": 2, "results": 3}', "institution: 1 is not of type object"),
    ],
)
def test_a_hostile_file_is_one_clear_line(content: bytes, told: str) -> None:
    assert told in refused(content)


def test_brackets_and_quotes_in_texts_are_texts(exported: Data) -> None:
    data = copy.deepcopy(exported)
    control(data)["requirement"] = '[{"' * 100 + "\\"
    assert read_export(to_json_bytes(data), "x.json")[0] == "controls"


@pytest.mark.parametrize(
    "content",
    [
        b'{"version": "' + b'\\"' * 2_000_000,
        b'{"version": "1", "controls": [' + b"{}," * 100_000 + b"{}]}",
        b'{"version": "1", ' + b",".join(b'"k%d": 1' % index for index in range(100_000)) + b', "k99999": 2}',
    ],
    ids=["endless string", "a fault everywhere", "many keys"],
)
def test_a_huge_hostile_file_is_refused_soon(content: bytes) -> None:
    start = time.perf_counter()
    refused(content)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda data: control(data).update(level="minimun"), "'minimun' is not one of minimum, recommended, none"),
        (lambda data: control(data).pop("responses"), "'responses' is missing"),
        (lambda data: data["controls"].append(control(data)), f"'{KEY}' is given twice"),
        (lambda data: control(data).update(key="mhlw-5:6.5-98"), "not made of its guideline and id"),
        (lambda data: data["surveys"].append(data["surveys"][0]), "is given twice"),
        (lambda data: data["surveys"][0].update(surveyed_on="2026-02-30"), "is not a date that exists"),
    ],
)
def test_broken_controls_are_refused_with_the_place(
    exported: Data, break_it: Callable[[Data], object], told: str
) -> None:
    data = copy.deepcopy(exported)
    break_it(data)
    assert told in refused(to_json_bytes(data))


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda data: data.update(as_of="2026-13-01"), "as_of: '2026-13-01' is not a date that exists"),
        (lambda data: data["results"][0].update(conformity="fine"), "results[0].conformity: 'fine' is not one of"),
        (lambda data: data["results"].append(data["results"][0]), "is given twice"),
        (lambda data: data["results"].pop(), "summary.by_section"),
        (lambda data: data["results"][0]["duties"].append(data["results"][0]["duties"][0]), "is given twice"),
        (lambda data: data["summary"].pop("by_section"), "summary: 'by_section' is missing"),
        (lambda data: data["results"][0]["vendor"].update(service=7), "results[0].vendor.service"),
    ],
)
def test_a_broken_analysis_is_refused_with_the_place(
    analyzer: Analyzer, hospital: Institution, break_it: Callable[[Data], object], told: str
) -> None:
    data = analysed(analyzer, hospital)
    break_it(data)
    assert told in refused(to_json_bytes(data))


# ---- the command


def run(capsysbinary: pytest.CaptureFixture[bytes], *arguments: object) -> tuple[int, bytes, str]:
    code = main(["diff", *map(str, arguments)])
    out, err = capsysbinary.readouterr()
    return code, out, err.decode()


@pytest.fixture
def files(tmp_path: Path, exported: Data, analyzer: Analyzer, hospital: Institution) -> Path:
    other = copy.deepcopy(exported)
    control(other)["level"] = "recommended"
    clinic = load_institution(sample_institutions()["hidamari-clinic"], analyzer.knowledge)[0]
    for name, data in (
        ("old.json", exported),
        ("new.json", other),
        ("early.json", analysed(analyzer, hospital, EARLY)),
        ("late.json", analysed(analyzer, hospital)),
        ("clinic.json", analysed(analyzer, clinic)),
    ):
        (tmp_path / name).write_bytes(to_json_bytes(data))
    return tmp_path


def test_the_command_in_every_format(capsysbinary: pytest.CaptureFixture[bytes], files: Path) -> None:
    for old, new in (("old.json", "new.json"), ("early.json", "late.json")):
        code, out, err = run(capsysbinary, files / old, files / new)
        assert (code, err) == (0, "") and "旧" in out.decode()
        assert str(files) not in out.decode()
        code, out, _ = run(capsysbinary, files / old, files / new, "--format", "json")
        assert code == 0 and json.loads(out)["kind"] in {"controls", "analysis"}
        assert run(capsysbinary, files / old, files / new, "-o", files / "out.xlsx") == (0, b"", "")
        assert load_workbook(files / "out.xlsx").sheetnames[0] == "概要"


def test_a_folder_stands_for_its_knowledge_base(
    capsysbinary: pytest.CaptureFixture[bytes], files: Path, tmp_path: Path
) -> None:
    code, out, _ = run(capsysbinary, files / "old.json", controls_dir(), "--format", "json")
    assert code == 0 and json.loads(out)["changes"] == []
    shutil.copytree(controls_dir(), tmp_path / "controls")
    shutil.copytree(data_root() / "evidence", tmp_path / "evidence")
    path = tmp_path / "controls" / "mhlw-5" / "6.1.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("level: minimum", "level: recommended", 1), encoding="utf-8"
    )
    code, out, _ = run(capsysbinary, controls_dir(), tmp_path / "controls", "--format", "json")
    [change] = json.loads(out)["changes"]
    assert code == 0
    assert (change["key"], change["fields"]) == (
        "mhlw-5:6.1-01",
        [{"path": ["level"], "old": "minimum", "new": "recommended"}],
    )


def test_what_cannot_be_compared_is_one_line_and_exit_2(
    capsysbinary: pytest.CaptureFixture[bytes], files: Path, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * (8 * 1024 * 1024 + 1))
    (tmp_path / "folder").mkdir()
    for old, new, told in (
        ("old.json", "late.json", "only two of a kind can be compared"),
        ("late.json", "old.json", "only two of a kind can be compared"),
        ("late.json", "clinic.json", "institution.id: 'hidamari-clinic' is not 'minato-general-hospital'"),
        ("old.json", "missing.json", "no such file"),
        ("old.json", "huge.json", "at most 8,388,608 are read"),
        ("old.json", "folder", "guidelines.yaml"),
    ):
        code, out, err = run(capsysbinary, files / old, files / new, "-o", tmp_path / "never.xlsx")
        assert (code, out) == (2, b"")
        assert err.count("\n") == 1 and told in err and str(files / new) in err
        assert not (tmp_path / "never.xlsx").exists()
