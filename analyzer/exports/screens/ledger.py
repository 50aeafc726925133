"""The evidence registers as fragments of HTML: a vendor's and an institution's, one entry opened, and what falls
without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import quote

from analyzer.engine.analysis import Analyzer
from analyzer.engine.periods import survey_state
from analyzer.engine.reliance import (
    EvidenceState,
    How,
    Item,
    OwnEvidence,
    Relying,
    own_evidence,
    reliance,
    relying_on,
)
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.what_if import Change, Fall, WhatIf
from analyzer.exports.screens.control import control_href
from analyzer.exports.templating import render_html
from analyzer.exports.wording import service_name
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Certification, Document
from analyzer.model.results import Assessment, ControlResult
from analyzer.model.vocabulary import Party, Proof

# The headings of the survey's columns, as the matrix and the control's screen print them.
_COLUMNS: Final[dict[How, str]] = {
    "confirmed": "確認した公開文書",
    "finding": "調査で確認した内容",
    "certification": "第三者認証",
}
# The sign and the word for how a piece of evidence stands; the sign as in the matrix workbook.
_STATES: Final[dict[EvidenceState, tuple[str, str]]] = {
    "expired": ("×", "期限切れ"),
    "due": ("◇", "期限間近"),
    "current": ("○", "有効"),
    "upcoming": ("△", "発行前"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a vendor's register: the item, its record, how many answers rest on it, how many on it alone.

    withdrawn: a certification whose edition no longer held on the day.
    """

    item: Item
    record: Document | Certification
    relying: int
    alone: int
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class RelyingRow:
    """An answer that rests on the opened items. left: what else stands behind it, in words (empty: nothing).

    result, without: how the control stands at the institution and what losing the items does; None without one.
    """

    relying: Relying
    how: tuple[tuple[Item, tuple[str, ...]], ...]
    left: tuple[str, ...]
    result: ControlResult | None
    without: Change | None


@dataclass(frozen=True, slots=True)
class FallRow:
    """A result that the loss changes, and why. proofs: the parties whose proof is another, before and after."""

    change: Change
    proofs: tuple[tuple[Party, Proof, Proof], ...]
    why: str


@dataclass(frozen=True, slots=True)
class FallShown:
    """A fall as the screen tells it: the counts (label, number) first, then the rows, gravest first."""

    counts: tuple[tuple[str, int], ...]
    rows: tuple[FallRow, ...]


def item_href(item: Item) -> str:
    """The in-app address, on the register's own page, of an entry: `?document=cybozu.com:15`."""
    return f"?{item.kind}={quote(item.address, safe=':')}"


def own_href(identity: str) -> str:
    """The in-app address, on the register's own page, of a piece of the institution's evidence."""
    return f"?own={quote(identity)}"


def register_fragment(vendor_id: str, knowledge: KnowledgeBase, rulebook: Rulebook, as_of: date) -> str:
    """A vendor's register in a `<section>`: the survey, the documents, the certifications and how much rests on each.

    KeyError for a vendor without a register.
    """
    vendor = knowledge.vendors[vendor_id]
    relying = reliance(knowledge, vendor_id).relying
    entries = tuple(_entry(item, knowledge, answers, as_of) for item, answers in relying.items())
    return render_html(
        "screens/ledger.html.j2",
        vendor=vendor,
        as_of=as_of,
        survey_is_old=survey_state(vendor.survey, as_of, rulebook.policy) == "old",
        survey_months=rulebook.policy.survey_max_age_months,
        documents=tuple(entry for entry in entries if entry.item.kind == "document"),
        certifications=tuple(entry for entry in entries if entry.item.kind == "certification"),
        term=rulebook.term,
        item_href=item_href,
    ).decode()


def document_fragment(
    items: Sequence[Item], analyzer: Analyzer, as_of: date, assessment: Assessment | None = None
) -> str:
    """One entry of a vendor's register opened, or several taken together, in an `<article>`: what is known of it, the
    answers that rest on it and, with an assessment, what falls without it at the assessment's day.

    items: registered, of one vendor, at least one (ValueError else). as_of: tells which certifications have lapsed
    where there is no assessment. Sections have the ids `entry`, `fall`, `relying`.
    """
    if not items or len({item.vendor for item in items}) > 1:
        raise ValueError("the entries opened together have to be of one vendor")
    knowledge = analyzer.knowledge
    vendor = knowledge.vendors[items[0].vendor]
    used = assessment is not None and any(service.vendor == vendor.id for service in assessment.institution.services)
    fall = WhatIf(analyzer).without(assessment, items) if assessment and used else None
    day = assessment.as_of if assessment else as_of
    relying = relying_on(knowledge, items)
    return render_html(
        "screens/ledger_item.html.j2",
        entries=tuple(_entry(item, knowledge, relying_on(knowledge, [item]), day) for item in items),
        vendor=vendor,
        as_of=day,
        assessment=assessment,
        fall=_shown(fall, own=False) if fall else None,
        already_lapsed=fall.already_lapsed if fall else (),
        rows=tuple(_relying_rows(relying, assessment, fall)),
        service_name=_service_names(assessment, knowledge),
        guidelines=knowledge.guidelines,
        term=analyzer.rulebook.term,
        control_href=_matrix_href,
    ).decode()


def own_evidence_fragment(assessment: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> str:
    """The institution's evidence in a `<section>`: each piece with its periods, its state at the day and what rests on
    it; those that lapse first stand first within their state.
    """
    found = own_evidence(assessment.institution, assessment.as_of, knowledge, rulebook.policy)
    order = list(_STATES)
    pieces = sorted(found, key=lambda piece: (order.index(piece.state), piece.expires_on, piece.evidence.id))
    return render_html(
        "screens/ledger_own.html.j2",
        assessment=assessment,
        pieces=pieces,
        counts={state: sum(piece.state == state for piece in found) for state in _STATES},
        states=_STATES,
        policy=rulebook.policy,
        term=rulebook.term,
        own_href=own_href,
        control_href=_matrix_href,
    ).decode()


def own_item_fragment(identity: str, analyzer: Analyzer, assessment: Assessment) -> str:
    """One piece of the institution's evidence opened, in an `<article>`: its data, the answers that name it, and what
    falls without it. KeyError for an id that the institution does not have. Sections have the ids `entry`, `fall`,
    `relying`.
    """
    fall = WhatIf(analyzer).without_own(assessment, [identity])
    return render_html(
        "screens/ledger_own_item.html.j2",
        piece=_own_piece(identity, analyzer, assessment),
        assessment=assessment,
        states=_STATES,
        fall=_shown(fall, own=True),
        service_name=_service_names(assessment, analyzer.knowledge),
        guidelines=analyzer.knowledge.guidelines,
        term=analyzer.rulebook.term,
        control_href=_matrix_href,
    ).decode()


def _entry(item: Item, knowledge: KnowledgeBase, relying: Sequence[Relying], as_of: date) -> Entry:
    vendor = knowledge.vendors[item.vendor]
    alone = sum(answer.only_support for answer in relying)
    if item.kind == "document":
        return Entry(item, vendor.documents[item.id], len(relying), alone, withdrawn=False)
    held = vendor.certifications[item.id]
    ended = held.edition_withdrawn_on
    return Entry(item, held, len(relying), alone, withdrawn=ended is not None and ended <= as_of)


def _own_piece(identity: str, analyzer: Analyzer, assessment: Assessment) -> OwnEvidence:
    found = own_evidence(assessment.institution, assessment.as_of, analyzer.knowledge, analyzer.rulebook.policy)
    return next(piece for piece in found if piece.evidence.id == identity)


def _relying_rows(relying: Iterable[Relying], assessment: Assessment | None, fall: Fall | None) -> Iterator[RelyingRow]:
    results = {(one.control.key, one.service): one for one in assessment.results} if assessment else {}
    changes = {(one.control.key, one.before.service): one for one in fall.changed} if fall else {}
    for answer in relying:
        key = (answer.control.key, answer.response.vendor)
        yield RelyingRow(
            relying=answer,
            how=tuple((item, tuple(_COLUMNS[how] for how in columns)) for item, columns in answer.how.items()),
            left=tuple(_left(answer)),
            result=results.get(key),
            without=changes.get(key),
        )


def _left(answer: Relying) -> Iterator[str]:
    left = answer.left
    if left.documents:
        yield f"文献{''.join(f'[{number}]' for number in left.documents)}"
    if left.certifications:
        yield _COLUMNS["certification"]
    if left.interview:
        yield "インタビュー"
    if left.nda_documents:
        yield "NDA資料"


def _shown(fall: Fall, *, own: bool) -> FallShown:
    changes = sorted(fall.changed, key=_gravity)
    counts = (
        ("適合が失われる項目", sum(change.conformity_lost for change in changes)),
        ("判定が変わる項目", sum(change.conformity_changed for change in changes)),
        ("裏付けが弱まる項目", sum(change.assurance_changed for change in changes)),
        ("ギャップが増える項目", sum(bool(change.new_gaps) for change in changes)),
        ("証跡だけが変わる項目" if own else "理由だけが変わる項目", sum(change.only_reason for change in changes)),
        ("失効を織り込み済みの項目" if fall.already_lapsed and not changes else "変わらない項目", len(fall.unchanged)),
    )
    return FallShown(counts, tuple(FallRow(change, _proofs(change), _why(change)) for change in changes))


def _gravity(change: Change) -> tuple[bool, ...]:
    """Sorts what a reader has to see first to the front; results of equal weight keep their order."""
    return (
        not change.conformity_lost,
        not change.conformity_changed,
        not change.new_gaps,
        not change.assurance_changed,
    )


def _why(change: Change) -> str:
    """The reason for what is different: that of the vendor's proof, else that of the gaps, else the result's own."""
    if change.before.assurance_reason != change.after.assurance_reason:
        return change.after.assurance_reason.ja
    new = "".join(gap.reason.ja for gap in change.after.gaps if gap not in change.before.gaps)
    if not new and change.before.reason == change.after.reason:
        return "証跡は減るが、判定とギャップは変わらない。"
    return new or change.after.reason.ja


def _proofs(change: Change) -> tuple[tuple[Party, Proof, Proof], ...]:
    duties = zip(change.before.duties, change.after.duties, strict=True)
    return tuple((was.party, was.proof, now.proof) for was, now in duties if was.proof != now.proof)


def _service_names(assessment: Assessment | None, knowledge: KnowledgeBase) -> Callable[[str | None], str]:
    """What to call the service of a result; empty where the institution uses one only, since all are of it."""
    several = assessment is not None and len(assessment.institution.services) > 1

    def name(vendor: str | None) -> str:
        return service_name(vendor, knowledge) if several and vendor is not None else ""

    return name


def _matrix_href(key: str) -> str:
    """A control's place in the matrix, seen from another page."""
    return f"matrix{control_href(key)}"
