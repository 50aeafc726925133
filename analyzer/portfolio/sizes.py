"""Size classes of institutions, from rules/portfolio.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from analyzer.errors import InputError
from analyzer.knowledge.located import Fault, locate
from analyzer.knowledge.schemas import read_document
from analyzer.knowledge.yamlreader import read_bytes
from analyzer.model.controls import Place
from analyzer.portfolio.layout import KINDS
from analyzer.resources import rules_dir

Figure = Literal["beds", "staff"]
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Scale:
    """Classes of the institutions of some kinds by one figure. starts: each class's least figure, ascending from 0."""

    kinds: tuple[str, ...]
    by: Figure
    starts: tuple[int, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SizeClasses:
    """The scales; the first one that names an institution's kind holds for it."""

    scales: tuple[Scale, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All classes, in the order in which people read them."""
        return tuple(label for scale in self.scales for label in scale.labels)

    def classes_of(self, kinds: npt.NDArray[np.intp], figures: dict[Figure, Any]) -> npt.NDArray[np.int16]:
        """The place of each institution's class in `labels`, UNKNOWN without a figure.

        kinds: positions in KINDS. figures: by name, whole numbers as long as kinds, negative where not given.
        """
        found = np.full(len(kinds), UNKNOWN, dtype=np.int16)
        left = np.ones(len(kinds), dtype=np.bool_)
        before = 0
        for scale in self.scales:
            mine = left & np.isin(kinds, [KINDS.index(kind) for kind in scale.kinds])
            left &= ~mine
            given = np.asarray(figures[scale.by])
            places = np.searchsorted(scale.starts, given, side="right") - 1 + before
            chosen = mine & (given >= 0)
            found[chosen] = places[chosen]
            before += len(scale.labels)
        return found


def load_sizes(path: Path) -> SizeClasses:
    """Read size classes. Raises InputError that names every fault with its line."""
    name = str(path)
    content = read_bytes(path)
    data = read_document(content, name, "portfolio")
    faults = list(_faults(data["sizes"], name))
    if faults:
        raise InputError(locate(faults, {name: content}))
    return SizeClasses(
        tuple(
            Scale(
                kinds=tuple(scale.get("kinds", KINDS)),
                by=scale["by"],
                starts=tuple(each["from"] for each in scale["classes"]),
                labels=tuple(each["label"] for each in scale["classes"]),
            )
            for scale in data["sizes"]
        )
    )


@cache
def shipped_sizes() -> SizeClasses:
    """The classes that come with Sansho, read once."""
    return load_sizes(rules_dir() / "portfolio.yaml")


def _faults(scales: list[dict[str, Any]], name: str) -> Iterator[Fault]:
    labels: set[str] = set()
    for number, scale in enumerate(scales):
        least = 0
        for place, each in enumerate(scale["classes"]):
            where = Place(name, ("sizes", number, "classes", place))
            if each["from"] != 0 if place == 0 else each["from"] <= least:
                yield Fault(where, "classes begin at 0 and each at a higher figure than the one before")
            if each["label"] in labels:
                yield Fault(where, f"the label {each['label']!r} is given twice")
            labels.add(each["label"])
            least = each["from"]
