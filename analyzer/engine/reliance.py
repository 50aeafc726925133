"""What rests on each piece of evidence: a vendor's documents and certifications, an institution's own records.

Naming is what counts: an answer rests on a document where `documents` or `finding_documents` names it, on a
certification where `certifications` does. Whether that is enough is not judged here but by the tables.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, cast

from analyzer.engine import periods
from analyzer.engine.rulebook import Policy
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control, Response
from analyzer.model.institution import Answer, Evidence, Institution
from analyzer.model.vocabulary import Proof

ItemKind = Literal["document", "certification"]
# confirmed: 確認した公開文書 (documents). finding: 本調査で確認した内容 (finding_documents).
How = Literal["confirmed", "finding", "certification"]
# upcoming: issued after the day. due: lapses within the policy's notice period.
EvidenceState = Literal["upcoming", "current", "due", "expired"]


class Item(NamedTuple):
    """An entry of a vendor's register: a document by its number, or a certification by its id."""

    vendor: str
    kind: ItemKind
    id: str

    @property
    def address(self) -> str:
        """The item as an address names it, e.g. `cybozu.com:15`."""
        return f"{self.vendor}:{self.id}"


class Support(NamedTuple):
    """What stands behind a vendor's answer.

    nda_documents: material under NDA, also where the answer is marked 要NDA and the source does not say what there is.
    """

    documents: tuple[str, ...]
    certifications: tuple[str, ...]
    interview: bool
    nda_documents: bool

    @property
    def stands(self) -> bool:
        """Anything at all is there."""
        return any(self)


@dataclass(frozen=True, slots=True)
class Relying:
    """A vendor's answer that names some items. how: in which columns each; left: what stands without them."""

    control: Control
    response: Response
    how: dict[Item, tuple[How, ...]]
    left: Support

    @property
    def only_support(self) -> bool:
        """Nothing else stands behind the answer."""
        return not self.left.stands


@dataclass(frozen=True, slots=True)
class Reliance:
    """For every item of a vendor's register the answers that name it, in the order of the register and the controls.

    An item that nothing rests on is there, with nothing.
    """

    vendor: str
    relying: dict[Item, tuple[Relying, ...]]


@dataclass(frozen=True, slots=True)
class OwnReliance:
    """An institution's answer that names a piece of its evidence.

    counted: given by the day. proof, proof_without: what all its evidence proves at the day, and what the rest does.
    """

    control: Control
    answer: Answer
    counted: bool
    proof: Proof
    proof_without: Proof


@dataclass(frozen=True, slots=True)
class OwnEvidence:
    """A piece of an institution's evidence at a day: the last day it proves anything, days until then (negative once
    past), and the answers that name it.
    """

    evidence: Evidence
    expires_on: date
    days: int
    state: EvidenceState
    relying: tuple[OwnReliance, ...]


def register_items(knowledge: KnowledgeBase, vendor_id: str) -> tuple[Item, ...]:
    """A vendor's documents, then its certifications, in the order of the register. KeyError for an unknown vendor."""
    vendor = knowledge.vendors[vendor_id]
    return (
        *(Item(vendor_id, "document", number) for number in vendor.documents),
        *(Item(vendor_id, "certification", identity) for identity in vendor.certifications),
    )


def find_item(knowledge: KnowledgeBase, kind: ItemKind, address: str) -> Item | None:
    """The registered item of an address such as `cybozu.com:15`; None where there is none."""
    vendor_id, _, identity = address.rpartition(":")
    vendor = knowledge.vendors.get(vendor_id)
    if vendor is None:
        return None
    registered: Collection[str] = vendor.documents if kind == "document" else vendor.certifications
    return Item(vendor_id, kind, identity) if identity in registered else None


def reliance(knowledge: KnowledgeBase, vendor_id: str) -> Reliance:
    """What rests on every entry of a vendor's register. KeyError for an unknown vendor."""
    found: dict[Item, list[Relying]] = {item: [] for item in register_items(knowledge, vendor_id)}
    for control in knowledge.controls.values():
        response = control.responses.get(vendor_id)
        if response is not None:
            named = named_by(response)
            for item in named:
                found[item].append(_relying(control, response, named, {item}))
    return Reliance(vendor_id, {item: tuple(answers) for item, answers in found.items()})


def relying_on(knowledge: KnowledgeBase, items: Collection[Item]) -> tuple[Relying, ...]:
    """The answers that name any of some items, each once, with what would be left were all of the items gone."""
    found = []
    for control in knowledge.controls.values():
        for vendor in dict.fromkeys(item.vendor for item in items):
            response = control.responses.get(vendor)
            named = named_by(response) if response else {}
            if response is not None and not named.keys().isdisjoint(items):
                found.append(_relying(control, response, named, items))
    return tuple(found)


def named_by(response: Response) -> dict[Item, tuple[How, ...]]:
    """The items that a vendor's answer names, and in which columns."""
    vendor = response.vendor
    columns: tuple[tuple[How, tuple[str, ...]], ...] = (
        ("confirmed", response.documents),
        ("finding", response.finding_documents),
    )
    named: dict[Item, tuple[How, ...]] = {
        Item(vendor, "document", number): tuple(how for how, numbers in columns if number in numbers)
        for number in response.all_documents
    }
    named.update({Item(vendor, "certification", item): ("certification",) for item in response.certifications})
    return named


def _relying(
    control: Control, response: Response, named: dict[Item, tuple[How, ...]], gone: Collection[Item]
) -> Relying:
    rest = [item for item in named if item not in gone]
    left = Support(
        documents=tuple(item.id for item in rest if item.kind == "document"),
        certifications=tuple(item.id for item in rest if item.kind == "certification"),
        interview=response.interview,
        nda_documents=response.nda_documents or (response.disclosure == "nda" and not response.interview),
    )
    return Relying(control, response, {item: how for item, how in named.items() if item in gone}, left)


def own_evidence(
    institution: Institution, as_of: date, knowledge: KnowledgeBase, policy: Policy
) -> tuple[OwnEvidence, ...]:
    """Every piece of an institution's evidence, used or not, in the order of its file.

    The institution has to have been read against this knowledge base: KeyError for a control that is not there.
    """
    using: dict[str, list[Answer]] = {identity: [] for identity in institution.evidence}
    for answer in institution.answers.values():
        for identity in dict.fromkeys(answer.evidence):
            using[identity].append(answer)

    def proof(identities: Collection[str]) -> Proof:
        return cast(Proof, periods.proof_state((institution.evidence[item] for item in identities), as_of, policy))

    def resting(identity: str, answer: Answer) -> OwnReliance:
        return OwnReliance(
            control=knowledge.controls[answer.control],
            answer=answer,
            counted=periods.counts_at(answer, as_of),
            proof=proof(answer.evidence),
            proof_without=proof([other for other in answer.evidence if other != identity]),
        )

    found = []
    for identity, evidence in institution.evidence.items():
        last = periods.expires_on(evidence, policy)
        found.append(
            OwnEvidence(
                evidence=evidence,
                expires_on=last,
                days=(last - as_of).days,
                state=_state(evidence, last, as_of, policy),
                relying=tuple(resting(identity, answer) for answer in using[identity]),
            )
        )
    return tuple(found)


def _state(evidence: Evidence, last: date, as_of: date, policy: Policy) -> EvidenceState:
    if as_of < evidence.issued_on:
        return "upcoming"
    if last < as_of:
        return "expired"
    return "due" if (last - as_of).days <= policy.expiry_notice_days else "current"
