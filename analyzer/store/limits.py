"""What the store takes in, from rules/store.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from analyzer.knowledge.schemas import read_document
from analyzer.resources import rules_dir


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits on evidence files. max_bytes: of one file. endings: kind of content by a name's ending, `.pdf` → `pdf`."""

    max_bytes: int
    max_per_evidence: int
    max_name_length: int
    endings: dict[str, str]


@dataclass(frozen=True, slots=True)
class BackupLimits:
    """Limits on archives. max_bytes: unpacked, together. max_expansion: unpacked to packed size of one table."""

    max_bytes: int
    max_expansion: int


@dataclass(frozen=True, slots=True)
class Limits:
    """All of them."""

    files: FileLimits
    backup: BackupLimits


@cache
def limits() -> Limits:
    """The shipped limits. Raises InputError where the file is not as its schema wants it."""
    path = rules_dir() / "store.yaml"
    data = read_document(path.read_bytes(), str(path), "store")
    files, backup = data["files"], data["backup"]
    return Limits(
        files=FileLimits(
            max_bytes=files["max_bytes"],
            max_per_evidence=files["max_per_evidence"],
            max_name_length=files["max_name_length"],
            endings={ending: kind for kind, endings in files["types"].items() for ending in endings},
        ),
        backup=BackupLimits(backup["max_bytes"], backup["max_expansion"]),
    )
