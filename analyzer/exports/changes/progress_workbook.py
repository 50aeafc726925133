"""How an institution moved between two analyses, as a workbook."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.comparison.documents import DutyState
from analyzer.comparison.progress import DIRECTIONS, MOVEMENTS, GapProgress, Progress
from analyzer.exports.changes.names import Names
from analyzer.exports.changes.notices import progress_notices
from analyzer.exports.changes.sheets import count_columns, count_table, first_sheet, list_sheet
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Book, Column, Value
from analyzer.exports.xlsx.looks import CENTRE, DATE, NUMBER
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES, Conformity

_ABSENT = "－"


def progress_workbook(progress: Progress, names: Names) -> bytes:
    """Sheets: counts of both sides; by section; every gap; every control. The same input gives the same bytes."""
    title = "ギャップ解消の進捗"
    book = Book(title, progress.new.as_of, names.terms)
    footer = (
        f"{progress.new.name}　{progress.old.as_of}（版 {progress.old.version}）→"
        f"{progress.new.as_of}（版 {progress.new.version}）"
    )
    _summary(book, title, progress, names, footer)
    _sections(book, progress, names, footer)
    _gaps(book, progress, names, footer)
    _controls(book, progress, names, footer)
    return book.to_bytes()


def _summary(book: Book, title: str, progress: Progress, names: Names, footer: str) -> None:
    old, new = progress.old, progress.new
    facts: list[tuple[str, Value]] = [
        ("機関", new.name),
        ("旧の基準日", old.as_of),
        ("新の基準日", new.as_of),
        ("旧の知識ベースの版", old.version),
        ("新の知識ベースの版", new.version),
        ("項目名などの出典", f"知識ベース {names.knowledge.version}"),
    ]
    sheet, row = first_sheet(book, title, facts, progress_notices(progress))
    row = count_table(
        book,
        sheet,
        row,
        "ギャップの動き",
        count_columns("動き", ("件数", *(book.label("priority", word) for word in PRIORITIES)), NUMBER),
        [
            [
                book.label("movement", movement),
                len(progress.moved(movement)),
                *progress.priorities(movement).values(),
            ]
            for movement in MOVEMENTS
        ],
    )
    row = count_table(
        book,
        sheet,
        row,
        "新規と解消の内訳",
        count_columns("動きと経緯", ("件数",), NUMBER),
        [
            [f"{book.label('movement', movement)}：{names.word('cause', cause)}", number]
            for movement in MOVEMENTS
            if movement != "open"
            for cause, number in progress.causes(movement).items()
        ],
    )
    overdue = sum(gap.days_overdue is not None for gap in progress.gaps)
    changed = sum(gap.priority_changed for gap in progress.gaps)
    row = count_table(
        book,
        sheet,
        row,
        "残るギャップの注意点",
        count_columns("対象", ("件数",), NUMBER),
        [[f"期限を過ぎたもの（{new.as_of}現在）", overdue], ["優先度が変わったもの", changed]],
    )
    directions = progress.directions()
    row = count_table(
        book,
        sheet,
        row,
        "判定の変化（管理策とサービスごと）",
        count_columns("変化", ("件数",), NUMBER),
        [[book.label("direction", word), directions[word]] for word in DIRECTIONS if directions[word]],
    )
    count_table(
        book,
        sheet,
        row,
        "判定の件数",
        count_columns("判定", ("旧", "新", "差"), NUMBER),
        [
            [book.label("conformity", word), old.conformity[word], number, number - old.conformity[word]]
            for word, number in new.conformity.items()
        ],
    )
    book.print_setup(sheet, footer=footer, header=title, paper="A4")


def _sections(book: Book, progress: Progress, names: Names, footer: str) -> None:
    counts = [Column(side, 9, NUMBER, book.label("conformity", word)) for word in CONFORMITIES for side in ("旧", "新")]
    columns = [Column("ガイドライン", 30, group="範囲"), Column("節", 44, group="範囲"), *counts]
    rows: list[list[Value]] = [["全体", "計", *_counts(progress.old.conformity, progress.new.conformity)]]
    rows += [
        [
            names.guideline(section.guideline),
            names.section(section.guideline, section.section),
            *_counts(section.before, section.after),
        ]
        for section in progress.sections
    ]
    title = f"節別の判定（{progress.old.as_of} → {progress.new.as_of}）"
    note = "件数は管理策とサービスの組ごと。空欄は、その分析にない節。"
    list_sheet(book, "節別", title, columns, rows, note=note, frozen=2, footer=footer)


def _counts(before: Mapping[Conformity, int] | None, after: Mapping[Conformity, int] | None) -> list[Value]:
    return [side[word] if side else None for word in CONFORMITIES for side in (before, after)]


def _controls(book: Book, progress: Progress, names: Names, footer: str) -> None:
    columns = [
        Column("項番", 12, CENTRE),
        Column("項目名", 40),
        Column("ガイドライン", 30),
        Column("サービス", 34),
        Column("旧の判定", 18, CENTRE, terms="conformity"),
        Column("新の判定", 18, CENTRE, terms="conformity"),
        Column("変化", 30, CENTRE, terms="direction"),
    ]
    rows: list[list[Value]] = []
    for control in progress.controls:
        states = (control.before, control.after)
        rows.append(
            [
                *_place(control.control, control.service, names),
                *(book.label("conformity", word) if word else _ABSENT for word in states),
                book.label("direction", control.direction),
            ]
        )
    order = "、".join(names.word("conformity", word) for word in ("partial", "conforming_pending", "conforming"))
    lowest = "・".join(names.word("conformity", word) for word in ("nonconforming", "not_assessed"))
    note = (
        f"水準は低い順に、{lowest}（同じ水準）、{order}。{names.word('conformity', 'not_applicable')}は水準に含めない。"
    )
    title = f"判定の変化（{progress.old.as_of} → {progress.new.as_of}）"
    list_sheet(book, "判定の変化", title, columns, rows, note=note, frozen=2, footer=footer)


def _place(key: str, service: str | None, names: Names) -> list[Value]:
    guideline, _, identity = key.partition(":")
    return [identity, names.control(key), names.guideline(guideline), names.service(service)]


def _gaps(book: Book, progress: Progress, names: Names, footer: str) -> None:
    columns = [
        Column("動き", 9, CENTRE, "ギャップ", "movement"),
        Column("項番", 11, CENTRE, "ギャップ"),
        Column("項目名", 26, group="ギャップ"),
        Column("種類", 17, group="ギャップ"),
        Column("当事者", 20, group="ギャップ"),
        Column("経緯", 20, group="ギャップ"),
        Column("旧", 8, CENTRE, "優先度", "priority"),
        Column("新", 8, CENTRE, "優先度", "priority"),
        Column("理由", 36, group="ギャップの内容（解消したものは旧の内容）", most=70),
        Column("次に行うこと", 36, group="ギャップの内容（解消したものは旧の内容）", most=70),
        Column("規則", 8, CENTRE, "ギャップの内容（解消したものは旧の内容）"),
        Column("期限超過（日）", 12, NUMBER, "新の期限"),
        *_duty_columns("旧の対応"),
        *_duty_columns("新の対応"),
        Column("ガイドライン", 27, group="所在"),
        Column("サービス", 26, group="所在"),
    ]
    rows = [_gap_row(book, gap, names) for gap in progress.gaps]
    # Short: in print it stands over the columns that every page repeats, and the footer gives the days.
    title = "ギャップの動き"
    counts = "、".join(f"{book.label('movement', word)} {len(progress.moved(word))}件" for word in MOVEMENTS)
    list_sheet(
        book, "ギャップの動き", title, columns, rows, note=f"{counts}。", frozen=3, footer=footer, breaks_after=(12, 21)
    )


def _duty_columns(group: str) -> list[Column]:
    return [
        Column("実施状況", 13, CENTRE, group, "status"),
        Column("証跡の状態", 15, CENTRE, group),
        Column("担当", 16, group=group),
        Column("期限", 11, DATE, group),
        Column("確認日", 11, DATE, group),
        Column("証跡", 18, group=group),
        Column("該当なし等の理由", 20, group=group, most=60),
        Column("備考", 26, group=group, most=70),
        Column("引継ぎ", 11, CENTRE, group),
    ]


def _gap_row(book: Book, gap: GapProgress, names: Names) -> list[Value]:
    identity, title, guideline, service = _place(gap.control, gap.service, names)
    state = gap.latest
    return [
        book.label("movement", gap.movement),
        identity,
        title,
        names.word("gap_kind", gap.kind),
        names.word("party", gap.party),
        names.word("cause", gap.cause),
        *(book.label("priority", side.priority) if side else _ABSENT for side in (gap.before, gap.after)),
        state.reason,
        state.action,
        state.rule,
        gap.days_overdue,
        *_duty_values(book, gap.old_duty, names),
        *_duty_values(book, gap.new_duty, names),
        guideline,
        service,
    ]


def _duty_values(book: Book, duty: DutyState | None, names: Names) -> list[Value]:
    if duty is None:
        return [None] * 9
    return [
        book.label("status", duty.status),
        names.word("proof", duty.proof),
        duty.owner,
        duty.due,
        duty.checked_on,
        "\n".join(duty.evidence) or None,
        duty.reason,
        duty.note,
        CARRIED_OVER if duty.carried_over else None,
    ]
