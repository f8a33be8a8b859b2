"""The notes that analysts have left where an audit writes. An audit shows them, and never changes their file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.notes import NOTES_FILE, Notes, notes_bytes
from komorebi_qc.desk.notes.files import notes_in
from komorebi_qc.storage.atomic_file import write_atomically
from komorebi_qc.storage.object_store import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.storage.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class FoundNotes:
    """The notes of an earlier report.

    Attributes:
        notes: None without a file, or if it can't be used.
        fault: the reason why the file can't be used, with the remedy; empty otherwise.
    """

    notes: Notes | None
    fault: str = ""


def earlier_notes(store: ObjectStore, folder: Path, recording_id: str) -> FoundNotes:
    """Read the notes of an earlier report of a recording.

    Args:
        store: the folder or the prefix that the audit writes to.
        folder: the audit's folder on this machine. The notebooks find the notes there.
        recording_id: the notes must be about this recording.
    """
    try:
        notes = notes_in(store, recording_id)
    except KomorebiError as error:
        return FoundNotes(None, f"{error}. The report is without these notes, and their file is unchanged")
    if notes is not None and not isinstance(store, Folder):
        write_atomically(folder / NOTES_FILE, notes_bytes(notes))
    return FoundNotes(notes)
