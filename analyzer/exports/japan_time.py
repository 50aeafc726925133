"""Moments as readers see them: in Japan's time, wherever the app runs. Japan knows no summer time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

JAPAN: Final = timezone(timedelta(hours=9))


def in_japan(at: str) -> datetime:
    """A moment as the store writes it (ISO 8601 in UTC), in Japan's time."""
    return datetime.fromisoformat(at).astimezone(JAPAN)
