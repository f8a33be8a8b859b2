"""A recording in memory that is read span by span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkers import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from komorebi_qc.core.timebase import Span


class ArrayReader:
    """Reads spans of an array, and notes them."""

    def __init__(self, samples: np.ndarray) -> None:
        self._samples = samples
        self.length_s = len(samples) / RATE
        self.asked: list[Span] = []

    def read(self, spans: Sequence[Span]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the samples of each span."""
        self.asked += spans
        for span in spans:
            first = round(span.start_s * RATE)
            yield first, self._samples[first : round(span.end_s * RATE)]
