"""The contents of a media file, as `komorebi_qc.media.probe` finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from komorebi_qc.core.contact.screen import ScreenRecording
    from komorebi_qc.core.joining.part import Part
    from komorebi_qc.core.timebase import Span

MOST_VIDEO_TRACKS = 9
"""Video tracks that can be named. Amazon Connect's screen recordings have three monitors at most."""
TRUNCATED_S = 0.5
"""A header may round a track's length up to a frame or a packet. A file that lacks more was cut off."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The video track.

    Attributes:
        codec: FFmpeg's name: ``h264``, ``vp8``, ...
        width: in pixels, as coded.
        height: in pixels, as coded.
        packets: their number.
        span: first to last PTS, plus one frame, on the recording clock.
        disordered: packets whose DTS doesn't follow the one before.
        time_base: seconds per unit of its timestamps.
        pixel_format: FFmpeg's name: ``yuv420p``, ...; empty if it isn't known.
    """

    codec: str
    width: int
    height: int
    packets: int
    span: Span
    disordered: int
    time_base: Fraction
    pixel_format: str = ""


@dataclass(frozen=True, slots=True)
class VideoTracks:
    """The video tracks of a file: a recorder of several monitors may write one for each.

    Attributes:
        sizes: width and height of each, in pixels, in the file's order.
        used: the number of the one in use, from 1 on.
        is_named: whether somebody named it; otherwise it is the first.
        is_side_by_side: whether all of them are in one picture.
    """

    sizes: tuple[tuple[int, int], ...]
    used: int = 1
    is_named: bool = False
    is_side_by_side: bool = False


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """An audio track.

    Attributes:
        codec: FFmpeg's name: ``opus``, ``aac``, ``pcm_s16le``, ...
        rate: samples a second.
        channels: their number.
        packets: their number; None for PCM, which has no packets.
        span: first sample to last, on the file's own clock.
    """

    codec: str
    rate: int
    channels: int
    packets: int | None
    span: Span


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """The contents of a file.

    Attributes:
        name: its name in messages.
        container: ``mp4``, ``webm``, ``wav``, ...
        video: the video track in use: the first one that isn't a cover image, or the one that was named.
        audio: the first audio track, if any.
        origin_s: subtracted from every timestamp, because the first one was over an hour late.
        missing_bytes: bytes that the structure declares but the file lacks: it was cut off.
        missing_s: length that the header declares but the file lacks; None if it declares no length.
        parts: the files that were joined into this one, in order; empty for a file as it was recorded.
        video_tracks: all video tracks; None without any.
        screen: how Amazon Connect's screen recording was found; None for any other file.
    """

    name: str
    container: str
    video: VideoInfo | None
    audio: AudioInfo | None
    origin_s: float
    missing_bytes: int
    missing_s: float | None
    parts: tuple[Part, ...] = ()
    video_tracks: VideoTracks | None = None
    screen: ScreenRecording | None = None

    @property
    def is_truncated(self) -> bool:
        """Whether the file was cut off."""
        return self.missing_bytes > 0 or (self.missing_s or 0.0) > TRUNCATED_S

    @property
    def end_s(self) -> float:
        """End of the last track, on the recording clock."""
        return max((t.span.end_s for t in (self.video, self.audio) if t is not None), default=0.0)


def codec_text(name: str) -> str:
    """A codec's usual name: ``h264`` is H.264."""
    return {"h264": "H.264", "hevc": "HEVC", "opus": "Opus"}.get(name, name.upper())
