"""The places of several files on one clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.core.errors import HeldError, InputError
from komorebi_qc.core.joining.places import MeasuredFile, place_files, place_monitors
from komorebi_qc.core.timebase import Alignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.joining.places import Place
    from komorebi_qc.core.timebase import Span

MS = 1e-3
NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def file(
    name: str, end_s: float, offset_s: float | None, drift_ppm: float = 0.0, begun_s: float | None = None
) -> MeasuredFile:
    """A file of a length, with the call at an offset on its clock, begun so many seconds after noon."""
    alignment = None if offset_s is None else Alignment(offset_s, drift_ppm)
    started_at = None if begun_s is None else NOON + timedelta(seconds=begun_s)
    way = "start_time" if alignment is None else "sound"
    return MeasuredFile(name, end_s, alignment, way, 0.0001, started_at, "nothing agrees")  # type: ignore[arg-type]


def placed(*files: MeasuredFile, call_s: float = 600.0) -> tuple[Place, ...]:
    """The places, in whole milliseconds."""
    return place_files(files, call_s, MS)


def times(span: Span) -> tuple[float, float]:
    """A span in whole milliseconds."""
    return round(span.start_s, 3), round(span.end_s, 3)


def test_files_are_placed_by_the_call_in_the_order_of_their_time() -> None:
    """The given order doesn't matter, and the clock is that of the earliest file."""
    places = placed(file("late", 100.0, -300.0), file("early", 200.0, 5.0))
    assert [place.number for place in places] == [1, 0]
    assert [place.shift_s for place in places] == [0.0, pytest.approx(305.0)]
    assert [times(place.used) for place in places] == [(0.0, 200.0), (305.0, 405.0)]


def test_the_clock_goes_on_at_the_rate_of_the_file_before() -> None:
    """With the same drift in both files, one straight map places the call in both."""
    early, late = Alignment(5.0, 60.0), Alignment(-300.0 * (1 + 60e-6), 60.0)
    _, after = place_files(
        [MeasuredFile("a", 200.0, early, "sound"), MeasuredFile("b", 100.0, late, "sound")], 600.0, 1e-9
    )
    for call_s in (300.0, 399.0):
        assert late.to_recording(call_s) + after.shift_s == pytest.approx(early.to_recording(call_s), abs=1e-9)


def test_of_two_files_that_overlap_the_earlier_one_ends_when_the_later_one_begins() -> None:
    """A file begins with a whole picture, and can be cut off anywhere."""
    before, after = placed(file("a", 100.0, 0.0), file("b", 100.0, -80.0))
    assert (times(before.used), before.end_s) == ((0.0, 80.0), 100.0)
    assert times(after.used) == (80.0, 180.0)


def test_two_files_of_the_same_time_are_refused() -> None:
    """They are of two monitors, or the same file twice."""
    with pytest.raises(InputError, match=r"a and b are of the same time, 00:01:30.*Name one of them"):
        placed(file("a", 100.0, 0.0), file("b", 100.0, -10.0))


def test_monitors_are_placed_in_the_given_order() -> None:
    """Each plays for all of its time, on the clock of the earliest one."""
    places = place_monitors([file("a", 100.0, 2.0), file("b", 90.0, 5.25), file("c", 95.0, 4.0)], 600.0, MS)
    assert places is not None
    assert [(place.number, times(place.used)) for place in places] == [
        (0, (3.25, 103.25)),
        (1, (0.0, 90.0)),
        (2, (1.25, 96.25)),
    ]
    assert [place.placed_by for place in places] == ["sound"] * 3


def test_restarts_arent_monitors() -> None:
    """Also if only one of three files is of another time."""
    assert place_monitors([file("a", 100.0, 0.0), file("b", 100.0, -80.0)], 600.0, MS) is None
    assert place_monitors([file("a", 99.0, 0.0), file("b", 99.0, 0.0), file("c", 99.0, -90.0)], 600.0, MS) is None


def test_a_file_without_the_call_is_placed_by_its_start_time() -> None:
    """Its distance from a measured file is that of their start times, to a second."""
    places = placed(file("a", 100.0, 0.0, begun_s=0.0), file("b", 50.0, None, begun_s=130.0))
    assert [(place.shift_s, place.placed_by, place.bound_s) for place in places] == [
        (0.0, "sound", 0.0001),
        (pytest.approx(130.0), "start_time", 1.0),
    ]


def test_a_file_before_the_measured_ones_gives_the_clock() -> None:
    """Nothing is before second 0."""
    places = placed(file("a", 100.0, 0.0, begun_s=0.0), file("b", 50.0, None, begun_s=-60.0))
    assert [(place.number, place.shift_s) for place in places] == [(1, 0.0), (0, pytest.approx(60.0))]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([file("a", 100.0, 0.0), file("b", 50.0, None)], "no time of its start"),
        ([file("a", 100.0, 0.0), file("b", 50.0, None, begun_s=130.0)], "no time of its start"),
        ([file("a", 100.0, None), file("b", 50.0, None)], "no time of its start"),
        (
            [file("a", 9.0, 0.0, begun_s=0.0), file("b", 9.0, -50.0, begun_s=90.0), file("c", 9.0, None, begun_s=99.0)],
            "40.0 s off their measured places",
        ),
    ],
)
def test_a_file_that_nothing_places_is_held(files: Sequence[MeasuredFile], reason: str) -> None:
    """Start times count only if another file has one, and if they agree with the measured places."""
    with pytest.raises(HeldError, match=reason) as held:
        placed(*files)
    assert held.value.reason == "nothing agrees"


def test_files_of_two_days_are_refused() -> None:
    """They can't be of one call."""
    with pytest.raises(InputError, match=r"b begins 24\.0 h after a"):
        placed(file("a", 100.0, 0.0, begun_s=0.0), file("b", 50.0, None, begun_s=86_400.0))
