"""Looking for a text in the gaps of an institution, and in the controls that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol, TypeVar

from analyzer.engine.rulebook import Rulebook
from analyzer.model.results import ControlResult, DutyResult, Gap
from analyzer.search.excerpts import Span, merge_spans
from analyzer.search.index import SearchIndex
from analyzer.search.normalise import KATAKANA, Folded, Word, fold, words


class ListedGap(Protocol):
    """A gap as a list shows it."""

    @property
    def result(self) -> ControlResult:
        """The result that the gap belongs to."""

    @property
    def gap(self) -> Gap:
        """The gap."""

    @property
    def duty(self) -> DutyResult | None:
        """The duty that it hangs on; None for what the vendor has to close."""

    @property
    def days_overdue(self) -> int | None:
        """By how many days the duty's day has passed; None where it has not."""


Listed = TypeVar("Listed", bound=ListedGap)


def rows_with_text(rows: Sequence[Listed], text: str, index: SearchIndex, rulebook: Rulebook) -> list[Listed]:
    """The rows whose control a search finds, or in which every word stands somewhere; all for an empty text."""
    asked = words(text)
    if not asked:
        return list(rows)
    controls = {hit.control.key for hit in index.find(text, limit=None)}
    # All texts are folded in one pass, a line each.
    folded = fold("\n".join(_text(row, rulebook) for row in rows))
    lines = set.intersection(*(set(_lines_with(word, folded)) for word in asked))
    return [row for number, row in enumerate(rows) if number in lines or row.result.control.key in controls]


def _text(row: ListedGap, rulebook: Rulebook) -> str:
    control, gap, duty = row.result.control, row.gap, row.duty
    answer = duty.answer if duty else None
    parts = (
        control.key,
        control.title.ja,
        gap.reason.ja,
        gap.action.ja,
        gap.rule,
        rulebook.term("gap_kind", gap.kind).ja,
        rulebook.term("party", gap.party).ja,
        (answer.owner or "") if answer else "",
        (answer.note or "") if answer else "",
    )
    return " ".join(" ".join(parts).split())


def _lines_with(word: Word, folded: Folded) -> Iterable[int]:
    ends = [match.start() for match in re.finditer("\n", folded.text)]
    line = 0
    for at in _places(word, folded):
        while line < len(ends) and ends[line] < at:
            line += 1
        yield line


def _places(word: Word, folded: Folded) -> Iterable[int]:
    """Where a word stands. A word with a long-vowel mark is katakana: メール is not the end of 定める."""
    at = folded.text.find(word.text)
    while at >= 0:
        if all(folded.kinds[at + offset] == KATAKANA for offset in word.long_at):
            yield at
        at = folded.text.find(word.text, at + 1)


@lru_cache(maxsize=4096)
def word_spans(text: str, asked: tuple[Word, ...]) -> tuple[Span, ...]:
    """Where the words stand in a text, without overlaps."""
    folded = fold(text)
    found = [folded.span(at, at + len(word.text)) for word in asked for at in _places(word, folded)]
    return merge_spans(found, len(text))
