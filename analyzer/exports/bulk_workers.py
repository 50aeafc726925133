"""Making checklists in processes of their own, in the order in which they were asked for.

A process loads the knowledge base once. What fails for one institution, even where it takes its process down, is told
as its outcome; the others are made all the same.
"""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from multiprocessing import connection
from pathlib import Path
from typing import Any

from analyzer.engine.analysis import Analyzer
from analyzer.errors import SanshoError
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.checklist.context import Shared
from analyzer.exports.xlsx.book import known_texts
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Institution


@dataclass(frozen=True, slots=True)
class Unread:
    """An institution that whoever keeps it could not read, and why."""

    id: str
    reason: str


Source = Institution | Path | Unread
"""An institution, or its file, which is then read where the checklist is made."""

# How many checklists may be under way for each process: enough that none waits, few enough to hold in memory.
_AHEAD = 3
_LOG = logging.getLogger("sansho.bulk")


@dataclass(frozen=True, slots=True)
class Made:
    """A checklist (xlsx), or why there is none: content is then None and reason says it.

    digest: of the file as it was read, see `source_digest`; empty where the institution was given as such.
    """

    id: str
    name: str
    digest: str
    content: bytes | None
    reason: str | None = None


def source_digest(source: Institution | Path) -> str:
    """What tells whether an institution's data has changed: of a file its bytes, of an institution all that it says.

    Raises OSError where the file cannot be read.
    """
    if isinstance(source, Path):
        return f"file:{hashlib.sha256(source.read_bytes()).hexdigest()}"
    said = {name: getattr(source, name) for name in _told(Institution)}
    said["answers"] = list(source.answers.values())
    return f"data:{hashlib.sha256(json.dumps(said, default=_plain).encode()).hexdigest()}"


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return [getattr(value, name) for name in _told(value.__class__)]


@cache
def _told(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a record that say something of the institution; where it was read from does not."""
    return tuple(field.name for field in fields(kind) if field.name != "place")


def make_all(
    sources: Iterable[Source], roots: Sequence[Path], as_of: date, workers: int
) -> Generator[Made, None, None]:
    """The sources' checklists, in order; the sources are taken up only as far as there is work for them.

    workers: how many processes; 1 works in this one.
    """
    if workers == 1:
        maker = _Maker(roots, as_of)
        for source in sources:
            yield maker.make(source)
        return
    crew = _Crew(roots, as_of, workers)
    waiting: deque[tuple[Source, Future[Made]]] = deque()
    try:
        for source in sources:
            waiting.append((source, crew.begin(source)))
            if len(waiting) >= _AHEAD * workers:
                yield crew.result(*waiting.popleft())
        while waiting:
            yield crew.result(*waiting.popleft())
    finally:
        crew.dismiss()


class _Crew:
    """Processes that make checklists, replaced when one of them comes to an end."""

    def __init__(self, roots: Sequence[Path], as_of: date, workers: int) -> None:
        self._given = (tuple(roots), as_of)
        self._workers = workers
        self._pool = self._new_pool(workers)

    def begin(self, source: Source) -> Future[Made]:
        """Hand a source to whichever process is free first."""
        try:
            return self._pool.submit(_make, source)
        except BrokenProcessPool:
            self.dismiss()
            self._pool = self._new_pool(self._workers)
            return self._pool.submit(_make, source)

    def result(self, source: Source, future: Future[Made]) -> Made:
        """What became of a source."""
        try:
            return future.result()
        except BrokenProcessPool:
            # Something that was under way took a process down, and all the others with it: alone, each shows whether
            # it was the one.
            return self._alone(source)

    def dismiss(self) -> None:
        """End the processes; what has not begun is left."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _alone(self, source: Source) -> Made:
        with self._new_pool(1) as pool:
            try:
                return pool.submit(_make, source).result()
            except BrokenProcessPool:
                _LOG.exception("%s took its process down", _named(source)[0])
                return Made(*_named(source), "", None, "作成中に処理が異常終了した")

    def _new_pool(self, workers: int) -> ProcessPoolExecutor:
        # Not forked: a process with threads, such as the app's, cannot be.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, context, initializer=_prepare, initargs=self._given)


# -- in the processes -------------------------------------------------------------------------------------------------


class _Maker:
    """Makes checklists; holds the knowledge base, the compiled rules, and what one checklist takes from another."""

    def __init__(self, roots: Sequence[Path], as_of: date) -> None:
        self._analyzer = Analyzer(load_knowledge(roots))
        self._as_of = as_of
        self._shared = Shared()
        self._texts = known_texts()

    def make(self, source: Source) -> Made:
        """The checklist of a source, or why there is none."""
        identity, name = _named(source)
        digest = ""
        if isinstance(source, Unread):
            return Made(identity, name, digest, None, source.reason)
        try:
            digest = source_digest(source) if isinstance(source, Path) else ""
            institution = self._read(source)
            identity, name = institution.id, institution.name
            return Made(identity, name, digest, self._content(institution))
        except (SanshoError, OSError) as error:
            return Made(identity, name, digest, None, str(error))
        except Exception as error:
            # One institution's fault must not cost the others their files; the log has the rest of it.
            _LOG.exception("the checklist of %s could not be made", identity)
            return Made(identity, name, digest, None, f"予期しない誤り（{type(error).__name__}）")

    def _read(self, source: Institution | Path) -> Institution:
        return load_institution(source, self._analyzer.knowledge)[0] if isinstance(source, Path) else source

    def _content(self, institution: Institution) -> bytes:
        assessment = self._analyzer.analyze(institution, self._as_of)
        knowledge, rulebook = self._analyzer.knowledge, self._analyzer.rulebook
        checklist = build_checklist(assessment, knowledge, rulebook, shared=self._shared)
        return render_checklist(checklist, "xlsx", self._texts)


def _named(source: Source) -> tuple[str, str]:
    """Id and name, as far as they are known before a file is read."""
    if isinstance(source, Path):
        return source.stem, source.name
    return source.id, source.name if isinstance(source, Institution) else source.id


_makers: list[_Maker] = []
# Checklists made since garbage was last collected.
_left = [0]
_COLLECT_EVERY = 10


def _prepare(roots: Sequence[Path], as_of: date) -> None:
    """Ready a process for its work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that gave the work says when to stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _makers[:] = [_Maker(roots, as_of)]
    # What is loaded stays, and a workbook is garbage only once it is written: the collector need not look in between.
    gc.collect()
    gc.freeze()
    gc.disable()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _make(source: Source) -> Made:
    made = _makers[0].make(source)
    _tidy()
    return made


def _tidy() -> None:
    """Collect garbage now and then: what a workbook leaves takes some megabytes, and longer to find than to leave."""
    _left[0] += 1
    if _left[0] >= _COLLECT_EVERY:
        _left[0] = 0
        gc.collect()
        gc.freeze()  # what is kept for the next checklists need not be looked through again
