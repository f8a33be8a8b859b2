"""One piecewise-linear alignment from the lags of windows: a common drift, an intercept a channel, shared jumps, knots.

Drift and jumps must not imitate each other. Windows are first grouped into runs without a break. The drift is the
slope *within* runs. Two neighbouring runs stay apart only if the step between them is larger than `LEAST_JUMP_S`, and
larger than the drift's uncertainty explains over the time between them. Merging starts with the least significant step.

The agent's channel sets the alignment if it is present. A step of the customer's channel alone, while the agent's
channel shows none, is a change of the network delay (`private`), not of the recording clock.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.timebase import Knot
from komorebi_qc.sync.fit.combine import combine
from komorebi_qc.sync.fit.knots import (
    LEAST_WINDOWS,
    MOST_BEND,
    Problem,
    bends_of,
    by_run,
    deviation,
    find_knots,
    refined,
)
from komorebi_qc.sync.fit.model import AGENT, CUSTOMER, Fit, LagStep, Points
from komorebi_qc.sync.fit.runs import (
    LEAST_JUMP_S,
    common_slope,
    initial_runs,
    merged_runs,
    statistics,
    steps_between,
    without_strays,
)
from komorebi_qc.sync.fit.solve import design, solve

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags


def fit(customer: Points, agent: Points) -> Fit | None:
    """Fit the alignment to the accepted windows; None without windows."""
    points = []
    chosen: list[Flags] = []
    for p in (customer, agent):
        keep = without_strays(p, initial_runs(p))
        chosen.append(keep)
        points.append(p.take(keep))
    if not any(len(p.time_s) for p in points):
        return None
    lead = points[AGENT] if len(points[AGENT].time_s) >= LEAST_WINDOWS else points[CUSTOMER]
    knots, bends, problem = _credible(*_bend(lead))
    straight = [_straightened(p, knots, bends) for p in points]
    shared, private, scale = _steps(straight)
    if len(knots):
        # With the offsets of both channels tied together, the knots between two runs are better known.
        knots, bends, _ = _credible(*_refined(points, lead, problem, shared, private, knots), problem)
        straight = [_straightened(p, knots, bends) for p in points]
        shared, private, scale = _steps(straight)
    out = solve(straight, chosen, shared, private, scale)
    # In the joint fit, a step may turn out to be the noise of a few windows.
    while out is not None and any(abs(s.size_s) < LEAST_JUMP_S for s in out.steps):
        sizes = [abs(s.size_s) for s in out.steps]
        shared = [s for k, s in enumerate(shared) if k != int(np.argmin(sizes))]
        out = solve(straight, chosen, shared, private, scale)
    return out if out is None else replace(out, knots_s=tuple(knots.tolist()), bends=tuple(bends.tolist()))


def mean_drift(result: Fit, call_s: float) -> tuple[float, tuple[Knot, ...]]:
    """Return the mean drift over the call in ppm, and the fit's knots as deviations from that line."""
    if not result.knots_s:
        return result.drift_ppm, ()
    times_s = np.array([0.0, *result.knots_s, call_s])
    bend_s = deviation(times_s, np.array(result.knots_s), np.array(result.bends))
    mean = float(bend_s[-1]) / call_s
    knots = tuple(Knot(float(t), float(d - mean * t)) for t, d in zip(times_s, bend_s, strict=True))
    return result.drift_ppm + mean * 1e6, knots


def _bend(lead: Points) -> tuple[Doubles, Doubles, Problem | None]:
    """Return the knots of the channel that sets the alignment, and their changes of rate."""
    if len(lead.time_s) < LEAST_WINDOWS:
        return np.zeros(0), np.zeros(0), None
    knots, problem = find_knots(by_run(lead, initial_runs(lead)))
    return knots, bends_of(problem, knots), problem


def _credible(knots: Doubles, bends: Doubles, problem: Problem | None) -> tuple[Doubles, Doubles, Problem | None]:
    """Return the knots; no knots if one bends more than clocks do, because windows agree by chance."""
    if len(bends) and float(np.max(np.abs(bends))) > MOST_BEND:
        return np.zeros(0), np.zeros(0), None
    return knots, bends, problem


def _straightened(points: Points, knots: Doubles, bends: Doubles) -> Points:
    """Return the points without the bend."""
    return replace(points, lag_s=points.lag_s - deviation(points.time_s, knots, bends)) if len(knots) else points


def _steps(points: list[Points]) -> tuple[list[LagStep], list[LagStep], float]:
    """Return the shared steps, the private ones, and the scale of the residuals."""
    members, scale = merged_runs(points)
    slope, slope_sigma = common_slope([statistics(p, m) for p, m in zip(points, members, strict=True) if len(m)], scale)
    found = [steps_between(p, m, slope, slope_sigma, scale) for p, m in zip(points, members, strict=True)]
    if len(points[AGENT].time_s):
        shared, private = combine(found[AGENT], found[CUSTOMER], points[CUSTOMER], points[AGENT])
    else:
        shared, private = found[CUSTOMER], []
    return shared, private, scale


def _refined(
    points: list[Points],
    lead: Points,
    problem: Problem | None,
    shared: list[LagStep],
    private: list[LagStep],
    knots: Doubles,
) -> tuple[Doubles, Doubles]:
    """Return the knots and changes of rate by the windows of both channels."""
    model = design(points, shared, private)
    columns = model.columns
    if problem is not None:
        small = problem.columns[:, by_run(lead, initial_runs(lead)).columns.shape[1] :]
        mine = np.zeros((len(model.time_s), small.shape[1]))
        mine[model.channel == (AGENT if lead is points[AGENT] else CUSTOMER)] = small
        columns = np.hstack([columns, mine])
    joint = Problem(model.time_s, model.lag_s, model.sigma_s, columns)
    moved = refined(joint, knots)
    return moved, bends_of(joint, moved)
