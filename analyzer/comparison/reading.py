"""JSON that Sansho wrote, read back as data: a file from anywhere, so nothing about it is taken on trust.

Refused: files above yamlreader.MAX_BYTES, anything not UTF-8, nesting deeper than MAX_DEPTH, keys given twice, numbers
that are not finite or have no end, lone surrogates, and what breaks the schema of its kind (`exported_*.json`).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, Literal, cast

from analyzer.errors import InputError, Problem
from analyzer.knowledge.schemas import Format, explain, gate
from analyzer.knowledge.yamlreader import (
    MAX_DEPTH,
    MAX_NUMBER_LENGTH,
    PathKey,
    decode,
    line_numbers,
    nearest_line,
    show_path,
)

Data = dict[str, Any]
Kind = Literal["controls", "analysis"]

_SHAPES: dict[Kind, frozenset[str]] = {
    "analysis": frozenset({"institution", "as_of", "summary", "results"}),
    "controls": frozenset({"version", "controls"}),
}
# A string, whole or cut off, or a bracket. Possessive, so that no text makes it look at anything twice.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
# What JSON takes raw in a string and YAML, by which lines are found, does not.
_UNFIT_FOR_YAML = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def read_export(content: bytes, name: str) -> tuple[Kind, Data]:
    """What a file made by Sansho holds, and its data, which obeys the schema of that kind.

    name: the file, as errors show it. Raises InputError of one line, the first fault.
    """
    text = decode(content, name)
    _check_depth(text, name)
    data = _parse(text, name)
    kind = _kind(data, name)
    problem = _first_fault(data, kind, text, name)
    if problem:
        raise InputError([problem])
    return kind, cast(Data, data)


def _check_depth(text: str, name: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        found = match.group()
        if found in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                line = text.count("\n", 0, match.start()) + 1
                raise InputError.single(name, f"nested deeper than {MAX_DEPTH} levels", line=line)
        elif found in "]}":
            depth -= 1


def _parse(text: str, name: str) -> Any:
    def fail(message: str) -> InputError:
        return InputError.single(name, message)

    def pairs(items: list[tuple[str, Any]]) -> Data:
        data = dict(items)
        if len(data) < len(items):
            twice = Counter(key for key, _ in items).most_common(1)[0][0]
            raise fail(f"key {twice[:60]!r} is given twice")
        return data

    def number(digits: str) -> int | float:
        value = float(digits) if len(digits) <= MAX_NUMBER_LENGTH else math.inf
        if not math.isfinite(value):
            raise fail(f"{digits[:MAX_NUMBER_LENGTH]!r} is not a number that is taken here")
        return value if set(digits) & set(".eE") else int(digits)

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_int=number, parse_float=number, parse_constant=number)
    except json.JSONDecodeError as error:
        raise InputError.single(name, f"not JSON: {error.msg}", line=error.lineno) from None
    try:
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise fail("not JSON of whole characters: half of a surrogate pair stands alone") from None
    return data


def _kind(data: Any, name: str) -> Kind:
    for kind, keys in _SHAPES.items():
        if isinstance(data, dict) and keys <= data.keys():
            return kind
    raise InputError.single(
        name,
        "is neither controls (`sansho export controls --format json`: version, controls) "
        "nor an analysis (`sansho analyze … --format json`: institution, as_of, summary, results)",
    )


def _first_fault(data: Any, kind: Kind, text: str, name: str) -> Problem | None:
    """The first fault only: a hostile file can have millions, and to word each of them takes minutes."""
    document_format = cast(Format, f"exported_{kind}")
    if gate(document_format).is_valid(data):
        return None
    path, message = next(explain(data, document_format))
    return Problem(name, _line(path, text, name), show_path(path), message)


def _line(path: PathKey, text: str, name: str) -> int | None:
    try:
        return nearest_line(line_numbers(_UNFIT_FOR_YAML.sub(" ", text).encode(), name), path)
    except InputError:
        return None  # not all JSON is YAML: the fault stands, only its line is unknown
