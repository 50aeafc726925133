"""What a search found, as data and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text as Line

from analyzer.exports.terminal import console_text, text_console
from analyzer.search.index import Hit


def hits_json(query: str, hits: Sequence[Hit]) -> dict[str, Any]:
    """The hits, best first: control, title, score (0 to 100), and where it was found with character offsets."""
    return {
        "query": query,
        "hits": [
            {
                "control": hit.control.key,
                "title": hit.control.title.ja,
                "score": round(hit.score, 1),
                "matches": [
                    {
                        "field": match.field,
                        "source": match.source,
                        "text": match.text,
                        "spans": [list(span) for span in match.spans],
                    }
                    for match in hit.matches
                ],
            }
            for hit in hits
        ],
    }


def hits_text(hits: Sequence[Hit]) -> str:
    """One line a hit, best first, with what was found first in it."""
    if not hits:
        return "見つかりませんでした。\n"
    console = text_console()
    table = Table(box=None, show_header=False, pad_edge=False)
    for hit in hits:
        excerpt = hit.matches[0].excerpt(60).text if hit.matches else ""
        table.add_row(f"{hit.score:5.1f}", hit.control.key, Line(hit.control.title.ja), Line(excerpt))
    console.print(table)
    return console_text(console)
