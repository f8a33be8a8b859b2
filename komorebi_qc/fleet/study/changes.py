"""On which day a measure shifted: change points of a daily series, by PELT on ranks, with a penalty from shuffled days.

The days' values are replaced by their ranks, so that no outlier weighs more than any other day. PELT (Killick 2012, as
`ruptures` has it, least squares) then looks for the cuts; what a cut has to gain is what the best cut of the same days
in shuffled order gains but once in `ALARM_RATE`, divided among all series that a page looks at (Bonferroni). Each part
is ranked and searched again by itself, so that a great shift doesn't hide a small one. Ranks say whether there is a
change, and about when; its day is then that from which the values themselves fit two levels best (least deviations). A
series whose days depend on each other (a slow drift) is told as steps: the test takes days as exchangeable.
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
"""Of all series of a page together: how often a page without any change may tell of one."""
LEAST_DAYS = 5
"""On either side of a change: a weekend is none, and neither is a bad day."""
_SHUFFLES = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A measure by day.

    Attributes:
        name: whose: ``all``, or a browser's version.
        measure: which, by its column's name.
        days: ``(n,)``, ascending; days without a recording are left out.
        values: ``(n,)`` the day's median or share, in the measure's unit.
    """

    name: str
    measure: str
    days: NDArray[np.datetime64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """A day on which a series went from one level to another.

    Attributes:
        name: the series.
        measure: of what.
        day: the first of the new level.
        before: median of the days before it, back to the change before.
        after: median of the days from it on, up to the next change.
        days_before: how many these are.
        days_after: how many those are.
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
        """How far it went, in the measure's unit."""
        return self.after - self.before


def find_changes(series: Sequence[Series], least: float = 0.0, among: int | None = None) -> tuple[Change, ...]:
    """The changes of all series, the greatest first.

    Args:
        series: to look at.
        least: changes smaller than this, in the measure's unit, aren't told.
        among: of how many series the page looks at in all; these alone where None.
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
    """Where one level ends and another begins, ascending; none of the ends."""
    if len(values) < 2 * LEAST_DAYS or values.min() == values.max():
        return []
    ranks = rankdata(values)
    ranks = (ranks - ranks.mean()) / ranks.std()
    penalty = float(np.quantile(_best_gains(ranks, rng), 1 - rate, method="higher"))
    ends = KernelCPD(kernel="linear", min_size=LEAST_DAYS).fit(ranks[:, None]).predict(pen=penalty * (1 + 1e-9))
    bounds = _placed(values, [0, *map(int, ends)])
    inner = bounds[1:-1]
    if not inner:
        return []
    parts = pairwise(bounds)
    deeper = [start + cut for start, end in parts for cut in _cuts(values[start:end], rate, rng)]
    return sorted([*inner, *deeper])


def _placed(values: NDArray[np.float64], cuts: list[int]) -> list[int]:
    """The cuts, each moved by a few days to where the values before and after it lie closest to their medians."""

    def misfit(start: int, cut: int, end: int) -> float:
        parts = (values[start:cut], values[cut:end])
        return float(sum(np.abs(part - np.median(part)).sum() for part in parts))

    placed = [cuts[0]]
    for at, end in pairwise(cuts[1:]):
        start = placed[-1]
        near = range(max(start + LEAST_DAYS, at - LEAST_DAYS), min(end - LEAST_DAYS, at + LEAST_DAYS) + 1)
        placed.append(min(near, key=lambda cut: (misfit(start, cut, end), abs(cut - at)), default=at))
    return [*placed, cuts[-1]]


def _best_gains(ranks: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """What the best single cut gains in squares, in each of many shuffles; the values' mean is 0."""
    shuffled = rng.permuted(np.broadcast_to(ranks.astype(np.float32), (_SHUFFLES, len(ranks))), axis=1)
    before = np.arange(LEAST_DAYS, len(ranks) - LEAST_DAYS + 1)
    sums = np.cumsum(shuffled, axis=1)[:, before - 1]
    gains: NDArray[np.float64] = (sums**2 * (len(ranks) / (before * (len(ranks) - before)))).max(axis=1)
    return gains.astype(np.float64)
