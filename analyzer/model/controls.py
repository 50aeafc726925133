"""What a guideline asks and how vendors answer (DESIGN section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from analyzer.model.vocabulary import (
    ClauseClass,
    Disclosure,
    Level,
    Party,
    VendorConformity,
)


class Text(NamedTuple):
    """A title in Japanese and English."""

    ja: str
    en: str


class Place(NamedTuple):
    """Where a record was read: file as the user gave it, and the keys and indices that lead to it."""

    file: str
    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a guideline, e.g. 6.3."""

    guideline: str
    id: str
    title: Text


@dataclass(frozen=True, slots=True)
class Point:
    """One sub-point of a requirement that enumerates, `id` as printed without brackets."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A MIC clause as a control cites it; `clause_class` is what that place prints."""

    id: str
    clause_class: ClauseClass
    note: str | None = None


@dataclass(frozen=True, slots=True)
class MicRequirements:
    """The MIC column of an MHLW item: coded clauses, and the bullets without a code."""

    clauses: tuple[Citation, ...] = ()
    agreements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """What is left to the user side, and to whom of it."""

    parties: tuple[Party, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Response:
    """A vendor's answer to one control and what the survey found behind it."""

    vendor: str
    conformity: VendorConformity
    statement: str | None
    urls: tuple[str, ...]
    finding: str | None
    finding_documents: tuple[str, ...]
    disclosure: Disclosure
    documents: tuple[str, ...]
    certifications: tuple[str, ...]
    interview: bool
    nda_documents: bool
    duties: tuple[Duty, ...]
    place: Place

    @property
    def all_documents(self) -> tuple[str, ...]:
        """Every document number this answer names, register order, each once."""
        return tuple(sorted({*self.documents, *self.finding_documents}))

    @property
    def duty_parties(self) -> frozenset[Party]:
        """The parties that hold at least one duty."""
        return frozenset(party for duty in self.duties for party in duty.parties)


@dataclass(frozen=True, slots=True)
class Control:
    """One item of a guideline.

    `requirement` is the lead-in where `points` enumerate; `full_requirement` is always the whole.
    """

    guideline: str
    id: str
    mark: str | None
    section: Section
    title: Text
    level: Level
    requirement: str
    points: tuple[Point, ...]
    applies_if: str | None
    mic: MicRequirements | None
    responses: dict[str, Response]
    expected_evidence: tuple[str, ...]
    note: str | None
    place: Place

    @property
    def key(self) -> str:
        """The id across guidelines, e.g. `mhlw-5:6.3-01`."""
        return f"{self.guideline}:{self.id}"

    @property
    def full_requirement(self) -> str:
        """The requirement with its points, one point a line."""
        return "\n".join([self.requirement, *(f"({point.id}) {point.text}" for point in self.points)])
