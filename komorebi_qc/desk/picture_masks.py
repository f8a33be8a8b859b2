"""The masks of a picture, for all that shows the video beside the tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from komorebi_qc.pipeline.examine import Examined


def picture_masks(examined: Examined) -> tuple[Span, ...]:
    """The masks of an examined recording's picture, on the output clock; empty if the picture isn't masked."""
    if not examined.masks.masks_picture:
        return ()
    shift_s = examined.alignment.output_shift_s
    return tuple(
        Span(max(0.0, mask.start_s + shift_s), max(0.0, mask.end_s + shift_s)) for mask in examined.masks.of_picture
    )
