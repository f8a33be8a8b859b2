"""Steps of the fit as jumps of the call's place: each located in its interval, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.sync.fit.model import AGENT, CUSTOMER
from komorebi_qc.sync.jump_location import Voice, locate
from komorebi_qc.sync.result import FoundJump

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Track
    from komorebi_qc.sync.fit.model import Fit, LagStep
    from komorebi_qc.sync.lags.windows import Chain


def locate_jump(
    call: Track,
    recording: Track,
    step: LagStep,
    result: Fit,
    is_present: list[bool],
    chains: tuple[Chain, Chain],
    index: int,
) -> FoundJump:
    """Locate one jump within its interval. Lost audio (a negative jump) ends where the new lag begins."""
    half = max(c.windows.size_s for c in chains) / 2
    middle = (step.after_s + step.before_s) / 2
    # The tangent of the bend: near the jump the lag is straight.
    before_knots = [(k, b) for k, b in zip(result.knots_s, result.bends, strict=True) if k < middle]
    tilt, moved_s = sum(b for _, b in before_knots), -sum(k * b for k, b in before_knots)
    voices = []
    for channel in (CUSTOMER, AGENT):
        own = result.lag_s[channel]
        if is_present[channel] and own is not None and not (step.agent_only and channel == CUSTOMER):
            before = own + moved_s
            before += sum(s.size_s for s in result.steps[:index] if channel == AGENT or not s.agent_only)
            later = 0.0
            if channel == CUSTOMER:
                before += sum(p.size_s for p in result.private if p.before_s <= middle)
                agent = result.lag_s[AGENT]
                if agent is not None:
                    later = before - moved_s - agent - sum(s.size_s for s in result.steps[:index])
            voices.append(Voice(channel, before, before + step.size_s, later))
    late = [v.later_s for v in voices]
    low = max(step.after_s - half + min(0.0, *late), 0.0) if late else step.after_s
    high = step.before_s + half + max(0.0, *late) if late else step.before_s
    at, first, last = locate(call, recording, voices, result.drift_ppm * 1e-6 + tilt, step.size_s, low, high)
    return FoundJump(
        at,
        step.size_s,
        interval(step.size_s, step.sigma_s),
        (first, last),
        step.agent_only,
        step.customer_evidence_only,
    )


def customer_step(step: LagStep) -> FoundJump:
    """Return a change of the customer leg's delay as data; it is in the middle of its interval."""
    return FoundJump(
        (step.after_s + step.before_s) / 2,
        step.size_s,
        interval(step.size_s, step.sigma_s),
        (step.after_s, step.before_s),
        customer_evidence_only=step.customer_evidence_only,
    )


def in_order(jumps: list[FoundJump]) -> tuple[FoundJump, ...]:
    """Return the jumps in order. Two jumps in one pause were located independently and may overlap."""
    out: list[FoundJump] = []
    for jump in jumps:
        least = out[-1].call_s if out else jump.call_s
        first, last = jump.between_s
        moved = max(jump.call_s, least)
        out.append(replace(jump, call_s=moved, between_s=(min(first, moved), max(last, moved))))
    return tuple(out)


def agent_shift(jumps: tuple[FoundJump, ...], agent: Chain) -> float:
    """Return the sum of the agent-only jumps before most of the agent's agreeing speech, in seconds."""
    alone = [j for j in jumps if j.agent_only]
    if not alone:
        return 0.0
    weight, time_s = agent.windows.weight_s[agent.on], agent.windows.centre_s[agent.on]
    level = np.searchsorted([j.call_s for j in alone], time_s)
    most = int(np.argmax(np.bincount(level, weight, len(alone) + 1)))
    return float(sum(j.size_s for j in alone[:most]))


def interval(value: float, sigma: float) -> tuple[float, float]:
    """Return the 95 % interval of a normal distribution."""
    return value - 1.96 * sigma, value + 1.96 * sigma
