"""A block of institutions as the codes the engine decides by: the same readings as for one institution, by column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analyzer.engine.analysis import Analyzer
from analyzer.engine.cell import DutyInputs
from analyzer.engine.interpreter import first_hit
from analyzer.engine.periods import months_after
from analyzer.engine.population import PopulationColumns
from analyzer.model.catalog import AllOf, AnyOf, Certification, Expression, FactTest, Not
from analyzer.model.controls import Control
from analyzer.model.institution import IntegratorPresence
from analyzer.model.vocabulary import PARTIES, Party
from analyzer.portfolio.layout import answer_column, review_column

Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.int32]

PRESENCES: Final[tuple[str, ...]] = get_args(IntegratorPresence)
# The parts of an answer that decide.
_PARTS: Final = ("status", "proof", "proof_until", "recheck", "checked_on")
_EPOCH: Final = date(1970, 1, 1)
_NEVER: Final = np.int32(-(2**31))


def day_number(day: date) -> int:
    """Days since 1970-01-01, as Arrow counts them."""
    return (day - _EPOCH).days


class Block:
    """A record batch in the wide layout, its columns by name as numpy arrays; a missing column is all empty."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch
        self.rows: int = batch.num_rows
        self._index = {name: index for index, name in enumerate(batch.schema.names)}

    def has(self, name: str) -> bool:
        """Whether the table has the column."""
        return name in self._index

    def words(self, name: str, words: tuple[str, ...]) -> npt.NDArray[np.int8]:
        """Positions in `words`, -1 where nothing is given."""
        if name not in self._index:
            return np.full(self.rows, -1, dtype=np.int8)
        column = self.batch.column(self._index[name])
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        given = column.dictionary.to_pylist()
        indices = column.indices.fill_null(len(given)) if column.null_count else column.indices
        table = np.array([words.index(word) if word else -1 for word in given] + [-1], dtype=np.int8)
        found: npt.NDArray[np.int8] = table[indices.to_numpy(zero_copy_only=False)]
        return found

    def flags(self, name: str) -> npt.NDArray[np.int8]:
        """1 true, 0 false, -1 where nothing is given."""
        if name not in self._index:
            return np.full(self.rows, -1, dtype=np.int8)
        column = self.batch.column(self._index[name])
        numbers: npt.NDArray[np.int8] = column.cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False)
        return numbers

    def days(self, name: str) -> Days:
        """Days since 1970-01-01, the smallest number there is where nothing is given."""
        if name not in self._index:
            return np.full(self.rows, _NEVER, dtype=np.int32)
        return _filled_days(self.batch.column(self._index[name]))

    def all_words(self, names: Sequence[str], words: tuple[str, ...]) -> npt.NDArray[np.int8]:
        """As `words`, for columns that share the layout's words; columns × rows."""
        found = np.full((len(names), self.rows), -1, dtype=np.int8)
        places = [place for place, name in enumerate(names) if name in self._index]
        if places and self.rows:
            columns = [self.batch.column(self._index[names[place]]) for place in places]
            table = np.array([*(words.index(word) for word in columns[0].dictionary.to_pylist()), -1], dtype=np.int8)
            codes = pa.concat_arrays([column.indices for column in columns]).fill_null(len(table) - 1)
            found[places] = table[codes.to_numpy(zero_copy_only=False)].reshape(len(places), self.rows)
        return found

    def all_days(self, names: Sequence[str]) -> Days | None:
        """As `days`, columns × rows; None where the table has none of them."""
        places = [place for place, name in enumerate(names) if name in self._index]
        if not places:
            return None
        found = np.full((len(names), self.rows), _NEVER, dtype=np.int32)
        columns = [self.batch.column(self._index[names[place]]) for place in places]
        found[places] = _filled_days(pa.concat_arrays(columns)).reshape(len(places), self.rows)
        return found


def _filled_days(column: Any) -> Days:
    numbers: Days = column.cast(pa.int32()).fill_null(int(_NEVER)).to_numpy(zero_copy_only=False)
    return numbers


@dataclass(frozen=True, slots=True)
class _Documents:
    """The documents a vendor's answer rests on, and the certifications it relies on."""

    disclosure: str
    section: str
    certifications: tuple[Certification, ...]


@dataclass(frozen=True, slots=True)
class _Served:
    """What a vendor's answers bring.

    holds: by party whether it holds the duty, presences of an SI vendor × controls. documents: the different ones, None
    where the vendor does not answer. documents_of: each control's place among them.
    """

    holds: dict[Party, Flags]
    documents: tuple[_Documents | None, ...]
    documents_of: npt.NDArray[np.intp]


class Encoder:
    """Encodes blocks for one analyzer at one day."""

    def __init__(self, analyzer: Analyzer, as_of: date) -> None:
        self._analyzer = analyzer
        self._knowledge = analyzer.knowledge
        self._controls = tuple(analyzer.knowledge.controls.values())
        self._today = day_number(as_of)
        self._as_of = as_of
        self._review_since = _oldest_current(as_of, analyzer.rulebook.policy.review_max_age_months)
        tables = analyzer.rulebook.tables
        self._conditions = tables["applicability"].inputs["condition"]
        self._reviews = tables["assurance"].inputs["review"]
        self._certificates = tables["assurance"].inputs["certificate"]
        self._statuses, self._proofs, self._rechecks = tables["duty"].inputs.values()
        self._duty_codes = self._given_codes()
        self._expired = self._proofs.index("expired")
        self._current = self._proofs.index("current")
        self._holders = {
            (party, presence): first_hit(tables["duty_holder"], {"party": party, "si_vendor": presence}).then["holder"]
            for party in PARTIES
            for presence in PRESENCES
        }
        self._columns = {
            party: {part: [answer_column(part, control.key, party) for control in self._controls] for part in _PARTS}
            for party in PARTIES
        }
        self._served: dict[str | None, _Served] = {}

    def shared(self, block: Block) -> _Shared:
        """What is the same whichever service is looked at: conditions and answers."""
        named: dict[str | None, Codes] = {
            None: np.full(block.rows, self._conditions.index("unconditional"), dtype=np.uint8)
        }
        for control in self._controls:
            if control.applies_if not in named:
                named[control.applies_if] = self._condition(control, block)
        places = {name: place for place, name in enumerate(named)}
        chosen = [places[control.applies_if] for control in self._controls]
        # take keeps rows together, as the engine reads them; indexing would turn the array.
        condition = np.take(np.stack(list(named.values()), axis=1), chosen, axis=1)
        presence = block.words("integrator", PRESENCES)
        return _Shared(
            condition,
            {party: self._answers(block, party) for party in PARTIES},
            np.where(presence < 0, PRESENCES.index("unknown"), presence),
        )

    def columns(
        self, block: Block, shared: _Shared, vendor: str | None, rows: npt.NDArray[np.intp]
    ) -> PopulationColumns:
        """The engine's columns of some rows of a block for one vendor's service (None: no service)."""
        served = self._served_by(vendor)
        chosen: Any = slice(None) if np.array_equal(rows, np.arange(block.rows)) else rows
        standings = [self._standing(block, vendor, documents)[chosen] for documents in served.documents]
        presence = shared.presence[chosen]
        user, integrator = (
            shared.answers[party][chosen] * served.holds[party][presence].view(np.uint8) for party in PARTIES
        )
        return PopulationColumns(
            shared.condition[chosen],
            np.take(np.stack(standings, axis=1), served.documents_of, axis=1),
            user,
            integrator,
        )

    def _served_by(self, vendor: str | None) -> _Served:
        if vendor not in self._served:
            holds = {party: np.zeros((len(PRESENCES), len(self._controls)), dtype=np.bool_) for party in PARTIES}
            documents: dict[_Documents | None, int] = {}
            places = []
            for column, control in enumerate(self._controls):
                response = control.responses.get(vendor) if vendor is not None else None
                places.append(documents.setdefault(self._documents(control, vendor), len(documents)))
                for number, presence in enumerate(PRESENCES):
                    for stated in response.duty_parties if response else ():
                        holder: Any = self._holders[stated, presence]
                        holds[holder][number, column] = True
            self._served[vendor] = _Served(holds, tuple(documents), np.array(places, dtype=np.intp))
        return self._served[vendor]

    def _documents(self, control: Control, vendor: str | None) -> _Documents | None:
        response = control.responses.get(vendor) if vendor is not None else None
        if response is None:
            return None
        register = self._knowledge.vendors.get(response.vendor)
        relied_on = tuple(register.certifications[item] for item in response.certifications) if register else ()
        return _Documents(response.disclosure, f"{control.guideline}:{control.section.id}", relied_on)

    def _condition(self, control: Control, block: Block) -> Codes:
        assert control.applies_if is not None
        held = _holds(self._knowledge.conditions[control.applies_if].when, block, self._fact_words())
        words = [self._conditions.index(word) for word in ("unknown", "unmet", "met")]
        return np.array(words, dtype=np.uint8)[held + 1]

    def _fact_words(self) -> dict[str, tuple[str, ...]]:
        return {fact.id: fact.values for fact in self._knowledge.facts.values()}

    def _answers(self, block: Block, party: Party) -> Codes:
        """The duty codes of a party's answers, as if it held every duty; institutions × controls."""
        named = self._columns[party]
        place = block.all_words(named["status"], self._statuses)
        proof = block.all_words(named["proof"], self._proofs)
        last = block.all_days(named["proof_until"])
        if last is not None:
            dated = last != _NEVER
            np.copyto(proof, np.int8(self._current), where=dated & (proof < 0))
            np.copyto(proof, np.int8(self._expired), where=dated & (proof == self._current) & (last < self._today))
        checked = block.all_days(named["checked_on"])
        if checked is not None:
            np.copyto(place, np.int8(-1), where=checked > self._today)
        recheck = block.all_words(named["recheck"], self._rechecks)
        # One byte names status, proof and recheck, each counted from 1 so that 0 stands for what is not given.
        for part, words in ((proof, self._proofs), (recheck, self._rechecks)):
            place += np.int8(1)
            place *= np.int8(len(words) + 1)
            place += part
        place += np.int8(1)
        codes: Codes = np.take(self._duty_codes, place)
        return np.ascontiguousarray(codes.T)

    def _given_codes(self) -> Codes:
        """The duty code of every status, proof and recheck that a table may give, or not give, in one row."""
        code = self._analyzer.compiled.duty_code
        unanswered = code(DutyInputs("unanswered", "missing", "done"))
        found = [
            code(DutyInputs(status, proof or "missing", recheck or "done")) if status else unanswered
            for status in (None, *self._statuses)
            for proof in (None, *self._proofs)
            for recheck in (None, *self._rechecks)
        ]
        assert len(found) <= 1 + np.iinfo(np.int8).max
        return np.array(found, dtype=np.uint8)

    def _standing(self, block: Block, vendor: str | None, documents: _Documents | None) -> Codes:
        state = np.full(block.rows, self._reviews.index("never"), dtype=np.uint8)
        certificate = np.full(block.rows, self._certificates.index("not_relied_on"), dtype=np.uint8)
        if vendor is not None and documents is not None:
            looked = self._last_review(block, vendor, documents.disclosure, documents.section)
            state[looked != _NEVER] = self._reviews.index("outdated")
            state[looked >= self._review_since] = self._reviews.index("current")
            if documents.certifications:
                certificate[:] = self._certificates.index("valid")
                withdrawn = [
                    item.edition_withdrawn_on
                    for item in documents.certifications
                    if item.edition_withdrawn_on is not None and item.edition_withdrawn_on <= self._as_of
                ]
                if withdrawn:
                    certificate[looked < day_number(max(withdrawn))] = self._certificates.index("lapsed")
        return state * np.uint8(len(self._certificates)) + certificate

    def _last_review(self, block: Block, vendor: str, disclosure: str, section: str) -> Days:
        latest = np.full(block.rows, _NEVER, dtype=np.int32)
        for where in (None, section):
            found = block.days(review_column(vendor, disclosure, where))
            latest = np.maximum(latest, np.where(found <= self._today, found, _NEVER))
        return latest


@dataclass(frozen=True, slots=True)
class _Shared:
    """A block's conditions, answers by party (institutions × controls) and the presence of an SI vendor."""

    condition: Codes
    answers: dict[Party, Codes]
    presence: npt.NDArray[Any]


def _holds(expression: Expression, block: Block, words: dict[str, tuple[str, ...]]) -> npt.NDArray[np.int8]:
    """1 true, 0 false, -1 where the known facts do not settle it; as engine.profile.holds."""
    match expression:
        case FactTest(fact, values):
            if words[fact]:
                given = block.words(f"fact:{fact}", words[fact])
                wanted = [words[fact].index(str(value)) for value in values if value in words[fact]]
            else:
                given = block.flags(f"fact:{fact}")
                wanted = [int(value) for value in values if isinstance(value, bool)]
            return np.where(given < 0, -1, np.isin(given, wanted)).astype(np.int8)
        case Not(part):
            inner = _holds(part, block, words)
            return np.where(inner < 0, inner, 1 - inner).astype(np.int8)
        case AllOf(parts):
            return _settled([_holds(part, block, words) for part in parts], by=0)
        case AnyOf(parts):
            return _settled([_holds(part, block, words) for part in parts], by=1)


def _settled(parts: Iterable[npt.NDArray[np.int8]], by: int) -> npt.NDArray[np.int8]:
    """`by` where any part is, else unknown where any part is, else the opposite."""
    found = np.stack(list(parts))
    settled = np.where((found < 0).any(axis=0), -1, 1 - by)
    return np.where((found == by).any(axis=0), by, settled).astype(np.int8)


def _oldest_current(as_of: date, months: int) -> int:
    """The earliest day whose `months_after` is not before as_of, as a day number."""
    day = as_of - timedelta(days=months * 31 + 4)
    while months_after(day, months) < as_of:
        day += timedelta(days=1)
    return day_number(day)
