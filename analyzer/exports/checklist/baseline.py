"""What the cells to fill in held when a checklist was made, as digests: what tells a change from what was there.

A cell's value is compared in one plain form, its *saying*: a text as its cell shows it without white space around it,
a day as `2026-11-01`, a word of a closed set as the word (`implemented`), a list joined by LIST_SEPARATOR, nothing as
the empty text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final

from analyzer.exports.checklist.layout import LIST_SEPARATOR
from analyzer.exports.checklist.model import AnswerLine, EvidenceLine, FactLine, Label, ReviewLine, ServiceLine
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.celltext import safe_text

CARRIED: Final = "true"
"""The saying of 再確認 where the answer was carried over."""
_NOTHING: Final = "-"
_CUT = re.compile(r"…（以下\d+文字省略）\Z")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")

Saying = str | date | Sequence[str] | None
Given = Saying | Label
"""What an input cell is made from: a label shows its Japanese word and is compared by the other."""


def unescaped(text: str) -> str:
    """A cell's text without Excel's own `_xHHHH_` escapes, its line ends as LF."""
    if "_x" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def saying(value: Saying) -> str:
    """The plain form of a value as its cell shows it; a text too long for a cell is cut as there."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return unescaped(safe_text(value)).strip()
    return LIST_SEPARATOR.join(value)


def is_cut(text: str) -> bool:
    """Whether a cell's text says that its end is left out."""
    return _CUT.search(text) is not None


def digest(value: Saying) -> str:
    """What stands for a value in the hidden sheet: of the cell's text, and where that is cut of the whole after `:`."""
    if value is None:
        return _NOTHING
    said = saying(value)
    if not said:
        return _NOTHING
    if isinstance(value, str) and is_cut(said) and not is_cut(value):
        return f"{_digest(said)}:{_digest(value)}"
    return _digest(said)


def same_cell(held: str, base: str) -> bool:
    """Whether a cell still says (in plain form) what it held when the digest was made."""
    return digest(held) == base.partition(":")[0]


def said(given: Given) -> Saying:
    """What is compared of a value that is given: of a word of a closed set the word itself."""
    return given.word if isinstance(given, Label) else given


def answer_inputs(answer: AnswerLine | None) -> tuple[Given, ...]:
    """The values of the input cells of an answer, in the order of layout.ANSWERS."""
    if answer is None:
        return (None,) * 8
    return (
        answer.status,
        answer.reason,
        answer.checked_on,
        [item.id for item in answer.evidence],
        answer.owner,
        answer.due,
        answer.note,
        Label(CARRIED, CARRIED_OVER) if answer.carried_over else None,
    )


def evidence_inputs(item: EvidenceLine) -> tuple[Given, ...]:
    """The values of the input cells of a piece of evidence, in the order of layout.EVIDENCE."""
    return (
        item.id,
        item.title,
        item.kind,
        item.issued_on,
        item.valid_until,
        item.covers_from,
        item.covers_to,
        item.location,
        item.note,
    )


def service_inputs(service: ServiceLine) -> tuple[Given, ...]:
    """The values of the input cells of a service, in the order of layout.SERVICES."""
    return (service.nda_concluded_on, service.used_for)


def review_inputs(review: ReviewLine) -> tuple[Given, ...]:
    """The values of the input cells of a review, in the order of layout.REVIEWS."""
    return (review.service, review.sections, review.reviewed_on, review.note, review.documents, review.by)


def fact_inputs(fact: FactLine) -> tuple[Given, ...]:
    """The value of the input cell of a question."""
    return (fact.answer,)


@lru_cache(maxsize=8192)  # words, days and titles come again and again
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
