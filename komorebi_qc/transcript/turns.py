"""A transcript: who says which words when, on the call clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from komorebi_qc.core.errors import InputError

Speaker = Literal["agent", "customer", "unknown"]
TranscriptSource = Literal["contact_lens", "webvtt", "srt", "whisper", "whisper_cpp", "faster_whisper", "vosk"]
"""The format of a file, or the engine that recognised the words."""
MAX_TRANSCRIPT_BYTES = 64 << 20
"""Whisper's JSON has up to 100 bytes for each word's letter: a call of twelve hours has 20 MB of it."""
MOST_TURNS = 200_000
"""A turn for each 0.2 s of a call of twelve hours."""
MOST_TURN_CHARACTERS = 5_000
"""Five minutes of fast speech. A longer turn isn't one."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or one token, of a turn.

    Attributes:
        from_s: its start on the call clock.
        to_s: its end.
        text: with the space before it, if there is one.
    """

    from_s: float
    to_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The words of one speaker, without a break.

    Attributes:
        speaker: ``agent``, ``customer``, or ``unknown`` if the file doesn't say.
        from_s: its start on the call clock.
        to_s: its end.
        text: plain text, without markup.
        is_redacted: whether a part of the text was replaced by a placeholder, such as ``[PII]``.
        words: with their times; empty if the file has no such times.
    """

    speaker: Speaker
    from_s: float
    to_s: float
    text: str
    is_redacted: bool = False
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of a call.

    Attributes:
        turns: in the order of their starts; they may overlap.
        language: a language tag, such as ``en-US``; empty if the file doesn't say.
        source: the format it was read from, or the engine.
        name: the file's name, for messages.
    """

    turns: tuple[Turn, ...]
    language: str
    source: TranscriptSource
    name: str = ""


def unusable(name: str, fault: str, remedy: str = "Replace the file, or leave out --transcript") -> InputError:
    """Return the error for a file that can't be used as a transcript.

    Args:
        name: of the file.
        fault: a few words about the problem; they quote no words of the call.
        remedy: a sentence for a person.
    """
    return InputError(f"{name} can't be used as a transcript: {fault}. {remedy}")
