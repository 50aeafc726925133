"""How cells of the workbooks look: fonts, fills, borders, number formats, and the colours of words that say a state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Protection, Side
from openpyxl.styles.cell_style import StyleArray
from openpyxl.styles.differential import DifferentialStyle

FONT_NAME = "Yu Gothic"
FONT_SIZE = 9.0

Horizontal = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a cell looks. Colours are RRGGBB; `fill` None leaves the paper. `locked` counts on a protected sheet."""

    name: str
    size: float = FONT_SIZE
    bold: bool = False
    colour: str = "1F2328"
    underline: bool = False
    fill: str | None = None
    border: bool = True
    horizontal: Horizontal = "left"
    vertical: Literal["top", "center"] = "top"
    wrap: bool = True
    number_format: str = "General"
    locked: bool = True

    def __hash__(self) -> int:
        # Every cell asks for it, and no two looks share a name.
        return hash(self.name)


BODY = Look("Sansho 本文")
CENTRE = replace(BODY, name="Sansho 中央", horizontal="center")
NUMBER = replace(BODY, name="Sansho 数", horizontal="right", number_format="#,##0")
PERCENT = replace(NUMBER, name="Sansho 割合", number_format="0.0%")
DATE = replace(CENTRE, name="Sansho 日付", number_format="yyyy-mm-dd")
LINK = replace(BODY, name="Sansho リンク", colour="0B57A4", underline=True)
CENTRE_LINK = replace(LINK, name="Sansho リンク中央", horizontal="center")
HEADER = Look("Sansho 見出し行", bold=True, colour="FFFFFF", fill="1F4E79", horizontal="center", vertical="center")
GROUP = replace(HEADER, name="Sansho 見出し群", fill="143250")
TOTAL = replace(NUMBER, name="Sansho 合計", bold=True, fill="E8EDF3")
LABEL = replace(BODY, name="Sansho 項目名", bold=True, fill="E8EDF3")
TITLE = Look("Sansho 表題", size=20, bold=True, colour="143250", border=False, wrap=False)
HEADING = Look("Sansho 章", size=12, bold=True, colour="143250", border=False, wrap=False, vertical="center")
NOTE = Look("Sansho 注", colour="5A2A00", border=False, wrap=False, vertical="center")
PLAIN = replace(BODY, name="Sansho 文", border=False)
WARNING = replace(BODY, name="Sansho 注意", bold=True, colour="7A1F00", fill="FDE9D9")
INPUT = replace(BODY, name="Sansho 記入", fill="FFFBE6", locked=False)
INPUT_CENTRE = replace(INPUT, name="Sansho 記入中央", horizontal="center")
INPUT_DATE = replace(INPUT_CENTRE, name="Sansho 記入日付", number_format="yyyy-mm-dd")

# What a look becomes where the cell is a link.
LINKED = {BODY: LINK, CENTRE: CENTRE_LINK}

_GOOD, _CHECK, _PART = ("D6F0DA", "0B4F1A"), ("D9ECF7", "0C4A6E"), ("FFF0C2", "6B4A00")
_BAD, _OPEN, _AWAY = ("F9D4D1", "7A1212"), ("EADFF5", "4A2273"), ("E4E6E9", "4A4F55")
# Fill and ink for each word whose state a reader looks for; the words' marks carry the same without colour.
TONES: dict[str, dict[str, tuple[str, str]]] = {
    "conformity": {
        "conforming": _GOOD,
        "conforming_pending": _CHECK,
        "partial": _PART,
        "nonconforming": _BAD,
        "not_assessed": _OPEN,
        "not_applicable": _AWAY,
    },
    "status": {
        "implemented": _GOOD,
        "partial": _PART,
        "planned": _CHECK,
        "not_implemented": _BAD,
        "not_applicable": _AWAY,
        "unanswered": _OPEN,
    },
    "priority": {"high": _BAD, "medium": _PART, "low": _CHECK},
    "proof": {"current": _GOOD, "expired": _BAD, "missing": _OPEN},
    "assurance": {
        "public": _GOOD,
        "nda_reviewed": _GOOD,
        "nda_unreviewed": _PART,
        "stale": _BAD,
        "none": _AWAY,
    },
    "vendor_conformity": {
        "conformable": _GOOD,
        "out_of_scope": _AWAY,
        "not_conforming": _BAD,
        "no_answer": _OPEN,
    },
    "responsibility": {"vendor": _GOOD, "shared": _CHECK, "user_side": _PART, "none_stated": _OPEN},
    "applicability": {"not_applicable": _AWAY},
}


def toned(look: Look, of: str, word: str) -> Look:
    """The look in the colour of a word of a set; the look itself where the word has none."""
    if word not in TONES.get(of, {}):
        return look
    fill, ink = TONES[of][word]
    return replace(look, name=f"{look.name} {fill}", fill=fill, colour=ink)


@dataclass(slots=True)
class Styles:
    """A workbook's style numbers of every look used, made once and shared by its cells."""

    workbook: Workbook
    known: dict[str, StyleArray] = field(default_factory=dict)
    known_quoted: dict[str, StyleArray] = field(default_factory=dict)
    tones: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, look: Look, quoted: bool) -> StyleArray:
        """The style of a look, to be copied; quoted: with the sign that keeps a text a text when it is edited."""
        # By the name, which no two looks share: every cell asks.
        found = (self.known_quoted if quoted else self.known).get(look.name)
        return found if found is not None else self._make(look, quoted)

    def tone(self, of: str, word: str) -> int:
        """The number of the format that colours a word of a set, for rules that colour by what a cell holds."""
        tone = TONES[of][word]
        if tone not in self.tones:
            fill, ink = tone
            style = DifferentialStyle(font=Font(color=ink), fill=PatternFill(bgColor=fill, fill_type="solid"))
            raw: Any = self.workbook  # unknown to openpyxl's type stubs
            self.tones[tone] = raw._differential_styles.add(style)
        return self.tones[tone]

    def _make(self, look: Look, quoted: bool) -> StyleArray:
        if quoted:
            style = StyleArray(self.of(look, False))
            style.quotePrefix = 1
            self.known_quoted[look.name] = style
        else:
            named = _named_style(look)
            self.workbook.add_named_style(named)
            style = StyleArray(named.as_tuple())
            self.known[look.name] = style
        return style


def _named_style(look: Look) -> NamedStyle:
    side = Side(style="thin", color="B8BEC6")
    return NamedStyle(
        name=look.name,
        font=font(look.size, bold=look.bold, colour=look.colour, underline=look.underline),
        fill=PatternFill("solid", fgColor=look.fill) if look.fill else PatternFill(),
        border=Border(left=side, right=side, top=side, bottom=side) if look.border else Border(),
        alignment=Alignment(horizontal=look.horizontal, vertical=look.vertical, wrap_text=look.wrap),
        number_format=look.number_format,
        protection=Protection(locked=look.locked),
    )


def font(size: float, *, bold: bool = False, colour: str = "1F2328", underline: bool = False) -> Font:
    """The workbooks' font; size in points, colour RRGGBB."""
    # family 3 and character set 128 (Japanese) tell a program without Yu Gothic what to put in its place.
    return Font(name=FONT_NAME, family=3, charset=128, sz=size, b=bold, color=colour, u="single" if underline else None)
