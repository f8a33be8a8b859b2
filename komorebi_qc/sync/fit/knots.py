"""Knots: the moments at which the rate of the recording clock changes.

A sound device that is replaced changes the rate at once, a quartz that warms up changes it slowly. Both bend the line
of lags without a jump. The bend is a sum of hinges, each zero before its knot and straight after it. A hinge is added
only if the windows demand it, by far: neighbouring windows share samples, and a room changes while a person moves, so
their errors aren't independent. Small steps of the lag, as a jitter buffer makes them, compete with the hinges, so
that hinges don't imitate them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Ints
    from komorebi_qc.sync.fit.model import Points

LEAST_GAIN = 120.0
"""Least drop of the squared residuals, in units of their variance, that a knot must bring.

A hinge brings 1 by chance if errors are independent. With errors of neighbours correlated up to 0.99, 120 simulated
straight calls got no knot.
"""
LEAST_BEND_S = 1.0e-4
"""Least deviation that a knot must correct somewhere. Below is what a room does to a lag."""
MOST_BEND = 600e-6
"""Largest change of rate, as a plain ratio: two crystals differ by 300 ppm at most. More is a fit to chance."""
MOST_KNOTS = 16
LEAST_WINDOWS = 12
_MOST_STEPS = 12
SEVERAL_STEPS = 2
"""So many small steps may be two bends that weren't found."""
LEAST_APART_S = 3.0
_CANDIDATES = 64
_REFINEMENTS = 3
_ROBUST_TURNS = 6
_NEIGHBOURS = 4
_PAIR_STRIDE = 4
_FLOOR = 0.3
"""Least scale of the residuals, in units of their sigma."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Lags over time, and columns that explain all of them but the bend.

    Attributes:
        time_s: of the windows, shape ``(n,)``.
        lag_s: of the windows.
        sigma_s: their relative uncertainty.
        columns: shape ``(n, k)``: offsets of channels or runs, drift, jumps.
        weight: of each window, 0..1, by its neighbours; None to find it from the residuals of each solution.
    """

    time_s: Doubles
    lag_s: Doubles
    sigma_s: Doubles
    columns: Doubles
    weight: Doubles | None = None


def hinges(time_s: Doubles, knots_s: Doubles) -> Doubles:
    """Return the hinge of each knot at each time, shape ``(n, knots)``."""
    out: Doubles = np.maximum(time_s[:, None] - knots_s[None, :], 0.0)
    return out


def by_run(points: Points, member: Ints) -> Problem:
    """Return the problem in which each run of one channel has its own offset, so that no jump can look like a bend."""
    offsets = np.eye(int(member.max()) + 1)[member]
    columns = np.hstack([points.time_s[:, None], offsets])
    return Problem(points.time_s, points.lag_s, points.sigma_s, columns, _local_weight(points, member))


def _local_weight(points: Points, member: Ints) -> Doubles:
    """Return Tukey's weights by each window's distance from the line through its neighbours.

    A bend isn't known yet. By the distance from one line, all windows beyond it would look like outliers.
    """
    time_s, lag_s = points.time_s, points.lag_s
    n = len(time_s)
    between = np.full((_NEIGHBOURS, n), np.nan)
    for k in range(1, _NEIGHBOURS + 1):
        if n <= 2 * k:
            break
        left, here, right = np.arange(0, n - 2 * k), np.arange(k, n - k), np.arange(2 * k, n)
        part = (time_s[here] - time_s[left]) / np.maximum(time_s[right] - time_s[left], 1e-9)
        line = lag_s[left] + part * (lag_s[right] - lag_s[left])
        between[k - 1, here] = np.where(member[left] == member[right], lag_s[here] - line, np.nan)
    known = np.isfinite(between).sum(axis=0) > 1
    rest = np.zeros(n)
    rest[known] = np.nanmedian(between[:, known], axis=0) / points.sigma_s[known]
    scale = max(1.4826 * float(np.median(np.abs(rest[known]))), _FLOOR) if known.any() else 1.0
    u = rest / (6.0 * scale)
    return np.where(np.abs(u) < 1, (1 - u * u) ** 2, 1e-6)


def find_knots(problem: Problem) -> tuple[Doubles, Problem]:
    """Return the knots (call_s) that the lags demand, in order, and the problem with the small steps that were found.

    There are no knots for a constant rate.
    """
    knots, with_steps = _found(problem, may_step=True)
    if with_steps.columns.shape[1] >= problem.columns.shape[1] + SEVERAL_STEPS:
        # Two opposite bends look like steps while neither of them is known.
        bends_alone, _ = _found(problem, may_step=False)
        if _unexplained(problem, bends_alone) < _unexplained(with_steps, knots):
            return bends_alone, problem
    return knots, with_steps


def _unexplained(problem: Problem, knots: Doubles) -> float:
    """Return the sum of the squared residuals."""
    rest = _solve(problem, knots).rest
    return float(rest @ rest)


def _found(problem: Problem, *, may_step: bool) -> tuple[Doubles, Problem]:
    """Return the same, with small steps or without them."""
    time_s = problem.time_s
    knots = np.zeros(0)
    if len(time_s) < LEAST_WINDOWS or float(np.ptp(time_s)) < 4 * LEAST_APART_S:
        return knots, problem
    candidates = _candidates(time_s)
    for _ in range(MOST_KNOTS + _MOST_STEPS):
        state = _solve(problem, knots)
        gain, bend = _best_hinge(problem, knots, candidates, state)
        step_gain, step = _best_step(problem, candidates, state) if may_step else (0.0, 0.0)
        if max(gain, step_gain) < LEAST_GAIN:
            # One hinge may explain little of a rate that changes and changes back.
            pair_gain, pair = _best_pair(problem, knots, candidates, state)
            if pair_gain < LEAST_GAIN or len(knots) + 2 > MOST_KNOTS:
                break
            knots = refined(problem, np.sort(np.append(knots, pair)))
            continue
        if step_gain > gain:
            problem = replace(problem, columns=np.hstack([problem.columns, (time_s > step)[:, None]]))
            continue
        if len(knots) == MOST_KNOTS:
            break
        knots = refined(problem, np.sort(np.append(knots, bend)))
    return _without_needless(problem, knots), problem


def refined(problem: Problem, knots: Doubles) -> Doubles:
    """Return the knots, each moved to the place where it explains most."""
    for _ in range(_REFINEMENTS if len(knots) > 1 else 1):
        knots = _moved(problem, knots)
    return knots


def bends_of(problem: Problem, knots: Doubles) -> Doubles:
    """Return the change of rate at each knot, as plain ratios."""
    if not len(knots):
        return np.zeros(0)
    weight: Doubles = np.sqrt(_solve(problem, knots).weight) / problem.sigma_s
    y = problem.lag_s - float(np.median(problem.lag_s))
    design: Doubles = _design(problem, knots) * weight[:, None]
    found = np.linalg.lstsq(design, y * weight, rcond=None)[0]
    out: Doubles = found[-len(knots) :].astype(np.float64)
    return out


def deviation(time_s: Doubles, knots: Doubles, bends: Doubles) -> Doubles:
    """Return the sum of the hinges at each time, in seconds; `bends` as `bends_of` returns them."""
    out: Doubles = hinges(time_s, knots) @ bends if len(knots) else np.zeros(len(time_s))
    return out


def _candidates(time_s: Doubles) -> Doubles:
    ordered = np.sort(time_s)
    inside = ordered[(ordered > ordered[0] + LEAST_APART_S) & (ordered < ordered[-1] - LEAST_APART_S)]
    if len(inside) == 0:
        return np.zeros(0)
    shares = np.linspace(0.0, 1.0, min(_CANDIDATES, len(inside)))
    picked: Doubles = np.array(sorted(set(np.quantile(inside, shares).tolist())))
    return picked


@dataclass(frozen=True, slots=True)
class _State:
    """A robust solution.

    Attributes:
        base: orthonormal base of the weighted design.
        rest: weighted residuals.
        weight: of each window, 0..1.
        scale: of the residuals, in units of their sigma.
    """

    base: Doubles
    rest: Doubles
    weight: Doubles
    scale: float


def _design(problem: Problem, knots: Doubles) -> Doubles:
    return np.hstack([problem.columns, hinges(problem.time_s, knots)])


def _solve(problem: Problem, knots: Doubles, weight: Doubles | None = None) -> _State:
    """Solve with Tukey's weights; `weight` keeps those of another solution."""
    weight = problem.weight if weight is None else weight
    design = _design(problem, knots)
    robust: Doubles = np.ones(len(problem.lag_s)) if weight is None else weight
    y: Doubles = problem.lag_s - float(np.median(problem.lag_s))
    for turn in range(1 if weight is not None else _ROBUST_TURNS):
        w = np.sqrt(robust) / problem.sigma_s
        base = _orthonormal(design * w[:, None])
        target = y * w
        rest = target - base @ (base.T @ target)
        plain = rest / np.maximum(np.sqrt(robust), 1e-3)
        scale = max(1.4826 * float(np.median(np.abs(plain))), _FLOOR)
        if weight is None and turn < _ROBUST_TURNS - 1:
            u = plain / (6.0 * scale)
            robust = np.where(np.abs(u) < 1, (1 - u * u) ** 2, 1e-6)
    return _State(base, rest, robust, scale)


def _orthonormal(a: Doubles) -> Doubles:
    """Return an orthonormal base of the columns, without those that the ones before explain."""
    norm = np.linalg.norm(a, axis=0)
    base, r = np.linalg.qr(a[:, norm > 0] / norm[norm > 0])
    out: Doubles = base[:, np.abs(np.diag(r)) > 1e-7]
    return out


def _gains(problem: Problem, columns: Doubles, state: _State) -> tuple[Doubles, Doubles]:
    """Return what each column would explain, and the correction that it would bring (95 % of the windows)."""
    w = np.sqrt(state.weight) / problem.sigma_s
    columns = columns * w[:, None]
    before = np.einsum("ij,ij->j", columns, columns)
    columns -= state.base @ (state.base.T @ columns)
    power = np.einsum("ij,ij->j", columns, columns)
    new = power > 1e-6 * np.maximum(before, 1e-30)
    coefficient = np.where(new, (columns.T @ state.rest) / np.maximum(power, 1e-30), 0.0)
    correction_s = np.quantile(np.abs(columns * coefficient / w[:, None]), 0.95, axis=0)
    return _in_variances(coefficient**2 * power, state.rest), correction_s


def _in_variances(drop: Doubles, rest: Doubles) -> Doubles:
    """Return drops of the squared residuals in units of the variance that is left."""
    total = float(rest @ rest)
    out: Doubles = drop / np.maximum((total - drop) / len(rest), _FLOOR**2)
    return out


def _best_hinge(problem: Problem, knots: Doubles, candidates: Doubles, state: _State) -> tuple[float, float]:
    """Return the gain of the best new knot, and its time."""
    free = candidates[[not len(knots) or float(np.abs(knots - c).min()) >= LEAST_APART_S for c in candidates]]
    if len(free) == 0:
        return 0.0, 0.0
    gain, correction_s = _gains(problem, hinges(problem.time_s, free), state)
    gain = np.where(correction_s >= LEAST_BEND_S, gain, 0.0)
    best = int(np.argmax(gain))
    return float(gain[best]), float(free[best])


def _best_pair(
    problem: Problem, knots: Doubles, candidates: Doubles, state: _State
) -> tuple[float, tuple[float, float]]:
    """Return the gain of the best two new knots, for each of them, and their times."""
    total = float(state.rest @ state.rest)
    best, pair = 0.0, (0.0, 0.0)
    for first in candidates[::_PAIR_STRIDE]:
        if len(knots) and float(np.abs(knots - first).min()) < LEAST_APART_S:
            continue
        more = np.sort(np.append(knots, first))
        with_first = _solve(problem, more, state.weight)
        _, second = _best_hinge(problem, more, candidates, with_first)
        rest = _solve(problem, np.sort(np.append(more, second)), state.weight).rest
        drop = total - float(rest @ rest)
        gain = float(_in_variances(np.array([drop]), state.rest)[0]) / 2
        if second and gain > best:
            best, pair = gain, (float(first), second)
    return best, pair


def _best_step(problem: Problem, candidates: Doubles, state: _State) -> tuple[float, float]:
    """Return the gain of the best step, and its time."""
    if len(candidates) == 0:
        return 0.0, 0.0
    gain, _ = _gains(problem, (problem.time_s[:, None] > candidates[None, :]).astype(np.float64), state)
    best = int(np.argmax(gain))
    return float(gain[best]), float(candidates[best])


def _moved(problem: Problem, knots: Doubles) -> Doubles:
    """Return the knots after one turn in which each is moved: a coarse search, then finer ones."""
    out = knots.copy()
    state = _solve(problem, knots)
    low, high = float(problem.time_s.min()), float(problem.time_s.max())
    for k in range(len(out)):
        others = np.delete(out, k)
        rest = _solve(problem, others, state.weight)
        from_s = max([low, *others[others < out[k]]]) + LEAST_APART_S
        to_s = min([high, *others[others > out[k]]]) - LEAST_APART_S
        for _ in range(3):
            if to_s <= from_s:
                break
            grid = np.linspace(from_s, to_s, 17)
            gain, _ = _gains(problem, hinges(problem.time_s, grid), rest)
            best = int(np.argmax(gain))
            out[k] = grid[best]
            from_s, to_s = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 16)])
    return np.sort(out)


def _without_needless(problem: Problem, knots: Doubles) -> Doubles:
    """Return the knots without those whose loss costs less than `LEAST_GAIN`."""
    while len(knots):
        state = _solve(problem, knots)
        full = float(state.rest @ state.rest)
        variance = max(full / len(state.rest), _FLOOR**2)
        costs = []
        for k in range(len(knots)):
            rest = _solve(problem, np.delete(knots, k), state.weight).rest
            costs.append((float(rest @ rest) - full) / variance)
        least = int(np.argmin(costs))
        if costs[least] >= LEAST_GAIN:
            break
        knots = np.delete(knots, least)
    return knots
