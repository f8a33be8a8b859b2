"""Findings about the call's position: how it was placed, and whether it fits into the recording. Pure."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, Finding, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.splice import after_call_audio
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.splice import OutsideCall, Splice
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.findings.evidence import PairEvidence, Placement

_BESIDE: dict[OutsideCall, str] = {
    "own": "the recording's own audio before and after it",
    "after": "silence before it and the recording's own audio after it",
    "silence": "silence before and after it",
}
MOST_SHOWN = 5
"""Stretches that a sentence names; the document has them all."""


def placement_findings(evidence: PairEvidence, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """All findings about a call's position.

    A pair of different calls isn't placed. Its reported call end is still compared with the recording's end.

    Args:
        evidence: the pair.
        limits: the limits to check against.
    """
    placement = evidence.placement
    if placement is None:
        if evidence.call_end is None:
            return
        yield _past_recording(evidence.call_end.recording_s, evidence.recording.end_s, limits)
        return
    call_s = evidence.call.audio.span.end_s if evidence.call.audio is not None else 0.0
    used_s = placement.alignment.end_s(call_s)
    yield from _source(evidence, placement, used_s, limits)
    yield from _agent_part(placement, evidence.splice, call_s, limits)
    yield _before_recording(placement.alignment.output_shift_s, used_s, limits)
    if evidence.splice is not None:
        yield _left_out(evidence.splice, limits)
    yield _past_recording(used_s, evidence.recording.end_s, limits)
    own = evidence.recording.audio
    after_call = after_call_audio(placement.alignment, call_s=call_s, recording_audio=None if own is None else own.span)
    is_silent = evidence.splice is not None and evidence.splice.outside_call == "silence"
    silent = " The output is silent there." if is_silent else ""
    yield limits.finding(
        "after_call_audio",
        after_call.length_s,
        f"{after_call.length_s:.3f} s of the recording's own audio follow {_part_text(placement)}.{silent}"
        if after_call.length_s
        else f"The recording has no audio after the end of {_part_text(placement)}.",
    )


def _part_text(placement: Placement) -> str:
    return "the call" if placement.alignment.part is None else "the agent's part of the call"


def _source(evidence: PairEvidence, placement: Placement, used_s: float, limits: Limits) -> Iterator[Finding]:
    if placement.source == "manual":
        yield _given(evidence, placement, used_s, limits)
    if placement.source in ("call_end", "candidate") and placement.bound_s is not None:
        bound_s = placement.bound_s
        yield limits.finding("alignment_resolution", bound_s, _bound_text(placement, evidence, bound_s))


def _given(evidence: PairEvidence, placement: Placement, used_s: float, limits: Limits) -> Finding:
    """The place that a person gave, against the measured one if the audio is sure of that."""
    name, measured = "alignment_resolution", placement.measured
    given = f"The call is at the given offset, {placement.alignment.offset_s:.3f} s"
    if measured is not None and measured.alignment is not None:
        call_s = evidence.call.audio.span.end_s if evidence.call.audio is not None else 0.0
        away_s = _away_s(placement.alignment, measured.alignment, call_s)
        return limits.finding(
            name,
            away_s,
            f"{given}. The audio places it elsewhere, up to {away_s:.3f} s away. Check the given alignment.",
            good=f"{given}, and the audio places it within {away_s * 1000:.0f} ms of that.",
        )
    end = evidence.call_end
    reported = "" if end is None else f"; the {end.name} is {clock_text(end.recording_s)}"
    sure = "and the audio alone isn't sure of its place" if measured is not None else "and its place wasn't measured"
    return limits.of(name).unknown(
        name,
        f"{given}, {sure}. By this offset it ends at {clock_text(used_s)}{reported}.",
    )


def _away_s(one: Alignment, other: Alignment, call_s: float) -> float:
    """The largest distance between two maps of a call, away from their jumps."""
    edges = sorted({at_s for alignment in (one, other) for at_s, _ in alignment.points(call_s)})
    moments = [(before + after) / 2 for before, after in pairwise(edges)] + [edges[0], edges[-1]] if edges else [0.0]
    return max(abs(one.to_recording(at_s) - other.to_recording(at_s)) for at_s in moments)


def _bound_text(placement: Placement, evidence: PairEvidence, bound_s: float) -> str:
    bound = f"{bound_s:.1f} s" if bound_s >= 0.1 else f"{bound_s * 1000:.0f} ms"
    candidates = () if placement.measured is None else placement.measured.candidates
    end = evidence.call_end
    if placement.source == "call_end" and end is not None:
        by = "its reported end" if end.source == "reported" else "its end by the contact's record"
        return (
            f"The call is placed by {by} alone, which has a resolution of {end.resolution_s:g} s. Audio and video may "
            f"be {bound} apart, or more if that time is wrong."
        )
    fits = (
        f"The audio fits at {len(candidates)} places. The call is at the one that fits its reported end best."
        if len(candidates) > 1
        else "Too little of the audio agrees to be sure of the call's place. The call is where it agrees."
    )
    return f"{fits} Audio and video may be {bound} apart, or more if the reported end is wrong."


def _agent_part(placement: Placement, splice: Splice | None, call_s: float, limits: Limits) -> Iterator[Finding]:
    """The agent's part of the call, if the agent came later or left early."""
    measured = placement.measured
    part = None if measured is None else measured.agent_part
    if placement.source != "measured" or measured is None or part is None:
        return
    from_s, to_s = (placement.alignment.to_recording(s) for s in (part.start_s, part.end_s))
    absent_s = sum(s.speech_s for s in measured.spans if s.state == "absent")
    plays = "The video has the call audio to its end."
    if placement.alignment.part is not None and splice is not None:
        plays = f"The video has the call audio in this part, and {_BESIDE[splice.outside_call]}."
    edges = [text for text, is_edge in (("begins", part.start_s > 0.0), ("ends", part.end_s < call_s)) if is_edge]
    yield limits.finding(
        "agent_part",
        part.length_s,
        f"The agent takes part in the call from {clock_text(part.start_s)} to {clock_text(part.end_s)} of "
        f"{clock_text(call_s)}, {clock_text(from_s)} to {clock_text(to_s)} of the recording. The part "
        f"{' and '.join(edges)} in a pause between two words. In the rest of the call, {absent_s:.0f} s of speech "
        f"aren't in the recording. {plays}",
        digits=3,
        at=At("recording", to_s if part.end_s < call_s else from_s),
    )


def _before_recording(begins_s: float, used_call_end_s: float, limits: Limits) -> Finding:
    """Compare the call's start with the recording's. A call that also ended before the recording fails."""
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
    left_out_s, spans = splice.left_out_s, splice.left_out
    part = splice.alignment.part
    shown = "; ".join(
        f"from {clock_text(span.start_s)} to {clock_text(span.end_s)} of the call" for span in spans[:MOST_SHOWN]
    )
    more = f"; and {counted(len(spans) - MOST_SHOWN, 'stretch', 'stretches')} more" if len(spans) > MOST_SHOWN else ""
    return limits.finding(
        "call_audio_left_out",
        left_out_s,
        f"{left_out_s:.3f} s of the call audio are left out, because the recording lost the time in which they were "
        f"spoken: {shown}{more}."
        if left_out_s
        else "All of the call audio is used."
        if part is None
        else "All of the call audio in the agent's part of the call is used.",
        at=At("call", spans[0].start_s) if spans else None,
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
