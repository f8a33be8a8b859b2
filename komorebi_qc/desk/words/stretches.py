"""The stretches of the call and of the recording in words: agreement, and audio that only one of the two has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.words.suspensions import SUSPENDED

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.sync import SyncResult
    from komorebi_qc.sync.evidence.spans import CallSpan, RecordingSpan

STATES = {
    "agrees": "both have the same audio",
    "silent": "the call has speech, the recording doesn't",
    "absent": "the agent isn't part of the call",
    "contradicts": "the recording has other speech",
    "suspended": SUSPENDED,
}
_TOTALS = {
    "agrees": "agree",
    "silent": "are silent in the recording",
    "absent": "are without the agent",
    "contradicts": "contradict the recording",
}
ONLY_RECORDING = "speech that the call audio doesn't have"
LEFT_OUT = "call audio that isn't in the video"
PARTS = {"before": "before the call", "during": "during the call", "after": "after the call"}
_SAME_S = 0.05


def shown_spans(result: SyncResult) -> tuple[CallSpan, ...]:
    """Return the call's stretches. Only an aligned pair shows that the agent isn't part of one."""
    if result.status == "aligned":
        return result.spans
    return tuple(
        replace(span, state="contradicts" if span.has_other_speech else "silent") if span.state == "absent" else span
        for span in result.spans
    )


def state_text(state: str) -> str:
    """Return a state with its meaning, such as "agrees: both have the same audio"."""
    return f"{state}: {STATES[state]}" if state in STATES else state


def is_at_place(result: SyncResult, alignment: Alignment, call_s: float) -> bool:
    """Return whether the stretches were found at the place in use. At another place, they have other times."""
    found = result.spans_alignment
    if found is None or not result.spans:
        return False
    moments = (0.0, call_s / 2, call_s)
    return all(abs(found.to_recording(at_s) - alignment.to_recording(at_s)) <= _SAME_S for at_s in moments)


def stretches_sentence(result: SyncResult | None, alignment: Alignment, call_s: float) -> str:
    """Return the stretches' speech in a sentence. Without stretches, return the reason.

    Args:
        result: the sync measurement; None if sync wasn't measured.
        alignment: the one in use.
        call_s: the call's length.
    """
    if result is None:
        return "The stretches of the call were not measured."
    if not result.spans:
        return "Nothing agrees, so the stretches of the call were not measured."
    totals: dict[str, float] = {}
    spans = shown_spans(result)
    for span in spans:
        if span.state != "suspended":
            totals[span.state] = totals.get(span.state, 0.0) + span.speech_s
    suspended_s = sum(span.to_s - span.from_s for span in spans if span.state == "suspended")
    suspended = f" Recording was suspended in Connect for {suspended_s:.1f} s." if suspended_s else ""
    ordered = [state for state in STATES if state in totals] + [state for state in totals if state not in STATES]
    listed = " and ".join(f"{totals[state]:.1f} s {_TOTALS.get(state, state)}" for state in ordered)
    only_s = sum(span.speech_s for span in result.recording_spans)
    only = f" The recording has {only_s:.1f} s of {ONLY_RECORDING}." if only_s else ""
    elsewhere = ""
    if result.spans_alignment is not None and not is_at_place(result, alignment, call_s):
        start = clock_text(result.spans_alignment.offset_s)
        elsewhere = f" This holds with the call's start at {start} of the recording, where most of it agrees."
    return f"Of {sum(totals.values()):.1f} s of speech in the call, {listed}.{suspended}{only}{elsewhere}"


def call_span_row(span: CallSpan) -> tuple[str, str, str]:
    """Return a stretch of the call as (span, meaning, speech)."""
    return f"call, {span_text(span.from_s, span.to_s)}", state_text(span.state), f"{span.speech_s:.1f} s"


def recording_span_row(span: RecordingSpan) -> tuple[str, str, str]:
    """Return a stretch of the recording as (span, meaning, speech)."""
    meaning = f"only in the recording, {PARTS[span.part]}: {ONLY_RECORDING}"
    return f"recording, {span_text(span.from_s, span.to_s)}", meaning, f"{span.speech_s:.1f} s"


def left_out_label(number: int, from_s: float, to_s: float) -> str:
    """Return the name of a span of the call that isn't in the video."""
    return f"Left out {number}: call, {span_text(from_s, to_s)} ({to_s - from_s:.1f} s)"


def span_text(from_s: float, to_s: float) -> str:
    """Return a span as "00:00:12.000 to 00:00:15.500"."""
    return f"{clock_text(from_s)} to {clock_text(to_s)}"
