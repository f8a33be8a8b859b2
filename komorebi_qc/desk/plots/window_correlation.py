"""One window of the call against the recording at every lag, for plots.

The phase-weighted cross-correlation of `komorebi_qc.sync.lags.gcc_phat`, as a whole curve instead of its peaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.samples import RATE, length, piece
from komorebi_qc.sync.lags.gcc_phat import BAND_HZ, whitened

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Track
    from komorebi_qc.sync.result import SyncResult, Window

CHANNELS = {"customer": 0, "agent": 1}
WINDOW_S = 1.5
_SAME_PEAK_S = 0.020
"""Nearer maxima are side lobes of the same peak, a pitch period away."""
_MOST_ALTERNATIVES = 3
_LEAST_Z = 6.5
"""Peaks by chance reach this height."""


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """The agreement of a window at every lag.

    Attributes:
        channel: ``customer`` or ``agent``.
        start_s: call time of the window's first sample.
        length_s: of the window.
        lag_s: recording time less call time, ``(n,)``.
        z: height at each lag, in sigma of chance.
        peak_s: lag of the highest peak.
        peak_z: its height.
        alternatives: (lag, height) of the next highest peaks above chance, the highest first.
    """

    channel: str
    start_s: float
    length_s: float
    lag_s: Doubles
    z: Doubles
    peak_s: float
    peak_z: float
    alternatives: tuple[tuple[float, float], ...]


def correlate(
    call: Track,
    recording: Track,
    channel: str,
    *,
    centre_s: float,
    lag_s: float,
    reach_s: float = 0.5,
    length_s: float = WINDOW_S,
) -> Correlation:
    """Compare one window with the recording.

    Args:
        call: at 8 kHz, ``(n, 2)``.
        recording: at 8 kHz, ``(m,)``.
        channel: ``customer`` or ``agent``.
        centre_s: the middle of the window, call clock.
        lag_s: centre of the lags.
        reach_s: range of lags to each side.
        length_s: of the window.

    Raises:
        InputError: The channel doesn't exist, or the window is outside the call.
    """
    if channel not in CHANNELS:
        raise InputError(f"there is no channel {channel!r}: name customer or agent")
    if not 0.0 <= centre_s <= length(call) / RATE:
        raise InputError(f"{centre_s:.3f} s is outside the call, which lasts {length(call) / RATE:.3f} s")
    width, reach = max(int(length_s * RATE), 256), max(int(reach_s * RATE), 64)
    first = round((centre_s - length_s / 2) * RATE)
    middle = round(lag_s * RATE)
    window = piece(call, first, first + width, CHANNELS[channel]) * _ramped(width, 0.15)
    around = piece(recording, first + middle - reach, first + middle + width + reach) * _ramped(width + 2 * reach, 0.03)
    size = 1 << (width + 2 * reach + width - 1).bit_length()
    cross = np.fft.rfft(around, size) * np.conj(np.fft.rfft(window, size))
    hz = np.fft.rfftfreq(size, 1 / RATE)
    cross[(hz < BAND_HZ[0]) | (hz > BAND_HZ[1])] = 0.0
    spectrum = np.zeros(size, complex)
    spectrum[: len(cross)] = whitened(cross)
    # One-sided: the magnitude is the envelope, and a phase shift doesn't move its peak.
    shape = np.abs(np.fft.ifft(spectrum))[: 2 * reach + 1]
    sigma = float(np.median(shape)) / 1.1774 + 1e-12
    z = shape / sigma
    lags_s = (middle - reach + np.arange(len(z))) / RATE
    found = _peaks(lags_s, z)
    (peak_s, peak_z), *others = found or [(lag_s, 0.0)]
    alternatives = tuple(one for one in others if one[1] > _LEAST_Z)
    return Correlation(channel, first / RATE, length_s, lags_s, z, peak_s, peak_z, alternatives)


def chosen_window(result: SyncResult, at_s: float | None = None) -> Window | None:
    """The measured window nearest to a moment of the call, or to the middle of all windows.

    Accepted windows go first. None if no window was measured.
    """
    windows = [window for window in result.windows if window.accepted] or list(result.windows)
    if not windows:
        return None
    wanted_s = windows[len(windows) // 2].call_s if at_s is None else at_s
    return min(windows, key=lambda window: (abs(window.call_s - wanted_s), window.channel))


def _ramped(count: int, edge: float) -> Doubles:
    ramp = max(int(count * edge), 1)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / ramp)
    shape = np.ones(count)
    shape[:ramp], shape[-ramp:] = rise, rise[::-1]
    return shape


def _peaks(lags_s: Doubles, z: Doubles) -> list[tuple[float, float]]:
    """(lag, height) of the highest peaks, the highest first, interpolated by a parabola."""
    left, rest = z.copy(), []
    for _ in range(_MOST_ALTERNATIVES + 1):
        k = int(left.argmax())
        if left[k] <= 0.0:
            break
        part = 0.0
        if 0 < k < len(z) - 1:
            bend = z[k - 1] - 2 * z[k] + z[k + 1]
            part = 0.5 * (z[k - 1] - z[k + 1]) / bend if bend < 0 else 0.0
            rest.append((float(lags_s[k] + np.clip(part, -0.5, 0.5) / RATE), float(z[k])))
        left[np.abs(lags_s - lags_s[k]) <= _SAME_PEAK_S] = 0.0
    return rest
