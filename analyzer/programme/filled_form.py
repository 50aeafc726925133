"""What was filled into a form: which questions are shown, and what is wrong with an answer. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any, Final

from analyzer.programme.model import Form, Question

Answers = Mapping[str, Any]
"""By question id: a text, an option's value, a list of them, a number, or a day as `2026-09-01`."""
_LONGEST: Final = {"text": 400, "long_text": 8_000}
_LARGEST: Final = 1_000_000_000


def shown_questions(form: Form, answers: Answers) -> tuple[Question, ...]:
    """The questions that these answers leave to be asked, in order."""
    shown: dict[str, Question] = {}
    for question in form.questions:
        condition = question.shown_if
        if condition is None or (
            condition.question in shown and chosen(shown[condition.question], answers) & set(condition.values)
        ):
            shown[question.id] = question
    return tuple(shown.values())


def chosen(question: Question, answers: Answers) -> set[str]:
    """The options that were chosen; none of a question without options."""
    if not question.options:
        return set()
    value = answers.get(question.id)
    several = value if isinstance(value, list | tuple) else (value,)
    return {each for each in several if isinstance(each, str)}


def is_given(value: Any) -> bool:
    """Whether there is an answer at all."""
    return value is not None and value not in ("", [], ())


def kept_answers(form: Form, answers: Answers) -> dict[str, Any]:
    """The answers to questions that are shown and answered, in the form's order: what a hand-in keeps."""
    return {
        question.id: _normal(answers[question.id])
        for question in shown_questions(form, answers)
        if is_given(answers.get(question.id))
    }


def form_faults(form: Form, answers: Answers, *, whole: bool) -> dict[str, str]:
    """What is wrong, by question (Japanese). whole: whether every required question has to be answered, as at hand-in.

    A question that the form does not have is told under its own name.
    """
    faults = {name: "この様式にない質問です。" for name in answers if name not in form.by_id}
    for question in shown_questions(form, answers):
        value = answers.get(question.id)
        if not is_given(value):
            if whole and question.required:
                faults[question.id] = "回答してください。"
            continue
        fault = next(iter(_faults(question, value)), None)
        if fault is not None:
            faults[question.id] = fault
    return faults


def _faults(question: Question, value: Any) -> Iterator[str]:
    if question.type in {"yes_no", "choice"}:
        if not isinstance(value, str) or value not in _values(question):
            yield "選択肢から選んでください。"
    elif question.type == "choices":
        yield from _choices_faults(question, value)
    elif question.type == "number":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            yield "数で答えてください。"
        elif not 0 <= value <= _LARGEST:
            yield f"0から{_LARGEST:,}までの数で答えてください。"
    elif question.type == "date":
        if not isinstance(value, str) or _day(value) is None:
            yield "日付で答えてください。"
    elif not isinstance(value, str):
        yield "文字で答えてください。"
    elif len(value) > _LONGEST[question.type]:
        yield f"{_LONGEST[question.type]:,}文字以内にしてください。"
    elif any(ord(ch) < 32 and ch not in "\n\t" for ch in value) or _lone(value):
        yield "使えない文字が含まれています。"


def _choices_faults(question: Question, value: Any) -> Iterator[str]:
    values = _values(question)
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) and each in values for each in value):
        yield "選択肢から選んでください。"
        return
    if len(set(value)) < len(value):
        yield "同じ選択肢が2度選ばれています。"
    alone = [option.label for option in question.options if option.alone and option.value in value]
    if alone and len(value) > 1:
        yield f"「{alone[0]}」は、ほかの選択肢と一緒には選べません。"


def _values(question: Question) -> Collection[str]:
    return {option.value for option in question.options}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _lone(text: str) -> bool:
    """Whether a text holds half a character, which no file could hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _normal(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
