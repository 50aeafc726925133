"""`python -m benchmarks.app`: the web app in Chromium. Cold start, redraw after a filter, memory for many sessions.

Times are what a reader waits, so they are seconds; a bare Streamlit page started beside it shows what the frame costs.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

_CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_SESSIONS, _STARTS, _ROUNDS = 30, 5, 25
_REDRAWN = """async ([table, box]) => {
  const start = performance.now();
  return await new Promise((done) => {
    const seen = new MutationObserver(() => {
      seen.disconnect();
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
    });
    seen.observe(table, { childList: true });
    box.click();
  });
}"""


def main() -> None:
    """Measure and print."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_CHROMIUM)
        bare = Path(folder) / "bare.py"
        bare.write_text('import streamlit as st\nst.title("bare")\n', encoding="utf-8")
        streamlit = [sys.executable, "-m", "streamlit", "run", str(bare), "--server.headless", "true"]
        ours = [sys.executable, "-m", "analyzer.cli", "app", "--store", str(Path(folder) / "sansho.db")]
        _say_starts("cold start, landing page", browser, lambda port: [*ours, "--port", str(port)], "収録した版")
        _say_starts("beside it, bare page", browser, lambda port: [*streamlit, "--server.port", str(port)], "bare")
        with _served([*ours, "--port", "{port}"]) as (address, process):
            _say_redraws(browser, address)
            _say_memory(browser, address, process)
        browser.close()


def _say_starts(name: str, browser: Browser, command: Callable[[int], list[str]], text: str) -> None:
    seconds = []
    for _ in range(_STARTS):
        port = _free_port()
        begun = time.perf_counter()
        with subprocess.Popen(command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            page = browser.new_page(locale="ja-JP")
            _goto(page, f"http://127.0.0.1:{port}/")
            page.get_by_text(text).first.wait_for(timeout=60_000)
            seconds.append(time.perf_counter() - begun)
            page.close()
            process.terminate()
    _say(name, seconds, "s")


def _say_redraws(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="ja-JP")
    page.goto(f"{address}/matrix")
    page.get_by_role("region", name="管理策の一覧").locator("tbody tr").nth(100).wait_for(state="attached")
    table = page.locator(".table-root").element_handle()
    milliseconds = []
    for _ in range(_ROUNDS):
        for name in ("推奨", "推奨", "要NDA", "要NDA"):
            box = page.get_by_role("checkbox", name=name).first.element_handle()
            milliseconds.append(page.evaluate(_REDRAWN, [table, box]))
            time.sleep(0.1)
    page.close()
    _say("redraw after a filter, 393 controls", milliseconds, "ms")


def _say_memory(browser: Browser, address: str, process: psutil.Process) -> None:
    before = _memory(process)
    pages = []
    for number in range(_SESSIONS):
        page = browser.new_page(locale="ja-JP")
        page.goto(f"{address}/matrix?institution=minato-general-hospital&as_of=2026-11-{1 + number % 28:02}")
        page.get_by_role("region", name="管理策の一覧").wait_for(timeout=60_000)
        pages.append(page)
    open_now = _memory(process)
    waits = []
    for page in pages:
        begun = time.perf_counter()
        page.get_by_role("checkbox", name="推奨").first.click()
        page.get_by_text("35 件").first.wait_for()
        waits.append(1000 * (time.perf_counter() - begun))
    after = _memory(process)
    for page in pages:
        page.close()
    print(f"memory of the server: {before:.0f} MB, with {_SESSIONS} sessions {open_now:.0f} MB, used {after:.0f} MB")
    print(f"  a session: {(after - before) / _SESSIONS:.1f} MB, each with an analysis of its own")
    _say(f"a filter in each of {_SESSIONS} open sessions", waits, "ms")


def _say(name: str, values: list[float], unit: str) -> None:
    ordered = sorted(values)
    late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(f"{name}: median {statistics.median(ordered):.2f} {unit}, p95 {late:.2f} {unit}, {len(ordered)} times")


def _memory(process: psutil.Process) -> float:
    whole = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in whole) / 1e6


@contextmanager
def _served(command: list[str]) -> Iterator[tuple[str, psutil.Process]]:
    port = _free_port()
    filled = [part.format(port=port) for part in command]
    with subprocess.Popen(filled, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not _answers(f"http://127.0.0.1:{port}/_stcore/health"):
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        process.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


def _goto(page: Page, url: str) -> None:
    while not _answers(url):
        time.sleep(0.02)
    page.goto(url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
