"""The sync measurement and the call end as JSON; `diagnose --json` and `qc.json` share them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.sync import FoundJump, SyncResult


def sync_dict(result: SyncResult) -> dict[str, Any]:
    """The sync measurement for JSON.

    Unknown values are null. Offset, drift and jumps are null or empty unless the pair is aligned.

    Args:
        result: the sync measurement.
    """
    is_aligned = result.status == "aligned"
    return {
        "status": result.status,
        "reason": result.reason,
        "offset_s": _rounded(result.offset_s) if is_aligned else None,
        "offset_ci_s": _pair(result.offset_ci_s) if is_aligned else None,
        "drift_ppm": _rounded(result.drift_ppm, 4) if is_aligned else None,
        "drift_ci_ppm": _pair(result.drift_ci_ppm, 4) if is_aligned else None,
        "jumps": [{**_jump_dict(j), "agent_only": j.agent_only} for j in (result.jumps if is_aligned else ())],
        "customer_leg_delay_changes": [_jump_dict(s) for s in (result.customer_steps if is_aligned else ())],
        "unmatched": [
            {"from_s": _rounded(s.from_s), "to_s": _rounded(s.to_s), "speech_s": _rounded(s.speech_s, 3)}
            for s in result.unmatched
        ],
        "sides": result.sides,
        "lag_agent_s": _rounded(result.lag_agent_s) if is_aligned else None,
        "lag_customer_s": _rounded(result.lag_customer_s) if is_aligned else None,
        "coverage": _rounded(result.coverage, 4),
        "alternative_offsets": [
            {"offset_s": _rounded(v.offset_s), "period_s": _rounded(v.period_s), "score": _rounded(v.score, 3)}
            for v in result.alternative_offsets
        ],
    }


def call_end_dict(reported: CallEnd, measured_s: float | None) -> dict[str, Any]:
    """The reported and the measured call end, and their difference, for JSON.

    Args:
        reported: the reported call end.
        measured_s: the measured one, on the recording clock; None if it wasn't measured.
    """
    return {
        "reported_s": reported.recording_s,
        "reported_resolution_s": reported.resolution_s,
        "measured_s": _rounded(measured_s),
        "error_s": None if measured_s is None else _rounded(reported.recording_s - measured_s),
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
