"""From a contact record's JSON, of the API or of the exported stream, to what is kept of it. Pure.

A field of another type than expected counts as unknown: AWS adds fields and types, and asks software to ignore them
(https://docs.aws.amazon.com/connect/latest/adminguide/ctr-data-model.html, "Important things to know").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.contact.record import ContactRecord, ContactRecording
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTACT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}", re.ASCII)
_DEVICE = re.compile(r"[^A-Za-z0-9 ._()+-]+", re.ASCII)
_MOST_CHARACTERS = 120
_MOST_RECORDINGS = 100
_MOST = 1e7
"""The largest number that is kept: seconds of a third of a year."""
_LEVELS = ("Level5", "Level4", "Level3", "Level2", "Level1")
_FIRST_YEAR, _LAST_YEAR = 2017, 2200
"""Connect began in 2017."""


def parse_contact(document: object) -> ContactRecord:
    """Read one record, of either shape.

    Args:
        document: decoded JSON, or ``Contact`` of an answer of ``DescribeContact``.

    Raises:
        InputError: it isn't an object with a contact ID.
    """
    if not isinstance(document, Mapping):
        raise InputError(f"a contact record is a JSON object, and this is {type(document).__name__}")
    contact_id = _id(document.get("ContactId") or document.get("Id"))
    if not contact_id:
        raise InputError("a contact record has no usable ContactId: export contact records, not events or agents")
    agent = _object(document.get("Agent")) or _object(document.get("AgentInfo"))
    queue = _object(document.get("Queue")) or _object(document.get("QueueInfo"))
    quality = _object(document.get("QualityMetrics"))
    own, other = (_object(_object(quality.get(side)).get("Audio")) for side in ("Agent", "Customer"))
    holds = _number(agent.get("NumberOfHolds"))
    return ContactRecord(
        contact_id,
        channel=_word(document.get("Channel")),
        initiation_method=_word(document.get("InitiationMethod")),
        initial_contact_id=_id(document.get("InitialContactId")),
        previous_contact_id=_id(document.get("PreviousContactId")),
        next_contact_id=_id(document.get("NextContactId")),
        related_contact_id=_id(document.get("RelatedContactId")),
        updated_at=_moment(document.get("LastUpdateTimestamp")),
        initiated_at=_moment(document.get("InitiationTimestamp")),
        connected_at=_moment(agent.get("ConnectedToAgentTimestamp")),
        after_work_at=_moment(agent.get("AfterContactWorkStartTimestamp")),
        disconnected_at=_moment(document.get("DisconnectTimestamp")),
        hold_s=_number(agent.get("CustomerHoldDuration", agent.get("AgentInitiatedHoldDuration"))),
        longest_hold_s=_number(agent.get("LongestHoldDuration")),
        holds=None if holds is None else int(holds),
        queue_id=_end_of_arn(queue.get("ARN") or queue.get("Id")),
        team_id=_team(agent.get("HierarchyGroups")),
        device=_device(agent.get("DeviceInfo")),
        agent_quality=_number(own.get("QualityScore")),
        customer_quality=_number(other.get("QualityScore")),
        quality_issues=tuple(filter(None, (_word(one) for one in _list(own.get("PotentialQualityIssues"))[:10]))),
        recordings=tuple(_recordings(document)),
    )


def contacts_in(text: str) -> Iterator[ContactRecord]:
    """Read exported records one after the other; others than contact records are left out.

    The stream's delivery writes one object after the other, with a line break between them only if it is configured.
    See https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html ("newline delimiter").

    Raises:
        InputError: the text isn't a sequence of JSON objects.
    """
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if at >= len(text):
            return
        try:
            document, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            raise InputError(f"at character {at} there is no JSON object: export contact records as JSON") from None
        if isinstance(document, Mapping) and _id(document.get("ContactId")):
            yield parse_contact(document)


def _recordings(document: Mapping[str, Any]) -> Iterator[ContactRecording]:
    entries = _list(document.get("Recordings"))
    if not entries and _object(document.get("Recording")):  # the older field, with `Type` instead of `MediaStreamType`
        single = _object(document.get("Recording"))
        entries = [{**single, "MediaStreamType": single.get("Type"), "StorageType": "S3"}]
    for entry in (_object(one) for one in entries[:_MOST_RECORDINGS]):
        location = entry.get("Location")
        if isinstance(location, str) and 0 < len(location) <= 1024 and location.isprintable():
            yield ContactRecording(
                location,
                storage=_word(entry.get("StorageType")),
                media=_word(entry.get("MediaStreamType")),
                participant=_word(entry.get("ParticipantType")),
                began_at=_moment(entry.get("StartTimestamp")),
                ended_at=_moment(entry.get("StopTimestamp")),
                status=_word(entry.get("Status")),
            )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _word(value: object) -> str:
    """A constant of the data model, such as ``AVAILABLE``, in capitals."""
    is_word = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_]{1,64}", value, re.ASCII) is not None
    return str(value).upper() if is_word else ""


def is_contact_id(text: str) -> bool:
    """Whether a contact may have this ID: it is also the name of a folder, and a part of keys."""
    return _CONTACT_ID.fullmatch(text) is not None


def _id(value: object) -> str:
    return value if isinstance(value, str) and is_contact_id(value) else ""


def _end_of_arn(value: object) -> str:
    """The ID at an ARN's end; a queue of one agent is named by the agent's ID, never by a name."""
    return _id(value.rsplit("/", 1)[-1]) if isinstance(value, str) else ""


def _team(groups: object) -> str:
    levels = _object(groups)
    arns = (_object(levels.get(level)) for level in _LEVELS)
    return next(filter(None, (_end_of_arn(group.get("ARN") or group.get("Arn")) for group in arns)), "")


def _device(info: object) -> str:
    device = _object(info)
    parts = (device.get(name) for name in ("OperatingSystem", "PlatformName", "PlatformVersion"))
    text = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
    return _DEVICE.sub("", text)[:_MOST_CHARACTERS].strip()


def _number(value: object) -> float | None:
    # Compared before it is converted: an integer may be too large for a float. NaN isn't within any bounds.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MOST:
        return None
    return float(value)


def _moment(value: object) -> datetime | None:
    """A timestamp: RFC 3339, seconds since 1970 as the API sends them, or as botocore reads them."""
    try:
        if isinstance(value, datetime):
            found = value
        elif isinstance(value, str):
            found = datetime.fromisoformat(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC)
        else:
            return None
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if _FIRST_YEAR <= found.year <= _LAST_YEAR else None
