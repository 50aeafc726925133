"""Filters as check boxes, each with the count of what it would show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from analyzer.web.components.styles import app_css, script


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that can be chosen, how many rows it would show, and whether it is."""

    id: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Choices under one heading. open: drawn unfolded."""

    id: str
    label: str
    open: bool
    choices: Sequence[Choice]


_FACETS = st.components.v2.component(
    "sansho-facets", html='<div class="facets"></div>', css=app_css(), js=script("facets.js")
)


def show_facets(groups: Sequence[Group], key: str, on_choose: Callable[[str, str, bool], None]) -> None:
    """Show the filters; `on_choose(group, value, chosen)` is called when one is ticked or unticked."""

    def chosen() -> None:
        event = st.session_state[key].get("choose")
        if event:
            on_choose(event["group"], event["value"], bool(event["chosen"]))

    data = {
        "groups": [
            {
                "id": group.id,
                "label": group.label,
                "open": group.open,
                "choices": [
                    {"id": each.id, "label": each.label, "count": each.count, "chosen": each.chosen}
                    for each in group.choices
                ],
            }
            for group in groups
        ]
    }
    _FACETS(key=key, data=data, on_choose_change=chosen)
