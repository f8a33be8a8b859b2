"""Packed waveform envelopes."""

from __future__ import annotations

import numpy as np
import pytest
from parsed_pages import unpacked
from report_pages import noise

from komorebi_qc.desk.report.pack import pack


def test_envelopes_hold_the_extremes() -> None:
    """Every bin, of the whole and around a moment, holds its lowest and highest sample to a percent."""
    tracks = [noise(30.0, 1), noise(29.0, 2)]
    whole, details = pack(tracks, 8000, [12.0], 200_000)
    assert any(part.step_s == pytest.approx(1 / 8000) for part in details)
    for part in (whole, *details):
        rows = unpacked(part.data).reshape(len(tracks), 2, part.bins).astype(float)
        size, first = round(part.step_s * 8000), round(part.start_s * 8000)
        for number, track in enumerate(tracks):
            full_bins = min(part.bins, (len(track) - first) // size)
            samples = track[first : first + full_bins * size].reshape(-1, size) / 32768.0
            for row, expected in enumerate((samples.min(axis=1), samples.max(axis=1))):
                restored = rows[number, row, :full_bins] * np.abs(rows[number, row, :full_bins]) / 127**2
                assert np.abs(restored - expected).max() < 0.01
            assert not rows[number, :, full_bins + 1 :].any()  # silence after a shorter track


def test_envelopes_keep_their_budget() -> None:
    """With any number of moments, the parts together have no more characters than allowed."""
    tracks = [noise(600.0, k) for k in range(3)]
    for budget in (60_000, 300_000):
        whole, details = pack(tracks, 8000, [10.0 * k for k in range(60)], budget)
        assert len(whole.data) + sum(len(part.data) for part in details) <= budget
        assert details
