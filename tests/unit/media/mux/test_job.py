"""The room for the index, and the spans of the recording that play."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.core.output import RenderPlan
from komorebi_qc.core.source import Source
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment
from komorebi_qc.media.mux.job import RenderJob, index_room
from komorebi_qc.media.probe import probe_recording

if TYPE_CHECKING:
    from captures import Capture

    from komorebi_qc.core.output import Container


def job_of(capture: Capture, container: Container) -> RenderJob:
    """A job of a capture, its call 10 s long."""
    data = capture.recording.read_bytes()
    own = Source("recording", io.BytesIO(data), len(data))
    info = probe_recording(own)
    assert info.video is not None
    assert info.audio is not None
    planned = splice(Alignment(2.0), call_s=10.0, recording_audio=info.audio.span)
    plan = RenderPlan(container, info.video.codec, copies_video=True, audio_rate=16_000, audio_bit_rate=64_000)
    return RenderJob(planned, plan, own, own, info, info.video)


def test_the_recording_plays_before_and_after_the_call(sample: Capture) -> None:
    """Two spans, each a quarter of a second longer than what plays."""
    job = job_of(sample, "mp4")
    before, after = job.played_spans()
    assert job.info.audio is not None
    assert before.start_s == pytest.approx(job.info.audio.span.start_s - 0.25, abs=0.01)
    assert before.end_s == pytest.approx(2.25, abs=0.02)
    assert after.start_s == pytest.approx(11.75, abs=0.02)
    assert after.end_s == pytest.approx(job.info.audio.span.end_s + 0.25, abs=0.01)


@pytest.mark.parametrize(("container", "per_packet"), [("mp4", 44), ("webm", 40)])
def test_the_room_grows_with_the_packets(sample: Capture, container: Container, per_packet: int) -> None:
    """Every video packet takes its share of the index; WebM has at most two cues a second."""
    job = job_of(sample, container)
    one = replace(job, video=replace(job.video, packets=10))
    two = replace(job, video=replace(job.video, packets=20))
    many = replace(job, video=replace(job.video, packets=10**6))
    assert index_room(two) - index_room(one) == pytest.approx(10 * per_packet, abs=1)
    if container == "webm":
        assert index_room(many) < 16 * 1024 + 40 * 2 * 60
    else:
        assert index_room(many) > 44 * 10**6
