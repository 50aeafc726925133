"""The responsibility checklist as one HTML file: to read on a screen, to print on A4."""

from __future__ import annotations

from analyzer.exports.checklist.model import Checklist
from analyzer.exports.templating import render_html
from analyzer.exports.wording import CARRIED_OVER


def checklist_html(checklist: Checklist) -> bytes:
    """The checklist as a self-contained page, UTF-8. It loads nothing and runs nothing."""
    return render_html(
        "checklist.html",
        checklist=checklist,
        carried_over_text=CARRIED_OVER,
        status_terms=checklist.terms["status"],
        party_terms=checklist.terms["party"],
        disclosure_terms=checklist.terms["disclosure"],
        conformity_terms=checklist.terms["conformity"],
    )
