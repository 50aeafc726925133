"""The secretariat's Excel list of institutions: read, checked row by row, shown before anything is made of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from analyzer.engine.rulebook import Rulebook
from analyzer.intake.workbook import RawCell, RawSheet, coordinate, read_workbook
from analyzer.programme.model import Programme
from analyzer.programme.refusal import PortalError
from analyzer.programme.registration import normal_value, registration_faults

RowState = Literal["new", "known"]
"""known: the store has the institution already, which then only joins the programme."""
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,62}[a-z0-9]")
_HEADING_ROWS: Final = 20
MOST_ROWS: Final = 5_000
_FIXED: Final = {
    "number": "番号",
    "id": "医療機関ID",
    "name": "医療機関名",
    "kind": "種別",
    "beds": "病床数",
    "staff": "職員数",
    "region": "都道府県",
    "login": "ログイン名",
}
_REQUIRED: Final = ("name", "kind")


@dataclass(frozen=True, slots=True)
class ListedInstitution:
    """An institution as the list gives it. row: in the sheet, from 1. values: its basic data by field."""

    row: int
    id: str
    name: str
    kind: str
    beds: int | None
    staff: int | None
    region: str | None
    number: str | None
    login: str
    values: Mapping[str, str]
    state: RowState = "new"

    def value_of(self, programme: Programme, kind: str, default: str | None = None) -> str | None:
        """The first of the basic data that is of a type, e.g. the e-mail address."""
        found = next((self.values.get(field.id) for field in programme.registration if field.type == kind), None)
        return found or default


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is not taken. cell: `C7`, or the row's number alone; reason: Japanese."""

    row: int
    cell: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ListPreview:
    """What a list would make. ignored: headings that no field has."""

    file: str
    accepted: tuple[ListedInstitution, ...]
    refused: tuple[RefusedRow, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What exists already, against which a list is checked.

    kept: institutions that whoever asks may not bring in. served: those that have an account, and get none by the list.
    """

    institutions: Collection[str]
    kept: Collection[str]
    served: Collection[str]
    participants: Collection[str]
    logins: Collection[str]
    emails: Collection[str]


def list_headings(programme: Programme) -> tuple[str, ...]:
    """The headings of a list, in the order of the blank one that is offered for download."""
    return (*_FIXED.values(), *(field.heading for field in programme.registration))


def read_list(content: bytes, name: str, programme: Programme, rulebook: Rulebook, taken: Taken) -> ListPreview:
    """What a list would make, and which rows are refused for what. Raises IntakeError, PortalError for the whole."""
    sheets = read_workbook(content, name)
    found = next((heading for sheet in sheets if (heading := _heading(sheet, programme)) is not None), None)
    if found is None:
        wanted = "」「".join(_FIXED[each] for each in _REQUIRED)
        raise PortalError(
            f"見出しの行が見つかりません。初めの{_HEADING_ROWS}行のどこかに「{wanted}」の見出しが要ります。",
            f"{name}: no row of headings",
        )
    sheet, top, columns, ignored = found
    reader = _Rows(sheet, columns, programme, rulebook, taken)
    rows = sorted(row for row in sheet.rows if row > top)
    if len(rows) > MOST_ROWS:
        raise PortalError(f"一度に読めるのは{MOST_ROWS:,}行までです。", f"{name}: more than {MOST_ROWS:,} rows")
    accepted: list[ListedInstitution] = []
    refused: list[RefusedRow] = []
    for row in rows:
        result = reader.read(row)
        if isinstance(result, ListedInstitution):
            accepted.append(result)
        elif result is not None:
            refused.append(result)
    return ListPreview(name, tuple(accepted), tuple(refused), ignored)


def _heading(sheet: RawSheet, programme: Programme) -> tuple[RawSheet, int, dict[str, int], tuple[str, ...]] | None:
    """The sheet's row of headings, columns by field, and the headings that mean nothing here."""
    names = {_plain(title): name for name, title in _FIXED.items()}
    names.update({_plain(field.heading): f"field:{field.id}" for field in programme.registration})
    for row in sorted(sheet.rows)[:_HEADING_ROWS]:
        texts = {column: _text(cell, sheet.epoch) for column, cell in sheet.rows[row].items()}
        columns: dict[str, int] = {}
        ignored = []
        for column, text in sorted(texts.items()):
            known = names.get(_plain(text))
            if known is None:
                ignored.append(text)
            elif known in columns:
                raise PortalError(f"見出し「{text}」が2つあります。", f"two columns {text!r}")
            else:
                columns[known] = column
        if all(name in columns for name in _REQUIRED):
            return sheet, row, columns, tuple(ignored)
    return None


class _Rows:
    """Reads row after row and remembers what the rows before have taken."""

    def __init__(
        self,
        sheet: RawSheet,
        columns: Mapping[str, int],
        programme: Programme,
        rulebook: Rulebook,
        taken: Taken,
    ) -> None:
        self._sheet = sheet
        self._columns = columns
        self._programme = programme
        self._kinds = {_plain(term.ja): word for word, term in rulebook.terms["institution_kind"].items()}
        self._known = set(taken.institutions)
        self._kept = set(taken.kept)
        self._served = set(taken.served)
        self._participants = set(taken.participants)
        self._logins = set(taken.logins)
        self._emails = set(taken.emails)
        self._seen: dict[tuple[str, str], int] = {}

    def read(self, row: int) -> ListedInstitution | RefusedRow | None:
        """The institution of a row, why it is refused, or None for an empty row."""
        texts = {name: self._cell(row, column) for name, column in self._columns.items()}
        if not any(texts.values()):
            return None
        fault = next(self._faults(texts), None)
        if fault is not None:
            name, reason = fault
            where = coordinate(row, self._columns[name]) if name in self._columns else f"{row}行"
            return RefusedRow(row, where, texts.get("name", ""), reason)
        listed = self._listed(row, texts)
        for what in (("id", listed.id), ("login", listed.login), ("email", self._email(texts) or "")):
            if what[1]:
                self._seen[what] = row
        return listed

    def _listed(self, row: int, texts: Mapping[str, str]) -> ListedInstitution:
        identity = self._identity(texts)
        values = {
            field.id: normal_value(field, texts.get(f"field:{field.id}", "")) for field in self._programme.registration
        }
        listed = ListedInstitution(
            row=row,
            id=identity,
            name=texts["name"],
            kind=self._kinds[_plain(texts["kind"])],
            beds=_count(texts.get("beds", "")),
            staff=_count(texts.get("staff", "")),
            region=texts.get("region") or None,
            number=texts.get("number") or None,
            login=texts.get("login", "").lower() or identity,
            values={name: value for name, value in values.items() if value},
        )
        return replace(listed, state="known") if identity in self._known else listed

    def _faults(self, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        if not texts["name"]:
            yield "name", "医療機関名が空です。"
        if _plain(texts["kind"]) not in self._kinds:
            yield "kind", f"種別「{texts['kind']}」は、次のどれでもありません：{'、'.join(self._kinds)}"
        for name in ("beds", "staff"):
            if texts.get(name) and _count(texts[name]) is None:
                yield name, f"{_FIXED[name]}「{texts[name]}」は整数ではありません。"
        identity = self._identity(texts)
        if not _SLUG.fullmatch(identity):
            where = "id" if texts.get("id") else "number"
            yield where, "医療機関IDか番号が要ります（英小文字と数字、. _ -、64文字まで）。"
        if identity in self._participants:
            yield "id", f"「{identity}」は、すでにこの支援事業に参加しています。"
        if identity in self._kept:
            yield "id", f"「{identity}」の記録は、すでに使われています。管理者が取り込んでください。"
        login = texts.get("login", "").lower() or identity
        if not _LOGIN.fullmatch(login):
            yield "login", f"ログイン名「{login}」は使えません（英小文字と数字、. _ @ -、3文字から64文字）。"
        new = identity not in self._served
        if new and login in self._logins:
            yield "login", f"ログイン名「{login}」は、すでに使われています。"
        email = self._email(texts)
        if new and email and email in self._emails:
            yield self._email_column(), f"メールアドレス「{email}」は、ほかのアカウントで使われています。"
        values = {field.id: texts.get(f"field:{field.id}", "") for field in self._programme.registration}
        for field, reason in registration_faults(self._programme, values).items():
            yield f"field:{field}", reason
        for name, value in (("id", identity), ("login", login), ("email", email or "")):
            if value and (name, value) in self._seen:
                where = self._email_column() if name == "email" else name
                yield where, f"「{value}」は{self._seen[name, value]}行にもあります。"

    def _identity(self, texts: Mapping[str, str]) -> str:
        given = texts.get("id", "").lower()
        if given:
            return given
        number = unicodedata.normalize("NFKC", texts.get("number", "")).lower()
        return f"{self._programme.id}-{number}"[:64] if number else ""

    def _email_column(self) -> str:
        field = next((field.id for field in self._programme.registration if field.type == "email"), "")
        return f"field:{field}"

    def _email(self, texts: Mapping[str, str]) -> str | None:
        value = texts.get(self._email_column(), "")
        return unicodedata.normalize("NFKC", value).strip().lower() or None

    def _cell(self, row: int, column: int) -> str:
        return _text(self._sheet.cell(row, column), self._sheet.epoch)


def _text(cell: RawCell | None, _epoch: datetime) -> str:
    """A cell as text; a formula counts as its text, which no field takes."""
    if cell is None:
        return ""
    if cell.kind == "number" and isinstance(cell.value, float) and cell.value.is_integer():
        return str(int(cell.value))
    return " ".join(str(cell.value).split())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace(" ", "").casefold()


def _count(text: str) -> int | None:
    normal = unicodedata.normalize("NFKC", text).replace(",", "")
    return int(normal) if re.fullmatch(r"[0-9]{1,5}", normal) else None
