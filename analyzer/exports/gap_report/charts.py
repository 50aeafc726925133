"""Stacked bars of conformity: where each segment lies and what is written on it. The drawing is the template's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from unicodedata import east_asian_width

from analyzer.engine.rulebook import Rulebook
from analyzer.model.results import Tally
from analyzer.model.vocabulary import CONFORMITIES

# Lengths are in the units of the SVG's viewBox; a full-width character of the chart's text is EM wide.
WIDTH: Final = 760.0
BAR_LEFT: Final = 250.0
BAR_RIGHT: Final = 704.0
ROW_HEIGHT: Final = 28.0
EM: Final = 13.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar; `label` is empty where it has no room (the table beside the chart has every number)."""

    word: str
    x: float
    width: float
    label: str

    @property
    def label_width(self) -> float:
        """The room that the label takes."""
        return _width(self.label)


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: a name cut to its room, the segments from left to right, the number of controls."""

    name: str
    y: float
    segments: tuple[Segment, ...]
    controls: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of equal length, each a whole of its own. `description` says in words what the bars show."""

    id: str
    title: str
    description: str
    bars: tuple[Bar, ...]

    @property
    def height(self) -> float:
        """The height of the viewBox."""
        return ROW_HEIGHT * len(self.bars)


def conformity_chart(identity: str, title: str, rows: Iterable[tuple[str, Tally]], rulebook: Rulebook) -> Chart:
    """A chart with one bar a row (name, counts); rows without controls are left out."""
    filled = [(name, tally) for name, tally in rows if tally.controls]
    return Chart(
        id=identity,
        title=title,
        description="".join(f"{name}：{_in_words(tally, rulebook)}。" for name, tally in filled),
        bars=tuple(
            Bar(_cut(name), index * ROW_HEIGHT, _segments(tally, rulebook), tally.controls)
            for index, (name, tally) in enumerate(filled)
        ),
    )


def _segments(tally: Tally, rulebook: Rulebook) -> tuple[Segment, ...]:
    found: list[Segment] = []
    before = 0
    for word in CONFORMITIES:
        count = tally.conformity[word]
        if count:
            width = (BAR_RIGHT - BAR_LEFT) * count / tally.controls
            label = f"{rulebook.term('conformity', word).mark} {count}"
            x = BAR_LEFT + (BAR_RIGHT - BAR_LEFT) * before / tally.controls
            room = _width(label) + 8 <= width
            found.append(Segment(word, round(x, 2), round(width, 2), label if room else ""))
        before += count
    return tuple(found)


def _in_words(tally: Tally, rulebook: Rulebook) -> str:
    return "、".join(
        f"{rulebook.term('conformity', word).ja} {count}" for word, count in tally.conformity.items() if count
    )


def _cut(name: str) -> str:
    """The name, or as much of it as fits left of the bars, with `…`."""
    room = BAR_LEFT - 2 * EM
    if _width(name) <= room:
        return name
    kept = name
    while kept and _width(kept) + EM > room:
        kept = kept[:-1]
    return f"{kept}…"


def _width(text: str) -> float:
    return sum(EM if east_asian_width(ch) in "WFA" else 0.62 * EM for ch in text)
