"""Pieces of long tracks: the engine never holds a whole call as floating point.

A track has a `shape` and slices along its first axis: a NumPy array, a memory map, or a file reader such as
`komorebi_qc.media.plain_call.wav.PlainWav`. Samples are int16, or float within -1..1, at 8000 Hz.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

RATE = 8000
"""Hz. Both tracks are measured at Connect's rate: telephone speech has nothing above 4 kHz."""

Floats = NDArray[np.float32]
Pcm = NDArray[np.float32]
"""Audio samples, shape ``(n, 2)``, full scale 1."""
Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.intp]


class Track(Protocol):
    """A long signal, read piece by piece."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples,) or (samples, channels)."""

    def __getitem__(self, key: slice, /) -> NDArray[Any]:
        """Samples from start to stop, as an array."""


class Readable(Protocol):
    """A track of samples, such as `komorebi_qc.media.decode.AudioDecoder`."""

    rate: int

    def read(self, start: int, count: int) -> Pcm:
        """Samples ``start`` to ``start + count``, shape ``(count, 2)``."""
        ...


def length(track: Track) -> int:
    """Return the number of samples in the track."""
    return int(track.shape[0])


def as_float(block: NDArray[Any]) -> Floats:
    """Convert samples to float, full scale 1. NaN becomes silence, so that no later step meets one."""
    if block.dtype.kind == "i":
        scaled = block.astype(np.float32)
        scaled *= np.float32(1.0 / (np.iinfo(block.dtype).max + 1.0))
        return scaled
    out = np.nan_to_num(block.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(out, -4.0, 4.0)


def without_nan(samples: Floats) -> Floats:
    """Return samples in which NaN is silence and infinity is full scale: a damaged float stream may decode to both."""
    # A sum is finite unless a sample isn't, and takes a tenth of the time of the search for them.
    with np.errstate(over="ignore", invalid="ignore"):
        is_finite = math.isfinite(float(samples.sum()))
    if is_finite:
        return samples
    return np.nan_to_num(samples, posinf=1.0, neginf=-1.0)


def piece(track: Track, start: int, stop: int, channel: int | None = None) -> Floats:
    """Return samples start..stop of one channel (None for a mono track), with silence outside the track."""
    n = length(track)
    lo, hi = min(max(start, 0), n), min(max(stop, 0), n)
    if lo == start and hi == stop and hi > lo:
        block = track[lo:hi]
        return as_float(block if channel is None else block[:, channel])
    out = np.zeros(max(stop - start, 0), np.float32)
    if hi > lo:
        block = track[lo:hi]
        out[lo - start : hi - start] = as_float(block if channel is None else block[:, channel])
    return out
