"""The comparison: another institution, or the same one at another day, beside the one in view."""

from __future__ import annotations

from datetime import date
from typing import Final

import streamlit as st
from dateutil.relativedelta import relativedelta

from analyzer.browse.comparing import Comparison, compare_assessments
from analyzer.comparison.progress import ControlProgress, GapProgress
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.screens.gaps import Href
from analyzer.exports.screens.gaps_comparison import ComparisonWords, comparison_fragment
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import Conformity
from analyzer.web import address
from analyzer.web.components.panel import show_panel
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.context import session_source
from analyzer.web.workspace import Workspace

_OTHER, _DAY, _SHOWN = "compare", "compare_as_of", "differ"
_CONTROLS, _FIRST, _SECOND = "controls", "first", "second"
# How far back a comparison of one institution with itself looks at first.
_BACK: Final = relativedelta(years=1)
_CONTROL_COLUMNS: Final = (Column("項番", 7), Column("項目名", 14))
_GAP_COLUMNS: Final = (
    *_CONTROL_COLUMNS,
    Column("優先度", 5),
    Column("種別・担い手", 10),
    Column("経緯", 11),
    Column("理由", 16),
    Column("規則", 4),
)


def draw_comparison(shared: Workspace, assessment: Assessment, href: Href) -> None:
    """Draw the choice of the other side, and what differs."""
    other, day = _choose_other(shared, assessment)
    if other.id == assessment.institution.id and day == assessment.as_of:
        st.info(
            "同じ医療機関の同じ日です。比べる日を変えるか、ほかの医療機関を選んでください。", icon=":material/compare:"
        )
        return
    comparison = compare_assessments(assessment, shared.assess(other, day))
    words = ComparisonWords(comparison, shared.rulebook, shared.knowledge)
    show_panel(comparison_fragment(comparison, shared.knowledge, shared.rulebook, words, href), key="gaps-comparison")
    _differences(shared, comparison, words)


def _choose_other(shared: Workspace, assessment: Assessment) -> tuple[Institution, date]:
    """The other side's institution and day; what the address says wrongly is said plainly, and not used."""
    institutions = session_source(shared).institutions()
    mine = assessment.institution.id
    asked = address.first(_OTHER) or mine
    chosen = asked if asked in institutions else mine
    if chosen != asked:
        st.warning(f"比べる医療機関「{asked}」は見つかりません。同じ医療機関で比べます。", icon=":material/link_off:")
    day = _day(_back(assessment.as_of) if chosen == mine else assessment.as_of)
    st.session_state["_compare"], st.session_state["_compare_as_of"] = chosen, day
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "比べる医療機関",
            list(institutions),
            key="_compare",
            filter_mode=None,
            format_func=lambda identity: f"{institutions[identity].name}{'（同じ機関）' if identity == mine else ''}",
            on_change=lambda: address.change(compare=st.session_state["_compare"], compare_as_of=None),
            width=420,
        )
        st.date_input("比べる日", key="_compare_as_of", on_change=_choose_day, width=180)
    return institutions[chosen], day


def _back(day: date) -> date:
    return day - _BACK if day.year > date.min.year else day


def _choose_day() -> None:
    day = st.session_state["_compare_as_of"]
    address.change(compare_as_of=day.isoformat() if day else None)


def _day(usual: date) -> date:
    text = address.first(_DAY)
    if text is None:
        return usual
    try:
        return date.fromisoformat(text)
    except ValueError:
        st.warning(f"比べる日「{text}」は日付として読めません。{usual} で比べます。", icon=":material/event_busy:")
        return usual


def _differences(shared: Workspace, comparison: Comparison, words: ComparisonWords) -> None:
    """The controls that differ, or the gaps of one side only: one table at a time."""
    titles = {
        _CONTROLS: f"判定が異なる項目（{len(comparison.differing)}）",
        _FIRST: f"{words.movement('closed')}のギャップ（{len(comparison.only_first)}）",
        _SECOND: f"{words.movement('opened')}のギャップ（{len(comparison.only_second)}）",
    }
    asked = address.first(_SHOWN)
    shown = asked if asked in titles else _CONTROLS
    st.session_state["_differ"] = shown
    st.segmented_control(
        "異なるところ",
        list(titles),
        key="_differ",
        required=True,
        label_visibility="collapsed",
        format_func=lambda name: titles[name],
        on_change=lambda: address.change(differ=st.session_state["_differ"] or None),
    )
    several = len({entry.service for entry in comparison.progress.controls}) > 1
    more = [Column("サービス", 10)] if several else []
    if shown == _CONTROLS:
        sides = [Column(f"{side}の判定", 10) for side in words.sides]
        columns = [*_CONTROL_COLUMNS, *sides, Column("違い", 10), *more]
        rows = [_control_row(shared, entry, words, several) for entry in comparison.differing]
    else:
        gaps = comparison.only_first if shown == _FIRST else comparison.only_second
        columns = [*_GAP_COLUMNS, *more]
        rows = [_gap_row(shared, gap, words, several) for gap in gaps]
    if rows:
        show_table(f"{titles[shown]}。行を選ぶと管理策を開く。", columns, rows, "_differ_table")
    else:
        st.info("該当するものはありません。", icon=":material/check:")


def _control_row(shared: Workspace, entry: ControlProgress, words: ComparisonWords, several: bool) -> Row:
    cells = [
        *_name(shared, entry.control),
        _conformity(entry.before, shared.rulebook),
        _conformity(entry.after, shared.rulebook),
        Cell(words.direction(entry.direction)),
    ]
    return _row(entry.control, entry.service, "", cells, words, several)


def _gap_row(shared: Workspace, gap: GapProgress, words: ComparisonWords, several: bool) -> Row:
    state = gap.latest
    priority = shared.rulebook.term("priority", state.priority)
    cells = [
        *_name(shared, gap.control),
        Cell(priority.ja, mark=priority.mark, tone=f"priority-{state.priority}"),
        Cell(shared.rulebook.term("gap_kind", gap.kind).ja, detail=shared.rulebook.term("party", gap.party).ja),
        Cell(words.cause(gap.cause)),
        Cell(state.reason),
        Cell(state.rule),
    ]
    return _row(gap.control, gap.service, f"{gap.kind} {gap.party}", cells, words, several)


def _row(control: str, vendor: str | None, part: str, cells: list[Cell], words: ComparisonWords, several: bool) -> Row:
    link = address.link(parameters={**address.query(), "control": [control]})
    more = [Cell(words.service(vendor))] if several else []
    return Row(f"{control} {vendor} {part}", link, [*cells, *more])


def _name(shared: Workspace, key: str) -> tuple[Cell, Cell]:
    control = shared.knowledge.controls[key]
    return Cell(control.id), Cell(control.title.ja)


def _conformity(word: Conformity | None, rulebook: Rulebook) -> Cell:
    if word is None:
        return Cell("－")
    term = rulebook.term("conformity", word)
    return Cell(term.ja, mark=term.mark, tone=f"conformity-{word}")
