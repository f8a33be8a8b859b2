"""Events that say that a half of a recording has come, as messages of the queue. Pure.

Their shapes:

* ``Amazon Connect Contact Event``: https://docs.aws.amazon.com/connect/latest/adminguide/contact-events.html;
* ``Object Created``: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html;
* ``Screen Recording Status Changed``:
  https://docs.aws.amazon.com/connect/latest/adminguide/track-screen-recording-status.html.

No real event was seen; the shapes are those of the guides' examples.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from komorebi_qc.core.errors import MessageError
from komorebi_qc.core.recording import check_recording_id

Half = Literal["call", "recording", "contact", "failed"]
HALVES = ("call", "recording")
"""The halves of a recording; the contact's end and a failed screen recording aren't among them."""
SWEEP_SOURCE = "komorebi-qc.sweep"
"""``source`` of the schedule's message that asks for a sweep."""
SWEPT = "Recording Swept"
"""``detail-type`` of a sweep's message about one recording."""
_CALL_AUDIO = re.compile(r"CallRecordings/\d{4}/\d{2}/\d{2}/([^/]+)_(\d{8}T\d{2}:\d{2})_UTC\.wav", re.ASCII)
_OWN = re.compile(r"\d{4}/\d{2}/\d{2}/[^/]+/([^/]+)\.mp4", re.ASCII)
_MOST_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Places:
    """The places of the halves.

    Attributes:
        connect_bucket: of the call audio.
        connect_prefix: before ``CallRecordings/``.
        input_bucket: of the agent recordings.
        screens: bucket and prefix of Amazon Connect's own screen recordings, as ``bucket/prefix``, if they take the
            place of the browser's recordings; else empty.
    """

    connect_bucket: str
    connect_prefix: str
    input_bucket: str
    screens: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A half of a recording has come, or a contact is complete.

    Attributes:
        recording_id: the recording, which is the contact.
        half: ``call``: the call audio; ``recording``: the agent recording; ``contact``: the end of the contact;
            ``failed``: Connect's client says that there won't be a screen recording.
        event_id: the event's ID; a repeated delivery has the same.
        call_began: the start in the call audio's name, which distinguishes two call audio files of a contact.
    """

    recording_id: str
    half: Half
    event_id: str
    call_began: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The schedule asks for what never completes."""


@dataclass(frozen=True, slots=True)
class Swept:
    """A sweep found a recording that never completed.

    Attributes:
        recording_id: the recording.
    """

    recording_id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event about something else.

    Attributes:
        why: the reason, for the log.
    """

    why: str


Event = Arrival | Sweep | Swept | Ignored


def read_event(body: str, places: Places) -> Event | None:
    """Read an event in a message's body; None for a message of another kind, such as the backend's.

    Args:
        body: the body.
        places: the buckets of the halves.

    Raises:
        MessageError: it is one of the events above, and lacks a part.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, Mapping) or not isinstance(event.get("detail-type"), str):
        return None
    detail = event.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    if event.get("source") == SWEEP_SOURCE:
        return Swept(check_recording_id(detail.get("recordingID"))) if event["detail-type"] == SWEPT else Sweep()
    read = {
        ("aws.connect", "Amazon Connect Contact Event"): _contact,
        ("aws.s3", "Object Created"): _created,
        ("aws.connect", "Screen Recording Status Changed"): _screen,
    }.get((str(event.get("source")), event["detail-type"]))
    if read is None:
        return Ignored("an event of another kind")
    event_id = event.get("id")
    if not isinstance(event_id, str) or not 0 < len(event_id) <= _MOST_CHARACTERS:
        raise MessageError("the event has no id: send events as EventBridge delivers them")
    return read(detail, event_id, places)


def swept_body(recording_id: str) -> str:
    """The message of a sweep about a recording that never completed."""
    return json.dumps({"source": SWEEP_SOURCE, "detail-type": SWEPT, "detail": {"recordingID": recording_id}})


def _contact(detail: Mapping[str, Any], event_id: str, _places: Places) -> Event:
    if detail.get("eventType") != "COMPLETED":
        return Ignored("the contact isn't complete yet")
    agent = detail.get("agentInfo")
    is_call = str(detail.get("channel", "")).upper() == "VOICE"
    if not is_call or not isinstance(agent, Mapping) or not agent.get("connectedToAgentTimestamp"):
        return Ignored("a contact without a call of an agent")
    return Arrival(check_recording_id(detail.get("contactId")), "contact", event_id)


def _created(detail: Mapping[str, Any], event_id: str, places: Places) -> Event:
    bucket, found = (detail.get(name) for name in ("bucket", "object"))
    name = bucket.get("name") if isinstance(bucket, Mapping) else None
    key = found.get("key") if isinstance(found, Mapping) else None
    if not isinstance(name, str) or not isinstance(key, str):
        raise MessageError("the event of an object has no bucket or key: send events as EventBridge delivers them")
    base = f"{places.connect_prefix.strip('/')}/" if places.connect_prefix.strip("/") else ""
    if name == places.connect_bucket and key.startswith(base):
        match = _CALL_AUDIO.fullmatch(key.removeprefix(base))
        if match is not None:
            return Arrival(check_recording_id(match.group(1)), "call", event_id, match.group(2))
    if not places.screens and name == places.input_bucket and (match := _OWN.fullmatch(key)) is not None:
        return Arrival(check_recording_id(match.group(1)), "recording", event_id)
    return Ignored("an object that is no half of a recording")


def _screen(detail: Mapping[str, Any], event_id: str, places: Places) -> Event:
    status, arn = detail.get("recordingStatus"), detail.get("contactArn")
    if status not in ("PUBLISHED", "FAILED"):
        return Ignored("the screen recording isn't there yet")
    contact = arn.rsplit("/", 1)[-1] if isinstance(arn, str) else None
    recording_id = check_recording_id(contact)
    if status == "FAILED":
        return Arrival(recording_id, "failed", event_id)
    info = detail.get("recordingInfo")
    location = info.get("location") if isinstance(info, Mapping) else None
    bucket, _, key = str(location).removeprefix("s3://").partition("/")
    is_used = bucket == places.input_bucket and _OWN.fullmatch(key) is not None
    if places.screens:
        is_used = f"{bucket}/{key}".startswith(f"{places.screens.rstrip('/')}/")
    if not is_used:
        return Ignored("a screen recording that isn't used as the agent recording")
    return Arrival(recording_id, "recording", event_id)
