"""Reading and running the case files of tests/rules/ (how to write them: tests/rules/README.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from strategies import GUIDELINE, REGISTERED, make_control, make_guideline, make_response, make_section, make_vendor

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.errors import InputError, Problem
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.yamlreader import PathKey, line_numbers, nearest_line, parse_yaml, read_bytes, show_path
from analyzer.model.institution import Institution
from analyzer.model.results import ControlResult, TraceStep

Data = dict[str, Any]

CASES = Path(__file__).parent / "rules"
SHIPPED_VENDOR = "cybozu.com"
INLINE_CONTROL = f"{GUIDELINE}:1.1-01"


@dataclass(frozen=True)
class RuleCase:
    """One case as it is written, and where."""

    file: str
    line: int
    data: Data

    @property
    def name(self) -> str:
        """The test's name: file and id."""
        return f"{Path(self.file).stem}/{self.data['id']}"

    @property
    def where(self) -> str:
        """File, line and title, for messages."""
        return f"{self.file}:{self.line}: {self.data['title']}"


@dataclass(frozen=True)
class Outcome:
    """What the analysis of a case found, and the rules that fired on the way, by table."""

    result: ControlResult
    steps: tuple[TraceStep, ...]
    fired: frozenset[tuple[str, str]]

    def written(self) -> Data:
        """The outcome in the words of a case file's `expect`."""
        result = self.result
        return {
            "applicability": result.applicability,
            "responsibility": result.responsibility,
            "assurance": result.assurance,
            "conformity": result.conformity,
            "rule": result.rule,
            "gaps": [
                {"kind": gap.kind, "party": gap.party, "priority": gap.priority, "rule": gap.rule}
                for gap in result.gaps
            ],
            "duties": [
                {"party": duty.party, "stated_for": list(duty.stated_for), "status": duty.status, "proof": duty.proof}
                for duty in result.duties
            ],
        }


def read_cases(path: Path) -> list[RuleCase]:
    """The cases of a file. Raises InputError that names every fault with its line."""
    name = str(path)
    content = read_bytes(path)
    data = parse_yaml(content, name)
    lines = line_numbers(content, name)
    faults = [(tuple(error.absolute_path), error.message) for error in _validator().iter_errors(data)]
    faults = faults or list(_repeated(data))
    problems = [Problem(name, nearest_line(lines, at), show_path(at), message) for at, message in faults]
    if problems:
        raise InputError(sorted(problems, key=lambda problem: (problem.line or 0, problem.path)))
    return [RuleCase(name, lines["cases", index], item) for index, item in enumerate(data["cases"])]


def run_case(case: RuleCase, shipped: Analyzer, folder: Path) -> Outcome:
    """Analyse a case as a user would: its institution is written to a file and read back. Raises InputError."""
    analyzer = shipped if isinstance(case.data["control"], str) else Analyzer(_knowledge(case, shipped.knowledge))
    key = case.data["control"] if isinstance(case.data["control"], str) else INLINE_CONTROL
    control = analyzer.knowledge.controls.get(key)
    if control is None:
        raise InputError.single(case.file, f"no control {key!r}", line=case.line)
    institution = _institution(case, key, analyzer.knowledge, folder)
    as_of = date.fromisoformat(case.data["as_of"])
    result = next(found for found in analyzer.analyze(institution, as_of).results if found.control.key == key)
    (steps,) = analyzer.explain(institution, as_of, control).values()
    return Outcome(result, steps, frozenset(_fired(steps)))


def differences(case: RuleCase, outcome: Outcome, rulebook: Rulebook) -> list[str]:
    """Where the outcome is not what the case expects, one line each; empty where it is."""
    expected, found = dict(case.data["expect"]), outcome.written()
    lines = []
    unsaid = [words for words in expected.pop("says", ()) if words not in outcome.result.reason.ja]
    missed = set(expected.pop("fires", ())) - {rule for _, rule in outcome.fired}
    if "duties" in expected:
        expected["duties"] = [{"stated_for": [duty["party"]], **duty} for duty in expected["duties"]]
    for key, wanted in expected.items():
        if found[key] != wanted:
            lines.append(f"{key}: expected {_shown(key, wanted, rulebook)}, found {_shown(key, found[key], rulebook)}")
    lines += [f"says: {words!r} is not in the reason {outcome.result.reason.ja!r}" for words in unsaid]
    lines += [f"fires: {rule} did not fire" for rule in sorted(missed)]
    if lines:
        lines += ["the way there:", *(f"  {step.table} {step.rule}: {step.reason.ja}" for step in outcome.steps)]
    return lines


def _shown(key: str, value: Any, rulebook: Rulebook) -> str:
    known = rulebook.terms.get(key, {})
    return f"{value} ({known[value].ja})" if isinstance(value, str) and value in known else str(value)


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads((CASES / "case.schema.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _repeated(data: Data) -> Iterator[tuple[PathKey, str]]:
    seen: set[str] = set()
    for index, item in enumerate(data["cases"]):
        if item["id"] in seen:
            yield ("cases", index, "id"), f"case {item['id']} is given twice"
        seen.add(item["id"])


def _knowledge(case: RuleCase, shipped: KnowledgeBase) -> KnowledgeBase:
    """The shipped facts and conditions with the one control that the case describes."""
    told: Data = case.data["control"]
    condition = told.get("applies_if")
    if condition is not None and condition not in shipped.conditions:
        raise InputError.single(case.file, f"no condition {condition!r}", line=case.line)
    withdrawn = {f"c{number}": item["withdrawn_on"] for number, item in enumerate(told.get("certifications", ()))}
    section = make_section("1.1")
    responses = []
    if told["vendor_answer"] != "no_answer":
        responses.append(
            make_response(
                REGISTERED,
                told["vendor_answer"],
                told.get("disclosure", "none"),
                told.get("duties", ()),
                tuple(withdrawn),
            )
        )
    control = make_control("1.1-01", section, told["level"], condition, responses)
    register = {}
    if "surveyed_on" in told:
        register[REGISTERED] = make_vendor(
            REGISTERED,
            date.fromisoformat(told["surveyed_on"]),
            {item: day and date.fromisoformat(day) for item, day in withdrawn.items()},
        )
    # Something for a service without an answer to be a service of.
    other_answer = make_response(REGISTERED, "conformable", "none", ())
    elsewhere = make_control("1.2-01", make_section("1.2"), "none", None, [other_answer])
    return replace(
        shipped,
        guidelines={GUIDELINE: make_guideline()},
        sections=(control.section, elsewhere.section),
        controls={INLINE_CONTROL: control, elsewhere.key: elsewhere},
        clauses={},
        vendors=register,
        warnings=(),
    )


def _institution(case: RuleCase, key: str, knowledge: KnowledgeBase, folder: Path) -> Institution:
    told = case.data
    service = told.get("service", {})
    inline = not isinstance(told["control"], str)
    answers, evidence = [], []
    for party, answer in told.get("answers", {}).items():
        pieces = [
            {"id": f"{party}-{number}", "title": "証跡", "kind": "record", **piece}
            for number, piece in enumerate(answer.get("evidence", ()))
        ]
        evidence += pieces
        answers.append({"control": key, "party": party, **answer, "evidence": [piece["id"] for piece in pieces]})
    written = {
        "institution": {"id": "case", "name": "事例の医療機関", "kind": "hospital", "fictional": True},
        "profile": told.get("facts", {}),
        "integrator": {"presence": told.get("si_vendor", "present")},
        "services": []
        if service is None
        else [
            {
                "vendor": REGISTERED if inline else SHIPPED_VENDOR,
                "nda_concluded_on": service.get("nda"),
                "reviews": service.get("reviews", []),
            }
        ],
        "answers": answers,
        "evidence": evidence,
    }
    path = folder / "institution.yaml"
    path.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    try:
        return load_institution(path, knowledge)[0]
    except InputError as error:
        raise InputError(
            Problem(case.file, case.line, problem.path, problem.message) for problem in error.problems
        ) from None


def _fired(steps: tuple[TraceStep, ...]) -> Iterator[tuple[str, str]]:
    asked_for_each_party = {
        "user_duty": "duty",
        "integrator_duty": "duty",
        "user_gap": "duty_gap",
        "integrator_gap": "duty_gap",
    }
    for step in steps:
        yield asked_for_each_party.get(step.table, step.table), step.rule
