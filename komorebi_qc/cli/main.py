"""The command line: it reads arguments, calls the package and prints; nothing is decided here.

Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 done with findings that fail, 4 part of a batch failed, 130
stopped by Ctrl-C.
"""

from __future__ import annotations

import json
import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from komorebi_qc.cli import batch as cli_batch
from komorebi_qc.cli import desk as cli_desk
from komorebi_qc.cli import fleet as cli_fleet
from komorebi_qc.cli import operate as cli_operate
from komorebi_qc.core.errors import InputError, KomorebiError, PassingError

if TYPE_CHECKING:
    from rich.table import Table

    from komorebi_qc.core.limits import Limits


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    FINDINGS_FAIL = 3
    PART_FAILED = 4


_EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 done with findings that fail, 4 part of a batch failed, "
    "130 stopped by Ctrl-C."
)
RecordingID = Annotated[
    str | None, typer.Argument(help="A recording of the configured table, instead of the files below.")
]
CallEnd = Annotated[
    str,
    typer.Option(
        help="When the call ended, from the recording's start: HH:MM:SS, MM:SS or seconds, with a fraction or not."
    ),
]
CallAudio = Annotated[Path | None, typer.Option(help="Amazon Connect's call audio (WAV).")]
AgentRecording = Annotated[Path | None, typer.Option(help="The agent's screen recording (WebM or MP4).")]
ChangedLimits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=WARN[:FAIL]",
        help="Judge a finding by another limit, or by none (NAME=off); more than once for several. "
        "`komorebi-qc limits` lists them.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")]
app = typer.Typer(
    name="komorebi-qc",
    help="Join Amazon Connect's call audio and the agent's screen recording into one recording, in sync.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def main() -> NoReturn:
    """Run the command line; foreseen errors become a sentence and an exit code."""
    as_json = "--json" in sys.argv
    try:
        code = app(standalone_mode=False)
    except KomorebiError as error:
        _fail(error, as_json=as_json)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output (`| head`) has gone: there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.DONE)
    except Exception as error:
        if isinstance(error, typer.Exit):
            sys.exit(error.exit_code)
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # typer's usage errors
            error.show()
            sys.exit(Exit.BAD_INPUT)
        if type(error).__name__ == "Abort":
            sys.exit(130)
        raise
    sys.exit(code or Exit.DONE)


def _fail(error: KomorebiError, *, as_json: bool) -> NoReturn:
    from komorebi_qc.cli.console import print_error  # noqa: PLC0415  rich loads only where something is printed

    if as_json:
        kind = {"kind": type(error).__name__, "worth_a_retry": isinstance(error, PassingError), "text": str(error)}
        print(json.dumps({"error": kind}, indent=1))  # noqa: T201  this is the output
    print_error(str(error))
    sys.exit(Exit.BAD_INPUT if isinstance(error, InputError) else Exit.FAILED)


def _version(wanted: bool) -> None:  # noqa: FBT001  typer calls it so
    if wanted:
        from komorebi_qc import __version__  # noqa: PLC0415

        print(__version__)  # noqa: T201  this is the output
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Join Amazon Connect's call audio and the agent's screen recording into one recording, in sync."""


@app.command(epilog=_EXIT_CODES)
def process(
    recording_id: RecordingID = None,
    call_end: CallEnd = "",
    connect: CallAudio = None,
    recording: AgentRecording = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The unified recording; .mp4 or .webm names the container, no extension follows the codec."),
    ] = None,
    offset: Annotated[
        float | None,
        typer.Option(help="Where the call begins on the recording's clock, in seconds, instead of by the call end."),
    ] = None,
    drift_ppm: Annotated[
        float, typer.Option(help="By how many millionths the recording's clock runs faster than the call's.")
    ] = 0.0,
    container: Annotated[
        str, typer.Option(help="auto, mp4 or webm; auto copies the picture as it is.", metavar="[auto|mp4|webm]")
    ] = "auto",
    align: Annotated[
        str,
        typer.Option(help="auto measures where the call lies; told goes by the call end.", metavar="[auto|told]"),
    ] = "auto",
    force: Annotated[
        bool, typer.Option("--force", help="Join the two even if they belong to different calls.")
    ] = False,
    thumbnail: Annotated[Path | None, typer.Option(help="Write the frame at 1 s here, as PNG.")] = None,
    limit: ChangedLimits = None,
    as_json: AsJson = False,
) -> int:
    """Make the unified recording of one call: of local files, or by its ID from the configured AWS."""
    from komorebi_qc import jobs  # noqa: PLC0415  the codecs load only for this command
    from komorebi_qc.cli import console  # noqa: PLC0415  the codecs load only for this command
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415

    wanted = jobs.ProcessRequest(
        call_end=call_end,
        offset_s=offset,
        drift_ppm=drift_ppm,
        container=container,
        align=align,
        force=force,
        limits=tuple(limit or ()),
    )
    if recording_id is not None:
        jobs.refuse_files(connect=connect, recording=recording, out=out, thumbnail=thumbnail)
        with console.progress(quiet=as_json) as shown, stoppable(shown) as progress:
            outcome = jobs.process_by_id(recording_id, wanted, os.environ, progress)
    else:
        files = jobs.local_files(connect=connect, recording=recording, out=out, thumbnail=thumbnail)
        with console.progress(quiet=as_json) as shown, stoppable(shown) as progress:
            outcome = jobs.process_files(files, wanted, os.environ, progress)
    return _show(outcome.to_dict(), as_json=as_json)


def _show(found: dict[str, Any], *, as_json: bool) -> int:
    from komorebi_qc.cli import console  # noqa: PLC0415

    if as_json:
        print(json.dumps(found, indent=1))  # noqa: T201  this is the output
    else:
        console.print_outcome(found)
    return Exit.FINDINGS_FAIL if found["verdict"] == "fail" else Exit.DONE


@app.command(epilog=_EXIT_CODES)
def diagnose(
    recording_id: RecordingID = None,
    call_end: CallEnd = "",
    connect: CallAudio = None,
    recording: AgentRecording = None,
    plot: Annotated[Path | None, typer.Option(help="Draw waveforms and lags into this PNG.")] = None,
    limit: ChangedLimits = None,
    as_json: AsJson = False,
) -> int:
    """Say where the call lies in the recording, whether they belong together, and how sure that is; write nothing."""
    from komorebi_qc import jobs  # noqa: PLC0415  the codecs load only for this command
    from komorebi_qc.cli import console  # noqa: PLC0415  the codecs load only for this command
    from komorebi_qc.wiring import present_limits  # noqa: PLC0415

    limits = present_limits(os.environ).changed_by(*(limit or ()))
    if recording_id is not None:
        jobs.refuse_files(connect=connect, recording=recording)
        found = jobs.diagnose_by_id(recording_id, call_end, os.environ, plot, limits)
    else:
        found = jobs.diagnose_files(connect, recording, call_end, plot, limits)
    if as_json:
        print(json.dumps(found.to_dict(), indent=1))  # noqa: T201  this is the output
    else:
        console.print_diagnosis(found.to_dict())
    return Exit.FINDINGS_FAIL if found.verdict == "fail" else Exit.DONE


@app.command(epilog=_EXIT_CODES)
def limits(limit: ChangedLimits = None, as_json: AsJson = False) -> int:
    """List what findings are judged by: each limit as it is set now, its unit, and who says so."""
    from komorebi_qc.wiring import present_limits  # noqa: PLC0415

    present = present_limits(os.environ).changed_by(*(limit or ()))
    if as_json:
        print(json.dumps({"limits": present.to_dict()}, indent=1))  # noqa: T201  this is the output
    else:
        from komorebi_qc.cli import console  # noqa: PLC0415  rich loads only where something is printed

        console.out().print(_limits_table(present))
        console.out().print(
            "\nSet one with --limit or in KOMOREBI_LIMITS: drift=50:200 warns beyond +-50 and fails beyond +-200 ppm, "
            "speech_level=-30..-14 takes a range, dead_air=off judges nothing. What a track or channel has of its "
            "own can be set for it alone: call_snr=15, call_agent_snr=10, own_audio_residual=0.002.",
            markup=False,
        )
    return Exit.DONE


def _limits_table(limits: Limits) -> Table:
    from rich.markup import escape  # noqa: PLC0415  rich loads only where something is printed
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row, was in limits.rows():
        changed = f"  [bold](changed; by default {escape(was.judges())})[/]" if row != was else ""
        table.add_row(f"[bold]{row.name}[/]", f"{escape(row.judges())}{changed}")
        table.add_row("", f"[dim]{escape(row.meaning)} ({escape(row.source)})[/]")
    return table


@app.command(epilog=_EXIT_CODES)
def worker(
    once: Annotated[bool, typer.Option("--once", help="Handle one message at most, then stop.")] = False,
) -> int:
    """Poll the configured queue and hand each message to the Lambda's handler, without a time limit."""
    from komorebi_qc.jobs import run_worker  # noqa: PLC0415  boto3 loads only for this command

    counts = run_worker(os.environ, once=once)
    print(f"{counts.done} done, {counts.failed} to be tried again, {counts.dead_lettered} set aside as dead letters")  # noqa: T201  this is the output
    # A worker that was stopped has done its work, whatever became of single messages.
    return Exit.FAILED if once and (counts.failed or counts.dead_lettered) else Exit.DONE


@app.command(epilog=_EXIT_CODES)
def demo(
    out: Annotated[Path, typer.Option(help="The folder for what comes out.")] = Path("demo-output"),
) -> int:
    """Process a sample call end to end on an embedded AWS: no account, no network."""
    from komorebi_qc.demo.run import run  # noqa: PLC0415  the embedded AWS loads only for this command

    return run(out)


cli_operate.mount(app, _EXIT_CODES)
cli_desk.mount(app, _EXIT_CODES)
cli_batch.mount(app, _EXIT_CODES)
cli_fleet.mount(app, _EXIT_CODES)


if __name__ == "__main__":
    main()
