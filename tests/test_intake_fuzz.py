"""200 workbooks mutated from a filled-in one, always the same: each is taken rightly, or refused with a reason.

Every mutation says what it should come to; beside that, whatever it is, what is taken is what the cells say, nothing
else changes, and a second import finds nothing left to do.
"""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from filled_checklists import Book, checklist_of, day, edited, proposed, said
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from store_helpers import ADMINISTRATOR, CLINIC, open_store, take_in

from analyzer.engine.analysis import Analyzer
from analyzer.exports.checklist import layout
from analyzer.intake.proposal import Proposal
from analyzer.intake.workbook import IntakeError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.store.records import Record
from analyzer.store.store import Store

CASES = 200
ONE, TWO, THREE, FOUR = (f"mhlw-5:{control} user" for control in ("6.1-01", "6.1-02", "6.5-01", "6.5-02"))
Changes = dict[tuple[str, str], str]
FILLED: Changes = {
    (f"answers:{ONE}", "owner"): "事務長",
    (f"answers:{ONE}", "checked_on"): "2026-10-20",
    (f"answers:{THREE}", "note"): "窓口の端末も確かめた\n二行目",
    (f"answers:{FOUR}", "due"): "2026-12-24",
    ("evidence:privacy-poster", "note"): "掲示を撮り直した",
    ("evidence:audit-2026", "id"): "audit-2026",
    ("evidence:audit-2026", "title"): "点検の記録",
    ("evidence:audit-2026", "kind"): "記録・台帳",
    ("evidence:audit-2026", "issued_on"): "2026-10-01",
    ("facts:transports_media", "answer"): "はい",
    ("services:cybozu.com", "used_for"): "予定表と連絡",
}


def fill(book: Book) -> None:
    """What a person wrote into the clinic's checklist."""
    book.fill("answers", ONE, owner="事務長", checked_on=day("2026-10-20"))
    book.fill("answers", THREE, note="窓口の端末も確かめた\n二行目")
    book.fill("answers", FOUR, due=day("2026-12-24"))
    book.fill("evidence", "privacy-poster", note="掲示を撮り直した")
    free = book.free("evidence")
    book.fill("evidence", free, id="audit-2026", title="点検の記録", kind="記録・台帳", issued_on="2026/10/1")
    book.fill("facts", "transports_media", answer="はい")
    book.fill("services", "cybozu.com", used_for="予定表と連絡")


@dataclass
class Expected:
    """What a mutation should come to. changes: all that is proposed without conflict, None where only the general
    rules say. refused: cells that have to be among the refused. whole: the file as a whole is refused.
    """

    changes: Changes | None = None
    refused: tuple[str, ...] = ()
    whole: bool = False
    words: str = ""
    held: Changes = field(default_factory=dict)


Mutation = Callable[[random.Random, Book], Expected]


def without(*rows: str, fields: tuple[str, ...] = ()) -> Changes:
    return {place: value for place, value in FILLED.items() if place[0] not in rows and place[1] not in fields}


def place(book: Book, table: str, row: int | str, name: str) -> str:
    cell = book.cell(table, row, name)
    return f"{book.sheet(table).title}!{cell.coordinate}"


def some_answer(rng: random.Random, book: Book) -> tuple[int, str]:
    """An answered row that `fill` left alone, and its key."""
    rows = [
        row
        for row in book.rows("answers")
        if book.cell("answers", row, "status").value and book.key("answers", row) not in {ONE, THREE, FOUR}
    ]
    row = rng.choice(rows)
    return row, book.key("answers", row)


# -- cells ------------------------------------------------------------------------------------------------------------


def edit_a_text(rng: random.Random, book: Book) -> Expected:
    row, key = some_answer(rng, book)
    name = rng.choice(["owner", "note"])
    value = rng.choice(["情報係", "＝SUM(A1)", "'前に引用符", "絵文字😀と𠮷", "<b>太字</b>", "a,b;c", "-1", "0123"])
    book.fill("answers", row, **{name: value})
    return Expected({**FILLED, (f"answers:{key}", name): value})


def edit_a_status(rng: random.Random, book: Book) -> Expected:
    row, key = some_answer(rng, book)
    shown, word = rng.choice(
        [("● 実施済", "実施済"), ("一部実施", "一部実施"), ("△計画中", "計画中"), ("Planned", "計画中")]
    )
    before = str(book.cell("answers", row, "status").value)
    book.fill("answers", row, status=shown)
    changed = {} if before == word else {(f"answers:{key}", "status"): word}
    return Expected({**FILLED, **changed})


def edit_a_day(rng: random.Random, book: Book) -> Expected:
    row, key = some_answer(rng, book)
    written = rng.choice(
        ["2027/1/15", "2027-01-15", "令和9年1月15日", "2027年1月15日", day("2027-01-15"), 46402, "R9/1/15"]
    )
    book.fill("answers", row, due=written)
    return Expected({**FILLED, (f"answers:{key}", "due"): "2027-01-15"})


def break_a_cell(rng: random.Random, book: Book) -> Expected:
    row, _ = some_answer(rng, book)
    name, value = rng.choice(
        [
            ("due", "いつか"),
            ("due", "2026-13-01"),
            ("checked_on", "三日前"),
            ("status", "まあまあ"),
            ("evidence", "棚の青い本"),
            ("evidence", "nothing-of-that-id"),
            ("carried_over", "？"),
            ("owner", "長" * 500),
            ("note", "見えない\u200e文字"),
            ("note", 1.5),
            ("owner", True),
            ("owner", datetime(2026, 4, 1, 9, 0)),
            ("due", True),
        ]
    )
    book.fill("answers", row, **{name: value})
    return Expected(dict(FILLED), (place(book, "answers", row, name),))


def put_a_formula(rng: random.Random, book: Book) -> Expected:
    row, _ = some_answer(rng, book)
    name = rng.choice(["status", "due", "note", "evidence", "owner"])
    formula = rng.choice(["=TODAY()", '=HYPERLINK("http://x.invalid","y")', "=I6", "=1/0", "=CONCATENATE(A1,B1)"])
    book.fill("answers", row, **{name: formula})
    return Expected(dict(FILLED), (place(book, "answers", row, name),))


def write_a_huge_text(rng: random.Random, book: Book) -> Expected:
    row, key = some_answer(rng, book)
    value = "長い文。" * rng.randrange(2000, 8000)
    book.fill("answers", row, note=value[:32_000])
    return Expected({**FILLED, (f"answers:{key}", "note"): value[:32_000]})


def clear_a_row(rng: random.Random, book: Book) -> Expected:
    row, key = some_answer(rng, book)
    book.fill("answers", row, **dict.fromkeys(item.name for item in layout.ANSWERS if item.input))
    return Expected(held={(f"answers:{key}", "status"): ""})


def clear_only_the_status(rng: random.Random, book: Book) -> Expected:
    row, _ = some_answer(rng, book)
    book.fill("answers", row, status=None, owner="誰か")
    return Expected(dict(FILLED), (place(book, "answers", row, "status"),))


def exclude_without_reason(rng: random.Random, book: Book) -> Expected:
    row, _ = some_answer(rng, book)
    book.fill("answers", row, status="該当なし", reason=None)
    return Expected(dict(FILLED), (place(book, "answers", row, "status"),))


def merge_cells(rng: random.Random, book: Book) -> Expected:
    row, _ = some_answer(rng, book)
    letter = get_column_letter(book.cell("answers", row, "note").column)
    first = min(row, book.rows("answers")[-1] - 1)
    keys = {book.key("answers", number) for number in (first, first + 1)}
    cells = tuple(place(book, "answers", number, "note") for number in (first, first + 1))
    book.sheet("answers").merge_cells(f"{letter}{first}:{letter}{first + 1}")
    return Expected(without() if not keys & {THREE} else without(f"answers:{THREE}"), cells)


# -- rows -------------------------------------------------------------------------------------------------------------


def _lines(book: Book, table: str) -> list[list[Any]]:
    sheet = book.sheet(table)
    return [[sheet.cell(row, column).value for column in range(1, sheet.max_column + 1)] for row in book.rows(table)]


def _write(book: Book, table: str, lines: list[list[Any]]) -> None:
    for row, line in zip(book.rows(table), lines, strict=True):
        for column, value in enumerate(line, 1):
            book.sheet(table).cell(row, column).value = value


def shuffle_rows(rng: random.Random, book: Book) -> Expected:
    table = rng.choice(["answers", "evidence", "facts"])
    lines = _lines(book, table)
    rng.shuffle(lines)
    _write(book, table, lines)
    return Expected(dict(FILLED))


def drop_rows(rng: random.Random, book: Book) -> Expected:
    rows = book.rows("answers")
    first = rng.choice(rows[:-6])
    gone = {book.key("answers", row) for row in range(first, first + 6)}
    book.sheet("answers").delete_rows(first, 6)
    return Expected(without(*(f"answers:{key}" for key in gone)))


def double_a_row(rng: random.Random, book: Book) -> Expected:
    sheet, row = book.sheet("answers"), book.row("answers", THREE)
    last = sheet.max_row + 1
    for column in range(1, sheet.max_column + 1):
        sheet.cell(last, column).value = sheet.cell(row, column).value
    if rng.random() < 0.5:
        return Expected(dict(FILLED))
    sheet.cell(last, book.cell("answers", row, "owner").column).value = "写しにだけ書いた"
    return Expected(without(f"answers:{THREE}"), (f"{sheet.title}!I{row}", f"{sheet.title}!I{last}"))


def insert_rows(rng: random.Random, book: Book) -> Expected:
    table = rng.choice(["answers", "evidence", "facts"])
    at = rng.choice([1, 3, *book.rows(table)[:8]])
    book.sheet(table).insert_rows(at, rng.randrange(1, 4))
    return Expected(dict(FILLED))


def write_beside_the_rows(rng: random.Random, book: Book) -> Expected:
    last = book.sheet("answers").max_row + 2
    column = book.cell("answers", ONE, "note").column
    book.sheet("answers").cell(last, column).value = "どの行の備考でもない"
    return Expected(dict(FILLED), (f"記入!I{last}",))


# -- columns and headings ---------------------------------------------------------------------------------------------


def move_columns(rng: random.Random, book: Book) -> Expected:
    table = rng.choice(["answers", "evidence", "facts"])
    sheet = book.sheet(table)
    order = list(range(sheet.max_column))
    rng.shuffle(order)
    for row in range(book.rows(table)[0] - 1, sheet.max_row + 1):
        values = [sheet.cell(row, column + 1).value for column in order]
        for column, value in enumerate(values, 1):
            sheet.cell(row, column).value = value
    return Expected(dict(FILLED))


def drop_a_column(rng: random.Random, book: Book) -> Expected:
    name = rng.choice(["owner", "due", "note", "checked_on", "title", "related", "proof"])
    book.sheet("answers").delete_cols(book.cell("answers", ONE, name).column)
    kept = {
        where: value for where, value in FILLED.items() if not (where[0].startswith("answers:") and where[1] == name)
    }
    return Expected(kept)


def drop_a_key_column(rng: random.Random, book: Book) -> Expected:
    name = rng.choice(["control", "party"])
    book.sheet("answers").delete_cols(book.cell("answers", ONE, name).column)
    return Expected(without(f"answers:{ONE}", f"answers:{THREE}", f"answers:{FOUR}"), words="見出しが見つからない")


def rename_a_heading(rng: random.Random, book: Book) -> Expected:
    name = rng.choice(["owner", "due", "note", "checked_on"])
    heading = book.cell("answers", book.rows("answers")[0] - 1, name)
    heading.value = rng.choice(["社内用", None, "担当者（予備）"])
    kept = {
        where: value for where, value in FILLED.items() if not (where[0].startswith("answers:") and where[1] == name)
    }
    return Expected(kept, words="列が見つからない")


def double_a_column(rng: random.Random, book: Book) -> Expected:
    sheet = book.sheet("answers")
    name = rng.choice(["owner", "due", "note"])
    source, last = book.cell("answers", ONE, name).column, sheet.max_column + 1
    for row in range(book.rows("answers")[0] - 1, sheet.max_row + 1):
        sheet.cell(row, last).value = sheet.cell(row, source).value
    kept = {
        where: value for where, value in FILLED.items() if not (where[0].startswith("answers:") and where[1] == name)
    }
    return Expected(kept, words="列が2つあり")


# -- sheets and the hidden one ----------------------------------------------------------------------------------------


def rename_and_reorder_sheets(rng: random.Random, book: Book) -> Expected:
    sheets = list(book.workbook.worksheets)
    rng.shuffle(sheets)
    book.workbook._sheets = sheets
    for number, sheet in enumerate(sheets):
        sheet.title = f"{number}枚目"
        sheet.sheet_state = "visible"
    return Expected(dict(FILLED))


def drop_a_sheet(rng: random.Random, book: Book) -> Expected:
    table = rng.choice(["answers", "evidence", "facts"])
    book.workbook.remove(book.sheet(table))
    kept = {where: value for where, value in FILLED.items() if not where[0].startswith(f"{table}:")}
    return Expected(kept, words="見出しが見つからない")


def copy_a_sheet(rng: random.Random, book: Book) -> Expected:
    table = rng.choice(["answers", "facts"])
    copy = book.workbook.copy_worksheet(book.sheet(table))
    copy.title = "写し"
    return Expected(dict(FILLED), words="同じ表")


def drop_hidden_rows(rng: random.Random, book: Book) -> Expected:
    """Without what its cells held, a difference from a filled record is asked about, never taken by itself."""
    meta = book.workbook[layout.META_SHEET]
    based = [row[0].row for row in meta.iter_rows() if row[0].value == layout.BASE]
    for row in rng.sample(based, rng.randrange(1, len(based))):
        for column in range(1, 5):
            meta.cell(row, column).value = None
    return Expected()


def drop_the_hidden_sheet(rng: random.Random, book: Book) -> Expected:
    book.workbook.remove(book.workbook[layout.META_SHEET])
    return Expected(whole=True, words="チェックリストではない")


def change_whose_it_is(rng: random.Random, book: Book) -> Expected:
    meta = book.workbook[layout.META_SHEET]
    cell = next(row[1] for row in meta.iter_rows() if row[0].value == "institution_id")
    cell.value = rng.choice(["minato-general-hospital", None, 7, "=A1"])
    return Expected(whole=True)


def change_the_format(rng: random.Random, book: Book) -> Expected:
    meta = book.workbook[layout.META_SHEET]
    cell = next(row[1] for row in meta.iter_rows() if row[0].value == "format")
    cell.value = rng.choice(["sansho-checklist/4", "sansho-checklist/", None, "checklist"])
    return Expected(whole=True)


def change_a_key(rng: random.Random, book: Book) -> Expected:
    row, _ = some_answer(rng, book)
    cell = book.cell("answers", row, rng.choice(["control", "party"]))
    cell.value = rng.choice(["mhlw-5:6.99-01", "user", "integrator2", "=A1", "mhlw-5:6.1-01, mhlw-5:6.1-02", 12])
    book.fill("answers", row, note="キーを変えた行の備考")
    return Expected(dict(FILLED), words="キー")


def rename_evidence(rng: random.Random, book: Book) -> Expected:
    row = rng.choice([row for row in book.rows("evidence") if book.cell("evidence", row, "row").value])
    key = book.key("evidence", row)
    book.fill("evidence", row, id=rng.choice(["another-id", None, "大文字ABC", "=B1", 5]))
    return Expected(without(f"evidence:{key}"), (place(book, "evidence", row, "id"),))


def spoil_new_evidence(rng: random.Random, book: Book) -> Expected:
    row = book.row("evidence", "audit-2026")
    name, value = rng.choice(
        [("issued_on", None), ("kind", "種類でない"), ("title", None), ("id", "番 号"), ("issued_on", "=TODAY()")]
    )
    book.fill("answers", TWO, evidence="audit-2026", status="一部実施", note="証跡を加えた")
    book.fill("evidence", row, **{name: value})
    wanted: Changes = {(f"answers:{TWO}", "note"): "証跡を加えた"}
    return Expected(refused=(place(book, "answers", TWO, "evidence"),), held=wanted)


def name_new_evidence(rng: random.Random, book: Book) -> Expected:
    separator = rng.choice([", ", "，", "、", "\n", ";"])
    book.fill("answers", ONE, evidence=separator.join(["privacy-poster", "audit-2026"]))
    return Expected({**FILLED, (f"answers:{ONE}", "evidence"): "privacy-poster, audit-2026"})


def spoil_covers(rng: random.Random, book: Book) -> Expected:
    row = book.row("evidence", "audit-2026")
    ends = rng.choice([{"covers_from": "2026-10-01"}, {"covers_from": "2026-10-02", "covers_to": "2026-09-01"}])
    book.fill("evidence", row, **ends)
    return Expected(refused=(place(book, "evidence", row, "covers_from"),)) if len(ends) == 1 else Expected()


MUTATIONS: tuple[Mutation, ...] = (
    edit_a_text, edit_a_status, edit_a_day, break_a_cell, put_a_formula, write_a_huge_text, clear_a_row,
    clear_only_the_status, exclude_without_reason, merge_cells, shuffle_rows, drop_rows, double_a_row, insert_rows,
    write_beside_the_rows, move_columns, drop_a_column, drop_a_key_column, rename_a_heading, double_a_column,
    rename_and_reorder_sheets, drop_a_sheet, copy_a_sheet, drop_hidden_rows, drop_the_hidden_sheet, change_whose_it_is,
    change_the_format, change_a_key, rename_evidence, spoil_new_evidence, name_new_evidence, spoil_covers,
)  # fmt: skip

# -- the file itself --------------------------------------------------------------------------------------------------


def _repack(content: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            data = change(name, source.read(name))
            if data is not None:
                target.writestr(name, data)
    return stream.getvalue()


def cut_short(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(1, len(content) - 1)]


def flip_bytes(rng: random.Random, content: bytes) -> bytes:
    spoiled = bytearray(content)
    for _ in range(rng.randrange(1, 40)):
        spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
    return bytes(spoiled)


def drop_a_part(rng: random.Random, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        gone = rng.choice(archive.namelist())
    return _repack(content, lambda name, data: None if name == gone else data)


def cut_a_part(rng: random.Random, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        hit = rng.choice(archive.namelist())
    return _repack(content, lambda name, data: data[: rng.randrange(len(data))] if name == hit else data)


def garble_xml(rng: random.Random, content: bytes) -> bytes:
    """A tag, a number or an index in a sheet's XML that no program writes."""
    old, new = rng.choice(
        [(b"<v>", b"<v>x"), (b' t="s"', b' t="n"'), (b' r="', b' r="Z'), (b"</row>", b""), (b"<v>1", b"<v>99999")]
    )
    return _repack(content, lambda name, data: data.replace(old, new, 3) if name.startswith("xl/worksheets/") else data)


def add_control_characters(rng: random.Random, content: bytes) -> bytes:
    escape = rng.choice([b"_x0000_", b"_x0007_", b"_x001B_", b"_xFFFE_", b"_x202E_"])
    wanted = "窓口の端末".encode()
    return _repack(content, lambda name, data: data.replace(wanted, wanted + escape))


FILE_MUTATIONS = (cut_short, flip_bytes, drop_a_part, cut_a_part, garble_xml, add_control_characters)

# -- the trial --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, knowledge: KnowledgeBase) -> Path:
    """A store with the clinic in it, to be copied."""
    path = tmp_path_factory.mktemp("fuzz") / "sansho.db"
    with open_store(str(path), knowledge) as opened:
        take_in(opened, CLINIC)
    return path


@pytest.fixture(scope="module")
def filled(made: Path, knowledge: KnowledgeBase, analyzer: Analyzer) -> bytes:
    with open_store(str(made), knowledge) as opened:
        return edited(checklist_of(opened.records.read(ADMINISTRATOR, CLINIC), analyzer), fill)


@pytest.fixture
def store(made: Path, tmp_path: Path, knowledge: KnowledgeBase) -> Iterator[Store]:
    copy = tmp_path / "sansho.db"
    copy.write_bytes(made.read_bytes())
    with open_store(str(copy), knowledge) as opened:
        yield opened


@pytest.fixture
def record(store: Store) -> Record:
    return store.records.read(ADMINISTRATOR, CLINIC)


def test_the_file_that_the_others_are_made_from_proposes_what_was_filled_in(
    filled: bytes, record: Record, analyzer: Analyzer
) -> None:
    proposal = proposed(filled, record, analyzer)
    assert said(proposal) == FILLED
    assert (proposal.conflicts, proposal.refused) == ((), ())


@pytest.mark.parametrize("seed", range(CASES))
def test_a_mutated_workbook_is_taken_rightly_or_refused_with_a_reason(
    seed: int, filled: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    rng = random.Random(seed)
    if seed % 5 == 4:
        mutate = FILE_MUTATIONS[seed // 5 % len(FILE_MUTATIONS)]
        content, expected = mutate(rng, filled), Expected()
        if mutate is add_control_characters:
            expected = Expected(without(f"answers:{THREE}"), words="制御文字")
    else:
        book = Book.open(filled)
        number = seed - seed // 5
        expected = MUTATIONS[number % len(MUTATIONS)](rng, book)
        content = book.to_bytes()
    try:
        proposal = proposed(content, record, analyzer)
    except IntakeError as refusal:
        assert expected.whole or expected.changes is None
        assert refusal.ja and expected.words in refusal.ja and "\n" not in str(refusal)
        return
    assert not expected.whole
    _meets(proposal, expected)
    _says_what_the_cells_say(proposal, content)
    _takes_that_and_nothing_else(proposal, content, store, record, analyzer)


def _meets(proposal: Proposal, expected: Expected) -> None:
    offered = said(proposal)
    if expected.changes is not None:
        assert offered == expected.changes
        assert proposal.conflicts == ()
    for where, value in expected.held.items():
        assert offered[where] == value
    refused = {f"{each.sheet}!{each.cell}": each.reason for each in proposal.refused}
    rows = {re.sub(r"[A-Z]+(\d+)\Z", r"\1", cell) for cell in refused}
    for cell in expected.refused:
        # A row as a whole is refused at one of its cells.
        assert cell in refused or re.sub(r"[A-Z]+(\d+)\Z", r"\1", cell) in rows, (cell, refused)
    if expected.words:
        assert any(expected.words in reason for reason in refused.values()), refused
    assert all(each.reason for each in proposal.refused)


def _says_what_the_cells_say(proposal: Proposal, content: bytes) -> None:
    """Every value offered is the one that a reader of its own finds in the cell that is named."""
    rows = [*proposal.changes, *proposal.conflicts]
    if not rows:
        return
    book = load_workbook(io.BytesIO(content), read_only=True)
    wanted = {row.sheet for row in rows}
    values = {
        (name, cell.coordinate): cell.value
        for name in wanted
        for line in book[name].iter_rows()
        for cell in line
        if cell.value is not None
    }
    for row in rows:
        for cell in row.cells:
            value = values.get((row.sheet, cell.cell))
            assert _same(value, cell.after), (row.id, cell, value)


def _same(value: object, shown: str) -> bool:
    if value is None:
        return shown == ""
    if isinstance(value, datetime):
        return value.date().isoformat() == shown
    text = str(value).strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", shown):
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        return numbers[-2:] == [int(shown[5:7]), int(shown[8:])] or text == "46402"
    if re.fullmatch(r"[a-z0-9-]+(, [a-z0-9-]+)*", shown):
        return re.split(r"[,，、;\s]+", text) == shown.split(", ")
    return shown in text or (text, shown) == ("Planned", "計画中")


def _takes_that_and_nothing_else(
    proposal: Proposal, content: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    outcome = proposal.take(proposal.accepted, store.records, ADMINISTRATOR)
    assert outcome.refused == ()
    targets = {target for row in proposal.changes for target in row.targets}
    before, after = _parts(record), _parts(outcome.record)
    for part in before.keys() | after.keys():
        if part not in targets:
            assert before.get(part) == after.get(part), part
    again = proposed(content, outcome.record, analyzer)
    assert again.changes == ()
    assert {row.id for row in again.conflicts} <= {row.id for row in proposal.conflicts}


def _parts(record: Record) -> Mapping[tuple[str, str], Any]:
    document = record.document
    found: dict[tuple[str, str], Any] = {("identity", ""): document["institution"]}
    found["integrator", ""] = document.get("integrator")
    found |= {("fact", name): value for name, value in document["profile"].items()}
    found |= {("service", each["vendor"]): each for each in document["services"]}
    found |= {("evidence", each["id"]): each for each in document["evidence"]}
    found |= {("answer", f"{each['control']} {each['party']}"): each for each in document["answers"]}
    return found


def test_the_cases_are_as_many_as_promised_and_every_mutation_is_among_them() -> None:
    book_cases = [seed - seed // 5 for seed in range(CASES) if seed % 5 != 4]
    assert {number % len(MUTATIONS) for number in book_cases} == set(range(len(MUTATIONS)))
    assert CASES >= 200
