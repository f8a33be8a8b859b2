"""Turns of Whisper's and whisper.cpp's JSON.

* Whisper (``--output_format json``; with ``--word_timestamps True`` also the words' times): ``write_result`` and
  ``transcribe`` of github.com/openai/whisper. faster-whisper's command lines and WhisperX write the same form. The
  speakers that WhisperX names (``SPEAKER_00``) may be on any channel, so they count as unknown.
* whisper.cpp (``--output-json``, ``--output-json-full``): ``output_json`` in ``examples/main/main.cpp`` of
  github.com/ggerganov/whisper.cpp. With ``--diarize`` it compares the two channels of a stereo file: ``0`` is the left
  one, which is the customer in Connect's files, and ``1`` the right one, the agent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from komorebi_qc.transcript.checked import clean, seconds, speaker_of, transcript, turn
from komorebi_qc.transcript.turns import Word, unusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from komorebi_qc.transcript.turns import Speaker, Transcript, Turn

CHANNELS: dict[str, Speaker] = {"0": "customer", "1": "agent"}
"""Who whisper.cpp's speakers are: it numbers the channels."""
_SPECIAL = re.compile(r"\[_[A-Z]+_(?:\d+\])?\]?|<\|.*\|>", re.ASCII | re.DOTALL)
"""Tokens that aren't words: ``[_BEG_]``, ``[_TT_50]``, ``<|endoftext|>``."""


def from_whisper(found: Mapping[str, Any], name: str) -> Transcript:
    """Read Whisper's JSON.

    Args:
        found: the file's content.
        name: the file's name, for messages.

    Raises:
        InputError: a segment can't be used.
    """
    turns = (_whisper_turn(one, which, name) for which, one in _objects(found.get("segments"), name))
    return transcript(turns, found.get("language"), "whisper", name)


def from_whisper_cpp(found: Mapping[str, Any], name: str) -> Transcript:
    """Read whisper.cpp's JSON.

    Args:
        found: the file's content.
        name: the file's name, for messages.

    Raises:
        InputError: a segment can't be used.
    """
    result = found.get("result")
    language = result.get("language") if isinstance(result, dict) else None
    turns = (_cpp_turn(one, which, name) for which, one in _objects(found.get("transcription"), name))
    return transcript(turns, language, "whisper_cpp", name)


def _objects(found: Any, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(found, list):
        raise unusable(name, "its segments aren't a list")
    for number, one in enumerate(found, 1):
        if not isinstance(one, dict):
            raise unusable(name, f"segment {number} isn't an object")
        yield f"segment {number}", one


def _whisper_turn(one: Mapping[str, Any], which: str, name: str) -> Turn | None:
    listed = one.get("words")
    words: list[Word] = []
    for word in listed if isinstance(listed, list) else ():
        # WhisperX leaves out the times of what it can't place, such as numbers; others write null.
        if not isinstance(word, dict) or word.get("start") is None or word.get("end") is None:
            words = []
            break
        from_s, to_s = (seconds(word[key], 1.0, f"a word of {which}", name) for key in ("start", "end"))
        words.append(Word(from_s, max(from_s, to_s), str(word.get("word", ""))))
    from_s, to_s = (seconds(one.get(key), 1.0, which, name) for key in ("start", "end"))
    return turn(speaker_of(one.get("speaker")), from_s, to_s, one.get("text"), which, name, words=words)


def _cpp_turn(one: Mapping[str, Any], which: str, name: str) -> Turn | None:
    from_s, to_s = _offsets(one, which, name)
    listed = one.get("tokens")
    words: list[Word] = []
    for token in listed if isinstance(listed, list) else ():
        if not isinstance(token, dict) or _SPECIAL.fullmatch(str(token.get("text", "")).strip()):
            continue
        # A letter that is split between two tokens isn't one.
        if token.get("offsets") is None or "\ufffd" in clean(token.get("text")):
            words = []
            break
        start_s, end_s = _offsets(token, f"a token of {which}", name)
        words.append(Word(start_s, max(start_s, end_s), str(token.get("text", ""))))
    speaker = CHANNELS.get(str(one.get("speaker", "")), "unknown")
    return turn(speaker, from_s, to_s, one.get("text"), which, name, words=words)


def _offsets(one: Mapping[str, Any], which: str, name: str) -> tuple[float, float]:
    offsets = one.get("offsets")
    if not isinstance(offsets, dict):
        raise unusable(name, f"{which} has no offsets")
    return seconds(offsets.get("from"), 0.001, which, name), seconds(offsets.get("to"), 0.001, which, name)
