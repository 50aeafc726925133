"""Showing where a text matched: excerpts around the matches, and segments to highlight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Span = tuple[int, int]

_CUT = "…"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a text, `…` where it was cut; spans are offsets in `text`."""

    text: str
    spans: tuple[Span, ...]


def merge_spans(spans: Iterable[Span], length: int) -> tuple[Span, ...]:
    """The spans in order, inside 0..length, none empty, those that touch or overlap made one."""
    merged: list[Span] = []
    for start, end in sorted((max(0, start), min(end, length)) for start, end in spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def highlight(text: str, spans: Iterable[Span]) -> list[tuple[str, bool]]:
    """The text cut into segments, True for those inside a span. Joined they are the text again; none is empty."""
    segments: list[tuple[str, bool]] = []
    done = 0
    for start, end in merge_spans(spans, len(text)):
        if start > done:
            segments.append((text[done:start], False))
        segments.append((text[start:end], True))
        done = end
    if done < len(text):
        segments.append((text[done:], False))
    return segments


def excerpt(text: str, spans: Iterable[Span], width: int = 80) -> Excerpt:
    """About `width` characters of the text around its first match; the whole text where it is no longer."""
    merged = merge_spans(spans, len(text))
    if len(text) <= width:
        return Excerpt(text, merged)
    first = merged[0] if merged else (0, 0)
    start = max(0, min(first[0] - width // 4, len(text) - width))
    end = max(min(len(text), start + width), first[1])
    head, tail = _CUT if start else "", _CUT if end < len(text) else ""
    inside = merge_spans(((a - start, b - start) for a, b in merged), end - start)
    shifted = tuple((a + len(head), b + len(head)) for a, b in inside)
    return Excerpt(f"{head}{text[start:end]}{tail}", shifted)
