"""Messages to the production queue: which rows are sent, and at which rate."""

from __future__ import annotations

from typing import Any

import pytest

from komorebi_qc.batch.submission import Pace, split_for_queue
from komorebi_qc.core.errors import InputError


def test_only_recordings_with_id_and_call_end_are_sent() -> None:
    """Rows of files, and rows without a call end, are refused with the reason."""
    by_id: dict[str, Any] = {"named_by": "id", "call_end": "00:01:00"}
    rows = [
        {"recording_id": "a", **by_id},
        {"recording_id": "b", **by_id, "named_by": "files"},
        {"recording_id": "list.csv:3", **by_id, "named_by": None},
        {"recording_id": "c", **by_id, "call_end": None},
    ]
    can, cannot = split_for_queue(rows)
    assert [found["recording_id"] for found in can] == ["a"]
    assert [name for name, _ in cannot] == ["b", "list.csv:3", "c"]
    assert cannot[2][1] == "its call end isn't known"


def test_the_pace_is_steady() -> None:
    """Two a second are half a second apart, also after a pause."""
    clock, beats = [0.0], []

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    pace = Pace(2.0, lambda: clock[0], sleep).beats()
    for n in range(6):
        next(pace)
        beats.append(round(clock[0], 6))
        clock[0] += 5.0 if n == 2 else 0.1
    assert beats == [0.0, 0.5, 1.0, 6.0, 6.5, 7.0]


@pytest.mark.parametrize("rate", [0, -1, 1001, float("nan")])
def test_an_unusable_rate_is_refused(rate: float) -> None:
    """It is positive and at most 1,000 a second."""
    with pytest.raises(InputError, match="--rate"):
        Pace(rate)
