"""A conversation that goes on outside of Connect's audio: before it began, or after it stopped.

An agent also speaks after a call, alone or with a colleague. It is the same conversation if it touches the call's edge,
if Connect's audio begins or ends within the talk, and if the customer is part of it. If the recording has no customer,
the reported call end counts. Before a call that is too short to learn both voices from, any longer talk counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.timebase import Span
from komorebi_qc.sync.evidence.voices import learn, speaking_frames
from komorebi_qc.sync.vad import FRAME_S, spans

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Flags, Track
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.sync.evidence.spans import RecordingPart
    from komorebi_qc.sync.result import SyncResult

TOUCHES_S = 2.5
"""The longest pause at the edge."""
PAUSE_S = 4.0
"""The longest pause within a conversation."""
LEAST_SPEECH_S = 3.0
LEAST_CUSTOMER_S, LEAST_AGENT_S = 1.5, 1.0
"""Speech of each: a ringing tone or an announcement before the call has no agent."""
SURE = 0.5
"""A customer's word is nearer to that voice's mean than to the boundary between both voices: the agent may speak in
another way after the call."""
SHORT_CALL_S = 20.0
"""Both voices can't always be learned from a shorter call."""
LEAST_BEFORE_S = 5.0
"""Speech before such a call: nobody dictates until a customer is there, as agents do after a call."""
LATE_S = 3.0
"""A backend that reports the end this much later counts the conversation as the call's."""
_SMEAR_S = 0.12
"""The call's own last word goes on in the recording: delays, rooms."""


@dataclass(frozen=True, slots=True)
class OutsideSpan:
    """A conversation outside of Connect's audio, on the recording clock.

    Attributes:
        from_s: its start.
        to_s: its end.
        part: ``before`` or ``after`` the call.
        speech_s: speech in it.
        customer_s: the customer's part of the speech; None if the two voices can't be distinguished.
    """

    from_s: float
    to_s: float
    part: RecordingPart
    speech_s: float
    customer_s: float | None


def outside_spans(result: SyncResult, call: Track, recording: Track, call_s: float) -> tuple[OutsideSpan, ...]:
    """Return the conversation before and after the call audio, at most one span each.

    Args:
        result: of the pair; nothing is outside of a call that isn't aligned.
        call: the call audio.
        recording: the recording's own audio.
        call_s: the call's length.
    """
    alignment, stretches = result.alignment, result.spans
    if alignment is None or not stretches or not _is_any_near(result, alignment, call_s):
        return ()
    speaking = speaking_frames(recording)
    out = []
    for part, edge_call_s, stretch in (("before", 0.0, stretches[0]), ("after", call_s, stretches[-1])):
        if stretch.state == "absent":
            continue
        edge_s = alignment.to_recording(edge_call_s)
        found = _touching(speaking, edge_s, is_after=part == "after")
        if found is None or not _talks_at(speaking, edge_s, is_after=part == "after"):
            continue
        flags = np.zeros(len(speaking), bool)
        flags[found[0] : found[1]] = speaking[found[0] : found[1]]
        speech_s = float(np.count_nonzero(flags)) * FRAME_S
        if speech_s < LEAST_SPEECH_S:
            continue
        voices = learn(call, recording, alignment, speaking, edge_call_s) if result.sides == "both" else None
        customer_s = None
        if voices is not None:
            customer_s = float(np.count_nonzero(voices.customer_frames(recording, flags, least=SURE))) * FRAME_S
        span = Span(found[0] * FRAME_S, found[1] * FRAME_S)
        if _is_conversation(result, span, edge_s, speech_s, customer_s, is_short=call_s < SHORT_CALL_S):
            kind: RecordingPart = "before" if part == "before" else "after"
            out.append(OutsideSpan(span.start_s, span.end_s, kind, speech_s, customer_s))
    return tuple(out)


def _is_any_near(result: SyncResult, alignment: Alignment, call_s: float) -> bool:
    """Return whether speech that the call doesn't have is near an edge; reading the recording again takes time."""
    begins_s, ends_s = alignment.to_recording(0.0), alignment.to_recording(call_s)
    return any(
        (s.part == "before" and s.to_s > begins_s - TOUCHES_S - _SMEAR_S)
        or (s.part == "after" and s.from_s < ends_s + TOUCHES_S + _SMEAR_S)
        for s in result.recording_spans
    )


def _touching(speaking: Flags, edge_s: float, *, is_after: bool) -> tuple[int, int] | None:
    """Return the frames of the talk that touches an edge from outside; None if nobody speaks there."""
    edge = round((edge_s + (_SMEAR_S if is_after else -_SMEAR_S)) / FRAME_S)
    if is_after:
        runs = [(a, b) for a, b in spans(speaking[max(edge, 0) :])]
        runs = [(a + max(edge, 0), b + max(edge, 0)) for a, b in runs]
    else:
        runs = spans(speaking[: max(edge, 0)])[::-1]
    if not runs:
        return None
    first, last = runs[0]
    if (first - edge if is_after else edge - last) * FRAME_S > TOUCHES_S:
        return None
    for start, stop in runs[1:]:
        if (start - last if is_after else first - stop) * FRAME_S > PAUSE_S:
            break
        first, last = min(first, start), max(last, stop)
    return first, last


def _talks_at(speaking: Flags, edge_s: float, *, is_after: bool) -> bool:
    """Return whether somebody speaks on the call's side of an edge as well."""
    edge, reach = round(edge_s / FRAME_S), round(TOUCHES_S / FRAME_S)
    inside = (
        speaking[max(edge - reach, 0) : max(edge, 0)] if is_after else speaking[max(edge, 0) : max(edge + reach, 0)]
    )
    return bool(np.any(inside))


def _is_conversation(
    result: SyncResult, span: Span, edge_s: float, speech_s: float, customer_s: float | None, *, is_short: bool
) -> bool:
    """Return whether a talk outside of the call is the call's conversation."""
    if customer_s is not None:
        return customer_s >= LEAST_CUSTOMER_S and speech_s - customer_s >= LEAST_AGENT_S
    reported_s = result.reported_call_end_s
    is_after = span.start_s >= edge_s
    if is_short and not is_after and result.sides == "both":
        return speech_s >= LEAST_BEFORE_S
    return is_after and reported_s is not None and reported_s >= edge_s + LATE_S
