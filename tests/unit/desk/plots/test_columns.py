"""The waveform envelope of placed pieces."""

from __future__ import annotations

import numpy as np

from komorebi_qc.desk.plots.call_placement import Piece
from komorebi_qc.desk.plots.columns import column_envelope

RATE = 8_000


def test_a_piece_is_placed_on_the_plots_clock() -> None:
    """A sample of the second piece is in the column of its recording time."""
    track = np.zeros(4 * RATE, np.int16)
    track[3 * RATE] = 16_384
    pieces = [Piece(0.0, 2.0, 1.0), Piece(2.0, 4.0, 5.0)]
    found = column_envelope(track, None, pieces, np.arange(0.0, 9.0))
    assert found.high.tolist() == [0, 0, 0, 0, 0, 0, 0.5, 0]
    assert found.has_samples.tolist() == [False, True, True, False, False, True, True, False]


def test_no_piece_gives_an_empty_envelope() -> None:
    """An empty call has columns without samples."""
    found = column_envelope(np.zeros(0, np.int16), None, [], np.arange(0.0, 4.0))
    assert not found.has_samples.any()
    assert found.peak == 0.0
