"""An institution's record as parts that change one by one, and back: the same data that an institution's file holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

Data = dict[str, Any]
PartKind = Literal["identity", "integrator", "fact", "service", "answer", "evidence", "attachment", "comment"]
KINDS: Final[tuple[PartKind, ...]] = get_args(PartKind)
# What an institution's file has; attachments and comments live in the store alone.
OF_FILE: Final[frozenset[PartKind]] = frozenset({"identity", "integrator", "fact", "service", "answer", "evidence"})
ANALYSIS_KIND: Final = "analysis"
"""The kind of an event that tells of a kept analysis, beside the parts of a record."""
_ONLY: Final = ""


class Part(NamedTuple):
    """A part of a record. key: what tells it from the others of its kind, empty where there is only one."""

    kind: PartKind
    key: str
    data: Data


def answer_key(control: str, party: str) -> str:
    """The key of an answer: `mhlw-5:6.3-01 user`."""
    return f"{control} {party}"


def parts_of(document: Mapping[str, Any]) -> Iterator[Part]:
    """The parts of an institution's data, as `knowledge` accepts it, in its order."""
    yield Part("identity", _ONLY, dict(document["institution"]))
    if document.get("integrator") is not None:
        yield Part("integrator", _ONLY, dict(document["integrator"]))
    for fact, value in document["profile"].items():
        yield Part("fact", fact, {"value": value})
    for service in document["services"]:
        yield Part("service", service["vendor"], dict(service))
    for item in document["evidence"]:
        yield Part("evidence", item["id"], dict(item))
    for answer in document["answers"]:
        yield Part("answer", answer_key(answer["control"], answer["party"]), dict(answer))


def document_of(parts: Iterable[Part]) -> Data:
    """The institution's data that parts, in their order, make; parts that no file has are left out."""
    document: Data = {"institution": {}, "profile": {}, "services": [], "answers": [], "evidence": []}
    lists: Mapping[str, list[Data]] = {
        "service": document["services"],
        "answer": document["answers"],
        "evidence": document["evidence"],
    }
    for part in parts:
        if part.kind == "identity":
            document["institution"] = part.data
        elif part.kind == "integrator":
            document["integrator"] = part.data
        elif part.kind == "fact":
            document["profile"][part.key] = part.data["value"]
        elif part.kind in lists:
            lists[part.kind].append(part.data)
    return document
