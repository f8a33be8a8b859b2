"""The report in a real browser: as a file, offline, with mouse and keyboard, and without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_browser import STATE, number, open_report, settled, until
from report_pages import made_page, sample_report

from komorebi_qc.desk.report.content import Band, Comparison, StretchRow
from komorebi_qc.desk.report.html import report_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
NEAR_S = 0.050
FRAME_MS = 16.0
MINUTES = 60
SHOWN_S = f"{STATE}.span()[1] - {STATE}.span()[0]"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample call's report, with video and audio tracks beside it."""
    return sample_report(tmp_path_factory.mktemp("report"))[1]


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of an hour of noise, without its video."""
    path = tmp_path_factory.mktemp("hour") / "report.html"
    path.write_text(report_html(made_page(60.0 * MINUTES)), encoding="utf-8")
    return path


def test_a_foreign_script_is_refused(report: Path, browser: Browser) -> None:
    """A script or a handler that a text brought into the page doesn't run; the page's own does."""
    foreign = "<script>window.foreign = 1</script><img src=x onerror='window.foreign = 1'>"
    changed = report.with_name("changed.html")
    changed.write_text(report.read_text(encoding="utf-8").replace("<main>", f"<main>{foreign}", 1), encoding="utf-8")
    context = browser.new_context(offline=True)
    try:
        page = context.new_page()
        page.goto(changed.as_uri())
        until(page, "document.getElementById('komorebi').dataset.ready")
        assert page.evaluate("window.foreign") is None
    finally:
        context.close()


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


def test_a_missing_video_is_named(browser: Browser, hour: Path) -> None:
    """Without the video, the page names the missing file."""
    with open_report(browser, hour) as page:
        until(page, "document.querySelector('[data-kq=message]').textContent.includes('recording.mp4')")


def test_a_link_opens_at_its_moment(browser: Browser, report: Path) -> None:
    """A link with #t= opens there, zoomed in. A click on a finding's position does too, and marks its row."""
    with open_report(browser, report, "#t=12.345") as page:
        settled(page, 12.345)
        assert number(page, f"{STATE}.span()[1] - {STATE}.span()[0]") <= 4.001
        link = page.locator("a[data-of]").first
        link.click()
        settled(page, float(link.get_attribute("data-at") or "nan"))
        assert page.locator("tr.now").count() == 1


def test_the_link_is_copied(browser: Browser, report: Path) -> None:
    """The button copies a link to the moment. The page shows it, and the address bar has it."""
    with open_report(browser, report, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.evaluate(f"{STATE}.seek(7.25)")
        settled(page, 7.25)
        page.click('[data-kq="copy"]')
        until(page, "document.querySelector('[data-kq=message]').textContent.includes('#t=7.250')")
        assert page.url == f"{report.as_uri()}#t=7.250&zoom={number(page, SHOWN_S):.4g}&source=result"
        assert page.evaluate("navigator.clipboard.readText()") == page.url


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
    """A selected audio track is within 50 ms of the video, which is muted."""
    with open_report(browser, report) as page:
        page.evaluate(f"{STATE}.seek(5)")
        settled(page, 5.0)
        page.keyboard.press("5")
        page.keyboard.press("Space")
        until(page, "document.querySelector('video').currentTime > 7.5")
        assert page.evaluate("document.querySelector('video').muted")
        off_ms = []
        for _ in range(10):
            off_ms.append(abs(number(page, "document.getElementById('komorebi').dataset.audioOffMs")))
            page.wait_for_timeout(60)
        assert sorted(off_ms)[5] <= NEAR_S * 1000


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


def test_the_band_is_drawn_in_time(browser: Browser, tmp_path: Path) -> None:
    """Each stretch has its colour from its start to its end, and a link of the table goes to it."""
    bands = [
        Band(0.0, 8.0, "call", "agrees"),
        Band(8.0, 16.0, "call", "contradicts"),
        Band(17.0, 19.0, "recording", "only"),
    ]
    rows = [StretchRow("call, 8 s to 16 s", "contradicts", "5.0 s", 8.0)]
    compared = Comparison(("pass", "It is."), "8 s agree.", rows=rows, bands=bands)
    path = tmp_path / "report.html"
    path.write_text(report_html(made_page(20.0, comparison=compared)), encoding="utf-8")
    with open_report(browser, path, viewport={"width": 1280, "height": 1400}) as page:
        until(page, "document.getElementById('komorebi').dataset.frameMs")
        shares = page.evaluate(
            """() => { const c = document.querySelector("canvas"), p = c.getContext("2d"), out = [];
            const green = ([r, g, b]) => r < 60 && g > 120 && b > 80 && b < 140;
            for (const at of [1, 7.8, 8.2, 15, 18]) { const x = Math.round(at / 20 * c.width);
              const d = p.getImageData(x, 0, 1, c.height).data; let n = 0;
              for (let i = 0; i < d.length; i += 4) n += green(d.slice(i, i + 3)) ? 1 : 0; out.push(n > 5); }
            return out; }"""
        )
        assert shares == [True, True, False, False, False]
        page.click("table a[data-at='8.0']")
        until(page, f"Math.abs({STATE}.head() - 8) < .002")


def test_works_without_scripts(browser: Browser, report: Path) -> None:
    """Without scripts there are the verdict, the figure, the table, and links into the video."""
    with open_report(browser, report, java_script_enabled=False) as page:
        assert page.locator(".verdict").is_visible()
        assert page.locator("img.picture").is_visible()
        assert page.locator("table").first.is_visible()
        assert page.locator("video").is_visible()
        assert page.locator("button").count() == 0
        link = page.locator("tr.warn a[data-at]").first
        assert link.get_attribute("href") == f"recording.mp4#t={float(link.get_attribute('data-at') or 'nan'):.3f}"


def test_the_printout_is_complete(browser: Browser, report: Path) -> None:
    """On paper there are the verdict, the figure and every finding, and no controls."""
    with open_report(browser, report) as page:
        page.emulate_media(media="print")
        assert page.locator("img.picture").is_visible()
        assert page.locator("tr.pass").first.is_visible()
        for control in ("video", ".player", '[data-kq="stage"]'):
            assert not page.locator(control).first.is_visible()


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
