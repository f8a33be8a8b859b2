"""The call audio by a contact's record, in the media store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, PREFIX, RECORDING, World
from contact_shapes import entry, exported

from komorebi_qc.core.contact.parse import parse_contact
from komorebi_qc.core.errors import MissingMediaError, NotThereYetError
from komorebi_qc.storage.contact.records import KnownRecords

if TYPE_CHECKING:
    from komorebi_qc.storage.s3.media import S3Media

ID = RECORDING.recording_id
DAY = f"{PREFIX}/CallRecordings/2026/03/02"
OWN, FOREIGN = f"{DAY}/{ID}_20260302T23:50_UTC.wav", f"{DAY}/contact-9_20260302T23:50_UTC.wav"


def named(key: str, **others: Any) -> dict[str, Any]:
    """An entry in Connect's bucket."""
    return entry(Location=f"{CONNECT}/{key}", **others)


def store(world: World, *recordings: dict[str, Any], has_record: bool = True) -> S3Media:
    """The store with one record, or none."""
    record = parse_contact(exported(*recordings, ContactId=ID))
    return replace(world.media(), contacts=KnownRecords("api", {ID: record} if has_record else {}))


def put(world: World, *keys: str) -> None:
    """Write files that hold their own names."""
    for key in keys:
        world.s3.put_object(Bucket=CONNECT, Key=key, Body=key.encode())


def read(media: S3Media) -> str:
    """The key of the call audio."""
    with media.call_audio(RECORDING) as source:
        return source.file.read().decode()


def test_the_records_file_is_read_whatever_its_name(world: World) -> None:
    """A file that is named by another contact is found by the record, and one of this contact's name isn't taken."""
    put(world, OWN, FOREIGN)
    media = store(world, named(FOREIGN))
    assert read(media) == FOREIGN
    contact = media.contact(RECORDING)
    assert contact is not None
    assert (contact.call_audio_by, contact.named[0].state) == ("record", "taken")
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"own")
    assert media.input_versions(RECORDING)[0] == FOREIGN


@pytest.mark.parametrize(
    ("recordings", "why"),
    [
        (None, "no record of the contact"),
        ([], "names no recording"),
        ([named(f"{PREFIX}/CallRecordings/ivr/2026/03/02/{ID}_20260302T23:49_UTC.wav")], "(IVR) only"),
    ],
)
def test_without_a_usable_entry_the_prefix_is_searched(
    world: World, recordings: list[dict[str, Any]] | None, why: str
) -> None:
    """The file of the contact's own name is taken, and the contact says why."""
    put(world, OWN)
    media = store(world, *(recordings or ()), has_record=recordings is not None)
    assert read(media) == OWN
    contact = media.contact(RECORDING)
    assert contact is not None
    assert contact.call_audio_by == "prefix"
    assert why in contact.why
    assert all(one.state != "taken" for one in contact.named)


def test_a_named_file_is_waited_for(world: World) -> None:
    """Another file of the contact, such as the IVR's, isn't the call while the named one may still come."""
    put(world, OWN)
    media = store(world, named(FOREIGN))
    with pytest.raises(NotThereYetError, match=r"record names .*contact-9"):
        read(media)
    late = replace(media, now=lambda: datetime(2026, 3, 6, tzinfo=UTC))
    assert read(late) == OWN
    contact = late.contact(RECORDING)
    assert contact is not None
    assert (contact.call_audio_by, "which isn't there" in contact.why) == ("prefix", True)


def test_the_facts_of_open_call_audio_cost_no_request(world: World) -> None:
    """A run opens the call audio, and asks for the contact next; later the store looks again."""
    put(world, OWN)
    media, asked = store(world, has_record=False), list[str]()
    world.s3.meta.events.register("before-call.s3", lambda model, **_: asked.append(model.name))
    assert read(media) == OWN
    before = list(asked)
    assert before.count("ListObjectsV2") == 3
    assert media.contact(RECORDING) is not None
    assert asked == before
    assert media.contact(RECORDING) is not None
    assert asked.count("ListObjectsV2") == 6


def test_nothing_at_all_is_waited_for(world: World) -> None:
    """A record may come before the audio: the message is retried."""
    with pytest.raises(NotThereYetError):
        read(store(world, named(FOREIGN)))


def test_a_deleted_recording_is_never_used(world: World) -> None:
    """Somebody wanted it gone: the copy that is still there stays untouched, and no retry helps."""
    put(world, OWN)
    with pytest.raises(MissingMediaError, match="was deleted") as caught:
        read(store(world, named(OWN, Status="DELETED", DeletionReason="Erika asked for it")))
    assert OWN in str(caught.value)
    assert "Erika" not in str(caught.value)


def test_redacted_audio_goes_before_the_record(world: World) -> None:
    """With `prefer`, Contact Lens' redacted audio is taken, and the record's facts are still there."""
    redacted = f"Analysis/Voice/Redacted/2026/03/02/{ID}_call_recording_redacted_2026-03-02T23:50:00Z.wav"
    put(world, OWN, redacted)
    media = replace(store(world, named(OWN)), analysis_prefix="Analysis/Voice", redacted="prefer")
    assert read(media) == redacted
    contact = media.contact(RECORDING)
    assert contact is not None
    assert (contact.call_audio_by, contact.record is not None) == ("redacted", True)
    assert [one.state for one in contact.named] == ["other"]


def test_without_records_there_is_no_contact(world: World) -> None:
    """By default nobody is asked."""
    put(world, OWN)
    assert world.media().contact(RECORDING) is None
    assert read(world.media()) == OWN
