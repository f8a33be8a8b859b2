"""Masked outputs in a real browser: headless Chromium seeks and plays across both edges of a mask."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from captures import CAPTURES
from masked_video import frames, on_show, written
from player_page import WAIT_MS, in_blocks, loads, picture, plays, seeks, served, state

from komorebi_qc.media.plain_picture import plain_grey

if TYPE_CHECKING:
    from pathlib import Path

    from masked_video import Masked, Shown
    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Page

    Blocks = NDArray[np.float64]

MASK_S = (4.0, 5.0)
MOMENTS_S = (3.5, 4.02, 4.5, 4.97, 5.2, 4.97, 3.5, 4.5, 7.0, 4.02)
"""Across both edges, forwards and backwards."""
RECORD = """async ([mime, seconds]) => {
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [320, 192];
  const draw = () => {
    for (let x = 0; x < 320; x += 32) for (let y = 0; y < 192; y += 32) {
      pen.fillStyle = `hsl(${360 * Math.random()} 60% ${45 + 50 * Math.random()}%)`;
      pen.fillRect(x, y, 32, 32);
    }
  };
  draw();
  const sound = new AudioContext(), tone = sound.createOscillator(), out = sound.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  const stream = canvas.captureStream(10);
  stream.addTrack(out.stream.getAudioTracks()[0]);
  const parts = [], recorder = new MediaRecorder(stream, { mimeType: mime, videoBitsPerSecond: 2e6,
    videoKeyFrameIntervalDuration: 2000 });
  recorder.ondataavailable = (event) => parts.push(event.data);
  const stopped = new Promise((done) => { recorder.onstop = done; });
  recorder.start(500);
  const timer = setInterval(draw, 100);
  await new Promise((done) => setTimeout(done, seconds * 1000));
  recorder.stop();
  await stopped;
  clearInterval(timer);
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}"""


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
    _plays_masked(browser, CAPTURES[name].recording, suffix, tmp_path)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("mime", "suffix"),
    [
        pytest.param("video/mp4;codecs=av01.0.04M.08,opus", ".mp4", id="av1-in-mp4"),
        pytest.param("video/webm;codecs=vp9,opus", ".webm", id="vp9-in-webm"),
        pytest.param("video/webm;codecs=vp9,opus", ".mp4", id="vp9-in-webm-as-mp4"),
        pytest.param("video/webm;codecs=av01.0.04M.08,opus", ".webm", id="av1-in-webm"),
    ],
)
def test_a_recording_by_this_browser_plays_masked(browser: Browser, tmp_path: Path, mime: str, suffix: str) -> None:
    """Each codec in each container that MediaRecorder writes it into, recorded and masked now."""
    recording = _recorded(browser, mime, tmp_path / f"recording{'.mp4' if 'mp4' in mime else '.webm'}")
    made = _plays_masked(browser, recording, suffix, tmp_path)
    assert made.rendered.remade_frames < made.rendered.video_packets


def _recorded(browser: Browser, mime: str, path: Path) -> Path:
    """A recording of nine seconds by MediaRecorder: blocks that change ten times a second, and a tone."""
    page = browser.new_page()
    try:
        page.set_default_timeout(WAIT_MS)
        path.write_bytes(base64.b64decode(page.evaluate(RECORD, [mime, 9.0])))
    finally:
        page.close()
    return path


def _plays_masked(browser: Browser, recording: Path, suffix: str, folder: Path) -> Masked:
    """Mask a recording, and play and seek it across both edges of the mask."""
    made = written(recording, (MASK_S,), "webm" if suffix == ".webm" else "mp4", folder=folder)
    assert made.rendered.masked_frames
    video = folder / f"out{suffix}"
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
                ends_s = source[number + 1].pts_s if number + 1 < len(source) else at_s
                # In the middle of the frame: at its very time, a player may round to the frame before it.
                _seek(page, (source[number].pts_s + ends_s) / 2, source[number].pts_s)
                _check(picture(page), source[number], is_masked=masked[number])
            seeks(page, MASK_S[0] - 0.5)
            page.evaluate("watches = true")
            plays(page, MASK_S[0] - 0.5, 2.0)
            seen = page.evaluate("seen")
            state(page)
        finally:
            page.close()
    _check_seen(seen, source, masked)
    return made


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
