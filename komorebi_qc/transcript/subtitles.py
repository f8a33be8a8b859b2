"""Turns of WebVTT and SRT, read by webvtt-py.

A WebVTT cue names its speaker by a voice span (``<v Agent>``, https://www.w3.org/TR/webvtt1/#webvtt-cue-voice-span).
SRT has no form for it, so a label at the start of the text counts: ``Agent:``, ``[Customer]``. whisper.cpp numbers the
channels, as ``<v Speaker0>`` and ``(speaker 0)``. Other numbers, such as ``Speaker 1:``, may be of anybody. Other
markup is left out, and the rest is plain text.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Literal

from komorebi_qc.transcript.checked import seconds, speaker_of, transcript, turn
from komorebi_qc.transcript.turns import MOST_TURN_CHARACTERS, unusable
from komorebi_qc.transcript.whisper import CHANNELS

if TYPE_CHECKING:
    from komorebi_qc.transcript.turns import Speaker, Transcript

_LABEL = re.compile(r"\s*(?:\[(agent|customer|caller)\]:?|(agent|customer|caller)\s*:)\s*", re.IGNORECASE | re.ASCII)
_VOICE_CHANNEL = re.compile(r"Speaker([01])", re.ASCII)
_CHANNEL = re.compile(r"\s*\(speaker ([01])\)\s*", re.ASCII)
_NUMBER = re.compile(r"\s*(?:\[speaker[ _]\d{1,3}\]:?|speaker[ _]\d{1,3}\s*:)\s*", re.IGNORECASE | re.ASCII)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_VTT_TIME = r"(?:\d{2,}:)?\d\d:\d\d\.\d{3}"
_SRT_TIME = r"\d{1,3}:\d\d:\d\d[,.]\d{3}"
_TIMES = {
    "webvtt": re.compile(rf"\s*{_VTT_TIME}[ \t]+-->[ \t]+{_VTT_TIME}(?:[ \t].*)?"),
    "srt": re.compile(rf"\s*{_SRT_TIME}[ \t]*-->[ \t]*{_SRT_TIME}(?:[ \t].*)?"),
}
"""The line with the times of a cue."""
_ARROW = "-->"


def from_subtitles(text: str, kind: Literal["webvtt", "srt"], name: str) -> Transcript:
    """Read WebVTT or SRT.

    Args:
        text: the file's content.
        kind: its format.
        name: the file's name, for messages.

    Raises:
        InputError: it isn't such a file, a part of it is damaged, or a cue can't be used.
    """
    import webvtt  # noqa: PLC0415  only a run with subtitles needs it

    timed = _check_lines(text, kind, name)
    try:
        found = webvtt.from_buffer([text.lstrip()], format="vtt" if kind == "webvtt" else "srt")
    except (webvtt.errors.MalformedFileError, webvtt.errors.MalformedCaptionError, ValueError):
        raise unusable(name, f"it isn't {'WebVTT' if kind == 'webvtt' else 'SRT'}: its first lines don't fit") from None
    if timed != len(found.captions):
        raise unusable(name, f"it has the times of {timed} cues, and {len(found.captions)} of them can be read")
    turns = []
    for number, cue in enumerate(found.captions, 1):
        which = f"cue {number}"
        speaker, shown = _spoken(html.unescape(cue.text), set(_VOICE.findall(cue.raw_text)))
        from_s, to_s = (_time(stamp, which, name) for stamp in (cue.start, cue.end))
        turns.append(turn(speaker, from_s, to_s, shown, which, name))
    language = next((line.partition(":")[2] for line in found.metadata if line.lower().startswith("language:")), "")
    return transcript(turns, language.strip(), kind, name)


def _check_lines(text: str, kind: Literal["webvtt", "srt"], name: str) -> int:
    """Check before it is parsed that no line is longer than a turn can be; return how many are the times of a cue."""
    lines = text.splitlines()
    longest = max(map(len, lines), default=0)
    if longest > 2 * MOST_TURN_CHARACTERS:
        raise unusable(name, f"a line of it has {longest} characters, and a turn has at most {MOST_TURN_CHARACTERS}")
    timed = 0
    for number, line in enumerate(lines, 1):
        if _ARROW in line:
            if _TIMES[kind].fullmatch(line) is None:
                raise unusable(name, f"line {number} has -->, and isn't the times of a cue with three decimals")
            timed += 1
    return timed


def _time(stamp: str, which: str, name: str) -> float:
    parts = [float(part) for part in stamp.replace(",", ".").split(":")]
    return seconds(sum(part * 60.0**place for place, part in enumerate(reversed(parts))), 1.0, which, name)


def _spoken(text: str, voices: set[str]) -> tuple[Speaker, str]:
    """Return the speaker, and the text without the label."""
    if voices:
        who = {_of_voice(voice) for voice in voices}
        return (who.pop() if len(who) == 1 else "unknown"), text
    if number := _NUMBER.match(text):
        return "unknown", text[number.end() :]
    if channel := _CHANNEL.match(text):
        return CHANNELS[channel[1]], text[channel.end() :]
    label = _LABEL.match(text)
    return (speaker_of(label[1] or label[2]), text[label.end() :]) if label else ("unknown", text)


def _of_voice(voice: str) -> Speaker:
    channel = _VOICE_CHANNEL.fullmatch(voice.strip())
    return CHANNELS[channel[1]] if channel else speaker_of(html.unescape(voice))
