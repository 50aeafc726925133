"""An institution that answers every duty and leaves no field empty, each with a text or day of its own to look for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Place
from analyzer.model.institution import Answer, Evidence, Institution, Review, Service
from analyzer.model.vocabulary import Party, Status

AS_OF = date(2026, 11, 1)
VENDOR = "cybozu.com"
_STATUSES: tuple[Status, ...] = ("implemented", "partial", "planned", "not_implemented", "not_applicable")
_NOWHERE = Place("filled.yaml", ())


@dataclass(frozen=True)
class Filled:
    """The institution, and what a file that drops nothing has to hold."""

    institution: Institution
    texts: tuple[str, ...]
    days: tuple[date, ...]


def filled(knowledge: KnowledgeBase) -> Filled:
    """Every (control, party) with a duty of cybozu.com answered, one of them checked later than AS_OF."""
    keys: list[tuple[str, Party]] = [
        (control.key, party)
        for control in knowledge.controls.values()
        if VENDOR in control.responses
        for party in ("user", "integrator")
        if party in control.responses[VENDOR].duty_parties
    ]
    answers: dict[tuple[str, Party], Answer] = {}
    evidence: dict[str, Evidence] = {}
    texts: list[str] = []
    days: list[date] = []
    for number, key in enumerate(keys):
        tag = f"{number:04d}"
        item = Evidence(
            id=f"e{tag}",
            title=f"題名{tag}",
            kind="record",
            issued_on=AS_OF - timedelta(days=3 * number + 1),
            valid_until=AS_OF + timedelta(days=3 * number),
            covers_from=AS_OF - timedelta(days=5000 + number),
            covers_to=AS_OF - timedelta(days=3000 + number),
            location=f"保管{tag}",
            note=f"証跡備考{tag}",
        )
        checked = AS_OF - timedelta(days=number) if number else AS_OF + timedelta(days=1)
        answer = Answer(
            control=key[0],
            party=key[1],
            status=_STATUSES[number % len(_STATUSES)],
            reason=f"理由{tag}",
            evidence=(item.id,),
            checked_on=checked,
            due=AS_OF + timedelta(days=number - 40),
            owner=f"担当{tag}",
            note=f"備考{tag}の1行目\n備考{tag}の2行目",
            carried_over=number % 7 == 3,
            place=_NOWHERE,
        )
        answers[key] = answer
        evidence[item.id] = item
        texts += [item.id, item.title, item.location or "", item.note or "", answer.reason or "", answer.owner or ""]
        texts += (answer.note or "").split("\n")
        days += [item.issued_on, item.valid_until or AS_OF, item.covers_from or AS_OF, item.covers_to or AS_OF]
        days += [checked, answer.due or AS_OF]
    return Filled(
        Institution(
            id="filled",
            name="架空すべて記入病院",
            kind="hospital",
            beds=987,
            staff=6543,
            region="架空県全記入市",
            fictional=True,
            facts={"uses_wireless_lan": False},
            integrator_presence="present",
            integrator="架空の全記入システム",
            services=(
                Service(
                    vendor=VENDOR,
                    used_for="用途の全記入",
                    nda_concluded_on=date(2024, 2, 29),
                    reviews=(
                        Review("nda", date(2024, 3, 31), ("mhlw-5:6.3",), "閲覧者の全記入", "閲覧の備考の全記入"),
                    ),
                ),
            ),
            answers=answers,
            evidence=evidence,
            place=_NOWHERE,
        ),
        tuple(texts),
        tuple(days),
    )


# What the file says of the institution itself and of its service; not every table of answers holds this.
IDENTITY_TEXTS = (
    "架空すべて記入病院",
    "987",
    "6543",
    "架空県全記入市",
    "架空の全記入システム",
    "用途の全記入",
    "閲覧者の全記入",
    "閲覧の備考の全記入",
)
IDENTITY_DAYS = (date(2024, 2, 29), date(2024, 3, 31))
