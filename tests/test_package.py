"""Files of several institutions: the kinds asked for, one zip that says what is in it, a fault that costs one file."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date

import pytest
from openpyxl import Workbook, load_workbook

from analyzer.engine.analysis import Analyzer
from analyzer.errors import SanshoError
from analyzer.exports import kinds
from analyzer.exports.gap_list import ALL_GAPS_SHEET, COUNTS_SHEET, GAPS_SHEET, gap_list_workbook
from analyzer.exports.kinds import FILE_KINDS, FileKind, FileSpec
from analyzer.exports.matrix.workbook import matrix_workbook
from analyzer.exports.package import LIST_NAME, README_NAME, Package, make_package, plan_package
from analyzer.knowledge.institutions import load_institution
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment
from analyzer.resources import sample_institutions

AS_OF = date(2026, 11, 1)
LIGHT = (kinds.GAP_LIST, kinds.JSON)


@pytest.fixture(scope="module")
def brief(analyzer: Analyzer) -> Analyzer:
    """An analyzer of few controls: what is tested here does not depend on how many there are."""
    kept = {key: each for key, each in analyzer.knowledge.controls.items() if each.section.id in {"6.4", "6.5"}}
    return Analyzer(replace(analyzer.knowledge, controls=kept))


@pytest.fixture(scope="module")
def institutions(analyzer: Analyzer, brief: Analyzer) -> list[Institution]:
    """The samples with their answers to those controls."""
    loaded = [load_institution(path, analyzer.knowledge)[0] for path in sample_institutions().values()]
    known = brief.knowledge.controls
    return [
        replace(each, answers={key: answer for key, answer in each.answers.items() if key[0] in known})
        for each in loaded
    ]


def opened(made: Package) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(made.read()))


def listed(made: Package) -> list[dict[str, str]]:
    text = opened(made).read(LIST_NAME)
    assert text.startswith(b"\xef\xbb\xbf"), "Excel takes a CSV without it for Shift_JIS"
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))


def readme(made: Package) -> str:
    return opened(made).read(README_NAME).decode("utf-8-sig")


# -- what comes out ---------------------------------------------------------------------------------------------------


def test_one_file_comes_as_itself(brief: Analyzer, institutions: list[Institution]) -> None:
    made = make_package(plan_package(brief, institutions[:1], [kinds.MATRIX], AS_OF))
    assessment = brief.analyze(institutions[0], AS_OF)
    assert made.read() == matrix_workbook(brief.knowledge, brief.rulebook, assessment)
    assert made.name == f"{institutions[0].id}-matrix-2026-11-01.xlsx"
    assert made.size == len(made.read())
    assert made.media_type == kinds.MEDIA_TYPES["xlsx"]


@pytest.mark.parametrize("kind", FILE_KINDS.values(), ids=FILE_KINDS)
def test_a_kind_brings_its_own_files_and_no_others(
    brief: Analyzer, institutions: list[Institution], kind: FileKind
) -> None:
    made = make_package(plan_package(brief, institutions, [kind], AS_OF))
    expected = {
        f"{each.id}/{each.id}-{file.stem}-2026-11-01.{file.suffix}" for each in institutions for file in kind.files
    }
    if kind is kinds.GAP_LIST:
        expected.add("all-institutions-gap-list-2026-11-01.xlsx")
    packed = opened(made)
    assert set(packed.namelist()) == {*expected, LIST_NAME, README_NAME}
    assert packed.testzip() is None
    assert all(packed.getinfo(path).file_size > 100 for path in expected)
    assert made.failures == ()


def test_the_list_names_every_file_with_institution_kind_day_and_version(
    brief: Analyzer, institutions: list[Institution]
) -> None:
    made = make_package(plan_package(brief, institutions, LIGHT, AS_OF))
    packed, rows = opened(made), listed(made)
    assert {row["ファイル"] for row in rows} == set(packed.namelist()) - {LIST_NAME, README_NAME}
    for row in rows:
        assert int(row["大きさ（バイト）"]) == packed.getinfo(row["ファイル"]).file_size
        assert (row["基準日"], row["知識ベースの版"], row["状態"]) == ("2026-11-01", brief.knowledge.version, "作成済")
    assert Counter(row["機関"] for row in rows) == {
        **{each.name: len(LIGHT) for each in institutions},
        "全機関": 1,
    }
    text = readme(made)
    for said in ("2026-11-01", brief.knowledge.version, *(row["ファイル"] for row in rows)):
        assert said in text
    for guideline in brief.knowledge.encoded_guidelines:
        assert guideline.status_note in text


def test_the_same_choice_gives_the_same_bytes_dated_by_the_day_of_the_assessment(
    brief: Analyzer, institutions: list[Institution]
) -> None:
    first, second = (make_package(plan_package(brief, institutions, LIGHT, AS_OF)) for _ in range(2))
    assert first.read() == second.read()
    assert {entry.date_time for entry in opened(first).infolist()} == {(2026, 11, 1, 0, 0, 0)}
    assert opened(first).getinfo(LIST_NAME).flag_bits & 0x800, "the name is marked as UTF-8"


def test_a_day_that_no_zip_can_hold_is_no_obstacle(brief: Analyzer, institutions: list[Institution]) -> None:
    made = make_package(plan_package(brief, institutions, [kinds.JSON], date(1960, 5, 6)))
    assert opened(made).testzip() is None
    assert {row["基準日"] for row in listed(made)} == {"1960-05-06"}


def test_a_large_package_is_whole(brief: Analyzer, institutions: list[Institution]) -> None:
    # More than is kept in memory, and of bytes that do not pack.
    noise = bytes(range(256)) * 4096 * 10
    large = FileKind("large", "大", "", (FileSpec("large", "xlsx", lambda _subject: noise),))
    made = make_package(plan_package(brief, institutions, [large], AS_OF))
    assert made.size > 2 * len(noise)
    assert opened(made).read(f"{institutions[1].id}/{institutions[1].id}-large-2026-11-01.xlsx") == noise


# -- faults -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failing:
    """An analyzer that cannot cope with one institution."""

    sound: Analyzer
    id: str

    def __getattr__(self, name: str) -> object:
        return getattr(self.sound, name)

    def analyze(self, institution: Institution, as_of: date) -> Assessment:
        if institution.id == self.id:
            raise SanshoError("この機関は読めない")
        return self.sound.analyze(institution, as_of)


def test_a_fault_of_one_institution_costs_only_its_own_files(brief: Analyzer, institutions: list[Institution]) -> None:
    broken, sound = institutions
    made = make_package(plan_package(Failing(brief, broken.id), institutions, LIGHT, AS_OF))  # type: ignore[arg-type]
    assert not [path for path in opened(made).namelist() if path.startswith(broken.id)]
    assert len([path for path in opened(made).namelist() if path.startswith(sound.id)]) == len(LIGHT)
    rows = {row["ファイル"]: row for row in listed(made)}
    assert {row["状態"] for row in rows.values() if row["機関"] == broken.name} == {"作成できず"}
    assert {row["備考"] for row in rows.values() if row["機関"] == broken.name} == {"この機関は読めない"}
    together = rows["all-institutions-gap-list-2026-11-01.xlsx"]
    assert together["状態"] == "作成済"
    assert broken.name in together["備考"]
    assert "この機関は読めない" in readme(made)
    assert len(made.failures) == len(LIGHT) + 1


def test_a_fault_of_one_file_costs_only_that_file(
    brief: Analyzer, institutions: list[Institution], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_subject: object) -> bytes:
        raise ZeroDivisionError("secret detail")

    bad = FileKind("bad", "壊れた種類", "", (FileSpec("bad", "json", fail),))
    made = make_package(plan_package(brief, institutions[:1], [bad, kinds.JSON], AS_OF))
    states = {row["種類"]: row["状態"] for row in listed(made)}
    assert states == {"壊れた種類": "作成できず", kinds.JSON.label: "作成済"}
    assert "secret detail" not in readme(made)
    assert "secret detail" in caplog.text, "the operator finds the cause in the log"


def test_where_the_only_file_fails_nothing_is_handed_out(brief: Analyzer, institutions: list[Institution]) -> None:
    plan = plan_package(Failing(brief, institutions[0].id), institutions[:1], [kinds.JSON], AS_OF)  # type: ignore[arg-type]
    made = make_package(plan)
    assert made.size == 0
    assert [outcome.reason for outcome in made.failures] == ["この機関は読めない"]


def test_progress_is_told_once_a_file_and_can_end_the_work(brief: Analyzer, institutions: list[Institution]) -> None:
    plan = plan_package(brief, institutions, LIGHT, AS_OF)
    told: list[str] = []
    make_package(plan, told.append)
    assert told == [f"{planned.of}：{planned.kind.label}" for planned in plan.files]

    class LeftError(BaseException):
        pass

    def leave(_what: str) -> None:
        raise LeftError

    with pytest.raises(LeftError):
        make_package(plan, leave)


def test_an_empty_or_doubled_choice_is_refused(brief: Analyzer, institutions: list[Institution]) -> None:
    with pytest.raises(ValueError, match="twice"):
        plan_package(brief, [institutions[0], institutions[0]], LIGHT, AS_OF)
    with pytest.raises(ValueError, match="no files"):
        make_package(plan_package(brief, institutions, [], AS_OF))


def test_a_hostile_name_runs_nowhere(brief: Analyzer, institutions: list[Institution]) -> None:
    named = replace(institutions[0], name='=HYPERLINK("http://x.invalid")\u202e')
    made = make_package(plan_package(brief, [named], LIGHT, AS_OF))
    assert {row["機関"][:2] for row in listed(made)} == {"'="}
    assert "\u202e" not in readme(made)


# -- the gap list -----------------------------------------------------------------------------------------------------


def gap_book(analyzer: Analyzer, institutions: list[Institution]) -> Workbook:
    assessments = [analyzer.analyze(each, AS_OF) for each in institutions]
    return load_workbook(io.BytesIO(gap_list_workbook(assessments, analyzer.knowledge, analyzer.rulebook)))


def table(book: Workbook, sheet: str, header: int) -> list[dict[str, object]]:
    names, *rows = book[sheet].iter_rows(min_row=header, values_only=True)
    return [dict(zip(names, row, strict=True)) for row in rows if row[1] is not None]


def test_the_list_of_all_institutions_has_every_gap_of_each(brief: Analyzer, institutions: list[Institution]) -> None:
    book = gap_book(brief, institutions)
    rows = table(book, ALL_GAPS_SHEET, 4)
    priority = brief.rulebook.terms["priority"]
    for institution in institutions:
        assessment = brief.analyze(institution, AS_OF)
        expected = [
            (result.control.key, gap.rule, f"{priority[gap.priority].mark} {priority[gap.priority].ja}", gap.action.ja)
            for result in assessment.results
            for gap in result.gaps
        ]
        own = [row for row in rows if row["機関ID"] == institution.id]
        found = [(row["管理策キー"], row["規則"], row["優先度"], row["次に行うこと"]) for row in own]
        assert sorted(found) == sorted(expected)
        order = [
            list(priority).index(word) for row in own for word in priority if priority[word].ja in str(row["優先度"])
        ]
        assert order == sorted(order)
        count = next(row for row in table(book, COUNTS_SHEET, 5) if row["機関ID"] == institution.id)
        assert count["ギャップ"] == len(expected)
    assert book[ALL_GAPS_SHEET].auto_filter.ref
    assert book[ALL_GAPS_SHEET].freeze_panes


def test_the_list_of_one_institution_tells_owner_day_and_delay(analyzer: Analyzer) -> None:
    institution = load_institution(sample_institutions()["minato-general-hospital"], analyzer.knowledge)[0]
    rows = table(gap_book(analyzer, [institution]), GAPS_SHEET, 4)
    late = [row for row in rows if row["期限超過（日）"] is not None]
    assert late
    for row in late:
        assert (AS_OF - row["期限"].date()).days == row["期限超過（日）"]  # type: ignore[attr-defined]
    assert {row["担当"] for row in late} <= {answer.owner for answer in institution.answers.values()}
    assert any(row["引継ぎ"] for row in rows)


def test_a_gap_list_of_nobody_is_refused(brief: Analyzer) -> None:
    with pytest.raises(ValueError, match="no assessment"):
        gap_list_workbook([], brief.knowledge, brief.rulebook)
