"""The steps of both channels combined: clock jumps, agent-only steps, changes of the customer leg's delay."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.sync.fit.model import LagStep, Points

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles


SAME_S = 0.006
"""Steps of two channels that differ by less are one step.

A few windows of a hummed vowel may be a pitch period (2 to 8 ms) off.
"""
EARLIEST_CUSTOMER_S = 0.12
"""The customer can seem earlier by at most this, if a jitter buffer moved the agent's channel."""
LATEST_CUSTOMER_S = 1.0
"""The customer's voice reaches the agent later than Connect's recorder by at most this."""
LEAST_PAIR_S, EXACT_S = 0.02, 0.001
"""Two opposite steps of the customer's channel alone are the clock's: their least size, and their largest difference.

A jitter buffer stretches speech by pitch periods (WebRTC: 15 ms at most), and seldom returns to the same delay.
"""
LIKE = 4.0
"""A step this many times a leg's largest known change isn't a change of the leg."""


def _same(a: LagStep, b: LagStep, reach: float) -> bool:
    """Return whether two channels show the same step."""
    overlap = min(a.before_s, b.before_s) - max(a.after_s, b.after_s)
    return overlap > -2 * reach and abs(a.size_s - b.size_s) < SAME_S + 4 * (a.sigma_s + b.sigma_s)


def _runs_on(time_s: Doubles, step: LagStep, least: int = 2) -> bool:
    """Return whether a channel speaks before and after the step, in `least` windows each, so would show it."""
    before, after = np.count_nonzero(time_s <= step.after_s), np.count_nonzero(time_s >= step.before_s)
    return bool(min(before, after) >= least)


def _within(inner: LagStep, outer: LagStep) -> LagStep:
    """Return the step within the limits of both channels."""
    after, before = max(inner.after_s, outer.after_s), min(inner.before_s, outer.before_s)
    return replace(inner, after_s=min(after, before), before_s=max(after, before))


def _narrowed(step: LagStep, time_s: Doubles) -> LagStep:
    """Narrow the step: the other channel, which shows no step, speaks on one side of it only."""
    inside = time_s[(time_s > step.after_s) & (time_s < step.before_s)]
    if len(inside) == 0:
        return step
    if np.any(time_s <= step.after_s):
        return replace(step, after_s=float(inside[-1]))
    if np.any(time_s >= step.before_s):
        return replace(step, before_s=float(inside[0]))
    return step


def _is_delay(extra_s: float) -> bool:
    """Return whether this is a possible delay of the customer's voice to the agent."""
    return -EARLIEST_CUSTOMER_S <= extra_s <= LATEST_CUSTOMER_S


def _beyond_s(step: LagStep, customer: Points, agent: Points) -> float:
    """Return the customer's extra delay while the agent is silent, if the clock has no step."""
    extra = customer.lag_s - np.interp(customer.time_s, agent.time_s, agent.lag_s)
    t = agent.time_s
    after = np.count_nonzero(t <= step.after_s) >= np.count_nonzero(t >= step.before_s)
    at = np.searchsorted(customer.time_s, step.before_s if after else step.after_s)
    return float(extra[min(int(at), len(extra) - 1)])


def _there_and_back(steps: list[LagStep], customer: Points, agent: Points) -> list[tuple[LagStep, LagStep]]:
    """Return pairs of the customer's steps that cancel out in one silence of the agent.

    No network delivers a voice before it was spoken: with an impossible lag between them, the clock jumped both times.
    If these are the only steps and cancel out exactly, two jumps are likelier than a leg that changes and changes back.
    Following them moves no word of the agent.
    """
    out: list[tuple[LagStep, LagStep]] = []
    for first, second in pairwise(steps):
        if out and out[-1][1].after_s == first.after_s:
            continue
        silent = not np.any((agent.time_s >= first.before_s) & (agent.time_s <= second.after_s))
        rest_s, sigma_s = abs(first.size_s + second.size_s), first.sigma_s + second.sigma_s
        around = replace(first, after_s=first.before_s, before_s=second.after_s)
        if not silent or rest_s >= SAME_S + 4 * sigma_s or not _runs_on(agent.time_s, around, 1):
            continue
        inside = (customer.time_s >= first.before_s) & (customer.time_s <= second.after_s)
        agent_s = np.interp(customer.time_s[inside], agent.time_s, agent.lag_s)
        extra_s = float(np.median(customer.lag_s[inside] - agent_s))
        if not _is_delay(extra_s):
            out.append((first, second))
        elif len(steps) == 2 and abs(first.size_s) >= LEAST_PAIR_S and rest_s < EXACT_S + 4 * sigma_s:
            out.append((replace(first, customer_evidence_only=True), replace(second, customer_evidence_only=True)))
    return out


def _with_agent_pairs(shared: list[LagStep], customer: Points) -> list[LagStep]:
    """Return the steps; the agent's pairs that cancel out while the customer is silent are the clock's.

    The customer can't show them, and following them cuts no word of the customer.
    """
    out = list(shared)
    for k in range(len(out) - 1):
        first, second = out[k], out[k + 1]
        silent = not np.any((customer.time_s >= first.before_s) & (customer.time_s <= second.after_s))
        cancel = abs(first.size_s + second.size_s) < SAME_S + 4 * (first.sigma_s + second.sigma_s)
        if first.agent_only and second.agent_only and silent and cancel:
            out[k] = _narrowed_to_silence(replace(first, agent_only=False), customer.time_s, last=False)
            out[k + 1] = _narrowed_to_silence(replace(second, agent_only=False), customer.time_s, last=True)
    return out


def _narrowed_to_silence(step: LagStep, time_s: Doubles, *, last: bool) -> LagStep:
    """Narrow the step: the other channel speaks, but not beyond the step (`last`: not before it)."""
    inside = time_s[(time_s > step.after_s) & (time_s < step.before_s)]
    if len(inside) == 0:
        return step
    return replace(step, before_s=float(inside[0])) if last else replace(step, after_s=float(inside[-1]))


def combine(
    agent: list[LagStep], customer: list[LagStep], customer_points: Points, agent_points: Points
) -> tuple[list[LagStep], list[LagStep]]:
    """Return the shared steps, and those of the customer's channel only."""
    reach = agent_points.half_s
    shared: list[LagStep] = []
    left = list(customer)
    for step in agent:
        twins = [c for c in left if _same(step, c, reach)]
        inside = [c for c in left if c.before_s > step.after_s - reach and c.after_s < step.before_s + reach]
        if twins:
            twin = min(twins, key=lambda c: abs(c.size_s - step.size_s))
            left.remove(twin)
            after, before = max(step.after_s, twin.after_s), min(step.before_s, twin.before_s)
            if after > before:
                after, before = before, after
            shared.append(LagStep(after, before, step.size_s, step.sigma_s))
        elif len(inside) > 1 and abs(sum(c.size_s for c in inside) - step.size_s) < SAME_S + 4 * step.sigma_s:
            # Several jumps while the agent was silent: the customer's channel separates them.
            shared.extend(_within(c, step) for c in inside)
            left = [c for c in left if c not in inside]
        else:
            alone = not inside and _runs_on(customer_points.time_s, step, 3)
            shared.append(replace(step, agent_only=True) if alone else _narrowed(step, customer_points.time_s))
    shared = _with_agent_pairs(shared, customer_points)
    back = _there_and_back(left, customer_points, agent_points)
    paired = {known.after_s for pair in back for known in pair}
    left = [c for c in left if c.after_s not in paired]
    t = agent_points.time_s
    # The agent's channel shows no step there, within two windows before and after.
    private = [step for step in left if _runs_on(t, step)]
    clock = sum(not s.agent_only for s in shared) + len(back)
    habit = LIKE * max((abs(p.size_s) for p in private), default=0.0) if len(private) > clock else 0.0
    for step in (c for c in left if c not in private):
        # The agent is silent before or after it. Missing a clock jump is worse; but if the leg's delay is known to
        # change and the clock isn't, one more such change is likelier.
        unsure = replace(_narrowed(step, t), customer_evidence_only=True)
        likely = abs(step.size_s) <= habit and _is_delay(_beyond_s(step, customer_points, agent_points))
        (private if likely else shared).append(unsure)
    for first, second in back:
        shared += [_narrowed_to_silence(first, t, last=False), _narrowed_to_silence(second, t, last=True)]
    return sorted(shared, key=lambda s: s.before_s), sorted(private, key=lambda s: s.before_s)
