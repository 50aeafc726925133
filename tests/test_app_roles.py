"""What each role is offered in the app: the pages that it has a use for, and plain words at the address of another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import chromium, running_app
from playwright.sync_api import Browser, Page, expect

from analyzer.resources import sample_institutions

CHOSEN = "hidamari2026kaede"
PAGES = ("matrix", "gaps", "answers", "checklist", "intake", "evidence", "exports", "accounts")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_a_secretariat_is_offered_its_own_pages_and_told_plainly_of_the_others(
    browser: Browser, tmp_path: Path
) -> None:
    store = str(tmp_path / "sansho.db")

    def command(*arguments: str) -> str:
        whole = [sys.executable, "-m", "analyzer.cli", *arguments, "--store", store]
        return subprocess.run(whole, check=True, capture_output=True, text=True).stdout

    command("store", "import", str(sample_institutions()["hidamari-clinic"]))
    command("account", "add", "chief", "--name", "管理者", "--role", "administrator")
    first = command("account", "add", "office", "--name", "田中", "--role", "secretariat").split()[-1]
    with running_app(tmp_path / "log.txt", "--accounts") as address:
        page = browser.new_page(locale="ja-JP")
        page.set_default_timeout(60_000)
        page.goto(address)
        log_in(page, first)
        page.get_by_label("いまのパスワード").fill(first)
        page.get_by_label("新しいパスワード", exact=True).fill(CHOSEN)
        page.get_by_label("新しいパスワード（もう一度）").fill(CHOSEN)
        page.get_by_role("button", name="変更").click()
        expect(page.get_by_text("田中（事務局）としてログイン中")).to_be_visible(timeout=60_000)
        for title in ("概要", "管理策マトリクス", "回答", "アカウント管理"):
            expect(page.get_by_role("link", name=title, exact=True)).to_have_count(0)
        expect(page.get_by_text("このアカウントの役割では、この画面は使えません")).to_have_count(0)
        expect(page.get_by_text("この画面を表示できませんでした")).to_have_count(0)
        expect(page.get_by_text("データを読み込めません")).to_have_count(0)
        for path in PAGES:
            page.goto(f"{address}/{path}?institution=hidamari-clinic")
            log_in(page, CHOSEN)
            expect(page.get_by_text("このアカウントの役割では、この画面は使えません")).to_be_visible(timeout=60_000)
            expect(page.get_by_text("ひだまり")).to_have_count(0)
            expect(page.get_by_text("田中（事務局）としてログイン中")).to_be_visible(timeout=60_000)
        page.close()


def log_in(page: Page, password: str) -> None:
    page.get_by_label("ログイン名").fill("office")
    page.get_by_label("パスワード", exact=True).fill(password)
    page.get_by_role("button", name="ログイン").click()
