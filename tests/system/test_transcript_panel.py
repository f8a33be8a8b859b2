"""The transcript in a report, in a real browser: the present turn, search, captions, and a plain list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from accessibility import serious_problems
from captures import CAPTURES
from report_browser import STATE, number, open_report, settled, until
from report_pages import PICTURE, WRONG_END, examined, made_page
from turn_pages import spoken

from komorebi_qc.desk.report.audio_tracks import write_audio_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.transcript.placed import PlacedTranscript

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
PRESENT = "(document.querySelector('.turns li.present') || {dataset: {}}).dataset.from"
VISIBLE = "[...document.querySelectorAll('.turns li')].filter(li => !li.hidden).length"
CUES = "document.querySelector('track').track.cues"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample call's report with a transcript."""
    folder, capture = tmp_path_factory.mktemp("report"), CAPTURES["sample"]
    found = examined(capture.call, capture.recording, WRONG_END, folder)
    found = replace(found, transcript=PlacedTranscript(spoken(), "en-US", "webvtt"))
    page = page_of(found, PICTURE, "image/png", write_audio_tracks(found.tracks, folder))
    (folder / "report.html").write_text(report_html(page), encoding="utf-8")
    return folder / "report.html"


def test_the_present_turn_is_marked(browser: Browser, report: Path) -> None:
    """It follows the video; a click on a turn goes to its start, and the page doesn't scroll."""
    with open_report(browser, report, viewport={"width": 1280, "height": 1000}) as page:
        page.evaluate(f"{STATE}.seek(8)")
        until(page, f"{PRESENT} === '6.600'")
        assert page.locator(".turns li[aria-current=true]").count() == 1
        before = number(page, "window.scrollY")
        page.click(".turns li:nth-child(4) span")
        settled(page, 14.6)
        until(page, f"{PRESENT} === '14.600'")
        assert number(page, "window.scrollY") == before
        page.evaluate(f"{STATE}.seek(1)")
        until(page, f"!{PRESENT}")


def test_search_as_one_types(browser: Browser, report: Path) -> None:
    """The slash goes to the field; turns without the words are hidden; enter goes to the next turn that has them."""
    with open_report(browser, report) as page:
        page.keyboard.press("/")
        page.keyboard.type("number")
        until(page, f"{VISIBLE} === 2")
        assert page.inner_text("[data-kq=found]") == "2 of 5 turns"
        page.keyboard.press("Enter")
        settled(page, 10.6)
        page.keyboard.press("Enter")
        settled(page, 14.6)
        page.keyboard.press("Escape")
        until(page, f"{VISIBLE} === 5")
        page.keyboard.press("Space")
        until(page, "!document.querySelector('video').paused")


def test_captions_show_in_the_video(browser: Browser, report: Path) -> None:
    """The track has a cue for each turn, and the key shows it; markup in words stays text."""
    with open_report(browser, report) as page:
        page.click("[data-kq=captions]")
        until(page, f"{CUES} && {CUES}.length === 5")
        page.evaluate(f"{STATE}.seek(16)")
        settled(page, 16.0)
        until(page, "document.querySelector('track').track.activeCues.length === 1")
        assert page.evaluate(f"{CUES}[3].getCueAsHTML().textContent").endswith(
            "<b>The card number</b> is in my letter."
        )
        page.keyboard.press("t")
        assert page.evaluate("document.querySelector('track').track.mode") == "hidden"


def test_a_long_transcript_is_whole(browser: Browser, tmp_path: Path) -> None:
    """The deflated rest is in the list as well, can be searched, and has captions."""
    path = tmp_path / "report.html"
    path.write_text(report_html(made_page(20.0, length_s=9700.0, turns=spoken(2000, each_s=4.8))), encoding="utf-8")
    with open_report(browser, path) as page:
        until(page, f"{VISIBLE} === 2000")
        assert page.locator("[data-kq=more-turns]").count() == 0
        page.keyboard.press("/")
        page.keyboard.type("turn 1999")
        until(page, f"{VISIBLE} === 1")
        page.keyboard.press("Enter")
        until(page, f"Math.abs({STATE}.now() - {2.6 + 4.8 * 1999}) < .002")
        page.keyboard.press("Escape")
        page.keyboard.press("t")
        until(page, f"{CUES} && {CUES}.length === 2000")


def test_without_scripts_it_is_a_plain_list(browser: Browser, report: Path) -> None:
    """Every turn with its words and a link into the video."""
    with open_report(browser, report, java_script_enabled=False) as page:
        assert page.locator(".turns li").count() == 5
        assert page.locator(".turns li").nth(1).inner_text().endswith("since this morning.")
        assert page.locator(".turns li a").first.get_attribute("href") == "recording.mp4#t=2.600"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_transcript_is_accessible(browser: Browser, report: Path, width: int) -> None:
    """Axe finds no serious or critical problem, and nothing is too wide."""
    with open_report(browser, report, viewport={"width": width, "height": 900}, bypass_csp=True) as page:
        page.evaluate(f"{STATE}.seek(8)")
        until(page, f"{PRESENT} === '6.600'")
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
