"""All decision tables with the policy's periods and the terms, as one checked whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from analyzer.engine.contract import TABLES, table_faults, term_faults
from analyzer.engine.tables import DecisionTable, load_table
from analyzer.errors import InputError, Problem
from analyzer.knowledge.located import locate
from analyzer.knowledge.schemas import Format, read_document
from analyzer.knowledge.yamlreader import read_bytes
from analyzer.model.controls import Text
from analyzer.resources import rules_dir


@dataclass(frozen=True, slots=True)
class Policy:
    """The periods of policy.yaml, in calendar months and days."""

    survey_max_age_months: int
    review_max_age_months: int
    proof_max_age_months: int
    expiry_notice_days: int
    due_notice_days: int


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
    files = {name: str(folder / f"{name}.yaml") for name in (*TABLES, "terms", "policy")}
    problems: list[Problem] = []
    tables: dict[str, DecisionTable] = {}
    documents: dict[str, dict[str, Any]] = {}
    for name, file in files.items():
        try:
            if name in TABLES:
                tables[name] = load_table(Path(file))
            else:
                documents[name] = read_document(read_bytes(Path(file)), file, cast(Format, name))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    words = documents["terms"]
    faults = table_faults(tables, files)
    faults = faults or list(term_faults(tables, words["terms"], words["actions"], files["terms"]))
    if faults:
        raise InputError(locate(faults, {file: read_bytes(Path(file)) for file in files.values()}))
    return Rulebook(
        tables=tables,
        policy=Policy(**documents["policy"]),
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
