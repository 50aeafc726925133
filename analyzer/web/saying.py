"""What is said once of something just done, for long enough to be read.

A part of the page may report a change of its own right after the click, and the page is drawn once more: what was said
must not go with that.
"""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

_KEPT: Final = "_said"
# Seconds after it was first shown in which another drawing shows it again.
_LONG_ENOUGH: Final = 4.0


def keep(place: str, text: str, *, failed: bool = False) -> None:
    """Have something said when the place is drawn next; it takes the place of what was to be said there before."""
    st.session_state.setdefault(_KEPT, {})[place] = (text, failed, None)


def take(place: str) -> tuple[str, bool] | None:
    """What is to be said at a place now, and whether it failed; None for nothing."""
    kept: dict[str, tuple[str, bool, float | None]] = st.session_state.get(_KEPT, {})
    if place not in kept:
        return None
    text, failed, first = kept[place]
    now = time.monotonic()
    if first is None:
        kept[place] = (text, failed, now)
    elif now - first > _LONG_ENOUGH:
        del kept[place]
        return None
    return text, failed
