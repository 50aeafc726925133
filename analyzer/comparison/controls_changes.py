"""What changed between two versions of the knowledge base: controls, and the editions and surveys they rest on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, get_args

from analyzer.comparison.documents import Background, ControlsDocument
from analyzer.comparison.reading import Data
from analyzer.model.ordering import natural_key

Subject = Literal["control", "guideline", "survey"]
ChangeKind = Literal["added", "removed", "changed"]
Path = tuple[str, ...]

SUBJECTS: tuple[Subject, ...] = get_args(Subject)
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
# What identifies a record and so cannot differ.
_IDENTITY = frozenset({"key", "guideline", "id", "vendor"})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs.

    path: the keys that lead to it, e.g. ("responses", "cybozu.com", "duties"); a point is ("points", its id). old and
    new: its JSON values, None where there is none. In lists order means nothing, so where both values are lists they
    hold only what the other one lacks.
    """

    path: Path
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One control, guideline or survey that was added, removed or changed.

    key: the control's key, the guideline's id or the survey's vendor. record: the newest there is. fields: what
    differs, where it was changed.
    """

    subject: Subject
    key: str
    kind: ChangeKind
    record: Data
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """The counts of one guideline: its controls on both sides, and what became of them."""

    guideline: str
    old: int
    new: int
    kinds: Mapping[ChangeKind, int]


@dataclass(frozen=True, slots=True)
class ControlsChanges:
    """Everything that differs, controls in the knowledge base's order first, then guidelines and surveys.

    not_compared: the fields of controls that only one of the two files has at all, so that they say nothing of change.
    """

    old_version: str
    new_version: str
    changes: tuple[RecordChange, ...]
    scopes: tuple[Scope, ...]
    not_compared: tuple[str, ...]
    background: Background

    def of(self, subject: Subject, *kinds: ChangeKind) -> tuple[RecordChange, ...]:
        """The changes of one subject, of all kinds or of those given."""
        return tuple(
            change for change in self.changes if change.subject == subject and (not kinds or change.kind in kinds)
        )


def compare_controls(old: ControlsDocument, new: ControlsDocument) -> ControlsChanges:
    """What differs from old to new. Equal documents give no changes."""
    not_compared = _fields_of_one(old.controls.values(), new.controls.values())
    left_out = _IDENTITY | not_compared
    controls = tuple(_records("control", old.controls, new.controls, left_out, _control_order(old, new)))
    before, after = old.background, new.background
    guidelines = _records(
        "guideline", before.guidelines, after.guidelines, _IDENTITY, [*{**after.guidelines, **before.guidelines}]
    )
    surveys = _records("survey", before.surveys, after.surveys, _IDENTITY, [*{**after.surveys, **before.surveys}])
    return ControlsChanges(
        old_version=old.version,
        new_version=new.version,
        changes=(*controls, *guidelines, *surveys),
        scopes=tuple(_scopes(old, new, controls)),
        not_compared=tuple(sorted(not_compared)),
        background=new.background,
    )


def _fields_of_one(old: Iterable[Data], new: Iterable[Data]) -> frozenset[str]:
    before, after = ({field for control in controls for field in control} for controls in (old, new))
    # A side without controls has no fields to miss.
    return frozenset(before ^ after) if before and after else frozenset()


def _control_order(old: ControlsDocument, new: ControlsDocument) -> list[str]:
    guidelines = dict.fromkeys(_guideline(key) for key in chain(new.controls, old.controls))
    rank = {guideline: index for index, guideline in enumerate(guidelines)}
    return sorted({**new.controls, **old.controls}, key=lambda key: (rank[_guideline(key)], natural_key(key)))


def _guideline(key: str) -> str:
    return key.partition(":")[0]


def _records(
    subject: Subject, old: Mapping[str, Data], new: Mapping[str, Data], left_out: frozenset[str], order: Iterable[str]
) -> Iterator[RecordChange]:
    for key in order:
        if key not in old:
            yield RecordChange(subject, key, "added", new[key], ())
        elif key not in new:
            yield RecordChange(subject, key, "removed", old[key], ())
        else:
            before, after = (
                {field: value for field, value in _comparable(side[key]).items() if field not in left_out}
                for side in (old, new)
            )
            fields = tuple(_differences(before, after, ()))
            if fields:
                yield RecordChange(subject, key, "changed", new[key], fields)


def _comparable(record: Data) -> Data:
    """A record in which nothing stands twice: the requirement without its points, the points by id."""
    points = record.get("points")
    if not points:
        return record if points is None else {**record, "points": {}}
    tail = "".join(f"\n({point['id']}) {point['text']}" for point in points)
    by_id: Data = {}
    for point in points:
        # Two points of one id are odd, and still neither may hide the other.
        by_id[point["id"]] = f"{by_id[point['id']]}\n{point['text']}" if point["id"] in by_id else point["text"]
    return {**record, "requirement": record["requirement"].removesuffix(tail), "points": by_id}


def _differences(old: Any, new: Any, path: Path) -> Iterator[FieldChange]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**new, **old}:
            yield from _differences(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        gone, come = _without(old, new), _without(new, old)
        if gone or come:
            yield FieldChange(path, gone, come)
    elif _canonical(old) != _canonical(new):
        yield FieldChange(path, old, new)


def _without(items: list[Any], others: list[Any]) -> list[Any]:
    """The items that the others lack, as often as they lack them."""
    left = Counter(_canonical(other) for other in others)
    found = []
    for item in items:
        form = _canonical(item)
        if left[form]:
            left[form] -= 1
        else:
            found.append(item)
    return found


def _canonical(value: Any) -> str:
    """The same text for values that mean the same: neither the order of keys nor that of lists counts."""
    if isinstance(value, list):
        return f"[{','.join(sorted(_canonical(item) for item in value))}]"
    if isinstance(value, dict):
        inner = sorted((key, _canonical(item)) for key, item in value.items() if item is not None)
        return f"{{{','.join(f'{json.dumps(key)}:{item}' for key, item in inner)}}}"
    return json.dumps(value)


def _scopes(old: ControlsDocument, new: ControlsDocument, changes: Iterable[RecordChange]) -> Iterator[Scope]:
    before, after = (Counter(_guideline(key) for key in side.controls) for side in (old, new))
    counted = Counter((_guideline(change.key), change.kind) for change in changes)
    for guideline in {**after, **before}:
        kinds = {kind: counted[guideline, kind] for kind in CHANGE_KINDS}
        yield Scope(guideline, before[guideline], after[guideline], kinds)
