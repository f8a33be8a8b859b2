"""Why a group stands out: the findings or errors that it has more often than others, and its bad recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from komorebi_qc.fleet.study.causes import RATIO

if TYPE_CHECKING:
    from komorebi_qc.fleet.dataset import Fleet
    from komorebi_qc.fleet.study.causes import StandOut

MOST_FINDINGS: Final = 3
MOST_RECORDINGS: Final = 12
_NAMES: Final = {
    "fail": ("outcome = 'fail'", "unnest(list_distinct(failures))"),
    "unexamined": ("outcome in ('failed', 'rejected')", "coalesce(error_class, 'Unknown')"),
}
"""Of each kind of bad recording: the condition on its rows, and the names of its reasons."""


@dataclass(frozen=True, slots=True)
class GroupFinding:
    """A finding that fails, or a class of errors, in a group and elsewhere.

    Attributes:
        name: of the finding or the class.
        count: the group's recordings with it.
        rest: all others' recordings with it.
    """

    name: str
    count: int
    rest: int


@dataclass(frozen=True, slots=True)
class GroupRecording:
    """A bad recording of a group.

    Attributes:
        recording_id: the recording.
        report: its audit's report; None without one.
    """

    recording_id: str
    report: str | None


@dataclass(frozen=True, slots=True)
class GroupReasons:
    """Why a group stands out.

    Attributes:
        findings: those that the group has more often, those with the most recordings beyond the others' share first.
        recordings: the group's worst, `MOST_RECORDINGS` at most.
    """

    findings: tuple[GroupFinding, ...]
    recordings: tuple[GroupRecording, ...]


def group_reasons(fleet: Fleet, one: StandOut) -> GroupReasons:
    """The reasons of a group that stands out."""
    bad, names = _NAMES[one.of]
    column = one.group.column
    rows = fleet.query(
        f"""select name, count(*) filter (own), count(*) filter (not own) from (
        select {names} as name, {column} is not distinct from ? as own from rows where {bad})
        where name is not null group by name order by name""",  # noqa: S608
        (one.group.name,),
    )
    found = [GroupFinding(*row) for row in rows]
    more = [reason for reason in found if reason.count and _share(reason, one) >= RATIO * _rest_share(reason, one)]
    more.sort(key=lambda reason: reason.count - one.base * _rest_share(reason, one), reverse=True)
    listed = fleet.query(
        f"""select recording_id, nullif(trim(report), '') from rows
        where {bad} and {column} is not distinct from ?
        order by fail_count desc nulls last, report is null, recording_id limit ?""",  # noqa: S608
        (one.group.name, MOST_RECORDINGS),
    )
    return GroupReasons(tuple(more[:MOST_FINDINGS]), tuple(GroupRecording(*row) for row in listed))


def _share(reason: GroupFinding, one: StandOut) -> float:
    return reason.count / one.base


def _rest_share(reason: GroupFinding, one: StandOut) -> float:
    return reason.rest / one.rest_base
