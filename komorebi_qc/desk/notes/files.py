"""``notes.json`` beside a report: read, merged and replaced as a whole."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import MOST_BYTES, NOTES_FILE, Notes, merge_notes, notes_bytes, read_notes
from komorebi_qc.storage.object_store import Folder
from komorebi_qc.storage.opened_folder import ChangedFileError, OpenedFolder, version_of

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.storage.object_store import ObjectStore


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
    if content is None:
        if os.path.lexists(name):
            raise InputError(f"{name} can't be used as notes: it is a link, a folder, or can't be read; replace it")
        return None
    return read_notes(content, name, recording_id=recording_id)


def notes_in(store: ObjectStore, recording_id: str = "") -> Notes | None:
    """The notes in a folder, or below a prefix on S3; None without a file of notes.

    Args:
        store: the report's folder or prefix.
        recording_id: the recording that the notes must be about; empty for any.

    Raises:
        InputError: the file can't be used.
        StorageError: S3 doesn't answer.
        AccessDeniedError: S3 refuses to read it.
    """
    if isinstance(store, Folder):
        return notes_beside(store.root, recording_id)
    name = store.address_of(NOTES_FILE)
    found = store.read(NOTES_FILE, max_bytes=MOST_BYTES)
    if found is not None:
        return read_notes(found.content, name, recording_id=recording_id)
    if store.has(NOTES_FILE):
        raise InputError(f"{name} can't be used as notes: it has more than {MOST_BYTES:,} bytes; replace it")
    return None


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
