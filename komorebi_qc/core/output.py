"""The unified recording as data: container, codecs, rates, what is written and what is captured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Pcm
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import Span

Container = Literal["mp4", "webm"]
CONTAINERS: tuple[Container, ...] = ("mp4", "webm")
COPIED_INTO: dict[Container, frozenset[str]] = {
    "mp4": frozenset({"h264", "hevc", "vp9", "av1"}),
    "webm": frozenset({"vp8", "vp9", "av1"}),
}
"""Video codecs that a container takes as they are and browsers play from it."""
ENCODED_AS: dict[Container, str] = {"mp4": "h264", "webm": "vp9"}
AUDIO_CODEC: dict[Container, str] = {"mp4": "aac", "webm": "opus"}
AUDIO_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Sample rates that AAC and Opus both take."""


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """How a splice becomes a file.

    Attributes:
        container: what is written.
        video_codec: of the picture in it.
        copies_video: whether the packets go over as they are.
        audio_rate: output samples a second.
        audio_bit_rate: bits a second.
    """

    container: Container
    video_codec: str
    copies_video: bool
    audio_rate: int
    audio_bit_rate: int


def plan_container(codec: str, wanted: Container | None) -> tuple[Container, bool]:
    """The container for a picture of this codec, and whether its packets can be copied into it.

    MP4 where it takes the codec, WebM for VP8; what neither takes is re-encoded into MP4.
    """
    if wanted is not None:
        return wanted, codec in COPIED_INTO[wanted]
    for container in CONTAINERS:
        if codec in COPIED_INTO[container]:
            return container, True
    return "mp4", False


@dataclass(frozen=True, slots=True)
class CaptureSpans:
    """Which places are to be kept.

    Attributes:
        recording: of the recording's own audio, on its clock.
        output: of the output's audio, on its clock.
    """

    recording: tuple[Span, ...]
    output: tuple[Span, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CapturedAudio:
    """What was kept.

    Attributes:
        rate: of the recording's samples.
        recording: of each wanted place the index of its first sample on the recording's clock, and its samples.
        twin: an audio file with what was wanted of the output.
        stamps_s: the time stamp of every audio packet of the output, as it was given to the muxer.
        blocks_s: the same as they lie in the file, where that tells on its way (WebM); None where its index does.
    """

    rate: int
    recording: tuple[tuple[int, Pcm], ...]
    twin: Source
    stamps_s: Doubles
    blocks_s: Doubles | None


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was written.

    Attributes:
        video_packets: how many.
        audio_s: seconds of audio.
        decode_failures: audio packets of the agent recording that couldn't be decoded; they are silent.
        size: of the file, in bytes.
        tapped: what was to be kept on the way; None where nothing was.
    """

    video_packets: int
    audio_s: float
    decode_failures: int
    size: int = 0
    tapped: CapturedAudio | None = None
