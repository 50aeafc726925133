"""The audit trail: whatever is done to the database behind its back is found and named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update
from store_helpers import ADMINISTRATOR, AUDITOR, CLINIC, CLINIC_USER, note, open_store, take_in

from analyzer.engine.analysis import Analyzer
from analyzer.knowledge.base import KnowledgeBase
from analyzer.store.events import GENESIS
from analyzer.store.principal import ForbiddenError
from analyzer.store.store import Store
from analyzer.store.tables import ACCOUNTS, ANALYSES, CHAIN, EVENTS, PARTS

COLUMNS = [column.name for column in EVENTS.columns]


@pytest.fixture
def store(store_location: str, knowledge: KnowledgeBase) -> Iterator[Store]:
    """A record and three changes of an answer after it."""
    with open_store(store_location, knowledge) as opened:
        take_in(opened, CLINIC)
        for number in range(3):
            record = opened.records.read(CLINIC_USER, CLINIC)
            opened.records.change(CLINIC_USER, CLINIC, [note(record, 0, f"備考{number}")])
        yield opened


def reasons(store: Store, head: tuple[int, str] | None = None) -> list[str]:
    return [fault.reason for fault in store.audit.verify(AUDITOR, head).faults]


def last(connection: Connection) -> int:
    number: int = connection.execute(select(CHAIN.c.number)).scalar_one()
    return number


def hash_of(row: dict[str, object]) -> str:
    """The hash as docs/store.md describes it, not as the program computes it."""
    covered = [row[name] for name in COLUMNS if name != "hash"]
    return hashlib.sha256(json.dumps(covered, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def rewrite(connection: Connection, first: int) -> None:
    """Make the trail follow from the event `first` on, as somebody would who knows how."""
    previous = connection.execute(select(EVENTS.c.hash).where(EVENTS.c.number == first - 1)).scalar_one()
    for row in connection.execute(select(EVENTS).where(EVENTS.c.number >= first).order_by(EVENTS.c.number)).mappings():
        made = {**row, "previous": previous}
        previous = hash_of(made)
        values = {"previous": made["previous"], "hash": previous}
        connection.execute(update(EVENTS).where(EVENTS.c.number == row["number"]).values(**values))
    connection.execute(update(CHAIN).values(hash=previous))


def test_an_untouched_trail_holds_and_tells_its_head(store: Store) -> None:
    report = store.audit.verify(AUDITOR)
    assert report.faults == () and report.events == report.last
    assert store.audit.verify(AUDITOR, (report.last, report.head)).faults == ()
    noted = (report.last, report.head)
    record = store.records.read(CLINIC_USER, CLINIC)
    store.records.change(CLINIC_USER, CLINIC, [note(record, 0, "later")])
    assert store.audit.verify(AUDITOR, noted).faults == (), "a head that was noted stays true when the trail grows"


def test_the_hash_is_what_the_documentation_says(store: Store) -> None:
    with store.database.reading() as connection:
        rows = [dict(row) for row in connection.execute(select(EVENTS).order_by(EVENTS.c.number)).mappings()]
    assert rows[0]["previous"] == GENESIS
    assert all(row["hash"] == hash_of(row) for row in rows)
    assert [row["previous"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]


def alter_text(connection: Connection) -> list[str]:
    number = last(connection) - 1
    after = connection.execute(select(EVENTS.c.after).where(EVENTS.c.number == number)).scalar_one()
    connection.execute(update(EVENTS).where(EVENTS.c.number == number).values(after=after.replace("備考1", "備考9")))
    return [f"event {number} has been altered"]


def alter_time(connection: Connection) -> list[str]:
    number = last(connection) - 1
    connection.execute(update(EVENTS).where(EVENTS.c.number == number).values(at="2026-01-01T00:00:00.000000Z"))
    return [f"event {number} has been altered"]


def alter_actor(connection: Connection) -> list[str]:
    connection.execute(update(EVENTS).where(EVENTS.c.number == 5).values(actor="somebody else"))
    return ["event 5 has been altered"]


def remove_in_the_middle(connection: Connection) -> list[str]:
    connection.execute(delete(EVENTS).where(EVENTS.c.number == last(connection) - 1))
    return [f"event {last(connection) - 1} has been removed"]


def remove_several(connection: Connection) -> list[str]:
    number = last(connection)
    connection.execute(delete(EVENTS).where(EVENTS.c.number.in_([number - 2, number - 1])))
    return [f"event {number - 2} to {number - 1} has been removed"]


def remove_at_the_end(connection: Connection) -> list[str]:
    number = last(connection)
    connection.execute(delete(EVENTS).where(EVENTS.c.number == number))
    return [f"the trail ends at event {number - 1}, but {number} were written", "is not what the trail says"]


def remove_at_the_end_and_say_so(connection: Connection) -> list[str]:
    number = last(connection)
    before = connection.execute(select(EVENTS.c.hash).where(EVENTS.c.number == number - 1)).scalar_one()
    connection.execute(delete(EVENTS).where(EVENTS.c.number == number))
    connection.execute(update(CHAIN).values(number=number - 1, hash=before))
    return ["is not what the trail says"]


def reorder(connection: Connection) -> list[str]:
    number = last(connection)
    for old, new in ((number, 10**9), (number - 1, number), (10**9, number - 1)):
        connection.execute(update(EVENTS).where(EVENTS.c.number == old).values(number=new))
    return [
        f"event {number - 1} does not follow the one before it: order was changed",
        f"event {number - 1} has been altered",
        f"event {number} does not follow the one before it: order was changed",
        f"event {number} has been altered",
    ]


def insert_one(connection: Connection) -> list[str]:
    number = last(connection)
    row = dict(connection.execute(select(EVENTS).where(EVENTS.c.number == number)).mappings().one())
    connection.execute(insert(EVENTS).values(**{**row, "number": number + 1}))
    return [f"event {number + 1} does not follow the one before it", f"event {number + 1} has been altered"]


def recompute_one(connection: Connection) -> list[str]:
    number = last(connection) - 1
    row = dict(connection.execute(select(EVENTS).where(EVENTS.c.number == number)).mappings().one())
    row["actor"] = "somebody else"
    connection.execute(update(EVENTS).where(EVENTS.c.number == number).values(actor="somebody else", hash=hash_of(row)))
    return [f"event {number + 1} does not follow the one before it: order was changed"]


def change_a_part(connection: Connection) -> list[str]:
    place = (PARTS.c.kind == "answer") & (PARTS.c.version == last(connection))
    data = connection.execute(select(PARTS.c.data).where(place)).scalar_one()
    connection.execute(update(PARTS).where(place).values(data=data.replace("備考2", "備考8")))
    return ["is not what the trail says"]


def remove_a_part(connection: Connection) -> list[str]:
    connection.execute(delete(PARTS).where(PARTS.c.version == last(connection)))
    return ["is not what the trail says"]


def add_a_part(connection: Connection) -> list[str]:
    values = {"institution": CLINIC, "kind": "comment", "key": "c1", "position": 99999, "data": "{}", "version": 1}
    connection.execute(insert(PARTS).values(**values))
    return ["comment 'c1' stands in the record without an event"]


TAMPERINGS = [
    alter_text, alter_time, alter_actor, remove_in_the_middle, remove_several, remove_at_the_end,
    remove_at_the_end_and_say_so, reorder, insert_one, recompute_one, change_a_part, remove_a_part, add_a_part,
]  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda function: function.__name__)
def test_tampering_is_found_and_named(store: Store, tamper: Callable[[Connection], list[str]]) -> None:
    with store.database.engine.begin() as connection:
        expected = tamper(connection)
    found = reasons(store)
    for reason in expected:
        assert any(reason in said for said in found), (reason, found)


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in {"number", "hash", "previous"}])
def test_no_column_of_an_event_can_be_altered(store: Store, column: str) -> None:
    number = store.audit.verify(AUDITOR).last
    with store.database.engine.begin() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.number == number).values(**{column: "x"}))
    assert f"event {number} has been altered" in reasons(store)


def test_a_trail_that_was_rewritten_as_a_whole_is_found_by_the_head_that_was_noted(store: Store) -> None:
    report = store.audit.verify(AUDITOR)
    with store.database.engine.begin() as connection:
        number = last(connection) - 1
        connection.execute(update(EVENTS).where(EVENTS.c.number == number).values(actor="somebody else"))
        rewrite(connection, number)
    assert reasons(store) == [], "without the noted head it looks whole: this is why it is to be noted"
    assert reasons(store, (report.last, report.head)) == [f"event {report.last} is not the one whose hash was noted"]


def test_a_trail_that_is_shorter_than_what_was_noted_is_found(store: Store) -> None:
    report = store.audit.verify(AUDITOR)
    assert reasons(store, (report.last + 1, "f" * 64)) == [
        f"event {report.last + 1} is not the one whose hash was noted"
    ]


def test_kept_analyses_are_covered(store: Store, analyzer: Analyzer) -> None:
    record = store.records.read(CLINIC_USER, CLINIC)
    saved = store.analyses.save(CLINIC_USER, analyzer.analyze(record.institution, date(2026, 11, 1)))
    assert reasons(store) == []
    for statement, reason in (
        (update(ANALYSES).values(document="{}"), "is not what the trail says"),
        (delete(ANALYSES), "has been removed"),
    ):
        with store.database.engine.begin() as connection:
            connection.execute(statement)
        assert reasons(store) == [f"{CLINIC}: analysis {saved.id} {reason}"]


def test_an_event_altered_to_nonsense_is_still_only_a_fault(store: Store, analyzer: Analyzer) -> None:
    record = store.records.read(CLINIC_USER, CLINIC)
    store.analyses.save(CLINIC_USER, analyzer.analyze(record.institution, date(2026, 11, 1)))
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE events SET after = '[' WHERE kind = 'analysis'"))
        connection.execute(text("DELETE FROM chain"))
    assert any("has been altered" in reason for reason in reasons(store))


def test_the_log_is_for_those_who_audit(store: Store) -> None:
    events = store.audit.log(AUDITOR, CLINIC, limit=3)
    assert [event.change.after and event.change.after["note"] for event in events] == ["備考2", "備考1", "備考0"]
    assert [event.actor for event in events] == ["clinic"] * 3
    assert store.audit.log(ADMINISTRATOR, None) == []
    for ask in (lambda: store.audit.log(CLINIC_USER, CLINIC), lambda: store.audit.verify(CLINIC_USER)):
        with pytest.raises(ForbiddenError):
            ask()


def test_an_account_changed_behind_the_trails_back_is_found(store: Store) -> None:
    store.accounts.create(ADMINISTRATOR, "reader", "読む人", "auditor")
    for login in ("first", "second"):
        store.accounts.create(ADMINISTRATOR, login, login, "administrator")
    store.accounts.disable(ADMINISTRATOR, "second")
    assert reasons(store) == []
    with store.database.writing() as connection:
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.login == "reader").values(role="administrator"))
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.login == "second").values(disabled=False))
    assert reasons(store) == [
        "account 'reader': role not what the trail says",
        "account 'second': disabled not what the trail says",
    ]
