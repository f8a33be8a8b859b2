"""Container timing: what a recording's time stamps say of lost buffers, skew and a frozen picture. Nothing is decoded.

Times are seconds on the recording's clock; skews are positive where the sound is the later one. A packet's own
length tells a lost buffer, never the length that the container gives it: MP4 stores the step to the next packet
there, the lost time included. An Opus packet carries its length (RFC 6716, 3.1); of other codecs every packet is as
long as the usual step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.media import RECORDING_FORMATS, audio_stream, codec_name, opened, packets, video_stream
from komorebi_qc.pcm import STEP_S
from komorebi_qc.probe import FAR_START_S
from komorebi_qc.timebase import Span, clock_text
from komorebi_qc.verdict import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
class SkewLimit:
    """How far sound may lie from its picture.

    Attributes:
        early_s: sound before picture.
        late_s: sound after picture.
        status: of what lies beyond.
        source: who says so.
    """

    early_s: float
    late_s: float
    status: Status
    source: str

    def holds(self, skew_s: float) -> bool:
        """Whether a skew lies within."""
        return -self.early_s <= skew_s <= self.late_s


@dataclass(frozen=True, slots=True)
class TimingLimit:
    """Up to where a measurement passes, and up to where it is only warned of; with who says so."""

    warn_above: float
    fail_above: float
    source: str


SKEW_LIMITS = (
    # Tracks that begin or end apart are in sync all the same, by their own time stamps: never worse than a warning.
    SkewLimit(0.040, 0.060, "pass", "EBU R37-2007, end to end"),
    SkewLimit(0.045, 0.125, "warn", "ITU-R BT.1359-1, detectability"),
    SkewLimit(0.090, 0.185, "warn", "ITU-R BT.1359-1, acceptability"),
)
"""From the narrowest to the widest."""
LIMITS = {
    "audio_gap_largest": TimingLimit(STEP_S, 0.060, "ITU-T G.711 Appendix I: concealment fades to silence in 60 ms"),
    "audio_gap_share": TimingLimit(0.0, 0.05, "own: one second in twenty"),
    "audio_overlap": TimingLimit(STEP_S, math.inf, "own: whole-millisecond stamps stray less"),
    "picture_frozen": TimingLimit(10.0, math.inf, "own: Chromium repeats a still screen's frame about once a second"),
}
"""What is measured in seconds or as a share; beyond `fail_above` it fails."""


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


def measure_timing(source: Source) -> Timing:
    """Read every packet's time stamps of a recording.

    Raises:
        MediaError: where it isn't media.
    """
    with opened(source.again(), RECORDING_FORMATS) as container:
        sound, picture = audio_stream(container), video_stream(container)
        streams = [s for s in (sound, picture) if s is not None]
        is_opus = sound is not None and codec_name(sound) == "opus"
        heard, seen = _read(packets(container, streams), sound.index if sound is not None else -1, is_opus=is_opus)
        lead_in_s = opus_lead_in_s(sound.codec_context.extradata) if is_opus else 0.0
        # Every stamp is scaled once, as an array: asking a packet for its time costs a Fraction each.
        audio = np.array(heard, np.float64).reshape(-1, 3) * [_base(sound), _base(sound), 1.0]
        video = np.array(seen, np.float64).reshape(-1, 2) * _base(picture)
    starts = [float(track[:, 0].min()) for track in (audio, video) if len(track)]
    origin_s = min(starts) if starts and min(starts) > FAR_START_S else 0.0
    return Timing(
        origin_s,
        audio_timing(audio[:, 0] - origin_s, audio[:, 1], audio[:, 2] if is_opus else None, lead_in_s),
        video_timing(video[:, 0] - origin_s, video[:, 1]),
    )


def _base(stream: Any) -> float:
    return float(stream.time_base) if stream is not None and stream.time_base else 0.0


def _read(
    coming: Iterable[Any], sound: int, *, is_opus: bool
) -> tuple[list[tuple[int, int, float]], list[tuple[int, int]]]:
    """Of the audio (stamp, duration, the packet's own length); of the video (stamp, duration)."""
    heard: list[tuple[int, int, float]] = []
    seen: list[tuple[int, int]] = []
    for packet in coming:
        stamp = packet.pts
        if stamp is None:
            stamp = packet.dts
            if stamp is None:
                continue
        if packet.stream_index != sound:
            seen.append((stamp, packet.duration or 0))
        else:
            heard.append((stamp, packet.duration or 0, opus_packet_s(packet) if is_opus else 0.0))
    return heard, seen


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


def timing_findings(timing: Timing) -> tuple[Finding, ...]:
    """Every finding, those that pass as well."""
    return (*_lost(timing.audio), *_skews(timing), *_picture(timing.video))


def _status(value: float, limit: TimingLimit) -> Status:
    return "pass" if value <= limit.warn_above else "warn" if value <= limit.fail_above else "fail"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _lost(audio: AudioTiming | None) -> Iterator[Finding]:
    if audio is None:
        return
    gaps, overlaps = audio.gaps, audio.overlaps
    total_s = sum(step.size_s for step in gaps)
    largest = max(gaps, key=lambda step: step.size_s, default=Step(0.0, 0.0))
    share = total_s / audio.heard.length_s if audio.heard.length_s else 0.0
    limit = LIMITS["audio_gap_largest"]
    # One long gap is a warning, as many short ones are: it fails where much of the track is lost.
    lost: Status = "pass" if not gaps else "fail" if share > LIMITS["audio_gap_share"].fail_above else "warn"
    heard = "longer than concealment can cover" if largest.size_s > limit.fail_above else "short enough to conceal"
    yield Finding(
        "audio_gaps",
        round(total_s, 6),
        "s",
        lost,
        f"{len(gaps)} gap{'s' if len(gaps) != 1 else ''} in the recording's audio, {_ms(total_s)} together "
        f"({share:.2%} of it); the largest, {_ms(largest.size_s)}, ends at {clock_text(largest.at_s)} and is {heard}. "
        "The recorder lost those buffers: they are silent."
        if gaps
        else "No buffer of the recording's audio is missing.",
        limit.warn_above,
    )
    doubled_s = -sum(step.size_s for step in overlaps)
    worst = min(overlaps, key=lambda step: step.size_s, default=Step(0.0, 0.0))
    yield Finding(
        "audio_overlaps",
        round(doubled_s, 6),
        "s",
        _status(-worst.size_s, LIMITS["audio_overlap"]),
        f"{len(overlaps)} time stamp{'s' if len(overlaps) != 1 else ''} of the recording's audio lie before the end of "
        f"what came before, {_ms(doubled_s)} together; the largest, {_ms(-worst.size_s)}, at "
        f"{clock_text(worst.at_s)}. The doubled part is trimmed."
        if overlaps
        else "No time stamps of the recording's audio overlap.",
        LIMITS["audio_overlap"].warn_above,
    )


def judge_skew(skew_s: float) -> tuple[Status, tuple[SkewLimit, ...], float]:
    """The status of a skew, the limits it is beyond, and the limit on its side up to which it passes, in seconds."""
    beyond = tuple(limit for limit in SKEW_LIMITS if not limit.holds(skew_s))
    status: Status = "warn" if any(limit.status == "warn" for limit in beyond) else "pass"
    first = next(limit for limit in SKEW_LIMITS if limit.status != "pass")
    return status, beyond, -first.early_s if skew_s < 0 else first.late_s


def _skews(timing: Timing) -> Iterator[Finding]:
    # How long the last frame stays isn't stored: the picture's end is known to a frame.
    frame_s = timing.video.median_step_s if timing.video is not None else 0.0
    for name, skew_s, verb, known_to_s in (
        ("audio_start_skew", timing.start_skew_s, "begins", 0.0),
        ("audio_end_skew", timing.end_skew_s, "ends", frame_s),
    ):
        if skew_s is None:
            continue
        sure_s = math.copysign(max(0.0, abs(skew_s) - known_to_s), skew_s)
        status, beyond, limit_s = judge_skew(round(sure_s, 6))
        order = "after" if skew_s > -5e-7 else "before"
        judged = f"beyond {beyond[-1].source}" if beyond else f"within {SKEW_LIMITS[0].source}"
        yield Finding(
            name,
            round(skew_s, 6),
            "s",
            status,
            f"The recording's sound {verb} {_ms(abs(skew_s))} {order} its picture"
            + (f" (known to a frame, {_ms(known_to_s)})" if known_to_s else "")
            + f": {judged}.",
            round(limit_s + math.copysign(known_to_s, limit_s), 6),
        )


def _picture(video: VideoTiming | None) -> Iterator[Finding]:
    if video is None:
        return
    limit = LIMITS["picture_frozen"]
    yield Finding(
        "picture_frozen",
        round(video.frozen.length_s, 6),
        "s",
        _status(video.frozen.length_s, limit),
        f"The longest time without a new frame is {video.frozen.length_s:.3f} s, from "
        f"{clock_text(video.frozen.start_s)}; {video.frames} frames, usually {video.median_fps:.1f} a second.",
        limit.warn_above,
    )
