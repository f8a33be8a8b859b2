"""Events in messages."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from arriving import PLACES, SWEEP, call_came, contact_ended, created, event, recording_came, screen

from komorebi_qc.core.contact.events import Arrival, Ignored, Sweep, Swept, read_event, swept_body
from komorebi_qc.core.errors import MessageError

OWN = "s3://demo-input/2026/11/24/erika/contact-1.mp4"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (call_came("contact-1"), Arrival("contact-1", "call", "e-1", "20261124T12:00")),
        (recording_came("contact-1"), Arrival("contact-1", "recording", "e-2")),
        (contact_ended("contact-1"), Arrival("contact-1", "contact", "e-3")),
        (screen("contact-1", "PUBLISHED", location=OWN), Arrival("contact-1", "recording", "e-4")),
        (screen("contact-1", "FAILED"), Arrival("contact-1", "failed", "e-4")),
        (SWEEP, Sweep()),
        (swept_body("contact-1"), Swept("contact-1")),
    ],
    ids=["call", "recording", "contact", "screen published", "screen failed", "sweep", "swept"],
)
def test_events_are_read(body: str, expected: object) -> None:
    """Each event gives its recording, the half and its own ID."""
    assert read_event(body, PLACES) == expected


def test_a_screen_recording_is_a_half_if_it_is_used() -> None:
    """By default only files of the input bucket are; otherwise only those below the configured place."""
    body = screen("contact-1", "PUBLISHED", location="s3://screens/some/prefix/a.mp4")
    came = Arrival("contact-1", "recording", "e-4")
    assert isinstance(read_event(body, PLACES), Ignored)
    for place, expected in (("screens", came), ("screens/some/prefix/", came), ("screens/some/pre", None)):
        found = read_event(body, replace(PLACES, screens=place))
        assert found == expected or (expected is None and isinstance(found, Ignored))
    for own in (recording_came("contact-1"), screen("contact-1", "PUBLISHED", location=OWN)):
        assert isinstance(read_event(own, replace(PLACES, screens="screens")), Ignored)


@pytest.mark.parametrize(
    "body",
    [
        contact_ended("contact-1", eventType="DISCONNECTED"),
        contact_ended("contact-1", channel="CHAT"),
        contact_ended("contact-1", agentInfo=None),
        screen("contact-1", "INITIATED"),
        screen("contact-1", "PUBLISHED", location="s3://other/a.mp4"),
        created("demo-connect", "connect/demo/CallRecordings/ivr/2026/11/24/contact-1_20261124T11:58_UTC.wav"),
        created("demo-connect", "connect/demo/ChatTranscripts/2026/11/24/contact-1.json"),
        created("demo-connect", "Analysis/Voice/2026/11/24/contact-1_analysis_2026-11-24T12:00:00Z.json"),
        created("demo-input", "2026/11/24/contact-1.mp4"),
        created("another", "connect/demo/CallRecordings/2026/11/24/contact-1_20261124T12:00_UTC.wav"),
        event("aws.ec2", "Instance State-change", {}, "e-1"),
    ],
)
def test_events_about_something_else_are_ignored(body: str) -> None:
    """They are no error: a rule may send more than is needed."""
    assert isinstance(read_event(body, PLACES), Ignored)


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"recordingID": "a"}', '{"detail-type": 7}'])
def test_other_messages_are_no_events(body: str) -> None:
    """The backend's message is read as before, and so is nonsense."""
    assert read_event(body, PLACES) is None


@pytest.mark.parametrize(
    "body",
    [
        contact_ended("../x"),
        call_came("a b"),
        screen("", "FAILED"),
        event("aws.s3", "Object Created", {}, "e-1"),
        event("aws.s3", "Object Created", {"bucket": {"name": 1}, "object": []}, "e-1"),
        json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": {}}),
        swept_body("../x"),
    ],
)
def test_a_broken_event_is_refused(body: str) -> None:
    """No ID reaches a key unchecked."""
    with pytest.raises(MessageError):
        read_event(body, PLACES)
