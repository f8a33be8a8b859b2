"""Moving the call in a report: places to listen to, nudges, jumps, the fit, and the correction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from accessibility import serious_problems
from examinations import held
from report_browser import STATE, number, open_report, settled, until
from report_pages import PICTURE

from komorebi_qc.core.analyst.correction import read_correction
from komorebi_qc.desk.report.audio_tracks import write_audio_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.report.trial.tracks import write_trial_tracks

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
DATA = "document.getElementById('komorebi').dataset"
NO_DIALOG = "delete window.showSaveFilePicker"


@pytest.fixture(scope="module")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A held pair: the call fits at three places."""
    folder = tmp_path_factory.mktemp("held")
    found = held()
    trial = write_trial_tracks(found, folder)
    page = page_of(found, PICTURE, "image/png", write_audio_tracks(found.tracks, folder), (), trial_audio=trial)
    (folder / "report.html").write_text(report_html(page), encoding="utf-8")
    (folder / found.video.name).write_bytes(found.video.read_bytes())
    return folder / "report.html"


def _tried(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.evaluate(f"{DATA}.tried"))
    return found


def _open_panel(page: Page, at_s: float = 9.0) -> None:
    page.evaluate("document.querySelector('[data-kq=trial-panel]').open = true")
    page.evaluate(f"{STATE}.seek({at_s})")
    settled(page, at_s)


def test_the_right_place_fits_to_the_sample(browser: Browser, report: Path) -> None:
    """At the measured place the fit is best at 0 ms; after a nudge it is best that much back, exactly."""
    with open_report(browser, report, viewport={"width": 1280, "height": 1400}) as page:
        _open_panel(page)
        page.click("[data-place='0']")
        until(page, f"{DATA}.fit > .5")
        assert number(page, f"{DATA}.fitBestS") == 0.0
        page.click("[data-nudge='0.01']")
        until(page, f"{DATA}.fit < .2")
        assert number(page, f"{DATA}.fitBestS") == pytest.approx(-0.010)
        page.click("[data-kq=snap]")
        until(page, f"{DATA}.fit > .5")
        assert _tried(page)["offset_s"] == pytest.approx(2.567152, abs=2e-4)


def test_each_candidate_plays_in_both_ears(browser: Browser, unsure: Path) -> None:
    """Each place has a button with its probability; it plays at once, and the waveforms of the call move."""
    with open_report(browser, unsure, viewport={"width": 1280, "height": 1400}) as page:
        labels = page.locator("[data-place]").all_inner_texts()
        assert [label.rpartition(", ")[2] for label in labels[:3]] == ["90.0 %", "7.0 %", "3.0 %"]
        assert page.evaluate("document.querySelector('[data-kq=trial-panel]').open")
        page.evaluate(f"{STATE}.seek(12)")
        settled(page, 12.0)
        page.keyboard.press("Space")
        drawn = []
        for number_, label in enumerate(labels[:3]):
            page.click(f"[data-place='{number_}']")
            until(page, f"{DATA}.trialMs && {DATA}.playing === 'trial'")
            assert f"{_tried(page)['offset_s']:.3f} s".replace("-", "\N{MINUS SIGN}") in label
            assert page.evaluate("document.querySelector('video').muted")
            page.wait_for_timeout(100)
            drawn.append(page.evaluate("document.querySelector('canvas').toDataURL()"))
        assert len(set(drawn)) == 3


def test_a_nudge_sounds_at_once(browser: Browser, report: Path) -> None:
    """Each nudge moves the call by its size, and the new sound is there within half a second."""
    with open_report(browser, report, viewport={"width": 1280, "height": 1400}) as page:
        _open_panel(page)
        page.click("[data-place='0']")
        until(page, f"{DATA}.trialMs")
        offset_s = _tried(page)["offset_s"]
        keys = [("]", 0.001), ("[", -0.001), ("}", 0.01), ("{", -0.01), (")", 0.1), ("(", -0.1)]
        page.evaluate("document.activeElement.blur()")
        for key, size_s in keys:
            page.evaluate(f"delete {DATA}.trialMs")
            page.keyboard.press(key)
            until(page, f"{DATA}.trialMs")
            assert _tried(page)["offset_s"] == pytest.approx(offset_s + size_s)
            assert number(page, f"{DATA}.trialMs") < 500
            offset_s = _tried(page)["offset_s"]


def test_the_call_is_dragged(browser: Browser, report: Path) -> None:
    """With the button pressed, a drag of the call's waveform moves the call by the dragged time."""
    with open_report(browser, report, viewport={"width": 1280, "height": 1400}) as page:
        _open_panel(page)
        page.evaluate(f"{STATE}.view(5, 15)")
        page.click("[data-kq=drag]")
        before_s = _tried(page)["offset_s"]
        box = page.locator('[data-kq="stage"]').bounding_box()
        assert box is not None
        y = box["y"] + 110
        page.mouse.move(box["x"] + 600, y)
        page.mouse.down()
        page.mouse.move(box["x"] + 724, y, steps=4)
        page.mouse.up()
        assert _tried(page)["offset_s"] - before_s == pytest.approx(124 / box["width"] * 10, abs=0.02)
        assert page.evaluate(f"{STATE}.span()") == [5, 15]


def test_a_jump_moves_only_the_rest(browser: Browser, report: Path) -> None:
    """A jump at the playhead: the nudges change its size, and the fit before it stays."""
    with open_report(browser, report, viewport={"width": 1280, "height": 1400}) as page:
        _open_panel(page, 14.567)
        page.click("[data-place='0']")
        page.click("[data-kq=add-jump]")
        page.click("[data-nudge='0.1']")
        tried = _tried(page)
        assert tried["jumps"] == [{"call_s": pytest.approx(12.0, abs=0.01), "size_s": 0.1}]
        assert tried["offset_s"] == pytest.approx(2.567152)
        page.evaluate(f"delete {DATA}.fit; {STATE}.seek(9)")
        settled(page, 9.0)
        until(page, f"{DATA}.fit > .5")
        page.evaluate(f"{STATE}.seek(15.5)")
        settled(page, 15.5)
        until(page, f"Math.abs(Number({DATA}.fitBestS) + 0.1) < .0005")
        page.click("[data-kq=move-jump]")
        assert _tried(page)["jumps"][0]["call_s"] == pytest.approx(12.933, abs=0.15)
        page.click("[data-kq=remove-jump]")
        assert _tried(page)["jumps"] == []


def test_the_correction_is_saved(browser: Browser, unsure: Path, tmp_path: Path) -> None:
    """By keyboard alone: a place is chosen and moved, a reason is asked for, and the file is one that is read."""
    with open_report(browser, unsure, viewport={"width": 1280, "height": 1400}, accept_downloads=True) as page:
        page.evaluate(NO_DIALOG)
        page.focus("[data-place='1']")
        page.keyboard.press("Enter")
        page.keyboard.press("]")
        page.focus("[data-kq=use]")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.dataset.kq") == "why"
        page.keyboard.type("It answers the caller's question.")
        page.focus("[data-kq=author]")
        page.keyboard.type("A. Analyst")
        page.focus("[data-kq=use]")
        with page.expect_download() as waiting:
            page.keyboard.press("Enter")
        path = tmp_path / "correction.json"
        waiting.value.save_as(path)
        assert waiting.value.suggested_filename == "correction.json"
        found = read_correction(path.read_bytes(), str(path))
        assert found.alignment.offset_s == pytest.approx(held().placement.measured.candidates[1].offset_s + 0.001)  # type: ignore[union-attr]
        assert (found.why, found.by) == ("It answers the caller's question.", "A. Analyst")
        assert "--from correction.json" in page.inner_text("[data-kq=command]")


def test_a_masked_span_stays_silent_at_every_place(browser: Browser, report: Path) -> None:
    """A span of the call that is masked is silent on both sides, wherever the call is moved to."""
    data = report.read_text(encoding="utf-8")
    changed = report.with_name("masked.html")
    assert '"masked":[]' in data
    changed.write_text(data.replace('"masked":[]', '"masked":[[6.0,8.0]]'), encoding="utf-8")
    loud = f"{STATE}.trialLoud"
    with open_report(browser, changed) as page:
        for offset_s in (2.567, 0.0, 5.0):
            page.evaluate(f"{STATE}.trialPlace({offset_s})")
            start_s = offset_s + 6.0
            inside = page.evaluate(f"{loud}({start_s + 0.002}, {start_s + 1.998})")
            around = page.evaluate(f"{loud}({start_s - 3}, {start_s + 5})")
            assert inside == [0, 0]
            assert max(around) > 0.01


def test_the_audio_is_missed_with_a_sentence(browser: Browser, report: Path, tmp_path: Path) -> None:
    """Without the audio folder, the page names it."""
    alone = tmp_path / "report.html"
    alone.write_bytes(report.read_bytes())
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "trial.html").write_text("<!doctype html><title>other</title>", encoding="utf-8")
    with open_report(browser, alone) as page:
        _ = page.evaluate("document.querySelector('[data-kq=trial-panel]').open = true")
        page.click("[data-place='0']")
        until(page, "document.querySelector('[data-kq=message]').textContent.includes('audio folder')")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_panel_is_accessible(browser: Browser, unsure: Path, width: int) -> None:
    """With the panel open, axe finds no serious or critical problem, and nothing is too wide."""
    with open_report(browser, unsure, viewport={"width": width, "height": 900}, bypass_csp=True) as page:
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
