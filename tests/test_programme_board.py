"""The secretariat's board: whose turn it is, what waits for an answer, filters with counts, order, the workbook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from portal_world import PROGRAMME, SECRETARIAT, PortalWorld, portal_world, whole_answers
from store_helpers import PDF

from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme import board as boards
from analyzer.programme.board import ALL_DONE, BoardFilter, BoardRow, board_view, sorted_rows
from analyzer.programme.office import WantedDate
from analyzer.programme.office_workbooks import board_workbook, handover_workbook
from analyzer.programme.portal_files import Upload
from analyzer.store.principal import ForbiddenError

EARLY, LATE = date(2026, 5, 1), date(2026, 6, 10)


@pytest.fixture
def world(tmp_path: Path, knowledge: KnowledgeBase, rulebook: Rulebook) -> Iterator[PortalWorld]:
    with portal_world(str(tmp_path / "sansho.db"), tmp_path / "files", knowledge, rulebook, institutions=4) as made:
        yield made


def rows(world: PortalWorld, as_of: date = EARLY) -> tuple[BoardRow, ...]:
    return world.portal.board.rows(SECRETARIAT, PROGRAMME, as_of)


def place(world: PortalWorld, number: int = 0) -> str:
    return world.enrolled[number].institution


def found(world: PortalWorld, **chosen: list[str]) -> list[str | None]:
    view = board_view(rows(world, LATE), BoardFilter(chosen=chosen))  # type: ignore[arg-type]
    return [row.enrolment.number for row in view.rows]


def confirm(world: PortalWorld, number: int) -> None:
    part, me = world.portal.participation, world.person(number)
    seen = part.view(me, PROGRAMME, place(world, number)).registration.version
    part.confirm_registration(me, PROGRAMME, place(world, number), seen)
    part.consent(me, PROGRAMME, place(world, number), "院長", world.programme.terms.digest)


def test_the_current_step_is_the_first_that_is_not_over_whoevers_turn_it_is(world: PortalWorld) -> None:
    first = rows(world)[0]
    assert first.current is not None
    assert (first.current.step.id, first.turn) == ("basic_data", "institution")
    me, here = world.person(), place(world)
    seen = world.portal.participation.view(me, PROGRAMME, here).registration.version
    world.portal.participation.request_change(me, PROGRAMME, here, seen, "電話番号")
    asked = rows(world)[0]
    assert asked.current is not None
    # The closing questionnaire is the institution's to fill in all the time; that does not make it its turn.
    assert (asked.current.step.id, asked.turn, asked.acts) == ("basic_data", "secretariat", ("change",))


def test_what_the_institution_did_waits_until_it_is_answered(world: PortalWorld) -> None:
    me, here, office = world.person(), place(world), world.portal.office
    confirm(world, 0)
    assert rows(world)[0].acts == ()
    world.portal.handing_in.hand_in_document(
        me, PROGRAMME, here, "network_diagram", [Upload("図.pdf", PDF)], date(2026, 4, 1)
    )
    world.portal.messages.write(me, PROGRAMME, here, "external_lines", "質問です")
    wanted = WantedDate(date(2026, 7, 1), time(13, 30), time(15, 0), "貴院")
    office.propose_dates(SECRETARIAT, PROGRAMME, here, "external_lines", [wanted], 0)
    seen = office.view(SECRETARIAT, PROGRAMME, here).steps["external_lines"].schedule.version
    world.portal.participation.ask_other_dates(me, PROGRAMME, here, "external_lines", "8月なら", seen)
    assert rows(world)[0].acts == ("paper", "dates", "message")

    record = office.view(SECRETARIAT, PROGRAMME, here).steps["external_lines"]
    paper = record.documents["network_diagram"]
    office.accept(SECRETARIAT, PROGRAMME, here, "document", "network_diagram", paper.version)
    office.propose_dates(SECRETARIAT, PROGRAMME, here, "external_lines", [wanted], record.schedule.version)
    world.portal.messages.answer(SECRETARIAT, PROGRAMME, here, "external_lines", "お答えします")
    assert rows(world)[0].acts == ()


def test_an_answered_questionnaire_waits_for_nobody(world: PortalWorld) -> None:
    form = world.programme.form_by_id["closing"]
    world.portal.handing_in.hand_in_form(world.person(), PROGRAMME, place(world), "closing", whole_answers(form, {}), 0)
    assert rows(world)[0].acts == ()


def test_filters_leave_what_is_asked_for_and_count_beside_what_the_others_ask(world: PortalWorld) -> None:
    confirm(world, 0)
    world.portal.messages.write(world.person(1), PROGRAMME, place(world, 1), "consent", "質問です")
    assert found(world) == ["1", "2", "3", "4"]
    assert found(world, step=["external_lines"]) == ["1"]
    assert found(world, step=["basic_data"], act=["message"]) == ["2"]
    assert found(world, step=["basic_data", "external_lines"]) == ["1", "2", "3", "4"]
    assert found(world, overdue=["yes"]) == ["2", "3", "4"]
    assert found(world, region=["どこにもない県"]) == []
    assert found(world, step=[ALL_DONE]) == []
    view = board_view(rows(world, LATE), BoardFilter(chosen={"step": ["external_lines"]}))
    assert view.of == 4
    # What a choice of another step would show, and within the step what the other filters would.
    assert dict(view.counts["step"]) == {"external_lines": 1, "basic_data": 3}
    assert dict(view.counts["overdue"]) == {"no": 1}


def test_a_text_finds_names_numbers_and_basic_data_however_they_are_typed(world: PortalWorld) -> None:
    for text in ("架空第３病院", "ＰＥＲＳＯＮ3@", "架空3太郎", "-3"):
        view = board_view(rows(world), BoardFilter(text=text))
        assert [row.enrolment.number for row in view.rows] == ["3"], text
    assert board_view(rows(world), BoardFilter(text="いない")).rows == ()


def test_rows_are_sorted_either_way_and_an_unknown_order_changes_nothing(world: PortalWorld) -> None:
    confirm(world, 2)

    def order(asked: str | None) -> list[str | None]:
        return [row.enrolment.number for row in sorted_rows(rows(world, LATE), asked, world.programme)]

    assert order(None) == order("nonsense") == ["1", "2", "3", "4"]
    assert order("-number") == ["4", "3", "2", "1"]
    assert order("step")[-1] == "3"
    assert order("-due")[0] == "3"
    assert order("-last")[0] == "3"
    # Without an overdue step there is nothing to sort by: such rows come last either way.
    assert order("overdue")[-1] == order("-overdue")[-1] == "3"


def test_only_what_has_changed_is_read_again(world: PortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    reading = boards.read_items

    def counted(connection: object, programme: str, institution: str) -> object:
        read.append(institution)
        return reading(connection, programme, institution)  # type: ignore[arg-type]

    monkeypatch.setattr(boards, "read_items", counted)
    before = rows(world)
    read.clear()
    assert rows(world) is before
    assert read == []
    confirm(world, 1)
    after = rows(world)
    assert read == [place(world, 1)]
    assert [row is was for row, was in zip(after, before, strict=True)] == [True, False, True, True]
    assert [bool(row.overdue) for row in rows(world, LATE)] == [True, False, True, True]


def test_a_notice_to_all_reads_no_participant_again(world: PortalWorld) -> None:
    before = rows(world)
    world.portal.notices.publish(SECRETARIAT, PROGRAMME, "件名", "本文")
    assert all(row is was for row, was in zip(rows(world), before, strict=True))


def test_the_board_is_the_secretariats(world: PortalWorld) -> None:
    rows(world)
    with pytest.raises(ForbiddenError):
        world.portal.board.rows(world.person(), PROGRAMME, EARLY)


def test_the_workbook_holds_the_rows_asked_for_in_japan_time(world: PortalWorld, rulebook: Rulebook) -> None:
    world.portal.messages.write(world.person(), PROGRAMME, place(world), "consent", "質問です")
    asked = rows(world, LATE)[:2]
    book = load_workbook(BytesIO(board_workbook(world.programme, asked, 4, LATE, rulebook)))
    sheet = book["参加機関"]
    lines = [list(line) for line in sheet.iter_rows(values_only=True)]
    top = next(index for index, line in enumerate(lines) if line[0] == "番号")
    heading, data = lines[top], [dict(zip(lines[top], line, strict=True)) for line in lines[top + 1 :] if line[0]]
    assert [line["医療機関"] for line in data] == ["架空第1病院", "架空第2病院"]
    assert data[0]["だれの番"] == "医療機関"
    assert data[0]["事務局の対応待ち"] == "連絡への返事"
    assert "基本情報の確認" in data[0]["期限を過ぎた手順"]
    # The world's clock begins at 8 in the morning in UTC.
    assert data[0]["最後の動き（日本時間）"].startswith("2026-11-22 17:")
    assert {step.title for step in world.programme.steps} <= set(heading)
    assert [breaks.id for breaks in sheet.col_breaks.brk] == [10, 16, 24]


def test_first_passwords_are_handed_over_with_where_to_log_in(world: PortalWorld, rulebook: Rulebook) -> None:
    content = handover_workbook(world.programme, world.enrolled, EARLY, rulebook, "https://portal.example.jp")
    cells = {cell.value for line in load_workbook(BytesIO(content))["初期パスワード"].iter_rows() for cell in line}
    for each in world.enrolled:
        assert each.handover is not None
        assert {each.handover.first_password, each.handover.account.login, "https://portal.example.jp"} <= cells
