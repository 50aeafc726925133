"""What the views of the page of many institutions share: links that keep the view, filters in the sidebar."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from analyzer.browse.filter import SORT, TEXT
from analyzer.portfolio.choosing import Choice, Chosen, Listing, PortfolioBrowser
from analyzer.web import address
from analyzer.web.components.facets import facet_groups, show_facets

SOURCE, VIEW, PAGE, SHOWN, OPENED, BACK, KIND = "source", "view", "page", "shown", "opened", "back", "kind"
FIRST_PAGE: Final = 1


@dataclass(frozen=True, slots=True)
class PortfolioView:
    """A portfolio, the view of it that is drawn, and the parameters that every link of the page keeps."""

    browser: PortfolioBrowser
    name: str
    kept: Mapping[str, Sequence[str]]

    def href(self, to_page: str, wanted: Mapping[str, Sequence[str]]) -> str:
        """An in-app link; one of this page keeps what is looked at, and the view unless it names another."""
        if to_page:
            return address.link(to_page, wanted)
        here = {VIEW: [self.name]} if self.name else {}
        return address.link("", {**self.kept, **here, **wanted})


def wanted_of(listing: Listing[Any]) -> Choice:
    """What the address asks of a list."""
    return Choice.from_query(address.query(), [facet.id for facet in listing.facets])


def here() -> tuple[str | None, str | None, str | None]:
    """What is in view. A widget of a view that was just left may still report its value with the next click, as if it
    had been changed; its callback has to look whether its view is still there.
    """
    return address.first(SOURCE), address.first(VIEW), address.first(OPENED)


def way_back(listing: Listing[Any]) -> str:
    """What the address says of a list, as one value of the address of something that is opened from it."""
    mine = {TEXT, SORT, PAGE, *(facet.id for facet in listing.facets)}
    return address.link(parameters={name: values for name, values in address.query().items() if name in mine})[1:]


def draw_filters(chosen: Chosen[Any], wanted: Choice, open_at_first: Collection[str]) -> None:
    """Draw the filters of a list in the sidebar, and say what of the address was not used."""
    with st.sidebar:
        st.subheader("絞り込み", anchor=False)
        st.button(
            "すべて外す",
            key="_portfolio_clear",
            icon=":material/filter_alt_off:",
            disabled=not wanted.chosen,
            on_click=_clear,
            args=([facet.id for facet in chosen.facets],),
        )
        opened = {*open_at_first, *(facet.id for facet in chosen.facets if any(each.chosen for each in facet.values))}
        show_facets(facet_groups(chosen.facets, opened), "_portfolio_facets", _choose)
    for unknown in chosen.unknown:
        st.warning(
            f"リンクにある条件「{unknown.parameter}={unknown.value}」は、ここにはないため使っていません。",
            icon=":material/link_off:",
        )


def draw_search(wanted: Choice, label: str, placeholder: str) -> None:
    """Draw the text to search for."""
    place = here()
    key = f"_portfolio_text {place}"

    def typed() -> None:
        if here() == place:
            address.change(**{TEXT: st.session_state[key] or None, PAGE: None, SHOWN: None})

    st.session_state[key] = wanted.text
    st.text_input(label, key=key, type="search", live=True, placeholder=placeholder, on_change=typed)


def sort_by(order: str | None) -> None:
    """Take over the order asked for, from the first page on."""
    address.change(**{SORT: order, PAGE: None})


def counted(chosen: Chosen[Any], unit: str) -> str:
    """How many a choice leaves of how many, and by what it narrows."""
    narrowed = [
        f"{facet.label}: {'・'.join(each.value.label for each in facet.values if each.chosen)}"
        for facet in chosen.facets
        if any(each.chosen for each in facet.values)
    ]
    return "　".join([f"**{len(chosen.items):,} {unit}**（全 {chosen.total:,} {unit}）", *narrowed])


def number_of(parameter: str, otherwise: int) -> int:
    """A whole number above 0 that the address says; what is none counts as not said."""
    text = address.first(parameter) or ""
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else otherwise


def _choose(facet: str, value: str, chosen: bool) -> None:
    now = address.query().get(facet, [])
    without = [each for each in now if each != value]
    address.change(**{facet: [*without, value] if chosen else without, PAGE: None, SHOWN: None})


def _clear(facets: Sequence[str]) -> None:
    address.change(**dict.fromkeys((*facets, PAGE, SHOWN)))
