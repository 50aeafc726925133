"""One institution and its secretariat go through a whole support programme in Chromium, with mail at an SMTP server.

From the list of institutions and the first password to the answered questionnaire; afterwards the gap analysis is
another by just what the institution took over from its forms.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from browser import chromium, chromium_or_skip, free_port, running_app
from mail_servers import LOOPBACK, MailServer, running
from playwright.sync_api import Browser, Page, expect
from portal_people import Institution, Secretariat, choose_files, identity, look, saved, settle
from portal_world import PROGRAMME, listed, row_of, whole_answers
from store_helpers import PDF, PNG

from analyzer.engine.analysis import Analyzer
from analyzer.model.institution import Institution as Examined
from analyzer.programme.feeding import Suggestion, suggestions
from analyzer.programme.loading import load_programmes
from analyzer.programme.model import Programme
from analyzer.resources import programmes_dir
from analyzer.store.principal import SINGLE_USER
from analyzer.store.records import Record
from analyzer.store.store import Store

pytestmark = pytest.mark.tools

HERE, OTHER = identity(1), identity(2)
NAME = "架空第1病院"
OWN = "sakura-momiji-2026"
AGAIN = "kaede-ichou-2027"
CONTACT = "person1@example.jp"
TODAY = date.today()
TO_THE_INSTITUTION = {
    "基本情報が変わりました": 1,
    "様式を受領しました": 2,
    "回答の反映候補があります": 2,
    "資料を受領しました": 5,
    "資料の再提出をお願いします": 1,
    "事務局から連絡があります": 1,
    "候補日をお選びください": 4,
    "「外部接続の調査支援」の進み具合が変わりました": 2,
    "「オフラインバックアップの支援」の進み具合が変わりました": 1,
    "「事例の聞き取り」の進み具合が変わりました": 1,
    "報告書をお渡しします": 2,
}
TO_THE_SECRETARIAT = {
    f"{NAME}が基本情報の修正を求めています": 1,
    f"{NAME}が基本情報を確認しました": 1,
    f"{NAME}が規約に同意しました": 1,
    f"{NAME}が様式を提出しました": 3,
    f"{NAME}が資料を提出しました": 6,
    f"{NAME}から連絡が届きました": 1,
    f"{NAME}が別の日を希望しています": 1,
    f"日程が決まりました（{NAME}）": 3,
    f"{NAME}が支援の希望を回答しました": 1,
}


@dataclass
class Walk:
    """Both sides at their pages, and what happens around them."""

    address: str
    store: str
    mails: MailServer
    programme: Programme
    analyzer: Analyzer
    office: Secretariat
    clinic: Institution

    def record(self) -> Record:
        """The first institution's record as the store holds it at this moment."""
        store = Store.open(self.store, self.analyzer.knowledge)
        try:
            return store.records.read(SINGLE_USER, HERE)
        finally:
            store.close()


def shifted_programmes(folder: Path) -> Path:
    """The shipped programme as if it had begun three weeks ago, so that no day of it is near or past."""
    shift = TODAY - timedelta(days=20) - date(2026, 4, 1)
    folder.mkdir()
    for file in programmes_dir().glob("*.yaml"):
        text = re.sub(
            r"\b20\d\d-\d\d-\d\d\b",
            lambda found: str(date.fromisoformat(found[0]) + shift),
            file.read_text(encoding="utf-8"),
        )
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder


def sansho(store: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "analyzer.cli", *arguments, "--store", store]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def person_at(browser: Browser, side: str, failures: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="ja-JP", accept_downloads=True)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("request", lambda asked: "127.0.0.1" in asked.url or failures.append(f"asked for {asked.url}"))
    try:
        yield page
    finally:
        look(page, f"last-{side}")
        context.close()


@pytest.fixture
def walk(tmp_path: Path, analyzer: Analyzer) -> Iterator[Walk]:
    chromium_or_skip()
    programmes = shifted_programmes(tmp_path / "programmes")
    store, port, mails, failures = str(tmp_path / "sansho.db"), free_port(), MailServer(), list[str]()
    environment = {
        "SANSHO_SMTP_HOST": LOOPBACK,
        "SANSHO_SMTP_PORT": str(mails.port),
        "SANSHO_SMTP_TLS": "none",
        "SANSHO_MAIL_FROM": "Sansho 事務局 <sansho@example.jp>",
        "SANSHO_URL": f"http://127.0.0.1:{port}",
    }
    options = ("--accounts", "--programmes", str(programmes))
    expect.set_options(timeout=30_000)
    with (
        running(mails),
        running_app(tmp_path / "log.txt", *options, port=port, environment=environment) as address,
        chromium() as browser,
        person_at(browser, "office", failures) as office,
        person_at(browser, "clinic", failures) as clinic,
    ):
        yield Walk(
            address,
            store,
            mails,
            load_programmes(programmes, analyzer.knowledge)[PROGRAMME],
            analyzer,
            Secretariat(office, "office", ""),
            Institution(clinic, "", ""),
        )
    expect.set_options(timeout=5_000)
    assert not failures


def test_an_institution_and_its_secretariat_go_through_the_whole_programme(walk: Walk) -> None:
    the_secretariat_gets_its_account(walk)
    the_secretariat_lets_institutions_in_from_a_list(walk)
    the_institution_logs_in_for_the_first_time(walk)
    the_basic_data_are_put_right_and_confirmed(walk)
    the_terms_are_agreed_to(walk)
    the_form_on_external_lines_is_filled_in_and_handed_in(walk)
    the_documents_are_handed_in_sent_back_and_accepted(walk)
    messages_go_both_ways(walk)
    dates_are_agreed_on(walk)
    the_survey_is_done_and_its_report_handed_over(walk)
    the_backup_support_is_wanted_and_done(walk)
    the_hearing_is_held(walk)
    the_closing_questionnaire_is_answered(walk)
    what_the_forms_say_counts_once_it_is_taken(walk)
    every_mail_arrived_once_and_leads_to_its_step(walk)
    a_forgotten_password_is_replaced_by_a_mailed_link(walk)
    what_is_not_ones_own_is_refused_at_its_address(walk)
    assert " 0 faults," in sansho(walk.store, "audit", "verify")


# -- the secretariat begins -------------------------------------------------------------------------------------------


def the_secretariat_gets_its_account(walk: Walk) -> None:
    sansho(walk.store, "account", "add", "chief", "--name", "管理者", "--role", "administrator")
    made = sansho(walk.store, "account", "add", "office", "--name", "事務局の担当者", "--role", "secretariat")
    walk.office.password = made.split()[-1]
    walk.office.page.goto(walk.address)
    walk.office.try_to_log_in()
    walk.office.choose_password("jimukyoku-no-2026")


def the_secretariat_lets_institutions_in_from_a_list(walk: Walk) -> None:
    office, page = walk.office, walk.office.page
    office.sees("参加機関がまだありません。")
    page.get_by_role("radio", name="一覧の取り込み").or_(
        page.get_by_role("button", name="一覧の取り込み")
    ).first.click()
    rows = [row_of(walk.programme, number) for number in (1, 2, 3)]
    rows[2]["メールアドレス"] = "担当者のアドレス"
    content = listed(walk.programme, rows)
    choose_files(page.get_by_test_id("stFileUploader"), [("参加機関.xlsx", content)])
    refused = page.get_by_role("region", name="取り込めない行")
    expect(refused).to_contain_text("架空第3病院")
    expect(refused).to_contain_text("メールアドレス")
    look(page, "office-preview")
    office.press("2機関を取り込む")
    office.sees("2機関を取り込み、アカウントを2件作りました。")
    look(page, "office-handover")
    book = openpyxl.load_workbook(io.BytesIO(saved(page, page.get_by_role("button", name="初期パスワードの一覧"))))
    handed = {row[2]: row for sheet in book for row in sheet.iter_rows(values_only=True) if len(row) > 4}
    walk.clinic.login, walk.clinic.password = HERE, handed[HERE][3]
    assert handed[HERE][4] == walk.address
    assert OTHER in handed
    office.press("受け取った")
    page.get_by_role("radio", name="参加機関").or_(page.get_by_role("button", name="参加機関")).first.click()
    expect(page.get_by_role("row", name="架空第2病院")).to_be_visible()
    look(page, "office-board-at-first")


def the_institution_logs_in_for_the_first_time(walk: Walk) -> None:
    clinic, page = walk.clinic, walk.clinic.page
    page.goto(f"{walk.address}/programme")
    clinic.try_to_log_in()
    clinic.sees("受け取った初期パスワードを自分のパスワードに変えると")
    expect(page.get_by_role("link", name="ギャップ分析")).to_have_count(0)
    clinic.choose_password("kaede12", "8文字以上")
    clinic.choose_password(clinic.password, "いまと同じパスワードは使えません。")
    look(page, "clinic-first-password")
    clinic.choose_password(OWN)
    clinic.sees("登録情報に誤りがないか確認してください。")
    top = page.locator("[data-view=top]")
    due = walk.programme.step_by_id["basic_data"].due
    assert due is not None
    expect(top).to_contain_text(f"{due.year}年{due.month}月{due.day}日")
    expect(top.get_by_role("img", name="6の手順のうち0が済み")).to_be_visible()
    look(page, "clinic-top-at-first")


# -- basic data and terms ---------------------------------------------------------------------------------------------


def the_basic_data_are_put_right_and_confirmed(walk: Walk) -> None:
    clinic, office = walk.clinic, walk.office
    clinic.page.get_by_role("link", name="「基本情報の確認」を開く").click()
    clinic.page.get_by_label("どの項目を、どう直すか").fill("電話番号を 03-0000-9999 に直してください。")
    clinic.press("変更を依頼する", "事務局に変更を依頼しました。")

    office.go(NAME, "basic_data")
    office.sees("電話番号を 03-0000-9999 に直してください。")
    phone = office.page.get_by_label("担当者の電話番号")
    expect(phone).to_have_value("03-0000-0001")
    phone.fill("03-0000-9999")
    look(office.page, "office-basic-data")
    office.press("保存して確認を頼む", "登録情報を保存しました。")

    bell = clinic.page.locator(".st-key-_bell button")
    clinic.page.get_by_role("navigation", name="支援事業の手順").get_by_role("link", name="全体の状況").click()
    expect(bell).to_have_text(re.compile("未読 [0-9]+件"))
    bell.click()
    look(clinic.page, "clinic-notifications")
    told = clinic.page.locator("[class*=st-key-notification-]").filter(has_text="登録情報")
    told.first.get_by_role("button", name="開く").click()
    clinic.turn_to("basic_data", "")
    expect(clinic.page.get_by_role("region", name="登録されている内容")).to_contain_text("03-0000-9999")
    clinic.press("この内容で正しい", "登録情報が正しいことを確認しました。")
    look(clinic.page, "clinic-basic-data")


def the_terms_are_agreed_to(walk: Walk) -> None:
    clinic, office = walk.clinic, walk.office
    clinic.go("consent")
    clinic.page.get_by_label("同意する方の氏名").fill("院長 架空花子")
    clinic.page.get_by_text("規約を最後まで読み、同意します", exact=True).click()
    clinic.press("同意する", "同意を記録しました。")
    record = clinic.page.get_by_role("region", name="これまでの同意")
    expect(record).to_contain_text("院長 架空花子")
    expect(record).to_contain_text("規約 1.0版")
    expect(record).to_contain_text(re.compile("[0-9]{2}:[0-9]{2}"))
    kept = saved(clinic.page, clinic.page.get_by_role("button", name="規約と同意の記録を保存")).decode()
    assert "院長 架空花子" in kept and walk.programme.terms.digest in kept
    look(clinic.page, "clinic-consent")
    office.go(NAME, "consent")
    office.sees("院長 架空花子")


# -- support with external lines --------------------------------------------------------------------------------------

LINES = {
    "exchange_lines": ["internet_vpn"],
    "line_count": 3,
    "line_protection": "all",
    "open_network_https": "ipsec_all",
    "allowed_sources": ["addresses"],
    "has_vpn_devices": "yes",
    "firewall": "some_managed",
    "maintenance": "remote",
    "remote_logs": "both",
    "reoutsourcing": "none",
    "staff_remote_access": "no",
    "patients_access": "no",
    "wireless": "no",
    "iot_devices": "no",
}


def required_answers(walk: Walk, form: str, given: dict[str, Any]) -> dict[str, Any]:
    meant = walk.programme.form_by_id[form]
    return {name: value for name, value in whole_answers(meant, given).items() if meant.by_id[name].required}


def the_form_on_external_lines_is_filled_in_and_handed_in(walk: Walk) -> None:
    clinic, office = walk.clinic, walk.office
    form, given = walk.programme.form_by_id["network"], required_answers(walk, "network", LINES)
    clinic.go("external_lines", "form:network")
    answers: dict[str, Any] = {}
    clinic.answer(form, answers, given, until="firewall")
    clinic.sees("に下書きを保存しました。")
    look(clinic.page, "clinic-form")

    office.go(NAME, "external_lines")
    expect(office.page.get_by_role("region", name="様式への回答")).to_have_count(0)

    clinic.page.reload()
    clinic.log_in()
    clinic.turn_to("external_lines", "")
    owner = clinic.page.locator(".st-key-question-line_owner")
    expect(owner.get_by_role("radio", name="いる。増減のたびに一覧を直している")).to_be_checked()
    expect(clinic.page.locator(".st-key-question-line_count").get_by_role("spinbutton")).to_have_value("3")
    clinic.answer(form, answers, given)
    clinic.press("提出する", "「外部接続の調査票」を提出しました。")
    clinic.sees("提出済みのため、読むだけです。")


def the_documents_are_handed_in_sent_back_and_accepted(walk: Walk) -> None:
    clinic, office, day = walk.clinic, walk.office, TODAY - timedelta(days=30)
    clinic.turn_to("external_lines", "documents")
    clinic.hand_in("network_diagram", "ネットワーク構成図", [("構成図.pdf", PDF + b"1"), ("補足.png", PNG)], day)
    clinic.hand_in("line_list", "外部回線と接続機器の一覧", [("回線一覧.pdf", PDF + b"2")], day)
    contracts = "保守契約書と守秘義務契約書の写し"
    clinic.hand_in("maintenance_contracts", contracts, [("契約.pdf", PDF + b"3")], day)
    clinic.hand_in("maintenance_records", "保守作業の申請書と報告書の写し", [("保守.pdf", PDF + b"4")], day)

    office.go(NAME, "external_lines")
    answers = office.page.get_by_role("region", name="様式への回答")
    expect(answers).to_contain_text("必ず記録を取り、毎回速やかに責任者が確かめている")
    look(office.page, "office-external-lines")
    office.accept("form", HERE, "network")
    for document in ("network_diagram", "maintenance_contracts", "maintenance_records"):
        office.accept("document", HERE, document)
    office.send_back("document", HERE, "line_list", "ルータのファームウェアの版も書いてください。")

    clinic.go("external_lines", "documents")
    sent_back = clinic.page.locator(".st-key-document-line_list")
    expect(sent_back).to_contain_text("ルータのファームウェアの版も書いてください。")
    look(clinic.page, "clinic-documents")
    clinic.hand_in("line_list", "外部回線と接続機器の一覧", [("回線一覧2.pdf", PDF + b"5")], day)
    office.go(NAME, "external_lines")
    office.accept("document", HERE, "line_list")


def messages_go_both_ways(walk: Walk) -> None:
    clinic, office = walk.clinic, walk.office
    clinic.go("external_lines", "messages")
    written = clinic.page.get_by_role("textbox", name="本文")
    written.press_sequentially("ネットワーク構成図がありません。手書きでもよいですか。", delay=15)
    offered = clinic.page.get_by_text("送る前に：よくある質問に、答えがあるかもしれません")
    expect(offered).to_be_visible()
    expect(clinic.page.get_by_role("group").filter(has_text="ネットワーク構成図がありません。")).to_be_visible()
    choose_files(clinic.page.get_by_test_id("stFileUploader"), [("手書きの図.png", PNG + b"hand")])
    look(clinic.page, "clinic-writing")
    clinic.press("送る", "連絡を送りました。")
    expect(written).to_have_count(1)
    expect(written).to_have_value("")
    expect(offered).to_have_count(0)

    office.go(NAME, "external_lines")
    office.sees("手書きでもよいですか。")
    button = office.page.get_by_role("button", name="手書きの図.png")
    assert saved(office.page, button) == PNG + b"hand"
    office.write("はい、手書きの写しで構いません。記入例を添えます。", [("記入例.pdf", PDF + b"example")])
    look(office.page, "office-messages")

    clinic.go("external_lines", "messages")
    thread = clinic.page.get_by_role("region", name="連絡")
    expect(thread.get_by_role("listitem").filter(has_text="はい、手書きの写しで構いません。")).to_be_visible()
    button = clinic.page.get_by_role("button", name="記入例.pdf")
    assert saved(clinic.page, button) == PDF + b"example"
    look(clinic.page, "clinic-messages")


def dates_are_agreed_on(walk: Walk) -> None:
    clinic, office = walk.clinic, walk.office
    office.go(NAME, "external_lines")
    office.propose([TODAY + timedelta(days=21), TODAY + timedelta(days=22)], "貴院")
    clinic.go("external_lines")
    expect(clinic.page.get_by_role("radiogroup", name="候補の日程").get_by_role("radio")).to_have_count(2)
    clinic.page.locator("summary", has_text="別の日を希望する").click()
    clinic.page.get_by_label("都合のよい日時").fill("翌週の午後なら、いつでも構いません。")
    look(clinic.page, "clinic-dates")
    clinic.press("別の日を希望する", "別の日の希望を事務局に伝えました。")

    office.go(NAME, "external_lines")
    office.sees("翌週の午後なら、いつでも構いません。")
    office.propose([TODAY + timedelta(days=28)], "貴院")
    look(office.page, "office-dates")
    clinic.go("external_lines")
    clinic.choose_date(0)
    agreed = clinic.page.get_by_role("region", name="日程", exact=True)
    day = TODAY + timedelta(days=28)
    expect(agreed).to_contain_text(f"{day.year}年{day.month}月{day.day}日")
    expect(agreed).to_contain_text("13:30～15:00　貴院")


def the_survey_is_done_and_its_report_handed_over(walk: Walk) -> None:
    clinic, office, report = walk.clinic, walk.office, PDF + b"report"
    office.go(NAME, "external_lines")
    office.set_progress("調査中", "訪問して、機器の設定を確かめました。")
    clinic.go("external_lines")
    stage = clinic.page.get_by_role("region", name="進捗").get_by_role("listitem").filter(has_text="調査中")
    expect(stage).to_have_attribute("aria-current", "step")
    clinic.sees("訪問して、機器の設定を確かめました。")
    look(clinic.page, "clinic-progress")

    office.hand_over("外部接続の調査報告書", ("報告書.pdf", report), report=True)
    office.set_progress("完了")
    look(office.page, "office-report")
    clinic.go("external_lines")
    expect(clinic.page.get_by_role("region", name="事務局からの資料と報告書")).to_contain_text("外部接続の調査報告書")
    assert saved(clinic.page, clinic.page.get_by_role("button", name="報告書.pdf")) == report
    expect(clinic.page.locator("[data-view='external_lines '] .standing")).to_contain_text("完了")
    look(clinic.page, "clinic-report")


# -- the other steps --------------------------------------------------------------------------------------------------


def the_backup_support_is_wanted_and_done(walk: Walk) -> None:
    clinic, office = walk.clinic, walk.office
    form, given = walk.programme.form_by_id["backup"], required_answers(walk, "backup", {})
    clinic.page.get_by_role("navigation", name="支援事業の手順").get_by_role("link", name="全体の状況").click()
    clinic.sees("支援を希望するかどうかを回答してください。")
    look(clinic.page, "clinic-top-midway")
    clinic.go("offline_backup")
    clinic.page.get_by_role("radiogroup", name="希望しますか").get_by_text("希望する", exact=True).click()
    clinic.sees("希望すると回答しました。")
    clinic.turn_to("offline_backup", "form:backup")
    clinic.answer(form, {}, given)
    clinic.press("提出する", "「バックアップの調査票」を提出しました。")
    clinic.turn_to("offline_backup", "documents")
    day = TODAY - timedelta(days=10)
    clinic.hand_in("backup_configuration", "バックアップの構成の資料", [("構成.pdf", PDF + b"6")], day)

    office.go(NAME, "offline_backup")
    office.accept("form", HERE, "backup")
    office.accept("document", HERE, "backup_configuration")
    office.propose([TODAY + timedelta(days=35)], "オンライン")
    office.hand_over("方法の提案", ("提案.pdf", PDF + b"advice"), report=True)
    office.set_progress("完了")
    clinic.go("offline_backup")
    clinic.choose_date(0)
    expect(clinic.page.locator("[data-view='offline_backup '] .standing")).to_contain_text("完了")


def the_hearing_is_held(walk: Walk) -> None:
    clinic, office = walk.clinic, walk.office
    office.go(NAME, "case_hearing")
    office.propose([TODAY + timedelta(days=42)], "オンライン")
    clinic.go("case_hearing")
    clinic.choose_date(0)
    office.go(NAME, "case_hearing")
    office.set_progress("完了", "機器の更新を保守契約に加えた経緯を伺いました。")
    clinic.go("case_hearing")
    clinic.sees("機器の更新を保守契約に加えた経緯を伺いました。")
    expect(clinic.page.locator("[data-view='case_hearing '] .standing")).to_contain_text("完了")
    look(clinic.page, "clinic-hearing")


def the_closing_questionnaire_is_answered(walk: Walk) -> None:
    clinic, office = walk.clinic, walk.office
    form, given = walk.programme.form_by_id["closing"], required_answers(walk, "closing", {})
    clinic.go("closing")
    clinic.answer(form, {}, given)
    clinic.press("提出する", "「終了時のアンケート」を提出しました。")
    answered = clinic.page.locator(".portal-form-head .standing")
    expect(answered).to_contain_text(re.compile("提出.*架空1太郎.*[0-9]+年[0-9]+月[0-9]+日 [0-9]{2}:[0-9]{2}"))
    look(clinic.page, "clinic-closing")
    clinic.page.get_by_role("navigation", name="支援事業の手順").get_by_role("link", name="全体の状況").click()
    clinic.sees("すべての手順が終わりました。")
    look(clinic.page, "clinic-top-at-last")
    office.page.get_by_role("button", name="一覧に戻る").click()
    expect(office.page.get_by_role("row", name=NAME)).to_contain_text("すべて完了")
    look(office.page, "office-board-at-last")


# -- what it was good for ---------------------------------------------------------------------------------------------


def results_of(walk: Walk, institution: Examined) -> dict[tuple[str, str | None], str]:
    found = walk.analyzer.analyze(institution, TODAY).results
    return {(each.control.key, each.service): each.conformity for each in found}


def open_questions(walk: Walk) -> Page:
    page = walk.clinic.page
    page.get_by_role("link", name="ギャップ分析").first.click()
    page.get_by_role("button", name="未確認の事実").or_(page.get_by_role("radio", name="未確認の事実")).first.click()
    settle(page)
    return page


def what_the_forms_say_counts_once_it_is_taken(walk: Walk) -> None:
    clinic, page = walk.clinic, walk.clinic.page
    before = walk.record()
    assert not before.document.get("answers") and not before.institution.facts
    remote = walk.analyzer.knowledge.facts["has_remote_maintenance"].question
    expect(open_questions(walk).get_by_text(remote)).to_be_visible()

    page.get_by_role("link", name="支援事業", exact=True).click()
    page.get_by_role("link", name=re.compile("回答への反映候補が[0-9]+件")).click()
    told = page.get_by_text(re.compile("すべて反映すると、[0-9]+件の判定が変わります"))
    expect(told).to_be_visible()
    [promised] = re.findall("[0-9]+", told.inner_text())
    offers = page.locator("[class*=st-key-offer-]").filter(has=page.get_by_role("checkbox"))
    expect(offers.filter(has_text=remote)).to_contain_text(re.compile("未確認 →\\s*から はい"))
    maintained = offers.filter(has_text="受領された「保守作業の申請書と報告書の写し」")
    expect(maintained.filter(has_text="6.8-08")).to_be_visible()
    look(page, "clinic-offers")
    assert walk.record().document == before.document, "nothing counts before it is taken"

    clinic.press("未決定をすべて選ぶ")
    expect(offers.last.get_by_role("checkbox")).to_be_checked()
    clinic.press("選んだものを反映する", "件を記録に反映しました。")
    look(page, "clinic-offers-taken")
    after = walk.record()
    offered = suggestions_of(walk)
    assert dict(after.institution.facts) == {each.key: each.data["value"] for each in offered if each.kind == "fact"}
    assert after.institution.facts["has_remote_maintenance"] is True
    assert {at: each.status for at, each in after.institution.answers.items()} == {
        (each.data["control"], each.data["party"]): each.data["status"] for each in offered if each.kind == "answer"
    }
    assert [each.vendor for each in after.institution.services] == ["cybozu.com"]
    was, became = results_of(walk, before.institution), results_of(walk, after.institution)
    assert sum(was.get(at) != result for at, result in became.items()) == int(promised) > 0

    expect(open_questions(walk).get_by_text(remote)).to_have_count(0)
    look(page, "clinic-facts")
    page.get_by_role("link", name="回答", exact=True).click()
    page.get_by_role("button", name="すべて").or_(page.get_by_role("radio", name="すべて")).first.click()
    row = page.get_by_role("row", name="6.8-08").filter(has_text="利用者（医療機関）")
    expect(row).to_contain_text("実施済")
    look(page, "clinic-answers")
    page.get_by_role("link", name="証跡台帳").click()
    page.get_by_role("button", name="自機関の証跡").or_(page.get_by_role("radio", name="自機関の証跡")).first.click()
    look(page, "clinic-evidence")
    page.get_by_role("link", name="保守作業の申請書と報告書の写し").first.click()
    assert saved(page, page.get_by_role("button", name="保守.pdf")) == PDF + b"4"
    look(page, "clinic-evidence-file")


def suggestions_of(walk: Walk) -> list[Suggestion]:
    given = {"network": LINES, "backup": {}}
    return [
        each
        for form, answers in given.items()
        for each in suggestions(walk.programme, form, required_answers(walk, form, answers))
    ]


# -- mail -------------------------------------------------------------------------------------------------------------


def every_mail_arrived_once_and_leads_to_its_step(walk: Walk) -> None:
    expected = Counter(
        {
            **{(CONTACT, subject): number for subject, number in TO_THE_INSTITUTION.items()},
            **{(walk.programme.secretariat.email, subject): number for subject, number in TO_THE_SECRETARIAT.items()},
        }
    )
    wait_for_mails(walk, lambda: len(walk.mails.taken) >= expected.total())
    assert arrived(walk) == expected
    assert set(walk.mails.arrivals.values()) == {1}

    report = next(mail for mail in walk.mails.mails if "報告書をお渡しします" in mail["Subject"])
    walk.clinic.open(link_in(report))
    walk.clinic.turn_to("external_lines", "")
    [consent] = [mail for mail in walk.mails.mails if "同意しました" in mail["Subject"]]
    walk.office.open(link_in(consent))
    walk.office.sees("院長 架空花子")


def arrived(walk: Walk) -> Counter[tuple[str, str]]:
    """How many mails arrived, by address and subject without what all of them begin with."""
    start = f"【{walk.programme.title.ja}】"
    assert all(str(mail["Subject"]).startswith(start) for mail in walk.mails.mails)
    return Counter((str(mail["To"]), str(mail["Subject"]).removeprefix(start)) for mail in walk.mails.mails)


def wait_for_mails(walk: Walk, came: Callable[[], bool]) -> None:
    """The app sends what is due every 20 seconds."""
    deadline = time.monotonic() + 90
    while not came() and time.monotonic() < deadline:
        time.sleep(0.2)


def link_in(mail: EmailMessage) -> str:
    body = mail.get_body()
    assert body is not None
    [link] = re.findall(r"http://\S+", body.get_content())
    return str(link)


def a_forgotten_password_is_replaced_by_a_mailed_link(walk: Walk) -> None:
    clinic, page, old = walk.clinic, walk.clinic.page, walk.clinic.password
    page.goto(walk.address)
    page.locator("summary", has_text="パスワードを忘れた").click()
    page.get_by_label("ログイン名かメールアドレス").fill(CONTACT)
    clinic.press("再設定のリンクをメールで受け取る", "登録のあるメールアドレスなら、再設定のリンクを送りました。")
    look(page, "clinic-forgotten")
    wait_for_mails(walk, lambda: (CONTACT, "パスワードの再設定") in arrived(walk))
    [mail] = [mail for mail in walk.mails.mails if "パスワードの再設定" in mail["Subject"]]
    page.goto(link_in(mail))
    for label in ("新しいパスワード", "新しいパスワード（もう一度）"):
        page.get_by_label(label, exact=True).fill(AGAIN)
    look(page, "clinic-reset")
    clinic.press("パスワードを変える", "パスワードを変えました。新しいパスワードでログインしてください。")
    clinic.password = old
    clinic.try_to_log_in()
    clinic.sees("ログインできません。")
    clinic.password = AGAIN
    clinic.log_in()
    page.goto(link_in(mail))
    clinic.sees("このリンクは使えません")


# -- what is not one's own --------------------------------------------------------------------------------------------


def what_is_not_ones_own_is_refused_at_its_address(walk: Walk) -> None:
    clinic, page = walk.clinic, walk.clinic.page
    clinic.open(f"{walk.address}/office?programme={PROGRAMME}&institution={OTHER}")
    clinic.sees("このアカウントの役割では、この画面は使えません。")
    expect(page.get_by_text("架空第2病院")).to_have_count(0)
    look(page, "clinic-refused-office")
    for view in ("", "&step=external_lines&view=documents", "&step=consent&view=messages"):
        clinic.open(f"{walk.address}/programme?programme={PROGRAMME}&institution={OTHER}{view}")
        clinic.sees("この医療機関の支援事業は、このアカウントでは見られません。")
        expect(page.get_by_text("架空第2病院")).to_have_count(0)
    look(page, "clinic-refused-other")
    clinic.open(f"{walk.address}/evidence?institution={OTHER}&own={PROGRAMME}.network_diagram")
    clinic.sees(f"医療機関「{OTHER}」は見つかりません。")
    expect(page.get_by_text("架空第2病院")).to_have_count(0)
    expect(page.get_by_test_id("stDownloadButton")).to_have_count(0)
    look(page, "clinic-refused-evidence")
    walk.office.open(f"{walk.address}/gaps?institution={HERE}")
    walk.office.sees("このアカウントの役割では、この画面は使えません。")
