"""Notes and listening in a report, in a real browser: spans, loops, speed, A/B, the spectrogram, and notes.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from accessibility import serious_problems
from report_browser import STATE, number, open_report, settled, until

from komorebi_qc.core.notes import read_notes

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
DATA = "document.getElementById('komorebi').dataset"
VIDEO = "document.querySelector('video')"
NO_DIALOG = "delete window.showSaveFilePicker"


def _span(page: Page, from_s: float, to_s: float) -> None:
    for at_s, key in ((from_s, "i"), (to_s, "e")):
        page.evaluate(f"{STATE}.seek({at_s})")
        settled(page, at_s)
        page.keyboard.press(key)


def test_a_note_is_written_and_saved(browser: Browser, report: Path, tmp_path: Path) -> None:
    """By keyboard: a span, a sentence, a category and a severity; the file is one that is read."""
    with open_report(browser, report, accept_downloads=True) as page:
        page.evaluate(NO_DIALOG)
        _span(page, 9.0, 11.0)
        page.keyboard.press("w")
        page.keyboard.type("The customer <b>is cut off</b>.")
        page.keyboard.press("Tab")
        page.keyboard.type("gap")
        page.keyboard.press("Tab")
        page.keyboard.type("major")
        page.focus("[data-kq=add-note]")
        page.keyboard.press("Enter")
        until(page, f"{DATA}.notes === '1'")
        page.focus("[data-kq=save-notes]")
        with page.expect_download() as waiting:
            page.keyboard.press("Enter")
        path = tmp_path / "notes.json"
        waiting.value.save_as(path)
        assert waiting.value.suggested_filename == "notes.json"
        (note,) = read_notes(path.read_bytes(), str(path), recording_id="local").notes
        assert (note.from_s, note.to_s, note.category, note.severity) == (9.0, 11.0, "gap", "major")
        assert note.text == "The customer <b>is cut off</b>."
        page.click("[data-kq=notes-list] a")
        settled(page, 9.0)


def test_the_notes_of_another_analyst_are_added(browser: Browser, report: Path, tmp_path: Path) -> None:
    """Notes are merged by their ID; another recording's notes and a file that isn't JSON are refused in a sentence."""
    note = {"id": "00000000000000aa", "from_s": 3.0, "to_s": 4.0, "text": "Mine.", "category": "", "severity": "info"}
    note |= {"by": "C. D.", "made_at": "2026-11-27T14:00:00Z", "run_id": ""}
    later = {**note, "text": "Mine, edited.", "made_at": "2026-11-27T15:00:00Z"}
    files = {"good": ("local", [note, later]), "other": ("7", [note])}
    for name, (recording_id, notes) in files.items():
        content = {"schema": "komorebi-notes/1", "recording_id": recording_id, "notes": notes}
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "broken.json").write_text("[", encoding="utf-8")
    said = "document.querySelector('[data-kq=message]').textContent"
    with open_report(browser, report) as page:
        page.evaluate("document.querySelector('[data-kq=notes-panel]').open = true")
        page.set_input_files("[data-kq=notes-file]", tmp_path / "good.json")
        until(page, f"{DATA}.notes === '1'")
        assert "Mine, edited. (C. D.)" in page.inner_text("[data-kq=notes-list]")
        page.set_input_files("[data-kq=notes-file]", tmp_path / "other.json")
        until(page, f"{said}.includes('recording 7')")
        page.set_input_files("[data-kq=notes-file]", tmp_path / "broken.json")
        until(page, f"{said}.includes('JSON')")
        assert page.evaluate(f"{DATA}.notes") == "1"


def test_a_span_repeats(browser: Browser, report: Path) -> None:
    """The loop returns to the span's start, at any speed, and the pitch is kept."""
    with open_report(browser, report) as page:
        _span(page, 9.0, 9.8)
        page.keyboard.press(">")
        page.keyboard.press(">")
        page.keyboard.press("l")
        assert page.evaluate(f"[{VIDEO}.playbackRate, {VIDEO}.preservesPitch]") == [1.5, True]
        page.evaluate(f"{STATE}.seek(9.1)")
        page.keyboard.press("Space")
        until(page, f"{STATE}.now() > 9.5")
        until(page, f"{STATE}.now() < 9.4")
        assert number(page, f"{STATE}.now()") >= 8.99
        assert not page.evaluate(f"{VIDEO}.paused")


def test_two_sources_are_equally_loud(browser: Browser, report: Path) -> None:
    """A/B goes back to the source before, and the louder source is turned down to the quieter one's level."""
    with open_report(browser, report) as page:
        page.keyboard.press("2")
        page.keyboard.press("3")
        page.keyboard.press("x")
        assert page.evaluate("document.querySelector('[data-audio=customer]').ariaPressed") == "true"
        levels, volumes = page.evaluate(f"[{STATE}.levels(), {STATE}.volumes()]")
        played = [levels[name] * volumes[name] for name in levels]
        assert max(played) == pytest.approx(min(played), rel=1e-3)
        page.click("[data-kq=equal]")
        assert set(page.evaluate(f"{STATE}.volumes()").values()) == {1}


def test_the_spectrogram_is_that_of_the_view(browser: Browser, report: Path) -> None:
    """It is drawn at the zoom, and a masked span is plain in it on both rows."""
    data = report.read_text(encoding="utf-8")
    changed = report.with_name("masked.html")
    assert '"masked":[]' in data
    changed.write_text(data.replace('"masked":[]', '"masked":[[6.0,8.0]]'), encoding="utf-8")
    with open_report(browser, changed, viewport={"width": 1280, "height": 1200}) as page:
        page.evaluate(f"{STATE}.view(6, 14)")
        page.keyboard.press("g")
        until(page, f"{DATA}.spectrogram === '6.000 14.000'")
        bright = page.evaluate(
            """() => { const c = document.querySelector("[data-kq=spectrum]"), p = c.getContext("2d");
            const red = (a, b, y) => { const d = p.getImageData(a, y, b - a, 50).data; let most = 0;
              for (let i = 0; i < d.length; i += 4) most = Math.max(most, d[i]); return most; };
            const x = (s) => Math.round((s - 6) / 8 * c.width);
            return [20, 106].map((y) => [red(x(8.7), x(10.4), y), red(x(10.8), x(13.9), y)]); }"""
        )
        for masked, sounding in bright:
            assert masked == 0
            assert sounding > 60


@pytest.mark.parametrize("width", [1280, 390])
def test_the_panels_are_accessible(browser: Browser, report: Path, width: int) -> None:
    """With a note and every panel open, axe finds no serious or critical problem, and nothing is too wide."""
    with open_report(browser, report, viewport={"width": width, "height": 900}, bypass_csp=True) as page:
        page.keyboard.press("w")
        page.keyboard.type("A note.")
        page.click("[data-kq=add-note]")
        until(page, f"{DATA}.notes === '1'")
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
