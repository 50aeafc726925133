"""What the tests of the store share: people, clocks, ways to open a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analyzer.knowledge.base import KnowledgeBase
from analyzer.resources import sample_institutions
from analyzer.store.principal import Principal
from analyzer.store.records import PartChange, Record
from analyzer.store.store import Store

ADMINISTRATOR = Principal("admin", "管理者", "administrator")
AUDITOR = Principal("auditor", "監査人", "auditor")
HOSPITAL = "minato-general-hospital"
CLINIC = "hidamari-clinic"
HOSPITAL_USER = Principal("hospital", "病院の担当者", "institution", frozenset({HOSPITAL}))
CLINIC_USER = Principal("clinic", "診療所の担当者", "institution", frozenset({CLINIC}))
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 10
PDF = b"%PDF-1.7\n" + b"page" * 10


def ticking(start: datetime = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)) -> Callable[[], datetime]:
    """A clock that is a second later whenever it is read."""
    read = [0]

    def clock() -> datetime:
        read[0] += 1
        return start + timedelta(seconds=read[0])

    return clock


@contextmanager
def open_store(location: str, knowledge: KnowledgeBase, files: Path | None = None) -> Iterator[Store]:
    store = Store.open(location, knowledge, files, ticking())
    try:
        yield store
    finally:
        store.close()


def take_in(store: Store, *names: str) -> None:
    """Create records from samples."""
    for name in names:
        path = sample_institutions()[name]
        store.records.create(ADMINISTRATOR, path.read_bytes(), path.name)


def note(record: Record, number: int, text: str) -> PartChange:
    """The change that sets an answer's note."""
    answer = record.document["answers"][number]
    key = f"{answer['control']} {answer['party']}"
    return PartChange("answer", key, {**answer, "note": text}, record.version("answer", key))
