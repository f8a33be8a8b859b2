"""One piecewise-linear alignment from the lags of windows: a common drift, an intercept a channel, shared jumps.

Drift and jumps must not imitate each other. Windows are first grouped into runs without a break. The drift is the
slope *within* runs. Two neighbouring runs stay apart only if the step between them is larger than `LEAST_JUMP_S`, and
larger than the drift's uncertainty explains over the time between them. Merging starts with the least significant step.

The agent's channel sets the alignment if it is present. A step of the customer's channel alone, while the agent's
channel shows none, is a change of the network delay (`private`), not of the recording clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.sync.fit.combine import combine
from komorebi_qc.sync.fit.model import AGENT, CUSTOMER, Fit, Points
from komorebi_qc.sync.fit.runs import (
    LEAST_JUMP_S,
    common_slope,
    initial_runs,
    merged_runs,
    statistics,
    steps_between,
    without_strays,
)
from komorebi_qc.sync.fit.solve import solve

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Flags


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
    members, scale = merged_runs(points)
    slope, slope_sigma = common_slope([statistics(p, m) for p, m in zip(points, members, strict=True) if len(m)], scale)
    found = [steps_between(p, m, slope, slope_sigma, scale) for p, m in zip(points, members, strict=True)]
    if len(points[AGENT].time_s):
        shared, private = combine(found[AGENT], found[CUSTOMER], points[CUSTOMER], points[AGENT])
    else:
        shared, private = found[CUSTOMER], []
    out = solve(points, chosen, shared, private, scale)
    # In the joint fit, a step may turn out to be the noise of a few windows.
    while out is not None and any(abs(s.size_s) < LEAST_JUMP_S for s in out.steps):
        sizes = [abs(s.size_s) for s in out.steps]
        shared = [s for k, s in enumerate(shared) if k != int(np.argmin(sizes))]
        out = solve(points, chosen, shared, private, scale)
    return out
