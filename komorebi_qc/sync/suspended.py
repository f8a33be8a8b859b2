"""Suspensions of a measured pair: found with the recording as a witness, and left out of the evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.privacy.suspensions import SUSPENDED_MIN_S, Witness, suspended_spans
from komorebi_qc.core.samples import RATE, length
from komorebi_qc.core.timebase import Span
from komorebi_qc.sync.evidence.outside import outside_spans
from komorebi_qc.sync.evidence.spans import LEAST_UNEXPLAINED_S, CallSpan, RecordingSpan
from komorebi_qc.sync.evidence.voices import has_customer, learn, on_call_clock, speaking_frames
from komorebi_qc.sync.vad import FRAME_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.privacy.masks import PrivateSpan
    from komorebi_qc.core.samples import Flags, Track
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.sync.result import SyncResult

_REACH_S = 0.6
"""Speech of the recording this near to a suspension is the same speech: delays of the customer, rooms."""


def find_suspensions(
    call: Track, recording: Track, alignment: Alignment | None, *, min_s: float = SUSPENDED_MIN_S
) -> tuple[PrivateSpan, ...]:
    """Return the suspensions of a call, with the recording as a witness.

    Args:
        call: the call audio at 8 kHz, shape ``(n, 2)``: customer, agent.
        recording: the recording's own audio at 8 kHz.
        alignment: of the call; None if it isn't known. Then only the edges decide.
        min_s: the shortest suspension.
    """
    call_s = length(call) / RATE

    def witness() -> Witness | None:
        if alignment is None or not length(recording):
            return None
        speaking = speaking_frames(recording)
        voices = learn(call, recording, alignment, speaking, call_s / 2)
        speech = on_call_clock(speaking, alignment, call_s)
        if voices is None:
            return Witness(speech, has_customer=has_customer(call, alignment, speaking))
        customer = voices.customer_frames(recording, speaking)
        agent = on_call_clock(speaking & ~customer, alignment, call_s)
        return Witness(speech, (on_call_clock(customer, alignment, call_s), agent))

    return suspended_spans(call, witness=witness, min_s=min_s)


def with_private_time(
    result: SyncResult, call: Track, recording: Track, *, min_s: float = SUSPENDED_MIN_S
) -> SyncResult:
    """Return a result with its suspensions, and with the conversation outside of the call audio.

    Speech of the recording during a suspension isn't missing in the call: it was not to be recorded.

    Args:
        result: of the pair.
        call: the call audio at 8 kHz.
        recording: the recording's own audio at 8 kHz.
        min_s: the shortest suspension.
    """
    alignment = result.alignment or result.spans_alignment
    private = find_suspensions(call, recording, alignment, min_s=min_s)
    found = [span.call for span in private]
    outside = outside_spans(result, call, recording, length(call) / RATE)
    if not found:
        return replace(result, outside=outside)
    spans = tuple(piece for span in result.spans for piece in _cut(span, found, result))
    only = result.recording_spans
    if alignment is not None and only:
        speaking = speaking_frames(recording)
        silent = [Span(*sorted((alignment.to_recording(s.start_s), alignment.to_recording(s.end_s)))) for s in found]
        silent = [Span(s.start_s - _REACH_S, s.end_s + _REACH_S) for s in silent]
        flags = speaking.copy()
        for s in silent:
            flags[max(int(s.start_s / FRAME_S), 0) : max(int(np.ceil(s.end_s / FRAME_S)), 0)] = False
        only = tuple(piece for span in only for piece in _without(span, silent, flags))
    return replace(result, suspended=private, spans=spans, recording_spans=only, outside=outside)


def _cut(span: CallSpan, suspended: Sequence[Span], result: SyncResult) -> Iterator[CallSpan]:
    """A stretch of the call, cut where the recording was suspended. Its speech stays where its windows are."""
    inside = [s for s in suspended if min(s.end_s, span.to_s) > max(s.start_s, span.from_s)]
    if not inside:
        yield span
        return
    pieces: list[CallSpan] = []
    now_s = span.from_s
    for s in inside:
        start_s, end_s = max(s.start_s, span.from_s), min(s.end_s, span.to_s)
        if start_s > now_s:
            pieces.append(replace(span, from_s=now_s, to_s=start_s))
        pieces.append(CallSpan(start_s, end_s, "suspended", 0.0))
        now_s = end_s
    if now_s < span.to_s:
        pieces.append(replace(span, from_s=now_s))
    agrees = span.state == "agrees"
    times = np.array([w.call_s for w in result.windows if w.accepted == agrees])
    counts = [
        0 if p.state == "suspended" else int(np.count_nonzero((times >= p.from_s) & (times <= p.to_s))) for p in pieces
    ]
    total = sum(counts)
    for piece, count in zip(pieces, counts, strict=True):
        share = count / total if total else 0.0
        yield piece if piece.state == "suspended" else replace(piece, speech_s=span.speech_s * share)


def _without(span: RecordingSpan, suspended: Sequence[Span], speaking: Flags) -> Iterator[RecordingSpan]:
    """A stretch of the recording's speech without its parts during a suspension."""
    now_s, edges = span.from_s, []
    for s in suspended:
        if s.overlap_s(Span(span.from_s, span.to_s)) > 0:
            edges.append((now_s, max(s.start_s, now_s)))
            now_s = max(now_s, s.end_s)
    if not edges:
        yield span
        return
    for from_s, to_s in (*edges, (now_s, span.to_s)):
        counted_s = float(np.count_nonzero(speaking[int(from_s / FRAME_S) : int(to_s / FRAME_S)])) * FRAME_S
        speech_s = min(counted_s, span.speech_s)
        if to_s > from_s and speech_s >= LEAST_UNEXPLAINED_S:
            yield replace(span, from_s=from_s, to_s=to_s, speech_s=speech_s)
