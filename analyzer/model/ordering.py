"""The order of ids as people number things."""

from __future__ import annotations

import re

_PARTS = re.compile(r"([0-9]+)")


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts `6.10` after `6.9`, `2.10` before `Ⅱ.1` and `Ⅱ` before `Ⅲ`."""
    parts = _PARTS.split(text)
    return tuple((0, int(part), "") if index % 2 else (1, 0, part) for index, part in enumerate(parts) if part)
