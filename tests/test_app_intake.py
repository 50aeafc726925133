"""The page that takes a workbook back: looked at first, taken when asked, conflicts chosen, refusals handed out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from app_pages import open_page, panels, said
from filled_checklists import Book, changed, checklist_of, edited
from streamlit.testing.v1 import AppTest
from test_intake import CONSULTANTS, consultants

from analyzer.exports.screens.intake import ShownRefusal, changes_fragment, refused_csv
from analyzer.store.principal import SINGLE_USER
from analyzer.store.records import Record
from analyzer.web.workspace import Workspace, workspace

CLINIC = "hidamari-clinic"
PLACE = {"institution": CLINIC, "as_of": "2026-11-01"}
ONE, TWO = "mhlw-5:6.1-01 user", "mhlw-5:6.1-02 user"


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The app on a store of the test's own, filled with the samples on first use."""
    monkeypatch.setenv("SANSHO_STORE", str(tmp_path / "sansho.db"))
    yield workspace()


def record(shared: Workspace) -> Record:
    assert shared.store is not None
    return shared.store.records.read(SINGLE_USER, CLINIC)


def note_of(shared: Workspace, key: str) -> object:
    answers = record(shared).document["answers"]
    return next(each.get("note") for each in answers if f"{each['control']} {each['party']}" == key)


def uploaded(content: bytes, name: str = "filled.xlsx") -> AppTest:
    app = open_page("intake", PLACE)
    assert not app.exception
    app.file_uploader[0].upload(name, content)
    return app.run()


def take(app: AppTest) -> AppTest:
    app.button(key="_intake_take").click()
    return app.run()


def test_what_would_change_is_shown_and_taken_only_when_asked(shared: Workspace) -> None:
    before = note_of(shared, ONE)
    sheet = checklist_of(record(shared), shared.analyzer)
    app = uploaded(edited(sheet, lambda book: book.fill("answers", ONE, note="画面から取り込む")))
    assert "画面から取り込む" in panels(app) and str(before) in panels(app)
    assert note_of(shared, ONE) == before
    app = take(app)
    assert not app.exception
    assert note_of(shared, ONE) == "画面から取り込む"
    assert [each.value for each in app.success] == ["1行を取り込みました。"]
    assert "取り込むものはない" in panels(app)


def test_refused_cells_are_listed_and_handed_out_and_the_rest_can_be_taken(shared: Workspace) -> None:
    def fill(book: Book) -> None:
        book.fill("answers", ONE, due="来月")
        book.fill("answers", TWO, note="取り込める")

    app = uploaded(edited(checklist_of(record(shared), shared.analyzer), fill))
    assert "「来月」は日付として読めない" in panels(app) and ">N6<" in panels(app)
    assert [each.proto.label for each in app.get("download_button")] == ["取り込めないところの一覧（CSV）"]
    take(app)
    assert note_of(shared, TWO) == "取り込める"


@pytest.mark.parametrize("choice", ["今の記録を残す", "チェックリストの値にする"])
def test_a_conflict_shows_both_values_and_is_decided_by_a_person(choice: str, shared: Workspace) -> None:
    assert shared.store is not None
    sheet = checklist_of(record(shared), shared.analyzer)
    changed(shared.store.records, record(shared), "answer", ONE, note="ほかの人の備考")

    def fill(book: Book) -> None:
        book.fill("answers", ONE, note="チェックリストの備考")
        book.fill("answers", TWO, note="別の行")

    app = uploaded(edited(sheet, fill))
    assert "ほかの人の備考" in panels(app) and "チェックリストの備考" in panels(app)
    app.radio(key=f"_intake_choice_answers:{ONE}").set_value(choice)
    take(app.run())
    assert note_of(shared, ONE) == (
        "チェックリストの備考" if choice == "チェックリストの値にする" else "ほかの人の備考"
    )
    assert note_of(shared, TWO) == "別の行"


def test_a_change_while_one_looks_is_said_and_nothing_is_taken(shared: Workspace) -> None:
    assert shared.store is not None
    sheet = checklist_of(record(shared), shared.analyzer)
    app = uploaded(edited(sheet, lambda book: book.fill("answers", ONE, note="チェックリストの備考")))
    before = app.session_state["_intake_proposal"]
    changed(shared.store.records, record(shared), "answer", ONE, note="ほかの人の備考")
    app = take(app)
    assert note_of(shared, ONE) == "ほかの人の備考"
    assert "何も取り込んでいません" in said(app)
    assert "チェックリストの備考" in panels(app) and "変えている" in panels(app)
    assert app.session_state["_intake_proposal"][1] is not before[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"nothing", "ブック（.xlsx）ではない"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls")],
)
def test_a_file_that_cannot_be_read_is_refused_in_plain_words(content: bytes, words: str, shared: Workspace) -> None:
    app = uploaded(content)
    assert not app.exception and words in said(app)


def test_the_checklist_of_another_institution_is_refused(shared: Workspace) -> None:
    assert shared.store is not None
    other = shared.store.records.read(SINGLE_USER, "minato-general-hospital")
    app = uploaded(checklist_of(other, shared.analyzer))
    assert "別の医療機関（minato-general-hospital）" in said(app)


def test_a_foreign_workbook_asks_for_its_columns_before_anything_is_shown(shared: Workspace) -> None:
    app = uploaded(consultants(CONSULTANTS), "their.xlsx")
    assert not app.exception
    assert "このソフトウェアで作ったチェックリストではない" in said(app) and "残りは年内" not in panels(app)
    app.button(key="_intake_confirm").click()
    app = app.run()
    assert not app.exception and "残りは年内" in panels(app)


def test_nothing_of_a_workbook_reaches_the_page_as_markup(shared: Workspace) -> None:
    attack = "<img src=x onerror=alert(1)>"
    sheet = checklist_of(record(shared), shared.analyzer)
    app = uploaded(edited(sheet, lambda book: book.fill("answers", ONE, note=attack, status=attack)))
    assert "<img" not in panels(app) and "&lt;img" in panels(app)
    assert changes_fragment([]).count("<script") == 0


def test_the_list_of_refusals_opens_in_a_spreadsheet_and_runs_nothing() -> None:
    content = refused_csv([ShownRefusal("記入", "N6", "=HYPERLINK(1)")]).decode("utf-8-sig")
    assert content.splitlines()[0] == "シート,セル,理由"
    assert "'=HYPERLINK(1)" in content
