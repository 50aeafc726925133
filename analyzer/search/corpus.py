"""All documents as one folded string: where a word stands in them, and how well it fits there.

A katakana word counts only where it is a word of its own: ログ is found in ログ and アクセスログ, not in プログラム. So
every run of katakana, of letters and of digits is closed inside, and opened again where words that the texts also
use alone meet (アクセス|ログ).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from analyzer.search.excerpts import Span
from analyzer.search.normalise import DIGIT, KATAKANA, LETTER, OTHER, Word, fold
from analyzer.search.vocabulary import Vocabulary

_SEPARATOR = "\n"
_KATAKANA_RUN = re.compile("[ァ-ヺ]+")

_WHOLE, _BEGINNING, _END, _MIDDLE = 1.0, 0.7, 0.6, 0.4
# Below this many characters a part of a longer run is chance, unless what stands before it is long enough to be a word.
_MIN_PART, _MIN_MIDDLE, _MIN_BEFORE = 3, 4, 4
WEAK = 0.25
# A text that begins with the word is more likely to be about it.
_LEADING = 1.1
# Before a word written in kanji these make another one of it: 再委託 is not 委託, 未実施 not 実施.
_TURNING = frozenset("再未非無不")


class Occurrence(NamedTuple):
    """A word in a document, in folded offsets of the corpus. fit: 1 a word of its own (a little more where the
    text begins with it) … WEAK inside another word.
    """

    document: int
    start: int
    end: int
    fit: float


class Corpus:
    """The documents' folded texts. Immutable once built."""

    def __init__(self, texts: Sequence[str], known_words: Iterable[str] = ()) -> None:
        folded = fold("".join(f"{text}{_SEPARATOR}" for text in texts))
        self._original = [0, *accumulate(len(text) + len(_SEPARATOR) for text in texts)]
        self._starts: list[int] = np.searchsorted(folded.starts, self._original).tolist()
        self._folded = folded
        self.text = folded.text
        self.vocabulary = Vocabulary(folded.written, known_words)
        self._kinds = folded.kinds.tobytes()
        self._closed = self._closed_inside()

    def lengths(self) -> list[int]:
        """The folded length of every document."""
        return [after - before - 1 for before, after in zip(self._starts, self._starts[1:], strict=False)]

    @cached_property
    def folded_documents(self) -> tuple[str, ...]:
        """Every document as it is searched."""
        pairs = zip(self._starts, self._starts[1:], strict=False)
        return tuple(self.text[start : end - 1] for start, end in pairs)

    def start(self, document: int) -> int:
        """The folded offset at which a document begins."""
        return self._starts[document]

    def span(self, occurrence: Occurrence) -> Span:
        """The characters of the document's own text that an occurrence covers."""
        start, end = self._folded.span(occurrence.start, occurrence.end)
        before, after = self._original[occurrence.document], self._original[occurrence.document + 1] - 1
        return max(0, start - before), min(end, after) - before

    def occurrences(self, word: Word) -> Iterator[Occurrence]:
        """Where a word stands, in document order, without overlaps."""
        text, kinds, closed, starts, length = self.text, self._kinds, self._closed, self._starts, len(word.text)
        if not length:
            return
        at = text.find(word.text)
        while at >= 0:
            end = at + length
            if word.long_at and any(kinds[at + offset] != KATAKANA for offset in word.long_at):
                at = text.find(word.text, at + 1)
                continue
            fit = self._fit(at, end, word) if closed[at] or closed[end] else _WHOLE
            if at and text[at - 1] in _TURNING and "一" <= text[at] <= "鿿":
                fit = min(fit, _MIDDLE)
            document = bisect_right(starts, at) - 1
            yield Occurrence(document, at, end, fit * _LEADING if at == starts[document] else fit)
            at = text.find(word.text, end)

    def _fit(self, start: int, end: int, word: Word) -> float:
        """How well a word fits where at least one of its edges lies inside a longer word."""
        cut_left, cut_right, kinds = self._closed[start], self._closed[end], self._kinds
        if (cut_left and kinds[start] != KATAKANA) or (cut_right and kinds[end - 1] == DIGIT):
            return WEAK
        marks = len(word.long_at)
        if cut_left and cut_right:
            return _MIDDLE if end - start + marks >= _MIN_MIDDLE else WEAK
        if cut_right:
            return _BEGINNING if self._alike(end - 1, -1, start - 1) + marks >= _MIN_PART else WEAK
        if self._alike(start, 1, end) + marks >= _MIN_PART:
            return _END
        before = 0
        while before < _MIN_BEFORE and self._closed[start - before]:
            before += 1
        return _END if before >= _MIN_BEFORE else WEAK

    def _alike(self, at: int, step: int, stop: int) -> int:
        """How many characters from `at` on, towards `stop`, are of one script."""
        kind, count = self._kinds[at], 0
        while at != stop and self._kinds[at] == kind:
            at += step
            count += 1
        return count

    def _closed_inside(self) -> bytes:
        kinds = self._folded.kinds
        closed = np.zeros(len(kinds) + 1, dtype=np.uint8)
        same = (kinds[1:] == kinds[:-1]) & (kinds[1:] != OTHER)
        closed[1:-1] = same & np.isin(kinds[1:], (KATAKANA, LETTER, DIGIT))
        openings = [
            run.start() + offset
            for run in _KATAKANA_RUN.finditer(self._folded.written)
            for offset in self.vocabulary.joints(run[0])
        ]
        closed[openings] = 0
        return closed.tobytes()
