"""Digital silence of a call: runs in which a channel doesn't move, to the sample.

Digital silence is a constant: 0 in linear PCM and mu-law (0xFF), +8 in A-law (0xD5). A codec or a resampler after it
leaves residues of a few steps, and some ringing at the edges. So each run is searched at several spreads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Flags, Track

FRAME = 80
"""Samples: 10 ms."""
LEAST_RUN_S = 0.1
"""A shorter run is a lost packet or a quiet moment."""
_MOST = 40
"""No sample of digital silence is farther from 0; an offset of that size is a fault of its own."""
_BLOCK = 6000 * FRAME


@dataclass(frozen=True, slots=True)
class SilentRun:
    """Samples [start, stop) of a channel in which it doesn't move."""

    start: int
    stop: int

    def overlap(self, other: SilentRun) -> int:
        """Return the number of samples that two runs share."""
        return max(0, min(self.stop, other.stop) - max(self.start, other.start))


@dataclass(frozen=True, slots=True)
class JointRun:
    """Digital silence on both channels: the run of each channel, and their common part."""

    customer: SilentRun
    agent: SilentRun

    @property
    def shared(self) -> SilentRun:
        """The common part."""
        return SilentRun(max(self.customer.start, self.agent.start), min(self.customer.stop, self.agent.stop))


@dataclass(frozen=True, slots=True, eq=False)
class FrameRanges:
    """The lowest and the highest sample of each frame of each channel, in 16-bit steps, no farther than 127 from 0.

    Attributes:
        low: shape ``(channels, frames)``. The last frame may be shorter than the others.
        high: the same shape.
        samples: the call's length.
    """

    low: NDArray[np.int8]
    high: NDArray[np.int8]
    samples: int

    def silent_frames(self, channel: int, spread: int) -> Flags:
        """Return the frames in which a channel doesn't move by more than `spread`."""
        low, high = self.low[channel], self.high[channel]
        still: Flags = (high.astype(np.int16) - low <= spread) & (high <= _MOST) & (low >= -_MOST)
        return still


def frame_ranges(call: Track) -> FrameRanges:
    """Read a call once, and return its frames' ranges."""
    n, channels = length(call), call.shape[1] if len(call.shape) > 1 else 1
    frames = -(-n // FRAME)
    low, high = np.zeros((channels, frames), np.int8), np.zeros((channels, frames), np.int8)
    for start in range(0, n, _BLOCK):
        block = steps(call[start : min(start + _BLOCK, n)]).reshape(-1, channels)
        first, whole = start // FRAME, len(block) // FRAME
        # NumPy is slow at reducing many short rows, so the samples of a frame are on the first axis.
        rows = np.ascontiguousarray(block[: whole * FRAME].reshape(whole, FRAME, channels).transpose(1, 2, 0))
        for out, reduced in ((low, np.min), (high, np.max)):
            out[:, first : first + whole] = np.clip(reduced(rows, axis=0), -127, 127)
            if len(block) > whole * FRAME:
                out[:, first + whole] = np.clip(reduced(block[whole * FRAME :], axis=0), -127, 127)
    return FrameRanges(low, high, n)


def steps(block: NDArray[np.generic]) -> NDArray[np.int16]:
    """Return samples as 16-bit integers; full scale is 1 for samples with a fraction."""
    if block.dtype == np.int16:
        return block.astype(np.int16, copy=False)
    scaled = np.clip(np.nan_to_num(block.astype(np.float64)), -1.0, 1.0) * 32768.0
    return np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)


def silent_runs(call: Track, ranges: FrameRanges, channel: int, spread: int) -> list[SilentRun]:
    """Return a channel's runs of digital silence of `LEAST_RUN_S` or more, to the sample.

    Args:
        call: the call audio.
        ranges: the result of `frame_ranges`.
        channel: the channel.
        spread: the largest difference of two samples within a run.
    """
    flags = ranges.silent_frames(channel, spread)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    out = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if (last - first) * FRAME < LEAST_RUN_S * RATE:
            continue
        start, stop = first * FRAME, min(last * FRAME, ranges.samples)
        before = _column(call, max(start - FRAME, 0), start, channel)
        behind = _column(call, stop, min(stop + FRAME, ranges.samples), channel)
        start -= _still(before[::-1], ranges, channel, first, spread)
        stop += _still(behind, ranges, channel, last - 1, spread)
        out.append(SilentRun(start, stop))
    return out


def joint_runs(customer: Sequence[SilentRun], agent: Sequence[SilentRun], min_s: float) -> list[JointRun]:
    """Return the runs of both channels that share `min_s` or more."""
    out, i, j = [], 0, 0
    while i < len(customer) and j < len(agent):
        if customer[i].overlap(agent[j]) >= round(min_s * RATE):
            out.append(JointRun(customer[i], agent[j]))
        if customer[i].stop <= agent[j].stop:
            i += 1
        else:
            j += 1
    return out


def _column(call: Track, start: int, stop: int, channel: int) -> NDArray[np.int16]:
    block = steps(call[start:stop])
    return block[:, channel] if block.ndim > 1 else block


def _still(samples: NDArray[np.int16], ranges: FrameRanges, channel: int, frame: int, spread: int) -> int:
    """Return how many samples beside a silent frame belong to the same run."""
    middle = (int(ranges.low[channel, frame]) + int(ranges.high[channel, frame])) / 2
    moving = np.flatnonzero(np.abs(samples - middle) > spread / 2)
    return int(moving[0]) if len(moving) else len(samples)
