"""Transcripts made by hand, in the forms that their tools write, with invented words; and a call that fits them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from talkers import burst

from komorebi_qc.transcript.turns import Transcript, Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.transcript.turns import Speaker

RATE = 8000
Said = tuple["Speaker", float, float]


def lens(*turns: tuple[str, float, float, str], **more: Any) -> bytes:
    """Contact Lens' analysis, with times in milliseconds.

    https://docs.aws.amazon.com/connect/latest/adminguide/contact-lens-example-output-files.html
    """
    found = {
        "Version": "1.1.0",
        "Channel": "VOICE",
        "ContentMetadata": {"Output": "Raw"},
        "JobStatus": "COMPLETED",
        "LanguageCode": "en-US",
        "Participants": [
            {"ParticipantId": "p-1", "ParticipantRole": "CUSTOMER"},
            {"ParticipantId": "p-2", "ParticipantRole": "AGENT"},
        ],
        "Transcript": [
            {"ParticipantId": who, "BeginOffsetMillis": begin, "EndOffsetMillis": end, "Content": text, "Id": "a turn"}
            for who, begin, end, text in turns
        ],
    }
    return json.dumps(found | more).encode()


def conversation(seed: int, call_s: float) -> list[Said]:
    """Who speaks when: both in turn, with pauses and some interruptions."""
    rng = np.random.default_rng(seed)
    said: list[Said] = []
    at_s, turn = 0.6, 0
    while at_s < call_s - 4.5:
        length_s = float(rng.uniform(1.0, 4.0))
        said.append((("agent", "customer")[turn % 2], at_s, at_s + length_s))
        at_s += length_s + float(rng.choice([rng.uniform(0.5, 1.6), -0.3], p=[0.85, 0.15]))
        turn += 1
    return said


def call_of(said: Sequence[Said], call_s: float, seed: int = 0) -> NDArray[np.int16]:
    """The call audio at 8 kHz: bursts of noise that have the pauses of syllables."""
    rng = np.random.default_rng(seed)
    call = rng.normal(0, 3, (int(call_s * RATE), 2))
    for who, from_s, to_s in said:
        first = int(from_s * RATE)
        sound = burst(rng, to_s - from_s)
        call[first : first + len(sound), int(who == "agent")] += 8000 * sound / np.max(np.abs(sound))
    return np.clip(call, -32768, 32767).astype(np.int16)


def transcript_of(said: Sequence[Said], *, shift_s: float = 0.0, text: str = "some words") -> Transcript:
    """The transcript of a conversation, with times in hundredths of a second."""
    turns = tuple(
        Turn(who, round(max(0.0, from_s + shift_s), 2), round(max(0.0, to_s + shift_s), 2), text)
        for who, from_s, to_s in said
    )
    return Transcript(turns, "en-US", "contact_lens", "words.json")
