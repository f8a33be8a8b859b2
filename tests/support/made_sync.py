"""Sync measurements made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.findings.sync import sync_findings
from komorebi_qc.sync import CallSpan, FoundJump, SyncResult
from komorebi_qc.sync.evidence.classify import Channel, Evidence

if TYPE_CHECKING:
    from komorebi_qc.core.finding import Finding

REPORTED = CallEnd(62.0, 1.0)


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


def by_name(measured: SyncResult, *, limits: Limits = DEFAULT) -> dict[str, Finding]:
    """The findings of a measurement."""
    return {finding.name: finding for finding in sync_findings(measured, REPORTED, limits)}


def jump(size_s: float, call_s: float = 30.0, *, agent_only: bool = False, customer_only: bool = False) -> FoundJump:
    """A jump of a given size."""
    return FoundJump(
        call_s, size_s, (size_s - 0.001, size_s + 0.001), (call_s - 1, call_s + 1), agent_only, customer_only
    )


def absent_from(call_s: float) -> tuple[CallSpan, ...]:
    """A call of a minute that the agent leaves at a moment."""
    return CallSpan(0.0, call_s, "agrees", 25.0), CallSpan(call_s, 60.0, "absent", 15.0)


def evidence(customer_turns: int, agent_turns: int) -> Evidence:
    """Evidence of voices that agree in a number of turns."""
    customer, agent = (Channel(20.0, 20.0, 20.0, n, n, n, 1.0, is_present=True) for n in (customer_turns, agent_turns))
    return Evidence(customer, agent, 40.0, 1.0, 0.0, 0)
