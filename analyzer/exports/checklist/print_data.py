"""Records made ready for a Typst template: plain JSON values whose every character the font can draw."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from analyzer.exports.checklist.model import Label, ReviewLine, VendorItem
from analyzer.exports.checklist.print_font import print_characters
from analyzer.exports.visible import visible

# Where a line may break although the text has no space there: Typst breaks at U+200B and draws nothing.
_BREAK = "\u200b"
_UNBROKEN = re.compile(r"[!-~\u00a0-\u02ff]{17,}")
_PLACES = re.compile(r"([/?&=._:;,@#%+-]+|[^/?&=._:;,@#%+-]{1,16})")
# A kana and its mark as two characters, as some systems hand them over, are one character in the font.
_VOICED = re.compile("[\u3040-\u30ff][\u3099\u309a]")
# The pictures that visible() shows for these are not in the font.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNDRAWN = frozenset(map(ord, "\n\u200b"))


def printable_data(value: Any) -> Any:
    """JSON values of a record: dates as ISO, labels with their `text`, links with `href` and shown `text`."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return printable_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: printable_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable_data(item) for item in value]
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no place in a template")
    record = {field.name: printable_data(getattr(value, field.name)) for field in fields(value)}
    match value:
        case Label():
            # The word chooses a colour, so it stays as it is.
            record |= {"word": value.word, "text": printable_text(value.text)}
        case VendorItem(url=str(url)):
            record["url"] = {"href": url, "text": printable_text(url)}
        case ReviewLine():
            record["section_names"] = printable_text(value.section_names)
    return record


def printable_text(text: str) -> str:
    """The text with what the font cannot draw shown by its number, e.g. 〔U+1F600〕, and long words breakable."""
    text = visible(_CONTROL.sub(lambda found: _shown(found.group()), text)).replace("\t", "　")
    if _VOICED.search(text):
        text = _VOICED.sub(lambda pair: unicodedata.normalize("NFC", pair.group()), text)
    drawn = print_characters()
    if not all(ord(ch) in drawn or ord(ch) in _UNDRAWN for ch in text):
        text = "".join(ch if ord(ch) in drawn or ord(ch) in _UNDRAWN else _shown(ch) for ch in text)
    return _UNBROKEN.sub(lambda run: _PLACES.sub(rf"\1{_BREAK}", run.group()), text)


def _shown(character: str) -> str:
    # A variation selector only picks a shape of the character before it.
    if unicodedata.name(character, "").startswith("VARIATION SELECTOR"):
        return ""
    return f"〔U+{ord(character):04X}〕"
