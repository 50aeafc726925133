"""The registers: MIC clauses, the vendors' documents and certifications, and what the institution itself has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from analyzer.engine.periods import expires_on
from analyzer.exports.matrix.context import (
    CLAUSES,
    FIRST_ROW,
    GROUP_ROW,
    HEADER_ROW,
    OWN_EVIDENCE,
    PROFILE,
    REGISTER,
    Context,
)
from analyzer.exports.matrix.links import References
from analyzer.exports.xlsx.book import Column, Link, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE, DATE, LABEL, NUMBER
from analyzer.model.catalog import Document
from analyzer.model.institution import Evidence
from analyzer.model.results import Assessment

# Beyond this many citing controls a clause's further ones are found through its list.
_MOST_LINKS = 24


def write_clauses(context: Context, references: References) -> None:
    """Fill the sheet of MIC clauses."""
    knowledge = context.knowledge
    cited_by = {
        clause: list(dict.fromkeys(pair.control.key for pair in references.pairs_of("clause", clause)))
        for clause in knowledge.clauses
    }
    most = min(_MOST_LINKS, max(map(len, cited_by.values()), default=0))
    warnings = [
        f"{guideline.short_title}：{context.edition_warning(guideline)}"
        for guideline in knowledge.guidelines.values()
        if not guideline.in_force and any(clause.guideline == guideline.id for clause in knowledge.clauses.values())
    ]
    sheet = context.heading(CLAUSES, "MIC要求事項（総務省ガイドラインの条項）", "　".join(warnings))
    columns = [
        Column("条項", 12, CENTRE, "条項の内容"),
        Column("区分", 9, CENTRE, "条項の内容"),
        Column("題名", 30, BODY, "条項の内容"),
        Column("要求事項", 70, BODY, "条項の内容", most=100),
        Column("備考", 40, BODY, "条項の内容", most=70),
        Column("題名（英語）", 30, BODY, "条項の内容"),
        Column("ガイドライン", 24, BODY, "条項の内容"),
        Column("引用する項目の数", 10, NUMBER, "引用する項目"),
        Column("引用する項目（印字された区分）", 34, BODY, "引用する項目", most=70),
        *(Column(f"項目{number}", 11, CENTRE, "各項目へのリンク") for number in range(1, most + 1)),
    ]
    rows: list[list[Value]] = []
    for clause in knowledge.clauses.values():
        pairs = references.pairs_of("clause", clause.id)
        links: list[Value] = [context.control_link(key) for key in cited_by[clause.id][:most]]
        rows.append(
            [
                clause.id,
                context.label("clause_class", clause.clause_class),
                clause.title.ja,
                clause.text,
                clause.note,
                clause.title.en,
                knowledge.guidelines[clause.guideline].short_title,
                references.count_link("clause", clause.id),
                "、".join(f"{pair.control.id}{pair.how}" for pair in pairs),
                *links,
                *[None] * (most - len(links)),
            ]
        )
    table = context.book.table(sheet, GROUP_ROW, columns, rows)
    context.book.freeze(sheet, FIRST_ROW, 2)
    context.book.print_setup(sheet, header=context.header, footer=context.footer, repeat_rows=(1, table.header_row))


def write_register(context: Context, references: References) -> None:
    """Fill the sheet of the vendors' surveys, documents and certifications."""
    surveys = (context.survey_line(vendor) for vendor in context.knowledge.vendors)
    sheet = context.heading(REGISTER, "証跡台帳（ベンダーの調査・文献・認証）", "　".join(surveys))
    columns = [
        Column("番号", 14, CENTRE),
        Column("種別", 12, CENTRE),
        Column("題名", 40, BODY),
        Column("題名の確かさ", 13, CENTRE),
        Column("根拠", 60, BODY, most=90),
        Column("文書の種類", 13, CENTRE),
        Column("形式", 9, CENTRE),
        Column("URL", 44, BODY),
        Column("開く", 8, CENTRE),
        Column("版", 22, CENTRE),
        Column("登録番号", 16, CENTRE),
        Column("版の失効日", 12, DATE),
        Column("後継の版", 22, CENTRE),
        Column("調査者・調査日", 28, BODY),
        Column("ベンダー", 22, BODY),
        Column("依拠する項目の数", 10, NUMBER),
        Column("依拠する項目", 40, BODY, most=70),
    ]
    rows = [_register_row(context, references, index) for index in range(len(context.register))]
    context.book.table(sheet, HEADER_ROW, columns, rows)
    context.book.freeze(sheet, FIRST_ROW, 4)
    context.book.print_setup(sheet, header=context.header, footer=context.footer, repeat_rows=(1, HEADER_ROW))


def _register_row(context: Context, references: References, index: int) -> Sequence[Value]:
    vendor_id, item = context.register[index]
    vendor = context.knowledge.vendors[vendor_id]
    name = vendor.name.ja
    if item is None:
        survey = vendor.survey
        basis = context.word("title_known", survey.surveyed_on_basis)
        made = f"{survey.surveyor}\n遅くとも{survey.surveyed_on}（{basis}）\n全{survey.pages}頁"
        answered = [control.id for control in context.knowledge.controls.values() if vendor_id in control.responses]
        shown = "この調査に回答のある全項目" if answered else None
        head: list[Value] = ["－", "調査", survey.title, *[None] * 6, survey.edition]
        return [*head, None, None, None, made, name, len(answered), shown]
    if isinstance(item, Document):
        pairs = references.pairs_of("document", item.number, vendor_id)
        return [
            f"[{item.number}]",
            "文献",
            item.title or f"題名{context.word('title_known', 'unknown')}",
            context.word("title_known", item.title_known),
            item.basis,
            context.word("document_kind", item.kind),
            context.word("title_known", "unknown") if item.format == "unknown" else item.format.upper(),
            item.url,
            Link("開く", url=item.url, tip=item.url) if item.url else None,
            *[None] * 5,
            name,
            references.count_link("document", item.number, vendor_id),
            _ids(pair.control.id for pair in pairs),
        ]
    pairs = references.pairs_of("certification", item.id, vendor_id)
    return [
        item.id,
        "第三者認証",
        item.title,
        None,
        item.basis,
        *[None] * 4,
        item.edition,
        item.number,
        item.edition_withdrawn_on,
        item.successor,
        None,
        name,
        references.count_link("certification", item.id, vendor_id),
        _ids(pair.control.id for pair in pairs),
    ]


def _ids(items: Iterable[str]) -> str | None:
    return "、".join(dict.fromkeys(items)) or None


# -- the institution --------------------------------------------------------------------------------------------------


def write_own_evidence(context: Context, assessment: Assessment) -> None:
    """Fill the sheet of the institution's own evidence, with its state as of the day."""
    as_of, policy = assessment.as_of, context.rulebook.policy
    used: dict[str, list[str]] = {}
    for answer in assessment.institution.answers.values():
        for identity in answer.evidence:
            control = context.knowledge.controls[answer.control]
            used.setdefault(identity, []).append(f"{control.id}（{context.word('party', answer.party)}）")
    months = policy.proof_max_age_months
    note = f"「最終有効日」は有効期限。有効期限がなければ、対象期間の終わり（それもなければ発行日）の{months}か月後。"
    sheet = context.heading(OWN_EVIDENCE, f"機関の証跡（{as_of}現在）", note)
    columns = [
        Column("証跡ID", 24, BODY),
        Column("題名", 44, BODY),
        Column("種類", 14, CENTRE),
        Column("状態", 12, CENTRE),
        Column("発行日", 12, DATE),
        Column("有効期限", 12, DATE),
        Column("対象期間（始）", 12, DATE),
        Column("対象期間（終）", 12, DATE),
        Column("最終有効日", 12, DATE),
        Column("残り日数", 9, NUMBER),
        Column("保管場所", 34, BODY, most=60),
        Column("備考", 40, BODY, most=70),
        Column("使う回答の数", 9, NUMBER),
        Column("使う回答", 44, BODY, most=80),
    ]
    rows: list[list[Value]] = []
    for item in assessment.institution.evidence.values():
        last = expires_on(item, policy)
        answers = used.get(item.id, [])
        rows.append(
            [
                item.id,
                item.title,
                context.word("evidence_kind", item.kind),
                _evidence_state(item, last, as_of),
                item.issued_on,
                item.valid_until,
                item.covers_from,
                item.covers_to,
                last,
                (last - as_of).days,
                item.location,
                item.note,
                len(answers),
                "、".join(answers) or "（どの回答にも使われていない）",
            ]
        )
    context.book.table(sheet, HEADER_ROW, columns, rows)
    context.book.freeze(sheet, FIRST_ROW, 3)
    context.book.print_setup(sheet, header=context.header, footer=context.footer, repeat_rows=(1, HEADER_ROW))


def _evidence_state(item: Evidence, last: date, as_of: date) -> str:
    if item.issued_on > as_of:
        return "△ 発行前"
    return "× 期限切れ" if last < as_of else "○ 有効"


def write_profile(context: Context, assessment: Assessment) -> None:
    """Fill the sheet of what the institution says of itself: identity, services, reviews, facts."""
    institution = assessment.institution
    book = context.book
    sheet = context.heading(PROFILE, f"機関情報（{institution.name}）", _fiction(assessment))
    for letter, width in zip("ABCDEF", (22, 46, 16, 22, 22, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    presence = {"present": "あり", "absent": "なし", "unknown": "未回答"}[institution.integrator_presence]
    identity: list[tuple[str, Value]] = [
        ("機関ID", institution.id),
        ("名称", institution.name),
        ("種別", context.word("institution_kind", institution.kind)),
        ("病床数", institution.beds),
        ("職員数", institution.staff),
        ("所在地域", institution.region),
        ("SI事業者", f"{presence}　{institution.integrator or ''}".strip("　")),
        ("基準日", assessment.as_of),
    ]
    row = HEADER_ROW
    for label, value in identity:
        book.put(sheet, row, 1, label, LABEL)
        book.put(sheet, row, 2, value if value is not None else "－")
        book.fit_row(sheet, row, [(value, 46)])
        row += 1
    services: list[list[Value]] = [
        [service.vendor, context.vendor_name(service.vendor), service.nda_concluded_on or "締結なし", service.used_for]
        for service in institution.services
    ]
    columns = [
        Column("サービス", 22),
        Column("名称", 46),
        Column("NDA締結日", 16, DATE),
        Column("用途", 104, BODY, span=3),
    ]
    row = book.table(sheet, row + 1, columns, services, filters=False, set_widths=False).last_row
    reviews: list[list[Value]] = [
        [
            service.vendor,
            _section_names(context, review.sections) or "すべての節",
            review.reviewed_on,
            context.word("disclosure", review.documents),
            review.by,
            review.note,
        ]
        for service in institution.services
        for review in service.reviews
    ]
    columns = [
        Column("資料の閲覧", 22),
        Column("対象の節", 46),
        Column("閲覧日", 16, DATE),
        Column("資料の区分", 22, CENTRE),
        Column("閲覧者", 22),
        Column("備考", 60),
    ]
    row = book.table(sheet, row + 2, columns, reviews, filters=False, set_widths=False).last_row
    columns = [Column("問いのID", 22), Column("問い", 46), Column("回答", 16, CENTRE), Column("説明", 104, span=3)]
    facts: list[list[Value]] = [
        [fact.id, fact.question, institution.facts.get(fact.id, "？ 未回答"), fact.help]
        for fact in context.knowledge.facts.values()
    ]
    book.table(sheet, row + 2, columns, facts, filters=False, set_widths=False)
    book.print_setup(sheet, header=context.header, footer=context.footer, paper="A4")


def _section_names(context: Context, sections: Iterable[str]) -> str:
    """`mhlw-5:6.1` and the like, by guideline: `厚労省 安全管理ガイドライン 6.1、6.2`."""
    by_guideline: dict[str, list[str]] = {}
    for section in sections:
        guideline, _, identity = section.partition(":")
        by_guideline.setdefault(guideline, []).append(identity)
    titles = context.knowledge.guidelines
    return "\n".join(f"{titles[guideline].short_title} {'、'.join(ids)}" for guideline, ids in by_guideline.items())


def _fiction(assessment: Assessment) -> str:
    return "【架空の機関】実在の機関ではない記入例。" if assessment.institution.fictional else ""
