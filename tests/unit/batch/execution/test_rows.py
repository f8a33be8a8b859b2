"""The columns that a document fills."""

from __future__ import annotations

from typing import Any

import pytest

from komorebi_qc.batch.execution.rows import measured


def document(**more: Any) -> dict[str, Any]:
    """The least that a document has."""
    return {"call_end": {"reported_s": 60.0, "error_s": 0.0}, "findings": [], **more}


def columns(found: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The columns about time that was not to be recorded."""
    row = measured(found)
    return row["suspended_count"], row["suspended_s"], row["outside_call_s"]


def test_suspensions_are_counted_and_added_up() -> None:
    """On the call clock; the conversation outside of the call on the recording's."""
    suspensions = [{"call_from_s": 8.0, "call_to_s": 12.5}, {"call_from_s": 30.0, "call_to_s": 33.0}]
    outside = [{"recording_from_s": 61.0, "recording_to_s": 70.0}]
    found = document(suspensions=suspensions, sync={"status": "aligned", "outside": outside})
    assert columns(found) == (2, pytest.approx(7.5), pytest.approx(9.0))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"suspensions": [], "sync": {"status": "aligned", "outside": []}}, (0, 0.0, 0.0)),
        ({"suspensions": None, "sync": None}, (None, None, None)),
        ({"suspensions": [], "sync": {"status": "ambiguous", "outside": []}}, (0, 0.0, None)),
        ({}, (None, None, None)),
    ],
    ids=["nothing", "not searched", "not aligned", "older document"],
)
def test_unknown_is_not_zero(more: dict[str, Any], expected: tuple[Any, Any, Any]) -> None:
    """A column is null if nobody looked."""
    assert columns(document(**more)) == expected
