"""The sound that the written file has in its masks, measured from the file. Times are on the output clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.errors import NOTHING_PUBLISHED, MaskError
from komorebi_qc.core.timebase import Span, clock_text
from komorebi_qc.measure.result import MaskLevel
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.output import CapturedAudio

MOST_DB = -70.0
"""A louder mask isn't silent. Speech is 30 to 50 dB louder, and a codec's noise in silence is below."""
_SPREAD_S = 0.3
"""A codec spreads a sound over its own packet and the next one: 2 x 1024 samples, 0.256 s at 8 kHz."""
_FRAME_S = 0.020
_PIECE_S = 10.0
_FLOOR_DB = -120.0


def mask_levels(captured: CapturedAudio | None, masked: Sequence[Span]) -> tuple[MaskLevel, ...]:
    """Measure each mask in the written file.

    Args:
        captured: the audio captured while the file was written; the masks are among its spans.
        masked: the masks, in order.

    Raises:
        MaskError: Nothing was captured, so nobody can see whether the masks are silent.
        MediaError: The captured audio can't be opened.
    """
    if captured is None:
        raise MaskError(f"the masks of the written file weren't measured{NOTHING_PUBLISHED}. Run it again")
    with open_container(captured.output.reopen(), RECORDING_FORMATS) as container:
        decoder = AudioDecoder(container, step_back_s=_PIECE_S, spans=masked)
        return tuple(MaskLevel(mask, _level_db(decoder, _inside(mask))) for mask in masked)


def require_silence(levels: Sequence[MaskLevel]) -> None:
    """Check that every mask is silent.

    Raises:
        MaskError: one isn't.
    """
    for level in levels:
        if level.level_db > MOST_DB:
            raise MaskError(
                f"the written file isn't silent from {clock_text(level.output.start_s)} to "
                f"{clock_text(level.output.end_s)}, which is masked: {level.level_db:.0f} dBFS{NOTHING_PUBLISHED}. "
                "This is a fault of the software: report it, with the call audio's codec and the output's container"
            )


def _inside(mask: Span) -> Span:
    """The mask without the codec's spread at its edges; at least one frame in its middle."""
    middle_s = (mask.start_s + mask.end_s) / 2
    start_s = min(mask.start_s + _SPREAD_S, middle_s - _FRAME_S / 2)
    return Span(start_s, max(mask.end_s - _SPREAD_S, start_s + _FRAME_S))


def _level_db(decoder: AudioDecoder, span: Span) -> float:
    size = round(_FRAME_S * decoder.rate)
    first, last = round(span.start_s * decoder.rate), round(span.end_s * decoder.rate)
    loudest, piece = 0.0, round(_PIECE_S * decoder.rate)
    for start in range(first, last, piece):
        count = max(size, (min(piece, last - start) // size) * size)
        pcm = np.nan_to_num(decoder.read(start, count), posinf=1.0, neginf=-1.0)
        power = np.mean(np.square(pcm.reshape(-1, size, 2), dtype=np.float64), axis=1)
        loudest = max(loudest, float(power.max()))
    return max(_FLOOR_DB, 10.0 * math.log10(loudest)) if loudest else _FLOOR_DB
