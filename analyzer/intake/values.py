"""What a cell that somebody filled in says, in the plain form in which it is compared; or why it cannot be taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from analyzer.engine.rulebook import Rulebook, Term
from analyzer.exports.checklist.baseline import CARRIED
from analyzer.exports.checklist.layout import CONFIRMED, LIST_SEPARATOR
from analyzer.exports.visible import visible
from analyzer.exports.wording import CARRIED_OVER
from analyzer.intake.workbook import RawCell
from analyzer.knowledge.base import KnowledgeBase

SHORT, LONG = 400, 65_536
"""The most characters of a name, and of a text."""
# No XML holds them, so the next checklist could not say what the record would.
_NONCHARACTERS = re.compile(r"[\ufffe\uffff]")
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_SEPARATORS = re.compile(r"[,、;\n]+")
_NUMBERED_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?\Z")
_ERA_DAY = re.compile(r"(令和|平成|昭和|R|H|S)\.?(\d{1,2}|元)[-/.年](\d{1,2})[-/.月](\d{1,2})日?\Z", re.IGNORECASE)
# The day of each era's first year, less one, and its first and last days.
_ERAS: Final[Mapping[str, tuple[int, date, date]]] = {
    "令和": (2018, date(2019, 5, 1), date(2999, 12, 31)),
    "平成": (1988, date(1989, 1, 8), date(2019, 4, 30)),
    "昭和": (1925, date(1926, 12, 25), date(1989, 1, 7)),
}
_LETTERS: Final = {"r": "令和", "h": "平成", "s": "昭和"}
_SERIALS = (1, 109_575)  # 1900-01-01 to 2199-12-31


class Refusal(Exception):  # noqa: N818  (not a failure: one cell's answer)
    """Why a cell cannot be taken, in words for the one who filled it in."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


Reader = Callable[[RawCell, datetime], str]
"""Reads a cell that holds something; the day is that which the workbook's serial numbers count from."""


def plain(text: str) -> str:
    """A text without width and white space, for comparing words and headings."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


class Words:
    """A closed set by everything that a cell may show for each of its words."""

    def __init__(self, terms: Mapping[str, Term], words: Iterable[str]) -> None:
        self.labels = {word: terms[word].ja for word in words}
        self._found: dict[str, str] = {}
        for word in self.labels:
            term = terms[word]
            for shown in (term.ja, term.en, word, f"{term.mark}{term.ja}" if term.mark else term.ja):
                self._found.setdefault(plain(shown), word)

    def find(self, text: str) -> str | None:
        """The word that a text shows, None where it shows none."""
        return self._found.get(plain(text))

    def read(self, cell: RawCell, _epoch: datetime) -> str:
        """The word; a status of `unanswered` is no answer."""
        text = read_text(LONG)(cell, _epoch)
        word = self.find(text)
        if word is None:
            raise Refusal(f"「{_short(text)}」は選択肢にない。{'、'.join(self.labels.values())}のどれかにする。")
        return "" if word == "unanswered" else word


def read_text(limit: int) -> Reader:
    """A text of at most so many characters; a whole number counts as its digits."""

    def read(cell: RawCell, _epoch: datetime) -> str:
        _refuse_what_is_no_value(cell)
        value = cell.value
        if cell.kind == "number" and isinstance(value, (int, float)):
            if isinstance(value, float) and not value.is_integer():
                raise Refusal("小数になっている。文字として書く（先頭に ' を付ける）。")
            return str(int(value))
        if not isinstance(value, str):
            kind = "日付" if cell.kind == "date" else "真偽の値"
            raise Refusal(f"{kind}になっている。文字として書く（先頭に ' を付ける）。")
        text = value.strip()
        if visible(text) != text or _NONCHARACTERS.search(text):
            raise Refusal("見えない制御文字が入っている。文字だけを書き直す。")
        if len(text) > limit:
            raise Refusal(f"長すぎる（{len(text):,}文字）。{limit:,}文字までにする。")
        return text

    return read


def read_day(cell: RawCell, epoch: datetime) -> str:
    """A day, `2026-11-01`: a date of the spreadsheet, its serial number, or one of the usual ways to write it."""
    _refuse_what_is_no_value(cell)
    value = cell.value
    if cell.kind == "number" and isinstance(value, (int, float)):
        return _from_serial(value, epoch)
    if isinstance(value, datetime):
        if value.time() != datetime.min.time():
            raise Refusal(f"時刻（{value.time():%H:%M}）が付いている。日付だけを書く。")
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        raise Refusal("日付ではない。2026-11-01 のように書く。")
    text = unicodedata.normalize("NFKC", value).replace(" ", "").strip()
    if not text:
        return ""
    day = _numbered_day(text) or _era_day(text)
    if day is None:
        raise Refusal(f"「{_short(value.strip())}」は日付として読めない。2026-11-01 のように書く。")
    return day.isoformat()


def read_ids(cell: RawCell, epoch: datetime) -> str:
    """Ids of evidence, each once, however they are separated."""
    text = read_text(LONG)(cell, epoch)
    found = [part.strip() for part in _SEPARATORS.split(unicodedata.normalize("NFKC", text)) if part.strip()]
    for each in found:
        if not _SLUG.match(each):
            raise Refusal(f"「{_short(each)}」は証跡の番号ではない。「証跡」のシートの番号を、コンマで区切って書く。")
    if len(set(found)) != len(found):
        raise Refusal("同じ番号が2度書かれている。")
    return LIST_SEPARATOR.join(found)


def read_id(cell: RawCell, epoch: datetime) -> str:
    """The id of a piece of evidence."""
    text = unicodedata.normalize("NFKC", read_text(LONG)(cell, epoch))
    if text and not _SLUG.match(text):
        raise Refusal(f"番号「{_short(text)}」は使えない。半角の英小文字・数字・ハイフンで、64文字までにする。")
    return text


def read_carried(cell: RawCell, epoch: datetime) -> str:
    """Whether an answer is still to be checked again."""
    text = plain(read_text(LONG)(cell, epoch))
    if text in {"", plain(CONFIRMED)}:
        return ""
    if text == plain(CARRIED_OVER):
        return CARRIED
    raise Refusal(f"「{CARRIED_OVER}」か「{CONFIRMED}」のどちらかにする。")


def read_sections(knowledge: KnowledgeBase) -> Reader:
    """Keys of sections, `mhlw-5:6.3`."""
    known = {f"{section.guideline}:{section.id}" for section in knowledge.sections}

    def read(cell: RawCell, epoch: datetime) -> str:
        text = unicodedata.normalize("NFKC", read_text(LONG)(cell, epoch))
        found = list(dict.fromkeys(part.strip() for part in _SEPARATORS.split(text) if part.strip()))
        for each in found:
            if each not in known:
                raise Refusal(f"章「{_short(each)}」はない。mhlw-5:6.3 のように書く。")
        return LIST_SEPARATOR.join(found)

    return read


def read_one_of(choices: Mapping[str, str], named: str) -> Reader:
    """One of the words by what is shown for it (word → label)."""
    found = {plain(shown): word for word, label in choices.items() for shown in (word, label)}

    def read(cell: RawCell, epoch: datetime) -> str:
        text = str(cell.value).lower() if cell.kind == "bool" else read_text(LONG)(cell, epoch)
        word = found.get(plain(text)) if text else ""
        if word is None:
            raise Refusal(f"「{_short(text)}」は{named}にない。{'、'.join(choices.values())}のどれかにする。")
        return word

    return read


def status_words(rulebook: Rulebook) -> Words:
    """The statuses of an answer."""
    terms = rulebook.terms["status"]
    return Words(terms, terms)


def known_parties(rulebook: Rulebook, parties: Collection[str]) -> Words:
    """The parties by their names."""
    return Words(rulebook.terms["party"], parties)


def _refuse_what_is_no_value(cell: RawCell) -> None:
    if cell.kind == "formula":
        raise Refusal("数式が入っている。結果を確かめられないため取り込まない。値を書く。")
    if cell.kind == "error":
        raise Refusal(f"エラー値（{_short(str(cell.value))}）になっている。値を書き直す。")


def _from_serial(value: float, epoch: datetime) -> str:
    first, last = _SERIALS
    if not (first <= value <= last) or value != int(value):
        raise Refusal(f"数値（{value:g}）は日付として読めない。2026-11-01 のように書く。")
    # Excel counts a 29 February 1900 that never was; serials up to it are a day off.
    shift = 1 if epoch.year < 1904 and value < 60 else 0
    return (epoch + timedelta(days=int(value) + shift)).date().isoformat()


def _numbered_day(text: str) -> date | None:
    match = _NUMBERED_DAY.match(text)
    return _day(*(int(part) for part in match.groups())) if match else None


def _era_day(text: str) -> date | None:
    match = _ERA_DAY.match(text)
    if match is None:
        return None
    era, year, month, day = match.groups()
    before, first, last = _ERAS[_LETTERS.get(era.casefold(), era)]
    found = _day(before + (1 if year == "元" else int(year)), int(month), int(day))
    return found if found is not None and first <= found <= last else None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if 1000 <= found.year < 3000 else None


def _short(text: str) -> str:
    shown = visible(text).replace("\n", " ")
    return shown if len(shown) <= 40 else f"{shown[:39]}…"
