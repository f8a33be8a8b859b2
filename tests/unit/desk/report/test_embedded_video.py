"""A video excerpt inside a page."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from made import Shape, recording

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.report.embedded_video import embedded_video

if TYPE_CHECKING:
    from pathlib import Path

START_S, LENGTH_S = 1.0, 3.0


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with 25 frames a second."""
    return recording(tmp_path_factory.mktemp("video") / "a.webm", Shape(seconds=5.0, fps=25, audio=None))


def excerpt(video: Path, *masked: Span) -> list[float]:
    """The times of an excerpt's frames, from its start."""
    audio = np.zeros(round(LENGTH_S * 8000), np.int16)
    address = embedded_video(video, audio, start_s=START_S, video_start_s=0.0, size=200_000, masked=masked)
    kind, _, data = address.partition(",")
    assert kind == "data:video/mp4;base64"
    with av.open(io.BytesIO(base64.b64decode(data)), "r") as container:
        return [float(frame.time or 0.0) for frame in container.decode(video=0)]


def test_an_excerpt_has_at_most_ten_frames_a_second(video: Path) -> None:
    """From the frame that is on show at its start, to its end."""
    times = excerpt(video)
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(LENGTH_S, abs=0.2)
    assert np.diff(times).min() > 0.09


def test_no_frame_is_dropped_before_a_mask(video: Path) -> None:
    """Otherwise the one before it would stay on show in the mask."""
    mask = Span(START_S + 1.02, START_S + 2.0)
    kept = [at_s for at_s in excerpt(video, mask) if 0.9 < at_s < 1.95]
    assert kept == pytest.approx(np.arange(0.92, 1.95, 0.04).tolist(), abs=0.002)
