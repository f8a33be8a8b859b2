"""The choice of the call audio by a contact's record."""

from __future__ import annotations

import json

import pytest
from contact_shapes import BUCKET, KEY, LATER, SHAPES, Shape, entry, exported

from komorebi_qc.core.contact.choice import FACTS, FoundContact, choose_audio
from komorebi_qc.core.contact.parse import parse_contact


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_the_right_recording_is_taken_of_every_shape(shape: Shape) -> None:
    """Each shape gives the key, the reason and the use of every recording."""
    choice = choose_audio(parse_contact(shape.document), BUCKET)
    assert choice.key == shape.key
    assert shape.why in choice.why
    assert tuple(one.state for one in choice.named) == shape.states
    assert choice.is_deleted == (shape.name == "deleted")


def test_there_are_enough_shapes() -> None:
    """No shape comes twice, and there are at least 14."""
    assert len({shape.name for shape in SHAPES}) == len(SHAPES) >= 14


def test_several_agents_recordings_are_named_in_the_order_of_time() -> None:
    """Recordings of the record that come in another order are sorted by their start."""
    choice = choose_audio(parse_contact(exported(entry(LATER), entry(KEY))), BUCKET)
    assert [one.location for one in choice.named] == [f"{BUCKET}/{KEY}", f"{BUCKET}/{LATER}"]


def test_the_facts_hold_ids_and_times() -> None:
    """The document has all facts with their values, and the use of every recording."""
    record = parse_contact(exported(entry()))
    choice = choose_audio(record, BUCKET)
    facts = FoundContact("export", record, choice.named, "record", choice.why).to_dict()
    assert {name for name in FACTS if name in facts} == set(FACTS)
    assert facts["connected_at"] == "2026-11-24T12:00:00Z"
    assert facts["agent_s"] == 460.0
    assert (facts["queue_id"], facts["team_id"]) == ("078ccbaa", "647c7f7d")
    assert facts["previous_contact_id"] is None
    assert [one["state"] for one in facts["recordings"]] == ["taken"]


def test_an_absent_record_has_no_facts() -> None:
    """Without a record every fact is null, and the way to the call audio is still named."""
    facts = FoundContact("api", None, (), "prefix", "there is no record of the contact").to_dict()
    assert facts["is_found"] is False
    assert all(facts[name] is None for name in FACTS)


def test_recordings_that_are_not_used_are_not_called_taken() -> None:
    """If the call audio is found by its prefix, or is the redacted one, no recording of the record counts as taken."""
    record = parse_contact(exported(entry()))
    choice = choose_audio(record, BUCKET)
    found = FoundContact("api", record, choice.named, "record", choice.why)
    for other in (found.without_use("it isn't there"), found.as_redacted("it is redacted")):
        assert [one.state for one in other.named] == ["other"]
    assert found.without_use("it isn't there").call_audio_by == "prefix"
    assert found.as_redacted("it is redacted").call_audio_by == "redacted"


def test_no_name_number_or_attribute_is_in_the_facts() -> None:
    """The record's names of persons, numbers, tags and attributes are in no fact."""
    for shape in SHAPES:
        record = parse_contact(shape.document)
        choice = choose_audio(record, BUCKET)
        text = json.dumps(FoundContact("api", record, choice.named, "prefix", choice.why).to_dict())
        for private in ("Mustermann", "Erika", "Max", "+49", "DE02", "invoice", "57db30ae"):
            assert private not in text
