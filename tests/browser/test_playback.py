"""The output plays in a real browser: headless Chromium loads it, seeks to the seam and plays on."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from measure import cases, process, video_pts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
WAIT_MS = 30_000
BEFORE_SEAM_S, AFTER_SEAM_S = 1.0, 0.7
PAGE = b"""<!doctype html><title>player</title><link rel="icon" href="data:,"><video id="video" preload="auto"></video>
<script>
const video = document.getElementById("video");
const log = [];
let shown = null;
const look = (now, frame) => { shown = frame.mediaTime; video.requestVideoFrameCallback(look); };
video.requestVideoFrameCallback(look);
for (const name of ["error", "ended", "seeked"]) video.addEventListener(name, () => log.push(name));
const state = () => ({
  duration: video.duration, width: video.videoWidth, height: video.videoHeight, at: video.currentTime,
  shown, frames: video.webkitDecodedFrameCount, audio: video.webkitAudioDecodedByteCount, log,
  ended: video.ended, error: video.error ? `${video.error.code}: ${video.error.message}` : null,
});
</script>
"""
LATE_S = -3.0
"""As if the recording had started 3 s after the call: its video begins there, in MP4 by an empty edit."""


class _Ranges(BaseHTTPRequestHandler):
    """The page, and one video by ranges (RFC 9110, 14.2), without which browsers can't seek."""

    protocol_version = "HTTP/1.1"
    video: Path

    def do_GET(self) -> None:
        """Answer with the page, or with the requested range of the video."""
        is_page = self.path == "/"
        body = PAGE if is_page else self.video.read_bytes()
        wanted = None if is_page else self._range(len(body))
        status, part = (200, body) if wanted is None else (206, body[wanted])
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if is_page else TYPES[self.video.suffix])
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Accept-Ranges", "bytes")
        if wanted is not None:
            self.send_header("Content-Range", f"bytes {wanted.start}-{wanted.stop - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(part)

    def _range(self, size: int) -> slice | None:
        unit, _, asked = self.headers.get("Range", "").partition("=")
        first, dash, last = asked.partition("-")
        if unit != "bytes" or not dash or not first.isdecimal() or int(first) >= size:
            return None
        return slice(int(first), min(int(last) + 1, size) if last else size)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A browser drops connections as it seeks."""


@contextmanager
def _served(video: Path) -> Iterator[str]:
    handler = type("Handler", (_Ranges,), {"video": video})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


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
    with _served(Path(made["output"])) as url:
        page = browser.new_page()
        try:
            page.set_default_timeout(WAIT_MS)
            page.goto(url)
            _loads(page, made["durations"]["output_s"])
            _plays(page, 0.0, 0.5, with_picture=offset_s is None)
            _seeks(page, seam_s - BEFORE_SEAM_S)
            _shows(page, max(at_s for at_s in frames_s if at_s <= seam_s - BEFORE_SEAM_S))
            _plays(page, seam_s - BEFORE_SEAM_S, BEFORE_SEAM_S + AFTER_SEAM_S)
        finally:
            page.close()


def _state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("state()")
    assert found["error"] is None
    assert "error" not in found["log"]
    assert not found["ended"]
    assert "ended" not in found["log"]
    return found


def _loads(page: Page, output_s: float) -> None:
    page.evaluate("video.src = '/video'")
    page.wait_for_function("video.readyState >= HTMLMediaElement.HAVE_METADATA || video.error")
    found = _state(page)
    assert found["duration"] == pytest.approx(output_s, abs=0.2)
    assert found["width"] > 0
    assert found["height"] > 0


def _seeks(page: Page, to_s: float) -> None:
    page.evaluate("video.pause()")
    page.evaluate("to_s => { video.currentTime = to_s }", to_s)
    page.wait_for_function("(log.includes('seeked') && !video.seeking) || video.error")
    assert _state(page)["at"] == pytest.approx(to_s, abs=0.01)


def _shows(page: Page, frame_s: float) -> None:
    """The frame on the screen is the one of that moment."""
    page.wait_for_function("at_s => Math.abs(shown - at_s) < 0.002 || video.error", arg=frame_s)
    assert _state(page)["shown"] == pytest.approx(frame_s, abs=0.002)


def _plays(page: Page, from_s: float, for_s: float, *, with_picture: bool = True) -> None:
    """Check that it plays on for `for_s` and decodes audio, and video if it has any."""
    before = _state(page)
    page.evaluate("video.play()")
    page.wait_for_function("upto_s => video.currentTime >= upto_s || video.error || video.ended", arg=from_s + for_s)
    after = _state(page)
    assert after["at"] >= from_s + for_s
    assert after["audio"] > before["audio"]
    assert after["frames"] > before["frames"] or not with_picture
