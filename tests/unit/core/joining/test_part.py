"""One of several files of a recording."""

from __future__ import annotations

import pytest

from komorebi_qc.core.joining.part import Part, call_gaps, gaps, with_losses, within_parts
from komorebi_qc.core.media_info import MediaInfo
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.core.timestamps.timing import AudioTiming, Discontinuity, Timing


def part(from_s: float, to_s: float, missing_bytes: int = 0, missing_s: float | None = None) -> Part:
    """A file that plays in a span."""
    return Part(
        *("r.webm", from_s, Span(from_s, to_s), to_s, "sound", 0.0001),
        missing_bytes=missing_bytes,
        missing_s=missing_s,
    )


PARTS = (part(0.0, 20.0), part(20.05, 40.0), part(45.0, 60.0))


def test_gaps_are_between_files_and_longer_than_a_frame() -> None:
    """A few hundredths of a second show no picture of their own."""
    assert gaps(PARTS) == (Span(40.0, 45.0),)
    assert gaps(PARTS[:1]) == ()


def test_a_gap_counts_as_far_as_it_is_in_the_call() -> None:
    """On the recording clock."""
    assert call_gaps(PARTS, Alignment(2.0), 100.0) == (Span(40.0, 45.0),)
    assert call_gaps(PARTS, Alignment(2.0), 41.0) == (Span(40.0, 43.0),)
    assert call_gaps(PARTS, Alignment(2.0), 30.0) == ()


def test_the_files_losses_are_those_of_the_recording() -> None:
    """Missing bytes and seconds add up; a recording of one file stays as it is."""
    info = MediaInfo("r.webm and 1 more", "webm", None, None, 0.0, 0, None)
    assert with_losses(info, ()) is info
    found = with_losses(info, (part(0.0, 20.0, 100), part(30.0, 40.0, 20, 1.5)))
    assert (found.missing_bytes, found.missing_s, len(found.parts)) == (120, 1.5, 2)
    assert with_losses(info, PARTS).missing_s is None


def test_a_gap_between_files_is_no_lost_sound() -> None:
    """A gap within a file stays."""
    lost, between = Discontinuity(10.0, 0.5), Discontinuity(45.01, 5.02)
    timing = Timing(0.0, AudioTiming(0.0, Span(0.0, 60.0), 54.0, 2700, (lost, between)), None)
    found = within_parts(timing, PARTS)
    assert found.audio is not None
    assert found.audio.discontinuities == (lost,)
    assert within_parts(timing, ()) is timing


def test_a_part_for_json_has_its_place_and_its_own_measurement() -> None:
    """Its name is with the digests of the inputs."""
    found = Part("r.webm", 45.0, Span(45.0, 60.0), 61.0, "sound", 0.00012345678, Alignment(-43.0, 12.3)).to_dict()
    assert found == {
        "recording_from_s": 45.0,
        "recording_to_s": 60.0,
        "shift_s": 45.0,
        "placed_by": "sound",
        "bound_s": pytest.approx(0.000123),
        "offset_s": -43.0,
        "drift_ppm": 12.3,
        "video_copied": True,
    }
