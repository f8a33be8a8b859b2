"""The command that makes the recordings of a chain of contacts."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import FOLDER_OR_S3, AsJson

if TYPE_CHECKING:
    from komorebi_qc.chain.folder import FolderSource
    from komorebi_qc.chain.result import ChainResult


def mount(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(chain)


def chain(
    initial_contact_id: Annotated[
        str,
        typer.Argument(metavar="INITIAL_CONTACT_ID", help="The first contact of the chain, or another one of it."),
    ],
    *,
    out: Annotated[
        str,
        typer.Option(
            metavar=FOLDER_OR_S3,
            help="The folder for chain.html and chain.json, and for the recordings with --from. The default is "
            "chain-INITIAL_CONTACT_ID.",
        ),
    ] = "",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="A folder with records.jsonl, exported contact records, and list.csv, which names each contact's two "
            "files as a batch's list does. Without it, records and recordings are in AWS.",
        ),
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(
            "--date",
            metavar="YYYY-MM-DD",
            formats=["%Y-%m-%d"],
            help="The contact's day, for exported records of a contact that the table has no item of.",
        ),
    ] = None,
    reports: Annotated[
        bool, typer.Option("--reports", help="Also write a report with a player for each recording.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Make recordings again that are made already.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the chain and what would be made. Nothing is written.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Make one unified recording for each agent's contact of a transferred call, and a page of who had the call when.

    A contact that fails stops no other. Recordings that are made already are left alone.
    """
    from komorebi_qc.chain.aws import AwsSource  # noqa: PLC0415  the codecs load only for the commands
    from komorebi_qc.chain.run import ChainRequest, run_chain  # noqa: PLC0415
    from komorebi_qc.cli.output.chain import print_chain, print_member  # noqa: PLC0415
    from komorebi_qc.cli.output.progress import step_progress  # noqa: PLC0415
    from komorebi_qc.core.contact.parse import is_contact_id  # noqa: PLC0415
    from komorebi_qc.core.errors import InputError  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415

    if not is_contact_id(initial_contact_id):
        raise InputError(f"{initial_contact_id!r} isn't a contact's ID: it has letters, digits, - and _ only")
    out = out or f"chain-{initial_contact_id}"
    found = AwsSource.of(os.environ) if source is None else _folder(source, out)
    date = None if day is None else day.date()
    request = ChainRequest(initial_contact_id, out, date, force, dry_run, reports)
    is_quiet = as_json or dry_run
    with step_progress(quiet=is_quiet) as shown, stoppable(shown) as progress:
        result = run_chain(request, found, progress, lambda *member: None if is_quiet else print_member(*member))
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json(result.to_dict())
    else:
        print_chain(result)
    return exit_code(result)


def _folder(source: Path, out: str) -> FolderSource:
    """The chain of a folder, whose list is read as a batch's.

    Raises:
        InputError: a library of the extra `fleet` is missing, or the folder can't be used.
    """
    from komorebi_qc.core.errors import missing_extra  # noqa: PLC0415

    try:
        from komorebi_qc.chain.folder import FolderSource  # noqa: PLC0415  it needs an extra
    except ModuleNotFoundError as error:
        if (error.name or "komorebi_qc").startswith("komorebi_qc"):
            raise  # a defect of this package; no extra would help
        raise missing_extra("fleet", str(error.name), needed_by="--from") from None
    return FolderSource.of(source, out, os.environ)


def exit_code(result: ChainResult) -> ExitCode:
    """The exit code: of the recordings that are missing, then of the verdicts."""
    if any(one.is_missing for one in result.members):
        return ExitCode.PART_FAILED if any(one.is_ready for one in result.members) else ExitCode.FAILED
    return ExitCode.of_verdict("fail" if any(one.verdict == "fail" for one in result.members) else None)
