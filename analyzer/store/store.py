"""The store: one database, one folder of evidence files, and what can be done with them."""

from __future__ import annotations

from pathlib import Path

from analyzer.knowledge.base import KnowledgeBase
from analyzer.store.accounts import Accounts
from analyzer.store.analyses import Analyses
from analyzer.store.audit import Audit
from analyzer.store.backups import Backups
from analyzer.store.content import default_folder
from analyzer.store.database import Database
from analyzer.store.files import EvidenceFiles
from analyzer.store.records import Clock, Records, now
from analyzer.store.signing_in import SigningIn


class Store:
    """An open store. Safe to share between threads."""

    def __init__(self, database: Database, knowledge: KnowledgeBase, files: Path | None, clock: Clock = now) -> None:
        self.database = database
        self.knowledge = knowledge
        self.records = Records(database, knowledge, clock)
        self.accounts = Accounts(database, clock)
        self.signing_in = SigningIn(database, clock)
        self.files = EvidenceFiles(database, self.records, files, clock)
        self.analyses = Analyses(database, knowledge, clock)
        self.audit = Audit(database)
        self.backups = Backups(database, self.files.content, clock)

    @classmethod
    def open(cls, location: str, knowledge: KnowledgeBase, files: Path | None = None, clock: Clock = now) -> Store:
        """Open a store, made on first use. location: the path of an SQLite file or a PostgreSQL URL.

        files: the folder of evidence files; by default beside the SQLite file, with PostgreSQL none. Raises StoreError.
        """
        database = Database.open(location)
        return cls(database, knowledge, files or default_folder(database), clock)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()
