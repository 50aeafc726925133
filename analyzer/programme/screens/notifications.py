"""The fragments of the page of notifications."""

from __future__ import annotations

from analyzer.programme.notifications import Notification
from analyzer.programme.screens.words import render


def notification_fragment(one: Notification, place: str) -> str:
    """A notification. place: programme and institution that it is about."""
    return render("notifications", one=one, place=place)
