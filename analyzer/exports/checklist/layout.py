"""Where things stand in a checklist workbook: what the one who fills it in sees, and what the way back relies on.

The hidden sheet `META_SHEET` holds `name, value` rows: format, institution_id, as_of, knowledge_version, and in the
checklist of some sections only PART with their keys (`mhlw-5:6.3`), one a cell: a control of any other section is not
in the file, and its answers stay as they are when the file comes back. Then BASE rows, one for each row of a
table that held something or may be filled in: table, the row's key, and the digests of what its input cells held
(see `baseline`), separated by spaces in the order of the fields. The key of a row of answers is its two hidden keys
with a space between; of the others it is their `row`, `vendor` or `fact`; a row without a key was empty. Below them,
after the row that begins with TABLES_MARK, a row a table: name, sheet, header row, first row, last row, then the
field names from column A on.

A row of answers may stand for several controls that ask the same of a party: its `control` then holds all their keys,
joined by LIST_SEPARATOR, and what is filled in is the answer for each of them. (Format 1 had one key a row; format 2
had no BASE rows and no `row` keys.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analyzer.exports.xlsx.looks import BODY, CENTRE, DATE, INPUT, INPUT_CENTRE, INPUT_DATE, Look

FORMAT: Final = "sansho-checklist/3"
WITHOUT_BASE: Final = "sansho-checklist/2"
"""The format before: what its cells held when it was made is not known."""
META_SHEET: Final = "_sansho"
TABLES_MARK: Final = "table"
PART: Final = "sections"
BASE: Final = "base"

COVER_SHEET: Final = "表紙・集計"
GUIDE_SHEET: Final = "使い方"
DIVISION_SHEET: Final = "責任分界"
FORM_SHEET: Final = "記入"
EVIDENCE_SHEET: Final = "証跡"
REVIEW_SHEET: Final = "サービス・閲覧記録"
FACT_SHEET: Final = "施設への質問"
LEFT_OUT_SHEET: Final = "適用除外"
REQUEST_SHEET: Final = "ベンダー確認"

CONFIRMED: Final = "確認済"
"""What stands in 再確認 once a carried-over answer has been checked again."""

LIST_SEPARATOR: Final = ", "
"""Between the ids of one cell."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table to fill in. A key is hidden and locked; an input is open."""

    name: str
    header: str
    width: float
    look: Look = BODY
    group: str = ""
    key: bool = False
    terms: str = ""

    @property
    def input(self) -> bool:
        """Whether the one who fills it in may write here."""
        return not self.look.locked


_ASKED, _ANSWER, _STATE = "確かめること", "記入欄", "基準日の状態"

ANSWERS: Final = (
    Field("control", "管理策キー", 24, group=_ASKED, key=True),
    Field("party", "担い手キー", 12, group=_ASKED, key=True),
    Field("id", "項番", 11, CENTRE, _ASKED),
    Field("title", "題名・区分", 16, BODY, _ASKED),
    Field("party_name", "担い手", 10, CENTRE, _ASKED),
    Field("duty", "行うこと", 34, BODY, _ASKED),
    Field("expected", "監査で証跡となるもの", 24, BODY, _ASKED),
    Field("related", "関連項目・参考にできる回答", 26, BODY, _ASKED),
    Field("status", "状況", 9, INPUT_CENTRE, _ANSWER),
    Field("reason", "理由（該当なしは必須）", 14, INPUT, _ANSWER),
    Field("checked_on", "確認日", 11, INPUT_DATE, _ANSWER),
    Field("evidence", "証跡の番号", 13, INPUT, _ANSWER),
    Field("owner", "担当", 11, INPUT, _ANSWER),
    Field("due", "期限", 11, INPUT_DATE, _ANSWER),
    Field("note", "備考", 18, INPUT, _ANSWER),
    Field("carried_over", "再確認", 10, INPUT_CENTRE, _ANSWER),
    Field("proof", "証跡の状態", 9, CENTRE, _STATE, terms="proof"),
    Field("next", "次の対応", 24, BODY, _STATE),
)
EVIDENCE: Final = (
    Field("id", "番号", 18, INPUT, _ANSWER),
    Field("title", "題名", 34, INPUT, _ANSWER),
    Field("kind", "種類", 12, INPUT_CENTRE, _ANSWER),
    Field("issued_on", "発行日", 11, INPUT_DATE, _ANSWER),
    Field("valid_until", "有効期限", 11, INPUT_DATE, _ANSWER),
    Field("covers_from", "対象期間の始め", 11, INPUT_DATE, _ANSWER),
    Field("covers_to", "対象期間の終わり", 11, INPUT_DATE, _ANSWER),
    Field("location", "保管場所", 24, INPUT, _ANSWER),
    Field("note", "備考", 24, INPUT, _ANSWER),
    Field("expires_on", "証跡となる最後の日", 11, DATE, _STATE),
    Field("state", "状態", 14, BODY, _STATE),
    Field("used_by", "使っている項目", 18, BODY, _STATE),
    Field("row", "行キー", 12, group=_STATE, key=True),
)
SERVICES: Final = (
    Field("vendor", "サービス", 22),
    Field("name", "ベンダー・サービスの名称", 30),
    Field("nda_concluded_on", "NDAの締結日", 12, INPUT_DATE),
    Field("used_for", "用途", 40, INPUT),
)
REVIEWS: Final = (
    Field("vendor", "サービス", 22, INPUT),
    Field("sections", "章（空欄はすべて）", 30, INPUT),
    Field("reviewed_on", "確認日", 12, INPUT_DATE),
    Field("note", "備考", 40, INPUT),
    Field("documents", "確かめた資料", 14, INPUT_CENTRE),
    Field("by", "確認者", 18, INPUT),
    Field("row", "行キー", 12, key=True),
)
FACTS: Final = (
    Field("fact", "質問キー", 40, key=True),
    Field("question", "質問", 52),
    Field("help", "説明", 70),
    Field("answer", "回答", 12, INPUT_CENTRE),
    Field("controls", "未回答のため適用ありとしている項目の数", 20, CENTRE),
)
