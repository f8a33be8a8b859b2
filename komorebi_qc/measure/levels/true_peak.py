"""True peak (ITU-R BS.1770-5, annex 2): the largest magnitude between samples, 4 times oversampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Floats

_TAPS = 24
_FRACTIONS = np.array([0.25, 0.5, 0.75])
_SHIFTS = _FRACTIONS[:, None] + _TAPS // 2 - 1 - np.arange(_TAPS)
_FILTERS = (np.sinc(_SHIFTS) * np.i0(8 * np.sqrt(1 - (_SHIFTS / (_TAPS / 2)) ** 2)) / np.i0(8)).T.astype(np.float32)
"""A sinc under a Kaiser window (beta 8) for each quarter between two samples, shape ``(24, 3)``."""
_MAX_GAIN = float(np.abs(_FILTERS).sum(axis=0).max())
"""An interpolated value exceeds the largest of its samples by this factor at most (7 dB)."""
_BATCH = 2400


class TruePeakMeter:
    """The true peak of one channel.

    Most frames are skipped: their samples are too small to beat the peak so far even at `_MAX_GAIN`. The loudest
    frames come first, so that as many as possible are skipped.
    """

    def __init__(self) -> None:
        self._tail = np.zeros(_TAPS, np.float32)
        self._previous_peak = 0.0
        self._peak = 0.0

    def add(self, samples: Floats, frame_peaks: Floats) -> None:
        """Take in samples, shape ``(n,)``, and the peak magnitude of each of their frames, shape ``(frames,)``."""
        size = len(samples) // len(frame_peaks)
        line = np.concatenate([self._tail, samples])
        # A frame's interpolated values depend on its own samples and the 24 before: those of the previous frame.
        near = np.maximum(frame_peaks, np.concatenate([[self._previous_peak], frame_peaks[:-1]]))
        self._peak = max(self._peak, float(frame_peaks.max()))
        # One view for all frames, shape (frames, size, taps); a view for each batch costs half as much as its product.
        taps = np.lib.stride_tricks.sliding_window_view(line, _TAPS)[1:].reshape(-1, size, _TAPS)
        candidates = np.flatnonzero(near * _MAX_GAIN > self._peak)
        order = candidates[np.argsort(-near[candidates])]
        batch = max(1, _BATCH // size)
        for low in range(0, len(order), batch):
            chosen = order[low : low + batch]
            chosen = chosen[near[chosen] * _MAX_GAIN > self._peak]
            if not len(chosen):
                break
            self._peak = max(self._peak, float(np.abs(taps[chosen].reshape(-1, _TAPS) @ _FILTERS).max()))
        self._tail = line[len(line) - _TAPS :].copy()
        self._previous_peak = float(frame_peaks[-1])

    def result(self) -> float:
        """The peak magnitude, full scale 1. Silence follows the last sample."""
        self.add(np.zeros(_TAPS, np.float32), np.zeros(1, np.float32))
        return self._peak
