"""Files of analysts and of their tools: transcripts, corrections, and notes."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import TYPE_CHECKING

from seeds import json_seeds
from text_targets import check_cells, check_sentence
from watch import FindingError

from komorebi_qc.core.analyst.correction import read_correction
from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.notes import merge_notes, notes_bytes, read_notes
from komorebi_qc.core.privacy.masks import PrivateSpan, masks
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Jump, Span
from komorebi_qc.desk.notes.ticket import csv_bytes, markdown_text, ticket_of
from komorebi_qc.transcript.placed import place_transcript
from komorebi_qc.transcript.read import read_transcript
from komorebi_qc.transcript.write_webvtt import captions_webvtt

if TYPE_CHECKING:
    from pathlib import Path

_CALL_S = 60.0
_ALIGNMENT = Alignment(2.5, 40.0, (Jump(10.0, 0.7), Jump(25.0, -1.1)))
_SUSPENDED = PrivateSpan(Span(20.0, 30.0), "suspended")
_CUE_TIME = re.compile(r"(\d\d+):(\d\d):(\d\d\.\d{3}) --> (\d\d+):(\d\d):(\d\d\.\d{3})")
_HIDDEN = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

TRANSCRIPTS = json_seeds(
    {
        "Participants": [{"ParticipantId": "A", "ParticipantRole": "AGENT"}],
        "LanguageCode": "en-US",
        "Transcript": [
            {"ParticipantId": "A", "Content": "hello", "BeginOffsetMillis": 900, "EndOffsetMillis": 2000},
            {
                "ParticipantId": "CUSTOMER",
                "Content": "[PII] yes",
                "BeginOffsetMillis": 21_000,
                "EndOffsetMillis": 24_000,
            },
        ],
    },
    {
        "language": "en",
        "segments": [
            {
                "start": 1.0,
                "end": 2.5,
                "text": " hello there",
                "words": [{"word": " hello", "start": 1.0, "end": 1.5}, {"word": " there", "start": 1.6, "end": 2.5}],
            }
        ],
    },
    {
        "result": {"language": "en"},
        "transcription": [{"offsets": {"from": 1000, "to": 2500}, "text": " hello", "speaker": "0", "tokens": []}],
    },
)
SUBTITLES = [
    b"WEBVTT\n\nSTYLE\n::cue { top: 0 }\n\n1\n00:01.000 --> 00:02.500 line:1\n<v Agent>hello &amp; <c.x>you</c></v>\n",
    b"1\n00:00:01,000 --> 00:00:02,500\nAgent: hello\n\n2\n00:00:21,000 --> 00:00:24,000\nCustomer: <i>yes</i>\n",
]
CORRECTIONS = json_seeds(
    {
        "schema": "komorebi-correction/1",
        "recording_id": "contact-1",
        "inputs": {"call_sha256": "", "recording_sha256": "0" * 64},
        "alignment": {
            "offset_s": 2.567,
            "drift_ppm": 40.0,
            "jumps": [{"call_s": 10.0, "size_s": 0.35}],
            "knots": [{"call_s": 20.0, "deviation_s": 0.01}],
            "agent_part": {"call_from_s": 1.0, "call_to_s": 20.0},
        },
        "why": "the customer speaks too early",
        "by": "Aiko",
        "made_at": "2026-03-01T13:45:00Z",
        "software": "komorebi-qc 0.2.0",
    }
)
_NOTE = {
    "id": "0123456789abcdef",
    "from_s": 1.0,
    "to_s": 2.0,
    "text": "the customer is cut off",
    "category": "audio",
    "severity": "major",
    "by": "Aiko",
    "made_at": "2026-03-01T13:45:00Z",
    "run_id": "",
}
NOTES = json_seeds({"schema": "komorebi-notes/1", "recording_id": "contact-1", "notes": [_NOTE]})
_QC = json.dumps({"recording_id": "contact-1", "verdict": "pass", "findings": []}).encode()


def check_transcript(data: bytes, folder: Path) -> None:  # noqa: ARG001  it writes no file
    """Put a transcript on the output clock: the captions can be parsed, and no word is in the suspended span."""
    try:
        found = read_transcript(data, "words")
    except KomorebiError as error:
        check_sentence(error)
        return
    masked = masks([_SUSPENDED], _ALIGNMENT, call_s=_CALL_S, choice="sound").output
    timeline = splice(_ALIGNMENT, call_s=_CALL_S, recording_audio=Span(0.0, 90.0), outside_call="after", masked=masked)
    placed = place_transcript(found, timeline, [_SUSPENDED])
    for turn in placed.turns:
        if not (math.isfinite(turn.from_s) and 0.0 <= turn.from_s <= turn.to_s):
            raise FindingError(f"a turn is from {turn.from_s} to {turn.to_s}")
        if turn.text and not turn.is_redacted and masked[0].overlap_s(Span(turn.from_s, turn.to_s)) > 0:
            raise FindingError(f"the suspended span has the words {turn.text[:80]!r}")
    _check_captions(captions_webvtt(placed), sum(1 for turn in placed.turns if turn.text))


def _check_captions(text: str, cues: int) -> None:
    """The format's own rules: blocks apart, times in order, one payload without mark-up but the voice."""
    head, *blocks = text.rstrip("\n").split("\n\n")
    if not head.startswith("WEBVTT") or len(blocks) != cues:
        raise FindingError(f"{cues} turns are {len(blocks)} blocks")
    for block in blocks:
        _, times, *payload = block.split("\n")
        found = _CUE_TIME.fullmatch(times)
        if found is None or len(payload) != 1 or "-->" in payload[0]:
            raise FindingError(f"a cue isn't one: {block[:200]!r}")
        from_s, to_s = (int(found[at]) * 3600 + int(found[at + 1]) * 60 + float(found[at + 2]) for at in (1, 4))
        if not from_s < to_s:
            raise FindingError(f"a cue has no length: {times}")
        if re.fullmatch(r"<v \w+>[^<>]*</v>", payload[0]) is None or _HIDDEN.search(payload[0]):
            raise FindingError(f"a cue has mark-up or control characters: {payload[0][:200]!r}")


def check_correction(data: bytes, folder: Path) -> None:  # noqa: ARG001  it writes no file
    """Read a correction: written and read again it is the same, and its map has finite times."""
    try:
        found = read_correction(data, "correction.json")
        found.check_call(_CALL_S)
    except KomorebiError as error:
        check_sentence(error)
        return
    if read_correction(json.dumps(found.to_dict()).encode(), "again") != found:
        raise FindingError("the correction isn't the same when it is read again")
    places = [found.alignment.to_output(at_s) for at_s in (0.0, _CALL_S / 2, _CALL_S)]
    if not all(map(math.isfinite, places)):
        raise FindingError(f"the correction puts the call at {places}")


def check_notes(data: bytes, folder: Path) -> None:  # noqa: ARG001  it writes no file
    """Read notes, merge and export them: no formula, no mark-up, nothing lost."""
    try:
        found = read_notes(data, "notes.json", recording_id="contact-1")
    except KomorebiError as error:
        check_sentence(error)
        return
    if read_notes(notes_bytes(found), "again") != found or merge_notes(found, found) != found:
        raise FindingError("the notes aren't the same when they are read again, or merged with themselves")
    ticket = ticket_of(_QC, "qc.json", found)
    text = csv_bytes(ticket).decode("utf-8-sig")
    check_cells(text)
    if len(list(csv.reader(io.StringIO(text, newline="")))) != 1 + len(found.notes):
        raise FindingError("the CSV file has another number of rows")
    if re.search(r"(?<!\\)[<>]|\]\(", markdown_text(ticket)):
        raise FindingError("the ticket has mark-up of a note")
