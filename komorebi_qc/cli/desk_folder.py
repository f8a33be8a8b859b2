"""The commands that work on a folder of reports: its notes and findings for a ticket, and the local server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import AsJson, output_file
from komorebi_qc.core.errors import InputError, missing_extra

if TYPE_CHECKING:
    from komorebi_qc.desk.notes.ticket import Ticket


def mount(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog=EPILOG)(notes)
    app.command(epilog=EPILOG)(desk)


def notes(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of one report, as `audit` wrote it.")],
    *,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=output_file, help="Write findings and notes as CSV for a spreadsheet."),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=output_file, help="Write findings and notes as Markdown for a ticket."),
    ] = None,
    merge: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Merge another notes.json of the same recording into the report's. No note is lost. Repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show a report's findings and notes; write them for a ticket; merge another analyst's notes."""
    from komorebi_qc.core.notes import MOST_BYTES, counts_by_severity, read_notes  # noqa: PLC0415
    from komorebi_qc.desk.notes.files import merge_into, notes_beside  # noqa: PLC0415
    from komorebi_qc.desk.notes.ticket import csv_bytes, markdown_text, ticket_of  # noqa: PLC0415
    from komorebi_qc.storage.atomic_file import named_file_errors, write_atomically  # noqa: PLC0415
    from komorebi_qc.storage.opened_folder import OpenedFolder  # noqa: PLC0415

    opened = OpenedFolder.at(str(folder))
    qc_json = opened.read("qc.json", max_bytes=_MOST_QC_BYTES)
    if qc_json is None:
        raise InputError(f"{folder} has no qc.json: name the folder of one report, as `komorebi-qc audit` wrote it")
    name = str(folder / "qc.json")
    recording_id = ticket_of(qc_json, name, None).recording_id
    others = []
    for path in merge or ():
        with named_file_errors(path), path.open("rb") as file:
            others.append(read_notes(file.read(MOST_BYTES + 1), str(path), recording_id=recording_id))
    for other in others:
        merge_into(opened.root, other)
    ticket = ticket_of(qc_json, name, notes_beside(opened.root, recording_id))
    if csv is not None:
        write_atomically(csv, csv_bytes(ticket))
    if markdown is not None:
        write_atomically(markdown, markdown_text(ticket).encode())
    written = {kind: str(path) for kind, path in (("csv", csv), ("markdown", markdown)) if path is not None}
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        statuses = [one.status for one in ticket.findings]
        counts = {status: statuses.count(status) for status in ("fail", "warn", "pass")}
        found = {"recording_id": ticket.recording_id, "verdict": ticket.verdict, "findings": counts}
        print_json({**found, "notes": counts_by_severity(ticket.notes), "written": written})
    else:
        _print(ticket, written)
    return ExitCode.DONE


def desk(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder with reports, in it or in its folders.")],
    *,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="The port on 127.0.0.1. The default is a free one.")
    ] = 0,
    as_json: AsJson = False,
) -> int:
    """Serve the reports below a folder on this machine only: list, play, note, audit, correct and clip.

    It prints an address with a secret, and runs until Ctrl-C. Jobs that it has started end with it.
    """
    from importlib import import_module  # noqa: PLC0415  tornado loads only for the command

    try:
        server = import_module("komorebi_qc.desk.server.serve")
    except ModuleNotFoundError as error:
        if (error.name or "komorebi_qc").startswith("komorebi_qc"):
            raise  # a defect of this package; no extra would help
        raise missing_extra("desk", str(error.name)) from None

    def show(running: Any) -> None:
        if as_json:
            from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

            print_json({"address": running.address, "port": running.port, "folder": str(running.desk.root.root)})
            return
        from komorebi_qc.cli.output.console import out, safe  # noqa: PLC0415

        console = out()
        console.print(f"The desk of [bold]{safe(str(running.desk.root.root))}[/] is open at", soft_wrap=True)
        console.print(f"  {running.address}", markup=False, soft_wrap=True)
        console.print("Keep this address to yourself: it opens the desk. Ctrl-C closes the desk.", soft_wrap=True)

    server.serve(folder, port, show)
    return ExitCode.STOPPED


_MOST_QC_BYTES = 16_000_000


def _print(ticket: Ticket, written: dict[str, str]) -> None:
    from komorebi_qc.cli.output.console import VERDICTS, count_of, out, print_rows, safe  # noqa: PLC0415
    from komorebi_qc.core.timebase import clock_text  # noqa: PLC0415

    console = out()
    verdict: Any = VERDICTS.get(ticket.verdict, safe(ticket.verdict))
    count = count_of(len(ticket.notes.notes), "note")
    console.print(f"{verdict}  [bold]{safe(ticket.recording_id)}[/]: {count}", soft_wrap=True)
    rows = [
        (clock_text(note.from_s), note.severity, safe(note.category), safe(note.text)) for note in ticket.notes.notes
    ]
    print_rows(console, rows, indent=2)
    for path in written.values():
        console.print(f"written: {safe(path)}", soft_wrap=True)
