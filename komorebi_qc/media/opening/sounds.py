"""The sound that is decoded: known codecs, and a bounded sample rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.finding import counted
from komorebi_qc.core.media_info import codec_text
from komorebi_qc.media.bounds.table import LEAST_RATE, MOST_RATE, SOUND_CODECS
from komorebi_qc.media.opening.tracks import audio_stream, codec_name

if TYPE_CHECKING:
    from av.container import InputContainer


def check_sound(name: str, container: InputContainer) -> None:
    """Check codec and sample rate of a file's audio track, before its decoder makes samples.

    Args:
        name: the file's name in messages.
        container: the file.

    Raises:
        MediaError: no recorder has such a codec or rate.
    """
    stream = audio_stream(container)
    if stream is None:
        return
    codec = codec_name(stream)
    if not is_sound_codec(codec):
        raise MediaError(
            f"{name} has sound in {codec_text(codec)}, which isn't decoded: record or convert it to PCM, AAC or Opus"
        )
    if stream.codec_context.rate:
        check_rate(name, stream.codec_context.rate)


def is_sound_codec(name: str) -> bool:
    """Whether sound in a codec, by FFmpeg's name, is decoded."""
    return name.startswith("pcm_") or name in SOUND_CODECS


def check_rate(name: str, rate: int) -> None:
    """Check a sample rate.

    Raises:
        MediaError: no recorder has such a rate.
    """
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise MediaError(f"{name} claims {counted(rate, 'sample')} a second: its header is damaged; get it again")
