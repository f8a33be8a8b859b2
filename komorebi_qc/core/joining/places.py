"""The places of several files of one agent recording on one clock: that of the earliest file.

A file that shares sound with the call is placed by the call: its clock goes on from the one before as if the recorder
had never stopped. A file without such sound is placed by its start time, if another file's start time is known as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import NOTHING_PUBLISHED, HeldError, InputError
from komorebi_qc.core.timebase import Span, clock_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from komorebi_qc.core.joining.part import PlacedBy
    from komorebi_qc.core.timebase import Alignment

START_TIME_S = 1.0
"""The resolution of the start time in a media file's header: QuickTime's and MP4's count whole seconds."""
AGREE_S = 2.0
"""Start times are of one clock if they agree with the measured places within their own resolution, twice."""
MOST_APART_S = 12 * 3600.0
"""The longest shift. Files farther apart aren't of one call."""
MOST_OVERLAP = 0.5
"""Files that share more of the shorter one's time are no restart of one recorder."""


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """A file, measured against the call by itself.

    Attributes:
        name: in messages.
        end_s: its end on its own clock.
        alignment: the call on its clock; None if too little sound is shared.
        placed_by: ``sound`` or ``few_words``; ``start_time`` without an alignment.
        bound_s: half of the offset's 95 % interval; 0 without an alignment.
        started_at: the time in the file's header; None without one.
        reason: the answer of the measurement, for messages.
    """

    name: str
    end_s: float
    alignment: Alignment | None
    placed_by: PlacedBy
    bound_s: float = 0.0
    started_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a file.

    Attributes:
        number: of the file, in the given order.
        shift_s: joined time minus the file's own.
        used: the span in which it plays, on the joined clock.
        end_s: its own end, on the joined clock.
        placed_by: how it was placed.
        bound_s: how far off the place can be, either way.
    """

    number: int
    shift_s: float
    used: Span
    end_s: float
    placed_by: PlacedBy
    bound_s: float


def place_files(files: Sequence[MeasuredFile], call_s: float, unit_s: float) -> tuple[Place, ...]:
    """Place all files on the clock of the earliest one, in order.

    If two files overlap, the earlier one ends when the later one begins: a file begins with a whole picture, and can be
    cut off anywhere.

    Args:
        files: in any order.
        call_s: the call's length.
        unit_s: of the joined file's timestamps: each shift is a multiple of it.

    Raises:
        HeldError: nothing says when a file was recorded.
        InputError: two files are of the same time, or too far apart for one call.
    """
    shifts = _shifts(files, call_s)
    order = sorted(range(len(files)), key=lambda n: shifts[n][0])
    first_s = shifts[order[0]][0]
    if shifts[order[-1]][0] - first_s > MOST_APART_S:
        raise InputError(
            f"{files[order[-1]].name} begins {(shifts[order[-1]][0] - first_s) / 3600:.1f} h after "
            f"{files[order[0]].name}: they can't be of one call. Leave one of them out"
        )
    starts = [round((shifts[number][0] - first_s) / unit_s) * unit_s for number in order]
    ends = [start + files[number].end_s for start, number in zip(starts, order, strict=True)]
    for (before, after), (start, end) in zip(
        pairwise(order), zip(starts[1:], pairwise(ends), strict=True), strict=True
    ):
        _refuse_same_time(files[before], files[after], end[0] - start)
    used_to = [min(end, following) for end, following in zip(ends, [*starts[1:], ends[-1]], strict=True)]
    return tuple(
        Place(number, start, Span(start, max(start, to)), end, *shifts[number][1:])
        for number, start, end, to in zip(order, starts, ends, used_to, strict=True)
    )


def place_monitors(files: Sequence[MeasuredFile], call_s: float, unit_s: float) -> tuple[Place, ...] | None:
    """Place files of the same time, as several monitors are, on the clock of the earliest one.

    Args:
        files: in any order, which stays.
        call_s: the call's length.
        unit_s: as for `place_files`.

    Returns:
        The places, each for all of its file; None if any two files aren't of the same time.

    Raises:
        HeldError: nothing says when a file was recorded.
    """
    shifts = _shifts(files, call_s)
    first_s = min(shift_s for shift_s, *_ in shifts)
    starts = [round((shift_s - first_s) / unit_s) * unit_s for shift_s, *_ in shifts]
    spans = [Span(start, start + one.end_s) for start, one in zip(starts, files, strict=True)]
    if not all(
        one.overlap_s(other) > MOST_OVERLAP * min(one.length_s, other.length_s) for one, other in combinations(spans, 2)
    ):
        return None
    return tuple(Place(n, span.start_s, span, span.end_s, *shifts[n][1:]) for n, span in enumerate(spans))


def _shifts(files: Sequence[MeasuredFile], call_s: float) -> list[tuple[float, PlacedBy, float]]:
    """Start, way and bound of each file's place. The clock is that of the first measured file."""
    found: dict[int, tuple[float, PlacedBy, float]] = {}
    measured = sorted(
        ((n, one.alignment) for n, one in enumerate(files) if one.alignment is not None), key=lambda m: -m[1].offset_s
    )
    last: tuple[float, Alignment] | None = None
    for number, alignment in measured:
        shift_s = 0.0
        if last is not None:
            # The moment of the call at which this file begins, by its own clock.
            begins_s = min(max(alignment.to_call(0.0, call_s), 0.0), call_s)
            shift_s = last[0] + last[1].to_recording(begins_s) - alignment.to_recording(begins_s)
        last = (shift_s, alignment)
        found[number] = (shift_s, files[number].placed_by, files[number].bound_s)
    others = [n for n in range(len(files)) if n not in found]
    if others:
        found |= _by_start_time(files, found, others)
    return [found[number] for number in range(len(files))]


def _by_start_time(
    files: Sequence[MeasuredFile], found: dict[int, tuple[float, PlacedBy, float]], others: Sequence[int]
) -> dict[int, tuple[float, PlacedBy, float]]:
    known = [(start, found[n][0]) for n in found if (start := files[n].started_at) is not None]
    for number in others:
        if files[number].started_at is None or not known:
            raise _held(files[number], "and no time of its start is known beside that of another file")
    zero, shift_s = known[0]
    for start, other_s in known[1:]:
        away_s = abs((start - zero).total_seconds() - (other_s - shift_s))
        if away_s > AGREE_S:
            raise _held(files[others[0]], f"and the files' start times are {away_s:.1f} s off their measured places")
    return {
        number: (shift_s + (start - zero).total_seconds(), "start_time", START_TIME_S)
        for number in others
        if (start := files[number].started_at) is not None
    }


def _held(file: MeasuredFile, why: str) -> HeldError:
    return HeldError(
        f"{file.name} shares too little sound with the call to be placed ({file.reason}), {why}{NOTHING_PUBLISHED}. "
        "Leave it out, or give files whose headers have their start times",
        file.reason,
    )


def _refuse_same_time(before: MeasuredFile, after: MeasuredFile, overlap_s: float) -> None:
    if overlap_s > MOST_OVERLAP * min(before.end_s, after.end_s):
        raise InputError(
            f"{before.name} and {after.name} are of the same time, {clock_text(overlap_s)} of it: they aren't one "
            "recording after the other. Name one of them, or put two or three monitors, and no other file, into one "
            "picture with --monitors side-by-side (KOMOREBI_MONITORS)"
        )
