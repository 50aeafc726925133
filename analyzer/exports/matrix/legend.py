"""The legend: every word of every set with its mark and meaning, and how the sheets are to be read."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.exports.matrix.context import (
    BY_CONTROL,
    BY_REFERENCE,
    CARRIED_OVER,
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
}
# Meanings of words whose term carries no help of its own.
_MEANINGS = {
    "level": {
        "minimum": "ガイドラインが、必ず守るよう求める。",
        "recommended": "ガイドラインが、守ることを勧める。",
        "none": "ガイドラインが区分を付けていない。",
    },
    "clause_class": {"basic": "基本として求められる。", "recommended": "望ましいものとして求められる。"},
    "vendor_conformity": {
        "conformable": "ベンダーのサービスは、この項目に適合できると回答している。",
        "out_of_scope": "ベンダーのサービスの範囲の外にあると回答している。適合の意味ではない。",
        "not_conforming": "ベンダーのサービスは、この項目に適合していないと回答している。",
        "no_answer": "調査にこの項目への回答がない。",
    },
    "disclosure": {
        "public": "回答の裏付けを、誰でも読める文書で確かめられる。",
        "nda": "裏付けの詳細は、秘密保持契約（NDA）を結んで示される。",
        "none": "裏付けの文書が示されていない。",
    },
    "party": {
        "user": "クラウドサービスを使う医療機関。",
        "integrator": "医療機関に代わってシステムを組み立て、保守する事業者。",
        "vendor": "クラウドサービスを提供する事業者。",
    },
    "responsibility": {
        "vendor": "ベンダーの対応で足り、利用者側の対応は書かれていない。",
        "shared": "ベンダーが対応し、利用者側にも行うべきことがある。",
        "user_side": "ベンダーの対応がなく、利用者側で行う。",
        "none_stated": "誰が行うかが出典に書かれていない。",
    },
    "applicability": {
        "applicable": "この機関に当てはまる。条件の分からない項目もここに入る。",
        "not_applicable": "適用条件に当たらないため、この機関には求められない。",
    },
    "conformity": {
        "conforming": "利用者側の対応も、ベンダーの回答の裏付けもそろっている。",
        "conforming_pending": "対応はそろっているが、裏付け・証跡・引き継いだ回答などに確かめるべきことが残る。",
        "partial": "一部の対応が済んでいない。",
        "nonconforming": "求められる対応が行われていない。",
        "not_assessed": "回答や担当が定まらず、判定できない。適合の意味ではない。",
        "not_applicable": "適用条件または理由のある申告により、評価の対象としない。",
    },
    "assurance": {
        "public": "公開された文書で裏付けられている。",
        "nda_reviewed": "機関がNDAのもとで資料を読み、その日が記録されている。",
        "nda_unreviewed": "NDAのもとで示される資料を、機関がまだ読んでいない。",
        "stale": "調査や閲覧が古いか、拠り所の認証が失効している。",
        "none": "裏付けがない。",
    },
    "proof": {
        "current": "基準日に有効な証跡がある。",
        "expired": "証跡はあるが、どれも基準日までに期限が切れている。",
        "missing": "証跡がないか、どれも基準日より後に発行されている。",
    },
    "gap_kind": {
        "duty_open": "求められる対応のうち、済んでいないものがある。",
        "duty_unanswered": "対応したかどうかの回答がない。",
        "proof_missing": "対応したという回答に、証跡が付いていない。",
        "proof_expired": "付いている証跡の期限が切れている。",
        "vendor_confirmation": "ベンダーの回答を、最新の資料で確かめる必要がある。",
        "vendor_nonconformity": "ベンダーが、適合していないと回答している。",
        "no_vendor_answer": "この項目へのベンダーの回答がない。",
        "duty_unstated": "ベンダーの対象外で、行う者も決まっていない。",
    },
    "priority": {
        "high": "最初に手を付ける。",
        "medium": "高の次に手を付ける。",
        "low": "ほかが片付いてから手を付ける。",
    },
    "title_known": {
        "stated": "出典に印字されている。",
        "inferred": "出典の記述から推し量った。",
        "unknown": "出典からは分からない。",
    },
}


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
    for of, terms in context.rulebook.terms.items():
        for word, term in terms.items():
            meaning = term.help or _MEANINGS.get(of, {}).get(word, "")
            yield [_SETS.get(of, of), term.mark, term.ja, meaning, term.en]


def _colour_samples(context: Context) -> None:
    """Show each word in the colour that it has in the other sheets."""
    sheet = context.sheets[LEGEND]
    words = ((of, word, term) for of, terms in context.rulebook.terms.items() for word, term in terms.items())
    for row, (of, word, term) in enumerate(words, FIRST_ROW):
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
    yield [
        name(CLAUSES),
        "引用する項目",
        "【　】は、その項目の行に印字された区分。条項の一覧の区分と異なることがある。",
    ]
    yield [name(REGISTER), "題名の確かさ", "題名や日付が出典に印字されているか、記述から推し量ったものか。"]
    yield [name(BY_CONTROL), "全体", "1行が、項目と参照先（MIC要求事項・文献・認証）の1組。項目の順。"]
    yield [name(BY_REFERENCE), "全体", "同じ組を、参照先の順に並べたもの。"]
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
