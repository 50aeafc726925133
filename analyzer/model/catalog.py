"""The registers beside the controls: guidelines, MIC clauses, conditions, vendors and their documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from analyzer.model.controls import Place, Text
from analyzer.model.vocabulary import ClauseClass, TitleKnown


@dataclass(frozen=True, slots=True)
class Edition:
    """A later edition of a guideline; `published` is as precise as is known (`2023-05-31`, `2021-01`)."""

    edition: str
    published: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Guideline:
    """A guideline of one of the ministries; `in_force` tells whether this edition is the current one."""

    id: str
    title: Text
    short_title: str
    edition: str | None
    issuer: Text
    published: str
    in_force: bool
    levels: tuple[str, ...]
    later_editions: tuple[Edition, ...]
    successor: str | None
    status_note: str


@dataclass(frozen=True, slots=True)
class MicClause:
    """A clause of the MIC guideline; `clause_class` is the catalogue's, citations may print another."""

    id: str
    guideline: str
    clause_class: ClauseClass
    title: Text
    text: str
    note: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Fact:
    """A question on an institution. `values` is empty for a yes/no fact, else the allowed words.

    informs: keys of controls whose reading the fact changes without deciding whether they apply.
    """

    id: str
    question: str
    help: str
    values: tuple[str, ...]
    informs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FactTest:
    """True where the fact has one of the values (`True`/`False` for yes/no facts)."""

    fact: str
    values: tuple[bool | str, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """True where every part is."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True where at least one part is."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is false."""

    part: Expression


Expression = FactTest | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Condition:
    """A named condition on facts that decides whether a control applies."""

    id: str
    title: Text
    when: Expression
    place: Place


@dataclass(frozen=True, slots=True)
class Survey:
    """The survey a vendor's answers come from; `surveyed_on` is the latest day it can be of."""

    title: str
    edition: str
    surveyor: str
    surveyed_on: date
    surveyed_on_basis: str
    pages: int


@dataclass(frozen=True, slots=True)
class Document:
    """A numbered document of a vendor. `title_known` says how sure the title is, `basis` why."""

    number: str
    title: str | None
    title_known: TitleKnown
    basis: str
    kind: str
    url: str | None
    format: str


@dataclass(frozen=True, slots=True)
class Certification:
    """A third-party certification and the day its standard's edition stopped being valid."""

    id: str
    title: str
    edition: str
    number: str
    edition_withdrawn_on: date | None
    successor: str | None
    basis: str


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor's register: the survey, its numbered documents, its certifications."""

    id: str
    name: Text
    survey: Survey
    documents: dict[str, Document]
    certifications: dict[str, Certification]
    place: Place
