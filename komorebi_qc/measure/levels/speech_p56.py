"""Active speech level and activity factor (ITU-T P.56, 12/2011, method B)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.measure.levels.block_filter import BLOCK, BlockFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Floats
    from komorebi_qc.measure.levels.block_filter import Section

SPEECH_MARGIN_DB = 15.9
"""Method B: audio counts as speech down to this far below the active level."""
_HANGOVER_S = 0.2
_ENVELOPE_S = 0.03
_THRESHOLDS = 15
"""6 dB apart, the highest at half of full scale."""


class SpeechLevelMeter:
    """Active speech level: an envelope, 15 thresholds 6 dB apart, a hangover of 200 ms.

    The envelope (two poles of 30 ms) runs on cells of 1.25 ms, the mean magnitude of each: 800 values a second, more
    than the 694 that P.56 asks for. A moment is active at a threshold if the envelope reached that threshold within
    the hangover. The highest threshold reached in the last 200 ms gives the answer for all thresholds at once.
    """

    def __init__(self, cells_per_second: float, channels: int) -> None:
        decay = math.exp(-1 / (_ENVELOPE_S * cells_per_second))
        pole: Section = ((1 - decay, 0.0, 0.0), (-decay, 0.0))
        self._hangover = round(_HANGOVER_S * cells_per_second)
        self._envelope = BlockFilter((pole, pole), channels)
        self._pending = np.zeros((channels, 0), np.float32)
        self._recent = np.zeros((channels, self._hangover), np.int8)
        self._counts = np.zeros((channels, _THRESHOLDS + 1), np.int64)
        self._cells = 0

    def add(self, cells: Floats, count: int) -> None:
        """Take in mean magnitudes, shape ``(channels, n)``. The first `count` belong to the track: fewer at its end."""
        pending = np.concatenate([self._pending, cells], axis=1)
        if count < cells.shape[1]:  # the end
            pending = pending[:, : pending.shape[1] - cells.shape[1] + count]
            real = pending.shape[1]
            pending = np.pad(pending, ((0, 0), (0, -real % BLOCK)))
        else:
            real = pending.shape[1] // BLOCK * BLOCK
        whole = pending.shape[1] // BLOCK * BLOCK
        self._pending = pending[:, whole:]
        if not whole:
            return
        envelope = np.maximum(self._envelope.run(np.ascontiguousarray(pending[:, :whole])), 2.0**-30)[:, :real]
        # frexp: envelope = m * 2**e with m in [0.5, 1), so the thresholds 2**-15 ... 2**-1 reached are e + 15.
        reached = np.clip(np.frexp(envelope)[1] + _THRESHOLDS, 0, _THRESHOLDS).astype(np.int8)
        joined = np.concatenate([self._recent, reached], axis=1)
        self._recent = joined[:, joined.shape[1] - self._hangover :]
        highest = _sliding_max(joined, self._hangover + 1)
        for number, row in enumerate(highest):
            self._counts[number] += np.bincount(row, minlength=_THRESHOLDS + 1)
        self._cells += real

    def result(self, channel: int, energy: float, samples: int) -> tuple[float | None, float]:
        """Active speech level and activity of one channel.

        Args:
            channel: its index.
            energy: the sum of its squared samples.
            samples: its length.

        Returns:
            The level in dBFS, None if no threshold was ever reached; and the activity, 0 to 1.
        """
        active = np.cumsum(self._counts[channel][::-1])[::-1][1:]  # cells at each threshold
        if not self._cells or not active[0] or energy <= 0:
            return None, 0.0
        power = energy / samples
        above: tuple[float, float] | None = None
        level = 0.0
        for step, count in enumerate(active):
            if not count:
                break
            level = 10 * math.log10(power * self._cells / int(count))
            margin = level - 20 * math.log10(2.0) * (step - _THRESHOLDS)
            if margin <= SPEECH_MARGIN_DB:
                if above is not None:
                    part = (above[1] - SPEECH_MARGIN_DB) / (above[1] - margin)
                    level = above[0] + part * (level - above[0])
                break
            above = level, margin
        return level, min(1.0, power / 10 ** (level / 10))


def _sliding_max(rows: NDArray[np.int8], size: int) -> NDArray[np.int8]:
    """The maximum of every window of `size` in each row, by doubling: few passes whatever the size."""
    highest, width = rows, 1
    while 2 * width <= size:
        highest, width = np.maximum(highest[:, width:], highest[:, :-width]), 2 * width
    more = size - width
    return np.maximum(highest[:, more:], highest[:, : highest.shape[1] - more]) if more else highest
