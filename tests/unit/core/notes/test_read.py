"""Reading notes.json: written notes come back unchanged, and every other content is one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import Note, Notes, counts_by_severity, notes_bytes, read_notes

ONE = Note(
    "00000000000000aa", 1.0, 2.5, "Somebody else\nspeaks.", "voice", "major", "Aya", "2026-11-27T13:58:00Z", "r1"
)
TWO = Note("00000000000000bb", 0.5, 0.5, "Click.", "", "info", "", "2026-11-27T14:58:00.5+01:00", "")


def content(*changes: tuple[str, Any], **top: Any) -> bytes:
    """A file with one note, with changed values of the note and of the document."""
    document = json.loads(notes_bytes(Notes("call-1", (ONE,))))
    document["notes"][0].update(changes)
    return json.dumps({**document, **top}).encode()


def test_written_notes_come_back() -> None:
    """The notes are in the order of their spans, and a second writing gives the same bytes."""
    written = notes_bytes(Notes("call-1", (ONE, TWO)))
    found = read_notes(written, "notes.json", recording_id="call-1")
    assert found == Notes("call-1", (TWO, ONE))
    assert notes_bytes(found) == written
    assert read_notes(b"\xef\xbb\xbf" + written, "notes.json") == found


def test_counts() -> None:
    """Every severity has a count."""
    assert counts_by_severity(Notes("a", (ONE, TWO))) == {"info": 1, "minor": 0, "major": 1}
    assert counts_by_severity(None) == {"info": 0, "minor": 0, "major": 0}


@pytest.mark.parametrize(
    ("given_content", "words"),
    [
        (b"", "it isn't JSON"),
        (b"\xff\xfe{", "it isn't UTF-8 text"),
        (b"[" * 100_000, "it isn't JSON"),
        (b"9" * 5_000, "it isn't JSON"),
        (b" " * 4_000_001, "4,000,001 bytes"),
        (b"[]", 'its "schema" isn\'t'),
        (b'{"schema": "komorebi-notes/1", "schema": "komorebi-notes/1"}', "a key twice"),
        (b'{"schema": "komorebi-notes/2"}', 'its "schema" isn\'t'),
        (b'{"schema": "komorebi-notes/1"}', "it has no notes"),
        (content(more=1), "would lose"),
        (content(recording_id=""), "recording_id is empty"),
        (content(recording_id=1), "isn't a text"),
        (content(recording_id="call-2"), "about another recording"),
        (content(notes={}), "isn't a list"),
        (content(notes=[{}] * 2_001), "isn't a list of at most 2,000"),
        (content(notes=[1]), "note 1 isn't an object"),
        (content(("more", 1)), "would lose"),
        (content(("id", "ABCDEF0123456789")), "hexadecimal"),
        (content(("id", 12345678)), "hexadecimal"),
        (content(("from_s", -0.1)), "from_s of note 1 isn't a time"),
        (content(("from_s", True)), "from_s of note 1 isn't a time"),
        (content(("to_s", "2")), "to_s of note 1 isn't a time"),
        (content(("to_s", 10**400)), "to_s of note 1 isn't a time"),
        (content(("to_s", 0.5)), "ends before it begins"),
        (content().replace(b"2.5", b"1e999"), "to_s of note 1 isn't a time"),
        (content().replace(b"2.5", b"NaN"), "NaN in it"),
        (content(("text", " \n ")), "is empty"),
        (content(("text", None)), "isn't a text"),
        (content(("text", "x" * 4_001)), "at most 4,000 characters"),
        (content(("text", "a\x1b[2Jb")), "control character"),
        (content(("text", "\ud800")), "control character"),
        (content(("category", "a\nb")), "more than one line"),
        (content(("severity", "fatal")), "severity of note 1"),
        (content(("severity", [])), "severity of note 1"),
        (content(("by", "x" * 121)), "at most 120"),
        (content(("made_at", "yesterday")), "made_at of note 1"),
        (content(("made_at", "2026-02-30T00:00:00Z")), "made_at of note 1"),
        (content(("run_id", 1)), "run_id of note 1"),
        (content(notes=json.loads(content())["notes"] * 2), "same id"),
    ],
)
def test_bad_content_is_one_sentence(given_content: bytes, words: str) -> None:
    """The sentence names the file and the fault, and quotes no value of the file."""
    with pytest.raises(InputError) as caught:
        read_notes(given_content, "here/notes.json", recording_id="call-1")
    text = str(caught.value)
    assert text.startswith("here/notes.json can't be used as notes: ")
    assert words in text
    assert text.isprintable()
    assert len(text) < 250


@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_changed_bytes_are_read_or_refused(inserted: bytes, at: int, removed: int) -> None:
    """No change of a file leads to another error than the refusal."""
    whole = notes_bytes(Notes("call-1", (ONE,)))
    try:
        found = read_notes(whole[:at] + inserted + whole[at + removed :], "notes.json")
    except InputError:
        return
    assert read_notes(notes_bytes(found), "notes.json") == found
