"""The institution's pages of the portal without a browser: every view, what is done in it, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from app_pages import open_page, panels
from portal_world import PROGRAMME, SECRETARIAT, listed, row_of, whole_answers
from store_helpers import PDF
from streamlit.testing.v1 import AppTest

from analyzer.programme.enrolling import Enrolled
from analyzer.programme.office import WantedDate
from analyzer.programme.participant import Participant
from analyzer.programme.portal import Portal
from analyzer.programme.portal_files import Upload
from analyzer.programme.screens.institution import consent_page
from analyzer.store.principal import ForbiddenError, Principal
from analyzer.store.store import Store
from analyzer.web.portal_visit import CONFLICT
from analyzer.web.workspace import workspace

CHOSEN = "sakura-no-hana-7"


@dataclass(frozen=True)
class World:
    """The app's own store with two institutions enrolled, and the first one's account signed in."""

    store: Store
    portal: Portal
    enrolled: tuple[Enrolled, ...]
    token: str

    @property
    def here(self) -> str:
        return self.enrolled[0].institution

    @property
    def there(self) -> str:
        return self.enrolled[1].institution

    @property
    def me(self) -> Principal:
        return self.store.signing_in.principal_of(self.token)

    @property
    def participant(self) -> Participant:
        return self.portal.participation.view(self.me, PROGRAMME, self.here)

    def open(self, step: str | None = None, view: str | None = None, **more: str) -> AppTest:
        """The institution's page as its account sees it."""
        named = {"programme": PROGRAMME, "institution": self.here, "step": step, "view": view, **more}
        return self.visit("programme", {name: value for name, value in named.items() if value})

    def visit(self, page: str, query: dict[str, str] | None = None) -> AppTest:
        app = open_page("")
        app.session_state["_session_token"] = self.token
        app.session_state["_session_login"] = self.me.login
        if page:
            app.session_state["_going_to"] = (page, {name: [value] for name, value in (query or {}).items()})
        app = app.run()
        assert not app.exception, app.exception
        assert "表示できませんでした" not in said(app)
        return app


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("SANSHO_STORE", str(tmp_path / "sansho.db"))
    monkeypatch.setenv("SANSHO_ACCOUNTS", "required")
    shared = workspace()
    assert shared.store is not None
    portal = shared.portal
    programme = portal.programmes[PROGRAMME]
    content = listed(programme, [row_of(programme, 1), row_of(programme, 2)])
    preview = portal.enrolling.preview(SECRETARIAT, PROGRAMME, content, "list.xlsx")
    enrolled = portal.enrolling.take(SECRETARIAT, PROGRAMME, preview)
    handover = enrolled[0].handover
    assert handover is not None
    session = shared.store.signing_in.log_in(handover.account.login, handover.first_password)
    shared.store.signing_in.change_password(session.token, handover.first_password, CHOSEN)
    yield World(shared.store, portal, enrolled, session.token)


def said(app: AppTest) -> str:
    spoken = [*app.title, *app.markdown, *app.warning, *app.info, *app.error, *app.success, *app.caption]
    return "\n".join(str(element.value) for element in spoken)


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


def press(app: AppTest, label: str) -> AppTest:
    app = button(app, label).click().run()
    assert not app.exception, app.exception
    return app


def area(app: AppTest, label: str) -> Any:
    return next(each for each in app.text_area if each.label == label)


def choose_file(app: AppTest, name: str, content: bytes) -> None:
    """Choose a file in the page's first field for files."""
    field: Any = app.get("file_uploader")[0]
    field.set_value([(name, content, "application/pdf")])


def hand_in(world: World, document: str) -> None:
    uploads = [Upload("図.pdf", PDF + document.encode())]
    world.portal.handing_in.hand_in_document(world.me, PROGRAMME, world.here, document, uploads, date(2026, 4, 1))


# -- the whole ---------------------------------------------------------------------------------------------------------


def test_the_top_says_what_to_do_next_by_when_and_whom_to_ask(world: World) -> None:
    world.portal.notices.publish(SECRETARIAT, PROGRAMME, "説明会のご案内", "オンラインで行います")
    app = world.open()
    shown = panels(app)
    assert "登録情報に誤りがないか確認してください" in shown
    assert "説明会のご案内" in shown
    assert world.portal.programmes[PROGRAMME].secretariat.phone in shown
    for step in world.portal.programmes[PROGRAMME].steps:
        assert step.title in shown
    assert "未読の通知が" in shown
    assert any("未読" in each.label for each in app.button if each.key == "_bell")


def test_another_institutions_address_is_refused(world: World) -> None:
    hand_in(world, "network_diagram")
    for asked in (world.there, "no-such-place"):
        for step in (None, "basic_data", "external_lines"):
            app = world.visit(
                "programme", {"programme": PROGRAMME, "institution": asked, **({"step": step} if step else {})}
            )
            assert "このアカウントでは見られません" in said(app)
            assert "架空第2病院" not in said(app) + panels(app)
            assert "架空第1病院" not in panels(app)


def test_an_unknown_step_or_programme_is_said(world: World) -> None:
    assert "その手順はありません" in said(world.open("no-such-step"))
    app = world.visit("programme", {"programme": "no-such-one", "institution": world.here})
    assert "参加していない支援事業" in said(app)
    assert "次にすること" in panels(app)


def test_an_institution_in_no_programme_is_told_whom_to_ask(world: World) -> None:
    from analyzer.resources import sample_institutions
    from analyzer.store.principal import SINGLE_USER

    path = sample_institutions()["hidamari-clinic"]
    world.store.records.create(SINGLE_USER, path.read_bytes(), path.name)
    first = world.store.accounts.create(
        SINGLE_USER, "nurse", "看護師", "institution", ["hidamari-clinic"]
    ).first_password
    session = world.store.signing_in.log_in("nurse", first)
    world.store.signing_in.change_password(session.token, first, CHOSEN)
    app = World(world.store, world.portal, world.enrolled, session.token).visit("programme")
    assert "どの支援事業にも参加していません" in said(app)
    assert world.portal.programmes[PROGRAMME].secretariat.email in panels(app)


def test_who_acts_for_several_institutions_chooses_one(world: World) -> None:
    from analyzer.store.principal import SINGLE_USER

    both = [world.here, world.there]
    first = world.store.accounts.create(SINGLE_USER, "nurse", "看護師", "institution", both).first_password
    session = world.store.signing_in.log_in("nurse", first)
    world.store.signing_in.change_password(session.token, first, CHOSEN)
    other = World(world.store, world.portal, world.enrolled, session.token)
    app = other.visit("programme", {"institution": world.here, "step": "basic_data"})
    assert "person1@example.jp" in panels(app)
    choice = next(each for each in app.selectbox if each.label == "医療機関")
    app = choice.set_value(world.there).run()
    assert not app.exception
    assert world.there in app.query_params["institution"]
    assert "次にすること" in panels(app)
    assert "person1@example.jp" not in panels(app)


def test_a_file_is_given_out_to_who_is_logged_in_at_the_click(world: World) -> None:
    from analyzer.programme.progress import step_states
    from analyzer.store.principal import SINGLE_USER
    from analyzer.store.signing_in import SessionEndedError
    from analyzer.web.portal_visit import Visit, _content

    hand_in(world, "network_diagram")
    (file,) = world.participant.files.values()
    today = date(2026, 5, 1)

    def who() -> Principal:
        return world.store.signing_in.principal_of(world.token)

    visit = Visit(workspace(), world.me, world.participant, step_states(world.participant, today), today, who)
    assert _content(visit, file).startswith(b"%PDF")
    world.store.accounts.unassign(SINGLE_USER, world.me.login, world.here)
    with pytest.raises(ForbiddenError):
        _content(visit, file)
    world.store.accounts.disable(SINGLE_USER, world.enrolled[0].handover.account.login)  # type: ignore[union-attr]
    with pytest.raises(SessionEndedError):
        _content(visit, file)


def test_the_landing_page_leads_to_the_programme(world: World) -> None:
    app = world.visit("")
    app = press(app, f"支援事業「{world.portal.programmes[PROGRAMME].title.ja}」を開く")
    assert "次にすること" in panels(app)


# -- basic data, consent -----------------------------------------------------------------------------------------------


def test_basic_data_are_confirmed_or_their_change_is_asked_for(world: World) -> None:
    app = world.open("basic_data")
    assert "person1@example.jp" in panels(app)
    area(app, "どの項目を、どう直すか").set_value("電話番号を <b>直して</b>ください")
    app = press(app, "変更を依頼する")
    assert "事務局に変更を依頼しました" in said(app)
    assert area(app, "どの項目を、どう直すか").value == ""
    assert "電話番号を &lt;b&gt;直して" in panels(app)
    app = press(app, "この内容で正しい")
    assert world.participant.check is not None
    assert world.participant.check.outcome == "correct"
    assert world.me.name in panels(app)


def test_basic_data_that_changed_meanwhile_are_not_confirmed_and_nothing_typed_is_lost(world: World) -> None:
    app = world.open("basic_data")
    seen = world.participant.registration
    values = {**seen.values, "phone": "03-0000-9999"}
    world.portal.office.change_registration(SECRETARIAT, PROGRAMME, world.here, values, seen.version)
    area(app, "どの項目を、どう直すか").set_value("住所も")
    app = press(app, "変更を依頼する")
    assert "登録情報がその後変わりました" in said(app)
    assert area(app, "どの項目を、どう直すか").value == "住所も"
    assert not world.participant.checks


def test_consent_needs_the_mark_and_a_name_and_can_be_kept(world: World) -> None:
    app = world.open("consent")
    for article in world.portal.programmes[PROGRAMME].terms.articles:
        assert article.heading in panels(app)
    next(each for each in app.text_input if each.label == "同意する方の氏名").set_value("院長 架空花子")
    app = press(app, "同意する")
    assert "印を付けてください" in said(app)
    assert world.participant.consent is None
    next(each for each in app.checkbox if "最後まで読み" in each.label).check()
    app = press(app, "同意する")
    given = world.participant.consent
    assert given is not None
    assert given.name == "院長 架空花子"
    assert "院長 架空花子" in panels(app)
    assert f"{given.terms_version}版" in panels(app)
    kept = consent_page(world.participant).decode()
    assert given.digest in kept
    assert "院長 架空花子" in kept
    assert not [each for each in app.button if each.label == "同意する"]


# -- support -----------------------------------------------------------------------------------------------------------


def test_a_wish_is_said_and_opens_the_rest(world: World) -> None:
    app = world.open("offline_backup")
    assert "バックアップの構成の資料" not in panels(app)
    wish = next(each for each in app.radio if "希望しますか" in each.label)
    app = wish.set_value(False).run()
    assert world.participant.steps["offline_backup"].wanted is False
    app = next(each for each in app.radio if "希望しますか" in each.label).set_value(True).run()
    assert world.participant.steps["offline_backup"].wanted is True
    assert "バックアップの構成の資料" in panels(app)


def test_documents_are_asked_for_sent_back_and_handed_in(world: World) -> None:
    hand_in(world, "line_list")
    paper = world.participant.steps["external_lines"].documents["line_list"]
    world.portal.office.send_back(
        SECRETARIAT, PROGRAMME, world.here, "document", "line_list", "版がありません", paper.version
    )
    app = world.open("external_lines", "documents")
    shown = panels(app)
    assert "版がありません" in shown
    assert "差し戻し" in shown
    assert "手書きの写しでも構いません" in shown
    choose_file(app, "構成.pdf", PDF)
    app = press(app, "提出する")
    assert "資料の日付を入れてください" in said(app)
    next(each for each in app.date_input if "資料の日付" in each.label).set_value(date(2026, 5, 1))
    app = press(app, "提出する")
    assert "「ネットワーク構成図」を提出しました" in said(app)
    handed = world.participant.steps["external_lines"].documents["network_diagram"]
    assert (handed.state, handed.issued_on, [file.name for file in handed.files]) == (
        "handed_in",
        "2026-05-01",
        ["構成.pdf"],
    )


def test_a_refused_file_is_explained(world: World) -> None:
    app = world.open("external_lines", "documents")
    choose_file(app, "図.pdf", b"MZ not a pdf")
    next(each for each in app.date_input if "資料の日付" in each.label).set_value(date(2026, 5, 1))
    app = press(app, "提出する")
    assert "受け取れません" in said(app)
    assert world.participant.steps["external_lines"].documents["network_diagram"].state == "asked"


def test_a_date_is_chosen_or_others_are_asked_for(world: World) -> None:
    wanted = [WantedDate(date(2027, 1, n), time(10, 0), time(11, 0), "来院") for n in (12, 13)]
    world.portal.office.propose_dates(SECRETARIAT, PROGRAMME, world.here, "external_lines", wanted, 0)
    app = world.open("external_lines")
    app = press(app, "この日に決める")
    assert "候補から1つ選んでください" in said(app)
    area(app, "都合のよい日時").set_value("翌週なら")
    app = press(app, "別の日を希望する")
    assert world.participant.steps["external_lines"].schedule.other == "翌週なら"
    assert "翌週なら" in panels(app)
    choice = next(each for each in app.radio if each.label == "候補の日程")
    choice.set_value(world.participant.steps["external_lines"].schedule.proposals[1].id)
    app = press(app, "この日に決める")
    agreed = world.participant.steps["external_lines"].schedule.agreed
    assert agreed is not None
    assert agreed.day == "2027-01-13"
    assert "2027年1月13日（水）" in panels(app)


def test_progress_and_the_report_are_shown(world: World) -> None:
    office = world.portal.office
    office.set_progress(SECRETARIAT, PROGRAMME, world.here, "external_lines", "surveying", "訪問を終えました", 0)
    office.hand_over(
        SECRETARIAT, PROGRAMME, world.here, "external_lines", "結果の報告書", Upload("報告.pdf", PDF), report=True
    )
    app = world.open("external_lines")
    assert "訪問を終えました" in panels(app)
    assert "結果の報告書" in panels(app)
    assert any("報告" in each.proto.label for each in app.get("download_button"))


# -- forms -------------------------------------------------------------------------------------------------------------


def answer(app: AppTest, question: str, kind: str = "radio", option: str = "") -> Any:
    return next(each for each in getattr(app, kind) if each.key.endswith(f" network {question} {option}"))


def test_every_answer_is_saved_as_it_is_given_and_questions_appear(world: World) -> None:
    app = world.open("external_lines", "form:network")
    assert "メールアドレス" not in panels(app)
    app = answer(app, "exchange_lines", "checkbox", "internet_vpn").check().run()
    app = answer(app, "line_count", "number_input").set_value(3).run()
    paper = world.participant.steps["external_lines"].forms["network"]
    assert (paper.state, dict(paper.answers)) == ("draft", {"exchange_lines": ["internet_vpn"], "line_count": 3})
    app = answer(app, "line_protection").set_value("some").run()
    app = answer(app, "exchange_lines", "checkbox", "nothing").check().run()
    answers = world.participant.steps["external_lines"].forms["network"].answers
    assert dict(answers) == {"exchange_lines": ["nothing"], "line_count": 3}, "alone, and what follows is not asked"
    assert not [each for each in app.radio if each.key.endswith(" line_protection ")]
    app = answer(app, "exchange_lines", "checkbox", "internet_vpn").check().run()
    assert answer(app, "line_protection").value == "some", "what was answered before is not lost"


def test_a_form_with_gaps_is_told_beside_the_questions_and_a_whole_one_is_handed_in(world: World) -> None:
    app = press(world.open("external_lines", "form:network"), "提出する")
    assert "直すところが" in said(app)
    assert said(app).count("回答してください") >= 3
    form = world.portal.programmes[PROGRAMME].form_by_id["network"]
    paper = world.participant.steps["external_lines"].forms["network"]
    world.portal.handing_in.save_form(
        world.me, PROGRAMME, world.here, "network", whole_answers(form, {}), paper.version
    )
    app = press(world.open("external_lines", "form:network"), "提出する")
    paper = world.participant.steps["external_lines"].forms["network"]
    assert paper.state == "handed_in"
    app = world.open("external_lines", "form:network")
    assert not app.radio
    assert "提出済みのため、読むだけです" in panels(app)
    world.portal.office.send_back(
        SECRETARIAT, PROGRAMME, world.here, "form", "network", "本数が違います", paper.version
    )
    app = world.open("external_lines", "form:network")
    assert "本数が違います" in panels(app)
    assert app.radio


def test_a_collision_keeps_what_was_typed_until_it_is_decided(world: World) -> None:
    app = world.open("external_lines", "form:network")
    world.portal.handing_in.save_form(world.me, PROGRAMME, world.here, "network", {"line_count": 9}, 0)
    app = answer(app, "line_owner").set_value("nobody").run()
    assert CONFLICT in said(app)
    assert dict(world.participant.steps["external_lines"].forms["network"].answers) == {"line_count": 9}
    assert answer(app, "line_owner").value == "nobody"
    app = press(app, "自分の入力を残して開き直す")
    answers = world.participant.steps["external_lines"].forms["network"].answers
    assert dict(answers) == {"line_count": 9, "line_owner": "nobody"}
    assert CONFLICT not in said(app)


# -- messages, questions, offers, notifications ------------------------------------------------------------------------


def test_what_is_typed_brings_up_answers_and_is_sent_with_its_files(world: World) -> None:
    app = world.open("consent", "messages")
    place = f"{world.me.login} {PROGRAMME} {world.here} consent"
    app.session_state[f"_typed {place}"] = "ぱすわーどをわすれてしまいました"
    app = app.run()
    assert "パスワードを忘れました。" in panels(app)
    app.session_state[f"_typed {place}"] = "同意は誰の名前でしますか"
    app = app.run()
    assert "規約には誰が同意すればよいですか" in panels(app)
    choose_file(app, "表.pdf", PDF)
    app = press(app, "送る")
    (message,) = world.participant.steps["consent"].messages
    assert (message.text, [file.name for file in message.files]) == ("同意は誰の名前でしますか", ["表.pdf"])
    assert "同意は誰の名前でしますか" in panels(app)
    app = press(app, "送る")
    assert "入力してください" in said(app)


def test_frequent_questions_are_searched_and_listed(world: World) -> None:
    app = world.open(view="faq")
    faq = world.portal.programmes[PROGRAMME].faq
    assert all(entry.question in panels(app) for entry in faq)
    app = next(each for each in app.text_input if each.label == "質問や言葉で探す").set_value("差し戻し").run()
    assert "資料が差し戻されました。" in panels(app)
    assert "はじめてログインする" not in panels(app)


def test_offers_show_what_changes_and_count_once_taken(world: World) -> None:
    form = world.portal.programmes[PROGRAMME].form_by_id["network"]
    world.portal.handing_in.hand_in_form(world.me, PROGRAMME, world.here, "network", whole_answers(form, {}), 0)
    paper = world.participant.steps["external_lines"].forms["network"]
    world.portal.office.accept(SECRETARIAT, PROGRAMME, world.here, "form", "network", paper.version)
    assert "回答への反映候補が" in panels(world.open())
    app = world.open(view="offers")
    offers = world.portal.feeding.offers(world.me, PROGRAMME, world.here)
    assert "未確認" in panels(app)
    assert "これだけで判定が変わる項目" in panels(app)
    assert "件の判定が変わります" in panels(app)
    app = press(app, "選んだものを反映する")
    assert "印を付けて" in said(app)
    first = offers[0].offer
    app = next(each for each in app.checkbox if (each.key or "").endswith(first.id)).check().run()
    app = press(app, "選んだものは反映しない")
    states = {each.id: each.state for each in world.participant.offers}
    assert states[first.id] == "declined"
    app = press(app, "未決定をすべて選ぶ")
    app = press(app, "選んだものを反映する")
    states = {each.id: each.state for each in world.participant.offers}
    assert {state for each, state in states.items() if each != first.id} == {"taken"}
    record = world.store.records.read(world.me, world.here)
    fact = next(each.offer for each in offers if each.offer.kind == "fact" and each.offer.id != first.id)
    assert record.document["profile"][fact.key] == fact.data["value"]


def test_notifications_are_read_one_by_one_and_all_and_lead_to_their_place(world: World) -> None:
    world.portal.messages.answer(SECRETARIAT, PROGRAMME, world.here, "consent", "お答えします")
    world.portal.messages.answer(SECRETARIAT, PROGRAMME, world.here, "basic_data", "もう一つ")
    unread = world.portal.notifications.unread(world.me)
    app = world.visit("notifications")
    assert "お答えします" in panels(app)
    told = next(each for each in world.portal.notifications.list(world.me) if "お答えします" in each.text)
    app = next(each for each in app.button if each.key == f"open {told.id}").click().run()
    assert world.portal.notifications.unread(world.me) == unread - 1
    assert "参加の同意" in panels(app)
    app = world.visit("notifications", {"view": "unread"})
    assert "お答えします" not in panels(app)
    app = press(app, "すべて既読にする")
    assert world.portal.notifications.unread(world.me) == 0
    assert "未読の通知はありません" in said(app)


# -- what runs beside --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accounts", "times"), [("required", 1), ("", 0)])
def test_mails_and_reminders_run_beside_the_app_where_people_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accounts: str, times: int
) -> None:
    from analyzer.cli import app as command
    from analyzer.programme.background import Background

    monkeypatch.setenv("SANSHO_STORE", str(tmp_path / "sansho.db"))
    monkeypatch.setenv("SANSHO_ACCOUNTS", accounts)
    monkeypatch.setattr(command, "_AFTER_THE_FIRST_PAGE", 0)
    started: list[Background] = []

    def note(self: Background) -> None:
        started.append(self)

    monkeypatch.setattr(Background, "start", note)
    command._load_ahead()
    assert len(started) == times


def test_the_bell_is_rung_for_those_who_are_told_things(world: World) -> None:
    world.portal.notices.publish(SECRETARIAT, PROGRAMME, "説明会のご案内", "オンラインで行います")
    assert any(each.key == "_bell" and "未読" in each.label for each in world.visit("account").button)
    world.portal.notifications.mark_read(world.me)
    assert [each.label for each in world.visit("account").button if each.key == "_bell"] == ["通知"]
    from analyzer.store.principal import SINGLE_USER

    first = world.store.accounts.create(SINGLE_USER, "auditor", "監査人", "auditor").first_password
    session = world.store.signing_in.log_in("auditor", first)
    world.store.signing_in.change_password(session.token, first, CHOSEN)
    app = World(world.store, world.portal, world.enrolled, session.token).visit("account")
    assert not [each for each in app.button if each.key == "_bell"]
