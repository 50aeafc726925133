"""The words that the texts use: where compounds join, what a word is made of, what a misspelt one was meant to be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from analyzer.search.normalise import fold

_TERM = re.compile("[ァ-ヺ]{2,}|[a-z]{2,}|[\u3400-\u9fff々]{2,}|[0-9]{2,}")
_COMPOUND = re.compile("[ァ-ヺa-z0-9\u3400-\u9fff々]{2,}")
_KANJI = re.compile("[\u3400-\u9fff々]")
_PARTICLES = frozenset("のをにとはがやへで")

# A shorter word is misspelt into another too easily; a longer one is a sentence.
MIN_FUZZY, MAX_FUZZY = 4, 64
_MAX_CORRECTIONS = 5
_MIN_PART = 2

_Cover = tuple[int, int, tuple[str, ...]]


class Correction(NamedTuple):
    """A word that may have been meant; likeness 0 to 1, the share of characters that agree."""

    text: str
    likeness: float


class Vocabulary:
    """The words of a text, in folded form.

    written: the text with width and case folded but kana as they are. known: further words, folded.
    """

    def __init__(self, written: str, known: Iterable[str] = ()) -> None:
        plain = sorted(set(_TERM.findall(written)))
        folded = dict(zip(plain, _folded(plain), strict=True))
        self._runs = {run: text for run, text in folded.items() if "ァ" <= run[0] <= "ヺ"}
        self._words = {*(text for text in known if len(text) >= _MIN_PART), *self._runs.values()}
        self._terms = self._words.union(folded.values())
        compounds = _folded(sorted(set(_COMPOUND.findall(written))))
        self._choices = sorted(text for text in self._terms.union(compounds) if len(text) >= MIN_FUZZY - 1)
        self._joints: dict[str, tuple[int, ...]] = {}

    def joints(self, run: str) -> tuple[int, ...]:
        """The offsets inside a katakana run of the text at which words meet that also stand alone; mostly none."""
        folded = self._runs.get(run)
        # A run this long is no word; splitting it would only cost time.
        return self._joints_of(folded) if folded and len(folded) <= MAX_FUZZY else ()

    def parts(self, text: str) -> tuple[str, ...]:
        """The known words that a folded word of up to MAX_FUZZY characters is made of; empty where it is not.

        Particles between the words, and single kanji that no word covers (委託先), are left out.
        """
        if len(text) > MAX_FUZZY:
            return ()
        # For text[:end]: (characters not covered, number of words, the words); `covered` where it ends in a word.
        best: list[_Cover | None] = [(0, 0, ())]
        covered: list[_Cover | None] = [(0, 0, ())]
        for end in range(1, len(text) + 1):
            options: list[_Cover] = []
            for start in range(end - _MIN_PART + 1):
                before, piece = best[start], text[start:end]
                if before and piece != text and piece in self._terms:
                    options.append((before[0], before[1] + 1, (*before[2], piece)))
            word_ends = min(options, default=None)
            covered.append(word_ends)
            ways = [word_ends] if word_ends else []
            before, last = covered[end - 1], text[end - 1]
            if before and (last in _PARTICLES or _KANJI.match(last)):
                ways.append((before[0] + (last not in _PARTICLES), before[1], before[2]))
            best.append(min(ways, default=None))
        found = best[-1]
        return found[2] if found and found[0] <= len(text) / 3 else ()

    def corrections(self, text: str) -> tuple[Correction, ...]:
        """The words nearest to a misspelt folded one: one edit away, two from 8 characters on."""
        if not MIN_FUZZY <= len(text) <= MAX_FUZZY:
            return ()
        edits = 2 if len(text) >= 8 else 1
        choices = self._choices
        distances = process.cdist([text], choices, scorer=OSA.distance, score_cutoff=edits, dtype=np.uint8)[0]
        nearest = int(distances.min(initial=edits + 1))
        if nearest > edits:
            return ()
        found = [choices[at] for at in np.flatnonzero(distances == nearest).tolist()]
        # 27002 is not 27001 misspelt.
        found = [choice for choice in found if _digits(choice) == _digits(text)]
        found.sort(key=lambda choice: choice[0] != text[0])
        return tuple(Correction(choice, 1 - nearest / len(text)) for choice in found[:_MAX_CORRECTIONS])

    def _joints_of(self, folded: str) -> tuple[int, ...]:
        known = self._joints.get(folded)
        if known is None:
            known = self._joints[folded] = self._split(folded)
        return known

    def _split(self, folded: str) -> tuple[int, ...]:
        for at in range(len(folded) - _MIN_PART, _MIN_PART - 1, -1):
            head, tail = folded[:at], folded[at:]
            if head in self._words and (tail in self._words or self._joints_of(tail)):
                return (*self._joints_of(head), at, *(at + joint for joint in self._joints_of(tail)))
        return ()


def _folded(texts: list[str]) -> list[str]:
    return fold("\n".join(texts)).text.split("\n") if texts else []


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
