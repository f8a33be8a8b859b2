"""The analyst's commands: an audit of one recording, and a short clip of one moment."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import (
    FOLDER_OR_S3,
    AgentRecording,
    Analysis,
    AsJson,
    CallAudio,
    CallEnd,
    Demo,
    DriftPpm,
    FromCorrection,
    Limit,
    Mask,
    MaskMargin,
    Offset,
    OptionalRecordingID,
    OutsideCall,
    Redacted,
    SpeechModel,
    Transcribe,
    Transcript,
    output_file,
)
from komorebi_qc.core.errors import InputError, missing_extra, refusal_reason


def mount(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog=EPILOG)(audit)
    app.command(epilog=EPILOG)(clip)


def audit(
    recording_id: OptionalRecordingID = "",
    *,
    call_end: CallEnd = "",
    connect: CallAudio = None,
    recording: AgentRecording = None,
    analysis: Analysis = None,
    redacted: Redacted = "",
    transcript: Transcript = None,
    transcribe: Transcribe = False,
    speech_model: SpeechModel = None,
    demo: Demo = False,
    out: Annotated[
        str,
        typer.Option(
            metavar=FOLDER_OR_S3, help="The folder for the results. With --demo the default is demo-output/audit."
        ),
    ] = "",
    notebook: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Run this notebook instead of the two built-in ones. A name or a file. Repeatable."
        ),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Set a parameter of the notebooks, such as window_at=12:30."),
    ] = None,
    offset: Offset = None,
    drift_ppm: DriftPpm = 0.0,
    correction: FromCorrection = None,
    delivered: Annotated[
        str,
        typer.Option(
            metavar="FILE|published",
            help="Measure this delivered file against the call and the recording. published: the video in the output "
            "bucket, with a RECORDING_ID.",
        ),
    ] = "",
    mask: Mask = "",
    mask_margin: MaskMargin = None,
    outside_call: OutsideCall = "",
    limit: Limit = None,
    as_json: AsJson = False,
) -> int:
    """Examine one recording in depth. Writes a report with a player, and executed notebooks; publishes nothing."""
    from komorebi_qc import jobs  # noqa: PLC0415  rich and the codecs load only for the commands
    from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415
    from komorebi_qc.cli.output.progress import step_progress  # noqa: PLC0415
    from komorebi_qc.cli.output.recording import print_audit  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415
    from komorebi_qc.wiring import present_limits  # noqa: PLC0415

    selection = jobs.Selection.of(
        *(recording_id, connect, recording, call_end),
        demo=demo,
        analysis=analysis,
        redacted=redacted,
        transcript=transcript,
        speech_model=jobs.speech_model(speech_model, os.environ, transcribe=transcribe),
    )
    if not out and not demo:
        raise InputError("--out is missing: the folder for the results, or s3://bucket/folder")
    values = dict(_name_and_value(text) for text in param or ())
    limits = present_limits(os.environ).changed_by(*(limit or ()))
    audits, sessions = _desk_module("audit.run"), _desk_module("session")
    chosen = tuple(notebook) if notebook else audits.NOTEBOOKS
    given = jobs.given_alignment(offset, drift_ppm, correction, selection.recording_id)
    request = (
        sessions.AuditRequest(
            given=given,
            transcript="" if transcript is None else str(transcript),
            speech_model="" if selection.speech_model is None else str(selection.speech_model),
            delivered=delivered,
        )
        if demo
        else _audit_request(sessions, selection.with_call_end(os.environ), given, delivered)
    )
    out = out or str(jobs.demo_output("audit"))
    examined: list[Any] = []
    masks = jobs.MaskRequest(mask, mask_margin, outside_call)
    job = audits.AuditJob(request, out, chosen, values, limits, masks=masks)
    with step_progress(quiet=as_json) as shown, stoppable(shown) as progress:
        status = audits.audit(job, progress, examined.append)
    if as_json:
        print_json(asdict(status))
    else:
        print_audit(out, status, *examined)
    if status.state != "done":
        return ExitCode.FAILED
    measured = [found.delivered for found in examined if found.delivered is not None]
    statuses = [one.status for delivered_file in measured for one in delivered_file.findings]
    return ExitCode.of_verdict("fail" if "fail" in statuses else status.verdict)


def clip(
    recording_id: OptionalRecordingID = "",
    *,
    at: Annotated[
        str, typer.Option(metavar="TIME", help="The clip's middle, as a time in the unified recording.")
    ] = "",
    call_end: CallEnd = "",
    connect: CallAudio = None,
    recording: AgentRecording = None,
    analysis: Analysis = None,
    redacted: Redacted = "",
    demo: Demo = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=output_file, help="The clip, an .mp4 file.")
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="SECONDS", help="The clip's length.")] = 20.0,
    sound: Annotated[
        str,
        typer.Option(
            metavar="output|sides",
            help="output: the unified recording's audio. sides: Connect in the left ear, the recording in the right "
            "ear.",
        ),
    ] = "output",
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="The video's size in pixels.")] = "1280x720",
    offset: Offset = None,
    drift_ppm: DriftPpm = 0.0,
    correction: FromCorrection = None,
    mask: Mask = "",
    mask_margin: MaskMargin = None,
    outside_call: OutsideCall = "",
    as_json: AsJson = False,
) -> int:
    """Render a short video of one moment: the screen, both sides' waveforms, a playhead and the time code."""
    from komorebi_qc import jobs  # noqa: PLC0415  rich and the codecs load only for the commands
    from komorebi_qc.cli.output.console import out as standard_output  # noqa: PLC0415
    from komorebi_qc.cli.output.console import safe  # noqa: PLC0415
    from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415
    from komorebi_qc.cli.output.progress import step_progress  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415
    from komorebi_qc.core.timebase import clock_text, parse_call_end  # noqa: PLC0415
    from komorebi_qc.storage.temporary_folder import temporary_folder  # noqa: PLC0415

    selection = jobs.Selection.of(
        recording_id, connect, recording, call_end, demo=demo, analysis=analysis, redacted=redacted
    )
    if out is None or not at:
        rows = (("--at", "the moment in the middle (57:01)", at), ("--out", "the clip's file (clip.mp4)", out))
        missing = [(name, meaning) for name, meaning, value in rows if not value]
        names, meanings = (" and ".join(texts) for texts in zip(*missing, strict=True))
        raise InputError(f"{names} {'is' if len(missing) == 1 else 'are'} missing: {meanings}")
    width, height = _width_and_height(size)
    try:
        at_s = parse_call_end(at).recording_s
    except InputError:
        if at.strip().startswith("-"):
            raise InputError(f"--at {at} is negative: it counts from the unified recording's start") from None
        raise InputError(f"--at {at!r} isn't a time: write it as 57:01, 01:57:01.5 or seconds") from None
    clips, sessions = _desk_module("clip"), _desk_module("session")
    steps = _desk_module("examination_progress")
    job = clips.ClipJob(at_s, seconds, sound, width, height)
    clips.refuse_output(out, *selection.files)
    selection = selection.with_call_end(os.environ)
    given = jobs.given_alignment(offset, drift_ppm, correction, selection.recording_id)
    jobs.check_moment(selection, at_s, os.environ, given)
    of = len(steps.EXAMINATION_STEPS) + 1
    with (
        temporary_folder("clip") as folder,
        step_progress(quiet=as_json) as shown,
        stoppable(shown) as progress,
    ):
        examining = steps.ExaminationProgress(progress, of)
        masks = jobs.MaskRequest(mask, mask_margin, outside_call)
        asked = _audit_request(sessions, selection, given)
        session = _desk_module("isolated_session").open_isolated(asked, folder, masks=masks, progress=examining)
        progress.step(of, of, "render the clip")
        from_s, to_s = clips.write_clip(session.examined, job, out, progress)
    refused = None if session.examined.refused is None else refusal_reason(session.examined.refused)
    if as_json:
        print_json({"clip": str(out), "from_output_s": from_s, "to_output_s": to_s, "refused": refused})
        return ExitCode.DONE
    console = standard_output()
    console.print(
        f"[bold]{safe(str(out))}[/]: {to_s - from_s:g} s, from {clock_text(from_s)} to {clock_text(to_s)} of the "
        "unified recording",
        soft_wrap=True,
    )
    if refused is not None:
        console.print(f"There is no unified recording: {safe(refused)}. The clip shows both sides.", soft_wrap=True)
    return ExitCode.DONE


def _desk_module(name: str) -> Any:
    """Import a module of the desk.

    Raises:
        InputError: its libraries aren't installed.
    """
    from importlib import import_module  # noqa: PLC0415  only here

    try:
        return import_module(f"komorebi_qc.desk.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "komorebi_qc").startswith("komorebi_qc"):
            raise  # a defect of this package; no extra would help
        raise missing_extra("desk", str(error.name)) from None


def _audit_request(sessions: Any, selection: Any, given: Any, delivered: str = "") -> Any:
    paths = (selection.connect, selection.recording, selection.analysis, selection.transcript, selection.speech_model)
    call, own, analysis, transcript, model = ("" if path is None else str(path) for path in paths)
    named = (call, own, selection.recording_id, selection.call_end, analysis, selection.redacted)
    return sessions.AuditRequest(*named, given, transcript, delivered, speech_model=model)


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f"--param {text!r} isn't NAME=VALUE")
    return name.strip(), value


def _width_and_height(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.lower(), re.ASCII)
    if found is None:
        raise InputError(f"--size {text!r} isn't a size: write it as 1280x720")
    return int(found[1]), int(found[2])
