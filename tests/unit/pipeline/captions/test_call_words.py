"""A call's words come from the file that was named, or from Contact Lens' analyses if the setting is lens."""

from __future__ import annotations

import io

import pytest
from analyses import AUDIO
from transcripts import call_of, conversation, lens, transcript_of

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.source import Source
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.pipeline.captions.call_words import caption, compare_words, holds_of, read_words

CALL_NAME = AUDIO.rpartition("/")[2]
OF_THIS_CALL = {"CustomerMetadata": {"InputS3Uri": AUDIO}}


def source(content: bytes, name: str = "words.json") -> Source:
    """A file in memory."""
    return Source(name, io.BytesIO(content), len(content))


def test_a_named_file_comes_before_the_analyses() -> None:
    """A person chose it."""
    named = source(b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", "words.vtt")
    found = read_words(named, [source(lens(("p-1", 0, 900, "Hi")))], "lens", CALL_NAME)
    assert found is not None
    assert (found.source, found.name) == ("webvtt", "words.vtt")


def test_analyses_are_words_only_with_the_setting() -> None:
    """By default they hold redactions alone."""
    analysis = source(lens(("p-1", 0, 900, "Hi"), **OF_THIS_CALL))
    assert read_words(None, [analysis], "off", CALL_NAME) is None
    found = read_words(None, [analysis], "lens", CALL_NAME)
    assert found is not None
    assert [turn.text for turn in found.turns] == ["Hi"]


def test_analyses_of_other_call_audio_and_of_silent_calls_do_not_count() -> None:
    """The contact's other recording, or a call in which nobody spoke."""
    other = {"CustomerMetadata": {"InputS3Uri": AUDIO.replace("T11:58", "T11:40")}}
    analyses = [source(lens(("p-1", 0, 900, "Hi"), **other)), source(lens(**OF_THIS_CALL))]
    assert read_words(None, analyses, "lens", CALL_NAME) is None


def test_several_analyses_of_one_call_are_one_transcript_in_order() -> None:
    """Each is of a part of it."""
    late = source(lens(("p-1", 5000, 5900, "second"), **OF_THIS_CALL))
    early = source(lens(("p-2", 0, 900, "first"), **OF_THIS_CALL))
    found = read_words(None, [late, early], "lens", CALL_NAME)
    assert found is not None
    assert [turn.text for turn in found.turns] == ["first", "second"]


def test_a_file_that_is_not_a_transcript_ends_the_run() -> None:
    """A person named it, so nothing goes on without it."""
    with pytest.raises(InputError, match=r"words\.json can't be used as a transcript"):
        read_words(source(b"{}"), [], "off", CALL_NAME)


def test_only_a_confirmed_transcript_becomes_captions() -> None:
    """One of another call has no place."""
    said = conversation(3, 60.0)
    call = call_of(said, 60.0)
    timeline = splice(Alignment(2.0), call_s=60.0, recording_audio=Span(0.0, 70.0))
    right = compare_words(transcript_of(said), call, None)
    wrong = compare_words(transcript_of(conversation(4, 60.0)), call, None)
    placed = caption(right, timeline, (), DEFAULT)
    assert placed is not None
    assert len(placed.turns) == len(said)
    assert caption(wrong, timeline, (), DEFAULT) is None
    assert caption(None, timeline, (), DEFAULT) is None


def test_without_audio_or_words_nothing_is_compared() -> None:
    """A run by the reported end measures no levels, so it knows no music."""
    assert compare_words(None, call_of([], 1.0), None) is None
    assert compare_words(transcript_of([("agent", 0.0, 1.0)]), None, None) is None
    assert holds_of(None) == ()
