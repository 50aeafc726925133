"""An institution as it describes itself: facts, services, answers, evidence (DESIGN section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from analyzer.model.controls import Place
from analyzer.model.vocabulary import Disclosure, Party, Status

IntegratorPresence = Literal["present", "absent", "unknown"]


@dataclass(frozen=True, slots=True)
class Review:
    """A look the institution itself took at a vendor's documents.

    `documents` tells which (`public`, `nda`); empty `sections` means every section.
    """

    documents: Disclosure
    reviewed_on: date
    sections: tuple[str, ...]
    by: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Service:
    """A cloud service in use, its NDA (None: not concluded) and the reviews made of it."""

    vendor: str
    used_for: str | None
    nda_concluded_on: date | None
    reviews: tuple[Review, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence. The day of upload proves nothing: `issued_on`, `valid_until` and the period covered do."""

    id: str
    title: str
    kind: str
    issued_on: date
    valid_until: date | None
    covers_from: date | None
    covers_to: date | None
    location: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a party of the institution's side says of its duty under a control."""

    control: str
    party: Party
    status: Status
    reason: str | None
    evidence: tuple[str, ...]
    checked_on: date | None
    due: date | None
    owner: str | None
    note: str | None
    carried_over: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Institution:
    """An institution's file. `facts` holds only what is known; `integrator` is the SI vendor's name or None."""

    id: str
    name: str
    kind: str
    beds: int | None
    staff: int | None
    region: str | None
    fictional: bool
    facts: dict[str, bool | str]
    integrator_presence: IntegratorPresence
    integrator: str | None
    services: tuple[Service, ...]
    answers: dict[tuple[str, Party], Answer]
    evidence: dict[str, Evidence]
    place: Place
