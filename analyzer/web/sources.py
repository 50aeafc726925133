"""Where the institutions of a session come from: a folder of files, to be read, or the store, to be worked in."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from analyzer.errors import Problem
from analyzer.knowledge.institution_folder import InstitutionFolder
from analyzer.model.institution import Institution
from analyzer.store.principal import Principal
from analyzer.store.records import Record, Records, Stamp


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An institution that cannot be shown, and why."""

    name: str
    problems: tuple[Problem, ...]


class InstitutionSource(Protocol):
    """The institutions that a session may see."""

    @property
    def where(self) -> str:
        """Where they lie, as people are told."""

    def institutions(self) -> dict[str, Institution]:
        """By id; the same object for as long as it has not changed."""

    def unreadable(self) -> tuple[Unreadable, ...]:
        """Those that are there but cannot be shown."""


class FolderSource:
    """The files of a folder."""

    def __init__(self, folder: InstitutionFolder) -> None:
        self._folder = folder

    @property
    def where(self) -> str:
        """The folder, as one would type it where the app was started."""
        absolute, here = self._folder.folder.absolute(), Path.cwd()
        return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)

    def institutions(self) -> dict[str, Institution]:
        """The institutions of the files that can be read."""
        return self._folder.institutions()

    def unreadable(self) -> tuple[Unreadable, ...]:
        """The files that cannot be read."""
        files = self._folder.files()
        return tuple(Unreadable(entry.path.name, entry.problems) for entry in files if entry.institution is None)


class RecordCache:
    """Records of a store, each read again only after it has changed. Safe to share between sessions."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._kept: dict[str, tuple[Stamp, Record]] = {}
        self._reading = threading.Lock()

    def all(self, principal: Principal) -> dict[str, Record]:
        """The records that an account may read, by id."""
        stamps = self._records.stamps(principal)
        with self._reading:
            for identity, stamp in stamps.items():
                known = self._kept.get(identity)
                if known is None or known[0] != stamp:
                    self._kept[identity] = (stamp, self._records.read(principal, identity))
            return {identity: self._kept[identity][1] for identity in stamps}


class StoreSource:
    """The records of a store that an account may read."""

    def __init__(self, cache: RecordCache, principal: Principal) -> None:
        self._cache = cache
        self._principal = principal

    @property
    def where(self) -> str:
        """The store, as people are told."""
        return "このデータベース"

    def institutions(self) -> dict[str, Institution]:
        """The institutions as they stand in the store."""
        return {identity: record.institution for identity, record in self._cache.all(self._principal).items()}

    def unreadable(self) -> tuple[Unreadable, ...]:
        """None: the store takes nothing that cannot be read."""
        return ()
