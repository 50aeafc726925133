"""The page's address is where a view's state lives: what is filtered and opened can be sent on as a link.

A page reads its state from the address; a widget's callback writes it there. Nothing is kept beside it but the choice
of institution and day, which goes along from page to page.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import streamlit as st

Query = Mapping[str, Iterable[str]]
"""Parameters of an address: name → values."""

CONTEXT = ("institution", "as_of")
"""The parameters that go along from page to page."""

# The browser hears of a new address a moment after it was written; a click within it still carries the old one.
_IN_TRANSIT = 0.8
_OVERTAKEN, _WRITTEN = "_overtaken_addresses", "_written_address"
_DRAWING = "_drawing"
_GOING = "_going_to"
_OPENING = frozenset({"control", "clause", "document", "certification", "own"})


def query() -> dict[str, list[str]]:
    """The parameters of the address in force."""
    said = {name: st.query_params.get_all(name) for name in st.query_params}
    written = None if st.session_state.get(_DRAWING) else _not_yet_arrived(said)
    if written is not None:
        st.query_params.from_dict(written)
        return {name: list(values) for name, values in written.items()}
    return said


@contextmanager
def drawing() -> Iterator[None]:
    """Around the drawing of a page. Outside it a callback runs, for a click that may have overtaken an address; inside
    it the address is what the browser says, the Back button's too.
    """
    st.session_state[_DRAWING] = True
    try:
        yield
    finally:
        st.session_state[_DRAWING] = False


def first(name: str) -> str | None:
    """A parameter's first value; None where it is absent or empty."""
    values = query().get(name)
    return values[0] if values and values[0] else None


def replace(parameters: Query) -> None:
    """Make these the parameters of the address; names without a value are left out."""
    wanted = {name: given for name, values in parameters.items() if (given := list(values))}
    _remember_overtaken(query(), wanted)
    st.query_params.from_dict(wanted)


def _remember_overtaken(old: dict[str, list[str]], new: dict[str, list[str]]) -> None:
    overtaken = {text: at for text, at in st.session_state.get(_OVERTAKEN, {}).items() if _is_recent(at)}
    overtaken[urlencode(old, doseq=True)] = time.monotonic()
    overtaken.pop(urlencode(new, doseq=True), None)
    st.session_state[_OVERTAKEN], st.session_state[_WRITTEN] = overtaken, new


def _not_yet_arrived(said: dict[str, list[str]]) -> dict[str, list[str]] | None:
    """What was written last, where the browser still says what was in force just before: a click overtook it."""
    at = st.session_state.get(_OVERTAKEN, {}).get(urlencode(said, doseq=True))
    written: dict[str, list[str]] | None = st.session_state.get(_WRITTEN)
    return written if at is not None and _is_recent(at) else None


def _is_recent(at: float) -> bool:
    return time.monotonic() - at < _IN_TRANSIT


def change(**parameters: str | Iterable[str] | None) -> None:
    """Set some parameters, None removes; the others stay."""
    changed = query()
    for name, value in parameters.items():
        changed[name] = [] if value is None else [value] if isinstance(value, str) else list(value)
    replace(changed)


def link(page: str = "", parameters: Query | None = None) -> str:
    """The href of a view: `matrix?control=mhlw-5%3A6.5-07`; without a page one of the page in force."""
    encoded = urlencode({name: list(values) for name, values in (parameters or {}).items()}, doseq=True)
    return f"{page}?{encoded}"


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
