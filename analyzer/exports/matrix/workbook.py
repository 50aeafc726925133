"""The control matrix as an Excel file: the whole knowledge base, and an institution's state beside it."""

from __future__ import annotations

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.matrix.context import (
    BY_CONTROL,
    BY_REFERENCE,
    CLAUSES,
    COVER,
    GAPS,
    LEFT_OUT,
    LEGEND,
    OWN_EVIDENCE,
    PROFILE,
    REGISTER,
    RESPONSIBILITY,
    RULES,
    SUMMARY,
    Context,
    content_day,
)
from analyzer.exports.matrix.controls import write_guideline
from analyzer.exports.matrix.cover import write_cover, write_responsibility
from analyzer.exports.matrix.findings import write_gaps, write_left_out, write_rules
from analyzer.exports.matrix.legend import write_legend
from analyzer.exports.matrix.links import References
from analyzer.exports.matrix.registers import write_clauses, write_own_evidence, write_profile, write_register
from analyzer.exports.matrix.summary import write_summary
from analyzer.exports.xlsx.book import Book
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment

_COUNTING, _MATRIX, _REGISTERS = "143250", "1F7A4D", "8A6D1B"
_OF_INSTITUTION = (SUMMARY, GAPS, LEFT_OUT, PROFILE)


def matrix_workbook(knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment | None = None) -> bytes:
    """The control matrix (xlsx). The same knowledge base and assessment give the same bytes.

    With an assessment every result, answer and piece of evidence of the institution stands in it too. The assessment
    has to be one of this knowledge base and rulebook.
    """
    context = _context(knowledge, rulebook, assessment)
    references = References(context)
    write_cover(context)
    write_legend(context)
    for guideline in knowledge.encoded_guidelines:
        write_guideline(context, references, guideline)
    write_clauses(context, references)
    write_register(context, references)
    write_responsibility(context)
    references.write()
    if assessment is not None:
        write_summary(context, assessment)
        write_gaps(context, assessment)
        write_left_out(context, assessment)
        write_profile(context, assessment)
        write_own_evidence(context, assessment)
        write_rules(context)
    return context.book.to_bytes()


def _context(knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment | None) -> Context:
    book = Book("医療情報ガイドライン 管理策マトリクス", content_day(knowledge, assessment), rulebook.terms)
    guidelines = {guideline.id: guideline.short_title for guideline in knowledge.encoded_guidelines}
    counting = [COVER, LEGEND, *(_OF_INSTITUTION if assessment else ())]
    registers = [CLAUSES, REGISTER, RESPONSIBILITY, BY_CONTROL, BY_REFERENCE]
    if assessment:
        registers += [OWN_EVIDENCE, RULES]
    sheets = {name: book.sheet(name, _COUNTING) for name in counting}
    sheets |= {identity: book.sheet(title, _MATRIX) for identity, title in guidelines.items()}
    sheets |= {name: book.sheet(name, _REGISTERS) for name in registers}
    return Context(knowledge, rulebook, assessment, book, sheets)
