"""The three readers' journeys in Chromium, from the landing page to a file or a control on screen."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from browser import chromium, chromium_or_skip, running_app
from playwright.sync_api import Browser, Page, expect

from analyzer.resources import sample_institutions

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    chromium_or_skip()
    with running_app(tmp_path_factory.mktemp("app") / "log.txt") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="ja-JP", accept_downloads=True)
    context.set_default_timeout(30_000)
    opened = context.new_page()
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    opened.on("request", lambda asked: "127.0.0.1" in asked.url or failures.append(f"asked for {asked.url}"))
    yield opened
    context.close()
    assert not failures


def test_the_auditor_finds_a_control_by_a_word_and_sends_its_link(page: Page, address: str, browser: Browser) -> None:
    page.goto(address)
    page.get_by_role("link", name="管理策マトリクスを開く").click()
    page.get_by_label("文言・項番で探す").fill("アクセスログ")
    first = page.get_by_role("region", name="管理策の一覧").locator("tbody tr").first
    expect(first).to_contain_text("6.5-07")
    expect(first.locator("mark").first).to_be_visible()
    page.get_by_role("checkbox", name="厚労省 安全管理ガイドライン").check()
    expect(page.get_by_role("region", name="管理策の一覧").locator("tbody tr")).to_have_count(12)
    first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="アクセスの記録と定期的なログ確認")).to_be_visible()
    assert "control=mhlw-5" in page.url

    colleague = browser.new_page(locale="ja-JP")
    colleague.goto(page.url)
    expect(colleague.get_by_role("heading", name="アクセスの記録と定期的なログ確認")).to_be_visible(timeout=30_000)
    colleague.close()

    page.get_by_role("button", name="一覧に戻る").click()
    expect(page.get_by_label("文言・項番で探す")).to_have_value("アクセスログ")
    expect(page.get_by_role("checkbox", name="厚労省 安全管理ガイドライン")).to_be_checked()
    with page.expect_download() as download:
        page.get_by_role("button", name="この一覧を Excel で").click()
    book = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()), read_only=True)
    cells = [cell for row in book.worksheets[-1].iter_rows(values_only=True) for cell in row]
    assert "6.5-07" in cells


def test_the_table_works_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(f"{address}/matrix?q=アクセスログ")
    links = page.get_by_role("region", name="管理策の一覧").locator("tbody a")
    expect(links.first).to_be_visible()
    links.first.focus()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="一覧に戻る")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("region", name="管理策の一覧")).to_be_visible()
    box = page.get_by_role("checkbox", name="最低限")
    box.focus()
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    expect(box).to_be_focused()


def test_the_institution_takes_its_checklist_home(page: Page, address: str) -> None:
    page.goto(f"{address}/?")
    page.get_by_role("link", name="架空ひだまり診療所").click()
    expect(page.get_by_role("heading", name="ギャップ分析")).to_be_visible()
    page.get_by_role("link", name="責任分界チェックリスト", exact=True).click()
    expect(page.get_by_role("heading", name="責任分界チェックリスト").first).to_be_visible()
    expect(page.locator("body")).to_contain_text("架空ひだまり診療所")
    with page.expect_download(timeout=120_000) as download:
        page.get_by_role("button", name="Excel").first.click()
    book = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert "_sansho" in book.sheetnames
    assert download.value.suggested_filename.startswith("hidamari-clinic")


def test_the_consultant_exports_every_institution(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="資料をまとめて書き出す").click()
    expect(page.get_by_role("heading", name="エクスポート")).to_be_visible()
    page.get_by_role("button", name="すべて選ぶ").first.click()
    page.get_by_role("button", name="書き出す").click()
    with page.expect_download(timeout=240_000) as download:
        page.get_by_role("button", name="ダウンロード").click(timeout=240_000)
    packed = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert packed.testzip() is None
    for identity in ("hidamari-clinic", "minato-general-hospital"):
        assert any(identity in name for name in packed.namelist())


def test_typing_survives_a_reload_before_it_is_saved(page: Page, address: str) -> None:
    page.goto(f"{address}/answers?institution=hidamari-clinic&control=mhlw-5:6.1-02&party_of=user")
    note = page.get_by_label("備考")
    expect(note).to_be_visible()
    note.click()
    page.keyboard.press("End")
    page.keyboard.type("　書きかけの一行")
    page.reload()
    expect(page.get_by_label("備考")).to_have_value(re.compile("書きかけの一行"))
    expect(page.get_by_text("保存しました").first).to_be_visible()
    page.reload()
    expect(page.get_by_label("備考")).to_have_value(re.compile("書きかけの一行"))


def test_two_people_who_change_one_answer_both_see_it(page: Page, address: str, browser: Browser) -> None:
    answer = f"{address}/answers?institution=hidamari-clinic&control=mhlw-5:6.3-03&party_of=user"
    page.goto(answer)
    expect(page.get_by_label("担当者")).to_be_visible()
    other = browser.new_page(locale="ja-JP")
    other.goto(answer)
    other.get_by_label("担当者").fill("事務長")
    expect(other.get_by_text("に保存しました")).to_be_visible()
    other.close()
    page.get_by_role("radio", name="計画中").check(force=True)
    expect(page.get_by_text("ほかの人が先に変更しました")).to_be_visible()
    page.get_by_role("button", name="保存されている回答を残す").click()
    expect(page.get_by_label("担当者")).to_have_value("事務長")


def test_a_first_password_opens_nothing_but_its_own_change(browser: Browser, tmp_path: Path) -> None:
    store = str(tmp_path / "sansho.db")

    def add(*arguments: str) -> str:
        command = [sys.executable, "-m", "analyzer.cli", "account", "add", *arguments, "--store", store]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]

    clinic = str(sample_institutions()["hidamari-clinic"])
    command = [sys.executable, "-m", "analyzer.cli", "store", "import", clinic, "--store", store]
    subprocess.run(command, check=True, capture_output=True)
    add("chief", "--name", "管理者", "--role", "administrator")
    first = add("clinic", "--name", "事務長", "--role", "institution", "--institution", "hidamari-clinic")
    with running_app(tmp_path / "log.txt", "--accounts") as address:
        page = browser.new_page(locale="ja-JP")
        page.set_default_timeout(30_000)
        page.goto(f"{address}/answers?institution=hidamari-clinic")
        expect(page.get_by_text("6.1-02")).to_have_count(0)
        page.get_by_label("ログイン名").fill("clinic")
        page.get_by_label("パスワード", exact=True).fill(first)
        page.get_by_role("button", name="ログイン").click()
        expect(page.get_by_label("新しいパスワード", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="管理策マトリクス")).to_have_count(0)
        page.get_by_label("いまのパスワード").fill(first)
        page.get_by_label("新しいパスワード", exact=True).fill("hidamari2026kaede")
        page.get_by_label("新しいパスワード（もう一度）").fill("hidamari2026kaede")
        page.get_by_role("button", name="変更").click()
        expect(page.get_by_text("事務長（医療機関）としてログイン中")).to_be_visible()
        page.get_by_role("link", name="回答").click()
        expect(page.get_by_role("region", name="対応の一覧")).to_be_visible()
        expect(page.get_by_text("架空みなと総合病院")).to_have_count(0)
        page.close()


def test_the_consultant_finds_what_to_train_and_who_needs_it_most(page: Page, tmp_path: Path) -> None:
    table, made = str(tmp_path / "made-up.parquet"), str(tmp_path / "run")
    for arguments in (["generate", "60", "-o", table], [table, "-o", made]):
        subprocess.run([sys.executable, "-m", "analyzer.cli", "portfolio", *arguments], check=True, capture_output=True)
    with running_app(tmp_path / "log.txt", "--portfolio", made) as address:
        page.goto(address)
        page.get_by_role("link", name="多機関の状況").click()
        expect(page.get_by_text("すべて架空の医療機関であり")).to_be_visible()
        with page.expect_download(timeout=120_000) as download:
            page.get_by_role("button", name="総覧を Excel で").click()
        book = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()), read_only=True)
        assert "多いギャップ" in book.sheetnames

        page.get_by_role("radio", name="節と種別").click()
        place = page.get_by_role("region", name="節と種別の表").locator("tbody a").first
        place.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="多くの機関で満たせていない管理策", exact=True)).to_be_visible()
        assert "section=" in page.url

        page.get_by_role("radio", name="機関の一覧").click()
        page.get_by_label("機関を探す").fill("病院")
        institutions = page.get_by_role("region", name="機関の一覧")
        expect(institutions.locator("tbody tr").first).to_contain_text("病院")
        name = institutions.locator("tbody a").first.inner_text()
        institutions.locator("tbody a").first.click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        page.get_by_role("checkbox", name="未評価").check()
        results = page.get_by_role("region", name="管理策ごとの結果")
        expect(results.locator("tbody tr").first).to_contain_text("未評価")
        page.get_by_role("button", name="一覧に戻る").click()
        expect(page.get_by_label("機関を探す")).to_have_value("病院")
