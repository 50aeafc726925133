"""What went wrong with an input, and where: one line a problem, never a traceback."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of one input.

    file: path as the user gave it. line: 1-based, None where a line means nothing. path: the place inside the
    document, e.g. `controls[3].level`, empty for the document itself. message: the reason. A warning leaves the
    input usable.
    """

    file: str
    line: int | None
    path: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        text = f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"
        # One problem is one line, whatever the input put into its names and values.
        return "".join(ch if ch.isprintable() else f"\\x{ord(ch):02x}" for ch in text)


class SanshoError(Exception):
    """A failure that the user can do something about; the command line prints it as one line and exits 2."""


class InputError(SanshoError):
    """An input that cannot be used. `problems` holds every fault found, in file and line order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def single(cls, file: str, message: str, *, line: int | None = None, path: str = "") -> InputError:
        """An error made of one problem."""
        return cls([Problem(file, line, path, message)])
