"""What the parts of a checklist's content share: the assessment, the knowledge base, the words people see."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.checklist.model import Item, Label, RelatedLine, VendorCell
from analyzer.exports.related import Related, related_controls
from analyzer.exports.wording import service_name
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment, ControlResult

SectionKey = tuple[str, str]
"""A section by its guideline's id and its own."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Parts that checklists of many institutions have in common, under one knowledge base, rulebook and day; each by
    all that it depends on, so that it changes nothing in them.
    """

    labels: dict[tuple[str, str], Label] = field(default_factory=dict)
    vendors: dict[Hashable, VendorCell] = field(default_factory=dict)
    related: dict[str, tuple[Related, ...]] = field(default_factory=dict)
    items: dict[tuple[str, bool, bool], Item] = field(default_factory=dict)
    related_lines: dict[Hashable, RelatedLine] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """One assessed institution with what its words mean. sections: those the checklist covers, None for all. shared:
    what is known from checklists made before.
    """

    assessment: Assessment
    knowledge: KnowledgeBase
    rulebook: Rulebook
    sections: frozenset[SectionKey] | None = None
    shared: Shared = field(default_factory=Shared)

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
        found = self.shared.labels.get((of, word))
        if found is None:
            term = self.rulebook.term(of, word)
            found = self.shared.labels[of, word] = Label(word, term.ja, term.mark, term.help)
        return found

    def related(self, key: str) -> tuple[Related, ...]:
        """The controls related to one."""
        found = self.shared.related.get(key)
        if found is None:
            found = self.shared.related[key] = related_controls(key, self.knowledge)
        return found

    def guideline_title(self, control: Control) -> str:
        """The short title of a control's guideline."""
        return self.knowledge.guidelines[control.guideline].short_title

    def vendor_name(self, service: str | None) -> str:
        """The name of a service's vendor, its id where it has no register."""
        return service_name(service, self.knowledge)
