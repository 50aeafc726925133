"""Everything at once: the control matrix, and for each institution its checklist, gap report, workbook and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from analyzer.engine.analysis import Analyzer
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.files import write_whole
from analyzer.exports.gap_report.report import gap_report_html
from analyzer.exports.matrix.workbook import matrix_workbook
from analyzer.exports.structured import assessment_json, controls_json, to_json_bytes
from analyzer.exports.tabular import (
    assessment_metadata,
    duties_table,
    evidence_table,
    gaps_table,
    results_table,
    suggestions_table,
    to_csv_bytes,
    to_parquet_bytes,
)
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment

FILES_OF_AN_INSTITUTION = 12


def write_bundle(
    knowledge: KnowledgeBase,
    institutions: Sequence[Institution],
    as_of: date,
    folder: Path,
    step: Callable[[str], None] = lambda _name: None,
) -> Iterator[Path]:
    """Write the files and yield each path once it is there. `step` is called with each file's name as it begins."""
    analyzer = Analyzer(knowledge)

    def write(name: str, content: Callable[[], bytes]) -> Path:
        step(name)
        write_whole(folder / name, content())
        return folder / name

    yield write("control-matrix.xlsx", lambda: matrix_workbook(knowledge, analyzer.rulebook))
    yield write("controls.json", lambda: to_json_bytes(controls_json(knowledge)))
    for institution in institutions:
        assessment = analyzer.analyze(institution, as_of)
        for name, content in _files(assessment, knowledge, analyzer):
            yield write(f"{institution.id}-{name}", content)


def _files(
    assessment: Assessment, knowledge: KnowledgeBase, analyzer: Analyzer
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    checklist = build_checklist(assessment, knowledge, analyzer.rulebook)
    yield "checklist.xlsx", lambda: render_checklist(checklist, "xlsx")
    yield "checklist.html", lambda: render_checklist(checklist, "html")
    yield "checklist.pdf", lambda: render_checklist(checklist, "pdf")
    yield "gap-report.html", lambda: gap_report_html(assessment, knowledge, analyzer.rulebook)
    yield "matrix.xlsx", lambda: matrix_workbook(knowledge, analyzer.rulebook, assessment)
    yield "analysis.json", lambda: to_json_bytes(assessment_json(assessment, knowledge=knowledge))
    yield "results.csv", lambda: to_csv_bytes(results_table(assessment))
    yield "duties.csv", lambda: to_csv_bytes(duties_table(assessment))
    yield "gaps.csv", lambda: to_csv_bytes(gaps_table(assessment))
    yield "evidence.csv", lambda: to_csv_bytes(evidence_table(assessment))
    yield "suggestions.csv", lambda: to_csv_bytes(suggestions_table(assessment))
    yield "results.parquet", lambda: to_parquet_bytes(results_table(assessment), assessment_metadata(assessment))
