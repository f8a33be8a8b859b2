"""The command that replaces the alignment of a recording by an analyst's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import TIME_FORMATS, AsJson, RecordingID
from komorebi_qc.core.errors import InputError


def mount(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(correct)


def correct(
    recording_id: RecordingID,
    *,
    correction: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="The correction.json that was saved from the recording's report."),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Remove the present correction, and process the recording without it.")
    ] = False,
    publish: Annotated[
        bool,
        typer.Option("--publish", help="Publish the result. Without it, the result is only compared with the present."),
    ] = False,
    why: Annotated[
        str,
        typer.Option(metavar="TEXT", help="The reason, in one line. The default is the one in correction.json."),
    ] = "",
    call_end: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help=f"When the call ended, counted from the recording's start: {TIME_FORMATS}. The default is "
            "callEndingTimestamp from its DynamoDB item, or else the time of the present result.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Correct the alignment of a recording in AWS. Without --publish nothing changes, and the difference is shown.

    A later message of the recording keeps the correction. Only another correction or --undo replaces it.
    """
    from komorebi_qc import jobs  # noqa: PLC0415  the codecs load only for the commands
    from komorebi_qc.cli.output.progress import step_progress  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415

    if undo == (correction is not None):
        slip = "both --from and --undo are given" if undo else "--from or --undo is missing"
        raise InputError(f"{slip}: name the correction.json that the report saved, or undo the present correction")
    found = None if correction is None else jobs.read_correction_file(correction)
    request = jobs.CorrectionRequest(recording_id, found, why, publish, call_end)
    with step_progress(quiet=as_json) as shown, stoppable(shown) as progress:
        result = jobs.correct(request, os.environ, progress)
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json(result.to_dict())
    else:
        from komorebi_qc.cli.output.correct import print_correction  # noqa: PLC0415

        print_correction(result.to_dict(), "" if correction is None else str(correction))
    return ExitCode.of_verdict(result.outcome.verdict)
