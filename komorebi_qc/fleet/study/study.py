"""The analysis of a dataset. It is made once, and page and notebook show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet.study import queries
from komorebi_qc.fleet.study.causes import candidate_causes, stand_outs
from komorebi_qc.fleet.study.changes import LEAST_DAYS, find_changes
from komorebi_qc.fleet.study.distributions import distribution
from komorebi_qc.fleet.study.group_reasons import group_reasons
from komorebi_qc.fleet.study.named import named
from komorebi_qc.fleet.study.noted import noted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.fleet.dataset import Fleet
    from komorebi_qc.fleet.study.causes import Candidate, StandOut
    from komorebi_qc.fleet.study.changes import Change, Series
    from komorebi_qc.fleet.study.distributions import Distribution
    from komorebi_qc.fleet.study.group_reasons import GroupReasons
    from komorebi_qc.fleet.study.named import Named
    from komorebi_qc.fleet.study.noted import Noted
    from komorebi_qc.fleet.study.queries import Days, Group, Overview, Reason, Worst

SHARES: Final = ("fail", "warn", "unexamined")
DEFAULT_WORST: Final = 24
MAX_WORST: Final = 200
LEAST: Final = {
    "offset_s": 0.01,
    "drift_ppm": 1.0,
    "call_end_error_s": 0.05,
    "coverage": 0.01,
    **dict.fromkeys(SHARES, 0.001),
}
"""Smaller changes aren't reported, because they need no action."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The analysis.

    Attributes:
        fleet: the dataset.
        overview: counts.
        days: outcomes by day.
        shares: ``fail``, ``warn`` and ``unexamined`` by day.
        medians: each measure's median by day.
        browsers: the offset by day of the browsers with the most recordings, in the order of their appearance.
        distributions: each measure's distribution.
        groups: by column, as `komorebi_qc.fleet.study.queries.group_columns` has them.
        stand_outs: groups with more bad recordings than chance gives them.
        changes: changes of the shares and measures of all recordings, the newest first, with candidate causes.
        own_changes: changes of single browsers' offsets, and of the shares of groups that stand out.
        searched: number of series that were searched for changes.
        reasons: findings and errors.
        worst: the worst recordings.
        named: corrected, wrong, held and unconfirmed recordings, by name.
        group_reasons: why the groups that stand out do.
        noted: the notes beside its audits; None if nobody looked.
    """

    fleet: Fleet
    overview: Overview
    days: Days
    shares: Mapping[str, Series]
    medians: Mapping[str, Series]
    browsers: tuple[Series, ...]
    distributions: Mapping[str, Distribution]
    groups: Mapping[str, tuple[Group, ...]]
    stand_outs: tuple[StandOut, ...]
    changes: tuple[tuple[Change, tuple[Candidate, ...]], ...]
    own_changes: tuple[Change, ...]
    searched: int
    reasons: tuple[Reason, ...]
    worst: tuple[Worst, ...]
    named: tuple[Named, ...] = ()
    group_reasons: Mapping[StandOut, GroupReasons] = field(default_factory=dict)
    noted: Noted | None = None

    @property
    def longest(self) -> int:
        """Days with enough recordings for a share."""
        return max((len(one.days) for one in self.shares.values()), default=0)

    @property
    def is_long_enough(self) -> bool:
        """Whether there are enough days for a change."""
        return self.longest >= 2 * LEAST_DAYS


def study_of(fleet: Fleet, worst: int = DEFAULT_WORST) -> Study:
    """Analyse a dataset.

    Args:
        fleet: the dataset.
        worst: how many of the worst recordings are listed.

    Raises:
        InputError: `worst` isn't a number from 0 to `MAX_WORST`.
    """
    if isinstance(worst, bool) or not isinstance(worst, int) or not 0 <= worst <= MAX_WORST:
        raise InputError(f"worst is {worst!r}: give the number of worst recordings to show, 0 to {MAX_WORST}")
    days = queries.days_of(fleet)
    shares = {of: queries.share_series(days, "all", of) for of in SHARES}
    medians = {measure: queries.median_series(fleet, measure) for measure in queries.MEASURES}
    browsers = tuple(queries.browser_series(fleet, name) for name in queries.browsers(fleet))
    groups = {column: queries.groups(fleet, column) for column in queries.group_columns(fleet)}
    significant = stand_outs(fleet, [group for found in groups.values() for group in found])
    whole = [*shares.values(), *medians.values()]
    own = [*browsers, *(_series(fleet, one) for one in significant)]
    searched = len(whole) + len(own)
    changes = [change for one in whole for change in find_changes([one], LEAST[one.measure], searched)]
    changes.sort(key=lambda change: change.day, reverse=True)
    return Study(
        fleet=fleet,
        overview=queries.overview(fleet),
        days=days,
        shares=shares,
        medians=medians,
        browsers=browsers,
        distributions={measure: distribution(fleet, measure) for measure in queries.MEASURES},
        groups=groups,
        stand_outs=significant,
        changes=tuple((change, candidate_causes(fleet, change)) for change in changes),
        own_changes=tuple(change for one in own for change in find_changes([one], LEAST[one.measure], searched)),
        searched=searched,
        reasons=queries.reasons(fleet),
        worst=queries.worst(fleet, worst),
        named=named(fleet),
        group_reasons={one: group_reasons(fleet, one) for one in significant if one.explained_by is None},
        noted=noted(fleet),
    )


def _series(fleet: Fleet, one: StandOut) -> Series:
    days = queries.days_of(fleet, f"{one.group.column} = ?", (one.group.name,))
    return queries.share_series(days, str(one.group.name), one.of)
