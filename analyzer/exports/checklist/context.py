"""What the parts of a checklist's content share: the assessment, the knowledge base, the words people see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.checklist.model import Label
from analyzer.exports.wording import service_name
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment, ControlResult

SectionKey = tuple[str, str]
"""A section by its guideline's id and its own."""


@dataclass(frozen=True)
class Context:
    """One assessed institution with what its words mean. sections: those the checklist covers, None for all."""

    assessment: Assessment
    knowledge: KnowledgeBase
    rulebook: Rulebook
    sections: frozenset[SectionKey] | None = None

    @property
    def institution(self) -> Institution:
        """The institution assessed."""
        return self.assessment.institution

    def listed(self, control: Control) -> bool:
        """Whether the checklist covers the control's section."""
        return self.sections is None or (control.guideline, control.section.id) in self.sections

    @cached_property
    def results(self) -> tuple[ControlResult, ...]:
        """The results of the sections covered."""
        return tuple(result for result in self.assessment.results if self.listed(result.control))

    @cached_property
    def by_control(self) -> tuple[tuple[ControlResult, ...], ...]:
        """The results of each control covered together, one a service, in the order of the knowledge base."""
        return tuple(tuple(group) for _, group in groupby(self.results, lambda result: result.control.key))

    def label(self, of: str, word: str) -> Label:
        """The label of a word of a set of terms."""
        term = self.rulebook.term(of, word)
        return Label(word, term.ja, term.mark, term.help)

    def guideline_title(self, control: Control) -> str:
        """The short title of a control's guideline."""
        return self.knowledge.guidelines[control.guideline].short_title

    def vendor_name(self, service: str | None) -> str:
        """The name of a service's vendor, its id where it has no register."""
        return service_name(service, self.knowledge)
