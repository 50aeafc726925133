"""A workbook of somebody else's making, such as a consultant's: which of its columns say what is suggested, and a
person confirms or changes that before anything is proposed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openpyxl.utils import column_index_from_string, get_column_letter
from rapidfuzz import fuzz, process

from analyzer.engine.rulebook import Rulebook
from analyzer.errors import InputError
from analyzer.exports.visible import visible
from analyzer.intake.compare import Comparison
from analyzer.intake.filled import Filled, FilledRow, FilledTable, Refused
from analyzer.intake.proposal import Proposal
from analyzer.intake.values import known_parties, plain
from analyzer.intake.workbook import RawCell, RawSheet, coordinate
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.vocabulary import PARTIES, STATUSES
from analyzer.search.identifiers import canonical
from analyzer.store.records import Record

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "control": ("項番", "項目番号", "管理策番号", "要求事項番号", "ガイドライン項番", "番号", "No.", "ID", "管理策"),
    "party": ("担い手", "当事者", "責任主体", "担当区分", "実施主体", "主体"),
    "status": ("状況", "対応状況", "実施状況", "遵守状況", "達成状況", "判定", "評価", "結果", "対応可否"),
    "reason": ("理由", "非該当理由", "対象外の理由", "該当しない理由"),
    "checked_on": ("確認日", "点検日", "評価日", "回答日", "確認年月日"),
    "evidence": ("証跡", "証跡番号", "エビデンス", "根拠資料", "証拠", "関連文書"),
    "owner": ("担当", "担当者", "担当部署", "責任者", "主管"),
    "due": ("期限", "対応期限", "完了予定日", "予定日", "目標日", "実施予定"),
    "note": ("備考", "コメント", "メモ", "特記事項", "補足", "所見"),
}
"""What a foreign workbook may say, and how its headings use to be called."""

_STATUS_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "implemented": (
        "済", "済み", "○", "〇", "◯", "◎", "●", "対応済", "対応済み", "実施済み", "実施している", "実施", "完了",
        "適合", "遵守", "はい", "有", "OK", "Yes",
    ),
    "partial": ("一部", "△", "▲", "一部対応", "一部実施", "一部適合", "部分的", "不十分"),
    "planned": ("計画中", "予定", "対応予定", "検討中", "対応中", "準備中", "着手"),
    "not_implemented": (
        "未", "×", "✕", "✖", "未対応", "未実施", "実施していない", "対応していない", "不適合", "いいえ",
        "無", "NG", "No",
    ),
    "not_applicable": ("対象外", "非該当", "該当なし", "該当せず", "適用外", "－", "―", "ー", "-", "N/A", "NA"),
    "unanswered": ("未回答", "未確認", "未記入", "不明", "？", "?"),
}  # fmt: skip
_PARTY_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("利用者", "医療機関", "病院", "診療所", "当院", "自院", "院内", "ユーザー"),
    "integrator": ("SI事業者", "SIer", "SI", "ベンダー（SI）", "構築事業者", "保守事業者", "システム事業者"),
}
_HEADER_ROWS, _WORDS_SHOWN = 60, 40
_HEADING_FROM, _WORD_FROM, _SURE = 62.0, 60.0, 100.0
_CIRCLED = re.compile("[①-⑳]")
_BRACKETED = re.compile(r"[(（]\s*([0-9０-９]{1,2})\s*[)）]")
_LETTERS = re.compile(r"[A-Z]{1,3}\Z")


@dataclass(frozen=True, slots=True)
class ForeignMapping:
    """How to read a sheet. columns: field (of FIELDS) → column letter; control and status have to be there.

    guideline: whose id is meant where several have it. party: whose answers the rows are, where no column
    says so. statuses, parties: what a cell shows → the word, `unanswered` for what is no answer.
    """

    sheet: str
    header_row: int
    columns: Mapping[str, str]
    guideline: str | None
    party: str | None
    statuses: Mapping[str, str]
    parties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SuggestedColumn:
    """A column that seems to be a field, and how sure that is (0 to 100)."""

    field: str
    column: str
    heading: str
    score: float


@dataclass(frozen=True, slots=True)
class SuggestedWord:
    """What cells show, how many do, the word it seems to be (None: none near it), and how sure that is."""

    shown: str
    count: int
    word: str | None
    score: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A mapping for a person to confirm, with what it rests on. headings: column letter → heading, of all columns.

    found: how many rows name a control of the knowledge base.
    """

    mapping: ForeignMapping
    columns: tuple[SuggestedColumn, ...]
    statuses: tuple[SuggestedWord, ...]
    parties: tuple[SuggestedWord, ...]
    headings: Mapping[str, str]
    found: int


def suggest_mapping(
    sheets: Sequence[RawSheet], knowledge: KnowledgeBase, rulebook: Rulebook, sheet: str | None = None
) -> Suggestion | None:
    """How a workbook, or one sheet of it, seems to be laid out; None where no column names controls."""
    ids = ControlIds(knowledge)
    found = [
        candidate
        for each in sheets
        if sheet is None or each.name == sheet
        for row in list(each.rows)[:_HEADER_ROWS]
        if (candidate := _candidate(each, row, ids)) is not None
    ]
    if not found:
        return None
    best = max(found, key=lambda candidate: (candidate[0], -candidate[2]))
    _, chosen, row, columns, guideline, count = best
    return _suggestion(chosen, row, columns, guideline, count, rulebook)


def remap(
    sheets: Sequence[RawSheet], mapping: ForeignMapping, rulebook: Rulebook
) -> tuple[tuple[SuggestedWord, ...], tuple[SuggestedWord, ...]]:
    """The words of the status and the party column of a mapping that a person has changed, with suggestions."""
    sheet = _sheet(sheets, mapping.sheet)
    return (
        _words(sheet, mapping.header_row, mapping.columns.get("status"), _known_statuses(rulebook)),
        _words(sheet, mapping.header_row, mapping.columns.get("party"), _known_parties(rulebook)),
    )


def mapping_data(mapping: ForeignMapping) -> dict[str, Any]:
    """The mapping as data for a file."""
    return {
        "sheet": mapping.sheet,
        "header_row": mapping.header_row,
        "guideline": mapping.guideline,
        "party": mapping.party,
        "columns": dict(mapping.columns),
        "statuses": dict(mapping.statuses),
        "parties": dict(mapping.parties),
    }


def mapping_of(data: Any, name: str, knowledge: KnowledgeBase) -> ForeignMapping:
    """The mapping that data of a file says. Raises InputError that names the fault."""
    if not isinstance(data, dict):
        raise InputError.single(name, "is not a mapping: sheet, header_row, columns, statuses …")
    unknown = data.keys() - {"sheet", "header_row", "guideline", "party", "columns", "statuses", "parties"}
    if unknown:
        raise InputError.single(name, f"unknown key {sorted(map(str, unknown))[0]!r}")
    columns = _texts(data.get("columns"), name, "columns")
    for field, letter in columns.items():
        if field not in FIELDS:
            raise InputError.single(name, f"{field!r} is not one of {', '.join(FIELDS)}", path="columns")
        if not _LETTERS.match(letter):
            raise InputError.single(name, f"{letter!r} is not a column such as 'C'", path=f"columns.{field}")
    if not {"control", "status"} <= columns.keys():
        raise InputError.single(name, "'control' and 'status' are needed", path="columns")
    if len(set(columns.values())) != len(columns):
        raise InputError.single(name, "a column is named twice", path="columns")
    header_row, sheet = data.get("header_row"), data.get("sheet")
    if not isinstance(header_row, int) or isinstance(header_row, bool) or header_row < 1:
        raise InputError.single(name, f"{header_row!r} is not the number of a row", path="header_row")
    if not isinstance(sheet, str) or not sheet:
        raise InputError.single(name, "the sheet is not named", path="sheet")
    guideline, party = data.get("guideline"), data.get("party")
    if guideline is not None and guideline not in knowledge.guidelines:
        raise InputError.single(name, f"no guideline {guideline!r}", path="guideline")
    if party is not None and party not in PARTIES:
        raise InputError.single(name, f"{party!r} is not one of {', '.join(PARTIES)}", path="party")
    if party is None and "party" not in columns:
        raise InputError.single(name, "say whose answers these are: party, or a column of it", path="party")
    return ForeignMapping(
        sheet=sheet,
        header_row=header_row,
        columns=columns,
        guideline=guideline,
        party=party,
        statuses=_closed(data.get("statuses"), name, "statuses", STATUSES),
        parties=_closed(data.get("parties"), name, "parties", PARTIES),
    )


def propose_foreign(
    sheets: Sequence[RawSheet],
    name: str,
    mapping: ForeignMapping,
    record: Record,
    knowledge: KnowledgeBase,
    rulebook: Rulebook,
) -> Proposal:
    """What a foreign workbook, read by a mapping that a person has confirmed, would change.

    An empty cell changes nothing. What the record holds already is replaced only where a person chooses so, since
    nobody knows when the workbook was written. Raises InputError where the sheet is not in the workbook.
    """
    sheet = _sheet(sheets, mapping.sheet, name)
    rows, refused = _rows(sheet, mapping, ControlIds(knowledge))
    columns = {field: column_index_from_string(letter) for field, letter in mapping.columns.items()}
    inputs = {field: column for field, column in columns.items() if field not in {"control", "party"}}
    table = FilledTable("answers", sheet.name, {**inputs, "control": 0, "party": 0}, tuple(rows), ())
    filled = Filled(
        format="foreign",
        institution=record.institution.id,
        as_of="",
        knowledge_version=knowledge.version,
        sections=(),
        base=None,
        epoch=sheet.epoch,
        tables={"answers": table},
        refused=tuple(refused),
    )
    return Comparison(record, knowledge, rulebook, filled, asks=True, clears=False).proposal(name)


class ControlIds:
    """Controls by the ids that people write for them: `mhlw-5:6.3-01`, `6.3-1`, `６．３（１）`, `6.3①`."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self._found: dict[str, list[str]] = {}
        self._written: dict[str, str] = {}
        for control in knowledge.controls.values():
            for written in (control.id, control.key):
                self._found.setdefault(canonical(written), []).append(control.key)

    def find(self, text: str, guideline: str | None = None) -> tuple[str, ...]:
        """The keys that an id may mean; of the guideline alone where one is given."""
        written = self._written.get(text)
        if written is None:
            written = self._written[text] = _as_printed(text)
        keys = self._found.get(written, [])
        return tuple(key for key in keys if guideline is None or key.startswith(f"{guideline}:"))


def _as_printed(text: str) -> str:
    """An id with its last number after a dash."""
    numbered = _CIRCLED.sub(lambda match: f"-{int(unicodedata.numeric(match.group()))}", text[:80])
    numbered = _BRACKETED.sub(lambda match: f"-{match.group(1)}", numbered)
    return canonical(re.sub(r"\s+", "", numbered)).replace("--", "-")


# -- the sheet's rows as answers --------------------------------------------------------------------------------------


def _rows(sheet: RawSheet, mapping: ForeignMapping, ids: ControlIds) -> tuple[list[FilledRow], list[Refused]]:
    columns = {field: column_index_from_string(letter) for field, letter in mapping.columns.items()}
    inputs = {field: column for field, column in columns.items() if field not in {"control", "party"}}
    rows: list[FilledRow] = []
    refused: list[Refused] = []
    for number, cells in sheet.rows.items():
        held = {field: cells[column] for field, column in inputs.items() if column in cells}
        if number <= mapping.header_row or not held:
            continue
        key, party, reason = _whose(cells, columns, mapping, ids)
        if reason is not None:
            refused.append(Refused(sheet.name, coordinate(number, columns["control"]), reason))
            continue
        status = held.get("status")
        if status is not None and status.kind in {"text", "number"}:
            word = _mapped(str(status.value), mapping.statuses)
            if word is None:
                where = coordinate(number, inputs["status"])
                shown = visible(str(status.value)).strip()[:40]
                refused.append(Refused(sheet.name, where, f"「{shown}」の読み替えが決まっていない。"))
                continue
            held["status"] = RawCell(word, "text")
        held |= {"control": RawCell(key, "text"), "party": RawCell(party, "text")}
        merged = frozenset(field for field, column in inputs.items() if sheet.in_merge(number, column))
        rows.append(FilledRow(sheet.name, number, inputs, held, merged))
    return rows, refused


def _whose(
    cells: Mapping[int, RawCell], columns: Mapping[str, int], mapping: ForeignMapping, ids: ControlIds
) -> tuple[str, str, str | None]:
    """A row's control and party, or why they are not known."""
    written = _shown(cells.get(columns["control"]))
    if not written:
        return "", "", "項番がないため、どの項目の回答か分からない。"
    keys = ids.find(written)
    if len(keys) > 1:
        keys = ids.find(written, mapping.guideline)
    if not keys:
        return "", "", f"項番「{written[:40]}」は知識ベースにない。"
    if len(keys) > 1:
        return "", "", f"項番「{written[:40]}」は複数のガイドラインにある。どのガイドラインの表かを決める。"
    party = mapping.party or ""
    if "party" in columns:
        shown = _shown(cells.get(columns["party"]))
        named = _mapped(shown, mapping.parties) if shown else mapping.party
        if named is None:
            return "", "", f"担い手「{shown[:40]}」の読み替えが決まっていない。" if shown else "担い手がない。"
        party = named
    return keys[0], party, None


def _mapped(shown: str, words: Mapping[str, str]) -> str | None:
    wanted = plain(shown)
    return next((word for text, word in words.items() if plain(text) == wanted), None)


def _shown(cell: RawCell | None) -> str:
    if cell is None or cell.kind not in {"text", "number"}:
        return ""
    return visible(str(cell.value)).strip()


def _sheet(sheets: Sequence[RawSheet], wanted: str, name: str = "workbook") -> RawSheet:
    for sheet in sheets:
        if sheet.name == wanted:
            return sheet
    raise InputError.single(name, f"has no sheet {wanted!r}", path="sheet")


# -- suggesting -------------------------------------------------------------------------------------------------------

_Candidate = tuple[float, RawSheet, int, list[SuggestedColumn], str | None, int]


def _candidate(sheet: RawSheet, row: int, ids: ControlIds) -> _Candidate | None:
    """A row as the headings of a table: how well it fits, and how; None where nothing below it names controls."""
    headings = {
        column: str(cell.value) for column, cell in sheet.rows[row].items() if cell.kind == "text" and cell.value
    }
    matched = _matched_columns(headings)
    if not any(each.field == "status" for each in matched):
        return None
    counted = {column: _controls(sheet, row, column, ids) for column in headings}
    named = next((each for each in matched if each.field == "control"), None)
    # What stands below tells more than a heading: the column of most ids is that of the ids.
    richest = max(counted, key=lambda column: sum(counted[column].values()), default=None)
    if richest is None or not counted[richest]:
        return None
    letter = get_column_letter(richest)
    score = named.score if named is not None and named.column == letter else _HEADING_FROM
    matched = [each for each in matched if each.field != "control" and each.column != letter]
    if not any(each.field == "status" for each in matched):
        return None
    guideline, count = counted[richest].most_common(1)[0]
    columns = [SuggestedColumn("control", letter, headings[richest], score), *matched]
    return sum(each.score for each in columns) + min(count, 200), sheet, row, columns, guideline, count


def _controls(sheet: RawSheet, row: int, column: int, ids: ControlIds) -> Counter[str]:
    """Of each guideline, how many cells below a heading name a control."""
    found: Counter[str] = Counter()
    for number, cells in sheet.rows.items():
        if number > row and column in cells:
            guidelines = {key.partition(":")[0] for key in ids.find(_shown(cells[column]))}
            found.update(guidelines)
    return found


def _matched_columns(headings: Mapping[int, str]) -> list[SuggestedColumn]:
    """Each field's column, the surest pairs first, no column for two fields."""
    pairs = sorted(
        (
            (_heading_score(heading, names), field, column)
            for column, heading in headings.items()
            for field, names in FIELDS.items()
        ),
        key=lambda pair: (-pair[0], list(FIELDS).index(pair[1]), pair[2]),
    )
    taken: dict[str, SuggestedColumn] = {}
    used: set[int] = set()
    for score, field, column in pairs:
        if score >= _HEADING_FROM and field not in taken and column not in used:
            used.add(column)
            heading = visible(headings[column]).replace("\n", " ")
            taken[field] = SuggestedColumn(field, get_column_letter(column), heading, round(score, 1))
    return [taken[field] for field in FIELDS if field in taken]


def _heading_score(heading: str, names: Sequence[str]) -> float:
    written = plain(heading)
    if not written or len(written) > 40:
        return 0.0
    return max(
        max(fuzz.ratio(written, plain(name)), 0.9 * fuzz.partial_ratio(written, plain(name)) if len(name) > 1 else 0.0)
        for name in names
    )


def _suggestion(
    sheet: RawSheet, row: int, columns: list[SuggestedColumn], guideline: str | None, count: int, rulebook: Rulebook
) -> Suggestion:
    letters = {each.field: each.column for each in columns}
    statuses = _words(sheet, row, letters.get("status"), _known_statuses(rulebook))
    parties = _words(sheet, row, letters.get("party"), _known_parties(rulebook))
    mapping = ForeignMapping(
        sheet=sheet.name,
        header_row=row,
        columns=letters,
        guideline=guideline,
        party=None if parties else "user",
        statuses={each.shown: each.word for each in statuses if each.word is not None},
        parties={each.shown: each.word for each in parties if each.word is not None},
    )
    headings = {
        get_column_letter(column): visible(str(cell.value)).replace("\n", " ")[:60]
        for column, cell in sheet.rows[row].items()
    }
    return Suggestion(mapping, tuple(columns), statuses, parties, headings, count)


def _words(sheet: RawSheet, row: int, letter: str | None, known: Mapping[str, str]) -> tuple[SuggestedWord, ...]:
    """What the cells of a column show, the most frequent first, each with the word it seems to be."""
    if letter is None:
        return ()
    column = column_index_from_string(letter)
    shown = Counter(
        text for number, cells in sheet.rows.items() if number > row and (text := _shown(cells.get(column)))
    )
    found = []
    for text, count in shown.most_common(_WORDS_SHOWN):
        written = plain(text)
        if written in known:
            found.append(SuggestedWord(text, count, known[written], _SURE))
            continue
        near = process.extractOne(written, known.keys(), scorer=fuzz.ratio, score_cutoff=_WORD_FROM)
        word, score = (known[near[0]], round(float(near[1]), 1)) if near else (None, 0.0)
        found.append(SuggestedWord(text, count, word, score))
    return tuple(found)


def _known_statuses(rulebook: Rulebook) -> dict[str, str]:
    terms = rulebook.terms["status"]
    ours = {plain(shown): word for word, term in terms.items() for shown in (term.ja, term.en, f"{term.mark}{term.ja}")}
    return {**{plain(shown): word for word, texts in _STATUS_WORDS.items() for shown in texts}, **ours}


def _known_parties(rulebook: Rulebook) -> dict[str, str]:
    labels = known_parties(rulebook, PARTIES).labels
    ours = {plain(label): word for word, label in labels.items()}
    return {**{plain(shown): word for word, texts in _PARTY_WORDS.items() for shown in texts}, **ours}


# -- reading a mapping ------------------------------------------------------------------------------------------------


def _texts(value: Any, name: str, path: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for pair in value.items() for each in pair):
        raise InputError.single(name, "is not a mapping of texts", path=path)
    return dict(value)


def _closed(value: Any, name: str, path: str, words: Collection[str]) -> dict[str, str]:
    found = _texts(value, name, path)
    for shown, word in found.items():
        if word not in words:
            raise InputError.single(name, f"{word!r} is not one of {', '.join(words)}", path=f"{path}.{shown}")
    return found
