"""Waveform envelopes against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.measure import envelope as module
from komorebi_qc.measure.envelope import waveform_envelope


@given(
    samples=st.lists(st.integers(-32768, 32767), max_size=60),
    bounds=st.lists(st.integers(-20, 90), min_size=2, max_size=12).map(sorted),
)
@settings(max_examples=60, deadline=None)
def test_each_column_has_its_extremes(samples: list[int], bounds: list[int]) -> None:
    """Lowest, highest and RMS of the samples between two bounds; 0 for a column without samples."""
    track = np.array(samples, np.int16)
    shape = waveform_envelope(track, None, [np.array(bounds)])
    for column, (first, last) in enumerate(itertools.pairwise(bounds)):
        part = track[max(first, 0) : max(last, 0)].astype(np.float64) / 32768
        assert shape.has_samples[column] == bool(len(part))
        assert shape.low[column] == pytest.approx(part.min() if len(part) else 0.0)
        assert shape.high[column] == pytest.approx(part.max() if len(part) else 0.0)
        assert shape.rms[column] == pytest.approx(np.sqrt(np.mean(part**2)) if len(part) else 0.0, abs=1e-6)
    assert shape.peak == pytest.approx(max(abs(shape.low).max(), abs(shape.high).max()))


def test_pieces_share_their_columns() -> None:
    """Two pieces of a track on the same columns: each column has the samples of both."""
    track = np.array([[0, 100], [0, -300], [0, 50], [0, 700]], np.int16)
    shape = waveform_envelope(track, 1, [np.array([0, 1, 2]), np.array([2, 3, 4])])
    assert shape.low * 32768 == pytest.approx([50, -300])
    assert shape.high * 32768 == pytest.approx([100, 700])


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long track is read in blocks, also when one column is longer than a block."""
    track = np.random.default_rng(1).integers(-30_000, 30_000, 5000).astype(np.int16)
    bounds = [np.array([0, 10, 1500, 1600, 4000, 5000])]
    whole = waveform_envelope(track, None, bounds)
    monkeypatch.setattr(module, "_BLOCK", 700)
    cut = waveform_envelope(track, None, bounds)
    assert np.array_equal(cut.low, whole.low)
    assert np.array_equal(cut.high, whole.high)
    assert cut.rms == pytest.approx(whole.rms)


def test_no_pieces_have_no_columns() -> None:
    """A track that isn't drawn has an empty envelope."""
    shape = waveform_envelope(np.zeros(5, np.int16), None, [])
    assert len(shape.low) == 0
    assert shape.peak == 0.0
