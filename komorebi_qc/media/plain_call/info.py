"""The contents of Connect's own WAV from its header: FFmpeg takes 20 ms to look for other codecs in such a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.media_info import AudioInfo, MediaInfo
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.bounds.table import LONGEST_S
from komorebi_qc.media.plain_call.wav import FRAME_BYTES, is_plain
from komorebi_qc.media.truncation import missing_bytes, wav_sample_bytes

if TYPE_CHECKING:
    from komorebi_qc.core.source import Source


def plain_info(source: Source) -> MediaInfo | None:
    """The result of `komorebi_qc.media.probe.probe_call`; None for a file that has to be opened for it.

    Args:
        source: the call audio.
    """
    file = source.file
    if not is_plain(file):
        return None
    samples = (wav_sample_bytes(file) or 0) // FRAME_BYTES
    if not 0 < samples <= LONGEST_S * RATE:
        return None
    missing = missing_bytes(file)
    return MediaInfo(
        name=source.name,
        container="wav",
        video=None,
        audio=AudioInfo("pcm_s16le", RATE, 2, None, Span(0.0, samples / RATE)),
        origin_s=0.0,
        missing_bytes=missing,
        missing_s=missing / (RATE * FRAME_BYTES),
    )
