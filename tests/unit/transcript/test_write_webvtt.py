"""The written WebVTT is what webvtt-py reads, and no word in it is markup."""

from __future__ import annotations

import io

import pytest
import webvtt

from komorebi_qc.core.output import Chapter
from komorebi_qc.transcript.placed import PlacedTranscript, PlacedTurn
from komorebi_qc.transcript.read import read_transcript
from komorebi_qc.transcript.write_webvtt import captions_webvtt, chapters_webvtt, run_of

TURNS = (
    PlacedTurn("agent", 1.0, 2.5, "Good day & <b>welcome</b> --> here"),
    PlacedTurn("customer", 2.2, 2.2, "5 < 6"),
    PlacedTurn("unknown", 3.0, 4.0, "", is_redacted=True),
    PlacedTurn("unknown", 4000.0, 4001.0, "שלום"),
)
PLACED = PlacedTranscript(TURNS, "en-US", "contact_lens")


def test_strict_readers_find_every_turn_with_words() -> None:
    """No cue is malformed, and a masked turn isn't a cue."""
    found = webvtt.from_buffer(io.StringIO(captions_webvtt(PLACED, "a1")), strict=True)
    assert [(cue.start, cue.end, cue.voice) for cue in found.captions] == [
        ("00:00:01.000", "00:00:02.500", "Agent"),
        ("00:00:02.200", "00:00:02.201", "Customer"),
        ("01:06:40.000", "01:06:41.000", "Speaker"),
    ]


def test_words_are_escaped_and_come_back_as_they_were() -> None:
    """The reader of this package is the judge."""
    found = read_transcript(captions_webvtt(PLACED).encode(), "recording.vtt")
    assert [one.text for one in found.turns] == [TURNS[0].text, TURNS[1].text, TURNS[3].text]
    assert found.language == "en-US"


def test_two_runs_write_different_files_and_each_names_its_run() -> None:
    """S3 compares objects by their ETags."""
    one, other = captions_webvtt(PLACED, "a1"), captions_webvtt(PLACED, "b2")
    assert (run_of(one), run_of(other), run_of(captions_webvtt(PLACED))) == ("a1", "b2", "")
    assert one != other


@pytest.mark.parametrize("title", ["Call", "A & B <i>"])
def test_chapters_are_webvtt_too(title: str) -> None:
    """With their titles as text."""
    text = chapters_webvtt([Chapter(0.0, 2.0, "call", title), Chapter(2.0, 9.0, "after_call", "After-call work")], "a1")
    found = webvtt.from_buffer(io.StringIO(text), strict=True)
    assert [(cue.start, cue.end) for cue in found.captions] == [
        ("00:00:00.000", "00:00:02.000"),
        ("00:00:02.000", "00:00:09.000"),
    ]
    assert "<i>" not in text
