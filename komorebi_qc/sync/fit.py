"""Lags of windows -> one piecewise-linear alignment: a common drift, an intercept a channel, shared jumps.

A drift is never a disguise for a jump, nor the other way round: windows are first grouped into runs that nothing
interrupts; the drift is what the lags do *within* runs; two neighbouring runs stay apart only where the step between
them is larger than `LEAST_JUMP_S` and than what the drift's uncertainty can explain over the time between them.
Merging starts with the least significant step.

The agent's channel sets the alignment where it is heard. A step that only the customer's channel shows, while the
agent's runs on, is a change of the network's delay (`private`), not of the recording's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Ints

LEAST_JUMP_S = 0.004
GAP_S = 12.0
SAME_S = 0.006
"""Two channels' steps this near in size are one.

A few windows of a hummed vowel may sit a pitch period (2 to 8 ms) off.
"""
PRIOR_PPM = 60.0
"""Sigma of the drift before anything is measured; crystals keep within +-100 ppm.

Matters for a few seconds of speech only.
"""
FLOOR_S = 2e-5
"""What no step between two runs is taken to be known better than, while jumps are looked for."""
FILTER_S = 1.3e-5
"""Sigma of the offset that no number of windows takes away.

Microphones, codecs and filters delay by some of it, and nothing in the sound says how much. The bench's tilted
microphone: 24 us, Opus: 8 us.
"""
GRID_S = 5e-7
"""Sigma of what the interpolation between samples leaves of a jump's size: a difference, in which filters cancel."""
DRIFT_GRID_S = 2e-6
"""The same over the whole call, for the drift: here it moves through the grid."""
DRIFT_SHARE = 0.4
"""Of the drift's variance as the windows' scatter gives it: neighbours share samples, and so err to either side.

With these the 95 % intervals hold the truth of the bench's right pairs in 100 % (offset), 98 % (drift) and 97 %
(jumps).
"""
EARLIEST_CUSTOMER_S = 0.12
"""Earlier than the agent's it only seems where a jitter buffer moved the agent's channel."""
LATEST_CUSTOMER_S = 1.0
"""The customer's voice reaches the agent's ears later than Connect's recorder by at most this."""
LIKE = 4.0
"""A step so many times a leg's largest known change is none of its habits."""
_L1_TURNS, _TUKEY_TURNS = 12, 12
CUSTOMER, AGENT = 0, 1


@dataclass(frozen=True, slots=True)
class Points:
    """Accepted windows of one channel, in time order."""

    time_s: Doubles
    """Call clock, the window's centre."""
    lag_s: Doubles
    sigma_s: Doubles
    """Relative trust; the absolute scale comes out of the scatter."""
    half_s: float

    def take(self, which: Flags) -> Points:
        """The windows where `which` holds."""
        return Points(self.time_s[which], self.lag_s[which], self.sigma_s[which], self.half_s)


@dataclass(frozen=True, slots=True)
class Step:
    """A jump between two runs, as found in one channel or in both."""

    after_s: float
    """Call clock: the last window before it is centred here."""
    before_s: float
    """And the first one after it here."""
    size_s: float
    sigma_s: float
    agent_only: bool = False
    """The customer's channel runs on across it: Connect's recorder moved the agent's channel alone."""
    customer_alone_tells: bool = False
    """The agent speaks on one side of it only: the clock or the customer's leg, nothing heard tells which."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The alignment and its covariance."""

    offset_s: float
    offset_sigma_s: float
    drift_ppm: float
    drift_sigma_ppm: float
    steps: tuple[Step, ...]
    private: tuple[Step, ...]
    lag_s: tuple[float | None, float | None]
    """(customer, agent): each channel's own lag at the call's beginning; None where it is not heard."""
    kept: tuple[Flags, Flags]
    """Which of the points the fit rests on, per channel."""
    scatter_s: float


@dataclass(frozen=True, slots=True)
class _Runs:
    """Sufficient statistics of each run of one channel."""

    first: Doubles
    last: Doubles
    weight: Doubles
    mean_t: Doubles
    mean_lag: Doubles
    tt: Doubles
    tl: Doubles
    member: Ints


def _statistics(points: Points, member: Ints) -> _Runs:
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
    return _Runs(first, last, total, mean_t, mean_lag, tt, tl, member)


def initial_runs(points: Points) -> Ints:
    """Run number of every window: a new one after each step the clock cannot explain and after each long gap."""
    if len(points.time_s) == 0:
        return np.zeros(0, np.intp)
    dt, dl = np.diff(points.time_s), np.abs(np.diff(points.lag_s))
    new = (dl > 0.0015 + 250e-6 * dt) | (dt > GAP_S)
    return np.concatenate([[0], np.cumsum(new)]).astype(np.intp)


def _drop_strays(points: Points, member: Ints) -> Flags:
    """Windows that form no run: alone between two steps. A pair may be a short segment, one window is an accident."""
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


def _slope(runs: list[_Runs], scale: float) -> tuple[float, float]:
    """(drift, its sigma) from within the runs, with the prior; both as plain ratios."""
    prior = (PRIOR_PPM * 1e-6) ** -2
    tt = sum(float(r.tt.sum()) for r in runs) / scale**2 + prior
    tl = sum(float(r.tl.sum()) for r in runs) / scale**2
    return tl / tt, tt**-0.5


def _scatter(points: list[Points], members: list[Ints], slope: float) -> float:
    """Robust scale of the residuals in units of their sigma; 1 where the sigmas are right."""
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


def _merge(points: list[Points]) -> tuple[list[Ints], float]:
    """Run numbers a channel after merging everything that needs no jump, and the residuals' scale."""
    members = [initial_runs(p) for p in points]
    scale, turn = 1.0, 0
    while True:
        runs = [_statistics(p, m) for p, m in zip(points, members, strict=True)]
        if turn % 8 == 0:
            slope, _ = _slope(runs, 1.0)
            scale = _scatter(points, members, slope)
        turn += 1
        slope, slope_sigma = _slope(runs, scale)
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


def _between(r: _Runs, k: int, slope: float, slope_sigma: float, scale: float) -> tuple[float, float]:
    apart = r.mean_t[k + 1] - r.mean_t[k]
    size = float(r.mean_lag[k + 1] - r.mean_lag[k] - slope * apart)
    own = scale**2 * (1 / r.weight[k] + 1 / r.weight[k + 1]) + FLOOR_S**2
    return size, float(np.sqrt(own + (apart * slope_sigma) ** 2))


def _steps(points: Points, member: Ints, slope: float, slope_sigma: float, scale: float) -> list[Step]:
    if len(member) == 0:
        return []
    r = _statistics(points, member)
    out = []
    for k in range(len(r.weight) - 1):
        size, sigma = _between(r, k, slope, slope_sigma, scale)
        out.append(Step(float(r.last[k]), float(r.first[k + 1]), size, sigma))
    return out


def _same(a: Step, b: Step, reach: float) -> bool:
    """Whether two channels saw the same step."""
    overlap = min(a.before_s, b.before_s) - max(a.after_s, b.after_s)
    return overlap > -2 * reach and abs(a.size_s - b.size_s) < SAME_S + 4 * (a.sigma_s + b.sigma_s)


def _runs_on(time_s: Doubles, step: Step, least: int = 2) -> bool:
    """Whether a channel speaks before and after the step, in `least` windows each, and so would have shown it."""
    before, after = np.count_nonzero(time_s <= step.after_s), np.count_nonzero(time_s >= step.before_s)
    return bool(min(before, after) >= least)


def _within(inner: Step, outer: Step) -> Step:
    """A step between the limits both channels set."""
    after, before = max(inner.after_s, outer.after_s), min(inner.before_s, outer.before_s)
    return replace(inner, after_s=min(after, before), before_s=max(after, before))


def _narrowed(step: Step, time_s: Doubles) -> Step:
    """The step between closer limits: the other channel, which shows no step, speaks on one side of it only."""
    inside = time_s[(time_s > step.after_s) & (time_s < step.before_s)]
    if len(inside) == 0:
        return step
    if np.any(time_s <= step.after_s):
        return replace(step, after_s=float(inside[-1]))
    if np.any(time_s >= step.before_s):
        return replace(step, before_s=float(inside[0]))
    return step


def _is_delay(extra_s: float) -> bool:
    """Whether the customer's voice may reach the agent's ears so much later than the recorder."""
    return -EARLIEST_CUSTOMER_S <= extra_s <= LATEST_CUSTOMER_S


def _beyond_s(step: Step, customer: Points, agent: Points) -> float:
    """The customer's extra delay on the side of the step on which the agent is silent, if the clock runs on."""
    extra = customer.lag_s - np.interp(customer.time_s, agent.time_s, agent.lag_s)
    t = agent.time_s
    after = np.count_nonzero(t <= step.after_s) >= np.count_nonzero(t >= step.before_s)
    at = np.searchsorted(customer.time_s, step.before_s if after else step.after_s)
    return float(extra[min(int(at), len(extra) - 1)])


def _there_and_back(steps: list[Step], customer: Points, agent: Points) -> list[tuple[Step, Step]]:
    """Pairs of the customer's steps that cancel out in one silence of the agent, with a lag between that no leg has.

    No network delivers a voice before it was spoken: it was the clock that jumped, both times.
    """
    out: list[tuple[Step, Step]] = []
    for first, second in pairwise(steps):
        if out and out[-1][1] is first:
            continue
        silent = not np.any((agent.time_s >= first.before_s) & (agent.time_s <= second.after_s))
        cancel = abs(first.size_s + second.size_s) < SAME_S + 4 * (first.sigma_s + second.sigma_s)
        if not silent or not cancel or not _runs_on(agent.time_s, replace(first, before_s=second.before_s), 1):
            continue
        inside = (customer.time_s >= first.before_s) & (customer.time_s <= second.after_s)
        agent_s = np.interp(customer.time_s[inside], agent.time_s, agent.lag_s)
        if not _is_delay(float(np.median(customer.lag_s[inside] - agent_s))):
            out.append((first, second))
    return out


def _narrowed_to_silence(step: Step, time_s: Doubles, *, last: bool) -> Step:
    """The step between closer limits: the other channel speaks on, but not beyond the step (`last`: not before it)."""
    inside = time_s[(time_s > step.after_s) & (time_s < step.before_s)]
    if len(inside) == 0:
        return step
    return replace(step, before_s=float(inside[0])) if last else replace(step, after_s=float(inside[-1]))


def _combine(
    agent: list[Step], customer: list[Step], customer_points: Points, agent_points: Points
) -> tuple[list[Step], list[Step]]:
    """(shared, private to the customer's channel)."""
    reach = agent_points.half_s
    shared: list[Step] = []
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
            shared.append(Step(after, before, step.size_s, step.sigma_s))
        elif len(inside) > 1 and abs(sum(c.size_s for c in inside) - step.size_s) < SAME_S + 4 * step.sigma_s:
            # several jumps while the agent was silent: the customer's channel tells them apart
            shared.extend(_within(c, step) for c in inside)
            left = [c for c in left if c not in inside]
        else:
            alone = not inside and _runs_on(customer_points.time_s, step, 3)
            shared.append(replace(step, agent_only=True) if alone else _narrowed(step, customer_points.time_s))
    back = _there_and_back(left, customer_points, agent_points)
    left = [c for c in left if not any(c is known for pair in back for known in pair)]
    t = agent_points.time_s
    # the agent's channel runs on across it: within two windows' reach before and after, nothing moved
    private = [step for step in left if _runs_on(t, step)]
    clock = sum(not s.agent_only for s in shared) + len(back)
    habit = LIKE * max((abs(p.size_s) for p in private), default=0.0) if len(private) > clock else 0.0
    for step in (c for c in left if c not in private):
        # the agent is silent before it or after it. A clock's jump is what must not be missed; but where the leg's
        # delay is known to change, and the clock is not, one more change like those is likelier
        unsure = replace(_narrowed(step, t), customer_alone_tells=True)
        likely = abs(step.size_s) <= habit and _is_delay(_beyond_s(step, customer_points, agent_points))
        (private if likely else shared).append(unsure)
    for first, second in back:
        shared += [_narrowed_to_silence(first, t, last=False), _narrowed_to_silence(second, t, last=True)]
    return sorted(shared, key=lambda s: s.before_s), sorted(private, key=lambda s: s.before_s)


def _group(time_s: Doubles, steps: list[Step]) -> Ints:
    """How many of the steps lie before each time."""
    middles = np.array([(s.after_s + s.before_s) / 2 for s in steps])
    return np.searchsorted(middles, time_s).astype(np.intp)


def fit(customer: Points, agent: Points) -> Fit | None:
    """The alignment out of the accepted windows; None where there are none."""
    points = []
    chosen: list[Flags] = []
    for p in (customer, agent):
        keep = _drop_strays(p, initial_runs(p))
        chosen.append(keep)
        points.append(p.take(keep))
    if not any(len(p.time_s) for p in points):
        return None
    members, scale = _merge(points)
    slope, slope_sigma = _slope([_statistics(p, m) for p, m in zip(points, members, strict=True) if len(m)], scale)
    found = [_steps(p, m, slope, slope_sigma, scale) for p, m in zip(points, members, strict=True)]
    if len(points[AGENT].time_s):
        shared, private = _combine(found[AGENT], found[CUSTOMER], points[CUSTOMER], points[AGENT])
    else:
        shared, private = found[CUSTOMER], []
    out = _solve(points, chosen, shared, private, scale)
    # the joint fit may find that a step was the noise of a few windows
    while out is not None and any(abs(s.size_s) < LEAST_JUMP_S for s in out.steps):
        sizes = [abs(s.size_s) for s in out.steps]
        shared = [s for k, s in enumerate(shared) if k != int(np.argmin(sizes))]
        out = _solve(points, chosen, shared, private, scale)
    return out


def _robust(
    design: Doubles, y: Doubles, sigma: Doubles, prior: Doubles, scale: float
) -> tuple[Doubles, Doubles, float]:
    """(solution, each window's weight, the residuals' scale in units of their sigma).

    Absolute errors first: one window on the wrong side of a jump must not drag its whole segment away, where the
    others would then pass for the outliers. Tukey's weights from there.
    """
    weight = np.ones(len(y))
    x = np.zeros(design.shape[1])
    for turn in range(_L1_TURNS + _TUKEY_TURNS):
        w = np.sqrt(weight) / (sigma * scale)
        x = np.linalg.lstsq(np.vstack([design * w[:, None], prior]), np.concatenate([y * w, [0.0]]), rcond=None)[0]
        rest = (y - design @ x) / sigma
        if turn < _L1_TURNS:
            weight = 1.0 / np.maximum(np.abs(rest), 1.0)
            continue
        scale = float(np.clip(1.4826 * np.median(np.abs(rest)), 0.2, 20.0))
        u = rest / (6.0 * scale)
        weight = np.where(np.abs(u) < 1, (1 - u * u) ** 2, 1e-6)
    return x, weight, scale


def _solve(
    points: list[Points], chosen: list[Flags], shared: list[Step], private: list[Step], scale: float
) -> Fit | None:
    """Weighted least squares with Tukey weights over all channels at once."""
    heard = [c for c in (CUSTOMER, AGENT) if len(points[c].time_s)]
    columns = 1 + len(heard) + len(shared) + (len(private) if len(heard) == 2 else 0)
    rows, lags, sigmas, channel_of = [], [], [], []
    for n, c in enumerate(heard):
        p = points[c]
        a = np.zeros((len(p.time_s), columns))
        a[:, 0] = p.time_s
        a[:, 1 + n] = 1.0
        group = _group(p.time_s, shared)
        for k, s in enumerate(shared):
            if c == AGENT or not s.agent_only:
                a[:, 1 + len(heard) + k] = group > k
        if c == CUSTOMER and len(heard) == 2 and private:
            after = _group(p.time_s, private)
            for k in range(len(private)):
                a[:, 1 + len(heard) + len(shared) + k] = after > k
        rows.append(a)
        lags.append(p.lag_s)
        sigmas.append(p.sigma_s)
        channel_of.append(np.full(len(p.time_s), c))
    design, lag, sigma, channel = (np.concatenate(v) for v in (rows, lags, sigmas, channel_of))
    base = float(np.median(lag))
    y = lag - base
    prior = np.zeros((1, columns))
    prior[0, 0] = 1.0 / (PRIOR_PPM * 1e-6)
    x, weight, scale = _robust(design, y, sigma, prior, scale)
    good = np.abs(y - design @ x) / sigma < 6.0 * scale
    w = np.sqrt(weight) / (sigma * scale)
    full = np.vstack([design * w[:, None], prior])
    cov = np.linalg.pinv(full.T @ full)
    at = 1 + (heard.index(AGENT) if AGENT in heard else 0)
    span = max(float(np.ptp(design[good, 0])) if good.any() else 1.0, 1.0)
    own: list[float | None] = [None, None]
    for n, c in enumerate(heard):
        own[c] = float(x[1 + n] + base)
    steps = []
    for k, s in enumerate(shared):
        j = 1 + len(heard) + k
        steps.append(replace(s, size_s=float(x[j]), sigma_s=float(np.sqrt(cov[j, j] + GRID_S**2))))
    lonely = []
    for k, s in enumerate(private if len(heard) == 2 else []):
        lonely.append(replace(s, size_s=float(x[1 + len(heard) + len(shared) + k])))
    kept: list[Flags] = []
    for c in (CUSTOMER, AGENT):
        flags = chosen[c].copy()
        flags[flags] = good[channel == c]
        kept.append(flags)
    return Fit(
        float(x[at] + base),
        float(np.sqrt(cov[at, at] + FILTER_S**2)),
        float(x[0] * 1e6),
        float(np.sqrt(DRIFT_SHARE * cov[0, 0] + (DRIFT_GRID_S / span) ** 2) * 1e6),
        tuple(steps),
        tuple(lonely),
        (own[0], own[1]),
        (kept[0], kept[1]),
        float(np.median(sigma) * scale),
    )
