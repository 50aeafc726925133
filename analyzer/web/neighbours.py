"""Going through a list one by one: back to it, to the one before, to the next, and where in it one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from analyzer.web import address

Place = TypeVar("Place")


def show_way_back(
    here: Place,
    neighbours: Sequence[Place],
    noun: str,
    parameters: Callable[[Place | None], Mapping[str, str | None]],
    *,
    beside: Callable[[], None] | None = None,
) -> None:
    """Draw the row of buttons over something opened from a list; it may be opened without being in the list.

    neighbours: the list. noun: what it lists. parameters: of the address that opens a place, for None the list.
    beside: draws what else belongs into the row.
    """
    at = neighbours.index(here) if here in neighbours else None
    before = neighbours[at - 1] if at else None
    after = neighbours[at + 1] if at is not None and at + 1 < len(neighbours) else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("一覧に戻る", icon=":material/arrow_back:", on_click=address.change, kwargs=dict(parameters(None)))
        for label, target in ((f"前の{noun}", before), (f"次の{noun}", after)):
            st.button(label, disabled=target is None, on_click=address.change, kwargs=dict(parameters(target)))
        if beside is not None:
            beside()
        if at is not None:
            st.caption(f"{at + 1} / {len(neighbours)} 件目")
