"""Findings about belonging: the evidence for and against one call, and speech that only the recording has. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.sync.clock import MOST_SHOWN

if TYPE_CHECKING:
    from komorebi_qc.core.finding import Finding, Status
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.sync import SyncResult
    from komorebi_qc.sync.evidence.belonging import Answer, Belonging
    from komorebi_qc.sync.evidence.spans import RecordingSpan

LATE_S = 1.0
"""A backend that reports the end this much late says nothing about speech after the call."""
_STATUS: dict[Answer, Status] = {"yes": "pass", "unknown": "warn", "no": "fail"}
_TEXT: dict[Answer, str] = {
    "yes": "The call and the recording belong together",
    "unknown": "The audio doesn't show whether the call and the recording belong together",
    "no": "The call and the recording belong to different calls",
}


def belonging_answer(r: SyncResult) -> Answer:
    """The answer, also of a measurement that found too little to weigh."""
    if r.belongs is not None:
        return r.belongs.answer
    return "yes" if r.status == "aligned" else "no" if r.status == "wrong_pair" else "unknown"


def belonging_finding(r: SyncResult, limits: Limits = DEFAULT) -> Finding:
    """Whether both files belong to the same call. The answer decides the status, and a changed limit can add to it.

    Args:
        r: the sync measurement.
        limits: the limits to check against.
    """
    limit, answer = limits.of("belonging"), belonging_answer(r)
    if r.belongs is None:
        found = limit.unknown("belonging", f"{_TEXT[answer]}. {r.reason[:1].upper()}{r.reason[1:]}.")
    else:
        found = limit.finding("belonging", r.belongs.probability, _evidence_text(r.belongs, r.reason), digits=4)
    if limit.is_off:
        return found
    worst = max((found.status, _STATUS[answer]), key=("pass", "warn", "fail").index)
    return replace(found, status=worst)


def _evidence_text(b: Belonging, reason: str) -> str:
    probability = f" (probability {_percent(b.probability)})" if b.answer != "no" else ""
    in_favour = (
        f"{b.for_s:.0f} s of speech in {counted(b.for_turns, 'turn')} agree at one place only"
        if b.for_s >= 0.5
        else "no speech agrees at one place only"
    )
    against = (
        f"{b.against_s:.0f} s of speech that only one of the files has"
        if b.against_s >= 0.5
        else reason
        if b.answer == "no"
        else "no speech disagrees"
    )
    return f"{_TEXT[b.answer]}{probability}. For it: {in_favour}. Against it: {against}."


def _percent(probability: float) -> str:
    """A probability that is never rounded to certainty."""
    if probability > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.001 else f"{probability * 100:.1f} %"


def unexplained_speech_finding(r: SyncResult, reported: CallEnd | None, limits: Limits = DEFAULT) -> Finding:
    """Speech of the recording before and during the call, without the same speech in the call audio.

    Speech after the call is usual. If the reported call end is later than the measured one, the speech between the two
    counts as well: the conversation may have gone on after the call audio ended.

    Args:
        r: the sync measurement of an aligned pair.
        reported: the reported call end; None if it isn't known.
        limits: the limits to check against.
    """
    parts = [(span, _part(r, span, reported)) for span in r.recording_spans]
    counted_spans = [(span, part) for span, part in parts if part]
    after_s = sum(span.speech_s for span, part in parts if not part)
    total_s = sum(span.speech_s for span, _ in counted_spans)
    longest = max((span for span, _ in counted_spans), key=lambda span: span.speech_s, default=None)
    shown = "; ".join(
        f"{span.speech_s:.1f} s from {clock_text(span.from_s)} to {clock_text(span.to_s)} of the recording, {part}"
        for span, part in counted_spans[:MOST_SHOWN]
    )
    more = "; and more" if len(counted_spans) > MOST_SHOWN else ""
    whole = "the call" if r.agent_part is None else "the agent's part of the call"
    after = f" {after_s:.1f} s of speech follow {whole}, which is usual." if after_s else ""
    return limits.finding(
        "unexplained_speech",
        total_s,
        f"{total_s:.1f} s of the recording's speech aren't in the call audio: {shown}{more}.{after}"
        if counted_spans
        else f"No stretch of the recording's speech before or during {whole} is missing in the call audio.{after}",
        digits=3,
        at=At("recording", longest.from_s) if longest else None,
    )


def _part(r: SyncResult, span: RecordingSpan, reported: CallEnd | None) -> str:
    """The part of the recording in which a stretch of speech begins, as words; empty after the call."""
    alignment = r.alignment
    if alignment is None or r.measured_call_end_s is None:
        return ""
    part = r.agent_part
    begins_s = alignment.to_recording(0.0 if part is None else part.start_s)
    ends_s = r.measured_call_end_s if part is None else alignment.to_recording(part.end_s)
    if span.from_s < begins_s:
        return "before the call" if part is None or part.start_s <= 0 else "before the agent's part of the call"
    if span.from_s < ends_s:
        return "during the call" if part is None else "during the agent's part of the call"
    if part is None and reported is not None and ends_s + LATE_S < reported.recording_s > span.from_s:
        return f"begun between the end of the call audio and the {reported.name}"
    return ""
