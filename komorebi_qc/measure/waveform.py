"""The outline of a track at any zoom: the lowest and the highest sample of each bin, at several bin lengths. Pure.

Samples are float32 with full scale +-1, blocks have the shape ``(n, channels)``. Extremes are kept as int8, rounded
outwards: what is drawn is never less than what is there, by at most 1/127 more, and digital silence stays 0. Bins of
1 ms cost 7 MB an hour and channel; below that zoom, the samples themselves are the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Extremes = NDArray[np.int8]

FINEST_S = 0.001
_STEP = 10
"""A level's bin holds so many of the next finer level's."""
_LEVELS = 4
"""1 ms, 10 ms, 100 ms and 1 s: an hour at the coarsest has as many bins as a wide screen has pixels."""
_FULL = 127.0
_FINER = 4
"""A pixel spans at least so many bins, where there are such: an outline is then at most a quarter pixel too wide."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The outline at one zoom.

    Attributes:
        bin_samples: how many samples a bin holds; the last one may hold fewer.
        low: the lowest sample of each bin in 1/127 of full scale, shape ``(channels, bins)``.
        high: the highest.
    """

    bin_samples: int
    low: Extremes
    high: Extremes


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """The outline of a whole track.

    Attributes:
        rate: samples a second.
        channels: how many.
        samples: the track's length.
        levels: from the finest to the coarsest.
    """

    rate: int
    channels: int
    samples: int
    levels: tuple[Level, ...]

    @property
    def length_s(self) -> float:
        """The track's length in seconds."""
        return self.samples / self.rate

    def outline(self, start_s: float, end_s: float, pixels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The lowest and the highest sample within each of `pixels` equal parts of a span.

        Args:
            start_s: where the span begins, on the track's clock; it may lie outside the track.
            end_s: where it ends.
            pixels: how many parts.

        Returns:
            Two arrays of the shape ``(channels, pixels)``, full scale +-1; 0 where there is no track. A part holds
            all of its own samples, and at most those of one bin more on either side.

        Raises:
            ValueError: where the span or the pixels are none.
        """
        if not (math.isfinite(start_s) and math.isfinite(end_s) and start_s < end_s):
            raise ValueError(f"an outline runs forwards, not from {start_s} s to {end_s} s")
        if pixels < 1:
            raise ValueError(f"an outline has pixels, not {pixels}")
        low = np.zeros((self.channels, pixels), np.float32)
        high = np.zeros((self.channels, pixels), np.float32)
        edges = np.linspace(start_s * self.rate, end_s * self.rate, pixels + 1)
        level = self._level((end_s - start_s) * self.rate / pixels)
        # Clipped before the cast: a moment far outside must not wrap round.
        bounds = np.clip(edges, 0, self.samples)
        first = np.floor(bounds[:-1] / level.bin_samples).astype(np.int64)
        last = np.ceil(bounds[1:] / level.bin_samples).astype(np.int64)
        inside = np.flatnonzero(bounds[1:] > bounds[:-1])
        if len(inside):
            begin, stop = int(first[inside[0]]), int(last[inside[-1]])
            pairs = np.column_stack([first[inside], last[inside]]).ravel() - begin
            low[:, inside] = _within(np.minimum, level.low[:, begin:stop], pairs)
            high[:, inside] = _within(np.maximum, level.high[:, begin:stop], pairs)
        return low, high

    def _level(self, pixel_samples: float) -> Level:
        """The coarsest level whose bins are fine enough."""
        fine = [level for level in self.levels if level.bin_samples * _FINER <= pixel_samples]
        return fine[-1] if fine else self.levels[0]


class PeaksBuilder:
    """Builds the outline of a track from its blocks, in order."""

    def __init__(self, rate: int, channels: int, *, finest_s: float = FINEST_S) -> None:
        """Begin a track.

        Args:
            rate: samples a second.
            channels: how many.
            finest_s: the length of the finest level's bins, rounded to whole samples.

        Raises:
            ValueError: where the rate or the channels are none.
        """
        if rate < 1 or channels < 1:
            raise ValueError(f"a track has a rate and channels, not {rate} Hz and {channels}")
        self._rate = rate
        self._channels = channels
        self._bin = max(1, round(rate * finest_s))
        self._samples = 0
        self._bins = 0
        self._held = np.zeros((2, channels, 1024), np.int8)
        self._rest = np.zeros((channels, 0), np.float32)

    def add(self, block: NDArray[np.float32]) -> None:
        """Take in the next samples, shape ``(n, channels)``.

        What isn't a number counts as 0, what is beyond full scale as full scale.
        """
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(f"blocks have the shape (n, {self._channels}), not {block.shape}")
        self._samples += len(block)
        wide = np.concatenate([self._rest, block.T], axis=1)
        whole = wide.shape[1] // self._bin * self._bin
        self._rest = wide[:, whole:].copy()
        if whole:
            self._held, self._bins = _appended(self._held, self._bins, _binned(wide[:, :whole], self._bin))

    def result(self) -> Peaks:
        """The outline of all that was added so far."""
        finest = self._held[:, :, : self._bins]
        if self._rest.shape[1]:
            finest = np.concatenate([finest, _binned(self._rest, self._rest.shape[1])], axis=2)
        else:
            finest = finest.copy()
        levels = []
        size = self._bin
        for _ in range(_LEVELS):
            finest.setflags(write=False)
            levels.append(Level(size, finest[0], finest[1]))
            finest = _coarser(finest)
            size *= _STEP
        return Peaks(self._rate, self._channels, self._samples, tuple(levels))


def _binned(wide: NDArray[np.float32], size: int) -> Extremes:
    """Lowest and highest of each bin, shape ``(2, channels, bins)``, in 1/127, rounded outwards."""
    bins = wide.reshape(len(wide), -1, size)
    low, high = bins[:, :, 0].copy(), bins[:, :, 0].copy()
    for at in range(1, size):  # a pass for each sample of a bin: three times as fast as reducing such short rows
        np.minimum(low, bins[:, :, at], out=low)
        np.maximum(high, bins[:, :, at], out=high)
    if np.isnan(low).any():
        return _binned(np.nan_to_num(wide, nan=0.0), size)
    # Clipped first: what is beyond full scale is drawn at its edge.
    extremes = [np.floor(np.clip(low, -1, 1) * _FULL), np.ceil(np.clip(high, -1, 1) * _FULL)]
    return np.stack(extremes).astype(np.int8)


def _appended(held: Extremes, count: int, new: Extremes) -> tuple[Extremes, int]:
    """`new` behind the first `count` bins of `held`, which grows by a quarter where it is full."""
    end = count + new.shape[2]
    if end > held.shape[2]:
        grown = np.zeros((*held.shape[:2], end + end // 4), np.int8)
        grown[:, :, :count] = held[:, :, :count]
        held = grown
    held[:, :, count:end] = new
    return held, end


def _coarser(fine: Extremes) -> Extremes:
    """The next level: `_STEP` bins in one, the last one of what is left."""
    starts = np.arange(0, fine.shape[2], _STEP)
    if not len(starts):
        return fine.copy()
    return np.stack([np.minimum.reduceat(fine[0], starts, axis=1), np.maximum.reduceat(fine[1], starts, axis=1)])


def _within(extreme: np.ufunc, bins: Extremes, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """The extreme of each ``[first, last)``; reduceat reads such pairs, but can't name the end as an index."""
    padded = np.concatenate([bins, bins[:, -1:]], axis=1)
    found = extreme.reduceat(padded, pairs, axis=1)[:, ::2]
    return found.astype(np.float32) / np.float32(_FULL)
