"""Writing a workbook's sheets: the rows as text at once, all else as openpyxl does, byte for byte what it would write.

openpyxl builds an XML element for every cell, which takes most of the time of a workbook of plain cells.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final, cast
from zipfile import ZipFile

from openpyxl import LXML, Workbook
from openpyxl.cell.cell import Cell
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.dimensions import SheetDimension
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter
from openpyxl.xml.functions import Element

from analyzer.exports.xlsx.laid import NOTHING, LaidRows, day_cell, number_cell, text_cell

_Rows = dict[int, list[Cell]]
_NO_ROWS: Final = b"<sheetData/>" if LXML else b"<sheetData></sheetData>"
_LINKS_END: Final = b"</hyperlinks>"
_GAP: Final = b" "
_PLAIN: Final = frozenset("snd")


class FastWriter(ExcelWriter):
    """Writes a workbook whose cells hold texts, numbers and days; sheets with anything else as openpyxl writes them."""

    def __init__(self, workbook: Workbook, archive: ZipFile, laid: Mapping[Worksheet, LaidRows]) -> None:
        """laid: by sheet the rows that are text already; no cell of theirs may stand in the sheet."""
        super().__init__(workbook, archive)
        self._laid = laid

    def write_worksheet(self, ws: Worksheet) -> None:
        """Add a sheet to the archive. Raises ValueError where a row is laid and has cells, too."""
        raw: Any = ws
        laid = self._laid.get(ws)
        rows = _plain_rows(ws)
        if rows is None and laid is None:
            super().write_worksheet(ws)
            return
        laid = laid or LaidRows()
        if rows is None or not laid.rows.keys().isdisjoint(rows):
            raise ValueError(f"sheet {raw.title}: a final row was changed")
        raw._drawing = SpreadsheetDrawing()
        raw._drawing.charts, raw._drawing.images = raw._charts, raw._images
        stream = io.BytesIO()
        writer = _FrameWriter(ws, stream)
        writer.cells, writer.laid = rows, laid
        writer.write()
        raw._rels = cast(Any, writer)._rels
        before, _, after = stream.getvalue().partition(_NO_ROWS)
        if writer.laid.places:
            between, _, after = after.partition(_LINKS_END)
            after = b"".join((between.removesuffix(_GAP), "".join(writer.laid.places).encode(), _LINKS_END, after))
        content = b"".join((before, b"<sheetData>", writer.row_text.encode(), b"</sheetData>", after))
        archive: Any = self
        archive._archive.writestr(raw.path[1:], content)
        archive.manifest.append(ws)


class _FrameWriter(WorksheetWriter):
    """Writes a sheet without its rows, and the rows' text beside it."""

    cells: _Rows
    laid: LaidRows
    row_text = ""

    def write_dimensions(self) -> None:
        """The area from A1, or the first cell, to the last one."""
        if not self.laid.rows:
            super().write_dimensions()
            return
        places = cast(Any, self).ws._cells
        columns = {1, self.laid.columns} | {column for _, column in places}
        numbers = [row for row, _ in places] + [min(self.laid.rows), max(self.laid.rows)]
        area = f"A{min(numbers)}:{get_column_letter(max(columns))}{max(numbers)}"
        self.xf.send(SheetDimension(area).to_tree())

    def write_hyperlinks(self) -> None:
        """The links, those to places in the workbook to be put in later."""
        if cast(Any, self).ws._hyperlinks or not self.laid.places:
            super().write_hyperlinks()
            return
        links = Element("hyperlinks")
        links.text = _GAP.decode()  # else there would be no end to put them before
        self.xf.send(links)

    def write_rows(self) -> None:
        """Put the rows together, and an empty element in their place."""
        self.row_text = _row_text(cast(Any, self).ws, self.cells, self.laid)
        stream: Any = self.xf.send(True)
        with stream.element("sheetData"):
            pass
        self.xf.send(None)


def _plain_rows(sheet: Worksheet) -> _Rows | None:
    """The rows with their cells, in order; None where a cell is something else than a text, a number or a day."""
    raw: Any = sheet
    found: _Rows = {}
    last: dict[int, int] = {}
    mixed = set()
    for (row, column), cell in raw._cells.items():
        if cell.data_type not in _PLAIN or cell._comment is not None or type(cell) is not Cell:
            return None
        if row in found:
            found[row].append(cell)
            if column < last[row]:
                mixed.add(row)
        else:
            found[row] = [cell]
        last[row] = column
    for row in mixed:
        found[row].sort(key=lambda cell: cell.column)
    for row in raw.row_dimensions:
        found.setdefault(row, [])  # its height counts, cells or not
    return found


def _row_text(sheet: Worksheet, rows: _Rows, laid: LaidRows) -> str:
    """The rows as XML."""
    written: list[str] = []
    add = written.append
    raw: Any = sheet
    styles = raw.parent._cell_styles
    # By the identity of the style's array, which many cells share; the numbers are given in the order of the cells.
    numbers: dict[int, str] = {}
    letters: dict[int, str] = {}
    raw._hyperlinks.extend(laid.links)
    for row in sorted(rows.keys() | laid.rows.keys()):
        if row in laid.rows:
            attributes, text = laid.rows[row]
            add(f'<row r="{row}"{attributes}>{text}</row>')
            continue
        own = dict(raw.row_dimensions[row]).items() if row in raw.row_dimensions else ()
        attributes = "".join(f' {name}="{value}"' for name, value in own)
        add(f'<row r="{row}"{attributes}>')
        for cell in rows[row]:
            held: Any = cell
            style, value, kind = held._style, held._value, held.data_type
            number = numbers.get(id(style))
            if number is None:
                # An array without any style gives no number: openpyxl leaves such a cell out where it is empty.
                number = f' s="{styles.add(style)}"' if style is not None and any(style) else ""
                numbers[id(style)] = number
            if value is None and not number:
                continue
            if held._hyperlink is not None:
                raw._hyperlinks.append(held._hyperlink)
            column = held.column
            letter = letters.get(column)
            if letter is None:
                letter = letters[column] = get_column_letter(column)
            if kind == "s":
                tail = text_cell(value)
            elif value is None:
                tail = NOTHING
            else:
                tail = day_cell(value) if kind == "d" else number_cell(value)
            add(f'<c r="{letter}{row}"{number}{tail}')
        add("</row>")
    return "".join(written)
