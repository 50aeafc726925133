"""Answering one duty: every field saves itself, a collision is shown and decided, any change can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import streamlit as st

from analyzer.browse.tasks import Task, tasks_of
from analyzer.errors import SanshoError
from analyzer.exports.japan_time import JAPAN, in_japan
from analyzer.exports.screens.answer import (
    HistoryEntry,
    collision_fragment,
    differences,
    duty_fragment,
    history_fragment,
)
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import STATUSES
from analyzer.store.events import Event
from analyzer.store.parts import answer_key
from analyzer.store.principal import Principal, may
from analyzer.store.records import ABSENT, Collision, ConflictError, PartChange, Record
from analyzer.web.components.draft import edit_text
from analyzer.web.components.panel import show_panel
from analyzer.web.neighbours import show_way_back
from analyzer.web.signing_in import current_principal
from analyzer.web.workspace import Workspace

Data = dict[str, Any]
_SHOWN_CHANGES: Final = 50
_ACTIONS: Final = {
    "create": "登録",
    "edit": "記入",
    "undo": "取り消し",
    "restore": "以前の内容に戻す",
    "import": "取り込み",
}


@dataclass(frozen=True)
class _Editor:
    """The answer to a duty as this session sees and changes it."""

    shared: Workspace
    principal: Principal
    record: Record
    task: Task

    @property
    def key(self) -> str:
        return answer_key(*self.task.key)

    @property
    def institution(self) -> str:
        return self.record.institution.id

    @property
    def saved(self) -> Data | None:
        """The answer as it is in the store."""
        control, party = self.task.key
        answers = self.record.document["answers"]
        found: Data | None = next(
            (each for each in answers if (each["control"], each["party"]) == (control, party)), None
        )
        return found

    @property
    def state(self) -> Data:
        """What this session keeps of the answer: what could not be saved yet, the version seen, a collision."""
        kept: Data = st.session_state.setdefault(f"_answer {self.institution} {self.key}", {})
        return kept

    @property
    def data(self) -> Data:
        """The answer with what could not be saved yet."""
        control, party = self.task.key
        waiting: Data = self.state.get("waiting", {})
        return {"control": control, "party": party, **(self.saved or {}), **waiting}

    def set(self, field: str, value: Any) -> None:
        """Change a field and save; what the store does not take yet waits, and nothing typed is lost."""
        waiting = {**self.state.get("waiting", {}), field: value}
        self.state["waiting"] = waiting
        self.save()

    def save(self) -> None:
        """Save what waits."""
        wanted = {name: value for name, value in self.data.items() if value not in (None, "", [], False)}
        lacking = _lacking(wanted)
        self.state["lacking"] = lacking
        if lacking is None:
            self.write(wanted, self.state.get("seen", ABSENT))

    def write(self, data: Data | None, expected: int, action: str = "edit") -> None:
        """Write the whole answer over the version that was seen; a collision is kept to be decided."""
        assert self.shared.store is not None
        change = PartChange("answer", self.key, data, expected)
        self.state.pop("collision", None)
        self.state.pop("refused", None)
        try:
            # Asked anew: the account may have lost the right since the page was drawn.
            self.shared.store.records.change(current_principal(self.shared), self.institution, [change], action=action)
        except ConflictError as conflict:
            self.state["collision"] = conflict.collisions[0]
        except SanshoError as error:
            self.state["refused"] = str(error)
        else:
            self.state.pop("waiting", None)
            self.state.pop("seen", None)
            self.state["saved_at"] = datetime.now(JAPAN)


def draw_answer(
    shared: Workspace,
    principal: Principal,
    assessment: Assessment,
    place: tuple[str, str],
    neighbours: Sequence[tuple[str, str]],
) -> None:
    """Draw the form of one duty, or say that there is none. neighbours: the list the reader comes from."""
    show_way_back(place, neighbours, "対応", _to)
    task = next((task for task in tasks_of(assessment) if task.key == place), None)
    record = shared.record(principal, assessment.institution.id)
    if task is None or record is None:
        st.warning(
            f"「{place[0]}」に、この担い手が行う対応はありません。適用されない項目か、リンクが古いかもしれません。",
            icon=":material/link_off:",
        )
        return
    editor = _Editor(shared, principal, record, task)
    # What is on the screen from now on; a change is made over this, not over what others save meanwhile. What
    # waits to be saved was typed over what was seen before.
    if not editor.state.get("waiting"):
        editor.state["seen"] = record.version("answer", editor.key)
    asked, form = st.columns([1, 1], gap="large")
    with asked:
        show_panel(duty_fragment(task, shared.knowledge, shared.rulebook), key="duty")
    with form:
        _collision(editor)
        if may(principal, "answer", editor.institution):
            _form(editor)
        else:
            st.info("この回答は見るだけです。記入する権限がありません。", icon=":material/lock:")
    _history(editor)


def _form(editor: _Editor) -> None:
    data, term = editor.data, editor.shared.rulebook.term
    statuses = [status for status in STATUSES if status != "unanswered"]
    _widget("status", data.get("status"))
    st.radio(
        "実施状況",
        statuses,
        index=None,
        key="_answer_status",
        format_func=lambda status: f"{term('status', status).mark} {term('status', status).ja}",
        help="\n".join(f"- {term('status', status).ja}: {term('status', status).help}" for status in statuses),
        horizontal=True,
        on_change=_saving(editor, "status"),
    )
    days, people = st.columns(2)
    with days:
        for field, label in (("checked_on", "確認日"), ("due", "期限")):
            _widget(field, _day(data.get(field)))
            st.date_input(label, value=None, key=f"_answer_{field}", on_change=_saving(editor, field))
    with people:
        _widget("owner", data.get("owner") or "")
        st.text_input("担当者", key="_answer_owner", max_chars=200, live=True, on_change=_saving(editor, "owner"))
        _widget("carried_over", bool(data.get("carried_over")))
        st.checkbox(
            "前回の評価から引き継いだまま（要再確認）",
            key="_answer_carried_over",
            on_change=_saving(editor, "carried_over"),
        )
    evidence = editor.record.institution.evidence
    _widget("evidence", [item for item in data.get("evidence", []) if item in evidence])
    st.multiselect(
        "証跡",
        list(evidence),
        key="_answer_evidence",
        format_func=lambda item: f"{evidence[item].title}（{item}）",
        placeholder="証跡台帳から選ぶ",
        select_all=False,
        on_change=_saving(editor, "evidence"),
    )
    for field, label in (("reason", "理由（該当なしのときは必ず）"), ("note", "備考")):
        edit_text(
            label,
            data.get(field) or "",
            f"{editor.institution} {editor.key} {field}",
            key=f"_answer_text_{field}",
            version=editor.state["seen"],
            on_text=lambda text, name=field: editor.set(name, text),  # type: ignore[misc]
        )
    _say_state(editor)
    if editor.saved is not None:
        st.button("回答を消して未回答に戻す", icon=":material/delete:", on_click=_remove, args=(editor,))


def _widget(field: str, value: Any) -> None:
    st.session_state[f"_answer_{field}"] = value


def _saving(editor: _Editor, field: str) -> Callable[[], None]:
    def save() -> None:
        value = st.session_state[f"_answer_{field}"]
        editor.set(field, value.isoformat() if hasattr(value, "isoformat") else value)

    return save


def _remove(editor: _Editor) -> None:
    editor.state.pop("waiting", None)
    editor.write(None, editor.state.get("seen", ABSENT))


def _lacking(data: Data) -> str | None:
    """What the answer still needs before it can be saved; None where it is complete."""
    if "status" not in data:
        return "実施状況を選ぶと保存されます。ほかの欄の記入は、それまでこの画面に残ります。"
    if data["status"] == "not_applicable" and not str(data.get("reason", "")).strip():
        return "「該当なし」には理由が要ります。理由を書くと保存されます。"
    return None


def _say_state(editor: _Editor) -> None:
    state = editor.state
    if state.get("refused"):
        st.error("保存できませんでした。入力はこの画面に残っています。", icon=":material/error:")
        st.code(state["refused"], language=None, wrap_lines=True)
    elif state.get("waiting") and state.get("lacking"):
        st.warning(state["lacking"], icon=":material/edit_note:")
    elif state.get("saved_at"):
        st.success(f"{state['saved_at']:%H:%M:%S} に保存しました。", icon=":material/cloud_done:")


def _collision(editor: _Editor) -> None:
    collision: Collision | None = editor.state.get("collision")
    if collision is None:
        return
    show_panel(
        collision_fragment(
            collision.wanted.data, collision.data, collision.actor, _moment(collision.at), editor.shared.rulebook
        ),
        key="collision",
    )
    with st.container(horizontal=True):
        st.button("自分の入力で置き換える", on_click=_take_mine, args=(editor, collision))
        st.button("保存されている回答を残す", on_click=_take_theirs, args=(editor,))


def _take_mine(editor: _Editor, collision: Collision) -> None:
    editor.write(collision.wanted.data, collision.version)


def _take_theirs(editor: _Editor) -> None:
    for kept in ("collision", "waiting", "seen"):
        editor.state.pop(kept, None)


def _history(editor: _Editor) -> None:
    assert editor.shared.store is not None
    with st.expander("変更の履歴", icon=":material/history:"):
        events = editor.shared.store.records.history(
            editor.principal, editor.institution, "answer", editor.key, _SHOWN_CHANGES
        )
        show_panel(history_fragment([_entry(event, editor) for event in events]), key="history")
        earlier = [event for event in events[1:] if event.change.after is not None]
        if events and may(editor.principal, "answer", editor.institution):
            with st.container(horizontal=True):
                st.button("最後の変更を取り消す", icon=":material/undo:", on_click=_undo, args=(editor, events[0]))
                for event in earlier[:5]:
                    st.button(f"{event.number} の内容に戻す", on_click=_restore, args=(editor, event))


def _undo(editor: _Editor, event: Event) -> None:
    expected = event.number if event.change.after is not None else ABSENT
    editor.state.pop("waiting", None)
    editor.write(event.change.before, expected, action="undo")


def _restore(editor: _Editor, event: Event) -> None:
    editor.state.pop("waiting", None)
    editor.write(event.change.after, editor.record.version("answer", editor.key), action="restore")


def _entry(event: Event, editor: _Editor) -> HistoryEntry:
    change = event.change
    return HistoryEntry(
        event.number,
        _moment(event.at),
        event.actor,
        _ACTIONS.get(change.action, change.action),
        "" if change.source == "app" else change.source,
        tuple(differences(change.before, change.after, editor.shared.rulebook)),
    )


def _moment(at: str) -> datetime:
    return in_japan(at) if at else datetime.now(JAPAN)


def _day(text: str | None) -> Any:
    return datetime.fromisoformat(text).date() if text else None


def _to(place: tuple[str, str] | None) -> dict[str, str | None]:
    return {"control": place[0] if place else None, "party_of": place[1] if place else None}
