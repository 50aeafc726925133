"""The judgements that the experts wrote down as cases (tests/rules/) are the ones that the engine makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_cases import CASES, RuleCase, differences, read_cases, run_case

from analyzer.engine.analysis import Analyzer
from analyzer.engine.contract import TABLES
from analyzer.errors import InputError

FILES = sorted(CASES.glob("*.yaml"))


def _collected() -> list[object]:
    """A parameter for each case; a file that cannot be read fails as one test and leaves the others alone."""
    found: list[object] = []
    for path in FILES:
        try:
            found += [pytest.param(case, id=case.name) for case in read_cases(path)]
        except InputError as error:
            found.append(pytest.param(error, id=path.name))
    return found


@pytest.mark.parametrize("case", _collected())
def test_case(case: RuleCase | InputError, analyzer: Analyzer, tmp_path: Path) -> None:
    if isinstance(case, InputError):
        pytest.fail(str(case), pytrace=False)
    try:
        lines = differences(case, run_case(case, analyzer, tmp_path), analyzer.rulebook)
    except InputError as error:
        pytest.fail(f"{case.where}\n{error}", pytrace=False)
    if lines:
        pytest.fail("\n".join([case.where, *lines]), pytrace=False)


@pytest.fixture(scope="module")
def fired(analyzer: Analyzer, tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("cases")
    return {pair for path in FILES for case in read_cases(path) for pair in run_case(case, analyzer, folder).fired}


@pytest.mark.parametrize("name", TABLES)
def test_every_rule_is_shown_by_a_case(analyzer: Analyzer, fired: set[tuple[str, str]], name: str) -> None:
    silent = [rule.id for rule in analyzer.rulebook.tables[name].rules if (name, rule.id) not in fired]
    assert not silent, f"no case of tests/rules/ fires {', '.join(silent)} of {name}"


def test_a_rule_id_means_one_rule(analyzer: Analyzer) -> None:
    """`fires` and the reports name rules by id alone."""
    ids = [rule.id for table in analyzer.rulebook.tables.values() for rule in table.rules]
    assert len(ids) == len(set(ids))


GOOD = """\
theme: 例
cases:
  - id: one
    title: 例
    as_of: 2026-11-01
    control: {level: minimum, vendor_answer: conformable, disclosure: public, surveyed_on: 2026-04-01}
    expect:
      applicability: applicable
      responsibility: vendor
      assurance: public
      conformity: conforming
      rule: C-14
      gaps: []
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("conformity: conforming", "conformity: conform", 11, "'conform' is not one of"),
        ("      rule: C-14\n", "", 8, "'rule' is a required property"),
        ("as_of: 2026-11-01", "as_of: 2026-11-31", 5, "'2026-11-31' is not a 'date'"),
        ("as_of: 2026-11-01", "as_off: 2026-11-01", 3, "'as_off' was unexpected"),
        ("level: minimum", "level: minimun", 6, "'minimun' is not one of"),
        ("control: {level", "control: 6.3-01 # {level", 6, "does not match"),
        ("title: 例", "title: [例", 5, "not YAML"),
        ("      gaps: []\n", "      gaps: []\n      gaps: []\n", 14, "key 'gaps' is given twice"),
    ],
)
def test_a_broken_case_file_says_where_and_why(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    path = tmp_path / "broken.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_cases(path)
    assert any(problem.line == line and said in problem.message for problem in raised.value.problems), raised.value
    assert all(problem.file == str(path) for problem in raised.value.problems)


def test_two_cases_of_one_id_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(GOOD + GOOD.split("cases:\n")[1], encoding="utf-8")
    with pytest.raises(InputError, match=r"twice\.yaml:14: .*case one is given twice"):
        read_cases(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    expect:", "    facts: {uses_wireles_lan: true}\n    expect:", "no fact 'uses_wireles_lan'"),
        (
            "    expect:",
            "    answers: {user: {status: not_applicable}}\n    expect:",
            "'reason' is missing",
        ),
        (
            "    expect:",
            "    service: {reviews: [{documents: nda, on: 2026-01-01}]}\n    expect:",
            "no NDA has been concluded",
        ),
        ("level: minimum", "level: minimum, applies_if: on_mars", "no condition 'on_mars'"),
        ("control: {level", "control: mhlw-5:6.3-99 # {level", "no control 'mhlw-5:6.3-99'"),
    ],
)
def test_a_case_that_makes_no_sense_says_why(analyzer: Analyzer, tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "senseless.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    (case,) = read_cases(path)
    with pytest.raises(InputError, match=said) as raised:
        run_case(case, analyzer, tmp_path)
    assert raised.value.problems[0].line == 3


def test_the_example_of_the_instructions_holds(analyzer: Analyzer, tmp_path: Path) -> None:
    text = (CASES / "README.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "example.yaml"
    path.write_text(f"theme: 例\ncases:\n{example}", encoding="utf-8")
    (case,) = read_cases(path)
    assert not differences(case, run_case(case, analyzer, tmp_path), analyzer.rulebook)
    assert [path.name for path in FILES if f"`{path.name}`" not in text] == []


def test_a_wrong_expectation_is_shown_with_the_way_to_the_result(analyzer: Analyzer, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(
        GOOD.replace("conformity: conforming", "conformity: partial") + "      fires: [G-05]\n", encoding="utf-8"
    )
    (case,) = read_cases(path)
    lines = differences(case, run_case(case, analyzer, tmp_path), analyzer.rulebook)
    assert "conformity: expected partial (一部適合), found conforming (適合)" in lines
    assert "fires: G-05 did not fire" in lines
    assert any("vendor_side V-04" in line for line in lines)
