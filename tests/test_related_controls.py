"""Related controls of two guidelines in every file: shown and linked, answered in one go, offered, never taken over."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet
from pypdf import PdfReader

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import shipped_rulebook
from analyzer.exports.checklist import layout
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.gap_report.report import gap_report_html
from analyzer.exports.matrix.workbook import matrix_workbook
from analyzer.exports.structured import assessment_json, controls_json, to_json_bytes
from analyzer.exports.tabular import controls_table, suggestions_table
from analyzer.exports.wording import CARRIED_OVER
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.catalog import FactTest
from analyzer.model.controls import Duty, Place, Section, Text
from analyzer.model.crosswalk import Crosswalk, Relation, RelationKind, RelationSource, Unrelated
from analyzer.model.institution import Answer, Evidence, Institution, Service
from analyzer.model.results import Assessment
from analyzer.model.vocabulary import Party, Status

AS_OF = date(2026, 11, 1)
NOWHERE = Place("test", ())
VENDOR = "cybozu.com"
# What is asked of the institution (6.1-01) and twice elsewhere; what the other guideline asks more (9.1-03), less
# (9.1-04) or in part of (9.1-05); what it asks alone (9.1-06).
ONE, TWO = "mhlw-5:6.1-01", "mhlw-5:6.1-02"
SAME, SAME_TOO = "meti-2:9.1-01", "meti-2:9.1-02"
WIDER, NARROWER, OVERLAPPING, ALONE = "meti-2:9.1-03", "meti-2:9.1-04", "meti-2:9.1-05", "meti-2:9.1-06"
OTHERS = (SAME, SAME_TOO, WIDER, NARROWER, OVERLAPPING, ALONE)
FORMATS = ("xlsx", "html", "pdf")


def relation(first: str, second: str, kind: RelationKind, source: RelationSource = "ours") -> Relation:
    """A relation whose reason is a text of its own."""
    return Relation(first, second, kind, f"訳{first[-2:]}と{second[-2:]}", source, NOWHERE)


@cache
def knowledge() -> KnowledgeBase:
    """Two controls of the MHLW guideline and six of METI's, with a crosswalk between them."""
    shipped = load_knowledge()
    model = shipped.controls[ONE]
    section = Section("meti-2", "9.1", Text("試しの節", "Trial section"))
    responses = {VENDOR: replace(model.responses[VENDOR], duties=(Duty(("user",), "方針を公表する。"),))}
    controls = {ONE: replace(model, responses=responses), TWO: shipped.controls[TWO]}
    for number, key in enumerate(OTHERS, 1):
        duties = (Duty(("user",), f"義務{number}を果たす。"), Duty(("integrator",), f"支援{number}を行う。"))
        answer = replace(model.responses[VENDOR], duties=duties)
        controls[key] = replace(
            model, guideline="meti-2", id=f"9.1-{number:02}", section=section, title=Text(f"試し{number}", "Trial"),
            level="none", mic=None, responses={VENDOR: answer}, expected_evidence=(f"記録{number}",),
        )  # fmt: skip
    crosswalk = Crosswalk(
        "mhlw-5",
        "meti-2",
        (
            relation(ONE, SAME, "equal"),
            relation(ONE, SAME_TOO, "equal", "official"),
            relation(ONE, WIDER, "subset"),
            relation(ONE, NARROWER, "superset"),
            relation(TWO, OVERLAPPING, "overlaps"),
        ),
        (Unrelated(ALONE, "mhlw-5", "相手に並ぶもののない要求。", NOWHERE),),
        NOWHERE,
    )
    sections = tuple(dict.fromkeys(control.section for control in controls.values()))
    return replace(shipped, controls=controls, sections=sections, crosswalks=(crosswalk,))


@cache
def unlinked() -> KnowledgeBase:
    """The same controls without a crosswalk."""
    return replace(knowledge(), crosswalks=())


def given(key: str, status: Status = "implemented", party: Party = "user", **changes: Any) -> Answer:
    answer = Answer(key, party, status, None, (), date(2026, 10, 1), None, "総務課", "備考の文", False, NOWHERE)
    return replace(answer, **changes)


def institution(*answers: Answer) -> Institution:
    proof = Evidence("policy-book", "方針の冊子", "policy", date(2026, 9, 1), None, None, None, None, None)
    return Institution(
        id="related", name="架空の関連病院", kind="hospital", beds=1, staff=1, region=None, fictional=True, facts={},
        integrator_presence="present", integrator="架空社", services=(Service(VENDOR, None, None, ()),),
        answers={(answer.control, answer.party): answer for answer in answers},
        evidence={"policy-book": proof}, place=NOWHERE,
    )  # fmt: skip


def assessed(*answers: Answer, base: KnowledgeBase | None = None) -> Assessment:
    return Analyzer(base or knowledge()).analyze(institution(*answers), AS_OF)


def checklist(assessment: Assessment, output_format: str, base: KnowledgeBase | None = None) -> bytes:
    return render_checklist(build_checklist(assessment, base or knowledge(), shipped_rulebook()), output_format)


# -- reading the files ------------------------------------------------------------------------------------------------


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def form_rows(content: bytes) -> list[dict[str, Any]]:
    """The rows of 記入, by field name."""
    book = opened(content)
    meta = next(row for row in book[layout.META_SHEET].iter_rows(values_only=True) if row[0] == "answers")
    names = [name for name in meta[5:] if name]
    rows = book[layout.FORM_SHEET].iter_rows(int(meta[3]), int(meta[4]), max_col=len(names), values_only=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def user_rows(content: bytes) -> dict[str, dict[str, Any]]:
    """The institution's own rows by the keys they serve."""
    return {str(row["control"]): row for row in form_rows(content) if row["party"] == "user"}


class Page(HTMLParser):
    """A page's text and links, for each element with an id the text up to the next."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.parts: dict[str, str] = {"": ""}
        self.links: list[tuple[str, str]] = []
        self.feed(content.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("id"):
            self.parts[str(named["id"])] = ""
        if tag == "a" and str(named.get("href"))[:1] == "#":
            self.links.append((list(self.parts)[-1], str(named["href"])[1:]))

    def handle_data(self, data: str) -> None:
        here = list(self.parts)[-1]
        self.parts[here] += "".join(data.split())


def squeezed(content: bytes, output_format: str) -> str:
    """All that a file says, without white space."""
    if output_format == "xlsx":
        cells = (cell.value for sheet in opened(content) for row in sheet.iter_rows() for cell in row)
        text = "".join(str(value) for value in cells if value is not None)
    elif output_format == "html":
        text = "".join(Page(content).parts.values())
    else:
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return "".join(text.replace("\u200b", "").split())


def matrix_rows(sheet: Worksheet) -> Iterator[dict[str, Cell]]:
    """The rows of a matrix sheet, by heading."""
    top = next(row for row in range(1, 12) if sheet.cell(row, 1).value == "項番")
    names = [str(cell.value) for cell in sheet[top]]
    for row in sheet.iter_rows(top + 1):
        yield dict(zip(names, row, strict=True))


# -- the matrix -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def matrix() -> Workbook:
    return opened(matrix_workbook(knowledge(), shipped_rulebook(), assessed()))


def shown(matrix: Workbook, key: str) -> dict[str, Any]:
    control = knowledge().controls[key]
    sheet = matrix[knowledge().guidelines[control.guideline].short_title]
    row = next(row for row in matrix_rows(sheet) if row["項番"].value == control.id)
    return {name: cell.value for name, cell in row.items()}


def test_the_matrix_says_what_the_other_control_is_to_this_one_why_and_by_whom(matrix: Workbook) -> None:
    title = knowledge().guidelines["meti-2"].short_title
    row = shown(matrix, ONE)
    assert str(row["関連項目"]).split("\n") == [
        f"＝ 同じ　9.1-01 試し1（{title}）",
        f"＝ 同じ　9.1-02 試し2（{title}）",
        f"⊃ より広い　9.1-03 試し3（{title}）",
        f"⊂ より狭い　9.1-04 試し4（{title}）",
    ]
    assert "9.1-03：訳01と03" in str(row["関連の理由"])
    assert "9.1-02：公式の対応表" in str(row["関連の出典"])
    # Seen from the other side the wider is the narrower.
    back = shown(matrix, WIDER)
    assert str(back["関連項目"]).startswith("⊂ より狭い　6.1-01 ")
    assert (back["関連の理由"], back["関連の出典"]) == ("6.1-01：訳01と03", "当方の判断")
    alone = shown(matrix, ALONE)
    assert str(alone["関連項目"]).startswith("関連なし（")
    assert "相手に並ぶもののない要求。" in str(alone["関連の理由"])


def followed(matrix: Workbook, cell: Cell) -> Cell:
    """The cell that a cell's link leads to."""
    sheet, _, place = cell.hyperlink.location.rpartition("!")
    return matrix[sheet.strip("'")][place]


def test_every_related_control_of_the_matrix_is_reached_by_links(matrix: Workbook) -> None:
    for control in knowledge().controls.values():
        sheet = matrix[knowledge().guidelines[control.guideline].short_title]
        row = next(row for row in matrix_rows(sheet) if row["項番"].value == control.id)
        wanted = [relation.seen_from(control.key)[0] for relation in knowledge().related.get(control.key, ())]
        link = row["関連項目へ"]
        if not wanted:
            assert link.value is None
            continue
        assert link.value == f"{len(wanted)}件"
        target = followed(matrix, link)
        reached = [target]
        if len(wanted) > 1:
            pairs = target.parent
            names = {cell.value: cell.column for cell in pairs[5]}
            lines = range(target.row, target.row + len(wanted))
            assert {pairs.cell(line, names["種別"]).value for line in lines} == {"関連項目"}
            assert {pairs.cell(line, names["項番"]).value for line in lines} == {control.id}
            reached = [followed(matrix, pairs.cell(line, names["参照先へ"])) for line in lines]
        found = [(cell.parent.title, cell.value) for cell in reached]
        assert found == [
            (knowledge().guidelines[other.partition(":")[0]].short_title, other.partition(":")[2]) for other in wanted
        ]


def test_without_a_crosswalk_the_matrix_leaves_the_columns_out() -> None:
    book = opened(matrix_workbook(unlinked(), shipped_rulebook()))
    sheet = book[unlinked().guidelines["meti-2"].short_title]
    assert not {name for name in next(matrix_rows(sheet)) if "関連" in name}
    assert "関連項目" not in {cell.value for cell in book["対応表（項目順）"]["D"]}


# -- the checklist ----------------------------------------------------------------------------------------------------


def test_controls_that_ask_the_same_are_filled_in_once_however_many_steps_apart() -> None:
    rows = user_rows(checklist(assessed(), "xlsx"))
    assert set(rows) == {", ".join((ONE, SAME, SAME_TOO)), TWO, WIDER, NARROWER, OVERLAPPING, ALONE}
    row = rows[", ".join((ONE, SAME, SAME_TOO))]
    for key in (ONE, SAME, SAME_TOO):
        control = knowledge().controls[key]
        assert f"{control.id} {control.title.ja}" in str(row["title"])
        for duty in (duty for duty in control.responses[VENDOR].duties if "user" in duty.parties):
            assert str(row["duty"]).split("\n").count(duty.text) == 1
        for text in control.expected_evidence:
            assert str(row["expected"]).count(f"・{text}") == 1
    assert "この1行で3項目" in str(row["title"])
    # The SI vendor has a duty under the METI controls only.
    assert {
        str(row["control"]) for row in form_rows(checklist(assessed(), "xlsx")) if row["party"] == "integrator"
    } >= {", ".join((SAME, SAME_TOO))}
    assert layout.FORMAT == "sansho-checklist/3"


def test_the_same_answer_stays_one_row_with_every_field() -> None:
    full = {
        "reason": "訳の文", "evidence": ("policy-book",), "due": date(2027, 1, 31), "carried_over": True,
    }  # fmt: skip
    row = user_rows(checklist(assessed(*(given(key, "partial", **full) for key in (ONE, SAME, SAME_TOO))), "xlsx"))[
        ", ".join((ONE, SAME, SAME_TOO))
    ]
    assert (row["status"], row["reason"], row["evidence"], row["owner"], row["note"], row["carried_over"]) == (
        "一部実施", "訳の文", "policy-book", "総務課", "備考の文", CARRIED_OVER,
    )  # fmt: skip
    assert (row["checked_on"].date(), row["due"].date()) == (date(2026, 10, 1), date(2027, 1, 31))


DIFFERENCES: list[dict[str, Any]] = [
    {"status": "partial"},
    {"note": "別の備考"},
    {"owner": "別の課"},
    {"evidence": ("policy-book",)},
    {"checked_on": date(2026, 9, 30)},
    # Checked after the day of the assessment: it counts in no result, and is kept as it is.
    {"checked_on": AS_OF + timedelta(days=1)},
    {"due": date(2027, 1, 1)},
    {"reason": "別の訳"},
    {"carried_over": True},
]


@pytest.mark.parametrize("change", DIFFERENCES, ids=",".join)
def test_answers_that_differ_stay_rows_of_their_own_and_say_so(change: dict[str, Any]) -> None:
    content = checklist(assessed(given(ONE), given(SAME), replace(given(SAME_TOO), **change)), "xlsx")
    rows = user_rows(content)
    both, apart = rows[", ".join((ONE, SAME))], rows[SAME_TOO]
    assert "回答が分かれている：同じことを求める 9.1-02" in str(both["related"])
    assert "回答が分かれている：同じことを求める 6.1-01" in str(apart["related"])
    given_to = {"status": "実施済", "note": "備考の文", "owner": "総務課"}
    assert {name: both[name] for name in given_to} == given_to
    assert apart["status"] == ("一部実施" if "status" in change else "実施済")
    for name in change.keys() & {"note", "owner", "reason"}:
        assert apart[name] == change[name]
    for name in change.keys() & {"checked_on", "due"}:
        assert apart[name].date() == change[name]


def test_an_unanswered_control_never_takes_the_answer_of_its_equal() -> None:
    rows = user_rows(checklist(assessed(given(ONE, evidence=("policy-book",))), "xlsx"))
    assert rows[ONE]["status"] == "実施済"
    assert "9.1-01 は「□ 未回答」" in str(rows[ONE]["related"])
    rest = rows[", ".join((SAME, SAME_TOO))]
    assert {rest[name] for name in ("status", "evidence", "checked_on", "owner", "note")} == {None}
    assert "→ 6.1-01 の回答（実施済）と証跡 policy-book を参考にできる（＝ 同じ項目）" in str(rest["related"])


def test_a_control_that_does_not_apply_neither_joins_nor_connects() -> None:
    condition = next(iter(knowledge().conditions.values()))
    fact = next(iter(knowledge().facts))
    gone = replace(condition, when=FactTest(fact, (True,)))
    bare = replace(knowledge().controls[ONE], applies_if=condition.id)
    base = replace(
        knowledge(),
        controls={**knowledge().controls, ONE: bare},
        conditions={**knowledge().conditions, condition.id: gone},
    )
    assessment = Analyzer(base).analyze(replace(institution(), facts={fact: False}), AS_OF)
    content = checklist(assessment, "html", base)
    rows = user_rows(checklist(assessment, "xlsx", base))
    assert SAME in rows and SAME_TOO in rows
    page = Page(content)
    assert "＝同じ6.1-01" in page.parts[SAME] and "適用なし" in page.parts[SAME]
    assert {target for _, target in page.links} <= set(page.parts)


@pytest.mark.parametrize("output_format", FORMATS)
def test_wider_narrower_and_overlapping_controls_stand_beside_with_what_they_offer(output_format: str) -> None:
    told = squeezed(checklist(assessed(given(WIDER, evidence=("policy-book",))), output_format), output_format)
    assert "⊃より広い9.1-03試し3" in told
    assert "⊂より狭い9.1-04試し4" in told
    assert "∩一部重なる9.1-05試し5" in told
    assert "→9.1-03の回答（実施済）と証跡policy-bookを参考にできる（⊃より広い項目）" in told
    assert "訳01と03" in told


@pytest.mark.parametrize("output_format", ["html", "pdf"])
def test_pages_say_where_one_answer_is_written_and_where_answers_differ(output_format: str) -> None:
    told = squeezed(checklist(assessed(), output_format), output_format)
    assert told.count("まとめて答える項目：6.1-01、9.1-01、9.1-02") == 3
    assert told.count("（6.1-01の欄に記入する）") == 2
    told = squeezed(checklist(assessed(given(ONE)), output_format), output_format)
    assert "回答が分かれている：同じことを求める9.1-01は「□未回答」" in told
    assert "6.1-01の回答（実施済）を参考にできる（＝同じ項目）" in told


@pytest.mark.parametrize("output_format", FORMATS)
def test_without_a_crosswalk_the_checklist_has_a_row_a_control_and_no_word_of_relations(output_format: str) -> None:
    content = checklist(assessed(base=unlinked()), output_format, unlinked())
    told = squeezed(content, output_format)
    assert "参考にできる（" not in told and "まとめて" not in told
    if output_format == "xlsx":
        assert set(user_rows(content)) == {ONE, TWO, *OTHERS}
        column = next(n for n, field in enumerate(layout.ANSWERS, 1) if field.name == "related")
        sheet = opened(content)[layout.FORM_SHEET]
        assert sheet.column_dimensions[sheet.cell(1, column).column_letter].hidden


@pytest.mark.parametrize("output_format", FORMATS)
def test_relations_keep_the_bytes_the_same(output_format: str) -> None:
    answers = (given(ONE), given(WIDER, evidence=("policy-book",)))
    assert checklist(assessed(*answers), output_format) == checklist(assessed(*answers), output_format)


# -- the gap report ---------------------------------------------------------------------------------------------------


def test_the_gap_report_lists_what_can_be_drawn_on_and_links_related_controls() -> None:
    assessment = assessed(given(WIDER, evidence=("policy-book",)))
    page = Page(gap_report_html(assessment, knowledge(), shipped_rulebook()))
    listed = page.parts["suggestions"]
    for part in ("6.1-01", "利用者（医療機関）", "9.1-03試し3", "より広い", "実施済", "policy-book", "訳01と03"):
        assert part in listed
    linked = {(here, target) for here, target in page.links}
    for key in knowledge().controls:
        for related in knowledge().related.get(key, ()):
            assert (key, related.seen_from(key)[0]) in linked
    assert {target for _, target in page.links} <= set(page.parts)
    bare = Page(gap_report_html(assessed(base=unlinked()), unlinked(), shipped_rulebook()))
    assert "suggestions" not in bare.parts


# -- data -------------------------------------------------------------------------------------------------------------


def test_json_says_what_the_other_is_to_each_control_and_what_it_offers() -> None:
    data = json.loads(to_json_bytes(controls_json(knowledge())))
    related = {control["key"]: control["related"] for control in data["controls"]}
    assert related[ONE][1:3] == [
        {"control": SAME_TOO, "relation": "equal", "reason": "訳01と02", "source": "official"},
        {"control": WIDER, "relation": "superset", "reason": "訳01と03", "source": "ours"},
    ]
    assert related[WIDER] == [{"control": ONE, "relation": "subset", "reason": "訳01と03", "source": "ours"}]
    assert related[ALONE] == []
    offered = assessment_json(assessed(given(WIDER, "partial", evidence=("policy-book",))))["suggestions"]
    assert offered == [
        {
            "control": ONE, "party": "user", "source": WIDER, "relation": "superset", "reason": "訳01と03",
            "status": "partial", "evidence": ["policy-book"],
        }
    ]  # fmt: skip


def test_tables_hold_the_related_controls_and_the_suggestions() -> None:
    table = controls_table(knowledge()).set_index("key")
    assert table.loc[WIDER, "related"] == f"{ONE} subset"
    assert str(table.loc[ONE, "related"]).split("\n")[2] == f"{WIDER} superset"
    offered = suggestions_table(assessed(given(WIDER, "partial", evidence=("policy-book",))))
    row = offered.iloc[0]
    assert (row["control"], row["party"], row["source"], row["source_title"]) == (ONE, "user", WIDER, "試し3")
    assert (row["relation"], row["status"], row["evidence"]) == ("superset", "partial", "policy-book")
    assert "方針の冊子" in row["evidence_detail"]
    empty = suggestions_table(assessed())
    assert len(empty) == 0 and list(empty.columns) == list(offered.columns)
