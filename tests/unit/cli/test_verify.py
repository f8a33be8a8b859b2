"""`verify`: a folder, a qc.json, or a recording in AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import INPUT, ITEM, OUTPUT, RECORDING, TABLE, World
from recorded_runs import NAMES, content_of, document_of, key_files, run_in
from shell import Shell

from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.record import FileRecord, Provenance
from komorebi_qc.storage.signing import Ed25519Key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell without a signing key of its own."""
    monkeypatch.delenv("KOMOREBI_SIGNING_KEY", raising=False)
    return Shell(monkeypatch, capsys)


def test_a_folder_shows_every_file(shell: Shell, tmp_path: Path) -> None:
    """Each run with its files, whether a folder or the qc.json itself is named."""
    path = run_in(tmp_path)
    for wanted in (tmp_path, path.parent, path):
        assert shell.run("verify", wanted) == 0
        lines = shell.out.splitlines()
        assert lines[0] == "local, made by komorebi_qc 9.9.9"
        assert [line.split()[0] for line in lines[1:-1]] == ["unchanged"] * 5
        assert f"unchanged  agent recording  {path.parent}/../in/agent.webm" in shell.out
        assert lines[-1] == "5 of 5 unchanged."


def test_a_changed_and_a_missing_file_are_exit_code_3(shell: Shell, tmp_path: Path) -> None:
    """The difference is below the file; the summary counts both."""
    path = run_in(tmp_path)
    (path.parent / NAMES["video"]).write_bytes(b"x")
    (path.parent / NAMES["call_audio"]).unlink()
    assert shell.run("verify", tmp_path) == 3
    assert f"CHANGED    video            {path.parent}/unified.mp4" in shell.out
    assert "1 bytes instead of 5000" in shell.out
    assert "MISSING    call audio" in shell.out
    assert shell.out.splitlines()[-1] == "3 of 5 unchanged, 1 changed, 1 missing."


def test_json_has_every_run(shell: Shell, tmp_path: Path) -> None:
    """One object, with the worst state of all runs."""
    for name in ("a", "b"):
        run_in(tmp_path / name)
    (tmp_path / "b" / "out" / "unified.mp4").unlink()
    code, found = shell.json("verify", tmp_path)
    assert (code, found["state"]) == (3, "missing")
    assert [run["state"] for run in found["runs"]] == ["unchanged", "missing"]
    assert [one["role"] for one in found["runs"][0]["files"]] == ["qc.json", *NAMES]


def test_outputs_alone_are_verified_on_request(shell: Shell, tmp_path: Path) -> None:
    """A copy without the inputs is whole by itself."""
    path = run_in(tmp_path)
    (path.parent / NAMES["call_audio"]).unlink()
    assert shell.run("verify", path, "--only-outputs") == 0
    assert shell.out.splitlines()[-1] == "3 of 3 unchanged."


def test_the_key_comes_from_the_option_or_the_setting(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key a signature is unknown (exit code 1); with another key it is changed."""
    private, public = key_files(tmp_path)
    _, other = key_files(tmp_path, "other")
    path = run_in(tmp_path, Ed25519Key(private))
    assert shell.run("verify", path) == 1
    assert "not checked: name the key (sha256:" in shell.out
    assert shell.run("verify", path, "--key", other) == 3
    assert shell.run("verify", path, "--key", other, "--key", public) == 0
    monkeypatch.setenv("KOMOREBI_SIGNING_KEY", str(public))
    assert shell.run("verify", path) == 0
    assert "6 of 6 unchanged." in shell.out
    assert shell.run("verify", path, "--key", other) == 3


@pytest.mark.parametrize("wanted", ["no/such/folder", "gone.json"])
def test_a_path_that_doesnt_exist_is_no_recording(shell: Shell, wanted: str) -> None:
    """It isn't taken for the ID of a recording in AWS."""
    assert shell.run("verify", wanted) == 2
    assert f"{wanted} doesn't exist: name a recording ID, a folder, or a qc.json" in " ".join(shell.err.split())


def test_a_folder_without_a_qc_json_is_an_error(shell: Shell, tmp_path: Path) -> None:
    """Nothing to verify isn't a success."""
    assert shell.run("verify", tmp_path) == 2
    assert "has no qc.json" in shell.err


def test_a_document_of_an_earlier_version_is_exit_code_1(shell: Shell, tmp_path: Path) -> None:
    """It can't be compared, and the reason is printed."""
    (tmp_path / "qc.json").write_text(json.dumps({"schema": "2.1", "recording_id": "one"}, indent=1))
    assert shell.run("verify", tmp_path) == 1
    assert "it has no seal: an earlier version made it" in shell.out
    assert shell.out.splitlines()[-1] == "0 of 1 unchanged, 1 unknown."


def test_a_recording_in_aws_is_named_by_its_id(shell: Shell, world: World) -> None:
    """The buckets and the item are read; a change of an object is found."""
    folder = RECORDING.qc_key.rpartition("/")[0]
    records = {}
    for role in ("call_audio", "agent_recording"):
        world.s3.put_object(Bucket=INPUT, Key=f"of/{role}", Body=content_of(role))
        records[role] = FileRecord(f"s3://{INPUT}/of/{role}", digest_of_bytes(content_of(role)))
    records["video"] = FileRecord("recording.mp4", digest_of_bytes(b"video"))
    document = document_of(
        Provenance(records["call_audio"], records["agent_recording"], records["video"]), recording_id="contact-1"
    )
    world.s3.put_object(Bucket=OUTPUT, Key=f"{folder}/recording.mp4", Body=b"video")
    world.s3.put_object(Bucket=OUTPUT, Key=RECORDING.qc_key, Body=document)
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    assert shell.run("verify", "contact-1") == 1
    assert "contact-1 isn't processed yet" in shell.err
    world.table().mark_processed(RECORDING, {"qcDocumentSha256": digest_of_bytes(document).sha256})
    code, found = shell.json("verify", "contact-1")
    assert (code, found["state"]) == (0, "unchanged")
    assert found["runs"][0]["files"][1]["address"] == f"s3://{OUTPUT}/{folder}/recording.mp4"
    world.s3.put_object(Bucket=INPUT, Key="of/call_audio", Body=content_of("another"))
    assert shell.run("verify", "contact-1") == 3
    assert shell.run("verify", "contact-1", "--only-outputs") == 0
