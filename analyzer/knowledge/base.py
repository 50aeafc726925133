"""The knowledge base: everything that is asked, answered and registered, indexed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from analyzer.errors import Problem
from analyzer.model.catalog import Condition, Fact, Guideline, MicClause, Vendor
from analyzer.model.controls import Control, Section
from analyzer.model.crosswalk import Crosswalk, Relation


@dataclass(frozen=True)
class KnowledgeBase:
    """Everything that is asked, answered and registered; immutable.

    version: `<package version>+<first 8 hex digits of the SHA-256 of all files>`. controls: by key (`mhlw-5:6.3-01`),
    in the order of guidelines.yaml, section and id. warnings: faults that leave it usable.
    """

    version: str
    guidelines: dict[str, Guideline]
    sections: tuple[Section, ...]
    controls: dict[str, Control]
    clauses: dict[str, MicClause]
    facts: dict[str, Fact]
    conditions: dict[str, Condition]
    vendors: dict[str, Vendor]
    crosswalks: tuple[Crosswalk, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def encoded_guidelines(self) -> tuple[Guideline, ...]:
        """The guidelines that have controls here, in order."""
        present = {section.guideline for section in self.sections}
        return tuple(guideline for guideline in self.guidelines.values() if guideline.id in present)

    @cached_property
    def citing_controls(self) -> dict[str, tuple[Control, ...]]:
        """For each MIC clause the controls that cite it, in order."""
        found: dict[str, list[Control]] = {clause: [] for clause in self.clauses}
        for control in self.controls.values():
            for cited in {citation.id: None for citation in control.mic.clauses} if control.mic else ():
                found.setdefault(cited, []).append(control)
        return {clause: tuple(controls) for clause, controls in found.items()}

    @cached_property
    def related(self) -> dict[str, tuple[Relation, ...]]:
        """For each control's key the relations it takes part in, in file order; a key without any is left out."""
        found: dict[str, list[Relation]] = {}
        for crosswalk in self.crosswalks:
            for relation in crosswalk.relations:
                found.setdefault(relation.first, []).append(relation)
                found.setdefault(relation.second, []).append(relation)
        return {key: tuple(relations) for key, relations in found.items()}

    def in_section(self, section: Section) -> tuple[Control, ...]:
        """The controls of one section, in order."""
        return self._by_section.get((section.guideline, section.id), ())

    @cached_property
    def _by_section(self) -> dict[tuple[str, str], tuple[Control, ...]]:
        found: dict[tuple[str, str], list[Control]] = {}
        for control in self.controls.values():
            found.setdefault((control.guideline, control.section.id), []).append(control)
        return {key: tuple(controls) for key, controls in found.items()}
