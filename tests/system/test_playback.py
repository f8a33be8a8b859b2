"""The output plays in a real browser: headless Chromium loads it, seeks to the seam and plays on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from measure import cases, process, video_pts
from player_page import WAIT_MS, loads, plays, seeks, served, shows

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BEFORE_SEAM_S, AFTER_SEAM_S = 1.0, 0.7
LATE_S = -3.0
"""As if the recording had started 3 s after the call: its video begins there, in MP4 by an empty edit."""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "suffix", "codec", "offset_s"),
    [
        pytest.param("recording.mp4", ".mp4", "h264", None, id="h264-mp4"),
        pytest.param("vp9.mp4", ".mp4", "vp9", None, id="vp9-mp4"),
        pytest.param("av1.webm", ".mp4", "av1", None, id="av1-mp4"),
        pytest.param("vp8.webm", ".webm", "vp8", None, id="vp8-webm"),
        pytest.param("recording.mp4", ".mp4", "h264", LATE_S, id="late-h264-mp4"),
        pytest.param("vp8.webm", ".webm", "vp8", LATE_S, id="late-vp8-webm"),
    ],
)
def test_plays_across_the_seam(
    browser: Browser, tmp_path: Path, name: str, suffix: str, codec: str, offset_s: float | None
) -> None:
    """Chromium knows the length, plays video and audio, seeks to the right frame and plays on over the seam."""
    made = process(cases()[name], tmp_path / f"out{suffix}", offset_s)
    assert (made["codecs"]["video"], made["codecs"]["video_copied"]) == (codec, True)
    frames_s = video_pts(Path(made["output"]))
    seam_s = made["call_end"]["used_s"] + made["alignment"]["output_shift_s"]
    with served(Path(made["output"])) as url:
        page = browser.new_page()
        try:
            page.set_default_timeout(WAIT_MS)
            page.goto(url)
            loads(page, made["durations"]["output_s"])
            plays(page, 0.0, 0.5, with_picture=offset_s is None)
            seeks(page, seam_s - BEFORE_SEAM_S)
            shows(page, max(at_s for at_s in frames_s if at_s <= seam_s - BEFORE_SEAM_S))
            plays(page, seam_s - BEFORE_SEAM_S, BEFORE_SEAM_S + AFTER_SEAM_S)
        finally:
            page.close()
