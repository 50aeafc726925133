"""The board: counts, filters, every participant with what is to be done next, and the same as a workbook."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import streamlit as st

from analyzer.exports.japan_time import in_japan
from analyzer.programme.board import (
    ACTS,
    ALL_DONE,
    FACETS,
    BoardFilter,
    BoardRow,
    BoardView,
    Facet,
    facet_values,
    waiting,
)
from analyzer.programme.office_workbooks import ACTS as ACT_WORDS
from analyzer.programme.office_workbooks import TURNS, board_workbook
from analyzer.programme.screens.office import Figure, figures_fragment
from analyzer.store.principal import Principal
from analyzer.web import address
from analyzer.web.components.facets import Choice, Group, show_facets
from analyzer.web.components.panel import show_panel
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.pages.office_place import PAGE, PARAMETERS, PROGRAMME, SORT, TEXT, Place, asked_filter, href
from analyzer.web.signing_in import principal_later

PER_PAGE: Final = 100
_FACETS: Final[dict[Facet, str]] = {
    "act": "事務局の対応待ち",
    "turn": "だれの番",
    "overdue": "期限",
    "step": "いまの手順",
    "kind": "種別",
    "region": "都道府県",
}
_COLUMNS: Final = (
    Column("番号", 5, "number"),
    Column("医療機関", 10, "name"),
    Column("種別・地域", 7, "kind"),
    Column("いまの手順", 7.5, "step"),
    Column("だれの番", 7.5, "turn"),
    Column("次にすること", 10.5),
    Column("期限", 7, "due"),
    Column("期限超過", 6.5, "overdue"),
    Column("最後の動き", 7, "last"),
)
_TURN_MARKS: Final = {
    "institution": ("◁", "portal-neutral"),
    "secretariat": ("▶", "portal-part"),
    "nobody": ("✓", "portal-good"),
}


def draw_board(place: Place) -> None:
    """Draw the programme's participants as the address asks for them."""
    rows = place.rows()
    if not rows:
        st.info("参加機関がまだありません。「一覧の取り込み」から登録してください。", icon=":material/group_add:")
        return
    view = place.view(rows)
    show_panel(figures_fragment(_figures(place, rows)), key="office-figures")
    _filters(place, rows, view)
    _search(place, view)
    _table(place, view)


def _figures(place: Place, rows: tuple[BoardRow, ...]) -> list[Figure]:
    def only(**chosen: str) -> str:
        return address.link(
            parameters={PROGRAMME: [place.programme.id], **{name: said.split() for name, said in chosen.items()}}
        )

    overdue = sum(1 for row in rows if row.overdue)
    done = sum(1 for row in rows if row.current is None)
    return [
        Figure("参加機関", len(rows), only()),
        Figure("！ 事務局の対応待ち", sum(1 for row in rows if row.acts), only(act=" ".join(ACTS)), care=True),
        Figure("▶ 事務局の番", waiting(rows, "secretariat"), only(turn="secretariat")),
        Figure("◁ 医療機関の番", waiting(rows, "institution"), only(turn="institution")),
        Figure("⚠ 期限超過の手順あり", overdue, only(overdue="yes"), care=True),
        Figure("✓ すべて完了", done, only(at=ALL_DONE)),
    ]


def _filters(place: Place, rows: tuple[BoardRow, ...], view: BoardView) -> None:
    chosen = asked_filter().chosen
    groups = [
        Group(
            PARAMETERS[facet],
            label,
            facet in {"act", "turn", "overdue", "step"} or bool(chosen.get(facet)),
            [
                Choice(
                    value, _label(place, facet, value), view.counts[facet].get(value, 0), value in chosen.get(facet, ())
                )
                for value in dict.fromkeys((*facet_values(place.programme, rows, facet), *chosen.get(facet, ())))
            ],
        )
        for facet, label in _FACETS.items()
    ]
    with st.sidebar:
        st.subheader("絞り込み", anchor=False)
        show_facets(groups, "_office_facets", _choose)
        if chosen or address.first(TEXT):
            st.button("絞り込みを外す", icon=":material/filter_alt_off:", on_click=_clear)


def _label(place: Place, facet: Facet, value: str) -> str:
    if facet == "step":
        if value == ALL_DONE:
            return "すべて完了"
        step = place.programme.step_by_id.get(value)
        return step.title if step is not None else f"{value}（ない手順）"
    if facet == "act":
        return ACT_WORDS.get(value, value)  # type: ignore[call-overload, no-any-return]
    if facet == "turn":
        return {"institution": "医療機関の番", "secretariat": "事務局の番", "nobody": "なし（完了）"}.get(value, value)
    if facet == "overdue":
        return {"yes": "超過した手順あり", "no": "超過なし"}.get(value, value)
    if facet == "kind":
        term = place.shared.rulebook.terms["institution_kind"].get(value)
        return term.ja if term is not None else value
    return value or "（記載なし）"


def _choose(group: str, value: str, chosen: bool) -> None:
    others = [each for each in address.query().get(group, []) if each != value]
    address.change(**{group: [*others, value] if chosen else others, PAGE: None})


def _clear() -> None:
    address.change(**dict.fromkeys((*(PARAMETERS[facet] for facet in FACETS), TEXT, PAGE)))


def _search(place: Place, view: BoardView) -> None:
    st.session_state["_office_text"] = address.first(TEXT) or ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "名前・番号・登録情報から探す",
            key="_office_text",
            icon=":material/search:",
            placeholder="医療機関名、番号、担当者、メールアドレスなど",
            autocomplete="off",
            width=420,
            on_change=lambda: address.change(**{TEXT: st.session_state["_office_text"].strip() or None, PAGE: None}),
        )
        st.download_button(
            f"この{len(view.rows):,}機関を Excel で",
            data=partial(_workbook, principal_later(place.shared), place, asked_filter(), address.first(SORT)),
            file_name=f"参加機関の状況_{place.as_of}.xlsx",
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            icon=":material/download:",
            disabled=not view.rows,
            on_click="ignore",
        )


def _workbook(asked: Callable[[], Principal], place: Place, wanted: BoardFilter, order: str | None) -> bytes:
    """The participants that are asked for, as they stand at the click, for whoever is signed in then."""
    rows = place.portal.board.rows(asked(), place.programme.id, place.as_of)
    view = place.view_of(rows, wanted, order)
    return board_workbook(place.programme, view.rows, view.of, place.as_of, place.shared.rulebook)


def _table(place: Place, view: BoardView) -> None:
    if not view.rows:
        st.info("この条件に当たる参加機関はありません。", icon=":material/search_off:")
        return
    pages = -(-len(view.rows) // PER_PAGE)
    asked = address.first(PAGE) or "1"
    number = min(max(int(asked) if asked.isdecimal() else 1, 1), pages)
    first = (number - 1) * PER_PAGE
    shown = view.rows[first : first + PER_PAGE]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{len(view.rows):,} 機関**" + (f"　{first + 1:,}～{first + len(shown):,}" if pages > 1 else ""),
            width="content",
        )
        if pages > 1:
            _turn_page("前", number - 1, ":material/chevron_left:", possible=number > 1)
            st.caption(f"{number} / {pages} ページ", width="content")
            _turn_page("次", number + 1, ":material/chevron_right:", possible=number < pages)
    show_table(
        "参加機関の一覧。行を選ぶと、その機関の手順が開く。",
        _COLUMNS,
        [_row(place, row) for row in shown],
        "_office_board",
        sort=address.first(SORT),
        on_sort=lambda order: address.change(**{SORT: order, PAGE: None}),
    )


def _turn_page(label: str, number: int, icon: str, *, possible: bool) -> None:
    st.button(
        label,
        icon=icon,
        disabled=not possible,
        key=f"_office_page_{label}",
        on_click=address.change,
        kwargs={PAGE: str(number)},
    )


def _row(place: Place, row: BoardRow) -> Row:
    enrolment, current = row.enrolment, row.current
    mark, tone = _TURN_MARKS[row.turn]
    due = current.due if current is not None else None
    late = current is not None and current.overdue
    last = in_japan(row.last.at) if row.last is not None else None
    opened = href(
        {
            "institution": row.institution,
            "step": current.step.id if current is not None else None,
            "view": None,
        }
    )
    return Row(
        row.institution,
        opened,
        [
            Cell(enrolment.number or "－"),
            Cell(enrolment.name),
            Cell(place.shared.rulebook.term("institution_kind", enrolment.kind).ja, detail=enrolment.region),
            Cell(current.step.title if current is not None else "すべて完了"),
            Cell(TURNS[row.turn], mark=mark, tone=tone, detail=_acts(row)),
            Cell(current.next_action if current is not None else ""),
            Cell(
                due.isoformat() if due is not None else "",
                detail=f"⚠ {(place.as_of - due).days}日超過" if late and due else None,
            ),
            Cell(f"⚠ {len(row.overdue)}手順" if row.overdue else "", detail=_overdue(row)),
            Cell(
                f"{last:%Y-%m-%d}" if last else "",
                detail=f"{last:%H:%M} {row.last.name}" if last and row.last else None,
            ),
        ],
    )


def _acts(row: BoardRow) -> str | None:
    return "！ " + "、".join(ACT_WORDS[act] for act in row.acts) if row.acts else None


def _overdue(row: BoardRow) -> str | None:
    if not row.overdue:
        return None
    more = f" ほか{len(row.overdue) - 1}" if len(row.overdue) > 1 else ""
    return f"{row.overdue[0].step.title}{more}"
