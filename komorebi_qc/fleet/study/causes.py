"""Whose recordings are bad, and what a change goes with: counts against counts, and what else could explain them.

A group stands out where its share is beyond chance (hypergeometric test, one-sided, `ALARM_RATE` divided among all
groups that the page tests) and at least `RATIO` times that of all others. An agent's recordings are a browser's as
well: one that doesn't stand out any more among another's recordings, and among all but those, is explained by it.

What a change goes with is what came at the same time: a browser, codec, container or version of this software whose
share rose. It explains the change where, on the days on which both were there, its recordings differ from the others'
as the change did. That is what a cause would look like, and no proof of one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import bootstrap, hypergeom, mannwhitneyu, norm

from komorebi_qc.fleet.study.changes import ALARM_RATE
from komorebi_qc.fleet.study.queries import MEASURES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from komorebi_qc.fleet.dataset import Fleet
    from komorebi_qc.fleet.study.changes import Change
    from komorebi_qc.fleet.study.queries import Group

RATIO: Final = 1.5
LEAST_OF_A_GROUP: Final = 20
MOST_TOLD: Final = 5
NEAR_DAYS: Final = 21
"""On either side of a change: what is compared."""
_ROSE_DAYS, _ROSE = 10, 0.10
_LEAST_OF_A_DAY = 5
_MOST_COMPARED = 4000
_SAMPLES = 400
_COINCIDING = ("browser", "codec", "container", "version")
_VALUES: Final = {
    **{measure: measure for measure in MEASURES},
    "fail": "case when outcome in ('pass', 'warn', 'fail') then (outcome = 'fail')::double end",
    "warn": "case when outcome in ('pass', 'warn', 'fail') then (outcome = 'warn')::double end",
    "unexamined": "(outcome in ('failed', 'set_aside'))::double",
}
_BAD: Final = {"fail": "outcome = 'fail'", "unexamined": "outcome in ('failed', 'set_aside')"}
_BASE: Final = {"fail": "outcome in ('pass', 'warn', 'fail')", "unexamined": "true"}


@dataclass(frozen=True, slots=True)
class StandOut:
    """A group whose share of bad recordings is beyond chance.

    Attributes:
        group: whose.
        of: ``fail``, of those examined; or ``unexamined``, of all.
        bad: how many.
        base: of how many.
        rest_bad: of all others, how many.
        rest_base: of how many.
        explained_by: the group within and without which it doesn't stand out any more; None where there is none.
    """

    group: Group
    of: str
    bad: int
    base: int
    rest_bad: int
    rest_base: int
    explained_by: Group | None = None

    @property
    def share(self) -> float:
        """Of the group, 0 to 1."""
        return self.bad / self.base

    @property
    def rest_share(self) -> float:
        """Of all others, 0 to 1."""
        return self.rest_bad / self.rest_base


@dataclass(frozen=True, slots=True)
class Coincidence:
    """What came when something changed.

    Attributes:
        column: browser, codec, container or version.
        name: which of them.
        share_before: its share of the recordings of the ten days before the change, 0 to 1.
        share_after: of the ten days from it on.
        first: the first day with a recording of it.
        difference: its recordings' median (or share) less the others', on the same days, in the measure's unit; None
            where no day has enough of both.
        low: lower end of its 95 % interval.
        high: upper end.
        days: on which both were there.
        count: its recordings on these.
        count_others: the others'.
        explains: whether the difference is beyond chance and at least half of the change, in its direction.
    """

    column: str
    name: str
    share_before: float
    share_after: float
    first: date
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    days: int = 0
    count: int = 0
    count_others: int = 0
    explains: bool = False


def stand_outs(fleet: Fleet, found: Sequence[Group]) -> tuple[StandOut, ...]:
    """The groups of the page that stand out, those with most bad recordings beyond the others' share first."""
    tests = sum(len(_tested(found, of)) for of in _BAD)
    told: list[StandOut] = []
    for of in _BAD:
        told += _standing_out(fleet, _tested(found, of), of, ALARM_RATE / max(tests, 1))
    return tuple(told)


def _tested(found: Sequence[Group], of: str) -> list[Group]:
    return [one for one in found if one.name is not None and _counts(one, of)[1] >= LEAST_OF_A_GROUP]


def _counts(group: Group, of: str) -> tuple[int, int]:
    return (group.fail, group.examined) if of == "fail" else (group.unexamined, group.count)


def _standing_out(fleet: Fleet, found: Sequence[Group], of: str, rate: float) -> list[StandOut]:
    ((all_bad, all_base),) = fleet.ask(
        f"select count(*) filter ({_BAD[of]}), count(*) from rows where {_BASE[of]}"  # noqa: S608
    )
    loud = [
        one
        for one in (StandOut(group, of, *_counts(group, of), *_others(group, of, all_bad, all_base)) for group in found)
        if _is_loud(one, rate)
    ]
    loud.sort(key=lambda one: (one.base * one.rest_share - one.bad, -one.share))
    loud = loud[: 2 * MOST_TOLD]
    hides = {
        (a, b): not _stays_loud(fleet, loud[a], loud[b].group, rate)
        for a in range(len(loud))
        for b in range(len(loud))
        if a != b
    }
    told: list[StandOut] = []
    for a, one in enumerate(loud):
        by = [b for b in range(len(loud)) if b != a and hides[a, b] and (b < a or not hides[b, a])]
        told.append(replace(one, explained_by=loud[by[0]].group if by else None))
    return sorted(told, key=lambda one: one.explained_by is not None)[:MOST_TOLD]


def _others(group: Group, of: str, all_bad: int, all_base: int) -> tuple[int, int]:
    bad, base = _counts(group, of)
    return all_bad - bad, all_base - base


def _is_loud(one: StandOut, rate: float) -> bool:
    if not one.base or not one.rest_base or not one.bad or one.share < RATIO * one.rest_share:
        return False
    chance = hypergeom.sf(one.bad - 1, one.base + one.rest_base, one.bad + one.rest_bad, one.base)
    return bool(chance < rate)


def _stays_loud(fleet: Fleet, one: StandOut, other: Group, rate: float) -> bool:
    """Whether it does among the other's recordings, and among all but those, taken together (Mantel-Haenszel)."""
    rows = fleet.ask(
        f"""select count(*), count(*) filter (own), count(*) filter (bad), count(*) filter (own and bad)
        from (select {one.group.column} is not distinct from ? as own, {other.column} is not distinct from ? as part,
        {_BAD[one.of]} as bad from rows where {_BASE[one.of]}) group by part""",  # noqa: S608
        (one.group.name, other.name),
    )
    strata = np.array([row for row in rows if 0 < row[1] < row[0]], float).reshape(-1, 4)
    n, own, bad, own_bad = strata.T
    expected = (own * bad / n).sum()
    spread = np.sqrt((own * bad * (n - bad) * (n - own) / (n**2 * np.maximum(n - 1, 1))).sum())
    if not spread or own_bad.sum() < RATIO * expected:
        return False
    return bool(norm.sf((own_bad.sum() - expected - 0.5) / spread) < rate)


def coincidences(fleet: Fleet, change: Change) -> tuple[Coincidence, ...]:
    """What came when a measure changed, those that explain it first; empty where nothing came."""
    candidates = [one for column in _COINCIDING for one in _risen(fleet, column, change.day)]
    compared = [_compared(fleet, one, change, ALARM_RATE / len(candidates)) for one in candidates]
    return tuple(sorted(compared, key=lambda one: (not one.explains, one.share_before - one.share_after)))


def _risen(fleet: Fleet, column: str, day: date) -> list[Coincidence]:
    now = f"date '{day.isoformat()}'"
    before, after = f"count(*) filter (day < {now})", f"count(*) filter (day >= {now})"
    rows = fleet.ask(
        f"""select name, before, after, (select min(day) from rows where {column} = name) from (
        select {column} as name, {before} / nullif(sum({before}) over (), 0) as before,
        {after} / nullif(sum({after}) over (), 0) as after
        from rows where day >= {now} - {_ROSE_DAYS} and day < {now} + {_ROSE_DAYS} group by name)
        where name is not null and after - before >= {_ROSE} order by after - before desc limit 2"""  # noqa: S608
    )
    return [Coincidence(column, *row) for row in rows]


def _compared(fleet: Fleet, one: Coincidence, change: Change, rate: float) -> Coincidence:
    """On the same days, against all others that were there: each day's values less its others' median."""
    now = f"date '{change.day.isoformat()}'"
    value, middle = _VALUES[change.measure], "median" if change.measure in MEASURES else "mean"
    found = fleet.columns(
        f"""with near as (select day, {one.column} = ? as own, {value} as v from rows
          where v is not null and {one.column} is not null
          and day >= {now} - {NEAR_DAYS} and day < {now} + {NEAR_DAYS}),
        both_there as (select day, {middle}(v) filter (not own) as others from near group by day
          having count(*) filter (own) >= {_LEAST_OF_A_DAY} and count(*) filter (not own) >= {_LEAST_OF_A_DAY})
        select own, v - others as v, day from near join both_there using (day) order by day, own, v""",  # noqa: S608
        (one.name,),
    )
    is_own = found["own"].astype(bool)
    own, others = found["v"][is_own].astype(float), found["v"][~is_own].astype(float)
    if not len(own):
        return one
    difference, low, high = _difference(own, others, middle)
    chance = float(mannwhitneyu(own, others).pvalue)
    explains = chance < rate and low * high > 0 and difference * change.size >= 0.5 * change.size**2
    return Coincidence(
        one.column,
        one.name,
        one.share_before,
        one.share_after,
        one.first,
        difference,
        low,
        high,
        len(np.unique(found["day"])),
        len(own),
        len(others),
        explains,
    )


def _difference(own: NDArray[np.float64], others: NDArray[np.float64], middle: str) -> tuple[float, float, float]:
    """Of the medians or the means, with its 95 % interval."""
    at: Any = np.median if middle == "median" else np.mean
    rng = np.random.default_rng(0)
    difference = float(at(own) - at(others))
    held = [rng.choice(v, min(len(v), _MOST_COMPARED), replace=False) for v in (own, others)]
    if all(np.ptp(v) == 0 for v in held):
        return difference, difference, difference
    span = bootstrap(
        held,
        lambda a, b, axis=-1: at(a, axis=axis) - at(b, axis=axis),
        n_resamples=_SAMPLES,
        method="percentile",
        vectorized=True,
        rng=rng,
    ).confidence_interval
    return difference, float(span.low), float(span.high)
