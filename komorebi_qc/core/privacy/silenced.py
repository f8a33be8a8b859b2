"""A track that is silent in some spans, for a measurement that must not take a beep for speech. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.samples import RATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.timebase import Span


@dataclass(frozen=True, slots=True)
class SilencedTrack:
    """A track at 8 kHz with silence in some spans. Only the pieces that are read are copied.

    Attributes:
        track: as it is.
        ranges: the silent samples, from first (included) to last (excluded).
    """

    track: Track
    ranges: tuple[tuple[int, int], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples,) or (samples, channels)."""
        return self.track.shape

    def __getitem__(self, key: slice, /) -> NDArray[Any]:
        start, stop, _ = key.indices(self.shape[0])
        block = self.track[key]
        inside = [(max(first - start, 0), last - start) for first, last in self.ranges if first < stop and last > start]
        if inside:
            block = np.array(block)
            for first, last in inside:
                block[first:last] = 0
        return block


def silenced(track: Track, spans: Iterable[Span]) -> Track:
    """Return the track with silence in `spans`; the track itself without any.

    Args:
        track: at 8 kHz.
        spans: on the track's clock.
    """
    ranges = tuple((int(span.start_s * RATE), int(np.ceil(span.end_s * RATE))) for span in spans)
    return SilencedTrack(track, ranges) if ranges else track
