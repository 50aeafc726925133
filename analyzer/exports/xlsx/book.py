"""What every Excel file of Sansho shares: looks, safe text, tables that show their text, print set-up, fixed bytes.

    book = Book(title="…", dated=as_of, terms=rulebook.terms)
    sheet = book.sheet("項目")
    columns = [Column("項番", 10, CENTRE), Column("判定", 14, CENTRE, terms="conformity")]
    rows = [[Link("6.3-01", "別シート", "A5"), book.label("conformity", "partial")]]
    table = book.table(sheet, 1, columns, rows)
    book.freeze(sheet, table.first_row, 2)
    book.print_setup(sheet, footer="版 …", repeat_rows=(1, table.first_row - 1))
    content = book.to_bytes()

Cells take str, int, float, bool (はい/いいえ), date, None, or Link. Text never runs as a formula. Looks
(BODY, CENTRE, DATE, INPUT, …) are those of analyzer.exports.xlsx.looks; on a protected sheet the INPUT ones stay open.
Widths are in Excel's column units, heights in points.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from itertools import accumulate, pairwise
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.compat import safe_string
from openpyxl.formatting.rule import Rule as FormatRule
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles.cell_style import StyleArray
from openpyxl.styles.numbers import is_date_format
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.utils.indexed_list import IndexedList
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break, ColBreak
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from analyzer import __version__
from analyzer.engine.rulebook import Term
from analyzer.exports.xlsx.celltext import is_web_address, may_run, safe_text, text_lines
from analyzer.exports.xlsx.laid import MOST_CHARACTERS, NOTHING, Known, KnownTexts, LaidRows, number_cell, place_link
from analyzer.exports.xlsx.looks import BODY, FONT_NAME, FONT_SIZE, GROUP, HEADER, LINKED, TONES, Look, Styles, font
from analyzer.exports.xlsx.writing import FastWriter

# Yu Gothic sets its lines wide apart; the fonts that stand in for it need less.
_LINE_POINTS = 15.0
_MAX_ROW_POINTS = 409.0
# zlib's usual 6 takes half as long again for files that are a fiftieth smaller.
_EFFORT = 5


def term_label(term: Term) -> str:
    """The word as cells show it, its one-character mark first: `○ 適合`."""
    return f"{term.mark} {term.ja}" if len(term.mark) == 1 else term.ja


class Link(NamedTuple):
    """A value that leads to a cell of this workbook (`sheet`, `cell` such as `A5`), or to the web (`url`)."""

    value: str | int
    sheet: str = ""
    cell: str = ""
    url: str = ""
    tip: str = ""


Value = str | int | float | bool | date | Link | None


class Column(NamedTuple):
    """A column of a table. `group`: the heading that neighbours of the same group share in a row above.
    `terms`: the set whose words colour the cells. `most`: where given, the column widens from `width` up to this
    until its longest text fits a row. `span`: over how many of the sheet's columns it reaches, its cells merged.
    """

    header: str
    width: float
    look: Look = BODY
    group: str = ""
    terms: str = ""
    most: float = 0.0
    span: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Where a table stands: its header row, its first and last rows of data (last < first when empty)."""

    header_row: int
    first_row: int
    last_row: int
    first_column: int
    last_column: int
    widths: tuple[float, ...]


Paper = Literal["A3", "A4"]
# Paper number, and the printable width in pixels of 1/96 inch: (portrait, landscape), margins of 10 mm.
_PAPERS: dict[Paper, tuple[int, int, int]] = {"A3": (8, 1046, 1512), "A4": (9, 718, 1046)}
_MARGIN_INCHES = 0.394
# A unit of width is the default font's digit: 7 pixels in Yu Gothic, up to 8 in a font that stands in for it.
_ROOM_FOR_OTHER_FONTS = 0.88
_FORBIDDEN_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")


class Book:
    """A workbook on its way: sheets and tables go in, bytes come out; the same calls give the same bytes."""

    def __init__(
        self,
        title: str,
        dated: date,
        terms: Mapping[str, Mapping[str, Term]],
        texts: KnownTexts | None = None,
    ) -> None:
        """title: for the file's properties. dated: stands there as the day of making. terms: the rulebook's words.
        texts: what this book shares with the ones made before and after it, see `known_texts`.
        """
        self.workbook = Workbook()
        # The workbook's own default font decides what a unit of column width is.
        # openpyxl has no public way to say it, and its type stubs do not know these two.
        raw: Any = self.workbook
        raw._fonts = IndexedList([font(FONT_SIZE)])
        raw._named_styles["Normal"].font = font(FONT_SIZE)
        self.workbook.remove(self.workbook.worksheets[0])
        day = datetime(dated.year, dated.month, dated.day)
        self.workbook.properties = DocumentProperties(
            title=safe_text(title), creator=f"Sansho {__version__}", created=day, modified=day, language="ja-JP"
        )
        self._terms = terms
        self._styles = Styles(self.workbook)
        self._texts = texts or known_texts()
        self._laid: dict[Worksheet, LaidRows] = {}
        self._style_names: dict[tuple[str, bool], str] = {}

    def sheet(self, name: str, tab_colour: str | None = None) -> Worksheet:
        """A new last sheet. Its name is made fit for Excel and unlike the others: see `sheet_name`."""
        sheet: Worksheet = self.workbook.create_sheet(sheet_name(name, self.workbook.sheetnames))
        sheet.sheet_view.showGridLines = False
        sheet.sheet_format.defaultRowHeight = _LINE_POINTS + 3
        sheet.sheet_format.customHeight = True
        if tab_colour:
            sheet.sheet_properties.tabColor = tab_colour
        return sheet

    def label(self, of: str, word: str) -> str:
        """The word of a set as cells show it: `○ 適合`."""
        return term_label(self._terms[of][word])

    def put(self, sheet: Worksheet, row: int, column: int, value: Value, look: Look = BODY) -> Cell:
        """Write one cell (row and column from 1). The text never runs as a formula."""
        cell = _cell(sheet, row, column)
        self._fill_cell(cell, value, look)
        return cell

    def merged(
        self, sheet: Worksheet, row: int, column: int, last_column: int, value: Value, look: Look = BODY
    ) -> Cell:
        """Write one cell that reaches to `last_column`, its border all round."""
        for other in range(column + 1, last_column + 1):
            self.put(sheet, row, other, None, look)
        cell = self.put(sheet, row, column, value, look)
        if last_column > column:
            # Not merge_cells(), which works out the borders of the cells anew: theirs are right already.
            first, last = get_column_letter(column), get_column_letter(last_column)
            sheet.merged_cells.add(f"{first}{row}:{last}{row}")
        return cell

    def table(
        self,
        sheet: Worksheet,
        top: int,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Value]],
        *,
        filters: bool = True,
        left: int = 1,
        set_widths: bool = True,
        final: bool = False,
    ) -> Table:
        """Write a table whose header stands at row `top` (below a row of groups, where any column has one).

        Each row gets the height that shows its whole text, up to Excel's 409 points. set_widths False keeps the
        sheet's widths and reckons with `Column.width`. A sheet takes one table with filters. final: no row of data is
        changed afterwards, and no column spans several; that takes half the time.
        """
        data = [list(row) for row in rows]
        widths = tuple(
            _fitting_width(column, (row[index] for row in data)) if column.most > column.width else column.width
            for index, column in enumerate(columns)
        )
        places = [left + offset for offset in accumulate((column.span for column in columns), initial=0)]
        header_row = top
        if any(column.group for column in columns):
            self._group_row(sheet, top, places, columns)
            header_row = top + 1
        if set_widths:
            for place, column, width in zip(places, columns, widths, strict=False):
                for part in range(place, place + column.span):
                    sheet.column_dimensions[get_column_letter(part)].width = width / column.span
        looks = [HEADER] * len(columns)
        headers: list[Value] = [column.header for column in columns]
        last_row = header_row + len(data)
        for offset, row in enumerate([headers, *(() if final else data)], header_row):
            for place, value, column, look in zip(places, row, columns, looks, strict=False):
                if column.span > 1:
                    self.merged(sheet, offset, place, place + column.span - 1, value, look)
                else:
                    self._fill_cell(_cell(sheet, offset, place), value, look)
            self.fit_row(sheet, offset, zip(row, widths, strict=True))
            looks = [column.look for column in columns]
        if final:
            self.lay(sheet, header_row + 1, left, [column.look for column in columns], widths, data)
        table = Table(header_row, header_row + 1, last_row, left, places[-1] - 1, widths)
        if data:
            for place, column in zip(places, columns, strict=False):
                if column.terms:
                    self.colour_terms(sheet, place, table.first_row, last_row, column.terms)
        if filters:
            first, last = get_column_letter(left), get_column_letter(table.last_column)
            sheet.auto_filter.ref = f"{first}{header_row}:{last}{last_row}"
        return table

    def lay(
        self,
        sheet: Worksheet,
        top: int,
        left: int,
        looks: Sequence[Look],
        widths: Sequence[float],
        rows: Iterable[Sequence[Value]],
    ) -> None:
        """Write rows of cells that are not changed afterwards, each as high as its text."""
        laid = self._laid.setdefault(sheet, LaidRows())
        laid.columns = max(laid.columns, left + len(looks) - 1)
        columns = [
            (
                get_column_letter(left + offset),
                look,
                self._style_of(look),
                width,
                self._texts.of_column(width, days=_shows_days(look)),
            )
            for offset, (look, width) in enumerate(zip(looks, widths, strict=True))
        ]
        for number, row in enumerate(rows, top):
            taken, cells = [1], []
            for (letter, look, usual, width, texts), value in zip(columns, row, strict=False):
                if value is None:
                    cells.append(f'<c r="{letter}{number}"{usual}{NOTHING}')
                    continue
                # Only texts, and days in a column of days, are among them: everything else is not found.
                known = texts.get(cast(str, value))
                style = usual
                if known is None:
                    style, known = self._laid_cell(laid, f"{letter}{number}", value, look, width)
                tail, may_run, lines = known
                if may_run and style is usual:
                    style = self._style_of(look, quoted=True)
                taken.append(lines)
                cells.append(f'<c r="{letter}{number}"{style}{tail}')
            laid.rows[number] = _height(max(taken)), "".join(cells)

    def _laid_cell(self, laid: LaidRows, place: str, value: Value, look: Look, width: float) -> tuple[str, Known]:
        """The style of a cell, as the file names it, and what follows it there."""
        if isinstance(value, Link):
            if value.sheet or is_web_address(value.url):
                _lay_link(laid, place, value)
                look = LINKED.get(look, look)
            value = value.value
        if isinstance(value, (bool, date)):
            value, look = _spoken(value, look)
        days = _shows_days(look)
        if isinstance(value, str):
            known = self._texts.of_column(width, days=days).get(value) or self._texts.learn(value, width, days=days)
            return self._style_of(look, known.may_run), known
        if isinstance(value, date):
            return self._style_of(look), self._texts.learn_day(value, width)
        return self._style_of(look), Known(NOTHING if value is None else number_cell(value), False, 1)

    def colour_terms(self, sheet: Worksheet, column: int, first_row: int, last_row: int, of: str) -> None:
        """Colour the cells of a column that hold a word of a set; follows when somebody changes them."""
        letter = get_column_letter(column)
        for word in TONES.get(of, {}):
            text = self.label(of, word).replace('"', '""')
            rule = FormatRule(type="cellIs", operator="equal", formula=[f'"{text}"'], dxfId=self._styles.tone(of, word))
            sheet.conditional_formatting.add(f"{letter}{first_row}:{letter}{last_row}", rule)

    def fit_row(
        self, sheet: Worksheet, row: int, cells: Iterable[tuple[Value, float]], size: float = FONT_SIZE
    ) -> None:
        """Give a row the height at which the longest of its wrapped texts shows whole; cells are (value, width)."""
        lines = 1
        for value, width in cells:
            shown = value.value if isinstance(value, Link) else value
            if isinstance(shown, (bool, date)):
                shown, _ = _spoken(shown, BODY)
            if isinstance(shown, str):
                lines = max(lines, _shown_lines(shown, width * FONT_SIZE / size))
        if lines > 1 or size != FONT_SIZE:  # else the sheet's own height does
            points = lines * _LINE_POINTS * size / FONT_SIZE + 3
            sheet.row_dimensions[row].height = min(points, _MAX_ROW_POINTS)

    def freeze(self, sheet: Worksheet, row: int, column: int) -> None:
        """Keep what is above the row and left of the column in sight."""
        sheet.freeze_panes = f"{get_column_letter(column)}{row}"

    def print_setup(
        self,
        sheet: Worksheet,
        *,
        footer: str,
        header: str = "",
        paper: Paper = "A3",
        landscape: bool = True,
        repeat_rows: tuple[int, int] | None = None,
        repeat_columns: tuple[int, int] | None = None,
        breaks_after: Sequence[int] = (),
        first_row: int = 1,
    ) -> None:
        """Paper, margins, what each page repeats, header (beside the sheet's name) and footer (beside the page number).

        The sheet is fitted to the width of one page; with `breaks_after` (column numbers) it is cut there instead, at
        the one scale at which the widest part, with the repeated columns, fits. Rows above first_row are not printed.
        """
        number, upright, across = _PAPERS[paper]
        sheet.page_setup.paperSize = number
        sheet.page_setup.orientation = "landscape" if landscape else "portrait"
        if breaks_after:
            room = across if landscape else upright
            sheet.page_setup.scale = _scale(sheet, room, repeat_columns, breaks_after)
            sheet.col_breaks = ColBreak()
            for column in breaks_after:
                sheet.col_breaks.append(Break(id=column))
        else:
            sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
            sheet.page_setup.fitToWidth = 1
            sheet.page_setup.fitToHeight = 0
        for side in ("left", "right", "top", "bottom"):
            setattr(sheet.page_margins, side, _MARGIN_INCHES if side in {"left", "right"} else 0.6)
        sheet.page_margins.header = sheet.page_margins.footer = 0.3
        sheet.print_options.horizontalCentered = True
        if first_row > 1:
            last = f"{get_column_letter(sheet.max_column)}{max(sheet.max_row, first_row)}"
            sheet.print_area = f"A{first_row}:{last}"
        if repeat_rows:
            sheet.print_title_rows = f"{repeat_rows[0]}:{repeat_rows[1]}"
        if repeat_columns:
            sheet.print_title_cols = ":".join(get_column_letter(column) for column in repeat_columns)
        above: Any = sheet.oddHeader
        below: Any = sheet.oddFooter
        for part, text in (
            (above.left, _running_text(header)),
            (above.right, "&A"),
            (below.left, _running_text(footer)),
            (below.right, "&P / &N"),
        ):
            part.text, part.font, part.size = text, f"{FONT_NAME},Regular", 8

    def to_bytes(self) -> bytes:
        """The file. The book is spent afterwards."""
        stream = io.BytesIO()
        FastWriter(
            self.workbook, _FixedZip(stream, "w", ZIP_DEFLATED, allowZip64=True, compresslevel=_EFFORT), self._laid
        ).save()
        return stream.getvalue()

    def _fill_cell(self, cell: Cell, value: Value, look: Look) -> None:
        # Through openpyxl's own attributes: Cell.value would check the text again, and take what begins with = for a
        # formula and #N/A for an error; Cell.style would search the styles by name for every cell.
        raw: Any = cell
        if isinstance(value, Link):
            if value.sheet or is_web_address(value.url):
                look = LINKED.get(look, look)
                self._attach(cell, value)
            value = value.value
        if isinstance(value, (bool, date)):
            value, look = _spoken(value, look)
        if isinstance(value, str):
            raw._value, raw.data_type = safe_text(value), "s"
            # Shared: nothing changes the style of a cell of text afterwards.
            raw._style = self._styles.of(look, may_run(raw._value))
            return
        style = self._styles.of(look, False)
        # Of its own where there is a day: openpyxl may set a day's format in it.
        raw._style = StyleArray(style) if isinstance(value, date) else style
        if value is not None or raw._value is not None:
            style = raw._style
            cell.value = value
            raw._style = style

    def _style_of(self, look: Look, quoted: bool = False) -> str:
        """The number of a look's style, as a cell names it in the file."""
        found = self._style_names.get((look.name, quoted))
        if found is None:
            raw: Any = self.workbook
            found = f' s="{raw._cell_styles.add(self._styles.of(look, quoted))}"'
            self._style_names[look.name, quoted] = found
        return found

    @staticmethod
    def _attach(cell: Cell, link: Link) -> None:
        cell.hyperlink = _hyperlink(link, cell.coordinate)

    def _group_row(self, sheet: Worksheet, row: int, places: Sequence[int], columns: Sequence[Column]) -> None:
        start = 0
        labels: list[tuple[Value, float]] = []
        for index in range(1, len(columns) + 1):
            if index == len(columns) or columns[index].group != columns[start].group:
                self.merged(sheet, row, places[start], places[index] - 1, columns[start].group, GROUP)
                labels.append((columns[start].group, sum(column.width for column in columns[start:index])))
                start = index
        self.fit_row(sheet, row, labels)


def _hyperlink(link: Link, place: str) -> Hyperlink:
    where = {"location": address(link.sheet, link.cell)} if link.sheet else {"target": link.url}
    return Hyperlink(ref=place, tooltip=_tip(link) or None, **where)


def _shows_days(look: Look) -> bool:
    return look.number_format != "General" and bool(is_date_format(look.number_format))


def _lay_link(laid: LaidRows, place: str, link: Link) -> None:
    if link.sheet:
        laid.places.append(place_link(place, address(link.sheet, link.cell), _tip(link)))
    else:
        laid.links.append(_hyperlink(link, place))


def _tip(link: Link) -> str:
    return safe_text(link.tip)[:250]


@cache
def _height(lines: int) -> str:
    """The height of a row of so many lines, as the file tells it; nothing where the sheet's own does."""
    points = min(lines * _LINE_POINTS + 3, _MAX_ROW_POINTS)
    return f' ht="{safe_string(points)}" customHeight="1"' if lines > 1 else ""


def known_texts(most: int = MOST_CHARACTERS) -> KnownTexts:
    """For several books to share, one after the other. most: how many characters it holds."""
    return KnownTexts(_shown_lines, most)


def _shown_lines(text: str, width: float) -> int:
    # Nothing can take more lines than a text has half-width places.
    return text_lines(text, width) if 2 * len(text) > width - 1 or "\n" in text else 1


def _spoken(value: bool | date, look: Look) -> tuple[str | date, Look]:
    """What a cell holds for a yes or no or a day, and the look that shows it."""
    if isinstance(value, bool):
        return "はい" if value else "いいえ", look
    if value.year < 1901:
        return value.isoformat(), look  # Excel's calendar begins in 1900
    if not is_date_format(look.number_format):
        return value, replace(look, name=f"{look.name} 日付", number_format="yyyy-mm-dd")
    return value, look


def _cell(sheet: Worksheet, row: int, column: int) -> Cell:
    # sheet.cell() checks its arguments and the cell's value each time, for a third of what a whole table costs.
    known: dict[tuple[int, int], Cell] = cast(Any, sheet)._cells
    found = known.get((row, column))
    if found is None:
        found = known[row, column] = Cell(sheet, row, column)
    return found


def address(sheet: str, cell: str) -> str:
    """A cell's address across sheets: `'表紙'!A1`."""
    return f"{quote_sheetname(sheet)}!{cell}"


def sheet_name(wanted: str, taken: Iterable[str]) -> str:
    """A name that Excel takes: at most 31 characters, none of those it forbids, not `taken` (in any case)."""
    base = _FORBIDDEN_IN_SHEET_NAMES.sub("・", safe_text(wanted)).strip("' ")[:31] or "シート"
    used = {name.casefold() for name in taken}
    name, count = base, 1
    while name.casefold() in used:
        count += 1
        tail = f" ({count})"
        name = base[: 31 - len(tail)] + tail
    return name


def _fitting_width(column: Column, values: Iterable[Value]) -> float:
    most_lines = int((_MAX_ROW_POINTS - 3) // _LINE_POINTS)
    width = column.width
    for value in values:
        text = value.value if isinstance(value, Link) else value
        if isinstance(text, str) and 2 * len(text) + text.count("\n") * width > width * most_lines / 2:
            while width < column.most and text_lines(text, width) > most_lines:
                width = min(width + 4, column.most)
    return width


def _scale(sheet: Worksheet, room: int, repeated: tuple[int, int] | None, breaks: Sequence[int]) -> int:
    """The percentage at which the widest part between breaks fits the room (pixels), 10 to 100."""

    def pixels(first: int, last: int) -> float:
        return sum(
            float(sheet.column_dimensions[get_column_letter(column)].width) * 7 + 5 for column in range(first, last + 1)
        )

    edges = [0, *breaks, *([sheet.max_column] if sheet.max_column not in breaks else [])]
    beside = pixels(*repeated) if repeated else 0.0
    widest = 0.0
    for index, (before, last) in enumerate(pairwise(edges)):
        widest = max(widest, pixels(before + 1, last) + (beside if index else 0.0))
    return max(10, min(100, int(100 * room * _ROOM_FOR_OTHER_FONTS / widest)))


def _running_text(text: str) -> str:
    """Text for a page's header or footer: one line, short, `&` not taken for a code."""
    return safe_text(text).replace("\n", " ")[:90].replace("&", "&&")


class _FixedZip(ZipFile):
    """A zip whose entries all bear the same time, so that the same content gives the same bytes."""

    def writestr(
        self,
        zinfo_or_arcname: str | ZipInfo,
        data: Any,
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        name = zinfo_or_arcname.filename if isinstance(zinfo_or_arcname, ZipInfo) else zinfo_or_arcname
        entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.create_system = 0
        super().writestr(entry, data, ZIP_DEFLATED if compress_type is None else compress_type, compresslevel)

    def write(
        self,
        filename: str | PathLike[str],
        arcname: str | PathLike[str] | None = None,
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        self.writestr(str(arcname or filename), Path(filename).read_bytes(), compress_type, compresslevel)
