"""The app in a real browser: a server of its own on a free port, and Debian's Chromium driven by Playwright."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

# How long an expectation may take to come true: a machine that does other work too is slow, not wrong.
expect.set_options(timeout=20_000)

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_or_skip() -> str:
    """Chromium's path; without it the test is skipped, in CI it fails."""
    found = shutil.which("chromium")
    if found is None and os.environ.get("SANSHO_TEST_TOOLS") == "required":
        pytest.fail("Chromium is not installed, and CI requires it")
    if found is None:
        pytest.skip("needs Chromium")
    return found


@contextmanager
def running_app(
    log: Path, *arguments: str, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """`sansho app` with further arguments; gives its address once it answers."""
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    store = ["--store", str(log.with_name("sansho.db"))]
    command = [sys.executable, "-m", "analyzer.cli", "app", "--port", str(port), *store, *arguments]
    with (
        log.open("wb") as written,
        subprocess.Popen(command, stdout=written, stderr=written, env={**os.environ, **(environment or {})}) as process,
    ):
        try:
            _wait_until_up(process, address, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    path = chromium_or_skip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


def free_port() -> int:
    """A port of the loopback on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the app ended: {log.read_text(encoding='utf-8')}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the app does not answer: {log.read_text(encoding='utf-8')}")
