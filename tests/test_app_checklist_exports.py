"""責任分界チェックリスト and エクスポート as the app draws them, and for addresses that name nothing."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from app_pages import facets, open_page, panels, said, tables
from openpyxl import load_workbook
from streamlit.testing.v1 import AppTest

from analyzer.exports.kinds import FILE_KINDS
from analyzer.exports.package import Package
from analyzer.web.pages import checklist as checklist_page
from analyzer.web.workspace import workspace

CLINIC, HOSPITAL = "hidamari-clinic", "minato-general-hospital"
DAY = "2026-11-01"


def opened(path: str, **query: str | list[str]) -> AppTest:
    app = open_page(path, {"as_of": DAY, **query})
    assert not app.error, said(app)
    assert not app.exception
    return app


def headings(app: AppTest) -> list[str]:
    """The sections on the page."""
    return re.findall(r'<h2 id="section-[^"]*">([^<]*)</h2>', panels(app))


def button(app: AppTest, label: str) -> AppTest:
    return next(each for each in app.button if each.label == label).click().run()


# -- 責任分界チェックリスト -------------------------------------------------------------------------------------------


def test_the_first_section_stands_there_with_links_to_all() -> None:
    app = opened("checklist", institution=HOSPITAL)
    assert headings(app) == ["6.1 方針の制定と公表"]
    shared = workspace()
    sections = {(each.guideline, each.section.id) for each in shared.knowledge.controls.values()}
    for guideline, section in sections:
        assert f"section={guideline}%3A{section}" in panels(app)


def test_the_address_chooses_section_and_party() -> None:
    app = opened("checklist", institution=HOSPITAL, section="mhlw-5:6.5", party="integrator")
    assert headings(app) == ["6.5 技術的安全対策"]
    assert 'aria-label="SI事業者が行うこと"' in panels(app)
    assert 'aria-label="利用者（医療機関）が行うこと"' not in panels(app)
    everything = opened("checklist", institution=HOSPITAL, section="all")
    assert len(headings(everything)) == len(re.findall(r"section=(?:mhlw|meti)", panels(everything)))


def test_choosing_a_party_writes_it_into_the_address_and_keeps_the_section() -> None:
    app = opened("checklist", institution=HOSPITAL, section="mhlw-5:6.5")
    app.button_group(key="_party").set_value("user").run()
    assert (app.query_params["party"], app.query_params["section"]) == ("user", "mhlw-5:6.5")
    assert 'aria-label="SI事業者が行うこと"' not in panels(app)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"section": "mhlw-5:99"}, "節「mhlw-5:99」は見つかりません"),
        ({"section": "=1+1"}, "節「=1+1」は見つかりません"),
        ({"party": "nobody"}, "担い手「nobody」はありません"),
        ({"institution": "gone"}, "医療機関「gone」は見つかりません"),
    ],
)
def test_an_address_that_names_nothing_is_said_and_the_page_still_helps(query: dict[str, str], told: str) -> None:
    app = opened("checklist", **{"institution": HOSPITAL, **query})
    assert told in said(app)
    assert headings(app)


def test_choosing_sections_to_download_counts_them_and_takes_all_or_none() -> None:
    app = opened("checklist", institution=HOSPITAL, scope="chosen", take=["mhlw-5:6.5", "mhlw-5:gone"])
    choices = {choice: found for group in facets(app).values() for choice, found in group.items()}
    assert [choice for choice, (_, chosen) in choices.items() if chosen] == ["mhlw-5:6.5"]
    app = button(app, "すべて選ぶ")
    assert len(app.query_params["take"]) == len(choices)
    app = button(app, "すべて外す")
    assert "take" not in app.query_params
    assert all(each.proto.disabled for each in app.get("download_button"))


def test_drawing_the_page_makes_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object) -> bytes:
        raise AssertionError("a file was made")

    monkeypatch.setattr(checklist_page, "render_checklist", made)
    assert headings(opened("checklist", institution=CLINIC))


@pytest.mark.parametrize("path", ["checklist", "exports"])
def test_an_empty_folder_says_how_to_begin(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSHO_INSTITUTIONS", str(tmp_path))
    app = opened(path)
    assert "見本を写して" in said(app)
    assert str(tmp_path) in said(app)


# -- エクスポート -----------------------------------------------------------------------------------------------------


def package(app: AppTest) -> Package:
    _, made = app.session_state["_package"]
    assert isinstance(made, Package)
    return made


def test_the_consultant_gets_one_zip_of_all_institutions() -> None:
    app = opened("exports", institution=CLINIC, kind=["gap-list", "json"])
    assert facets(app)["institution"] == {CLINIC: (150, True), HOSPITAL: (428, False)}
    app = button(app, "すべて選ぶ")
    assert "5個のファイルを1つのzip" in said(app)
    app = button(app, "書き出す")
    assert not app.error
    (table,) = tables(app)
    assert len(table["rows"]) == 5
    packed = zipfile.ZipFile(io.BytesIO(package(app).read()))
    assert packed.testzip() is None
    assert len(packed.namelist()) == 5 + 2
    (download,) = app.get("download_button")
    assert "sansho-export-2026-11-01.zip" in download.proto.label


def test_a_single_file_comes_as_itself() -> None:
    app = button(opened("exports", institution=CLINIC, kind="gap-list"), "書き出す")
    assert package(app).name == f"{CLINIC}-gap-list-{DAY}.xlsx"
    load_workbook(io.BytesIO(package(app).read()))


def test_another_choice_gives_up_what_was_made() -> None:
    app = button(opened("exports", institution=CLINIC, kind="gap-list"), "書き出す")
    made = package(app)
    next(each for each in app.checkbox if each.label == FILE_KINDS["json"].label).check().run()
    assert app.query_params["kind"] == ["gap-list", "json"]
    assert "_package" not in app.session_state
    assert not app.get("download_button")
    with pytest.raises(ValueError, match="closed"):
        made.read()


def test_nothing_chosen_is_said() -> None:
    app = button(opened("exports", institution=CLINIC), "すべて外す")
    assert "機関を1つ以上選んでください" in said(app)
    app = opened("exports", institution=CLINIC, kind="gap-list")
    next(each for each in app.checkbox if each.label == FILE_KINDS["gap-list"].label).uncheck().run()
    assert "書き出すものを1つ以上選んでください" in said(app)
    assert not [each for each in app.button if each.label == "書き出す"]


def test_unknown_institutions_and_kinds_of_a_link_are_named() -> None:
    app = opened("exports", take=[CLINIC, "gone"], kind=["gap-list", "exe"])
    assert "医療機関「gone」は見つかりません" in said(app)
    assert "種類「exe」はありません" in said(app)
    assert "**1機関**" in said(app)


def test_what_fails_is_listed_beside_what_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = workspace().analyzer.analyze

    def analyze(institution: object, *rest: object) -> object:
        if getattr(institution, "id", None) == HOSPITAL:
            raise RuntimeError("boom")
        return sound(institution, *rest)  # type: ignore[arg-type]

    app = opened("exports", institution=CLINIC, take=[CLINIC, HOSPITAL], kind="json")
    monkeypatch.setattr(workspace().analyzer, "analyze", analyze)
    app = button(app, "書き出す")
    assert "1件を作成できないか" in said(app)
    (table,) = tables(app)
    states = {row["id"].split("/")[0]: row["cells"][-1] for row in table["rows"]}
    assert states[CLINIC] == "● 作成済"
    assert states[HOSPITAL].startswith("× 作成できず")
    assert "boom" not in states[HOSPITAL]
    assert app.get("download_button")
