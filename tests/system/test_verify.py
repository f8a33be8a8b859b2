"""A real run, from processing to its verification: on files, and on the embedded AWS through the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import INPUT, OUTPUT, World
from byte_changes import changes, sample_on_aws, sample_on_disk
from shell import Shell

from komorebi_qc.demo.embedded_aws import make_resources, upload_sample
from komorebi_qc.demo.sample_call import RECORDING, reported_call_end
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from pathlib import Path


def test_changed_bytes_of_a_processed_call_are_caught(tmp_path: Path) -> None:
    """A seeded sample over inputs, video, thumbnail and the signed qc.json of the sample call."""
    places, verify = sample_on_disk(tmp_path)
    assert verify().state == "unchanged"
    assert [one for one in changes(places, verify, count=100, seed=15) if not one.is_caught] == []


@pytest.fixture
def sample(running: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The sample call in the buckets of the embedded AWS."""
    running.wipe()
    monkeypatch.delenv("KOMOREBI_SIGNING_KEY", raising=False)
    make_resources()
    upload_sample()
    return running


def test_changed_objects_of_a_processed_call_are_caught(sample: World) -> None:
    """The same on the embedded AWS, with a signature by KMS."""
    places, verify = sample_on_aws()
    assert verify().state == "unchanged"
    assert set(places) == {"qc.json", "video", "thumbnail", "call_audio", "agent_recording"}
    assert [one for one in changes(places, verify, count=20, seed=15) if not one.is_caught] == []
    assert sample.keys(OUTPUT)


def test_a_recording_with_versions_is_processed_and_verified(
    sample: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Process and verify by ID; an overwritten input is unchanged in its version, and a removed version is missing."""
    shell = Shell(monkeypatch, capsys)
    aws_client("s3").put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    upload_sample()
    assert shell.run("process", RECORDING.recording_id, "--call-end", reported_call_end()) == 0
    document = json.loads(sample.read(RECORDING.qc_key))
    version = document["provenance"]["inputs"]["agent_recording"]["version_id"]
    assert version
    sample.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"another recording")
    code, found = shell.json("verify", RECORDING.recording_id)
    assert (code, found["state"]) == (0, "unchanged")
    assert {one["role"]: one["version_id"] for one in found["runs"][0]["files"]}["agent_recording"] == version
    sample.s3.delete_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, VersionId=version)
    assert shell.run("verify", RECORDING.recording_id) == 3
    assert "MISSING    agent recording" in shell.out
