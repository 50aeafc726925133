"""Ticking the options of a question of which several may be chosen."""

from __future__ import annotations

from collections.abc import Collection

from analyzer.programme.model import Question


def with_option(question: Question, chosen: Collection[str], value: str, *, ticked: bool) -> list[str]:
    """The options chosen after one was ticked or unticked, in the question's order.

    An option that stands alone drives out the others, and another one drives it out.
    """
    now = set(chosen) - {value}
    if ticked:
        alone = {option.value for option in question.options if option.alone}
        now = {value} if value in alone else (now - alone) | {value}
    return [option.value for option in question.options if option.value in now]
