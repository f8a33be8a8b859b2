"""A recording's objects, dead letters and attributes are found among those of other recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aws_fixtures import CONNECT, INPUT, OUTPUT, PREFIX, World
from erasures import AGENT, OTHER, OURS, Search, own_attributes, put_letter, put_recording, recording_of, versioned

from komorebi_qc.erasure.in_aws import DeadLetters, InputObjects, ItemAttributes, PublishedObjects
from komorebi_qc.erasure.name_match import NameMatch
from komorebi_qc.erasure.plan import NOT_OURS
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.storage.s3.object_versions import VersionedBucket

NAMES = NameMatch(OURS)
FOLDER = f"2026/03/02/{AGENT}/{OURS}/"


def published(world: World, folder: str = FOLDER) -> PublishedObjects:
    """The recording's objects."""
    return PublishedObjects(VersionedBucket(world.s3, OUTPUT), NAMES, folder)


@pytest.mark.parametrize("folder", [FOLDER, ""])
def test_results_in_all_versions_go(world: World, folder: str) -> None:
    """Three objects in two versions, and an upload that was never completed; found by folder or in the whole bucket."""
    versioned(world)
    put_recording(world, OURS, times=2)
    put_recording(world, OTHER)
    place = published(world, folder)
    found = list(place.find())
    assert [(one.kind, one.count) for one in found] == [
        ("unfinished upload", 1),
        ("qc.json", 2),
        ("video", 2),
        ("thumbnail", 2),
    ]
    before = Search(OTHER).in_bucket(world.s3, OUTPUT)
    for one in found:
        place.remove(one)
    assert Search(OURS).in_bucket(world.s3, OUTPUT) == []
    assert Search(OTHER).in_bucket(world.s3, OUTPUT) == before
    assert list(published(world, folder).find()) == []


def test_an_object_of_somebody_else_is_named_and_stays(world: World) -> None:
    """The backend may keep its own files in the folder."""
    world.s3.put_object(Bucket=OUTPUT, Key=f"{FOLDER}notes.txt", Body=b"")
    (one,) = published(world).find()
    assert (one.kind, one.kept_because) == ("other file", NOT_OURS)


def test_locked_versions_are_named(world: World) -> None:
    """A version under a lock and a free one are two entries, each with its own count."""
    world.s3.create_bucket(
        Bucket="locked",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )
    until = datetime(2098, 7, 1, tzinfo=UTC)
    retained = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    for more in (retained, {"ObjectLockLegalHoldStatus": "ON"}, {}):
        world.s3.put_object(Bucket="locked", Key=f"{FOLDER}qc.json", Body=b"{}", **more)
    place = PublishedObjects(VersionedBucket(world.s3, "locked"), NAMES, FOLDER)
    found = [(one.count, one.kept_because) for one in place.find()]
    assert found == [(1, ""), (1, "Object Lock (compliance mode) until 2098-07-01 00:00 UTC"), (1, "a legal hold")]


def test_inputs(world: World) -> None:
    """Call audio, Contact Lens' files and the agent recording; the IVR's part of the contact too."""
    put_recording(world, OURS)
    put_recording(world, OTHER)
    ivr = f"{PREFIX}/CallRecordings/2026/03/02/{OURS}_20260302T14:03_UTC.wav"
    world.s3.put_object(Bucket=CONNECT, Key=ivr, Body=b"")
    world.s3.put_object(Bucket=CONNECT, Key=f"{PREFIX}/CallRecordings/2026/03/02/{OURS}_x.wav", Body=b"")
    connect, inputs = VersionedBucket(world.s3, CONNECT), VersionedBucket(world.s3, INPUT)
    place = InputObjects(connect, PREFIX, None, inputs, recording_of(OURS))
    found = list(place.find())
    assert [one.kind for one in found] == ["call audio", "call audio", "Contact Lens file", "agent recording"]
    assert all(one.is_input for one in found)
    for one in found:
        place.remove(one)
    assert world.keys(INPUT) == [recording_of(OTHER).agent_recording_key]
    assert [key for key in world.keys(CONNECT) if OURS in key] == [f"{PREFIX}/CallRecordings/2026/03/02/{OURS}_x.wav"]


def test_the_further_files_of_a_recording_are_inputs_too(world: World) -> None:
    """The item names them; without them, a part of the screen would stay."""
    put_recording(world, OURS)
    item = replace(recording_of(OURS), further_ids=(f"{OURS}-2",))
    world.s3.put_object(Bucket=INPUT, Key=item.further_recording_keys[0], Body=b"x")
    place = InputObjects(VersionedBucket(world.s3, CONNECT), PREFIX, None, VersionedBucket(world.s3, INPUT), item)
    found = [one.address for one in place.find() if one.kind == "agent recording"]
    assert [address.rpartition("/")[2] for address in found] == [f"{OURS}.mp4", f"{OURS}-2.mp4"]


def test_inputs_of_an_id_that_begins_alike_stay(world: World) -> None:
    """IDs may have underscores: ``r_1`` isn't ``r``."""
    for name in ("r", "r_1"):
        put_recording(world, name)
    connect, inputs = VersionedBucket(world.s3, CONNECT), VersionedBucket(world.s3, INPUT)
    found = list(InputObjects(connect, PREFIX, None, inputs, recording_of("r")).find())
    assert [one.kind for one in found] == ["call audio", "Contact Lens file", "agent recording"]
    assert not any("r_1" in one.address for one in found)


@pytest.mark.parametrize("recording_id", ["2026", "03", AGENT])
def test_a_day_or_an_agent_of_the_same_name(world: World, recording_id: str) -> None:
    """In a search of the whole bucket, only the recording's own folder counts."""
    put_recording(world, OTHER)
    world.s3.put_object(Bucket=OUTPUT, Key=f"2026/03/02/{AGENT}/{recording_id}/qc.json", Body=b"")
    place = PublishedObjects(VersionedBucket(world.s3, OUTPUT), NameMatch(recording_id), "")
    assert [one.address.partition(f"{AGENT}/")[2] for one in place.find()] == [f"{recording_id}/qc.json"]


def test_dead_letters_that_mention_a_short_id_stay(world: World) -> None:
    """The letter of recording 12 has a 1 in its reason."""
    for name in ("1", "12"):
        body = json.dumps({"recordingID": name, "callEndingTimestamp": "1"})
        letter = DeadLetter.from_message({"Body": body, "Attributes": {"SentTimestamp": "0"}})
        world.queue("dead").send(body, replace(letter, reason="it isn't there 1 h after creationDate").attributes())
    world.queue("dead").send("1 isn't JSON {")
    place = DeadLetters(world.queue("dead"), NameMatch("1"))
    (one,) = place.find()
    assert one.count == 1
    place.remove(one)
    assert sorted(world.bodies("dead").elements()) == [
        "1 isn't JSON {",
        json.dumps({"recordingID": "12", "callEndingTimestamp": "1"}),
    ]


def test_dead_letters(world: World) -> None:
    """Those with a reason and those that SQS moved are deleted; the other recording's are visible again."""
    for name in (OURS, OTHER):
        put_letter(world, name)
    place = DeadLetters(world.queue("dead"), NAMES)
    (one,) = place.find()
    assert (one.kind, one.count, len(one.versions)) == ("dead letter", 2, 2)
    place.remove(one)
    assert Search(OURS).in_queue(world) == []
    assert world.waiting("dead") == (2, 0)
    assert list(DeadLetters(world.queue("dead"), NAMES).find()) == []


def test_dead_letters_that_somebody_reads_are_named(world: World) -> None:
    """They can't be seen: any of them may be the recording's."""
    put_letter(world, OTHER)
    world.queue("dead").receive_some(1, 0, 600)
    (one,) = DeadLetters(world.queue("dead"), NAMES).find()
    assert (one.count, one.kept_because.partition(":")[0]) == (1, "another process reads these messages now")


def test_attributes_of_the_item(world: World) -> None:
    """The software's own go, ``isProcessed`` is false again, and the backend's stay."""
    put_recording(world, OURS)
    place = ItemAttributes(world.table(), OURS)
    (one,) = place.find()
    assert one.count == 3
    assert one.address.endswith("isProcessed, outputContainer, qcVerdict")
    place.remove(one)
    assert own_attributes(world, OURS) == {"isProcessed": {"BOOL": False}}
    assert world.table().get(OURS).agent_id == AGENT
    assert list(place.find()) == []
    place.remove(one)  # once more, after an interruption
