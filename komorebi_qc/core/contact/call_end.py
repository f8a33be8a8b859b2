"""The end of a call on the recording clock by the contact's record. Pure.

The record has times of day, and an alignment needs a time on the recording clock. So the record has to name the
recording, with its start. It does so for Amazon Connect's own screen recordings: ``StartTimestamp`` of
https://docs.aws.amazon.com/connect/latest/APIReference/API_RecordingInfo.html. It has nothing about a browser's
recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import CallEnd

if TYPE_CHECKING:
    from komorebi_qc.core.contact.record import ContactRecord

UNIT_S = 1.0
"""Exported records have whole seconds, cut off."""


def call_end_by_record(record: ContactRecord | None, recording: str) -> CallEnd | None:
    """The call's end for the agent; None if the record doesn't have both times.

    Both times may be early by up to a second. So their difference may be early or late by as much.

    Args:
        record: the contact's record; None without one.
        recording: the location of the agent recording in use, with or without ``s3://``.
    """
    ends_at = None if record is None else record.agent_left_at
    if record is None or ends_at is None:
        return None
    named = recording.removeprefix("s3://")
    entries = (one for one in record.recordings if one.location.removeprefix("s3://") == named)
    began_at = next((one.began_at for one in entries if one.began_at is not None), None)
    if began_at is None or ends_at <= began_at:
        return None
    return CallEnd((ends_at - began_at).total_seconds() - UNIT_S, 2 * UNIT_S, "record")
