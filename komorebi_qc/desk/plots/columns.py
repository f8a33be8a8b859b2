"""The waveform envelope of a plot: one column for each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, length
from komorebi_qc.measure.envelope import Envelope, waveform_envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Doubles, Ints, Track
    from komorebi_qc.desk.plots.call_placement import Piece


def column_envelope(track: Track, channel: int | None, pieces: Sequence[Piece], edges_s: Doubles) -> Envelope:
    """The envelope of a track whose pieces are placed on the plot's clock.

    Args:
        track: at 8 kHz.
        channel: its channel; None for a mono track.
        pieces: the placed parts of the track.
        edges_s: edges of the columns on the plot's clock, ``(columns + 1,)``.
    """
    if not pieces:
        empty = np.zeros(len(edges_s) - 1)
        return Envelope(empty, empty, empty, np.zeros(len(edges_s) - 1, bool))
    return waveform_envelope(track, channel, [_bounds(piece, edges_s, length(track)) for piece in pieces])


def _bounds(piece: Piece, edges_s: Doubles, samples: int) -> Ints:
    """Sample indices of the columns' edges, limited to the piece."""
    first, last = round(piece.from_s * RATE), min(round(piece.to_s * RATE), samples)
    own_s = (edges_s - piece.recording_s) / piece.rate + piece.from_s
    return np.clip(np.ceil(own_s * RATE - 1e-6).astype(np.int64), first, max(last, first))
