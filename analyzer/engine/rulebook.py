"""All decision tables with the policy's periods and the terms, as one checked whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analyzer.engine.tables import DecisionTable, load_table
from analyzer.errors import InputError, Problem
from analyzer.knowledge.schemas import read_document
from analyzer.knowledge.yamlreader import read_bytes
from analyzer.model.controls import Text
from analyzer.resources import rules_dir

# A name that several tables share means the same words in the same order in each of them.
_SHARED = (
    "applicability",
    "assurance",
    "vendor_side",
    "user_side",
    "level",
    "vendor_answer",
    "status",
    "proof",
    "duties",
)
TABLES = (
    "applicability",
    "assurance",
    "responsibility",
    "duty_holder",
    "duty",
    "user_side",
    "vendor_side",
    "conformity",
    "duty_gap",
    "vendor_gap",
)


@dataclass(frozen=True, slots=True)
class Policy:
    """The periods of policy.yaml, in calendar months and days."""

    survey_max_age_months: int
    review_max_age_months: int
    proof_max_age_months: int
    expiry_notice_days: int


@dataclass(frozen=True, slots=True)
class Term:
    """A word people see; `mark` is the sign beside its colour."""

    ja: str
    en: str
    mark: str
    help: str


@dataclass(frozen=True)
class Rulebook:
    """The tables by name, the policy, the terms by set and word, the next actions by gap kind and party."""

    tables: dict[str, DecisionTable]
    policy: Policy
    terms: dict[str, dict[str, Term]]
    actions: dict[str, dict[str, Text]]

    def term(self, of: str, word: str) -> Term:
        """The term for a word of a set, e.g. ("status", "planned")."""
        return self.terms[of][word]


def load_rulebook(folder: Path) -> Rulebook:
    """Read every table of a folder. Raises InputError that names every fault of every file."""
    problems: list[Problem] = []
    tables: dict[str, DecisionTable] = {}
    for name in TABLES:
        try:
            tables[name] = load_table(folder / f"{name}.yaml")
        except InputError as error:
            problems += error.problems
    if not problems:
        problems += _feed_problems(tables, folder)
    if problems:
        raise InputError(problems)
    words = read_document(read_bytes(folder / "terms.yaml"), str(folder / "terms.yaml"), "terms")
    periods = read_document(read_bytes(folder / "policy.yaml"), str(folder / "policy.yaml"), "policy")
    return Rulebook(
        tables=tables,
        policy=Policy(**periods),
        terms={
            of: {
                word: Term(item["ja"], item["en"], item.get("mark", ""), item.get("help", ""))
                for word, item in items.items()
            }
            for of, items in words["terms"].items()
        },
        actions={
            kind: {party: Text(**text) for party, text in parties.items()} for kind, parties in words["actions"].items()
        },
    )


@cache
def shipped_rulebook() -> Rulebook:
    """The rules that come with Sansho, read once."""
    return load_rulebook(rules_dir())


def _feed_problems(tables: dict[str, DecisionTable], folder: Path) -> Iterator[Problem]:
    for name in _SHARED:
        first: tuple[str, tuple[str, ...]] | None = None
        for table in tables.values():
            for part, domains in (("inputs", table.inputs), ("outputs", table.outputs)):
                if name not in domains:
                    continue
                first = first or (table.name, domains[name])
                if domains[name] != first[1]:
                    message = f"the words differ from those of {first[0]}: {', '.join(first[1])}"
                    yield Problem(str(folder / f"{table.name}.yaml"), None, f"{part}.{name}", message)
    states = tables["duty"].outputs["duty_state"]
    for party in ("user", "integrator"):
        if (*states, "no_duty") != tables["user_side"].inputs[party]:
            message = f"the words have to be those of duty_state, then no_duty: {', '.join(states)}, no_duty"
            yield Problem(str(folder / "user_side.yaml"), None, f"inputs.{party}", message)
