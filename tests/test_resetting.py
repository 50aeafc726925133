"""Choosing a new password by a link that came by mail: once, soon, and without telling which accounts there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from mail_servers import MailServer, running, settings_for
from portal_helpers import PASSWORD, House, open_house
from sqlalchemy import select

from analyzer.programme.desk import Desk
from analyzer.programme.mailing import MailQueue, SendReport
from analyzer.programme.model import Programme
from analyzer.programme.refusal import PortalError
from analyzer.programme.resetting import ASKS_AN_HOUR, ResetRefusedError, Resetting
from analyzer.store.audit import verify_all
from analyzer.store.events import Event, history
from analyzer.store.passwords import PasswordRefusedError
from analyzer.store.principal import SINGLE_USER
from analyzer.store.signing_in import LogInRefusedError, SessionEndedError
from analyzer.store.tables import EVENTS, MAILS, RESETS

NEW = "atarashii 2027"


@pytest.fixture
def house(store_location: str, programme: Programme) -> Iterator[House]:
    opened = open_house(store_location, programme)
    opened.set_password("nurse-a", opened.accounts.reset_password(SINGLE_USER, "nurse-a").first_password)
    opened.clock.forward(seconds=1)
    yield opened
    opened.database.close()


@pytest.fixture
def resetting(house: House) -> Resetting:
    return Resetting(house.desk, house.passwords)


def token_of(house: House, number: int = -1) -> str:
    """What the link of a queued mail holds."""
    link = re.search(r"https://\S+", sorted(house.mails(), key=lambda mail: mail["created_at"])[number]["body"])
    assert link is not None
    parts = urlsplit(link[0])
    assert (parts.netloc, parts.path) == ("sansho.example.jp", "/")
    return parse_qs(parts.query)["reset"][0]


def trail(house: House, login: str = "nurse-a") -> list[Event]:
    with house.database.reading() as connection:
        return history(connection, None, ["account"], login)[::-1]


@pytest.mark.parametrize("asked", ["nurse-a", " NURSE-A ", "nurse-a@example.jp", "Nurse-A@Example.jp"])
def test_a_link_by_mail_gives_a_new_password_once(house: House, resetting: Resetting, asked: str) -> None:
    session = house.signing_in.log_in("nurse-a", PASSWORD)
    resetting.ask_reset(asked)
    (mail,) = house.mails()
    assert (mail["recipient"], mail["login"]) == ("nurse-a@example.jp", "nurse-a")
    token = token_of(house)
    assert resetting.is_open(token)
    resetting.reset_password(token, NEW)
    assert not resetting.is_open(token)
    with pytest.raises(SessionEndedError):
        house.signing_in.principal_of(session.token)
    with pytest.raises(LogInRefusedError):
        house.signing_in.log_in("nurse-a", PASSWORD)
    assert not house.signing_in.log_in("nurse-a", NEW).must_change
    with pytest.raises(ResetRefusedError):
        resetting.reset_password(token, "mada betsu no 2028")
    assert house.signing_in.log_in("nurse-a", NEW)


def test_the_mail_arrives_and_its_text_is_kept_no_longer(house: House, resetting: Resetting) -> None:
    with running(MailServer()) as server:
        resetting.ask_reset("nurse-a")
        token = token_of(house)
        assert MailQueue(house.database, settings_for(server.port), house.clock).send_due() == SendReport(sent=1)
    (mail,) = server.mails
    assert f"https://sansho.example.jp/?reset={token}" in mail.get_content()
    assert house.mails()[0]["body"] == ""
    resetting.reset_password(token, NEW)


def test_the_answer_is_the_same_whoever_is_asked_for(house: House, resetting: Resetting) -> None:
    house.account("mute", "institution", ("clinic-a",))
    house.accounts.disable(SINGLE_USER, "nurse-b")
    asked = ["nurse-a", "mute", "nurse-b", "nurse-b@example.jp", "no-such", "", "a\x00b", "\ud800", "x" * 10_000]
    assert {resetting.ask_reset(each) for each in asked} == {None}  # type: ignore[func-returns-value]
    assert house.recipients() == ["nurse-a@example.jp"]
    refusals = {
        login: [event.change.after["refused"] for event in trail(house, login) if event.change.action == "ask_reset"]  # type: ignore[index]
        for login in ("nurse-a", "mute", "nurse-b", "?")
    }
    assert refusals == {
        "nurse-a": [None],
        "mute": ["no address"],
        "nurse-b": ["disabled"] * 2,
        "?": ["unknown"] * 5,
    }


def test_everybody_who_asks_waits_for_one_hash(
    house: House, resetting: Resetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str | None] = []
    monkeypatch.setattr(house.passwords, "matches", lambda kept, _given: bool(compared.append(kept)))
    for asked in ("nurse-a", "no-such"):
        resetting.ask_reset(asked)
    assert compared == [None, None]


def test_an_account_gets_three_links_an_hour(house: House, resetting: Resetting) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: resetting.ask_reset("nurse-a"), range(10)))
    assert len(house.mails()) == ASKS_AN_HOUR
    resetting.ask_reset("nurse-b")
    assert len(house.mails()) == ASKS_AN_HOUR + 1, "others are not concerned"
    house.clock.forward(minutes=61)
    resetting.ask_reset("nurse-a")
    assert len(house.mails()) == ASKS_AN_HOUR + 2


def test_a_link_ends_after_an_hour(house: House, resetting: Resetting) -> None:
    resetting.ask_reset("nurse-a")
    house.clock.forward(minutes=59)
    assert resetting.is_open(token_of(house))
    house.clock.forward(minutes=1)
    with pytest.raises(ResetRefusedError):
        resetting.reset_password(token_of(house), NEW)
    house.clock.forward(days=2)
    resetting.ask_reset("nurse-a")
    with house.database.reading() as connection:
        assert len(connection.execute(select(RESETS)).all()) == 1, "those that ended long ago are gone"


def test_one_link_used_ends_the_others(house: House, resetting: Resetting) -> None:
    resetting.ask_reset("nurse-a")
    resetting.ask_reset("nurse-a")
    first, second = token_of(house, 0), token_of(house, 1)
    assert first != second and resetting.is_open(first)
    resetting.reset_password(second, NEW)
    with pytest.raises(ResetRefusedError):
        resetting.reset_password(first, "mada betsu no 2028")


def test_a_link_used_by_two_at_once_works_for_one(house: House, resetting: Resetting) -> None:
    resetting.ask_reset("nurse-a")
    token = token_of(house)

    def use(number: int) -> str | None:
        try:
            resetting.reset_password(token, f"{NEW} {number}")
        except ResetRefusedError:
            return None
        return f"{NEW} {number}"

    with ThreadPoolExecutor(4) as pool:
        (password,) = filter(None, pool.map(use, range(4)))
    assert house.signing_in.log_in("nurse-a", password)


def test_a_new_password_obeys_the_rules_and_the_link_waits(house: House, resetting: Resetting) -> None:
    resetting.ask_reset("nurse-a")
    token = token_of(house)
    tried = {"short1": "short", "no digits here": "digit", "nurse-a 2026": "login", PASSWORD: "in_force"}
    for wrong, reason in tried.items():
        with pytest.raises(PasswordRefusedError) as refused:
            resetting.reset_password(token, wrong)
        assert reason in refused.value.refusals
    resetting.reset_password(token, NEW)
    resetting.ask_reset("nurse-a")
    with pytest.raises(PasswordRefusedError) as refused:
        resetting.reset_password(token_of(house), PASSWORD)
    assert refused.value.refusals == ("previous",)


def test_a_link_lifts_a_lock_but_nothing_of_a_disabled_account(house: House, resetting: Resetting) -> None:
    for _ in range(5):
        with pytest.raises(LogInRefusedError):
            house.signing_in.log_in("nurse-a", "chigau 0000")
    resetting.ask_reset("nurse-a")
    resetting.reset_password(token_of(house), NEW)
    assert house.signing_in.log_in("nurse-a", NEW)
    resetting.ask_reset("nurse-a")
    before = house.hash_of("nurse-a")
    house.accounts.disable(SINGLE_USER, "nurse-a")
    with pytest.raises(ResetRefusedError):
        resetting.reset_password(token_of(house), PASSWORD)
    house.accounts.enable(SINGLE_USER, "nurse-a")
    with pytest.raises(ResetRefusedError):
        resetting.reset_password(token_of(house), PASSWORD)
    assert house.hash_of("nurse-a") == before


@pytest.mark.parametrize("act", ["set_email", "reset_password", "change_password"])
def test_what_is_done_to_the_account_meanwhile_ends_the_link(house: House, resetting: Resetting, act: str) -> None:
    resetting.ask_reset("nurse-a")
    assert resetting.is_open(token_of(house))
    if act == "set_email":
        house.accounts.set_email(SINGLE_USER, "nurse-a", "other@example.jp")
    elif act == "reset_password":
        house.accounts.reset_password(SINGLE_USER, "nurse-a")
    else:
        session = house.signing_in.log_in("nurse-a", PASSWORD)
        house.signing_in.change_password(session.token, PASSWORD, NEW)
    with pytest.raises(ResetRefusedError):
        resetting.reset_password(token_of(house), "mada betsu no 2028")


def test_a_first_password_that_was_never_used_can_be_replaced(house: House, resetting: Resetting) -> None:
    resetting.ask_reset("nurse-b")
    resetting.reset_password(token_of(house), NEW)
    assert not house.signing_in.log_in("nurse-b", NEW).must_change


def test_asking_and_using_are_events_without_a_secret(house: House, resetting: Resetting) -> None:
    resetting.ask_reset("nurse-a")
    token = token_of(house)
    resetting.reset_password(token, NEW)
    assert [(event.actor, event.change.action) for event in trail(house)][-2:] == [
        ("nurse-a", "ask_reset"),
        ("nurse-a", "reset_by_mail"),
    ]
    with house.database.reading() as connection:
        written = repr(connection.execute(select(EVENTS)).all()) + repr(connection.execute(select(RESETS)).all())
        assert token not in written and NEW not in written
        assert house.hash_of("nurse-a") not in repr(connection.execute(select(EVENTS)).all())
        assert verify_all(connection, None).faults == ()


def test_an_account_without_a_programme_gets_a_plain_mail(house: House) -> None:
    desk = Desk(house.database, {}, house.clock, house.desk.mail)
    resetting = Resetting(desk, house.passwords)
    resetting.ask_reset("chief")
    (mail,) = house.mails()
    assert mail["subject"] == "Sansho：お知らせ" and "60分以内" in mail["body"]
    resetting.reset_password(token_of(house), NEW)


@pytest.mark.parametrize("token", ["", "x", "\ud800", "\x00", "y" * 100_000])
def test_a_token_that_never_was_is_refused(resetting: Resetting, token: str) -> None:
    with pytest.raises(ResetRefusedError):
        resetting.reset_password(token, NEW)


def test_nothing_is_asked_for_where_mail_is_off(house: House) -> None:
    resetting = Resetting(Desk(house.database, house.desk.programmes, house.clock), house.passwords)
    assert not resetting.is_on
    for asked in ("nurse-a", "no-such"):
        with pytest.raises(PortalError):
            resetting.ask_reset(asked)
    with house.database.reading() as connection:
        assert connection.execute(select(RESETS)).all() == connection.execute(select(MAILS)).all() == []
