"""The days on which a measure changed: PELT on the ranks of a daily series, with a penalty from shuffled days.

1. The days' values are replaced by their ranks, so an outlier has no more weight than any other day.
2. PELT (Killick 2012, from `ruptures`, least squares) finds the cuts. A cut must gain more than the best cut of the
   same days in shuffled order, in all but `ALARM_RATE` of the shuffles. The rate is divided by the number of series on
   the page (Bonferroni).
3. Each part is ranked and searched again, so that a large change doesn't hide a small one.
4. Ranks give the approximate day. The reported day is the one from which two levels fit the values best (least absolute
   deviations).

The test assumes that days are exchangeable: a slow drift is reported as steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from ruptures import KernelCPD
from scipy.stats import rankdata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from numpy.typing import NDArray

ALARM_RATE = 0.05
"""How often a page without any real change reports one, over all its series together."""
LEAST_DAYS = 5
"""On either side of a change: a weekend or one bad day isn't a change."""
_SHUFFLES = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A measure by day.

    Attributes:
        name: ``all``, or a group's name.
        measure: the column's name.
        days: ``(n,)``, ascending; days without a value are missing.
        values: ``(n,)`` the day's median or share, in the measure's unit.
    """

    name: str
    measure: str
    days: NDArray[np.datetime64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """A day on which a series changed its level.

    Attributes:
        name: the series' name.
        measure: the series' measure.
        day: the first day of the new level.
        before: median of the days before, back to the previous change.
        after: median of the days from `day` on, up to the next change.
        days_before: number of days before.
        days_after: number of days from `day` on.
    """

    name: str
    measure: str
    day: date
    before: float
    after: float
    days_before: int
    days_after: int

    @property
    def size(self) -> float:
        """The new level less the old one, in the measure's unit."""
        return self.after - self.before


def find_changes(series: Sequence[Series], least: float = 0.0, among: int | None = None) -> tuple[Change, ...]:
    """The changes of all series, the largest first.

    Args:
        series: the series to search.
        least: the smallest change to report, in the measure's unit.
        among: number of series on the page; None for the length of `series`.
    """
    rate = ALARM_RATE / max(len(series) if among is None else among, 1)
    found = [change for one in series for change in _changes(one, rate) if abs(change.size) >= least]
    return tuple(sorted(found, key=lambda change: -abs(change.size)))


def _changes(series: Series, rate: float) -> Iterator[Change]:
    cuts = [0, *_cuts(series.values, rate, np.random.default_rng(0)), len(series.values)]
    for start, cut, end in zip(cuts, cuts[1:], cuts[2:], strict=False):
        yield Change(
            series.name,
            series.measure,
            series.days[cut].astype("datetime64[D]").item(),
            float(np.median(series.values[start:cut])),
            float(np.median(series.values[cut:end])),
            cut - start,
            end - cut,
        )


def _cuts(values: NDArray[np.float64], rate: float, rng: np.random.Generator) -> list[int]:
    """The indices at which a new level begins, ascending, without both ends."""
    if len(values) < 2 * LEAST_DAYS or values.min() == values.max():
        return []
    ranks = rankdata(values)
    ranks = (ranks - ranks.mean()) / ranks.std()
    penalty = float(np.quantile(_best_gains(ranks, rng), 1 - rate, method="higher"))
    ends = KernelCPD(kernel="linear", min_size=LEAST_DAYS).fit(ranks[:, None]).predict(pen=penalty * (1 + 1e-9))
    bounds = _refined(values, [0, *map(int, ends)])
    inner = bounds[1:-1]
    if not inner:
        return []
    parts = pairwise(bounds)
    deeper = [start + cut for start, end in parts for cut in _cuts(values[start:end], rate, rng)]
    return sorted([*inner, *deeper])


def _refined(values: NDArray[np.float64], cuts: list[int]) -> list[int]:
    """The cuts, each moved by a few days to the place with the least deviations from the medians on both sides."""

    def misfit(start: int, cut: int, end: int) -> float:
        parts = (values[start:cut], values[cut:end])
        return float(sum(np.abs(part - np.median(part)).sum() for part in parts))

    refined = [cuts[0]]
    for at, end in pairwise(cuts[1:]):
        start = refined[-1]
        cut, moved = at, True
        while moved:  # by ranks, a cut may be further away than one turn reaches
            near = range(max(start + LEAST_DAYS, cut - LEAST_DAYS), min(end - LEAST_DAYS, cut + LEAST_DAYS) + 1)
            best = min(near, key=lambda day: (misfit(start, day, end), abs(day - at)), default=cut)
            cut, moved = best, best != cut
        refined.append(cut)
    return [*refined, cuts[-1]]


def _best_gains(ranks: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The gain of the best single cut (sum of squares) in each of many shuffles; `ranks` have the mean 0."""
    shuffled = rng.permuted(np.broadcast_to(ranks.astype(np.float32), (_SHUFFLES, len(ranks))), axis=1)
    before = np.arange(LEAST_DAYS, len(ranks) - LEAST_DAYS + 1)
    sums = np.cumsum(shuffled, axis=1)[:, before - 1]
    gains: NDArray[np.float64] = (sums**2 * (len(ranks) / (before * (len(ranks) - before)))).max(axis=1)
    return gains.astype(np.float64)
