"""Institutions of every sort for property tests, and a small knowledge base with the controls the shipped one lacks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import product

from hypothesis import strategies as st

from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import (
    AllOf,
    AnyOf,
    Certification,
    Condition,
    Expression,
    Fact,
    FactTest,
    Guideline,
    Not,
    Survey,
    Vendor,
)
from analyzer.model.controls import Control, Duty, Place, Response, Section, Text
from analyzer.model.institution import Answer, Evidence, Institution, IntegratorPresence, Review, Service
from analyzer.model.vocabulary import (
    LEVELS,
    PARTIES,
    STATUSES,
    Disclosure,
    Level,
    Party,
    Status,
    VendorConformity,
)

GUIDELINE = "example"
REGISTERED = "example-cloud"
UNREGISTERED = "other-cloud"
NOWHERE = Place("synthetic", ())

GIVEN_STATUSES: tuple[Status, ...] = tuple(status for status in STATUSES if status != "unanswered")
_PRESENCES: tuple[IntegratorPresence, ...] = ("present", "absent", "unknown")
_WITHDRAWN = date(2025, 10, 31)
# Narrow enough for the limits (18, 24 and 36 months) to fall now before and now after the day of analysis, with days
# that meet exactly.
_MEETING = st.sampled_from([date(year, *day) for year in range(2023, 2029) for day in ((4, 1), (4, 30), (10, 31))])
_ANY_DAY = st.dates(date(2022, 10, 1), date(2028, 9, 30)) | _MEETING
_AS_OF = st.dates(date(2025, 4, 1), date(2027, 4, 30)) | _MEETING


def make_response(
    vendor: str,
    conformity: VendorConformity,
    disclosure: Disclosure,
    parties: Sequence[Party],
    certifications: Sequence[str] = (),
) -> Response:
    """A vendor's answer with one duty for each of the parties."""
    return Response(
        vendor=vendor,
        conformity=conformity,
        statement=None,
        urls=(),
        finding=None,
        finding_documents=(),
        disclosure=disclosure,
        documents=(),
        certifications=tuple(certifications),
        interview=False,
        nda_documents=disclosure == "nda",
        duties=tuple(Duty((party,), f"{party}の対応") for party in parties),
        place=NOWHERE,
    )


def make_section(number: str, guideline: str = GUIDELINE) -> Section:
    """A section of the made-up guideline."""
    return Section(guideline, number, Text(f"第{number}節", f"Section {number}"))


def make_control(
    identity: str, section: Section, level: Level, applies_if: str | None, responses: Sequence[Response]
) -> Control:
    """A control of the made-up guideline with these answers."""
    return Control(
        guideline=section.guideline,
        id=identity,
        mark=None,
        section=section,
        title=Text(f"項目{identity}", f"Item {identity}"),
        level=level,
        requirement="要求事項",
        points=(),
        applies_if=applies_if,
        mic=None,
        responses={response.vendor: response for response in responses},
        expected_evidence=(),
        note=None,
        place=NOWHERE,
    )


def make_guideline() -> Guideline:
    """The made-up guideline."""
    return Guideline(
        id=GUIDELINE,
        title=Text("例のガイドライン", "Example guideline"),
        short_title="例",
        edition=None,
        issuer=Text("例", "Example"),
        published="2026-01",
        in_force=True,
        levels=LEVELS,
        later_editions=(),
        successor=None,
        status_note="例",
    )


def make_vendor(identity: str, surveyed_on: date, withdrawn: dict[str, date | None]) -> Vendor:
    """A register with a survey and certifications, by id with the day their edition was withdrawn."""
    return Vendor(
        id=identity,
        name=Text("例クラウド", "Example cloud"),
        survey=Survey("調査", "1", "例", surveyed_on, "stated", 1),
        documents={},
        certifications={
            item: Certification(item, "ISO/IEC 27001", "2013", "1", day, None, "例") for item, day in withdrawn.items()
        },
        place=NOWHERE,
    )


def synthetic_knowledge() -> KnowledgeBase:
    """Every level x vendor answer x disclosure x duties once (144 controls), with conditions and certifications
    dealt over them; the vendor without a register answers every third control."""
    facts = {
        "wireless": Fact("wireless", "無線LANを使うか。", "", ()),
        "remote": Fact("remote", "遠隔で使うか。", "", ()),
        "place": Fact("place", "どこに置くか。", "", ("inside", "outside", "both")),
    }
    wireless, remote = FactTest("wireless", (True,)), FactTest("remote", (True,))
    outside = FactTest("place", ("outside", "both"))
    expressions: dict[str, Expression] = {
        "on_wireless": wireless,
        "wireless_and_remote": AllOf((wireless, remote)),
        "outside_or_remote": AnyOf((outside, remote)),
        "not_outside": Not(outside),
    }
    conditions = {
        name: Condition(name, Text(name, name), expression, NOWHERE) for name, expression in expressions.items()
    }
    applies = (None, *conditions, None)
    certifications = ((), ("withdrawn",), ("standing",), ("withdrawn", "standing"), ())
    sections = tuple(make_section(f"1.{number}") for number in (1, 2, 3))
    answers: tuple[VendorConformity | None, ...] = ("conformable", "out_of_scope", "not_conforming", None)
    disclosures: tuple[Disclosure, ...] = ("public", "nda", "none")
    held: tuple[tuple[Party, ...], ...] = ((), ("user",), ("integrator",), ("user", "integrator"))
    controls = []
    for index, (level, answer, disclosure, parties) in enumerate(product(LEVELS, answers, disclosures, held)):
        section = sections[index // 48]
        responses = []
        if answer is not None:
            relied_on = certifications[index % len(certifications)]
            responses.append(make_response(REGISTERED, answer, disclosure, parties, relied_on))
        if index % 3 == 0:
            responses.append(make_response(UNREGISTERED, "conformable", disclosure, held[index % 4]))
        identity = f"{section.id}-{index % 48 + 1:02}"
        controls.append(make_control(identity, section, level, applies[index % len(applies)], responses))
    return KnowledgeBase(
        version="synthetic",
        guidelines={GUIDELINE: make_guideline()},
        sections=sections,
        controls={control.key: control for control in controls},
        clauses={},
        facts=facts,
        conditions=conditions,
        vendors={REGISTERED: make_vendor(REGISTERED, date(2023, 10, 1), {"withdrawn": _WITHDRAWN, "standing": None})},
    )


def make_answer(control: str, party: Party, status: Status, evidence: Sequence[str] = ()) -> Answer:
    """An answer that says no more than it has to."""
    return Answer(
        control=control,
        party=party,
        status=status,
        reason="該当しない" if status == "not_applicable" else None,
        evidence=tuple(evidence),
        checked_on=None,
        due=None,
        owner=None,
        note=None,
        carried_over=False,
        place=NOWHERE,
    )


def as_of_days() -> st.SearchStrategy[date]:
    """Days to analyse at."""
    return _AS_OF


def duty_keys(knowledge: KnowledgeBase) -> st.SearchStrategy[tuple[str, Party]]:
    """A (control, party) of the knowledge base, whether or not the control leaves that party a duty."""
    return st.tuples(st.sampled_from(list(knowledge.controls)), st.sampled_from(PARTIES))


def pieces_of_evidence(identity: str) -> st.SearchStrategy[Evidence]:
    """Evidence with this id: dated around the days of analysis, with and without a last day or a period."""
    days = st.lists(_ANY_DAY, min_size=2, max_size=2).map(sorted)
    return st.builds(
        lambda issued, lasts, covers, last_day, period: Evidence(
            id=identity,
            title="証跡",
            kind="record",
            issued_on=issued,
            valid_until=max(issued, last_day) if lasts else None,
            covers_from=period[0] if covers else None,
            covers_to=period[1] if covers else None,
            location=None,
            note=None,
        ),
        _ANY_DAY,
        st.booleans(),
        st.booleans(),
        _ANY_DAY,
        days,
    )


def reviews(knowledge: KnowledgeBase) -> st.SearchStrategy[Review]:
    """A look at public or NDA documents, of all sections or of some."""
    sections = [f"{section.guideline}:{section.id}" for section in knowledge.sections]
    return st.builds(
        Review,
        documents=st.sampled_from(("public", "nda")),
        reviewed_on=_ANY_DAY,
        sections=st.just(()) | st.lists(st.sampled_from(sections), unique=True, max_size=3).map(tuple),
        by=st.none(),
        note=st.none(),
    )


def vendors_of(knowledge: KnowledgeBase) -> list[str]:
    """The vendors that answer anything, in the order in which they turn up."""
    return list(dict.fromkeys(vendor for control in knowledge.controls.values() for vendor in control.responses))


@st.composite
def institutions(draw: st.DrawFn, knowledge: KnowledgeBase, *, max_answers: int = 12) -> Institution:
    """An institution with facts known and unknown, no, one or several services, answers and evidence."""
    facts: dict[str, bool | str] = {}
    for fact in knowledge.facts.values():
        value = draw(st.sampled_from((None, *(fact.values or (True, False)))))
        if value is not None:
            facts[fact.id] = value
    presence = draw(st.sampled_from(_PRESENCES))
    vendors = draw(st.lists(st.sampled_from(vendors_of(knowledge)), unique=True, max_size=2))
    services = tuple(
        Service(vendor, None, draw(st.none() | _ANY_DAY), tuple(draw(st.lists(reviews(knowledge), max_size=3))))
        for vendor in vendors
    )
    evidence = {f"e{number}": draw(pieces_of_evidence(f"e{number}")) for number in range(draw(st.integers(0, 4)))}
    answers = {}
    for key in draw(st.lists(duty_keys(knowledge), unique=True, max_size=max_answers)):
        status = draw(st.sampled_from(GIVEN_STATUSES))
        answers[key] = Answer(
            control=key[0],
            party=key[1],
            status=status,
            reason="該当しない" if status == "not_applicable" else None,
            evidence=tuple(sorted(draw(st.sets(st.sampled_from(("none", *evidence)))) - {"none"})),
            checked_on=draw(st.none() | _ANY_DAY),
            due=draw(st.none() | _ANY_DAY),
            owner=None,
            note=None,
            carried_over=draw(st.booleans()),
            place=NOWHERE,
        )
    return Institution(
        id="generated",
        name="生成された医療機関",
        kind="hospital",
        beds=None,
        staff=None,
        region=None,
        fictional=True,
        facts=facts,
        integrator_presence=presence,
        integrator="例システム" if presence == "present" else None,
        services=services,
        answers=answers,
        evidence=evidence,
        place=NOWHERE,
    )
