"""Text as a spreadsheet's cell can hold it, and how much room it takes there."""

from __future__ import annotations

import re
from functools import lru_cache
from math import ceil

from analyzer.exports.visible import visible

FULL_WIDTH = 1.85
"""The width of a full-width character in units of column width. In Yu Gothic it is 1.7, in Noto Sans 1.8; the rest is
for the line's end, where a character that must not begin or end a line moves to the next."""

CELL_LIMIT = 32_767
"""The most UTF-16 units that Excel keeps in a cell."""

# What visible() would change, what XML cannot carry, and Excel's own escapes.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
    r"|_(?=x[0-9A-Fa-f]{4}_)"
)
_BEYOND_XML = re.compile(r"[\ufffe\uffff]")
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")


def safe_text(text: str) -> str:
    """The text as a cell can hold it: control and direction characters made visible, line ends as LF, Excel's own
    `_xHHHH_` escapes neutralised, and no longer than a cell takes, with a mark that says how much is left out.
    """
    if _UNSAFE.search(text):
        text = _BEYOND_XML.sub(lambda match: f"〔U+{ord(match.group()):04X}〕", visible(text))
        text = _ESCAPE.sub("_x005F_", text)
    # No text of at most half the limit can be too long, however many characters take two units.
    return text if len(text) <= CELL_LIMIT // 2 else _cut(text)


def _cut(text: str) -> str:
    if _units(text) <= CELL_LIMIT:
        return text
    room = CELL_LIMIT - len(f"…（以下{len(text)}文字省略）")
    kept = text.encode("utf-16-le")[: 2 * room].decode("utf-16-le", "ignore")
    return f"{kept}…（以下{len(text) - len(kept)}文字省略）"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def is_web_address(text: str) -> bool:
    """Whether a text may become a link that leaves the file."""
    return _WEB_ADDRESS.fullmatch(text) is not None


def may_run(text: str) -> bool:
    """Whether a spreadsheet could take a safe text for a formula, were it typed in."""
    return text[:1] in _FORMULA_STARTS


@lru_cache(maxsize=8192)  # what the knowledge base says stands in every institution's files
def text_lines(text: str, width: float) -> int:
    """How many lines a wrapped text takes in a column of a width; errs to the long side."""
    room = max(width - 1.0, 2.0)
    lines = 0
    for line in text.split("\n"):
        half = len(line.encode("ascii", "ignore"))
        lines += ceil((half + FULL_WIDTH * (len(line) - half)) / room) or 1
    return lines
