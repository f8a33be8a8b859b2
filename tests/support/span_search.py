"""A span of a recording that was not to be recorded, searched for in files that people get."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from searched_artefacts import Artefact, channels, flattened, frames, held

from komorebi_qc.media.plain_picture import plain_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from captures import Capture
    from numpy.typing import NDArray

    Mono = NDArray[np.float64]

MOST = 0.02
"""More than this share of a sound isn't chance."""
RATE = 8000
_MOST_NOISE = 4.0
"""Levels by which a plain picture may differ on average: the codec's noise."""


@dataclass(frozen=True)
class SpanSearch:
    """A span of a call whose sounds and pictures are searched for.

    Attributes:
        capture: the recording and its call.
        from_s: on the call clock.
        to_s: on the call clock.
        other_starts_s: on the recording clock: the same voices at other times. Their matches are chance.
    """

    capture: Capture
    from_s: float
    to_s: float
    other_starts_s: tuple[float, ...]

    @property
    def on_recording(self) -> tuple[float, float]:
        """The span on the recording clock."""
        return self.from_s + self.capture.offset_s, self.to_s + self.capture.offset_s

    def held_by(self, found: Sequence[Artefact]) -> dict[str, float]:
        """How much of the span's sound each artefact holds: of the recording's own, or of either side of the call."""
        return {one.name: self.held_in(one.content) for one in found if one.kind == "media"}

    def held_in(self, content: bytes) -> float:
        """How much of the span's sound a file holds."""
        wanted, others = _wanted(self), _others(self)
        return max((held(wanted, side, others) for side in channels(content)), default=0.0)

    def plain_frames(self, video: bytes) -> list[bool]:
        """For each frame of the span, in a video on the recording clock, whether it is the plain picture."""
        from_s, to_s = self.on_recording
        return [is_plain(pixels) for at_s, pixels in frames(video) if from_s <= at_s < to_s]


def is_plain(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture is the plain one of its size, except for a codec's noise."""
    plain = plain_picture(pixels.shape[1], pixels.shape[0]).astype(int)
    return bool(np.mean(np.abs(pixels - plain)) < _MOST_NOISE)


def part(sound: Any, from_s: float, to_s: float) -> Any:
    """A part of a sound at 8 kHz."""
    return sound[round(from_s * RATE) : round(to_s * RATE)]


@cache
def _own(capture: Capture) -> Mono:
    return channels(capture.recording.read_bytes())[0]


@cache
def _wanted(search: SpanSearch) -> tuple[Mono, ...]:
    customer, agent = channels(search.capture.call.read_bytes())
    sides = (part(side, search.from_s, search.to_s) for side in (customer, agent))
    # A channel in which nobody speaks then has no sound to search for.
    found = [part(_own(search.capture), *search.on_recording), *sides]
    loud = [sound for sound in found if np.abs(sound).max() > 0.01]
    assert len(loud) >= 2
    return tuple(flattened(sound) for sound in loud)


@cache
def _others(search: SpanSearch) -> tuple[Mono, ...]:
    length_s = search.to_s - search.from_s
    return tuple(flattened(part(_own(search.capture), at_s, at_s + length_s)) for at_s in search.other_starts_s)
