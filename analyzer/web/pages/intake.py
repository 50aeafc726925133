"""取り込み: a filled-in checklist comes back; what it would change is looked at before anything is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.exports.screens.intake import (
    Counts,
    ShownCell,
    ShownRefusal,
    ShownRow,
    changes_fragment,
    conflict_fragment,
    refused_csv,
    refused_fragment,
    summary_fragment,
)
from analyzer.intake.compare import propose_sheets
from analyzer.intake.filled import Refused, is_checklist
from analyzer.intake.foreign import FIELDS, ForeignMapping, Suggestion, propose_foreign, remap, suggest_mapping
from analyzer.intake.proposal import Proposal, RowChange, Taken
from analyzer.intake.workbook import MAX_BYTES, IntakeError, RawSheet, read_workbook
from analyzer.model.vocabulary import PARTIES, STATUSES
from analyzer.store.principal import Principal, may
from analyzer.store.records import ConflictError, Record
from analyzer.web.components.panel import show_panel
from analyzer.web.context import choose_context
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace, workspace

_FILE, _SHEETS, _PROPOSAL, _SEEN = "_intake", "_intake_sheets", "_intake_proposal", "_intake_seen"
_TAKEN, _MAPPING, _PRESSED = "_intake_taken", "_intake_map", "_intake_pressed"
_KEEP, _TAKE, _EACH = "今の記録を残す", "チェックリストの値にする", "1行ずつ選ぶ"
_CHOSEN_SINGLY = 60
_TABLES: Final = {
    "answers": "回答",
    "evidence": "証跡",
    "services": "サービス",
    "reviews": "資料を確かめた記録",
    "facts": "施設への質問",
}
_FIELDS: Final = {
    "control": "項番",
    "party": "担い手",
    "status": "状況",
    "reason": "理由",
    "checked_on": "確認日",
    "evidence": "証跡の番号",
    "owner": "担当",
    "due": "期限",
    "note": "備考",
}
_NO_COLUMN: Final = "（使わない）"


@dataclass(frozen=True, slots=True)
class _File:
    """An uploaded workbook. id: changes with every upload."""

    id: str
    name: str
    sheets: tuple[RawSheet, ...]


def page() -> None:
    """Draw the upload, then what the file would change, then what was taken."""
    shared = workspace()
    st.title("取り込み", anchor=False)
    principal = current_principal(shared)
    context = choose_context(shared)
    if shared.store is None:
        st.info("取り込みには、データベースが要ります。`sansho app` を `--read-only` なしで起動してください。")
        return
    if context.institution is None:
        st.info("医療機関がまだ登録されていません。", icon=":material/add_home:")
        return
    if not may(principal, "answer", context.institution.id):
        st.info("この医療機関の回答を書く権限がないため、取り込めません。", icon=":material/lock:")
        return
    record = shared.record(principal, context.institution.id)
    assert record is not None
    st.caption(
        "「責任分界チェックリスト」の画面や `sansho checklist` で作ったチェックリストに記入したもの。"
        "ほかの表も、列の対応を確かめれば取り込める。"
    )
    uploaded = st.file_uploader(
        f"記入済みのチェックリスト（.xlsx、{MAX_BYTES // 1_000_000} MB まで）", type=["xlsx"], key=_FILE
    )
    if uploaded is None:
        return
    file = _read(uploaded.file_id, uploaded.name, uploaded.getvalue())
    if file is not None:
        _draw(shared, principal, record, file)


def _read(identity: str, name: str, content: bytes) -> _File | None:
    """The workbook's cells, read once an upload; None, said why, where it cannot be read."""
    kept: _File | None = st.session_state.get(_SHEETS)
    if kept is not None and kept.id == identity:
        return kept
    for place in (_TAKEN, _MAPPING, _PROPOSAL):
        st.session_state.pop(place, None)
    try:
        read = _File(identity, name, read_workbook(content, name))
    except IntakeError as error:
        st.error(f"{name}：{error.ja}", icon=":material/error:")
        return None
    st.session_state[_SHEETS] = read
    return read


def _draw(shared: Workspace, principal: Principal, record: Record, file: _File) -> None:
    try:
        if is_checklist(file.sheets):
            proposal: Proposal | None = _proposal(shared, record, file, None)
        else:
            mapping = _confirmed_mapping(shared, file)
            proposal = _proposal(shared, record, file, mapping) if mapping is not None else None
    except IntakeError as error:
        st.error(f"{file.name}：{error.ja}", icon=":material/error:")
        return
    if proposal is not None:
        _say_taken(file)
        _offer(shared, principal, proposal, file)


def _proposal(shared: Workspace, record: Record, file: _File, mapping: ForeignMapping | None) -> Proposal:
    """What the file would change, worked out anew only when the record or the mapping has changed."""
    kept: tuple[_File, Record, ForeignMapping | None, Proposal] | None = st.session_state.get(_PROPOSAL)
    if kept is not None and kept[0] is file and kept[1] is record and kept[2] == mapping:
        return kept[3]
    if mapping is None:
        made = propose_sheets(file.sheets, file.name, record, shared.knowledge, shared.rulebook)
    else:
        made = propose_foreign(file.sheets, file.name, mapping, record, shared.knowledge, shared.rulebook)
    st.session_state[_PROPOSAL] = (file, record, mapping, made)
    return made


# -- what would change -------------------------------------------------------------------------------------------------


def _offer(shared: Workspace, principal: Principal, proposal: Proposal, file: _File) -> None:
    counts = Counts(len(proposal.changes), len(proposal.conflicts), proposal.untouched, len(proposal.refused))
    show_panel(summary_fragment(file.name, counts, proposal.notes), key="intake-summary")
    tables = _choose_tables(proposal)
    changes = [row for row in proposal.changes if row.table in tables]
    if changes:
        show_panel(changes_fragment([_shown(row) for row in changes]), key="intake-changes")
    chosen = _choose_conflicts([row for row in proposal.conflicts if row.table in tables])
    if proposal.refused:
        refused = [_shown_refusal(each) for each in proposal.refused]
        show_panel(refused_fragment(refused), key="intake-refused")
        st.download_button(
            "取り込めないところの一覧（CSV）",
            data=refused_csv(refused),
            file_name="取り込めないところ.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    selection = {row.id for row in changes} | chosen
    # A press answers what was on the screen; where the record has changed since, that was something else.
    seen, st.session_state[_SEEN] = st.session_state.get(_SEEN), proposal
    if selection:
        label = f"{len(selection)}行を取り込む"
        st.button(label, type="primary", icon=":material/upload:", on_click=_press, key="_intake_take")
    elif proposal.changes or proposal.conflicts:
        st.caption("取り込む行が選ばれていない。")
    if st.session_state.pop(_PRESSED, False):
        if seen is proposal:
            _take(shared, principal, proposal, selection, file)
        else:
            st.session_state[_TAKEN] = (file.id, None)
        st.rerun()


def _press() -> None:
    st.session_state[_PRESSED] = True


def _choose_tables(proposal: Proposal) -> set[str]:
    """Which kinds of changes to take, where there are several."""
    found = dict.fromkeys(row.table for row in (*proposal.changes, *proposal.conflicts))
    if len(found) < 2:
        return set(found)
    with st.container(horizontal=True):
        return {
            table
            for table in _TABLES
            if table in found and st.checkbox(_TABLES[table], value=True, key=f"_intake_{table}")
        }


def _choose_conflicts(rows: Sequence[RowChange]) -> set[str]:
    """The rows in conflict of which the workbook's values are wanted; at first none."""
    if not rows:
        return set()
    st.subheader("どちらかを選ぶ行", anchor=False)
    options = [_KEEP, _TAKE, *([_EACH] if len(rows) <= _CHOSEN_SINGLY else [])]
    way = st.radio(
        "ほかの人が変えた行", options, index=options.index(_EACH) if _EACH in options else 0, horizontal=True
    )
    chosen = {row.id for row in rows} if way == _TAKE else set[str]()
    for row in rows[:_CHOSEN_SINGLY]:
        show_panel(conflict_fragment(_shown(row)), key=f"intake-conflict-{row.id}")
        if way == _EACH:
            choice = st.radio(f"{row.label}の値", [_KEEP, _TAKE], horizontal=True, key=f"_intake_choice_{row.id}")
            if choice == _TAKE:
                chosen.add(row.id)
    if len(rows) > _CHOSEN_SINGLY:
        st.caption(f"ほか{len(rows) - _CHOSEN_SINGLY}行。表の種類を絞ると、1行ずつ選べる。")
    return chosen


def _take(shared: Workspace, principal: Principal, proposal: Proposal, selection: set[str], file: _File) -> None:
    assert shared.store is not None
    try:
        taken = proposal.take(selection, shared.store.records, principal)
    except ConflictError:
        st.session_state[_TAKEN] = (file.id, None)
    except SanshoError as error:
        st.error(f"取り込めませんでした。何も変わっていません。{error}", icon=":material/error:")
        st.stop()
    else:
        st.session_state[_TAKEN] = (file.id, taken)


def _say_taken(file: _File) -> None:
    """What the last press of the button came to."""
    kept: tuple[str, Taken | None] | None = st.session_state.get(_TAKEN)
    if kept is None or kept[0] != file.id:
        return
    taken = kept[1]
    if taken is None:
        st.warning(
            "表示している間に、ほかの人が記録を変えました。何も取り込んでいません。下の内容を確かめ直してください。",
            icon=":material/sync_problem:",
        )
        return
    st.success(f"{len(taken.rows)}行を取り込みました。", icon=":material/check_circle:")
    if taken.refused:
        st.warning(f"次の{len(taken.refused)}件は取り込めませんでした。", icon=":material/warning:")
        show_panel(refused_fragment([_shown_refusal(each) for each in taken.refused]), key="intake-fallen")


def _shown(row: RowChange) -> ShownRow:
    cells = tuple(ShownCell(cell.cell, cell.label, cell.before, cell.after) for cell in row.cells)
    return ShownRow(row.sheet, row.label, row.deed, cells, row.conflict)


def _shown_refusal(refused: Refused) -> ShownRefusal:
    return ShownRefusal(refused.sheet, refused.cell, refused.reason)


# -- somebody else's workbook -----------------------------------------------------------------------------------------


def _confirmed_mapping(shared: Workspace, file: _File) -> ForeignMapping | None:
    """Ask how to read a workbook that is not ours; None until a person has confirmed it."""
    st.warning(
        "このソフトウェアで作ったチェックリストではない。次の対応を確かめ、違うところを直してから「この対応で見る」を押す。",
        icon=":material/help:",
    )
    names = [sheet.name for sheet in file.sheets]
    first = suggest_mapping(file.sheets, shared.knowledge, shared.rulebook)
    if first is None:
        st.error("項番の列と状況の列がある表が見つからない。", icon=":material/error:")
        return None
    chosen = st.selectbox("シート", names, index=names.index(first.mapping.sheet), filter_mode=None)
    suggestion = suggest_mapping(file.sheets, shared.knowledge, shared.rulebook, chosen)
    if suggestion is None:
        st.error("このシートには、項番の列と状況の列がある表が見つからない。", icon=":material/error:")
        return None
    mapping = _ask_mapping(shared, file, suggestion)
    kept: tuple[str, ForeignMapping] | None = st.session_state.get(_MAPPING)
    if mapping is not None and st.button("この対応で見る", icon=":material/preview:", key="_intake_confirm"):
        kept = st.session_state[_MAPPING] = (file.id, mapping)
    if kept is None or kept[0] != file.id or kept[1] != mapping:
        return None
    return mapping


def _ask_mapping(shared: Workspace, file: _File, suggestion: Suggestion) -> ForeignMapping | None:
    mapping = suggestion.mapping
    scores = {each.field: each.score for each in suggestion.columns}
    letters = {"": _NO_COLUMN, **{letter: f"{letter}　{heading}" for letter, heading in suggestion.headings.items()}}
    st.markdown(f"**見出しは{mapping.header_row}行目。項番が読めた行は{suggestion.found}行。**")
    columns: dict[str, str] = {}
    with st.container(horizontal=True):
        for field in FIELDS:
            asked = mapping.columns.get(field, "")
            sure = f"（確からしさ {scores[field]:.0f}）" if field in scores else ""
            picked = st.selectbox(
                f"{_FIELDS[field]}{sure}",
                list(letters),
                index=list(letters).index(asked) if asked in letters else 0,
                format_func=letters.__getitem__,
                key=f"_intake_column_{mapping.sheet}_{field}",
                width=230,
                filter_mode=None,
            )
            if picked:
                columns[field] = picked
    if not {"control", "status"} <= columns.keys() or len(set(columns.values())) != len(columns):
        st.error("項番と状況の列を、ほかと重ならないように選ぶ。", icon=":material/error:")
        return None
    asked_again = replace(mapping, columns=columns)
    statuses, parties = remap(file.sheets, asked_again, shared.rulebook)
    term = shared.rulebook.term
    words: dict[str, str] = {word: term("status", word).ja for word in STATUSES}
    said = _ask_words("状況の読み替え", {each.shown: (each.word, each.count) for each in statuses}, words)
    labels: dict[str, str] = {word: term("party", word).ja for word in PARTIES}
    whose: dict[str, str] = {}
    party = None
    if "party" in columns:
        whose = _ask_words("担い手の読み替え", {each.shown: (each.word, each.count) for each in parties}, labels)
    else:
        party = st.radio(
            "誰の回答か", list(labels), format_func=labels.__getitem__, horizontal=True, key="_intake_party"
        )
    guidelines = {each.id: each.short_title for each in shared.knowledge.encoded_guidelines}
    options = list(guidelines)
    guideline = st.selectbox(
        "同じ項番が複数にあるときのガイドライン",
        options,
        index=options.index(mapping.guideline) if mapping.guideline in options else 0,
        format_func=guidelines.__getitem__,
        filter_mode=None,
    )
    return replace(asked_again, statuses=said, parties=whose, party=party, guideline=guideline)


def _ask_words(title: str, shown: Mapping[str, tuple[str | None, int]], words: Mapping[str, str]) -> dict[str, str]:
    """For each text that the cells show the word that it stands for; one left open refuses its rows."""
    options = ["", *words]
    found = {}
    st.markdown(f"**{title}**")
    with st.container(horizontal=True):
        for text, (word, count) in shown.items():
            picked = st.selectbox(
                f"「{text[:30]}」（{count}件）",
                options,
                index=options.index(word) if word in options else 0,
                format_func=lambda each: words.get(each, "（決めない）"),
                key=f"_intake_word_{title}_{text}",
                width=200,
                filter_mode=None,
            )
            if picked:
                found[text] = picked
    return found
