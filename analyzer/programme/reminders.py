"""Reminders that go out by themselves: before a step's due day, and after it, while the institution is to act.

Which days those are, the programme's file says. Each reminder is an item whose key names the step and the day for which
it was meant, so that it goes out once, however often and in however many processes this is run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from analyzer.programme.desk import Desk
from analyzer.programme.model import MailEvent, Programme, Reminders
from analyzer.programme.participant import Participant, participant_of
from analyzer.programme.progress import StepState, step_states
from analyzer.programme.refusal import PortalError
from analyzer.store.items import ItemConflictError, read_everybody
from analyzer.store.principal import Principal
from analyzer.store.records import UnknownInstitutionError

AUTOMATIC: Final = Principal("auto:reminders", "自動の通知", "secretariat")
"""Whom the trail names. No account can have that login."""
_LATE_DAYS: Final = 3
"""For so long a reminder is made up for: the machine may have been off over a weekend."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Reminder:
    key: str
    step: str
    event: MailEvent
    text: str
    due: date
    days: int


def remind_due(desk: Desk, as_of: date) -> int:
    """Write and tell every reminder that is to go out on a day; returns how many were not there already.

    Outside of a programme's period there are none. What fails for one participant is logged and keeps no other from
    being reminded. Asks for no right: the programme's file has decided.
    """
    return sum(_remind_all(desk, programme, as_of) for programme in desk.programmes.values())


def _remind_all(desk: Desk, programme: Programme, as_of: date) -> int:
    if not programme.period.starts_on <= as_of <= programme.period.ends_on:
        return 0
    with desk.database.reading() as connection:
        everybody = read_everybody(connection, programme.id)
    made = 0
    for institution, items in everybody.items():
        held = {(item.kind, item.key): item for item in items}
        try:
            if ("enrolment", "") not in held:
                continue
            # Seldom is there anything to do, so that the lock is taken only where there is.
            wanted = _due(participant_of(programme, institution, held), as_of)
            if any(("reminder", each.key) not in held for each in wanted):
                made += _remind(desk, programme.id, institution, as_of)
        except (PortalError, UnknownInstitutionError, ItemConflictError, LookupError, TypeError, ValueError):
            _LOG.exception("%s %s: could not be reminded", programme.id, institution)
    return made


def _remind(desk: Desk, programme: str, institution: str, as_of: date) -> int:
    made = 0
    with desk.act(AUTOMATIC, programme, institution, "remind", source="reminders") as act:
        for each in _due(act.participant, as_of):
            if act.find("reminder", each.key) is None:
                act.set("reminder", each.key, {"text": each.text, "automatic": True, "signed": act.signature.data()})
                act.outbox.tell_institution(institution, each.event, each.text, each.step, due=each.due, days=each.days)
                made += 1
    return made


def _due(participant: Participant, as_of: date) -> list[_Reminder]:
    rules = participant.programme.reminders
    states = step_states(participant, as_of)
    return [found for state in states if (found := _of_step(state, rules, as_of)) is not None]


def _of_step(state: StepState, rules: Reminders, as_of: date) -> _Reminder | None:
    if state.waiting_for != "institution" or state.due is None:
        return None
    meant = max((day for day in _days(state.due, rules, as_of) if day <= as_of), default=None)
    if meant is None or meant < as_of - timedelta(days=_LATE_DAYS):
        return None
    left = (state.due - as_of).days
    if left < 0 and meant <= state.due:
        # It was meant to warn of a day that is past now.
        return None
    title = state.step.title
    if left < 0:
        event: MailEvent = "overdue"
        text = f"「{title}」の期限（{_said(state.due)}）を{-left}日過ぎています。{state.next_action}"
    else:
        event = "date_near"
        when = f"あと{left}日" if left else "今日"
        text = f"「{title}」の期限（{_said(state.due)}）は{when}です。{state.next_action}"
    return _Reminder(f"{state.step.id}/{meant.isoformat()}", state.step.id, event, text, state.due, abs(left))


def _days(due: date, rules: Reminders, as_of: date) -> Iterator[date]:
    """The days on which a step is reminded of, as far as a day: before its due day, and from the day after it."""
    yield from (due - timedelta(days=days) for days in rules.days_before)
    every = rules.overdue_every_days
    if every is not None and as_of > due:
        late = (as_of - due).days - 1
        yield due + timedelta(days=1 + late // every * every)


def _said(day: date) -> str:
    return f"{day.month}月{day.day}日"
