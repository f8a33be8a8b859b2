"""Pieces of tracks as floating point, with silence around them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.samples import RATE, as_float, length, piece, without_nan


def test_the_rate_is_that_of_the_telephone() -> None:
    """8000 Hz."""
    assert RATE == 8000


def test_integers_become_shares_of_full_scale() -> None:
    """-32768 is -1; the type's own range counts."""
    assert as_float(np.array([-32768, 0, 16384, 32767], np.int16)).tolist() == [-1.0, 0.0, 0.5, 32767 / 32768]
    assert as_float(np.array([-128, 64], np.int8)).tolist() == [-1.0, 0.5]
    assert as_float(np.array([1], np.int16)).dtype == np.float32


def test_floats_stay_and_nan_becomes_silence() -> None:
    """Finite samples stay up to 4; NaN and infinities become 0."""
    found = as_float(np.array([0.25, -1.5, 7.0, -9.0, np.nan, np.inf, -np.inf]))
    assert found.tolist() == [0.25, -1.5, 4.0, -4.0, 0.0, 0.0, 0.0]
    assert found.dtype == np.float32


def test_the_length_of_a_track() -> None:
    """Samples, whatever the channels."""
    assert length(np.zeros((7, 2), np.int16)) == 7
    assert length(np.zeros(3)) == 3


@given(st.integers(-5, 15), st.integers(-5, 15))
def test_a_piece_has_silence_outside_of_the_track(start: int, stop: int) -> None:
    """Every sample inside the track is its own, every other one 0; a piece that runs backwards is empty."""
    track = np.arange(1, 11, dtype=np.float32) / 16
    expected = [track[i] if 0 <= i < 10 else 0.0 for i in range(start, stop)]
    assert piece(track, start, stop).tolist() == expected
    both = np.stack([track, -track], axis=1)
    assert piece(both, start, stop, 0).tolist() == expected
    assert piece(both, start, stop, 1).tolist() == [-e for e in expected]


def test_integers_are_scaled_in_a_piece() -> None:
    """Inside and at the edge in the same way."""
    track = np.array([16384, -16384], np.int16)
    assert piece(track, 0, 2).tolist() == [0.5, -0.5]
    assert piece(track, -1, 3).tolist() == pytest.approx([0.0, 0.5, -0.5, 0.0])


def test_nan_becomes_silence_and_infinity_full_scale() -> None:
    """Samples of a damaged float stream are cleaned; all others are returned as they are."""
    damaged = np.array([[np.nan, np.inf], [-np.inf, 0.5]], np.float32)
    assert without_nan(damaged).tolist() == [[0.0, 1.0], [-1.0, 0.5]]
    loud = np.full((4, 2), 3e38, np.float32)  # their sum is infinite, and no sample is
    assert without_nan(loud).tolist() == loud.tolist()
    intact = np.array([[0.25, -0.5]], np.float32)
    assert without_nan(intact) is intact
