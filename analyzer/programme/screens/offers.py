"""The fragments of what accepted forms suggest for the institution's record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme.effects import OfferEffect
from analyzer.programme.feeding import ShownOffer
from analyzer.programme.filled_form import is_given
from analyzer.programme.participant import Participant
from analyzer.programme.screens.words import OFFER, render, said

_YES_NO: Final = {True: "はい", False: "いいえ"}
_SHOWN: Final = 12


def offer_title(shown: ShownOffer, knowledge: KnowledgeBase) -> str:
    """What an offer is about, in a line."""
    offer = shown.offer
    if offer.kind == "fact":
        return knowledge.facts[offer.key].question
    if offer.kind == "service":
        vendor = knowledge.vendors.get(offer.key)
        return f"利用しているクラウドサービス：{vendor.name.ja if vendor is not None else offer.key}"
    control = knowledge.controls[offer.data["control"]]
    return f"{control.id} {control.title.ja}"


def offers_head_fragment(offers: Sequence[ShownOffer], together: int) -> str:
    """What offers are, how many are decided, and on how many results those that wait would tell together."""
    counts = {state: sum(1 for each in offers if each.offer.state == state) for state in OFFER}
    return render("offers_head", counts=counts, together=together)


def offer_fragment(
    participant: Participant,
    shown: ShownOffer,
    effect: OfferEffect,
    knowledge: KnowledgeBase,
    rulebook: Rulebook,
    *,
    titled: bool,
) -> str:
    """An offer: what was asked and answered, what it sets, what stands there now, what follows from it.

    titled: whether it says what it is about, which a check box above it may do.
    """
    offer = shown.offer
    form = participant.programme.form_by_id[offer.form]
    question = form.by_id.get(offer.question)
    paper = participant.steps[participant.programme.step_of_form[offer.form].id].forms[offer.form]
    given = paper.answers.get(offer.question)
    return render(
        "offer",
        offer=offer,
        title=offer_title(shown, knowledge),
        form=form,
        question=question,
        given=said(question, given) if question is not None and is_given(given) else None,
        before=_value(shown.present, offer.kind, rulebook),
        after=_value(offer.data, offer.kind, rulebook),
        effect=effect,
        titled=titled,
        most=_SHOWN,
        term=rulebook.term,
        control=knowledge.controls[offer.data["control"]] if offer.kind == "answer" else None,
        document=_document(participant, offer.data.get("document")),
    )


def _value(data: dict[str, Any] | None, kind: str, rulebook: Rulebook) -> str:
    if kind == "service":
        return "利用している" if data is not None else "登録なし"
    if kind == "answer":
        return rulebook.term("status", data["status"] if data is not None else "unanswered").ja
    if data is None:
        return "未確認"
    value = data["value"]
    return _YES_NO[value] if isinstance(value, bool) else str(value)


def _document(participant: Participant, identity: str | None) -> str | None:
    """The title of the accepted document that becomes evidence, None where there is none."""
    if identity is None:
        return None
    step = participant.programme.step_of_document[identity]
    paper, wanted = participant.steps[step.id].documents[identity], step.document(identity)
    accepted = paper.state == "accepted" and paper.issued_on is not None
    return wanted.title if accepted and wanted is not None else None
