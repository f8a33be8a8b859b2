"""The sync measurement and the call end as JSON; `diagnose --json` and `qc.json` share them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.findings.sync.agent_part import coverage, part_end_s
from komorebi_qc.findings.sync.belonging import belonging_answer

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.sync import FoundJump, SyncResult


def sync_dict(result: SyncResult, call_s: float) -> dict[str, Any]:
    """The sync measurement for JSON.

    Unknown values are null. Offset, drift and jumps are null unless the pair is aligned.

    Args:
        result: the sync measurement.
        call_s: the call's length.
    """
    is_aligned = result.status == "aligned"
    return {
        "status": result.status,
        "reason": result.reason,
        "offset_s": _rounded(result.offset_s) if is_aligned else None,
        "offset_ci_s": _pair(result.offset_ci_s) if is_aligned else None,
        "drift_ppm": _rounded(result.drift_ppm, 4) if is_aligned else None,
        "drift_ci_ppm": _pair(result.drift_ci_ppm, 4) if is_aligned else None,
        "segments": _segments(result, call_s) if is_aligned else [],
        "jumps": [{**_jump_dict(j), "agent_only": j.agent_only} for j in result.jumps] if is_aligned else None,
        "customer_leg_delay_changes": [_jump_dict(s) for s in result.customer_steps] if is_aligned else None,
        "unmatched": [
            {"from_s": _rounded(s.from_s), "to_s": _rounded(s.to_s), "speech_s": _rounded(s.speech_s, 3)}
            for s in result.unmatched
        ],
        "sides": result.sides,
        "lag_agent_s": _rounded(result.lag_agent_s) if is_aligned else None,
        "lag_customer_s": _rounded(result.lag_customer_s) if is_aligned else None,
        "coverage": _rounded(coverage(result), 4),
        "belongs": _belonging(result),
        "agent_part": None
        if result.agent_part is None
        else {"call_from_s": _rounded(result.agent_part.start_s), "call_to_s": _rounded(result.agent_part.end_s)},
        "spans": [
            {
                "call_from_s": _rounded(s.from_s, 3),
                "call_to_s": _rounded(s.to_s, 3),
                "state": s.state,
                "speech_s": _rounded(s.speech_s, 3),
                "has_other_speech": s.has_other_speech,
            }
            for s in result.spans
        ],
        "recording_spans": [
            {
                "recording_from_s": _rounded(s.from_s, 3),
                "recording_to_s": _rounded(s.to_s, 3),
                "part": s.part,
                "speech_s": _rounded(s.speech_s, 3),
            }
            for s in result.recording_spans
        ],
        "outside": [
            {
                "recording_from_s": _rounded(s.from_s, 3),
                "recording_to_s": _rounded(s.to_s, 3),
                "part": s.part,
                "speech_s": _rounded(s.speech_s, 3),
                "customer_s": _rounded(s.customer_s, 3),
            }
            for s in result.outside
        ],
        "candidates": [
            {
                "offset_s": _rounded(c.offset_s),
                "call_end_s": _rounded(c.call_end_s),
                "score": _rounded(c.score, 3),
                "agreed_s": _rounded(c.agreed_s, 3),
                "probability": _rounded(c.probability, 4),
            }
            for c in result.candidates
        ],
        "alternative_offsets": [
            {"offset_s": _rounded(v.offset_s), "period_s": _rounded(v.period_s), "score": _rounded(v.score, 3)}
            for v in result.alternative_offsets
        ],
    }


def _segments(result: SyncResult, call_s: float) -> list[dict[str, float | None]]:
    """The map from the call clock to the recording clock; at a jump a call time comes twice."""
    if result.alignment is None:
        return []
    return [{"call_s": _rounded(c), "recording_s": _rounded(r)} for c, r in result.alignment.points(call_s)]


def _belonging(result: SyncResult) -> dict[str, Any]:
    found = result.belongs
    return {
        "answer": belonging_answer(result),
        "probability": None if found is None else _rounded(found.probability, 4),
        "for_s": None if found is None else _rounded(found.for_s, 3),
        "for_turns": None if found is None else found.for_turns,
        "against_s": None if found is None else _rounded(found.against_s, 3),
        "against_turns": None if found is None else found.against_turns,
    }


def call_end_dict(reported: CallEnd | None, measured: SyncResult | None) -> dict[str, Any]:
    """The reported and the measured call end, and their difference, for JSON.

    There is no difference for an agent who left before the call's end: the reported end may be either moment.

    Args:
        reported: the reported call end; None if it isn't known.
        measured: the sync measurement; None if sync wasn't measured.
    """
    is_aligned = measured is not None and measured.status == "aligned"
    measured_s = measured.measured_call_end_s if measured is not None and is_aligned else None
    is_comparable = measured is not None and part_end_s(measured) is None
    error_s = None
    if reported is not None and measured_s is not None and is_comparable:
        error_s = reported.recording_s - measured_s
    return {
        "reported_s": None if reported is None else reported.recording_s,
        "reported_resolution_s": None if reported is None else reported.resolution_s,
        "source": None if reported is None else reported.source,
        "measured_s": _rounded(measured_s),
        "error_s": _rounded(error_s),
    }


def _jump_dict(jump: FoundJump) -> dict[str, Any]:
    return {
        "call_s": _rounded(jump.call_s),
        "size_s": _rounded(jump.size_s),
        "size_ci_s": _pair(jump.size_ci_s),
        "between_s": _pair(jump.between_s),
        "customer_evidence_only": jump.customer_evidence_only,
    }


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None else round(float(value), digits)


def _pair(values: tuple[float, float] | None, digits: int = 6) -> list[float | None] | None:
    return None if values is None else [_rounded(v, digits) for v in values]
