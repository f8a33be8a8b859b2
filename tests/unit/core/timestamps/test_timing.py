"""Timestamps of packets: lost, repeated, late or frozen ones, on small tables."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.core.timebase import Span
from komorebi_qc.core.timestamps.timing import (
    AudioTiming,
    Discontinuity,
    Timing,
    VideoTiming,
    audio_timing,
    discontinuities,
    nominal_duration_s,
    video_timing,
)


def every(step_s: float, count: int, first_s: float = 0.0) -> np.ndarray:
    """Timestamps a step apart."""
    return first_s + step_s * np.arange(count)


def test_a_track_of_equal_packets() -> None:
    """Its length is that of its packets, and nothing is missing."""
    found = audio_timing(every(0.02, 50), np.full(50, 0.02))
    assert found is not None
    assert (found.first_s, found.packets, found.discontinuities) == (0.0, 50, ())
    assert found.audible.end_s == pytest.approx(1.0)
    assert found.held_s == pytest.approx(1.0)
    assert audio_timing(np.zeros(0), np.zeros(0)) is None


def test_a_lost_buffer() -> None:
    """The track is as long as before, and holds less."""
    stamps = np.delete(every(0.02, 50), [20, 21])
    found = audio_timing(stamps, np.full(48, 0.02))
    assert found is not None
    assert found.audible.length_s == pytest.approx(1.0)
    assert found.held_s == pytest.approx(0.96)
    (gap,) = found.gaps
    assert (gap.at_s, gap.size_s) == pytest.approx((0.44, 0.04))
    assert found.overlaps == ()


def test_the_pre_skip_is_not_audible() -> None:
    """Samples before second 0, and the encoder's pre-skip, never play and don't count."""
    found = audio_timing(every(0.02, 50, -0.0065), np.full(50, 0.02), lead_in_s=0.0065)
    assert found is not None
    assert found.first_s == -0.0065
    assert found.audible.start_s == pytest.approx(0.0)
    assert found.audible.end_s == pytest.approx(0.9935)
    assert found.held_s == pytest.approx(0.9935)
    late = audio_timing(every(0.02, 50, 1.0), np.full(50, 0.02), lead_in_s=0.01)
    assert late is not None
    assert late.audible.start_s == pytest.approx(1.01)
    assert late.held_s == pytest.approx(0.99)
    early = audio_timing(every(0.02, 2, -1.0), np.full(2, 0.02))
    assert early is not None
    assert early.audible == Span(0.0, 0.0)
    assert early.held_s == 0.0


def test_a_shortened_last_packet() -> None:
    """The container's shorter duration ends the track; a duration of 0 is unknown."""
    for last_s, end_s in ((0.005, 0.985), (0.0, 1.0), (0.5, 1.0)):
        durations = np.full(50, 0.02)
        durations[-1] = last_s
        found = audio_timing(every(0.02, 50), durations, np.full(50, 0.02))
        assert found is not None
        assert found.audible.end_s == pytest.approx(end_s)
        assert found.held_s == pytest.approx(end_s)


def test_the_latest_end_is_the_tracks() -> None:
    """An earlier packet that lasts longer ends after the last one's start."""
    found = audio_timing(np.array([0.0, 0.02, 0.04]), np.array([0.02, 0.5, 0.02]), np.array([0.02, 0.5, 0.02]))
    assert found is not None
    assert found.audible.end_s == pytest.approx(0.52)
    (overlap,) = found.overlaps
    assert (overlap.at_s, overlap.size_s) == pytest.approx((0.04, -0.48))


def test_the_usual_length_of_a_packet() -> None:
    """The median step for equal packets, though some are missing; at most a quarter of a second."""
    stamps = np.delete(every(0.02, 50), [20, 30])
    assert nominal_duration_s(stamps, np.zeros(48)) == pytest.approx(np.full(48, 0.02))
    assert nominal_duration_s(every(0.3, 10), np.full(10, 0.06)) == pytest.approx(np.full(10, 0.06))
    assert nominal_duration_s(every(0.24, 10), np.full(10, 0.06)) == pytest.approx(np.full(10, 0.24))
    assert nominal_duration_s(np.array([5.0]), np.array([0.7])) == pytest.approx([0.7])


def test_packets_that_differ() -> None:
    """More than a fifth of unusual steps: the container's lengths count, or else the steps themselves."""
    stamps = np.concatenate([[0.0], np.cumsum(np.tile([0.02, 0.02, 0.04], 10))])
    durations = np.full(31, 0.03)
    assert nominal_duration_s(stamps, durations) == pytest.approx(durations)
    durations[3] = 0.0
    steps = nominal_duration_s(stamps, durations)
    assert steps[:-1] == pytest.approx(np.diff(stamps))
    assert steps[-1] == pytest.approx(0.02)
    few = np.concatenate([[0.0], np.cumsum([*[0.02] * 8, 0.04, 0.04])])
    assert nominal_duration_s(few, np.full(11, 0.03)) == pytest.approx(np.full(11, 0.02))


@pytest.mark.parametrize(("size_s", "count"), [(0.0049, 0), (0.0051, 1), (-0.0049, 0), (-0.0051, 1)])
def test_5_ms_are_rounding(size_s: float, count: int) -> None:
    """A step of over 5 ms is a discontinuity, in either direction, at the packet after it."""
    stamps = every(0.02, 10)
    stamps[6:] += size_s
    found = discontinuities(stamps, np.full(10, 0.02))
    assert len(found) == count
    for step in found:
        assert (step.at_s, step.size_s) == pytest.approx((0.12 + size_s, size_s))
    assert len(discontinuities(stamps, np.full(10, 0.02), 0.001)) == 1


def test_a_video_by_its_frames() -> None:
    """Frames in any order: the longest time without a new one, the median step, the end of the last frame."""
    stamps = np.array([0.0, 0.08, 0.04, 0.12, 0.62, 0.66])
    found = video_timing(stamps, np.full(6, 0.04))
    assert found is not None
    assert (found.first_s, found.frames) == (0.0, 6)
    assert found.median_step_s == pytest.approx(0.04)
    assert found.median_fps == pytest.approx(25.0)
    assert (found.frozen.start_s, found.frozen.end_s) == pytest.approx((0.12, 0.62))
    assert found.span.end_s == pytest.approx(0.70)
    assert video_timing(np.zeros(0), np.zeros(0)) is None


@pytest.mark.parametrize(("last_s", "end_s"), [(0.0, 0.20), (0.02, 0.18), (5.0, 0.20)])
def test_the_last_frame_is_shown_as_long_as_the_others(last_s: float, end_s: float) -> None:
    """Its own duration if it is shorter; a duration of 0 or a guess of seconds is not believed."""
    found = video_timing(every(0.04, 5), np.array([0.0, 0.0, 0.0, 0.0, last_s]))
    assert found is not None
    assert found.span.end_s == pytest.approx(end_s)


def test_a_single_frame() -> None:
    """It is frozen for its own duration, and has no rate."""
    found = video_timing(np.array([2.0]), np.array([0.5]))
    assert found == VideoTiming(2.0, Span(2.0, 2.5), 1, 0.0, Span(2.0, 2.5))
    assert found.median_fps == 0.0


def test_skews_are_audio_minus_video() -> None:
    """Positive where the audio begins or ends later; none without both tracks."""
    audio = AudioTiming(0.1, Span(0.1, 9.5), 9.4, 9, (Discontinuity(1.0, 0.1), Discontinuity(2.0, -0.1)))
    video = VideoTiming(0.0, Span(0.0, 10.0), 9, 0.04, Span(0.0, 0.0))
    both = Timing(0.0, audio, video)
    assert both.start_skew_s == pytest.approx(0.1)
    assert both.end_skew_s == pytest.approx(-0.5)
    assert audio.gaps == (Discontinuity(1.0, 0.1),)
    assert audio.overlaps == (Discontinuity(2.0, -0.1),)
    for part in (Timing(0.0, audio, None), Timing(0.0, None, video)):
        assert (part.start_skew_s, part.end_skew_s) == (None, None)
