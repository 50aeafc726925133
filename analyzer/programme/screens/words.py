"""What both sides' screens call the states of things, each with a sign, so that no state is told by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode

from analyzer.exports.japan_time import in_japan
from analyzer.exports.templating import ja_date, render_html
from analyzer.programme.model import Question, StepKind
from analyzer.programme.participant import OfferState, PaperState, Side
from analyzer.programme.progress import StepStatus

_WEEKDAYS: Final = "月火水木金土日"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a closed set. tone: good, pending, part, bad or neutral."""

    mark: str
    ja: str
    tone: str


STEP: Final[Mapping[StepStatus, Word]] = {
    "todo": Word("▶", "対応が必要", "part"),
    "waiting": Word("…", "事務局の対応待ち", "pending"),
    "done": Word("✓", "完了", "good"),
    "not_wanted": Word("－", "希望しない", "neutral"),
}
PAPER: Final[Mapping[PaperState, Word]] = {
    "asked": Word("□", "未提出", "neutral"),
    "draft": Word("✎", "下書き", "part"),
    "handed_in": Word("…", "提出済（確認待ち）", "pending"),
    "accepted": Word("✓", "受領済", "good"),
    "sent_back": Word("↩", "差し戻し", "bad"),
}
OFFER: Final[Mapping[OfferState, Word]] = {
    "offered": Word("□", "未決定", "part"),
    "taken": Word("✓", "反映済", "good"),
    "declined": Word("－", "反映しない", "neutral"),
}
SIDE: Final[Mapping[Side, str]] = {"institution": "医療機関", "secretariat": "事務局"}
KIND: Final[Mapping[StepKind, str]] = {
    "registration": "確認",
    "consent": "同意",
    "support": "支援",
    "hearing": "聞き取り",
    "questionnaire": "アンケート",
}


def render(template: str, **context: object) -> str:
    """A fragment of the portal; the words and the ways to write moments and days are known in it."""
    known = {"STEP": STEP, "PAPER": PAPER, "OFFER": OFFER, "SIDE": SIDE, "when": when, "day": day_text, "size": size}
    return render_html(f"portal/{template}.html.j2", **known, **context).decode()


def when(at: str) -> str:
    """A moment of the store in Japan's time: `2026年5月8日 14:05`."""
    moment = in_japan(at)
    return f"{ja_date(moment.date())} {moment:%H:%M}"


def day_text(day: str | date | None) -> str:
    """A day with its weekday: `2026年5月29日（金）`."""
    if day is None:
        return ja_date(None)
    meant = date.fromisoformat(day) if isinstance(day, str) else day
    return f"{ja_date(meant)}（{_WEEKDAYS[meant.weekday()]}）"


def days_left(due: date, as_of: date) -> str:
    """How long there is until a due day: `あと12日`, `今日まで`, `3日超過`."""
    days = (due - as_of).days
    return f"あと{days}日" if days > 0 else "今日まで" if days == 0 else f"{-days}日超過"


def size(count: int) -> str:
    """A number of bytes: `24 KB`, `3.1 MB`."""
    kilo, mega = 1024, 1024 * 1024
    return f"{count / mega:,.1f} MB" if count >= mega else f"{max(count / kilo, 1):,.0f} KB"


def said(question: Question, value: object) -> str:
    """An answer as people read it."""
    if isinstance(value, list | tuple):
        return "、".join(question.label(str(each)) for each in value)
    if question.options:
        return question.label(str(value))
    if question.type == "date":
        return day_text(str(value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,} {question.unit or ''}".strip() if isinstance(value, int) else str(value)


def here(programme: str, institution: str, step: str | None = None, view: str | None = None) -> str:
    """The address of a view of the institution's page, from that page itself."""
    named = {"programme": programme, "institution": institution, "step": step, "view": view}
    return f"?{urlencode({name: value for name, value in named.items() if value})}"
