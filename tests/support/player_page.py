"""A page with one video in a browser: it loads, seeks, plays, and reports which frames it showed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Page

TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
WAIT_MS = 30_000
COLUMNS, ROWS = 32, 18
"""Brightness of a frame is the mean of so many blocks."""
PAGE = b"""<!doctype html><title>player</title><link rel="icon" href="data:,"><video id="video" preload="auto"></video>
<canvas id="canvas" hidden></canvas>
<script>
const video = document.getElementById("video"), canvas = document.getElementById("canvas");
const pen = canvas.getContext("2d", { willReadFrequently: true });
const log = [], seen = [];
let shown = null, watches = false;
const look = (now, frame) => {
  shown = frame.mediaTime;
  if (watches) seen.push([shown, blocks()]);
  video.requestVideoFrameCallback(look);
};
video.requestVideoFrameCallback(look);
for (const name of ["error", "ended", "seeked"]) video.addEventListener(name, () => log.push(name));
const state = () => ({
  duration: video.duration, width: video.videoWidth, height: video.videoHeight, at: video.currentTime,
  shown, frames: video.webkitDecodedFrameCount, audio: video.webkitAudioDecodedByteCount, log,
  ended: video.ended, error: video.error ? `${video.error.code}: ${video.error.message}` : null,
});
const blocks = () => {
  const columns = 32, rows = 18, sums = new Array(columns * rows).fill(0), counts = sums.slice();
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  pen.drawImage(video, 0, 0);
  const { data, width, height } = pen.getImageData(0, 0, canvas.width, canvas.height);
  for (let y = 0; y < height; y += 2) for (let x = 0; x < width; x += 2) {
    const at = 4 * (y * width + x), block = Math.floor(y * rows / height) * columns + Math.floor(x * columns / width);
    sums[block] += 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    counts[block] += 1;
  }
  return sums.map((sum, block) => sum / counts[block]);
};
</script>
"""


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
def served(video: Path) -> Iterator[str]:
    """Serve the page and a video on this machine; give the page's address."""
    handler = type("Handler", (_Ranges,), {"video": video})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def state(page: Page) -> dict[str, Any]:
    """The player's state; an error or the video's end fails the test."""
    found: dict[str, Any] = page.evaluate("state()")
    assert found["error"] is None
    assert "error" not in found["log"]
    assert not found["ended"]
    assert "ended" not in found["log"]
    return found


def loads(page: Page, output_s: float) -> None:
    """Load the video: its length and size are known."""
    page.evaluate("video.src = '/video'")
    page.wait_for_function("video.readyState >= HTMLMediaElement.HAVE_METADATA || video.error")
    found = state(page)
    assert found["duration"] == pytest.approx(output_s, abs=0.2)
    assert found["width"] > 0
    assert found["height"] > 0


def seeks(page: Page, to_s: float) -> None:
    """Seek, and wait until the video is there."""
    page.evaluate("video.pause()")
    page.evaluate("to_s => { video.currentTime = to_s }", to_s)
    page.wait_for_function("(log.includes('seeked') && !video.seeking) || video.error")
    assert state(page)["at"] == pytest.approx(to_s, abs=0.01)


def shows(page: Page, frame_s: float) -> None:
    """The frame on the screen is the one of that moment."""
    page.wait_for_function("at_s => Math.abs(shown - at_s) < 0.002 || video.error", arg=frame_s)
    assert state(page)["shown"] == pytest.approx(frame_s, abs=0.002)


def plays(page: Page, from_s: float, for_s: float, *, with_picture: bool = True) -> None:
    """Check that it plays on for `for_s` and decodes audio, and video if it has any."""
    before = state(page)
    page.evaluate("video.play()")
    page.wait_for_function("upto_s => video.currentTime >= upto_s || video.error || video.ended", arg=from_s + for_s)
    after = state(page)
    assert after["at"] >= from_s + for_s
    assert after["audio"] > before["audio"]
    assert after["frames"] > before["frames"] or not with_picture


def picture(page: Page) -> NDArray[np.float64]:
    """The brightness of the frame on the screen in blocks, shape ``(18, 32)``, 0 to 255."""
    return np.array(page.evaluate("blocks()"), np.float64).reshape(ROWS, COLUMNS)


def in_blocks(grey: NDArray[Any]) -> NDArray[np.float64]:
    """The same of a decoded frame, shape ``(height, width)``."""
    rows, columns = (
        np.arange(length) * count // length for length, count in zip(grey.shape, (ROWS, COLUMNS), strict=True)
    )
    number = (rows[:, None] * COLUMNS + columns).ravel()
    return (np.bincount(number, grey.ravel()) / np.bincount(number)).reshape(ROWS, COLUMNS)
