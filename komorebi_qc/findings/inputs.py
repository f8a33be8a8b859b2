"""Findings about the two input files: channels, missing data, timestamps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import Finding, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.media_info import MediaInfo


def call_findings(call: MediaInfo, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """All findings about the call audio's file.

    Args:
        call: the tracks of the call audio.
        limits: the limits to check against.
    """
    channels = 0 if call.audio is None else call.audio.channels
    yield limits.finding(
        "call_channels",
        channels,
        "The call audio has the customer on the left and the agent on the right."
        if channels == 2
        else f"The call audio has {counted(channels, 'channel')}. Customer and agent can't be told apart, and both "
        "sides of the output play the same.",
    )
    missing_s = call.missing_s or 0.0
    yield limits.finding(
        "call_audio_missing",
        missing_s,
        f"{call.name} is cut off: {missing_s:.3f} s that its header announces are missing. The rest was used. Get the "
        "complete file.",
        good="The call audio is complete.",
    )


def recording_findings(recording: MediaInfo, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """All findings about the agent recording's file that need no decoding.

    Args:
        recording: the tracks of the agent recording.
        limits: the limits to check against.
    """
    yield _missing_bytes(recording, limits)
    yield _missing_length(recording, limits)
    yield _start_pts(recording, limits)
    audio, video = recording.audio, recording.video
    yield limits.finding(
        "recording_audio_channels",
        0 if audio is None else audio.channels,
        "The recording has no audio track. The output has only the call audio, and is silent before and after it."
        if audio is None
        else "The recording has its own audio track.",
    )
    if video is not None:
        count = video.disordered
        yield limits.finding(
            "video_dts_non_monotonic",
            count,
            f"{counted(count, 'video packet')} had a decoding timestamp (DTS) that runs backwards, and "
            f"{'was moved behind its' if count == 1 else 'were moved behind their'} predecessor. The recorder's clock "
            "was set while it ran."
            if count
            else "The video's decoding timestamps rise.",
        )


def _missing_bytes(recording: MediaInfo, limits: Limits) -> Finding:
    missing = recording.missing_bytes
    cut = [part for part in recording.parts if part.missing_bytes]
    ends = [(part.name, part.end_s) for part in cut] or [(recording.name, recording.end_s)]
    found = "; ".join(f"{name} is cut off: it ends at {clock_text(end_s)}" for name, end_s in ends)
    return limits.finding(
        "recording_missing",
        missing,
        f"{found}, and at least {counted(missing, 'byte is', 'bytes are')} missing. The complete part was used."
        if missing
        else "The recording's structure is complete.",
    )


def _missing_length(recording: MediaInfo, limits: Limits) -> Finding:
    limit = limits.of("recording_length_missing")
    if recording.missing_s is None:
        return limit.unknown(
            "recording_length_missing",
            "The recording's header has no length, so lost seconds at its end can't be detected.",
        )
    return limit.finding(
        "recording_length_missing",
        recording.missing_s,
        f"{recording.name} ends at {clock_text(recording.end_s)}, {recording.missing_s:.3f} s before the end that its "
        "header announces. Those seconds are lost.",
        good="The recording is as long as its header announces.",
    )


def _start_pts(recording: MediaInfo, limits: Limits) -> Finding:
    tracks = (track for track in (recording.video, recording.audio) if track is not None)
    start_s = recording.origin_s or min((track.span.start_s for track in tracks), default=0.0)
    return limits.finding(
        "recording_start_pts",
        start_s,
        f"The recording's timestamps begin at {start_s:.3f} s. "
        + ("All times count from there." if recording.origin_s else "The video starts that much later, as recorded."),
        good="The recording's timestamps begin at its start.",
    )
