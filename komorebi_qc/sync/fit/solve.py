"""One robust least-squares fit over both channels, with calibrated uncertainties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.sync.fit.model import AGENT, CUSTOMER, Fit, LagStep, Points
from komorebi_qc.sync.fit.runs import PRIOR_PPM

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Ints


FILTER_S = 1.3e-5
"""Sigma of the offset that remains with any number of windows.

Microphones, codecs and filters delay the sound by an unknown amount. The bench's tilted microphone: 24 us, Opus: 8 us.
"""
FEW = 6.0
"""With few windows, one that is off isn't noticed: the sigma of the offset grows by this, divided by their number."""
GRID_S = 5e-7
"""Sigma of a jump's size from interpolation between samples: a difference, in which filters cancel."""
DRIFT_GRID_S = 2e-6
"""The same for the drift over the whole call: the lag moves through the sample grid."""
DRIFT_SHARE = 0.4
"""Share of the drift's variance from the windows' scatter: neighbours share samples, so their errors cancel.

With these values the 95 % intervals contain the truth for 100 % (offset), 98 % (drift) and 97 % (jumps) of the bench's
matching pairs.
"""
_L1_TURNS, _TUKEY_TURNS = 12, 12


def _group(time_s: Doubles, steps: list[LagStep]) -> Ints:
    """Return the number of steps before each time."""
    middles = np.array([(s.after_s + s.before_s) / 2 for s in steps])
    return np.searchsorted(middles, time_s).astype(np.intp)


def _robust(
    design: Doubles, y: Doubles, sigma: Doubles, prior: Doubles, scale: float
) -> tuple[Doubles, Doubles, float]:
    """Return the solution, each window's weight, and the residuals' scale in units of their sigma.

    Absolute errors first: one window on the wrong side of a jump must not drag its whole segment away and make the
    others look like outliers. Then Tukey's weights.
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


@dataclass(frozen=True, slots=True)
class Design:
    """The linear model of all windows of the channels that are present, in the channels' order.

    Attributes:
        columns: drift, an offset for each channel, the shared steps, then the private ones; shape ``(n, k)``.
        time_s: call clock, shape ``(n,)``.
        lag_s: of each window.
        sigma_s: of each window.
        channel: of each window.
        present: the channels, in the order of their offsets.
    """

    columns: Doubles
    time_s: Doubles
    lag_s: Doubles
    sigma_s: Doubles
    channel: Ints
    present: tuple[int, ...]


def design(points: list[Points], shared: list[LagStep], private: list[LagStep]) -> Design:
    """Return the linear model of the points."""
    present = tuple(c for c in (CUSTOMER, AGENT) if len(points[c].time_s))
    columns = 1 + len(present) + len(shared) + (len(private) if len(present) == 2 else 0)
    rows, channel_of = [], []
    for n, c in enumerate(present):
        p = points[c]
        a = np.zeros((len(p.time_s), columns))
        a[:, 0] = p.time_s
        a[:, 1 + n] = 1.0
        group = _group(p.time_s, shared)
        for k, s in enumerate(shared):
            if c == AGENT or not s.agent_only:
                a[:, 1 + len(present) + k] = group > k
        if c == CUSTOMER and len(present) == 2 and private:
            after = _group(p.time_s, private)
            for k in range(len(private)):
                a[:, 1 + len(present) + len(shared) + k] = after > k
        rows.append(a)
        channel_of.append(np.full(len(p.time_s), c))
    taken = [points[c] for c in present]
    return Design(
        np.concatenate(rows),
        np.concatenate([p.time_s for p in taken]),
        np.concatenate([p.lag_s for p in taken]),
        np.concatenate([p.sigma_s for p in taken]),
        np.concatenate(channel_of),
        present,
    )


def solve(
    points: list[Points], chosen: list[Flags], shared: list[LagStep], private: list[LagStep], scale: float
) -> Fit | None:
    """Solve weighted least squares with Tukey weights over all channels at once."""
    model = design(points, shared, private)
    matrix, lag, sigma, present = model.columns, model.lag_s, model.sigma_s, model.present
    base = float(np.median(lag))
    y = lag - base
    prior = np.zeros((1, matrix.shape[1]))
    prior[0, 0] = 1.0 / (PRIOR_PPM * 1e-6)
    x, weight, scale = _robust(matrix, y, sigma, prior, scale)
    good = np.abs(y - matrix @ x) / sigma < 6.0 * scale
    w = np.sqrt(weight) / (sigma * scale)
    full = np.vstack([matrix * w[:, None], prior])
    cov = np.linalg.pinv(full.T @ full)
    at = 1 + (present.index(AGENT) if AGENT in present else 0)
    span = max(float(np.ptp(matrix[good, 0])) if good.any() else 1.0, 1.0)
    own: list[float | None] = [None, None]
    for n, c in enumerate(present):
        own[c] = float(x[1 + n] + base)
    steps = []
    for k, s in enumerate(shared):
        j = 1 + len(present) + k
        steps.append(replace(s, size_s=float(x[j]), sigma_s=float(np.sqrt(cov[j, j] + GRID_S**2))))
    lonely = []
    for k, s in enumerate(private if len(present) == 2 else []):
        lonely.append(replace(s, size_s=float(x[1 + len(present) + len(shared) + k])))
    kept: list[Flags] = []
    for c in (CUSTOMER, AGENT):
        flags = chosen[c].copy()
        flags[flags] = good[model.channel == c]
        kept.append(flags)
    return Fit(
        float(x[at] + base),
        float(np.sqrt(cov[at, at] + FILTER_S**2)) * (1.0 + FEW / len(y)),
        float(x[0] * 1e6),
        float(np.sqrt(DRIFT_SHARE * cov[0, 0] + (DRIFT_GRID_S / span) ** 2) * 1e6),
        tuple(steps),
        tuple(lonely),
        (own[0], own[1]),
        (kept[0], kept[1]),
        float(np.median(sigma) * scale),
    )
