"""The notes beside a report."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import Note, Notes, notes_bytes
from komorebi_qc.desk.notes.files import merge_into, notes_beside, notes_in
from komorebi_qc.storage.object_store import Folder, Prefix

if TYPE_CHECKING:
    from pathlib import Path

    from aws_fixtures import World


def note(number: int) -> Note:
    """A note with its own ID."""
    return Note(f"{number:016x}", float(number), float(number), "Text", "", "info", "", "2026-11-27T13:58:00Z", "")


def test_notes_are_read_and_merged(tmp_path: Path) -> None:
    """A folder without a file has no notes; each merge adds to it."""
    assert notes_beside(tmp_path) is None
    merge_into(tmp_path, Notes("call-1", (note(1),)))
    assert merge_into(tmp_path, Notes("call-1", (note(2),))).notes == (note(1), note(2))
    assert notes_beside(tmp_path, "call-1") == Notes("call-1", (note(1), note(2)))


def test_notes_of_another_recording_change_nothing(tmp_path: Path) -> None:
    """Neither a reader nor a merge takes them."""
    merge_into(tmp_path, Notes("call-1", (note(1),)))
    with pytest.raises(InputError, match="about another recording"):
        notes_beside(tmp_path, "call-2")
    with pytest.raises(InputError, match="about different recordings"):
        merge_into(tmp_path, Notes("call-2", (note(2),)))
    assert notes_beside(tmp_path) == Notes("call-1", (note(1),))


def test_an_unreadable_file_is_never_overwritten(tmp_path: Path) -> None:
    """It may hold somebody's work."""
    (tmp_path / "notes.json").write_bytes(b"{broken")
    with pytest.raises(InputError, match="it isn't JSON"):
        merge_into(tmp_path, Notes("call-1", (note(1),)))
    assert (tmp_path / "notes.json").read_bytes() == b"{broken"


def test_a_link_is_no_file_of_notes(tmp_path: Path) -> None:
    """It isn't followed, and it isn't taken for a missing file either."""
    (tmp_path / "other.json").write_bytes(notes_bytes(Notes("call-1", (note(1),))))
    (tmp_path / "notes.json").symlink_to(tmp_path / "other.json")
    with pytest.raises(InputError, match="it is a link"):
        notes_beside(tmp_path)


def test_notes_are_read_from_a_bucket(world: World, tmp_path: Path) -> None:
    """As from a folder. A fault names the object; one that is too large isn't taken for a missing one."""
    prefix, key = Prefix(world.s3, OUTPUT, "a"), "a/notes.json"
    found = Notes("call-1", (note(1),))
    merge_into(tmp_path, found)
    assert notes_in(prefix) is None
    world.s3.put_object(Bucket=OUTPUT, Key=key, Body=notes_bytes(found))
    assert notes_in(prefix, "call-1") == notes_in(Folder(tmp_path)) == found
    faults = (("call-2", b"{}", "schema"), ("call-2", notes_bytes(found), "another recording"))
    for recording_id, content, fault in (*faults, ("", b" " * 4_000_001, "more than 4,000,000 bytes")):
        world.s3.put_object(Bucket=OUTPUT, Key=key, Body=content)
        with pytest.raises(InputError, match=f"s3://{OUTPUT}/{key} can't be used as notes: .*{fault}"):
            notes_in(prefix, recording_id)


def test_too_many_notes_are_refused_before_they_are_written(tmp_path: Path) -> None:
    """The file stays readable."""
    merge_into(tmp_path, Notes("call-1", tuple(map(note, range(2_000)))))
    before = (tmp_path / "notes.json").read_bytes()
    with pytest.raises(InputError, match="at most 2,000"):
        merge_into(tmp_path, Notes("call-1", (note(5_000),)))
    assert (tmp_path / "notes.json").read_bytes() == before


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each repeats its merge until it was the only one."""
    threads = [Thread(target=merge_into, args=(tmp_path, Notes("call-1", (note(n),)))) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "notes.json").read_bytes() == notes_bytes(Notes("call-1", tuple(map(note, range(16)))))
