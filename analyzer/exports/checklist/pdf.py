"""The responsibility checklist as a PDF on A4, set by Typst with its Japanese font embedded."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import typst

from analyzer.errors import SanshoError
from analyzer.exports.checklist.model import Checklist
from analyzer.exports.checklist.print_data import printable_data
from analyzer.exports.checklist.print_font import FONT_FAMILY, print_font_folder
from analyzer.exports.wording import CARRIED_OVER
from analyzer.resources import templates_dir


def checklist_pdf(checklist: Checklist) -> bytes:
    """The checklist as PDF/A-2a and PDF/UA-1. The same checklist gives the same bytes.

    Raises SanshoError where the font is missing or Typst refuses the document.
    """
    day = checklist.head.as_of
    try:
        content = typst.compile(
            templates_dir() / "templates" / "checklist.typ",
            font_paths=[print_font_folder()],
            ignore_system_fonts=True,
            sys_inputs={"checklist": json.dumps(_data(checklist), ensure_ascii=False)},
            timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
            pdf_standards=["a-2a", "ua-1"],
        )
    except typst.TypstError as error:
        raise SanshoError(f"the PDF cannot be made: {error}") from None
    return bytes(content)


def _data(checklist: Checklist) -> dict[str, object]:
    """What the template reads: texts as strings of printable characters, dates as ISO, counts as numbers."""
    head, terms = checklist.head, checklist.terms
    data = {
        "head": head,
        "title": f"{checklist.title} {head.name} {head.as_of}",
        "name": checklist.title,
        "part": checklist.part.notice if checklist.part else None,
        "total_name": checklist.total_name,
        "font": FONT_FAMILY,
        "words": {
            "carried_over": CARRIED_OVER,
            "nda": terms["disclosure"]["nda"].ja,
            "vendor": terms["party"]["vendor"].ja,
            "integrator": terms["party"]["integrator"].ja,
            "user": terms["party"]["user"].ja,
            "implemented": terms["status"]["implemented"].ja,
            "not_applicable": terms["status"]["not_applicable"].ja,
            "unanswered": terms["status"]["unanswered"].ja,
        },
        "statuses": [status.ja for status in checklist.choices.statuses],
        "conformity": checklist.conformity_labels,
        "responsibility": [label.ja for label in checklist.responsibility_labels.values()],
        "total": checklist.total,
        "counts": checklist.counts,
        "lapsing": checklist.lapsing,
        "facts": checklist.facts,
        "open_facts": checklist.open_facts,
        "carried_over": checklist.carried_over,
        "left_out": checklist.left_out,
        "sections": checklist.sections,
        "requests": checklist.requests,
        "uncounted": checklist.uncounted,
        "evidence": checklist.evidence,
    }
    return {name: printable_data(value) for name, value in data.items()}
