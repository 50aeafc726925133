"""The layout of a table of institutions: its columns, what each may hold, and whether a table keeps to it.

Wide: one row an institution, one column a fact or a part of an answer, named `kind:key` (docs/portfolio.md). Long: the
same cells one a row, as (institution, kind, key, value); an identity column's kind is `identity`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from analyzer.engine.rulebook import Rulebook
from analyzer.errors import InputError, Problem
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.institution import IntegratorPresence
from analyzer.model.vocabulary import PARTIES, STATUSES, Party

ColumnType = Literal["id", "text", "word", "flag", "count", "day"]

INSTITUTION: Final = "institution"
_KIND: Final = "kind"
LONG_COLUMNS: Final = ("institution", "kind", "key", "value")
KINDS: Final = ("hospital", "clinic", "dental", "pharmacy", "home_nursing", "midwifery", "other")
DOCUMENTS: Final = ("public", "nda")
GIVEN_STATUSES: Final = tuple(status for status in STATUSES if status != "unanswered")
_WORD_TYPE: Final = pa.dictionary(pa.int8(), pa.string())
_COUNT_LIMIT: Final = 1_000_000
_SLUG: Final = "^[a-z0-9][a-z0-9._-]{0,63}$"
_TEXT_LIMIT: Final = 400
# How many faults are told before a reader has enough.
_FAULTS_SHOWN: Final = 20

ARROW_TYPES: Final[dict[ColumnType, Any]] = {
    "id": pa.string(),
    "text": pa.string(),
    "word": _WORD_TYPE,
    "flag": pa.bool_(),
    "count": pa.int32(),
    "day": pa.date32(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the wide layout. kind and key: as in the long layout. words: what a `word` column may hold."""

    name: str
    kind: str
    key: str
    type: ColumnType
    words: tuple[str, ...] = ()


def answer_column(part: str, control: str, party: Party) -> str:
    """The name of a part of an answer: `status:mhlw-5:6.3-01/user`."""
    return f"{part}:{control}/{party}"


def review_column(vendor: str, documents: str, section: str | None) -> str:
    """The name of the day of the latest look at a vendor's documents; section None: at all of them."""
    where = f"/{section}" if section else ""
    return f"review:{vendor}/{documents}{where}"


class Layout:
    """Every column that a table may have with a knowledge base. Immutable; safe to share."""

    def __init__(self, knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
        duty = rulebook.tables["duty"].inputs
        self._answer_parts: dict[str, tuple[ColumnType, tuple[str, ...]]] = {
            "status": ("word", GIVEN_STATUSES),
            "proof": ("word", duty["proof"]),
            "recheck": ("word", duty["recheck"]),
            "proof_until": ("day", ()),
            "checked_on": ("day", ()),
            "due": ("day", ()),
        }
        self.vendors: tuple[str, ...] = tuple(
            dict.fromkeys(
                [
                    *knowledge.vendors,
                    *(vendor for control in knowledge.controls.values() for vendor in control.responses),
                ]
            )
        )
        self.columns: dict[str, Column] = {column.name: column for column in self._all(knowledge)}

    @cached_property
    def by_key(self) -> dict[tuple[str, str], Column]:
        """The columns by kind and key, as the long layout names them."""
        return {(column.kind, column.key): column for column in self.columns.values()}

    def _all(self, knowledge: KnowledgeBase) -> Iterator[Column]:
        yield Column(INSTITUTION, "identity", INSTITUTION, "id")
        yield Column("name", "identity", "name", "text")
        yield Column(_KIND, "identity", _KIND, "word", KINDS)
        yield Column("beds", "identity", "beds", "count")
        yield Column("staff", "identity", "staff", "count")
        yield Column("region", "identity", "region", "text")
        yield Column("fictional", "identity", "fictional", "flag")
        yield Column("integrator", "identity", "integrator", "word", get_args(IntegratorPresence))
        yield Column("integrator_name", "identity", "integrator_name", "text")
        for fact in knowledge.facts.values():
            yield Column(f"fact:{fact.id}", "fact", fact.id, "word" if fact.values else "flag", fact.values)
        sections = [f"{section.guideline}:{section.id}" for section in knowledge.sections]
        for vendor in self.vendors:
            yield Column(f"service:{vendor}", "service", vendor, "flag")
            yield Column(f"nda:{vendor}", "nda", vendor, "day")
            for documents in DOCUMENTS:
                for section in (None, *sections):
                    name = review_column(vendor, documents, section)
                    yield Column(name, "review", name.removeprefix("review:"), "day")
        for part, (kind, words) in self._answer_parts.items():
            for control in knowledge.controls:
                for party in PARTIES:
                    name = answer_column(part, control, party)
                    yield Column(name, part, name.removeprefix(f"{part}:"), kind, words)

    def check_columns(self, names: list[str], file: str) -> None:
        """Raises InputError where columns are unknown, come twice, or identity columns are missing."""
        problems = [
            Problem(file, None, f"column {name}", _unknown(name, self.columns))
            for name in names
            if name not in self.columns
        ]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) != len(names) else []
        problems += [Problem(file, None, f"column {name}", "is given twice") for name in twice]
        problems += [
            Problem(file, None, f"column {name}", "is missing") for name in (INSTITUTION, _KIND) if name not in names
        ]
        _refuse(problems)

    def conform(self, batch: pa.RecordBatch, file: str, where: Callable[[int, str], str]) -> pa.RecordBatch:
        """The batch with every column in its own type. where: how a message names a row, by its index and a column.

        Raises InputError that names row and column of the first faults.
        """
        self.check_columns(batch.schema.names, file)
        problems: list[Problem] = []
        arrays = []
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            column = self.columns[name]
            array, faulty = _typed(values, column)
            arrays.append(array)
            if not faulty and name == _KIND and array.null_count:
                faulty = [(pc.index(array.is_null(), True).as_py(), "is empty")]
            for row, message in faulty:
                problems.append(Problem(file, None, f"{where(row, name)}, column {name}", message))
            if len(problems) >= _FAULTS_SHOWN:
                break
        _refuse(problems)
        return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)

    def empty(self, names: list[str]) -> pa.Schema:
        """The Arrow schema of these columns."""
        return pa.schema([pa.field(name, ARROW_TYPES[self.columns[name].type]) for name in names])


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InputError(problems[:_FAULTS_SHOWN])


def _unknown(name: str, columns: dict[str, Column]) -> str:
    kind, _, key = name.partition(":")
    if key and any(column.kind == kind for column in columns.values()):
        return f"the knowledge base has no {kind} {key!r}"
    return "is not in the layout"


_Faulty = list[tuple[int, str]]


def _typed(values: Any, column: Column) -> tuple[Any, _Faulty]:
    """The values in the column's type, and the first row that cannot be, with the reason."""
    target = ARROW_TYPES[column.type]
    if pa.types.is_null(values.type):
        values = values.cast(target if column.type != "word" else pa.string())
    if column.type == "word":
        return _words(values, column.words)
    if values.type != target:
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if pa.types.is_large_string(values.type):
            values = values.cast(pa.string())
        if pa.types.is_string(values.type):
            values = _text_to(values, column.type)
            if isinstance(values, list):
                return pa.nulls(0, target), values
        else:
            try:
                values = values.cast(target)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                return pa.nulls(0, target), [(_first_bad(values, target), f"cannot be read as {_shown(column.type)}")]
    return values, list(_value_faults(values, column))


def _value_faults(values: Any, column: Column) -> Iterator[tuple[int, str]]:
    if column.type == "id":
        good = pc.fill_null(pc.match_substring_regex(values, _SLUG), False)
        yield from _first(pc.invert(good), values, "is not an id: small letters, digits, . _ -, at most 64")
        counts = pc.value_counts(values)
        if len(counts) != len(values):
            seen: set[str] = set()
            for row, value in enumerate(values.to_pylist()):
                if value is not None and value in seen:
                    yield row, f"{value!r} comes twice"
                    return
                seen.add(value)
    elif column.type == "count":
        outside = pc.fill_null(pc.or_(pc.less(values, 0), pc.greater(values, _COUNT_LIMIT)), False)
        yield from _first(outside, values, f"is not from 0 to {_COUNT_LIMIT:,}")
    elif column.type == "text":
        long = pc.fill_null(pc.greater(pc.utf8_length(values), _TEXT_LIMIT), False)
        yield from _first(long, values, f"is longer than {_TEXT_LIMIT} characters")


@cache
def _word_array(words: tuple[str, ...]) -> Any:
    return pa.array(words, pa.string())


def _words(values: Any, words: tuple[str, ...]) -> tuple[Any, _Faulty]:
    """The values as codes of exactly these words, in this order."""
    # Columns that are as we write them need no look; a table has thousands.
    if values.type == ARROW_TYPES["word"] and values.dictionary.equals(_word_array(words)):
        return values, []
    if not pa.types.is_dictionary(values.type):
        values = values.cast(pa.string()).dictionary_encode()
    wanted = _dictionary(words)
    if values.type == _WORD_TYPE and values.dictionary.equals(wanted):
        return values, []
    given = values.dictionary.to_pylist()
    if given == list(words):
        return pa.DictionaryArray.from_arrays(values.indices.cast(pa.int8()), wanted, safe=False), []
    positions = {word: index for index, word in enumerate(words)}
    codes = [positions.get(word) if word else None for word in given]
    for code, word in zip(codes, given, strict=True):
        # A word that the dictionary holds and no row uses is nobody's fault.
        if code is None and word and (row := pc.index(values.cast(pa.string()), word).as_py()) >= 0:
            return values, [(row, f"{word!r} is not one of {', '.join(words)}")]
    indices = pa.array(codes, pa.int8()).take(values.indices) if codes else pa.nulls(len(values), pa.int8())
    return pa.DictionaryArray.from_arrays(indices, wanted, safe=False), []


@cache
def _dictionary(words: tuple[str, ...]) -> Any:
    return pa.array(words, pa.string())


def _text_to(values: Any, to: ColumnType) -> Any:
    """Text as flags, counts or days, empty text as nothing; a list of the first fault where it cannot be."""
    if to in {"id", "text"}:
        return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    encoded = values.dictionary_encode()
    parsed = []
    for text in encoded.dictionary.to_pylist():
        value = _parsed(text, to) if text else None
        if text and value is None:
            row = pc.index(values, text).as_py()
            return [(row, f"{text!r} cannot be read as {_shown(to)}")]
        parsed.append(value)
    given = pa.array(parsed, pa.string() if to == "day" else ARROW_TYPES[to])
    return given.cast(ARROW_TYPES[to]).take(encoded.indices)


_FLAGS: Final = {"true": True, "false": False, "TRUE": True, "FALSE": False, "True": True, "False": False}


def _parsed(text: str, to: ColumnType) -> Any:
    if to == "flag":
        return _FLAGS.get(text)
    if to == "count":
        return int(text) if re.fullmatch(r"[0-9]{1,7}", text) else None
    if not re.fullmatch(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        pa.scalar(text).cast(pa.date32())
    except pa.ArrowInvalid:
        return None
    return text


def _shown(to: ColumnType) -> str:
    return {"flag": "true or false", "count": "a whole number", "day": "a day such as 2026-11-01"}.get(to, "text")


def _first(mask: Any, values: Any, message: str) -> Iterator[tuple[int, str]]:
    row = pc.index(mask, True).as_py()
    if row >= 0:
        value = values[row].as_py()
        yield row, "is empty" if value is None else f"{value!r} {message}"


def _first_bad(values: Any, target: Any) -> int:
    for row in range(len(values)):
        try:
            values.slice(row, 1).cast(target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return row
    return 0
