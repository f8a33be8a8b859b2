"""The commands for one recording: process, diagnose, and the limits of the findings."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import (
    AgentRecordings,
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
    Monitors,
    Offset,
    OptionalRecordingID,
    OutsideCall,
    Redacted,
    SpeechModel,
    Transcribe,
    Transcript,
    Unconfirmed,
    WholeCall,
    first_and_further,
    output_file,
)
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.jobs import Selection

MEASURES_ITSELF = "audit measures the alignment itself"


def mount(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog=EPILOG)(process)
    app.command(epilog=EPILOG)(diagnose)
    app.command(epilog=EPILOG)(limits)


def process(
    recording_id: OptionalRecordingID = "",
    *,
    call_end: CallEnd = "",
    connect: CallAudio = None,
    recording: AgentRecordings = None,
    analysis: Analysis = None,
    redacted: Redacted = "",
    transcript: Transcript = None,
    transcribe: Transcribe = False,
    speech_model: SpeechModel = None,
    demo: Demo = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=output_file,
            help="The unified recording. The extension .mp4 or .webm chooses the container; without one the container "
            "follows the video codec. With --demo the default is demo-output/unified.",
        ),
    ] = None,
    offset: Offset = None,
    drift_ppm: DriftPpm = 0.0,
    correction: FromCorrection = None,
    container: Annotated[
        str,
        typer.Option(
            metavar="auto|mp4|webm", help="The container, if --out has no extension. auto follows the video codec."
        ),
    ] = "auto",
    align: Annotated[
        str,
        typer.Option(
            metavar="auto|call-end",
            help="auto measures the alignment. call-end places the call by its reported end only.",
        ),
    ] = "auto",
    force: Annotated[
        bool, typer.Option("--force", help="Process both files even if they belong to different calls.")
    ] = False,
    unconfirmed: Unconfirmed = "",
    whole_call: WholeCall = False,
    mask: Mask = "",
    mask_margin: MaskMargin = None,
    outside_call: OutsideCall = "",
    monitors: Monitors = "",
    thumbnail: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=output_file, help="Write the frame at 1 s to this PNG file.")
    ] = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> int:
    """Make the unified recording of one call, from two files or from a recording in AWS."""
    from komorebi_qc import jobs  # noqa: PLC0415  the codecs load only for the commands
    from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415
    from komorebi_qc.cli.output.progress import step_progress  # noqa: PLC0415
    from komorebi_qc.cli.output.recording import print_outcome  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415

    own, further = first_and_further(recording)
    selection = jobs.Selection.of(
        *(recording_id, connect, own, call_end),
        demo=demo,
        further=further,
        analysis=analysis,
        redacted=redacted,
        transcript=transcript,
        speech_model=jobs.speech_model(speech_model, os.environ, transcribe=transcribe),
    ).with_call_end(os.environ)
    request = jobs.ProcessRequest(
        *(call_end, offset, drift_ppm, container, align, force, tuple(limit or ()), unconfirmed, whole_call),
        jobs.MaskRequest(mask, mask_margin, outside_call),
        correction,
        monitors,
    )
    if demo and out is None:
        out = jobs.demo_output("unified")
    with step_progress(quiet=as_json) as shown, stoppable(shown) as progress:
        outcome = jobs.process_selection(
            selection, request, out=out, thumbnail=thumbnail, environ=os.environ, progress=progress
        )
    if as_json:
        print_json(outcome.to_dict())
    else:
        command = audit_command(selection, limit or (), alignment_words(offset, drift_ppm, correction))
        print_outcome(
            outcome.to_dict(), command, audit_remark("" if align == "auto" else MEASURES_ITSELF, _one_file(selection))
        )
    return ExitCode.of_verdict(outcome.verdict)


def diagnose(
    recording_id: OptionalRecordingID = "",
    *,
    call_end: CallEnd = "",
    connect: CallAudio = None,
    recording: AgentRecordings = None,
    analysis: Analysis = None,
    redacted: Redacted = "",
    transcript: Transcript = None,
    transcribe: Transcribe = False,
    speech_model: SpeechModel = None,
    demo: Demo = False,
    offset: Offset = None,
    drift_ppm: DriftPpm = 0.0,
    correction: FromCorrection = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=output_file, help="Draw waveforms and lags into this PNG file."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Look at a few pieces of both files only. Levels, suspensions and other checks of the whole files are "
            "left out.",
        ),
    ] = False,
    limit: Limit = None,
    as_json: AsJson = False,
) -> int:
    """Measure where the call is in the recording, and check both files. Writes no video."""
    from komorebi_qc import jobs  # noqa: PLC0415  the codecs load only for the commands
    from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415
    from komorebi_qc.cli.output.recording import print_diagnosis  # noqa: PLC0415
    from komorebi_qc.wiring import present_limits  # noqa: PLC0415

    limits = present_limits(os.environ).changed_by(*(limit or ()))
    own, further = first_and_further(recording)
    selection = jobs.Selection.of(
        *(recording_id, connect, own, call_end),
        demo=demo,
        further=further,
        analysis=analysis,
        redacted=redacted,
        transcript=transcript,
        speech_model=jobs.speech_model(speech_model, os.environ, transcribe=transcribe),
    ).with_call_end(os.environ)
    given = jobs.given_alignment(offset, drift_ppm, correction, selection.recording_id)
    if quick:
        needs_whole: dict[str, object] = {"--offset": offset, "--from": correction, "--plot": plot}
        needs_whole |= {"--analysis": analysis, "--redacted": redacted, "--transcript": transcript}
        _check_quick([name for name, value in needs_whole.items() if value not in (None, "")])
        seen = jobs.quick_diagnose_selection(selection, os.environ, limits=limits)
        if as_json:
            print_json(seen.to_dict())
        else:
            print_diagnosis(seen.to_dict(), audit_command(selection, limit or ()), audit_remark(_one_file(selection)))
        return ExitCode.of_verdict(seen.verdict)
    found = jobs.diagnose_selection(selection, os.environ, plot=plot, limits=limits, given=given)
    if as_json:
        print_json(found.to_dict())
    else:
        command = audit_command(selection, limit or (), alignment_words(offset, drift_ppm, correction))
        print_diagnosis(found.to_dict(), command, audit_remark(_one_file(selection)), str(plot) if plot else "")
    return ExitCode.of_verdict(found.verdict)


def _check_quick(options: Sequence[str]) -> None:
    """Refuse options that need the whole files.

    Raises:
        InputError: there are some.
    """
    if options:
        raise InputError(f"{options[0]} can't be used with --quick: it needs the whole files. Leave one of them out")


def limits(limit: Limit = None, *, as_json: AsJson = False) -> int:
    """List the limits beyond which a measurement warns or fails, as they are set now, with units and sources."""
    from komorebi_qc.wiring import present_limits  # noqa: PLC0415

    present = present_limits(os.environ).changed_by(*(limit or ()))
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json({"limits": present.to_dict()})
    else:
        from komorebi_qc.cli.output.recording import print_limits  # noqa: PLC0415

        print_limits(present)
    return ExitCode.DONE


def alignment_words(offset_s: float | None, drift_ppm: float, correction: Path | None) -> list[str]:
    """The options that give an alignment, as a command line has them."""
    given = [] if offset_s is None else ["--offset", f"{offset_s:.12g}"]
    drift = ["--drift-ppm", f"{drift_ppm:.12g}"] if drift_ppm else []
    return [*given, *drift, *([] if correction is None else ["--from", str(correction)])]


def audit_command(selection: Selection, limits: Sequence[str], alignment: Sequence[str] = ()) -> str:
    """The command that audits this recording with the same limits and the same given alignment."""
    out = [] if selection.is_sample else ["--out", "audit"]
    changed = [word for limit in limits for word in ("--limit", limit)]
    return shlex.join(["komorebi-qc", "audit", *selection.words(), *alignment, *changed, *out])


def _one_file(selection: Selection) -> str:
    return "on files of this machine, audit takes one recording" if selection.further else ""


def audit_remark(*remarks: str) -> str:
    """Return a note for the audit's command; empty if it runs as printed."""
    from importlib.util import find_spec  # noqa: PLC0415  only here

    lacks = "" if find_spec("papermill") else "needs the desk extra"
    return "; ".join(remark for remark in (*remarks, lacks) if remark)
