"""`komorebi-qc erase`, as a person and a script run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT, World
from erasures import OURS, Search, fill_dataset, put_recording, versioned, write_files
from shell import Shell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shell(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell whose settings name the embedded AWS, with one recording in it."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    versioned(world)
    put_recording(world, OURS, times=2)
    return Shell(monkeypatch, capsys)


def test_a_list_first_and_then_the_removal(world: World, shell: Shell) -> None:
    """Exit code 3 while something is there, 0 when nothing is left; a person sees whole keys."""
    assert shell.run("erase", OURS) == 3
    assert "video (2)" in shell.out
    assert f"s3://{OUTPUT}/2026/03/02/jane.doe@example.com/{OURS}/recording.mp4" in shell.out
    assert "Nothing was removed: --yes removes everything that isn't kept." in shell.out
    assert shell.run("erase", OURS, "--yes") == 0
    assert "removed 1 unfinished upload, 2 x qc.json, 2 x video, 2 x thumbnail, 2 x dead letter" in shell.out
    assert "A second search found nothing." in shell.out
    assert Search(OURS).in_bucket(world.s3, OUTPUT) == []
    assert shell.run("erase", OURS) == 0
    assert shell.out.strip() == f"{OURS}: nothing found"


def test_json(shell: Shell) -> None:
    """One object, with what was found, removed and left."""
    code, found = shell.json("erase", OURS, "--yes")
    assert (code, found["left"], found["is_done"]) == (0, [], True)
    assert found["removed"] == found["counts"]
    assert {one["kind"] for one in found["found"]} >= {"video", "dead letter", "item attribute"}


def test_files_without_aws(tmp_path: Path, shell: Shell) -> None:
    """Named places need no settings. A file of somebody else is left and makes the exit code 3."""
    fill_dataset(str(tmp_path / "data"), "r1", "r2")
    write_files(tmp_path / "desk", {"list.csv": b"recording_id,connect\nr1,a.wav\n"})
    shell.monkeypatch.delenv("OUTPUT_BUCKET_NAME")
    words = ("erase", "r1", "--only-named", "--dataset", tmp_path / "data", "--also", tmp_path / "desk", "--yes")
    code, found = shell.json(*words)
    assert code == 3
    reason = "this software didn't write it"
    assert [(one["kind"], one["kept_because"]) for one in found["left"]] == [("other file", reason)]
    assert shell.run(*words) == 3
    assert "Left:" in shell.out
    assert "kept: this software didn't write it" in shell.out
    assert "not searched: the configured buckets, table and queue" in shell.out


def test_bad_input(shell: Shell) -> None:
    """A mistake is a sentence and exit code 2; an unknown recording is exit code 1."""
    assert shell.run("erase", "a/b") == 2
    assert "isn't a recording ID" in shell.err
    assert shell.run("erase", OURS, "--dataset", "gs://bucket/x") == 2
    assert shell.run("erase", "unknown-1") == 1
    assert "--whole-bucket" in shell.err
