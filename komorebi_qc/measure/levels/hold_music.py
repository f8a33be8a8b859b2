"""Music on hold: spans of 8 s and more of tonal audio with almost no pauses.

Even talk without pauses has breath, stops and hisses in a tenth of its 100 ms hops or more. Music has them in fewer
than a thirtieth. A hop is a pause if it is silent, if it is 12 dB below the mean around it ("low-energy frames" of
Scheirer and Slaney, 1997), or if its spectrum is flat, since noise fills pauses. A tone, a hum or a song passes as
well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.levels.channel_levels import HoldMusic
from komorebi_qc.measure.runs import runs

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Floats

_SHORTEST_S = 8.0
_PAUSE_DB = 12.0
_MAX_PAUSES = 1 / 30
_NOISE_FLATNESS = 0.35
"""White noise has 0.56, vowels and chords less than 0.1."""
_BRIDGED_S = 2.0
_SHORTEST_LOOP_S = 2.0
_LEAST_AGREEMENT = 0.8
"""Correlation of the band levels with themselves a period later; a loop through a codec keeps 0.9."""


def find_hold_music(
    powers: Floats, flatness: Floats, bands_dbfs: Floats, is_quiet: Flags, hop_s: float
) -> tuple[HoldMusic, ...]:
    """Find spans that sound like music on hold.

    Args:
        powers: mean square of each hop, shape ``(hops,)``.
        flatness: spectral flatness of each hop, shape ``(hops,)``.
        bands_dbfs: band levels of each hop, shape ``(hops, bands)``.
        is_quiet: which hops are silent, shape ``(hops,)``.
        hop_s: length of a hop.
    """
    window = round(_SHORTEST_S / hop_s)
    if len(powers) < window:
        return ()
    power = powers.astype(np.float64)
    mean = _moving_mean(power, window)
    centre = np.arange(len(power)) - window // 2
    around = mean[np.clip(centre, 0, len(mean) - 1)]
    is_pause = is_quiet | (power < around * 10 ** (-_PAUSE_DB / 10)) | (flatness > _NOISE_FLATNESS)
    is_steady = _moving_mean(is_pause.astype(np.float64), window) <= _MAX_PAUSES
    # Each window that passes marks all of its hops.
    edges = np.zeros(len(power) + 1)
    np.add.at(edges, np.flatnonzero(is_steady), 1)
    np.add.at(edges, np.flatnonzero(is_steady) + window, -1)
    starts, ends = runs(_bridged(np.cumsum(edges)[:-1] > 0, round(_BRIDGED_S / hop_s)))
    found = []
    for start, end in zip(starts, ends, strict=True):
        period = _period(bands_dbfs[start:end], round(_SHORTEST_LOOP_S / hop_s))
        length_s = (end - start) * hop_s
        found.append(
            HoldMusic(
                Span(float(start * hop_s), float(end * hop_s)),
                0.9 if period is not None else 0.6 if length_s >= 20 else 0.4,
                None if period is None else float(period * hop_s),
            )
        )
    return tuple(found)


def _moving_mean(values: Doubles, size: int) -> Doubles:
    """The mean of every window of `size` values, shape ``(n - size + 1,)``."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return cast("Doubles", (sums[size:] - sums[:-size]) / size)


def _bridged(marks: Flags, longest: int) -> Flags:
    """`marks` with the gaps of up to `longest` between them closed."""
    out = marks.copy()
    starts, ends = runs(~marks)
    for start, end in zip(starts, ends, strict=True):
        if start > 0 and end < len(marks) and end - start <= longest:
            out[start:end] = True
    return out


def _period(bands_dbfs: Floats, shortest: int) -> int | None:
    """The number of hops after which the band levels repeat, by autocorrelation; None unless they do so twice."""
    count = len(bands_dbfs)
    if count < 2 * shortest:
        return None
    shape = bands_dbfs.astype(np.float64) - bands_dbfs.mean(axis=0)
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(shape, size, axis=0)
    correlation = np.fft.irfft((spectrum * spectrum.conj()).sum(axis=1), size)[:count]
    energy = np.concatenate([[0.0], np.cumsum((shape**2).sum(axis=1))])
    lags = np.arange(shortest, count // 2 + 1)
    norm = np.sqrt(energy[count - lags] * (energy[count] - energy[lags]))
    agreement = np.where(norm > 1e-6 * count, correlation[lags] / np.maximum(norm, 1e-9), 0.0)
    best = float(agreement.max())
    if best < _LEAST_AGREEMENT:
        return None
    # Twice the period agrees as well: the first lag about as good as the best is the period itself.
    return int(lags[np.flatnonzero(agreement >= best - 0.05)[0]])
