"""A contact record with the fields that are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from contact_shapes import SHAPES, Shape, entry, exported

from komorebi_qc.core.contact.parse import parse_contact
from komorebi_qc.core.contact.record import ContactRecord, ContactRecording

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_a_record_survives_json(shape: Shape) -> None:
    """A batch gives its workers records as JSON, and they read the same."""
    record = parse_contact(shape.document)
    assert ContactRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_an_agent_who_leaves_early_ends_the_call_for_the_agent() -> None:
    """Of the after-call work's start and the customer's disconnection, the first one counts, as in blind transfers."""
    record = ContactRecord("a", connected_at=NOON, after_work_at=NOON.replace(minute=8), disconnected_at=None)
    assert record.agent_s == 480.0
    assert replace(record, disconnected_at=NOON.replace(minute=27)).agent_s == 480.0
    assert replace(record, disconnected_at=NOON.replace(minute=7)).agent_s == 420.0


def test_times_that_contradict_each_other_are_not_used() -> None:
    """Without an agent, without an end, or with an end before the start, the time isn't known."""
    assert ContactRecord("a").agent_s is None
    assert ContactRecord("a", connected_at=NOON).agent_s is None
    assert ContactRecord("a", connected_at=NOON, disconnected_at=NOON.replace(hour=11)).agent_s is None


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("bucket/a/b.wav", ("bucket", "a/b.wav")),
        ("s3://bucket/a/b.wav", ("bucket", "a/b.wav")),
        ("arn:aws:kinesisvideo:eu-central-1:1:stream/a", None),
        ("bucket", None),
        ("s3:///a.wav", None),
        ("bucket/", None),
    ],
)
def test_a_location_is_read_with_and_without_s3(location: str, place: tuple[str, str] | None) -> None:
    """Both forms name bucket and key, and others name nothing in S3."""
    assert ContactRecording(location).place == place


def test_nothing_that_names_a_person_is_kept() -> None:
    """The record as it goes to workers has no name, number, tag, attribute or reason of a deletion."""
    text = json.dumps(parse_contact(exported(entry(DeletionReason="Erika asked"))).to_dict())
    for private in ("Mustermann", "Erika", "Max", "+49", "DE02", "57db30ae"):
        assert private not in text
