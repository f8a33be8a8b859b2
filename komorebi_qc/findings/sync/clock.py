"""Findings about the recording clock against the call clock: drift, jumps, changes of its rate. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.sync import FoundJump, SyncResult

MOST_SHOWN = 5
"""Jumps, changes or stretches that a sentence names; the document has them all."""
_CUSTOMER_ONLY = "only the customer channel shows it; a clock jump and a leg delay can't be told apart"
_AGENT_ONLY = (
    "only the agent channel shows it: a delay between the agent and the call audio, which the output doesn't follow"
)


def clock_findings(r: SyncResult, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """The findings about the clocks of an aligned pair.

    Args:
        r: the sync measurement.
        limits: the limits to check against.
    """
    yield _drift(r, limits)
    largest = max(r.jumps, key=lambda jump: abs(jump.size_s), default=None)
    yield limits.finding(
        "jumps",
        largest.size_s if largest else 0.0,
        changes_text(r.jumps, empty="No clock jumps found.", one="The recording clock jumps", moved="everything"),
        at=At("call", largest.call_s) if largest else None,
    )
    yield _rate_changes(r, limits)


def _drift(r: SyncResult, limits: Limits) -> Finding:
    if r.drift_ppm is None:
        return limits.of("drift").unknown("drift", "The drift wasn't measured.")
    drift = r.drift_ppm
    average = "On average, the" if r.knots else "The"
    return limits.finding(
        "drift",
        drift,
        f"{average} recording clock runs {abs(drift):.2f} ppm {'faster' if drift >= 0 else 'slower'} than the call "
        f"clock: {abs(drift) * 3.6:.1f} ms an hour.",
        digits=3,
    )


def rates_ppm(r: SyncResult) -> tuple[float, float] | None:
    """The lowest and the highest rate of the recording clock against the call clock; None if the rate is constant."""
    alignment = r.alignment
    if alignment is None or not alignment.knots or alignment.knots[-1].call_s <= 0:
        return None
    rates = [(segment.rate - 1.0) * 1e6 for segment in alignment.segments(alignment.knots[-1].call_s)]
    return min(rates), max(rates)


def _rate_changes(r: SyncResult, limits: Limits) -> Finding:
    rates = rates_ppm(r)
    if rates is None:
        return limits.finding("rate_changes", 0.0, "No change of the recording clock's rate found.")
    largest = max(r.knots, key=lambda knot: abs(knot.deviation_s))
    # The outer knots are the call's start and end.
    count = max(len(r.knots) - 2, 1)
    return limits.finding(
        "rate_changes",
        abs(largest.deviation_s),
        f"The rate of the recording clock changes {counted(count, 'time')}, between {rates[0]:+.1f} and "
        f"{rates[1]:+.1f} ppm against the call clock. At {clock_text(largest.call_s)} of the call it is "
        f"{abs(largest.deviation_s) * 1000:.1f} ms away from a constant rate. The output follows the changes.",
        at=At("call", largest.call_s),
    )


def jump_text(size_s: float) -> str:
    """The size of a jump, without its sign: in milliseconds, from a second on in seconds."""
    return f"{abs(size_s):.3f} s" if abs(size_s) >= 1.0 else f"{abs(size_s) * 1000:.1f} ms"


def changes_text(changes: tuple[FoundJump, ...], *, empty: str, one: str, moved: str) -> str:
    """The sentence about jumps, or about changes of a delay; it names the first `MOST_SHOWN`."""
    if not changes:
        return empty
    shown = "; ".join(
        f"from {clock_text(c.call_s)} of the call on, {'the agent' if c.agent_only else moved} is "
        f"{jump_text(c.size_s)} {'later' if c.size_s >= 0 else 'earlier'} in the recording than before"
        + (f" ({_AGENT_ONLY})" if c.agent_only else "")
        + (f" ({_CUSTOMER_ONLY})" if c.customer_evidence_only else "")
        for c in changes[:MOST_SHOWN]
    )
    times = f" {len(changes)} times" if len(changes) > 1 else ""
    return f"{one}{times}: {shown}{'; and more' if len(changes) > MOST_SHOWN else ''}."
