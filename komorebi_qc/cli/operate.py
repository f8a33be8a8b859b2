"""The operator's commands: the worker, a recording's status, a message by hand, and the dead-letter queue."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import TIME_FORMATS, AsJson, RecordingID
from komorebi_qc.core.errors import InputError, PermanentError

if TYPE_CHECKING:
    from komorebi_qc.wiring import Settings

_ID_HELP = "ID of the recording, or of the SQS message."


def mount(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog=EPILOG)(worker)
    app.command(epilog=EPILOG)(status)
    app.command(epilog=EPILOG)(submit)
    group = typer.Typer(no_args_is_help=True, epilog=EPILOG)
    group.command("list", epilog=EPILOG)(list_dead_letters)
    group.command("show", epilog=EPILOG)(show_dead_letter)
    group.command("redrive", epilog=EPILOG)(redrive)
    group.command("release", epilog=EPILOG)(release)
    app.add_typer(
        group, name="dlq", help="Work with the dead-letter queue: list, show, redrive and release its messages."
    )


def worker(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Take one message, then stop. Stops as well if no message comes in 20 s.")
    ] = False,
    time_limit: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="The time limit for a message; by default 12 h.")
    ] = 43_200,
    memory_limit: Annotated[
        float, typer.Option(metavar="MB", min=300, help="The memory limit for a message's process, 1 MB = 1e6 bytes.")
    ] = 2000,
    cgroup: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A Linux control group that this user may divide: the kernel then enforces the memory limit. Without "
            "it, the worker watches the memory.",
        ),
    ] = None,
) -> int:
    """Poll the configured queue and process its messages with the Lambda's handler, without its time limit.

    Each recording is processed in a process of its own. A recording that crashes it, or goes beyond a limit, is tried
    once more, and then sent to the dead-letter queue.
    """
    from komorebi_qc.isolation.resource_limits import ResourceLimits  # noqa: PLC0415
    from komorebi_qc.jobs import run_worker  # noqa: PLC0415  boto3 loads only for the commands

    counts = run_worker(os.environ, once=once, limits=ResourceLimits(time_limit, memory_limit), cgroup=cgroup)
    if once and not counts.handled and not counts.is_interrupted:
        print("no message came")  # noqa: T201  this is the output
    else:
        text = (
            f"{counts.done} done, {counts.failed} to be retried, {counts.dead_lettered} sent to the dead-letter queue"
        )
        text += f", {counts.held} held" if counts.held else ""
        print(text)  # noqa: T201  this is the output
    if counts.is_interrupted:
        raise KeyboardInterrupt
    # A worker that was stopped has done its work, whatever happened to single messages.
    return ExitCode.FAILED if once and counts.handled > counts.done else ExitCode.DONE


def status(
    recording_id: RecordingID,
    *,
    dead_letters: Annotated[
        bool, typer.Option("--dead-letters", help="Also look for its dead letters, which reads the whole queue.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Show a recording's state: its item, its inputs and its outputs."""
    from komorebi_qc.cli.output import operate as output  # noqa: PLC0415  boto3 and rich load only for the commands
    from komorebi_qc.queue import operate  # noqa: PLC0415

    settings = _settings()
    dead = settings.dead_letter_queue() if dead_letters else None
    found = operate.recording_status(recording_id, table=settings.table(), media=settings.media(), dead=dead)
    return _print(found.to_dict(), output.print_status, as_json=as_json)


def submit(
    recording_id: RecordingID,
    *,
    call_end: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help=f"When the call ended, counted from the recording's start: {TIME_FORMATS}. The "
            "default is callEndingTimestamp from its DynamoDB item.",
        ),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Process it again, even if the inputs haven't changed.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Send a message to the queue, as the backend does, so that a recording is processed."""
    from komorebi_qc.queue import operate  # noqa: PLC0415

    settings = _settings()
    queue = settings.queue()
    message_id = operate.submit(recording_id, call_end, force=force, table=settings.table(), queue=queue)
    return _print(
        {"recording_id": recording_id, "message_id": message_id},
        lambda sent: print(f"sent as message {sent['message_id']}"),  # noqa: T201  this is the output
        as_json=as_json,
    )


def list_dead_letters(*, as_json: AsJson = False) -> int:
    """List the dead letters by reason, and held recordings in a section of their own. They stay in their queue."""
    from komorebi_qc.cli.output import operate as output  # noqa: PLC0415
    from komorebi_qc.queue import operate  # noqa: PLC0415

    found = operate.read_dead_letters(_settings().dead_letter_queue())
    return _print(found.to_dict(), output.print_dead_letters, as_json=as_json)


def show_dead_letter(
    wanted: Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP)], *, as_json: AsJson = False
) -> int:
    """Show the dead letters of one recording, with their message bodies. They stay in their queue."""
    from komorebi_qc.cli.output import operate as output  # noqa: PLC0415
    from komorebi_qc.queue import operate  # noqa: PLC0415

    found = operate.read_dead_letters(_settings().dead_letter_queue())
    letters = [letter for letter in found.letters if wanted in (letter.recording_id, letter.message_id)]
    if not letters:
        among = "" if found.are_all else f" among the {len(found.letters)} that were read; there are more"
        raise PermanentError(f"no dead letter has the recording or message ID {wanted[:200]!r}{among}")
    shown = {"letters": [{**letter.to_dict(), "body": letter.body} for letter in letters]}
    return _print(shown, output.print_dead_letter_bodies, as_json=as_json)


def redrive(
    *,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="ID", help=f"{_ID_HELP} Repeatable.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    as_json: AsJson = False,
) -> int:
    """Send dead letters back to the queue. Fix their reason first, or they return.

    --all leaves out held recordings, because they would only be held again. See `dlq release`.
    """
    from komorebi_qc.cli.output import operate as output  # noqa: PLC0415
    from komorebi_qc.queue import operate  # noqa: PLC0415

    if bool(only) == every:
        slip = "both --only and --all are given" if only else "neither --only nor --all is given"
        raise InputError(f"{slip}: choose --only ID, repeatable, or --all; `komorebi-qc dlq list` lists the IDs")
    settings = _settings()
    dead, queue = settings.dead_letter_queue(), settings.queue()
    done = operate.redrive_only(dead, queue, tuple(only)) if only else operate.redrive_all(dead, queue)
    _print(done.to_dict(), output.print_redrive, as_json=as_json)
    if not done.not_found:
        return ExitCode.DONE
    return ExitCode.PART_FAILED if done.count else ExitCode.FAILED


def release(
    recording_id: Annotated[str, typer.Argument(metavar="RECORDING_ID", help="A held recording.")],
    *,
    offset: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="The call's start, counted from the recording's start. Replaces the measurement. May be negative.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Publish a held recording, and delete its dead letter. If that fails, the dead letter stays."""
    from komorebi_qc import jobs  # noqa: PLC0415  the codecs load only for the commands
    from komorebi_qc.cli.output.progress import step_progress  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415

    with step_progress(quiet=as_json) as shown, stoppable(shown) as progress:
        outcome = jobs.release_held(recording_id, offset, os.environ, progress)
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json(outcome.to_dict())
    else:
        from komorebi_qc.cli.output.recording import print_outcome  # noqa: PLC0415

        print_outcome(outcome.to_dict(), f"komorebi-qc audit {recording_id} --out audit")
        print("Its dead letter is deleted.")  # noqa: T201  this is the output
    return ExitCode.of_verdict(outcome.verdict)


def _settings() -> Settings:
    from komorebi_qc.wiring import Settings  # noqa: PLC0415  boto3 loads only for the commands

    return Settings.from_environment(os.environ)


def _print(found: dict[str, Any], show: Any, *, as_json: bool) -> int:
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json(found)
    else:
        show(found)
    return ExitCode.DONE
