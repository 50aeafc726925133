"""What the store promises when things go wrong: killed processes, many writers, no room, no right, a lock, damage."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import pytest
from postgres import binaries, running_postgres
from sqlalchemy import event, select, text
from store_helpers import ADMINISTRATOR, CLINIC, HOSPITAL, PNG, note, open_store, take_in

from analyzer.errors import SanshoError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.store import events
from analyzer.store.database import Database, StoreError
from analyzer.store.principal import Principal
from analyzer.store.records import ConflictError, Records
from analyzer.store.store import Store
from analyzer.store.tables import CHAIN, EVENTS, PARTS

HERE = Path(__file__).parent
KILLS = 20
PATIENCE = 60


class Child:
    """A process that works on a store."""

    def __init__(self, number: int, out: Path) -> None:
        self._number = number
        self._out = out

    def said(self) -> list[list[str]]:
        """The whole lines that it has written, as words."""
        if not self._out.exists():
            return []
        return [line.split(" ", 2) for line in self._out.read_text().split("\n")[:-1]]

    def wait_until(self, word: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while all(words[0] != word for words in self.said()):
            assert time.monotonic() < deadline and self._runs(), (word, self.said())
            time.sleep(0.002)

    def kill(self) -> None:
        os.kill(self._number, signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._runs():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.002)

    def _runs(self) -> bool:
        try:
            os.kill(self._number, 0)
        except ProcessLookupError:
            return False
        return True


class Nursery:
    """Starts children quickly: they are copies of a process that has everything loaded."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._count = 0

    def start(self, do: str, location: str, **more: Any) -> Child:
        self._count += 1
        out = self._folder / f"{self._count}.out"
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, "location": location, "out": str(out), **more}) + "\n")
        self._process.stdin.flush()
        return Child(int(self._process.stdout.readline()), out)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    folder = Path(tempfile.mkdtemp(prefix="sansho-nursery-"))
    folder.chmod(0o777)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])}
    process = subprocess.Popen(
        [sys.executable, str(HERE / "store_worker.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield Nursery(process, folder)
    finally:
        process.kill()
        process.communicate()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def refused(reason: str, kind: type[SanshoError] = StoreError) -> Iterator[None]:
    """An error of one line that says what is the matter."""
    with pytest.raises(kind, match=reason) as caught:
        yield
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


def notes_of(store: Store, institution: str) -> list[str | None]:
    return [answer.get("note") for answer in store.records.read(ADMINISTRATOR, institution).document["answers"]]


# -- killed -----------------------------------------------------------------------------------------------------------


def test_a_killed_process_loses_nothing_that_was_acknowledged_and_leaves_no_half(
    store_location: str, knowledge: KnowledgeBase, nursery: Nursery, tmp_path: Path
) -> None:
    chance = random.Random(20261101)
    files = tmp_path / "files"
    with open_store(store_location, knowledge, files) as store:
        take_in(store, CLINIC)
    acknowledged: Counter[str] = Counter()
    for number in range(KILLS):
        task = "imports" if number % 2 else "saves"
        child = nursery.start(task, store_location, files=str(files))
        if number % 5:
            child.wait_until("ready")
        time.sleep(chance.uniform(0, 0.8))
        child.kill()
        said = child.said()
        acknowledged.update(words[0] for words in said)
        with open_store(store_location, knowledge, files) as store:
            require_kept(store, said)
    assert acknowledged["save"] >= 20 and acknowledged["import"] >= 3 and acknowledged["file"] >= 3, acknowledged
    assert not acknowledged["failed"] and not acknowledged["refused"]


def require_kept(store: Store, said: list[list[str]]) -> None:
    report = store.audit.verify(ADMINISTRATOR)
    assert report.faults == () and report.events == report.last
    assert [fault for fault in store.files.check(ADMINISTRATOR) if fault.lost] == []
    assert store.database.damage() == []
    names = store.records.names(ADMINISTRATOR)
    with store.database.reading() as connection:
        for words in said:
            if words[0] == "save":
                found = events.event(connection, int(words[1]))
                assert found is not None and found.change.after is not None
                assert found.change.after["note"] == words[2]
            elif words[0] == "import":
                assert words[1] in names
            elif words[0] == "file":
                assert store.files.content.fault(words[1]) is None
        counts: dict[str, int] = dict(
            connection.execute(
                text("SELECT institution, count(*) FROM parts WHERE institution LIKE 'import-%' GROUP BY institution")
            ).all()
        )
        begun = set(connection.execute(text("SELECT id FROM institutions WHERE id LIKE 'import-%'")).scalars())
    assert begun == set(counts), "an import is there whole or not at all"
    assert len(set(counts.values())) <= 1
    if counts:
        assert next(iter(counts.values())) > 425


# -- many at once -----------------------------------------------------------------------------------------------------


def test_twenty_writers_lose_nothing(store_location: str, knowledge: KnowledgeBase) -> None:
    """Each saves an answer of its own and one that all share, without reading again: either saved, or told why not."""
    rounds = 4
    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC)
        first = store.records.read(ADMINISTRATOR, CLINIC)

        def write(number: int) -> tuple[int, int]:
            who = Principal(f"writer-{number}", f"書く人{number}", "administrator")
            record, saved, conflicts = first, 0, 0
            for turn in range(rounds):
                mine = store.records.change(who, CLINIC, [note(record, number + 1, f"{number}-{turn}")])
                try:
                    shared = store.records.read(who, CLINIC) if turn % 2 else record
                    store.records.change(who, CLINIC, [note(shared, 0, f"{number}-{turn}")])
                    saved += 1
                except ConflictError as error:
                    conflicts += 1
                    assert error.collisions[0].actor.startswith("writer-")
                record = mine
            return saved, conflicts

        with ThreadPoolExecutor(20) as pool:
            done = list(pool.map(write, range(20)))
        saved, conflicts = sum(each[0] for each in done), sum(each[1] for each in done)
        assert saved + conflicts == 20 * rounds and saved >= 1 and conflicts >= 1
        with store.database.reading() as connection:
            rows = connection.execute(select(EVENTS).where(EVENTS.c.action == "edit").order_by(EVENTS.c.number)).all()
        kept = Counter(row.key for row in rows)
        assert sorted(kept.values()) == sorted([rounds] * 20 + [saved])
        assert notes_of(store, CLINIC)[1:21] == [f"{number}-{rounds - 1}" for number in range(20)]
        # Whoever saved had seen what the one before had saved: nothing was overwritten unseen.
        last: dict[str, str] = {}
        for row in rows:
            assert row.key not in last or row.before == last[row.key]
            last[row.key] = row.after
        assert store.audit.verify(ADMINISTRATOR).faults == ()


def test_four_processes_lose_nothing(store_location: str, knowledge: KnowledgeBase, nursery: Nursery) -> None:
    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC)
        before = notes_of(store, CLINIC)
    at = time.time() + 0.5
    tasks = [(which, 8) for which in (0, 0, 1, 1)]
    children = [nursery.start("answers", store_location, which=which, count=count, at=at) for which, count in tasks]
    for child in children:
        child.wait()
    said = [child.said() for child in children]
    assert all(words[-1][0] == "conflicts" for words in said), said
    numbers = [int(words[1]) for each in said for words in each if words[0] == "save"]
    assert len(set(numbers)) == len(numbers) == 32
    with open_store(store_location, knowledge) as store:
        after = notes_of(store, CLINIC)
        assert after[2:] == before[2:]
        for which, mine in ((0, said[:2]), (1, said[2:])):
            words = [words[2] for each in mine for words in each if words[0] == "save"]
            assert sorted((after[which] or "").removeprefix(before[which] or "").split()) == sorted(words)
        assert store.audit.verify(ADMINISTRATOR).faults == ()


def test_eight_processes_may_open_a_new_store_at_once(store_location: str, nursery: Nursery) -> None:
    at = time.time() + 0.5
    children = [nursery.start("open", store_location, at=at) for _ in range(8)]
    for child in children:
        child.wait()
    assert [child.said() for child in children] == [[["opened"]]] * 8
    database = Database.open(store_location)
    with database.reading() as connection:
        assert connection.execute(select(CHAIN.c.number)).scalars().all() == [0]
    database.close()


# -- no room ----------------------------------------------------------------------------------------------------------


def test_a_full_database_says_so_and_keeps_what_it_has(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "s.db"), knowledge) as store:
        take_in(store, CLINIC)
        before = store.records.read(ADMINISTRATOR, CLINIC)
        store.close()

        def few_pages(connection: sqlite3.Connection, _: Any) -> None:
            connection.execute("PRAGMA max_page_count = 1")  # SQLite raises it to the present size.

        event.listen(store.database.engine, "connect", few_pages)
        with refused("the disk is full; nothing was written"):
            take_in(store, HOSPITAL)
        assert store.records.read(ADMINISTRATOR, CLINIC) == before
        assert list(store.records.names(ADMINISTRATOR)) == [CLINIC]
        assert store.audit.verify(ADMINISTRATOR).faults == ()
        event.remove(store.database.engine, "connect", few_pages)
        store.close()
        take_in(store, HOSPITAL)
        assert store.audit.verify(ADMINISTRATOR).faults == ()


def test_a_disk_that_fills_up_loses_nothing_that_was_acknowledged(
    knowledge: KnowledgeBase, nursery: Nursery, tmp_path: Path
) -> None:
    location = tmp_path / "s.db"
    with open_store(str(location), knowledge) as store:
        take_in(store, CLINIC)
    child = nursery.start("saves", str(location), largest=location.stat().st_size + 100_000)
    child.wait()
    *done, last = child.said()
    assert [words[0] for words in done[:2]] == ["ready", "save"], done
    assert last[0] == "refused" and ("disk" in last[2] or "cannot be stored" in last[2]), last
    with open_store(str(location), knowledge) as store:
        require_kept(store, done)


def test_a_full_disk_is_refused_everywhere(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only an administrator can make a small disk")
    try:
        with open_store(str(disk / "s.db"), knowledge) as store:
            take_in(store, CLINIC)
            before = store.records.read(ADMINISTRATOR, CLINIC)
            evidence = next(iter(before.institution.evidence))
            leave_free(disk, 60_000)
            with refused("cannot be stored: No space left"):
                store.files.attach(ADMINISTRATOR, CLINIC, evidence, "a.png", PNG + bytes(100_000))
            leave_free(disk, 8_000)
            with refused("the backup cannot be written: No space left"):
                store.backups.write(ADMINISTRATOR, disk / "b.zip")
            with refused("the disk is full; nothing was written"):
                take_in(store, HOSPITAL)
            assert store.records.read(ADMINISTRATOR, CLINIC) == before
            assert {path.name for path in disk.iterdir()} <= {"s.db", "s.db-wal", "s.db-shm", "s.db.files", "ballast"}
            (disk / "ballast").unlink()
            assert store.files.check(ADMINISTRATOR) == []
            store.records.change(ADMINISTRATOR, CLINIC, [note(before, 0, "es geht weiter")])
            assert store.audit.verify(ADMINISTRATOR).faults == ()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def leave_free(disk: Path, free: int) -> None:
    with (disk / "ballast").open("ab") as ballast:
        ballast.write(bytes(shutil.disk_usage(disk).free - free))


# -- no right ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can enter; pytest's own are for one only."""
    folder = Path(tempfile.mkdtemp(prefix="sansho-readonly-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_may_not_be_written_is_refused(
    knowledge: KnowledgeBase, nursery: Nursery, open_folder: Path, what: str
) -> None:
    location = open_folder / "s.db"
    with open_store(str(location), knowledge) as store:
        take_in(store, CLINIC)
    content = location.read_bytes()
    location.chmod(0o444 if what == "file" else 0o666)
    open_folder.chmod(0o555 if what == "folder" else 0o777)
    # An administrator may write in spite of the mode, so the child is nobody.
    child = nursery.start("saves", str(location), as_nobody=True)
    child.wait()
    last = child.said()[-1]
    assert last[0] == "refused" and "cannot be" in last[2], child.said()
    assert not any(words[0] == "save" for words in child.said())
    assert location.read_bytes() == content


def test_a_store_cannot_be_made_where_nothing_may_be(nursery: Nursery, open_folder: Path) -> None:
    open_folder.chmod(0o555)
    child = nursery.start("open", str(open_folder / "new.db"), as_nobody=True)
    child.wait()
    assert child.said()[-1][0] == "refused" and "cannot be opened or made" in child.said()[-1][2]
    assert list(open_folder.iterdir()) == []


# -- locked -----------------------------------------------------------------------------------------------------------


def test_a_locked_database_is_refused_after_a_while_and_usable_again(
    store_location: str, knowledge: KnowledgeBase
) -> None:
    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC)
    hasty = Database.open(store_location, busy_seconds=0.3)
    records = Records(hasty, knowledge)
    record = records.read(ADMINISTRATOR, CLINIC)
    other = Database.open(store_location)
    with other.engine.connect().execution_options(sansho_writes=True) as connection, connection.begin():
        events.lock(connection)
        began = time.monotonic()
        with refused("another program holds the database; nothing was written"):
            records.change(ADMINISTRATOR, CLINIC, [note(record, 0, "a")])
        assert 0.2 < time.monotonic() - began < 10
        assert records.read(ADMINISTRATOR, CLINIC) == record, "reading goes on"
    records.change(ADMINISTRATOR, CLINIC, [note(record, 0, "a")])
    for database in (hasty, other):
        database.close()


def test_a_database_that_another_program_keeps_for_itself_is_refused(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    location = tmp_path / "s.db"
    with open_store(str(location), knowledge) as store:
        take_in(store, CLINIC)
    with closing(sqlite3.connect(location, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with refused("another program holds the database"):
            Database.open(str(location), busy_seconds=0.3)
    with open_store(str(location), knowledge) as store:
        assert list(store.records.names(ADMINISTRATOR)) == [CLINIC]


# -- damage -----------------------------------------------------------------------------------------------------------


def test_a_damaged_file_is_told_and_never_read_as_something_else(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    """Random pages overwritten: an error in a line, a fault that is named, or (in unused pages) no difference."""
    whole = tmp_path / "whole.db"
    with open_store(str(whole), knowledge) as store:
        take_in(store, CLINIC)
        expected = store.records.read(ADMINISTRATOR, CLINIC).document
    content, chance = whole.read_bytes(), random.Random(5)
    page = 4096
    told = 0
    for number in range(40):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 1, 3, 20])):
            start = page * chance.randrange(len(content) // page)
            end = start + chance.choice([1, 16, page])
            damaged[start:end] = chance.randbytes(end - start)
        location = tmp_path / f"{number}.db"
        location.write_bytes(damaged)
        told += is_told(str(location), knowledge, expected)
    assert told > 30


def is_told(location: str, knowledge: KnowledgeBase, expected: dict[str, Any]) -> bool:
    try:
        with open_store(location, knowledge) as store:
            faults = [*store.database.damage(), *store.audit.verify(ADMINISTRATOR).faults]
            found = store.records.read(ADMINISTRATOR, CLINIC).document
            store.records.history(ADMINISTRATOR, CLINIC)
    except SanshoError as error:
        assert str(error).count("\n") == 0 or not isinstance(error, StoreError)
        return True
    if not faults:
        assert found == expected
    return bool(faults)


@pytest.mark.parametrize("content", [b"not a database\n" * 1000, b"SQLite format 3\x00" + bytes(5000)])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    location = tmp_path / "s.db"
    location.write_bytes(content)
    with refused("not a database|damaged"):
        Database.open(str(location))
    assert location.read_bytes() == content


# -- a server that goes away ------------------------------------------------------------------------------------------


def test_a_server_that_stops_is_told_and_nothing_confirmed_is_lost(knowledge: KnowledgeBase) -> None:
    with running_postgres() as url, open_store(url, knowledge) as store:
        take_in(store, CLINIC)
        record = store.records.read(ADMINISTRATOR, CLINIC)
        record = store.records.change(ADMINISTRATOR, CLINIC, [note(record, 0, "confirmed")])
        # Stopped in the middle of a change: after it was made, before it is committed.
        with refused("server has stopped|cannot be reached|connection"), store.database.writing() as connection:
            events.lock(connection)
            connection.execute(PARTS.update().values(data="{}"))
            control(url, "stop", "-m", "immediate")
            connection.execute(PARTS.update().values(data="{}"))
        for _ in range(2):
            with refused("does not answer|cannot be reached|has stopped"):
                store.records.change(ADMINISTRATOR, CLINIC, [note(record, 0, "not confirmed")])
        control(url, "start", "-w", "-l", f"{folder_of(url)}/log2", "-o", options_of(url))
        assert store.records.read(ADMINISTRATOR, CLINIC) == record
        store.records.change(ADMINISTRATOR, CLINIC, [note(record, 0, "again")])
        assert store.audit.verify(ADMINISTRATOR).faults == ()


def folder_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["host"][0]


def options_of(url: str) -> str:
    return f"-c listen_addresses='' -c unix_socket_directories={folder_of(url)} -c fsync=off"


def control(url: str, action: str, *arguments: str) -> None:
    programs = binaries()
    assert programs is not None
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*as_owner, str(programs / "pg_ctl"), "-D", f"{folder_of(url)}/data", action, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder_of(url))


def test_an_interrupted_change_leaves_nothing(store_location: str, knowledge: KnowledgeBase, monkeypatch: Any) -> None:
    """Ctrl+C between the events and the parts of a change."""

    def stop(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC)
        record = store.records.read(ADMINISTRATOR, CLINIC)
        append = events.append
        with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
            stopped.setattr(events, "append", lambda *given: (append(*given), stop()))
            store.records.change(ADMINISTRATOR, CLINIC, [note(record, 0, "half")])
        assert store.records.read(ADMINISTRATOR, CLINIC) == record
        store.records.change(ADMINISTRATOR, CLINIC, [note(record, 0, "whole")])
        assert store.audit.verify(ADMINISTRATOR).faults == ()
