"""Several monitors of one agent in one picture, side by side: the choice, and the place of each monitor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.media_info import VideoTracks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.media_info import MediaInfo

MonitorsChoice = Literal["first", "side-by-side"]
MONITORS = ("first", "side-by-side")
"""The first monitor of a recording alone, or all of them in one picture."""
MOST_MONITORS = 3
"""Amazon Connect records no more."""
MOST_WIDTH = 3840
"""Pixels of the picture of all monitors. Decoders in hardware take no wider H.264."""


@dataclass(frozen=True, slots=True)
class Monitors:
    """The monitors that were put into one picture, and the losses of the file they come from.

    Attributes:
        sizes: width and height of each, in pixels, as recorded.
        missing_bytes: bytes that the file's structure declares but the file lacks.
        missing_s: length that its header declares but the file lacks; None if it declares no length.
    """

    sizes: tuple[tuple[int, int], ...]
    missing_bytes: int = 0
    missing_s: float | None = None


def side_by_side(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The size of each monitor in the picture of all: one height, in the given order from the left.

    The height is that of the highest one, or less if the picture were wider than `MOST_WIDTH`. All sizes are even:
    pictures of 4:2:0 have colours for pairs of pixels.
    """
    height = max(height for _, height in sizes) // 2 * 2
    per_row = sum(width / height for width, height in sizes)
    height = max(2, min(height, int(MOST_WIDTH / per_row) // 2 * 2))
    return tuple((max(2, int(own_width * height / own_height / 2) * 2), height) for own_width, own_height in sizes)


def with_monitors(info: MediaInfo, monitors: Monitors | None) -> MediaInfo:
    """The tracks of a picture of several monitors, with what their own file has and lacks; unchanged without any."""
    if monitors is None:
        return info
    return replace(
        info,
        missing_bytes=monitors.missing_bytes,
        missing_s=monitors.missing_s,
        video_tracks=VideoTracks(monitors.sizes, is_side_by_side=True),
    )
