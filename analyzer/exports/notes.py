"""The notes on the source: where a published row looks wrong or lost text, and what was encoded."""

from __future__ import annotations

from analyzer.knowledge.base import KnowledgeBase

_HEAD = """\
# Notes on the source

What is odd in the published rows, row by row, and how it was read. Written by `sansho export notes`; the notes
themselves stand in `controls/`. A row that is not listed has no note.
"""


def notes_markdown(knowledge: KnowledgeBase) -> str:
    """A Markdown document: a table for each section that has notes, then the clauses' notes."""
    parts = [_HEAD]
    for section in knowledge.sections:
        noted = [(control.id, control.note) for control in knowledge.in_section(section) if control.note]
        if noted:
            parts.append(_table(f"{section.guideline} {section.id} {section.title.ja}", noted))
    clauses = [(clause.id, clause.note) for clause in knowledge.clauses.values() if clause.note]
    if clauses:
        parts.append(_table("MIC", clauses))
    return "\n".join(parts)


def _table(heading: str, notes: list[tuple[str, str]]) -> str:
    rows = "".join(f"| {identity} | {_cell(note)} |\n" for identity, note in notes)
    return f"## {heading}\n\n| row | note |\n|---|---|\n{rows}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
