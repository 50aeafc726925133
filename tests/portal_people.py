"""The two sides of a support programme before the browser: what each does, in the words that its pages show."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect
from portal_world import PROGRAMME

from analyzer.programme.filled_form import is_given, shown_questions
from analyzer.programme.model import Form, Question

Files = list[tuple[str, bytes]]


def look(page: Page, name: str) -> None:
    """Keep a picture of the page where SANSHO_TEST_SHOTS names a folder, to be looked at by people."""
    folder = os.environ.get("SANSHO_TEST_SHOTS")
    if folder:
        page.wait_for_timeout(700)  # for what fades and slides
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def settle(page: Page) -> None:
    """Wait until the page is drawn to its end: until then there may be fields of the drawing before."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()


def push(button: Locator) -> None:
    """Press a button by its key, as what moves on the page while it is drawn would draw it away from the pointer."""
    expect(button).to_be_enabled()
    button.press("Enter")


def saved(page: Page, button: Locator) -> bytes:
    """The file that a button downloads."""
    settle(page)
    with page.expect_download() as download:
        push(button)
    return Path(download.value.path()).read_bytes()


def choose_files(field: Locator, files: Files) -> None:
    """Choose files in the uploader that `field` holds, and wait until it lists them."""
    payloads: list[Any] = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files
    ]
    field.locator("input[type=file]").set_input_files(payloads)
    for name, _ in files:
        expect(field.get_by_text(name).first).to_be_visible()


def set_date(field: Locator, day: date) -> None:
    """Type a day into a date field: year, month and day are fields of their own, each leads on to the next."""
    field.get_by_role("spinbutton").first.click()
    field.page.keyboard.type(f"{day:%Y%m%d}", delay=20)
    expect(field.get_by_role("spinbutton").last).to_have_attribute("aria-valuenow", str(day.day))


@dataclass
class Person:
    """Somebody at a page of their own, with the log-in name and the password that they know."""

    page: Page
    login: str
    password: str

    def open(self, address: str) -> None:
        """Open an address, and log in, which a page loaded anew asks for."""
        self.page.goto(address)
        self.log_in()

    def log_in(self) -> None:
        """Log in."""
        self.try_to_log_in()
        expect(self.page.get_by_text("としてログイン中")).to_be_visible()

    def try_to_log_in(self) -> None:
        """Fill in log-in name and password, and send them."""
        self.page.get_by_label("ログイン名", exact=True).fill(self.login)
        self.page.get_by_label("パスワード", exact=True).fill(self.password)
        self.page.get_by_role("button", name="ログイン").click()

    def choose_password(self, new: str, refused: str | None = None) -> None:
        """Change the first password to one's own. refused: what is said where it is not taken."""
        fields = (("いまのパスワード", self.password), ("新しいパスワード", new), ("新しいパスワード（もう一度）", new))
        for label, value in fields:
            self.page.get_by_label(label, exact=True).fill(value)
        self.page.get_by_role("button", name="変更して始める").click()
        if refused is not None:
            expect(self.page.get_by_text(refused)).to_be_visible()
            return
        expect(self.page.get_by_text("としてログイン中")).to_be_visible()
        self.password = new

    def press(self, name: str, said: str | None = None) -> None:
        """Press a button, and wait for what is said then."""
        settle(self.page)
        push(self.page.get_by_role("button", name=name).first)
        if said is not None:
            self.sees(said)
            settle(self.page)

    def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait for a text that can be seen."""
        expect(self.page.get_by_text(text).locator("visible=true").first).to_be_visible()


class Institution(Person):
    """The institution's registered person."""

    def go(self, step: str, view: str = "") -> None:
        """Look at where one stands, and from there go to a view of a step."""
        way = self.page.get_by_role("navigation", name="支援事業の手順")
        way.get_by_role("link", name="全体の状況").click()
        expect(self.page.locator("[data-view=top]")).to_be_visible()
        way.locator(f"a[href*='step={step}']").click()
        self.turn_to(step, view)

    def turn_to(self, step: str, view: str) -> None:
        """Turn to another view of the step in view."""
        head = self.page.locator(f"[data-view^='{step} ']")
        expect(head).to_be_visible()
        if view:
            head.locator(f"a[href*='view={view.replace(':', '%3A')}']").click()
            expect(self.page.locator(f"[data-view='{step} {view}']")).to_be_visible()
        settle(self.page)

    def answer(self, form: Form, answers: dict[str, Any], given: Mapping[str, Any], until: str | None = None) -> None:
        """Answer the questions that the form shows, one after the other. until: the first one to leave open."""
        while True:
            shown = shown_questions(form, answers)
            question = next((each for each in shown if each.id in given and each.id not in answers), None)
            if question is None or question.id == until:
                return
            self._answer(question, given[question.id])
            answers[question.id] = given[question.id]
            missing = sum(
                1 for each in shown_questions(form, answers) if each.required and not is_given(answers.get(each.id))
            )
            self.sees(f"必須の質問は、あと{missing}件です。" if missing else "必須の質問には、すべて答えています。")

    def _answer(self, question: Question, value: Any) -> None:
        box = self.page.locator(f".st-key-question-{question.id}")
        if question.type == "long_text":
            box.get_by_role("textbox").fill(value)
        elif question.type == "number":
            box.get_by_role("spinbutton").fill(str(value))
            box.get_by_role("spinbutton").press("Enter")
        else:
            for each in value if isinstance(value, list) else [value]:
                box.get_by_text(question.label(each), exact=True).click()

    def hand_in(self, document: str, title: str, files: Files, day: date) -> None:
        """Hand a document in, from the view of a step's documents."""
        box = self.page.locator(f".st-key-document-{document}")
        if not box.get_by_test_id("stFileUploader").is_visible():
            box.locator("summary").last.click()
        choose_files(box.get_by_test_id("stFileUploader"), files)
        set_date(box.get_by_role("group", name="資料の日付"), day)
        push(box.get_by_test_id("stFormSubmitButton").get_by_role("button"))
        self.sees(f"「{title}」を提出しました。")
        settle(self.page)

    def choose_date(self, number: int) -> None:
        """Agree to one of the proposed dates."""
        self.page.get_by_role("radiogroup", name="候補の日程").get_by_role("radio").nth(number).check(force=True)
        self.press("この日に決める", "日程を決めました。")


class Secretariat(Person):
    """Somebody of the secretariat."""

    def go(self, institution: str, step: str) -> None:
        """Look at the board, and from there go to a step of an institution."""
        back = self.page.get_by_role("button", name="一覧に戻る")
        if back.is_visible():
            back.click()
        self.page.get_by_role("row", name=institution).get_by_role("link").click()
        expect(self.page.locator(".office-steps li.shown")).to_be_visible()
        shown = self.page.locator(f".office-steps li.shown a[href*='step={step}']")
        if not shown.is_visible():
            self.page.locator(f".office-steps a[href*='step={step}']").click()
        expect(shown).to_be_visible()
        settle(self.page)

    def accept(self, kind: str, institution: str, paper: str) -> None:
        """Accept a form or a document."""
        button = self._accepting(kind, institution, paper)
        push(button)
        expect(button).to_have_count(0)
        settle(self.page)

    def send_back(self, kind: str, institution: str, paper: str, reason: str) -> None:
        """Send a form or a document back."""
        beside = self.page.get_by_test_id("stHorizontalBlock").filter(has=self._accepting(kind, institution, paper))
        row = self.page.get_by_test_id("stVerticalBlock").filter(has=self._accepting(kind, institution, paper))
        (beside if beside.count() else row).last.get_by_role("button", name="差し戻す").click()
        self.page.get_by_label("差し戻す理由（医療機関に示します）").locator("visible=true").fill(reason)
        push(self.page.get_by_role("button", name="理由を付けて差し戻す").locator("visible=true"))
        self.sees("差し戻しました。")

    def _accepting(self, kind: str, institution: str, paper: str) -> Locator:
        return self.page.locator(f".st-key-accept-{kind}-{institution}-{paper} button")

    def propose(self, days: list[date], place: str) -> None:
        """Propose dates for the step in view."""
        if not self.page.get_by_role("group", name="候補1").is_visible():
            self.page.locator("summary", has_text="候補を").click()
        for number, day in enumerate(days, 1):
            set_date(self.page.get_by_role("group", name=f"候補{number}"), day)
            self.page.get_by_label("場所").nth(number - 1).fill(place)
        self.press("候補を知らせる", "候補を知らせました。")

    def set_progress(self, stage: str, summary: str = "") -> None:
        """Say how far the step in view is."""
        box = self.page.get_by_test_id("stVerticalBlock").filter(
            has=self.page.get_by_label("概要（医療機関にも見えます）")
        )
        box.last.get_by_role("radio", name=stage, exact=True).or_(
            box.last.get_by_role("button", name=stage, exact=True)
        ).first.click()
        if summary:
            self.page.get_by_label("概要（医療機関にも見えます）").fill(summary)
        self.press("進捗を保存する", "進捗を保存しました。")

    def hand_over(self, title: str, file: tuple[str, bytes], *, report: bool = False) -> None:
        """Hand a file over to the institution in view."""
        box = self.page.get_by_test_id("stExpander").filter(has_text="届ける")
        if not box.get_by_test_id("stFileUploader").is_visible():
            box.locator("summary").click()
        choose_files(box.get_by_test_id("stFileUploader"), [file])
        box.get_by_label("資料の名前").fill(title)
        # The name is told on leaving its field; the page that is drawn then must not swallow the tick.
        box.get_by_label("資料の名前").press("Tab")
        settle(self.page)
        if report:
            box.get_by_text("この手順の最終報告書").click()
            expect(box.get_by_role("checkbox", name="この手順の最終報告書")).to_be_checked()
            settle(self.page)
        push(box.get_by_role("button", name="届ける"))
        self.sees("最終報告書を届けました。" if report else "資料を届けました。")

    def write(self, text: str, files: Files) -> None:
        """Write to the institution about the step in view."""
        self.page.get_by_label("事務局から書く（送ると消せません）").fill(text)
        box = self.page.get_by_test_id("stExpander").filter(has_text="ファイルを添える")
        box.locator("summary").click()
        choose_files(box.get_by_test_id("stFileUploader"), files)
        self.press("送る", "連絡を送りました。")


def identity(number: int) -> str:
    """The id that the list gives an institution by its number."""
    return f"{PROGRAMME}-{number}"
