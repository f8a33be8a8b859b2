"""A report in a browser, as a file and offline."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

WAIT_MS = 30_000
LOCAL = ("file:", "data:", "blob:")
STATE = "window.komorebi.komorebi"


@contextmanager
def open_report(browser: Browser, report: Path, fragment: str = "", before: str = "", **more: Any) -> Iterator[Page]:
    """The report as a file, ready and offline. It may request only local files, and log no error.

    `before` is a script that runs before the page's own.
    """
    context = browser.new_context(offline=True, **more)
    asked: list[str] = []
    wrong: list[str] = []
    page = context.new_page()
    page.add_init_script(before)
    page.set_default_timeout(WAIT_MS)
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    try:
        page.goto(report.as_uri() + fragment)
        if more.get("java_script_enabled", True):
            until(page, "document.getElementById('komorebi').dataset.ready")
        yield page
        assert [url for url in asked if not url.startswith(LOCAL)] == []
        assert [text for text in wrong if "ERR_FILE_NOT_FOUND" not in text] == []
    finally:
        context.close()


def until(page: Page, script: str) -> bool:
    """Wait until a script is true. Playwright's own waiting needs `eval`, which the page forbids."""
    ends_s = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(script):
        assert time.monotonic() < ends_s, f"never true: {script}"
        page.wait_for_timeout(20)
    return True


def number(page: Page, script: str) -> float:
    """The number that a script returns."""
    return float(page.evaluate(script))


def head(page: Page) -> float:
    """The playhead's drawn position in seconds."""
    return number(page, f"{STATE}.head()")


def settled(page: Page, at_s: float) -> None:
    """Wait until video and playhead are at a moment."""
    video = "document.querySelector('video')"
    near = f"Math.abs({STATE}.head() - {at_s}) < .002 && Math.abs({video}.currentTime - {at_s}) < .002"
    until(page, f"!{video}.seeking && {near}")
