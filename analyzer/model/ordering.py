"""The order of ids as people number things."""

from __future__ import annotations


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """Sorts `6.10` after `6.9` and `Ⅱ` before `Ⅲ`."""
    digits, parts = "", []
    for ch in f"{text}\0":
        if ch.isascii() and ch.isdigit():
            digits += ch
            continue
        if digits:
            parts.append((int(digits), ""))
            digits = ""
        parts.append((-1, ch))
    return tuple(parts)
