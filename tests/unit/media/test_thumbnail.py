"""The thumbnail."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from captures import CAPTURES, Capture
from made import Shape, recording

import komorebi_qc.media.thumbnail as thumbnail_module
from komorebi_qc.core.errors import MediaError, OutOfTimeError
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.bounds.table import THUMBNAIL_BYTES
from komorebi_qc.media.plain_picture import plain_picture
from komorebi_qc.media.thumbnail import png_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.core.source import Source

    Open = Callable[[Path], Source]


def picture(png: bytes) -> NDArray[np.uint8]:
    """The PNG's pixels, shape ``(height, width, 3)``."""
    with av.open(io.BytesIO(png), "r") as container:
        frame: Any = next(container.decode(video=0))
        pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
        return pixels


@pytest.mark.parametrize(("name", "video"), [("a.webm", "libvpx"), ("a.mp4", "libx264")])
@pytest.mark.parametrize(("seconds", "shown"), [(3.0, 10), (0.4, 3), (1.0, 9)])
def test_it_is_the_frame_at_one_second_or_the_last(
    name: str, video: str, seconds: float, shown: int, tmp_path: Path, source: Open
) -> None:
    """Frames are as bright as their number: the tenth is shown at 1 s, and a shorter video's last one."""
    shape = Shape(seconds=seconds, video=video, audio=None, size=(160, 90))
    pixels = picture(png_at(source(recording(tmp_path / name, shape)), 1.0))
    assert pixels.shape == (90, 160, 3)
    assert pixels.mean() == pytest.approx(shown * 8, abs=4)


def test_real_captures_have_one(capture: Capture, source: Open) -> None:
    """Every codec that Chromium records gives a thumbnail that isn't blank."""
    pixels = picture(png_at(source(capture.recording), 1.0))
    assert pixels.std() > 10


def test_a_video_that_cant_be_decoded_is_refused(tmp_path: Path, source: Open) -> None:
    """A video track of noise bytes is reported as damaged."""
    path = recording(tmp_path / "a.mp4", Shape(video="libx264", audio=None))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov", start) - 4
    data[start:end] = np.random.default_rng(1).integers(0, 256, end - start, dtype=np.uint8).tobytes()
    path.write_bytes(bytes(data))
    with pytest.raises(MediaError, match="no video frame"):
        png_at(source(path), 1.0)


def test_the_first_frame_stands_in_for_a_late_start(tmp_path: Path, source: Open) -> None:
    """If the video begins after 1 s, its first frame is taken."""
    pixels = picture(png_at(source(recording(tmp_path / "a.webm", Shape(start_s=5.0, audio=None))), 1.0))
    assert pixels.mean() < 8


@pytest.mark.parametrize(
    ("masked", "is_plain"),
    [
        pytest.param((), False, id="no mask"),
        pytest.param((Span(0.0, 0.9), Span(1.2, 2.0)), False, id="elsewhere"),
        pytest.param((Span(0.9, 1.4),), True, id="at its moment"),
        pytest.param((Span(1.05, 1.07),), True, id="while its frame is on show"),
    ],
)
def test_a_masked_moment_has_a_plain_picture(
    masked: tuple[Span, ...],
    is_plain: bool,  # noqa: FBT001  a parameter
    tmp_path: Path,
    source: Open,
) -> None:
    """Of the recording's size, with its line of text."""
    path = recording(tmp_path / "a.webm", Shape(audio=None, size=(320, 180)))
    pixels = picture(png_at(source(path), 1.0, masked=masked))
    assert np.array_equal(pixels, plain_picture(320, 180)) == is_plain


def test_the_last_frame_stays_on_show(tmp_path: Path, source: Open) -> None:
    """A mask after the end of a short video covers it."""
    path = recording(tmp_path / "a.webm", Shape(seconds=0.5, audio=None, size=(320, 180)))
    pixels = picture(png_at(source(path), 1.0, masked=(Span(0.9, 1.4),)))
    assert np.array_equal(pixels, plain_picture(320, 180))


def test_h264_capture_matches_its_size() -> None:
    """The sample's thumbnail has the recording's own size."""
    path = CAPTURES["sample"].recording
    with path.open("rb") as file:
        from komorebi_qc.core.source import Source  # noqa: PLC0415  a type elsewhere in this module

        assert picture(png_at(Source("sample", file, path.stat().st_size), 1.0)).shape == (540, 960, 3)


@pytest.mark.parametrize(
    ("bound", "value", "shown"),
    [
        pytest.param("THUMBNAIL_FRAMES", 4, 3, id="frames"),
        pytest.param("THUMBNAIL_PIXELS", 4 * 160 * 90, 3, id="pixels"),
        pytest.param("THUMBNAIL_PACKETS", 5, 4, id="packets"),
        pytest.param("THUMBNAIL_PACKETS", 10_000, 10, id="none"),
    ],
)
def test_the_last_frame_within_the_bounds_is_taken(
    bound: str, value: int, shown: int, tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the frame at 1 s is behind them; frames are as bright as their number."""
    monkeypatch.setattr(thumbnail_module, bound, value)
    path = recording(tmp_path / "a.webm", Shape(audio=None, size=(160, 90)))
    assert picture(png_at(source(path), 1.0)).mean() == pytest.approx(shown * 8, abs=4)


def test_no_frame_is_decoded_once_the_memory_is_used_up(
    tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder can hold 16 frames. The ones that it still holds are taken."""
    asked = iter([0, 10, THUMBNAIL_BYTES, THUMBNAIL_BYTES + 1])
    monkeypatch.setattr(thumbnail_module, "resident_bytes", lambda: next(asked))
    path = recording(tmp_path / "a.webm", Shape(audio=None, size=(160, 90)))
    assert picture(png_at(source(path), 1.0)).mean() == pytest.approx(1 * 8, abs=4)


def test_beyond_the_bounds_a_later_mask_counts(tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows how long the last decoded frame is on show, so the picture is plain."""
    monkeypatch.setattr(thumbnail_module, "THUMBNAIL_FRAMES", 4)
    path = recording(tmp_path / "a.webm", Shape(audio=None, size=(320, 180)))
    pixels = picture(png_at(source(path), 1.0, masked=(Span(2.0, 2.5),)))
    assert np.array_equal(pixels, plain_picture(320, 180))


def test_the_deadline_is_asked_before_each_packet(tmp_path: Path, source: Open) -> None:
    """Its exception ends the decoding."""
    asked = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 5:
            raise OutOfTimeError("the time limit was close")

    path = recording(tmp_path / "a.webm", Shape(audio=None))
    with pytest.raises(OutOfTimeError):
        png_at(source(path), 1.0, check_cancelled=check)
    assert len(asked) == 5


@pytest.mark.parametrize("probed", [1 << 30, 100])
def test_a_large_picture_is_scaled(probed: int, tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its longer side has the bound, and its shape stays: whether it is scaled at once or at the end."""
    monkeypatch.setattr(thumbnail_module, "PROBED_PIXELS", probed)
    path = recording(tmp_path / "a.mp4", Shape(seconds=0.3, video="libx264", audio=None, size=(2560, 1440)))
    assert picture(png_at(source(path), 1.0)).shape == (1152, 2048, 3)
