"""The fragments of the frequent questions."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.programme.faq import FaqHit, faq_categories
from analyzer.programme.model import Faq
from analyzer.programme.screens.words import render


def faq_fragment(entries: Sequence[Faq]) -> str:
    """All entries by category, each to be opened."""
    groups = [
        (category, [each for each in entries if each.category == category]) for category in faq_categories(entries)
    ]
    return render("faq", groups=groups)


def hits_fragment(hits: Sequence[FaqHit], *, offered: bool) -> str:
    """What a search found. offered: while a message is typed, where the reader did not ask for it."""
    return render("faq_hits", hits=hits, offered=offered)
