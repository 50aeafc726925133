"""A maintainer who edits a rule learns at load what is wrong with it: every fault, with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import pytest

from analyzer.engine.cell import CellInputs, DutyInputs
from analyzer.engine.compiled import CompiledRules
from analyzer.engine.contract import TABLES
from analyzer.engine.interpreter import interpret_cell
from analyzer.engine.rulebook import Rulebook, load_rulebook
from analyzer.engine.tables import load_table
from analyzer.errors import InputError
from analyzer.model import vocabulary
from analyzer.resources import rules_dir

TABLE = """\
table: lights
title: {ja: 信号, en: Lights}
source: 例
inputs:
  colour: [red, yellow, green]
  road: [clear, blocked]
outputs:
  act: [go, stop]
rules:
  - id: L-01
    when: {colour: [red, yellow]}
    then: {act: stop}
    reason: {ja: 止まる。, en: Stop.}
  - id: L-02
    when: {road: blocked}
    then: {act: stop}
    reason: {ja: 塞がっている。, en: Blocked.}
  - id: L-03
    when: {}
    then: {act: go}
    reason: {ja: 進む。, en: Go.}
"""


def write(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in TABLE
    path = folder / "lights.yaml"
    path.write_text(TABLE.replace(old, new, 1) if old else TABLE, encoding="utf-8")
    return path


def test_a_sound_table_loads_and_the_first_row_that_matches_decides(tmp_path: Path) -> None:
    table = load_table(write(tmp_path))
    assert table.decided_by.tolist() == [[0, 0], [0, 0], [2, 1]]


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "said"),
    [
        pytest.param(
            "when: {}",
            "when: {road: blocked}",
            10,
            "rules",
            "1 combinations are decided by no rule, e.g. colour=green, road=clear",
            id="undecided combination",
        ),
        pytest.param(
            "when: {road: blocked}",
            "when: {colour: red}",
            14,
            "rules[1]",
            "rule L-02 is never reached",
            id="unreachable row",
        ),
        pytest.param(
            "when: {road: blocked}",
            "when: {road: closed}",
            15,
            "rules[1].when.road",
            "'closed' is not one of clear, blocked",
            id="input value outside its domain",
        ),
        pytest.param(
            "then: {act: go}",
            "then: {act: run}",
            20,
            "rules[2].then.act",
            "'run' is not one of go, stop",
            id="output value outside its domain",
        ),
        pytest.param(
            "when: {road: blocked}",
            "when: {raod: blocked}",
            15,
            "rules[1].when.raod",
            "'raod' is not one of colour, road",
            id="unknown input",
        ),
        pytest.param(
            "then: {act: go}",
            "then: {do: go}",
            20,
            "rules[2].then.do",
            "'do' is not one of act",
            id="unknown output",
        ),
        pytest.param("id: L-02", "id: L-01", 14, "rules[1].id", "rule L-01 is given twice", id="duplicate rule id"),
        pytest.param(
            "then: {act: go}", "then: {do: go}", 20, "rules[2].then", "'act' is left out", id="missing output"
        ),
        pytest.param(
            "[clear, blocked]", "[clear, clear]", 6, "inputs.road", "'clear' is given twice", id="duplicate word"
        ),
        pytest.param("    when: {}\n", "", 18, "rules[2]", "'when' is missing", id="missing key"),
        pytest.param("    when: {}", "    when: {}\n    whn: {}", 20, "rules[2].whn", "did you mean 'when'", id="typo"),
        pytest.param("id: L-02", "id: second", 14, "rules[1].id", "'second' is not of the form", id="odd rule id"),
        pytest.param("when: {}", "when: {road: []}", 19, "rules[2].when.road", "must not be empty", id="no value"),
        pytest.param("colour: [red", "colour: &a [red", 5, "inputs.colour", "anchor", id="anchor"),
    ],
)
def test_a_faulty_table_is_refused_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, path: str, said: str
) -> None:
    file = write(tmp_path, old, new)
    with pytest.raises(InputError) as raised:
        load_table(file)
    found = [(problem.line, problem.path) for problem in raised.value.problems if said in problem.message]
    assert found == [(line, path)], raised.value
    assert all(problem.file == str(file) for problem in raised.value.problems)


def test_every_fault_of_a_table_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "lights.yaml"
    file.write_text(TABLE.replace("id: L-02", "id: L-01").replace("act: go}", "act: run}"), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_table(file)
    assert [problem.line for problem in raised.value.problems] == [14, 20]


# --- the rules as a whole -------------------------------------------------------------------------------------------


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the shipped rules to spoil."""
    return Path(shutil.copytree(rules_dir(), tmp_path / "rules"))


def spoil(rules: Path, name: str, old: str, new: str) -> Path:
    path = rules / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} has changed; the test has to spoil it in another way"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def line_of(path: Path, text: str) -> int:
    return next(
        number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1) if text in line
    )


def test_the_faults_of_all_tables_are_named_at_once(rules: Path) -> None:
    first = spoil(rules, "duty.yaml", "{status: unanswered}", "{status: silent}")
    second = spoil(rules, "vendor_side.yaml", "{vendor_side: failed}", "{vendor_side: fell}")
    with pytest.raises(InputError) as raised:
        load_rulebook(rules)
    assert [(problem.file, problem.line) for problem in raised.value.problems] == [
        (str(first), line_of(first, "silent")),
        (str(second), line_of(second, "fell")),
    ]


STATES = "[done, unconfirmed, partial, planned, open, unanswered, excluded, no_duty]"


@pytest.mark.parametrize(
    ("name", "old", "new", "path", "also"),
    [
        pytest.param(
            "duty_gap.yaml",
            "level: [minimum, recommended, none]",
            "level: [recommended, minimum, none]",
            "inputs.level",
            (),
            id="other order of levels",
        ),
        pytest.param(
            "duty_gap.yaml",
            "proof: [current, expired, missing]",
            "proof: [current, expired, missing, lost]",
            "inputs.proof",
            (("{proof: expired}", "{proof: [expired, lost]}"),),
            id="one word more",
        ),
        pytest.param(
            "user_side.yaml",
            f"user: {STATES}",
            f"user: {STATES.replace('done, unconfirmed', 'unconfirmed, done')}",
            "inputs.user",
            (),
            id="states of a duty",
        ),
    ],
)
def test_words_that_tables_share_have_to_be_equal(
    rules: Path, name: str, old: str, new: str, path: str, also: tuple[tuple[str, str], ...]
) -> None:
    file = spoil(rules, name, old, new)
    for before, after in also:
        spoil(rules, name, before, after)
    with pytest.raises(InputError) as raised:
        load_rulebook(rules)
    (problem,) = raised.value.problems
    assert (problem.file, problem.line, problem.path) == (str(file), line_of(file, new), path)
    assert "words" in problem.message


def test_a_missing_table_is_named(rules: Path) -> None:
    (rules / "duty_gap.yaml").unlink()
    with pytest.raises(InputError, match=r"duty_gap\.yaml: no such file"):
        load_rulebook(rules)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        pytest.param(
            "conformity.yaml",
            "because: user_side",
            "because: users_side",
            "users_side",
            id="a reason of a table that is not there",
        ),
        pytest.param(
            "vendor_side.yaml",
            "table: vendor_side",
            "table: vendors_side",
            "vendors_side",
            id="another name than the file's",
        ),
        pytest.param(
            "duty.yaml",
            "recheck",
            "rechecked",
            "recheck",
            id="an input that the engine does not know",
        ),
        pytest.param(
            "vendor_side.yaml",
            "vendor_side",
            "side_of_vendor",
            "vendor_side",
            id="an output that is missed",
        ),
        pytest.param(
            "duty.yaml",
            "duty_state",
            "state_of_duty",
            "duty_state",
            id="the states of a duty under another name",
        ),
        pytest.param(
            "terms.yaml",
            "duty_unstated:\n    user:",
            "duty_unstated:\n    vendor:",
            "duty_unstated",
            id="a gap without a next action",
        ),
        pytest.param(
            "duty_holder.yaml", "integrator", "contractor", "integrator", id="a party that the engine does not know"
        ),
        pytest.param(
            "applicability.yaml", "unknown", "unclear", "unknown", id="a word that the engine puts in under another"
        ),
        pytest.param(
            "terms.yaml", "    conforming_pending:", "    pending:", "conforming_pending", id="a word without a text"
        ),
        pytest.param("policy.yaml", "36", "-1", "survey_max_age_months", id="a period below zero"),
    ],
)
def test_what_the_engine_cannot_use_is_an_error_and_no_traceback(
    rules: Path, name: str, old: str, new: str, said: str
) -> None:
    file = spoil(rules, name, old, new)
    with pytest.raises(InputError) as raised:
        load_rulebook(rules)
    assert any(
        problem.file == str(file) and problem.line is not None and said in f"{problem.path} {problem.message}"
        for problem in raised.value.problems
    ), raised.value


def test_inputs_listed_in_another_order_are_refused_or_make_no_difference(rules: Path) -> None:
    """The arrays of the compiled rules have one axis an input; an auditor reads the inputs by name."""
    spoil(
        rules,
        "user_side.yaml",
        f"  user: {STATES}\n  integrator: {STATES}",
        f"  integrator: {STATES}\n  user: {STATES}",
    )
    try:
        rulebook = load_rulebook(rules)
    except InputError:
        return
    done, unanswered = DutyInputs("implemented", "current", "done"), DutyInputs("unanswered", "missing", "done")
    cell = CellInputs(
        condition="unconditional",
        level="minimum",
        vendor_answer="conformable",
        disclosure="public",
        review="never",
        survey="fresh",
        certificate="not_relied_on",
        user=done,
        integrator=unanswered,
    )
    compiled = CompiledRules(rulebook)
    rows = compiled.decide(compiled.columns([cell]))
    assert compiled.rules_of(rows, 0) == interpret_cell(rulebook, cell)


# --- the shipped rules ----------------------------------------------------------------------------------------------


def test_the_tables_speak_the_words_of_the_model(rulebook: Rulebook) -> None:
    """What an output may say is what the formats and the reports know."""
    tables = rulebook.tables
    assert tables["conformity"].outputs["conformity"] == vocabulary.CONFORMITIES
    assert tables["responsibility"].outputs["responsibility"] == vocabulary.RESPONSIBILITIES
    assert tables["assurance"].outputs["assurance"] == vocabulary.ASSURANCES
    assert tables["applicability"].outputs["applicability"] == get_args(vocabulary.Applicability)
    assert tables["duty"].inputs["status"] == vocabulary.STATUSES
    assert tables["duty"].inputs["proof"] == vocabulary.PROOFS
    assert tables["conformity"].inputs["level"] == vocabulary.LEVELS
    assert tables["assurance"].inputs["vendor_answer"] == (*get_args(vocabulary.VendorConformity), "no_answer")
    assert tables["assurance"].inputs["disclosure"] == get_args(vocabulary.Disclosure)
    for name in ("duty_gap", "vendor_gap"):
        assert set(tables[name].outputs["kind"]) <= {"no_gap", *vocabulary.GAP_KINDS}
        assert tables[name].outputs["priority"] == ("none", *vocabulary.PRIORITIES)
    covered = {kind for name in ("duty_gap", "vendor_gap") for kind in tables[name].outputs["kind"]}
    assert covered == {"no_gap", *vocabulary.GAP_KINDS}


def test_every_gap_has_a_next_action_for_everyone_it_can_concern(rulebook: Rulebook) -> None:
    wanted = {
        (rule.then["kind"], party) for rule in rulebook.tables["duty_gap"].rules for party in ("user", "integrator")
    } | {(rule.then["kind"], rule.then["party"]) for rule in rulebook.tables["vendor_gap"].rules}
    missing = [
        (kind, party) for kind, party in wanted if kind != "no_gap" and party not in rulebook.actions.get(kind, {})
    ]
    assert not missing


@pytest.mark.parametrize(
    ("table", "output", "terms"),
    [
        ("conformity", "conformity", "conformity"),
        ("responsibility", "responsibility", "responsibility"),
        ("assurance", "assurance", "assurance"),
        ("applicability", "applicability", "applicability"),
        ("duty_gap", "kind", "gap_kind"),
        ("vendor_gap", "kind", "gap_kind"),
        ("duty_gap", "priority", "priority"),
    ],
)
def test_every_word_that_people_see_has_a_term(rulebook: Rulebook, table: str, output: str, terms: str) -> None:
    said = {rule.then[output] for rule in rulebook.tables[table].rules} - {"no_gap", "none"}
    nothing = {"none"} if output == "assurance" else set()
    assert {*said, *nothing} <= rulebook.terms[terms].keys()


@pytest.mark.parametrize("name", TABLES)
def test_a_reason_is_a_japanese_sentence_and_an_english_one(rulebook: Rulebook, name: str) -> None:
    """Reasons are strung together, so each ends as a sentence does."""
    for rule in rulebook.tables[name].rules:
        assert rule.reason.ja.endswith("。"), rule.id
        assert rule.reason.en.endswith("."), rule.id
        assert not rule.reason.ja.isascii(), rule.id
        assert rule.reason.en.isascii(), rule.id
