"""What a recording's time stamps mean, as findings: lost buffers, skew and a frozen picture against their limits. Pure.

Skews are positive where the sound is the later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.core.timing import Discontinuity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limit, Limits
    from komorebi_qc.core.timing import AudioTiming, Timing, VideoTiming


def timing_findings(timing: Timing, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """Every finding, those that pass as well."""
    return (*_lost(timing.audio, limits), *_skews(timing, limits), *_picture(timing.video, limits))


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000, 1) + 0.0:.1f} ms"  # plus 0: no minus zero


def _lost(audio: AudioTiming | None, limits: Limits) -> Iterator[Finding]:
    if audio is None:
        return
    gaps, overlaps = audio.gaps, audio.overlaps
    total_s = sum((step.size_s for step in gaps), 0.0)
    largest = max(gaps, key=lambda step: step.size_s, default=Discontinuity(0.0, 0.0))
    share = total_s / audio.heard.length_s if audio.heard.length_s else 0.0
    limit = limits.of("audio_gaps")
    ((concealed, _),) = limit.marks
    heard = "short enough to conceal" if concealed.holds(largest.size_s) else "longer than concealment can cover"
    lost = "that buffer: it is silent" if len(gaps) == 1 else "those buffers: they are silent"
    # One long gap is a warning, as many short ones are: it fails where much of the track is lost.
    yield limit.finding(
        "audio_gaps",
        total_s,
        f"{counted(len(gaps), 'gap')} in the recording's audio, {_ms(total_s)} together; the largest, "
        f"{_ms(largest.size_s)}, ends at {clock_text(largest.at_s)} and is {heard}. The recorder lost {lost}."
        if gaps
        else "No buffer of the recording's audio is missing.",
        at=At("recording", largest.at_s) if gaps else None,
    )
    yield limits.finding(
        "audio_gap_share",
        share,
        f"{share:.2%} of the recording's audio is lost." if gaps else "Nothing of the recording's audio is lost.",
    )
    doubled_s = sum((-step.size_s for step in overlaps), 0.0)
    worst = min(overlaps, key=lambda step: step.size_s, default=Discontinuity(0.0, 0.0))
    yield limits.finding(
        "audio_overlaps",
        doubled_s,
        f"{counted(len(overlaps), 'time stamp')} of the recording's audio {'lies' if len(overlaps) == 1 else 'lie'} "
        f"before the end of what came before, {_ms(doubled_s)} together; the largest overlap, {_ms(-worst.size_s)}, is "
        f"at {clock_text(worst.at_s)}. The doubled part is trimmed."
        if overlaps
        else "No time stamps of the recording's audio overlap.",
        at=At("recording", worst.at_s) if overlaps else None,
    )


def judged_by_standards(skew_s: float, limit: Limit) -> str:
    """Whose tolerance a skew is beyond, or within; the limit's marks, from the narrowest to the widest."""
    beyond = [source for tolerance, source in limit.marks if not tolerance.holds(skew_s)]
    return f"beyond {beyond[-1]}" if beyond else f"within {limit.marks[0][1]}"


def _skews(timing: Timing, limits: Limits) -> Iterator[Finding]:
    # How long the last frame stays isn't stored: the picture's end is known to a frame.
    frame_s = timing.video.median_step_s if timing.video is not None else 0.0
    for name, skew_s, verb, known_to_s in (
        ("audio_start_skew", timing.start_skew_s, "begins", 0.0),
        ("audio_end_skew", timing.end_skew_s, "ends", frame_s),
    ):
        if skew_s is None:
            continue
        limit = limits.of(name)
        sure_s = min(0.0, skew_s + known_to_s) if skew_s < 0 else max(0.0, skew_s - known_to_s)
        order = "after" if skew_s > -5e-7 else "before"
        yield limit.widened(known_to_s, known_to_s).finding(
            name,
            skew_s,
            f"The recording's sound {verb} {_ms(abs(skew_s))} {order} its picture"
            + (f" (known to a frame, {_ms(known_to_s)})" if known_to_s else "")
            + f": {judged_by_standards(round(sure_s, 6), limit)}.",
        )


def _picture(video: VideoTiming | None, limits: Limits) -> Iterator[Finding]:
    if video is None:
        return
    usually = f", usually {video.median_fps:.1f} a second" if video.median_fps else ""
    yield limits.finding(
        "picture_frozen",
        video.frozen.length_s,
        f"The longest time without a new frame is {video.frozen.length_s:.3f} s, from "
        f"{clock_text(video.frozen.start_s)}; {counted(video.frames, 'frame')}{usually}.",
        at=At("recording", video.frozen.start_s) if video.frozen.length_s else None,
    )
