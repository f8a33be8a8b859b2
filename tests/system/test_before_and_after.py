"""The report of a corrected recording in a real browser: before, after and the delivered file at the same moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from captures import CAPTURES
from report_browser import STATE, number, open_report, settled, until
from report_pages import PICTURE, examined
from searched_artefacts import channels

from komorebi_qc.core.timebase import Alignment
from komorebi_qc.desk.report.audio_tracks import compared_tracks, write_audio_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.session import AuditRequest, open_session
from komorebi_qc.pipeline.correction.given import GivenAlignment

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
SAMPLE = CAPTURES["sample"]
MOVED_S = 0.8
RATE = 8000
DATA = "document.getElementById('komorebi').dataset"
VIDEO = "document.querySelector('video')"


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's call, moved by hand to before the recording's start, and its uncorrected result as delivered."""
    folder = tmp_path_factory.mktemp("corrected")
    delivered = examined(SAMPLE.call, SAMPLE.recording, SAMPLE.call_end, folder / "first").video
    given = GivenAlignment(Alignment(-MOVED_S))
    request = AuditRequest(
        str(SAMPLE.call), str(SAMPLE.recording), call_end=SAMPLE.call_end, given=given, delivered=str(delivered)
    )
    found = open_session(request, folder / "second").examined
    audio = write_audio_tracks(found.tracks, folder / "second", compared_tracks(found))
    report = folder / "second" / "report.html"
    report.write_text(report_html(page_of(found, PICTURE, "image/png", audio)), encoding="utf-8")
    return report


def _lag_s(one: np.ndarray, other: np.ndarray) -> float:
    """By how much a sound is later than another one of the same recording."""
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)))
    lag = int(np.argmax(np.abs(product)))
    return (lag - size if lag > size // 2 else lag) / RATE


def test_the_tracks_have_the_same_clock(corrected: Path) -> None:
    """The agent recording is at the same place in each; the call is at two places, as far apart as it was moved."""
    audio = {name: channels((corrected.parent / "audio" / f"{name}.m4a").read_bytes()) for name in ("both", "before")}
    (delivered,) = channels((corrected.parent / "audio" / "delivered.m4a").read_bytes())
    call, own = audio["both"]
    call_before, own_before = audio["before"]
    assert _lag_s(own_before, own) == 0.0
    assert _lag_s(call_before, call) == pytest.approx(SAMPLE.offset_s + MOVED_S, abs=0.001)
    assert _lag_s(delivered, own) == pytest.approx(0.0, abs=0.005)


def test_they_play_at_the_same_moment(browser: Browser, corrected: Path) -> None:
    """By keyboard: each source goes on at the playhead of the one before it, and follows the video."""
    with open_report(browser, corrected, viewport={"width": 1280, "height": 1200}) as page:
        names = page.evaluate("[...document.querySelectorAll('[data-audio]')].map((one) => one.dataset.audio)")
        assert {"before", "delivered", "both"} <= set(names)
        page.evaluate(f"{STATE}.seek(9)")
        settled(page, 9.0)
        page.keyboard.press("Space")
        for name in ("before", "both", "delivered", "before"):
            before_s = number(page, f"{STATE}.now()")
            page.evaluate(f"delete {DATA}.audioOffMs")
            page.locator(f"[data-audio={name}]").press("Enter")
            until(page, f"Math.abs(Number({DATA}.audioOffMs)) < 30")
            assert page.evaluate(f"{VIDEO}.muted")
            after_s = number(page, f"{STATE}.now()")
            assert before_s <= after_s < before_s + 15
            assert page.evaluate(f"document.querySelector('[data-audio={name}]').ariaPressed") == "true"
