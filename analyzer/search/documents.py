"""What is searched: every text of a control, one document each, and how much a hit in it weighs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control

FieldName = Literal[
    "id", "title", "requirement", "duty", "evidence", "statement", "finding", "agreement", "clause", "note"
]

# What a control is about comes before what is said of it in passing.
WEIGHTS: dict[FieldName, float] = {
    "id": 12.0,
    "title": 10.0,
    "requirement": 6.0,
    "duty": 3.0,
    "evidence": 2.0,
    "statement": 2.0,
    "finding": 1.5,
    "agreement": 1.5,
    "clause": 1.0,
    "note": 1.0,
}
_ENGLISH_TITLE = 0.5


@dataclass(frozen=True, slots=True)
class Document:
    """One text. controls: the places (0-based, knowledge base order) of the controls it belongs to.

    source: what tells it from others of its field: `ja`/`en` of a title, a point's id, a vendor, a clause's id.
    """

    controls: tuple[int, ...]
    field: FieldName
    source: str | None
    text: str
    weight: float


def documents(knowledge: KnowledgeBase) -> Iterator[Document]:
    """Every text of every control; a MIC clause once, for all controls that cite it."""
    places = {key: place for place, key in enumerate(knowledge.controls)}
    for place, control in enumerate(knowledge.controls.values()):
        yield Document((place,), "title", "en", control.title.en, WEIGHTS["title"] * _ENGLISH_TITLE)
        for field, source, text in _own_texts(control):
            yield Document((place,), field, source, text, WEIGHTS[field])
    for clause in knowledge.clauses.values():
        citing = tuple(places[control.key] for control in knowledge.citing_controls.get(clause.id, ()))
        if citing:
            yield Document(citing, "clause", clause.id, clause.title.ja, WEIGHTS["clause"])
            yield Document(citing, "clause", clause.id, clause.text, WEIGHTS["clause"])


def _own_texts(control: Control) -> Iterator[tuple[FieldName, str | None, str]]:
    yield "title", "ja", control.title.ja
    yield "requirement", None, control.requirement
    for point in control.points:
        yield "requirement", point.id, point.text
    for text in control.expected_evidence:
        yield "evidence", None, text
    for text in control.mic.agreements if control.mic else ():
        yield "agreement", None, text
    for vendor, response in control.responses.items():
        for duty in response.duties:
            yield "duty", vendor, duty.text
        if response.statement is not None:
            yield "statement", vendor, response.statement
        if response.finding is not None:
            yield "finding", vendor, response.finding
    if control.note is not None:
        yield "note", None, control.note
