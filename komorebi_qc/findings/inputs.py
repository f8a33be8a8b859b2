"""What the inputs and the splice have to say about themselves, as findings. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, Finding, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.output import plan_container
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.sync import call_end_finding, sync_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.findings.evidence import Evidence


def judge(evidence: Evidence, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """Every finding of a run, those that pass as well, in the order in which an analyst asks."""
    return (
        *_alignment(evidence, limits),
        *_call_end(evidence, limits),
        *call_findings(evidence.call, limits),
        *recording_findings(evidence.recording, limits),
        *_damage(evidence, limits),
        *_picture(evidence, limits),
    )


def _alignment(e: Evidence, limits: Limits) -> Iterator[Finding]:
    placed = e.placed
    used_s = placed.alignment.to_recording(e.call_audio.span.end_s)
    if placed.measured is not None:
        yield from sync_findings(placed.measured, e.call_end, limits)
    if placed.source == "given":
        yield call_end_finding(e.call_end, used_s, limits)
    if placed.source == "told":
        yield limits.finding(
            "alignment_resolution",
            e.call_end.resolution_s,
            f"The call is placed by the told call end alone, which is known to {e.call_end.resolution_s:g} s: sound "
            "and picture may be that far apart.",
        )
    yield before_recording(e.splice.alignment.offset_s, used_s, limits)
    left_out_s = e.splice.left_out_s
    yield limits.finding(
        "call_audio_left_out",
        left_out_s,
        f"{left_out_s:.3f} s of the call have no place: the recording lost the time in which they were spoken."
        if left_out_s
        else "All of the call's audio has its place.",
    )


def before_recording(offset_s: float, used_call_end_s: float, limits: Limits = DEFAULT) -> Finding:
    """Whether the call began before the recording did; one that ended before it as well fails, however short it is."""
    begins_s = max(0.0, -offset_s)
    limit = limits.of("call_before_recording")
    is_outside = used_call_end_s <= 0
    found = limit.finding(
        "call_before_recording",
        begins_s,
        "The whole call lies before the recording: the call end was told wrongly, or the two don't belong together."
        if is_outside
        else f"The call began {begins_s:.3f} s before the recording: the video starts that much later."
        if begins_s
        else "The recording was running when the call began.",
    )
    return replace(found, status="fail") if is_outside and not limit.is_off else found


def past_recording(call_end_s: float, recording_end_s: float, limits: Limits = DEFAULT) -> Finding:
    """Whether the call's end, on the recording's clock, lies within the recording."""
    late_s = max(0.0, call_end_s - recording_end_s)
    return limits.finding(
        "call_end_past_recording",
        late_s,
        f"The call end {clock_text(call_end_s)} lies {late_s:.3f} s after the recording's end "
        f"({clock_text(recording_end_s)}): there is no after-call audio. Check the time, or whether the recording is "
        "whole."
        if late_s
        else "The call ended while the recording was running.",
        at=At("recording", call_end_s),
    )


def _call_end(e: Evidence, limits: Limits) -> Iterator[Finding]:
    used_s = e.placed.alignment.to_recording(e.call_audio.span.end_s)
    yield past_recording(used_s, e.recording.end_s, limits)
    after_s = e.after_call.length_s
    yield limits.finding(
        "after_call_audio",
        after_s,
        f"{after_s:.3f} s of the recording's own audio follow the call."
        if after_s
        else "Nothing follows the call: the recording has no audio after its end.",
    )


def call_findings(call: MediaInfo, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """What Connect's audio says of itself."""
    channels = 0 if call.audio is None else call.audio.channels
    yield limits.finding(
        "call_channels",
        channels,
        "Connect's audio has the customer on the left and the agent on the right."
        if channels == 2
        else f"Connect's audio has {counted(channels, 'channel')}: customer and agent can't be told "
        "apart, and the same sound plays on both sides.",
    )
    missing_s = call.missing_s or 0.0
    yield limits.finding(
        "call_audio_missing",
        missing_s,
        f"{call.name} is cut off: its header promises {missing_s:.3f} s more than are in it. What is there was used; "
        "get the whole file again.",
        good="Connect's audio is whole.",
    )


def recording_findings(lost: MediaInfo, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """What the agent recording says of itself, as far as it was read and not rendered."""
    yield limits.finding(
        "recording_missing",
        lost.missing_bytes,
        f"{lost.name} is cut off in the middle: it ends at {clock_text(lost.end_s)}, and at least "
        f"{counted(lost.missing_bytes, 'byte is', 'bytes are')} missing. What is whole was used."
        if lost.missing_bytes
        else "The recording is whole, as far as its structure tells.",
    )
    length = limits.of("recording_length_missing")
    if lost.missing_s is None:
        yield length.unknown(
            "recording_length_missing",
            "Whether seconds of the recording are lost can't be told: its header has no length.",
        )
    else:
        yield length.finding(
            "recording_length_missing",
            lost.missing_s,
            f"{lost.missing_s:.3f} s of {lost.name} are lost: its header promises them, and it ends at "
            f"{clock_text(lost.end_s)}.",
            good="The recording is as long as its header promises.",
        )
    audio = lost.audio
    start_s = lost.origin_s or min((track.span.start_s for track in (lost.video, audio) if track), default=0.0)
    yield limits.finding(
        "recording_first_time_stamp",
        start_s,
        f"The recording's time stamps begin at {start_s:.3f} s: "
        + ("they were counted from there." if lost.origin_s else "the picture is late by so much, as recorded."),
        good="The recording's time stamps begin at its start.",
    )
    yield limits.finding(
        "recording_audio_channels",
        0 if audio is None else audio.channels,
        "The recording has no audio track: the call's audio stands alone, and nothing is heard before and after it."
        if audio is None
        else "The recording has an audio track of its own.",
    )


def _damage(e: Evidence, limits: Limits) -> Iterator[Finding]:
    failures = e.rendered.decode_failures
    yield limits.finding(
        "recording_audio_damage",
        failures,
        f"{counted(failures, 'packet')} of the recording's audio can't be decoded and "
        f"{'is' if failures == 1 else 'are'} silent: the file is damaged."
        if failures
        else "Every packet of the recording's audio that was needed could be decoded.",
    )


def _picture(e: Evidence, limits: Limits) -> Iterator[Finding]:
    copied, video = e.plan.copies_video, e.video
    yield limits.finding(
        "video_reencoded",
        0 if copied else e.rendered.video_packets,
        f"The picture's {video.codec.upper()} packets were copied as they are."
        if copied
        else f"{e.plan.container.upper()} can't hold {video.codec.upper()}: the picture was re-encoded to "
        f"{e.plan.video_codec.upper()}, frame for frame"
        + (". Leave the container to `auto` to keep it as it is." if plan_container(video.codec, None)[1] else "."),
    )
    lost = max(0, video.packets - e.rendered.video_packets)
    yield limits.finding(
        "video_frames_lost",
        lost,
        f"{lost} of {counted(video.packets, 'frame')} couldn't be brought over."
        if lost
        else f"{'The one frame is' if video.packets == 1 else f'All {video.packets} frames are'} there.",
    )
    yield limits.finding(
        "video_time_stamps_disordered",
        video.disordered,
        f"{counted(video.disordered, 'packet')} had a decoding time that runs backwards, and "
        f"{'was moved behind its' if video.disordered == 1 else 'were moved behind their'} predecessor: the recorder's "
        "clock was set while it ran."
        if video.disordered
        else "The picture's time stamps rise.",
    )
