"""Writing facts into an institution's file and nothing else: every other character stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from analyzer.errors import InputError
from analyzer.knowledge.yamlreader import parse_yaml

Fact = bool | str


def with_facts(content: bytes, name: str, facts: Mapping[str, Fact]) -> bytes:
    """The file with these facts set in its profile, comments, order and layout kept.

    Raises InputError where the file has no profile, or is laid out so that the facts cannot be written safely.
    """
    data = parse_yaml(content, name)
    if not isinstance(data, dict) or not isinstance(data.get("profile"), dict):
        raise InputError.single(name, "has no profile to write to", path="profile")
    text = content.decode("utf-8-sig")
    for fact, value in facts.items():
        text = _with_fact(text, fact, "true" if value is True else "false" if value is False else value)
    written = text.encode("utf-8")
    if parse_yaml(written, name) != {**data, "profile": {**data["profile"], **facts}}:
        raise InputError.single(name, "the profile is laid out in a way that cannot be edited safely", path="profile")
    return written


def _with_fact(text: str, fact: str, value: str) -> str:
    profile = _child(yaml.compose(text, Loader=yaml.SafeLoader), "profile")
    entries = [(key, node) for key, node in profile.value]
    for key, node in entries:
        if key.value == fact:
            start, end = node.start_mark.index, node.end_mark.index
            gap = "" if text[:start].endswith((" ", "\n")) else " "
            return f"{text[:start]}{gap}{value}{text[end:]}"
    if profile.flow_style:
        end = profile.end_mark.index - 1
        separator = ", " if entries else ""
        return f"{text[:end].rstrip()}{separator}{fact}: {value}{text[end:]}"
    last_key, last = entries[-1]
    line_end = text.find("\n", last.end_mark.index if last.value else last_key.end_mark.index)
    at = len(text) if line_end < 0 else line_end + 1
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return f"{before}{' ' * last_key.start_mark.column}{fact}: {value}\n{text[at:]}"


def _child(mapping: Any, name: str) -> Any:
    return next(node for key, node in mapping.value if key.value == name)
