"""The command for a whole fleet: one page about all rows of a dataset; a shell over `fleet`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from komorebi_qc.core.errors import InputError, missing_extra

if TYPE_CHECKING:
    from komorebi_qc.fleet.report import Written

DONE = 0
"""As in `komorebi_qc.cli.main.Exit`, which mounts this module."""


def mount(app: typer.Typer, epilog: str) -> None:
    """Put the command beside the others of `app`."""
    app.command(epilog=epilog)(fleet)


def fleet(
    dataset: Annotated[
        str, typer.Argument(metavar="[DATASET]", help="The folder or s3:// prefix that `batch` wrote.")
    ] = "",
    *,
    out: Annotated[str, typer.Option(metavar="FILE|s3://...", help="The page, such as fleet.html.")] = "",
    worst: Annotated[int, typer.Option(metavar="N", help="How many of the worst are shown one by one.")] = 24,
    demo: Annotated[bool, typer.Option("--demo", help="Take 100,000 made-up rows instead of a dataset.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Write one page about all recordings of a dataset: how many are bad, since when, whose, and what to look at."""
    if demo == bool(dataset):
        slip = "--demo and a dataset are both named" if demo else "the dataset is missing"
        raise InputError(f"{slip}: name the folder or s3:// prefix that `komorebi-qc batch` wrote, or --demo alone")
    if not out:
        raise InputError("--out is missing: the page's file, such as fleet.html, or s3://bucket/fleet.html")
    reports = _reports()
    written: Written = reports.write_report(reports.fleet_named(reports.DEMO if demo else dataset), out, worst)
    if as_json:
        print(json.dumps(written.to_dict(), indent=1))  # noqa: T201  this is the output
    else:
        _print(written.to_dict())
    return DONE


def _reports() -> Any:
    """The report's module, which loads only for the command.

    Raises:
        InputError: where its libraries aren't installed.
    """
    from importlib import import_module  # noqa: PLC0415  only here

    try:
        return import_module("komorebi_qc.fleet.report")
    except ModuleNotFoundError as error:
        raise missing_extra("fleet", error.name or "a library") from None


def _print(told: dict[str, Any]) -> None:
    from komorebi_qc.cli import console  # noqa: PLC0415  rich loads only where something is printed

    printed = console.out()
    printed.print(told["summary"], markup=False)
    for one in told["answers"]:
        printed.print(f"\n{one['question']} {one['answer']}", markup=False, style="bold")
        for text in one["rests_on"]:
            printed.print(f"  {text}", markup=False)
    printed.print(f"\n{told['out']}: {told['bytes'] / 1e6:.1f} MB", markup=False)
