"""The columns that a document fills."""

from __future__ import annotations

from typing import Any

import pytest
from contact_shapes import BUCKET, described, entry

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.batch.execution.rows import measured
from komorebi_qc.core.contact.choice import FoundContact, choose_audio
from komorebi_qc.core.contact.parse import parse_contact


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


def test_a_contact_record_fills_its_columns() -> None:
    """Times, holds, groups and the chain have columns, and nothing that names a person has."""
    record = parse_contact(described(entry()))
    choice = choose_audio(record, BUCKET)
    contact = FoundContact("api", record, choice.named, "record", choice.why).to_dict()
    findings = [{"name": "record_disagrees", "value": -1.5, "status": "pass"}]
    row = measured(document(contact=contact) | {"findings": findings})
    assert (row["call_audio_by"], row["record_agent_s"], row["record_call_end_error_s"]) == ("record", 460.0, -1.5)
    assert (row["hold_s"], row["holds"], row["queue"], row["team"]) == (221.0, None, "078ccbaa", "647c7f7d")
    assert row["device"] == "Windows 11 Chrome 141.0"
    assert row["previous_contact_id"].startswith("2222")
    assert "Mustermann" not in str(row)
    assert set(row) <= set(WITH_DAY.names)


def test_without_records_the_columns_stay_empty() -> None:
    """A row of a run without records has none of them."""
    assert "team" not in measured(document(contact=None))
    assert "team" not in measured(document())


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, (None, None)),
        ({"recording_files": None}, (1, None)),
        (
            {"recording_files": [{}, {}], "findings": [{"name": "recorder_off", "value": 6.8, "status": "warn"}]},
            (2, 6.8),
        ),
    ],
    ids=["older document", "one file", "two files"],
)
def test_the_files_of_a_recording_are_counted(more: dict[str, Any], expected: tuple[Any, Any]) -> None:
    """With the time of the call between them."""
    row = measured(document(**more))
    assert (row.get("recording_files"), row.get("recorder_off_s")) == expected
