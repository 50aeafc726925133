"""Which controls of two guidelines ask for the same, or for part of the same (the terms of OSCAL's mapping model)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from analyzer.model.controls import Place

RelationKind = Literal["equal", "superset", "subset", "overlaps"]
RelationSource = Literal["ours", "official"]

RELATION_KINDS: tuple[RelationKind, ...] = get_args(RelationKind)
# What a relation is when it is read from the other side.
_REVERSED: dict[RelationKind, RelationKind] = {
    "equal": "equal",
    "superset": "subset",
    "subset": "superset",
    "overlaps": "overlaps",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """`first` (a control key) is equal to, a superset or subset of, or overlaps `second`. It hands nothing over:
    an answer or proof for the one is at most a suggestion for the other.
    """

    first: str
    second: str
    kind: RelationKind
    reason: str
    source: RelationSource
    place: Place

    def seen_from(self, key: str) -> tuple[str, RelationKind]:
        """The other control, and what the control `key` is to it."""
        return (self.second, self.kind) if key == self.first else (self.first, _REVERSED[self.kind])


@dataclass(frozen=True, slots=True)
class Unrelated:
    """A control that no control of the other guideline is related to, and why."""

    control: str
    guideline: str
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """The relations between two guidelines. Every control of `second` is related or unrelated."""

    first: str
    second: str
    relations: tuple[Relation, ...]
    unrelated: tuple[Unrelated, ...]
    place: Place
