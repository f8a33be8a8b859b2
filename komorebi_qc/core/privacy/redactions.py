"""Contact Lens' redactions: the spans of a call in which its analysis found sensitive data, on the call clock. Pure.

The times count from the first sample of the call audio that was analysed (``CustomerMetadata.InputS3Uri``). Contact
Lens writes the analysis in two variants, with the original text (``ContentMetadata.Output`` is ``Raw``) and with
redacted text (``Redacted``). Both hold the same times.

Sources of the form:

* the examples of the admin guide, Version 1.1.0:
  https://docs.aws.amazon.com/connect/latest/adminguide/contact-lens-example-output-files.html
* its earlier examples, Version ``1.0.0`` (where times of a turn contradict each other) and ``VOICE-2022-11-30``:
  ``doc_source/contact-lens-example-output-files.md`` of github.com/awsdocs/amazon-connect-admin-guide
* a file of a live instance, with its names replaced: ``fixtures/contact-lens-voice-redacted.json`` of
  github.com/ciopulse/ciopulse-connect-quickstart
* Transcribe Call Analytics, the service beneath, with one more list around the times: ``doc_source/analyze-output.md``
  of github.com/awsdocs/amazon-transcribe-developer-guide
* the segments of the real-time analysis: ``ListRealtimeContactAnalysisSegments`` of the API reference

An analysis that can't be read is an error, never an analysis without redactions. No error quotes its text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import AnalysisError
from komorebi_qc.core.privacy.masks import PrivateSpan
from komorebi_qc.core.timebase import Span, clock_text, merged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from komorebi_qc.core.source import Source

RedactedChoice = Literal["ignore", "prefer", "require"]
MAX_ANALYSIS_BYTES = 16 << 20
"""A turn takes about 450 bytes: three times the analysis of a call of twelve hours."""
OUTSIDE_S = 1.0
"""Times are rounded. Further outside of its turn, or of the call, a redaction's time is doubtful."""
_PLACEHOLDER = re.compile(r"\[[A-Z]{2}[A-Z_]*\]", re.ASCII)
"""In the place of redacted text: ``[PII]``, or the kind of data, such as ``[CREDIT_DEBIT_NUMBER]``."""
MAX_OFFSET_MS = 48 * 3600 * 1000
"""Twice the length of the longest shift, as for the reported call end."""
_STAMP = re.compile(r".+?_(?:analysis|call_recording)(?:_redacted)?_(\d.*)\.(?:json|wav)", re.ASCII | re.DOTALL)
"""The names of an analysis and of redacted call audio, with their timestamp."""
_MOST_LISTS = 3
"""Lists of times within lists; 1 in Contact Lens' files, 2 in those of Transcribe."""
_KEYS = {key.lower(): key for key in ("Redaction", "RedactedTimestamps")}
_OTHER_FORM = "it isn't a Contact Lens analysis of a call in a known form"


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis of a call.

    Attributes:
        audio_name: the file name of the audio that was analysed; empty if the analysis doesn't state it.
        redactions: in order, without overlap.
    """

    audio_name: str
    redactions: tuple[PrivateSpan, ...]


def read_analysis(content: bytes, name: str) -> Analysis:
    """Read an analysis file.

    A turn is redacted from its start to its end if the file shows that it was redacted, and the times are missing,
    fewer than the placeholders in the text, without a length, or outside of the turn.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        AnalysisError: it isn't a complete analysis of a call, or the times of a redaction can't be used.
    """
    check_size(name, len(content))
    try:
        found = json.loads(content, object_pairs_hook=lambda pairs: _object(pairs, name))
    except (ValueError, RecursionError):
        raise _unusable(name, "it isn't JSON") from None
    if not isinstance(found, dict):
        raise _unusable(name, _OTHER_FORM)
    channel, status = found.get("Channel", "VOICE"), found.get("JobStatus", found.get("Status", "COMPLETED"))
    if channel != "VOICE":
        raise _unusable(name, "its Channel isn't VOICE")
    if status != "COMPLETED":
        raise _unusable(name, "its JobStatus isn't COMPLETED: the analysis failed, or goes on")
    spans = [span for number, turn in _turns(found, name) for span in _redacted(turn, f"turn {number}", name)]
    return Analysis(_audio_name(found), tuple(PrivateSpan(span, "redacted") for span in merged(spans)))


def redactions_of(call: Source, call_s: float, analyses: Collection[Source]) -> tuple[PrivateSpan, ...] | None:
    """Return the redactions of a call, in order and within the call; None without an analysis.

    Args:
        call: the call audio.
        call_s: its length.
        analyses: all that were found for its contact. Those of other call audio don't count.

    Raises:
        AnalysisError: an analysis can't be used, or all of them are of other call audio.
    """
    if not analyses:
        return None
    others: list[str] = []
    spans: list[Span] = []
    is_any = False
    for source in analyses:
        check_size(source.name, source.size)
        found = read_analysis(source.content(), source.name)
        if not is_of_call_audio(call.name, source.name, found.audio_name):
            others.append(source.name)
            continue
        is_any = True
        spans += [_within(private.call, call_s, call.name, source.name) for private in found.redactions]
    if others and not is_any:
        raise _unusable(others[0], f"it is of other call audio than {call.name}, so its times can't be placed")
    return tuple(PrivateSpan(span, "redacted") for span in merged(spans))


def private_spans(suspensions: Iterable[PrivateSpan], redactions: Sequence[PrivateSpan]) -> tuple[PrivateSpan, ...]:
    """Return all that was not to be recorded, in order.

    Redacted call audio is silent at its redactions. It isn't known whether on one channel or on both, so that silence
    can look like a suspension. A suspension within a redaction is the redaction's silence, and belongs to it: times are
    rounded, so the silence may begin before the redaction and end after it.
    """
    wider = merged(Span(max(0.0, r.call.start_s - OUTSIDE_S), r.call.end_s + OUTSIDE_S) for r in redactions)
    own: list[PrivateSpan] = []
    redacted = [private.call for private in redactions]
    for private in suspensions:
        is_redaction = any(s.start_s <= private.call.start_s and private.call.end_s <= s.end_s for s in wider)
        if is_redaction:
            redacted.append(private.call)
        else:
            own.append(private)
    own += [PrivateSpan(span, "redacted") for span in merged(redacted)]
    return tuple(sorted(own, key=lambda one: (one.call.start_s, one.call.end_s, one.reason)))


def beeps_of(call_name: str, redactions: Iterable[PrivateSpan]) -> tuple[Span, ...]:
    """Return the spans in which call audio may have a beep instead of speech: the redactions of redacted audio.

    Contact Lens writes silence there. Its guide suggests a beep to those who want one.
    """
    return tuple(private.call for private in redactions) if "_call_recording_redacted_" in call_name else ()


def turns_in(found: Mapping[str, Any]) -> list[Any] | None:
    """Return the turns of an analysis after the call, or of a real-time one; None if it has another form.

    Args:
        found: the file's content.
    """
    turns, segments = found.get("Transcript"), found.get("Segments")
    if isinstance(turns, list):
        return turns
    if not isinstance(segments, list) or not all(isinstance(one, dict) for one in segments):
        return None
    return [one["Transcript"] for one in segments if one.get("Transcript") is not None]


def check_size(name: str, size: int) -> None:
    """Check, before it is read, that a file is no larger than an analysis can be.

    Raises:
        AnalysisError: it is.
    """
    if size > MAX_ANALYSIS_BYTES:
        raise _unusable(name, f"it has {size} bytes, and an analysis has at most {MAX_ANALYSIS_BYTES}")


def is_of_call_audio(call_name: str, name: str, audio_name: str) -> bool:
    """Return whether an analysis is of this call audio, as far as the names show it.

    Redacted audio and its analysis have the same timestamp in their names; the original audio is named in the analysis.

    Args:
        call_name: of the call audio.
        name: of the analysis.
        audio_name: of the audio that was analysed; empty if the analysis doesn't state it.
    """
    call = PurePosixPath(call_name).name
    redacted, analysis = _STAMP.fullmatch(call), _STAMP.fullmatch(PurePosixPath(name).name)
    if redacted is not None:
        return analysis is None or analysis[1] == redacted[1]
    # A local file may have any name. Connect's own names end so, and name the contact and the minute of its start.
    return not audio_name or not call.endswith("_UTC.wav") or call == audio_name


def _within(span: Span, call_s: float, call_name: str, name: str) -> Span:
    if span.start_s > call_s + OUTSIDE_S:
        raise _unusable(
            name,
            f"a redaction begins at {clock_text(span.start_s)}, after the end of {call_name} at {clock_text(call_s)}: "
            "it is of other call audio",
        )
    return Span(min(span.start_s, call_s), min(span.end_s, call_s))


def _object(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    """Return an object's members. A key that is there twice, or in another case, may hide a redaction."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _unusable(name, "an object in it has a key twice")
    for key in found:
        if _KEYS.get(key.lower(), key) != key:
            raise _unusable(name, f"it has the key {_KEYS[key.lower()]} in another case")
    return found


def _audio_name(found: Mapping[str, Any]) -> str:
    metadata = found.get("CustomerMetadata")
    location = metadata.get("InputS3Uri") if isinstance(metadata, dict) else None
    return PurePosixPath(location).name if isinstance(location, str) else ""


def _turns(found: Mapping[str, Any], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Return the turns with their numbers, from 1."""
    turns = turns_in(found)
    if turns is None:
        raise _unusable(name, _OTHER_FORM)
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            raise _unusable(name, f"turn {number} isn't an object")
        yield number, turn


def _redacted(turn: Mapping[str, Any], which: str, name: str) -> list[Span]:
    """Return the redacted spans of one turn."""
    redaction, content = turn.get("Redaction"), turn.get("Content")
    if redaction is not None and not isinstance(redaction, dict):
        raise _unusable(name, f"{which} has a Redaction that isn't an object")
    times = None if redaction is None else redaction.get("RedactedTimestamps")
    stated = [_span(one, f"a redaction of {which}", name) for one in _flat(times, which, name)]
    placeholders = len(_PLACEHOLDER.findall(content)) if isinstance(content, str) else 0
    has_no_times = bool(redaction) and times is None
    if not (stated or placeholders or has_no_times):
        return []
    is_complete = len(stated) >= max(placeholders, 1) and all(span.length_s > 0.0 for span in stated)
    if is_complete and "BeginOffsetMillis" not in turn and "EndOffsetMillis" not in turn:
        return stated
    whole = _span(turn, which, name)
    low_s, high_s = whole.start_s - OUTSIDE_S, whole.end_s + OUTSIDE_S
    if is_complete and all(low_s <= span.start_s and span.end_s <= high_s for span in stated):
        return stated
    return [*stated, whole]


def _flat(times: object, which: str, name: str, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Return the times, without the lists around them."""
    if times is None and not depth:
        return
    if isinstance(times, list) and depth < _MOST_LISTS:
        for one in times:
            yield from _flat(one, which, name, depth + 1)
    elif isinstance(times, dict) and depth:
        yield times
    else:
        raise _unusable(name, f"{which} has RedactedTimestamps of an unknown form")


def _span(times: Mapping[str, Any], which: str, name: str) -> Span:
    found = []
    for key in ("BeginOffsetMillis", "EndOffsetMillis"):
        value = times.get(key)
        # A true or false counts as a number in Python.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _unusable(name, f"{which} has no {key}, or one that isn't a number")
        found.append(value)
    begin, end = found
    if not 0 <= begin <= end <= MAX_OFFSET_MS:  # nor is a NaN
        raise _unusable(name, f"the times of {which} run backwards, are negative, or are longer than any call")
    return Span(begin / 1000, end / 1000)


def _unusable(name: str, fault: str) -> AnalysisError:
    return AnalysisError(
        f"{name} can't be used: {fault}. Its redactions are unknown, so nothing is published. Replace the file. To go "
        "on without it, leave out --analysis, or set KOMOREBI_ANALYSIS_PREFIX=off"
    )
