"""Texts that people type into a programme: trimmed, of bounded length, without characters that no file could hold."""

from __future__ import annotations

import unicodedata

from analyzer.programme.refusal import PortalError


def one_line(text: str, what: str, longest: int) -> str:
    """A text without line breaks. what: its name in messages, Japanese. Raises PortalError."""
    return _checked(" ".join(text.split()), what, longest)


def paragraph(text: str, what: str, longest: int) -> str:
    """A text that may have several lines. Raises PortalError."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _checked(lines.strip(), what, longest)


def optional_paragraph(text: str | None, what: str, longest: int) -> str | None:
    """A text that may be left out. Raises PortalError."""
    return paragraph(text, what, longest) if text is not None and text.strip() else None


def _checked(text: str, what: str, longest: int) -> str:
    if not text:
        raise PortalError(f"{what}を入力してください。", f"{what}: is empty")
    if len(text) > longest:
        raise PortalError(
            f"{what}は{longest:,}文字以内にしてください。", f"{what}: is longer than {longest:,} characters"
        )
    if any(unicodedata.category(ch) in {"Cc", "Cs", "Cn"} and ch != "\n" for ch in text):
        raise PortalError(f"{what}に使えない文字が含まれています。", f"{what}: holds characters that are not taken")
    return text
