"""Integrated loudness (ITU-R BS.1770-5): K-weighting, blocks of 400 ms, two gates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

from komorebi_qc.measure.levels.block_filter import BlockFilter

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Floats
    from komorebi_qc.measure.levels.block_filter import Section

ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = 10.0
_OFFSET_LU = -0.691
"""Equation 2 of the standard: K-weighting amplifies 997 Hz by so much."""
_HOPS_PER_BLOCK = 4


class KWeightedPower:
    """K-weighted mean squares of the hops of a track, the input to `integrated_lufs`."""

    def __init__(self, rate: int, channels: int) -> None:
        self._filter = BlockFilter(k_weighting(rate), channels)

    def of_hops(self, samples: Floats, hop: int) -> Floats:
        """Mean square of each hop after K-weighting.

        Args:
            samples: the next samples, shape ``(channels, n)``.
            hop: samples a hop, a multiple of 32 that divides `n`.

        Returns:
            Mean squares, shape ``(channels, hops)``.
        """
        weighted = self._filter.run(samples).reshape(len(samples), -1, hop)
        energies = cast("Floats", np.einsum("chs,chs->ch", weighted, weighted))
        return energies / np.float32(hop)


def k_weighting(rate: int) -> tuple[Section, Section]:
    """The two K-weighting filters (BS.1770-5, annex 1) at any sample rate: high shelf and high-pass.

    The standard has coefficients for 48 kHz only. These come from its analogue prototypes through the bilinear
    transform with prewarping, as in libebur128 (and FFmpeg). At 48 kHz they agree with the standard to 1e-7.
    """
    k = math.tan(math.pi * 1681.974450955533 / rate)
    quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    shelf = (
        (
            (high + band * k / quality + k * k) / scale,
            2 * (k * k - high) / scale,
            (high - band * k / quality + k * k) / scale,
        ),
        (2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale),
    )
    k, quality = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    scale = 1 + k / quality + k * k
    high_pass = ((1.0, -2.0, 1.0), (2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale))
    return shelf, high_pass


def integrated_lufs(powers: Floats) -> float | None:
    """Integrated loudness from K-weighted mean squares of 100 ms hops (BS.1770-5, equations 2 to 7).

    Blocks of 400 ms begin every 100 ms. Blocks below the absolute gate of -70 LUFS don't count; of the others, those
    10 LU below their mean don't count either.

    Returns:
        LUFS; None if no block passes the gates, or the track is shorter than one block.
    """
    if len(powers) < _HOPS_PER_BLOCK:
        return None
    sums = np.cumsum(np.concatenate([[0.0], powers.astype(np.float64)]))
    blocks = (sums[_HOPS_PER_BLOCK:] - sums[:-_HOPS_PER_BLOCK]) / _HOPS_PER_BLOCK
    gated = blocks[blocks > 10 ** ((ABSOLUTE_GATE_LUFS - _OFFSET_LU) / 10)]
    if not len(gated):
        return None
    gated = gated[gated > gated.mean() / 10 ** (RELATIVE_GATE_LU / 10)]
    return _OFFSET_LU + 10 * math.log10(float(gated.mean()))
