"""The secretariat's board: every participant with its step, what is overdue, and whose turn it is."""

from __future__ import annotations

import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, Literal, get_args

from sqlalchemy import Connection, func, select

from analyzer.programme.desk import Desk
from analyzer.programme.model import Programme
from analyzer.programme.participant import Enrolment, Participant, Side, Signature, participant_of
from analyzer.programme.progress import StepState, step_states
from analyzer.store.items import OF_PROGRAMME, Item, read_everybody, read_items
from analyzer.store.principal import Principal, needs, require
from analyzer.store.tables import CHAIN, PROGRAMME_ITEMS

Turn = Literal["institution", "secretariat", "nobody"]
Act = Literal["change", "paper", "dates", "message"]
"""What an institution did that the secretariat has not answered yet: it asked for its basic data to be changed, handed
something in, asked for other dates, wrote a message.
"""
ACTS: Final[tuple[Act, ...]] = get_args(Act)
Facet = Literal["act", "turn", "overdue", "step", "kind", "region"]
FACETS: Final[tuple[Facet, ...]] = get_args(Facet)
SortKey = Literal["number", "name", "kind", "region", "step", "turn", "due", "overdue", "last"]
ALL_DONE: Final = "-"
"""The step of a participant that has finished them all."""
# Up to so many participants that have changed are read one by one, which is quicker than reading all of them.
_ONE_BY_ONE: Final = 100


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A participant at a day, with as little of it as the board needs: there may be thousands. No answers are in it.

    registration: the basic data by field. messages: how many there are. current: the first step that is not over, None
    where all are. overdue: the steps that are not done and whose day is past. acts: what waits for an answer of the
    secretariat. last: who did the latest thing, and when. values: by facet, as an address says them, of `act` any
    number. searched: what a text is looked for in.
    """

    institution: str
    enrolment: Enrolment
    registration: Mapping[str, str]
    messages: int
    states: tuple[StepState, ...]
    current: StepState | None
    overdue: tuple[StepState, ...]
    acts: tuple[Act, ...]
    last: Signature | None
    values: Mapping[Facet, tuple[str, ...]]
    searched: str

    @property
    def turn(self) -> Turn:
        """Whose turn it is."""
        return _turn(self.current)


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """What is asked for: a text in name, id or number, and for each facet the values that may stand; none: any."""

    text: str = ""
    chosen: Mapping[Facet, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoardView:
    """The rows that a filter leaves, and how many rows each value would leave beside what the other facets ask."""

    rows: tuple[BoardRow, ...]
    counts: Mapping[Facet, Mapping[str, int]]
    of: int


_Stamp = tuple[int, int]
_Head = tuple[int, str]


@dataclass(slots=True)
class _Kept:
    """A programme's board as it was last read. head: of the trail then. each: stamps that change with the items."""

    as_of: date
    head: _Head
    each: Mapping[str, _Stamp]
    by_institution: Mapping[str, BoardRow]
    rows: tuple[BoardRow, ...]


class Board:
    """The boards of all programmes. What was read is kept; of what has changed since, only that is read again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: dict[str, _Kept] = {}
        self._reading = threading.Lock()

    @needs("run_programme")
    def rows(self, principal: Principal, programme: str, as_of: date) -> tuple[BoardRow, ...]:
        """Every participant, by number and name; without drafts and offers."""
        require(principal, "run_programme")
        meant = self._desk.programme(programme)
        with self._reading, self._desk.database.reading() as connection:
            # Taken first: what is written while this reads makes the next look read again.
            head = _head(connection)
            kept = self._kept.get(programme)
            if kept is None or (kept.head, kept.as_of) != (head, as_of):
                kept = self._kept[programme] = _read(connection, meant, as_of, head, kept)
            return kept.rows


def _head(connection: Connection) -> _Head:
    """The last event of the store: while it is the same, nothing has changed."""
    row = connection.execute(select(CHAIN.c.number, CHAIN.c.hash).where(CHAIN.c.id == 1)).one()
    return row.number, row.hash


def _of_stamp(row: Any) -> _Stamp:
    return row[0] or 0, row[1]


def _read(connection: Connection, programme: Programme, as_of: date, head: _Head, kept: _Kept | None) -> _Kept:
    """The board now. What has not changed since it was kept for the same day is taken over."""
    items = PROGRAMME_ITEMS.c
    query = select(items.institution, func.max(items.version), func.count()).where(
        items.programme == programme.id, items.institution != OF_PROGRAMME
    )
    stamps = {row[0]: _of_stamp(row[1:]) for row in connection.execute(query.group_by(items.institution))}
    if kept is None or kept.as_of != as_of:
        kept = _Kept(as_of, head, {}, {}, ())
    changed = [each for each, stamp in stamps.items() if kept.each.get(each) != stamp]
    if not changed and len(kept.each) == len(stamps):
        return replace(kept, head=head)
    fresh: Mapping[str, tuple[Item, ...]]
    if len(changed) > _ONE_BY_ONE:
        fresh = read_everybody(connection, programme.id)
    else:
        fresh = {each: read_items(connection, programme.id, each) for each in changed}
    found: dict[str, BoardRow] = {}
    for each in stamps:
        if each in fresh:
            held = {(item.kind, item.key): item for item in fresh[each]}
            if ("enrolment", "") in held:
                found[each] = board_row(participant_of(programme, each, held), as_of)
        elif each in kept.by_institution:
            found[each] = kept.by_institution[each]
    return _Kept(as_of, head, stamps, found, tuple(sorted(found.values(), key=_order)))


def board_row(participant: Participant, as_of: date) -> BoardRow:
    """A participant's row at a day."""
    states = step_states(participant, as_of)
    current = first_open(states)
    overdue = tuple(state for state in states if state.overdue)
    acts = tuple(_acts(participant))
    enrolment = participant.enrolment
    return BoardRow(
        institution=participant.institution,
        enrolment=enrolment,
        registration=participant.registration.values,
        messages=sum(len(record.messages) for record in participant.steps.values()),
        states=states,
        current=current,
        overdue=overdue,
        acts=acts,
        last=max(_signatures(participant), key=lambda each: each.at, default=None),
        values={
            "act": acts,
            "turn": (_turn(current),),
            "overdue": ("yes" if overdue else "no",),
            "step": (current.step.id if current is not None else ALL_DONE,),
            "kind": (enrolment.kind,),
            "region": (enrolment.region or "",),
        },
        searched=_searched(participant),
    )


def first_open(states: Iterable[StepState]) -> StepState | None:
    """The first step that is not over, whoever's turn it is; None where all are.

    Where an institution stands in the course of the programme: it could fill in the closing questionnaire from the
    first day on, which says nothing about whose turn it is now.
    """
    return next((state for state in states if state.waiting_for is not None), None)


def board_view(rows: Iterable[BoardRow], wanted: BoardFilter) -> BoardView:
    """The rows that are asked for."""
    everything = tuple(rows)
    text = _plain(wanted.text)
    found = [row for row in everything if not text or text in row.searched]
    tests: dict[Facet, Callable[[BoardRow], bool]] = {
        facet: _test(facet, frozenset(values)) for facet, values in wanted.chosen.items() if values
    }
    counts = {
        facet: Counter(
            value
            for row in found
            if all(test(row) for other, test in tests.items() if other != facet)
            for value in row.values[facet]
        )
        for facet in FACETS
    }
    left = tuple(row for row in found if all(test(row) for test in tests.values()))
    return BoardView(left, counts, len(everything))


def facet_values(programme: Programme, rows: Iterable[BoardRow], facet: Facet) -> tuple[str, ...]:
    """The values that a facet's choice offers, in a fitting order."""
    if facet == "step":
        return (*programme.step_by_id, ALL_DONE)
    if facet == "turn":
        return ("institution", "secretariat", "nobody")
    if facet == "overdue":
        return ("yes", "no")
    if facet == "act":
        return ACTS
    return tuple(sorted({value for row in rows for value in row.values[facet]}))


def sorted_rows(rows: Iterable[BoardRow], order: str | None, programme: Programme) -> tuple[BoardRow, ...]:
    """The rows in an order: a SortKey, `-` before it for the other way round; by number where it is none of these.

    Rows that have nothing to be sorted by come last either way.
    """
    named = (order or "").removeprefix("-")
    key = _sort_keys(programme).get(named)
    if key is None:
        return tuple(rows)
    wanted = [(key(row), row) for row in rows]
    present = sorted(
        ((value, row) for value, row in wanted if value is not None),
        key=lambda pair: pair[0],
        reverse=(order or "").startswith("-"),
    )
    return (*(row for _, row in present), *(row for value, row in wanted if value is None))


def _sort_keys(programme: Programme) -> Mapping[str, Callable[[BoardRow], Any]]:
    """What each SortKey sorts by; None for what comes last."""
    place = {step: index for index, step in enumerate((*programme.step_by_id, ALL_DONE))}
    turns = {"secretariat": 0, "institution": 1, "nobody": 2}
    keys: dict[SortKey, Callable[[BoardRow], Any]] = {
        "number": _number,
        "name": lambda row: row.enrolment.name,
        "kind": lambda row: row.values["kind"][0],
        "region": lambda row: row.enrolment.region or None,
        "step": lambda row: place[row.values["step"][0]],
        "turn": lambda row: turns[row.turn],
        "due": lambda row: row.current.due if row.current is not None else None,
        "overdue": lambda row: min((state.due for state in row.overdue if state.due is not None), default=None),
        "last": lambda row: row.last.at if row.last is not None else None,
    }
    return dict(keys.items())


def waiting(rows: Iterable[BoardRow], side: Side) -> int:
    """How many participants wait for a side."""
    return sum(1 for row in rows if row.turn == side)


def _test(facet: Facet, values: frozenset[str]) -> Callable[[BoardRow], bool]:
    return lambda row: not values.isdisjoint(row.values[facet])


def _acts(participant: Participant) -> Iterable[Act]:
    check, records = participant.check, participant.steps.values()
    if check is not None and check.outcome == "change":
        yield "change"
    papers = (paper for record in records for paper in (*record.forms.values(), *record.documents.values()))
    if any(paper.state == "handed_in" and not _only_kept(participant, paper.id) for paper in papers):
        yield "paper"
    if any(record.schedule.other is not None and record.schedule.agreed is None for record in records):
        yield "dates"
    if any(record.messages and record.messages[-1].side == "institution" for record in records):
        yield "message"


def _only_kept(participant: Participant, paper: str) -> bool:
    """Whether a paper is one that nobody has to decide on: a questionnaire's form is done once it is handed in."""
    step = participant.programme.step_of_form.get(paper)
    return step is not None and step.kind == "questionnaire"


def _signatures(participant: Participant) -> Iterable[Signature]:
    yield participant.enrolment.signed
    yield from (each.signed for each in participant.checks)
    yield from (each.signed for each in participant.consents)
    for record in participant.steps.values():
        for paper in (*record.forms.values(), *record.documents.values()):
            yield from (each for each in (paper.handed_in, paper.decided) if each is not None)
        yield from (each.signed for each in record.handouts)
        yield from (each.signed for each in record.messages)


def _order(row: BoardRow) -> tuple[bool, tuple[bool, int, str], str]:
    number = _number(row)
    return number is None, number or (False, 0, ""), row.enrolment.name


def _number(row: BoardRow) -> tuple[bool, int, str] | None:
    """By its value where it is of digits alone, these first; None without one."""
    number = row.enrolment.number
    return (not number.isdecimal(), int(number) if number.isdecimal() else 0, number) if number else None


def _searched(participant: Participant) -> str:
    enrolment = participant.enrolment
    values = participant.registration.values.values()
    return _plain(" ".join([enrolment.name, participant.institution, enrolment.number or "", *values]))


def _turn(current: StepState | None) -> Turn:
    return current.waiting_for or "nobody" if current is not None else "nobody"


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
