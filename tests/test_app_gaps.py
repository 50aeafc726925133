"""ギャップ分析 as the app draws it: each view, the filters, a control opened, and addresses that name nothing."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from app_pages import facets, open_page, panels, said, tables
from streamlit.testing.v1 import AppTest

from analyzer.web.workspace import workspace

CLINIC, HOSPITAL = "hidamari-clinic", "minato-general-hospital"
DAY = "2026-11-01"


def gaps(institution: str = CLINIC, **query: str) -> AppTest:
    app = open_page("gaps", {"institution": institution, "as_of": DAY, **query})
    assert not app.error, said(app)
    assert not app.exception
    return app


def link(href: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(href).query)


def listed(app: AppTest) -> list[str]:
    """The controls of the table on the page, in order."""
    return [link(row["href"])["control"][0] for row in tables(app)[0]["rows"]]


def text_of(cell: object) -> str:
    return cell if isinstance(cell, str) else "".join(plain + found for plain, found in cell["p"])  # type: ignore[index]


def test_the_overview_comes_first_and_names_the_choice_of_views() -> None:
    app = gaps()
    assert "節ごとの適合" in panels(app)
    assert not tables(app)
    views = app.get("button_group")[0]
    assert views.value == "overview"
    assert [re.sub("（.*", "", option) for option in views.options] == ["概況", "ギャップ一覧", "未確認の事実", "比較"]


def test_choosing_a_view_writes_it_into_the_address() -> None:
    app = gaps()
    app.get("button_group")[0].set_value("list").run()
    assert app.query_params["view"] == "list"
    assert tables(app)


def test_every_link_of_the_overview_keeps_institution_and_day() -> None:
    hrefs = re.findall(r'<a href="([^"#][^"]*)"', panels(gaps()))
    assert len(hrefs) > 40
    for href in hrefs:
        query = link(href.replace("&amp;", "&"))
        assert query["institution"] == [CLINIC]
        assert query["as_of"] == [DAY]


def test_the_list_has_every_gap_and_opens_controls_with_the_filter_kept() -> None:
    app = gaps(view="list", priority="high")
    shared = workspace()
    assessment = shared.assess(shared.folder.institutions()[CLINIC], date.fromisoformat(DAY))
    rows = tables(app)[0]["rows"]
    assert len(rows) == assessment.summary.gaps_by_priority["high"]
    for row in rows:
        assert link(row["href"]).items() >= {"view": ["list"], "priority": ["high"], "institution": [CLINIC]}.items()
        assert text_of(row["cells"][2]) == "高"
    assert facets(app)["priority"]["high"] == (len(rows), True)


def test_a_section_of_the_map_leads_to_its_gaps() -> None:
    app = gaps(view="list", section="mhlw-5:6.5")
    assert listed(app)
    assert all(key.startswith("mhlw-5:6.5-") for key in listed(app))


def test_typing_narrows_the_list_and_the_address_says_it() -> None:
    app = gaps(view="list")
    everything = len(listed(app))
    app.text_input(key="_gaps_text").set_value("アクセスログ").run()
    assert "mhlw-5:6.5-07" in listed(app)
    assert len(listed(app)) < everything
    assert "アクセスログ" in str(app.query_params["q"])


def test_a_filter_that_leaves_nothing_offers_the_way_out() -> None:
    app = gaps(view="list", kind="vendor_confirmation", due="overdue")
    assert "条件に合うギャップはありません" in said(app)
    app.button(key="_gaps_without_due").click().run()
    assert listed(app)


def test_the_downloads_are_offered_with_the_list() -> None:
    labels = [button.label for button in gaps(view="list").get("download_button")]
    assert labels == ["この一覧を Excel で", "CSV で", "分析報告書（HTML）"]


def test_a_control_is_opened_on_this_page_with_the_rules_that_fired() -> None:
    app = gaps(view="list", priority="high", control="mhlw-5:6.5-07")
    shown = panels(app)
    assert "アクセスの記録と定期的なログ確認" in shown
    assert "規則" in shown
    app.button[0].click().run()
    assert "mhlw-5:6.5-07" in listed(app)


def test_the_open_questions_say_how_to_answer_them() -> None:
    shown = panels(gaps(view="facts"))
    assert "sansho profile" in shown
    assert "transports_media: true" in shown


def test_a_comparison_begins_with_the_same_institution_a_year_before() -> None:
    app = gaps(HOSPITAL, view="compare")
    shown = panels(app)
    assert "2025年11月1日" in shown
    assert "ギャップの動き" in shown
    assert "改善" in str(tables(app)[0])


def test_two_institutions_are_compared_as_a_and_b() -> None:
    app = gaps(HOSPITAL, view="compare", compare=CLINIC)
    columns = [column["label"] for column in tables(app)[0]["columns"]]
    assert columns[2:4] == ["Aの判定", "Bの判定"]
    assert "改善" not in str(tables(app)[0])
    opened = gaps(HOSPITAL, view="compare", compare=CLINIC, differ="first")
    assert len(tables(opened)[0]["rows"]) > 0


def test_the_same_day_has_nothing_to_compare() -> None:
    app = gaps(view="compare", compare=CLINIC, compare_as_of=DAY)
    assert "同じ医療機関の同じ日" in said(app)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"view": "nowhere"}, "「nowhere」という表示はありません"),
        ({"view": "list", "section": "mhlw-5:99"}, "section=mhlw-5:99"),
        ({"view": "list", "sort": "nonsense"}, "sort=nonsense"),
        ({"view": "compare", "compare": "nobody"}, "「nobody」は見つかりません"),
        ({"view": "compare", "compare_as_of": "yesterday"}, "「yesterday」は日付として読めません"),
        ({"control": "mhlw-5:no-such"}, "「mhlw-5:no-such」は見つかりません"),
    ],
)
def test_an_address_that_names_nothing_is_answered_plainly(query: dict[str, str], words: str) -> None:
    assert words in said(gaps(**query))


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("view", ["overview", "list", "facts", "compare"])
def test_the_ends_of_the_calendar_are_no_failure(view: str, day: str) -> None:
    gaps(view=view, as_of=day)
    gaps(view=view, compare_as_of=day)


def test_without_institutions_the_page_says_how_to_add_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSHO_INSTITUTIONS", str(tmp_path))
    app = open_page("gaps")
    assert not app.error
    assert "医療機関のファイルがまだない" in panels(app)
    assert str(tmp_path) in panels(app)
