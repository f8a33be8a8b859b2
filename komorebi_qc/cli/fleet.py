"""The commands for a whole dataset: one page about all of its rows, and words in its captions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import FILE_OR_S3, FOLDER_OR_S3, AsJson
from komorebi_qc.core.errors import InputError, missing_extra
from komorebi_qc.core.finding import counted

if TYPE_CHECKING:
    from komorebi_qc.batch.find import Search
    from komorebi_qc.fleet.report import WrittenReport


def mount(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog=EPILOG)(fleet)
    app.command(epilog=EPILOG)(find)


def fleet(
    dataset: Annotated[
        str, typer.Argument(metavar="[DATASET]", help="The folder or s3:// prefix that `batch` wrote.")
    ] = "",
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Use 100,000 synthetic rows.")] = False,
    out: Annotated[
        str,
        typer.Option(
            metavar=FILE_OR_S3, help="The page, an .html file. With --demo the default is demo-output/fleet.html."
        ),
    ] = "",
    worst: Annotated[
        int, typer.Option(metavar="N", help="How many of the worst recordings are shown one by one, 200 at most.")
    ] = 24,
    results: Annotated[
        list[str] | None,
        typer.Option(
            metavar=FOLDER_OR_S3,
            help="Another folder with audits, as `batch --results` named it. Others aren't read. Repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write one page about a dataset: how many recordings are bad, since when, which agents, which to check first."""
    if demo == bool(dataset):
        slip = "--demo and a dataset are both named" if demo else "the dataset is missing"
        raise InputError(f"{slip}: name the folder or s3:// prefix that `komorebi-qc batch` wrote, or --demo alone")
    if not out and not demo:
        raise InputError("--out is missing: the page's file, such as fleet.html, or s3://bucket/fleet.html")
    reports = _module("fleet.report")
    if not out:
        from komorebi_qc.jobs import demo_output  # noqa: PLC0415  loads only for the command

        out = str(demo_output("fleet.html"))
    found = reports.fleet_named(reports.DEMO if demo else dataset, results=results or ())
    written: WrittenReport = reports.write_report(found, out, worst)
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json(written.to_dict())
    else:
        _print(written.to_dict())
    return ExitCode.DONE


def find(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The folder or s3:// prefix that `batch` wrote.")],
    words: Annotated[
        str, typer.Argument(metavar="WORDS", help="Words that a turn has to have, such as 'card number'.")
    ],
    *,
    most: Annotated[int, typer.Option(metavar="N", help="How many turns are shown, 10,000 at most.")] = 50,
    as_json: AsJson = False,
) -> int:
    """Find words in the captions of a dataset's unified recordings and reports, with links to the moments."""
    search = _module("batch.find").find_words(dataset, words, most)
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json(search.to_dict())
    else:
        _print_search(search)
    return ExitCode.DONE


def _print_search(search: Search) -> None:
    from komorebi_qc.cli.output import console  # noqa: PLC0415  rich loads only where something is printed
    from komorebi_qc.core.timebase import clock_text  # noqa: PLC0415

    printed = console.out()
    for hit in search.hits:
        printed.print(f"{hit.recording_id}  {clock_text(hit.from_s)}  {hit.speaker}", markup=False, style="bold")
        printed.print(f"  {console.safe(hit.text)}", soft_wrap=True)
        printed.print(f"  {hit.link}", markup=False, soft_wrap=True)
    more = f", {len(search.hits)} shown" if len(search.hits) < search.found else ""
    printed.print(
        f"{counted(search.found, 'turn')} found{more}. {search.searched} of "
        f"{counted(search.recordings, 'recording has', 'recordings have')} captions.",
        markup=False,
    )
    for address in search.unread:
        printed.print(f"Not read: {address}. Process the recording again.", markup=False, soft_wrap=True)


def _module(name: str) -> Any:
    """Import a module that loads only for the command.

    Raises:
        InputError: its libraries aren't installed.
    """
    from importlib import import_module  # noqa: PLC0415  only here

    try:
        return import_module(f"komorebi_qc.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "komorebi_qc").startswith("komorebi_qc"):
            raise  # a defect of this package; no extra would help
        raise missing_extra("fleet", str(error.name)) from None


def _print(report: dict[str, Any]) -> None:
    from komorebi_qc.cli.output import console  # noqa: PLC0415  rich loads only where something is printed

    printed = console.out()
    printed.print(report["summary"], markup=False)
    for one in report["answers"]:
        printed.print(f"\n{one['question']} {one['answer']}", markup=False, style="bold")
        for text in one["rests_on"]:
            printed.print(f"  {text}", markup=False)
    printed.print(
        f"\nThe page is in [bold]{console.safe(report['out'])}[/], {console.size_text(report['bytes'])}. "
        "Open it in a browser.",
        soft_wrap=True,
    )
