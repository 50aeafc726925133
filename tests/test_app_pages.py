"""The pages without a browser: what they show for an address, and for an address that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_pages import facets, open_page, panels, said, tables

from analyzer.knowledge.base import KnowledgeBase
from analyzer.resources import sample_institutions

HOSPITAL = {"institution": "minato-general-hospital", "as_of": "2026-11-01"}


def test_the_landing_page_counts_and_warns(knowledge: KnowledgeBase) -> None:
    app = open_page("")
    shown = panels(app)
    assert not app.exception
    for guideline in knowledge.encoded_guidelines:
        count = sum(control.guideline == guideline.id for control in knowledge.controls.values())
        assert f'<span class="value">{count}</span>' in shown
        assert guideline.status_note in shown
    assert "第7.0版" in shown
    assert "架空みなと総合病院" in shown


def test_the_matrix_shows_every_control_with_counts(knowledge: KnowledgeBase) -> None:
    app = open_page("matrix")
    (table,) = tables(app)
    assert [row["id"].split()[0] for row in table["rows"]] == list(knowledge.controls)
    assert facets(app)["level"]["minimum"] == (
        sum(control.level == "minimum" for control in knowledge.controls.values()),
        False,
    )


def test_an_address_filters_searches_and_sorts() -> None:
    app = open_page("matrix", {"q": "アクセスログ", "guideline": "mhlw-5", "disclosure": ["public", "nda"]})
    (table,) = tables(app)
    assert table["rows"][0]["id"].startswith("mhlw-5:6.5-07")
    assert all(row["id"].startswith("mhlw-5:") for row in table["rows"])
    assert facets(app)["guideline"]["mhlw-5"] == (len(table["rows"]), True)
    assert any(found for _, found in table["rows"][0]["cells"][1]["p"]), "the title's match is marked"
    by_title = tables(open_page("matrix", {"guideline": "mhlw-5", "sort": "-level"}))[0]
    assert by_title["sort"] == "-level"


def test_a_filter_that_leaves_nothing_offers_the_way_out() -> None:
    app = open_page("matrix", {"q": "存在しない語句ｘｙｚ", "level": "minimum"})
    assert not tables(app)
    assert "条件に合う管理策はありません" in said(app)
    button = next(button for button in app.button if "区分" in button.label)
    app = button.click().run()
    assert "level" not in app.query_params


def test_a_control_opens_from_its_address_with_the_institutions_state(knowledge: KnowledgeBase) -> None:
    app = open_page("matrix", {"control": "mhlw-5:6.5-07", **HOSPITAL})
    control = knowledge.controls["mhlw-5:6.5-07"]
    shown = panels(app)
    assert control.title.ja in shown
    assert control.requirement in shown
    assert "架空みなと総合病院" in shown
    assert "働いた規則" in "".join(expander.label for expander in app.expander)
    neighbours = {button.label: button for button in app.button}
    app = neighbours["次の項目"].click().run()
    assert app.query_params["control"] == "mhlw-5:6.5-08"
    app = next(button for button in app.button if button.label == "一覧に戻る").click().run()
    assert "control" not in app.query_params
    assert tables(app)


@pytest.mark.parametrize(
    ("page", "query", "told"),
    [
        ("matrix", {"control": "mhlw-5:9.9-99"}, "mhlw-5:9.9-99"),
        ("matrix", {"clause": "Ⅱ.9.9"}, "Ⅱ.9.9"),
        ("matrix", {"level": "extreme"}, "level=extreme"),
        ("matrix", {"sort": "colour"}, "sort=colour"),
        ("matrix", {"institution": "nowhere"}, "nowhere"),
        ("matrix", {"as_of": "2026-13-45"}, "2026-13-45"),
        ("evidence", {"document": "cybozu.com:999"}, "cybozu.com:999"),
        ("evidence", {"certification": "nobody:iso"}, "nobody:iso"),
        ("evidence", {"own": "no-such-item", **HOSPITAL}, "no-such-item"),
        ("nowhere", {"a": "b"}, "nowhere"),
    ],
)
def test_a_broken_link_is_named(page: str, query: dict[str, str], told: str) -> None:
    app = open_page(page, query)
    assert not app.exception
    complaints = [element.value for element in (*app.warning, *app.error)]
    assert any(told in complaint for complaint in complaints)


def test_the_register_shows_what_falls_with_a_document() -> None:
    app = open_page("evidence", {"document": "cybozu.com:15", **HOSPITAL})
    shown = panels(app)
    assert "適合が失われる項目" in shown
    assert 'href="matrix?control=mhlw-5:6.1-01"' in shown
    own = panels(open_page("evidence", {"view": "own", **HOSPITAL}))
    assert "期限切れ" in own


def test_a_folder_with_broken_and_repeated_files_keeps_the_good_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = sample_institutions()["hidamari-clinic"].read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(good, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(good, encoding="utf-8")
    (tmp_path / "c.yaml").write_text("institution: {id: [}", encoding="utf-8")
    monkeypatch.setenv("SANSHO_INSTITUTIONS", str(tmp_path))
    app = open_page("evidence")
    assert not app.exception
    assert any("2 件" in expander.label for expander in app.expander)
    problems = "\n".join(block.value for block in app.code)
    assert "c.yaml:1" in problems
    assert "hidamari-clinic" in problems


def test_no_institutions_is_a_page_not_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSHO_INSTITUTIONS", str(tmp_path))
    for page in ("", "matrix", "gaps", "checklist", "evidence", "exports"):
        app = open_page(page)
        assert not app.exception, page
        assert not app.error, page


def test_a_failing_page_says_so_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> str:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("analyzer.exports.screens.overview.figures_fragment", fail)
    app = open_page("")
    assert not app.exception
    assert "番号" in app.error[0].value
    assert "secret detail" not in said(app)


def test_broken_data_is_told_with_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "guidelines.yaml").write_text("guidelines: [", encoding="utf-8")
    monkeypatch.setenv("SANSHO_CONTROLS", str(tmp_path))
    app = open_page("matrix")
    assert "guidelines.yaml" in "".join(block.value for block in app.code)
    assert not app.exception
