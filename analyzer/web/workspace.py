"""What every session of the app shares: the knowledge base, the rules, the indexes, the institutions' files."""

from __future__ import annotations

import threading
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

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
from analyzer.store.database import StoreError
from analyzer.store.principal import SINGLE_USER, Principal, require, rights
from analyzer.store.records import Record
from analyzer.store.store import Store
from analyzer.web.settings import AppSettings
from analyzer.web.sources import FolderSource, InstitutionSource, RecordCache, StoreSource

if TYPE_CHECKING:
    from analyzer.portfolio.analysis import PortfolioEngine
    from analyzer.portfolio.choosing import PortfolioBrowser
    from analyzer.programme.portal import Portal

# Assessments of a few institutions and days are kept, since several pages and sessions look at the same ones.
_REMEMBERED = 64
# A portfolio is a reader's institutions at a day: those of a few readers and days are kept.
_PORTFOLIOS = 8

_LOADING = threading.Lock()


class Workspace:
    """Shared, immutable but for the institutions, which are read again when their files change.

    What only some pages need is made when it is first asked for, so that the landing page need not wait for it.
    """

    def __init__(self, settings: AppSettings) -> None:
        self._settings = settings
        self.knowledge: KnowledgeBase = load_knowledge(settings.roots)
        self.analyzer = Analyzer(self.knowledge)
        self.folder = InstitutionFolder(settings.institutions, self.knowledge)
        self._run = settings.portfolio
        self.store: Store | None = None
        if settings.store is not None:
            self.store = Store.open(settings.store, self.knowledge, settings.files)
            self._records = RecordCache(self.store.records)
            # A store that several people log in to holds what its administrator imported, and no samples.
            if not settings.accounts:
                self._take_in_files()
        self._making = threading.RLock()
        # Judging thousands of institutions takes a while, which nobody else should have to wait for.
        self._judging = threading.Lock()

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
    def portal(self) -> Portal:
        """The support programmes of the store. Raises SanshoError without a store, or for a programme's faults."""
        with self._making:
            return self._portal

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

    def portfolio(self, principal: Principal, as_of: date) -> PortfolioBrowser:
        """All institutions that an account may see, judged together at a day; the same ones are worked out once.

        Raises ForbiddenError where it may not see them together.
        """
        require(principal, "portfolio")
        there = self.source(principal).institutions().values()
        with self._judging:
            return _judge(self._portfolio_engine, tuple(_ByIdentity(institution) for institution in there), as_of)

    def has_run(self, principal: Principal) -> bool:
        """Whether there is a run of `sansho portfolio` that the account may see: it holds institutions of everybody."""
        require(principal, "portfolio")
        return self._run is not None and rights()[principal.role].everywhere

    def portfolio_run(self, principal: Principal) -> PortfolioBrowser | None:
        """The run of `sansho portfolio` that the app was started with; None where there is none for the account.

        Raises SanshoError where it cannot be read.
        """
        from analyzer.portfolio.run_files import RunFiles

        if not self.has_run(principal):
            return None
        assert self._run is not None
        written = RunFiles(self._run).table("summary")
        changed = written.stat().st_mtime_ns if written.is_file() else 0
        with self._judging:
            return _open_run(self.analyzer, self._run, changed)

    @cached_property
    def _portfolio_engine(self) -> PortfolioEngine:
        from analyzer.portfolio.analysis import PortfolioEngine

        return PortfolioEngine(self.knowledge, self.rulebook)

    @cached_property
    def _portal(self) -> Portal:
        from analyzer.programme.loading import load_programmes
        from analyzer.programme.mail_settings import MailSettings
        from analyzer.programme.portal import Portal

        if self.store is None:
            raise StoreError("support programmes need a store; start the app without --read-only")
        programmes = load_programmes(self._settings.programme_folder, self.knowledge)
        return Portal(self.store, programmes, self.rulebook, MailSettings.from_environment())

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


@lru_cache(maxsize=_PORTFOLIOS)
def _judge(engine: PortfolioEngine, institutions: tuple[_ByIdentity, ...], as_of: date) -> PortfolioBrowser:
    from analyzer.portfolio.choosing import PortfolioBrowser
    from analyzer.portfolio.reading import portfolio_of

    found = portfolio_of((each.institution for each in institutions), engine, as_of)
    return PortfolioBrowser(found, engine.analyzer.knowledge, engine.analyzer.rulebook)


@lru_cache(maxsize=1)
def _open_run(analyzer: Analyzer, folder: Path, _changed: int) -> PortfolioBrowser:
    """_changed: when its summary was written; a run that was made anew is read anew."""
    from analyzer.portfolio.choosing import PortfolioBrowser
    from analyzer.portfolio.reading import open_run

    return PortfolioBrowser(open_run(folder, analyzer.knowledge), analyzer.knowledge, analyzer.rulebook)
