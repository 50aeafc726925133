"""What a workbook would change in a record: accepted, refused, in conflict; and taking what a person chose."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from analyzer.errors import InputError
from analyzer.intake.filled import Refused
from analyzer.intake.held import Edits, with_answer, with_evidence, with_fact, with_review, with_service
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import institution_of, read_institution_data
from analyzer.store.parts import Data, Part, PartKind, document_of, parts_of
from analyzer.store.principal import Principal
from analyzer.store.records import PartChange, Record, Records

PartKey = tuple[PartKind, str]
Parts = dict[PartKey, Data]
Deed = Literal["add", "change", "remove"]
_PLACE = re.compile(r"(answers|evidence|services)\[(\d+)\](?:\.(\w+)(?:\[(\d+)\])?)?|profile\.(\w+)")
_KINDS: Final[Mapping[str, PartKind]] = {"answers": "answer", "evidence": "evidence", "services": "service"}


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell's change, as people read it: its heading, what the record holds now, what the cell says."""

    cell: str
    field: str
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """What one row would change: the unit that is accepted, refused or chosen.

    id: tells it from the others of its proposal. targets: the parts it changes, several where one row answers for
    several controls. edits: by field the plain form of what changes. original: the review as the record has it, for a
    review's row. conflict: why a person has to choose; None where the change is free of doubt.
    """

    id: str
    table: str
    sheet: str
    row: int
    label: str
    deed: Deed
    cells: tuple[CellChange, ...]
    targets: tuple[PartKey, ...]
    edits: Edits
    original: Data | None = None
    conflict: str | None = None

    def without(self, fields: Collection[str]) -> RowChange:
        """The change with some of its cells left as they are."""
        return replace(
            self,
            cells=tuple(cell for cell in self.cells if cell.field not in fields),
            edits={name: value for name, value in self.edits.items() if name not in fields},
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What taking a selection comes to: the parts to change, the rows taken, and what falls out with the reason."""

    parts: tuple[PartChange, ...]
    rows: tuple[RowChange, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken into the store, and what fell out."""

    record: Record
    rows: tuple[RowChange, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a workbook would change in a record as it stands now.

    changes can be taken as they are; conflicts only where a person chooses the workbook's value; refused cannot.
    untouched counts the rows that say what the record says. notes: what to know before taking, in Japanese.
    """

    name: str
    record: Record
    changes: tuple[RowChange, ...]
    conflicts: tuple[RowChange, ...]
    refused: tuple[Refused, ...]
    untouched: int
    notes: tuple[str, ...]
    choices: Mapping[str, Mapping[str, bool | str]]
    knowledge: KnowledgeBase

    @property
    def accepted(self) -> frozenset[str]:
        """The ids of the changes without conflict: what is taken unless a person says otherwise."""
        return frozenset(change.id for change in self.changes)

    @property
    def in_conflict(self) -> frozenset[str]:
        """The ids of the changes that a person has to choose."""
        return frozenset(change.id for change in self.conflicts)

    def plan(self, selection: Iterable[str]) -> Plan:
        """What taking these (ids of changes and conflicts) comes to; unknown ids are passed over."""
        wanted = frozenset(selection)
        chosen = [row for row in (*self.changes, *self.conflicts) if row.id in wanted]
        rows, refused, after = settle(self.record, chosen, self.choices, self.knowledge)
        before = present_parts(self.record)
        touched = dict.fromkeys(target for row in rows for target in row.targets)
        parts = (
            PartChange(*target, after.get(target), self.record.version(*target))
            for target in touched
            if before.get(target) != after.get(target)
        )
        return Plan(tuple(parts), rows, tuple(refused))

    def take(self, selection: Iterable[str], records: Records, principal: Principal) -> Taken:
        """Take a selection into the store, all of it or nothing.

        Raises ConflictError where the record was changed since the proposal was made (make it anew and look again),
        ForbiddenError where the account may not change what is to be changed.
        """
        plan = self.plan(selection)
        if not plan.parts:
            return Taken(self.record, plan.rows, plan.refused)
        institution = self.record.institution.id
        record = records.change(principal, institution, plan.parts, action="import", source=self.name)
        return Taken(record, plan.rows, plan.refused)


def record_of_file(content: bytes, name: str, knowledge: KnowledgeBase) -> Record:
    """An institution's file as a record, to compare a workbook with; nothing can be taken into it.

    Raises InputError for the file's faults.
    """
    document = read_institution_data(content, name, knowledge)
    return Record(institution_of(document, name, knowledge)[0], document, {}, ())


def present_parts(record: Record) -> Parts:
    """The record's parts that a file has."""
    return {(part.kind, part.key): part.data for part in parts_of(record.document)}


def settle(
    record: Record, rows: Sequence[RowChange], choices: Mapping[str, Mapping[str, bool | str]], knowledge: KnowledgeBase
) -> tuple[tuple[RowChange, ...], list[Refused], Parts]:
    """The rows that together leave a valid record, what falls out with the reason, and the parts they leave.

    Each round makes the record as it would be, and drops the cells or rows that it is invalid for.
    """
    left, refused = list(rows), list[Refused]()
    while True:
        after = _applied(record, left, choices)
        found = list(_faults(record, after, left, knowledge))
        if not found:
            return tuple(left), refused, after
        dropped: dict[str, set[str] | None] = {}
        for row, fields, reason in found:
            cell = _cell_of(row, fields)
            refused.append(Refused(row.sheet, cell, reason))
            before = dropped.get(row.id, set())
            dropped[row.id] = None if fields is None or before is None else before | fields
        left = [kept for row in left if (kept := _kept(row, dropped)) is not None]


def _kept(row: RowChange, dropped: Mapping[str, set[str] | None]) -> RowChange | None:
    if row.id not in dropped:
        return row
    fields = dropped[row.id]
    kept = row.without(fields) if fields is not None else None
    return kept if kept is not None and kept.cells else None


def _cell_of(row: RowChange, fields: frozenset[str] | None) -> str:
    named = [cell.cell for cell in row.cells if fields is None or cell.field in fields]
    return named[0] if named else f"A{row.row}"


# -- the record as it would be ----------------------------------------------------------------------------------------


def _applied(record: Record, rows: Sequence[RowChange], choices: Mapping[str, Mapping[str, bool | str]]) -> Parts:
    parts = present_parts(record)
    for row in rows:
        for target in row.targets:
            changed = _changed(row, target, parts.get(target), choices)
            if changed is None:
                parts.pop(target, None)
            else:
                parts[target] = changed
    return parts


def _changed(
    row: RowChange, target: PartKey, data: Data | None, choices: Mapping[str, Mapping[str, bool | str]]
) -> Data | None:
    key = target[1]
    edits = row.edits
    match row.table:
        case "answers":
            control, _, party = key.partition(" ")
            return None if row.deed == "remove" else with_answer(data, control, party, edits)
        case "evidence":
            return None if row.deed == "remove" else with_evidence(data, key, edits)
        case "facts":
            return with_fact(row.edits["answer"], choices[key])
        case "services":
            return with_service(data or {"vendor": key}, row.edits)
        case _:
            return _with_review_row(row, data or {"vendor": key})


def _with_review_row(row: RowChange, service: Data) -> Data:
    reviews: list[Data] = list(service.get("reviews") or ())
    made = with_review(row.original, row.edits)
    place = reviews.index(row.original) if row.original in reviews else None
    if place is None:
        reviews += [made] if row.deed != "remove" else []
    elif row.deed == "remove":
        del reviews[place]
    else:
        reviews[place] = made
    changed = {name: value for name, value in service.items() if name != "reviews"}
    return {**changed, "reviews": reviews} if reviews else changed


# -- what is invalid about it, and on whose account -------------------------------------------------------------------

Blame = tuple[RowChange, frozenset[str] | None, str]
"""A row, the fields of it that are to blame (None: all of it), and the reason."""


def _faults(record: Record, after: Parts, rows: Sequence[RowChange], knowledge: KnowledgeBase) -> Iterator[Blame]:
    by_target: dict[PartKey, list[RowChange]] = {}
    for row in rows:
        for target in row.targets:
            by_target.setdefault(target, []).append(row)
    own = [*_evidence_faults(after, rows), *_attachment_faults(record, rows)]
    if own:
        yield from own
        return
    document = document_of(Part(*place, data) for place, data in after.items())
    try:
        institution_of(document, record.institution.id, knowledge)
    except InputError as error:
        seen: set[tuple[str, frozenset[str] | None]] = set()
        for problem in error.problems:
            if problem.severity != "error":
                continue
            for blame in _blamed(problem.path, problem.message, document, by_target) or _all(rows, problem.message):
                if (blame[0].id, blame[1]) not in seen:
                    seen.add((blame[0].id, blame[1]))
                    yield blame


def _evidence_faults(after: Parts, rows: Sequence[RowChange]) -> Iterator[Blame]:
    """Answers that name evidence that is not there, and evidence removed under an answer that names it."""
    removed = {row.targets[0][1]: row for row in rows if row.table == "evidence" and row.deed == "remove"}
    naming: dict[str, list[str]] = {}
    touched = {target: row for row in rows if row.table == "answers" for target in row.targets}
    for place, data in after.items():
        if place[0] != "answer":
            continue
        for identity in data.get("evidence") or ():
            if ("evidence", identity) in after:
                continue
            row = touched.get(place)
            if row is not None and "evidence" in row.edits:
                yield (
                    row,
                    frozenset({"evidence"}),
                    f"証跡「{identity}」が、記録にも、取り込める「証跡」の行にもない。",
                )
            elif identity in removed:
                naming.setdefault(identity, []).append(place[1])
    for identity, answers in naming.items():
        named = "、".join(answers[:3]) + ("など" if len(answers) > 3 else "")
        yield removed[identity], None, f"この証跡を回答（{named}）が使っているため消せない。"


def _attachment_faults(record: Record, rows: Sequence[RowChange]) -> Iterator[Blame]:
    """Evidence removed while files are attached to it."""
    holding = {part.data.get("evidence") for part in record.extras if part.kind == "attachment"}
    for row in rows:
        if row.table == "evidence" and row.deed == "remove" and row.targets[0][1] in holding:
            yield row, None, "この証跡にはファイルが付いている。先に画面でファイルを外す。"


def _blamed(path: str, message: str, document: Data, by_target: Mapping[PartKey, list[RowChange]]) -> list[Blame]:
    match = _PLACE.match(path)
    if match is None:
        return []
    listed, index, name, number, fact = match.groups()
    reason = _reason(message)
    if fact is not None:
        return [(row, None, reason) for row in by_target.get(("fact", fact), ())]
    kind, data = _KINDS[listed], document[listed][int(index)]
    key = (
        f"{data.get('control')} {data.get('party')}" if kind == "answer" else str(data.get("id") or data.get("vendor"))
    )
    rows = by_target.get((kind, key), [])
    if kind == "service":
        reviews = [row for row in rows if row.table == "reviews"]
        made = data["reviews"][int(number)] if name == "reviews" and number is not None else None
        guilty = [row for row in reviews if _makes(row, made)] or [row for row in rows if row.table == "services"]
        return [(row, None, reason) for row in guilty or rows]
    fields = {"covers": frozenset({"covers_from", "covers_to"})}.get(name or "", frozenset({name}) if name else None)
    return [
        (row, fields if fields and fields & row.edits.keys() and row.deed == "change" else None, reason) for row in rows
    ]


def _makes(row: RowChange, review: Any) -> bool:
    return row.deed != "remove" and with_review(row.original, row.edits) == review


def _all(rows: Sequence[RowChange], message: str) -> list[Blame]:
    return [(row, None, _reason(message)) for row in rows]


_MEANINGS: Final = (
    ("no NDA has been concluded", "NDAの締結日がないため、要NDAの資料を確かめたとは記録できない。"),
    ("NDA documents were read", "NDAの締結日より前に、要NDAの資料を確かめたことになっている。"),
    ("before it was issued", "有効期限が発行日より前になっている。"),
    ("before it begins", "対象期間の終わりが始めより前になっている。"),
    ("'reason' is missing", "該当なしには理由が要る。"),
    ("no section", "その章はない。"),
)


def _reason(message: str) -> str:
    for words, meaning in _MEANINGS:
        if words in message:
            return meaning
    return f"記録として成り立たない（{message[:200]}）。"
