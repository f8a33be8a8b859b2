"""The choice of Amazon Connect's own screen recording."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from komorebi_qc.core.contact.record import ContactRecord, ContactRecording
from komorebi_qc.core.contact.screen import (
    ScreenRecording,
    ScreenRule,
    call_end_on,
    choose_screen,
    choose_screen_key,
    screen_prefixes,
)
from komorebi_qc.core.recording import Recording
from komorebi_qc.core.timebase import CallEnd

BEGAN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BUCKET, PREFIX = "screens", "connect/mine/Screens"
KEY, LATER = f"{PREFIX}/2026/11/24/c-1.mp4", f"{PREFIX}/2026/11/24/c-1_20261124T12:05_UTC.mp4"
REPORTED = CallEnd(40.0, 1.0)


def screen(key: str = KEY, from_s: float | None = None, to_s: float | None = None, **others: str) -> ContactRecording:
    """An entry for a screen recording, with times after the agent's connection."""
    times = [None if s is None else BEGAN + timedelta(seconds=s) for s in (from_s, to_s)]
    location = others.pop("location", f"s3://{BUCKET}/{key}")
    return ContactRecording(location, **{"media": "VIDEO", **others}, began_at=times[0], ended_at=times[1])


def record(*entries: ContactRecording) -> ContactRecord:
    """A record of a call in which the agent was connected for 90 s."""
    ended = BEGAN + timedelta(seconds=90)
    return ContactRecord("c-1", connected_at=BEGAN, after_work_at=ended, recordings=entries)


@pytest.mark.parametrize(
    ("entries", "key", "why"),
    [
        ((screen(),), KEY, "the record names one screen recording"),
        ((screen(participant="AGENT", storage="S3"),), KEY, "the record names one screen recording"),
        ((screen(location=f"{BUCKET}/{KEY}"),), KEY, "the record names one screen recording"),
        ((ContactRecording(f"s3://{BUCKET}/{KEY}", media="AUDIO"),), None, "the record names no screen recording"),
        ((screen(participant="CUSTOMER"),), None, "the record names no screen recording"),
        ((screen(location=f"s3://other/{KEY}"),), None, "the record names screen recordings elsewhere"),
        ((screen("connect/mine/Screens2/c-1.mp4"),), None, "the record names screen recordings elsewhere"),
        ((screen(storage="KINESIS_STREAM"),), None, "the record names screen recordings elsewhere"),
        ((screen(KEY.replace(".mp4", ".json")),), None, "the record names screen recordings elsewhere"),
        ((screen(status="DELETED"), screen(LATER)), LATER, "the record names one screen recording"),
        (
            (screen(KEY, 0, 70), screen(LATER, 70, 95)),
            KEY,
            "of 2 screen recordings it shares the most time with the agent, 70 s",
        ),
        ((screen(LATER), screen(KEY)), LATER, "of 2 screen recordings it began last"),
        ((), None, "the record names no screen recording"),
    ],
)
def test_a_record_names_the_screen_recording(entries: tuple[ContactRecording, ...], key: str | None, why: str) -> None:
    """Only an agent's file at the configured place is taken; of several, the one with the most of the agent's time."""
    choice = choose_screen(record(*entries), BUCKET, PREFIX)
    assert (choice.key, choice.why, choice.is_deleted) == (key, why, False)


def test_a_deleted_screen_recording_is_never_taken() -> None:
    """It counts as deleted only if nothing else is left."""
    assert choose_screen(record(screen(status="DELETED")), BUCKET, PREFIX).is_deleted
    assert not choose_screen(None, BUCKET, PREFIX).is_deleted


def test_without_a_record_a_file_has_the_contacts_id() -> None:
    """Three days are searched, and a longer ID is another contact's."""
    item = Recording("c-1", "agent", datetime(2026, 11, 24, 23, 59))  # noqa: DTZ001  the item has no zone
    days = [f"{PREFIX}/2026/11/{day}/c-1" for day in (23, 24, 25)]
    assert list(screen_prefixes(item, PREFIX)) == days
    assert screen_prefixes(item, "")[0] == "2026/11/23/c-1"
    others = [f"{PREFIX}/2026/11/24/{name}" for name in ("c-10.mp4", "c-1_2.mp4", "c-1.json", "c-1_a.mp4", "d-c-1.mp4")]
    assert choose_screen_key("c-1", [*others, KEY, LATER]) == LATER
    assert choose_screen_key("c-1", [*others, KEY]) == KEY
    assert choose_screen_key("c-1", others) is None


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        ("fallback", record(screen(KEY, 0, 95)), CallEnd(89.0, 2.0, "record")),
        ("only", record(screen(KEY, 0, 95)), CallEnd(89.0, 2.0, "record")),
        ("fallback", record(screen()), None),
        ("fallback", None, None),
        ("only", None, REPORTED),
    ],
)
def test_the_reported_end_is_on_the_browsers_clock(
    rule: ScreenRule, known: ContactRecord | None, expected: CallEnd | None
) -> None:
    """The record's times go first; without them, a message can only mean a screen recording that is always used."""
    found = ScreenRecording("record", "", rule)
    assert call_end_on(found, REPORTED, known, f"s3://{BUCKET}/{KEY}") == expected
    assert call_end_on(None, REPORTED, known, f"s3://{BUCKET}/{KEY}") == REPORTED
