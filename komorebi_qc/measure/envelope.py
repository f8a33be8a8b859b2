"""Waveform envelope: lowest, highest and RMS sample of each column, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import as_float

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from komorebi_qc.core.samples import Doubles, Flags, Floats, Ints, Track

_BLOCK = 1 << 20
"""Samples read at once, unless a single column has more."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A track as a figure shows it, shape ``(columns,)`` each, full scale 1.

    Attributes:
        low: lowest sample of each column.
        high: highest sample.
        rms: root mean square.
        has_samples: whether the track has any sample in the column; the other columns are 0.
    """

    low: Doubles
    high: Doubles
    rms: Doubles
    has_samples: Flags

    @property
    def peak(self) -> float:
        """The largest magnitude."""
        return float(max(self.high.max(initial=0.0), -self.low.min(initial=0.0)))


def waveform_envelope(track: Track, channel: int | None, pieces: Iterable[Ints]) -> Envelope:
    """Measure the envelope of a track.

    Args:
        track: its samples.
        channel: which channel; None for a mono track of shape ``(n,)``.
        pieces: for each piece of the track that is drawn, the bounds of its columns as sample indices, ascending,
            shape ``(columns + 1,)``. Column `i` has the samples ``bounds[i]`` to ``bounds[i + 1]`` of every piece.
            Indices outside the track have no samples.
    """
    every = [np.clip(bounds, 0, track.shape[0]) for bounds in pieces]
    columns = len(every[0]) - 1 if every else 0
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    energy, count = np.zeros(columns), np.zeros(columns, np.int64)
    for bounds in every:
        for chosen, starts, block in _blocks(track, channel, bounds):
            low[chosen] = np.minimum(low[chosen], np.minimum.reduceat(block, starts))
            high[chosen] = np.maximum(high[chosen], np.maximum.reduceat(block, starts))
            energy[chosen] += np.add.reduceat(np.square(block), starts)
            count[chosen] += np.diff(np.append(starts, len(block)))
    has_samples = count > 0
    rms = np.sqrt(energy / np.maximum(count, 1))
    return Envelope(np.where(has_samples, low, 0.0), np.where(has_samples, high, 0.0), rms, has_samples)


def _blocks(track: Track, channel: int | None, bounds: Ints) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield some columns that have samples, the start of each within the block, and the block of samples."""
    filled = np.flatnonzero(np.diff(bounds))
    at = 0
    while at < len(filled):
        begin = bounds[filled[at]]
        stop = max(int(np.searchsorted(bounds[filled + 1], begin + _BLOCK, side="right")), at + 1)
        chosen = filled[at:stop]
        block = track[int(begin) : int(bounds[chosen[-1] + 1])]
        yield chosen, bounds[chosen] - begin, as_float(block if channel is None else block[:, channel])
        at = stop
