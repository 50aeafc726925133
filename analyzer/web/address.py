"""The page's address is where a view's state lives: what is filtered and opened can be sent on as a link.

A page reads its state from the address; a widget's callback writes it there. Nothing is kept beside it but the choice
of institution and day, which goes along from page to page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import streamlit as st

Query = Mapping[str, Iterable[str]]
"""Parameters of an address: name → values."""

CONTEXT = ("institution", "as_of")
"""The parameters that go along from page to page."""

# The browser hears of a new address a moment after it was written. Until it has, the addresses before it are
# "overtaken": a click that carries one was made on a page that has moved on.
_OVERTAKEN, _WRITTEN = "_overtaken_addresses", "_written_address"
_DRAWING, _WROTE = "_drawing", "_wrote_address"
_GOING = "_going_to"
_OPENING = frozenset({"control", "clause", "document", "certification", "own"})


def query() -> dict[str, list[str]]:
    """The parameters of the address in force."""
    said = {name: st.query_params.get_all(name) for name in st.query_params}
    if st.session_state.get(_WROTE):
        return said
    overtaken = st.session_state.get(_OVERTAKEN, frozenset())
    if _text(said) in overtaken and not st.session_state.get(_DRAWING):
        # A click that was on its way before the browser heard of the last change still carries the address before it.
        written: dict[str, list[str]] = st.session_state[_WRITTEN]
        st.query_params.from_dict(written)
        return {name: list(values) for name, values in written.items()}
    # The browser has heard of the last change, or says another address by itself: the Back button, a link.
    st.session_state[_OVERTAKEN] = frozenset()
    return said


def settle() -> None:
    """For the callback of a button that acts on the address without changing it: a last change counts, though the
    browser may not have heard of it.
    """
    query()


@contextmanager
def drawing() -> Iterator[None]:
    """Around the drawing of a page. Outside it a callback runs, for a click that may have overtaken an address; inside
    it the address is what the browser says, the Back button's too.
    """
    st.session_state[_DRAWING] = True
    try:
        yield
    finally:
        st.session_state[_DRAWING] = st.session_state[_WROTE] = False


def first(name: str) -> str | None:
    """A parameter's first value; None where it is absent or empty."""
    values = query().get(name)
    return values[0] if values and values[0] else None


def replace(parameters: Query) -> None:
    """Make these the parameters of the address; names without a value are left out."""
    wanted = {name: given for name, values in parameters.items() if (given := list(values))}
    overtaken = {*st.session_state.get(_OVERTAKEN, ()), _text(query())} - {_text(wanted)}
    st.session_state[_OVERTAKEN], st.session_state[_WRITTEN] = frozenset(overtaken), wanted
    st.session_state[_WROTE] = True
    st.query_params.from_dict(wanted)


def _text(parameters: Query) -> str:
    return urlencode({name: list(values) for name, values in parameters.items()}, doseq=True)


def change(**parameters: str | Iterable[str] | None) -> None:
    """Set some parameters, None removes; the others stay."""
    changed = query()
    for name, value in parameters.items():
        changed[name] = [] if value is None else [value] if isinstance(value, str) else list(value)
    replace(changed)


def link(page: str = "", parameters: Query | None = None) -> str:
    """The href of a view: `matrix?control=mhlw-5%3A6.5-07`; without a page one of the page in force."""
    return f"{page}?{_text(parameters or {})}"


def follow(href: str) -> None:
    """Go where an in-app link leads; institution and day go along unless the link says others.

    For callbacks: the page is changed when the run begins (see `going_to`).
    """
    parts = urlsplit(href)
    parameters = parse_qs(parts.query, keep_blank_values=False)
    page = parts.path.strip("/")
    here = query()
    kept = {name: values for name, values in here.items() if name in CONTEXT}
    if page:
        st.session_state[_GOING] = (page, {**kept, **parameters})
    elif _OPENING.issuperset(parameters):
        # What is opened from within a view keeps the view behind it, so that the way back leads there.
        replace({**{name: values for name, values in here.items() if name not in _OPENING}, **parameters})
    else:
        replace({**kept, **parameters})


def going_to() -> tuple[str, dict[str, list[str]]] | None:
    """The page and parameters that a followed link asks for, once."""
    going: tuple[str, dict[str, list[str]]] | None = st.session_state.pop(_GOING, None)
    return going
