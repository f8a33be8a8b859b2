"""Windows grouped into runs that no step interrupts, and the drift within them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.sync.fit.model import LagStep, Points

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Ints


LEAST_JUMP_S = 0.004
GAP_S = 12.0
PRIOR_PPM = 60.0
"""Prior sigma of the drift; crystals stay within +-100 ppm.

It matters for a few seconds of speech only.
"""
FLOOR_S = 2e-5
"""Least uncertainty of a step between two runs, during the search for jumps."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Sufficient statistics of each run of one channel."""

    first: Doubles
    last: Doubles
    weight: Doubles
    mean_t: Doubles
    mean_lag: Doubles
    tt: Doubles
    tl: Doubles
    member: Ints


def statistics(points: Points, member: Ints) -> Runs:
    """Return the sufficient statistics of each run; `member` is the run number of every window."""
    count = int(member.max()) + 1 if len(member) else 0
    w = 1.0 / points.sigma_s**2
    total: Doubles = np.bincount(member, w, count).astype(np.float64)
    mean_t = np.bincount(member, w * points.time_s, count) / total
    mean_lag = np.bincount(member, w * points.lag_s, count) / total
    dt, dl = points.time_s - mean_t[member], points.lag_s - mean_lag[member]
    first = np.array([points.time_s[member == k][0] for k in range(count)])
    last = np.array([points.time_s[member == k][-1] for k in range(count)])
    tt: Doubles = np.bincount(member, w * dt * dt, count).astype(np.float64)
    tl: Doubles = np.bincount(member, w * dt * dl, count).astype(np.float64)
    return Runs(first, last, total, mean_t, mean_lag, tt, tl, member)


def initial_runs(points: Points) -> Ints:
    """Return the run number of every window: a new run after each step beyond drift, and after each long gap."""
    if len(points.time_s) == 0:
        return np.zeros(0, np.intp)
    dt, dl = np.diff(points.time_s), np.abs(np.diff(points.lag_s))
    new = (dl > 0.0015 + 250e-6 * dt) | (dt > GAP_S)
    return np.concatenate([[0], np.cumsum(new)]).astype(np.intp)


def without_strays(points: Points, member: Ints) -> Flags:
    """Return the windows to keep: not alone between two steps. A pair may be a short segment; one window is chance."""
    keep = np.ones(len(member), bool)
    count = int(member.max()) + 1 if len(member) else 0
    for k in range(count):
        inside = np.flatnonzero(member == k)
        if len(inside) > 1:
            continue
        i = int(inside[0])
        stepped = [
            abs(points.lag_s[i] - points.lag_s[n]) > LEAST_JUMP_S + 100e-6 * abs(points.time_s[i] - points.time_s[n])
            for n in (i - 1, i + 1)
            if 0 <= n < len(member)
        ]
        keep[i] = not (stepped and all(stepped))
    return keep


def common_slope(runs: list[Runs], scale: float) -> tuple[float, float]:
    """Return the drift within the runs and its sigma, with the prior, as plain ratios."""
    prior = (PRIOR_PPM * 1e-6) ** -2
    tt = sum(float(r.tt.sum()) for r in runs) / scale**2 + prior
    tl = sum(float(r.tl.sum()) for r in runs) / scale**2
    return tl / tt, tt**-0.5


def _scatter(points: list[Points], members: list[Ints], slope: float) -> float:
    """Return the robust scale of the residuals in units of their sigma; 1 if the sigmas are right."""
    rest = []
    for p, m in zip(points, members, strict=True):
        if len(m) == 0:
            continue
        level = p.lag_s - slope * p.time_s
        for k in range(int(m.max()) + 1):
            inside = m == k
            if np.count_nonzero(inside) > 2:
                r = level[inside]
                rest.append((r - np.median(r)) / p.sigma_s[inside])
    if not rest:
        return 1.0
    return float(np.clip(1.4826 * np.median(np.abs(np.concatenate(rest))), 0.3, 20.0))


def merged_runs(points: list[Points]) -> tuple[list[Ints], float]:
    """Merge all runs that need no jump between them. Return run numbers per channel, and the residuals' scale."""
    members = [initial_runs(p) for p in points]
    scale, turn = 1.0, 0
    while True:
        runs = [statistics(p, m) for p, m in zip(points, members, strict=True)]
        if turn % 8 == 0:
            slope, _ = common_slope(runs, 1.0)
            scale = _scatter(points, members, slope)
        turn += 1
        slope, slope_sigma = common_slope(runs, scale)
        best: tuple[float, int, int] | None = None
        for channel, r in enumerate(runs):
            for k in range(len(r.weight) - 1):
                size, sigma = _between(r, k, slope, slope_sigma, scale)
                if abs(size) <= LEAST_JUMP_S or abs(size) < 5.0 * sigma:
                    rank = abs(size) / sigma
                    if best is None or rank < best[0]:
                        best = (rank, channel, k)
        if best is None:
            return members, scale
        _, channel, k = best
        m = members[channel].copy()
        m[m > k] -= 1
        members[channel] = m


def _between(r: Runs, k: int, slope: float, slope_sigma: float, scale: float) -> tuple[float, float]:
    apart = r.mean_t[k + 1] - r.mean_t[k]
    size = float(r.mean_lag[k + 1] - r.mean_lag[k] - slope * apart)
    own = scale**2 * (1 / r.weight[k] + 1 / r.weight[k + 1]) + FLOOR_S**2
    return size, float(np.sqrt(own + (apart * slope_sigma) ** 2))


def steps_between(points: Points, member: Ints, slope: float, slope_sigma: float, scale: float) -> list[LagStep]:
    """Return the steps between neighbouring runs of one channel."""
    if len(member) == 0:
        return []
    r = statistics(points, member)
    out = []
    for k in range(len(r.weight) - 1):
        size, sigma = _between(r, k, slope, slope_sigma, scale)
        out.append(LagStep(float(r.last[k]), float(r.first[k + 1]), size, sigma))
    return out
