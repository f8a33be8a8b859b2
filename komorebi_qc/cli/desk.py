"""The analyst's commands: an audit of one recording, and a clip round a moment; a shell over `view`."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from komorebi_qc.core.errors import InputError, missing_extra

if TYPE_CHECKING:
    from komorebi_qc.desk.audit import Status
    from komorebi_qc.desk.case import AuditRequest

DONE, FAILED, FINDINGS_FAIL = 0, 1, 3
"""As in `komorebi_qc.cli.main.Exit`, which mounts this module."""

RecordingID = Annotated[
    str, typer.Argument(metavar="[RECORDING_ID]", help="A recording of the configured table, instead of the files.")
]
CallAudio = Annotated[str, typer.Option(metavar="FILE", help="Amazon Connect's call audio (WAV).")]
AgentRecording = Annotated[str, typer.Option(metavar="FILE", help="The agent's screen recording (WebM or MP4).")]
CallEnd = Annotated[
    str, typer.Option(help="When the call ended, from the recording's start: HH:MM:SS, MM:SS or seconds.")
]
Demo = Annotated[bool, typer.Option("--demo", help="Take the sample call, on an AWS inside this process.")]
ChangedLimits = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="NAME=WARN[:FAIL]", help="Judge a finding by another limit; more than once."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")]


def mount(app: typer.Typer, epilog: str) -> None:
    """Put the commands beside the others of `app`."""
    app.command(epilog=epilog)(audit)
    app.command(epilog=epilog)(clip)


def audit(
    recording_id: RecordingID = "",
    *,
    call_end: CallEnd = "",
    connect: CallAudio = "",
    recording: AgentRecording = "",
    out: Annotated[str, typer.Option(metavar="DIR|s3://...", help="Where everything is written.")] = "",
    notebook: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Run this notebook instead of the two; a name or a file; more than once."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter of the notebook, such as window_at=12:30."),
    ] = None,
    demo: Demo = False,
    limit: ChangedLimits = None,
    as_json: AsJson = False,
) -> int:
    """Examine one recording, and write report, findings, executed notebooks and a status; nothing is published."""
    from komorebi_qc.cli import console  # noqa: PLC0415  rich and the codecs load only for the commands
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415
    from komorebi_qc.wiring import present_limits  # noqa: PLC0415

    wish = _wish(recording_id, call_end, connect, recording, demo=demo)
    if not out:
        raise InputError("--out is missing: the folder for report, findings and notebooks, or s3://bucket/folder")
    given = dict(_named_value(text) for text in param or ())
    limits = present_limits(os.environ).changed_by(*(limit or ()))
    auditing = _needs_desk("audit")
    chosen = tuple(notebook) if notebook else auditing.NOTEBOOKS
    job = auditing.AuditJob(wish, out, chosen, given, limits)
    with console.progress(quiet=as_json) as shown, stoppable(shown) as progress:
        status = auditing.audit(job, progress)
    if as_json:
        print(json.dumps(asdict(status), indent=1))  # noqa: T201  this is the output
    else:
        _print_status(out, status)
    if status.state != "done":
        return FAILED
    return FINDINGS_FAIL if status.verdict == "fail" else DONE


def clip(
    recording_id: RecordingID = "",
    *,
    at: Annotated[str, typer.Option(help="The moment in the middle, on the unified recording's clock.")] = "",
    call_end: CallEnd = "",
    connect: CallAudio = "",
    recording: AgentRecording = "",
    out: Annotated[Path | None, typer.Option(help="The clip; .mp4.")] = None,
    seconds: Annotated[float, typer.Option(help="How long it is.")] = 20.0,
    sound: Annotated[
        str,
        typer.Option(
            metavar="[output|sides]",
            help="The result's sound; or both sides: Connect in the left ear, the recording in the right one.",
        ),
    ] = "output",
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Of the picture, in pixels.")] = "1280x720",
    demo: Demo = False,
    as_json: AsJson = False,
) -> int:
    """Render a short video round a moment: picture, moving waveforms of both sides, playhead and time code."""
    from komorebi_qc.cli import console  # noqa: PLC0415  rich and the codecs load only for the commands
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415
    from komorebi_qc.core.timebase import parse_call_end  # noqa: PLC0415

    wish = _wish(recording_id, call_end, connect, recording, demo=demo)
    if out is None or not at:
        missing = " and ".join(name for name, value in (("--at", at), ("--out", out)) if not value)
        raise InputError(f"{missing} missing: the moment in the middle (57:01), and the clip's file (clip.mp4)")
    width, height = _size(size)
    try:
        at_s = parse_call_end(at).recording_s
    except InputError:
        raise InputError(f"--at {at!r} is no time: write it as 57:01, 01:57:01.5 or seconds") from None
    clipping, cases = _needs_desk("clip"), _needs_desk("case")
    job = clipping.ClipJob(at_s, seconds, sound, width, height)
    with (
        tempfile.TemporaryDirectory(prefix="komorebi-clip-") as folder,
        console.progress(quiet=as_json) as shown,
        stoppable(shown) as progress,
    ):
        case = cases.open_case(wish, Path(folder), progress=progress)
        progress.step(9, 9, "render the clip")
        from_s, to_s = clipping.write_clip(case.examined, job, out, progress)
    told = {"clip": str(out), "from_output_s": from_s, "to_output_s": to_s, "refused": case.examined.refused}
    if as_json:
        print(json.dumps(told, indent=1))  # noqa: T201  this is the output
    else:
        print(f"{out}: {to_s - from_s:g} s, from {from_s:.3f} s of the output")  # noqa: T201  this is the output
        if case.examined.refused is not None:
            print(case.examined.refused)  # noqa: T201  this is the output
    return DONE


def _needs_desk(name: str) -> Any:
    """A module of the desk.

    Raises:
        InputError: where its libraries aren't installed.
    """
    from importlib import import_module  # noqa: PLC0415  only here

    try:
        return import_module(f"komorebi_qc.desk.{name}")
    except ModuleNotFoundError as error:
        raise missing_extra("desk", error.name or "a library") from None


def _wish(recording_id: str, call_end: str, connect: str, recording: str, *, demo: bool) -> AuditRequest:
    wishes = _needs_desk("case")
    named = bool(recording_id or connect or recording)
    if demo and (named or call_end):
        raise InputError("--demo takes the sample call: name no recording beside it")
    if not demo and not named:
        raise InputError("--connect and --recording are missing: name the files, or give a recording ID, or --demo")
    if recording_id and (connect or recording):
        raise InputError("a recording ID and files are both named: its files are in the buckets; name one or the other")
    if bool(connect) != bool(recording):
        raise InputError(f"--{'recording' if connect else 'connect'} is missing: name both files")
    if named and not call_end:
        raise InputError("--call-end is missing: when the call ended, counted from the recording's start (HH:MM:SS)")
    wish: AuditRequest = wishes.AuditRequest(connect, recording, recording_id, call_end)
    return wish


def _print_status(out: str, status: Status) -> None:
    from komorebi_qc.cli import console  # noqa: PLC0415  rich loads only where something is printed

    printed = console.out()
    where = out.rstrip("/")
    printed.print(f"{status.verdict or status.state}: {where}/report.html", markup=False)
    for one in status.notebooks:
        if one.failed is None:
            printed.print(f"  {one.state}  {where}/{one.file}, {one.done} cells", markup=False)
        else:
            at = f"code cell {one.failed.number} of {one.cells}"
            under = f" ({one.failed.heading})" if one.failed.heading else ""
            printed.print(f"  {one.state}  {where}/{one.file}: {at}{under}: {one.failed.error}", markup=False)


def _named_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f"--param {text!r} is no NAME=VALUE")
    return name.strip(), value


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise InputError(f"--size {text!r} is none: write it as 1280x720")
    return int(width), int(height)
