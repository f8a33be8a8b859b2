"""The waveform envelope of a track along a time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, length
from komorebi_qc.measure.envelope import Envelope, waveform_envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Doubles, Ints, Track
    from komorebi_qc.desk.plots.call_placement import Piece

__all__ = ["Envelope", "envelope"]


def envelope(track: Track, channel: int | None, pieces: Sequence[Piece], edges_s: Doubles) -> Envelope:
    """Lowest, highest and RMS sample of each pixel column.

    Args:
        track: the samples at 8 kHz.
        channel: which channel; None for a mono track.
        pieces: where each piece of the track is on the time axis.
        edges_s: the edges of the columns on that axis, shape ``(columns + 1,)``.
    """
    return waveform_envelope(track, channel, [_bounds(track, piece, edges_s) for piece in pieces])


def _bounds(track: Track, piece: Piece, edges_s: Doubles) -> Ints:
    """The sample index at each edge, within the piece."""
    first, last = round(piece.from_s * RATE), min(round(piece.to_s * RATE), length(track))
    own_s = (edges_s - piece.recording_s) / piece.rate + piece.from_s
    return np.clip(np.ceil(own_s * RATE - 1e-6).astype(np.intp), first, max(last, first))
