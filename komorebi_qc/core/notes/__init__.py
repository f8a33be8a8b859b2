"""An analyst's notes about spans of a recording, as ``notes.json`` holds them. Pure."""

from komorebi_qc.core.notes.merge import merge_notes
from komorebi_qc.core.notes.note import NOTES_FILE, SEVERITIES, Note, Notes, Severity, counts_by_severity, notes_bytes
from komorebi_qc.core.notes.read import MOST_BYTES, read_notes

__all__ = [
    "MOST_BYTES",
    "NOTES_FILE",
    "SEVERITIES",
    "Note",
    "Notes",
    "Severity",
    "counts_by_severity",
    "merge_notes",
    "notes_bytes",
    "read_notes",
]
