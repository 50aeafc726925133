"""Reading an .xlsx that anybody may have made: its cells as they are, within limits, and nothing that runs."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal
from xml.etree.ElementTree import iterparse

from openpyxl import load_workbook
from openpyxl.cell.text import Text
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import WorkSheetParser
from openpyxl.xml.constants import SHEET_MAIN_NS

from analyzer.errors import SanshoError
from analyzer.exports.checklist.baseline import unescaped

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_UNPACKED: Final = 96 * 1024 * 1024
MAX_PARTS: Final = 2000
MAX_CELLS: Final = 400_000
MAX_MERGES: Final = 5_000
# Cells of a large sheet shrink to a thirtieth; what shrinks more than this was made to be large.
MAX_RATIO: Final = 120
_RATIO_FROM: Final = 4 * 1024 * 1024
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CELL = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?c[\s/>]")
_MERGE = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?mergeCell\s")
_ENCODING = re.compile(rb"""\A\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
_STRING_TABLE: Final = "xl/sharedStrings.xml"

Kind = Literal["text", "number", "date", "bool", "formula", "error"]
Raw = str | int | float | bool | date | datetime | time | timedelta


class IntakeError(SanshoError):
    """A file that cannot be taken in at all. ja: the reason for people; the message says it in English."""

    def __init__(self, name: str, english: str, ja: str) -> None:
        self.ja = ja
        super().__init__(f"{name}: {english}")


@dataclass(frozen=True, slots=True)
class RawCell:
    """A cell that holds something. value: for a formula its text, never the result that a program once kept."""

    value: Raw
    kind: Kind


@dataclass(frozen=True, slots=True)
class RawSheet:
    """A sheet. rows: row number → column number → cell, both from 1. epoch: the day that a serial number counts from.

    merged: ranges as (first column, first row, last column, last row).
    """

    name: str
    rows: dict[int, dict[int, RawCell]]
    merged: tuple[tuple[int, int, int, int], ...]
    epoch: datetime

    def cell(self, row: int, column: int) -> RawCell | None:
        """The cell, None where it is empty."""
        return self.rows.get(row, {}).get(column)

    def in_merge(self, row: int, column: int) -> bool:
        """Whether the cell is joined with others."""
        return any(left <= column <= right and top <= row <= bottom for left, top, right, bottom in self.merged)


def coordinate(row: int, column: int) -> str:
    """A cell's name, `B7`."""
    return f"{get_column_letter(column)}{row}"


def read_workbook(content: bytes, name: str) -> tuple[RawSheet, ...]:
    """The sheets of an .xlsx file. Raises IntakeError where it is no such file, damaged, encrypted or too large."""
    _require_workbook(content, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(_sheets(content, name))
    except IntakeError:
        raise
    except Exception as error:
        # Whatever a damaged or invented part makes the reader stumble over, the answer to its sender is the same.
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise _damaged(name, reason) from error


def _require_workbook(content: bytes, name: str) -> None:
    if len(content) > MAX_BYTES:
        raise IntakeError(
            name,
            f"is {len(content):,} bytes long; at most {MAX_BYTES:,} are read",
            f"ファイルが大きすぎる（{len(content) / 1e6:.1f} MB）。{MAX_BYTES // 1_000_000} MBまで読む。",
        )
    if not content:
        raise IntakeError(name, "is empty", "ファイルが空である。")
    if content.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise IntakeError(
                name,
                "is protected by a password; save it without one",
                "パスワードで保護されている。パスワードを外して保存し直す。",
            )
        raise IntakeError(
            name, "is an old .xls workbook; save it as .xlsx", "古い形式（.xls）である。.xlsx として保存し直す。"
        )
    if not content.startswith(b"PK"):
        raise IntakeError(
            name,
            "is not an .xlsx workbook; a CSV or other text cannot be taken in",
            "Excelのブック（.xlsx）ではない。CSVなどの形式では、どの項目の回答かを確かめられないため取り込めない。",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _require_safe_parts(archive, name)
    except IntakeError:
        raise
    except Exception as error:
        raise _damaged(name, " ".join(str(error).split())[:120]) from error


def _require_safe_parts(archive: zipfile.ZipFile, name: str) -> None:
    parts = archive.infolist()
    names = [part.filename for part in parts]
    if any(part.flag_bits & 0x1 for part in parts):
        raise IntakeError(name, "is encrypted", "暗号化されている。暗号化を外して保存し直す。")
    if "mimetype" in names and "content.xml" in names:
        raise IntakeError(
            name, "is an OpenDocument spreadsheet; save it as .xlsx", "ODS形式である。.xlsx として保存し直す。"
        )
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise IntakeError(name, "is a zip, but not an .xlsx workbook", "zipであるが、Excelのブック（.xlsx）ではない。")
    if len(parts) > MAX_PARTS or len(set(names)) != len(names):
        raise _bomb(name, "too many parts, or two of one name")
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if unpacked > MAX_UNPACKED or (unpacked > _RATIO_FROM and unpacked > MAX_RATIO * max(packed, 1)):
        raise _bomb(name, f"unpacks to {unpacked:,} bytes")
    cells = merges = 0
    for part in parts:
        if not part.filename.endswith((".xml", ".rels", ".vml")):
            continue
        data = archive.read(part)
        _require_plain_xml(data, name)
        if part.filename.startswith("xl/worksheets/"):
            cells += len(_CELL.findall(data))
            merges += len(_MERGE.findall(data))
    if cells > MAX_CELLS or merges > MAX_MERGES:
        raise _bomb(name, f"has {cells:,} cells and {merges:,} merged ranges")


def _require_plain_xml(data: bytes, name: str) -> None:
    """Refuse what could declare entities: a document type, or an encoding in which one could hide."""
    encoding = _ENCODING.match(data[:400].removeprefix(b"\xef\xbb\xbf"))
    named = encoding.group(1).decode("ascii", "replace").lower() if encoding else "utf-8"
    if named not in {"utf-8", "utf8", "us-ascii", "ascii"} or data.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00")):
        raise IntakeError(name, f"has a part encoded in {named[:20]!r}", "UTF-8でない部分があるため読まない。")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise IntakeError(name, "has a part with a document type", "文書型の宣言（DOCTYPE）を含むため読まない。")


def _bomb(name: str, english: str) -> IntakeError:
    return IntakeError(
        name,
        f"{english}: more than a checklist can have",
        "中身がチェックリストとしては大きすぎる。使っていない行・列・シートを消して保存し直す。",
    )


def _damaged(name: str, reason: str) -> IntakeError:
    return IntakeError(
        name,
        f"is damaged, or not as a spreadsheet program writes it: {reason}",
        "壊れているか、表計算ソフトが書いた形になっていないため読めない。開いて保存し直す。",
    )


def _sheets(content: bytes, name: str) -> Iterator[RawSheet]:
    # Only the outlines of the workbook: sheets are read cell by cell below. A writable workbook would make a cell for
    # every place that a merged range or a link covers, however many its author says there are.
    book: Any = load_workbook(io.BytesIO(content), read_only=True, keep_links=False, data_only=False)
    try:
        strings = _strings(book._archive)
        for sheet in book.worksheets:
            if isinstance(sheet, ReadOnlyWorksheet):
                yield _sheet(sheet, book, strings, name)
    finally:
        book.close()


def _strings(archive: zipfile.ZipFile) -> list[str]:
    """The shared texts. openpyxl's own reader drops `x005F_` wherever it stands, in a text that means it too."""
    if _STRING_TABLE not in archive.namelist():
        return []
    found = []
    with archive.open(_STRING_TABLE) as stream:
        for _, read in iterparse(stream):  # noqa: S314  (document types have been refused)
            node: Any = read
            if node.tag == f"{{{SHEET_MAIN_NS}}}si":
                text: Any = Text.from_tree(node)
                found.append(text.content)
                node.clear()
    return found


def _sheet(sheet: Any, book: Any, strings: list[str], name: str) -> RawSheet:
    rows: dict[int, dict[int, RawCell]] = {}
    with sheet._get_source() as source:
        parser: Any = WorkSheetParser(
            source,
            strings,
            data_only=False,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for _, row in parser.parse():
            for each in row:
                if int(each["style_id"] or 0) >= len(book._cell_styles):
                    # Without its style nobody knows whether a number is a day.
                    raise _damaged(name, f"the style of cell {coordinate(each['row'], each['column'])} is missing")
                cell = _cell(each)
                if cell is None:
                    continue
                place = rows.setdefault(each["row"], {})
                if each["column"] in place:
                    raise _damaged(name, f"cell {coordinate(each['row'], each['column'])} is given twice")
                place[each["column"]] = cell
    merged = tuple(_boundaries(each.ref) for each in (parser.merged_cells.mergeCell if parser.merged_cells else ()))
    return RawSheet(str(sheet.title), dict(sorted(rows.items())), merged, book.epoch)


def _boundaries(reference: str) -> tuple[int, int, int, int]:
    left, top, right, bottom = range_boundaries(reference)
    return left or 1, top or 1, right or 16_384, bottom or 1_048_576


_KINDS: Final[dict[str, Kind]] = {
    "s": "text",
    "n": "number",
    "d": "date",
    "b": "bool",
    "f": "formula",
    "e": "error",
}


def _cell(read: dict[str, Any]) -> RawCell | None:
    value, kind = read["value"], _KINDS.get(read["data_type"], "text")
    if kind == "formula":
        return RawCell(str(getattr(value, "text", None) or value), kind)
    if value is None or value == "":
        return None
    if kind == "text":
        return RawCell(unescaped(str(value)), kind)
    return RawCell(value, kind)
