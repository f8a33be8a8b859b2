"""A ticket: each finding and note once, as harmless text."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import Note, Notes
from komorebi_qc.desk.notes.ticket import COLUMNS, csv_bytes, markdown_text, ticket_of

FOUND: list[dict[str, Any]] = [
    {"name": "drift", "value": 0.5, "unit": "ppm", "status": "pass", "text": "Small.", "limit": 60.0, "at": None},
    {
        "name": "jump",
        "value": 0.35,
        "unit": "s",
        "status": "fail",
        "text": "A jump | of 0.35 s.",
        "limit": 0.045,
        "at": {"clock": "call", "s": 61.5},
    },
    {"name": "sync_status", "value": "ambiguous", "unit": "", "status": "warn", "text": "Unsure."},
]
NOTES = Notes(
    "call-1",
    (
        Note("00000000000000aa", 1.0, 2.5, "=cmd()\n<b>x</b>", "voice", "major", "@Aya", "2026-11-27T13:58:00Z", "r1"),
        Note("00000000000000bb", 5.0, 5.0, "Click.", "", "info", "", "2026-11-27T13:59:00Z", ""),
    ),
)


def qc_json(**changes: Any) -> bytes:
    """A document of the present schema with three findings."""
    document: dict[str, Any] = {"schema": "2.2", "recording_id": "call-1", "verdict": "fail", "findings": FOUND}
    return json.dumps({**document, "provenance": {"run_id": "r1"}, **changes}).encode()


def test_csv_has_a_row_for_each() -> None:
    """The worst finding is first; numbers are numbers, and no text is a formula."""
    content = csv_bytes(ticket_of(qc_json(), "qc.json", NOTES))
    rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines(keepends=True)))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["kind"], row["name"], row["status"]) for row in rows] == [
        ("finding", "jump", "fail"),
        ("finding", "sync_status", "warn"),
        ("finding", "drift", "pass"),
        ("note", "voice", "major"),
        ("note", "", "info"),
    ]
    jump, note = rows[0], rows[3]
    assert (jump["clock"], jump["from_s"], jump["time"], jump["value"]) == ("call", "61.5", "00:01:01.500", "0.35")
    assert (note["text"], note["by"]) == ("'=cmd()\n<b>x</b>", "'@Aya")


def test_csv_has_no_control_characters() -> None:
    """An escape sequence in a finding's text doesn't reach a terminal."""
    found = [{**FOUND[0], "text": "a\x1b[2Jb\u202ec"}]
    text = csv_bytes(ticket_of(qc_json(findings=found), "qc.json", None)).decode("utf-8-sig")
    assert re.search("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", text) is None


def test_markdown_shows_what_fails_and_the_notes() -> None:
    """Findings that pass are counted; texts can't end a cell, and have no mark-up of their own."""
    text = markdown_text(ticket_of(qc_json(), "qc.json", NOTES))
    assert text.startswith("## Recording call-1: fail\n")
    assert "| **fail** | jump | 0.35 s | 0.045 | 00:01:01.500 of the call | A jump \\| of 0.35 s. |" in text
    assert "1 finding more passes." in text
    assert "- **00:00:01.000 to 00:00:02.500**, major, voice: =cmd\\(\\) \\<b\\>x\\</b\\>" in text
    assert "drift" not in text


def test_markdown_without_notes() -> None:
    """The absence is a sentence."""
    assert markdown_text(ticket_of(qc_json(findings=[]), "qc.json", None)).endswith("There are no notes.\n")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 100_000,
        b'{"findings": []}',
        qc_json(findings=[1]),
        qc_json(findings=[{}]),
        qc_json(findings=[{**FOUND[0], "status": "bad"}]),
        qc_json(findings=[{**FOUND[0], "value": None}]),
        qc_json(findings=[{**FOUND[0], "text": 1}]),
        qc_json(recording_id=None),
    ],
)
def test_another_file_is_refused(content: bytes) -> None:
    """The sentence names the file and the remedy."""
    with pytest.raises(InputError):
        ticket_of(content, "here/qc.json", None)


def test_notes_of_another_recording_are_refused() -> None:
    """They would be sent with a ticket about another customer."""
    with pytest.raises(InputError, match="about another recording than call-1"):
        ticket_of(qc_json(), "qc.json", Notes("call-2"))
