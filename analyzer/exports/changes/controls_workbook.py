"""What changed between two versions of the knowledge base, as a workbook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from analyzer.comparison.controls_changes import CHANGE_KINDS, ControlsChanges, RecordChange
from analyzer.exports.changes.names import Names
from analyzer.exports.changes.notices import controls_notices
from analyzer.exports.changes.sheets import count_columns, count_table, first_sheet, list_sheet
from analyzer.exports.changes.values import NOTHING, field_label, field_values, value_text
from analyzer.exports.xlsx.book import Book, Column, Value
from analyzer.exports.xlsx.looks import CENTRE, NUMBER

_FIELDS_OF_WHOLE = ("requirement", "applies_if", "mic", "responses", "expected_evidence", "note")


def controls_changes_workbook(changes: ControlsChanges, names: Names) -> bytes:
    """Sheets: counts; one row a changed field; the added and removed controls whole. The same input, the same bytes."""
    title = "知識ベースの変更点"
    book = Book(title, _dated(changes), names.terms)
    footer = f"旧の版 {changes.old_version}　新の版 {changes.new_version}"
    _summary(book, title, changes, names, footer)
    _changed(book, changes, names, footer)
    _whole(book, changes, names, footer)
    return book.to_bytes()


def _dated(changes: ControlsChanges) -> date:
    """The day of the content: the latest survey's."""
    days = (date.fromisoformat(survey["surveyed_on"]) for survey in changes.background.surveys.values())
    return max(days, default=date(2000, 1, 1))


def _summary(book: Book, title: str, changes: ControlsChanges, names: Names, footer: str) -> None:
    facts: list[tuple[str, Value]] = [
        ("旧の知識ベースの版", changes.old_version),
        ("新の知識ベースの版", changes.new_version),
        ("結果", None if changes.changes else "変更はない。"),
    ]
    shown = [(label, value) for label, value in facts if value is not None]
    sheet, row = first_sheet(book, title, shown, controls_notices(changes))
    kinds = [book.label("change", kind) for kind in CHANGE_KINDS]
    rows: list[list[Value]] = [
        [names.guideline(scope.guideline), scope.old, scope.new, *scope.kinds.values()] for scope in changes.scopes
    ]
    columns = count_columns("ガイドライン", ("旧の件数", "新の件数", *kinds), NUMBER)
    row = count_table(book, sheet, row, "管理策の件数", columns, rows)
    others: list[list[Value]] = [
        [names.word("subject", subject), *(len(changes.of(subject, kind)) for kind in CHANGE_KINDS)]
        for subject in ("guideline", "survey")
    ]
    columns = count_columns("対象", kinds, NUMBER)
    count_table(book, sheet, row, "ガイドラインの版と調査", columns, others)
    book.print_setup(sheet, footer=footer, header=title, paper="A4")


def _changed(book: Book, changes: ControlsChanges, names: Names, footer: str) -> None:
    columns = [
        Column("対象", 14, CENTRE),
        Column("番号", 20, CENTRE),
        Column("項目名・題名", 30),
        Column("変わった欄", 28),
        Column("旧", 70, most=110),
        Column("新", 70, most=110),
    ]
    rows = [row for change in changes.changes for row in _field_rows(change, names)]
    note = "並び順だけの違いは変更としない。一覧の欄は、片方にだけあるものを示す。"
    list_sheet(book, "変更", "変わった欄（旧と新）", columns, rows, note=note, frozen=4, footer=footer)


def _field_rows(change: RecordChange, names: Names) -> Iterator[list[Value]]:
    head: list[Value] = [names.word("subject", change.subject), change.key, _title(change)]
    for field in change.fields:
        yield [*head, field_label(field.path, change.subject == "control"), *field_values(field, names)]


def _whole(book: Book, changes: ControlsChanges, names: Names, footer: str) -> None:
    whole = [change for change in changes.changes if change.kind != "changed"]
    columns = [
        Column("変更", 10, CENTRE),
        Column("対象", 14, CENTRE),
        Column("番号", 20, CENTRE),
        Column("項目名・題名", 30),
        Column("節", 24),
        Column("区分", 10, CENTRE),
        *(
            Column(field_label((field,)), 70 if field in {"requirement", "responses"} else 36, most=110)
            for field in _FIELDS_OF_WHOLE
        ),
        Column("その他の欄", 40, most=110),
    ]
    rows = [_whole_row(change, book, names) for change in whole]
    note = "新しく加わったもの、なくなったものの全文。"
    list_sheet(book, "追加・削除", "追加と削除", columns, rows, note=note, frozen=4, footer=footer, breaks_after=(9,))


def _whole_row(change: RecordChange, book: Book, names: Names) -> list[Value]:
    record = change.record
    is_control = change.subject == "control"
    section = record.get("section")
    shown = {"key", "guideline", "id", "vendor", "title", "points", *(("section", "level") if is_control else ())}
    shown |= set(_FIELDS_OF_WHOLE) if is_control else set()
    others = (
        f"{field_label((field,), is_control)}：{value_text((field,), value, names)}"
        for field, value in record.items()
        if field not in shown and value is not None
    )
    return [
        book.label("change", change.kind),
        names.word("subject", change.subject),
        change.key,
        _title(change),
        f"{section['id']} {section['title']['ja']}" if is_control and section else None,
        book.label("level", record["level"]) if is_control else None,
        *(_shown(field, record, names) if is_control else None for field in _FIELDS_OF_WHOLE),
        "\n".join(others) or None,
    ]


def _shown(field: str, record: dict[str, object], names: Names) -> str | None:
    text = value_text((field,), record.get(field), names)
    return None if text == NOTHING else text


def _title(change: RecordChange) -> str:
    title = change.record["title"]
    return title if isinstance(title, str) else str(title["ja"])
