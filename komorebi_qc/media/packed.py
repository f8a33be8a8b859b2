"""A 16-bit track in memory, its quiet stretches in eight bits: most of either side of a call fits in those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

BLOCK = 2048


class Packed:
    """Samples that are appended, and read by slices (`komorebi_qc.core.samples.Track`).

    Attributes:
        shape: ``(samples, channels)``.
    """

    def __init__(self, channels: int) -> None:
        self._blocks: list[tuple[NDArray[np.int8 | np.int16], ...]] = []
        self._rest: Samples = np.zeros((0, channels), np.int16)
        self.shape = (0, channels)

    def append(self, pcm: Samples) -> None:
        """Put samples behind those that are here, shape ``(n, channels)``."""
        given = np.concatenate([self._rest, pcm]) if len(self._rest) else pcm
        whole = len(given) // BLOCK * BLOCK
        for start in range(0, whole, BLOCK):
            self._blocks.append(tuple(_packed(channel) for channel in given[start : start + BLOCK].T))
        self._rest = given[whole:].copy()
        self.shape = (self.shape[0] + len(pcm), self.shape[1])

    @property
    def nbytes(self) -> int:
        """What the samples take."""
        return self._rest.nbytes + sum(channel.nbytes for block in self._blocks for channel in block)

    def __getitem__(self, key: slice, /) -> Samples:
        start, stop, step = key.indices(self.shape[0])
        if step != 1:
            raise ValueError("a packed track is read in steps of one sample")
        stop = max(start, stop)
        out = np.empty((stop - start, self.shape[1]), np.int16)
        at = start
        while at < stop:
            number, inside = divmod(at, BLOCK)
            count = min(BLOCK - inside, stop - at)
            if number < len(self._blocks):
                for channel, samples in enumerate(self._blocks[number]):
                    out[at - start : at - start + count, channel] = samples[inside : inside + count]
            else:
                inside = at - len(self._blocks) * BLOCK
                count = stop - at
                out[at - start :] = self._rest[inside : inside + count]
            at += count
        return out

    def __array__(self, dtype: None = None, copy: None = None) -> Samples:
        """All of it, unpacked."""
        return self[0 : self.shape[0]]


def _packed(channel: Samples) -> NDArray[np.int8 | np.int16]:
    fits = int(channel.min()) >= -128 and int(channel.max()) <= 127
    return channel.astype(np.int8) if fits else channel.copy()
