"""The record's parts as the cells of a checklist see them: what a part holds, and the part with some cells changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analyzer.exports.checklist.baseline import CARRIED, Saying
from analyzer.exports.checklist.layout import LIST_SEPARATOR
from analyzer.store.parts import Data

Held = Mapping[str, Saying]
"""By field, what a part holds."""
Edits = Mapping[str, str]
"""By field, what it is to hold, in plain form; empty: nothing."""

_COVERS: Final = {"covers_from": "from", "covers_to": "to"}


def answer_held(data: Data | None) -> dict[str, Saying]:
    """The cells of an answer; all nothing where there is none."""
    given = data or {}
    plain = ("status", "reason", "checked_on", "evidence", "owner", "due", "note")
    return {**{name: given.get(name) for name in plain}, "carried_over": CARRIED if given.get("carried_over") else None}


def with_answer(data: Data | None, control: str, party: str, edits: Edits) -> Data | None:
    """An answer with cells changed; None where no status is left."""
    changed: Data = dict(data) if data is not None else {"control": control, "party": party}
    for name, value in edits.items():
        if name == "evidence":
            _put(changed, name, _listed(value))
        elif name == "carried_over":
            _put(changed, name, value == CARRIED)
        else:
            _put(changed, name, value)
    return changed if changed.get("status") else None


def evidence_held(data: Data | None) -> dict[str, Saying]:
    """The cells of a piece of evidence."""
    given = data or {}
    covers = given.get("covers") or {}
    plain = ("id", "title", "kind", "issued_on", "valid_until", "location", "note")
    return {
        **{name: given.get(name) for name in plain},
        **{name: covers.get(end) for name, end in _COVERS.items()},
    }


def with_evidence(data: Data | None, identity: str, edits: Edits) -> Data:
    """A piece of evidence with cells changed."""
    changed: Data = dict(data) if data is not None else {"id": identity}
    covers = dict(changed.get("covers") or {})
    for name, value in edits.items():
        if name in _COVERS:
            _put(covers, _COVERS[name], value)
        elif name != "id":
            _put(changed, name, value)
    _put(changed, "covers", covers)
    return changed


def service_held(data: Data | None) -> dict[str, Saying]:
    """The cells of a service itself."""
    given = data or {}
    return {name: given.get(name) for name in ("nda_concluded_on", "used_for")}


def with_service(data: Data, edits: Edits) -> Data:
    """A service with cells changed; its reviews stay."""
    changed = dict(data)
    for name, value in edits.items():
        _put(changed, name, value)
    return changed


def review_held(vendor: str, review: Data) -> dict[str, Saying]:
    """The cells of a review."""
    return {
        "vendor": vendor,
        "sections": review.get("sections"),
        "reviewed_on": review.get("on"),
        "note": review.get("note"),
        "documents": review.get("documents"),
        "by": review.get("by"),
    }


def with_review(review: Data | None, edits: Edits) -> Data:
    """A review with cells changed."""
    changed: Data = dict(review or {})
    for name, value in edits.items():
        if name == "sections":
            _put(changed, name, _listed(value))
        elif name != "vendor":
            _put(changed, "on" if name == "reviewed_on" else name, value)
    return changed


def fact_held(data: Data | None) -> dict[str, Saying]:
    """The answer to a question."""
    value = (data or {}).get("value")
    return {"answer": None if value is None else str(value).lower()}


def with_fact(value: str, choices: Mapping[str, bool | str]) -> Data:
    """A question answered; choices: the fact's value for each word."""
    return {"value": choices[value] if value else None}


def _listed(value: str) -> list[str]:
    return value.split(LIST_SEPARATOR) if value else []


def _put(data: Data, name: str, value: Any) -> None:
    """Set, or leave out what is nothing."""
    if value:
        data[name] = value
    else:
        data.pop(name, None)
