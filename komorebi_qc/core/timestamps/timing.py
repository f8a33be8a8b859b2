"""Timestamps of a recording: lost buffers, skew between tracks, video freezes.

Times are seconds on the recording clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.timebase import Span
from komorebi_qc.core.timestamps.steps import STEP_S, follow, level_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Doubles

FAR_START_S = 3600.0
"""Timestamps that begin later than this count from something other than the recording's start."""
_UNLIKE = 0.2
"""Share of steps away from the usual one in a track whose packets differ in length."""


_ROUNDING_S = 0.00101
"""Timestamps in whole milliseconds are this far from their place at most."""
_MOSTLY, _ALIKE = 0.95, 0.8
_APART_S = 0.0125
"""Stamps that tremble are closer together."""
_AROUND, _SPAN, _ENOUGH = 64, 16, 256
"""Stamps on each side of a step that show its size, and those over which a rate is measured, of how many at least."""
_LONGEST_S = 0.25
"""No audio packet is longer; Opus ends at 0.12 s (RFC 6716, 3.2)."""


@dataclass(frozen=True, slots=True)
class Discontinuity:
    """A timestamp that isn't the end of the previous packet.

    Attributes:
        at_s: the timestamp after the discontinuity.
        size_s: positive for a gap (lost audio), negative for an overlap.
    """

    at_s: float
    size_s: float


@dataclass(frozen=True, slots=True)
class AudioTiming:
    """An audio track by its packets.

    Attributes:
        first_s: the first PTS, including the encoder's pre-skip; may be negative.
        audible: from the first audible sample (after the pre-skip) to the end.
        held_s: total length of its packets; less than `audible` if buffers were lost.
        packets: their number.
        steps: gaps and overlaps over `STEP_S`, in order.
    """

    first_s: float
    audible: Span
    held_s: float
    packets: int
    discontinuities: tuple[Discontinuity, ...]

    @property
    def gaps(self) -> tuple[Discontinuity, ...]:
        """Discontinuities that lost audio."""
        return tuple(step for step in self.discontinuities if step.size_s > 0)

    @property
    def overlaps(self) -> tuple[Discontinuity, ...]:
        """Discontinuities with a timestamp before the previous packet's end."""
        return tuple(step for step in self.discontinuities if step.size_s < 0)


@dataclass(frozen=True, slots=True)
class VideoTiming:
    """A video track by its packets.

    Attributes:
        first_s: the first PTS.
        span: first frame to the end of the last.
        frames: their number.
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
    """The timestamps of a recording.

    Attributes:
        origin_s: subtracted from all timestamps, because the first one was over an hour late.
        audio: None without an audio track.
        video: None without a video track.
    """

    origin_s: float
    audio: AudioTiming | None
    video: VideoTiming | None

    @property
    def start_skew_s(self) -> float | None:
        """Start of the audio minus start of the video; None if one of them is missing."""
        if self.audio is None or self.video is None:
            return None
        return self.audio.audible.start_s - self.video.span.start_s

    @property
    def end_skew_s(self) -> float | None:
        """End of the audio minus end of the video; None if one of them is missing."""
        if self.audio is None or self.video is None:
            return None
        return self.audio.audible.end_s - self.video.span.end_s


def audio_timing(
    stamps_s: Doubles, durations_s: Doubles, own_s: Doubles | None = None, lead_in_s: float = 0.0
) -> AudioTiming | None:
    """Return the timing of an audio track from its packets, in file order; None without packets.

    Args:
        stamps_s: timestamps, shape ``(n,)``.
        durations_s: from the container; 0 if unknown.
        own_s: the length of each packet by its codec, if the codec states it.
        lead_in_s: the encoder's pre-skip, which players skip.
    """
    if not len(stamps_s):
        return None
    held_s = nominal_duration_s(stamps_s, durations_s) if own_s is None else own_s
    first_s = float(stamps_s[0])
    # A shortened last packet has a shorter duration. Samples before second 0 are never played.
    last_s = min(d for d in (float(held_s[-1]), float(durations_s[-1])) if d > 0 or d == held_s[-1])
    end_s = float(np.max(stamps_s[:-1] + held_s[:-1], initial=float(stamps_s[-1]) + last_s))
    start_s = max(0.0, first_s + lead_in_s)
    return AudioTiming(
        first_s,
        Span(start_s, max(start_s, end_s)),
        max(0.0, float(held_s[:-1].sum()) + last_s - max(0.0, start_s - first_s)),
        len(stamps_s),
        discontinuities(stamps_s, held_s),
    )


def nominal_duration_s(stamps_s: Doubles, durations_s: Doubles) -> Doubles:
    """Return the length of each packet of a codec with equal packets: the median step."""
    if len(stamps_s) < 2:
        return durations_s
    between = np.diff(stamps_s)
    usual = float(np.median(between))
    if np.mean(np.abs(between - usual) > STEP_S) > _UNLIKE:
        # The packets differ (Vorbis): only the container may state their lengths.
        return durations_s if durations_s.all() else np.append(between, usual)
    return np.full(len(stamps_s), usual if 0 < usual < _LONGEST_S else float(np.median(durations_s)))


def discontinuities(stamps_s: Doubles, held_s: Doubles, threshold_s: float = STEP_S) -> tuple[Discontinuity, ...]:
    """Return the packets that don't begin at the end of the previous one, where the difference lasts.

    A difference up to the threshold is rounding, or a clock that runs slightly fast: no buffer was lost. Timestamps
    that tremble, and a single one that is late, lose no buffer either.
    """
    if len(stamps_s) < 2:
        return ()
    sizes = np.diff(stamps_s) - held_s[:-1]
    if np.max(np.abs(sizes)) <= min(_ROUNDING_S, threshold_s):
        return ()
    offsets = np.concatenate([[0.0], np.cumsum(sizes - _rate_error_s(sizes))])
    levels = follow(offsets, threshold_s)
    places = np.flatnonzero(np.diff(levels)) + 1
    # The stamps on both sides are alike if only a slow clock is followed.
    places = places[np.abs(_sizes_s(offsets, places)) > _ALIKE * threshold_s]
    return tuple(
        Discontinuity(float(stamps_s[at]), float(size_s))
        for at, size_s in zip(places, _sizes_s(offsets, places), strict=True)
        if abs(size_s) > threshold_s
    )


def _sizes_s(offsets: Doubles, places: NDArray[np.int64]) -> Doubles:
    """By how much the offsets step at each place, from the stamps between it and its neighbours."""
    edges = [0, *places.tolist(), len(offsets)]
    return np.array(
        [
            level_of(offsets[at : min(after, at + _AROUND)]) - level_of(offsets[max(before, at - _AROUND) : at])
            for before, at, after in zip(edges, edges[1:], edges[2:], strict=False)
        ],
        np.float64,
    )


def _rate_error_s(sizes: Doubles) -> float:
    """By how much the packets' lengths are wrong on average: a median of whole milliseconds is, by a third of one."""
    error_s = 0.0
    small = sizes[np.abs(sizes) <= _ROUNDING_S]
    if len(small) > _MOSTLY * len(sizes):
        error_s = float(np.mean(small))
    elif len(sizes) >= _ENOUGH:
        sums = np.concatenate([[0.0], np.cumsum(sizes)])
        rises = sums[_SPAN:] - sums[:-_SPAN]
        # A tremble comes back, so that its mean is 0.
        small = rises[np.abs(rises) < _APART_S]
        error_s = float(np.sum(small)) / (_SPAN * max(1, len(small)))
    return error_s if abs(error_s) > _ROUNDING_S / 10.0 else 0.0


def video_timing(stamps_s: Doubles, durations_s: Doubles) -> VideoTiming | None:
    """Return the timing of a video track from its packets, in any order; None without packets."""
    if not len(stamps_s):
        return None
    order = np.argsort(stamps_s, kind="stable")
    shown = stamps_s[order]
    between = np.diff(shown)
    usual = float(np.median(between)) if len(between) else 0.0
    last_s = float(durations_s[order[-1]])
    # WebM has no durations, and the recorder's last one is a guess: use the usual one at most.
    end_s = float(shown[-1]) + (min(last_s, usual) if last_s > 0 and usual > 0 else max(last_s, usual))
    longest = int(np.argmax(between)) if len(between) else 0
    frozen = Span(float(shown[longest]), float(shown[longest + 1])) if len(between) else Span(float(shown[0]), end_s)
    return VideoTiming(float(shown[0]), Span(float(shown[0]), end_s), len(shown), usual, frozen)
