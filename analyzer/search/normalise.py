"""Folding text so that one word written in different ways becomes one string, with the way back to the original.

Folded away: width, case, hiragana/katakana, small kana (ウィルス/ウイルス), long-vowel marks after kana
(サーバ/サーバー), hyphens between letters (Wi-Fi/WiFi). One pass of numpy over code points; only characters that need
Unicode's tables (half-width kana, ligatures, combining marks, …) are walked one by one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Offsets = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]

# The script of a folded character as it was written; words of the first three have edges inside a run of text.
OTHER, KATAKANA, LETTER, DIGIT, KANJI = range(5)

_TABLE_SIZE = 0x10000
_LONG = ord("ー")
_HYPHENS = np.array([ord(ch) for ch in "-\u2010\u2011\u2012\u2013\u2014\u2212"], dtype=np.uint32)
_SMALL_KANA = dict(zip("ァィゥェォッャュョヮヵヶヂヅ", "アイウエオツヤユヨワカカジズ", strict=True))
# Half-width voicing marks are no combining characters for Unicode, but belong to the kana before them.
_HALF_WIDTH_MARKS = "\uff9e\uff9f"
_BETWEEN_WORDS = re.compile(r"[^\w.\-:_@+#&]+")
_EDGE = ".-:_&"


class Word(NamedTuple):
    """A folded word to look for.

    long_at: offsets in `text` of the kana that a dropped long-vowel mark followed. Such a word (メール → める) has
    to be told from hiragana that happens to read alike (定める).
    """

    text: str
    long_at: tuple[int, ...] = ()


@dataclass(frozen=True)
class Folded:
    """A folded text of n characters.

    written: the same n characters before kana were folded. kinds: their scripts (OTHER … KANJI). starts, ends: for
    each of them the span in the original, a dropped mark counting to the character before it. long_at: True where a
    dropped long-vowel mark followed.
    """

    text: str
    written: str
    kinds: npt.NDArray[np.uint8]
    starts: Offsets
    ends: Offsets
    long_at: Flags

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span in the original that folded characters start to end (exclusive, not empty) stand for."""
        return int(self.starts[start]), int(self.ends[end - 1])


def fold(text: str) -> Folded:
    """Fold a text of any length; never fails."""
    codes = _codes(text)
    simple = _SIMPLE[np.minimum(codes, _TABLE_SIZE - 1)] & (codes < _TABLE_SIZE)
    if simple.all():
        starts: Offsets = np.arange(len(codes), dtype=np.int32)
        ends: Offsets = starts + 1
    else:
        text, starts, ends = _composed(text, np.flatnonzero(~simple).tolist())
        codes = _codes(text)
    in_table = np.minimum(codes, _TABLE_SIZE - 1)
    written = np.where(codes < _TABLE_SIZE, _PLAIN[in_table], codes)
    kinds = np.where(codes < _TABLE_SIZE, _KINDS[_PLAIN[in_table]], np.uint8(OTHER))
    long_marks, hyphens = _dropped(written)
    kept = np.flatnonzero(~(long_marks | hyphens))
    last = np.append(kept[1:], len(codes)) - 1 if len(kept) else kept
    written = written[kept]
    long_at: Flags = long_marks[np.minimum(kept + 1, max(len(codes) - 1, 0))] & (last > kept)
    kinds = kinds[kept]
    # らーめん is a loan word whatever it is written in.
    kinds[long_at] = KATAKANA
    return Folded(
        text=_text(np.where(written < _TABLE_SIZE, _KANA[np.minimum(written, _TABLE_SIZE - 1)], written)),
        written=_text(written),
        kinds=kinds,
        starts=starts[kept],
        ends=ends[last],
        long_at=long_at,
    )


def phrases(texts: Sequence[str]) -> list[Word]:
    """The folded form of each word or phrase, runs of white space made one space."""
    folded = fold("\n".join(" ".join(text.split()) for text in texts))
    found: list[Word] = []
    start = 0
    for text in folded.text.split("\n") if texts else []:
        marks = np.flatnonzero(folded.long_at[start : start + len(text)])
        found.append(Word(text, tuple(marks.tolist())))
        start += len(text) + 1
    return found


def words(query: str) -> tuple[Word, ...]:
    """The different words of a query, in order: what stands between spaces, commas, brackets, middle dots, …"""
    folded = fold(query)
    found: dict[Word, None] = {}
    start = 0
    for gap in [*_BETWEEN_WORDS.finditer(folded.text), None]:
        end = gap.start() if gap else len(folded.text)
        raw = folded.text[start:end]
        left = start + len(raw) - len(raw.lstrip(_EDGE))
        text = raw.strip(_EDGE)
        if text:
            marks = np.flatnonzero(folded.long_at[left : left + len(text)])
            found[Word(text, tuple(marks.tolist()))] = None
        start = gap.end() if gap else end
    return tuple(found)


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32)


def _text(codes: Codes) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _composed(text: str, hard: list[int]) -> tuple[str, Offsets, Offsets]:
    """The text with the characters at `hard` put through NFKC and case folding, each with the marks that follow it."""
    clusters: list[list[int]] = []
    for at in hard:
        if not (at and _joins(text[at])):
            clusters.append([at, at + 1])
        elif clusters and clusters[-1][1] == at:
            clusters[-1][1] = at + 1
        else:
            clusters.append([at - 1, at + 1])
    pieces: list[str] = []
    counts = np.ones(len(text), dtype=np.int32)
    sizes = np.ones(len(text), dtype=np.int32)
    done = 0
    for start, end in clusters:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text[start:end]).casefold())
        pieces += (text[done:start], folded)
        counts[start:end] = 0
        counts[start] = len(folded)
        sizes[start] = end - start
        done = end
    pieces.append(text[done:])
    starts: Offsets = np.repeat(np.arange(len(text), dtype=np.int32), counts)
    return "".join(pieces), starts, starts + sizes[starts]


def _joins(ch: str) -> bool:
    return ch in _HALF_WIDTH_MARKS or unicodedata.combining(ch) != 0


def _dropped(codes: Codes) -> tuple[Flags, Flags]:
    """Where a long-vowel mark (or a hyphen typed for one) follows kana, and where a hyphen joins two letters."""
    kana = ((codes >= 0x3041) & (codes <= 0x3096)) | ((codes >= 0x30A1) & (codes <= 0x30FA))
    letter = (codes >= ord("a")) & (codes <= ord("z"))
    hyphen = np.isin(codes, _HYPHENS)
    long_mark = codes == _LONG
    after_kana, before_kana = _shift(kana | long_mark, 1), _shift(kana, -1)
    for_long = (long_mark & after_kana) | (hyphen & after_kana & before_kana)
    return for_long, hyphen & _shift(letter, 1) & _shift(letter, -1)


def _shift(flags: Flags, by: int) -> Flags:
    moved = np.zeros_like(flags)
    if by > 0:
        moved[by:] = flags[:-by]
    else:
        moved[:by] = flags[-by:]
    return moved


def _tables() -> tuple[Flags, Codes, npt.NDArray[np.uint8], Codes]:
    """Per code point below 0x10000: needs no Unicode tables; width and case folded; script; kana folded."""
    simple = np.zeros(_TABLE_SIZE, dtype=np.bool_)
    # Letters outside ASCII go through Unicode's own tables, one by one.
    for first, last in ((0, 0x7F), (0x3000, 0x3029), (0x3041, 0x3096), (0x30A1, 0x30FE), (0x4E00, 0x9FFF)):
        simple[first : last + 1] = True
    simple[0xFF01:0xFF5F] = True
    plain = np.arange(_TABLE_SIZE, dtype=np.uint32)
    plain[0x3000] = ord(" ")
    plain[0xFF01:0xFF5F] = np.arange(0x21, 0x7F)
    upper = (plain >= ord("A")) & (plain <= ord("Z"))
    plain[upper] += 32
    kinds = np.full(_TABLE_SIZE, OTHER, dtype=np.uint8)
    kinds[0x30A1:0x30FB] = KATAKANA
    kinds[ord("a") : ord("z") + 1] = LETTER
    kinds[ord("0") : ord("9") + 1] = DIGIT
    kinds[0x3400:0xA000] = KANJI
    kinds[ord("々")] = KANJI
    kana = np.arange(_TABLE_SIZE, dtype=np.uint32)
    kana[0x30A1:0x30F7] -= 0x60
    for small, large in _SMALL_KANA.items():
        kana[ord(small)] = kana[ord(small) - 0x60] = ord(large) - 0x60
    return simple, plain, kinds, kana


_SIMPLE, _PLAIN, _KINDS, _KANA = _tables()
