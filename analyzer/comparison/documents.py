"""What Sansho wrote, as records: the controls of a knowledge base, or an institution's analysis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

from analyzer.comparison.reading import Data, read_export
from analyzer.engine import periods
from analyzer.errors import InputError
from analyzer.model.vocabulary import (
    CONFORMITIES,
    Conformity,
    GapKind,
    GapParty,
    Party,
    Priority,
    Proof,
    Status,
)

Unit = tuple[str, str | None]
"""What one result is of: a control's key, and the service (None: the institution uses none)."""


@dataclass(frozen=True, slots=True)
class Background:
    """The editions (by id) and the surveys (by vendor) that a document rests on, as it states them."""

    guidelines: Mapping[str, Data]
    surveys: Mapping[str, Data]


@dataclass(frozen=True, slots=True)
class ControlsDocument:
    """The controls of one version of the knowledge base by key, in its order, as `export controls` writes them."""

    version: str
    controls: Mapping[str, Data]
    background: Background


@dataclass(frozen=True, slots=True)
class DutyState:
    """What an analysis says of a party's duty, with all of its answer."""

    status: Status
    proof: Proof
    carried_over: bool
    evidence: tuple[str, ...]
    checked_on: date | None
    due: date | None
    owner: str | None
    note: str | None
    reason: str | None

    def days_overdue(self, as_of: date) -> int | None:
        """By how many days its day has passed; None where it is done, has no day, or none has passed."""
        return periods.days_overdue(self.due, self.status, as_of)


@dataclass(frozen=True, slots=True)
class GapState:
    """A gap as an analysis states it."""

    priority: Priority
    rule: str
    reason: str
    action: str


@dataclass(frozen=True, slots=True)
class ResultState:
    """One result: conformity, the duties by party, the gaps by kind and party."""

    conformity: Conformity
    duties: Mapping[Party, DutyState]
    gaps: Mapping[tuple[GapKind, GapParty], GapState]


@dataclass(frozen=True, slots=True)
class AnalysisDocument:
    """An institution's analysis at a day: results by control and service, counts by (guideline, section), in order."""

    version: str
    institution: str
    name: str
    fictional: bool
    as_of: date
    results: Mapping[Unit, ResultState]
    controls: frozenset[str]
    sections: Mapping[tuple[str, str], Mapping[Conformity, int]]
    background: Background

    @property
    def conformity(self) -> dict[Conformity, int]:
        """How many results there are of each conformity."""
        counted = Counter(result.conformity for result in self.results.values())
        return {word: counted[word] for word in CONFORMITIES}


def read_document(content: bytes, name: str) -> ControlsDocument | AnalysisDocument:
    """The document in a file that Sansho wrote. Raises InputError of one line with the place and the reason."""
    kind, data = read_export(content, name)
    return _analysis(data, name) if kind == "analysis" else _controls(data, name)


def _controls(data: Data, name: str) -> ControlsDocument:
    controls: dict[str, Data] = {}
    for index, control in enumerate(data["controls"]):
        key = control["key"]
        place = f"controls[{index}].key"
        if key != f"{control['guideline']}:{control['id']}":
            raise InputError.single(name, f"{key!r} is not made of its guideline and id", path=place)
        if key in controls:
            raise InputError.single(name, f"{key!r} is given twice", path=place)
        controls[key] = control
    return ControlsDocument(data["version"], controls, _background(data, name))


def _analysis(data: Data, name: str) -> AnalysisDocument:
    results: dict[Unit, ResultState] = {}
    for index, result in enumerate(data["results"]):
        unit: Unit = (result["control"], result["vendor"]["service"])
        if unit in results:
            shown = f"{unit[0]} for {unit[1] or 'no service'}"
            raise InputError.single(name, f"{shown} is given twice", path=f"results[{index}]")
        results[unit] = _result(result, name, f"results[{index}]")
    institution = data["institution"]
    document = AnalysisDocument(
        version=data["version"],
        institution=institution["id"],
        name=institution["name"],
        fictional=institution["fictional"],
        as_of=date.fromisoformat(data["as_of"]),
        results=results,
        controls=frozenset(control for control, _ in results),
        sections=_sections(data["summary"]["by_section"], name),
        background=_background(data, name),
    )
    for word, number in document.conformity.items():
        stated = sum(section[word] for section in document.sections.values())
        if stated != number:
            message = f"{stated} results are {word} by this, {number} by `results`: the file was changed"
            raise InputError.single(name, message, path="summary.by_section")
    return document


def _sections(stated: Iterable[Data], name: str) -> dict[tuple[str, str], dict[Conformity, int]]:
    sections: dict[tuple[str, str], dict[Conformity, int]] = {}
    for index, section in enumerate(stated):
        key = (section["guideline"], section["section"])
        if key in sections:
            message = f"section {key[1]} of {key[0]} is given twice"
            raise InputError.single(name, message, path=f"summary.by_section[{index}]")
        sections[key] = {word: section["conformity"][word] for word in CONFORMITIES}
    return sections


def _result(result: Data, name: str, place: str) -> ResultState:
    duties: dict[Party, DutyState] = {}
    for index, duty in enumerate(result["duties"]):
        if duty["party"] in duties:
            raise InputError.single(name, f"{duty['party']!r} is given twice", path=f"{place}.duties[{index}].party")
        duties[duty["party"]] = _duty(duty)
    gaps: dict[tuple[GapKind, GapParty], GapState] = {}
    for index, gap in enumerate(result["gaps"]):
        key = (gap["kind"], gap["party"])
        if key in gaps:
            message = f"{key[0]} of {key[1]} is given twice"
            raise InputError.single(name, message, path=f"{place}.gaps[{index}]")
        gaps[key] = GapState(gap["priority"], gap["rule"], gap["reason"], gap["action"])
    return ResultState(cast(Conformity, result["conformity"]), duties, gaps)


def _duty(duty: Data) -> DutyState:
    return DutyState(
        status=duty["status"],
        proof=duty["proof"],
        carried_over=duty.get("carried_over", False),
        evidence=tuple(duty.get("evidence", ())),
        checked_on=_day(duty.get("checked_on")),
        due=_day(duty.get("due")),
        owner=duty.get("owner"),
        note=duty.get("note"),
        reason=duty.get("reason"),
    )


def _background(data: Data, name: str) -> Background:
    return Background(
        guidelines=_by_id(data.get("guidelines", ()), "guidelines", "id", name),
        surveys=_by_id(data.get("surveys", ()), "surveys", "vendor", name),
    )


def _by_id(items: Iterable[Data], of: str, identity: str, name: str) -> dict[str, Data]:
    found: dict[str, Data] = {}
    for index, item in enumerate(items):
        if item[identity] in found:
            raise InputError.single(name, f"{item[identity]!r} is given twice", path=f"{of}[{index}].{identity}")
        found[item[identity]] = item
    return found


def _day(day: str | None) -> date | None:
    return date.fromisoformat(day) if day else None
