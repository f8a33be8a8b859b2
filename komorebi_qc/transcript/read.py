"""A transcript from a file of any known format. The content decides, not the name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.privacy.redactions import turns_in
from komorebi_qc.transcript.checked import clean
from komorebi_qc.transcript.contact_lens import from_contact_lens, is_contact_lens
from komorebi_qc.transcript.subtitles import from_subtitles
from komorebi_qc.transcript.turns import MAX_TRANSCRIPT_BYTES, unusable
from komorebi_qc.transcript.whisper import from_whisper, from_whisper_cpp

if TYPE_CHECKING:
    from komorebi_qc.core.source import Source
    from komorebi_qc.transcript.turns import Transcript

_NOT_UTF_8 = "it isn't text in UTF-8"
_FORMS = "Give Contact Lens' analysis, WebVTT, SRT, or the JSON of Whisper or whisper.cpp"


def read_transcript(content: bytes, name: str) -> Transcript:
    """Read a transcript.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        InputError: it isn't a transcript in a known format, or a part of it can't be used.
    """
    check_size(name, len(content))
    body = content.removeprefix(b"\xef\xbb\xbf")
    if body.lstrip()[:1] in (b"{", b"["):
        return _from_json(body, name)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise unusable(name, _NOT_UTF_8, _FORMS) from None
    if text.startswith("WEBVTT"):
        return from_subtitles(text, "webvtt", name)
    if "-->" in text:
        return from_subtitles(text, "srt", name)
    raise unusable(name, "it isn't a transcript in a known format", _FORMS)


def transcript_in(source: Source) -> Transcript:
    """Read a transcript from a file that is open.

    Raises:
        InputError: as `read_transcript`.
    """
    check_size(source.name, source.size)
    return read_transcript(source.content(), source.name)


def has_words(content: bytes) -> bool:
    """Return whether an analysis of Contact Lens has turns with words: not if the call is silent."""
    turns = turns_in(json.loads(content)) or ()
    return any(isinstance(one, dict) and bool(clean(one.get("Content"))) for one in turns)


def check_size(name: str, size: int) -> None:
    """Check, before it is read, that a file is no larger than a transcript can be.

    Raises:
        InputError: it is, or it is empty.
    """
    if size == 0:
        raise unusable(name, "it is empty", _FORMS)
    if size > MAX_TRANSCRIPT_BYTES:
        raise unusable(name, f"it has {size} bytes, and a transcript has at most {MAX_TRANSCRIPT_BYTES}")


def _from_json(body: bytes, name: str) -> Transcript:
    # whisper.cpp splits letters between two tokens, and then neither is UTF-8. Its turns are.
    text = body.decode("utf-8", errors="replace")
    is_whole = "\ufffd" not in text or text.encode() == body
    try:
        found: Any = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise unusable(name, "it isn't JSON, or is cut off", _FORMS) from None
    if isinstance(found, dict) and "transcription" in found and not is_contact_lens(found):
        transcript = from_whisper_cpp(found, name)
        if not is_whole and any("\ufffd" in turn.text for turn in transcript.turns):
            raise unusable(name, _NOT_UTF_8, _FORMS)
        return transcript
    if not is_whole:
        raise unusable(name, _NOT_UTF_8, _FORMS)
    if isinstance(found, dict):
        if is_contact_lens(found):
            return from_contact_lens(found, name)
        if "segments" in found:
            return from_whisper(found, name)
    raise unusable(name, "its JSON isn't a transcript in a known form", _FORMS)
