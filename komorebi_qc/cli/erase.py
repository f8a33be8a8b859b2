"""The command that finds everything that was made of a recording, and removes it."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import FOLDER_OR_S3, AsJson


def mount(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(erase)


def erase(
    recording_id: Annotated[
        str,
        typer.Argument(
            metavar="RECORDING_ID",
            help="A recording of the configured table, or of a named dataset.",
        ),
    ],
    *,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar=FOLDER_OR_S3,
            help="A dataset that `batch` wrote: its rows, and the reports and recordings that they name. Repeatable.",
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|DIR|s3://...",
            help="Look here too, for reports, clips, notebooks, CSV files and fleet pages. Repeatable.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove what is found. Without it, it is only listed.")] = False,
    inputs: Annotated[
        bool,
        typer.Option(
            "--inputs",
            help="The inputs as well: call audio, Contact Lens' files and agent recording; of a dataset of files, the "
            "listed files.",
        ),
    ] = False,
    only_named: Annotated[
        bool,
        typer.Option(
            "--only-named",
            help="Look only in the places of --dataset and --also. The configured buckets, table and queue stay.",
        ),
    ] = False,
    whole_bucket: Annotated[
        bool,
        typer.Option(
            "--whole-bucket",
            help="Search every key of the output bucket. Needed if the recording's item is gone, or its agent or date "
            "has changed.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """List everything that was made of a recording: in buckets, datasets, files, queue and table. --yes removes it.

    Exit code 3 if something is left, which is everything that is found without --yes.
    """
    from komorebi_qc.batch.command import check_library, checked_address  # noqa: PLC0415  boto3 loads for the command
    from komorebi_qc.erasure.run import ErasureRequest  # noqa: PLC0415
    from komorebi_qc.erasure.run import erase as erase_recording  # noqa: PLC0415

    datasets, places = (tuple(map(checked_address, texts or ())) for texts in (dataset, also))
    if datasets:
        check_library("pyarrow", "fleet")
    request = ErasureRequest(recording_id, datasets, places, inputs, only_named, whole_bucket)
    found = erase_recording(request, os.environ, is_wanted=yes)
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json(found.to_dict())
    else:
        from komorebi_qc.cli.output.erase import print_erasure  # noqa: PLC0415

        print_erasure(found.to_dict())
    return ExitCode.DONE if found.is_all_gone else ExitCode.FINDINGS_FAIL
