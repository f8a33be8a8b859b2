"""One note, and all notes about a recording."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal

NOTES_FILE: Final = "notes.json"
"""The file's name, beside the report."""
SCHEMA: Final = "komorebi-notes/1"
Severity = Literal["info", "minor", "major"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "minor", "major")


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about a span of the unified recording.

    Attributes:
        id: random, in hexadecimal digits; it stays when the note is edited.
        from_s: output clock.
        to_s: output clock; `from_s` for a moment.
        text: the sentence.
        category: a word of the analyst's own; may be empty.
        severity: ``info``, ``minor`` or ``major``.
        by: the author; may be empty.
        made_at: the time of the last edit, in RFC 3339.
        run_id: the run that made the recording that was played; may be empty.
    """

    id: str
    from_s: float
    to_s: float
    text: str
    category: str
    severity: Severity
    by: str
    made_at: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Notes:
    """All notes about a recording.

    Attributes:
        recording_id: the recording's ID, as ``qc.json`` states it.
        notes: in the order of their spans.
    """

    recording_id: str
    notes: tuple[Note, ...] = ()


def in_order(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Sort notes by their spans; the ID decides between equal spans."""
    return tuple(sorted(notes, key=lambda one: (one.from_s, one.to_s, one.id)))


def notes_bytes(notes: Notes) -> bytes:
    """The content of ``notes.json``: UTF-8, the notes in the order of their spans, the same for the same notes."""
    document = {
        "schema": SCHEMA,
        "recording_id": notes.recording_id,
        "notes": [asdict(one) for one in in_order(notes.notes)],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def counts_by_severity(notes: Notes | None) -> dict[Severity, int]:
    """The number of notes of each severity; zeros without notes."""
    found = () if notes is None else notes.notes
    return {severity: sum(one.severity == severity for one in found) for severity in SEVERITIES}
