"""Container timing: what a recording's time stamps say of lost buffers, skew and a frozen picture. Nothing is decoded.

Times are seconds on the recording's clock; skews are positive where the sound is the later one. A packet's own
length tells a lost buffer, never the length that the container gives it: MP4 stores the step to the next packet
there, the lost time included. An Opus packet carries its length (RFC 6716, 3.1); of other codecs every packet is as
long as the usual step.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.media import RECORDING_FORMATS, audio_stream, codec_name, opened, packets, video_stream
from komorebi_qc.pcm import STEP_S
from komorebi_qc.probe import FAR_START_S
from komorebi_qc.timebase import Span

if TYPE_CHECKING:
    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.stores import Source

    Doubles = NDArray[np.float64]

_OPUS_RATE = 48_000
_OPUS_S = (*(0.010, 0.020, 0.040, 0.060) * 3, *(0.010, 0.020) * 2, *(0.0025, 0.005, 0.010, 0.020) * 4)
"""Length of one frame by the configuration number in an Opus packet's first byte (RFC 6716, table 2)."""
_UNLIKE = 0.2
"""Share of the steps that stray from the usual one in a track whose packets differ in length."""
_LONGEST_S = 0.25
"""No audio packet holds more; Opus stops at 0.12 s (RFC 6716, 3.2)."""


@dataclass(frozen=True, slots=True)
class Step:
    """A place where a time stamp isn't where the packet before it ends.

    Attributes:
        at_s: the time stamp behind the step.
        size_s: positive for a gap (lost audio), negative for an overlap.
    """

    at_s: float
    size_s: float


@dataclass(frozen=True, slots=True)
class AudioTiming:
    """An audio track by its packets.

    Attributes:
        first_s: the first time stamp, an encoder's lead-in included; may be negative.
        heard: from the first sample that is heard (behind the lead-in) to the end.
        held_s: what its packets hold together; less than `heard` where buffers were lost.
        packets: how many.
        steps: its gaps and overlaps over `STEP_S`, in order.
    """

    first_s: float
    heard: Span
    held_s: float
    packets: int
    steps: tuple[Step, ...]

    @property
    def gaps(self) -> tuple[Step, ...]:
        """Where audio was lost."""
        return tuple(step for step in self.steps if step.size_s > 0)

    @property
    def overlaps(self) -> tuple[Step, ...]:
        """Where a time stamp lies before the last packet's end."""
        return tuple(step for step in self.steps if step.size_s < 0)


@dataclass(frozen=True, slots=True)
class VideoTiming:
    """A video track by its packets.

    Attributes:
        first_s: the first time stamp.
        span: first frame to the end of the last.
        frames: how many.
        median_step_s: from a frame to the next; 0 for a single frame.
        frozen: the longest time without a new frame.
    """

    first_s: float
    span: Span
    frames: int
    median_step_s: float
    frozen: Span

    @property
    def median_fps(self) -> float:
        """Frames a second, by the median step; 0 for a single frame."""
        return 1.0 / self.median_step_s if self.median_step_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Timing:
    """A recording's time stamps.

    Attributes:
        origin_s: what was taken off them all, since they began over an hour late.
        audio: None without an audio track.
        video: None without a video track.
    """

    origin_s: float
    audio: AudioTiming | None
    video: VideoTiming | None

    @property
    def start_skew_s(self) -> float | None:
        """By how much the sound begins after the picture; None where one of them is missing."""
        if self.audio is None or self.video is None:
            return None
        return self.audio.heard.start_s - self.video.span.start_s

    @property
    def end_skew_s(self) -> float | None:
        """By how much the sound ends after the picture; None where one of them is missing."""
        if self.audio is None or self.video is None:
            return None
        return self.audio.heard.end_s - self.video.span.end_s


class PacketNotes:
    """The time stamps of a recording's packets, noted as somebody reads them."""

    def __init__(self, container: InputContainer) -> None:
        """Begin a reading of a recording."""
        self._sound, self._picture = audio_stream(container), video_stream(container)
        self._index = self._sound.index if self._sound is not None else -1
        self._is_opus = self._sound is not None and codec_name(self._sound) == "opus"
        self._lead_in_s = opus_lead_in_s(self._sound.codec_context.extradata) if self._is_opus else 0.0
        self._bases = (_base(self._sound), _base(self._picture))
        # Plain numbers: an hour has 200,000 packets, and a list of tuples of them takes 30 MB.
        self._heard = (array("q"), array("q"), array("d"))
        self._seen = (array("q"), array("q"))

    @property
    def streams(self) -> list[Any]:
        """The tracks whose packets it wants to see."""
        return [s for s in (self._sound, self._picture) if s is not None]

    def note(self, packet: Any) -> None:
        """Take in the next packet of one of them, in file order."""
        stamp = packet.pts
        if stamp is None:
            stamp = packet.dts
            if stamp is None:
                return
        if packet.stream_index != self._index:
            stamps, durations = self._seen
        else:
            stamps, durations, lengths = self._heard
            if self._is_opus:
                lengths.append(opus_packet_s(packet))
        stamps.append(stamp)
        durations.append(packet.duration or 0)

    def timing(self) -> Timing:
        """What they say, after the last one."""
        # Every stamp is scaled once, as an array: asking a packet for its time costs a Fraction each.
        audio_s, audio_durations_s = (np.array(column, np.float64) * self._bases[0] for column in self._heard[:2])
        video_s, video_durations_s = (np.array(column, np.float64) * self._bases[1] for column in self._seen)
        starts = [float(track.min()) for track in (audio_s, video_s) if len(track)]
        origin_s = min(starts) if starts and min(starts) > FAR_START_S else 0.0
        own_s = np.array(self._heard[2], np.float64) if self._is_opus else None
        return Timing(
            origin_s,
            audio_timing(audio_s - origin_s, audio_durations_s, own_s, self._lead_in_s),
            video_timing(video_s - origin_s, video_durations_s),
        )


def measure_timing(source: Source) -> Timing:
    """Read every packet's time stamps of a recording.

    Raises:
        MediaError: where it isn't media.
    """
    with opened(source.again(), RECORDING_FORMATS, is_read_through=True) as container:
        notes = PacketNotes(container)
        for packet in packets(container, notes.streams):
            notes.note(packet)
        return notes.timing()


def _base(stream: Any) -> float:
    return float(stream.time_base) if stream is not None and stream.time_base else 0.0


def opus_packet_s(packet: Any) -> float:
    """The seconds that an Opus packet holds, by its first byte and, for odd counts, its second (RFC 6716, 3.1)."""
    data = memoryview(packet)
    first = data[0]
    count = (1, 2, 2, 0)[first & 3] or (data[1] & 63 if len(data) > 1 else 1)
    return _OPUS_S[first >> 3] * count


def opus_lead_in_s(head: bytes | None) -> float:
    """The seconds before an Opus track's first sound: the pre-skip in its ``OpusHead`` (RFC 7845, 5.1)."""
    if head is None or len(head) < 12 or not head.startswith(b"OpusHead"):
        return 0.0
    return int.from_bytes(head[10:12], "little") / _OPUS_RATE


def audio_timing(
    stamps_s: Doubles, durations_s: Doubles, own_s: Doubles | None = None, lead_in_s: float = 0.0
) -> AudioTiming | None:
    """Judge an audio track by its packets, in file order; None where there are none.

    Args:
        stamps_s: time stamps.
        durations_s: as the container gives them; 0 where it doesn't.
        own_s: each packet's own length, where the codec tells.
        lead_in_s: what an encoder puts before the first sound, and players skip.
    """
    if not len(stamps_s):
        return None
    held_s = usual_s(stamps_s, durations_s) if own_s is None else own_s
    first_s = float(stamps_s[0])
    # A last packet that was shortened says so; what lies before second 0 is never heard.
    last_s = min(d for d in (float(held_s[-1]), float(durations_s[-1])) if d > 0 or d == held_s[-1])
    end_s = float(np.max(stamps_s[:-1] + held_s[:-1], initial=float(stamps_s[-1]) + last_s))
    start_s = max(0.0, first_s + lead_in_s)
    return AudioTiming(
        first_s,
        Span(start_s, max(start_s, end_s)),
        max(0.0, float(held_s[:-1].sum()) + last_s - max(0.0, start_s - first_s)),
        len(stamps_s),
        steps(stamps_s, held_s),
    )


def usual_s(stamps_s: Doubles, durations_s: Doubles) -> Doubles:
    """The length of each packet of a codec whose packets are all alike: the median step."""
    if len(stamps_s) < 2:
        return durations_s
    between = np.diff(stamps_s)
    usual = float(np.median(between))
    if np.mean(np.abs(between - usual) > STEP_S) > _UNLIKE:
        # They aren't alike (Vorbis): only the container tells, if it does.
        return durations_s if durations_s.all() else np.append(between, usual)
    return np.full(len(stamps_s), usual if 0 < usual < _LONGEST_S else float(np.median(durations_s)))


def steps(stamps_s: Doubles, held_s: Doubles, threshold_s: float = STEP_S) -> tuple[Step, ...]:
    """Where a packet doesn't begin where the one before it ends.

    What strays by up to the threshold is rounding, or a clock that runs a little fast: no buffer was lost.
    """
    sizes = np.diff(stamps_s) - held_s[:-1]
    where = np.flatnonzero(np.abs(sizes) > threshold_s)
    return tuple(Step(float(stamps_s[i + 1]), float(sizes[i])) for i in where)


def video_timing(stamps_s: Doubles, durations_s: Doubles) -> VideoTiming | None:
    """Judge a video track by its packets, in any order; None where there are none."""
    if not len(stamps_s):
        return None
    order = np.argsort(stamps_s, kind="stable")
    shown = stamps_s[order]
    between = np.diff(shown)
    usual = float(np.median(between)) if len(between) else 0.0
    last_s = float(durations_s[order[-1]])
    # WebM gives no durations, and the recorder's last one is a guess: at most what is usual here.
    end_s = float(shown[-1]) + (min(last_s, usual) if last_s > 0 and usual > 0 else max(last_s, usual))
    longest = int(np.argmax(between)) if len(between) else 0
    frozen = Span(float(shown[longest]), float(shown[longest + 1])) if len(between) else Span(float(shown[0]), end_s)
    return VideoTiming(float(shown[0]), Span(float(shown[0]), end_s), len(shown), usual, frozen)
