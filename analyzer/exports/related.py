"""What other controls ask for the same or for part of it, as every file says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control
from analyzer.model.crosswalk import RelationKind, RelationSource, Unrelated
from analyzer.model.results import Suggestion


@dataclass(frozen=True, slots=True)
class Related:
    """A related control. kind: what it is to the control asked about (superset: it asks for more)."""

    control: Control
    kind: RelationKind
    reason: str
    source: RelationSource


def related_controls(key: str, knowledge: KnowledgeBase) -> tuple[Related, ...]:
    """The controls related to one, in the order of the crosswalks; those that the knowledge base lacks are left out."""
    found = []
    for relation in knowledge.related.get(key, ()):
        other = relation.seen_from(key)[0]
        if other in knowledge.controls:
            kind = relation.seen_from(other)[1]
            found.append(Related(knowledge.controls[other], kind, relation.reason, relation.source))
    return tuple(found)


def unrelated_controls(knowledge: KnowledgeBase) -> dict[str, tuple[Unrelated, ...]]:
    """For each control that was judged to have no counterpart in a guideline: in which, and why."""
    found: dict[str, list[Unrelated]] = {}
    for crosswalk in knowledge.crosswalks:
        for unrelated in crosswalk.unrelated:
            found.setdefault(unrelated.control, []).append(unrelated)
    return {key: tuple(judged) for key, judged in found.items()}


def suggestion_text(suggestion: Suggestion, source: str, evidence: Iterable[str], rulebook: Rulebook) -> str:
    """What a suggestion puts forward, in a sentence; `source` and `evidence` as the file names them."""
    parts = []
    if suggestion.status is not None:
        parts.append(f"回答（{rulebook.term('status', suggestion.status).ja}）")
    named = "、".join(evidence)
    if named:
        parts.append(f"証跡 {named} ")
    relation = rulebook.term("relation", suggestion.relation)
    return f"{source} の{'と'.join(parts)}を参考にできる（{relation.mark} {relation.ja}項目）"
