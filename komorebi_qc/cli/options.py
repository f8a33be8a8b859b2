"""Arguments and options that several commands share.

In a metavar, capitals are to be replaced, small letters are typed as they are, and brackets may be left out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from komorebi_qc.core.errors import InputError

FILE_OR_S3, FOLDER_OR_S3 = "FILE|s3://...", "DIR|s3://..."
TIME_FORMATS = "HH:MM:SS, MM:SS or seconds, with or without a fraction"


def output_file(text: str) -> Path:
    """The path of a file to be written. A path object forgets a slash at the end, which means a folder.

    Raises:
        InputError: the path ends in a slash.
    """
    if text.endswith(("/", os.sep)):
        raise InputError(f"{text} ends in a slash, as a folder does: name a file")
    return Path(text)


OptionalRecordingID = Annotated[
    str,
    typer.Argument(
        metavar="[RECORDING_ID]",
        help="ID of a recording in AWS, instead of two files. Environment variables must name the table and buckets.",
    ),
]
RecordingID = Annotated[str, typer.Argument(metavar="RECORDING_ID", help="A recording of the configured table.")]
CallEnd = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help=f"When the call ended, counted from the recording's start: {TIME_FORMATS}. With a RECORDING_ID, "
        "the default is callEndingTimestamp from its DynamoDB item.",
    ),
]
CallAudio = Annotated[Path | None, typer.Option(metavar="FILE", help="Amazon Connect's call audio (WAV).")]
AgentRecording = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The agent's screen recording (WebM or MP4).")
]
AgentRecordings = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="The agent's screen recording (WebM or MP4). Give it once for each file if the recorder was restarted, in "
        "any order.",
    ),
]
Analysis = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Contact Lens' analysis of the call audio (JSON), with two files. Its redactions are masked.",
    ),
]
Transcript = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The words of the call: Contact Lens' analysis, WebVTT, SRT, or the JSON of Whisper or whisper.cpp. They "
        "are used if the speech in the call confirms them.",
    ),
]
Transcribe = Annotated[
    bool,
    typer.Option(
        "--transcribe",
        help="Recognise the words of the call on this machine, by faster-whisper (the extra transcribe) or Vosk.",
    ),
]
SpeechModel = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="The model for --transcribe; by default the one in KOMOREBI_SPEECH_MODEL. Models aren't downloaded.",
    ),
]
Redacted = Annotated[
    str,
    typer.Option(
        metavar="ignore|prefer|require",
        help="With a RECORDING_ID: whether Contact Lens' redacted call audio takes the place of the original. prefer: "
        "if it is there; require: always. The default is KOMOREBI_REDACTED, or ignore.",
    ),
]
Offset = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="The call's start, counted from the recording's start. Replaces the measurement. May be negative.",
    ),
]
DriftPpm = Annotated[
    float,
    typer.Option(metavar="PPM", help="With --offset: how much faster the recording's clock runs than the call's."),
]
FromCorrection = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="A correction.json, saved from the recording's report, in place of --offset and --drift-ppm.",
    ),
]
Demo = Annotated[bool, typer.Option("--demo", help="Use the sample call.")]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=WARN[:FAIL]",
        help="Change the limit of a measurement for this run, or turn it off (NAME=off). Repeatable. `komorebi-qc "
        "limits` lists them.",
    ),
]
Unconfirmed = Annotated[
    str,
    typer.Option(
        metavar="auto|publish|hold",
        help="What happens if the audio doesn't confirm that both files belong to the same call. publish: publish it; "
        "hold: publish nothing; auto: hold it only if something speaks against the pair. The default is "
        "KOMOREBI_UNCONFIRMED, or auto. A call that --offset places is never held.",
    ),
]
WholeCall = Annotated[
    bool,
    typer.Option(
        "--whole-call",
        help="If the agent was in a part of the call only, keep Connect's audio for the whole call.",
    ),
]
Mask = Annotated[
    str,
    typer.Option(
        metavar="none|sound|picture",
        help="The masks of spans that were not to be recorded: suspended by Connect, or redacted by Contact Lens. "
        "picture: the sound and the picture. The default is KOMOREBI_MASK, or picture.",
    ),
]
MaskMargin = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="By how much a mask is wider than its span, on both sides. The default is KOMOREBI_MASK_MARGIN_S, or 0.5.",
    ),
]
OutsideCall = Annotated[
    str,
    typer.Option(
        metavar="own|after|silence",
        help="Whose sound plays where Connect's audio doesn't. own: the recording's own; after: the recording's own "
        "after the call, and silence before it; silence: silence. The default is KOMOREBI_OUTSIDE_CALL, or after.",
    ),
]
Monitors = Annotated[
    str,
    typer.Option(
        metavar="first|side-by-side",
        help="A recording with a video track for each monitor: the first one alone, or all of them in one picture. The "
        "default is KOMOREBI_MONITORS, or first.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")]


def first_and_further(recordings: list[Path] | None) -> tuple[Path | None, tuple[Path, ...]]:
    """The files of an agent recording as a selection takes them."""
    return (recordings[0], tuple(recordings[1:])) if recordings else (None, ())
