"""A folder of institution files: which there are, and what is wrong with those that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analyzer.errors import InputError, Problem, SanshoError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.model.institution import Institution


@dataclass(frozen=True, slots=True)
class InstitutionFile:
    """A file of the folder. `institution` is None where it cannot be read; `problems` then says why.

    problems: of a file that can be read, its warnings.
    """

    path: Path
    institution: Institution | None
    problems: tuple[Problem, ...]


_Stamp = tuple[int, int]


class InstitutionFolder:
    """Reads the files of a folder, each again only after it has changed. Safe to share between threads."""

    def __init__(self, folder: Path, knowledge: KnowledgeBase) -> None:
        self.folder = folder
        self._knowledge = knowledge
        self._read: dict[Path, tuple[_Stamp, InstitutionFile]] = {}

    def files(self) -> tuple[InstitutionFile, ...]:
        """Every `*.yaml` and `*.yml` file, by name. Raises SanshoError where the folder cannot be read.

        Of files that give the same id the first stands; the others are reported as unreadable.
        """
        try:
            paths = sorted(path for path in self.folder.iterdir() if path.suffix in {".yaml", ".yml"})
        except OSError as error:
            raise SanshoError(f"{self.folder}: {error.strerror or error}") from error
        first: dict[str, Path] = {}
        found = []
        for path in paths:
            entry = self._file(path)
            if entry.institution is not None:
                kept = first.setdefault(entry.institution.id, path)
                if kept != path:
                    repeated = Problem(
                        str(path), None, "", f"the id {entry.institution.id!r} is that of {kept} as well"
                    )
                    entry = InstitutionFile(path, None, (repeated,))
            found.append(entry)
        return tuple(found)

    def institutions(self) -> dict[str, Institution]:
        """The institutions that can be read, by id, in the order of their files."""
        read = (entry.institution for entry in self.files())
        return {institution.id: institution for institution in read if institution is not None}

    def _file(self, path: Path) -> InstitutionFile:
        try:
            status = path.stat()
        except OSError as error:
            return InstitutionFile(path, None, (Problem(str(path), None, "", error.strerror or str(error)),))
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, self._load(path))
            self._read[path] = known
        return known[1]

    def _load(self, path: Path) -> InstitutionFile:
        try:
            institution, warnings = load_institution(path, self._knowledge)
        except InputError as error:
            return InstitutionFile(path, None, tuple(error.problems))
        except SanshoError as error:
            return InstitutionFile(path, None, (Problem(str(path), None, "", str(error)),))
        return InstitutionFile(path, institution, warnings)
