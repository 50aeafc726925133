"""What the engine needs of the rules: which table asks what, in which words, and that every word has a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analyzer.engine.tables import DecisionTable
from analyzer.knowledge.located import Fault
from analyzer.model.controls import Place
from analyzer.model.vocabulary import (
    ASSURANCES,
    CONFORMITIES,
    GAP_KINDS,
    LEVELS,
    PARTIES,
    PRIORITIES,
    PROOFS,
    RESPONSIBILITIES,
    STATUSES,
)

# By table: the inputs, in the order of the compiled arrays' axes, and the outputs.
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "applicability": (("condition",), ("applicability",)),
    "assurance": (("vendor_answer", "disclosure", "review", "survey", "certificate"), ("assurance",)),
    "responsibility": (("vendor_answer", "duties"), ("responsibility",)),
    "duty_holder": (("party", "si_vendor"), ("holder",)),
    "duty": (("status", "proof", "recheck"), ("duty_state",)),
    "user_side": (("user", "integrator"), ("user_side",)),
    "vendor_side": (("vendor_answer", "assurance"), ("vendor_side",)),
    "conformity": (("applicability", "vendor_side", "user_side", "level"), ("conformity",)),
    "duty_gap": (("applicability", "level", "status", "proof"), ("kind", "priority")),
    "vendor_gap": (
        ("applicability", "level", "vendor_answer", "assurance", "duties"),
        ("kind", "party", "priority"),
    ),
}
# The words that the engine itself puts in; a table may list them in any order.
_GIVEN: dict[str, tuple[str, ...]] = {
    "condition": ("unconditional", "met", "unmet", "unknown"),
    "vendor_answer": ("conformable", "out_of_scope", "not_conforming", "no_answer"),
    "disclosure": ("public", "nda", "none"),
    "review": ("current", "outdated", "never"),
    "survey": ("fresh", "old"),
    "certificate": ("not_relied_on", "valid", "lapsed"),
    "duties": ("stated", "unstated"),
    "recheck": ("done", "carried_over"),
    "si_vendor": ("present", "absent", "unknown"),
    "status": STATUSES,
    "proof": PROOFS,
    "level": LEVELS,
}
# The words that results may carry.
_TAKEN: dict[tuple[str, str], tuple[str, ...]] = {
    ("applicability", "applicability"): ("applicable", "not_applicable"),
    ("assurance", "assurance"): ASSURANCES,
    ("responsibility", "responsibility"): RESPONSIBILITIES,
    ("duty_holder", "holder"): PARTIES,
    ("conformity", "conformity"): CONFORMITIES,
    ("duty_gap", "kind"): ("no_gap", *GAP_KINDS),
    ("duty_gap", "priority"): ("none", *PRIORITIES),
    ("vendor_gap", "kind"): ("no_gap", *GAP_KINDS),
    ("vendor_gap", "party"): ("none", *PARTIES, "vendor"),
    ("vendor_gap", "priority"): ("none", *PRIORITIES),
}
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
# The tables whose reason may explain another's.
_EXPLAINING = ("applicability", "assurance", "responsibility", "user_side", "vendor_side")
_TERMS: dict[str, Sequence[str]] = {
    "level": LEVELS,
    "status": STATUSES,
    "proof": PROOFS,
    "assurance": ASSURANCES,
    "responsibility": RESPONSIBILITIES,
    "conformity": CONFORMITIES,
    "gap_kind": GAP_KINDS,
    "priority": PRIORITIES,
    "party": (*PARTIES, "vendor"),
}


def table_faults(tables: Mapping[str, DecisionTable], files: Mapping[str, str]) -> list[Fault]:
    """Where the tables do not fit the engine or each other; `files` names each table's file."""
    faults = [fault for name, table in tables.items() for fault in _form(name, table, files[name])]
    if not faults:
        # One fault a place: a word too many is also a word that differs from another table's.
        faults = list({fault.place: fault for fault in reversed(list(_words(tables, files)))}.values())[::-1]
    return faults


def term_faults(
    tables: Mapping[str, DecisionTable],
    terms: Mapping[str, Mapping[str, object]],
    actions: Mapping[str, Mapping[str, object]],
    file: str,
) -> Iterator[Fault]:
    """The words without a text, and the gaps without a next action."""
    for of, words in _TERMS.items():
        for word in words:
            if word not in terms.get(of, {}):
                yield Fault(Place(file, ("terms", of)), f"{word!r} has no text")
    for kind, party in sorted(_gap_parties(tables)):
        if party not in actions.get(kind, {}):
            yield Fault(Place(file, ("actions", kind)), f"{kind!r} has no next action for {party!r}")


def _form(name: str, table: DecisionTable, file: str) -> Iterator[Fault]:
    inputs, outputs = TABLES[name]
    if table.name != name:
        yield Fault(Place(file, ("table",)), f"{table.name!r} stands in the file of {name!r}")
    for part, wanted, given in (("inputs", inputs, table.inputs), ("outputs", outputs, table.outputs)):
        if tuple(given) != wanted:
            yield Fault(Place(file, (part,)), f"has to be {', '.join(wanted)}, in this order; it is {', '.join(given)}")
    for index, rule in enumerate(table.rules):
        if rule.because is not None and rule.because not in _EXPLAINING:
            place = Place(file, ("rules", index, "because"))
            yield Fault(place, f"{rule.because!r} is not one of {', '.join(_EXPLAINING)}")


def _words(tables: Mapping[str, DecisionTable], files: Mapping[str, str]) -> Iterator[Fault]:
    for name, table in tables.items():
        for given, words in _GIVEN.items():
            if given in table.inputs and set(table.inputs[given]) != set(words):
                yield Fault(Place(files[name], ("inputs", given)), f"the words have to be {', '.join(words)}")
        for output, domain in table.outputs.items():
            taken = _TAKEN.get((name, output), domain)
            for word in domain:
                if word not in taken:
                    yield Fault(Place(files[name], ("outputs", output)), f"{word!r} is not one of {', '.join(taken)}")
    yield from _shared_words(tables, files)
    states = (*tables["duty"].outputs["duty_state"], "no_duty")
    for party in PARTIES:
        if tables["user_side"].inputs[party] != states:
            message = f"the words have to be those of duty_state, then no_duty: {', '.join(states)}"
            yield Fault(Place(files["user_side"], ("inputs", party)), message)


def _shared_words(tables: Mapping[str, DecisionTable], files: Mapping[str, str]) -> Iterator[Fault]:
    for shared in _SHARED:
        first: tuple[str, tuple[str, ...]] | None = None
        for name, table in tables.items():
            for part, domains in (("inputs", table.inputs), ("outputs", table.outputs)):
                if shared not in domains:
                    continue
                first = first or (name, domains[shared])
                if domains[shared] != first[1]:
                    message = f"the words differ from those of {first[0]}: {', '.join(first[1])}"
                    yield Fault(Place(files[name], (part, shared)), message)


def _gap_parties(tables: Mapping[str, DecisionTable]) -> set[tuple[str, str]]:
    duty = {rule.then["kind"] for rule in tables["duty_gap"].rules}
    vendor = {(rule.then["kind"], rule.then["party"]) for rule in tables["vendor_gap"].rules}
    found = {(kind, party) for kind in duty for party in PARTIES} | vendor
    return {(kind, party) for kind, party in found if kind != "no_gap"}
