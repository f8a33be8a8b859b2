"""The masks of a video track, in the units of its timestamps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.privacy.masked_time import MaskedTime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from typing import Any

    from komorebi_qc.core.privacy.masks import Masks

_LOOK_AHEAD_S = 60.0
"""Encoders that look ahead do so for 48 frames at most. A screen capture has a frame a second or more."""


@dataclass(frozen=True, slots=True)
class PictureMask:
    """Which frames of a track are masked: all that are on show in a masked span, if only for a moment.

    So the last frame before a span is masked too: players show it on until the next one comes. A frame stays on show
    until the next one; the last one stays for good.

    Attributes:
        time: the masked spans on the recording clock.
        base: seconds per unit of a timestamp.
        origin_s: subtracted from every timestamp.
    """

    time: MaskedTime
    base: Fraction
    origin_s: float

    def covers(self, pts: int, until_pts: int | None) -> bool:
        """Whether a frame is masked; `until_pts` is the next one's timestamp, None after the last."""
        return self.time.is_shown(self._s(pts), math.inf if until_pts is None else self._s(until_pts))

    def contains(self, pts: int) -> bool:
        """Whether a moment is masked."""
        return self.time.is_masked(self._s(pts))

    def is_near(self, pts: int) -> bool:
        """Whether a packet of this time may hold parts of a masked picture, if its encoder looked ahead."""
        return self.time.starts_within(self._s(pts), _LOOK_AHEAD_S)

    def is_ahead(self, pts: int) -> bool:
        """Whether a span is on, or still to come."""
        return self.time.starts_within(self._s(pts), math.inf)

    def _s(self, pts: int) -> float:
        return pts * float(self.base) - self.origin_s


def picture_mask(masks: Masks, base: Fraction, origin_s: float) -> PictureMask | None:
    """The mask of a track; None if its picture isn't masked."""
    return PictureMask(MaskedTime(masks.of_picture), base, origin_s) if masks.masks_picture else None


def with_next(frames: Iterator[Any]) -> Iterator[tuple[Any, int, int | None]]:
    """Yield each frame that has a timestamp, and the timestamps from which and until which it is on show.

    Frames are shown in the given order. A timestamp that runs back counts as the one before.
    """
    held, shown_pts = None, 0
    for frame in frames:
        if frame.pts is None:
            continue
        if held is None:
            shown_pts = frame.pts
        else:
            from_pts, shown_pts = shown_pts, max(shown_pts, frame.pts)
            yield held, from_pts, shown_pts
        held = frame
    if held is not None:
        yield held, shown_pts, None
