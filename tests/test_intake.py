"""A checklist comes back: what was filled in is proposed, what others changed is asked, what is wrong is refused."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filled_checklists import Book, changed, checklist_of, day, edited, proposed, refused_cells, said
from openpyxl import Workbook, load_workbook
from store_helpers import ADMINISTRATOR, AUDITOR, CLINIC, open_store, take_in

from analyzer.cli.checklist_import import import_
from analyzer.cli.options import Settings
from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.errors import InputError, SanshoError
from analyzer.exports.checklist import layout
from analyzer.intake.foreign import mapping_data, mapping_of, propose_foreign, suggest_mapping
from analyzer.intake.proposal import Proposal
from analyzer.intake.workbook import MAX_BYTES, IntakeError, read_workbook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.store.principal import ForbiddenError
from analyzer.store.records import ConflictError, PartChange, Record
from analyzer.store.store import Store

ONE, TWO, THREE = "mhlw-5:6.1-01 user", "mhlw-5:6.1-02 user", "mhlw-5:6.5-01 user"


@pytest.fixture
def store(tmp_path: Path, knowledge: KnowledgeBase) -> Iterator[Store]:
    with open_store(str(tmp_path / "sansho.db"), knowledge) as opened:
        take_in(opened, CLINIC)
        yield opened


@pytest.fixture
def record(store: Store) -> Record:
    return store.records.read(ADMINISTRATOR, CLINIC)


@pytest.fixture(scope="module")
def sheet(knowledge: KnowledgeBase, analyzer: Analyzer, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The clinic's checklist of a few sections, as it is handed out."""
    with open_store(str(tmp_path_factory.mktemp("made") / "sansho.db"), knowledge) as opened:
        take_in(opened, CLINIC)
        return checklist_of(opened.records.read(ADMINISTRATOR, CLINIC), analyzer)


def answer(record: Record, key: str) -> dict[str, object] | None:
    return next((a for a in record.document["answers"] if f"{a['control']} {a['party']}" == key), None)


def taken(proposal: Proposal, store: Store, *conflicts: str) -> Record:
    return proposal.take(proposal.accepted | set(conflicts), store.records, ADMINISTRATOR).record


# -- what was filled in ------------------------------------------------------------------------------------------------


def test_a_checklist_that_nobody_filled_in_proposes_nothing(sheet: bytes, record: Record, analyzer: Analyzer) -> None:
    proposal = proposed(sheet, record, analyzer)
    assert (proposal.changes, proposal.conflicts, proposal.refused) == ((), (), ())
    assert proposal.untouched > 40


def test_nothing_of_any_sample_is_lost_or_changed_by_going_out_and_back(store: Store, analyzer: Analyzer) -> None:
    take_in(store, "minato-general-hospital")
    hospital = store.records.read(ADMINISTRATOR, "minato-general-hospital")
    proposal = proposed(checklist_of(hospital, analyzer, None), hospital, analyzer)
    assert (proposal.changes, proposal.conflicts, proposal.refused) == ((), (), ())


def test_what_was_filled_in_is_taken_cell_by_cell_and_nothing_else_changes(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    def fill(book: Book) -> None:
        book.fill("answers", TWO, status="● 実施済", reason=None, checked_on=day("2026-10-20"), owner="事務長")
        book.fill("answers", TWO, due="令和8年12月1日", note="二行に\nわたる文", evidence="privacy-poster，audit-2026")
        free = book.free("evidence")
        book.fill("evidence", free, id="audit-2026", title="点検の記録", kind="記録・台帳", issued_on="2026/10/1")
        book.fill("evidence", free, covers_from=46266, covers_to="2026年9月30日")
        book.fill("facts", "transports_media", answer="はい")
        book.fill("services", "cybozu.com", nda_concluded_on=day("2026-09-01"))
        new = book.free("reviews")
        book.fill("reviews", new, vendor="cybozu.com", documents="要NDA", reviewed_on=day("2026-09-10"), by="院長")

    content = edited(sheet, fill)
    proposal = proposed(content, record, analyzer)
    assert (proposal.refused, proposal.conflicts) == ((), ())
    after = taken(proposal, store)
    assert answer(after, TWO) == {
        "control": "mhlw-5:6.1-02",
        "party": "user",
        "status": "implemented",
        "evidence": ["privacy-poster", "audit-2026"],
        "checked_on": "2026-10-20",
        "due": "2026-12-01",
        "owner": "事務長",
        "note": "二行に\nわたる文",
    }
    assert after.document["evidence"][-1] == {
        "id": "audit-2026",
        "title": "点検の記録",
        "kind": "record",
        "issued_on": "2026-10-01",
        "covers": {"from": "2026-09-01", "to": "2026-09-30"},
    }
    assert after.document["profile"]["transports_media"] is True
    (service,) = after.document["services"]
    assert service["nda_concluded_on"] == "2026-09-01"
    assert service["reviews"][1:] == [{"documents": "nda", "on": "2026-09-10", "by": "院長"}]
    assert service["reviews"][0] == record.document["services"][0]["reviews"][0]
    for name in ("institution", "integrator"):
        assert after.document[name] == record.document[name]
    others = [a for a in after.document["answers"] if f"{a['control']} {a['party']}" != TWO]
    assert others == [a for a in record.document["answers"] if f"{a['control']} {a['party']}" != TWO]
    assert after.document["evidence"][:-1] == record.document["evidence"]


def test_importing_the_same_file_twice_changes_nothing(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    def fill(book: Book) -> None:
        book.fill("answers", ONE, note="一度目")
        book.fill(
            "evidence", book.free("evidence"), id="e-new", title="新しい", kind="ログ", issued_on=day("2026-10-01")
        )
        book.fill("reviews", book.free("reviews"), vendor="cybozu.com", documents="公開文書", reviewed_on="2026-10-02")
        book.fill("reviews", "cybozu.com#1", note="書き足した")
        book.fill(
            "answers", TWO, **dict.fromkeys(("status", "reason", "checked_on", "evidence", "owner", "due", "note"))
        )

    content = edited(sheet, fill)
    after = taken(proposed(content, record, analyzer), store)
    events = len(store.records.history(ADMINISTRATOR, CLINIC, limit=10_000))
    again = proposed(content, after, analyzer)
    assert (again.changes, again.conflicts, again.refused) == ((), (), ())
    taken(again, store)
    assert len(store.records.history(ADMINISTRATOR, CLINIC, limit=10_000)) == events


def test_a_file_filled_in_further_after_its_first_import_is_no_conflict_with_itself(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    first = edited(sheet, lambda book: book.fill("answers", ONE, owner="事務長"))
    after = taken(proposed(first, record, analyzer), store)
    second = edited(first, lambda book: book.fill("answers", ONE, note="あとから"))
    proposal = proposed(second, after, analyzer)
    assert said(proposal) == {(f"answers:{ONE}", "note"): "あとから"}


def test_a_cleared_row_becomes_unanswered_and_cleared_evidence_goes(
    store: Store, record: Record, analyzer: Analyzer
) -> None:
    spare = {"id": "spare", "title": "どこからも指されていない", "kind": "log", "issued_on": "2026-10-01"}
    change = PartChange("evidence", "spare", spare, 0)
    made = store.records.change(ADMINISTRATOR, CLINIC, [change])

    def clear(book: Book) -> None:
        book.fill("answers", ONE, **dict.fromkeys(field.name for field in layout.ANSWERS if field.input))
        book.fill("evidence", "spare", **dict.fromkeys(field.name for field in layout.EVIDENCE if field.input))

    proposal = proposed(edited(checklist_of(made, analyzer), clear), made, analyzer)
    assert {row.id: row.deed for row in proposal.changes} == {f"answers:{ONE}": "remove", "evidence:spare": "remove"}
    after = taken(proposal, store)
    assert answer(after, ONE) is None
    assert after.document["evidence"] == record.document["evidence"]


def test_evidence_that_an_answer_names_is_not_removed(sheet: bytes, record: Record, analyzer: Analyzer) -> None:
    clear = edited(
        sheet,
        lambda book: book.fill(
            "evidence", "privacy-poster", **dict.fromkeys(field.name for field in layout.EVIDENCE if field.input)
        ),
    )
    proposal = proposed(clear, record, analyzer)
    assert proposal.changes == ()
    assert [each.reason for each in proposal.refused if "消せない" in each.reason]


def test_the_trail_says_which_file_a_change_came_from(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    content = edited(sheet, lambda book: book.fill("answers", ONE, owner="事務長"))
    taken(proposed(content, record, analyzer), store)
    event = store.records.history(ADMINISTRATOR, CLINIC, "answer", ONE)[0]
    assert (event.change.action, event.change.source) == ("import", "filled.xlsx")


def test_who_may_not_write_takes_nothing(sheet: bytes, store: Store, record: Record, analyzer: Analyzer) -> None:
    proposal = proposed(edited(sheet, lambda book: book.fill("answers", ONE, owner="別人")), record, analyzer)
    with pytest.raises(ForbiddenError):
        proposal.take(proposal.accepted, store.records, AUDITOR)
    assert store.records.read(ADMINISTRATOR, CLINIC).document == record.document


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (day("2026-11-01"), "2026-11-01"),
        (46327, "2026-11-01"),
        ("2026/11/1", "2026-11-01"),
        ("2026.11.01", "2026-11-01"),
        ("2026年11月1日", "2026-11-01"),
        ("令和8年11月1日", "2026-11-01"),
        ("R8.11.1", "2026-11-01"),
        ("令和元年5月1日", "2019-05-01"),
        ("平成31年4月30日", "2019-04-30"),
        ("２０２６／１１／１", "2026-11-01"),
    ],
)
def test_days_are_read_however_they_are_written(
    written: object, read: str, sheet: bytes, record: Record, analyzer: Analyzer
) -> None:
    def fill(book: Book) -> None:
        cell = book.cell("answers", ONE, "due")
        cell.value = written  # type: ignore[assignment]
        if isinstance(written, int):
            cell.number_format = "General"

    assert said(proposed(edited(sheet, fill), record, analyzer)) == {(f"answers:{ONE}", "due"): read}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("status", "だいたい済み", "選択肢にない"),
        ("status", "=A1", "数式"),
        ("due", "来月", "日付として読めない"),
        ("due", "2026-02-30", "日付として読めない"),
        ("due", "平成40年1月1日", "日付として読めない"),
        ("due", day("2026-11-01T13:30"), "時刻"),
        ("due", 12.5, "時刻"),
        ("due", 10**9, "エラー値"),
        ("checked_on", True, "日付ではない"),
        ("evidence", "議事録のとおり", "証跡の番号ではない"),
        ("evidence", "no-such-evidence", "記録にも"),
        ("evidence", "privacy-poster, privacy-poster", "2度"),
        ("owner", "長" * 401, "長すぎる"),
        ("owner", day("2026-11-01"), "日付になっている"),
        ("note", "#N/A", "エラー値"),
        ("note", "隠れた\u202e文字", "制御文字"),
        ("status", None, "状況が空欄"),
        ("carried_over", "さあ", "どちらか"),
    ],
)
def test_a_cell_that_cannot_be_taken_is_refused_with_its_place_and_the_others_are_taken(
    name: str, value: object, reason: str, sheet: bytes, record: Record, analyzer: Analyzer
) -> None:
    def fill(book: Book) -> None:
        book.fill("answers", ONE, **{name: value})
        if value == "#N/A":
            book.cell("answers", ONE, name).data_type = "e"
        book.fill("answers", TWO, note="ほかの行の記入")

    content = edited(sheet, fill)
    proposal = proposed(content, record, analyzer)
    place = f"記入!{Book.open(sheet).cell('answers', ONE, name).coordinate}"
    assert reason in refused_cells(proposal)[place]
    assert said(proposal) == {(f"answers:{TWO}", "note"): "ほかの行の記入"}


def test_refused_evidence_takes_only_the_answers_reference_with_it(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    def fill(book: Book) -> None:
        book.fill("evidence", book.free("evidence"), id="half", title="発行日のない証跡", kind="記録・台帳")
        book.fill("answers", ONE, evidence="half", owner="事務長")

    proposal = proposed(edited(sheet, fill), record, analyzer)
    assert said(proposal) == {(f"answers:{ONE}", "owner"): "事務長"}
    assert {"発行日が要る" in reason for reason in refused_cells(proposal).values()} == {True, False}
    before = answer(record, ONE)
    assert before is not None
    assert answer(taken(proposal, store), ONE) == {**before, "owner": "事務長"}


def test_not_applicable_needs_a_reason(sheet: bytes, record: Record, analyzer: Analyzer) -> None:
    proposal = proposed(edited(sheet, lambda book: book.fill("answers", ONE, status="該当なし")), record, analyzer)
    assert proposal.changes == () and "理由が要る" in proposal.refused[0].reason


def test_taking_a_part_of_what_is_offered_says_what_falls_with_the_rest(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    def fill(book: Book) -> None:
        book.fill("evidence", book.free("evidence"), id="e-new", title="新", kind="ログ", issued_on=day("2026-10-01"))
        book.fill("answers", ONE, evidence="e-new", owner="事務長")

    proposal = proposed(edited(sheet, fill), record, analyzer)
    outcome = proposal.take([f"answers:{ONE}"], store.records, ADMINISTRATOR)
    assert "e-new" not in outcome.record.institution.evidence
    found = answer(outcome.record, ONE)
    assert found is not None and found["owner"] == "事務長" and found.get("evidence") == ["privacy-poster"]
    assert ["e-new" in each.reason for each in outcome.refused] == [True]


def test_a_carried_over_answer_is_settled_only_by_saying_so(store: Store, record: Record, analyzer: Analyzer) -> None:
    carried = changed(store.records, record, "answer", ONE, carried_over=True)
    made = checklist_of(carried, analyzer)
    emptied = proposed(edited(made, lambda book: book.fill("answers", ONE, carried_over=None)), carried, analyzer)
    assert emptied.changes == () and "確認済" in emptied.refused[0].reason
    confirmed = edited(made, lambda book: book.fill("answers", ONE, carried_over="確認済", checked_on="2026-10-30"))
    found = answer(taken(proposed(confirmed, carried, analyzer), store), ONE)
    assert found is not None and "carried_over" not in found and found["checked_on"] == "2026-10-30"


def test_a_text_cut_for_its_cell_stays_whole_unless_somebody_changes_it(
    store: Store, record: Record, analyzer: Analyzer
) -> None:
    long = "長い備考。" * 8000
    longer = changed(store.records, record, "answer", ONE, note=long)
    made = checklist_of(longer, analyzer)
    content = edited(made, lambda book: book.fill("answers", ONE, owner="事務長"))
    proposal = proposed(content, longer, analyzer)
    assert said(proposal) == {(f"answers:{ONE}", "owner"): "事務長"}
    found = answer(taken(proposal, store), ONE)
    assert found is not None and found["note"] == long

    def rewrite(book: Book) -> None:
        cell = book.cell("answers", ONE, "note")
        cell.value = "頭を" + str(cell.value)[5:]

    refused = proposed(edited(made, rewrite), longer, analyzer)
    assert refused.changes == () and "省略" in refused.refused[0].reason
    replaced = edited(made, lambda book: book.fill("answers", ONE, note="短くした"))
    assert said(proposed(replaced, longer, analyzer)) == {(f"answers:{ONE}", "note"): "短くした"}


# -- others change the record meanwhile -------------------------------------------------------------------------------


def test_a_cell_that_nobody_touched_does_not_undo_what_others_did(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    now = changed(store.records, record, "answer", ONE, note="ほかの人の備考", status="planned")
    content = edited(sheet, lambda book: book.fill("answers", TWO, owner="事務長"))
    proposal = proposed(content, now, analyzer)
    assert said(proposal) == {(f"answers:{TWO}", "owner"): "事務長"} and proposal.conflicts == ()


@pytest.mark.parametrize("theirs", [True, False])
def test_both_changed_is_a_conflict_with_both_values_and_a_person_decides(
    theirs: bool, sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    now = changed(store.records, record, "answer", ONE, note="ほかの人の備考")
    content = edited(sheet, lambda book: book.fill("answers", ONE, note="このチェックリストの備考"))
    proposal = proposed(content, now, analyzer)
    assert proposal.changes == ()
    (conflict,) = proposal.conflicts
    assert [(cell.before, cell.after) for cell in conflict.cells] == [("ほかの人の備考", "このチェックリストの備考")]
    found = answer(taken(proposal, store, *([conflict.id] if theirs else [])), ONE)
    assert found is not None and found["note"] == ("このチェックリストの備考" if theirs else "ほかの人の備考")


def test_the_same_change_on_both_sides_is_no_conflict(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    now = changed(store.records, record, "answer", ONE, owner="事務長")
    proposal = proposed(edited(sheet, lambda book: book.fill("answers", ONE, owner="事務長")), now, analyzer)
    assert (proposal.changes, proposal.conflicts) == ((), ())


def test_an_answer_that_others_removed_comes_back_whole_only_if_chosen(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    gone = PartChange("answer", ONE, None, record.version("answer", ONE))
    now = store.records.change(ADMINISTRATOR, CLINIC, [gone])
    proposal = proposed(edited(sheet, lambda book: book.fill("answers", ONE, owner="事務長")), now, analyzer)
    assert proposal.changes == () and len(proposal.conflicts) == 1
    found = answer(taken(proposal, store, proposal.conflicts[0].id), ONE)
    before = answer(record, ONE)
    assert before is not None and found == {**before, "owner": "事務長"}


def test_a_change_between_the_preview_and_the_taking_is_not_overwritten(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    proposal = proposed(edited(sheet, lambda book: book.fill("answers", ONE, owner="事務長")), record, analyzer)
    changed(store.records, record, "answer", ONE, note="ほかの人の備考")
    with pytest.raises(ConflictError):
        taken(proposal, store)
    found = answer(store.records.read(ADMINISTRATOR, CLINIC), ONE)
    assert found is not None and found["note"] == "ほかの人の備考"


def test_a_review_changed_on_both_sides_is_a_conflict(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    (service,) = record.document["services"]
    reviews = [{**service["reviews"][0], "by": "ほかの人"}]
    now = changed(store.records, record, "service", "cybozu.com", reviews=reviews)
    proposal = proposed(edited(sheet, lambda book: book.fill("reviews", "cybozu.com#1", by="院長代理")), now, analyzer)
    assert proposal.changes == () and [row.table for row in proposal.conflicts] == ["reviews"]


# -- however the file was handled -------------------------------------------------------------------------------------


def _sort_rows(book: Book) -> None:
    form, rows = book.sheet("answers"), book.rows("answers")
    width = range(1, form.max_column + 1)
    values = [[form.cell(row, column).value for column in width] for row in rows]
    for row, line in zip(rows, sorted(values, key=lambda line: str(line[5]), reverse=True), strict=True):
        for column, value in zip(width, line, strict=True):
            form.cell(row, column).value = value


def _move_columns(book: Book) -> None:
    form = book.sheet("answers")
    for row in form.iter_rows(min_row=5):
        values = [cell.value for cell in row]
        for cell, value in zip(row, [*values[9:], *values[:9]], strict=True):
            cell.value = value


def _hide(book: Book) -> None:
    form = book.sheet("answers")
    for row in book.rows("answers")[::2]:
        form.row_dimensions[row].hidden = True
    form.auto_filter.ref = f"A5:R{book.rows('answers')[-1]}"
    form.auto_filter.add_filter_column(8, ["実施済"])
    form.column_dimensions["M"].hidden = True
    form.column_dimensions["A"].hidden = False


def _rename_sheets(book: Book) -> None:
    for number, each in enumerate(list(book.workbook.worksheets)):
        each.title = f"シート{number}"
    book.workbook.move_sheet("シート3", -3)


def _insert_rows(book: Book) -> None:
    form = book.sheet("answers")
    form.insert_rows(1, 3)
    form.insert_rows(12)
    form.cell(12, 4).value = "ここに見出しを入れた"
    form.insert_cols(3)
    form.cell(8, 3).value = "社内メモ"


HANDLED: dict[str, Callable[[Book], None]] = {
    "sorted": _sort_rows,
    "columns moved": _move_columns,
    "filtered and hidden": _hide,
    "sheets renamed and reordered": _rename_sheets,
    "rows and columns inserted": _insert_rows,
}


@pytest.mark.parametrize("how", HANDLED)
def test_what_was_filled_in_is_found_however_the_file_was_handled(
    how: str, sheet: bytes, record: Record, analyzer: Analyzer
) -> None:
    def fill(book: Book) -> None:
        book.fill("answers", ONE, owner="事務長", due=day("2026-12-24"))
        book.fill("answers", THREE, note="見つかる")
        book.fill("evidence", "privacy-poster", note="掲示を撮り直した")
        HANDLED[how](book)

    proposal = proposed(edited(sheet, fill), record, analyzer)
    assert proposal.refused == ()
    assert said(proposal) == {
        (f"answers:{ONE}", "owner"): "事務長",
        (f"answers:{ONE}", "due"): "2026-12-24",
        (f"answers:{THREE}", "note"): "見つかる",
        ("evidence:privacy-poster", "note"): "掲示を撮り直した",
    }


def test_rows_sorted_without_their_hidden_keys_are_refused(sheet: bytes, record: Record, analyzer: Analyzer) -> None:
    def shift(book: Book) -> None:
        form, rows = book.sheet("answers"), book.rows("answers")
        for column in range(3, form.max_column + 1):
            values = [form.cell(row, column).value for row in rows]
            for row, value in zip(rows, [*values[1:], values[0]], strict=True):
                form.cell(row, column).value = value

    proposal = proposed(edited(sheet, shift), record, analyzer)
    wrong = [row.id for row in proposal.changes if row.table == "answers"]
    assert wrong == [] and any("食い違う" in each.reason for each in proposal.refused)


def test_rows_that_are_gone_from_the_file_stay_in_the_record(sheet: bytes, record: Record, analyzer: Analyzer) -> None:
    proposal = proposed(edited(sheet, lambda book: book.sheet("answers").delete_rows(6, 10)), record, analyzer)
    assert (proposal.changes, proposal.conflicts) == ((), ())
    assert any("10行" in note for note in proposal.notes)


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
def test_a_file_saved_by_libreoffice_is_the_same(
    sheet: bytes, record: Record, analyzer: Analyzer, tmp_path: Path
) -> None:
    def fill(book: Book) -> None:
        book.fill("answers", ONE, owner="事務長", note="二行に\nわたる _x005F_x0041_ 文", checked_on=day("2026-10-20"))
        book.fill("evidence", book.free("evidence"), id="e-new", title="新", kind="ログ", issued_on="2026/10/1")

    source = tmp_path / "filled.xlsx"
    source.write_bytes(edited(sheet, fill))
    before = proposed(source.read_bytes(), record, analyzer)
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    arguments = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "xlsx",
        "--outdir",
        str(tmp_path / "out"),
        str(source),
    ]
    subprocess.run(arguments, check=True, capture_output=True, timeout=180)
    content = (tmp_path / "out" / "filled.xlsx").read_bytes()
    assert load_workbook(io.BytesIO(content))[layout.META_SHEET].sheet_state != "visible"
    after = proposed(content, record, analyzer)
    assert said(after) == said(before) != {}
    assert (after.refused, after.conflicts) == ((), ())


def test_one_row_answers_every_control_it_stands_for(store: Store, analyzer: Analyzer) -> None:
    take_in(store, "minato-general-hospital")
    hospital = store.records.read(ADMINISTRATOR, "minato-general-hospital")
    made = checklist_of(hospital, analyzer, None)
    book = Book.open(made)
    row = next(row for row in book.rows("answers") if "," in book.key("answers", row))
    keys, _, party = book.key("answers", row).rpartition(" ")
    book.fill("answers", row, status="計画中", note="まとめて答える", carried_over=None)
    proposal = proposed(book.to_bytes(), hospital, analyzer)
    after = taken(proposal, store)
    for key in keys.split(", "):
        found = answer(after, f"{key} {party}")
        assert found is not None and (found["status"], found["note"]) == ("planned", "まとめて答える")


# -- versions and other institutions ----------------------------------------------------------------------------------


def _meta(book: Book, name: str, value: object) -> None:
    meta = book.workbook[layout.META_SHEET]
    next(row for row in meta.iter_rows() if row[0].value == name)[1].value = value


def test_the_checklist_of_another_institution_is_refused_whole(
    sheet: bytes, record: Record, analyzer: Analyzer
) -> None:
    content = edited(sheet, lambda book: _meta(book, "institution_id", "minato-general-hospital"))
    with pytest.raises(IntakeError, match="minato-general-hospital") as refusal:
        proposed(content, record, analyzer)
    assert "別の医療機関" in refusal.value.ja


def test_a_checklist_of_the_format_before_is_read_and_says_what_it_lacks(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    def age(book: Book) -> None:
        _meta(book, "format", layout.WITHOUT_BASE)
        meta = book.workbook[layout.META_SHEET]
        for row in meta.iter_rows():
            if row[0].value == layout.BASE:
                for cell in row:
                    cell.value = None
        for table in ("evidence", "reviews"):
            for row in [*book.rows(table), book.rows(table)[0] - 1]:
                book.cell(table, row, "row").value = None
        book.fill("answers", ONE, owner="事務長")

    content = edited(sheet, age)
    assert said(proposed(content, record, analyzer)) == {(f"answers:{ONE}", "owner"): "事務長"}
    now = changed(store.records, record, "answer", TWO, note="ほかの人の備考")
    proposal = proposed(content, now, analyzer)
    assert (f"answers:{TWO}", "note") in said(proposal)
    assert any("前の書式" in note for note in proposal.notes)


def test_an_unknown_format_and_a_workbook_of_somebody_else_are_refused(
    sheet: bytes, record: Record, analyzer: Analyzer
) -> None:
    with pytest.raises(IntakeError, match="sansho-checklist/99"):
        proposed(edited(sheet, lambda book: _meta(book, "format", "sansho-checklist/99")), record, analyzer)
    with pytest.raises(IntakeError, match="not a checklist"):
        proposed(edited(sheet, lambda book: book.workbook.remove(book.workbook[layout.META_SHEET])), record, analyzer)


def test_a_control_that_the_knowledge_base_no_longer_has_is_refused_in_its_row(
    sheet: bytes, store: Store, record: Record, analyzer: Analyzer
) -> None:
    knowledge = analyzer.knowledge
    fewer = {key: control for key, control in knowledge.controls.items() if key != "mhlw-5:6.1-02"}
    answers = [a for a in record.document["answers"] if a["control"] != "mhlw-5:6.1-02"]
    older = replace(record, document={**record.document, "answers": answers})
    newer = Analyzer(replace(knowledge, controls=fewer, version="later"))
    content = edited(sheet, lambda book: [book.fill("answers", key, owner="事務長") for key in (ONE, TWO)])
    proposal = proposed(content, older, newer)
    assert said(proposal) == {(f"answers:{ONE}", "owner"): "事務長"}
    assert any("今の知識ベースにない" in reason for reason in refused_cells(proposal).values())
    assert any("知識ベース" in note for note in proposal.notes)


def test_a_part_leaves_the_other_sections_alone(sheet: bytes, record: Record, analyzer: Analyzer) -> None:
    proposal = proposed(sheet, record, analyzer)
    assert proposal.changes == () and any("6.5" in note for note in proposal.notes)


# -- files that are no checklist, or mean harm ------------------------------------------------------------------------


def _zip(*parts: tuple[str, bytes], like: bytes | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        replaced = {name for name, _ in parts}
        if like is not None:
            with zipfile.ZipFile(io.BytesIO(like)) as source:
                for name in source.namelist():
                    if name not in replaced:
                        archive.writestr(name, source.read(name))
        for name, data in parts:
            archive.writestr(name, data)
    return stream.getvalue()


SHEET = "xl/worksheets/sheet4.xml"
BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><worksheet>&a;</worksheet>'
MAIN = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


@pytest.mark.parametrize(
    ("make", "english", "japanese"),
    [
        (lambda _: b"", "is empty", "空"),
        (lambda _: "項番,状況\n6.1-01,済\n".encode(), "CSV", "CSV"),
        (lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, ".xls", ".xls"),
        (
            lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "password",
            "パスワード",
        ),
        (lambda _: _zip(("a.txt", b"x")), "not an .xlsx", "ではない"),
        (lambda _: _zip(("mimetype", b"x"), ("content.xml", b"x")), "OpenDocument", "ODS"),
        (lambda sheet: sheet[: len(sheet) // 2], "damaged", "壊れて"),
        (lambda sheet: sheet + b"\0" * (MAX_BYTES - len(sheet) + 1), "at most", "大きすぎる"),
        (lambda sheet: _zip((SHEET, BOMB), like=sheet), "document type", "DOCTYPE"),
        (lambda sheet: _zip((SHEET, "<a/>".encode("utf-16")), like=sheet), "encoded", "UTF-8"),
        (lambda sheet: _zip((SHEET, b"<notxml"), like=sheet), "damaged", "壊れて"),
        (lambda sheet: _zip(("xl/media/x.xml", b" " * 200_000_000), like=sheet), "unpacks to", "大きすぎる"),
        (lambda sheet: _zip((SHEET, MAIN + b"<row><c r='A1'/>" * 500_000), like=sheet), "more than", "大きすぎる"),
    ],
)
def test_what_is_no_checklist_or_means_harm_is_refused_in_plain_words(
    make: Callable[[bytes], bytes],
    english: str,
    japanese: str,
    sheet: bytes,
    record: Record,
    analyzer: Analyzer,
) -> None:
    with pytest.raises(IntakeError) as refusal:
        proposed(make(sheet), record, analyzer)
    assert english in str(refusal.value) and "\n" not in str(refusal.value)
    assert japanese in refusal.value.ja


def test_a_merge_over_the_whole_sheet_costs_nothing(sheet: bytes, record: Record, analyzer: Analyzer) -> None:
    merges = b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells></worksheet>'
    name = "xl/worksheets/sheet2.xml"
    proposal = proposed(
        _zip((name, MAIN + b'<row r="1048576"><c r="XFD1048576"/></row>' + merges), like=sheet), record, analyzer
    )
    assert proposal.changes == ()


# -- the command ------------------------------------------------------------------------------------------------------


def command(*arguments: object) -> int:
    texts = [str(argument) for argument in arguments]
    code = import_.main(texts, standalone_mode=False, obj=Settings(()))
    assert isinstance(code, int)
    return code


@pytest.fixture
def location(store: Store, tmp_path: Path) -> Path:
    return tmp_path / "sansho.db"


def test_the_command_shows_first_and_takes_all_or_nothing_unless_told_otherwise(
    sheet: bytes, store: Store, location: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(book: Book) -> None:
        book.fill("answers", ONE, owner="事務長")
        book.fill("answers", TWO, due="来月")

    path = tmp_path / "filled.xlsx"
    path.write_bytes(edited(sheet, fill))
    before = store.records.read(ADMINISTRATOR, CLINIC)
    assert command(path, "--store", location, "--dry-run") == 1
    out = capsys.readouterr().out
    assert re.search(r"change 記入!M6 .*担当: 院長 -> 事務長", out) and "refused 記入!N7" in out
    assert command(path, "--store", location) == 1
    assert store.records.read(ADMINISTRATOR, CLINIC).document == before.document
    assert command(path, "--store", location, "--take", "accepted") == 1
    found = answer(store.records.read(ADMINISTRATOR, CLINIC), ONE)
    assert found is not None and found["owner"] == "事務長"


@pytest.mark.parametrize(("resolve", "note"), [("mine", "ほかの人の備考"), ("theirs", "チェックリストの備考")])
def test_the_command_resolves_conflicts_only_as_told(
    resolve: str, note: str, sheet: bytes, store: Store, record: Record, location: Path, tmp_path: Path
) -> None:
    changed(store.records, record, "answer", ONE, note="ほかの人の備考")
    path = tmp_path / "filled.xlsx"
    path.write_bytes(edited(sheet, lambda book: book.fill("answers", ONE, note="チェックリストの備考")))
    assert command(path, "--store", location) == 1
    assert command(path, "--store", location, "--resolve", resolve) == 0
    found = answer(store.records.read(ADMINISTRATOR, CLINIC), ONE)
    assert found is not None and found["note"] == note


def test_the_command_compares_with_a_file_and_gives_json(
    sheet: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "filled.xlsx"
    path.write_bytes(edited(sheet, lambda book: book.fill("answers", ONE, owner="事務長")))
    assert command(path, "--file", CLINIC, "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["taken"] is None and data["institution"] == CLINIC
    (change,) = data["changes"]
    assert change["parts"] == [["answer", ONE]]
    assert change["cells"] == [{"cell": "M6", "field": "owner", "label": "担当", "before": "院長", "after": "事務長"}]


def test_the_command_suggests_a_mapping_that_it_takes_again(
    store: Store, location: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, mapping = tmp_path / "their.xlsx", tmp_path / "mapping.yaml"
    path.write_bytes(consultants(CONSULTANTS))
    assert command(path, "--suggest-mapping") == 0
    mapping.write_text(capsys.readouterr().out, encoding="utf-8")
    with pytest.raises(SanshoError, match="--institution"):
        command(path, "--store", location, "--mapping", mapping)
    options = ("--store", location, "--mapping", mapping, "--institution", CLINIC)
    assert command(path, *options, "--take", "accepted", "--resolve", "theirs") == 1
    found = answer(store.records.read(ADMINISTRATOR, CLINIC), TWO)
    assert found is not None and found["note"] == "残りは年内"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "needed"),
        ({"columns": {"control": "A", "status": "A"}}, "twice"),
        ({"columns": {"control": "A", "status": "1"}}, "column such as"),
        ({"columns": {"control": "A", "status": "B"}, "header_row": 0}, "number of a row"),
        ({"columns": {"control": "A", "status": "B"}, "header_row": 1, "sheet": "x"}, "whose answers"),
        ({"colums": {}}, "unknown key"),
        ([], "not a mapping"),
    ],
)
def test_a_mapping_with_a_fault_is_refused_with_the_fault(data: object, words: str, knowledge: KnowledgeBase) -> None:
    with pytest.raises(InputError, match=words):
        mapping_of(data, "mapping.yaml", knowledge)


# -- somebody else's workbook -----------------------------------------------------------------------------------------


def consultants(rows: list[list[object]]) -> bytes:
    book = Workbook()
    book.active.title = "表紙"
    book.active["A1"] = "ガイドライン点検 ご報告"
    sheet = book.create_sheet("点検結果")
    sheet["B2"] = "点検表（第5版 企画管理・運用編）"
    for column, heading in enumerate(["項　番", "要求の概要", "対応 状況", "ご担当者", "対応期限", "コメント"], 2):
        sheet.cell(4, column).value = heading
    for number, row in enumerate(rows, 5):
        for column, value in enumerate(row, 2):
            sheet.cell(number, column).value = value
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


CONSULTANTS: list[list[object]] = [
    ["6.1-01", "方針", "○", "院長", None, None],
    ["6.1-02", "体制", "一部", "事務長", "令和8年12月1日", "残りは年内"],
    ["６．５－０１", "認証", "対象外", None, None, None],
    ["6.5-02", "認証", "もうすぐ", None, None, None],
    ["99.9-01", "ない項目", "済", None, None, None],
    ["6.5-03", "空欄", None, None, None, None],
]


def test_a_foreign_workbook_is_mapped_by_suggestion_and_taken_after_confirmation(
    store: Store, record: Record, knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    sheets = read_workbook(consultants(CONSULTANTS), "their.xlsx")
    suggestion = suggest_mapping(sheets, knowledge, rulebook)
    assert suggestion is not None
    mapping = suggestion.mapping
    assert (mapping.sheet, mapping.header_row, mapping.guideline) == ("点検結果", 4, "mhlw-5")
    assert mapping.columns == {"control": "B", "status": "D", "owner": "E", "due": "F", "note": "G"}
    assert mapping.statuses["○"] == "implemented" and mapping.statuses["対象外"] == "not_applicable"
    confirmed = mapping_of(
        mapping_data(replace(mapping, statuses={**mapping.statuses, "一部": "partial"})), "m", knowledge
    )
    confirmed = replace(confirmed, statuses={k: v for k, v in confirmed.statuses.items() if k != "もうすぐ"})
    proposal = propose_foreign(sheets, "their.xlsx", confirmed, record, knowledge, rulebook)
    reasons = refused_cells(proposal)
    assert "読み替え" in reasons["点検結果!D8"] and "知識ベースにない" in reasons["点検結果!B9"]
    offered = {row.id for row in (*proposal.changes, *proposal.conflicts)}
    assert {f"answers:{TWO}"} <= offered
    # What the record holds is replaced only where a person says so; an empty cell empties nothing.
    for row in proposal.changes:
        assert all(cell.before == "" or row.conflict for cell in row.cells)
    after = taken(proposal, store, *proposal.in_conflict)
    found = answer(after, TWO)
    assert found is not None and (found["status"], found["owner"], found["due"]) == ("partial", "事務長", "2026-12-01")


def test_a_workbook_without_ids_has_no_suggestion(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    sheets = read_workbook(consultants([["その1", "", "済", "", "", ""]]), "their.xlsx")
    assert suggest_mapping(sheets, knowledge, rulebook) is None
