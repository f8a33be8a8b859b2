"""The distribution of a measure over all recordings: quantiles and a histogram, without the values themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.fleet.dataset import Fleet

_BINS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """A measure's values, in its unit.

    Attributes:
        count: number of values; without any, all else is empty or 0.
        low: 0.5 % quantile.
        p05: 5 % quantile.
        middle: the median.
        p95: 95 % quantile.
        high: 99.5 % quantile.
        counts: ``(n,)`` number of values in each bin.
        edges: ``(n + 1,)`` the bins' edges.
        below: number of values below the first edge.
        above: number of values above the last edge.
    """

    count: int
    low: float
    p05: float
    middle: float
    p95: float
    high: float
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    below: int
    above: int


def distribution(fleet: Fleet, measure: str) -> Distribution:
    """The distribution of a measure."""
    ((count, quantiles),) = fleet.query(
        f"select count({measure}), quantile_cont({measure}, [0.005, 0.05, 0.5, 0.95, 0.995]) from rows"  # noqa: S608
    )
    if not count:
        return Distribution(0, 0.0, 0.0, 0.0, 0.0, 0.0, np.empty(0, np.int64), np.empty(0), 0, 0)
    low, p05, middle, p95, high = map(float, quantiles)
    room = max((high - low) * 0.02, abs(middle) * 0.05, 0.01)
    first, last = low - room, high + room
    if measure == "coverage":
        last = min(last, 1.0)
    edges = np.linspace(first, last, _BINS + 1)
    counts = np.zeros(_BINS, np.int64)
    below = above = 0
    for at, number in fleet.query(
        f"""select case when v < $1 then -1 when v > $2 then {_BINS} else least(floor((v - $1) / $3), {_BINS - 1}) end,
        count(*) from (select {measure} as v from rows where {measure} is not null) group by all""",  # noqa: S608
        (float(edges[0]), float(edges[-1]), float(edges[1] - edges[0])),
    ):
        if at < 0:
            below = number
        elif at == _BINS:
            above = number
        else:
            counts[int(at)] = number
    return Distribution(count, low, p05, middle, p95, high, counts, edges, below, above)
