"""The secretariat's workbooks: the board, the blank list to fill in, and the first passwords to hand over once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.changes.sheets import first_sheet, list_sheet
from analyzer.exports.japan_time import in_japan
from analyzer.exports.xlsx.book import Book, Column, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE, NUMBER
from analyzer.programme.board import Act, BoardRow
from analyzer.programme.enrolling import Enrolled
from analyzer.programme.listing import list_headings
from analyzer.programme.model import Programme

_STANDING = 10
"""How many columns come before those of the steps."""
ACTS: Mapping[Act, str] = {
    "change": "登録情報の変更依頼",
    "paper": "提出物の確認",
    "dates": "日程の出し直し",
    "message": "連絡への返事",
}
TURNS = {"institution": "医療機関", "secretariat": "事務局", "nobody": "なし"}
STATUSES = {"todo": "医療機関の番", "waiting": "事務局の番", "done": "完了", "not_wanted": "希望しない"}


def board_workbook(programme: Programme, rows: Sequence[BoardRow], of: int, as_of: date, rulebook: Rulebook) -> bytes:
    """The board's rows as a workbook (xlsx). of: how many participants there are in all."""
    book = Book(f"{programme.title.ja} {as_of}", as_of, rulebook.terms)
    facts: list[tuple[str, Value]] = [
        ("基準日", as_of.isoformat()),
        ("参加機関の数", of),
        ("この表の機関の数", len(rows)),
        ("医療機関の番", sum(1 for row in rows if row.turn == "institution")),
        ("事務局の番", sum(1 for row in rows if row.turn == "secretariat")),
        ("事務局の対応を待つ機関", sum(1 for row in rows if row.acts)),
        ("期限を過ぎた手順のある機関", sum(1 for row in rows if row.overdue)),
    ]
    notices = ["この支援事業と参加機関は架空のものです。"] if programme.fictional else []
    sheet, _ = first_sheet(book, f"{programme.title.ja}　参加機関の状況", facts, notices)
    footer = f"{programme.title.ja}　基準日 {as_of}"
    book.print_setup(sheet, footer=footer, paper="A4", landscape=False)
    list_sheet(
        book,
        "参加機関",
        "参加機関の状況",
        _columns(programme),
        [_values(programme, row, rulebook) for row in rows],
        note="見出しの▼で絞り込み、並べ替えられる。時刻は日本時間。",
        frozen=2,
        footer=footer,
        breaks_after=_page_ends(programme),
    )
    return book.to_bytes()


def blank_list(programme: Programme, as_of: date, rulebook: Rulebook) -> bytes:
    """An empty list with the headings that `listing` reads."""
    book = Book(f"{programme.title.ja} 参加機関の一覧", as_of, rulebook.terms)
    kinds = "、".join(term.ja for term in rulebook.terms["institution_kind"].values())
    list_sheet(
        book,
        "一覧",
        f"{programme.title.ja}　参加機関の一覧",
        [Column(heading, 22) for heading in list_headings(programme)],
        [],
        note=f"見出しの下に1機関を1行で書く。医療機関IDか番号のどちらかが要る。種別は{kinds}のどれか。",
        frozen=0,
        footer=programme.title.ja,
    )
    return book.to_bytes()


def handover_workbook(
    programme: Programme, enrolled: Sequence[Enrolled], as_of: date, rulebook: Rulebook, address: str
) -> bytes:
    """The log-in names and first passwords of accounts just made. They can be had only now, this once."""
    book = Book(f"{programme.title.ja} 初期パスワード", as_of, rulebook.terms)
    rows: list[list[Value]] = [
        [each.name, each.handover.account.name, each.handover.account.login, each.handover.first_password, address]
        for each in enrolled
        if each.handover is not None
    ]
    list_sheet(
        book,
        "初期パスワード",
        "ログイン名と初期パスワード",
        [
            Column("医療機関", 36),
            Column("担当者", 20),
            Column("ログイン名", 34),
            Column("初期パスワード", 26),
            Column("ログインする場所", 40),
        ],
        rows,
        note="機関ごとに切り分けて渡し、渡したら消す。最初のログインで新しいパスワードを決める。",
        frozen=1,
        footer=programme.title.ja,
    )
    return book.to_bytes()


def _page_ends(programme: Programme) -> list[int]:
    """After which columns a page ends in print: where they stand; the steps; the basic data."""
    steps = _STANDING + len(programme.steps)
    return [_STANDING, steps, steps + len(programme.registration)]


def _columns(programme: Programme) -> list[Column]:
    return [
        Column("番号", 10, CENTRE),
        Column("医療機関", 34),
        Column("種別", 20),
        Column("都道府県", 12),
        Column("いまの手順", 26),
        Column("だれの番", 14, CENTRE),
        Column("次にすること", 46),
        Column("事務局の対応待ち", 26),
        Column("期限", 13, CENTRE),
        Column("期限を過ぎた手順", 46),
        *(Column(step.title, 16, CENTRE, "手順ごとの状態") for step in programme.steps),
        *(Column(f.label, 22, BODY, "登録情報") for f in programme.registration),
        Column("連絡の数", 10, NUMBER),
        Column("最後の動き（日本時間）", 22, CENTRE),
        Column("機関ID", 30),
    ]


def _values(programme: Programme, row: BoardRow, rulebook: Rulebook) -> list[Value]:
    enrolment, current = row.enrolment, row.current
    return [
        enrolment.number,
        enrolment.name,
        rulebook.term("institution_kind", enrolment.kind).ja,
        enrolment.region,
        current.step.title if current is not None else "すべて完了",
        TURNS[row.turn],
        current.next_action if current is not None else "",
        "、".join(ACTS[act] for act in row.acts),
        current.due if current is not None else None,
        "、".join(state.step.title for state in row.overdue),
        *(STATUSES[state.status] for state in row.states),
        *(row.registration.get(each.id) for each in programme.registration),
        row.messages,
        f"{in_japan(row.last.at):%Y-%m-%d %H:%M}" if row.last is not None else None,
        row.institution,
    ]
