"""Findings about a recording's timestamps: lost buffers, skew between the tracks, a frozen video. Pure.

A positive skew means that the audio is later than the video.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.core.timestamps.timing import Discontinuity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limit, Limits
    from komorebi_qc.core.timestamps.timing import AudioTiming, Timing, VideoTiming

FREEZE_FRAMES = 50
"""A freeze is at least this many frames of the file long: a recorder of one frame a second may miss some."""
USUAL_STEP_S = 0.2
"""The frames of Amazon Connect's screen recordings are this far apart. For faster recorders the limit is as it is."""


def timing_findings(timing: Timing, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """All findings about a recording's timestamps, the passing ones too.

    Args:
        timing: the recording's packet timestamps.
        limits: the limits to check against.
    """
    return (*_lost(timing.audio, limits), *_skews(timing, limits), *_video(timing.video, limits))


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000, 1) + 0.0:.1f} ms"  # plus 0: no minus zero


def _lost(audio: AudioTiming | None, limits: Limits) -> Iterator[Finding]:
    if audio is None:
        return
    gaps, overlaps = audio.gaps, audio.overlaps
    total_s = sum((step.size_s for step in gaps), 0.0)
    largest = max(gaps, key=lambda step: step.size_s, default=Discontinuity(0.0, 0.0))
    share = total_s / audio.audible.length_s if audio.audible.length_s else 0.0
    limit = limits.of("audio_gaps")
    ((concealed, _),) = limit.marks
    effect = "short enough to conceal" if concealed.holds(largest.size_s) else "longer than concealment can cover"
    lost = "that buffer, which is silent" if len(gaps) == 1 else "those buffers, which are silent"
    # One long gap is a warning, like many short ones. `audio_gap_share` fails if much of the track is lost.
    yield limit.finding(
        "audio_gaps",
        total_s,
        f"{counted(len(gaps), 'gap')} in the recording's audio, {_ms(total_s)} in total. The largest, "
        f"{_ms(largest.size_s)}, ends at {clock_text(largest.at_s)} and is {effect}. The recorder lost {lost}."
        if gaps
        else "The recording's audio has no gaps.",
        at=At("recording", largest.at_s) if gaps else None,
    )
    yield limits.finding(
        "audio_gap_share",
        share,
        f"{share:.2%} of the recording's audio is lost." if gaps else "None of the recording's audio is lost.",
    )
    doubled_s = sum((-step.size_s for step in overlaps), 0.0)
    worst = min(overlaps, key=lambda step: step.size_s, default=Discontinuity(0.0, 0.0))
    yield limits.finding(
        "audio_overlaps",
        doubled_s,
        f"{counted(len(overlaps), 'packet')} of the recording's audio {'begins' if len(overlaps) == 1 else 'begin'} "
        f"before the previous one ends, {_ms(doubled_s)} in total. The largest overlap, {_ms(-worst.size_s)}, is at "
        f"{clock_text(worst.at_s)}. The doubled audio is trimmed."
        if overlaps
        else "The recording's audio has no overlaps.",
        at=At("recording", worst.at_s) if overlaps else None,
    )


def standards_text(skew_s: float, limit: Limit) -> str:
    """The widest tolerance that a skew exceeds, or the narrowest one that it meets.

    Args:
        skew_s: the skew in seconds.
        limit: a limit whose marks are in order, the narrowest first.
    """
    beyond = [source for tolerance, source in limit.marks if not tolerance.holds(skew_s)]
    return f"beyond the tolerance of {beyond[-1]}" if beyond else f"within the tolerance of {limit.marks[0][1]}"


def _skews(timing: Timing, limits: Limits) -> Iterator[Finding]:
    # A file doesn't store how long its last frame is shown, so the video's end is known to a frame. A recorder takes
    # its first picture at its next tick, so the sound of a slow one is early by up to a frame.
    frame_s = timing.video.median_step_s if timing.video is not None else 0.0
    for name, skew_s, verb, known_s in (
        (
            "audio_start_skew",
            timing.start_skew_s,
            "begins",
            (max(0.0, frame_s + limits.of("audio_start_skew").warn.low), 0.0),
        ),
        ("audio_end_skew", timing.end_skew_s, "ends", (frame_s, frame_s)),
    ):
        if skew_s is None:
            continue
        limit, known_to_s = limits.of(name), known_s[0]
        sure_s = min(0.0, skew_s + known_s[0]) if skew_s < 0 else max(0.0, skew_s - known_s[1])
        order = "after" if skew_s > -5e-7 else "before"
        yield limit.widened(*known_s).finding(
            name,
            skew_s,
            f"The recording's audio {verb} {_ms(abs(skew_s))} {order} its video"
            + (f" (known to a frame, {_ms(known_to_s)})" if known_s[1] else "")
            + f": {standards_text(round(sure_s, 6), limit)}.",
        )


def _video(video: VideoTiming | None, limits: Limits) -> Iterator[Finding]:
    if video is None:
        return
    rate = f", {video.median_fps:.1f} a second (median)" if video.median_fps else ""
    limit = limits.of("video_freeze")
    slower_s = max(0.0, FREEZE_FRAMES * video.median_step_s - FREEZE_FRAMES * USUAL_STEP_S)
    yield limit.widened(0.0, slower_s).finding(
        "video_freeze",
        video.frozen.length_s,
        f"The longest time without a new frame is {video.frozen.length_s:.3f} s, from "
        f"{clock_text(video.frozen.start_s)}; {counted(video.frames, 'frame')}{rate}.",
        at=At("recording", video.frozen.start_s) if video.frozen.length_s else None,
    )
