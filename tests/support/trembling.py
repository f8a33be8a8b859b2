"""Timestamps that tremble around samples without a gap, as those of Chromium do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Doubles

CHROMIUM_MS = [0, 5, -3, 2, 5, 0, 2, -3]
"""Measured with a sound card of 48 kHz: packets of 60 ms."""
CHROMIUM_44100_MS = [-2, -10, -5, -2, -7, -5]
"""The same with a card of 44.1 kHz."""
TREMBLE_S = 0.005


def _centred(values: list[float]) -> list[float]:
    """The same around 0, up to 5 ms early and late."""
    around = np.array(values) - np.mean(values)
    furthest = float(np.max(np.abs(around)))
    return [float(one) for one in around * (TREMBLE_S / furthest if furthest > TREMBLE_S else 1.0)]


TREMBLES = st.one_of(
    st.sampled_from([[one * 1e-3 - 0.001 for one in CHROMIUM_MS], [one * 1e-3 + 0.005 for one in CHROMIUM_44100_MS]]),
    st.lists(st.floats(-TREMBLE_S, TREMBLE_S), min_size=1, max_size=8).map(_centred),
    st.integers(2, 8).map(lambda period: [float(one) for one in np.linspace(-TREMBLE_S, TREMBLE_S, period)]),
)
"""One period of a tremble, in seconds."""


def trembling(period_s: Sequence[float], count: int) -> Doubles:
    """The offsets of so many stamps."""
    return np.array(period_s, np.float64)[np.arange(count) % len(period_s)]
