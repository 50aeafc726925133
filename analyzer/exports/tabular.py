"""Long tables for spreadsheets and data tools. pandas and pyarrow are imported only where a table is asked for."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from analyzer.exports.rows import (
    CONTROLS,
    DUTIES,
    EVIDENCE,
    GAPS,
    RESULTS,
    SUGGESTIONS,
    Columns,
    Kind,
    Row,
    control_rows,
    duty_rows,
    evidence_rows,
    gap_rows,
    result_rows,
    suggestion_rows,
)
from analyzer.exports.visible import visible
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment

if TYPE_CHECKING:
    import pandas as pd

CELL_LIMIT: Final = 32_767
_ROOM_FOR_NOTE: Final = 32
_FORMULA_STARTS = frozenset("=+-@\t\r＝＋－＠")  # spreadsheets in Japan take the full-width signs as well
_DTYPES: Final[dict[Kind, str]] = {"text": "string", "count": "Int64", "flag": "boolean", "day": "date32[pyarrow]"}


def controls_table(knowledge: KnowledgeBase) -> pd.DataFrame:
    """One row a control and vendor that answers it; a control that nobody answers has one row without a vendor.

    Lists stand one entry a line. `related` are `control relation` pairs: what the other control is to this one.
    """
    return _frame(CONTROLS, control_rows(knowledge))


def results_table(assessment: Assessment) -> pd.DataFrame:
    """One row a control (and service, where there are several), with both parties' answers beside the result."""
    return _frame(RESULTS, result_rows(assessment))


def duties_table(assessment: Assessment) -> pd.DataFrame:
    """One row a control, service and party that holds a duty, then the answers that no result counts, and why."""
    return _frame(DUTIES, duty_rows(assessment))


def gaps_table(assessment: Assessment) -> pd.DataFrame:
    """One row a gap. `days_overdue` is empty where no day has passed."""
    return _frame(GAPS, gap_rows(assessment))


def suggestions_table(assessment: Assessment) -> pd.DataFrame:
    """One row a suggestion: what was said of `source`, offered for `control`; it counts in no result."""
    return _frame(SUGGESTIONS, suggestion_rows(assessment))


def evidence_table(assessment: Assessment) -> pd.DataFrame:
    """One row a piece of evidence; `answers` are the `control (party)` that rest on it."""
    return _frame(EVIDENCE, evidence_rows(assessment))


def assessment_metadata(assessment: Assessment) -> dict[str, str]:
    """What a Parquet file of an assessment says of itself."""
    return {
        "sansho.knowledge_version": assessment.knowledge_version,
        "sansho.as_of": assessment.as_of.isoformat(),
        "sansho.institution": assessment.institution.id,
    }


def controls_metadata(knowledge: KnowledgeBase) -> dict[str, str]:
    """What a Parquet file of the controls says of itself."""
    return {"sansho.knowledge_version": knowledge.version}


def to_csv_bytes(frame: pd.DataFrame) -> bytes:
    """UTF-8 with BOM and CRLF, as Excel in Japan expects; a cell's own line ends stay LF.

    A text that a spreadsheet would run (its first character, white space aside, is `= + - @`, their full-width forms,
    or it begins with tab or CR) gets an apostrophe in front. Control characters are shown, texts above Excel's 32,767
    characters are cut with a note of how many are left out: JSON and Parquet hold them whole. Missing cells are empty.
    """
    safe = frame.copy()
    for name in safe.columns:
        if safe[name].dtype == "string":
            safe[name] = safe[name].map(_cell, na_action="ignore")
    text = io.StringIO(newline="")
    safe.to_csv(text, index=False, lineterminator="\r\n")
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8")


def to_parquet_bytes(frame: pd.DataFrame, metadata: Mapping[str, str]) -> bytes:
    """Parquet with `metadata` in the file's key-value metadata; texts whole, the same input gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    # The pandas entry names library versions; without it the bytes depend on the data alone.
    table = table.replace_schema_metadata({key: metadata[key] for key in sorted(metadata)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _frame(columns: Columns, rows: Iterable[Row]) -> pd.DataFrame:
    import pandas as pd

    found = list(rows)
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in found], dtype=_DTYPES[kind]) for name, kind in columns.items()}
    )


def _cell(text: str) -> str:
    shown = _fitted(visible(text))
    runs = text[:1] in _FORMULA_STARTS or text.lstrip()[:1] in _FORMULA_STARTS
    return f"'{shown}" if runs else shown


def _fitted(text: str) -> str:
    """At most what a cell of Excel holds, an apostrophe included; Excel counts UTF-16 units."""
    units = text.encode("utf-16-le")
    if len(units) < 2 * CELL_LIMIT:
        return text
    kept = units[: 2 * (CELL_LIMIT - _ROOM_FOR_NOTE)].decode("utf-16-le", errors="ignore")
    return f"{kept}…（以下{len(text) - len(kept)}文字省略）"
