"""Candidates for the crosswalk: controls of two guidelines whose texts are alike. A maintainer judges them.

Japanese has no spaces, so a text becomes its character pairs within runs of kanji, katakana and letters; rapidfuzz
compares them as tokens. Hiragana, which mostly carries grammar, is left out, and so are pairs that many controls share.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process

from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control
from analyzer.model.crosswalk import Crosswalk
from analyzer.search.normalise import fold

_RUNS = re.compile(r"[一-鿿々]+|[ァ-ヶー]+|[a-z0-9]+")
# A pair in more than this share of the controls (管理, 情報, …) tells nothing.
_COMMON = 0.15


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two controls that may ask for the same. score: 0 to 100."""

    first: Control
    second: Control
    score: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How candidates fare against a curated crosswalk, the best `depth` for each control of the second guideline.

    precision: the share of candidates that are curated relations. recall: the share of curated relations that are
    among the candidates. reached: the share of related controls with at least one of their relations among them.
    """

    depth: int
    precision: float
    recall: float
    reached: float


def suggest(knowledge: KnowledgeBase, first: str, second: str, limit: int) -> list[Candidate]:
    """For every control of the guideline `second`, in order, the `limit` most alike of `first`, best first."""
    ours = [control for control in knowledge.controls.values() if control.guideline == first]
    theirs = [control for control in knowledge.controls.values() if control.guideline == second]
    if not ours or not theirs:
        return []
    common = _common([*ours, *theirs])
    scores = sum(
        part.weight
        * process.cdist(
            [_tokens(part.texts(control), common) for control in theirs],
            [_tokens(part.texts(control), common) for control in ours],
            scorer=part.scorer,
        )
        for part in _PARTS
    )
    found = []
    for row, control in zip(np.asarray(scores), theirs, strict=True):
        best = sorted(range(len(ours)), key=lambda column: (-round(float(row[column]), 3), column))[:limit]
        found += [Candidate(ours[column], control, round(float(row[column]), 1)) for column in best]
    return found


def measure(candidates: Sequence[Candidate], crosswalk: Crosswalk, depth: int) -> Quality:
    """The quality of the `depth` best candidates of every control that the crosswalk relates."""
    curated = {(relation.first, relation.second) for relation in crosswalk.relations}
    related = {second for _, second in curated}
    taken: dict[str, list[tuple[str, str]]] = {}
    for candidate in candidates:
        pairs = taken.setdefault(candidate.second.key, [])
        if candidate.second.key in related and len(pairs) < depth:
            pairs.append((candidate.first.key, candidate.second.key))
    proposed = {pair for pairs in taken.values() for pair in pairs}
    hits = proposed & curated
    return Quality(
        depth=depth,
        precision=len(hits) / len(proposed) if proposed else 0.0,
        recall=len(hits) / len(curated) if curated else 0.0,
        reached=len({second for _, second in hits}) / len(related) if related else 0.0,
    )


def _title(control: Control) -> list[str]:
    return [control.title.ja]


def _requirement(control: Control) -> list[str]:
    return [control.title.ja, control.full_requirement]


def _practice(control: Control) -> list[str]:
    duties = (duty.text for response in control.responses.values() for duty in response.duties)
    return [control.full_requirement, *duties, *control.expected_evidence]


def _everything(control: Control) -> list[str]:
    statements = (response.statement or "" for response in control.responses.values())
    return [control.section.title.ja, control.title.ja, *_practice(control), *statements]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a control's texts, how it is compared, and what its likeness counts; the weights sum to 1.

    The weights are those that did best on the curated crosswalk (docs/crosswalk.md). token_set_ratio forgives what
    only one side says, token_sort_ratio does not.
    """

    weight: float
    scorer: Callable[..., float]
    texts: Callable[[Control], list[str]]


_PARTS = (
    _Part(0.29, fuzz.token_set_ratio, _title),
    _Part(0.25, fuzz.token_set_ratio, _requirement),
    _Part(0.29, fuzz.token_set_ratio, _practice),
    _Part(0.17, fuzz.token_sort_ratio, _everything),
)


def _common(controls: Sequence[Control]) -> frozenset[str]:
    counted = Counter(pair for control in controls for pair in _pairs(_requirement(control)))
    return frozenset(pair for pair, count in counted.items() if count > _COMMON * len(controls))


def _tokens(texts: Iterable[str], common: Collection[str]) -> str:
    return " ".join(pair for pair in _pairs(texts) if pair not in common)


def _pairs(texts: Iterable[str]) -> dict[str, None]:
    """The different character pairs of the texts' runs, in order; a run of one character counts as it is."""
    found: dict[str, None] = {}
    for run in _RUNS.findall(fold("\n".join(texts)).written):
        found.update(dict.fromkeys(run[at : at + 2] for at in range(max(1, len(run) - 1))))
    return found
