"""One note, and its file."""

from __future__ import annotations

import json

from komorebi_qc.core.notes import Note, Notes, notes_bytes


def test_the_file_has_the_documented_keys() -> None:
    """The page in the browser reads and writes the same keys."""
    note = Note("0123456789abcdef", 1.0, 2.0, "Text", "category", "minor", "by", "2026-11-27T13:58:00Z", "run")
    document = json.loads(notes_bytes(Notes("call-1", (note,))))
    assert list(document) == ["schema", "recording_id", "notes"]
    assert (document["schema"], document["recording_id"]) == ("komorebi-notes/1", "call-1")
    assert document["notes"] == [
        {
            "id": "0123456789abcdef",
            "from_s": 1.0,
            "to_s": 2.0,
            "text": "Text",
            "category": "category",
            "severity": "minor",
            "by": "by",
            "made_at": "2026-11-27T13:58:00Z",
            "run_id": "run",
        }
    ]
