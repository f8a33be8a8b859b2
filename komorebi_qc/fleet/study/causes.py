"""Groups that stand out, and the likely cause of a change: both compare counts, and look for other explanations.

A group stands out if its share is at least `RATIO` times that of all others and beyond chance. The test is one-sided
and hypergeometric, with `ALARM_RATE` divided by the number of groups on the page. All recordings of an agent may come
from one browser: a group that stands out neither within another group nor within the rest is explained by that group.

The candidates for the cause of a change are a browser, codec, container or version of this software whose share rose at
that time. A candidate explains the change if, on the days on which it and others were present, its recordings differ
from the others' as the change did. That makes it a likely cause, not a proven one.
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
MAX_STAND_OUTS: Final = 5
NEAR_DAYS: Final = 21
"""Days on either side of a change that are compared."""
_ROSE_DAYS, _ROSE = 10, 0.10
_LEAST_OF_A_DAY = 5
_MOST_COMPARED = 4000
_SAMPLES = 400
_COINCIDING = ("browser", "codec", "container", "version")
_VALUES: Final = {
    **{measure: measure for measure in MEASURES},
    "fail": "case when outcome in ('pass', 'warn', 'fail') then (outcome = 'fail')::double end",
    "warn": "case when outcome in ('pass', 'warn', 'fail') then (outcome = 'warn')::double end",
    "unexamined": "(outcome in ('failed', 'rejected'))::double",
}
_BAD: Final = {"fail": "outcome = 'fail'", "unexamined": "outcome in ('failed', 'rejected')"}
_BASE: Final = {"fail": "outcome in ('pass', 'warn', 'fail')", "unexamined": "true"}


@dataclass(frozen=True, slots=True)
class StandOut:
    """A group with more bad recordings than chance gives it.

    Attributes:
        group: the group.
        of: ``fail``, a share of the examined recordings; or ``unexamined``, a share of all.
        bad: number of bad recordings.
        base: number of recordings that the share is of.
        rest_bad: number of bad recordings outside the group.
        rest_base: number of recordings outside the group.
        explained_by: the group that explains it; None if no group does.
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
        """The group's share, 0 to 1."""
        return self.bad / self.base

    @property
    def rest_share(self) -> float:
        """The share of all others, 0 to 1."""
        return self.rest_bad / self.rest_base


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate for the cause of a change: its share rose at that time.

    Attributes:
        column: browser, codec, container or version.
        name: the value in that column.
        share_before: its share of the recordings of the ten days before the change, 0 to 1.
        share_after: its share of the ten days from the change on.
        first: the first day with a recording of it.
        difference: its recordings' median (or share) less the others', on the same days, in the measure's unit; None
            if no day has enough of both.
        low: lower end of its 95 % interval.
        high: upper end.
        days: number of days with both.
        count: its recordings on these days.
        count_others: the others' recordings on these days.
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
    """The groups that stand out, those with the most bad recordings beyond the others' share first."""
    tests = sum(len(_tested(found, of)) for of in _BAD)
    stand_out: list[StandOut] = []
    for of in _BAD:
        stand_out += _stand_outs(fleet, _tested(found, of), of, ALARM_RATE / max(tests, 1))
    return tuple(stand_out)


def _tested(found: Sequence[Group], of: str) -> list[Group]:
    return [one for one in found if one.name is not None and _counts(one, of)[1] >= LEAST_OF_A_GROUP]


def _counts(group: Group, of: str) -> tuple[int, int]:
    return (group.fail, group.examined) if of == "fail" else (group.unexamined, group.count)


def _stand_outs(fleet: Fleet, found: Sequence[Group], of: str, rate: float) -> list[StandOut]:
    ((all_bad, all_base),) = fleet.query(
        f"select count(*) filter ({_BAD[of]}), count(*) from rows where {_BASE[of]}"  # noqa: S608
    )
    significant = [
        one
        for one in (StandOut(group, of, *_counts(group, of), *_others(group, of, all_bad, all_base)) for group in found)
        if _is_significant(one, rate)
    ]
    significant.sort(key=lambda one: (one.base * one.rest_share - one.bad, -one.share))
    significant = significant[: 2 * MAX_STAND_OUTS]
    hides = {
        (a, b): not _stays_significant(fleet, significant[a], significant[b].group, rate)
        for a in range(len(significant))
        for b in range(len(significant))
        if a != b
    }
    found_out: list[StandOut] = []
    for a, one in enumerate(significant):
        by = [b for b in range(len(significant)) if b != a and hides[a, b] and (b < a or not hides[b, a])]
        found_out.append(replace(one, explained_by=significant[by[0]].group if by else None))
    return sorted(found_out, key=lambda one: one.explained_by is not None)[:MAX_STAND_OUTS]


def _others(group: Group, of: str, all_bad: int, all_base: int) -> tuple[int, int]:
    bad, base = _counts(group, of)
    return all_bad - bad, all_base - base


def _is_significant(one: StandOut, rate: float) -> bool:
    if not one.base or not one.rest_base or not one.bad or one.share < RATIO * one.rest_share:
        return False
    chance = hypergeom.sf(one.bad - 1, one.base + one.rest_base, one.bad + one.rest_bad, one.base)
    return bool(chance < rate)


def _stays_significant(fleet: Fleet, one: StandOut, other: Group, rate: float) -> bool:
    """Whether it stands out within the other group and within the rest, taken together (Mantel-Haenszel)."""
    rows = fleet.query(
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


def candidate_causes(fleet: Fleet, change: Change) -> tuple[Candidate, ...]:
    """The candidates for the cause of a change, those that explain it first; empty if no share rose."""
    candidates = [one for column in _COINCIDING for one in _risen(fleet, column, change.day)]
    compared = [_compared(fleet, one, change, ALARM_RATE / len(candidates)) for one in candidates]
    return tuple(sorted(compared, key=lambda one: (not one.explains, one.share_before - one.share_after)))


def _risen(fleet: Fleet, column: str, day: date) -> list[Candidate]:
    now = f"date '{day.isoformat()}'"
    before, after = f"count(*) filter (day < {now})", f"count(*) filter (day >= {now})"
    rows = fleet.query(
        f"""select name, before, after, (select min(day) from rows where {column} = name) from (
        select {column} as name, {before} / nullif(sum({before}) over (), 0) as before,
        {after} / nullif(sum({after}) over (), 0) as after
        from rows where day >= {now} - {_ROSE_DAYS} and day < {now} + {_ROSE_DAYS} group by name)
        where name is not null and after - before >= {_ROSE} order by after - before desc limit 2"""  # noqa: S608
    )
    return [Candidate(column, *row) for row in rows]


def _compared(fleet: Fleet, one: Candidate, change: Change, rate: float) -> Candidate:
    """The candidate compared with all others on the same days: each day's values less the others' median."""
    now = f"date '{change.day.isoformat()}'"
    value, middle = _VALUES[change.measure], "median" if change.measure in MEASURES else "mean"
    found = fleet.columns(
        f"""with near as (select day, {one.column} = ? as own, {value} as v from rows
          where v is not null and {one.column} is not null
          and day >= {now} - {NEAR_DAYS} and day < {now} + {NEAR_DAYS}),
        both_present as (select day, {middle}(v) filter (not own) as others from near group by day
          having count(*) filter (own) >= {_LEAST_OF_A_DAY} and count(*) filter (not own) >= {_LEAST_OF_A_DAY})
        select own, v - others as v, day from near join both_present using (day) order by day, own, v""",  # noqa: S608
        (one.name,),
    )
    is_own = found["own"].astype(bool)
    own, others = found["v"][is_own].astype(float), found["v"][~is_own].astype(float)
    if not len(own):
        return one
    difference, low, high = _difference(own, others, middle)
    chance = float(mannwhitneyu(own, others).pvalue)
    explains = chance < rate and low * high > 0 and difference * change.size >= 0.5 * change.size**2
    return Candidate(
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
    """The difference of the medians or the means, with its 95 % interval."""
    at: Any = np.median if middle == "median" else np.mean
    rng = np.random.default_rng(0)
    difference = float(at(own) - at(others))
    samples = [rng.choice(v, min(len(v), _MOST_COMPARED), replace=False) for v in (own, others)]
    if all(np.ptp(v) == 0 for v in samples):
        return difference, difference, difference
    span = bootstrap(
        samples,
        lambda a, b, axis=-1: at(a, axis=axis) - at(b, axis=axis),
        n_resamples=_SAMPLES,
        method="percentile",
        vectorized=True,
        rng=rng,
    ).confidence_interval
    return difference, float(span.low), float(span.high)
