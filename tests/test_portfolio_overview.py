"""The overview of many institutions: right numbers in the right order, Japanese, and made-up data says so."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from analyzer.engine.rulebook import Rulebook
from analyzer.exports import portfolio_overview as overview
from analyzer.exports.portfolio_overview import (
    FrequentGap,
    GroupCounts,
    InstitutionCounts,
    MissedControl,
    PortfolioSummary,
    ResultCounts,
    SectionCounts,
    grouped,
    portfolio_overview,
    rate_band,
    summed,
)
from analyzer.knowledge.base import KnowledgeBase

AS_OF = date(2026, 11, 1)
SHEETS = ["概要", "順位", "節ごとの分布", "多いギャップ", "多くの機関で満たせていない管理策", "種別・規模・地域の比較"]


def institution(
    identity: str, kind: str, conforming: int, high: int, region: str | None = "架空県"
) -> InstitutionCounts:
    counts = ResultCounts(
        {"conforming": conforming, "nonconforming": 10 - conforming, "not_applicable": 5}, {"high": high, "low": 1}
    )
    return InstitutionCounts(identity, f"架空{identity}病院", kind, "200床以上", region, counts)


INSTITUTIONS = (
    institution("a", "hospital", 5, 2),
    institution("b", "clinic", 2, 3),
    institution("c", "clinic", 5, 4, None),
    institution("d", "hospital", 5, 2),
)


@pytest.fixture
def summary(knowledge: KnowledgeBase) -> PortfolioSummary:
    keys = list(knowledge.controls)
    section = knowledge.controls[keys[0]].section
    bands = [0] * overview.RATE_BANDS
    for each in INSTITUTIONS:
        bands[rate_band(each.counts.rate or 0)] += 1
    return PortfolioSummary(
        as_of=AS_OF,
        knowledge_version=knowledge.version,
        institutions=4,
        fictional=4,
        total=summed(each.counts for each in INSTITUTIONS),
        rate_bands=bands,
        ranked=INSTITUTIONS,
        groups=grouped(INSTITUTIONS),
        sections=(
            SectionCounts(section.guideline, section.id, "hospital", {"conforming": 1, "nonconforming": 3}),
            SectionCounts(section.guideline, section.id, "clinic", {"conforming": 3, "partial": 1}),
        ),
        missed=(MissedControl(keys[0], 4, 1), MissedControl(keys[1], 2, 1), MissedControl(keys[2], 4, 0)),
        gaps=(
            FrequentGap(keys[0], "user", "duty_open", "low", 1),
            FrequentGap(keys[1], "integrator", "proof_missing", "high", 3),
        ),
    )


def book_of(summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook) -> Workbook:
    return load_workbook(io.BytesIO(portfolio_overview(summary, knowledge, rulebook)))


def rows_of(sheet: Worksheet) -> list[dict[str, object]]:
    """The rows of a sheet's filtered table by header."""
    area = list(sheet[sheet.auto_filter.ref])
    header = [cell.value for cell in area[0]]
    return [dict(zip(header, [cell.value for cell in row], strict=True)) for row in area[1:]]


def texts(book: Workbook) -> str:
    return "\n".join(
        str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None
    )


def test_sheets_stand_in_order_with_filters_frozen_panes_and_print_set_up(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    book = book_of(summary, knowledge, rulebook)
    assert book.sheetnames == SHEETS
    for name in SHEETS[1:]:
        sheet = book[name]
        assert sheet.auto_filter.ref and sheet.freeze_panes and sheet.print_title_rows
        assert knowledge.version in str(sheet.oddFooter.left.text)
    assert portfolio_overview(summary, knowledge, rulebook) == portfolio_overview(summary, knowledge, rulebook)


def test_the_one_in_most_need_is_ranked_first_and_equals_share_a_place(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    rows = rows_of(book_of(summary, knowledge, rulebook)["順位"])
    assert [(row["順位"], row["機関ID"], row["適合の割合"]) for row in rows] == [
        (1, "b", 0.2),
        (2, "c", 0.5),
        (3, "a", 0.5),
        (3, "d", 0.5),
    ]
    assert rows[1]["地域"] == "（記載なし）"
    assert rows[0]["種別"] == rulebook.term("institution_kind", "clinic").ja


def test_more_than_can_be_listed_says_how_many_are_not(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST_RANKED", 2)
    book = book_of(summary, knowledge, rulebook)
    assert [row["機関ID"] for row in rows_of(book["順位"])] == ["b", "c"]
    assert "全4機関のうち、割合が低い2機関" in str(book["順位"]["A2"].value)


def test_only_the_most_frequent_gaps_are_listed_and_sizes_keep_their_order(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST_GAPS", 1)
    labels = ("職員 5–9人", "職員 10–29人", None)
    sizes = [GroupCounts("size", label, 1, INSTITUTIONS[0].counts) for label in labels]
    book = book_of(replace(summary, groups=sizes), knowledge, rulebook)
    assert [row["機関の数"] for row in rows_of(book["多いギャップ"])] == [3]
    assert "全2件のうち、機関の多い1件" in str(book["多いギャップ"]["A2"].value)
    groups = [row["区分"] for row in rows_of(book["種別・規模・地域の比較"])]
    assert groups == ["職員 5–9人", "職員 10–29人", "（記載なし）"]


def test_controls_and_gaps_come_most_frequent_first_with_their_shares(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    book = book_of(summary, knowledge, rulebook)
    keys = list(knowledge.controls)
    missed = rows_of(book["多くの機関で満たせていない管理策"])
    assert [(row["管理策キー"], row["割合"], row["半数以上"]) for row in missed] == [
        (keys[1], 0.5, "● 半数以上"),
        (keys[0], 0.25, None),
    ]
    gaps = rows_of(book["多いギャップ"])
    assert [(row["管理策キー"], row["機関の数"], row["割合"]) for row in gaps] == [
        (keys[1], 3, 0.75),
        (keys[0], 1, 0.25),
    ]
    assert gaps[0]["次に行うこと"] == rulebook.actions["proof_missing"]["integrator"].ja


def test_sections_and_groups_show_the_rates_of_the_sums(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    book = book_of(summary, knowledge, rulebook)
    kind = {word: rulebook.term("institution_kind", word).ja for word in ("hospital", "clinic")}
    row = rows_of(book["節ごとの分布"])[0]
    assert (row["適合の割合"], row[kind["hospital"]], row[kind["clinic"]]) == (0.5, 0.25, 0.75)
    groups = {(row["比べるもの"], row["区分"]): row for row in rows_of(book["種別・規模・地域の比較"])}
    assert groups["種別", kind["clinic"]]["適合の割合"] == 0.35
    assert groups["種別", kind["clinic"]]["機関の数"] == 2
    high = rulebook.term("priority", "high")
    label = next(name for name in groups["地域", "架空県"] if name and str(name).endswith(high.ja))
    assert groups["地域", "架空県"][label] == pytest.approx(7 / 3)
    assert ("地域", "（記載なし）") in groups


@pytest.mark.parametrize(("fictional", "said"), [(4, "すべて"), (1, "4機関のうち1機関は"), (0, None)])
def test_made_up_institutions_are_said_to_be(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook, fictional: int, said: str | None
) -> None:
    text = texts(book_of(replace(summary, fictional=fictional), knowledge, rulebook))
    assert ("実在の団体とは関係がない" in text) == (said is not None)
    assert said is None or said in text


def test_nobody_to_give_an_overview_of_is_refused(
    summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    with pytest.raises(ValueError, match="no institutions"):
        portfolio_overview(replace(summary, institutions=0, ranked=()), knowledge, rulebook)


def test_a_rate_of_one_stands_in_the_last_band() -> None:
    assert (rate_band(0.0), rate_band(0.099), rate_band(1.0)) == (0, 0, overview.RATE_BANDS - 1)
