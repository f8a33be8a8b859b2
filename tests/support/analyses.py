"""Contact Lens' analyses, made by hand in the forms that were seen, with invented words and times."""

from __future__ import annotations

import json
from typing import Any

CONTACT = "7b0d2c1a-6a57-4a5e-9a3b-1f0c2d3e4f50"
AUDIO = f"s3://calls/connect/mine/CallRecordings/2026/11/24/{CONTACT}_20261124T11:58_UTC.wav"


def times(begin_ms: float, end_ms: float) -> dict[str, float]:
    """A span as Contact Lens writes it."""
    return {"BeginOffsetMillis": begin_ms, "EndOffsetMillis": end_ms}


def turn(begin_ms: float, end_ms: float, content: str = "Yes.", *redacted: dict[str, float], **more: Any) -> Any:
    """One turn of a transcript, of the customer."""
    found = {
        **times(begin_ms, end_ms),
        "Content": content,
        "Id": "a turn",
        "ParticipantId": "CUSTOMER",
        "Sentiment": "NEUTRAL",
        "LoudnessScore": [70.1, None],
    }
    if redacted:
        found["Redaction"] = {"RedactedTimestamps": list(redacted)}
    return found | more


def analysis(*turns: Any, **more: Any) -> dict[str, Any]:
    """A whole analysis, Version 1.1.0, of the admin guide's form.

    https://docs.aws.amazon.com/connect/latest/adminguide/contact-lens-example-output-files.html
    """
    return {
        "Version": "1.1.0",
        "AccountId": "an account",
        "Channel": "VOICE",
        "ContentMetadata": {"Output": "Raw"},
        "JobStatus": "COMPLETED",
        "JobDetails": {"SkippedAnalysis": []},
        "LanguageCode": "en-US",
        "Participants": [{"ParticipantId": side, "ParticipantRole": side} for side in ("CUSTOMER", "AGENT")],
        "Categories": {
            "MatchedCategories": ["Payment"],
            "MatchedDetails": {"Payment": {"PointsOfInterest": [times(9000, 9900)]}},
        },
        "ConversationCharacteristics": {
            "TotalConversationDurationMillis": 20_000,
            "NonTalkTime": {"TotalTimeMillis": 900, "Instances": [{**times(100, 1000), "DurationMillis": 900}]},
        },
        "CustomModels": [],
        "Transcript": list(turns),
        "CustomerMetadata": {"InputS3Uri": AUDIO, "ContactId": CONTACT, "InstanceId": "an instance"},
    } | more


def redacted_analysis(*turns: Any, **more: Any) -> dict[str, Any]:
    """The variant with redacted text, of the same source."""
    metadata = {
        "Output": "Redacted",
        "RedactionTypes": ["PII"],
        "RedactionTypesMetadata": {
            "PII": {"RedactionEntitiesRequested": ["CREDIT_DEBIT_NUMBER", "NAME"], "RedactionMaskMode": "PII"}
        },
    }
    return analysis(*turns, ContentMetadata=metadata, **more)


def as_json(found: Any) -> bytes:
    """The file's content."""
    return json.dumps(found).encode()
