"""The connection to the store's database: SQLite (one file, WAL) or PostgreSQL, migrated on opening, plain errors."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from analyzer.errors import SanshoError
from analyzer.store.migrations import HEAD

_BUSY_SECONDS: Final = 30
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class StoreError(SanshoError):
    """The store cannot do what was asked; what it holds is unchanged."""


class Database:
    """An open database. Safe to share between threads.

    where: the URL without its password, for messages.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.where = engine.url.render_as_string(hide_password=True)

    @classmethod
    def open(cls, location: str, busy_seconds: float = _BUSY_SECONDS) -> Database:
        """Open, and bring the tables up to date.

        location: a PostgreSQL URL, or the path of an SQLite file, which is made on first use. busy_seconds: how long to
        wait for other writers. Raises StoreError where it cannot be opened, or was written by a later version.
        """
        database = cls(_engine(_url(location), busy_seconds))
        with database._plain_errors():
            if not database._is_current():
                database._migrate()
        return database

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file of SQLite."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view for reading: what is committed meanwhile is not seen, however many queries are made."""
        with self._plain_errors(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of what is done in it, or nothing. Writers wait for one another."""
        with (
            self._plain_errors(),
            self.engine.connect().execution_options(sansho_writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    def damage(self) -> list[str]:
        """What SQLite finds wrong with its file, empty where nothing is; a PostgreSQL server looks after its own."""
        if not self.is_sqlite:
            return []
        with self.reading() as connection:
            said = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
        return [f"{self.where}: {' '.join(line.split())}" for line in said if line != "ok"]

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    def _is_current(self) -> bool:
        """Whether the tables are those of this version; asked first, since loading Alembic takes longer than asking."""
        with self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return False
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
        return list(found) == [HEAD]

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.runtime.migration import MigrationContext
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        scripts = ScriptDirectory.from_config(config)
        with self.engine.connect().execution_options(sansho_writes=True) as connection, connection.begin():
            if not self.is_sqlite:
                # Two processes that open a new database at once take turns.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5093842)")
            present = MigrationContext.configure(connection).get_current_revision()
            if present == scripts.get_current_head():
                return
            if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
                raise StoreError(f"{self.where}: was written by a later version (schema {present}); use that version")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StoreError(f"{self.where}: {_plain(error)}") from error
        except SQLAlchemyError as error:
            raise StoreError(f"{self.where}: {' '.join(str(error).split())[:300]}") from error


def _url(location: str) -> URL:
    if "://" not in location:
        path = Path(location)
        if not location or "\0" in location or path.is_dir():
            raise StoreError(f"{location!r}: is not the path of a database file")
        # It holds what no other user of the machine is to read. Where it cannot be made, opening it says why.
        with suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return URL.create("sqlite+pysqlite", database=str(path))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"{location!r}: is not a database URL") from error
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        return url.set(drivername="sqlite+pysqlite")
    raise StoreError(f"{url.render_as_string()}: only SQLite and PostgreSQL are supported")


def _engine(url: URL, busy_seconds: float) -> Engine:
    if url.get_backend_name() == "postgresql":
        options = {"connect_timeout": 10, "options": f"-c lock_timeout={round(busy_seconds * 1000)}"}
        return create_engine(url, pool_pre_ping=True, connect_args=options)
    engine = create_engine(url, connect_args={"timeout": busy_seconds, "check_same_thread": False})

    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        _prepare_sqlite(connection, busy_seconds)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, busy_seconds: float) -> None:
    # The driver's own transactions begin too late for a writer; `_begin_sqlite` says BEGIN itself.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        _patiently(connection, f"PRAGMA {pragma}", busy_seconds)


def _patiently(connection: sqlite3.Connection, statement: str, busy_seconds: float) -> None:
    """Switching to WAL needs the file for itself and does not wait for it by itself."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("sansho_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _plain(error: DBAPIError) -> str:
    """What went wrong and what to do, from the driver's words."""
    said = " ".join(str(error.orig).split())
    for words, meaning in _MEANINGS.items():
        if words in said:
            return f"{meaning} ({said[:200]})"
    return said[:300]


_MEANINGS: Final = {
    "disk is full": "the disk is full; nothing was written",
    "No space left": "the disk is full; nothing was written",
    "readonly database": "the file or its folder cannot be written",
    "unable to open": "the file cannot be opened or made; does its folder exist, and may it be written?",
    "database is locked": "another program holds the database; nothing was written, try again",
    "lock timeout": "another program holds the database; nothing was written, try again",
    "malformed": "the file is damaged; restore the latest backup beside it",
    "not a database": "the file is not a database of Sansho",
    "disk I/O error": "the disk could not be read or written",
    "Connection refused": "the database server does not answer",
    "connection failed": "the database server cannot be reached",
    "connection to server": "the database server cannot be reached",
    "server closed the connection": "the database server has stopped; what was not confirmed was not written",
    "terminating connection": "the database server has stopped; what was not confirmed was not written",
}
