"""Searching controls by text, and ranking what is found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process

from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control
from analyzer.search.corpus import WEAK, Corpus, Occurrence
from analyzer.search.documents import Document, FieldName, documents
from analyzer.search.excerpts import Excerpt, Span, excerpt, merge_spans
from analyzer.search.identifiers import Identified, Identifiers
from analyzer.search.normalise import Word, phrases, words
from analyzer.search.synonyms import Synonyms, shipped_synonyms
from analyzer.search.vocabulary import MAX_FUZZY, MIN_FUZZY

# How much of a hit counts where it is not the very word.
_SYNONYM, _CORRECTED, _PART, _ALIGNED = 0.9, 0.9, 0.6, 0.7
# fuzz.partial_ratio (0 to 100) below which two phrases have nothing in common: one wrong character in five.
_MIN_ALIGNMENT = 80.0
# The strength at which a word counts for half; a word in title, requirement and duties comes to about 20.
_HALF = 6.0
# How much a text longer than its field's average loses (0 nothing, 1 in proportion).
_LENGTH_PENALTY = 0.35

_Found = dict[int, list[Occurrence]]


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """A text of a control in which the query was found.

    source: what tells it from others of its field (`ja`/`en`, a point's id, a vendor, a clause's id), None where
    nothing does. spans: character offsets in `text`, in order, without overlaps.
    """

    field: FieldName
    source: str | None
    text: str
    spans: tuple[Span, ...]

    def excerpt(self, width: int = 80) -> Excerpt:
        """About `width` characters around the first match, the spans moved along."""
        return excerpt(self.text, self.spans, width)


@dataclass(frozen=True, slots=True)
class Hit:
    """A control that a query finds. score: 0 to 100, 100 its own id. matches: what weighs most comes first."""

    control: Control
    score: float
    matches: tuple[FieldMatch, ...]

    @property
    def fields(self) -> tuple[FieldName, ...]:
        """The fields that matched, each once."""
        return tuple(dict.fromkeys(match.field for match in self.matches))


@dataclass(slots=True)
class _Finding:
    """What one word finds.

    strengths: per control place how much its texts have of the word (0: only an id). found: per document where.
    identified: per control place the ids that the word is.
    """

    strengths: dict[int, float]
    found: dict[int, list[Occurrence]]
    identified: dict[int, list[Identified]]

    def certainty(self, place: int) -> float:
        """0 to 1: how well the word fits the control."""
        by_id = max((entry.certainty for entry in self.identified.get(place, ())), default=0.0)
        strength = self.strengths[place]
        return max(by_id, strength / (strength + _HALF))


class SearchIndex:
    """An index over every text of a knowledge base. Immutable once built, safe to share."""

    def __init__(self, knowledge: KnowledgeBase, synonyms: Synonyms | None = None) -> None:
        self._controls = tuple(knowledge.controls.values())
        self._synonyms = shipped_synonyms() if synonyms is None else synonyms
        self._documents = tuple(documents(knowledge))
        self._corpus = Corpus([document.text for document in self._documents], self._synonyms)
        self._gains = _gains(self._documents, self._corpus.lengths())
        self._identifiers = Identifiers(knowledge)
        self._documents_of: list[list[int]] = [[] for _ in self._controls]
        for at, document in enumerate(self._documents):
            for place in document.controls:
                self._documents_of[place].append(at)

    def find(self, query: str, limit: int | None = 20, guideline: str | None = None) -> list[Hit]:
        """The controls in which every word of the query is found, best first; an empty query finds none.

        limit: how many at most, None for all. guideline: only controls of the guideline with this id.
        """
        findings = self._findings(query)
        if not findings:
            return []
        rarity = [math.log1p(len(self._controls) / len(finding.strengths)) for finding in findings]
        ranked = []
        for place in set.intersection(*(set(finding.strengths) for finding in findings)):
            if guideline is None or self._controls[place].guideline == guideline:
                fits = (weight * finding.certainty(place) for weight, finding in zip(rarity, findings, strict=True))
                ranked.append((-sum(fits) / sum(rarity), place))
        ranked.sort()
        wanted = ranked if limit is None else ranked[: max(limit, 0)]
        return [self._hit(place, -negated, findings) for negated, place in wanted]

    def _findings(self, query: str) -> list[_Finding]:
        """What each word finds; empty where there is no word, or one that finds nothing."""
        findings = []
        for asked in self._asked(query):
            finding = self._finding(asked)
            if not finding.strengths:
                return []
            findings.append(finding)
        return findings

    def _asked(self, query: str) -> tuple[Word, ...]:
        """The words of a query; all of it as one where it is a known word with spaces in it (wireless LAN, Wi Fi)."""
        for whole in phrases([query, "".join(query.split())]):
            if whole.text in self._synonyms:
                return (whole,)
        return words(query)

    def _finding(self, asked: Word) -> _Finding:
        entries = self._identifiers.find(asked.text)
        if not entries:
            return self._by_text(asked)
        # Whoever types an id means it: beside it only texts that name it, nothing merely alike.
        finding = self._ranked(self._look_up([(asked, 1.0)])[0])
        for entry in entries:
            finding.identified.setdefault(entry.place, []).append(entry)
            finding.strengths.setdefault(entry.place, 0.0)
        return finding

    def _by_text(self, asked: Word) -> _Finding:
        """The word and its synonyms; where there is none of them what it is made of, what may have been meant, …"""
        clean, weak = self._look_up(self._with_synonyms(asked))
        if clean:
            return self._ranked(clean)
        together = self._together(asked)
        if together.strengths:
            return together
        corrected = [
            (term, factor * likeness * _CORRECTED)
            for text, likeness in self._corpus.vocabulary.corrections(asked.text)
            for term, factor in self._with_synonyms(Word(text))
        ]
        return self._ranked(self._look_up(corrected)[0] or weak or self._aligned(asked.text))

    def _with_synonyms(self, asked: Word) -> list[tuple[Word, float]]:
        return [(asked, 1.0), *((other, _SYNONYM) for other in self._synonyms.get(asked.text, ()))]

    def _look_up(self, terms: Iterable[tuple[Word, float]]) -> tuple[_Found, _Found]:
        """Where the terms stand, by document: as words of their own, and by chance inside other words."""
        clean: _Found = {}
        weak: _Found = {}
        for term, factor in terms:
            for occurrence in self._corpus.occurrences(term):
                into = weak if occurrence.fit == WEAK else clean
                into.setdefault(occurrence.document, []).append(
                    occurrence if factor == 1.0 else occurrence._replace(fit=occurrence.fit * factor)
                )
        return clean, weak

    def _together(self, asked: Word) -> _Finding:
        """The controls that have every part of a compound (無線LAN対策: 無線LAN and 対策), not always side by side."""
        findings = []
        end = 0
        for text in self._corpus.vocabulary.parts(asked.text):
            start = asked.text.index(text, end)
            end = start + len(text)
            part = Word(text, tuple(at - start for at in asked.long_at if start <= at < end))
            findings.append(self._ranked(self._look_up(self._with_synonyms(part))[0]))
        both = set.intersection(*(set(finding.strengths) for finding in findings)) if findings else set()
        found: _Found = {}
        for finding in findings:
            for document, occurrences in finding.found.items():
                found.setdefault(document, []).extend(occurrences)
        return _Finding(
            {place: _PART * min(finding.strengths[place] for finding in findings) for place in both}, found, {}
        )

    def _aligned(self, text: str) -> _Found:
        """The documents with a passage like the text: for misspelt phrases that are no word of the texts."""
        if not MIN_FUZZY <= len(text) <= MAX_FUZZY or any(ch.isdigit() for ch in text):
            return {}
        folded = self._corpus.folded_documents
        longer = [document for document, other in enumerate(folded) if len(other) >= len(text)]
        choices = [folded[document] for document in longer]
        scores = process.cdist([text], choices, scorer=fuzz.partial_ratio, score_cutoff=_MIN_ALIGNMENT)[0]
        found: _Found = {}
        for at in np.flatnonzero(scores).tolist():
            alignment = fuzz.partial_ratio_alignment(text, choices[at])
            if alignment is not None and alignment.dest_end > alignment.dest_start:
                fit = _ALIGNED * alignment.score / 100
                start = self._corpus.start(longer[at])
                found[longer[at]] = [
                    Occurrence(longer[at], start + alignment.dest_start, start + alignment.dest_end, fit)
                ]
        return found

    def _ranked(self, found: _Found) -> _Finding:
        """How much of a word every control has: per field what weighs most, then half of the next, and so on."""
        by_field: dict[tuple[int, FieldName], list[float]] = {}
        for at, occurrences in found.items():
            document, value = self._documents[at], self._value(at, occurrences)
            for place in document.controls:
                by_field.setdefault((place, document.field), []).append(value)
        strengths: dict[int, float] = {}
        for (place, _), values in by_field.items():
            values.sort(reverse=True)
            total = sum(value / 2**rank for rank, value in enumerate(values))
            strengths[place] = strengths.get(place, 0.0) + total
        return _Finding(strengths, found, {})

    def _value(self, document: int, occurrences: list[Occurrence]) -> float:
        """What a document is worth: its gain for one occurrence, at most twice that for many."""
        if len(occurrences) == 1:
            return self._gains[document] * 2 * (1 - math.pow(0.5, occurrences[0].fit))
        fit, end, last = 0.0, -1, 0.0
        for occurrence in sorted(occurrences, key=lambda each: (each.start, -each.fit)):
            if occurrence.start >= end:
                fit, end, last = fit + occurrence.fit, occurrence.end, occurrence.fit
            elif occurrence.fit > last:
                # The same place read as two synonyms counts once, as the better.
                fit, end, last = fit - last + occurrence.fit, occurrence.end, occurrence.fit
        return self._gains[document] * 2 * (1 - math.pow(0.5, fit))

    def _hit(self, place: int, score: float, findings: list[_Finding]) -> Hit:
        matches = [match for finding in findings for match in _id_matches(finding.identified.get(place, ()))]
        valued = []
        for at in self._documents_of[place]:
            occurrences = [each for finding in findings for each in finding.found.get(at, ())]
            if occurrences:
                valued.append((-self._value(at, occurrences), at, occurrences))
        for _, at, occurrences in sorted(valued):
            document = self._documents[at]
            spans = merge_spans((self._corpus.span(each) for each in occurrences), len(document.text))
            matches.append(FieldMatch(document.field, document.source, document.text, spans))
        return Hit(self._controls[place], round(100 * score, 1), tuple(matches))


def _id_matches(entries: Iterable[Identified]) -> Iterator[FieldMatch]:
    for entry in entries:
        source = entry.text if entry.is_clause else None
        yield FieldMatch("clause" if entry.is_clause else "id", source, entry.text, ((0, len(entry.text)),))


def _gains(texts: Sequence[Document], lengths: Sequence[int]) -> list[float]:
    """What one occurrence in each document is worth: its weight, less where it is long for its field."""
    by_field: dict[FieldName, list[int]] = {}
    for document, length in zip(texts, lengths, strict=True):
        by_field.setdefault(document.field, []).append(length)
    average = {field: sum(found) / len(found) for field, found in by_field.items()}
    return [
        document.weight / (1 - _LENGTH_PENALTY + _LENGTH_PENALTY * length / max(average[document.field], 1.0))
        for document, length in zip(texts, lengths, strict=True)
    ]
