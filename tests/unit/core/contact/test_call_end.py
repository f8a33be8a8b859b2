"""The end of a call on the recording clock by the contact's record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from komorebi_qc.core.contact.call_end import call_end_by_record
from komorebi_qc.core.contact.record import ContactRecord, ContactRecording
from komorebi_qc.core.timebase import CallEnd

BEGAN = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
SCREEN = ContactRecording("screen-bucket/a/b.mp4", media="VIDEO", began_at=BEGAN)


def record(after_s: float | None = 60.0, left_s: float | None = 90.0, *entries: ContactRecording) -> ContactRecord:
    """A record in which the after-call work began, and the customer left, so many seconds after the screen's start."""
    ends = [None if s is None else BEGAN + timedelta(seconds=s) for s in (after_s, left_s)]
    return ContactRecord("contact-1", after_work_at=ends[0], disconnected_at=ends[1], recordings=entries or (SCREEN,))


def test_the_first_end_counts_from_the_recordings_start() -> None:
    """Both times are whole seconds, cut off: the difference may be early or late by one."""
    assert call_end_by_record(record(), "s3://screen-bucket/a/b.mp4") == CallEnd(59.0, 2.0, "record")
    assert call_end_by_record(record(None), "screen-bucket/a/b.mp4") == CallEnd(89.0, 2.0, "record")


@pytest.mark.parametrize(
    "known",
    [
        None,
        record(None, None),
        record(0.0),
        record(60.0, 90.0, ContactRecording("screen-bucket/a/b.mp4")),
        record(60.0, 90.0, ContactRecording("screen-bucket/a/other.mp4", began_at=BEGAN)),
    ],
)
def test_without_both_times_there_is_no_end(known: ContactRecord | None) -> None:
    """A browser's recording isn't in the record, so nobody knows when it began."""
    assert call_end_by_record(known, "s3://screen-bucket/a/b.mp4") is None
