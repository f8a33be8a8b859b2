"""One window of the call against the recording, lag by lag, as the measurement of sync hears it: for pictures.

The same phase-weighted cross-correlation as `komorebi_qc.sync.gcc_phat`, but the whole of it, not only its peaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.samples import RATE, length, piece
from komorebi_qc.sync.gcc_phat import BAND_HZ, WHITENING

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Track
    from komorebi_qc.sync.measure import SyncResult, Window

CHANNELS = {"customer": 0, "agent": 1}
WINDOW_S = 1.5
_NOT_A_RIVAL_S = 0.020
"""What lies nearer is the same peak: its side lobes, a pitch period away."""
_RIVALS = 3
_LEAST_Z = 6.5
"""Peaks of pure chance reach this."""


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """How well a window fits at each lag.

    Attributes:
        channel: ``customer`` or ``agent``.
        start_s: call time of the window's first sample.
        length_s: of the window.
        lag_s: recording time less call time, ``(n,)``.
        z: the height at each lag, over the sigma of what chance gives.
        peak_s: the lag that fits best.
        peak_z: how well.
        rivals: (lag, height) of what fits next best, the best first; those above chance alone.
    """

    channel: str
    start_s: float
    length_s: float
    lag_s: Doubles
    z: Doubles
    peak_s: float
    peak_z: float
    rivals: tuple[tuple[float, float], ...]


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
        lag_s: about which lag to look.
        reach_s: how far to either side.
        length_s: of the window.

    Raises:
        InputError: where there is no such channel, or the window lies outside the call.
    """
    if channel not in CHANNELS:
        raise InputError(f"the channel {channel!r} is none of customer, agent")
    if not 0.0 <= centre_s <= length(call) / RATE:
        raise InputError(f"{centre_s:.3f} s lies outside the call, which has {length(call) / RATE:.3f} s")
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
    spectrum[: len(cross)] = cross / (np.abs(cross) ** WHITENING + 1e-12)
    # One-sided: its magnitude is the envelope, whose peak no turned phase moves.
    shape = np.abs(np.fft.ifft(spectrum))[: 2 * reach + 1]
    sigma = float(np.median(shape)) / 1.1774 + 1e-12
    z = shape / sigma
    lags_s = (middle - reach + np.arange(len(z))) / RATE
    found = _peaks(lags_s, z)
    (peak_s, peak_z), *others = found or [(lag_s, 0.0)]
    rivals = tuple(one for one in others if one[1] > _LEAST_Z)
    return Correlation(channel, first / RATE, length_s, lags_s, z, peak_s, peak_z, rivals)


def chosen_window(result: SyncResult, at_s: float | None = None) -> Window | None:
    """The measured window nearest to a moment of the call, else to the middle of all; an accepted one where there is.

    None where nothing could be measured.
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
    """(lag, height) of the best, the best first; between two samples by a parabola."""
    left, rest = z.copy(), []
    for _ in range(_RIVALS + 1):
        k = int(left.argmax())
        if left[k] <= 0.0:
            break
        part = 0.0
        if 0 < k < len(z) - 1:
            bend = z[k - 1] - 2 * z[k] + z[k + 1]
            part = 0.5 * (z[k - 1] - z[k + 1]) / bend if bend < 0 else 0.0
            rest.append((float(lags_s[k] + np.clip(part, -0.5, 0.5) / RATE), float(z[k])))
        left[np.abs(lags_s - lags_s[k]) <= _NOT_A_RIVAL_S] = 0.0
    return rest
