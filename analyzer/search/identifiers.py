"""Finding controls by what is printed beside them: their ids, their sections' ids, the MIC clauses they cite."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from analyzer.knowledge.base import KnowledgeBase

_DASHES = re.compile(r"[\u2010-\u2015\u2212ー]")
# Search folds hyphens between letters away before it asks.
_INNER = re.compile(r"(?<=[a-z])-(?=[a-z])")
_PADDING = re.compile(r"(?<![0-9])0+(?=[0-9])")
_EXACT, _CITED, _PART = 1.0, 0.98, 0.9


@dataclass(frozen=True, slots=True)
class Identified:
    """A control that an id leads to. certainty: 1 its own id … 0.9 a section's or part of a clause's."""

    place: int
    certainty: float
    text: str
    is_clause: bool


class Identifiers:
    """All ids of a knowledge base in the form `canonical` gives them."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self._found: dict[str, dict[tuple[int, str], Identified]] = {}
        for place, control in enumerate(knowledge.controls.values()):
            self._add(control.id, Identified(place, _EXACT, control.id, False))
            self._add(control.key, Identified(place, _EXACT, control.key, False))
            self._add(control.section.id, Identified(place, _PART, control.id, False))
            self._add(f"{control.guideline}:{control.section.id}", Identified(place, _PART, control.key, False))
        places = {key: place for place, key in enumerate(knowledge.controls)}
        for clause, citing in knowledge.citing_controls.items():
            for control in citing:
                self._add(clause, Identified(places[control.key], _CITED, clause, True))
                for part in _parents(clause):
                    self._add(part, Identified(places[control.key], _PART, clause, True))

    def find(self, text: str) -> tuple[Identified, ...]:
        """The controls that an id, however it is typed (６．５－７, II.4.1.1), leads to; none for any other text."""
        return tuple(self._found.get(canonical(text), {}).values())

    def _add(self, text: str, entry: Identified) -> None:
        self._found.setdefault(canonical(text), {}).setdefault((entry.place, entry.text), entry)


def canonical(text: str) -> str:
    """An id without width, case, the kind of dash and leading zeros."""
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", text).casefold().strip())
    return _PADDING.sub("", _INNER.sub("", plain))


def _parents(clause: str) -> list[str]:
    """`Ⅱ.4.1` and `Ⅱ.4` for `Ⅱ.4.1.1`; a chapter alone would be a word, not an id."""
    parts = clause.split(".")
    return [".".join(parts[:length]) for length in range(2, len(parts))]
