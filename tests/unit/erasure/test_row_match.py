"""A dataset's row is of one recording, whatever its other columns have by chance."""

from __future__ import annotations

from typing import Any

import pytest
from dataset_rows import row

from komorebi_qc.erasure.name_match import NameMatch
from komorebi_qc.erasure.row_match import is_of_recording

UUID = "7f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f3"


@pytest.mark.parametrize(
    ("recording_id", "found", "is_theirs"),
    [
        ("1", row("1"), True),
        ("1", row("2", version="0.2.1", error="1 finding fails", jump_count=1), False),
        ("done", row("2", status="done"), False),
        ("sample", row("2", call="/komorebi_qc/demo/sample/call.wav", named_by="files"), False),
        (UUID, row(UUID.upper()), True),
        (UUID, row("case-5", call=f"/calls/{UUID}_20260302T14:05_UTC.wav", named_by="files"), True),
        (UUID, row(f"{UUID}-2", call=f"s3://b/{UUID}-2_20260302T14:05_UTC.wav", named_by="id"), False),
        ("1", row("/day.csv:1", status="rejected", error="1 has two different call ends: keep one row"), True),
        ("1", row("/day.csv:1", status="rejected", error="the call end 00:00:1 isn't a time"), False),
        (UUID, row("/day.csv:1", status="rejected", error=f"{UUID} isn't usable"), True),
    ],
)
def test_a_row_belongs_to_its_own_recording(recording_id: str, found: dict[str, Any], *, is_theirs: bool) -> None:
    """The ID decides; names of files only in a list of files, and only for an ID that is in no text by chance."""
    assert is_of_recording(found, NameMatch(recording_id)) is is_theirs
