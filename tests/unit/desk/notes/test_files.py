"""The notes beside a report."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import Note, Notes, notes_bytes
from komorebi_qc.desk.notes.files import merge_into, notes_beside

if TYPE_CHECKING:
    from pathlib import Path


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
