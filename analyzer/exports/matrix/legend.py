"""The legend: every word of every set with its mark and meaning, and how the sheets are to be read."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.engine.rulebook import Term
from analyzer.exports.matrix.context import (
    BY_CONTROL,
    BY_REFERENCE,
    CLAUSES,
    FIRST_ROW,
    GAPS,
    HEADER_ROW,
    LEFT_OUT,
    LEGEND,
    OWN_EVIDENCE,
    PROFILE,
    REGISTER,
    RESPONSIBILITY,
    RULES,
    SUMMARY,
    Context,
)
from analyzer.exports.wording import CARRIED_OVER
from analyzer.exports.xlsx.book import Column, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE, toned

_SETS = {
    "level": "項目の区分",
    "clause_class": "MIC要求事項の区分",
    "vendor_conformity": "ベンダーの回答（適合性）",
    "disclosure": "開示区分",
    "party": "当事者",
    "responsibility": "責任分界",
    "applicability": "適用",
    "conformity": "判定",
    "assurance": "回答の裏付け",
    "status": "実施状況",
    "proof": "証跡の状態",
    "gap_kind": "ギャップの種類",
    "priority": "優先度",
    "title_known": "題名・日付の確かさ",
    "document_kind": "文献の種類",
    "evidence_kind": "証跡の種類",
    "institution_kind": "機関の種別",
    "relation": "ほかのガイドラインの項目との関係",
    "relation_source": "関係の出典",
    "evidence_way": "裏付けの種類",
}
# Words of the app's screens, which no sheet uses.
_OF_SCREENS = frozenset({"facet", "facet_value", "column"})


def write_legend(context: Context) -> None:
    """Fill the legend."""
    sheet = context.heading(LEGEND, "凡例", "記号は色が見えなくても区別できるよう、語の前に付けている。")
    columns = [
        Column("用語の集まり", 28),
        Column("記号", 8, CENTRE),
        Column("用語", 24),
        Column("意味", 90),
        Column("英語", 28),
    ]
    row = context.book.table(sheet, HEADER_ROW, columns, list(_terms(context)), filters=False).last_row
    _colour_samples(context)
    columns = [Column("シート", 36, BODY, span=2), Column("列", 24), Column("読み方", 118, span=2)]
    row = context.book.table(
        sheet, row + 2, columns, list(_readings(context)), filters=False, set_widths=False
    ).last_row
    counted = dict.fromkeys(context.knowledge.conditions, 0)
    for control in context.knowledge.controls.values():
        if control.applies_if is not None:
            counted[control.applies_if] = counted.get(control.applies_if, 0) + 1
    columns = [Column("適用条件", 60, BODY, span=3), Column("条件の内容（英語）", 90), Column("項目の数", 28, CENTRE)]
    conditions: list[list[Value]] = [
        [condition.title.ja, condition.title.en, counted[condition.id]]
        for condition in context.knowledge.conditions.values()
    ]
    context.book.table(sheet, row + 2, columns, conditions, filters=False, set_widths=False)
    context.book.print_setup(sheet, header=context.header, footer=context.footer, paper="A4", repeat_rows=(1, 1))


def _terms(context: Context) -> Iterator[list[Value]]:
    for of, _, term in _explained(context):
        yield [_SETS.get(of, of), term.mark, term.ja, term.help, term.en]


def _explained(context: Context) -> Iterator[tuple[str, str, Term]]:
    for of, terms in context.rulebook.terms.items():
        if of not in _OF_SCREENS:
            for word, term in terms.items():
                yield of, word, term


def _colour_samples(context: Context) -> None:
    """Show each word in the colour that it has in the other sheets."""
    sheet = context.sheets[LEGEND]
    for row, (of, word, term) in enumerate(_explained(context), FIRST_ROW):
        context.book.put(sheet, row, 2, term.mark, toned(CENTRE, of, word))
        context.book.put(sheet, row, 3, term.ja, toned(BODY, of, word))


def _readings(context: Context) -> Iterator[list[Value]]:
    def name(sheet: str) -> str:
        return context.sheets[sheet].title

    for guideline in context.knowledge.encoded_guidelines:
        yield [
            name(guideline.id),
            "全体",
            "1行が1項目。左から、求められること、ベンダーの回答、利用者側の対応の順に読む。",
        ]
    matrix = "各ガイドライン"
    yield [matrix, "原典の標記", "原典に印字された番号や記号。項番は、原典の番号から作った通し番号。"]
    yield [matrix, "要求事項", "原典の趣旨を書き直したもの。正確な文言は原典を参照する。"]
    yield [matrix, "適用条件", "当てはまる機関にだけ求められる項目の条件。「すべての機関」は条件がないことを示す。"]
    yield [
        matrix,
        "条項へ・文献へ・認証へ",
        "押すと、1件ならその台帳の行へ、複数なら対応表の該当箇所へ移る。文献は見解・確認内容に現れるものを含む。",
    ]
    yield [matrix, "インタビュー・NDA資料", "調査者が、公開文書のほかにインタビューやNDA資料で確かめたかどうか。"]
    yield [
        matrix,
        "責任分界（出典の記載）",
        "ベンダーの回答と、利用者側の対応の記載だけから決まる。機関の状況には左右されない。",
    ]
    if context.knowledge.crosswalks:
        yield [
            matrix,
            "関連項目",
            "同じこと、またはその一部を求める、ほかのガイドラインの項目。記号は、相手がこの項目に対して何に当たるかを示す。"
            "一方の回答や証跡は、もう一方に自動では移らない。",
        ]
        yield [matrix, "関連項目へ", "押すと、1件ならその項目の行へ、複数なら対応表の該当箇所へ移る。"]
    yield [
        name(CLAUSES),
        "引用する項目",
        "【　】は、その項目の行に印字された区分。条項の一覧の区分と異なることがある。",
    ]
    yield [name(REGISTER), "題名の確かさ", "題名や日付が出典に印字されているか、記述から推し量ったものか。"]
    related = "・関連項目" if context.knowledge.crosswalks else ""
    yield [name(BY_CONTROL), "全体", f"1行が、項目と参照先（MIC要求事項・文献・認証{related}）の1組。項目の順。"]
    yield [name(BY_REFERENCE), "全体", "MIC要求事項・文献・認証との組を、参照先の順に並べたもの。"]
    yield [name(RESPONSIBILITY), "全体", "節ごとの件数。「計」の行はガイドラインごとの合計。"]
    if context.assessment is None:
        return
    yield [matrix, "評価", "基準日の状態。規則の番号は「判定規則」のシートで引ける。"]
    yield [matrix, "引継ぎ", f"「{CARRIED_OVER}」は、前回の評価から写し、まだ確かめ直していない回答。"]
    yield [matrix, "判定での扱い", "回答が判定に使われたか、使われなければその訳。"]
    yield [name(SUMMARY), "適合率", "「適合」の件数を、適用のある件数で割ったもの。要確認の適合は数えない。"]
    yield [name(GAPS), "全体", "優先度の高い順。項番は、その項目の行へのリンク。"]
    yield [name(LEFT_OUT), "全体", "評価の対象としない項目と、その理由。"]
    yield [name(PROFILE), "全体", "機関が自らについて答えた内容。未回答の問いは適用ありとして扱う。"]
    yield [name(OWN_EVIDENCE), "最終有効日", "証跡が効力を持つ最後の日。登録した日は効力に関わらない。"]
    yield [name(RULES), "全体", "判定やギャップを決めた規則の番号と、その理由。"]
