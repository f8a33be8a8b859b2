"""The notes of an earlier report, in a folder and in a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT, Faulty, World, client_error, fails

from komorebi_qc.core.notes import Note, Notes, notes_bytes
from komorebi_qc.desk.audit.earlier_notes import earlier_notes
from komorebi_qc.storage.object_store import Folder, Prefix

if TYPE_CHECKING:
    from pathlib import Path

NOTES = Notes("call-1", (Note("0" * 16, 1.0, 2.0, "Text", "", "info", "", "2026-11-27T13:58:00Z", ""),))
LEFT = "The report is without these notes, and their file is unchanged"


def test_the_notebooks_of_a_bucket_find_the_notes(world: World, tmp_path: Path) -> None:
    """The notes of a bucket are put into the audit's own folder; those of a folder are there already."""
    world.s3.put_object(Bucket=OUTPUT, Key="a/notes.json", Body=notes_bytes(NOTES))
    found = earlier_notes(Prefix(world.s3, OUTPUT, "a"), tmp_path, "call-1")
    assert (found.notes, found.fault) == (NOTES, "")
    assert (tmp_path / "notes.json").read_bytes() == notes_bytes(NOTES)
    assert earlier_notes(Folder(tmp_path), tmp_path, "call-1") == found


@pytest.mark.parametrize("content", [b"", b"[]", b"{broken", notes_bytes(Notes("call-2"))])
def test_unusable_notes_are_a_sentence(world: World, tmp_path: Path, content: bytes) -> None:
    """It names the file, the fault and the remedy. The file stays as it is."""
    (tmp_path / "notes.json").write_bytes(content)
    world.s3.put_object(Bucket=OUTPUT, Key="a/notes.json", Body=content)
    for store in (Folder(tmp_path), Prefix(world.s3, OUTPUT, "a")):
        found = earlier_notes(store, tmp_path, "call-1")
        assert found.notes is None
        assert found.fault.startswith(f"{store.address_of('notes.json')} can't be used as notes: ")
        assert found.fault.endswith(f"name a file that the report's player saved. {LEFT}")
    assert (tmp_path / "notes.json").read_bytes() == world.read("a/notes.json") == content


def test_a_prefix_that_cannot_be_read_is_a_sentence(world: World, tmp_path: Path) -> None:
    """Nobody knows then whether there are notes."""
    client = Faulty(world.s3, get_object=fails(client_error("AccessDenied", 403)))
    found = earlier_notes(Prefix(client, OUTPUT, "a"), tmp_path, "call-1")
    assert found.notes is None
    assert f"s3://{OUTPUT}/a/notes.json" in found.fault
    assert found.fault.endswith(LEFT)
    assert list(tmp_path.iterdir()) == []
