"""The packets of some spans, reached by an MP4's index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made import Shape, recording

from komorebi_qc.core.timebase import Span
from komorebi_qc.core.timestamps.steps import AHEAD
from komorebi_qc.media.opening import RECORDING_FORMATS, audio_stream, open_container
from komorebi_qc.media.ranges.seeking import PREROLL_S, SeekingDemuxer
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 20 s."""
    shape = Shape(seconds=20.0, fps=2, video="libx264", audio="aac")
    return recording(tmp_path_factory.mktemp("seeking") / "a.mp4", shape)


def test_only_the_start_and_the_spans_are_read(path: Path) -> None:
    """The first packets come first, and a break before each span. Every packet of a span is there."""
    spans = [Span(5.0, 6.0), Span(15.0, 16.5)]
    announced: list[tuple[int, int]] = []
    with opened_file(path) as source, open_container(source, RECORDING_FORMATS) as container:
        stream = audio_stream(container)
        assert stream is not None
        demuxer = SeekingDemuxer(container, spans, lambda start, stop: announced.append((start, stop)))
        runs: list[list[float]] = [[]]
        for packet in demuxer.subscribe(stream):
            if packet is None:
                runs.append([])
            else:
                runs[-1].append(packet.pts * float(packet.time_base))
    first, *others = runs
    assert len(first) == AHEAD
    assert first[0] < 0.1
    assert len(others) == len(spans)
    step_s = 1024 / 48_000
    for times, span in zip(others, spans, strict=True):
        assert times == sorted(times)
        assert times[0] == pytest.approx(span.start_s - PREROLL_S, abs=step_s)
        assert times[-1] == pytest.approx(span.end_s + PREROLL_S, abs=step_s)
        assert len(times) == pytest.approx((span.length_s + 2 * PREROLL_S) / step_s, abs=2)
    (start, stop), (later, end) = announced
    assert 0 < start < stop < later < end <= path.stat().st_size
