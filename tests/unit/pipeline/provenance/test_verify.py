"""A run's files, read again and compared with its qc.json."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, RECORDING, TABLE, World
from byte_changes import OnDisk, changes
from recorded_runs import NAMES, content_of, document_of, key_files, run_in

from komorebi_qc.core.errors import InputError, PermanentError
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.record import FileRecord, Provenance
from komorebi_qc.core.provenance.seal import sealed, sealed_bytes
from komorebi_qc.pipeline.provenance import verify as module
from komorebi_qc.pipeline.provenance.verify import Verification, verify_recording, verify_run
from komorebi_qc.storage.recorded_files import RecordedFiles
from komorebi_qc.storage.signing import Ed25519Key

if TYPE_CHECKING:
    from pathlib import Path

ALL = ["qc.json", *NAMES]


def no_client() -> Any:
    """Files need no client."""
    raise AssertionError


def verified(path: Path, **asked: Any) -> Verification:
    """The verification of a qc.json on disk."""
    return verify_run(RecordedFiles(str(path.parent), no_client), path.name, **asked)


def states(found: Verification) -> dict[str, str]:
    """The state of each file by its role."""
    return {one.role: one.state for one in found.files}


def test_an_untouched_run_is_unchanged(tmp_path: Path) -> None:
    """Every file is there with its digest."""
    found = verified(run_in(tmp_path))
    assert (found.state, states(found)) == ("unchanged", dict.fromkeys(ALL, "unchanged"))
    assert (found.recording_id, found.version) == ("local", "9.9.9")
    assert found.to_dict()["files"][1] == {
        "role": "video",
        "address": str(tmp_path / "out" / "unified.mp4"),
        "state": "unchanged",
        "detail": None,
        "version_id": None,
    }


@pytest.mark.parametrize("role", NAMES)
def test_a_missing_file_is_named(tmp_path: Path, role: str) -> None:
    """The others are still compared."""
    path = run_in(tmp_path)
    (path.parent / NAMES[role]).unlink()
    found = verified(path)
    assert (found.state, states(found)) == ("missing", {**dict.fromkeys(ALL, "unchanged"), role: "missing"})


@pytest.mark.parametrize(("content", "detail"), [(b"short", "5 bytes instead of 5000"), (None, "its SHA-256 differs")])
def test_a_changed_file_is_named_with_its_difference(tmp_path: Path, content: bytes | None, detail: str) -> None:
    """A file of another size, and one of the same size."""
    path = run_in(tmp_path)
    (path.parent / NAMES["call_audio"]).write_bytes(content_of("other") if content is None else content)
    found = verified(path)
    assert states(found) == {**dict.fromkeys(ALL, "unchanged"), "call_audio": "changed"}
    assert [one.detail for one in found.files if one.detail] == [detail]


def test_changed_comes_before_missing(tmp_path: Path) -> None:
    """A run with both is changed."""
    path = run_in(tmp_path)
    (path.parent / NAMES["video"]).unlink()
    (path.parent / NAMES["thumbnail"]).write_bytes(b"x")
    assert verified(path).state == "changed"


def test_inputs_can_be_left_out(tmp_path: Path) -> None:
    """A copy of the outputs alone is verified without the inputs."""
    path = run_in(tmp_path)
    for role in ("call_audio", "agent_recording"):
        (path.parent / NAMES[role]).unlink()
    found = verified(path, with_inputs=False)
    assert (found.state, list(states(found))) == ("unchanged", ["qc.json", "video", "thumbnail"])


@pytest.mark.parametrize("is_signed", [False, True])
def test_single_changed_bytes_are_caught(tmp_path: Path, is_signed: bool) -> None:  # noqa: FBT001
    """A seeded sample over all files: each change is found in the file that it was made in."""
    private, public = key_files(tmp_path)
    path = run_in(tmp_path, Ed25519Key(private) if is_signed else None)
    keys = (Ed25519Key(public),) if is_signed else ()
    places = {"qc.json": OnDisk(path), **{role: OnDisk(path.parent / name) for role, name in NAMES.items()}}
    found = list(changes(places, lambda: verified(path, keys=keys), count=250, seed=7))
    assert [one for one in found if not one.is_caught] == []
    assert verified(path, keys=keys).state == "unchanged"


def test_a_signature_is_checked_with_the_given_key_only(tmp_path: Path) -> None:
    """Valid with its key, unknown without a key, changed with another one, and missing if it is asked for."""
    private, public = key_files(tmp_path)
    _, other = key_files(tmp_path, "other")
    path = run_in(tmp_path, Ed25519Key(private))
    assert states(verified(path, keys=(Ed25519Key(other), Ed25519Key(public))))["signature"] == "unchanged"
    wrong = verified(path, keys=(Ed25519Key(other),))
    assert (wrong.state, states(wrong)["qc.json"], states(wrong)["signature"]) == ("changed", "unchanged", "changed")
    unchecked = verified(path)
    assert (unchecked.state, states(unchecked)["signature"]) == ("unknown", "unknown")
    run_in(tmp_path)
    assert states(verified(path, keys=(Ed25519Key(public),)))["signature"] == "missing"
    assert "signature" not in states(verified(path))


def test_a_document_made_again_has_no_valid_signature(tmp_path: Path) -> None:
    """Somebody who changes the video, its digest and the seal can't sign."""
    private, public = key_files(tmp_path)
    path = run_in(tmp_path, Ed25519Key(private))
    document = json.loads(path.read_bytes())
    signature = document.pop("seal")["signature"]
    (path.parent / NAMES["video"]).write_bytes(b"forged")
    document["provenance"]["outputs"]["video"].update(digest_of_bytes(b"forged").to_dict())
    forged = sealed(document)
    forged["seal"]["signature"] = signature
    path.write_bytes(sealed_bytes(forged))
    found = states(verified(path, keys=(Ed25519Key(public),)))
    assert (found["video"], found["qc.json"], found["signature"]) == ("unchanged", "unchanged", "changed")


def test_a_qc_json_that_is_gone_or_no_json(tmp_path: Path) -> None:
    """Without it nothing else can be compared."""
    path = run_in(tmp_path)
    path.write_bytes(b"{")
    broken = verified(path)
    assert (broken.state, states(broken)) == ("changed", {"qc.json": "changed"})
    path.unlink()
    assert states(verified(path)) == {"qc.json": "missing"}


def test_a_document_of_an_earlier_version_is_unknown(tmp_path: Path) -> None:
    """It has neither a record nor a seal: there is nothing to compare."""
    path = tmp_path / "qc.json"
    path.write_text(json.dumps({"schema": "2.1", "version": "0.2.0", "recording_id": "local"}, indent=1))
    found = verified(path)
    assert (found.state, states(found), found.version) == ("unknown", {"qc.json": "unknown"}, "0.2.0")


@pytest.mark.parametrize("lost", ["seal", "provenance"])
def test_a_document_that_lost_seal_or_record_is_changed(tmp_path: Path, lost: str) -> None:
    """Only a document without both can be of an earlier version."""
    path = run_in(tmp_path)
    document = json.loads(path.read_bytes())
    del document[lost]
    path.write_bytes(sealed_bytes(document))
    assert states(verified(path))["qc.json"] == "changed"


def test_a_record_that_cant_be_read_is_unknown(tmp_path: Path) -> None:
    """An intact document whose record lacks a file is no earlier version; the reason is named."""
    path = tmp_path / "qc.json"
    path.write_bytes(sealed_bytes(sealed({"schema": "2.2", "provenance": {"inputs": {}, "outputs": {}}})))
    found = verified(path)
    assert states(found) == {"qc.json": "unknown"}
    assert "the provenance is incomplete" in found.files[0].detail


def test_a_qc_json_without_a_seal_isnt_signed(tmp_path: Path) -> None:
    """If a key is given, a document of an earlier version is no way around the signature."""
    _, public = key_files(tmp_path)
    path = tmp_path / "qc.json"
    path.write_text(json.dumps({"schema": "2.1", "version": "0.2.0", "recording_id": "local"}, indent=1))
    found = verified(path, keys=(Ed25519Key(public),))
    assert (found.state, states(found)) == ("missing", {"qc.json": "unknown", "signature": "missing"})


def test_swapped_documents_are_changed(tmp_path: Path) -> None:
    """Each describes an intact video in the same folder, and not the one that it is named after."""
    private, public = key_files(tmp_path)
    path = run_in(tmp_path, Ed25519Key(private))
    other = path.with_name("other.qc.json")
    path.rename(other)
    found = verified(other, keys=(Ed25519Key(public),))
    assert states(found) == {**dict.fromkeys(ALL, "unchanged"), "qc.json": "changed", "signature": "unchanged"}
    assert found.files[0].detail == "it is of another video: unified.mp4"


def test_something_else_in_a_files_place(tmp_path: Path) -> None:
    """A folder isn't the video; the other files are still compared."""
    path = run_in(tmp_path)
    video = path.parent / NAMES["video"]
    video.unlink()
    video.mkdir()
    found = verified(path)
    assert states(found) == {**dict.fromkeys(ALL, "unchanged"), "video": "changed"}
    assert [one.detail for one in found.files if one.detail] == ["it isn't a regular file"]


def test_an_input_that_cannot_be_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It doesn't end the verification of the other files."""
    path = run_in(tmp_path)
    access = os.access
    monkeypatch.setattr(os, "access", lambda one, mode: "call.wav" not in str(one) and access(one, mode))
    found = verified(path)
    assert states(found) == {**dict.fromkeys(ALL, "unchanged"), "call_audio": "unknown"}
    assert "permission" in next(one.detail for one in found.files if one.detail)


def test_a_huge_file_is_no_qc_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't read into memory."""
    monkeypatch.setattr(module, "MAX_DOCUMENT_BYTES", 100)
    with pytest.raises(InputError, match=r"it isn't a qc\.json"):
        verified(run_in(tmp_path))


# --- recordings in AWS

CALL_KEY = "connect/demo/CallRecordings/a.wav"


def put_run(world: World) -> dict[str, str]:
    """A run in the buckets, with versions of its inputs; the ID of each input's version."""
    s3, folder = world.s3, RECORDING.qc_key.rpartition("/")[0]
    for bucket in (CONNECT, INPUT):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    objects = {"call_audio": (CONNECT, CALL_KEY), "agent_recording": (INPUT, RECORDING.agent_recording_key)}
    records, versions = {}, {}
    for role, (bucket, key) in objects.items():
        answer = s3.put_object(Bucket=bucket, Key=key, Body=content_of(role))
        digest = digest_of_bytes(content_of(role))
        versions[role] = answer["VersionId"]
        records[role] = FileRecord(f"s3://{bucket}/{key}", digest, answer["ETag"], answer["VersionId"])
    s3.put_object(Bucket=OUTPUT, Key=f"{folder}/recording.mp4", Body=content_of("video"))
    records["video"] = FileRecord("recording.mp4", digest_of_bytes(content_of("video")))
    document = document_of(
        Provenance(records["call_audio"], records["agent_recording"], records["video"]),
        recording_id=RECORDING.recording_id,
    )
    s3.put_object(Bucket=OUTPUT, Key=RECORDING.qc_key, Body=document)
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    world.table().mark_processed(RECORDING, {"qcDocumentSha256": digest_of_bytes(document).sha256})
    return versions


def test_a_recording_is_verified_by_its_id(world: World) -> None:
    """Inputs are read in the version that was processed, also after they were replaced or deleted."""
    versions = put_run(world)
    table, media = world.table(), world.media()
    found = verify_recording(RECORDING.recording_id, table, media)
    assert found.state == "unchanged"
    assert {one.role: one.version_id for one in found.files if one.version_id} == versions
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=b"another call")
    world.s3.delete_object(Bucket=INPUT, Key=RECORDING.agent_recording_key)
    assert verify_recording(RECORDING.recording_id, table, media).state == "unchanged"
    world.s3.delete_object(Bucket=CONNECT, Key=CALL_KEY, VersionId=versions["call_audio"])
    found = verify_recording(RECORDING.recording_id, table, media)
    assert states(found)["call_audio"] == "missing"
    assert verify_recording(RECORDING.recording_id, table, media, with_inputs=False).state == "unchanged"


def test_the_item_knows_the_right_qc_json(world: World) -> None:
    """A document that was made again with a new seal isn't the one that the item names."""
    put_run(world)
    content = json.loads(world.read(RECORDING.qc_key))
    del content["seal"]
    content["findings"] = ["forged"]
    world.s3.put_object(Bucket=OUTPUT, Key=RECORDING.qc_key, Body=sealed_bytes(sealed(content)))
    found = verify_recording(RECORDING.recording_id, world.table(), world.media())
    assert states(found)["qc.json"] == "changed"
    assert found.files[0].detail == "its SHA-256 isn't the one in the recording's item"


def test_the_whole_run_of_another_recording(world: World) -> None:
    """An item without the digest of its qc.json still has an ID, and the other run's document has another one."""
    put_run(world)
    world.table().clear_results(RECORDING.recording_id)
    world.table().mark_processed(RECORDING, {})
    content = json.loads(world.read(RECORDING.qc_key))
    del content["seal"]
    content["recording_id"] = "contact-2"
    world.s3.put_object(Bucket=OUTPUT, Key=RECORDING.qc_key, Body=sealed_bytes(sealed(content)))
    found = verify_recording(RECORDING.recording_id, world.table(), world.media())
    assert (found.state, found.files[0].detail) == ("changed", "it is of another recording: contact-2")


def test_an_unprocessed_recording_has_nothing_to_verify(world: World) -> None:
    """Its item isn't marked."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    with pytest.raises(PermanentError, match="contact-1 isn't processed yet"):
        verify_recording(RECORDING.recording_id, world.table(), world.media())
