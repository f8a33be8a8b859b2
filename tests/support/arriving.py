"""Events of EventBridge as the guides have them, and halves that arrive."""

from __future__ import annotations

import json
from typing import Any

from komorebi_qc.core.contact.events import Places

PLACES = Places("demo-connect", "connect/demo", "demo-input")
INSTANCE = "arn:aws:connect:eu-central-1:1:instance/1d908e11"


def event(source: str, kind: str, detail: dict[str, Any], event_id: str) -> str:
    """An event as a message's body."""
    outer = {"version": "0", "id": event_id, "source": source, "detail-type": kind, "account": "1"}
    return json.dumps({**outer, "time": "2026-11-24T12:08:20Z", "region": "eu-central-1", "detail": detail})


def created(bucket: str, key: str, event_id: str = "e-1") -> str:
    """S3's event of a new object."""
    detail = {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": 1, "etag": "a"}}
    return event("aws.s3", "Object Created", {**detail, "reason": "PutObject"}, event_id)


def call_came(contact: str, event_id: str = "e-1") -> str:
    """The call audio came."""
    return created("demo-connect", f"connect/demo/CallRecordings/2026/11/24/{contact}_20261124T12:00_UTC.wav", event_id)


def recording_came(contact: str, event_id: str = "e-2") -> str:
    """The agent recording came."""
    return created("demo-input", f"2026/11/24/erika/{contact}.mp4", event_id)


def contact_ended(contact: str, event_id: str = "e-3", **changes: Any) -> str:
    """Connect's event of a complete contact."""
    detail = {
        "eventType": "COMPLETED",
        "contactId": contact,
        "channel": "VOICE",
        "instanceArn": INSTANCE,
        "initiationMethod": "INBOUND",
        "disconnectTimestamp": "2026-11-24T12:07:40.000Z",
        "agentInfo": {"agentArn": f"{INSTANCE}/agent/erika", "connectedToAgentTimestamp": "2026-11-24T12:00:00.000Z"},
    }
    return event("aws.connect", "Amazon Connect Contact Event", {**detail, **changes}, event_id)


def screen(contact: str, status: str, event_id: str = "e-4", **info: Any) -> str:
    """Connect's event of a screen recording."""
    detail = {
        "version": "1.0",
        "recordingStatus": status,
        "eventDeduplicationId": event_id,
        "instanceArn": INSTANCE,
        "contactArn": f"{INSTANCE}/contact/{contact}",
        "agentArn": f"{INSTANCE}/agent/erika",
        "recordingInfo": {"startTime": "2026-11-24T12:00:00.000Z", **info},
    }
    return event("aws.connect", "Screen Recording Status Changed", detail, event_id)


SWEEP = json.dumps({"source": "komorebi-qc.sweep", "detail-type": "Scheduled Sweep", "detail": {}})
