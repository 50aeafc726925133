"""The way into the app: without log-in, log-in, first password, administration, the provider."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from app_pages import tables
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from analyzer.cli.account import account
from analyzer.resources import sample_institutions
from analyzer.store.passwords import sign_in_policy
from analyzer.store.principal import SINGLE_USER
from analyzer.store.signing_in import LogInRefusedError
from analyzer.store.store import Store
from analyzer.web.workspace import workspace

CHOSEN = "sakura-no-hana-7"
AUTH = {
    "redirect_uri": "https://sansho.example.jp/oauth2callback",
    "cookie_secret": "c" * 40,
    "client_id": "sansho",
    "client_secret": "s",
    "server_metadata_url": "https://login.example.jp/.well-known/openid-configuration",
}


def script() -> None:
    """The frame in small: the entrance, or a page with the line that says who works here."""
    import streamlit as st

    from analyzer.web.pages import account, accounts
    from analyzer.web.signing_in import may_enter, show_entrance, show_visitor

    if may_enter():
        {"account": account.page, "accounts": accounts.page}[st.session_state.get("_test_page", "account")]()
        show_visitor()
    else:
        show_entrance()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store of an app that asks everybody to log in, with one institution and an administrator."""
    monkeypatch.setenv("SANSHO_STORE", str(tmp_path / "sansho.db"))
    monkeypatch.setenv("SANSHO_ACCOUNTS", "required")
    made = workspace().store
    assert made is not None
    assert made.records.names(SINGLE_USER) == {}, "a store that people log in to gets no samples by itself"
    made.records.create(SINGLE_USER, sample_institutions()["hidamari-clinic"].read_bytes(), "hidamari-clinic.yaml")
    return made


def opened(page: str = "account", **more: Any) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    app.session_state["_test_page"] = page
    for name, value in more.items():
        setattr(app, name, value)
    return app.run()


def said(app: AppTest) -> str:
    spoken = [*app.title, *app.markdown, *app.text, *app.warning, *app.info, *app.error, *app.success, *app.caption]
    return "\n".join(str(element.value) for element in spoken)


def field(app: AppTest, label: str) -> Any:
    return next(each for each in app.text_input if each.label == label)


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


def log_in(app: AppTest, login: str, password: str) -> AppTest:
    field(app, "ログイン名").set_value(login)
    field(app, "パスワード").set_value(password)
    return button(app, "ログイン").click().run()


def change(app: AppTest, old: str, new: str, again: str, label: str) -> AppTest:
    field(app, "いまのパスワード").set_value(old)
    field(app, "新しいパスワード").set_value(new)
    field(app, "新しいパスワード（もう一度）").set_value(again)
    return button(app, label).click().run()


def chief(store: Store) -> AppTest:
    """The administrator, signed in, on the page of accounts."""
    first = store.accounts.bootstrap(SINGLE_USER, "chief", "管理者").first_password
    app = opened("accounts")
    log_in(app, "chief", first)
    change(app, first, CHOSEN, CHOSEN, "変更して始める")
    app.session_state["_test_page"] = "accounts"
    return app.run()


def test_without_accounts_the_app_says_that_it_is_for_one_person(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSHO_ACCOUNTS", "")
    app = opened()
    assert "ログインなしの一人用モードです。この機械からだけ使えます" in said(app)
    assert not app.text_input
    assert not app.exception


def test_without_an_account_the_entrance_says_how_to_make_one(store: Store) -> None:
    app = opened()
    assert "sansho account add" in "".join(block.value for block in app.code)
    assert not app.text_input


def test_nothing_is_shown_before_the_log_in_and_the_first_password(store: Store) -> None:
    made = store.accounts.bootstrap(SINGLE_USER, "chief", "管理者")
    app = log_in(opened(), "chief", "wrong-word-1")
    assert "ログインできません" in said(app)
    assert "chief" not in said(app)
    app = log_in(app, "chief", made.first_password)
    assert app.title[0].value == "新しいパスワードを決める"
    app = change(app, made.first_password, CHOSEN, "another-word-2", "変更して始める")
    assert "同じではありません" in said(app)
    app = change(app, made.first_password, "chief-1", "chief-1", "変更して始める")
    assert f"{sign_in_policy().min_length}文字以上にしてください" in said(app)
    assert "ログイン名を含めない" in said(app)
    assert f"{sign_in_policy().recommended_length}文字以上をすすめます" in said(app)
    app = change(app, made.first_password, CHOSEN, CHOSEN, "変更して始める")
    assert "管理者（管理者）としてログイン中" in said(app)
    assert not app.exception


def test_logging_out_leaves_nothing_behind(store: Store) -> None:
    app = chief(store)
    app.session_state["_left"] = "something of the administrator's"
    app = button(app, "ログアウト").click().run()
    assert app.title[0].value == "ログイン"
    assert "_left" not in app.session_state
    assert "_session_token" not in app.session_state


def test_a_session_that_is_ended_asks_to_log_in_again(store: Store) -> None:
    app = chief(store)
    store.accounts.create(SINGLE_USER, "second", "次の管理者", "administrator")
    store.accounts.disable(SINGLE_USER, "chief")
    app = app.run()
    assert app.title[0].value == "ログイン"
    assert "ログインが終わりました" in said(app)
    # What was on the screen waits for the same person, and for nobody else.
    store.accounts.enable(SINGLE_USER, "chief")
    app.session_state["_left"] = "typed"
    app = log_in(app, "chief", CHOSEN)
    assert app.session_state["_left"] == "typed"
    first = store.accounts.reset_password(SINGLE_USER, "second").first_password
    store.accounts.disable(SINGLE_USER, "chief")
    app = log_in(app.run(), "second", first)
    assert "_left" not in app.session_state


def test_an_administrator_makes_an_account_and_sees_its_password_once(store: Store) -> None:
    app = chief(store)
    field(app, "ログイン名").set_value("Nurse")
    field(app, "名前").set_value("看護師")
    next(box for box in app.checkbox if box.label == "架空ひだまり診療所").check()
    app = button(app, "登録する").click().run()
    (password,) = [block.value for block in app.code]
    assert store.signing_in.log_in("nurse", password).must_change
    assert not app.run().code
    (made,) = [each for each in store.accounts.list(SINGLE_USER) if each.login == "nurse"]
    assert (made.role, made.institutions) == ("institution", ("hidamari-clinic",))
    with store.database.reading() as connection:
        from analyzer.store import events

        assert events.history(connection, None, ["account"], "nurse")[-1].actor == "chief"
    field(app, "ログイン名").set_value("nurse")
    field(app, "名前").set_value("別の人")
    assert "もうあります" in said(button(app, "登録する").click().run())


def test_an_administrator_changes_an_account(store: Store) -> None:
    app = chief(store)
    store.accounts.create(SINGLE_USER, "nurse", "看護師", "consultant")
    app.query_params["account"] = "nurse"
    app = app.run()
    next(box for box in app.checkbox if box.label == "架空ひだまり診療所").check().run()
    assert _account(store).institutions == ("hidamari-clinic",)
    next(box for box in app.checkbox if box.label == "架空ひだまり診療所").uncheck().run()
    assert _account(store).institutions == ()
    next(box for box in app.selectbox if box.label == "役割").set_value("auditor")
    button(app, "役割を変える").click().run()
    assert _account(store).role == "auditor"
    button(app, "停止する").click().run()
    assert _account(store).disabled
    button(app, "使えるようにする").click().run()
    assert not _account(store).disabled
    button(app, "初期パスワードを発行する").click().run()
    assert len(app.code) == 1
    app.query_params["account"] = "chief"
    app = app.run()
    assert "最後の管理者" in said(button(app, "停止する").click().run())
    app.query_params["account"] = "nobody"
    assert "nobody" in said(app.run())
    assert not app.exception


def _account(store: Store) -> Any:
    return next(each for each in store.accounts.list(SINGLE_USER) if each.login == "nurse")


@pytest.fixture
def machine_far_from_japan(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows New York's time."""
    monkeypatch.setenv("TZ", "EST+5")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_until_when_an_account_is_locked_is_said_in_japans_time(machine_far_from_japan: None, store: Store) -> None:
    app = chief(store)
    store.accounts.create(SINGLE_USER, "nurse", "看護師", "auditor")
    for _ in range(sign_in_policy().failures_before_lock):
        with pytest.raises(LogInRefusedError):
            store.signing_in.log_in("nurse", "wrong-word-1")
    until = _account(store).locked_until
    assert until is not None
    in_japan = datetime.fromisoformat(until).replace(tzinfo=None) + timedelta(hours=9)
    (table,) = tables(app.run())
    (state,) = [row["cells"][-1] for row in table["rows"] if row["id"] == "nurse"]
    assert state == f"▲ 一時停止（{in_japan:%H:%M}まで）"


def test_a_click_counts_as_who_one_is_now_not_as_who_the_page_was_drawn_for(store: Store) -> None:
    app = chief(store)
    store.accounts.create(SINGLE_USER, "second", "次の管理者", "administrator")
    app.query_params["account"] = "second"
    app = app.run()
    store.accounts.set_role(SINGLE_USER, "chief", "auditor")
    app = button(app, "停止する").click().run()
    assert "管理者だけ" in said(app)
    assert not any(each.disabled for each in store.accounts.list(SINGLE_USER))


def test_who_is_no_administrator_sees_no_accounts(store: Store) -> None:
    first = store.accounts.create(SINGLE_USER, "auditor", "監査人", "auditor").first_password
    app = log_in(opened(), "auditor", first)
    app = change(app, first, CHOSEN, CHOSEN, "変更して始める")
    app.session_state["_test_page"] = "accounts"
    app = app.run()
    assert "管理者だけ" in said(app)
    assert not app.text_input


def test_the_organisations_log_in_is_offered_and_taken_where_configured(store: Store) -> None:
    assert "組織のアカウント" not in " ".join(each.label for each in opened().button)
    store.accounts.create(SINGLE_USER, "nurse", "看護師", "institution", ["hidamari-clinic"], "nurse@example.jp")
    app = opened(secrets={"auth": AUTH}, user={"is_logged_in": False})
    assert "組織のアカウントでログイン" in [each.label for each in app.button]
    claims = {"is_logged_in": True, "email": "nurse@example.jp", "email_verified": True, "iat": time.time()}
    app = opened(secrets={"auth": AUTH}, user=claims)
    assert "看護師（医療機関）としてログイン中" in said(app)
    assert "架空ひだまり診療所" in said(app)
    app = button(app, "ログアウト").click().run()
    assert app.title[0].value == "ログイン"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"email": "stranger@example.jp"}, "使えるアカウントがありません"),
        ({"email_verified": False}, "確認済みのメールアドレスが届きません"),
        ({"iat": 1_000_000}, "時間がたっています"),
    ],
)
def test_an_organisations_log_in_that_gives_no_access_is_explained(
    store: Store, changed: dict[str, Any], told: str
) -> None:
    store.accounts.create(SINGLE_USER, "nurse", "看護師", "institution", [], "nurse@example.jp")
    claims = {"is_logged_in": True, "email": "nurse@example.jp", "email_verified": True, "iat": time.time(), **changed}
    app = opened(secrets={"auth": AUTH}, user=claims).run()
    assert told in said(app)
    assert app.title[0].value == "ログイン"
    with store.database.reading() as connection:
        from analyzer.store import events

        assert len(events.history(connection, None, ["account"], "?")) == 1, "told once, not at every redraw"


# -- a password that was forgotten -------------------------------------------------------------------------------------


@pytest.fixture
def mailing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Mail is on; what is queued stays there, since nothing sends it here."""
    monkeypatch.setenv("SANSHO_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("SANSHO_SMTP_TLS", "none")
    monkeypatch.setenv("SANSHO_MAIL_FROM", "sansho@example.jp")
    monkeypatch.setenv("SANSHO_URL", "http://127.0.0.1:8501")


def asked_for(login: str) -> str:
    """What the log-in screen says to who asks for a link."""
    app = opened()
    field(app, "ログイン名かメールアドレス").set_value(login)
    app = button(app, "再設定のリンクをメールで受け取る").click().run()
    assert not app.exception
    return said(app)


def linked(store: Store) -> list[str]:
    """The tokens of the links that wait to be sent."""
    from sqlalchemy import select

    from analyzer.store.tables import MAILS

    with store.database.reading() as connection:
        bodies = connection.execute(select(MAILS.c.body).order_by(MAILS.c.created_at)).scalars().all()
    return [found.group(1) for body in bodies if (found := re.search(r"[?]reset=([\w-]+)", body))]


def test_without_mail_no_link_is_offered(store: Store) -> None:
    store.accounts.bootstrap(SINGLE_USER, "chief", "管理者")
    app = opened()
    assert "管理者に初期パスワードを頼んでください" in said(app)
    assert "再設定のリンクをメールで受け取る" not in [each.label for each in app.button]
    app.query_params["reset"] = "x"
    assert field(app.run(), "ログイン名")


@pytest.mark.usefixtures("mailing")
def test_a_forgotten_password_is_chosen_anew_by_the_link_of_a_mail(store: Store) -> None:
    store.accounts.bootstrap(SINGLE_USER, "chief", "管理者")
    store.accounts.create(SINGLE_USER, "nurse", "看護師", "institution", ["hidamari-clinic"], "nurse@example.jp")
    answers = {asked_for(name) for name in ("nurse", "nurse@example.jp", "nobody", "chief")}
    assert len(answers) == 1, "the same whoever asks"
    token = linked(store)[-1]

    app = opened()
    app.query_params["reset"] = token
    app = app.run()
    assert "リンクは一度だけ使えます" in said(app)
    field(app, "新しいパスワード").set_value("short")
    field(app, "新しいパスワード（もう一度）").set_value("short")
    app = button(app, "パスワードを変える").click().run()
    assert f"{sign_in_policy().min_length}文字以上にしてください" in said(app)
    field(app, "新しいパスワード").set_value(CHOSEN)
    field(app, "新しいパスワード（もう一度）").set_value(CHOSEN + "x")
    app = button(app, "パスワードを変える").click().run()
    assert "同じではありません" in said(app)
    field(app, "新しいパスワード（もう一度）").set_value(CHOSEN)
    app = button(app, "パスワードを変える").click().run()
    assert "パスワードを変えました" in said(app)
    assert "reset" not in app.query_params
    app = log_in(app, "nurse", CHOSEN)
    assert "看護師（医療機関）としてログイン中" in said(app)

    again = opened()
    again.query_params["reset"] = token
    again = again.run()
    assert "このリンクは使えません" in said(again)
    assert "新しいパスワード" not in [each.label for each in again.text_input]
    again = button(again, "ログインの画面へ").click().run()
    assert field(again, "ログイン名")


# -- the command ------------------------------------------------------------------------------------------------------


def command(tmp_path: Path, *arguments: str) -> Any:
    return CliRunner().invoke(account, [*arguments, "--store", str(tmp_path / "commanded.db")])


def test_the_command_makes_and_changes_accounts(tmp_path: Path) -> None:
    refused = command(tmp_path, "add", "nurse", "--name", "看護師", "--role", "institution")
    assert "the first account has to be an administrator" in str(refused.exception)
    made = command(tmp_path, "add", "chief", "--name", "管理者", "--role", "administrator")
    assert made.exit_code == 0
    store = Store.open(str(tmp_path / "commanded.db"), workspace().knowledge)
    assert store.signing_in.log_in("chief", made.stdout.strip()).must_change
    path = sample_institutions()["hidamari-clinic"]
    store.records.create(SINGLE_USER, path.read_bytes(), path.name)
    command(tmp_path, "add", "nurse", "--name", "看護師", "--role", "institution")
    command(tmp_path, "assign", "nurse", "hidamari-clinic")
    command(tmp_path, "email", "nurse", "nurse@example.jp")
    assert "nurse  institution  hidamari-clinic  first password  nurse@example.jp  看護師" in (
        command(tmp_path, "list").stdout
    )
    command(tmp_path, "assign", "nurse", "hidamari-clinic", "--remove")
    command(tmp_path, "role", "nurse", "auditor")
    command(tmp_path, "disable", "nurse")
    assert "nurse  auditor  all  disabled" in command(tmp_path, "list").stdout
    command(tmp_path, "enable", "nurse")
    again = command(tmp_path, "reset", "nurse")
    assert store.signing_in.log_in("nurse", again.stdout.strip()).must_change
    assert "last administrator" in str(command(tmp_path, "disable", "chief").exception)
    with store.database.reading() as connection:
        from analyzer.store import events

        done = events.history(connection, None, ["account"], "nurse")
    assert {event.change.source for event in done if event.actor.startswith("cli:")} == {"command"}
    store.close()


def test_the_command_knows_the_stores_roles() -> None:
    from analyzer.cli.account import ROLES as OFFERED
    from analyzer.store.principal import ROLES

    assert OFFERED == ROLES
