"""The lag of one window: GCC-PHAT and its strongest peaks.

Generalised cross-correlation (Knapp and Carter 1976), whitened by `whitened`, within `BAND_HZ`. Peaks are taken from
the envelope of the analytic signal: a raw peak picks the wrong lobe, 1 ms off, if a microphone shifts the phase.
`z` is the peak over the Rayleigh sigma of the rest: 40 to 150 for a true window, 6 to 8 by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.samples import RATE, Doubles, Flags, Floats, Ints, Track, piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAND_HZ = (280.0, 3450.0)
PEAKS = 3
APART_S = 0.0015
SHOULDER = 4
BLUNT = 0.75
"""Speech falls to a third of its peak within half a millisecond (`SHOULDER` samples); a tone doesn't."""
_BATCH_SAMPLES = 1 << 18
"""Samples of the windows that are transformed together: more cost memory, fewer cost time."""


@dataclass(frozen=True, slots=True)
class LagPeaks:
    """The `PEAKS` best lags of every window, best first. Arrays of shape (windows, PEAKS)."""

    lag_s: Doubles
    """recording_s minus call_s."""
    z: Doubles
    audible: Doubles
    """(windows,) share of the recording's samples in the window that aren't digital silence."""
    blunt: Flags
    """(windows,) a tone or a hum: its spectrum is so narrow that the peak is many milliseconds wide."""


def _taper(n: int, edge: float) -> Floats:
    ramp = max(int(n * edge), 1)
    w = np.ones(n, np.float32)
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / ramp)).astype(np.float32)
    w[:ramp], w[-ramp:] = rise, rise[::-1]
    return w


def whitened(cross: NDArray[Any]) -> NDArray[Any]:
    """Divide a cross-spectrum by its magnitude to the power of 3/4, in place, and return it.

    The full phase transform (power 1) gives bins of noise the weight of bins of speech.
    """
    root = np.sqrt(np.abs(cross))
    cross /= root * np.sqrt(root) + np.float32(1e-12)
    return cross


def lag_peaks(
    call: Track, channel: int, recording: Track, starts: Ints, centres: Ints, width: int, reach: int
) -> LagPeaks:
    """Return the lags of windows of `width` samples.

    The recording's piece is longer by `reach` on either side. So every lag has its full overlap, and a circular
    transform of `width + 2 * reach` samples (choose a power of two) has no aliases.

    Args:
        call: at 8 kHz, shape ``(n, 2)``.
        channel: of the call.
        recording: at 8 kHz, shape ``(m,)``.
        starts: first call sample of each window.
        centres: the expected lag of each window, in samples.
        width: of a window, in samples.
        reach: search range to either side of the expected lag, in samples.
    """
    count = len(starts)
    lag, z, audible = np.zeros((count, PEAKS)), np.zeros((count, PEAKS)), np.zeros(count)
    blunt = np.zeros(count, bool)
    size = width + 2 * reach
    inner, outer = np.zeros(size, np.float32), _taper(size, 0.03)
    inner[reach : reach + width] = _taper(width, 0.15)
    freq = np.fft.rfftfreq(size, 1 / RATE)
    band = np.flatnonzero((freq >= BAND_HZ[0]) & (freq <= BAND_HZ[1]))
    lo, hi = int(band[0]), int(band[-1]) + 1
    apart = max(int(APART_S * RATE), 2)
    batch = max(1, _BATCH_SAMPLES // size)
    for first in range(0, count, batch):
        rows = range(first, min(first + batch, count))
        first_call = starts[rows.start : rows.stop] - reach
        first_recording = first_call + centres[rows.start : rows.stop]
        x = np.stack([piece(call, int(s), int(s) + size, channel) for s in first_call])
        y = np.stack([piece(recording, int(s), int(s) + size) for s in first_recording])
        audible[rows.start : rows.stop] = np.count_nonzero(y[:, reach : reach + width], axis=1) / width
        fx, fy = np.fft.rfft(x * inner)[:, lo:hi], np.fft.rfft(y * outer)[:, lo:hi]
        cross = fy * np.conj(fx)
        spectrum = np.zeros((len(rows), size), np.complex64)
        spectrum[:, lo:hi] = whitened(cross)
        full = np.fft.ifft(spectrum, axis=1)
        env = np.abs(np.concatenate([full[:, -reach:], full[:, : reach + 1]], axis=1))
        sigma = np.median(env[:, ::4], axis=1) / 1.1774 + 1e-12
        work = env.copy()
        work[:, 0] = work[:, -1] = 0.0
        for k in range(PEAKS):
            top = work.argmax(axis=1)
            top = np.clip(top, 1, env.shape[1] - 2)
            r = np.arange(len(rows))
            if k == 0:
                aside = [env[r, np.clip(top + side, 0, env.shape[1] - 1)] for side in (-SHOULDER, SHOULDER)]
                blunt[rows.start : rows.stop] = aside[0] + aside[1] > 2 * BLUNT * env[r, top]
            left, mid, right = env[r, top - 1], env[r, top], env[r, top + 1]
            bend = left - 2 * mid + right
            part = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0)
            lag[rows.start : rows.stop, k] = (
                centres[rows.start : rows.stop] + top - reach + np.clip(part, -0.5, 0.5)
            ) / RATE
            z[rows.start : rows.stop, k] = work[r, top] / sigma
            for row, at in enumerate(top):
                work[row, max(at - apart, 0) : at + apart + 1] = 0.0
    z[blunt] = 0.0
    return LagPeaks(lag, np.nan_to_num(z), audible, blunt)
