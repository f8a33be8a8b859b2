"""The player of a report in a real browser: playing, drawing, every key, the mouse, and a page that is sent alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_browser import STATE, number, open_report, settled, until
from report_pages import made_page, sample_report

from komorebi_qc.desk.report.html import report_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
NEAR_S = 0.050
FRAME_MS = 16.0
MINUTES = 60


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of an hour of noise, without its video."""
    path = tmp_path_factory.mktemp("hour") / "report.html"
    path.write_text(report_html(made_page(60.0 * MINUTES)), encoding="utf-8")
    return path


def test_playhead_follows_the_video(browser: Browser, report: Path) -> None:
    """The playhead is within 50 ms of the playing video, and exactly at the target after a seek."""
    with open_report(browser, report) as page:
        page.keyboard.press("Space")
        until(page, "document.querySelector('video').currentTime > .5")
        off = page.evaluate(
            f"""async () => {{ const video = document.querySelector("video"), off = [];
            for (let i = 0; i < 60; i++) {{ await new Promise(requestAnimationFrame);
              off.push(Math.abs({STATE}.head() - video.currentTime)); }} return off; }}"""
        )
        assert max(off) <= NEAR_S
        page.keyboard.press("Space")
        for at_s in (12.345, 3.2, 20.001):
            page.evaluate(f"{STATE}.seek({at_s})")
            settled(page, at_s)


def test_a_frame_takes_less_than_16_ms(browser: Browser, hour: Path) -> None:
    """Every zoom level of an hour, from the whole to 5 ms, is drawn in less than a screen's 16 ms."""
    with open_report(browser, hour, viewport={"width": 1280, "height": 900}) as page:
        times = page.evaluate(
            f"""() => {{ const k = {STATE}, times = [];
            for (let span = {60 * MINUTES}; span > .005; span /= 1.7)
              for (const at of [0, 600, 1800, 1800.01, 3000, {60 * MINUTES}]) {{
                k.view(at - span / 2, at + span / 2);
                times.push(Math.min(k.paint(), k.paint(), k.paint())); }}
            return times; }}"""
        )
        assert len(times) > 100
        assert max(times) < FRAME_MS
        assert number(page, f"{STATE}.view(100, 100.001), {STATE}.span()[1] - {STATE}.span()[0]") == pytest.approx(
            0.005, rel=1e-6
        )


def test_missing_detail_is_stated(browser: Browser, hour: Path) -> None:
    """A note appears if the waveform is coarse, and not near a mark, because detail is stored there."""
    with open_report(browser, hour) as page:
        page.evaluate(f"{STATE}.view(1000, 1000.005), {STATE}.paint()")
        assert "steps of" in page.inner_text('[data-kq="grain"]')
        page.evaluate(f"{STATE}.view(1800, 1800.005), {STATE}.paint()")
        assert page.inner_text('[data-kq="grain"]') == ""


def _keys(before_s: float, after_s: float) -> dict[str, tuple[str, Callable[[Page], bool]]]:
    """Each key, the state before it, and a check of the state after it."""
    at = "document.querySelector('video').currentTime"
    span = f"({STATE}.span()[1] - {STATE}.span()[0])"

    def true(script: str) -> Callable[[Page], bool]:
        return lambda page: until(page, script)

    def moved(by_s: float) -> Callable[[Page], bool]:
        tried = "JSON.parse(document.getElementById('komorebi').dataset.tried).offset_s"
        return true(f"Math.abs({tried} - 2.567152 - {by_s}) < 1e-6")

    def plays(name: str) -> Callable[[Page], bool]:
        return true(f"document.querySelector('[data-audio={name}]').ariaPressed === 'true'")

    to_10 = f"{STATE}.seek(10), {STATE}.view(8, 12)"
    return {
        " ": (to_10, true(f"!document.querySelector('video').paused && {at} > 10.1")),
        "k": (to_10, true("!document.querySelector('video').paused")),
        "ArrowLeft": (to_10, true(f"Math.abs({at} - 9.8) < .002")),
        "ArrowRight": (to_10, true(f"Math.abs({at} - 10.2) < .002")),
        ",": (to_10, true(f"Math.abs({at} - 9.99) < .002")),
        ".": (to_10, true(f"Math.abs({at} - 10.01) < .002")),
        "n": (to_10, true(f"Math.abs({at} - {after_s}) < .002")),
        "p": (to_10, true(f"Math.abs({at} - {before_s}) < .002")),
        "+": (to_10, true(f"Math.abs({span} - 2) < .001")),
        "-": (to_10, true(f"Math.abs({span} - 8) < .001")),
        "0": (to_10, true(f"{span} > 30")),
        "Home": (to_10, true(f"{at} === 0")),
        "End": (to_10, true(f"{at} > 30")),
        "1": (to_10, plays("result")),
        "2": (to_10, plays("customer")),
        "3": (to_10, plays("agent")),
        "4": (to_10, plays("recording")),
        "5": (to_10, plays("both")),
        "m": (to_10, true("document.querySelector('video').muted")),
        "o": (to_10, true("document.querySelector('[data-kq=output]').ariaPressed === 'true'")),
        "c": (to_10, true("location.hash.startsWith('#t=10.000&zoom=4&source=')")),
        ">": (to_10, true("document.querySelector('video').playbackRate === 1.25")),
        "<": (to_10, true("document.querySelector('video').playbackRate === 1")),
        "i": (to_10, true("document.querySelector('[data-kq=span-text]').textContent === 'From 00:00:10.000'")),
        "e": (to_10, true("document.querySelector('[data-kq=message]').textContent.includes('start first')")),
        "l": (to_10, true("document.querySelector('[data-kq=loop]').ariaPressed === 'true'")),
        "x": (to_10, true("document.querySelector('[data-kq=equal]').ariaPressed === 'true'")),
        "g": (to_10, true("document.querySelector('[data-kq=spectrogram]').ariaPressed === 'true'")),
        "]": (to_10, moved(0.001)),
        "[": (to_10, moved(0.0)),
        "}": (to_10, moved(0.01)),
        "{": (to_10, moved(0.0)),
        ")": (to_10, moved(0.1)),
        "(": (to_10, moved(0.0)),
        "?": (to_10, true("document.querySelector('details.help').open")),
        "w": (to_10, true("document.activeElement.dataset.kq === 'note-text'")),
    }


@pytest.mark.parametrize("focus", ["body", "stage"])
def test_every_key_works(browser: Browser, report: Path, focus: str) -> None:
    """Each listed key works, with the focus on the page and on the waveforms."""
    with open_report(browser, report) as page:
        named = {text.strip() for text in page.locator(".keys kbd").all_text_contents()}
        moments = page.evaluate(
            "JSON.parse(document.querySelector('[data-kq=data]').textContent).moments.map(m => m.at_s)"
        )
        keys = _keys(max(s for s in moments if s < 10), min(s for s in moments if s > 10))
        for key, (before, holds) in keys.items():
            page.evaluate(f"document.querySelector('video').pause(); document.activeElement.blur(); {before}")
            settled(page, 10.0)
            if focus == "stage":
                page.focus('[data-kq="stage"]')
            page.keyboard.press(key)
            assert holds(page), key
            page.evaluate("document.querySelector('video').pause()")
        shown = {" ": "space", "ArrowLeft": "←", "ArrowRight": "→", "1": "1", "5": "5"}
        assert named - {"ctrl"} <= {shown.get(key, key) for key in keys}


def test_the_keyboard_is_enough(browser: Browser, report: Path) -> None:
    """Tab and enter reach every control, open the findings, and follow a finding's link."""
    with open_report(browser, report) as page:
        seen: list[str] = []
        for _ in range(70):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate(
                    "(({dataset: d, tagName}) => d.kq || d.audio || (d.at ? 'link' : tagName.toLowerCase()))"
                    "(document.activeElement)"
                )
            )
        wanted = {"play", "back", "on", "before", "next", "closer", "wider", "all", "gain", "output", "copy", "both"}
        assert wanted | {"mute", "stage", "slider", "link", "summary", "video"} <= set(seen)
        page.focus("details.passing summary")
        page.keyboard.press("Enter")
        assert page.locator("details.passing").first.evaluate("d => d.open")
        page.focus("a[data-at]")
        page.keyboard.press("Enter")
        settled(page, float(page.locator("a[data-at]").first.get_attribute("data-at") or "nan"))


def test_another_track_follows_the_video(browser: Browser, report: Path) -> None:
    """A selected audio track comes within 50 ms of the video, which is muted, and stays there."""
    with open_report(browser, report) as page:
        page.evaluate(f"{STATE}.seek(5)")
        settled(page, 5.0)
        page.keyboard.press("5")
        page.keyboard.press("Space")
        until(page, "document.querySelector('video').currentTime > 7.5")
        assert page.evaluate("document.querySelector('video').muted")
        off_ms: list[float] = []
        while len(off_ms) < 120 and not (len(off_ms) >= 5 and max(off_ms[-5:]) <= NEAR_S * 1000):
            off_ms.append(abs(number(page, "document.getElementById('komorebi').dataset.audioOffMs")))
            page.wait_for_timeout(60)  # a busy machine may take a while to catch up
        assert max(off_ms[-5:]) <= NEAR_S * 1000, off_ms


def test_zooms_and_pans_by_hand(browser: Browser, report: Path) -> None:
    """A drag pans, the wheel zooms around the pointer after a click, and a click goes to the moment."""
    with open_report(browser, report, viewport={"width": 1280, "height": 1400}) as page:
        page.evaluate(f"{STATE}.view(8, 12)")
        box = page.locator('[data-kq="stage"]').bounding_box()
        assert box is not None
        middle, y = box["x"] + box["width"] / 2, box["y"] + 80
        page.mouse.click(middle, y)
        settled(page, 10.0)
        page.mouse.move(middle, y)
        page.mouse.wheel(0, -300)
        until(page, f"{STATE}.span()[1] - {STATE}.span()[0] < 1.6")
        low, high = page.evaluate(f"{STATE}.span()")
        assert (low + high) / 2 == pytest.approx(10.0, abs=0.01)
        page.mouse.down()
        page.mouse.move(middle - box["width"] / 4, y, steps=4)
        page.mouse.up()
        assert page.evaluate(f"{STATE}.span()[0]") == pytest.approx(low + (high - low) / 4, abs=0.01)


def test_a_page_sent_alone_plays(browser: Browser, tmp_path: Path) -> None:
    """A page with an embedded excerpt plays it on the output clock, without other files."""
    _, report = sample_report(tmp_path / "made", embed_s=6.0)
    alone = tmp_path / "alone.html"
    alone.write_bytes(report.read_bytes())
    with open_report(browser, alone) as page:
        start_s = number(page, f"{STATE}.now()")
        assert start_s > 10
        until(page, "document.querySelector('video').readyState > 2")
        page.keyboard.press("5")
        page.keyboard.press("Space")
        until(page, f"{STATE}.head() > {start_s + 0.6}")
        assert page.evaluate("document.querySelector('video').videoWidth") > 100
        assert number(page, f"{STATE}.head() - document.querySelector('video').currentTime") == pytest.approx(
            start_s, abs=NEAR_S
        )


@pytest.mark.parametrize("fragment", ["#t=1&source=constructor", "#t=1&source=toString", "#t=Infinity&zoom=Infinity"])
def test_a_strange_address_starts_the_page(browser: Browser, report: Path, fragment: str) -> None:
    """A source or a number of the address that doesn't exist is left out, and the page works."""
    with open_report(browser, report, fragment) as page:
        until(page, "document.querySelector('[data-audio=result]').ariaPressed === 'true'")
        assert "NaN" not in page.inner_text("[data-kq=span]")
