"""Contact records of many shapes, each with its source, and the call audio that is taken of it.

They are made after the sources, with IDs of their own. `docs/operator/contact-record.md` has them as a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

CONTACT = "7b0d2c1a-6a57-4a5e-9a3b-1f0c2d3e4f50"
BUCKET = "amazon-connect-1f2e3d"
FOLDER = "connect/mine/CallRecordings/2026/11/24"
KEY = f"{FOLDER}/{CONTACT}_20261124T12:00_UTC.wav"
LATER = f"{FOLDER}/{CONTACT}_20261124T12:09_UTC.wav"
IVR = f"connect/mine/CallRecordings/ivr/2026/11/24/{CONTACT}_20261124T11:58_UTC.wav"
SCREEN = f"connect/mine/ScreenRecordings/2026/11/24/{CONTACT}_20261124T12:00_UTC.mp4"
STREAM = f"arn:aws:kinesisvideo:eu-central-1:1:stream/live-contact-{CONTACT}/1706169572895"
ARN = "arn:aws:connect:eu-central-1:1:instance/1d908e11"
MODEL = "botocore 1.44.5, `Contact`"
PUBLIC = "public records of 2019 to 2024"
GUIDE = "admin guide, contact records data model"
EVENTS = "admin guide, screen recording events"
NOTES = "notes of live instances, 2025 and 2026"
CHOSEN = "project choice"


def entry(key: str = KEY, **others: Any) -> dict[str, Any]:
    """An entry of `Recordings` as exported records have it."""
    whole = {
        "DeletionReason": None,
        "FragmentStartNumber": None,
        "FragmentStopNumber": None,
        "Location": f"{BUCKET}/{key}",
        "MediaStreamType": "AUDIO",
        "ParticipantType": None,
        "StartTimestamp": None,
        "Status": "AVAILABLE",
        "StopTimestamp": None,
        "StorageType": "S3",
    }
    return {**whole, **others}


def exported(*recordings: dict[str, Any], **others: Any) -> dict[str, Any]:
    """An exported record, with all that names persons."""
    return {
        "AWSAccountId": "1",
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "Agent": {
            "ARN": f"{ARN}/agent/57db30ae",
            "AfterContactWorkDuration": 32,
            "AfterContactWorkEndTimestamp": "2026-11-24T12:08:12Z",
            "AfterContactWorkStartTimestamp": "2026-11-24T12:07:40Z",
            "AgentInteractionDuration": 239,
            "ConnectedToAgentTimestamp": "2026-11-24T12:00:00Z",
            "CustomerHoldDuration": 221,
            "HierarchyGroups": {
                "Level1": {"ARN": f"{ARN}/agent-group/bf0c4e88", "GroupName": "All of Erika's teams"},
                "Level2": {"ARN": f"{ARN}/agent-group/647c7f7d", "GroupName": "Team Erika Mustermann"},
                "Level3": None,
            },
            "DeviceInfo": {"PlatformName": "Chrome", "PlatformVersion": "141.0", "OperatingSystem": "Windows 11"},
            "LongestHoldDuration": 204,
            "NumberOfHolds": 2,
            "RoutingProfile": {"ARN": f"{ARN}/routing-profile/6e16b957", "Name": "Erika"},
            "Username": "Erika.Mustermann",
        },
        "Attributes": {"customerName": "Max Mustermann", "iban": "DE02120300000000202051"},
        "Channel": "VOICE",
        "ContactId": CONTACT,
        "CustomerEndpoint": {"Address": "+4930123456", "Type": "TELEPHONE_NUMBER"},
        "DisconnectTimestamp": "2026-11-24T12:07:40Z",
        "InitialContactId": None,
        "InitiationMethod": "INBOUND",
        "InitiationTimestamp": "2026-11-24T11:57:00Z",
        "LastUpdateTimestamp": "2026-11-24T12:09:00Z",
        "PreviousContactId": None,
        "Queue": {"ARN": f"{ARN}/queue/078ccbaa", "Name": "Erika's queue"},
        "QualityMetrics": {
            "Agent": {"Audio": {"QualityScore": 4.2, "PotentialQualityIssues": ["HIGH_PACKET_LOSS"]}},
            "Customer": {"Audio": {"QualityScore": 3.5}},
        },
        "Recordings": list(recordings),
        "SystemEndpoint": {"Address": "+49800123456", "Type": "TELEPHONE_NUMBER"},
        "Tags": {"owner": "Erika"},
        **others,
    }


def described(*recordings: dict[str, Any], **others: Any) -> dict[str, Any]:
    """The answer of `DescribeContact`, as botocore gives it."""
    return {
        "Id": CONTACT,
        "Arn": f"{ARN}/contact/{CONTACT}",
        "Name": "Max Mustermann",
        "Description": "about the invoice",
        "Channel": "VOICE",
        "InitiationMethod": "TRANSFER",
        "InitialContactId": "11111111-6a57-4a5e-9a3b-1f0c2d3e4f50",
        "PreviousContactId": "22222222-6a57-4a5e-9a3b-1f0c2d3e4f50",
        "RelatedContactId": "33333333-6a57-4a5e-9a3b-1f0c2d3e4f50",
        "QueueInfo": {"Id": "078ccbaa"},
        "AgentInfo": {
            "Id": "57db30ae",
            "ConnectedToAgentTimestamp": datetime(2026, 11, 24, 12, tzinfo=UTC),
            "AfterContactWorkStartTimestamp": datetime(2026, 11, 24, 12, 7, 40, tzinfo=UTC),
            "AgentInitiatedHoldDuration": 221,
            "HierarchyGroups": {"Level1": {"Arn": f"{ARN}/agent-group/647c7f7d"}},
            "DeviceInfo": {"PlatformName": "Chrome", "PlatformVersion": "141.0", "OperatingSystem": "Windows 11"},
        },
        "CustomerEndpoint": {"Address": "+4930123456", "Type": "TELEPHONE_NUMBER", "DisplayName": "Max"},
        "CustomerId": "Max Mustermann",
        "DisconnectTimestamp": datetime(2026, 11, 24, 12, 7, 40, tzinfo=UTC),
        "Attributes": {"customerName": "Max Mustermann"},
        "Recordings": list(recordings),
        **others,
    }


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape.

    Attributes:
        name: of the test.
        source: of the shape.
        holds: the content of the record, for the table.
        document: the record.
        key: of the call audio that is taken; None if it is looked for by its prefix.
        why: the reason, or a part of it.
        states: the use of each recording.
    """

    name: str
    source: str
    holds: str
    document: dict[str, Any]
    key: str | None
    why: str
    states: tuple[str, ...]


ONE = "the record names one recording of an agent"
EARLY = {"StartTimestamp": "2026-11-24T12:00:00Z", "StopTimestamp": "2026-11-24T12:08:30Z"}
LATE = {"StartTimestamp": "2026-11-24T12:09:00Z", "StopTimestamp": "2026-11-24T12:20:00Z"}
KVS: dict[str, Any] = {
    "StorageType": "KINESIS_VIDEO_STREAM",
    "MediaStreamType": "VIDEO",
    "Location": STREAM,
    "Status": None,
}
SHAPES = (
    Shape("exported", PUBLIC, "a location without `s3://`, and no times", exported(entry()), KEY, ONE, ("taken",)),
    Shape(
        *("with-s3", EVENTS, "a location with `s3://`", exported(entry(Location=f"s3://{BUCKET}/{KEY}"))),
        *(KEY, ONE, ("taken",)),
    ),
    Shape(
        *("older", CHOSEN, "only the older field `Recording`, with `Type`"),
        exported(
            Recordings=None,
            Recording={"DeletionReason": None, "Location": f"{BUCKET}/{KEY}", "Status": "AVAILABLE", "Type": "AUDIO"},
        ),
        *(KEY, ONE, ("taken",)),
    ),
    Shape("described", MODEL, "an answer of the API", described(entry()), KEY, ONE, ("taken",)),
    Shape(
        *("other-name", CHOSEN, "a file named by another contact"),
        exported(entry(KEY.replace(CONTACT, "99999999-6a57-4a5e-9a3b-1f0c2d3e4f50"))),
        *(KEY.replace(CONTACT, "99999999-6a57-4a5e-9a3b-1f0c2d3e4f50"), ONE, ("taken",)),
    ),
    Shape(
        *("ivr-and-agent", NOTES, "the automated interaction's recording, and the agent's"),
        described(entry(IVR, ParticipantType="IVR"), entry()),
        *(KEY, ONE, ("taken", "ivr")),
    ),
    Shape(
        *("ivr-by-key", NOTES, "the automated interaction's recording, by its key alone"),
        exported(entry(IVR)),
        *(None, "automated interaction (IVR) only", ("ivr",)),
    ),
    Shape(
        *("stream-beside", PUBLIC, "a Kinesis video stream beside the call audio"),
        exported(entry(), entry(ParticipantType="CUSTOMER", **KVS)),
        *(KEY, ONE, ("taken", "stream")),
    ),
    Shape("stream-only", CHOSEN, "a stream only", exported(entry(**KVS)), None, "streams only", ("stream",)),
    Shape(
        *("deleted", MODEL, "a deleted recording"),
        exported(entry(Status="DELETED", DeletionReason="Erika asked for it")),
        *(None, "the call audio was deleted", ("deleted",)),
    ),
    Shape(
        *("deleted-and-kept", CHOSEN, "a deleted recording, and another one"),
        exported(entry(Status="DELETED"), entry(LATER)),
        *(LATER, ONE, ("taken", "deleted")),
    ),
    Shape(
        *("agents-with-times", MODEL, "recordings of two agents, with times"),
        exported(entry(LATER, **LATE), entry(KEY, **EARLY)),
        *(KEY, "it shares the most time with the agent, 460 s", ("taken", "other")),
    ),
    Shape(
        *("agents-without-times", CHOSEN, "recordings of two agents, without times"),
        exported(entry(LATER), entry(KEY)),
        *(LATER, "it began last", ("other", "taken")),
    ),
    Shape(
        *("screen-beside", MODEL, "a screen recording beside the call audio"),
        described(entry(SCREEN, MediaStreamType="VIDEO", ParticipantType="AGENT"), entry()),
        *(KEY, ONE, ("taken", "screen")),
    ),
    Shape(
        *("screen-only", MODEL, "a screen recording only"),
        exported(entry(SCREEN, MediaStreamType="VIDEO")),
        *(None, "screen recordings only", ("screen",)),
    ),
    Shape(
        *("chat", MODEL, "a chat's transcript"),
        exported(entry("connect/mine/ChatTranscripts/a.json", MediaStreamType="CHAT"), Channel="CHAT"),
        *(None, "the contact is CHAT, and has no call audio", ("not audio",)),
    ),
    Shape(
        *("elsewhere", CHOSEN, "a file in another bucket"),
        exported(entry(Location=f"somebody-elses/{KEY}")),
        *(None, "in another bucket than Connect's", ("elsewhere",)),
    ),
    Shape(
        *("no-recordings", GUIDE, "no recordings"),
        exported(Recordings=None),
        *(None, "the record names no recording", ()),
    ),
    Shape(
        *("changed-types", GUIDE, "fields of other types than today's"),
        exported(Recordings=[7, {"Location": 3}, entry(Status={"Name": "AVAILABLE"}, StorageType=["S3"])], Agent=[]),
        *(KEY, ONE, ("taken",)),
    ),
)


def table() -> str:
    """The shapes for the docs."""
    rows = ((shape.holds, shape.source, _taken(shape), _because(shape)) for shape in SHAPES)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(("| the record has | source | call audio | because |", "| --- | --- | --- | --- |", *lines)) + "\n"


def _taken(shape: Shape) -> str:
    if shape.key is None:
        return "none" if shape.states == ("deleted",) else "found by its prefix"
    return "the later file" if shape.key == LATER else "the named file"


def _because(shape: Shape) -> str:
    return f"{shape.why}: the run fails" if shape.states == ("deleted",) else shape.why
