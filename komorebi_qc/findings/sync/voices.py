"""Findings about both voices: which ones the recording has, how much matches, how far apart they are. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.sync.agent_part import coverage, in_part
from komorebi_qc.findings.sync.clock import MOST_SHOWN, changes_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.sync import SyncResult

LEAST_TURNS = 3
"""Agreeing turns of each voice that a delay between the two needs."""
_SIDES_TEXT = {
    "both": "The recording has both customer and agent.",
    "agent": "The recording has only the agent.",
    "customer": "The recording has only the customer: the agent's microphone was not recorded.",
    "none": "The recording has neither customer nor agent.",
}


def voice_findings(r: SyncResult, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """The findings about the voices of an aligned pair.

    Args:
        r: the sync measurement.
        limits: the limits to check against.
    """
    yield Finding("sides", r.sides, "", "pass" if r.sides in ("both", "agent") else "warn", _SIDES_TEXT[r.sides])
    if r.lag_agent_s is not None and r.lag_customer_s is not None:
        yield from _customer_leg(r, r.lag_customer_s - r.lag_agent_s, limits)
    yield _coverage(r, limits)


def has_both_voices(r: SyncResult) -> bool:
    """Whether each voice agrees in enough turns to measure a delay between the two."""
    e = r.evidence
    return e is None or min(e.customer.agreed_turns, e.agent.agreed_turns) >= LEAST_TURNS


def _customer_leg(r: SyncResult, delay_s: float, limits: Limits) -> Iterator[Finding]:
    if not has_both_voices(r):
        text = f"The delay between customer and agent wasn't measured: one of them agrees in under {LEAST_TURNS} turns."
        for name in ("customer_leg_delay", "customer_leg_delay_changes"):
            yield limits.of(name).unknown(name, text)
        return
    yield limits.finding(
        "customer_leg_delay",
        delay_s,
        f"In the recording, the customer is {abs(delay_s) * 1000:.1f} ms {'later' if delay_s >= 0 else 'earlier'} than "
        "the agent, relative to the call audio.",
    )
    largest = max(r.customer_steps, key=lambda step: abs(step.size_s), default=None)
    yield limits.finding(
        "customer_leg_delay_changes",
        largest.size_s if largest else 0.0,
        changes_text(
            r.customer_steps,
            empty="No change of the delay between customer and agent found.",
            one="The delay between customer and agent changes",
            moved="the customer",
        ),
        at=At("call", largest.call_s) if largest else None,
    )


def _coverage(r: SyncResult, limits: Limits) -> Finding:
    share = coverage(r)
    part = "" if r.agent_part is None else ", in the agent's part of the call,"
    text = f"{share:.0%} of the speech in the recorded channels{part} matches the recording."
    unmatched = [s for s in r.unmatched if in_part(r, s)]
    if unmatched:
        shown = "; ".join(
            f"from {clock_text(s.from_s)} to {clock_text(s.to_s)} of the call, {s.speech_s:.0f} s of speech match "
            "nothing"
            for s in unmatched[:MOST_SHOWN]
        )
        text += f" {shown[:1].upper()}{shown[1:]}{'; and more' if len(unmatched) > MOST_SHOWN else ''}."
    limit = limits.of("coverage")
    longest = max(unmatched, key=lambda s: s.speech_s, default=None)
    found = limit.finding("coverage", share, text, digits=4, at=At("call", longest.from_s) if longest else None)
    # Most of a call may match while a part of it has a position that wasn't measured.
    return replace(found, status="warn") if longest and found.status == "pass" and not limit.is_off else found
