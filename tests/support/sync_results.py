"""Sync results to draw: with a jump, with alternative offsets, and without any measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.timebase import Alignment, CallEnd, Knot, Span
from komorebi_qc.desk.plots.call_placement import place
from komorebi_qc.sync.evidence.alternative_offsets import AlternativeOffset
from komorebi_qc.sync.evidence.belonging import Belonging
from komorebi_qc.sync.evidence.candidates import Candidate
from komorebi_qc.sync.evidence.spans import CallSpan, RecordingSpan
from komorebi_qc.sync.result import FoundJump, SyncResult, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.desk.plots.call_placement import CallPlacement

CALL_S, OFFSET_S, JUMP = 60.0, 2.0, FoundJump(30.0, 0.35, (0.3499, 0.3501), (29.0, 31.0))


def tracks(call_s: float = CALL_S, recording_s: float = 75.0) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """A call and a recording of faint noise."""
    rng = np.random.default_rng(0)
    call = rng.integers(-800, 800, (int(call_s * 8000), 2), dtype=np.int16)
    return call, rng.integers(-800, 800, int(recording_s * 8000), dtype=np.int16)


def sync_result(status: str = "aligned", *, jumps: tuple[FoundJump, ...] = (JUMP,), windows: int = 50) -> SyncResult:
    """A result with a jump, a customer leg 180 ms late, and one rejected window far away."""
    jumped = sum(j.size_s for j in jumps)
    seen = [Window(t, OFFSET_S + jumped * (t > 30), "agent", 20.0, accepted=True) for t in np.linspace(1, 59, windows)]
    seen += [Window(w.call_s, w.lag_s + 0.18, "customer", 20.0, accepted=True) for w in seen]
    seen.append(Window(10.0, OFFSET_S + 500.0, "agent", 5.0, accepted=False))
    others = (AlternativeOffset(10.0, 8.0, 0.9), AlternativeOffset(-6.0, 8.0, 0.8)) if status == "ambiguous" else ()
    return SyncResult(
        status=status,
        reason="58 s of 58 s of speech agree",
        offset_s=OFFSET_S,
        offset_ci_s=(1.9999, 2.0001),
        drift_ppm=0.0,
        drift_ci_ppm=(-0.5, 0.5),
        jumps=jumps,
        sides="both",
        lag_agent_s=OFFSET_S,
        lag_customer_s=OFFSET_S + 0.18,
        customer_steps=(),
        coverage=1.0,
        alternative_offsets=others,
        windows=tuple(seen),
        evidence=None,
        measured_call_end_s=62.35,
        reported_call_end_s=62.0,
    )


def placed(result: SyncResult, reported_s: float = 62.0) -> CallPlacement:
    """The place of a result's call in a plot."""
    return place(result, CALL_S, CallEnd(reported_s, 1.0))


def bent_result() -> SyncResult:
    """A result without jumps, whose clock's rate changes from +50 to -60 ppm at half a minute."""
    knots = (Knot(0.0, 0.0), Knot(30.0, 0.00165), Knot(CALL_S, 0.0))
    return replace(sync_result(jumps=()), drift_ppm=-5.0, knots=knots)


def candidates_result() -> SyncResult:
    """A loop of 8 s: three candidates, and the one that fits a call end at 62 s is the second of the evidence."""
    found = ((10.0, 0.2, 1.0), (2.0, 0.7, 0.9), (-6.0, 0.1, 0.8))
    candidates = tuple(Candidate(at_s, at_s + CALL_S, score, 40.0 * score, p) for at_s, p, score in found)
    return replace(sync_result("ambiguous", jumps=()), candidates=candidates)


def part_result() -> SyncResult:
    """An agent who leaves after 40 s: the stretches of the call, and speech that only the recording has."""
    result = sync_result(jumps=())
    spans = (CallSpan(0.0, 40.0, "agrees", 31.0), CallSpan(40.0, CALL_S, "absent", 14.0))
    only = (RecordingSpan(64.0, 70.0, "after", 5.0),)
    return replace(
        result,
        spans=spans,
        spans_alignment=Alignment(OFFSET_S),
        recording_spans=only,
        agent_part=Span(0.0, 40.0),
        belongs=Belonging("yes", 0.99999, 31.0, 12, 0.0, 0),
    )


def empty_result() -> SyncResult:
    """A result without any measurement."""
    return SyncResult(
        "insufficient", "silent", None, None, None, None, (), "none", None, None, (), 0.0, (), (), None, None, None
    )


def suspended_result() -> SyncResult:
    """A call that was suspended from 20 to 32 s."""
    spans = (
        CallSpan(0.0, 20.0, "agrees", 15.0),
        CallSpan(20.0, 32.0, "suspended", 0.0),
        CallSpan(32.0, CALL_S, "agrees", 21.0),
    )
    return replace(sync_result(jumps=()), spans=spans, spans_alignment=Alignment(OFFSET_S))
