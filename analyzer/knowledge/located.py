"""Turning a fault at a path of a document into a line of a file; lines are worked out only where there is a fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analyzer.errors import Problem, Severity
from analyzer.knowledge.yamlreader import Lines, line_numbers, nearest_line, show_path
from analyzer.model.controls import Place


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a record, found after its file was read."""

    place: Place
    message: str
    severity: Severity = "error"


def locate(faults: Iterable[Fault], contents: Mapping[str, bytes]) -> list[Problem]:
    """The faults as problems with line numbers, in the order of files as they were read, then lines."""
    lines: dict[str, Lines] = {}
    found: dict[Problem, None] = {}
    for fault in faults:
        file, path = fault.place
        if file not in lines:
            lines[file] = line_numbers(contents[file], file) if file in contents else {}
        found[Problem(file, nearest_line(lines[file], path), show_path(path), fault.message, fault.severity)] = None
    order = {file: index for index, file in enumerate(contents)}
    return sorted(found, key=lambda problem: (order.get(problem.file, len(order)), problem.line or 0, problem.path))
