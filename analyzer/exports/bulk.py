"""Checklists of many institutions at once, one xlsx each, over the machine's cores, into a folder or a zip.

    report = bulk_checklists(institutions, roots=(), as_of=day, out=Path("checklists.zip"))
    report.made, report.kept, report.failures

A run goes on where one before it stopped: what was made from the same data, knowledge base and day, and still stands
as it was made, is kept. A zip appears when it is whole; until then its files wait in a folder beside it. Both hold a
list of all institutions (一覧.csv) and a manifest. The same institutions and day give the same bytes in the same order,
however many processes work and however many runs it takes.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from analyzer.exports.bulk_targets import Finished, FolderTarget, Target, ZipTarget
from analyzer.exports.bulk_workers import Made, Source, Unread, make_all, source_digest
from analyzer.exports.kinds import CHECKLIST_XLSX
from analyzer.exports.tabular import to_csv_bytes
from analyzer.knowledge.loading import load_knowledge

State = Literal["made", "kept", "failed"]
_TWICE = "同じIDの機関が前にある"


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What became of one institution's checklist. size in bytes, 0 where it failed; reason then says why."""

    id: str
    name: str
    file: str
    state: State
    size: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BulkReport:
    """What a run made, institution by institution in the order given."""

    out: Path
    as_of: date
    knowledge_version: str
    outcomes: tuple[BulkOutcome, ...]

    @property
    def made(self) -> int:
        """How many were made anew."""
        return sum(outcome.state == "made" for outcome in self.outcomes)

    @property
    def kept(self) -> int:
        """How many stood already."""
        return sum(outcome.state == "kept" for outcome in self.outcomes)

    @property
    def failures(self) -> tuple[BulkOutcome, ...]:
        """Those that have no checklist now."""
        return tuple(outcome for outcome in self.outcomes if outcome.state == "failed")


def available_workers() -> int:
    """How many processes the machine lets this one use at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bulk_checklists(
    institutions: Iterable[Source],
    roots: Sequence[Path],
    as_of: date,
    out: Path,
    workers: int | None = None,
    step: Callable[[BulkOutcome], None] = lambda _outcome: None,
) -> BulkReport:
    """The checklists of institutions, given as such or as their files, at a day.

    roots: the knowledge base's further folders. out: a folder, or a zip by its ending. workers: how many processes, by
    default as many as the machine has cores for. step: called with each outcome, in order; what it raises ends the run
    and leaves no half file, and what is finished in a folder stays.

    Institutions are taken from the iterable as they are needed, so memory does not grow with their number. One that
    fails is listed and does not stop the others. Raises InputError for a knowledge base that cannot be used,
    SanshoError where nothing can be written, or another run is writing there.
    """
    version = load_knowledge(roots).version
    target: Target = ZipTarget(out, as_of) if out.suffix.lower() == ".zip" else FolderTarget(out)
    outcomes: list[BulkOutcome] = []
    run = _Run(target, version, as_of)
    with target, closing(run.outcomes(institutions, roots, workers or available_workers())) as found:
        for outcome in found:
            outcomes.append(outcome)
            step(outcome)
        files = [outcome.file for outcome in outcomes if outcome.state != "failed"]
        target.close_with(_listed(outcomes, version, as_of), files)
    return BulkReport(out, as_of, version, tuple(outcomes))


@dataclass(frozen=True, slots=True)
class _Run:
    target: Target
    version: str
    as_of: date

    def outcomes(
        self, sources: Iterable[Source], roots: Sequence[Path], workers: int
    ) -> Generator[BulkOutcome, None, None]:
        """The outcomes in the order of the sources; those kept wait for those before them."""
        seen: set[str] = set()
        before: deque[BulkOutcome | str] = deque()  # for one that is being made the digest of its data

        def to_make() -> Iterator[Source]:
            for source in sources:
                digest = self._digest(source)
                finished = self.target.finished(digest, self.version, self.as_of) if digest else None
                before.append(_kept(finished) if finished else digest)
                if finished is None:
                    yield source

        with closing(make_all(to_make(), roots, self.as_of, workers)) as making:
            for made in making:
                while isinstance(kept := before.popleft(), BulkOutcome):
                    yield _once(kept, seen)
                yield self._added(made, made.digest or kept, seen)
        for kept in before:
            if isinstance(kept, BulkOutcome):
                yield _once(kept, seen)

    def _digest(self, source: Source) -> str:
        """What tells whether the source has changed; empty where it cannot be read."""
        try:
            return "" if isinstance(source, Unread) else source_digest(source)
        except OSError:
            return ""  # the one that makes the checklist meets the same and tells

    def _added(self, made: Made, digest: str, seen: set[str]) -> BulkOutcome:
        file = CHECKLIST_XLSX.files[0].name(made.id, self.as_of)
        if made.content is None:
            return BulkOutcome(made.id, made.name, file, "failed", reason=made.reason)
        if made.id in seen:
            return BulkOutcome(made.id, made.name, file, "failed", reason=_TWICE)
        seen.add(made.id)
        size, sha256 = len(made.content), hashlib.sha256(made.content).hexdigest()
        finished = Finished(file, made.id, made.name, digest, self.version, self.as_of.isoformat(), size, sha256)
        reason = self.target.add(finished, made.content)
        if reason is not None:
            return BulkOutcome(made.id, made.name, file, "failed", reason=reason)
        return BulkOutcome(made.id, made.name, file, "made", size)


def _kept(finished: Finished) -> BulkOutcome:
    return BulkOutcome(finished.id, finished.name, finished.file, "kept", finished.size)


def _once(kept: BulkOutcome, seen: set[str]) -> BulkOutcome:
    if kept.id in seen:
        return BulkOutcome(kept.id, kept.name, kept.file, "failed", reason=_TWICE)
    seen.add(kept.id)
    return kept


def _listed(outcomes: Sequence[BulkOutcome], version: str, as_of: date) -> bytes:
    """Every institution, one a row."""
    import pandas as pd

    texts = {
        "機関": [outcome.name for outcome in outcomes],
        "機関ID": [outcome.id for outcome in outcomes],
        "ファイル": [outcome.file if outcome.size else "" for outcome in outcomes],
        "基準日": [as_of.isoformat()] * len(outcomes),
        "知識ベースの版": [version] * len(outcomes),
        # Made or kept is all the same to the folder, which a run that was interrupted leaves as one that was not.
        "状態": ["作成できず" if outcome.state == "failed" else "作成済" for outcome in outcomes],
        "備考": [outcome.reason or "" for outcome in outcomes],
    }
    return to_csv_bytes(pd.DataFrame({name: pd.Series(values, dtype="string") for name, values in texts.items()}))
