"""What every session of the app shares: the knowledge base, the rules, the indexes, the institutions' files."""

from __future__ import annotations

import threading
from datetime import date
from functools import cached_property, lru_cache

from analyzer.browse.browser import MatrixBrowser
from analyzer.browse.columns import MatrixColumns
from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institution_folder import InstitutionFolder
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment
from analyzer.search.index import SearchIndex
from analyzer.store.principal import SINGLE_USER, Principal
from analyzer.store.records import Record
from analyzer.store.store import Store
from analyzer.web.settings import AppSettings
from analyzer.web.sources import FolderSource, InstitutionSource, RecordCache, StoreSource

# Assessments of a few institutions and days are kept, since several pages and sessions look at the same ones.
_REMEMBERED = 64

_LOADING = threading.Lock()


class Workspace:
    """Shared, immutable but for the institutions, which are read again when their files change.

    What only some pages need is made when it is first asked for, so that the landing page need not wait for it.
    """

    def __init__(self, settings: AppSettings) -> None:
        self.knowledge: KnowledgeBase = load_knowledge(settings.roots)
        self.analyzer = Analyzer(self.knowledge)
        self.folder = InstitutionFolder(settings.institutions, self.knowledge)
        self.store: Store | None = None
        if settings.store is not None:
            self.store = Store.open(settings.store, self.knowledge, settings.files)
            self._records = RecordCache(self.store.records)
            # A store that several people log in to holds what its administrator imported, and no samples.
            if not settings.accounts:
                self._take_in_files()
        self._making = threading.RLock()

    def source(self, principal: Principal) -> InstitutionSource:
        """The institutions that an account may see; without a store those of the folder."""
        return FolderSource(self.folder) if self.store is None else StoreSource(self._records, principal)

    def record(self, principal: Principal, institution: str) -> Record | None:
        """An institution's record in the store; None without a store, or where the account may not see it."""
        return None if self.store is None else self._records.all(principal).get(institution)

    def _take_in_files(self) -> None:
        """Take the folder's institutions whose ids the store does not have into it; the files stay as they are."""
        assert self.store is not None
        known = self.store.records.names(SINGLE_USER)
        for entry in self.folder.files():
            if entry.institution is not None and entry.institution.id not in known:
                self.store.records.create(SINGLE_USER, entry.path.read_bytes(), entry.path.name)

    @property
    def rulebook(self) -> Rulebook:
        """The rules in force."""
        return self.analyzer.rulebook

    @property
    def search(self) -> SearchIndex:
        """The index over every control's texts."""
        with self._making:
            return self._search

    @property
    def browser(self) -> MatrixBrowser:
        """Selects rows of the matrix."""
        with self._making:
            return self._browser

    @property
    def columns(self) -> MatrixColumns:
        """Headings and cells of the matrix."""
        with self._making:
            return self._columns

    def assess(self, institution: Institution, as_of: date) -> Assessment:
        """The institution's assessment at a day; the same record and day are worked out once."""
        return _assess(self.analyzer, _ByIdentity(institution), as_of)

    @cached_property
    def _search(self) -> SearchIndex:
        return SearchIndex(self.knowledge)

    @cached_property
    def _browser(self) -> MatrixBrowser:
        return MatrixBrowser(self.knowledge, self.rulebook, self._search)

    @cached_property
    def _columns(self) -> MatrixColumns:
        return MatrixColumns(self.knowledge, self.rulebook)


class _ByIdentity:
    """An institution as a cache key: records are compared as the very object, not field by field."""

    def __init__(self, institution: Institution) -> None:
        self.institution = institution

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other.institution is self.institution

    def __hash__(self) -> int:
        return id(self.institution)


def workspace() -> Workspace:
    """The workspace of the settings in force, loaded once. Raises SanshoError where the data cannot be used."""
    with _LOADING:
        return _load(AppSettings.from_environment())


@lru_cache(maxsize=1)
def _load(settings: AppSettings) -> Workspace:
    return Workspace(settings)


@lru_cache(maxsize=_REMEMBERED)
def _assess(analyzer: Analyzer, key: _ByIdentity, as_of: date) -> Assessment:
    return analyzer.analyze(key.institution, as_of)
