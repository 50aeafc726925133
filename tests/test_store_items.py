"""What is done in support programmes: versions, conflicts, what is only added, the order, and what the audit finds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from store_helpers import (
    ADMINISTRATOR,
    AUDITOR,
    CLINIC,
    CLINIC_USER,
    HOSPITAL,
    PDF,
    note,
    open_store,
    take_in,
)

from analyzer.knowledge.base import KnowledgeBase
from analyzer.store.database import StoreError
from analyzer.store.events import Event, history
from analyzer.store.files import note_file
from analyzer.store.items import (
    APPEND_ONLY,
    ITEM_KINDS,
    OF_PROGRAMME,
    Item,
    ItemChange,
    ItemConflictError,
    ItemKind,
    next_key,
    read_everybody,
    read_items,
    write_items,
)
from analyzer.store.parts import KINDS
from analyzer.store.records import ABSENT, UnknownInstitutionError
from analyzer.store.store import Store
from analyzer.store.tables import EVENTS, PROGRAMME_ITEMS

PROGRAMME = "support-2026"
AT = "2026-11-22T08:00:00.000000Z"


@pytest.fixture
def store(store_location: str, knowledge: KnowledgeBase) -> Iterator[Store]:
    with open_store(store_location, knowledge) as opened:
        take_in(opened, CLINIC, HOSPITAL)
        yield opened


def write(store: Store, *changes: ItemChange, institution: str = CLINIC, actor: str = "clinic") -> list[int]:
    with store.database.writing() as connection:
        return write_items(connection, actor, AT, PROGRAMME, institution, changes, action="hand_in")


def new(kind: ItemKind, key: str, **data: object) -> ItemChange:
    return ItemChange(kind, key, dict(data), ABSENT)


def items(store: Store, institution: str = CLINIC, kind: ItemKind | None = None) -> tuple[Item, ...]:
    with store.database.reading() as connection:
        return read_items(connection, PROGRAMME, institution, kind)


def trail(store: Store, institution: str | None = CLINIC) -> list[Event]:
    """Events of items, the earliest first."""
    with store.database.reading() as connection:
        return history(connection, institution, ITEM_KINDS)[::-1]


def reasons(store: Store) -> list[str]:
    return [fault.reason for fault in store.audit.verify(AUDITOR).faults]


# -- writing ----------------------------------------------------------------------------------------------------------


def test_kinds_of_items_are_none_of_a_record() -> None:
    # The audit tells by the kind whether an event is of a record or of a programme.
    assert not set(ITEM_KINDS) & {*KINDS, "account", "analysis", "store"}
    assert set(ITEM_KINDS) >= APPEND_ONLY


def test_what_is_written_is_read_in_its_order_with_its_events(store: Store) -> None:
    numbers = write(store, new("registration", "", name="甲"), new("message", "000001", text="絵文字😀\x00\u2028"))
    again = write(store, ItemChange("registration", "", {"name": "乙"}, numbers[0]))
    last = write(store, new("form", "network", answers={"q": [1, None, True]}))
    assert items(store) == (
        Item("registration", "", {"name": "乙"}, again[0], 0),
        Item("message", "000001", {"text": "絵文字😀\x00\u2028"}, numbers[1], 1),
        Item("form", "network", {"answers": {"q": [1, None, True]}}, last[0], 2),
    )
    assert items(store, kind="message") == (items(store)[1],)
    said = trail(store)
    assert [event.number for event in said] == [*numbers, *again, *last]
    assert {(event.actor, event.at, event.change.action, event.change.source) for event in said} == {
        ("clinic", AT, "hand_in", "app")
    }
    assert [(event.change.kind, event.change.key, event.change.before, event.change.after) for event in said[:3]] == [
        ("registration", "support-2026 ", None, {"name": "甲"}),
        ("message", "support-2026 000001", None, {"text": "絵文字😀\x00\u2028"}),
        ("registration", "support-2026 ", {"name": "甲"}, {"name": "乙"}),
    ]
    assert reasons(store) == []


def test_institutions_and_the_programme_keep_to_themselves(store: Store) -> None:
    write(store, new("form", "network", of="clinic"))
    write(store, new("form", "network", of="hospital"), institution=HOSPITAL)
    write(store, new("notice", "000001", title="開始"), institution=OF_PROGRAMME, actor="office")
    with store.database.writing() as connection:
        other = [new("form", "network", of="other programme")]
        write_items(connection, "clinic", AT, "another-2027", CLINIC, other, action="hand_in")
    assert [item.data for item in items(store)] == [{"of": "clinic"}]
    assert [item.kind for item in items(store, OF_PROGRAMME)] == ["notice"]
    with store.database.reading() as connection:
        everybody = read_everybody(connection, PROGRAMME)
    assert {institution: [item.data for item in found] for institution, found in everybody.items()} == {
        CLINIC: [{"of": "clinic"}],
        HOSPITAL: [{"of": "hospital"}],
    }
    assert [event.change.key for event in trail(store, None)] == ["support-2026 000001"]
    assert reasons(store) == []


def test_a_change_of_what_was_not_seen_is_refused_and_nothing_of_it_is_written(store: Store) -> None:
    (seen,) = write(store, new("form", "network", n=1))
    (now,) = write(store, ItemChange("form", "network", {"n": 2}, seen), actor="office")
    before = (items(store), len(trail(store)))
    for stale in (ItemChange("form", "network", {"n": 3}, seen), new("form", "network", n=3)):
        with pytest.raises(ItemConflictError) as refused:
            write(store, new("wish", "backup", wanted=True), stale)
        (collision,) = refused.value.collisions
        assert (collision.wanted, collision.version, collision.data) == (stale, now, {"n": 2})
        assert (collision.actor, collision.at) == ("office", AT)
        assert "form 'network' by office" in str(refused.value)
    with pytest.raises(ItemConflictError) as refused:
        write(store, ItemChange("offer", "o1", {"n": 1}, 7))
    assert (refused.value.collisions[0].version, refused.value.collisions[0].data) == (ABSENT, None)
    assert (items(store), len(trail(store))) == before


def test_an_item_is_removed_and_can_come_again(store: Store) -> None:
    (version,) = write(store, new("offer", "o1", n=1))
    write(store, new("offer", "o2", n=2))
    (gone,) = write(store, ItemChange("offer", "o1", None, version))
    assert [item.key for item in items(store)] == ["o2"]
    assert (trail(store)[-1].number, trail(store)[-1].change.before, trail(store)[-1].change.after) == (
        gone,
        {"n": 1},
        None,
    )
    assert reasons(store) == []
    write(store, new("offer", "o1", n=3))
    assert [item.key for item in items(store)] == ["o2", "o1"], "it comes last"
    assert reasons(store) == []
    with pytest.raises(StoreError, match="no offer 'o9' to remove"):
        write(store, ItemChange("offer", "o9", None, ABSENT))


@pytest.mark.parametrize("kind", sorted(APPEND_ONLY))
def test_what_is_only_added_to_is_never_changed_or_removed(store: Store, kind: ItemKind) -> None:
    (version,) = write(store, new(kind, "000001", text="最初"))
    before = (items(store), len(trail(store)))
    for data in ({"text": "別"}, None):
        for expected in (version, ABSENT) if data is None else (version,):
            with pytest.raises(StoreError, match="cannot be changed or removed"):
                write(store, ItemChange(kind, "000001", data, expected))
    with pytest.raises(ItemConflictError):
        write(store, new(kind, "000001", text="別"))
    assert (items(store), len(trail(store))) == before


def test_what_cannot_be_kept_is_refused_in_one_line(store: Store) -> None:
    long = "k" * 161
    refusals: list[tuple[str, str, list[ItemChange]]] = [
        (PROGRAMME, CLINIC, [new("form", long)]),
        ("p" * 40, CLINIC, [new("form", "k" * 160)]),
        (PROGRAMME, CLINIC, [new("form", "a\nb")]),
        (PROGRAMME, CLINIC, [new("form", "a\0b")]),
        (PROGRAMME, CLINIC, [new("form", "a\ud800")]),
        (PROGRAMME, CLINIC, [new("form", "network", text="\ud800")]),
        (PROGRAMME, CLINIC, [new("form", "network"), new("form", "network", n=2)]),
        ("two words", CLINIC, [new("form", "network")]),
        ("", CLINIC, [new("form", "network")]),
        (PROGRAMME, "no-such-place", [new("form", "network")]),
    ]
    before = store.audit.verify(AUDITOR).last
    for programme, institution, changes in refusals:
        with store.database.writing() as connection, pytest.raises(StoreError) as refused:
            write_items(connection, "clinic", AT, programme, institution, changes, action="hand_in")
        assert "\n" not in str(refused.value)
    with pytest.raises(UnknownInstitutionError):
        write(store, new("form", "network"), institution="no-such-place")
    assert store.audit.verify(AUDITOR).last == before and items(store) == ()
    # The longest that there may be fits, also into the trail.
    with store.database.writing() as connection:
        write_items(connection, "clinic", AT, "p" * 40, CLINIC, [new("form", "k" * 159)], action="hand_in")
    assert reasons(store) == []


def test_all_is_undone_where_the_transaction_fails(store: Store) -> None:
    before = store.audit.verify(AUDITOR).last

    def fails() -> None:
        with store.database.writing() as connection:
            write_items(connection, "clinic", AT, PROGRAMME, CLINIC, [new("form", "network")], action="hand_in")
            raise RuntimeError("the mail could not be queued")

    with pytest.raises(RuntimeError):
        fails()
    assert items(store) == () and store.audit.verify(AUDITOR).last == before


def test_nothing_to_write_is_no_event(store: Store) -> None:
    before = store.audit.verify(AUDITOR).last
    assert write(store) == []
    assert store.audit.verify(AUDITOR).last == before


def test_keys_count_up_by_thread(store: Store) -> None:
    def next_of(kind: ItemKind, prefix: str = "") -> str:
        with store.database.writing() as connection:
            return next_key(connection, PROGRAMME, CLINIC, kind, prefix)

    assert next_of("message", "external_lines") == next_of("message", "external_lines/") == "external_lines/000001"
    write(store, new("message", "external_lines/000001"), new("message", "external_lines/000009"))
    write(
        store, new("message", "externalXlines/000020"), new("message", "external_lines/other"), new("notice", "000003")
    )
    assert next_of("message", "external_lines/") == "external_lines/000010"
    assert next_of("message", "closing") == "closing/000001"
    assert (next_of("notice"), next_of("message")) == ("000004", "000001")


def test_many_writers_at_once_lose_nothing(store: Store) -> None:
    def post(person: str) -> None:
        for number in range(8):
            with store.database.writing() as connection:
                key = next_key(connection, PROGRAMME, CLINIC, "message", "closing")
                change = new("message", key, text=f"{person} {number}")
                write_items(connection, person, AT, PROGRAMME, CLINIC, [change], action="post")

    people = [threading.Thread(target=post, args=(f"person{number}",)) for number in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    found = items(store)
    assert [item.key for item in found] == [f"closing/{number:06}" for number in range(1, 33)]
    assert [item.position for item in found] == list(range(32))
    for number in range(4):
        own = [item.data["text"] for item in found if item.data["text"].startswith(f"person{number} ")]
        assert own == [f"person{number} {each}" for each in range(8)]
    assert reasons(store) == []


# -- beside the record -------------------------------------------------------------------------------------------------


def test_the_history_of_a_record_does_not_tell_of_the_programme(store: Store) -> None:
    record = store.records.read(CLINIC_USER, CLINIC)
    store.records.change(CLINIC_USER, CLINIC, [note(record, 0, "備考")])
    (number,) = write(store, new("message", "000001", text="内緒"), actor="office")
    seen = store.records.history(CLINIC_USER, CLINIC, limit=1000)
    assert {event.change.kind for event in seen} <= set(KINDS) and seen[0].change.kind == "answer"
    with pytest.raises(StoreError, match="not a kind"):
        store.records.history(CLINIC_USER, CLINIC, "message")  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="not a change of the record"):
        store.records.undo(CLINIC_USER, CLINIC, number)
    assert store.audit.log(AUDITOR, CLINIC, limit=1)[0].number == number, "who audits sees everything"


def test_files_of_a_programme_are_not_litter(store_location: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    with open_store(store_location, knowledge, tmp_path / "files") as store:
        take_in(store, CLINIC)
        sha256, _ = store.files.content.put([PDF])
        with store.database.writing() as connection:
            for _ in range(2):
                note_file(connection, sha256, len(PDF), "application/pdf", AT)
        assert [fault.reason for fault in store.files.check(ADMINISTRATOR)] == [
            f"evidence file {sha256}: is attached to nothing"
        ]
        write(store, new("file", f"network_diagram {sha256}", name="a.pdf"))
        assert store.files.check(ADMINISTRATOR) == []
        store.files.content.remove(sha256)
        assert [fault.lost for fault in store.files.check(ADMINISTRATOR)] == [True]


# -- behind its back ---------------------------------------------------------------------------------------------------


def altered(connection: Connection) -> str:
    place = PROGRAMME_ITEMS.c.kind == "message"
    connection.execute(
        update(PROGRAMME_ITEMS).where(place, PROGRAMME_ITEMS.c.position == 1).values(data='{"text":"x"}')
    )
    return f"{PROGRAMME} {CLINIC}: message '000001' is not what the trail says"


def version_altered(connection: Connection) -> str:
    connection.execute(update(PROGRAMME_ITEMS).where(PROGRAMME_ITEMS.c.kind == "form").values(version=1))
    return f"{PROGRAMME} {CLINIC}: form 'network' is not what the trail says"


def removed(connection: Connection) -> str:
    connection.execute(delete(PROGRAMME_ITEMS).where(PROGRAMME_ITEMS.c.kind == "consent"))
    return f"{PROGRAMME} {CLINIC}: consent '1.0' is not what the trail says"


def removed_of_all(connection: Connection) -> str:
    connection.execute(delete(PROGRAMME_ITEMS).where(PROGRAMME_ITEMS.c.institution == OF_PROGRAMME))
    return f"{PROGRAMME}: notice '000001' is not what the trail says"


def added(connection: Connection) -> str:
    values = {"kind": "message", "key": "000009", "position": 0, "data": "{}", "version": 1}
    connection.execute(insert(PROGRAMME_ITEMS).values(programme=PROGRAMME, institution=CLINIC, **values))
    return f"{PROGRAMME} {CLINIC}: message '000009' stands in the programme without an event"


def moved(connection: Connection) -> str:
    connection.execute(update(PROGRAMME_ITEMS).where(PROGRAMME_ITEMS.c.kind == "consent").values(institution=HOSPITAL))
    return f"{PROGRAMME} {HOSPITAL}: consent '1.0' stands in the programme without an event"


def reordered(connection: Connection) -> str:
    connection.execute(
        update(PROGRAMME_ITEMS)
        .where(PROGRAMME_ITEMS.c.kind == "message", PROGRAMME_ITEMS.c.position == 1)
        .values(position=9)
    )
    return f"{PROGRAMME} {CLINIC}: stands in another order than that of the trail"


@pytest.mark.parametrize(
    "tamper",
    [altered, version_altered, removed, removed_of_all, added, moved, reordered],
    ids=lambda function: function.__name__,
)
def test_tampering_is_found_and_named(store: Store, tamper: Callable[[Connection], str]) -> None:
    write(store, new("form", "network", n=1), new("message", "000001", text="a"), new("message", "000002", text="b"))
    write(store, new("consent", "1.0", name="甲"))
    write(store, new("notice", "000001", title="開始"), institution=OF_PROGRAMME)
    assert reasons(store) == []
    with store.database.engine.begin() as connection:
        expected = tamper(connection)
    found = reasons(store)
    assert expected in found
    assert len(found) == (2 if tamper is moved else 1), found


def test_an_event_that_names_no_item_is_only_a_fault(store: Store) -> None:
    write(store, new("form", "network", n=1))
    with store.database.engine.begin() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.kind == "form").values(key="nonsense", after="["))
    found = reasons(store)
    assert any("has been altered" in reason for reason in found)
    assert f"{PROGRAMME} {CLINIC}: form 'network' stands in the programme without an event" in found
    with store.database.reading() as connection:
        assert connection.execute(select(PROGRAMME_ITEMS.c.key)).scalars().all() == ["network"]
