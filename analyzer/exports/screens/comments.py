"""The fragment that shows the comments on a control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analyzer.exports.japan_time import in_japan
from analyzer.exports.templating import render_html


def comments_fragment(comments: Sequence[Mapping[str, Any]]) -> str:
    """The comments in the order in which they were made; each has `author`, `at` (ISO 8601 in UTC) and `text`."""
    shown = [{**comment, "at": f"{in_japan(comment['at']):%Y-%m-%d %H:%M}"} for comment in comments]
    return render_html("screens/comments.html.j2", comments=shown).decode()
