"""What a responsibility checklist (責任分界チェックリスト) says, whatever file it becomes. Every label is Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from analyzer.engine.rulebook import Term


@dataclass(frozen=True, slots=True)
class Label:
    """A word of a format with what people see of it; `mark` stands beside any colour."""

    word: str
    ja: str
    mark: str = ""
    help: str = ""

    @property
    def text(self) -> str:
        """Mark and word, e.g. `● 実施済`. A mark that is itself a word says nothing that the label does not."""
        return f"{self.mark} {self.ja}" if len(self.mark) == 1 else self.ja


@dataclass(frozen=True, slots=True)
class GuidelineNotice:
    """An edition the checklist rests on; `warning` is None where it is in force."""

    id: str
    title: str
    edition: str | None
    issuer: str
    warning: str | None


@dataclass(frozen=True, slots=True)
class SurveyNotice:
    """The survey a vendor's answers come from; `basis` says how its day is known."""

    service: str
    title: str
    edition: str
    surveyor: str
    surveyed_on: date
    basis: str


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A look the institution took at a vendor's documents. `sections` are keys (`mhlw-5:6.3`), empty for all."""

    service: str
    documents: Label
    reviewed_on: date
    sections: tuple[str, ...]
    by: str | None
    note: str | None

    @property
    def section_names(self) -> str:
        """The sections as people call them."""
        return "、".join(key.partition(":")[2] or key for key in self.sections) or "すべて"


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A cloud service in use."""

    id: str
    name: str
    used_for: str | None
    nda_concluded_on: date | None
    reviews: tuple[ReviewLine, ...]


@dataclass(frozen=True, slots=True)
class FactLine:
    """A question on the institution; `answer` is None while open, `choices` are what it may be answered with.

    controls counts the items that the open question decides (0 once answered).
    """

    id: str
    question: str
    help: str
    choices: tuple[Label, ...]
    answer: Label | None
    controls: int


@dataclass(frozen=True, slots=True)
class Head:
    """Who, when, and on what the checklist rests."""

    institution_id: str
    name: str
    kind: Label
    beds: int | None
    staff: int | None
    region: str | None
    fictional: bool
    integrator: str
    integrator_absent: bool
    knowledge_version: str
    as_of: date
    notice_days: int
    guidelines: tuple[GuidelineNotice, ...]
    surveys: tuple[SurveyNotice, ...]
    services: tuple[ServiceLine, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """Counts over one section, or all (whose names are then empty). Items are (control, service) pairs, duties are
    (control, party) pairs.

    controls = left_out + vendor + shared + user_side + none_stated. duties counts those of applicable controls, of
    which `done` are 実施済, `excluded` 該当なし, `unanswered` 未回答 and `recheck` carried over.
    """

    guideline_id: str
    guideline: str
    section: str
    title: str
    controls: int
    left_out: int
    vendor: int
    shared: int
    user_side: int
    none_stated: int
    duties: int
    done: int
    excluded: int
    unanswered: int
    recheck: int
    conformity: dict[str, int]


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """A piece of evidence; it proves something up to and including `expires_on`, and `state` says so as of the day.

    lapsing: in use, and lapsed or about to. used_by: the ids of the controls whose answers name it.
    """

    id: str
    title: str
    kind: Label
    issued_on: date
    valid_until: date | None
    covers_from: date | None
    covers_to: date | None
    location: str | None
    note: str | None
    expires_on: date
    state: str
    lapsing: bool
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """Everything a party said of its duty."""

    party: Label
    status: Label
    reason: str | None
    evidence: tuple[EvidenceLine, ...]
    checked_on: date | None
    due: date | None
    owner: str | None
    note: str | None
    carried_over: bool


@dataclass(frozen=True, slots=True)
class VendorItem:
    """One thing to obtain from a cloud vendor or to look at; `url` where it is on the web."""

    text: str
    under_nda: bool
    url: str | None = None


@dataclass(frozen=True, slots=True)
class VendorCell:
    """What a cloud vendor does for a control, how sure that is, and what to obtain from it.

    outstanding: something is still to be settled with the vendor.
    """

    service: str | None
    name: str
    conformity: Label
    statement: str | None
    responsibility: Label
    disclosure: Label
    assurance: Label
    assurance_reason: str
    items: tuple[VendorItem, ...]
    outstanding: bool
    result: Label
    result_reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """A control as another names it. listed: it has a row of its own in this checklist, applicable: in the whole."""

    key: str
    id: str
    title: str
    guideline_title: str
    level: Label
    applicable: bool
    listed: bool


@dataclass(frozen=True, slots=True)
class RelatedLine:
    """A control of another guideline that asks for the same or part of it; `relation` is what it is to this one."""

    item: Item
    relation: Label
    reason: str
    source: Label


@dataclass(frozen=True, slots=True)
class SuggestionLine:
    """What the same party said of a related control's duty, offered and never taken over. `text` says it whole.

    status is None where only evidence is offered.
    """

    source: Item
    relation: Label
    reason: str
    status: Label | None
    evidence: tuple[EvidenceLine, ...]
    text: str


@dataclass(frozen=True, slots=True)
class SharedDuty:
    """A duty that controls with equal demands leave to one party, and how far it is answered in one go.

    items: the controls, this one among them, that one answer serves: all whose answers so far are the same, in order.
    differing: where other controls with equal demands are answered otherwise, a line that says so for each.
    """

    items: tuple[Item, ...]
    differing: tuple[str, ...]

    @property
    def first(self) -> Item:
        """The control under which the one answer is written down."""
        return self.items[0]


@dataclass(frozen=True, slots=True)
class PartyCell:
    """A party's part of a control. `texts` is empty where it has none, and `remark` says why.

    answer is None where there is none as of the date; overdue: days since the day set for it, None where in time.
    shared: None where no other control has equal demands of the party.
    """

    party: Label
    texts: tuple[str, ...]
    remark: str | None
    status: Label | None
    proof: Label | None
    answer: AnswerLine | None
    overdue: int | None
    shared: SharedDuty | None = None
    suggestions: tuple[SuggestionLine, ...] = ()


@dataclass(frozen=True, slots=True)
class GapLine:
    """Something missing and what to do next; service is None where one service is in use."""

    kind: Label
    party: Label
    priority: Label
    rule: str
    reason: str
    action: str
    service: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One applicable control."""

    key: str
    id: str
    title: str
    level: Label
    requirement: str
    points: tuple[tuple[str, str], ...]
    why: str
    vendors: tuple[VendorCell, ...]
    integrator: PartyCell
    user: PartyCell
    gaps: tuple[GapLine, ...]
    expected_evidence: tuple[str, ...]
    source_note: str | None
    related: tuple[RelatedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a guideline with its applicable controls."""

    guideline: str
    guideline_title: str
    id: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the statement of applicability (適用除外) leaves out, and why: a control, or one party's duty under it."""

    key: str
    guideline_title: str
    id: str
    title: str
    level: Label
    scope: str
    reason: str


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """An answer taken from an earlier assessment and not checked again."""

    key: str
    id: str
    title: str
    answer: AnswerLine


@dataclass(frozen=True, slots=True)
class UncountedAnswer:
    """An answer that is kept and decides nothing at as_of, and why."""

    key: str
    id: str
    title: str
    answer: AnswerLine
    why: str


@dataclass(frozen=True, slots=True)
class VendorRequest:
    """What is to be settled with a cloud vendor over one control."""

    key: str
    guideline_title: str
    id: str
    title: str
    level: Label
    vendor: VendorCell
    gaps: tuple[GapLine, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """The words a filled-in checklist may use."""

    statuses: tuple[Label, ...]
    parties: tuple[Label, ...]
    evidence_kinds: tuple[Label, ...]
    disclosures: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The sections that a checklist is restricted to, by key (`mhlw-5:6.3`) and by name, of how many there are."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    of: int

    @property
    def notice(self) -> str:
        """What a reader of the part has to know."""
        return (
            f"これは抜粋である。全{self.of}章のうち、次の{len(self.names)}章だけを載せる：{'、'.join(self.names)}。"
            "集計、引き継いだ回答、適用除外、ベンダーへの確認も、この章の分だけを示す。"
            "証跡、施設への質問、サービスの記録は、全体を載せる。"
        )


@dataclass(frozen=True, slots=True)
class Checklist:
    """The checklist of one institution at one day, counts first. part: None where it covers every section."""

    head: Head
    part: Part | None
    total: Count
    counts: tuple[Count, ...]
    conformity_labels: tuple[Label, ...]
    responsibility_labels: dict[str, Label]
    lapsing: tuple[EvidenceLine, ...]
    facts: tuple[FactLine, ...]
    carried_over: tuple[CarriedOver, ...]
    left_out: tuple[LeftOut, ...]
    sections: tuple[Section, ...]
    requests: tuple[VendorRequest, ...]
    uncounted: tuple[UncountedAnswer, ...]
    evidence: tuple[EvidenceLine, ...]
    choices: Choices
    terms: Mapping[str, Mapping[str, Term]]

    @property
    def title(self) -> str:
        """What the file is called on its first page and at the head of each."""
        return "責任分界チェックリスト（抜粋）" if self.part else "責任分界チェックリスト"

    @property
    def total_name(self) -> str:
        """What the counts of all its sections are called."""
        return "合計（抜粋）" if self.part else "合計"

    @property
    def open_facts(self) -> tuple[FactLine, ...]:
        """The questions still open that decide something, the most telling first."""
        found = [fact for fact in self.facts if fact.answer is None and fact.controls]
        return tuple(sorted(found, key=lambda fact: -fact.controls))
