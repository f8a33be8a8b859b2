"""Masked outputs in a real browser: headless Chromium seeks and plays across both edges of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from captures import CAPTURES
from masked_video import frames, on_show, written
from player_page import WAIT_MS, in_blocks, loads, picture, plays, seeks, served, state

from komorebi_qc.media.plain_picture import plain_grey

if TYPE_CHECKING:
    from pathlib import Path

    from masked_video import Shown
    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Page

    Blocks = NDArray[np.float64]

MASK_S = (4.0, 5.0)
MOMENTS_S = (3.5, 4.02, 4.5, 4.97, 5.2, 4.97, 3.5, 4.5, 7.0, 4.02)
"""Across both edges, forwards and backwards."""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        pytest.param("sample", ".mp4", id="h264-mp4"),
        pytest.param("h264.mkv", ".mp4", id="h264-with-start-codes"),
        pytest.param("vp9.mp4", ".mp4", id="vp9-mp4"),
        pytest.param("av1.webm", ".mp4", id="av1-mp4"),
        pytest.param("vp8.webm", ".webm", id="vp8-webm"),
    ],
)
def test_plays_and_seeks_across_a_mask(browser: Browser, tmp_path: Path, name: str, suffix: str) -> None:
    """In the mask each frame is the plain picture, outside of it each is the recording's, and nothing stops."""
    recording = CAPTURES[name].recording
    made = written(recording, (MASK_S,), folder=tmp_path)
    video = tmp_path / f"out{suffix}"
    video.write_bytes(made.file.getvalue())
    source = frames(recording)
    masked = on_show(source, (MASK_S,))
    with served(video) as url:
        page = browser.new_page()
        try:
            page.set_default_timeout(WAIT_MS)
            page.goto(url)
            loads(page, max(made.rendered.audio_s, source[-1].pts_s))
            for at_s in MOMENTS_S:
                number = max(n for n, frame in enumerate(source) if frame.pts_s <= at_s)
                _seek(page, at_s, source[number].pts_s)
                _check(picture(page), source[number], is_masked=masked[number])
            seeks(page, MASK_S[0] - 0.5)
            page.evaluate("watches = true")
            plays(page, MASK_S[0] - 0.5, 2.0)
            seen = page.evaluate("seen")
            state(page)
        finally:
            page.close()
    _check_seen(seen, source, masked)


def _seek(page: Page, at_s: float, frame_s: float) -> None:
    seeks(page, at_s)
    page.wait_for_function("at_s => Math.abs(shown - at_s) < 0.002 || video.error", arg=frame_s)


def _check_seen(seen: list[tuple[float, list[float]]], source: list[Shown], masked: list[bool]) -> None:
    """Every frame that was shown while playing is checked, and there were frames on both sides and inside."""
    kinds = []
    for shown_s, blocks in seen:
        number = min(range(len(source)), key=lambda n: abs(source[n].pts_s - shown_s))
        assert source[number].pts_s == pytest.approx(shown_s, abs=0.002)
        _check(np.array(blocks).reshape(18, 32), source[number], is_masked=masked[number])
        kinds.append((masked[number], shown_s > MASK_S[1]))
    assert {(False, False), (True, False), (False, True)} <= set(kinds)


def _check(shown: Blocks, source: Shown, *, is_masked: bool) -> None:
    height, width = source.grey.shape
    plain, own = in_blocks(plain_grey(width, height)), in_blocks(source.grey)
    wanted, other = (plain, own) if is_masked else (own, plain)
    assert _distance(shown, wanted) < 6.0, source.pts_s
    assert _distance(shown, other) > 25.0, source.pts_s


def _distance(one: Any, other: Any) -> float:
    return float(np.abs(one - other).mean())
