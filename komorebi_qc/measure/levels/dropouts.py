"""Dropouts: short runs of exact zeros that cut audio off on both sides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.runs import runs

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Floats

DROPOUT_S = (0.005, 0.200)
"""A shorter run is a glitch of single samples, a longer one a gate or a mute. Packets hold 20 to 60 ms."""
_EDGE = 0.005
"""-46 dBFS on average directly before and after the zeros: speech itself doesn't end that abruptly."""
_EDGE_CELLS = 4
_MAX_SPANS = 1000
"""Later dropouts are only counted."""


class DropoutMeter:
    """Dropouts of one channel, located to a cell of 1.25 ms.

    Attributes:
        spans: the first 1,000.
        count: number of all.
    """

    def __init__(self, cell_s: float) -> None:
        self.spans: list[Span] = []
        self.count = 0
        self._cell_s = cell_s
        self._shortest = math.ceil(DROPOUT_S[0] / cell_s - 1e-6)
        self._longest = math.floor(DROPOUT_S[1] / cell_s + 1e-6)
        self._tail = np.zeros(self._longest + 4 * _EDGE_CELLS, np.float32)
        self._position = -len(self._tail)

    def add(self, cells: Floats) -> None:
        """Take in the mean magnitudes of the next cells, shape ``(n,)``."""
        line = np.concatenate([self._tail, cells])
        starts, ends = runs(line == 0)
        lengths = ends - starts
        # Each run is examined once: when the audio after it has arrived.
        has_arrived = (ends + _EDGE_CELLS > len(self._tail)) & (ends + _EDGE_CELLS <= len(line))
        is_short = (lengths >= self._shortest) & (lengths <= self._longest)
        chosen = has_arrived & is_short & (starts >= _EDGE_CELLS)
        for start, end in zip(starts[chosen], ends[chosen], strict=True):
            before, after = line[start - _EDGE_CELLS : start], line[end : end + _EDGE_CELLS]
            if before.mean() >= _EDGE and after.mean() >= _EDGE:
                self.count += 1
                if len(self.spans) < _MAX_SPANS:
                    start_s, end_s = (float(self._position + cell) * self._cell_s for cell in (start, end))
                    self.spans.append(Span(start_s, end_s))
        self._position += len(line) - len(self._tail)
        self._tail = line[len(line) - len(self._tail) :].copy()
