"""Comparisons of two signals, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.core.source import Source

    Open = Callable[[Path], Source]


def shift_samples(want: NDArray[np.float32], got: NDArray[np.float32]) -> int:
    """By how many samples `got` is later than `want`, by their cross-correlation."""
    n = 1 << (len(want) + len(got)).bit_length()
    product = np.fft.irfft(np.fft.rfft(got, n) * np.conj(np.fft.rfft(want, n)), n)
    lag = int(np.argmax(product))
    return lag if lag < n // 2 else lag - n
