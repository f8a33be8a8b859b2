"""Findings about the call's position: how it was placed, and whether it fits into the recording. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.splice import after_call_audio
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.sync import call_end_finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.findings.evidence import PairEvidence, Placement


def placement_findings(evidence: PairEvidence, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """All findings about a call's position.

    A pair of different calls isn't placed. Its reported call end is still compared with the recording's end.

    Args:
        evidence: the pair.
        limits: the limits to check against.
    """
    placement = evidence.placement
    if placement is None:
        yield _past_recording(evidence.call_end.recording_s, evidence.recording.end_s, limits)
        return
    call_s = evidence.call.audio.span.end_s if evidence.call.audio is not None else 0.0
    used_s = placement.alignment.to_recording(call_s)
    yield from _source(evidence, placement, used_s, limits)
    yield _before_recording(placement.alignment.offset_s, used_s, limits)
    if evidence.splice is not None:
        yield _left_out(evidence.splice, limits)
    yield _past_recording(used_s, evidence.recording.end_s, limits)
    own = evidence.recording.audio
    after_call = after_call_audio(placement.alignment, call_s=call_s, recording_audio=None if own is None else own.span)
    yield limits.finding(
        "after_call_audio",
        after_call.length_s,
        f"{after_call.length_s:.3f} s of the recording's own audio follow the call."
        if after_call.length_s
        else "The recording has no audio after the call's end.",
    )


def _source(evidence: PairEvidence, placement: Placement, used_s: float, limits: Limits) -> Iterator[Finding]:
    if placement.source == "manual":
        yield call_end_finding(evidence.call_end, used_s, limits, is_measured=False)
    if placement.source in ("call_end", "candidate") and placement.bound_s is not None:
        bound_s = placement.bound_s
        yield limits.finding("alignment_resolution", bound_s, _bound_text(placement, evidence, bound_s))


def _bound_text(placement: Placement, evidence: PairEvidence, bound_s: float) -> str:
    bound = f"{bound_s:.1f} s" if bound_s >= 0.1 else f"{bound_s * 1000:.0f} ms"
    if placement.source == "call_end":
        return (
            f"The call is placed by its reported end alone, which has a resolution of "
            f"{evidence.call_end.resolution_s:g} s. Audio and video may be {bound} apart, or more if that time is "
            "wrong."
        )
    return (
        f"The audio fits at several places. The call is at the one that fits its reported end best. Audio and video "
        f"may be {bound} apart, or more if the reported end is wrong."
    )


def _before_recording(offset_s: float, used_call_end_s: float, limits: Limits) -> Finding:
    """Compare the call's start with the recording's. A call that also ended before the recording fails."""
    begins_s = max(0.0, -offset_s)
    limit = limits.of("call_before_recording")
    is_outside = used_call_end_s <= 0
    found = limit.finding(
        "call_before_recording",
        begins_s,
        "The whole call is before the recording. The reported call end is wrong, or the two don't belong together."
        if is_outside
        else f"The call began {begins_s:.3f} s before the recording. The video starts that much later."
        if begins_s
        else "The recording was running when the call began.",
    )
    return replace(found, status="fail") if is_outside and not limit.is_off else found


def _left_out(splice: Splice, limits: Limits) -> Finding:
    left_out_s = splice.left_out_s
    return limits.finding(
        "call_audio_left_out",
        left_out_s,
        f"{left_out_s:.3f} s of the call audio are left out, because the recording lost the time in which they were "
        "spoken."
        if left_out_s
        else "All of the call audio is used.",
    )


def _past_recording(call_end_s: float, recording_end_s: float, limits: Limits) -> Finding:
    """Compare the call's end with the recording's end, both on the recording clock."""
    late_s = max(0.0, call_end_s - recording_end_s)
    return limits.finding(
        "call_end_past_recording",
        late_s,
        f"The call ends at {clock_text(call_end_s)}, {late_s:.3f} s after the recording "
        f"({clock_text(recording_end_s)}). There is no after-call audio. Check the call end, and whether the recording "
        "is complete."
        if late_s
        else "The call ended before the recording did.",
        at=At("recording", call_end_s),
    )
