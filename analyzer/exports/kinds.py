"""The kinds of files that are made of institutions: what each is called, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.checklist.model import Checklist
from analyzer.exports.gap_list import gap_list_workbook
from analyzer.exports.gap_report.report import gap_report_html
from analyzer.exports.matrix.workbook import matrix_workbook
from analyzer.exports.structured import assessment_json, to_json_bytes
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
from analyzer.model.results import Assessment

MEDIA_TYPES: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "zip": "application/zip",
}
"""Media types by file ending."""


@dataclass(frozen=True)
class Subject:
    """An assessed institution with what its files are made from. Its checklist is worked out once for all formats."""

    assessment: Assessment
    knowledge: KnowledgeBase
    rulebook: Rulebook

    @cached_property
    def checklist(self) -> Checklist:
        """The whole checklist."""
        return build_checklist(self.assessment, self.knowledge, self.rulebook)


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A file of a kind. stem: what its name says, e.g. `checklist`; suffix: its ending, a key of MEDIA_TYPES."""

    stem: str
    suffix: str
    make: Callable[[Subject], bytes]

    def name(self, institution: str, as_of: date | None = None) -> str:
        """The file's name for an institution's id: `minato-checklist-2026-11-01.pdf`; without a day `….pdf`."""
        dated = f"-{as_of.isoformat()}" if as_of else ""
        return f"{institution}-{self.stem}{dated}.{self.suffix}"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What somebody may ask for: its name and what it is good for, and the files it comes as."""

    id: str
    label: str
    help: str
    files: tuple[FileSpec, ...]


def _checklist(output_format: str) -> FileSpec:
    return FileSpec("checklist", output_format, lambda subject: render_checklist(subject.checklist, output_format))


def _gap_list(subject: Subject) -> bytes:
    return gap_list_workbook([subject.assessment], subject.knowledge, subject.rulebook)


MATRIX: Final = FileKind(
    "matrix",
    "管理策マトリクス（Excel）",
    "すべての管理策と、その機関の判定・回答・証跡。",
    (FileSpec("matrix", "xlsx", lambda each: matrix_workbook(each.knowledge, each.rulebook, each.assessment)),),
)
CHECKLIST_XLSX: Final = FileKind(
    "checklist-xlsx", "責任分界チェックリスト（Excel）", "機関が記入して返すための様式。", (_checklist("xlsx"),)
)
CHECKLIST_PDF: Final = FileKind(
    "checklist-pdf",
    "責任分界チェックリスト（PDF）",
    "A4で印刷するためのもの。1機関に数秒かかり、200ページを超える。",
    (_checklist("pdf"),),
)
CHECKLIST_HTML: Final = FileKind(
    "checklist-html", "責任分界チェックリスト（HTML）", "画面で読むための1つのファイル。", (_checklist("html"),)
)
GAP_LIST: Final = FileKind(
    "gap-list",
    "ギャップ一覧（Excel）",
    "足りないものと次に行うことを、優先度の順に並べた表。2機関以上を選ぶと、全機関を1つの表にしたものも付く。",
    (FileSpec("gap-list", "xlsx", _gap_list),),
)
GAP_REPORT: Final = FileKind(
    "gap-report",
    "ギャップ報告書（HTML）",
    "集計と図を付けた報告書。",
    (FileSpec("gap-report", "html", lambda each: gap_report_html(each.assessment, each.knowledge, each.rulebook)),),
)
CSV: Final = FileKind(
    "csv",
    "回答・結果のデータ（CSV）",
    "判定、対応と回答、ギャップ、証跡、参考にできる回答の5つの表。Excelでそのまま開ける。",
    (
        FileSpec("results", "csv", lambda each: to_csv_bytes(results_table(each.assessment))),
        FileSpec("duties", "csv", lambda each: to_csv_bytes(duties_table(each.assessment))),
        FileSpec("gaps", "csv", lambda each: to_csv_bytes(gaps_table(each.assessment))),
        FileSpec("evidence", "csv", lambda each: to_csv_bytes(evidence_table(each.assessment))),
        FileSpec("suggestions", "csv", lambda each: to_csv_bytes(suggestions_table(each.assessment))),
    ),
)
JSON: Final = FileKind(
    "json",
    "判定結果（JSON）",
    "ほかのシステムで読むためのもの。",
    (
        FileSpec(
            "analysis", "json", lambda each: to_json_bytes(assessment_json(each.assessment, knowledge=each.knowledge))
        ),
    ),
)
PARQUET: Final = FileKind(
    "parquet",
    "判定結果（Parquet）",
    "多くの機関をまとめて分析するためのもの。",
    (
        FileSpec(
            "results",
            "parquet",
            lambda each: to_parquet_bytes(results_table(each.assessment), assessment_metadata(each.assessment)),
        ),
    ),
)

FILE_KINDS: Final[dict[str, FileKind]] = {
    kind.id: kind
    for kind in (
        MATRIX,
        CHECKLIST_XLSX,
        CHECKLIST_PDF,
        CHECKLIST_HTML,
        GAP_LIST,
        GAP_REPORT,
        CSV,
        JSON,
        PARQUET,
    )
}
"""Every kind by id, in the order in which they are offered."""


def all_gaps(subjects: Sequence[Subject]) -> bytes:
    """The gaps of several institutions in one workbook."""
    first = subjects[0]
    return gap_list_workbook([subject.assessment for subject in subjects], first.knowledge, first.rulebook)
