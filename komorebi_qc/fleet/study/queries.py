"""Queries on a dataset, by DuckDB: counts, days, groups, reasons, and the worst recordings."""

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
"""The columns whose values make groups."""
RECORD_COLUMNS: Final = ("device", "team")
"""More of them, for datasets whose rows have contact records."""
LEAST_OF_A_DAY: Final = 5
"""A day's median or share of fewer recordings is left out."""
MOST_BROWSERS: Final = 6
_WORSE = """
  verdict = 'fail' desc, sync_status = 'wrong_pair' desc, fail_count desc nulls last, sync_status = 'aligned',
  warn_count desc nulls last, coverage asc nulls last, abs(call_end_error_s) desc nulls last, recording_id
"""
"""The order of the worst recordings; `WORST_FIRST` describes it."""
WORST_FIRST: Final = (
    "failures before recordings that need a look; wrong pairs first; then by the number of findings, the share of "
    "speech that agrees, and the error of the reported call end"
)


@dataclass(frozen=True, slots=True)
class Overview:
    """The dataset as a whole.

    Attributes:
        count: rows.
        examined: rows with a verdict.
        fail: verdicts ``fail``.
        warn: verdicts ``warn``.
        failed: rows whose work failed.
        rejected: rows that their list doesn't describe well enough.
        failed_again: examined rows whose later attempt failed; their earlier result counts.
        retried: failed rows and attempts that the next run attempts again.
        first: the first day; None if no row has a day.
        last: the last day.
        days: days with at least one row.
        dayless: rows without a day.
        agents: number of agents.
        reports: rows with an audit's report.
        measured: rows with an offset.
        unconfirmed: recordings that were published although the audio doesn't confirm the pair.
        held: recordings that weren't published for this reason; an operator decides.
        held_unexamined: those of them without a verdict, which `failed` counts, too.
        suspended: recordings of calls that were suspended in Connect.
        suspended_s: the total time of these suspensions.
        outside_call: recordings with the same conversation outside of the call audio.
        corrected: recordings whose alignment an analyst corrected.
        wrong_pairs: recordings whose call audio and video belong to different calls.
        triaged: examined rows that had a quick look only.
    """

    count: int
    examined: int
    fail: int
    warn: int
    failed: int
    rejected: int
    failed_again: int
    retried: int
    first: date | None
    last: date | None
    days: int
    dayless: int
    agents: int
    reports: int
    measured: int
    unconfirmed: int
    held: int
    held_unexamined: int
    suspended: int
    suspended_s: float
    outside_call: int
    corrected: int
    wrong_pairs: int
    triaged: int

    @property
    def unexamined(self) -> int:
        """Rows without a verdict."""
        return self.count - self.examined


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """Outcomes by day; all arrays are ``(n,)``.

    Attributes:
        days: ascending; days without recordings are missing.
        count: rows.
        examined: rows with a verdict.
        fail: verdicts ``fail``.
        warn: verdicts ``warn``.
    """

    days: NDArray[np.datetime64]
    count: NDArray[np.int64]
    examined: NDArray[np.int64]
    fail: NDArray[np.int64]
    warn: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """The recordings of one agent, browser, codec, container, device or team.

    Attributes:
        column: ``agent``, ``browser``, ``codec``, ``container``, ``device`` or ``team``.
        name: the value; None if unknown.
        count: rows.
        examined: rows with a verdict.
        fail: verdicts ``fail``.
        warn: verdicts ``warn``.
        offset_s: median; None if no row has one, as for the others.
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
    """A reason why recordings fail, need a look or couldn't be examined.

    Attributes:
        status: ``fail``, ``warn``, ``failed``, ``rejected`` or ``failed_again``.
        name: the finding's name, or the error's class.
        count: recordings.
        last: the last day with it.
        example: an error's text; empty for findings.
        is_worth_a_retry: whether the next run attempts them again.
        agents: number of agents with it.
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
    last_attempt_error: str | None


def overview(fleet: Fleet) -> Overview:
    """The dataset as a whole."""
    # Days and agents have queries of their own: on 10 million rows, count(distinct) beside other counts took 1.2 GB.
    (row,) = fleet.query(
        """select count(*), count(*) filter (verdict is not null and status = 'done'),
        count(*) filter (outcome = 'fail'), count(*) filter (outcome = 'warn'), count(*) filter (outcome = 'failed'),
        count(*) filter (outcome = 'rejected'), count(*) filter (status = 'done' and last_attempt_action is not null),
        count(*) filter (if(status = 'done', last_attempt_is_worth_a_retry, is_worth_a_retry)),
        min(day), max(day), (select count(*) from (select distinct day from rows where day is not null)),
        count(*) filter (day is null), (select count(*) from (select distinct agent from rows where agent is not null)),
        count(report), count(offset_s), count(*) filter (publication = 'unconfirmed'),
        count(*) filter (publication = 'held'), count(*) filter (publication = 'held' and outcome = 'failed'),
        count(*) filter (suspended_count > 0), coalesce(sum(suspended_s), 0.0), count(*) filter (outside_call_s > 0),
        count(*) filter (corrected_at is not null or corrected_by is not null),
        count(*) filter (sync_status = 'wrong_pair' or error_class = 'WrongPairError'),
        count(*) filter (status = 'done' and action = 'triage')
        from rows"""
    )
    return Overview(*row)


def days_of(fleet: Fleet, where: str = "true", parameters: tuple[Any, ...] = ()) -> Days:
    """Outcomes by day, for the rows that meet a condition."""
    found = fleet.columns(
        f"""select day, count(*) as count, count(*) filter (outcome in ('pass', 'warn', 'fail')) as examined,
        count(*) filter (outcome = 'fail') as fail, count(*) filter (outcome = 'warn') as warn
        from rows where day is not null and ({where}) group by day order by day""",  # noqa: S608
        parameters,
    )
    return Days(found["day"].astype("datetime64[D]"), found["count"], found["examined"], found["fail"], found["warn"])


def share_series(days: Days, name: str, of: str) -> Series:
    """A share by day: ``fail`` or ``warn`` of the examined recordings, or ``unexamined`` of all."""
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
    """A browser's median offset, for days with at least a quarter of its busiest day's recordings."""
    where = "browser = ?"
    ((busiest,),) = fleet.query(
        f"select max(n) from (select count(offset_s) as n from rows where {where} group by day)",  # noqa: S608
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


def groups(fleet: Fleet, column: str) -> tuple[Group, ...]:
    """Recordings by the values of a column, the largest share that fails first."""
    rows = fleet.query(
        f"""select {column}, count(*), count(*) filter (outcome in ('pass', 'warn', 'fail')) as examined,
        count(*) filter (outcome = 'fail') as fails, count(*) filter (outcome = 'warn')
        from rows group by {column}
        order by fails / nullif(examined, 0) desc nulls last, count(*) desc, {column} nulls last"""  # noqa: S608
    )
    # One measure at a time: a median needs all values of its measure in memory.
    offsets = _quantiles(fleet, column, "offset_s", (0.5, 0.25, 0.75))
    others = [_quantiles(fleet, column, measure, (0.5,)) for measure in ("drift_ppm", "call_end_error_s", "coverage")]
    return tuple(Group(column, *row, *offsets[row[0]], *(found[row[0]][0] for found in others)) for row in rows)


def _quantiles(
    fleet: Fleet, column: str, measure: str, shares: tuple[float, ...]
) -> dict[str | None, tuple[float | None, ...]]:
    """A measure's quantiles by the values of a column; None without a value."""
    rows = fleet.query(
        f"select {column}, quantile_cont({measure}, {list(shares)}) from rows group by {column}"  # noqa: S608
    )
    return {name: (None,) * len(shares) if found is None else tuple(found) for name, found in rows}


def group_columns(fleet: Fleet) -> tuple[str, ...]:
    """The columns whose values make groups in this dataset."""
    known = ", ".join(f"count({column})" for column in RECORD_COLUMNS)
    (counts,) = fleet.query(f"select {known} from rows")  # noqa: S608
    return (*COLUMNS, *(column for column, count in zip(RECORD_COLUMNS, counts, strict=True) if count))


def browsers(fleet: Fleet) -> tuple[str, ...]:
    """The browsers with the most recordings, in the order of their appearance."""
    rows = fleet.query(
        f"""select browser from (select browser, count(*) as n, median(day) as middle from rows
        where browser is not null and offset_s is not null group by browser order by n desc, browser
        limit {MOST_BROWSERS}) order by middle, browser"""  # noqa: S608
    )
    return tuple(row[0] for row in rows)


def reasons(fleet: Fleet) -> tuple[Reason, ...]:
    """Findings and errors by number of recordings; failing findings and errors come first."""
    findings = [
        f"""select '{status}' as status, name, count(*) as n, max(day), '', false, count(distinct agent)
        from (select unnest({column}) as name, day, agent from rows where status = 'done') group by name"""  # noqa: S608
        for status, column in (("fail", "failures"), ("warn", "warnings"))
    ]
    rows = fleet.query(
        f"""select * from (
        select outcome as status, coalesce(error_class, 'without a reason') as name, count(*) as n, max(day),
        coalesce(max_by(error, done_at), max(error), ''), coalesce(is_worth_a_retry, false), count(distinct agent)
        from rows where outcome in ('failed', 'rejected') group by all
        union all select 'failed_again', coalesce(last_attempt_error_class, 'without a reason'), count(*), max(day),
        coalesce(max(last_attempt_error), ''), coalesce(last_attempt_is_worth_a_retry, false), count(distinct agent)
        from rows where status = 'done' and last_attempt_action is not null group by all
        union all {" union all ".join(findings)})
        order by list_position(['fail', 'failed', 'rejected', 'failed_again', 'warn'], status), n desc, name"""  # noqa: S608
    )
    return tuple(Reason(*row) for row in rows)


def worst(fleet: Fleet, most: int) -> tuple[Worst, ...]:
    """The worst recordings in the order of `WORST_FIRST`, without those that couldn't be examined."""
    rows = fleet.query(
        f"""select recording_id, agent, browser, day, verdict, sync_status, coalesce(failures, []),
        coalesce(warnings, []), offset_s, call_end_error_s, coverage, nullif(trim(report), ''),
        last_attempt_error
        from rows where outcome in ('fail', 'warn') order by {_WORSE} limit ?""",  # noqa: S608
        (most,),
    )
    frozen: list[list[Any]] = [[tuple(cell) if isinstance(cell, list) else cell for cell in row] for row in rows]
    return tuple(Worst(*row) for row in frozen)
