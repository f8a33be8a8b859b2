"""The sample call's events and its contact's record, for the demo of events as messages."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from komorebi_qc.demo.sample_call import RECORDING
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Iterable

JOIN_TABLE, RECORDS = "demo-join", "contact-records"
_TALK_S = 20
"""The agent's time in the sample call, whole seconds as a record has it."""


def prepare_events() -> None:
    """Make the table of the join, write the contact's record, and set the settings for both."""
    settings, dynamodb = Settings.from_environment(os.environ), aws_client("dynamodb")
    dynamodb.create_table(
        TableName=JOIN_TABLE,
        KeySchema=[{"AttributeName": "recordingID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "recordingID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    key = f"{RECORDS}/{RECORDING.created:%Y/%m/%d}/00/record"
    body = json.dumps(_record(f"{settings.connect_bucket}/{_call_audio(settings)}")).encode()
    aws_client("s3").put_object(Bucket=settings.input_bucket, Key=key, Body=body)
    os.environ["KOMOREBI_JOIN_TABLE"] = JOIN_TABLE
    os.environ["KOMOREBI_CONTACT_RECORD"] = f"s3://{settings.input_bucket}/{RECORDS}"


def sample_events() -> Iterable[tuple[str, str]]:
    """The events in the order in which they come, each with its meaning."""
    settings = Settings.from_environment(os.environ)
    ended = {
        "eventType": "COMPLETED",
        "contactId": RECORDING.recording_id,
        "channel": "VOICE",
        "agentInfo": {"connectedToAgentTimestamp": f"{RECORDING.created:%Y-%m-%dT%H:%M:%SZ}"},
    }
    yield "the contact is complete", _event("aws.connect", "Amazon Connect Contact Event", ended, "demo-1")
    for number, meaning, bucket, key in (
        (2, "the agent recording came", settings.input_bucket, RECORDING.agent_recording_key),
        (3, "the call audio came", settings.connect_bucket, _call_audio(settings)),
    ):
        detail = {"bucket": {"name": bucket}, "object": {"key": key}}
        yield meaning, _event("aws.s3", "Object Created", detail, f"demo-{number}")


def _event(source: str, kind: str, detail: dict[str, Any], event_id: str) -> str:
    return json.dumps({"version": "0", "id": event_id, "source": source, "detail-type": kind, "detail": detail})


def _call_audio(settings: Settings) -> str:
    """The key of the agent's call audio."""
    return f"{RECORDING.call_audio_prefixes(settings.connect_prefix)[0]}{RECORDING.created:%Y%m%dT%H:%M}_UTC.wav"


def _record(location: str) -> dict[str, Any]:
    """The contact's record as a stream exports it."""
    ended = f"{RECORDING.created + timedelta(seconds=_TALK_S):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "ContactId": RECORDING.recording_id,
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "Agent": {
            "ConnectedToAgentTimestamp": f"{RECORDING.created:%Y-%m-%dT%H:%M:%SZ}",
            "AfterContactWorkStartTimestamp": ended,
        },
        "DisconnectTimestamp": ended,
        "Recordings": [
            {"StorageType": "S3", "Location": location, "MediaStreamType": "AUDIO", "Status": "AVAILABLE"},
        ],
    }
