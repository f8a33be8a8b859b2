"""Sync measurements made by hand."""

from __future__ import annotations

from typing import Any

from komorebi_qc.sync import SyncResult


def result(status: str = "aligned", **changes: Any) -> SyncResult:
    """A measurement of a call from 2.5 s to 62.5 s of the recording, with the fields in `changes` replaced."""
    is_aligned = status == "aligned"
    fields: dict[str, Any] = {
        "status": status,
        "reason": "a reason",
        "offset_s": 2.5 if is_aligned else None,
        "offset_ci_s": (2.499, 2.501) if is_aligned else None,
        "drift_ppm": 0.0 if is_aligned else None,
        "drift_ci_ppm": (-1.0, 1.0) if is_aligned else None,
        "jumps": (),
        "sides": "both",
        "lag_agent_s": 2.5 if is_aligned else None,
        "lag_customer_s": 2.5 if is_aligned else None,
        "customer_steps": (),
        "coverage": 0.98,
        "alternative_offsets": (),
        "windows": (),
        "evidence": None,
        "measured_call_end_s": 62.5 if is_aligned else None,
        "reported_call_end_s": 62.0,
    }
    return SyncResult(**{**fields, **changes})
