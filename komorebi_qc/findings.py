"""What the inputs and the splice have to say about themselves, as findings. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.render import plan_container
from komorebi_qc.sync_findings import SYNC_LIMIT_S, call_end_finding, sync_findings
from komorebi_qc.timebase import clock_text
from komorebi_qc.verdict import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.align import Placed
    from komorebi_qc.probe import AudioInfo, MediaInfo, VideoInfo
    from komorebi_qc.render import Rendered, RenderPlan
    from komorebi_qc.splice import Splice
    from komorebi_qc.timebase import CallEnd, Span

LATE_END_S = 1.0
"""A whole-second stamp and a recorder's last buffer are off by less; what is beyond was told wrongly."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run knows when it is done.

    Attributes:
        call: Connect's audio.
        call_audio: its track.
        recording: the agent recording.
        video: its picture.
        call_end: as told.
        placed: the alignment that was used, and what was measured.
        splice: what plays when.
        after_call: what the recording's own audio holds after the call.
        plan: what was written.
        rendered: how much of it.
    """

    call: MediaInfo
    call_audio: AudioInfo
    recording: MediaInfo
    video: VideoInfo
    call_end: CallEnd
    placed: Placed
    splice: Splice
    after_call: Span
    plan: RenderPlan
    rendered: Rendered


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Every finding of a run, those that pass as well, in the order in which an analyst asks."""
    return (*_alignment(evidence), *_call_end(evidence), *_call(evidence), *_recording(evidence), *_picture(evidence))


def _worst(value: float, warn_above: float, fail_above: float) -> Status:
    return "pass" if value <= warn_above else "warn" if value <= fail_above else "fail"


def _alignment(e: Evidence) -> Iterator[Finding]:
    placed = e.placed
    if placed.measured is not None:
        yield from sync_findings(placed.measured, e.call_end)
    if placed.source == "given":
        yield call_end_finding(e.call_end, placed.alignment.to_recording(e.call_audio.span.end_s))
    if placed.source == "told":
        told = e.call_end.resolution_s
        yield Finding(
            "alignment_resolution",
            told,
            "s",
            "pass" if told <= SYNC_LIMIT_S else "warn",
            f"The call is placed by the told call end alone, which is known to {told:g} s: sound and picture may be "
            "that far apart.",
            SYNC_LIMIT_S,
        )
    used_s = placed.alignment.to_recording(e.call_audio.span.end_s)
    begins_s = max(0.0, -e.splice.alignment.offset_s)
    yield Finding(
        "call_before_recording",
        round(begins_s, 6),
        "s",
        "fail" if used_s <= 0 else _worst(begins_s, LATE_END_S, 600.0),
        "The whole call lies before the recording: the call end was told wrongly, or the two don't belong together."
        if used_s <= 0
        else f"The call began {begins_s:.3f} s before the recording: the video starts that much later."
        if begins_s
        else "The recording was running when the call began.",
        LATE_END_S,
    )
    left_out_s = e.splice.left_out_s
    yield Finding(
        "call_audio_left_out",
        round(left_out_s, 6),
        "s",
        "warn" if left_out_s > 0 else "pass",
        f"{left_out_s:.3f} s of the call have no place: the recording lost the time in which they were spoken."
        if left_out_s
        else "All of the call's audio has its place.",
        0.0,
    )


def past_recording(call_end_s: float, recording_end_s: float) -> Finding:
    """Whether the call's end, on the recording's clock, lies within the recording."""
    late_s = max(0.0, call_end_s - recording_end_s)
    return Finding(
        "call_end_past_recording",
        round(late_s, 6),
        "s",
        _worst(late_s, 0.0, LATE_END_S),
        f"The call end {clock_text(call_end_s)} lies {late_s:.3f} s after the recording's end "
        f"({clock_text(recording_end_s)}): there is no after-call audio. Check the time, or whether the recording is "
        "whole."
        if late_s
        else "The call ended while the recording was running.",
        0.0,
    )


def _call_end(e: Evidence) -> Iterator[Finding]:
    used_s = e.placed.alignment.to_recording(e.call_audio.span.end_s)
    yield past_recording(used_s, e.recording.end_s)
    after_s = e.after_call.length_s
    yield Finding(
        "after_call_audio",
        round(after_s, 6),
        "s",
        "pass" if after_s > 0 else "warn",
        f"{after_s:.3f} s of the recording's own audio follow the call."
        if after_s
        else "Nothing follows the call: the recording has no audio after its end.",
    )


def _call(e: Evidence) -> Iterator[Finding]:
    audio = e.call_audio
    yield Finding(
        "call_channels",
        audio.channels,
        "channels",
        "pass" if audio.channels == 2 else "warn",
        "Connect's audio has the customer on the left and the agent on the right."
        if audio.channels == 2
        else f"Connect's audio has {audio.channels} channel{'s' if audio.channels != 1 else ''}: customer and agent "
        "can't be told apart, and the same sound plays on both sides.",
    )
    missing_s = e.call.missing_s or 0.0
    yield Finding(
        "call_audio_missing",
        round(missing_s, 6),
        "s",
        _worst(missing_s, 0.01, 0.01),
        f"{e.call.name} is cut off: its header promises {missing_s:.3f} s more than are in it. What is there was used; "
        "get the whole file again."
        if missing_s > 0.01
        else "Connect's audio is whole.",
        0.01,
    )


def _recording(e: Evidence) -> Iterator[Finding]:
    lost = e.recording
    if lost.is_truncated:
        how_long = (
            f"{lost.missing_s:.3f} s of it are lost"
            if lost.missing_s is not None
            else "how many seconds are lost isn't known, since the header gives no length"
        )
        text = (
            f"{lost.name} is cut off in the middle: it ends at {clock_text(lost.end_s)}, at least {lost.missing_bytes} "
            f"bytes are missing, and {how_long}. What is whole was used."
        )
    else:
        text = "The recording is whole, as far as its structure tells."
    yield Finding("recording_missing", lost.missing_bytes, "bytes", "fail" if lost.is_truncated else "pass", text, 0.0)
    audio = e.recording.audio
    yield Finding(
        "recording_audio_channels",
        0 if audio is None else audio.channels,
        "channels",
        "warn" if audio is None else "pass",
        "The recording has no audio track: the call's audio stands alone, and nothing is heard before and after it."
        if audio is None
        else "The recording has an audio track of its own.",
    )
    failures = e.rendered.decode_failures
    yield Finding(
        "recording_audio_damage",
        failures,
        "packets",
        "fail" if failures else "pass",
        f"{failures} packets of the recording's audio can't be decoded and are silent: the file is damaged."
        if failures
        else "Every packet of the recording's audio that was needed could be decoded.",
        0.0,
    )
    first_s = min(e.video.span.start_s, audio.span.start_s if audio is not None else e.video.span.start_s)
    start_s = e.recording.origin_s or first_s
    yield Finding(
        "recording_first_time_stamp",
        round(start_s, 6),
        "s",
        "warn" if start_s > LATE_END_S else "pass",
        f"The recording's time stamps begin at {start_s:.3f} s: "
        + ("they were counted from there." if e.recording.origin_s else "the picture is late by so much, as recorded.")
        if start_s > LATE_END_S
        else "The recording's time stamps begin at its start.",
        LATE_END_S,
    )


def _picture(e: Evidence) -> Iterator[Finding]:
    copied, video = e.plan.copies_video, e.video
    yield Finding(
        "video_reencoded",
        0 if copied else e.rendered.video_packets,
        "frames",
        "pass" if copied else "warn",
        f"The picture's {video.codec.upper()} packets were copied as they are."
        if copied
        else f"{e.plan.container.upper()} can't hold {video.codec.upper()}: the picture was re-encoded to "
        f"{e.plan.video_codec.upper()}, frame for frame"
        + (". Leave the container to `auto` to keep it as it is." if plan_container(video.codec, None)[1] else "."),
        0.0,
    )
    lost = max(0, video.packets - e.rendered.video_packets)
    yield Finding(
        "video_frames_lost",
        lost,
        "frames",
        "fail" if lost else "pass",
        f"{lost} of {video.packets} frames couldn't be brought over."
        if lost
        else f"All {video.packets} frames are there.",
        0.0,
    )
    yield Finding(
        "video_time_stamps_disordered",
        video.disordered,
        "packets",
        "warn" if video.disordered else "pass",
        f"{video.disordered} packets had a decoding time that runs backwards, and were moved behind their "
        "predecessor: the recorder's clock was set while it ran."
        if video.disordered
        else "The picture's time stamps rise.",
        0.0,
    )
