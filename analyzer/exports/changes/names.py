"""What people call the things that a comparison names by id: words, controls, sections, services, conditions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from analyzer.engine.rulebook import Rulebook, Term
from analyzer.exports.changes.words import all_terms
from analyzer.exports.wording import service_name
from analyzer.knowledge.base import KnowledgeBase


class Names:
    """Names out of the rulebook and of a knowledge base, which may be of another version: ids it lacks stay ids."""

    def __init__(self, rulebook: Rulebook, knowledge: KnowledgeBase) -> None:
        self.terms: Mapping[str, Mapping[str, Term]] = all_terms(rulebook)
        self.knowledge = knowledge

    def word(self, of: str, word: str) -> str:
        """The Japanese word of a set."""
        return self.terms[of][word].ja

    def label(self, of: str, word: str) -> str:
        """The word with its mark before it: `○ 適合`."""
        term = self.terms[of][word]
        return f"{term.mark} {term.ja}" if len(term.mark) == 1 else term.ja

    def control(self, key: str) -> str:
        """A control's title; empty where it is not known."""
        known = self.knowledge.controls.get(key)
        return known.title.ja if known else ""

    def guideline(self, identity: str) -> str:
        """A guideline's short title."""
        known = self.knowledge.guidelines.get(identity)
        return known.short_title if known else identity

    @cached_property
    def _sections(self) -> dict[tuple[str, str], str]:
        return {(section.guideline, section.id): section.title.ja for section in self.knowledge.sections}

    def section(self, guideline: str, section: str) -> str:
        """A section's id and title."""
        return f"{section} {self._sections.get((guideline, section), '')}".strip()

    def service(self, vendor: str | None) -> str:
        """What people call a vendor's service."""
        return service_name(vendor, self.knowledge)

    def condition(self, identity: str) -> str:
        """A condition's title and id."""
        known = self.knowledge.conditions.get(identity)
        return f"{known.title.ja}（{identity}）" if known else identity
