"""Searching a programme's frequent questions: also with a question half typed, misspelt, or written another way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from rapidfuzz import fuzz

from analyzer.programme.model import Faq
from analyzer.search.normalise import OTHER, fold

LEAST_TYPED: Final = 2
"""Fewer characters than this find nothing: every entry would hold them."""
_LEAST_SCORE: Final = 57.0
_LONGEST_QUERY: Final = 600
# How much a likeness counts by where it lies: the answer may only mention what question and keywords are of.
_QUESTION, _KEYWORD, _QUOTED, _CATEGORY, _ANSWER = 1.0, 1.0, 0.8, 0.6, 0.65
_CLOSER: Final = 0.03
_SHORT: Final = 3


@dataclass(frozen=True, slots=True)
class FaqHit:
    """An entry and how well it fits, 0 to 100."""

    entry: Faq
    score: float


def search_faq(entries: Iterable[Faq], query: str, limit: int = 5) -> tuple[FaqHit, ...]:
    """The entries that a text asks after, the best first; of equal ones that which stands first.

    query: a few words, or a message as far as it is typed. Nothing fits a text that is too short.
    """
    asked = _folded(query[-_LONGEST_QUERY:])
    if len(asked.text) < LEAST_TYPED:
        return ()
    hits = [FaqHit(entry, _score(asked, entry)) for entry in entries]
    fitting = [hit for hit in hits if hit.score >= _LEAST_SCORE]
    return tuple(sorted(fitting, key=lambda hit: -hit.score)[:limit])


def faq_categories(entries: Iterable[Faq]) -> tuple[str, ...]:
    """The categories in the file's order."""
    return tuple(dict.fromkeys(entry.category for entry in entries))


@dataclass(frozen=True, slots=True)
class _Folded:
    """A text as it is compared. words: its kanji, katakana, letters and digits, two characters each: what it is of.

    near: these too, and those two that only hiragana stand between (差し戻し is also written 差戻し).
    """

    text: str
    words: frozenset[str]
    near: frozenset[str]


def _score(asked: _Folded, entry: Faq) -> float:
    question, answer = _folded(entry.question), _folded(entry.answer)
    keywords = [_folded(keyword) for keyword in entry.keywords]
    about = question.near.union(*(keyword.near for keyword in keywords))
    best = max(
        _QUESTION * _like(asked, question),
        _QUESTION * _shared(asked, about),
        _QUOTED * _shared(question, asked.near),
        _ANSWER * _shared(asked, about | answer.near),
        _CATEGORY * _within(_folded(entry.category), asked),
        *(_KEYWORD * _within(keyword, asked) for keyword in keywords),
        0.0,
    )
    # Of entries that fit as well, the one whose question itself is of it comes first.
    return best * (1 - _CLOSER) + _CLOSER * fuzz.ratio(asked.text, question.text) if best else 0.0


def _like(asked: _Folded, question: _Folded) -> float:
    """The likeness of a typed text to a question, of which it may be a part."""
    if len(asked.text) <= _SHORT:
        return 100.0 if asked.text in question.text else 0.0
    shorter, longer = sorted((asked.text, question.text), key=len)
    whole = fuzz.ratio(shorter, longer)
    # A part alone may be a phrase that every question has: what they are about has to agree too.
    part = fuzz.partial_ratio(shorter, longer) if asked.words & question.words or not asked.words else 0.0
    return float(max(whole, 0.95 * part))


def _shared(asked: _Folded, known: frozenset[str]) -> float:
    """The share of a text's words that are known. A single one in a sentence says too little."""
    few = len(asked.words) < LEAST_TYPED and len(asked.text) > _SHORT + 1
    if few or all(len(word) < LEAST_TYPED for word in asked.words):
        return 0.0
    return 100.0 * len(asked.words & known) / len(asked.words)


def _within(keyword: _Folded, asked: _Folded) -> float:
    """Whether a keyword is typed, or is being typed."""
    if len(keyword.text) < LEAST_TYPED:
        return 0.0
    if keyword.text in asked.text:
        return 100.0
    if len(keyword.text) <= _SHORT or len(asked.text) <= _SHORT:
        return 90.0 if len(asked.text) >= LEAST_TYPED and keyword.text.startswith(asked.text) else 0.0
    found = float(fuzz.partial_ratio(keyword.text, asked.text))
    # One slip in a word of some length; two words of one ending are not the same word.
    return found if found >= 85.0 else 0.0


@lru_cache(maxsize=1024)
def _folded(text: str) -> _Folded:
    folded = fold(" ".join(text.split()))
    runs = [
        "".join(folded.text[at] for at in run)
        for is_word, run in groupby(range(len(folded.text)), key=lambda at: int(folded.kinds[at]) != OTHER)
        if is_word
    ]
    words = frozenset(pair for run in runs for pair in _pairs(run))
    return _Folded(folded.text, words, words.union(_pairs("".join(runs))))


def _pairs(run: str) -> Iterator[str]:
    yield from (run[at : at + 2] for at in range(max(len(run) - 1, 1)))
