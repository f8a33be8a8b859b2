"""The unified recording as data: container, codecs, rates, and the audio captured from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from komorebi_qc.core.media_info import VideoInfo
    from komorebi_qc.core.samples import Doubles, Pcm
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import Span

Container = Literal["mp4", "webm"]
CONTAINERS: tuple[Container, ...] = ("mp4", "webm")
COPIED_INTO: dict[Container, frozenset[str]] = {
    "mp4": frozenset({"h264", "hevc", "vp9", "av1"}),
    "webm": frozenset({"vp8", "vp9", "av1"}),
}
"""Video codecs that a container holds without re-encoding and that browsers play from it."""
MASKED_IN_PLACE: dict[str, frozenset[str]] = {
    "h264": frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuv444p"}),
    "vp8": frozenset({"yuv420p"}),
    "vp9": frozenset({"yuv420p", "yuv444p"}),
    "av1": frozenset({"yuv420p", "yuv420p10le"}),
}
"""Pixel formats by video codec of tracks in which masked groups of pictures are made again, and the rest is copied."""
ENCODED_AS: dict[Container, str] = {"mp4": "h264", "webm": "vp9"}
AUDIO_CODEC: dict[Container, str] = {"mp4": "aac", "webm": "opus"}
ChapterKind = Literal["before_call", "call", "hold", "suspended", "transfer", "after_call"]
AUDIO_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Sample rates that AAC and Opus both take."""
AUDIO_BIT_RATES = range(16_000, 256_001)
"""Bits per second of the output's audio, both channels together."""


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """The format of the output file.

    Attributes:
        container: of the file.
        video_codec: of the video in it.
        copies_video: whether video packets are copied without re-encoding.
        audio_rate: output samples a second.
        audio_bit_rate: bits a second.
    """

    container: Container
    video_codec: str
    copies_video: bool
    audio_rate: int
    audio_bit_rate: int


def plan_container(codec: str, wanted: Container | None) -> tuple[Container, bool]:
    """Choose the container for a video codec, and whether its packets can be copied into it.

    MP4 if it holds the codec, WebM for VP8. Any other codec is re-encoded into MP4.
    """
    if wanted is not None:
        return wanted, codec in COPIED_INTO[wanted]
    for container in CONTAINERS:
        if codec in COPIED_INTO[container]:
            return container, True
    return "mp4", False


def can_mask_in_place(video: VideoInfo) -> bool:
    """Whether a copied track's picture can be masked with the rest left as it is. Otherwise it is re-encoded.

    A copied packet whose timestamp runs back is shown at another time than its own. Encoded again, each frame is masked
    by both.
    """
    if video.disordered:
        return False
    # SVT-AV1 has a least size, and no odd one.
    fits = video.codec != "av1" or (min(video.width, video.height) >= 64 and not (video.width | video.height) & 1)
    return fits and video.pixel_format in MASKED_IN_PLACE.get(video.codec, ())


@dataclass(frozen=True, slots=True)
class CaptureSpans:
    """Spans of audio to capture while the output is written.

    Attributes:
        recording: of the recording's own audio, on the recording clock.
        output: of the output's audio, on the output clock.
    """

    recording: tuple[Span, ...]
    output: tuple[Span, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CapturedAudio:
    """Audio captured while the output was written.

    Attributes:
        rate: of the recording's samples.
        recording: for each span, the index of its first sample on the recording clock, and its samples.
        output: an audio file with the captured spans of the output.
        muxed_pts_s: the PTS of every audio packet of the output, as given to the muxer.
        block_pts_s: the same as written in a WebM's blocks; None for MP4, whose index holds them.
    """

    rate: int
    recording: tuple[tuple[int, Pcm], ...]
    output: Source
    muxed_pts_s: Doubles
    block_pts_s: Doubles | None


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter on the output clock.

    Attributes:
        from_s: its start.
        to_s: its end, which is the next one's start.
        kind: for machines.
        title: the same for a person.
    """

    from_s: float
    to_s: float
    kind: ChapterKind
    title: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The written output.

    Attributes:
        video_packets: their number.
        audio_s: seconds of audio.
        decode_failures: audio packets of the agent recording that couldn't be decoded; they are silent in the output.
        size: of the file, in bytes.
        captured: the captured audio; None without capture.
        masked_frames: frames of the video that are plain.
        remade_frames: frames that were encoded in a copied video, the plain ones included.
    """

    video_packets: int
    audio_s: float
    decode_failures: int
    size: int = 0
    captured: CapturedAudio | None = None
    masked_frames: int = 0
    remade_frames: int = 0
