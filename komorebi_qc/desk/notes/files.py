"""``notes.json`` beside a report: read, merged and replaced as a whole."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from komorebi_qc.core.notes import MOST_BYTES, NOTES_FILE, Notes, merge_notes, notes_bytes, read_notes
from komorebi_qc.storage.opened_folder import ChangedFileError, OpenedFolder, version_of

if TYPE_CHECKING:
    from pathlib import Path


def notes_beside(folder: Path, recording_id: str = "") -> Notes | None:
    """The notes in a report's folder; None without a file of notes.

    Args:
        folder: the report's.
        recording_id: the recording that the notes must be about; empty for any.

    Raises:
        InputError: the file can't be used.
    """
    content = OpenedFolder(folder).read(NOTES_FILE, max_bytes=MOST_BYTES)
    name = str(folder / NOTES_FILE)
    return None if content is None else read_notes(content, name, recording_id=recording_id)


def merge_into(folder: Path, other: Notes) -> Notes:
    """Merge notes into those of a report's folder. Other writers may change the file meanwhile; nothing is lost.

    Args:
        folder: the report's.
        other: the notes to add.

    Returns:
        All notes, as they are in the file now.

    Raises:
        InputError: the file can't be used, or its notes are about another recording.
        StorageError: the disk didn't take the notes; the previous file stays.
    """
    opened = OpenedFolder(folder)
    while True:
        content = opened.read(NOTES_FILE, max_bytes=MOST_BYTES)
        name = str(folder / NOTES_FILE)
        mine = Notes(other.recording_id) if content is None else read_notes(content, name)
        merged = merge_notes(mine, other)
        written = notes_bytes(merged)
        read_notes(written, name)  # too many notes for one file are refused before they are written
        with suppress(ChangedFileError):
            opened.replace(NOTES_FILE, written, version_of(content))
            return merged
