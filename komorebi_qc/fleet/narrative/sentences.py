"""Changes, groups that stand out and likely causes in sentences, each with the numbers behind it.

Names come from outside. `safe` makes them harmless; a page has to escape the sentences like any other text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.finding import counted
from komorebi_qc.fleet.narrative.terms import TITLES
from komorebi_qc.fleet.narrative.text import (
    MEASURE_UNITS,
    of_text,
    safe,
    share_text,
    size_text,
    value_text,
)
from komorebi_qc.fleet.study.causes import NEAR_DAYS, RATIO
from komorebi_qc.fleet.study.changes import LEAST_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.fleet.study.causes import Candidate, StandOut
    from komorebi_qc.fleet.study.changes import Change
    from komorebi_qc.fleet.study.group_reasons import GroupReasons
    from komorebi_qc.fleet.study.study import Study

_VERBS = {"fail": "fail", "unexamined": "couldn't be examined"}


def change_text(change: Change) -> str:
    """Both levels, the day between them, and the number of days on each side."""
    return (
        f"{TITLES[change.measure]}: {value_text(change.measure, change.before)} until {change.day}, "
        f"{value_text(change.measure, change.after)} from then on "
        f"({counted(change.days_before, 'day')} before, {change.days_after} after)."
    )


def stand_out_rule() -> str:
    """The rule by which a group stands out."""
    return (
        f"A group stands out if its share is at least {RATIO} times that of all others and beyond chance "
        "(hypergeometric test, 5 % for all groups of the page together)."
    )


def stand_out_text(one: StandOut, changes: Sequence[Change] = ()) -> str:
    """The group, its share, the others' share, and the day of its newest change for the worse."""
    name = safe(one.group.name, 60)
    own = [change for change in changes if change.name == one.group.name and change.measure == one.of]
    newest = max(own, key=lambda change: change.day, default=None)
    since = (
        ""
        if newest is None or newest.size < 0
        else f", since {newest.day}: before that {value_text(one.of, newest.before)}"
    )
    return (
        f"{TITLES[one.group.column]} {name}: {of_text(one.bad, one.base)} {_VERBS[one.of]}, against "
        f"{share_text(one.rest_bad, one.rest_base)} of all others{since}."
    )


def group_reasons_text(one: StandOut, reasons: GroupReasons | None) -> str:
    """The findings or errors that the group has more often than others; empty if they aren't known."""
    if reasons is None:
        return ""
    if not reasons.findings:
        return "No single finding explains it: it has more of several."
    parts = [
        f"{safe(found.name.replace('_', ' '), 60)} ({share_text(found.count, one.base)}, against "
        f"{share_text(found.rest, one.rest_base)} of all others)"
        for found in reasons.findings
    ]
    return f"Why: {'; '.join(parts)}."


def explained_text(one: StandOut) -> str:
    """Why a group isn't reported as standing out: another group explains it."""
    if one.explained_by is None:
        return ""
    other = f"{one.explained_by.column} {safe(one.explained_by.name, 60)}"
    return (
        f"{TITLES[one.group.column]} {safe(one.group.name, 60)} ({share_text(one.bad, one.base)} {_VERBS[one.of]}) "
        f"doesn't stand out beside {other}: either {other} is the cause, or the two can't be told apart."
    )


def cause_text(change: Change, one: Candidate) -> str:
    """A candidate that explains a change, in short."""
    name, size = f"{TITLES[one.column]} {safe(one.name, 60)}", size_text(change.measure, one.difference or 0.0)
    return (
        f"{name}: its {_level_name(change.measure)} is {size} against the others' on the same days "
        f"({one.count:,} against {one.count_others:,} recordings). First seen on {one.first}; a likely cause, not a "
        "proven one."
    )


def suspect_text(change: Change, one: Candidate) -> str:
    """A candidate that explains a change, and by how much the level of all recordings changed."""
    return (
        f"{safe(one.name, 60)}, the likely cause of the change on {change.day}: the {_level_name(change.measure)} of "
        f"all recordings changed by {size_text(change.measure, change.size)}."
    )


def _level_name(measure: str) -> str:
    """The quantity whose level is compared: a measure's median, or a share."""
    return f"{'median ' if measure in MEASURE_UNITS else ''}{TITLES[measure].lower()}"


def candidate_text(change: Change, one: Candidate) -> str:
    """A candidate in full: its share before and after, its difference from the others, and the conclusion."""
    name = f"{TITLES[one.column]} {safe(one.name, 60)}"
    rose = (
        f"(first on {one.first}) rose from {100 * one.share_before:.0f} % to {100 * one.share_after:.0f} % of "
        "recordings within ten days"
    )
    if one.difference is None or one.low is None or one.high is None:
        return f"{name} {rose}. No day has enough recordings with and without it, so it may or may not be the cause."
    size = size_text(change.measure, one.difference)
    middle = "median" if change.measure in MEASURE_UNITS else "share"
    low, high = size_text(change.measure, one.low), size_text(change.measure, one.high)
    compared = (
        f"On the {counted(one.days, 'day')} within {NEAR_DAYS} days of {change.day} with both, its {middle} is {size} "
        f"against the others' (95 %: {low} to {high}; {one.count:,} against {one.count_others:,} recordings)"
    )
    moved = f"the change of {size_text(change.measure, change.size)}"
    if one.explains:
        return f"{name} {rose}. {compared}. It is the likely cause of {moved}; another cause at that time is possible."
    return f"{name} {rose}. {compared}. That doesn't explain {moved}."


def cause_texts(change: Change, found: Sequence[Candidate], study: Study) -> Iterator[str]:
    """Everything that is known about the cause of a change."""
    if not found:
        yield "No browser, codec, container or version of this software appeared at that time: the cause isn't known."
    for one in found:
        yield candidate_text(change, one)
    if sum(one.explains for one in found) > 1:
        yield "The numbers can't tell these causes apart."
    if found and not any(one.explains for one in found):
        yield "So the cause isn't known."
    if change.measure == "offset_s":
        yield from _single_browser_texts(change, study)


def _single_browser_texts(change: Change, study: Study) -> Iterator[str]:
    """Whether the offset changed within single browsers that were present before and after."""
    day = np.datetime64(change.day)
    present = [s for s in study.browsers if min((s.days < day).sum(), (s.days >= day).sum()) >= LEAST_DAYS]
    moved = {
        one.name: f"{safe(one.name, 40)} ({size_text('offset_s', one.size)} on {one.day})"
        for one in study.own_changes
        if one.measure == "offset_s" and abs((one.day - change.day).days) <= LEAST_DAYS
    }
    still = [safe(one.name, 40) for one in present if one.name not in moved]
    if moved:
        names = ", ".join(moved.values())
        yield f"The offset also moved within single browsers: {names}. A new release can't be the only cause."
    if still:
        yield f"The offset didn't move within these browsers, which were present before and after: {', '.join(still)}."
    if not moved and not still:
        yield "No browser was present long enough before and after to see whether its own offset moved."
