"""What people are told: who, of what, in the app and by mail; notices to all and to some; reminders, each once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from portal_helpers import NURSE, OFFICE, PROGRAMME, House, open_house
from sqlalchemy import insert

from analyzer.cli.programme_remind import remind_command
from analyzer.programme.background import Background, next_pause
from analyzer.programme.desk import Desk
from analyzer.programme.mailing import MailQueue
from analyzer.programme.model import MAIL_EVENTS, MailText, Programme
from analyzer.programme.notices import Notices
from analyzer.programme.notifications import COUNTED, Notifications
from analyzer.programme.participation import Participation
from analyzer.programme.refusal import PortalError
from analyzer.programme.reminders import remind_due
from analyzer.store.audit import verify_all
from analyzer.store.events import history
from analyzer.store.items import read_items
from analyzer.store.principal import SINGLE_USER, ForbiddenError, Principal
from analyzer.store.records import UnknownInstitutionError
from analyzer.store.tables import ACCOUNTS, ASSIGNMENTS, NOTIFICATIONS

MAILBOX = "jimukyoku@tenken-shien.example.jp"
NURSE_B = Principal("nurse-b", "nurse-b さん", "institution", frozenset({"clinic-b"}))


@pytest.fixture
def house(store_location: str, programme: Programme) -> Iterator[House]:
    opened = open_house(store_location, programme)
    yield opened
    opened.database.close()


def tell(house: House, text: str = "「点検」を差し戻しました。", step: str | None = None) -> None:
    with house.desk.act(OFFICE, PROGRAMME, "clinic-a", "write") as act:
        act.tell_institution("document_sent_back", text, step)


# -- who is told ------------------------------------------------------------------------------------------------------


def test_an_institution_is_told_by_its_own_enabled_accounts(house: House) -> None:
    house.account("nurse-a2", "institution", ("clinic-a", "clinic-b"))
    house.account("gone", "institution", ("clinic-a",), "gone@example.jp")
    house.accounts.disable(SINGLE_USER, "gone")
    tell(house, step="external_lines")
    assert house.told() == [("nurse-a", "document_sent_back"), ("nurse-a2", "document_sent_back")]
    (mail,) = house.mails()
    assert (mail["recipient"], mail["login"], mail["state"]) == ("nurse-a@example.jp", "nurse-a", "waiting")
    assert "nurse-a さん" in mail["body"] and "医療法人 clinic-a" in mail["body"]
    assert (
        "https://sansho.example.jp/programme?programme=security-support-2026&institution=clinic-a&step=external_lines\n"
        in mail["body"]
    )


def test_the_secretariat_is_told_by_its_accounts_and_one_mailbox(house: House) -> None:
    terms = house.desk.programme(PROGRAMME).terms
    Participation(house.desk).consent(NURSE, PROGRAMME, "clinic-a", "高﨑 花子", terms.digest)
    assert house.told() == [("office", "consent_given"), ("office-2", "consent_given")]
    (mail,) = house.mails()
    assert (mail["recipient"], mail["login"]) == (MAILBOX, None)
    assert "office?programme=security-support-2026&institution=clinic-a&step=consent" in mail["body"]


def test_whoever_did_it_is_not_told(house: House) -> None:
    with house.desk.act(NURSE, PROGRAMME, "clinic-a", "write") as act:
        act.tell_institution("document_sent_back", "自分のこと")
    with house.desk.act(OFFICE, PROGRAMME, "clinic-a", "write") as act:
        act.tell_secretariat("message_received", "自分のこと")
    assert house.told() == [("office-2", "message_received")]
    assert house.recipients() == [MAILBOX]
    house.accounts.set_email(SINGLE_USER, "office", MAILBOX)
    with house.desk.act(OFFICE, PROGRAMME, "clinic-a", "write") as act:
        act.tell_secretariat("message_received", "自分のこと")
    assert house.recipients() == [MAILBOX], "the mailbox is the very person's"


def test_an_act_that_fails_tells_nobody(house: House) -> None:
    with pytest.raises(RuntimeError), house.desk.act(OFFICE, PROGRAMME, "clinic-a", "write") as act:
        act.tell_institution("reminder", "届かないはず")
        raise RuntimeError
    assert (house.told(), house.mails()) == ([], [])


def test_no_mail_is_queued_where_mail_is_off(house: House) -> None:
    house.desk = Desk(house.database, house.desk.programmes, house.clock)
    tell(house)
    assert len(house.told()) == 1
    assert house.mails() == []


def test_every_event_of_the_shipped_programme_has_a_mail_that_can_be_worded(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    for event in MAIL_EVENTS:
        with house.desk.act(OFFICE, PROGRAMME, "clinic-a", "write") as act:
            act.outbox.tell_institution("clinic-a", event, "本文", "external_lines", due=date(2026, 9, 30), days=7)
            act.tell_secretariat(event, "本文")
    assert len(house.mails()) == 2 * len(MAIL_EVENTS)
    assert all(mail["subject"] and mail["body"].strip() for mail in house.mails())
    assert caplog.records == []


@pytest.mark.parametrize("body", ["{{ days + 1 }}", "{{ nobody }}", "{% for x in y %}", " {{ step }} "])
def test_a_template_that_fails_loses_neither_act_nor_mail(
    house: House, programme: Programme, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = replace(programme, mails={**programme.mails, "document_sent_back": MailText("件名", body)})
    house.desk = Desk(house.database, {PROGRAMME: broken}, house.clock, house.desk.mail)
    with caplog.at_level(logging.ERROR):
        tell(house, "「図」を差し戻しました。")
    assert house.told() == [("nurse-a", "document_sent_back")]
    (mail,) = house.mails()
    assert "「図」を差し戻しました。" in mail["body"] and "https://sansho.example.jp/programme?" in mail["body"]
    assert programme.title.ja in mail["subject"]
    assert bool(caplog.records) == (body.strip() != "{{ step }}")


def test_what_no_database_can_hold_costs_no_act(house: House) -> None:
    tell(house, "\x00二行\nの\ud800知らせ\x1b")
    (found,) = Notifications(house.desk).list(NURSE)
    assert found.text == "二行\nの知らせ"
    assert len(house.mails()) == 1


# -- one's own notifications ------------------------------------------------------------------------------------------


def test_one_reads_marks_and_counts_ones_own_alone(house: House) -> None:
    for number in range(5):
        tell(house, f"知らせ {number}")
    own = Notifications(house.desk)
    found = own.list(NURSE)
    assert [each.text for each in found] == [f"知らせ {number}" for number in (4, 3, 2, 1, 0)]
    assert own.unread(NURSE) == 5
    assert found[0].link == "programme?programme=security-support-2026&institution=clinic-a"
    assert own.list(NURSE_B) == [] and own.unread(NURSE_B) == 0
    own.mark_read(NURSE_B, [each.id for each in found])
    own.mark_read(NURSE_B)
    assert own.unread(NURSE) == 5
    own.mark_read(NURSE, [found[0].id, found[1].id, "no such"])
    assert own.unread(NURSE) == 3
    assert [each.text for each in own.list(NURSE, unread_only=True, limit=2)] == ["知らせ 2", "知らせ 1"]
    first = own.list(NURSE)[0].read_at
    own.mark_read(NURSE)
    assert own.unread(NURSE) == 0
    assert own.list(NURSE)[0].read_at == first
    own.mark_unread(NURSE, [found[3].id])
    assert [each.id for each in own.list(NURSE, unread_only=True)] == [found[3].id]


def test_what_was_told_in_one_act_keeps_its_order(house: House) -> None:
    with house.desk.act(OFFICE, PROGRAMME, "clinic-a", "write") as act:
        for number in range(12):
            act.tell_institution("reminder", str(number))
    assert [int(each.text) for each in Notifications(house.desk).list(NURSE)] == list(range(11, -1, -1))


def test_nothing_is_shown_of_what_one_may_no_longer_see(house: House) -> None:
    tell(house)
    own = Notifications(house.desk)
    assert own.unread(NURSE) == 1
    moved = replace(NURSE, institutions=frozenset({"clinic-b"}))
    for who in (
        moved,
        replace(NURSE, institutions=frozenset()),
        replace(NURSE, role="consultant"),
        replace(NURSE, must_change=True),
    ):
        assert own.list(who) == [] and own.unread(who) == 0, who
        own.mark_read(who)
    assert own.unread(NURSE) == 1


def test_many_unread_are_counted_so_far_only(house: House) -> None:
    with house.database.writing() as connection:
        row = {"at": "2026-09-01T00:00:00.000000Z", "programme": PROGRAMME, "institution": "clinic-a", "step": None}
        told = {**row, "login": "nurse-a", "event": "reminder", "text": "t", "link": "l", "read_at": None}
        connection.execute(insert(NOTIFICATIONS), [{**told, "id": f"{number:032}"} for number in range(COUNTED + 20)])
    assert Notifications(house.desk).unread(NURSE) == COUNTED


# -- notices ----------------------------------------------------------------------------------------------------------


def test_a_notice_reaches_all_or_those_it_is_for(house: House) -> None:
    notices = Notices(house.desk)
    notices.publish(OFFICE, PROGRAMME, "説明会\nのご案内", "9月10日に開きます。\nご参加ください。")
    notices.publish(OFFICE, PROGRAMME, "再提出のお願い", "図を出し直してください。", ["clinic-b"])
    assert house.told() == [
        ("nurse-a", "notice_published"),
        ("nurse-b", "notice_published"),
        ("nurse-b", "notice_published"),
    ]
    assert house.recipients() == ["nurse-a@example.jp", "nurse-b@example.jp", "nurse-b@example.jp"]
    a = notices.for_institution(NURSE, PROGRAMME, "clinic-a")
    b = notices.for_institution(NURSE_B, PROGRAMME, "clinic-b")
    assert [(each.title, each.to) for each in a] == [("説明会 のご案内", None)]
    assert a[0].text == "9月10日に開きます。\nご参加ください。" and a[0].signed.login == "office"
    assert [(each.title, each.to) for each in b] == [("再提出のお願い", ("clinic-b",)), ("説明会 のご案内", None)]
    house.enrol("clinic-c")
    late = Principal("late", "後の人", "institution", frozenset({"clinic-c"}))
    assert len(notices.for_institution(late, PROGRAMME, "clinic-c")) == 1, "also who comes later reads what is for all"
    assert [each.to for each in notices.all(OFFICE, PROGRAMME)] == [("clinic-b",), None]
    with house.database.reading() as connection:
        assert [event.change.action for event in history(connection, None, ["notice"])] == ["publish_notice"] * 2
        assert verify_all(connection, None).faults == ()


def test_an_institution_does_not_learn_whom_else_a_notice_is_for(house: House) -> None:
    Notices(house.desk).publish(OFFICE, PROGRAMME, "件名", "本文", ["clinic-a", "clinic-b"])
    (notice,) = Notices(house.desk).for_institution(NURSE, PROGRAMME, "clinic-a")
    assert notice.to == ("clinic-a",)


def test_a_notice_that_cannot_be_is_refused_whole(house: House) -> None:
    notices = Notices(house.desk)
    with pytest.raises(UnknownInstitutionError):
        notices.publish(OFFICE, PROGRAMME, "件名", "本文", ["clinic-a", "clinic-c"])
    for title, text, to in (
        ("", "本文", None),
        ("件名", " \n", None),
        ("件名", "本文", []),
        ("あ" * 201, "本文", None),
    ):
        with pytest.raises(PortalError):
            notices.publish(OFFICE, PROGRAMME, title, text, to)
    assert notices.all(OFFICE, PROGRAMME) == ()
    assert house.told() == []


def test_notices_ask_for_the_right(house: House) -> None:
    notices = Notices(house.desk)
    for who in (NURSE, replace(OFFICE, must_change=True), Principal("x", "x", "auditor")):
        with pytest.raises(ForbiddenError):
            notices.publish(who, PROGRAMME, "件名", "本文")
        with pytest.raises(ForbiddenError):
            notices.all(who, PROGRAMME)
    for other in (OFFICE, NURSE_B, replace(NURSE, must_change=True)):
        with pytest.raises(ForbiddenError):
            notices.for_institution(other, PROGRAMME, "clinic-a")
    stranger = Principal("c", "c", "institution", frozenset({"clinic-c"}))
    with pytest.raises(UnknownInstitutionError):
        notices.for_institution(stranger, PROGRAMME, "clinic-c")


def test_a_notice_reaches_300_institutions_at_once(house: House) -> None:
    for number in range(300):
        house.clinic(f"many-{number}")
        house.enrol(f"many-{number}")
    with house.database.writing() as connection:
        shared = {"role": "institution", "password": None, "previous_password": None, "must_change": False}
        rest = {**shared, "disabled": False, "failures": 0, "locked_until": None, "created_at": "2026"}
        connection.execute(
            insert(ACCOUNTS),
            [{"login": f"m{n}", "name": f"m{n}", "email": f"m{n}@example.jp", **rest} for n in range(300)],
        )
        connection.execute(insert(ASSIGNMENTS), [{"login": f"m{n}", "institution": f"many-{n}"} for n in range(300)])
    Notices(house.desk).publish(OFFICE, PROGRAMME, "件名", "本文")
    assert len(house.told()) == len(house.mails()) == 302


# -- reminders --------------------------------------------------------------------------------------------------------


def reminders(house: House, institution: str = "clinic-a") -> list[str]:
    with house.database.reading() as connection:
        return [item.key for item in read_items(connection, PROGRAMME, institution, "reminder")]


def only(house: House, programme: Programme, step: str, due: date | None, **rules: object) -> None:
    """The programme with one step that has a due day."""
    steps = tuple(replace(each, due=due if each.id == step else None) for each in programme.steps)
    given = replace(programme.reminders, **rules)  # type: ignore[arg-type]
    changed = replace(programme, steps=steps, reminders=given)
    house.desk = Desk(house.database, {PROGRAMME: changed}, house.clock, house.desk.mail)


def run_days(house: House, first: date, last: date) -> dict[date, int]:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return {day: made for day in days if (made := remind_due(house.desk, day))}


def test_reminders_come_on_their_days_and_once(house: House, programme: Programme) -> None:
    due = date(2026, 9, 30)
    only(house, programme, "consent", due)
    first, last = date(2026, 9, 1), date(2026, 10, 20)
    expected = [due - timedelta(days=days) for days in (14, 7, 1)] + [due + timedelta(days=days) for days in (1, 8, 15)]
    assert run_days(house, first, last) == dict.fromkeys(expected, 2), "two participants each"
    assert run_days(house, first, last) == {}, "however often it is run"
    assert reminders(house) == [f"consent/{day}" for day in expected]
    assert [event for login, event in house.told() if login == "nurse-a"] == ["date_near"] * 3 + ["overdue"] * 3
    texts = [each.text for each in Notifications(house.desk).list(NURSE)][::-1]
    assert "期限（9月30日）はあと14日です。規約を読んで、同意してください。" in texts[0]
    assert "期限（9月30日）を8日過ぎています。" in texts[4]
    ((near, *_),) = ([mail for mail in house.mails() if mail["recipient"] == "nurse-a@example.jp"],)
    assert "あと14日です" in near["body"] and "2026年9月30日" in near["body"]
    assert {login for login, _ in house.told()} == {"nurse-a", "nurse-b"}
    with house.database.reading() as connection:
        (event, *_) = history(connection, "clinic-a", ["reminder"])
        assert (event.actor, event.change.action, event.change.source) == ("auto:reminders", "remind", "reminders")
        assert event.change.after is not None and event.change.after["automatic"] is True
        assert verify_all(connection, None).faults == ()


def test_two_processes_at_once_remind_once(house: House, programme: Programme) -> None:
    only(house, programme, "consent", date(2026, 9, 30))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: remind_due(house.desk, date(2026, 9, 16)), range(4)))
    assert sum(made) == 2
    assert len(house.told()) == len(house.mails()) == 2


def test_a_missed_day_is_made_up_for_but_not_much_later(house: House, programme: Programme) -> None:
    only(house, programme, "consent", date(2026, 9, 30))
    assert remind_due(house.desk, date(2026, 9, 19)) == 2
    assert reminders(house) == ["consent/2026-09-16"]
    assert "あと11日" in Notifications(house.desk).list(NURSE)[0].text
    assert remind_due(house.desk, date(2026, 9, 28)) == 0, "five days after the one of the seventh day"
    assert remind_due(house.desk, date(2026, 10, 1)) == 2
    assert reminders(house) == ["consent/2026-09-16", "consent/2026-10-01"]


def test_a_warning_is_not_made_up_for_after_the_due_day(house: House, programme: Programme) -> None:
    only(house, programme, "consent", date(2026, 9, 30), overdue_every_days=None)
    assert run_days(house, date(2026, 10, 1), date(2026, 12, 1)) == {}
    assert remind_due(house.desk, date(2026, 9, 30)) == 2, "on the day itself it is of use"
    assert "今日です" in Notifications(house.desk).list(NURSE)[0].text


def test_only_whoever_is_to_act_is_reminded(house: House, programme: Programme) -> None:
    only(house, programme, "consent", date(2026, 9, 30))
    Participation(house.desk).consent(NURSE, PROGRAMME, "clinic-a", "高﨑", programme.terms.digest)
    assert remind_due(house.desk, date(2026, 9, 16)) == 1
    assert (reminders(house), reminders(house, "clinic-b")) == ([], ["consent/2026-09-16"])


def test_a_step_that_waits_for_the_secretariat_is_not_reminded_of(house: House, programme: Programme) -> None:
    only(house, programme, "basic_data", date(2026, 9, 30))
    seen = house.desk.read(PROGRAMME, "clinic-a").registration.version
    Participation(house.desk).request_change(NURSE, PROGRAMME, "clinic-a", seen, "電話番号を直してください。")
    assert remind_due(house.desk, date(2026, 9, 16)) == 1
    assert reminders(house) == []


def test_there_are_no_reminders_outside_of_the_period(house: House, programme: Programme) -> None:
    only(house, programme, "consent", programme.period.starts_on)
    assert remind_due(house.desk, programme.period.starts_on - timedelta(days=1)) == 0
    assert remind_due(house.desk, programme.period.starts_on) == 2
    only(house, programme, "consent", programme.period.ends_on)
    assert remind_due(house.desk, programme.period.ends_on + timedelta(days=1)) == 0


def test_one_participant_that_cannot_be_read_keeps_no_other_from_being_reminded(
    house: House, programme: Programme, caplog: pytest.LogCaptureFixture
) -> None:
    only(house, programme, "consent", date(2026, 9, 30))
    with house.desk.act(OFFICE, PROGRAMME, "clinic-a", "write") as act:
        act.add("consent", {"broken": True})
    assert remind_due(house.desk, date(2026, 9, 16)) == 1
    assert "clinic-a: could not be reminded" in caplog.text


def test_the_command_reminds_as_the_app_does(
    tmp_path: Path, programme: Programme, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SANSHO_SMTP_HOST", raising=False)
    house = open_house(str(tmp_path / "s.db"), programme)
    arguments = ["--store", str(tmp_path / "s.db"), "--as-of", "2026-09-16"]
    for said in ("2 reminders", "0 reminders"):
        remind_command.main(arguments, standalone_mode=False)
        assert capsys.readouterr().out == f"{said}\n"
    assert "external_lines/2026-09-16" in reminders(house)
    assert house.mails() == []
    house.database.close()


# -- the background ---------------------------------------------------------------------------------------------------


def test_the_background_reminds_once_a_day_and_goes_on_after_trouble(
    house: House, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(house, programme, "consent", date(2026, 9, 30))
    asked: list[date] = []
    days = iter([date(2026, 9, 15), date(2026, 9, 16), date(2026, 9, 16)])

    def today() -> date:
        asked.append(next(days))
        return asked[-1]

    queue = MailQueue(house.database, None, house.clock)
    background = Background(house.desk, queue, today, interval=0.01)
    real = queue.send_due
    failures = iter([ValueError("surprise")])

    def send_due(*arguments: object, **more: object) -> object:
        for failure in failures:
            raise failure
        return real()

    monkeypatch.setattr(queue, "send_due", send_due)
    background.start()
    for _ in range(1000):
        if len(asked) == 3:
            break
        time.sleep(0.01)
    background.stop()
    assert asked == [date(2026, 9, 15), date(2026, 9, 16), date(2026, 9, 16)]
    assert reminders(house) == ["consent/2026-09-16"]


def test_pauses_grow_while_things_go_wrong() -> None:
    assert next_pause(20, 20, well=True) == 20
    assert next_pause(20, 20, well=False) == 40
    assert next_pause(500, 20, well=False) == 600
    assert next_pause(600, 20, well=True) == 20
