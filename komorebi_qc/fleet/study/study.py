"""All that the report tells of a dataset, asked once: page and notebook show the same study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet.study import queries as asked
from komorebi_qc.fleet.study.causes import coincidences, stand_outs
from komorebi_qc.fleet.study.changes import LEAST_DAYS, find_changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from komorebi_qc.fleet.dataset import Fleet
    from komorebi_qc.fleet.study.causes import Coincidence, StandOut
    from komorebi_qc.fleet.study.changes import Change, Series
    from komorebi_qc.fleet.study.queries import Days, Group, Overview, Reason, Worst

SHARES: Final = ("fail", "warn", "unexamined")
DEFAULT_WORST: Final = 24
MOST_WORST: Final = 200
LEAST: Final = {
    "offset_s": 0.01,
    "drift_ppm": 1.0,
    "call_end_error_s": 0.05,
    "coverage": 0.01,
    **dict.fromkeys(SHARES, 0.001),
}
"""Smaller changes aren't told: nobody acts on them."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What was found.

    Attributes:
        fleet: the dataset.
        overview: counts.
        days: what became of each day's recordings.
        shares: by day: ``fail``, ``warn`` and ``unexamined``.
        medians: each measure's, by day.
        browsers: the offset by day, of each of the browsers with most recordings, in the order in which they came.
        values: of each measure, ascending.
        groups: by column of `komorebi_qc.fleet.study.queries.COLUMNS`.
        stand_outs: groups with more bad recordings than chance gives them.
        changes: of shares and measures of the whole, the newest first, with what came at the same time.
        own_changes: those of the browsers' offsets, and of the shares of the groups that stand out.
        looked_at: how many series were searched for changes.
        reasons: findings and errors.
        worst: recordings.
    """

    fleet: Fleet
    overview: Overview
    days: Days
    shares: Mapping[str, Series]
    medians: Mapping[str, Series]
    browsers: tuple[Series, ...]
    values: Mapping[str, NDArray[Any]]
    groups: Mapping[str, tuple[Group, ...]]
    stand_outs: tuple[StandOut, ...]
    changes: tuple[tuple[Change, tuple[Coincidence, ...]], ...]
    own_changes: tuple[Change, ...]
    looked_at: int
    reasons: tuple[Reason, ...]
    worst: tuple[Worst, ...]

    @property
    def longest(self) -> int:
        """Days with enough recordings for a share."""
        return max((len(one.days) for one in self.shares.values()), default=0)

    @property
    def is_long_enough(self) -> bool:
        """Whether there are days enough for a change."""
        return self.longest >= 2 * LEAST_DAYS


def study_of(fleet: Fleet, worst: int = DEFAULT_WORST) -> Study:
    """Ask for all of it.

    Raises:
        InputError: where `worst` is no number from 0 to `MOST_WORST`.
    """
    if isinstance(worst, bool) or not isinstance(worst, int) or not 0 <= worst <= MOST_WORST:
        raise InputError(f"worst is {worst!r}: it is how many of the worst are shown, 0 to {MOST_WORST}")
    days = asked.days_of(fleet)
    shares = {of: asked.share_series(days, "all", of) for of in SHARES}
    medians = {measure: asked.median_series(fleet, measure) for measure in asked.MEASURES}
    browsers = tuple(asked.browser_series(fleet, name) for name in asked.browsers(fleet))
    groups = {column: asked.groups(fleet, column) for column in asked.COLUMNS}
    loud = stand_outs(fleet, [group for found in groups.values() for group in found])
    whole = [*shares.values(), *medians.values()]
    own = [*browsers, *(_series(fleet, one) for one in loud)]
    looked_at = len(whole) + len(own)
    changes = [change for one in whole for change in find_changes([one], LEAST[one.measure], looked_at)]
    changes.sort(key=lambda change: change.day, reverse=True)
    return Study(
        fleet=fleet,
        overview=asked.overview(fleet),
        days=days,
        shares=shares,
        medians=medians,
        browsers=browsers,
        values={measure: asked.values(fleet, measure) for measure in asked.MEASURES},
        groups=groups,
        stand_outs=loud,
        changes=tuple((change, coincidences(fleet, change)) for change in changes),
        own_changes=tuple(change for one in own for change in find_changes([one], LEAST[one.measure], looked_at)),
        looked_at=looked_at,
        reasons=asked.reasons(fleet),
        worst=asked.worst(fleet, worst),
    )


def _series(fleet: Fleet, one: StandOut) -> Series:
    days = asked.days_of(fleet, f"{one.group.column} = ?", (one.group.name,))
    return asked.share_series(days, str(one.group.name), one.of)
