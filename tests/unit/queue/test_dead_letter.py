"""Dead letters: attributes that are written beside a message, and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.queue.dead_letter import NO_REASON, DeadLetter, message_fields

WHEN = datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC)
LETTER = DeadLetter(
    body='{"recordingID": "contact-1"}',
    kind="permanent",
    error="MissingMediaError",
    reason="s3://b/x.mp4 isn't there",
    recording_id="contact-1",
    message_id="m1",
    request_id="r1",
    receive_count=3,
    failed_at=WHEN,
)


def as_received(letter: DeadLetter, **system: str) -> dict[str, Any]:
    """SQS's message of a dead letter that was sent to it."""
    attributes = {"SentTimestamp": "1772460310000", "ApproximateReceiveCount": "1", **system}
    return {
        "MessageId": "new",
        "Body": letter.body,
        "Attributes": attributes,
        "MessageAttributes": letter.attributes(),
    }


def test_the_attributes_are_those_of_the_contract() -> None:
    """Names, types and values are what scripts and people look for."""
    attributes = LETTER.attributes()
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "komorebiKind": "permanent",
        "komorebiError": "MissingMediaError",
        "komorebiReason": "s3://b/x.mp4 isn't there",
        "komorebiRecordingID": "contact-1",
        "komorebiMessageID": "m1",
        "komorebiRequestID": "r1",
        "komorebiFailedAt": "2026-03-02T14:05:09+00:00",
        "komorebiReceiveCount": "3",
    }
    types = {name: value["DataType"] for name, value in attributes.items()}
    assert types.pop("komorebiReceiveCount") == "Number"
    assert set(types.values()) == {"String"}
    assert len(attributes) <= 10  # SQS takes no more


def test_a_dead_letter_is_read_as_it_was_written() -> None:
    """There and back nothing changes."""
    assert DeadLetter.from_message(as_received(LETTER)) == LETTER


HELD = replace(LETTER, kind="held", error="HeldError", candidates=((-9.25, 0.98), (-1.29, 0.02)))


def test_a_held_recording_has_its_candidates() -> None:
    """They are JSON in an attribute, and are read again; the JSON for scripts has them for this kind only."""
    attributes = HELD.attributes()
    assert attributes["komorebiKind"]["StringValue"] == "held"
    assert json.loads(attributes["komorebiCandidates"]["StringValue"]) == [
        {"offset_s": -9.25, "probability": 0.98},
        {"offset_s": -1.29, "probability": 0.02},
    ]
    assert len(attributes) <= 10
    assert DeadLetter.from_message(as_received(HELD)) == HELD
    assert HELD.to_dict()["candidates"][0] == {"offset_s": -9.25, "probability": 0.98}
    assert (HELD.is_held, LETTER.is_held, "candidates" in LETTER.to_dict()) == (True, False, False)


def test_only_the_most_probable_candidates_are_kept() -> None:
    """The attribute is bounded."""
    many = replace(HELD, candidates=tuple((float(n) * 1000.12345, 0.01234) for n in range(5000)))
    text = many.attributes()["komorebiCandidates"]["StringValue"]
    assert len(text) < 600
    assert DeadLetter.from_message(as_received(many)).candidates == tuple(
        (round(n * 1000.12345, 4), 0.0123) for n in range(10)
    )


@pytest.mark.parametrize(
    "text", ["no JSON", "[1]", '{"offset_s": 1}', '[{"offset_s": "x", "probability": 1}]', "9" * 5000, "[" * 900]
)
def test_malformed_candidates(text: str) -> None:
    """An attribute by another program doesn't break the list."""
    message = as_received(HELD)
    message["MessageAttributes"]["komorebiCandidates"] = {"DataType": "String", "StringValue": text}
    assert DeadLetter.from_message(message).candidates == ()


@given(reason=st.text(), recording_id=st.text(max_size=20), request_id=st.text(max_size=5))
def test_any_dead_letter_is_one_that_sqs_takes(reason: str, recording_id: str, request_id: str) -> None:
    """No attribute is empty, no reason has control characters or is endless, and it can be read again."""
    letter = DeadLetter("body", "tries", "KeyError", reason, recording_id, "m1", request_id, 8, WHEN)
    attributes = letter.attributes()
    assert all(value["StringValue"] for value in attributes.values())
    text = attributes.get("komorebiReason", {}).get("StringValue", "")
    assert text.isprintable()
    assert len(text) <= 1000
    assert DeadLetter.from_message(as_received(letter)).kind == "tries"


def test_a_long_reason_is_cut_at_its_end() -> None:
    """Its beginning is kept."""
    text = DeadLetter("b", "tries", "E", "why\n" + "x" * 5000, "", "", "", 1, WHEN).attributes()["komorebiReason"]
    assert text["StringValue"].startswith("why xxx")
    assert text["StringValue"].endswith("x...")


def test_a_dead_letter_that_sqs_moved_has_no_reason() -> None:
    """It has a remark, the recording of its body, the message's own ID, and its time."""
    message = {
        "MessageId": "m2",
        "Body": LETTER.body,
        "Attributes": {"SentTimestamp": "1772460309000", "ApproximateReceiveCount": "9"},
    }
    letter = DeadLetter.from_message(message)
    assert (letter.kind, letter.error, letter.reason) == ("unknown", "", NO_REASON)
    assert (letter.recording_id, letter.message_id, letter.request_id) == ("contact-1", "m2", "")
    assert letter.failed_at == WHEN
    assert letter.receive_count == 0


def test_an_earlier_failures_reason_is_not_this_ones() -> None:
    """SQS's redrive keeps attributes: a message that crashed afterwards bears those of the failure before."""
    source = {"DeadLetterQueueSourceArn": "arn:aws:sqs:region:1:work"}
    letter = DeadLetter.from_message(as_received(LETTER, **source))
    assert (letter.kind, letter.reason, letter.message_id) == ("unknown", NO_REASON, "new")
    assert letter.recording_id == "contact-1"


@pytest.mark.parametrize("body", ["", "no JSON", "[1]", "{}", '{"recordingID": 7}', "[" * 100_000, "9" * 5000])
def test_a_body_without_a_recording(body: str) -> None:
    """A dead letter of any body can be read."""
    assert DeadLetter.from_message({"MessageId": "m", "Body": body}).recording_id == ""


@pytest.mark.parametrize("text", ["", "yesterday", "2026-99-99"])
def test_a_malformed_moment(text: str) -> None:
    """An attribute by another program doesn't break the list: the moment of sending is used."""
    message = as_received(LETTER)
    message["MessageAttributes"]["komorebiFailedAt"] = {"DataType": "String", "StringValue": text}
    message["MessageAttributes"]["komorebiKind"] = {"DataType": "String", "StringValue": "strange"}
    message["MessageAttributes"]["komorebiReceiveCount"] = {"DataType": "Number", "StringValue": "-1.5"}
    letter = DeadLetter.from_message(message)
    assert letter.failed_at == WHEN + timedelta(seconds=1)
    assert (letter.kind, letter.receive_count) == ("unknown", 0)


def test_moments_are_in_utc() -> None:
    """In any zone of the machine; one without a zone is read as UTC, so that dead letters can be sorted."""
    there = timezone(timedelta(hours=9))
    letter = DeadLetter("b", "tries", "E", "r", "", "", "", 1, WHEN.astimezone(there))
    assert letter.attributes()["komorebiFailedAt"]["StringValue"] == "2026-03-02T14:05:09+00:00"
    message = as_received(LETTER)
    message["MessageAttributes"]["komorebiFailedAt"] = {"DataType": "String", "StringValue": "2026-03-02T14:05:09"}
    assert DeadLetter.from_message(message).failed_at == WHEN


def test_others_attributes_are_passed_over() -> None:
    """Attributes of a backend or a tracer are ignored."""
    message = {"Body": json.dumps({}), "MessageAttributes": {"Kind": {"DataType": "String", "StringValue": "tries"}}}
    assert DeadLetter.from_message(message).kind == "unknown"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('{"recordingID": "c1", "callEndingTimestamp": "1"}', '{"recordingID": "c1", "callEndingTimestamp": "1"}'),
        ('{"force":true,"recordingID":"c1"}', '{"force":true,"recordingID":"c1"}'),
        (
            '{"agent": "Jane Doe", "recordingID": "c1", "force": true, "callEndingTimestamp": "1"}',
            '{"recordingID": "c1", "callEndingTimestamp": "1", "force": true}',
        ),
        ('{"agent": "Jane Doe"}', "{}"),
        ("[1]", "[1]"),
        ("no JSON", "no JSON"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_body_keeps_the_fields_of_a_message(body: str, kept: str) -> None:
    """Other fields may name people; a text that isn't an object is all that an operator has."""
    assert message_fields(body) == kept
