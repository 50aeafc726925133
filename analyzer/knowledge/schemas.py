"""Checking data against the JSON Schemas: jsonschema-rs decides, jsonschema explains.

The compiled validator only says yes or no, fast. Where it says no, the slower one finds every fault and this module
words each as one line. Decision: docs/decisions/0003-two-schema-validators.md.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import jsonschema_rs

from analyzer.errors import InputError, Problem
from analyzer.knowledge.yamlreader import PathKey, line_numbers, nearest_line, parse_yaml, show_path
from analyzer.resources import schema_dir

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Format = Literal[
    "controls",
    "mic",
    "guidelines",
    "conditions",
    "crosswalk",
    "exported_analysis",
    "exported_controls",
    "vendor",
    "institution",
    "table",
    "policy",
    "terms",
    "synonyms",
    "permissions",
    "accounts",
    "store",
    "portfolio",
    "backup",
    "programme",
]

_SHOWN_VALUE = 60


def read_document(content: bytes, name: str, document_format: Format) -> dict[str, Any]:
    """The data of a YAML document that obeys its schema. Raises InputError that names every fault with its line."""
    data = parse_yaml(content, name)
    problems = schema_problems(data, document_format, content, name)
    if problems:
        raise InputError(problems)
    assert isinstance(data, dict)
    return data


def schema_problems(data: Any, document_format: Format, content: bytes, name: str) -> list[Problem]:
    """Every way in which the data breaks the schema, in file order; empty where it obeys."""
    if gate(document_format).is_valid(data):
        return []
    lines = line_numbers(content, name)
    found = {
        Problem(name, nearest_line(lines, path), show_path(path), message)
        for path, message in explain(data, document_format)
    }
    return sorted(found, key=lambda problem: (problem.line or 0, problem.path, problem.message))


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(schema_dir().glob("*.json"))}


def schema_of(document_format: Format) -> dict[str, Any]:
    """The JSON Schema of a format."""
    return _schemas()[document_format]


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(schema["$id"], schema) for schema in _schemas().values()])


@cache
def gate(document_format: Format) -> jsonschema_rs.Validator:
    """The quick validator of a format: says yes or no, nothing more."""
    schema = _schemas()[document_format]
    return jsonschema_rs.Draft202012Validator(schema, registry=_registry(), validate_formats=True)


def explain(data: Any, document_format: Format) -> Iterator[tuple[PathKey, str]]:
    """Every way in which the data breaks its schema, as (path, reason); slow, for documents that the gate refused."""
    # Only a document with faults pays for this import.
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    schemas = _schemas()
    registry: Any = Registry().with_resources(
        [(schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()]
    )
    validator = Draft202012Validator(
        schemas[document_format], registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    for error in validator.iter_errors(data):
        yield from _faults(error)


def _faults(error: ValidationError) -> Iterator[tuple[PathKey, str]]:
    path: PathKey = tuple(error.absolute_path)
    kind = error.validator
    value: Any = error.instance
    wanted: Any = error.validator_value
    schema: Any = error.schema
    if kind in {"anyOf", "oneOf"} and error.context:
        yield from _alternatives(error)
    elif kind == "required":
        for key in wanted:
            if key not in value:
                yield path, f"{key!r} is missing"
    elif kind == "additionalProperties" and wanted is False:
        known = list(schema.get("properties", {}))
        for key in value:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
                yield (*path, key), f"unknown key {_shown(key)}; {hint}"
    elif kind == "enum":
        yield path, f"{_shown(value)} is not one of {', '.join(str(word) for word in wanted)}"
    elif kind == "const":
        yield path, f"{_shown(value)} must be {wanted!r}"
    elif kind == "type":
        names = wanted if isinstance(wanted, str) else " or ".join(wanted)
        yield path, f"{_shown(value)} is not of type {names}"
    elif kind in {"minLength", "minItems", "minProperties"}:
        yield path, "must not be empty"
    elif kind == "pattern" and wanted == "\\S":
        yield path, "must not be blank"
    elif kind == "pattern":
        yield path, f"{_shown(value)} is not of the form {wanted}"
    elif kind == "format":
        yield path, f"{_shown(value)} is not a {wanted} that exists"
    elif kind == "uniqueItems":
        yield path, f"{_shown(_repeated(value))} is given twice"
    elif kind == "maxLength":
        yield path, f"is {len(value):,} characters long; at most {wanted:,} are allowed"
    else:
        yield path, error.message if len(error.message) < 200 else f"{_shown(value)} breaks the rule {kind}"


def _repeated(items: list[Any]) -> Any:
    """The first item that an earlier one equals, found by its written form."""
    seen: set[str] = set()
    for item in items:
        written = json.dumps(item, sort_keys=True)
        if written in seen:
            return item
        seen.add(written)
    return items[-1]


def _alternatives(error: ValidationError) -> Iterator[tuple[PathKey, str]]:
    """The faults of the alternative that the value came nearest to: neither null nor of another type."""
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(int(inner.schema_path[0]), []).append(inner)

    def distance(faults: list[ValidationError]) -> tuple[int, int, int]:
        mistyped = sum(fault.validator == "type" and not fault.path for fault in faults)
        misshapen = sum(fault.validator in {"required", "additionalProperties"} for fault in faults)
        only_null = sum(fault.validator_value == "null" for fault in faults)
        return mistyped, misshapen, only_null

    for fault in min(branches.values(), key=distance):
        yield from _faults(fault)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_VALUE else f"{text[: _SHOWN_VALUE - 1]}…"
