"""The published place of a case, by the product's own decision, and its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from bench.sync import truth

from komorebi_qc.core.errors import HeldError, WrongPairError
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.pipeline.placement import place

if TYPE_CHECKING:
    from bench.sync.judge.marks import Marks
    from bench.sync.spec import Case

    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.findings.evidence import Placement
    from komorebi_qc.sync import SyncResult

REFUSED, HELD = "refused", "held"
NOT_PUBLISHED = (REFUSED, HELD)
ROUNDING_S = 1e-9


@dataclass(frozen=True, slots=True)
class Outcome:
    """The product's decision.

    Attributes:
        how: `REFUSED`, `HELD`, or the source of the placement.
        words: the placement, or the reason why nothing is published.
    """

    how: str
    words: str


def map_error_ms(case: Case, alignment: Alignment) -> np.ndarray:
    """The error of the map at each moment with speech in both files; empty if there is no such moment."""
    s = case.spec
    # the map is judged where a voice is that the recording holds: elsewhere the place of a jump can't be known
    sides = {"customer": (0,), "leak_only": (0,), "agent": (1,)}
    times = truth.moments(case, sides.get(s.sides, (0, 1)))
    if s.hold_only:
        first, last = max(-s.offset_s, 0.0) + 0.5, s.call_s - 0.5
        times = np.arange(first, last, 1.0)
    # with the customer alone in the recording, the customer's delay looks like a part of the place
    late_s = s.leg_s * (s.sides in {"customer", "leak_only"})
    found = np.array([alignment.to_recording(float(t)) for t in times])
    return np.abs(found - truth.to_recording(case.points, times) - late_s) * 1e3


def _placed(case: Case, placement: Placement, marks: Marks) -> None:
    """The error of what is published, and whether its bound holds."""
    error_ms = map_error_ms(case, placement.alignment)
    if case.spec.agent_warps or len(error_ms) == 0:
        return  # Connect moved the agent's voice: there is no one true map
    p95, worst = float(np.percentile(error_ms, 95)), float(error_ms.max())
    marks.numbers["map_p95_ms"], marks.numbers["map_worst_ms"] = p95, worst
    if placement.bound_s is not None:
        marks.numbers["bound_ms"] = placement.bound_s * 1e3
        marks.numbers["bound_holds"] = float(p95 <= (placement.bound_s + ROUNDING_S) * 1e3)


def publish(case: Case, r: SyncResult, marks: Marks) -> Outcome:
    """Ask the product what it publishes by default, and note the evidence."""
    _note(case, r, marks)
    call_end = CallEnd(case.reported_s, case.resolution_s)
    call_s = len(case.call) / 8000
    try:
        placement = place(call_end, call_s, manual=None, measured=r, force=False, unconfirmed="auto")
    except WrongPairError:
        return Outcome(REFUSED, r.reason)
    except HeldError as error:
        return Outcome(HELD, error.reason)
    if case.spec.matches:
        _placed(case, placement, marks)
    bound = "no bound" if placement.bound_s is None else f"+/- {placement.bound_s * 1e3:.2f} ms"
    words = f"{placement.source} at {placement.alignment.offset_s:.4f} s, {bound}"
    if case.spec.matches:
        words += f"; truly at {case.points[0][1]:.4f} s"
    return Outcome(placement.source, words)


def _note(case: Case, r: SyncResult, marks: Marks) -> None:
    """The truth's amounts of speech, and the features of a model of belonging."""
    numbers = marks.numbers
    numbers["call_speech_s"], numbers["recording_speech_s"] = case.speech_s
    numbers["call_s"] = len(case.call) / 8000
    if case.spec.matches:
        numbers["true_turns"] = float(truth.turns(case))
    if r.belongs is not None:
        b = r.belongs
        numbers["probability"] = b.probability
        numbers["speaks_against"] = float(b.speaks_against)
        numbers |= {"for_s": b.for_s, "for_turns": b.for_turns}
        numbers |= {"against_s": b.against_s, "against_turns": b.against_turns}
    e = r.evidence
    if e is not None:
        for name, channel in (("customer", e.customer), ("agent", e.agent)):
            for field in ("active_s", "agreed_s", "distinct_s", "turns", "agreed_turns", "distinct_turns"):
                numbers[f"{name}_{field}"] = float(getattr(channel, field))
            numbers[f"{name}_span_support"] = channel.span_support
            numbers[f"{name}_present"] = float(channel.is_present)
        numbers |= {"explained": e.explained, "contradicted": e.contradicted, "overlap": e.overlap}
        numbers |= {"recording_active_s": e.recording_active_s, "others": float(e.alternative_offsets)}
