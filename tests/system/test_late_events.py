"""A report on a busy machine: events and answers that come late, together, or after another choice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from report_browser import STATE, open_report, settled, until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
DATA = "document.getElementById('komorebi').dataset"
MESSAGE = "document.querySelector('[data-kq=message]').textContent"
OPEN_NOTES = "document.querySelector('[data-kq=notes-panel]').open = true"


def test_a_pause_before_the_start_is_no_fault(browser: Browser, report: Path) -> None:
    """If a player is paused before it starts, its promise fails, and no message says that the file is missing."""
    held = """
        HTMLMediaElement.prototype.play = function () {
            this.dispatchEvent(new Event("play"));
            return Promise.reject(new DOMException("paused", window.reason));
        };"""
    with open_report(browser, report, before=held) as page:
        for reason, is_fault in (("AbortError", False), ("NotSupportedError", True)):
            page.evaluate(f"window.reason = '{reason}'")
            page.keyboard.press("2")
            page.keyboard.press("Space")
            page.wait_for_timeout(50)
            assert ("can't be played" in page.evaluate(MESSAGE)) == is_fault


def test_only_the_newest_place_sounds(browser: Browser, report: Path) -> None:
    """If two places are chosen while the audio is decoded, the player gets the second one's sound only."""
    held = """
        const decode = OfflineAudioContext.prototype.decodeAudioData;
        const waiting = new Promise((resolve) => { window.release = resolve; });
        OfflineAudioContext.prototype.decodeAudioData = async function (file) {
            await waiting;
            return decode.call(this, file);
        };
        const address = URL.createObjectURL;
        window.made = 0;
        URL.createObjectURL = (blob) => { window.made += blob.type === "audio/wav" ? 1 : 0; return address(blob); };"""
    with open_report(browser, report, before=held) as page:
        page.evaluate("document.querySelector('[data-kq=trial-panel]').open = true")
        page.click("[data-place='1']")
        page.click("[data-place='0']")
        page.wait_for_timeout(100)
        page.evaluate("window.release()")
        until(page, f"{DATA}.trialMs")
        page.wait_for_timeout(200)
        assert page.evaluate("window.made") == 1
        assert page.locator("[data-place='0']").get_attribute("aria-pressed") == "true"


def test_the_frame_of_the_audio_stays(browser: Browser, report: Path) -> None:
    """The wait for the frame ends with its first message: the frame isn't removed ten seconds later."""
    timers = """
        const [start, stop] = [window.setTimeout, window.clearTimeout];
        window.waits = new Map();
        window.setTimeout = (act, ms, ...rest) => {
            const id = start(act, ms, ...rest);
            if (ms >= 3000) window.waits.set(id, act);
            return id;
        };
        window.clearTimeout = (id) => { window.waits.delete(id); stop(id); };"""
    with open_report(browser, report, before=timers) as page:
        page.evaluate("document.querySelector('[data-kq=trial-panel]').open = true")
        page.click("[data-place='0']")
        until(page, f"{DATA}.trialMs")
        page.evaluate("for (const act of window.waits.values()) act()")
        assert page.locator("iframe").count() == 1


def test_a_fit_belongs_to_its_place(browser: Browser, report: Path) -> None:
    """With the next nudge, the button of the best fit is disabled until the new place is measured."""
    with open_report(browser, report, viewport={"width": 1280, "height": 1400}) as page:
        page.evaluate(f"document.querySelector('[data-kq=trial-panel]').open = true; {STATE}.seek(9)")
        settled(page, 9.0)
        page.click("[data-nudge='0.01']")
        until(page, "!document.querySelector('[data-kq=snap]').disabled")
        is_disabled = (
            "document.querySelector(\"[data-nudge='0.01']\").click(); document.querySelector('[data-kq=snap]').disabled"
        )
        assert page.evaluate(is_disabled)
        until(page, "!document.querySelector('[data-kq=snap]').disabled")


def test_a_note_stays_while_a_file_is_read(browser: Browser, report: Path, tmp_path: Path) -> None:
    """A note that is added before a slow file has been read is kept beside the file's notes."""
    note = {"id": "00000000000000aa", "from_s": 3.0, "to_s": 4.0, "text": "Theirs.", "category": ""}
    note |= {"severity": "info", "by": "", "made_at": "2026-11-27T14:00:00Z", "run_id": ""}
    content = {"schema": "komorebi-notes/1", "recording_id": "local", "notes": [note]}
    path = tmp_path / "notes.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    held = """
        const text = Blob.prototype.text;
        const waiting = new Promise((resolve) => { window.release = resolve; });
        Blob.prototype.text = async function () { await waiting; return text.call(this); };"""
    with open_report(browser, report, before=held) as page:
        page.evaluate(OPEN_NOTES)
        page.set_input_files("[data-kq=notes-file]", path)
        page.fill("[data-kq=note-text]", "Mine.")
        page.click("[data-kq=add-note]")
        until(page, f"{DATA}.notes === '1'")
        page.evaluate("window.release()")
        until(page, f"{DATA}.notes === '2'")


def test_an_older_save_never_replaces_a_newer_one(browser: Browser, report: Path) -> None:
    """If the first save is slow, the second waits for it, and the file has both notes."""
    slow = """
        window.written = [];
        let first = true;
        const waiting = new Promise((resolve) => { window.release = resolve; });
        const createWritable = async () => {
            let text = "";
            const isFirst = first;
            first = false;
            return {
                write: async (more) => { text = more; if (isFirst) await waiting; },
                close: async () => { window.written.push(JSON.parse(text).notes.length); },
            };
        };
        window.showSaveFilePicker = async () => ({ createWritable });"""
    with open_report(browser, report, before=slow) as page:
        page.evaluate(OPEN_NOTES)
        page.fill("[data-kq=note-text]", "One.")
        page.click("[data-kq=add-note]")
        page.click("[data-kq=save-notes]")
        page.wait_for_timeout(50)
        page.fill("[data-kq=note-text]", "Two.")
        page.click("[data-kq=add-note]")
        page.wait_for_timeout(50)
        assert page.evaluate("window.written") == []
        page.evaluate("window.release()")
        until(page, "window.written.length === 2")
        assert page.evaluate("window.written") == [1, 2]
        until(page, "document.querySelector('[data-kq=save-notes]').disabled")
