"""How much the knowledge base holds, per guideline and section."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Guideline
from analyzer.model.controls import Section


@dataclass(frozen=True, slots=True)
class SectionCount:
    """The rows of one section."""

    section: Section
    controls: int


@dataclass(frozen=True, slots=True)
class GuidelineCount:
    """The rows of one guideline, and of its sections in order."""

    guideline: Guideline
    controls: int
    sections: tuple[SectionCount, ...]


@dataclass(frozen=True, slots=True)
class KnowledgeCounts:
    """What `sansho validate` prints."""

    version: str
    guidelines: tuple[GuidelineCount, ...]
    clauses: int
    documents: dict[str, int]
    conditions: int


def count_knowledge(knowledge: KnowledgeBase) -> KnowledgeCounts:
    """The counts of a loaded knowledge base; documents are counted per vendor."""
    counted = []
    for guideline in knowledge.encoded_guidelines:
        sections = tuple(
            SectionCount(section, len(knowledge.in_section(section)))
            for section in knowledge.sections
            if section.guideline == guideline.id
        )
        counted.append(GuidelineCount(guideline, sum(item.controls for item in sections), sections))
    return KnowledgeCounts(
        version=knowledge.version,
        guidelines=tuple(counted),
        clauses=len(knowledge.clauses),
        documents={vendor.id: len(vendor.documents) for vendor in knowledge.vendors.values()},
        conditions=len(knowledge.conditions),
    )
