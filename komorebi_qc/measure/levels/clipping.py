"""Clipping: runs of three or more samples in a flat top, or at full scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.samples import as_float
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.runs import runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Floats

_FULL_SCALE = 1.0 - 1.5 / 32768.0
_NEAR_FULL_SCALE = 0.98
"""Flat tops count from here on. G.711's largest values are 32124 / 32768 for mu-law and 32256 / 32768 for A-law."""
_FLAT = 1.5 / 32768.0
"""Neighbours that differ by less are level: one step of 16 bits, and room for rounding."""
_FEWEST_PAIRS = 2
_NEARBY_S = 0.2
_BLOCK = 1 << 20


class ClippingMeter:
    """Clipped runs of one channel: flat tops from 0.98 of full scale on, or anything at full scale.

    Two neighbours of the same sign that are both that loud make a pair; a run of k pairs has k + 1 samples.

    Attributes:
        samples: number of clipped samples.
        runs: number of clipped runs.
    """

    def __init__(self, rate: int) -> None:
        self.samples = 0
        self.runs = 0
        self._rate = rate
        self._nearby = round(_NEARBY_S * rate)
        self._position = 0
        self._last = 0.0
        self._open_pairs = 0
        self._places: list[tuple[int, int]] = []

    def add(self, samples: Floats, peak: float) -> None:
        """Take in the next samples, shape ``(n,)``, and their peak magnitude."""
        if peak < _NEAR_FULL_SCALE:
            self._close(self._open_pairs, self._position)
            self._open_pairs = 0
        else:
            line = np.concatenate([np.array([self._last], np.float32), samples])
            self._find(line)
        self._last = float(samples[-1])
        self._position += len(samples)

    def _find(self, line: Floats) -> None:
        """Find runs in a line that begins with the last sample of the previous one."""
        magnitudes, is_positive = np.abs(line), line > 0
        lower = np.minimum(magnitudes[1:], magnitudes[:-1])
        is_loud = (is_positive[1:] == is_positive[:-1]) & (lower >= _NEAR_FULL_SCALE)
        pairs = is_loud & ((np.abs(np.diff(line)) <= _FLAT) | (lower >= _FULL_SCALE))
        starts, ends = runs(pairs)
        lengths = ends - starts
        if len(starts) and starts[0] == 0:
            lengths[0] += self._open_pairs
        else:
            self._close(self._open_pairs, self._position)
        self._open_pairs = 0
        if len(ends) and ends[-1] == len(pairs):
            self._open_pairs = int(lengths[-1])
            lengths, ends = lengths[:-1], ends[:-1]
        is_run = lengths >= _FEWEST_PAIRS
        for length, end in zip(lengths[is_run], ends[is_run], strict=True):
            self._close(int(length), self._position + int(end))

    def finish(self) -> None:
        """Count a run that reaches the end of the track."""
        self._close(self._open_pairs, self._position)
        self._open_pairs = 0

    @property
    def spans(self) -> list[Span]:
        """The clipped spans; runs less than 0.2 s apart are one span."""
        return [Span(start / self._rate, end / self._rate) for start, end in self._places]

    def _close(self, pairs: int, end: int) -> None:
        """Count a run of so many pairs that ends before sample `end`, if it is long enough."""
        if pairs < _FEWEST_PAIRS:
            return
        self.samples += pairs + 1
        self.runs += 1
        start = end - pairs - 1
        if self._places and start - self._places[-1][1] <= self._nearby:
            start = self._places.pop()[0]
        self._places.append((start, end))


def clipped_spans(samples: NDArray[Any], rate: int) -> list[Span]:
    """Find the clipped spans of a track; runs less than 0.2 s apart are one span.

    Args:
        samples: shape ``(n,)``, int16 or float.
        rate: samples a second.
    """
    meter = ClippingMeter(rate)
    for start in range(0, len(samples), _BLOCK):
        block = as_float(samples[start : start + _BLOCK])
        meter.add(block, float(np.abs(block).max()))
    meter.finish()
    return meter.spans
