"""The sound left in a mask, measured from written files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from made import Shape, noise, recording

from komorebi_qc.core.errors import MaskError
from komorebi_qc.core.output import CaptureSpans, RenderPlan
from komorebi_qc.core.source import Source
from komorebi_qc.core.splice import own_sound
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.mask_level import MOST_DB, mask_levels, require_silence
from komorebi_qc.measure.result import MaskLevel
from komorebi_qc.media.mux import RenderJob, write_output
from komorebi_qc.media.probe import probe_recording

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.core.output import CapturedAudio, Container

MASKED = (Span(3.0, 4.0), Span(6.0, 9.0))


def written(folder: Path, container: Container, rate: int, masked: tuple[Span, ...]) -> CapturedAudio:
    """Loud noise with masks, written into a container; the capture has `MASKED`."""
    video = {"mp4": "libx264", "webm": "libvpx"}[container]
    path = recording(folder / f"in.{container}", Shape(seconds=12, video=video), noise(12, 48_000))
    data = path.read_bytes()
    source = Source(path.name, io.BytesIO(data), len(data), lambda: io.BytesIO(data))
    info = probe_recording(source)
    assert info.video is not None
    plan = RenderPlan(container, info.video.codec, copies_video=True, audio_rate=rate, audio_bit_rate=64_000)
    timeline = own_sound(info.end_s, has_audio=True, masked=masked)
    job = RenderJob(timeline, plan, source, source, info, info.video, None, CaptureSpans((), MASKED))
    captured = write_output(job, lambda _: io.BytesIO(), lambda _: None).captured
    assert captured is not None
    return captured


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_a_mask_of_a_written_file_is_silent(tmp_path: Path, container: Container, rate: int) -> None:
    """AAC and Opus leave nothing of the loud sound beside it, at any sample rate."""
    levels = mask_levels(written(tmp_path, container, rate, MASKED), MASKED)
    assert [level.output for level in levels] == list(MASKED)
    assert max(level.level_db for level in levels) < MOST_DB - 10.0
    require_silence(levels)


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_sound_in_a_mask_is_measured_and_refused(tmp_path: Path, container: Container) -> None:
    """The second mask wasn't applied: its level is that of the noise, and nothing may be published."""
    levels = mask_levels(written(tmp_path, container, 16_000, MASKED[:1]), MASKED)
    assert levels[0].level_db < MOST_DB
    assert -30.0 < levels[1].level_db < 0.0
    with pytest.raises(MaskError, match=r"isn't silent from 00:00:06.000 to 00:00:09.000.*Nothing was published"):
        require_silence(levels)


def test_half_a_second_of_sound_is_found_in_a_long_mask(tmp_path: Path) -> None:
    """The loudest 20 ms count, not the mean."""
    levels = mask_levels(written(tmp_path, "mp4", 16_000, (Span(3.0, 4.0), Span(6.0, 8.2))), MASKED)
    assert levels[1].level_db > -30.0


def test_a_file_that_nobody_looked_at_is_refused() -> None:
    """Without a capture, nothing shows that the masks are silent."""
    with pytest.raises(MaskError, match=r"weren't measured. Nothing was published"):
        mask_levels(None, MASKED)


def test_the_limit_is_the_findings() -> None:
    """A level at the limit is silent enough."""
    require_silence([MaskLevel(MASKED[0], MOST_DB)])
    with pytest.raises(MaskError, match="-70 dBFS"):
        require_silence([MaskLevel(MASKED[0], MOST_DB + 0.1)])
