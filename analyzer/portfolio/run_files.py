"""The folder of a run: where its files are, what its manifest says, and how they are written whole or not at all.

`results/NNNNN.parquet`: a block's results (analysis.FLAT_SCHEMA). `blocks/summary-NNNNN.parquet` …: a block's counts
(summary.py). `manifest.json`: what the run is made of, and its finished blocks with their digests. At the end
`summary.parquet`, `summary.csv`: a row an institution; `controls.parquet`, `groups.parquet`, `gaps.parquet`: counts
over all institutions.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.errors import SanshoError
from analyzer.exports.files import write_whole

BLOCK_SIZE: Final = 2048
"""Institutions judged at once; memory depends on this, not on how many there are."""

COUNTED: Final = ("controls", "groups", "gaps")
PARTS: Final = ("results", "summary", *COUNTED)
"""What is written of every block."""

_FORMAT: Final = 2
_MANIFEST: Final = "manifest.json"
# A drill-down reads the groups an institution stands in, not the whole block.
_GROUP_ROWS: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class Done:
    """A finished block: how many institutions and cells, and the SHA-256 of its files together."""

    institutions: int
    cells: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run is made of, and how far it is. source, rules: digests."""

    source: str
    knowledge_version: str
    rules: str
    as_of: date
    block_size: int
    blocks: list[Done] = field(default_factory=list)
    finished: bool = False

    def differences(self, now: Manifest, source: str) -> str:
        """How `now` is made of something else, for a message; empty where it is not. source: what people call it."""
        told = {
            "source": f"{source} has changed since",
            "knowledge_version": f"the knowledge base was {self.knowledge_version}, now it is {now.knowledge_version}",
            "rules": "the rules have changed since",
            "as_of": f"the day was {self.as_of}, now it is {now.as_of}",
            "block_size": f"the blocks were of {self.block_size} institutions",
        }
        return "; ".join(text for name, text in told.items() if getattr(self, name) != getattr(now, name))


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of a run in a folder."""

    folder: Path

    def part(self, kind: str, block: int) -> Path:
        """A block's file; kind: one of PARTS."""
        if kind == "results":
            return self.folder / "results" / f"{block:05}.parquet"
        return self.folder / "blocks" / f"{kind}-{block:05}.parquet"

    def table(self, name: str) -> Path:
        """A table over all blocks."""
        return self.folder / f"{name}.parquet"

    def manifest(self) -> Manifest | None:
        """What is known of the run; None where the folder holds none. Raises SanshoError where it cannot be read."""
        path = self.folder / _MANIFEST
        try:
            if not path.exists():
                return None
            known = json.loads(path.read_text("utf-8"))
            if known.pop("format") != _FORMAT:
                raise SanshoError(f"{path}: was written by another version of Sansho; --anew begins the run again")
            known["as_of"] = date.fromisoformat(known["as_of"])
            known["blocks"] = [Done(**block) for block in known["blocks"]]
            return Manifest(**known)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise SanshoError(f"{path}: cannot be read; --anew begins the run again") from None

    def write_manifest(self, manifest: Manifest) -> None:
        """Say what the run is made of and which blocks are finished."""
        content = {"format": _FORMAT, **asdict(manifest), "as_of": manifest.as_of.isoformat()}
        write_whole(self.folder / _MANIFEST, json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")

    def digest(self, block: int) -> str | None:
        """SHA-256 over a block's files; None where one is missing."""
        digest = hashlib.sha256()
        for kind in PARTS:
            try:
                with self.part(kind, block).open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
            except FileNotFoundError:
                return None
        return digest.hexdigest()

    def write_part(self, kind: str, block: int, batch: pa.RecordBatch, metadata: dict[str, str]) -> None:
        """Write a block's file."""
        with writing(self.part(kind, block)) as aside:
            table = pa.Table.from_batches([batch]).replace_schema_metadata(metadata)
            # Of no other column does a reader skip groups by its least and greatest word.
            pq.write_table(
                table, aside, compression="zstd", row_group_size=_GROUP_ROWS, write_statistics=["institution"]
            )

    def tidy(self, blocks: int) -> None:
        """Remove the files of blocks that are no more, and what a run that was killed left half-written."""
        for folder in ("results", "blocks"):
            for path in (self.folder / folder).glob("*.parquet"):
                number = path.stem.rpartition("-")[2]
                if number.isdecimal() and int(number) >= blocks:
                    path.unlink()
        for place in (".", "results", "blocks"):
            for path in (self.folder / place).glob(".*.part"):
                path.unlink()


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` at the end; where writing fails, what stood there before stays.

    The folder is made where it is missing. Raises SanshoError with the reason where the file cannot be written.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        aside.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise SanshoError(f"{path}: cannot be written: {_reason(error)}") from None
    finally:
        # Also after an interruption; an error here must not hide the one that led here.
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else " ".join(str(error).split())
