"""A track's shape for the picture: least, greatest and mean of each pixel column, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, as_float, length

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Doubles, Flags, Track
    from komorebi_qc.desk.plots.call_placement import Piece

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Envelope:
    """A track as the picture shows it; one value a pixel column, full scale is 1.

    Attributes:
        low: least sample.
        high: greatest sample.
        rms: root of the mean square.
        there: whether the track has any sample in the column; the others are 0.
    """

    low: Doubles
    high: Doubles
    rms: Doubles
    there: Flags

    @property
    def peak(self) -> float:
        """The greatest magnitude."""
        return float(max(self.high.max(initial=0.0), -self.low.min(initial=0.0)))


def envelope(track: Track, channel: int | None, pieces: Sequence[Piece], edges_s: Doubles) -> Envelope:
    """Least, greatest and mean square of what each column ``edges_s[i]..edges_s[i + 1]`` holds, full scale 1."""
    columns = len(edges_s) - 1
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    power, count = np.zeros(columns), np.zeros(columns, np.int64)
    for piece in pieces:
        first, last = round(piece.from_s * RATE), min(round(piece.to_s * RATE), length(track))
        own = (edges_s - piece.recording_s) / piece.rate + piece.from_s
        bounds = np.clip(np.ceil(own * RATE - 1e-6).astype(np.int64), first, max(last, first))
        for columns_of, starts, block in _blocks(track, channel, bounds):
            low[columns_of] = np.minimum(low[columns_of], np.minimum.reduceat(block, starts))
            high[columns_of] = np.maximum(high[columns_of], np.maximum.reduceat(block, starts))
            power[columns_of] += np.add.reduceat(np.square(block), starts)
            count[columns_of] += np.diff(np.append(starts, len(block)))
    there = count > 0
    return Envelope(np.where(there, low, 0.0), np.where(there, high, 0.0), np.sqrt(power / np.maximum(count, 1)), there)


def _blocks(
    track: Track, channel: int | None, bounds: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float32]]]:
    """(columns that hold samples, where each begins in the block, the block), a bounded number of samples at once."""
    filled = np.flatnonzero(np.diff(bounds))
    at = 0
    while at < len(filled):
        begin = bounds[filled[at]]
        stop = max(int(np.searchsorted(bounds[filled + 1], begin + _BLOCK, side="right")), at + 1)
        chosen = filled[at:stop]
        block = track[int(begin) : int(bounds[chosen[-1] + 1])]
        yield chosen, bounds[chosen] - begin, as_float(block if channel is None else block[:, channel])
        at = stop
