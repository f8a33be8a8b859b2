"""A real report on the desk: it plays from its sandbox, and two analysts write notes at once without a loss."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from report_pages import sample_report
from running_desk import Client, running_desk

from komorebi_qc.core.notes import MOST_BYTES, Note, merge_notes, notes_bytes, read_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
OTHER = Note("00000000000000bb", 3.0, 4.0, "Of another analyst.", "", "major", "Ben", "2026-11-27T13:58:00Z", "")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A desk with the sample call's report."""
    root = tmp_path_factory.mktemp("desk")
    (root / "sample").mkdir()
    found, page = sample_report(root / "sample")
    assert page == root / "sample" / "report.html"
    (root / "sample" / "qc.json").write_text(json.dumps(found.document))
    with running_desk(root) as client:
        yield client


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline_s = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def write_note(page: Page, text: str) -> None:
    """Write a note at the playhead, by keyboard."""
    page.locator("body").press("w")
    page.keyboard.type(text)
    page.focus("[data-kq=add-note]")
    page.keyboard.press("Enter")


def test_notes_of_two_analysts(browser: Browser, desk: Client) -> None:
    """From the list to the report by keyboard; its video plays in ranges; no note is lost."""
    file = desk.running.desk.root.root / "sample" / "notes.json"
    context = browser.new_context()
    try:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto(desk.running.address)
        page.get_by_role("link", name="sample").press("Enter")
        page.wait_for_url("**/report.html")
        page.locator("#komorebi[data-ready=yes]").wait_for()
        until(lambda: page.evaluate("document.querySelector('video').readyState") >= 1)
        assert page.evaluate("self.origin") == "null"
        # The audio for a moved call comes by a frame, which the sandbox allows.
        page.evaluate("document.querySelector('[data-kq=trial-panel]').open = true")
        page.click("[data-place='0']")
        until(lambda: page.evaluate("document.getElementById('komorebi').dataset.trialMs"))
        page.evaluate("document.querySelector('video').pause()")
        write_note(page, "First.")
        until(file.exists)
        path = f"{desk.report('sample')}/notes.json"
        before = desk.ask("GET", path)
        saved = read_notes(before.body, "notes.json", recording_id="local")
        others = merge_notes(saved, type(saved)("local", (OTHER,)))
        assert desk.ask("PUT", path, notes_bytes(others), If_Match=before.headers["etag"]).status == 200
        write_note(page, "Second.")
        until(lambda: b"Second." in file.read_bytes())
        assert file.stat().st_size < MOST_BYTES
        found = read_notes(file.read_bytes(), "notes.json", recording_id="local")
        assert {one.text for one in found.notes} == {"First.", "Of another analyst.", "Second."}
        page.get_by_text("Of another analyst.").first.wait_for()
        assert refused == []
        page.goto(desk.running.address)
    finally:
        context.close()
    report = desk.ask("GET", f"{desk.token}/api/overview").json["reports"][0]
    assert sum(report["notes"].values()) == 3
    assert report["notes"]["major"] == 1
