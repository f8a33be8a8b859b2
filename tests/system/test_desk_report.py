"""A real report on the desk: it plays from its sandbox, and two analysts write notes at once without a loss."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from report_pages import sample_report
from running_desk import Client, running_desk

from komorebi_qc.core.analyst.correction import read_correction
from komorebi_qc.core.notes import MOST_BYTES, Note, Notes, merge_notes, notes_bytes, read_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Frame, Page

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


def opened_report(page: Page, desk: Client) -> Frame:
    """The report in its frame, opened from the desk's list by keyboard."""
    page.goto(desk.running.address)
    page.get_by_role("link", name="sample").press("Enter")
    page.wait_for_url(f"**{desk.report('sample')}/**")
    until(lambda: len(page.frames) > 1)
    frame = page.frames[1]
    frame.locator("#komorebi[data-ready=yes]").wait_for()
    return frame


def write_note(page: Page, frame: Frame, text: str) -> None:
    """Write a note at the playhead, by keyboard. The keys go to the report without a click."""
    page.keyboard.press("w")
    page.keyboard.type(text)
    frame.focus("[data-kq=add-note]")
    page.keyboard.press("Enter")


def test_notes_of_two_analysts(browser: Browser, desk: Client) -> None:
    """From the list to the report by keyboard; its video plays in ranges; no note is lost."""
    file = desk.running.desk.root.root / "sample" / "notes.json"
    context = browser.new_context()
    try:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
        frame = opened_report(page, desk)
        until(lambda: frame.evaluate("document.querySelector('video').readyState") >= 1)
        assert frame.evaluate("self.origin") == "null"
        # The audio for a moved call comes by a frame, which the sandbox allows.
        frame.evaluate("document.querySelector('[data-kq=trial-panel]').open = true")
        frame.click("[data-place='0']")
        until(lambda: frame.evaluate("document.getElementById('komorebi').dataset.trialMs"))
        frame.evaluate("document.querySelector('video').pause()")
        frame.evaluate("document.activeElement.blur()")
        write_note(page, frame, "First.")
        until(file.exists)
        path = f"{desk.report('sample')}/notes.json"
        before = desk.ask("GET", path)
        saved = read_notes(before.body, "notes.json", recording_id="local")
        others = merge_notes(saved, type(saved)("local", (OTHER,)))
        assert desk.ask("PUT", path, notes_bytes(others), If_Match=before.headers["etag"]).status == 200
        frame.evaluate("document.activeElement.blur()")
        write_note(page, frame, "Second.")
        until(lambda: b"Second." in file.read_bytes())
        assert file.stat().st_size < MOST_BYTES
        found = read_notes(file.read_bytes(), "notes.json", recording_id="local")
        assert {one.text for one in found.notes} == {"First.", "Of another analyst.", "Second."}
        frame.get_by_text("Of another analyst.").first.wait_for()
        assert refused == []
        page.goto(desk.running.address)
    finally:
        context.close()
    report = desk.ask("GET", f"{desk.token}/api/overview").json["reports"][0]
    assert sum(report["notes"].values()) == 3
    assert report["notes"]["major"] == 1


def test_a_note_is_changed_and_removed(browser: Browser, desk: Client) -> None:
    """A change keeps its ID; another analyst's change meanwhile stays beside it; a removal can be undone."""
    file = desk.running.desk.root.root / "sample" / "notes.json"
    file.unlink(missing_ok=True)

    def saved() -> list[Note]:
        return list(read_notes(file.read_bytes(), "notes.json").notes) if file.exists() else []

    def change(frame: Frame, text: str) -> None:
        frame.click("[data-edit]")
        frame.fill("[data-kq=note-text]", text)
        frame.click("[data-kq=add-note]")

    context = browser.new_context()
    try:
        page = context.new_page()
        frame = opened_report(page, desk)
        write_note(page, frame, "Frist.")
        until(lambda: len(saved()) == 1)
        (first,) = saved()
        change(frame, "First.")
        until(lambda: [one.text for one in saved()] == ["First."])
        assert (saved()[0].id, saved()[0].from_s) == (first.id, first.from_s)
        theirs = replace(saved()[0], text="First, says Ben.", by="Ben")
        file.write_bytes(notes_bytes(Notes("local", (theirs,))))
        change(frame, "First, says Aya.")
        until(lambda: {one.text for one in saved()} == {"First, says Aya.", "First, says Ben."})
        frame.click("[data-remove]")
        until(lambda: len(saved()) == 1)
        page.keyboard.press("Enter")  # the focus is on the button that undoes it
        until(lambda: len(saved()) == 2)
        file.write_bytes(notes_bytes(Notes("local")))  # another analyst removes all
        frame.evaluate("document.activeElement.blur()")
        write_note(page, frame, "Last.")
        until(lambda: [one.text for one in saved()] == ["Last."])
    finally:
        context.close()


def test_a_removed_note_stays_removed(browser: Browser, desk: Client) -> None:
    """The page has the notes of its time; the file of the desk is newer, and a reload doesn't bring them back."""
    root = desk.running.desk.root.root / "sample"
    page_text = (root / "report.html").read_text(encoding="utf-8")
    old = json.dumps([json.loads(notes_bytes(Notes("local", (OTHER,))))["notes"][0]])
    (root / "notes.json").unlink(missing_ok=True)
    assert '"notes":[]' in page_text
    (root / "report.html").write_text(page_text.replace('"notes":[]', f'"notes":{old}', 1), encoding="utf-8")
    context = browser.new_context()
    try:
        frame = opened_report(context.new_page(), desk)
        until(lambda: frame.evaluate("document.getElementById('komorebi').dataset.notes") == "0")
    finally:
        context.close()
        (root / "report.html").write_text(page_text, encoding="utf-8")


def test_a_correction_is_saved_beside_the_report(browser: Browser, desk: Client) -> None:
    """The desk then offers it; a file that somebody else has saved meanwhile isn't overwritten, and nothing is lost."""
    file = desk.running.desk.root.root / "sample" / "correction.json"
    context = browser.new_context(accept_downloads=True)
    try:
        page = context.new_page()
        frame = opened_report(page, desk)
        frame.evaluate("document.querySelector('[data-kq=trial-panel]').open = true")
        frame.click("[data-place='0']")
        frame.fill("[data-kq=why]", "Late.")
        frame.click("[data-kq=use]")
        until(file.exists)
        first = read_correction(file.read_bytes(), "correction.json")
        assert first.why == "Late."
        file.write_bytes(replace(first, why="Another analyst's.").to_bytes())
        frame.fill("[data-kq=why]", "Mine.")
        with page.expect_download() as waiting:
            frame.click("[data-kq=use]")
        assert read_correction(waiting.value.path().read_bytes(), "download").why == "Mine."
        assert read_correction(file.read_bytes(), "correction.json").why == "Another analyst's."
        message = frame.locator("[data-kq=message]")
        until(lambda: "was changed by somebody else" in message.inner_text())
        page.goto(desk.running.address)
        page.get_by_label("Show").select_option("correction")
        until(lambda: page.locator("#reports tr").count() == 1)
    finally:
        context.close()


def test_the_address_has_the_place(browser: Browser, desk: Client) -> None:
    """A seek in the report changes the address of the page around it, and a link with a place opens there."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{desk.running.port}{desk.report('sample')}/#t=9.000&zoom=10&source=customer")
        until(lambda: len(page.frames) > 1)
        frame = page.frames[1]
        until(lambda: frame.evaluate("document.getElementById('komorebi').dataset.ready"))
        until(lambda: abs(frame.evaluate("window.komorebi.komorebi.head()") - 9.0) < 0.01)
        frame.evaluate("document.querySelector('a[data-at]').click()")
        until(lambda: not page.evaluate("location.hash").startswith("#t=9.000&"))
        assert "&source=customer" in page.evaluate("location.hash")
    finally:
        context.close()
