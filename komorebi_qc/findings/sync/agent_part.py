"""The agent's part of the call, as the other findings need it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from komorebi_qc.sync import Stretch, SyncResult


def part_end_s(r: SyncResult) -> float | None:
    """The recording time at which the agent left the call; None if the agent stayed, or nothing is aligned."""
    alignment, last = r.alignment, r.spans[-1] if r.spans else None
    if alignment is None or r.agent_part is None or last is None or r.agent_part.end_s >= last.to_s:
        return None
    return alignment.to_recording(r.agent_part.end_s)


def in_part(r: SyncResult, stretch: Stretch) -> bool:
    """Whether most of a stretch of the call is in the agent's part of it."""
    span = Span(stretch.from_s, max(stretch.from_s, stretch.to_s))
    return r.agent_part is None or r.agent_part.overlap_s(span) > span.length_s / 2


def coverage(r: SyncResult) -> float:
    """The share of the speech that matches the recording, 0..1: in the agent's part of the call.

    The rest of a call isn't in the recording, and isn't missed there.
    """
    if r.agent_part is None:
        return r.coverage
    speech = [(s.state == "agrees", s.speech_s) for s in r.spans if s.state != "absent"]
    total_s = sum(seconds for _, seconds in speech)
    return sum(seconds for agrees, seconds in speech if agrees) / total_s if total_s else r.coverage
