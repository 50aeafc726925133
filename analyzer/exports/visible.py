"""Text in which nothing hides: characters that cannot be seen, or that turn others round, are shown by name."""

from __future__ import annotations

import unicodedata
from typing import Final

_KEPT = frozenset("\t\n")
# Cf also holds characters that Japanese text may rightly carry (soft hyphens, joiners of emoji); these few deceive.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SEPARATORS = frozenset("\u2028\u2029")


class _Shown(dict[int, str]):
    """A translation that fills itself: a character's own text, or what is shown in its place."""

    def __missing__(self, code: int) -> str:
        shown = self[code] = _shown(chr(code))
        return shown


def _shown(character: str) -> str:
    code = ord(character)
    if character in _KEPT:
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if unicodedata.category(character) in {"Cc", "Cs"} or character in _DIRECTIONS or character in _SEPARATORS:
        return f"〔U+{code:04X}〕"
    return character


_TABLE: Final = _Shown()


def visible(text: str) -> str:
    """The text with its line ends as LF, and control, direction and lone surrogate characters made visible.

    C0 controls become their Unicode pictures (`␀`), the rest `〔U+202E〕`; so the result always encodes as UTF-8.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)
