"""The commands for a first look: the sample call on an embedded AWS, and the state of the installation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import AsJson


def mount(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog=EPILOG)(demo)
    app.command(epilog=EPILOG)(doctor)


def demo(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the results.")] = Path("demo-output"),
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Keep the embedded AWS running, and print its environment variables. Set them in another terminal to "
            "use `status`, `submit`, `worker` and `dlq` there. Ctrl-C ends it, with exit code 130.",
        ),
    ] = False,
    events: Annotated[
        bool,
        typer.Option(
            "--events",
            help="Send the events of both files and of the contact instead of the backend's message, and use the "
            "contact's record.",
        ),
    ] = False,
) -> int:
    """Process a sample call from end to end on an embedded AWS: no account, no network."""
    import threading  # noqa: PLC0415

    from komorebi_qc.cli.output.console import out as standard_output  # noqa: PLC0415
    from komorebi_qc.demo.run import run  # noqa: PLC0415  the embedded AWS loads only for this command

    console = standard_output()
    result = run(out, console=console, keep=threading.Event() if keep else None, with_events=events)
    if result.verdict is None:
        console.print("Run it again with `komorebi-qc diagnose --demo` to see what is wrong with the inputs.")
        return ExitCode.FAILED
    console.print(
        "\nNext:\n"
        "  komorebi-qc audit --demo    a report with a player (needs the desk extra)\n"
        "  komorebi-qc demo --keep     keep the embedded AWS open, and try status, submit, worker and dlq\n"
        "  komorebi-qc --help          all commands",
        markup=False,
    )
    return ExitCode.of_verdict(result.verdict)


def doctor(*, as_json: AsJson = False) -> int:
    """Show what is installed, what each extra adds, the codecs, and whether AWS is configured. Prints no secrets."""
    from komorebi_qc.cli.output.installation import print_installation  # noqa: PLC0415
    from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415
    from komorebi_qc.wiring.installation import inspect_installation  # noqa: PLC0415

    found = inspect_installation(os.environ)
    if as_json:
        print_json(found.to_dict())
    else:
        print_installation(found)
    return ExitCode.DONE if found.is_usable else ExitCode.FAILED
