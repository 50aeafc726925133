"""The fragments of the page on which duties are answered: what is asked, and how an answer came to be what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from analyzer.browse.tasks import Task
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.templating import render_html
from analyzer.knowledge.base import KnowledgeBase

Data = Mapping[str, Any]
FIELDS: Final[Mapping[str, str]] = {
    "status": "実施状況",
    "reason": "理由",
    "checked_on": "確認日",
    "due": "期限",
    "owner": "担当者",
    "evidence": "証跡",
    "note": "備考",
    "carried_over": "引継ぎ",
}
"""The fields of an answer that people fill in, and what they are called."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of an answer before and after a change, as people read it."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A change of an answer. at: the moment it was made, in the reader's time zone."""

    number: int
    at: datetime
    actor: str
    action: str
    source: str
    differences: tuple[Difference, ...]


def duty_fragment(task: Task, knowledge: KnowledgeBase, rulebook: Rulebook) -> str:
    """What is asked of a party under a control, what counts as evidence, and what the engine says of it now."""
    control = task.result.control
    return render_html(
        "screens/answer_duty.html.j2",
        task=task,
        control=control,
        guideline=knowledge.guidelines[control.guideline],
        term=rulebook.term,
        gaps=[gap for gap in task.result.gaps if gap.party == task.duty.party],
    ).decode()


def history_fragment(entries: Sequence[HistoryEntry]) -> str:
    """The changes of an answer, the latest first."""
    return render_html("screens/answer_history.html.j2", entries=entries).decode()


def collision_fragment(mine: Data | None, theirs: Data | None, actor: str, at: datetime, rulebook: Rulebook) -> str:
    """What one wanted to save beside what somebody else saved meanwhile."""
    return render_html(
        "screens/answer_collision.html.j2",
        actor=actor,
        at=at,
        differences=tuple(differences(theirs, mine, rulebook)),
    ).decode()


def differences(before: Data | None, after: Data | None, rulebook: Rulebook) -> Iterator[Difference]:
    """The fields in which two states of an answer differ; None: there was, or is, no answer."""
    for field, label in FIELDS.items():
        old, new = (before or {}).get(field), (after or {}).get(field)
        if old != new:
            yield Difference(label, _said(field, old, rulebook), _said(field, new, rulebook))


def _said(field: str, value: Any, rulebook: Rulebook) -> str:
    if value is None or value in ([], ""):
        return rulebook.term("status", "unanswered").ja if field == "status" else "（なし）"
    if field == "status":
        return rulebook.term("status", value).ja
    if field == "carried_over":
        return "要再確認" if value else "確認済"
    return "、".join(value) if isinstance(value, list) else str(value)
