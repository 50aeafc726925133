"""Backups: the same store comes back, in either database; what is damaged or hostile is refused, and makes nothing."""

from __future__ import annotations

import io
import json
import random
import stat
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from postgres import empty
from sqlalchemy import select, update
from store_helpers import (
    ADMINISTRATOR,
    AUDITOR,
    CLINIC,
    CLINIC_USER,
    HOSPITAL,
    HOSPITAL_USER,
    PDF,
    PNG,
    note,
    open_store,
    take_in,
    ticking,
)

from analyzer.engine.analysis import Analyzer
from analyzer.knowledge.base import KnowledgeBase
from analyzer.store import backups
from analyzer.store.archives import TABLES
from analyzer.store.backups import BackupReport, restore
from analyzer.store.database import Database, StoreError
from analyzer.store.items import ItemChange, read_items, write_items
from analyzer.store.limits import limits
from analyzer.store.principal import ForbiddenError
from analyzer.store.records import ABSENT
from analyzer.store.store import Store
from analyzer.store.tables import EVENTS, MAILS, NOTIFICATIONS, RESETS, SESSIONS

Rows = dict[str, list[tuple[Any, ...]]]
AS_OF = date(2026, 11, 1)


@pytest.fixture
def store(store_location: str, knowledge: KnowledgeBase, analyzer: Analyzer, tmp_path: Path) -> Iterator[Store]:
    """Two institutions, changes, two files, one of them detached, an analysis, an account and its session."""
    with open_store(store_location, knowledge, tmp_path / "files") as opened:
        fill(opened, analyzer)
        yield opened


def fill(store: Store, analyzer: Analyzer) -> None:
    take_in(store, HOSPITAL, CLINIC)
    record = store.records.read(CLINIC_USER, CLINIC)
    evidence = next(iter(record.institution.evidence))
    store.records.change(CLINIC_USER, CLINIC, [note(record, 0, "絵文字😀と\u2028改行\nと\x00")])
    store.files.attach(CLINIC_USER, CLINIC, evidence, "a.png", PNG)
    gone = store.files.attach(CLINIC_USER, CLINIC, evidence, "b.pdf", PDF)
    store.files.detach(CLINIC_USER, CLINIC, evidence, gone.sha256)
    store.analyses.save(CLINIC_USER, analyzer.analyze(record.institution, AS_OF))
    store.accounts.create(ADMINISTRATOR, "adviser", "甲", "consultant", [CLINIC])
    with store.database.writing() as connection:
        connection.execute(SESSIONS.insert().values(token="t", login="adviser", begun_at="1", seen_at="1", ends_at="1"))
        connection.execute(RESETS.insert().values(token="r", login="adviser", made_at="1", ends_at="2", used_at=None))
        told = {"login": "adviser", "at": "1", "programme": "support", "institution": CLINIC, "event": "welcome"}
        connection.execute(NOTIFICATIONS.insert().values(id="n", **told, text="ようこそ😀", link="portal"))
        for state in ("sent", "failed", "unsure"):
            connection.execute(MAILS.insert().values(mail(state)))
        said = [
            ItemChange("consent", "1.0", {"by": "甲"}, ABSENT),
            ItemChange("wish", "backup", {"wanted": True}, ABSENT),
        ]
        write_items(connection, "adviser", "2026-11-22T08:00:00.000000Z", "support", CLINIC, said, action="consent")
        notice = [ItemChange("notice", "000001", {"title": "開始"}, ABSENT)]
        write_items(connection, "office", "2026-11-22T08:00:01.000000Z", "support", "", notice, action="publish")


def mail(state: str) -> dict[str, Any]:
    """A row of the table of mails."""
    times = dict.fromkeys(("created_at", "due_at", "changed_at"), "2026-11-22T08:00:00.000000Z")
    letter = {"login": "adviser", "recipient": "a@example.jp", "subject": "件名", "body": "本文\n"}
    once, error = ("welcome adviser", None) if state == "sent" else (None, "550")
    return {
        **times,
        **letter,
        "id": state,
        "message_id": f"<{state}@example.jp>",
        "once": once,
        "state": state,
        "attempts": 1,
        "error": error,
    }


def rows_of(database: Database) -> Rows:
    """Everything in the tables but the event that a restore adds, and sessions."""
    found: Rows = {}
    with database.reading() as connection:
        for table in TABLES:
            if table.name != "chain":
                query = select(table).order_by(*table.primary_key.columns)
                if table is EVENTS:
                    query = query.where(EVENTS.c.action != "restore")
                found[table.name] = [tuple(row) for row in connection.execute(query)]
    return found


def other_location(store: Store, postgres: str, tmp_path: Path) -> str:
    """A place in the other database."""
    if not store.database.is_sqlite:
        return str(tmp_path / "restored.db")
    empty(postgres)
    return postgres


# -- there and back ---------------------------------------------------------------------------------------------------


def test_a_backup_comes_back_in_the_other_database_and_from_there_again(
    store: Store, postgres: str, knowledge: KnowledgeBase, analyzer: Analyzer, tmp_path: Path
) -> None:
    made = store.backups.write(ADMINISTRATOR, tmp_path / "1.zip")
    before, head = rows_of(store.database), store.audit.verify(AUDITOR)
    assert made.faults == () and made.head == (head.last, head.head) and made.files == 2
    location = other_location(store, postgres, tmp_path)
    assert restore(ADMINISTRATOR, tmp_path / "1.zip", location, tmp_path / "files2", ticking()) == made
    with open_store(location, knowledge, tmp_path / "files2") as second:
        assert rows_of(second.database) == before
        assert second.audit.verify(AUDITOR, made.head).faults == ()
        assert second.files.check(ADMINISTRATOR) == []
        assert second.audit.log(AUDITOR, None)[0].change.action == "restore"
        attached = second.files.attachments(CLINIC_USER, CLINIC)[0]
        assert second.files.open(CLINIC_USER, CLINIC, attached.sha256) == (attached, PNG)
        with second.database.reading() as connection:
            assert connection.execute(select(SESSIONS)).all() == [], "nobody is logged in to a restored store"
            assert connection.execute(select(RESETS)).all() == [], "no link resets a password there"
            assert [item.kind for item in read_items(connection, "support", CLINIC)] == ["consent", "wish"]
        # It goes on: changes, undone detachments, further analyses.
        record = second.records.read(CLINIC_USER, CLINIC)
        detached = second.records.history(CLINIC_USER, CLINIC, "attachment")[0]
        second.records.undo(CLINIC_USER, CLINIC, detached.number)
        again = second.analyses.save(CLINIC_USER, analyzer.analyze(record.institution, date(2026, 12, 1)))
        assert again.id == 2
        assert second.audit.verify(AUDITOR).faults == ()
        second.backups.write(ADMINISTRATOR, tmp_path / "2.zip")
        changed = rows_of(second.database)
    third = tmp_path / "third.db"
    restore(ADMINISTRATOR, tmp_path / "2.zip", str(third), clock=ticking())
    with open_store(str(third), knowledge) as last:
        assert rows_of(last.database) == changed
        assert len(last.files.attachments(CLINIC_USER, CLINIC)) == 2


def test_mails_that_were_still_to_go_out_are_for_a_person_to_decide_about(store: Store, tmp_path: Path) -> None:
    with store.database.writing() as connection:
        for state in ("waiting", "sending"):
            connection.execute(MAILS.insert().values(mail(state)))
    store.backups.write(ADMINISTRATOR, tmp_path / "b.zip")
    restore(ADMINISTRATOR, tmp_path / "b.zip", str(tmp_path / "r.db"))
    states = {"sent": "sent", "failed": "failed", "unsure": "unsure", "waiting": "waiting", "sending": "sending"}
    for location, expected in (
        (store.database, states),
        (Database.open(str(tmp_path / "r.db")), {**states, "waiting": "unsure", "sending": "unsure"}),
    ):
        with location.reading() as connection:
            assert {row.id: row.state for row in connection.execute(select(MAILS))} == expected


def test_a_backup_is_of_one_moment_while_others_write(store: Store, tmp_path: Path) -> None:
    stop = threading.Event()

    def writes() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            record = store.records.read(HOSPITAL_USER, HOSPITAL)
            store.records.change(HOSPITAL_USER, HOSPITAL, [note(record, 0, f"備考{number}")])

    writer = threading.Thread(target=writes)
    writer.start()
    try:
        made = [store.backups.write(ADMINISTRATOR, tmp_path / f"{number}.zip") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    assert len({report.head for report in made}) == 3, "changes went on between the backups"
    for number, report in enumerate(made):
        assert report.faults == ()
        restore(ADMINISTRATOR, tmp_path / f"{number}.zip", str(tmp_path / f"{number}.db"))


def test_a_backup_is_for_its_owner_only_and_leaves_nothing_else(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "b.zip"
    store.backups.write(ADMINISTRATOR, path)
    first = path.read_bytes()
    store.backups.write(ADMINISTRATOR, path)
    assert path.read_bytes() != first, "the later one has taken its place"
    assert [each.name for each in path.parent.iterdir()] == ["b.zip"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_backups_are_for_administrators(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    for who in (AUDITOR, CLINIC_USER):
        with pytest.raises(ForbiddenError):
            store.backups.write(who, path)
    store.backups.write(ADMINISTRATOR, path)
    for who in (AUDITOR, CLINIC_USER):
        with pytest.raises(ForbiddenError):
            restore(who, path, str(tmp_path / "r.db"))
    assert not (tmp_path / "r.db").exists()


def test_a_store_that_holds_anything_is_not_restored_over(store: Store, tmp_path: Path, store_location: str) -> None:
    store.backups.write(ADMINISTRATOR, tmp_path / "b.zip")
    before = rows_of(store.database)
    with pytest.raises(StoreError, match="is not empty"):
        restore(ADMINISTRATOR, tmp_path / "b.zip", store_location, tmp_path / "files")
    assert rows_of(store.database) == before
    assert store.files.check(ADMINISTRATOR) == []


def test_what_is_wrong_with_a_store_is_said_and_still_backed_up(
    store: Store, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    attached = store.files.attachments(CLINIC_USER, CLINIC)[0]
    (store.files.content.folder / attached.sha256[:2] / attached.sha256).write_bytes(b"altered")
    with store.database.writing() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.number == 3).values(actor="x"))
    made = store.backups.write(ADMINISTRATOR, tmp_path / "b.zip")
    assert len(made.faults) == 2 and made.files == 1
    assert "event 3 has been altered" in made.faults and "was altered" in made.faults[1]
    target = tmp_path / "r.db"
    with pytest.raises(StoreError, match="was at fault when it was made: event 3 has been altered"):
        restore(ADMINISTRATOR, tmp_path / "b.zip", str(target))
    assert not target.exists()
    assert restore(ADMINISTRATOR, tmp_path / "b.zip", str(target), accept_faults=True).faults == made.faults
    with open_store(str(target), knowledge) as restored:
        assert rows_of(restored.database) == rows_of(store.database)


def test_a_densely_packed_store_can_still_be_restored(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "s.db"), knowledge) as store:
        take_in(store, CLINIC)
        for number in range(8):
            record = store.records.read(CLINIC_USER, CLINIC)
            changes = [note(record, each, str(number) * 65_000) for each in range(100)]
            store.records.change(CLINIC_USER, CLINIC, changes)
        made = store.backups.write(ADMINISTRATOR, tmp_path / "b.zip")
        assert restore(ADMINISTRATOR, tmp_path / "b.zip", str(tmp_path / "r.db")) == made


# -- damaged and hostile ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(knowledge: KnowledgeBase, analyzer: Analyzer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup to spoil."""
    folder = tmp_path_factory.mktemp("good")
    with open_store(str(folder / "s.db"), knowledge) as store:
        fill(store, analyzer)
        store.backups.write(ADMINISTRATOR, folder / "good.zip")
    return folder / "good.zip"


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def packed(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def assert_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    archive, target = tmp_path / "bad.zip", tmp_path / "into" / "r.db"
    archive.write_bytes(content)
    target.parent.mkdir(exist_ok=True)
    with pytest.raises(StoreError, match=reason) as refused:
        restore(ADMINISTRATOR, archive, str(target))
    assert "\n" not in str(refused.value)
    assert list(target.parent.rglob("*")) in ([], [target.parent / "r.db.files"]), "nothing is left behind"


def rehashed(members: dict[str, bytes]) -> dict[str, bytes]:
    """With a manifest that agrees with the members, as somebody would make it who knows how."""
    import hashlib

    manifest = json.loads(members["manifest.json"])
    for table in manifest["tables"]:
        content = members[f"tables/{table}.jsonl"]
        manifest["tables"][table] = {
            "rows": content.count(b"\n"), "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
        }  # fmt: skip
    return {**members, "manifest.json": json.dumps(manifest).encode()}


def change_manifest(members: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    manifest = json.loads(members["manifest.json"])
    return {**members, "manifest.json": json.dumps({**manifest, **changes}).encode()}


Spoil = Callable[[dict[str, bytes]], dict[str, bytes]]
EVENTS_MEMBER = "tables/events.jsonl"
SPOILED: dict[str, tuple[Spoil, str]] = {
    "no manifest": (lambda m: {k: v for k, v in m.items() if k != "manifest.json"}, "has no manifest"),
    "manifest is a list": (lambda m: {**m, "manifest.json": b"[]"}, "not a manifest"),
    "manifest is nested": (lambda m: {**m, "manifest.json": b"[" * 200_000}, "not a manifest|damaged"),
    "manifest is no JSON": (lambda m: {**m, "manifest.json": b"\xff"}, "damaged"),
    "another format": (lambda m: change_manifest(m, format="sansho-backup/2"), "format 'sansho-backup/2' is not"),
    "a later schema": (lambda m: change_manifest(m, schema="9999"), "has schema 9999"),
    "an earlier schema, with its tables": (
        lambda m: change_manifest(m, schema="0001", program="0.1.0", tables={}),
        "has schema 0001, this version 0002; restore it with 0.1.0",
    ),
    "hashes that are paths": (lambda m: change_manifest(m, files={"../../etc/passwd": 1}), "not a manifest"),
    "a further table": (lambda m: change_manifest(m, tables={}), "does not hold the tables"),
    "a file missing": (lambda m: {k: v for k, v in m.items() if not k.startswith("files/")}, "is missing"),
    "a member that nobody names": (lambda m: {**m, "../../evil.txt": b"x"}, "does not name: '../../evil.txt'"),
    "an absolute member": (lambda m: {**m, "/etc/cron.d/evil": b"x"}, "does not name"),
    "a file altered": (
        lambda m: {k: v[:-1] + b"!" if k.startswith("files/") else v for k, v in m.items()},
        "is not what the manifest says",
    ),
    "a table altered": (
        lambda m: {**m, EVENTS_MEMBER: m[EVENTS_MEMBER].replace(b'"actor":"admin"', b'"actor":"nimda"')},
        "is not what the manifest says",
    ),
    "a table shortened": (lambda m: {**m, EVENTS_MEMBER: m[EVENTS_MEMBER][:-1]}, "bytes, not"),
    "an event altered, hashes too": (
        lambda m: rehashed({**m, EVENTS_MEMBER: m[EVENTS_MEMBER].replace(b'"actor":"admin"', b'"actor":"nimda"')}),
        "audit trail does not hold",
    ),
    "an event removed, hashes too": (
        lambda m: rehashed({**m, EVENTS_MEMBER: m[EVENTS_MEMBER].split(b"\n", 1)[1]}),
        "audit trail does not hold",
    ),
    "a record altered, hashes too": (
        lambda m: rehashed({**m, "tables/parts.jsonl": m["tables/parts.jsonl"].replace(b"hospital", b"hospitol")}),
        "cannot be restored|FOREIGN KEY|foreign key",
    ),
    "a file that no list has": (
        lambda m: rehashed({**m, "tables/files.jsonl": m["tables/files.jsonl"].split(b"\n", 1)[1]}),
        "not the same",
    ),
    "a line that is no row": (
        lambda m: rehashed({**m, "tables/accounts.jsonl": b'{"login": "evil"}\n'}), "has a line that is no row",
    ),
    "a value of another type": (
        lambda m: rehashed({**m, EVENTS_MEMBER: m[EVENTS_MEMBER].replace(b'"number":1,', b'"number":"1",', 1)}),
        "has a value that does not fit",
    ),
    "a number beyond bounds": (
        lambda m: rehashed({**m, EVENTS_MEMBER: m[EVENTS_MEMBER].replace(b":1,", b":1" + b"0" * 30 + b",", 1)}),
        "has a value that does not fit",
    ),
    "the same row twice": (
        lambda m: rehashed({**m, "tables/institutions.jsonl": m["tables/institutions.jsonl"] * 2}), "UNIQUE|unique",
    ),
}  # fmt: skip


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_spoiled_backup_is_refused_with_a_reason(good: Path, tmp_path: Path, spoiled: str) -> None:
    spoil, reason = SPOILED[spoiled]
    members = members_of(good)
    changed = spoil(members)
    assert changed != members
    assert_refused(packed(changed), reason, tmp_path)


def test_the_spoiled_ones_are_refused_for_their_spoiling_alone(good: Path, tmp_path: Path) -> None:
    (tmp_path / "same.zip").write_bytes(packed(rehashed(members_of(good)), zipfile.ZIP_DEFLATED))
    assert restore(ADMINISTRATOR, tmp_path / "same.zip", str(tmp_path / "r.db")).files == 2


def test_other_than_whole_zips_are_refused(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    assert_refused(b"", "not a whole zip", tmp_path)
    assert_refused(b"not a zip at all" * 100, "not a whole zip", tmp_path)
    assert_refused(content[: len(content) // 2], "not a whole zip", tmp_path)
    with pytest.raises(StoreError, match="no such file"):
        restore(ADMINISTRATOR, tmp_path / "none.zip", str(tmp_path / "r.db"))
    with pytest.raises(StoreError, match="cannot be restored"):
        restore(ADMINISTRATOR, tmp_path, str(tmp_path / "r.db"))


def test_a_bomb_is_refused_before_it_is_unpacked(good: Path, tmp_path: Path) -> None:
    members = members_of(good)
    bomb = rehashed({**members, "tables/accounts.jsonl": b" " * (200 << 20)})
    assert_refused(packed(bomb, zipfile.ZIP_DEFLATED), "times as large", tmp_path)
    huge = {**members, "manifest.json": b" " * (65 << 20)}
    assert_refused(packed(huge, zipfile.ZIP_DEFLATED), "manifest is too large", tmp_path)


def test_more_than_the_limit_is_refused(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(limits(), backup=replace(limits().backup, max_bytes=1000))
    monkeypatch.setattr(backups, "limits", lambda: few)
    assert_refused(good.read_bytes(), "larger than 1,000 bytes", tmp_path)


def test_a_member_that_is_there_twice_is_refused(good: Path, tmp_path: Path) -> None:
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in members_of(good).items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", b"{}")
    assert_refused(made.getvalue(), "there twice", tmp_path)


def test_flipped_bytes_are_refused_or_change_nothing(good: Path, tmp_path: Path) -> None:
    """One byte of the archive at a time, at random places: never a store that differs from the one backed up."""
    content, chance = good.read_bytes(), random.Random(7)
    restore(ADMINISTRATOR, good, str(tmp_path / "whole.db"))
    whole = rows_of(Database.open(str(tmp_path / "whole.db")))
    refused = 0
    for number in range(60):
        place = chance.randrange(len(content))
        spoiled = bytearray(content)
        spoiled[place] ^= 1 << chance.randrange(8)
        archive, target = tmp_path / "flipped.zip", tmp_path / f"{number}.db"
        archive.write_bytes(spoiled)
        try:
            made: BackupReport = restore(ADMINISTRATOR, archive, str(target))
        except StoreError as error:
            refused += 1
            assert "\n" not in str(error) and not target.exists()
        else:
            database = Database.open(str(target))
            assert rows_of(database) == whole and made.faults == ()
            database.close()
    assert refused > 50


def test_a_restore_that_stops_in_between_leaves_nothing(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "into" / "r.db"
    target.parent.mkdir()

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(backups.events, "append", stop)
        restore(ADMINISTRATOR, good, str(target))
    assert [path for path in target.parent.rglob("*") if path.is_file()] == []
    assert restore(ADMINISTRATOR, good, str(target)).faults == ()
