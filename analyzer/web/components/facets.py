"""Filters as check boxes, each with the count of what it would show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from analyzer.browse.facets import CountedValue
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


class Facet(Protocol):
    """A facet with its counted values, whatever it narrows."""

    @property
    def id(self) -> str:
        """Its parameter in the address."""

    @property
    def label(self) -> str:
        """What people call it."""

    @property
    def values(self) -> Sequence[CountedValue]:
        """Its values in the order to show them."""


_FACETS = st.components.v2.component(
    "sansho-facets", html='<div class="facets"></div>', css=app_css(), js=script("facets.js")
)


def facet_groups(facets: Iterable[Facet], opened: Collection[str]) -> list[Group]:
    """The facets of a list as filters; opened: the ids of those to be drawn unfolded."""
    return [
        Group(
            facet.id,
            facet.label,
            facet.id in opened,
            [Choice(each.value.id, each.value.label, each.count, each.chosen) for each in facet.values],
        )
        for facet in facets
    ]


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
