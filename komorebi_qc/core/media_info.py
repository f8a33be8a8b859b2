"""What a media file holds, as `komorebi_qc.media.probe` finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from komorebi_qc.core.timebase import Span

TRUNCATED_S = 0.5
"""A header may round a track's length up to a frame or a packet; what lacks more was cut off."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The video track.

    Attributes:
        codec: FFmpeg's name: ``h264``, ``vp8``, ...
        width: in pixels as coded.
        height: in pixels as coded.
        packets: how many there are.
        span: first to last time stamp, plus one frame, on the recording's clock.
        disordered: packets whose decoding time stamp doesn't follow the one before.
        time_base: seconds per unit of its time stamps.
    """

    codec: str
    width: int
    height: int
    packets: int
    span: Span
    disordered: int
    time_base: Fraction


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """An audio track.

    Attributes:
        codec: FFmpeg's name: ``opus``, ``aac``, ``pcm_s16le``, ...
        rate: samples a second.
        channels: how many.
        packets: how many there are; None for plain PCM, which has none of its own.
        span: first sample to last, on the file's own clock.
    """

    codec: str
    rate: int
    channels: int
    packets: int | None
    span: Span


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file holds.

    Attributes:
        name: what to call it in a sentence.
        container: ``mp4``, ``webm``, ``wav``, ...
        video: the first video track that is no cover picture, if any.
        audio: the first audio track, if any.
        origin_s: what was taken off every time stamp, since they began over an hour late.
        missing_bytes: what the file lacks by its own structure: it was cut off.
        missing_s: how much the header promises beyond what is there; None where it doesn't tell.
    """

    name: str
    container: str
    video: VideoInfo | None
    audio: AudioInfo | None
    origin_s: float
    missing_bytes: int
    missing_s: float | None

    @property
    def is_truncated(self) -> bool:
        """Whether the file was cut off."""
        return self.missing_bytes > 0 or (self.missing_s or 0.0) > TRUNCATED_S

    @property
    def end_s(self) -> float:
        """Where the last track ends, on the recording's clock."""
        return max((t.span.end_s for t in (self.video, self.audio) if t is not None), default=0.0)
