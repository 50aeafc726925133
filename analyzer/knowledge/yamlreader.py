"""YAML in, plain data out: libyaml's events, one pass, with the limits that an untrusted file needs.

Refused: duplicate keys, aliases and anchors (so no alias bombs), explicit tags, several documents, nesting deeper than
MAX_DEPTH, files above MAX_BYTES, anything that is not UTF-8. Scalars follow the YAML 1.2 core schema for null, booleans
and numbers, so that `no` and `2026-11-01` stay strings. Decision: docs/decisions/0002-own-yaml-construction.md.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from analyzer.errors import InputError

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 32
MAX_NUMBER_LENGTH = 40

PathKey = tuple[str | int, ...]
Lines = dict[PathKey, int]

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NUMBER_START = frozenset("+-.0123456789")
_NO_KEY = object()


def read_bytes(path: Path, shown_as: str | None = None) -> bytes:
    """The bytes of a regular file of at most MAX_BYTES. Raises InputError where it cannot be read."""
    name = shown_as or str(path)
    try:
        if path.is_dir():
            raise InputError.single(name, "is a folder, not a file")
        if not path.exists():
            raise InputError.single(name, "no such file")
        if not path.is_file():
            raise InputError.single(name, "is not a regular file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError.single(name, f"is {size:,} bytes long; at most {MAX_BYTES:,} are read")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError.single(name, f"cannot be read: {_reason(error)}") from None


def parse_yaml(content: bytes, name: str) -> Any:
    """The data of one YAML document: dict, list, str, int, float, bool, None. Raises InputError with the line."""
    return _Construction(name, None).run(decode(content, name))


def line_numbers(content: bytes, name: str) -> Lines:
    """The 1-based line of every value of a document that `parse_yaml` accepts, by path; for error messages only."""
    lines: Lines = {}
    _Construction(name, lines).run(decode(content, name))
    return lines


def nearest_line(lines: Lines, path: PathKey) -> int | None:
    """The line of the value at `path`, or of the nearest enclosing one that exists."""
    for end in range(len(path), -1, -1):
        line = lines.get(path[:end])
        if line is not None:
            return line
    return None


def show_path(path: PathKey) -> str:
    """`controls[3].level` for ("controls", 3, "level")."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else str(part)
    return shown


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def decode(content: bytes, name: str) -> str:
    """The text of UTF-8 bytes, without a byte order mark. Raises InputError with the line where they are none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError.single(name, f"not UTF-8: {error.reason} at byte {error.start}", line=line) from None


def _scalar(value: str) -> Any:
    if value in _WORDS:
        return _WORDS[value]
    if value[0] in _NUMBER_START and len(value) <= MAX_NUMBER_LENGTH:
        if _INTEGER.match(value):
            return int(value)
        if _FLOAT.match(value):
            return float(value)
    return value


def reads_as_text(value: str) -> bool:
    """Whether an unquoted scalar of these characters is read back as the same text, not as a number or a word."""
    return value not in _WORDS and _scalar(value) == value


class _Construction:
    """Builds data from libyaml's events without recursion.

    A frame is an open container with the key that waits for its value (_NO_KEY: none waits).
    """

    def __init__(self, name: str, lines: Lines | None) -> None:
        self._name = name
        self._lines = lines
        self._frames: list[list[Any]] = []
        self._root: Any = None

    def run(self, text: str) -> Any:
        try:
            loader = yaml.CSafeLoader(text)
        except yaml.YAMLError as error:
            raise self._yaml_error(error) from None
        try:
            self._consume(loader)
        except yaml.YAMLError as error:
            raise self._yaml_error(error) from None
        finally:
            loader.dispose()
        return self._root

    def _consume(self, loader: Any) -> None:
        get_event, place = loader.get_event, self._place
        scalar, stream_end = yaml.ScalarEvent, yaml.StreamEndEvent
        mapping_start, sequence_start = yaml.MappingStartEvent, yaml.SequenceStartEvent
        ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
        documents = 0
        while (kind := type(event := get_event())) is not stream_end:
            if kind is scalar:
                if event.tag is not None or event.anchor is not None:
                    raise self._refused(event)
                text = event.value
                place(event, _scalar(text) if event.implicit[0] else text, text)
            elif kind is mapping_start:
                self._open(event, {})
            elif kind is sequence_start:
                self._open(event, [])
            elif kind in ends:
                self._frames.pop()
                if self._frames:
                    self._frames[-1][1] = _NO_KEY
            elif kind is yaml.AliasEvent:
                raise self._refused(event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise self._fail(event, "more than one YAML document in the file")

    def _open(self, event: Any, container: Any) -> None:
        if event.tag is not None or event.anchor is not None:
            raise self._refused(event)
        if len(self._frames) >= MAX_DEPTH:
            raise self._fail(event, f"nested deeper than {MAX_DEPTH} levels")
        self._place(event, container, None)
        self._frames.append([container, _NO_KEY])

    def _place(self, event: Any, value: Any, text: str | None) -> None:
        """Put a value where it belongs: into the list or mapping that is open, as a key, or as the whole document."""
        if not self._frames:
            self._root = value
            self._note_line(event)
            return
        frame = self._frames[-1]
        container, key = frame
        if type(container) is list:
            container.append(value)
            if self._lines is not None:
                self._note_line(event, len(container) - 1)
        elif key is _NO_KEY:
            if text is None:
                raise self._fail(event, "a key must be a plain word, not a list or mapping", self._path())
            if text in container:
                raise self._fail(event, f"key {text!r} is given twice", self._path())
            container[text] = None
            frame[1] = text
        else:
            container[key] = value
            self._note_line(event)
            # An opened container keeps the key until it closes, so that paths inside it are complete.
            if text is not None:
                frame[1] = _NO_KEY

    def _note_line(self, event: Any, index: int | None = None) -> None:
        if self._lines is not None:
            path = self._path() if index is None else (*self._path()[:-1], index)
            self._lines[path] = event.start_mark.line + 1

    def _path(self) -> PathKey:
        parts: list[str | int] = []
        for container, key in self._frames:
            if type(container) is list:
                parts.append(len(container) - 1)
            elif key is not _NO_KEY:
                parts.append(key)
        return tuple(parts)

    def _yaml_error(self, error: yaml.YAMLError) -> InputError:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None)
        message = problem or str(error).splitlines()[0]
        return InputError.single(self._name, f"not YAML: {message}", line=mark.line + 1 if mark else None)

    def _fail(self, event: Any, message: str, path: PathKey = ()) -> InputError:
        return InputError.single(self._name, message, line=event.start_mark.line + 1, path=show_path(path))

    def _refused(self, event: Any) -> InputError:
        what = f"tag {event.tag}" if getattr(event, "tag", None) else "an anchor or alias (& or *)"
        return self._fail(event, f"{what} is not allowed here", self._path())
