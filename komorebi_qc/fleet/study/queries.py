"""What the report asks of a dataset: counts, days, groups, reasons, and the worst; each answer is DuckDB's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from komorebi_qc.fleet.study.changes import Series

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from komorebi_qc.fleet.dataset import Fleet

MEASURES: Final = ("offset_s", "drift_ppm", "call_end_error_s", "coverage")
COLUMNS: Final = ("agent", "browser", "codec", "container")
"""What recordings are told apart by, as the report names them."""
LEAST_OF_A_DAY: Final = 5
"""Recordings; a day's median of fewer is left out."""
MOST_BROWSERS: Final = 6
_WORSE = """
  verdict = 'fail' desc, sync_status = 'wrong_pair' desc, fail_count desc nulls last, sync_status = 'aligned',
  warn_count desc nulls last, coverage asc nulls last, abs(call_end_error_s) desc nulls last, recording_id
"""
"""The order of the worst: what is said of it stands in `WORST_FIRST`."""
WORST_FIRST: Final = (
    "failing ones before those that deserve a look, wrong pairs first, then by the number of findings, the share of "
    "speech that agrees, and the told call end's error"
)


@dataclass(frozen=True, slots=True)
class Overview:
    """The dataset as a whole.

    Attributes:
        count: rows.
        examined: those with a verdict.
        fail: verdicts that say so.
        warn: verdicts that say so.
        failed: tried in vain.
        set_aside: not tried, for what their list says of them.
        tried_again: of the others, how many were tried again in vain since; told of them is what was found before.
        retried: of all that were tried in vain, how many the next run tries again by itself.
        first: the first day; None where no row tells one.
        last: the last day.
        days: with at least one row.
        dayless: rows without a day.
        agents: that are named.
        reports: rows with an audit's report.
        measured: rows with an offset.
    """

    count: int
    examined: int
    fail: int
    warn: int
    failed: int
    set_aside: int
    tried_again: int
    retried: int
    first: date | None
    last: date | None
    days: int
    dayless: int
    agents: int
    reports: int
    measured: int

    @property
    def unexamined(self) -> int:
        """Rows without a verdict."""
        return self.count - self.examined


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """What became of recordings, by day; all are ``(n,)``.

    Attributes:
        days: ascending; those without a recording are left out.
        count: rows.
        examined: rows with a verdict.
        fail: verdicts that say so.
        warn: verdicts that say so.
    """

    days: NDArray[np.datetime64]
    count: NDArray[np.int64]
    examined: NDArray[np.int64]
    fail: NDArray[np.int64]
    warn: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """The recordings of one agent, browser, codec or container.

    Attributes:
        column: which of these.
        name: whose; None where nothing told.
        count: rows.
        examined: rows with a verdict.
        fail: verdicts that say so.
        warn: verdicts that say so.
        offset_s: median; None where none was measured, as with the others.
        offset_low_s: 25 % quantile.
        offset_high_s: 75 % quantile.
        drift_ppm: median.
        call_end_error_s: median.
        coverage: median.
    """

    column: str
    name: str | None
    count: int
    examined: int
    fail: int
    warn: int
    offset_s: float | None
    offset_low_s: float | None
    offset_high_s: float | None
    drift_ppm: float | None
    call_end_error_s: float | None
    coverage: float | None

    @property
    def unexamined(self) -> int:
        """Rows without a verdict."""
        return self.count - self.examined


@dataclass(frozen=True, slots=True)
class Reason:
    """Why recordings fail, deserve a look or couldn't be examined.

    Attributes:
        status: ``fail``, ``warn``, ``failed``, ``set_aside`` or ``tried_again``.
        name: the finding's, or the error's class.
        count: recordings.
        last: the last day with it.
        example: an error's text; empty for findings.
        is_worth_a_retry: whether the next run tries them again by itself.
        agents: how many agents have it.
    """

    status: str
    name: str
    count: int
    last: date | None
    example: str
    is_worth_a_retry: bool
    agents: int


@dataclass(frozen=True, slots=True)
class Worst:
    """One of the worst recordings; fields as in `komorebi_qc.batch.dataset.schema`."""

    recording_id: str
    agent: str | None
    browser: str | None
    day: date | None
    verdict: str
    sync_status: str | None
    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    offset_s: float | None
    call_end_error_s: float | None
    coverage: float | None
    report: str | None
    last_try_error: str | None


def overview(fleet: Fleet) -> Overview:
    """The dataset as a whole."""
    (row,) = fleet.ask(
        """select count(*), count(*) filter (verdict is not null and status = 'done'),
        count(*) filter (outcome = 'fail'), count(*) filter (outcome = 'warn'), count(*) filter (outcome = 'failed'),
        count(*) filter (outcome = 'set_aside'), count(*) filter (status = 'done' and last_try_do is not null),
        count(*) filter (if(status = 'done', last_try_is_worth_a_retry, is_worth_a_retry)),
        min(day), max(day), count(distinct day), count(*) filter (day is null), count(distinct agent),
        count(report), count(offset_s) from rows"""
    )
    return Overview(*row)


def days_of(fleet: Fleet, where: str = "true", parameters: tuple[Any, ...] = ()) -> Days:
    """What became of the recordings of each day, of those that a condition chooses."""
    found = fleet.columns(
        f"""select day, count(*) as count, count(*) filter (outcome in ('pass', 'warn', 'fail')) as examined,
        count(*) filter (outcome = 'fail') as fail, count(*) filter (outcome = 'warn') as warn
        from rows where day is not null and ({where}) group by day order by day""",  # noqa: S608
        parameters,
    )
    return Days(found["day"].astype("datetime64[D]"), found["count"], found["examined"], found["fail"], found["warn"])


def share_series(days: Days, name: str, of: str) -> Series:
    """A share by day: of the examined those that ``fail`` or ``warn``, or of all those ``unexamined``."""
    counts, bad = (
        (days.count, days.count - days.examined)
        if of == "unexamined"
        else (days.examined, days.fail if of == "fail" else days.warn)
    )
    kept = counts >= LEAST_OF_A_DAY
    return Series(name, of, days.days[kept], bad[kept] / counts[kept])


def median_series(fleet: Fleet, measure: str) -> Series:
    """A measure's median by day."""
    return _medians(fleet, "all", measure, "true", (), LEAST_OF_A_DAY)


def browser_series(fleet: Fleet, browser: str) -> Series:
    """A browser's median offset by day, where the day has at least a quarter of its busiest day's recordings."""
    where = "browser = ?"
    ((busiest,),) = fleet.ask(
        f"select max(n) from (select count(offset_s) as n from rows where {where} group by day)",  # noqa: S608  our own
        (browser,),
    )
    return _medians(fleet, browser, "offset_s", where, (browser,), max(LEAST_OF_A_DAY, -(-(busiest or 0) // 4)))


def _medians(fleet: Fleet, name: str, measure: str, where: str, parameters: tuple[Any, ...], least: int) -> Series:
    found = fleet.columns(
        f"""select day, median({measure}) as middle from rows
        where day is not null and {measure} is not null and {where}
        group by day having count({measure}) >= {least} order by day""",  # noqa: S608
        parameters,
    )
    days = found["day"].astype("datetime64[D]")
    return Series(name, measure, days, found["middle"].astype(np.float64))


def values(fleet: Fleet, measure: str) -> NDArray[np.float64]:
    """All values of a measure, ascending."""
    query = f"select {measure} as v from rows where {measure} is not null order by v"  # noqa: S608
    found: NDArray[np.float64] = fleet.columns(query)["v"].astype(np.float64)
    return found


def groups(fleet: Fleet, column: str) -> tuple[Group, ...]:
    """Recordings by agent, browser, codec or container, the largest share that fails first."""
    rows = fleet.ask(
        f"""select {column}, count(*), count(*) filter (outcome in ('pass', 'warn', 'fail')) as examined,
        count(*) filter (outcome = 'fail') as fails, count(*) filter (outcome = 'warn'), median(offset_s),
        quantile_cont(offset_s, 0.25), quantile_cont(offset_s, 0.75), median(drift_ppm), median(call_end_error_s),
        median(coverage)
        from rows group by {column}
        order by fails / nullif(examined, 0) desc nulls last, count(*) desc, {column} nulls last"""  # noqa: S608
    )
    return tuple(Group(column, *row) for row in rows)


def browsers(fleet: Fleet) -> tuple[str, ...]:
    """Those with most recordings, in the order in which they came."""
    rows = fleet.ask(
        f"""select browser from (select browser, count(*) as n, median(day) as middle from rows
        where browser is not null and offset_s is not null group by browser order by n desc, browser
        limit {MOST_BROWSERS}) order by middle, browser"""  # noqa: S608
    )
    return tuple(row[0] for row in rows)


def reasons(fleet: Fleet) -> tuple[Reason, ...]:
    """Findings and errors by how many recordings they concern, errors and failing findings first."""
    findings = [
        f"""select '{status}' as status, name, count(*) as n, max(day), '', false, count(distinct agent)
        from (select unnest({column}) as name, day, agent from rows where status = 'done') group by name"""  # noqa: S608
        for status, column in (("fail", "failures"), ("warn", "warnings"))
    ]
    rows = fleet.ask(
        f"""select * from (
        select outcome as status, coalesce(error_class, 'without a reason') as name, count(*) as n, max(day),
        coalesce(max_by(error, done_at), max(error), ''), coalesce(is_worth_a_retry, false), count(distinct agent)
        from rows where outcome in ('failed', 'set_aside') group by all
        union all select 'tried_again', coalesce(last_try_error_class, 'without a reason'), count(*), max(day),
        coalesce(max(last_try_error), ''), coalesce(last_try_is_worth_a_retry, false), count(distinct agent)
        from rows where status = 'done' and last_try_do is not null group by all
        union all {" union all ".join(findings)})
        order by list_position(['fail', 'failed', 'set_aside', 'tried_again', 'warn'], status), n desc, name"""  # noqa: S608
    )
    return tuple(Reason(*row) for row in rows)


def worst(fleet: Fleet, most: int) -> tuple[Worst, ...]:
    """The worst recordings, see `WORST_FIRST`; those that couldn't be examined aren't among them."""
    rows = fleet.ask(
        f"""select recording_id, agent, browser, day, verdict, sync_status, coalesce(failures, []),
        coalesce(warnings, []), offset_s, call_end_error_s, coverage, nullif(trim(report), ''),
        last_try_error
        from rows where outcome in ('fail', 'warn') order by {_WORSE} limit ?""",  # noqa: S608
        (most,),
    )
    frozen: list[list[Any]] = [[tuple(cell) if isinstance(cell, list) else cell for cell in row] for row in rows]
    return tuple(Worst(*row) for row in frozen)
