"""The sound that is decoded: a bounded sample rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.finding import counted
from komorebi_qc.media.bounds.table import LEAST_RATE, MOST_RATE
from komorebi_qc.media.opening.tracks import audio_stream

if TYPE_CHECKING:
    from av.container import InputContainer


def check_sound(name: str, container: InputContainer) -> None:
    """Check the sample rate of a file's audio track, before its decoder makes samples.

    Args:
        name: the file's name in messages.
        container: the file.

    Raises:
        MediaError: no recorder has such a rate.
    """
    stream = audio_stream(container)
    if stream is not None and stream.codec_context.rate:
        check_rate(name, stream.codec_context.rate)


def check_rate(name: str, rate: int) -> None:
    """Check a sample rate.

    Raises:
        MediaError: no recorder has such a rate.
    """
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise MediaError(f"{name} claims {counted(rate, 'sample')} a second: its header is damaged; get it again")
