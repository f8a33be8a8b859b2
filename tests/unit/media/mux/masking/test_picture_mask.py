"""Masks in the units of a track."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from komorebi_qc.core.privacy.masks import Masks
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.mux.masking.picture_mask import picture_mask, with_next

BASE = Fraction(1, 1000)
MASKS = Masks("picture", (Span(0.0, 1.0),), (Span(10.0, 11.0),), (Span(12.0, 13.0),))


def test_the_recording_clock_counts() -> None:
    """Timestamps are the track's own, before the output's shift, and count from its origin."""
    mask = picture_mask(MASKS, BASE, 5.0)
    assert mask is not None
    assert mask.covers(15_500, 15_600)
    assert not mask.covers(10_500, 10_600)
    assert not mask.covers(14_900, 15_000)
    assert mask.covers(14_900, 15_001)
    assert mask.covers(14_900, None)
    assert not mask.covers(16_000, None)
    assert [mask.contains(pts) for pts in (14_999, 15_000, 15_999, 16_000)] == [False, True, True, False]


def test_packets_near_a_span_are_known() -> None:
    """A minute before it, and no longer."""
    mask = picture_mask(MASKS, BASE, -100.0)
    assert mask is not None
    assert (mask.is_near(-99_000), mask.is_near(-151_000)) == (True, False)
    assert (mask.is_ahead(-151_000), mask.is_ahead(-89_000)) == (True, False)


def test_only_a_masked_picture_has_a_mask() -> None:
    """Sound only, or no span: the track is left alone."""
    assert picture_mask(Masks("sound", MASKS.call, MASKS.recording, MASKS.output), BASE, 0.0) is None
    assert picture_mask(Masks("picture"), BASE, 0.0) is None


@dataclass(frozen=True, slots=True)
class Stamped:
    """A frame's timestamp."""

    pts: int | None


def test_each_frame_is_on_show_until_the_next_one() -> None:
    """Frames without a timestamp are dropped, and the last one has no end."""
    found = with_next(iter([Stamped(2), Stamped(None), Stamped(5), Stamped(7)]))
    assert [(frame.pts, begin, end) for frame, begin, end in found] == [(2, 2, 5), (5, 5, 7), (7, 7, None)]
    assert list(with_next(iter([]))) == []


def test_a_timestamp_that_runs_back_moves_no_frame_forwards() -> None:
    """Frames are shown in the order of the file, whatever their timestamps say."""
    found = with_next(iter([Stamped(5), Stamped(9), Stamped(3), Stamped(4), Stamped(12)]))
    assert [(frame.pts, begin, end) for frame, begin, end in found] == [
        (5, 5, 9),
        (9, 9, 9),
        (3, 9, 9),
        (4, 9, 12),
        (12, 12, None),
    ]
