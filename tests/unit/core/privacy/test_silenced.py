"""A silenced track reads as the track, with zeros in its spans."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.core.privacy.silenced import SilencedTrack, silenced
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span

TRACK = np.arange(1, 2 * RATE + 1, dtype=np.int16).reshape(-1, 2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 1100), st.integers(0, 400))), st.integers(-9, 1100), st.integers(-9, 1100))
def test_any_piece_is_silent_in_the_spans(spans: list[tuple[int, int]], start: int, stop: int) -> None:
    """Any piece, with any overlap of the spans; the track itself keeps its samples."""
    before = TRACK.copy()
    expected = TRACK.copy()
    for first_ms, long_ms in spans:
        expected[max(0, first_ms * 8) : max(0, (first_ms + long_ms) * 8)] = 0
    found = silenced(TRACK, [Span(first / 1000, (first + long) / 1000) for first, long in spans])
    assert found.shape == TRACK.shape
    assert np.array_equal(found[start:stop], expected[start:stop])
    assert np.array_equal(TRACK, before)


def test_without_spans_nothing_is_wrapped() -> None:
    """Most calls have no redaction."""
    assert silenced(TRACK, ()) is TRACK
    assert isinstance(silenced(TRACK, [Span(0.0, 0.1)]), SilencedTrack)


@pytest.mark.parametrize("end_s", [0.5, 0.50001])
def test_a_span_ends_with_its_last_sample(end_s: float) -> None:
    """A sample that a span only touches is silent as well."""
    found = silenced(TRACK, [Span(0.25, end_s)])
    silent = np.flatnonzero(found[0:RATE][:, 0] == 0)
    assert (silent[0], silent[-1]) == (2000, 3999 if end_s == 0.5 else 4000)
