"""Choose Amazon Connect's own screen recording by a contact's record, or by its key. Pure.

Sources of the shapes:

* the entry of the record: ``RecordingInfo`` with ``MediaStreamType`` ``VIDEO`` (botocore 1.44.5, service model
  ``connect/2017-08-08``; https://docs.aws.amazon.com/connect/latest/APIReference/API_RecordingInfo.html: "a voice
  recording, chat transcript, or screen recording");
* the place: an instance stores them in a bucket and prefix of its own (``InstanceStorageResourceType``
  ``SCREEN_RECORDINGS``, ``S3Config``, in the same model). The keys below the prefix are in no guide, and no key was
  seen. ``YYYY/MM/DD/<contactId>.mp4`` or ``..._YYYYMMDDTHH:MM_UTC.mp4`` is taken for them, as for call audio: a project
  choice;
* the file: MP4, 5 frames a second, up to three monitors, from the moment at which the agent accepts the contact, also
  during a hold (https://docs.aws.amazon.com/connect/latest/adminguide/agent-screen-recording.html and its FAQ);
* its event: ``Screen Recording Status Changed``, see `komorebi_qc.core.contact.events`.

No real screen recording and no real record of one was seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.contact.call_end import call_end_by_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from komorebi_qc.core.contact.record import ContactRecord, ContactRecording
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.timebase import CallEnd

ScreenRule = Literal["off", "fallback", "only"]
"""When a screen recording is the agent recording: never, if the browser's isn't there, or always."""
SCREEN_RULES: tuple[ScreenRule, ...] = ("off", "fallback", "only")
_DAYS = (-1, 0, 1)
"""Days of the keys around the item's day: the keys' are in UTC, and the item's may be in another time zone."""


@dataclass(frozen=True, slots=True)
class ScreenRecording:
    """A screen recording that is the agent recording.

    Attributes:
        found_by: ``record``: the contact's record names it; ``prefix``: its key has the contact's ID.
        why: the reason for this file, the end of a sentence.
        rule: ``fallback``: the browser's recording isn't there; ``only``: screen recordings are always used.
    """

    found_by: Literal["record", "prefix"]
    why: str
    rule: ScreenRule = "only"


@dataclass(frozen=True, slots=True)
class ScreenChoice:
    """The screen recording by a contact's record.

    Attributes:
        key: its key in the bucket of screen recordings; None if the record names no usable one.
        why: the reason, the end of a sentence.
        is_deleted: whether the record had screen recordings, and all of them were deleted.
    """

    key: str | None
    why: str
    is_deleted: bool = False


def choose_screen(record: ContactRecord | None, bucket: str, prefix: str) -> ScreenChoice:
    """Choose the screen recording that a record names.

    Args:
        record: the contact's record; None if there isn't any.
        bucket: of screen recordings.
        prefix: of their keys, without slashes at its ends.
    """
    if record is None:
        return ScreenChoice(None, "there is no record of the contact")
    screens = [one for one in record.recordings if one.media == "VIDEO" and one.participant in ("", "AGENT")]
    present = [one for one in screens if one.status != "DELETED"]
    usable = [one for one in present if _key(one, bucket, prefix) is not None]
    if not usable:
        deleted = bool(screens) and not present
        why = (
            "the screen recording was deleted"
            if deleted
            else "the record names screen recordings elsewhere"
            if present
            else "the record names no screen recording"
        )
        return ScreenChoice(None, why, deleted)
    taken = max(usable, key=lambda one: (_shared_s(one, record), _began(one), one.location))
    why = "the record names one screen recording"
    if len(usable) > 1:
        shared_s = _shared_s(taken, record)
        most = f"it shares the most time with the agent, {shared_s:.0f} s" if shared_s else "it began last"
        why = f"of {len(usable)} screen recordings {most}"
    return ScreenChoice(_key(taken, bucket, prefix), why)


def screen_prefixes(recording: Recording, prefix: str) -> tuple[str, ...]:
    """The beginnings of the keys that a recording's screen recording can have.

    Args:
        recording: its ID is the contact's.
        prefix: of the keys of screen recordings, without slashes at its ends.
    """
    base = f"{prefix}/" if prefix else ""
    days = (recording.created + timedelta(days=day) for day in _DAYS)
    return tuple(f"{base}{day:%Y/%m/%d}/{recording.recording_id}" for day in days)


def choose_screen_key(recording_id: str, keys: Iterable[str]) -> str | None:
    """The screen recording among keys: the last one by its name; None without one.

    Args:
        recording_id: the contact; a longer ID that begins with it is another contact's.
        keys: as they were listed.
    """
    own = re.compile(rf"(?:.*/)?{re.escape(recording_id)}(?:_\d{{8}}T\d\d:?\d\d(?::?\d\d)?_UTC)?\.mp4", re.ASCII)
    return max(filter(own.fullmatch, keys), default=None)


def call_end_on(
    screen: ScreenRecording | None, reported: CallEnd | None, record: ContactRecord | None, name: str
) -> CallEnd | None:
    """The call's end on the clock of the agent recording in use; None if it isn't known.

    A reported end counts from the start of the browser's recording, and a screen recording has another start. So the
    record's times go first for it. In the place of a missing browser's recording, the reported end is of no use.

    Args:
        screen: the screen recording in use; None for a browser's recording.
        reported: the reported end; None without one.
        record: the contact's record; None without one.
        name: the location of the agent recording in use.
    """
    by_record = call_end_by_record(record, name)
    if screen is None:
        return by_record if reported is None else reported
    if by_record is not None:
        return by_record
    return reported if screen.rule == "only" else None


def _key(entry: ContactRecording, bucket: str, prefix: str) -> str | None:
    """The entry's key, if it is a file that may be read."""
    own_bucket, key = entry.place or ("", "")
    is_below = not prefix or key.startswith(f"{prefix}/")
    is_file = entry.storage in ("", "S3") and key.lower().endswith(".mp4") and own_bucket == bucket and is_below
    return key if is_file else None


def _began(entry: ContactRecording) -> str:
    return "" if entry.began_at is None else entry.began_at.isoformat()


def _shared_s(entry: ContactRecording, record: ContactRecord) -> float:
    began, ended = record.connected_at, record.agent_left_at
    if began is None or ended is None or entry.began_at is None or entry.ended_at is None:
        return 0.0
    return max(0.0, (min(entry.ended_at, ended) - max(entry.began_at, began)).total_seconds())
