"""A PostgreSQL server of the tests' own: a new cluster in a temporary folder, on a local socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs; Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def running_postgres() -> Iterator[str]:
    """A server with an empty database; gives its URL. Without PostgreSQL the test is skipped, in CI it fails."""
    programs = binaries()
    if programs is None:
        if os.environ.get("SANSHO_TEST_TOOLS") == "required":
            pytest.fail("PostgreSQL is not installed, and CI requires it")
        pytest.skip("needs PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="sansho-pg-"))
    # The server refuses to run as root; there the account that Debian made for it runs it.
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_owner:
        shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str, check: bool = True) -> None:
        subprocess.run([*as_owner, str(programs / program), *arguments], check=check, capture_output=True, cwd=folder)

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", "sansho", "-E", "UTF8", "--no-locale", "-N")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        run("createdb", "-h", str(folder), "-U", "sansho", "sansho")
        yield f"postgresql://sansho@/sansho?host={folder}"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def empty(url: str) -> None:
    """Remove everything that a database holds."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
