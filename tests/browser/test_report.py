"""The report in a real browser: as a file, offline, and without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_browser import STATE, number, open_report, settled, until
from report_pages import made_page

from komorebi_qc.desk.report.content import Band, Comparison, StretchRow
from komorebi_qc.desk.report.html import report_html

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
SHOWN_S = f"{STATE}.span()[1] - {STATE}.span()[0]"


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


def test_a_missing_video_is_named(browser: Browser, tmp_path: Path) -> None:
    """Without the video, the page names the missing file."""
    path = tmp_path / "report.html"
    path.write_text(report_html(made_page(20.0)), encoding="utf-8")
    with open_report(browser, path) as page:
        until(page, "document.querySelector('[data-kq=message]').textContent.includes('recording.mp4')")


def test_a_page_without_its_folder_says_what_works(browser: Browser, report: Path, tmp_path: Path) -> None:
    """Sent alone, it names the folder, as does each place that needs it; the waveforms and notes work."""
    alone = tmp_path / "report.html"
    alone.write_bytes(report.read_bytes())
    message = "document.querySelector('[data-kq=message]').textContent"
    with open_report(browser, alone, viewport={"width": 1280, "height": 1400}) as page:
        page.locator("[data-kq=alone]").wait_for()
        assert "need the folder" in page.inner_text("[data-kq=alone]")
        page.evaluate(f"{STATE}.seek(9); {STATE}.view(5, 15)")
        page.keyboard.press("Space")
        until(page, f"{message}.includes('recording.mp4')")
        page.keyboard.press("g")
        page.evaluate("document.querySelector('[data-kq=trial-panel]').open = true")
        page.click("[data-place='1']")
        until(page, "document.querySelector('[data-kq=meter-text]').textContent.includes('audio folder')")
        assert page.locator("[data-kq=snap]").is_disabled()
        page.keyboard.press("w")
        page.keyboard.type("A note.")
        page.click("[data-kq=add-note]")
        until(page, "document.getElementById('komorebi').dataset.notes === '1'")
        until(page, f"Number({STATE}.head()) === 9")


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
        colours = """(() => { const c = document.querySelector("canvas"), p = c.getContext("2d"), out = [];
            const green = ([r, g, b]) => r < 60 && g > 120 && b > 80 && b < 140;
            for (const at of [1, 7.8, 8.2, 15, 18]) { const x = Math.round(at / 20 * c.width);
              const d = p.getImageData(x, 0, 1, c.height).data; let n = 0;
              for (let i = 0; i < d.length; i += 4) n += green(d.slice(i, i + 3)) ? 1 : 0; out.push(n > 5); }
            return out; })()"""
        until(page, f"JSON.stringify({colours}) == '[true,true,false,false,false]'")
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
