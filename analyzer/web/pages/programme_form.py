"""Filling in a form: every answer saves itself as a draft, nothing typed is lost, faults stand beside questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.exports.japan_time import JAPAN
from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme.choosing import with_option
from analyzer.programme.filled_form import form_faults, is_given, shown_questions
from analyzer.programme.handing_in import FormFaultsError
from analyzer.programme.model import Form, Question, QuestionType
from analyzer.programme.participant import Paper, StepRecord
from analyzer.programme.screens import institution as screens
from analyzer.programme.screens.words import said
from analyzer.store.items import ItemConflictError
from analyzer.web.components.draft import edit_text
from analyzer.web.components.panel import show_panel
from analyzer.web.portal_visit import CONFLICT, Visit, plain_markdown, reason, tell

State = dict[str, Any]
_UNSET: Final = object()
_LONGEST: Final = 8_000


@dataclass(frozen=True)
class _Filling:
    """A form as this session fills it in."""

    visit: Visit
    form: Form
    paper: Paper

    @property
    def place(self) -> str:
        return f"{self.visit.place} {self.form.id}"

    @property
    def state(self) -> State:
        """What this session keeps of the form.

        typed: what the store does not hold: refused, or behind a question that is not shown at the moment. seen: the
        version on the screen, saved: its answers. conflict: somebody else saved meanwhile. faults: by question.
        """
        kept: State = st.session_state.setdefault(f"_form {self.place}", {"typed": {}, "faults": {}})
        return kept

    @property
    def answers(self) -> dict[str, Any]:
        """The answers with what is not saved yet."""
        # Two fields may report in one go: the second one counts over what the first one has saved.
        return {**self.state.get("saved", {}), **self.state["typed"]}

    def widget(self, question: str, option: str = "") -> str:
        return f"answer {self.place} {question} {option}"

    def set(self, question: str, value: Any) -> None:
        """Take an answer and save all that can be saved."""
        if "saved" not in self.state:
            # A field of the form as it was before it was handed in, which the browser has told a moment too late.
            return
        self.state["typed"][question] = value
        self.state["faults"].pop(question, None)
        self.save()

    def save(self) -> None:
        """Save the draft over the version that was seen; what is refused stays on the screen."""
        state = self.state
        if state.get("conflict"):
            return
        answers = {name: value for name, value in self.answers.items() if name in self.form.by_id}
        faults = form_faults(self.form, answers, whole=False)
        state["faults"] = {**state["faults"], **faults}
        good = {name: value for name, value in answers.items() if name not in faults}
        state.pop("refused", None)
        try:
            self.visit.portal.handing_in.save_form(*self.visit.anew(), self.form.id, good, state["seen"])
            saved = self._fresh()
        except ItemConflictError:
            state["conflict"] = True
        except SanshoError as error:
            state["refused"] = reason(error)
        else:
            self.look(saved)
            state["typed"] = {
                name: value for name, value in answers.items() if not _same(saved.answers.get(name), value)
            }
            state["saved_at"] = datetime.now(JAPAN)

    def hand_in(self) -> None:
        """Hand the form in as it stands on the screen."""
        state = self.state
        if state.get("conflict"):
            return
        state.pop("refused", None)
        try:
            self.visit.portal.handing_in.hand_in_form(*self.visit.anew(), self.form.id, self.answers, state["seen"])
        except FormFaultsError as refused:
            state["faults"] = refused.faults
        except ItemConflictError:
            state["conflict"] = True
        except SanshoError as error:
            state["refused"] = reason(error)
        else:
            st.session_state.pop(f"_form {self.place}", None)
            tell(f"「{self.form.title}」を提出しました。")

    def look(self, paper: Paper) -> None:
        """Have a version of the form on the screen."""
        self.state["seen"], self.state["saved"] = paper.version, dict(paper.answers)

    def take_mine(self) -> None:
        """After a collision: what was typed here over what others saved."""
        self.state["conflict"] = False
        self.look(self._fresh())
        self.save()

    def take_theirs(self) -> None:
        """After a collision: what others saved."""
        st.session_state.pop(f"_form {self.place}", None)

    def _fresh(self) -> Paper:
        return _paper(self.visit, self.form)


def draw(visit: Visit, record: StepRecord, identity: str) -> None:
    """Draw a form of a step: to fill in, or, once it is handed in, to read."""
    form = visit.programme.form_by_id[identity]
    paper = record.forms[identity]
    show_panel(screens.form_head_fragment(form, paper), key=f"form-head {identity}")
    if record.wanted is None:
        st.info("先に「状況」で、この支援を希望するかどうかを回答してください。", icon=":material/help:")
    elif paper.state in {"handed_in", "accepted"}:
        show_panel(screens.answers_fragment(form, paper), key=f"answers {identity}")
    else:
        _fill(visit, form)


@st.fragment
def _fill(visit: Visit, form: Form) -> None:
    """The questions. A fragment: an answer draws the form anew, and nothing else of the page."""
    paper = _paper(visit, form)
    if paper.state in {"handed_in", "accepted"}:
        # Handed in a moment ago, here or by somebody else: the page as a whole is another.
        st.rerun(scope="app")
    filling = _Filling(visit, form, paper)
    if not filling.state.get("conflict"):
        filling.look(paper)
    _say_state(filling)
    shown = shown_questions(form, filling.answers)
    for number, question in enumerate(shown, 1):
        with st.container(key=f"question-{question.id}"):
            _question(filling, question, number)
    faults = [question for question in shown if question.id in filling.state["faults"]]
    if faults:
        listed = "、".join(f"{shown.index(question) + 1}" for question in faults)
        st.error(f"直すところが{len(faults)}件あります（質問 {listed}）。", icon=":material/error:")
    missing = sum(1 for each in shown if each.required and not is_given(filling.answers.get(each.id)))
    with st.container(horizontal=True, vertical_alignment="center"):
        # The page as a whole is another once the form is handed in, which the next drawing of this fragment sees.
        st.button(
            "提出する", type="primary", icon=":material/send:", key=f"hand-in {form.id}", on_click=filling.hand_in
        )
        st.button("下書きを保存", icon=":material/save:", key=f"save {form.id}", on_click=filling.save)
        st.caption(f"必須の質問は、あと{missing}件です。" if missing else "必須の質問には、すべて答えています。")
    _say_saved(filling)


def _question(filling: _Filling, question: Question, number: int) -> None:
    need = " :red[（必須）]" if question.required else ""
    text = plain_markdown(question.text)
    if question.type != "long_text":
        st.markdown(f"**{number}. {text}**{need}")
        _aside(filling, question)
    _WIDGETS[question.type](filling, question, f"{number}. {question.text}{'（必須）' if question.required else ''}")
    if question.type == "long_text":
        _aside(filling, question)
    fault = filling.state["faults"].get(question.id)
    if fault is not None:
        st.markdown(f":red[:material/error: **{plain_markdown(fault)}**]")


def _aside(filling: _Filling, question: Question) -> None:
    topics = _topics(filling.visit.shared.knowledge, question)
    lines = [plain_markdown(each) for each in (question.help, f"関係する章：{topics}" if topics else None) if each]
    if lines:
        st.caption("  \n".join(lines))


def _topics(knowledge: KnowledgeBase, question: Question) -> str:
    titles = {f"{section.guideline}:{section.id}": section.title.ja for section in knowledge.sections}
    return "、".join(f"{topic.partition(':')[2]} {titles.get(topic, '')}".strip() for topic in question.informs.topics)


# -- the kinds of questions -------------------------------------------------------------------------------------------


def _present(key: str, value: Any) -> None:
    """Set a widget to what the form holds, unless it says so itself: setting it would undo what is being typed."""
    if st.session_state.get(key, _UNSET) != value:
        st.session_state[key] = value


def _saving(filling: _Filling, question: Question, key: str) -> Callable[[], None]:
    def save() -> None:
        value = st.session_state[key]
        filling.set(question.id, value.isoformat() if isinstance(value, date) else value)

    return save


def _choice(filling: _Filling, question: Question, label: str) -> None:
    values = [option.value for option in question.options]
    key, value = filling.widget(question.id), filling.answers.get(question.id)
    _present(key, value if value in values else None)
    st.radio(
        plain_markdown(label),
        values,
        index=None,
        key=key,
        format_func=lambda each: plain_markdown(question.label(each)),
        horizontal=question.type == "yes_no",
        label_visibility="collapsed",
        on_change=_saving(filling, question, key),
    )


def _choices(filling: _Filling, question: Question, _label: str) -> None:
    given = filling.answers.get(question.id) or []
    for option in question.options:
        key = filling.widget(question.id, option.value)
        _present(key, option.value in given)
        st.checkbox(
            plain_markdown(option.label),
            key=key,
            on_change=partial(_tick, filling, question, option.value, key),
        )


def _tick(filling: _Filling, question: Question, value: str, key: str) -> None:
    given = filling.answers.get(question.id) or []
    filling.set(question.id, with_option(question, given, value, ticked=st.session_state[key]))


def _text(filling: _Filling, question: Question, label: str) -> None:
    key = filling.widget(question.id)
    _present(key, filling.answers.get(question.id) or "")
    st.text_input(
        plain_markdown(label),
        key=key,
        live=True,
        max_chars=400,
        label_visibility="collapsed",
        on_change=_saving(filling, question, key),
    )


def _long_text(filling: _Filling, question: Question, label: str) -> None:
    edit_text(
        label,
        filling.answers.get(question.id) or "",
        filling.widget(question.id),
        key=f"draft {filling.widget(question.id)}",
        version=filling.paper.version,
        on_text=partial(filling.set, question.id),
        limit=_LONGEST,
    )


def _number(filling: _Filling, question: Question, label: str) -> None:
    key, value = filling.widget(question.id), filling.answers.get(question.id)
    _present(key, float(value) if isinstance(value, int | float) else None)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.number_input(
            plain_markdown(label),
            value=None,
            key=key,
            min_value=0.0,
            step=1.0,
            format="%g",
            label_visibility="collapsed",
            width=160,
            on_change=_saving_number(filling, question, key),
        )
        if question.unit:
            st.markdown(plain_markdown(question.unit))


def _saving_number(filling: _Filling, question: Question, key: str) -> Callable[[], None]:
    def save() -> None:
        value = st.session_state[key]
        filling.set(question.id, int(value) if isinstance(value, float) and value.is_integer() else value)

    return save


def _date(filling: _Filling, question: Question, label: str) -> None:
    key, value = filling.widget(question.id), filling.answers.get(question.id)
    _present(key, _day(value))
    st.date_input(
        plain_markdown(label),
        value=None,
        key=key,
        min_value=date(1950, 1, 1),
        label_visibility="collapsed",
        width=200,
        on_change=_saving(filling, question, key),
    )


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


_WIDGETS: Final[Mapping[QuestionType, Callable[[_Filling, Question, str], None]]] = {
    "yes_no": _choice,
    "choice": _choice,
    "choices": _choices,
    "text": _text,
    "long_text": _long_text,
    "number": _number,
    "date": _date,
}


# -- what became of it ------------------------------------------------------------------------------------------------


def _say_state(filling: _Filling) -> None:
    state = filling.state
    if state.get("refused"):
        st.error(
            f"保存できませんでした。入力はこの画面に残っています。{plain_markdown(state['refused'])}",
            icon=":material/error:",
        )
    if not state.get("conflict"):
        return
    st.warning(f"{CONFLICT}入力したものは、この画面に残っています。", icon=":material/group:")
    differing = [
        (question, filling.paper.answers.get(name), value)
        for name, value in state["typed"].items()
        if (question := filling.form.by_id.get(name)) is not None
    ]
    for question, theirs, mine in differing:
        shown = [said(question, each) if is_given(each) else "（回答なし）" for each in (theirs, mine)]
        st.markdown(plain_markdown(f"{question.text}　保存されている回答：{shown[0]}　あなたの入力：{shown[1]}"))
    with st.container(horizontal=True):
        st.button("自分の入力を残して開き直す", key="take-mine", on_click=filling.take_mine)
        st.button("自分の入力を捨てて開き直す", key="take-theirs", on_click=filling.take_theirs)


def _say_saved(filling: _Filling) -> None:
    saved_at: datetime | None = filling.state.get("saved_at")
    if saved_at is not None:
        st.caption(
            f":material/cloud_done: {saved_at:%H:%M:%S} に下書きを保存しました。提出するまで、事務局には見えません。"
        )
    else:
        st.caption("回答は、入れるたびに下書きとして保存されます。提出するまで、事務局には見えません。")


def _paper(visit: Visit, form: Form) -> Paper:
    return visit.read_anew().steps[visit.programme.step_of_form[form.id].id].forms[form.id]


def _same(saved: Any, typed: Any) -> bool:
    return saved == typed or not (is_given(saved) or is_given(typed))
