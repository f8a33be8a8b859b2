"""The first screen of a report in a real browser: the fold, links that stay, and left-out audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examinations import in_parts
from report_browser import STATE, number, open_report, settled, until
from report_pages import PICTURE

from komorebi_qc.desk.report.audio_tracks import write_audio_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.report.left_out import write_left_out

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
SPACE_PLAYS = "!document.querySelector('video').paused"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with left-out audio."""
    folder = tmp_path_factory.mktemp("parts")
    found = in_parts()
    page = page_of(found, PICTURE, "image/png", write_audio_tracks(found.tracks, folder), write_left_out(found, folder))
    (folder / "report.html").write_text(report_html(page), encoding="utf-8")
    (folder / found.video.name).write_bytes(found.video.read_bytes())
    return folder / "report.html"


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_play_and_waveforms_are_above_the_fold(browser: Browser, report: Path, width: int, height: int) -> None:
    """The strip of sources and the call's two waveforms are visible at once; the verdict is above them."""
    with open_report(browser, report, viewport={"width": width, "height": height}) as page:
        for name in ("play", "stage"):
            box = page.locator(f"[data-kq={name}]").bounding_box()
            assert box is not None
            assert box["y"] > 0
            assert box["y"] + min(box["height"], 230) <= height
        verdict = page.locator(".verdict").bounding_box()
        assert verdict is not None
        assert verdict["y"] + verdict["height"] < height / 4


@pytest.mark.parametrize("width", [390, 1280])
def test_a_finding_plays_from_its_link_by_space(browser: Browser, report: Path, width: int) -> None:
    """A click on a position far down scrolls nothing, keeps zoom and source in the address, and space plays."""
    fragment = "#t=3.000&zoom=2&source=both"
    with open_report(browser, report, fragment, viewport={"width": width, "height": 600}) as page:
        settled(page, 3.0)
        link = page.locator("table a[data-at]").first
        link.scroll_into_view_if_needed()
        before = number(page, "window.scrollY")
        assert before > 0
        link.click()
        at_s = float(link.get_attribute("data-at") or "nan")
        settled(page, at_s)
        assert number(page, "window.scrollY") == before
        assert page.evaluate("location.hash") == f"#t={at_s:.3f}&zoom=2&source=both"
        until(page, "!document.querySelector('[data-kq=dock]').hidden")
        page.keyboard.press("Space")
        until(page, f"{SPACE_PLAYS} && document.querySelector('video').currentTime > {at_s + 0.1}")
        assert number(page, "window.scrollY") == before
        page.click("[data-kq=dock-show]")
        until(page, "document.querySelector('[data-kq=dock]').hidden")


def test_a_busy_page_shows_the_short_player(browser: Browser, report: Path) -> None:
    """If a page delivers "seen" and "gone" at once, the short player follows the last of them."""
    late = """
        const Native = IntersectionObserver;
        window.IntersectionObserver = class extends Native {
            constructor(told) {
                const kept = [];
                super((seen) => kept.push(...seen));
                window.deliver = () => { const n = kept.length; told(kept.splice(0)); return n; };
            }
        };"""
    viewport = {"width": 1280, "height": 600}
    with open_report(browser, report, before=late, viewport=viewport) as page:
        page.wait_for_timeout(300)
        page.locator("table a[data-at]").first.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        assert page.evaluate("window.deliver()") == 2
        assert not page.evaluate("document.querySelector('[data-kq=dock]').hidden")


def test_the_address_brings_the_place_back(browser: Browser, report: Path) -> None:
    """Moment, zoom and source are those of the link."""
    with open_report(browser, report, "#t=12.500&zoom=1.5&source=agent") as page:
        settled(page, 12.5)
        assert number(page, f"{STATE}.span()[1] - {STATE}.span()[0]") == pytest.approx(1.5)
        assert page.evaluate("document.querySelector('[data-audio=agent]').ariaPressed") == "true"


def test_a_position_is_a_link_to_this_page(browser: Browser, report: Path) -> None:
    """With scripts, the address of a position is in this page, not in the video: it can be opened in a new tab."""
    with open_report(browser, report) as page:
        addresses = page.evaluate("[...document.querySelectorAll('a[data-at]')].map(a => a.getAttribute('href'))")
        assert addresses
        assert all(address.startswith("#t=") for address in addresses)


def test_left_out_audio_plays_from_the_strip(browser: Browser, parts: Path) -> None:
    """Its button plays it, with the video paused; a click on its mark in the strip does too."""
    with open_report(browser, parts, viewport={"width": 1280, "height": 1200}) as page:
        playing = "document.querySelector('[data-omitted]').ariaPressed === '{}'"
        button = page.locator("[data-omitted]")
        assert "3.0 s" in button.inner_text()
        button.click()
        until(page, playing.format("true"))
        assert page.evaluate("document.querySelector('video').paused")
        button.click()
        until(page, playing.format("false"))
        x, y = page.evaluate(f"{STATE}.leftOutAt(0)")
        page.mouse.click(x, y)
        until(page, playing.format("true"))


def test_a_late_event_stops_no_left_out_audio(browser: Browser, parts: Path) -> None:
    """If the video's "play" comes after left-out audio has paused the video, that audio plays on."""
    with open_report(browser, parts) as page:
        page.locator("[data-omitted]").click()
        playing = "document.querySelector('[data-omitted]').ariaPressed === 'true'"
        until(page, playing)
        page.evaluate("document.querySelector('video').dispatchEvent(new Event('play'))")
        page.wait_for_timeout(50)
        assert page.evaluate(playing)
