"""Everything at once: the control matrix, and for each institution its checklist, gap report, workbook and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from analyzer.engine.analysis import Analyzer
from analyzer.exports import kinds
from analyzer.exports.files import write_whole
from analyzer.exports.kinds import Subject
from analyzer.exports.matrix.workbook import matrix_workbook
from analyzer.exports.structured import controls_json, to_json_bytes
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.institution import Institution

_KINDS = (
    kinds.CHECKLIST_XLSX,
    kinds.CHECKLIST_HTML,
    kinds.CHECKLIST_PDF,
    kinds.GAP_REPORT,
    kinds.MATRIX,
    kinds.JSON,
    kinds.CSV,
    kinds.PARQUET,
)
FILES_OF_AN_INSTITUTION: Final = sum(len(kind.files) for kind in _KINDS)


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
        subject = Subject(analyzer.analyze(institution, as_of), knowledge, analyzer.rulebook)
        for file in (file for kind in _KINDS for file in kind.files):
            yield write(file.name(institution.id), partial(file.make, subject))
