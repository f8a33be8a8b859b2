"""Findings about a recording's timestamps: numbers, places and words by their sign."""

from __future__ import annotations

import pytest
from sentences import numbers

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import Span
from komorebi_qc.core.timestamps.timing import AudioTiming, Discontinuity, Timing, VideoTiming
from komorebi_qc.findings.timing import standards_text, timing_findings

VIDEO = VideoTiming(0.0, Span(0.0, 100.0), 2500, 0.04, Span(30.0, 35.5))


def audio(*steps: tuple[float, float], start_s: float = 0.0, end_s: float = 100.0) -> AudioTiming:
    """An audio track with steps (at, size)."""
    return AudioTiming(start_s, Span(start_s, end_s), 100.0, 5000, tuple(Discontinuity(a, s) for a, s in steps))


def found(timing: Timing) -> dict[str, Finding]:
    """The findings by name."""
    return {f.name: f for f in timing_findings(timing)}


def test_a_good_recording() -> None:
    """Every finding passes; a missing track has no findings, and no skew."""
    all_of_it = found(Timing(0.0, audio(), VIDEO))
    assert list(all_of_it) == [
        "audio_gaps", "audio_gap_share", "audio_overlaps", "audio_start_skew", "audio_end_skew", "video_freeze",
    ]  # fmt: skip
    assert all(f.status == "pass" for f in all_of_it.values())
    assert all_of_it["audio_gaps"].at is None
    assert all_of_it["audio_overlaps"].at is None
    assert list(found(Timing(0.0, None, VIDEO))) == ["video_freeze"]
    assert list(found(Timing(0.0, audio(), None))) == ["audio_gaps", "audio_gap_share", "audio_overlaps"]
    assert found(Timing(0.0, None, None)) == {}


def test_gaps_add_up() -> None:
    """The value is all that is lost; the sentence has the largest one; the share is that of the track."""
    gaps = found(Timing(0.0, audio((10.0, 0.02), (40.5, 0.06), (50.0, -0.3), (70.0, 0.03)), VIDEO))
    assert gaps["audio_gaps"].value == pytest.approx(0.11)
    assert (gaps["audio_gaps"].status, gaps["audio_gaps"].unit) == ("warn", "s")
    assert gaps["audio_gaps"].at == At("recording", 40.5)
    assert numbers(gaps["audio_gaps"].text) == ["3", "110.0", "60.0", "00:00:40.500"]
    assert "conceal." in gaps["audio_gaps"].text
    assert gaps["audio_gap_share"].value == pytest.approx(0.0011)
    assert gaps["audio_gap_share"].status == "pass"
    assert "0.11" in numbers(gaps["audio_gap_share"].text)


def test_one_long_gap() -> None:
    """Over 60 ms can't be concealed; one lost buffer is in the singular; a twentieth of the track fails."""
    gap = found(Timing(0.0, audio((40.5, 0.0601)), VIDEO))["audio_gaps"]
    assert "longer than" in gap.text
    assert "that buffer" in gap.text
    assert "those buffers" in found(Timing(0.0, audio((1.0, 0.01), (2.0, 0.01)), VIDEO))["audio_gaps"].text
    assert found(Timing(0.0, audio((40.5, 5.0)), VIDEO))["audio_gap_share"].status == "pass"
    assert found(Timing(0.0, audio((40.5, 5.001)), VIDEO))["audio_gap_share"].status == "fail"
    empty = AudioTiming(0.0, Span(0.0, 0.0), 0.0, 1, (Discontinuity(0.0, 1.0),))
    assert found(Timing(0.0, empty, VIDEO))["audio_gap_share"].value == 0.0


def test_overlaps_add_up() -> None:
    """The value is positive; the sentence has the worst overlap and its moment."""
    overlaps = found(Timing(0.0, audio((10.0, -0.02), (40.5, -0.05), (50.0, 0.3)), VIDEO))["audio_overlaps"]
    assert overlaps.value == pytest.approx(0.07)
    assert overlaps.status == "warn"
    assert overlaps.at == At("recording", 40.5)
    assert numbers(overlaps.text) == ["2", "70.0", "50.0", "00:00:40.500"]
    assert " begin " in overlaps.text
    assert " begins " in found(Timing(0.0, audio((10.0, -0.02)), VIDEO))["audio_overlaps"].text


@pytest.mark.parametrize(
    ("start_s", "status", "limit", "order", "standard"),
    [
        (0.0, "pass", 0.125, "after", "within the tolerance of EBU"),
        (0.06, "pass", 0.125, "after", "within the tolerance of EBU"),
        (0.0601, "pass", 0.125, "after", "beyond the tolerance of EBU"),
        (0.125, "pass", 0.125, "after", "beyond the tolerance of EBU"),
        (0.126, "warn", 0.125, "after", "beyond the tolerance of ITU-R BT.1359-1, det"),
        (0.186, "warn", 0.125, "after", "beyond the tolerance of ITU-R BT.1359-1, acc"),
        (-0.04, "pass", -0.045, "before", "within the tolerance of EBU"),
        (-0.05, "warn", -0.045, "before", "beyond the tolerance of ITU-R BT.1359-1, det"),
    ],
)
def test_a_skew_at_the_start(start_s: float, status: str, limit: float, order: str, standard: str) -> None:
    """Positive means that the audio begins later; the sentence names the widest tolerance that it exceeds."""
    skew = found(Timing(0.0, audio(start_s=1.0 + start_s), VideoTiming(1.0, Span(1.0, 100.0), 9, 0.04, Span(1, 1))))
    start = skew["audio_start_skew"]
    assert start.value == pytest.approx(start_s)
    assert (start.status, start.limit) == (status, limit)
    assert numbers(start.text)[0] == f"{abs(start_s) * 1000:.1f}"
    assert f" {order} its video" in start.text
    assert standard in start.text
    assert "known to a frame" not in start.text


@pytest.mark.parametrize(
    ("end_s", "status", "limit", "standard"),
    [
        (100.165, "pass", 0.165, "beyond the tolerance of EBU"),
        (100.166, "warn", 0.165, "beyond the tolerance of ITU-R BT.1359-1, det"),
        (99.9151, "pass", -0.085, "beyond the tolerance of EBU"),
        (99.914, "warn", -0.085, "beyond the tolerance of ITU-R BT.1359-1, det"),
        (99.93, "pass", -0.085, "within the tolerance of EBU"),
        (99.97, "pass", -0.085, "within the tolerance of EBU"),
        (100.03, "pass", 0.165, "within the tolerance of EBU"),
    ],
)
def test_a_skew_at_the_end_is_known_to_a_frame(end_s: float, status: str, limit: float, standard: str) -> None:
    """The limit is wider by a frame of 40 ms, and the standards apply to the certain part."""
    end = found(Timing(0.0, audio(end_s=end_s), VIDEO))["audio_end_skew"]
    assert (end.status, end.limit) == (status, limit)
    assert standard in end.text
    assert numbers(end.text)[1] == "40.0"


def test_the_narrowest_tolerance_that_holds() -> None:
    """A skew within all tolerances is within the first one."""
    limit = DEFAULT.of("audio_start_skew")
    assert standards_text(0.0, limit).startswith("within the tolerance of EBU R37")
    assert standards_text(-0.041, limit).startswith("beyond the tolerance of EBU R37")
    assert standards_text(1.0, limit).endswith("acceptability")


@pytest.mark.parametrize(("end_s", "status"), [(40.0, "pass"), (40.1, "warn")])
def test_a_frozen_video(end_s: float, status: str) -> None:
    """The longest time without a new frame, from its start; the rate is that of the median."""
    video = VideoTiming(0.0, Span(0.0, 100.0), 2500, 0.04, Span(30.0, end_s))
    freeze = found(Timing(0.0, None, video))["video_freeze"]
    assert freeze.value == pytest.approx(end_s - 30.0)
    assert (freeze.status, freeze.limit, freeze.at) == (status, 10.0, At("recording", 30.0))
    assert numbers(freeze.text) == [f"{end_s - 30:.3f}", "00:00:30.000", "2500", "25.0"]


def test_a_single_frame_has_no_rate() -> None:
    """One frame: no rate, and nothing to look at."""
    freeze = found(Timing(0.0, None, VideoTiming(0.0, Span(0.0, 0.0), 1, 0.0, Span(0.0, 0.0))))["video_freeze"]
    assert freeze.at is None
    assert numbers(freeze.text) == ["0.000", "00:00:00.000", "1"]


@pytest.mark.parametrize(
    ("step_s", "frozen_s", "status", "limit"),
    [
        (0.04, 10.0, "pass", 10.0),
        (0.04, 10.1, "warn", 10.0),
        (0.2, 10.0, "pass", 10.0),
        (0.2, 10.2, "warn", 10.0),
        (1.0, 45.0, "pass", 50.0),
        (1.0, 51.0, "warn", 50.0),
    ],
)
def test_a_freeze_is_many_frames_of_the_file_long(step_s: float, frozen_s: float, status: str, limit: float) -> None:
    """A recorder of 5 frames a second has the usual limit, and a slower one has 50 of its own frames."""
    video = VideoTiming(0.0, Span(0.0, 100.0), 90, step_s, Span(20.0, 20.0 + frozen_s))
    freeze = found(Timing(0.0, None, video))["video_freeze"]
    assert (freeze.status, freeze.limit) == (status, limit)


@pytest.mark.parametrize(
    ("step_s", "start_s", "status", "limit"),
    [(0.2, -0.19, "pass", -0.2), (0.2, -0.21, "warn", -0.2), (0.2, 0.13, "warn", 0.125), (0.04, -0.05, "warn", -0.045)],
)
def test_a_slow_recorders_first_picture_may_be_late(step_s: float, start_s: float, status: str, limit: float) -> None:
    """The sound may begin earlier than the picture by a frame of the file, never later by more than usual."""
    video = VideoTiming(1.0, Span(1.0, 100.0), 9, step_s, Span(1, 1))
    start = found(Timing(0.0, audio(start_s=1.0 + start_s), video))["audio_start_skew"]
    assert (start.status, start.limit) == (status, limit)
