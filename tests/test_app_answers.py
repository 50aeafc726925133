"""Answering on screen: every field saves itself, collisions are decided, nothing typed is lost, all can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from app_pages import open_page, panels, tables
from streamlit.testing.v1 import AppTest

from analyzer.store.principal import SINGLE_USER
from analyzer.store.records import PartChange
from analyzer.web.workspace import Workspace, workspace

CLINIC = {"institution": "hidamari-clinic", "as_of": "2026-11-01"}
DUTY = {"control": "mhlw-5:6.1-02", "party_of": "user"}
KEY = "mhlw-5:6.1-02 user"


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The app on a store of the test's own, filled with the samples on first use."""
    monkeypatch.setenv("SANSHO_STORE", str(tmp_path / "sansho.db"))
    yield workspace()


def answer(shared: Workspace) -> dict[str, object] | None:
    assert shared.store is not None
    record = shared.store.records.read(SINGLE_USER, "hidamari-clinic")
    found = [each for each in record.document["answers"] if f"{each['control']} {each['party']}" == KEY]
    return found[0] if found else None


def field(app: AppTest, kind: str, name: str) -> object:
    return next(each for each in app.get(kind) if each.key == f"_answer_{name}")


def test_the_list_shows_what_is_to_do(shared: Workspace) -> None:
    app = open_page("answers", CLINIC)
    assert not app.exception
    (table,) = tables(app)
    assert table["rows"]
    late = tables(open_page("answers", {**CLINIC, "view": "overdue"}))[0]
    assert 0 < len(late["rows"]) < len(table["rows"])
    assert all("超過" in row["cells"][5]["d"] for row in late["rows"])


def test_a_change_saves_itself_and_can_be_taken_back(shared: Workspace) -> None:
    before = answer(shared)
    app = open_page("answers", {**CLINIC, **DUTY})
    app = field(app, "radio", "status").set_value("partial").run()  # type: ignore[attr-defined]
    app = field(app, "text_input", "owner").set_value("事務長").run()  # type: ignore[attr-defined]
    saved = answer(shared)
    assert saved is not None
    assert (saved["status"], saved["owner"]) == ("partial", "事務長")
    assert "保存しました" in "".join(element.value for element in app.success)
    history = panels(app)
    assert "事務長" in history
    app = next(button for button in app.button if button.label == "最後の変更を取り消す").click().run()
    back = answer(shared)
    assert back is not None
    assert back["status"] == "partial"
    assert back.get("owner") == (before or {}).get("owner")


def test_what_cannot_be_saved_yet_waits(shared: Workspace) -> None:
    before = answer(shared)
    app = open_page("answers", {**CLINIC, **DUTY})
    app = field(app, "radio", "status").set_value("not_applicable").run()  # type: ignore[attr-defined]
    assert answer(shared) == before
    assert any("理由" in element.value for element in app.warning)
    assert field(app, "radio", "status").value == "not_applicable"  # type: ignore[attr-defined]


def test_a_collision_is_shown_and_decided(shared: Workspace) -> None:
    assert shared.store is not None
    app = open_page("answers", {**CLINIC, **DUTY})
    records = shared.store.records
    theirs = {"control": "mhlw-5:6.1-02", "party": "user", "status": "planned", "owner": "院長"}
    version = records.read(SINGLE_USER, "hidamari-clinic").version("answer", KEY)
    records.change(SINGLE_USER, "hidamari-clinic", [PartChange("answer", KEY, theirs, version)])
    app = field(app, "radio", "status").set_value("implemented").run()  # type: ignore[attr-defined]
    assert answer(shared) == theirs, "not overwritten silently"
    assert "ほかの人が先に変更しました" in panels(app)
    app = next(button for button in app.button if button.label == "自分の入力で置き換える").click().run()
    saved = answer(shared)
    assert saved is not None
    assert saved["status"] == "implemented"


def test_a_duty_that_is_none_is_said(shared: Workspace) -> None:
    app = open_page("answers", {**CLINIC, "control": "mhlw-5:9.9-99", "party_of": "user"})
    assert not app.exception
    assert any("mhlw-5:9.9-99" in element.value for element in app.warning)


def test_without_a_store_the_page_says_what_is_needed() -> None:
    app = open_page("answers", CLINIC)
    assert any("データベース" in element.value for element in app.info)


def test_an_open_question_is_answered_on_screen(shared: Workspace) -> None:
    assert shared.store is not None
    app = open_page("gaps", {**CLINIC, "view": "facts"})
    assert not app.exception
    key = "_fact_allows_reoutsourcing"
    group = next(each for each in app.get("button_group") if each.key == key)
    app = group.set_value(True).run()
    record = shared.store.records.read(SINGLE_USER, "hidamari-clinic")
    assert record.institution.facts["allows_reoutsourcing"] is True
    assert not [each for each in app.get("button_group") if each.key == key], "an answered question is no longer asked"


def test_evidence_is_registered_and_refused_with_a_reason(shared: Workspace) -> None:
    assert shared.store is not None
    app = open_page("evidence", {**CLINIC, "view": "own"})
    title = next(each for each in app.text_input if each.label == "題名")
    title.set_value("パスワード規程")
    app = next(button for button in app.button if button.label == "登録する").click().run()
    assert any("発行日" in element.value for element in app.warning)
    next(each for each in app.date_input if each.label == "発行日").set_value("2026-10-01")
    app = next(button for button in app.button if button.label == "登録する").click().run()
    record = shared.store.records.read(SINGLE_USER, "hidamari-clinic")
    assert "パスワード規程" in [item.title for item in record.institution.evidence.values()]


def test_a_comment_stays(shared: Workspace) -> None:
    place = {**CLINIC, "control": "mhlw-5:6.1-02"}
    app = open_page("gaps", place)
    next(each for each in app.text_area if each.label == "所見を書く").set_value("掲示の写真を確かめた。")
    app = next(button for button in app.button if button.label == "残す").click().run()
    assert "掲示の写真を確かめた。" in panels(app)
    assert "掲示の写真を確かめた。" in panels(open_page("matrix", place))


def test_an_analysis_is_recorded_once_and_shown(shared: Workspace) -> None:
    assert shared.store is not None
    app = open_page("gaps", CLINIC)
    app = next(button for button in app.button if button.label == "この分析を記録する").click().run()
    app = next(button for button in app.button if button.label == "この分析を記録する").click().run()
    assert len(shared.store.analyses.saved(SINGLE_USER, "hidamari-clinic")) == 1
    assert '<th scope="row" class="short">2026-11-01</th>' in panels(app)
