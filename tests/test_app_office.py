"""The secretariat's pages without a browser: every view, what is done in it, and who is turned away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from app_pages import facets, open_page, panels, tables
from argon2 import PasswordHasher
from openpyxl import load_workbook
from portal_world import PROGRAMME, listed, row_of, whole_answers
from sqlalchemy import update
from store_helpers import PDF
from streamlit.testing.v1 import AppTest

from analyzer.programme.enrolling import Enrolled
from analyzer.programme.history import HistoryEntry
from analyzer.programme.mailing import NewMail, enqueue
from analyzer.programme.office_workbooks import blank_list
from analyzer.programme.participant import Participant
from analyzer.programme.portal import Portal
from analyzer.programme.portal_files import Upload
from analyzer.store.passwords import Passwords
from analyzer.store.principal import SINGLE_USER, ForbiddenError, Principal
from analyzer.store.records import moment, now
from analyzer.store.store import Store
from analyzer.store.tables import MAILS
from analyzer.web import signing_in
from analyzer.web.pages import office_acts
from analyzer.web.workspace import workspace

CHOSEN = "sakura-no-hana-7"
TODAY = date(2026, 6, 10)
LINES = "external_lines"


@dataclass(frozen=True)
class World:
    """The app's own store with three institutions enrolled, and an account of the secretariat signed in."""

    store: Store
    portal: Portal
    enrolled: tuple[Enrolled, ...]
    token: str

    @property
    def office(self) -> Principal:
        return self.store.signing_in.principal_of(self.token)

    def person(self, number: int = 0) -> Principal:
        handover = self.enrolled[number].handover
        assert handover is not None
        return Principal(
            handover.account.login, handover.account.name, "institution", frozenset(handover.account.institutions)
        )

    def place(self, number: int = 0) -> str:
        return self.enrolled[number].institution

    def participant(self, number: int = 0) -> Participant:
        return self.portal.office.view(self.office, PROGRAMME, self.place(number))

    def open(self, token: str | None = None, **query: str | list[str]) -> AppTest:
        app = open_page("")
        app.session_state["_session_token"] = token or self.token
        app.session_state["_session_login"] = "office"
        parameters = {name: [each] if isinstance(each, str) else each for name, each in query.items()}
        app.session_state["_going_to"] = ("office", parameters)
        return drawn(app)

    def one(self, number: int = 0, **query: str) -> AppTest:
        return self.open(programme=PROGRAMME, institution=self.place(number), **query)


def drawn(app: AppTest) -> AppTest:
    app = app.run()
    assert not app.exception, app.exception
    assert "表示できませんでした" not in said(app)
    return app


def said(app: AppTest) -> str:
    spoken = [*app.title, *app.subheader, *app.markdown, *app.text, *app.caption, *app.code]
    spoken += [*app.warning, *app.info, *app.error, *app.success]
    return "\n".join(str(element.value) for element in spoken)


def press(app: AppTest, label: str, number: int = 0) -> AppTest:
    [*found] = [each for each in app.button if label in each.label]
    found[number].click()
    return drawn(app)


def field(app: AppTest, label: str) -> Any:
    return next(each for each in [*app.text_input, *app.text_area] if label in each.label)


def session_of(store: Store, login: str, first: str) -> str:
    token = store.signing_in.log_in(login, first).token
    store.signing_in.change_password(token, first, CHOSEN)
    return token


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("SANSHO_STORE", str(tmp_path / "sansho.db"))
    monkeypatch.setenv("SANSHO_ACCOUNTS", "required")
    monkeypatch.setattr("analyzer.web.pages.office.today", lambda: TODAY)
    shared = workspace()
    assert shared.store is not None
    store = shared.store
    cheap = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setattr(store.accounts, "_passwords", cheap)
    portal, programme = shared.portal, shared.portal.programmes[PROGRAMME]
    made = store.accounts.create(SINGLE_USER, "office", "田中", "secretariat")
    token = session_of(store, "office", made.first_password)
    office = store.signing_in.principal_of(token)
    content = listed(programme, [row_of(programme, number) for number in (1, 2, 3)])
    preview = portal.enrolling.preview(office, PROGRAMME, content, "list.xlsx")
    yield World(store, portal, portal.enrolling.take(office, PROGRAMME, preview), token)


def hand_in(world: World, document: str = "network_diagram", content: bytes = PDF) -> None:
    world.portal.handing_in.hand_in_document(
        world.person(), PROGRAMME, world.place(), document, [Upload("図.pdf", content)], date(2026, 4, 1)
    )


# -- the board --------------------------------------------------------------------------------------------------------


def test_an_account_of_the_secretariat_lands_on_the_board(world: World) -> None:
    app = open_page("")
    app.session_state["_session_token"] = world.token
    app.session_state["_session_login"] = "office"
    app = drawn(app)
    assert [title.value for title in app.title] == ["事務局"]
    assert [row["id"] for row in tables(app)[0]["rows"]] == [world.place(n) for n in range(3)]


def test_the_board_shows_where_everybody_stands(world: World) -> None:
    app = world.open()
    cells = [
        [cell if isinstance(cell, str) else "".join(map(str, cell["p"])) for cell in row["cells"]]
        for row in tables(app)[0]["rows"]
    ]
    assert "登録情報に誤りがないか確認してください。" in cells[0]
    assert "2026-05-29" in str(tables(app)[0]["rows"][0]["cells"]) and "12日超過" in str(tables(app)[0]["rows"][0])
    figures = re.sub(r"<[^>]+>|\s", "", panels(app))
    assert "参加機関3" in figures and "医療機関の番3" in figures and "期限超過の手順あり3" in figures


def test_filters_and_text_stand_in_the_address(world: World) -> None:
    world.portal.messages.write(world.person(1), PROGRAMME, world.place(1), "consent", "質問です")
    app = world.open(act="message")
    assert [row["id"] for row in tables(app)[0]["rows"]] == [world.place(1)]
    assert facets(app)["act"]["message"] == (1, True)
    assert facets(app)["at"]["basic_data"] == (1, False)
    app = world.open(q="架空第3病院")
    assert [row["id"] for row in tables(app)[0]["rows"]] == [world.place(2)]
    field(app, "探す").set_value("どこにもない")
    app = drawn(app)
    assert dict(app.query_params)["q"] == "どこにもない"
    assert not tables(app) and "この条件に当たる参加機関はありません" in said(app)


def test_the_board_is_sorted_and_turned_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.web.pages.office_board.PER_PAGE", 2)
    app = world.open(sort="-number")
    assert [row["id"] for row in tables(app)[0]["rows"]] == [world.place(2), world.place(1)]
    app = press(app, "次")
    assert [row["id"] for row in tables(app)[0]["rows"]] == [world.place(0)]
    assert dict(app.query_params)["page"] == "2"
    assert [row["id"] for row in tables(world.open(page="99"))[0]["rows"]] == [world.place(2)]
    assert len(tables(world.open(page="x", at="nowhere", programme=PROGRAMME))) == 0


def test_an_unknown_programme_or_participant_is_said(world: World) -> None:
    assert "支援事業「old」はありません" in said(world.open(programme="old"))
    assert "参加機関ではありません" in said(world.open(institution="no-such-place"))


@pytest.mark.parametrize("query", [{}, {"view": "list"}, {"institution": True}])
def test_an_institution_is_refused_in_plain_words(world: World, query: dict[str, Any]) -> None:
    handover = world.enrolled[0].handover
    assert handover is not None
    token = session_of(world.store, handover.account.login, handover.first_password)
    named = {name: world.place(1) if value is True else value for name, value in query.items()}
    app = world.open(token, **named)
    assert "この画面は使えません" in said(app)
    assert not tables(app) and "架空第2病院" not in panels(app)


# -- one participant --------------------------------------------------------------------------------------------------


def test_the_request_stands_beside_the_basic_data_and_is_answered(world: World) -> None:
    me, here = world.person(), world.place()
    seen = world.participant().registration.version
    world.portal.participation.request_change(me, PROGRAMME, here, seen, "電話番号を 03-9999-9999 に")
    app = world.one()
    assert "電話番号を 03-9999-9999 に" in panels(app)
    field(app, "担当者の電話番号").set_value("０３－９９９９－９９９９")
    app = press(app, "保存して確認を頼む")
    assert world.participant().registration.values["phone"] == "03-9999-9999"
    assert "登録情報を保存しました" in said(app)
    assert field(app, "担当者の電話番号").value == "03-9999-9999"


def test_faulty_basic_data_are_said_and_stay_in_the_fields(world: World) -> None:
    app = world.one()
    field(app, "担当者のメールアドレス").set_value("だれか")
    app = press(app, "保存して確認を頼む")
    assert "メールアドレスの形ではありません" in said(app)
    assert field(app, "担当者のメールアドレス").value == "だれか"


def test_what_somebody_else_saved_meanwhile_is_not_overwritten_and_nothing_typed_is_lost(world: World) -> None:
    app = world.one()
    field(app, "担当者の電話番号").set_value("03-1111-1111")
    now_held = world.participant().registration
    other = {**now_held.values, "department": "事務部"}
    world.portal.office.change_registration(world.office, PROGRAMME, world.place(), other, now_held.version)
    app = press(app, "保存して確認を頼む")
    assert office_acts.CHANGED_MEANWHILE in said(app)
    assert field(app, "担当者の電話番号").value == "03-1111-1111"
    assert "ほかの人が保存しました" in said(app)
    # Pressed once more it is refused once more: what was typed belongs to what it was typed over.
    app = press(app, "保存して確認を頼む")
    assert world.participant().registration.values == other
    app = press(app, "入力を捨てて開き直す")
    assert field(app, "担当者の部署と役職").value == "事務部"
    assert field(app, "担当者の電話番号").value == other["phone"]
    field(app, "担当者の電話番号").set_value("03-1111-1111")
    press(app, "保存して確認を頼む")
    assert world.participant().registration.values == {**other, "phone": "03-1111-1111"}


def test_untouched_fields_follow_what_somebody_else_saved(world: World) -> None:
    app = world.one()
    held = world.participant().registration
    other = {**held.values, "department": "事務部"}
    world.portal.office.change_registration(world.office, PROGRAMME, world.place(), other, held.version)
    app = drawn(app)
    assert field(app, "担当者の部署と役職").value == "事務部"


def test_a_consent_is_shown_with_who_when_and_version(world: World) -> None:
    terms = world.portal.programmes[PROGRAMME].terms
    assert "まだ同意していません" in said(world.one(step="consent"))
    world.portal.participation.consent(world.person(), PROGRAMME, world.place(), "院長 架空花子", terms.digest)
    app = world.one(step="consent")
    assert "院長 架空花子" in panels(app) and f"{terms.version}版" in panels(app)
    assert any("印刷用" in each.proto.label for each in app.get("download_button"))


def test_a_form_is_read_beside_its_questions_and_accepted(world: World) -> None:
    form = world.portal.programmes[PROGRAMME].form_by_id["network"]
    answers = whole_answers(form, {"exchange_lines": ["internet_vpn"], "line_count": 12})
    world.portal.handing_in.hand_in_form(world.person(), PROGRAMME, world.place(), "network", answers, 0)
    app = world.one(step=LINES)
    assert form.by_id["exchange_lines"].text in panels(app) and "12 本" in panels(app)
    assert "6.11-01 通信経路の改ざん" in panels(app)
    app = press(app, "受領する")
    assert world.participant().steps[LINES].forms["network"].state == "accepted"
    assert "受領しました" in said(app) and not [each for each in app.button if each.label == "受領する"]


def test_a_draft_is_the_institutions_own(world: World) -> None:
    handing_in, me, here = world.portal.handing_in, world.person(), world.place()
    form = world.portal.programmes[PROGRAMME].form_by_id["network"]
    handing_in.save_form(me, PROGRAMME, here, "network", {"line_count": 98765}, 0)
    app = world.one(step=LINES)
    assert "98,765" not in panels(app) and "下書き" not in panels(app)
    # After it was sent back: what was handed in before, and nothing of what is being put right.
    seen = world.participant().steps[LINES].forms["network"].version
    handing_in.hand_in_form(me, PROGRAMME, here, "network", whole_answers(form, {"line_count": 12}), seen)
    seen = world.participant().steps[LINES].forms["network"].version
    world.portal.office.send_back(world.office, PROGRAMME, here, "form", "network", "本数を確かめてください", seen)
    seen = world.participant().steps[LINES].forms["network"].version
    handing_in.save_form(me, PROGRAMME, here, "network", whole_answers(form, {"line_count": 98765}), seen)
    app = world.one(step=LINES)
    assert "12 本" in panels(app) and "98,765" not in panels(app)
    assert "本数を確かめてください" in panels(app)


def test_a_document_is_sent_back_with_a_reason_that_is_asked_for(world: World) -> None:
    hand_in(world)
    app = world.one(step=LINES)
    assert "図.pdf" in str([each.proto.label for each in app.get("download_button")])
    app = press(app, "理由を付けて差し戻す")
    assert "差し戻す理由を入力してください" in said(app)
    field(app, "差し戻す理由").set_value("拠点の図がありません")
    app = press(app, "理由を付けて差し戻す")
    paper = world.participant().steps[LINES].documents["network_diagram"]
    assert (paper.state, paper.reason) == ("sent_back", "拠点の図がありません")
    assert "拠点の図がありません" in panels(app)


def test_a_decision_on_what_changed_meanwhile_is_refused_and_the_reason_stays(world: World) -> None:
    hand_in(world)
    app = world.one(step=LINES)
    field(app, "差し戻す理由").set_value("書きかけの理由")
    hand_in(world, content=PDF + b"2")
    app = press(app, "理由を付けて差し戻す")
    assert office_acts.CHANGED_MEANWHILE in said(app)
    assert field(app, "差し戻す理由").value == "書きかけの理由"
    assert world.participant().steps[LINES].documents["network_diagram"].state == "handed_in"


def test_dates_are_proposed_and_the_answer_is_shown(world: World) -> None:
    app = world.one(step=LINES)
    app = press(app, "候補を知らせる")
    assert "候補の日付を一つは入れてください" in said(app)
    app.date_input[0].set_value(date(2026, 7, 1))
    app.date_input[2].set_value(date(2026, 7, 8))
    for each in app.text_input:
        if each.label == "場所":
            each.set_value("貴院")
    app = press(app, "候補を知らせる")
    schedule = world.participant().steps[LINES].schedule
    assert [(each.day, each.start, each.place) for each in schedule.proposals] == [
        ("2026-07-01", "13:30", "貴院"),
        ("2026-07-08", "13:30", "貴院"),
    ]
    world.portal.participation.ask_other_dates(
        world.person(), PROGRAMME, world.place(), LINES, "8月の午後なら", schedule.version
    )
    assert "8月の午後なら" in panels(world.one(step=LINES))


def test_progress_handout_message_and_reminder(world: World) -> None:
    app = world.one(step=LINES)
    field(app, "概要").set_value("更新されていない機器が1台")
    app = press(app, "進捗を保存する")
    assert world.participant().steps[LINES].progress.summary == "更新されていない機器が1台"
    field(app, "事務局から書く").set_value("はい、拠点ごとに要ります")
    app = press(app, "送る")
    message = world.participant().steps[LINES].messages[-1]
    assert (message.side, message.text) == ("secretariat", "はい、拠点ごとに要ります")
    assert field(app, "事務局から書く").value == ""
    app = press(app, "届ける")
    assert "ファイルを選んでください" in said(app)
    field(app, "催促の文").set_value("9月までにお願いします")
    app = drawn(app)
    assert "9月までにお願いします" in "\n".join(each.value for each in app.text)
    press(app, "催促を送る")
    told = world.portal.notifications.list(world.person())
    assert any("9月までにお願いします" in each.text for each in told)


def test_a_message_that_is_not_taken_stays_in_its_field(world: World) -> None:
    app = world.one(step=LINES)
    app = press(app, "送る")
    assert "連絡の本文を入力してください" in said(app)
    field(app, "事務局から書く").set_value("書いた \x07 もの")
    app = press(app, "送る")
    assert field(app, "事務局から書く").value == "書いた \x07 もの"
    assert world.participant().steps[LINES].messages == ()


def test_a_step_that_is_not_wanted_yet_asks_for_nothing(world: World) -> None:
    app = world.one(step="offline_backup")
    assert "医療機関の回答を待っています" in said(app)
    assert "バックアップの構成の資料" not in panels(app)
    world.portal.participation.wish(world.person(), PROGRAMME, world.place(), "offline_backup", wanted=True)
    assert "バックアップの構成の資料" in panels(world.one(step="offline_backup"))


def test_a_first_password_is_made_anew_and_shown_once(world: World) -> None:
    app = world.one(view="account")
    assert "まだ初期パスワードのまま" in said(app)
    app = press(app, "発行する")
    shown = app.code[0].value
    assert world.store.signing_in.log_in(world.person().login, shown).principal.must_change
    app = drawn(app)
    assert not app.code and shown not in said(app)
    assert "担当者を加える" not in said(app)


def test_a_person_is_added_where_there_is_room(world: World) -> None:
    world.store.accounts.disable(SINGLE_USER, world.person().login)
    app = world.one(view="account")
    assert "停止中" in said(app)
    field(app, "ログイン名").set_value("new-person")
    field(app, "担当者の名前").set_value("新しい担当者")
    field(app, "メールアドレス").set_value("person2@example.jp")
    app = press(app, "アカウントを作る")
    assert "ほかのアカウントで使っています" in said(app)
    assert field(app, "担当者の名前").value == "新しい担当者"
    field(app, "メールアドレス").set_value("new@example.jp")
    app = press(app, "アカウントを作る")
    assert len(app.code) == 1
    made = {each.login for each in world.store.accounts.participant_accounts(world.office)}
    assert "new-person" in made


def test_the_history_tells_what_was_done_in_plain_words(world: World) -> None:
    me, here = world.person(), world.place()
    hand_in(world)
    form = world.portal.programmes[PROGRAMME].form_by_id["network"]
    world.portal.handing_in.save_form(me, PROGRAMME, here, "network", {"line_count": 5}, 0)
    seen = world.participant().steps[LINES].documents["network_diagram"].version
    world.portal.office.send_back(world.office, PROGRAMME, here, "document", "network_diagram", "古い図です", seen)
    entries, more = world.portal.history.of(world.office, PROGRAMME, here)
    assert not more
    assert [(each.who, each.said) for each in entries][:2] == [
        ("田中", "「ネットワーク構成図」を差し戻しました：古い図です"),
        (me.name, "「ネットワーク構成図」を提出しました。"),
    ]
    assert not any(form.title in each.said for each in entries), "a draft is the institution's own"
    assert isinstance(entries[-1], HistoryEntry) and any("アカウント「" in each.said for each in entries)
    assert "古い図です" in panels(world.one(view="history"))
    with pytest.raises(ForbiddenError):
        world.portal.history.of(me, PROGRAMME, here)
    with pytest.raises(ForbiddenError):
        world.portal.history.last_handed_in(me, PROGRAMME, here, "network")
    with pytest.raises(ForbiddenError):
        world.portal.office.reminder_mail(me, PROGRAMME, here, LINES, "文")


# -- downloads --------------------------------------------------------------------------------------------------------


def test_a_download_asks_at_the_click_who_is_signed_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(world)
    file = world.participant().steps[LINES].documents["network_diagram"].files[0]
    monkeypatch.setattr(signing_in.st, "session_state", {"_session_token": world.token})
    asked = signing_in.principal_later(workspace())
    # Streamlit calls for a download's data outside of any session.
    monkeypatch.setattr(signing_in.st, "session_state", {})
    get = (asked, PROGRAMME, world.place(), file.place, file.sha256)
    assert office_acts._content(*get) == PDF
    world.store.accounts.set_role(SINGLE_USER, "office", "auditor")
    with pytest.raises(ForbiddenError):
        office_acts._content(*get)
    world.store.accounts.disable(SINGLE_USER, "office")
    with pytest.raises(signing_in.SessionEndedError):
        office_acts._content(*get)


# -- notices, mails, lists ---------------------------------------------------------------------------------------------


def test_a_notice_goes_to_those_who_were_filtered(world: World) -> None:
    app = world.open(view="notices", q="架空第3病院")
    field(app, "件名").set_value("日程のお願い")
    field(app, "本文").set_value("至急お知らせください")
    app.radio[0].set_value("filtered")
    app = press(drawn(app), "1機関に知らせる")
    assert "日程のお願い" in panels(app) and field(app, "件名").value == ""
    notices = world.portal.notices
    assert [each.title for each in notices.for_institution(world.person(2), PROGRAMME, world.place(2))] == [
        "日程のお願い"
    ]
    assert notices.for_institution(world.person(0), PROGRAMME, world.place(0)) == ()


def test_a_notice_to_nobody_or_without_a_text_is_refused_and_stays(world: World) -> None:
    app = world.open(view="notices")
    field(app, "件名").set_value("件名だけ")
    app = press(app, "3機関に知らせる")
    assert "本文を入力してください" in said(app) and field(app, "件名").value == "件名だけ"
    field(app, "本文").set_value("本文")
    app.radio[0].set_value("chosen")
    app = press(drawn(app), "知らせる")
    assert "選んでください" in said(app)
    app.checkbox[1].check()
    app = press(drawn(app), "1機関に知らせる")
    assert [each.to for each in world.portal.notices.all(world.office, PROGRAMME)] == [(world.place(1),)]


def test_mails_that_wait_for_a_decision_are_let_be(world: World) -> None:
    from mail_servers import settings_for

    app = world.open(view="mail")
    assert "設定されていません" in said(app) and "判断を待つメールはありません" in said(app)
    with world.store.database.writing() as connection:
        mail = NewMail(None, "nurse@example.jp", "届かなかった件名", "本文")
        enqueue(connection, settings_for(25), moment(now()), [mail])
        connection.execute(update(MAILS).values(state="unsure", error="timeout"))
    app = world.open(view="mail")
    assert "届かなかった件名" in said(app) and "届いたか分からない" in panels(app)
    press(app, "そのままにする")
    assert world.portal.mailing.counts(world.office) == {"let_be": 1}


def test_a_list_is_previewed_taken_and_its_passwords_handed_over_until_they_are_received(world: World) -> None:
    programme = world.portal.programmes[PROGRAMME]
    rows = [row_of(programme, 11), row_of(programme, 12), row_of(programme, 13, 種別="美容室")]
    app = world.open(view="list")
    app.file_uploader[0].upload("一覧.xlsx", listed(programme, rows))
    app = drawn(app)
    assert "美容室" in panels(app) and "架空第11病院" in panels(app)
    assert len(world.portal.board.rows(world.office, PROGRAMME, TODAY)) == 3
    app = press(app, "2機関を取り込む")
    taking = app.session_state["_office_taking"]
    assert taking.wait(60)
    app = drawn(app)
    assert "2機関を取り込み、アカウントを2件作りました" in said(app)
    assert "いまだけです" in said(app)
    made = [each.handover for each in taking.enrolled]
    assert all(each.first_password not in said(app) for each in made)
    assert "初期パスワードの一覧をまだ受け取っていません" in said(world_view(app, "board"))
    app = world_view(app, "list")
    app = press(app, "受け取った")
    assert "_office_taking" not in app.session_state
    assert "初期パスワード" not in " ".join(each.proto.label for each in app.get("download_button"))
    assert world.store.signing_in.log_in(made[0].account.login, made[0].first_password).principal.must_change


def world_view(app: AppTest, view: str) -> AppTest:
    app.session_state["_going_to"] = ("office", {"view": [view]})
    return drawn(app)


def test_a_list_that_cannot_be_read_is_refused_in_plain_words(world: World) -> None:
    app = world.open(view="list")
    app.file_uploader[0].upload("一覧.xlsx", b"nothing")
    app = drawn(app)
    assert "ブック（.xlsx）ではない" in said(app)


def test_the_blank_list_has_the_headings_that_are_read(world: World) -> None:
    programme = world.portal.programmes[PROGRAMME]
    book = load_workbook(BytesIO(blank_list(programme, TODAY, workspace().rulebook)))
    sheet = book.worksheets[0]
    top = next(cell.row for line in sheet.iter_rows() for cell in line if cell.value == "医療機関名")
    headings = {cell.value: cell.column for cell in sheet[top] if cell.value}
    for heading, value in row_of(programme, 31).items():
        sheet.cell(top + 1, headings[heading], value)
    stream = BytesIO()
    book.save(stream)
    preview = world.portal.enrolling.preview(world.office, PROGRAMME, stream.getvalue(), "blank.xlsx")
    assert [each.name for each in preview.accepted] == ["架空第31病院"]
    assert (preview.refused, preview.ignored) == ((), ())


def test_how_far_a_list_is_taken_in_is_told_to_the_end(world: World) -> None:
    programme = world.portal.programmes[PROGRAMME]
    content = listed(programme, [row_of(programme, number) for number in range(41, 46)])
    preview = world.portal.enrolling.preview(world.office, PROGRAMME, content, "list.xlsx")
    told: list[float] = []
    world.portal.enrolling.take(world.office, PROGRAMME, preview, lambda done, of: told.append(done / of))
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1
    assert len(told) > 2 * len(preview.accepted)
