"""The operator's commands: dead letters, how a recording stands, an order by hand; a shell over `operate`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from komorebi_qc.core.errors import InputError, PermanentError, SettingsError

if TYPE_CHECKING:
    from komorebi_qc.queue.dead_letter import DeadLetter
    from komorebi_qc.queue.operate import RecordingStatus
    from komorebi_qc.queue.sqs import Queue
    from komorebi_qc.storage.dynamodb import DynamoTable
    from komorebi_qc.wiring import Settings

DONE, FAILED, PART_FAILED = 0, 1, 4
"""As in `komorebi_qc.cli.main.Exit`, which mounts this module."""

RecordingID = Annotated[str, typer.Argument(metavar="RECORDING_ID", help="A recording of the configured table.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def mount(app: typer.Typer, epilog: str) -> None:
    """Put the commands beside the others of `app`."""
    letters = typer.Typer(no_args_is_help=True, epilog=epilog)
    letters.command("list", epilog=epilog)(list_letters)
    letters.command("show", epilog=epilog)(show_letters)
    letters.command("redrive", epilog=epilog)(redrive)
    app.add_typer(letters, name="dlq", help="Dead letters: messages that were set aside. List, show and redrive them.")
    app.command(epilog=epilog)(status)
    app.command(epilog=epilog)(submit)


def list_letters(*, as_json: AsJson = False) -> int:
    """List the dead letters by reason; they stay where they are."""
    from komorebi_qc.cli import console  # noqa: PLC0415  boto3 and rich load only for the commands
    from komorebi_qc.queue import operate  # noqa: PLC0415  boto3 and rich load only for the commands

    found = operate.read_letters(_dead(_settings()))
    told = [_letter(letter) for letter in found.letters]
    if as_json:
        _print_json({"letters": told, "are_all": found.are_all})
    else:
        console.print_letters(told, are_all=found.are_all)
    return DONE


def show_letters(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="The recording's ID, or the message's.")],
    *,
    as_json: AsJson = False,
) -> int:
    """Show the dead letters of one recording, with their bodies; they stay where they are."""
    from komorebi_qc.cli import console  # noqa: PLC0415
    from komorebi_qc.queue import operate  # noqa: PLC0415

    found = operate.read_letters(_dead(_settings()))
    told = [
        {**_letter(letter), "body": letter.body}
        for letter in found.letters
        if wanted in (letter.recording_id, letter.message_id)
    ]
    if not told:
        among = "" if found.are_all else f" among the {len(found.letters)} that were read; there are more"
        raise PermanentError(f"no dead letter has the recording or message ID {wanted[:200]!r}{among}")
    if as_json:
        _print_json({"letters": told})
    else:
        for letter in told:
            console.print_letter(letter)
    return DONE


def redrive(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", help="The recording's ID, or the message's; more than once for several."),
    ] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    as_json: AsJson = False,
) -> int:
    """Send dead letters again; the reason should be mended first, or they come back."""
    from komorebi_qc.queue import operate  # noqa: PLC0415

    if bool(only) == all_of_them:
        slip = "both --only and --all are given" if only else "it isn't said which letters to send again"
        raise InputError(f"{slip}: choose --only ID, once or more often, or --all; `komorebi-qc dlq list` lists them")
    settings = _settings()
    dead, queue = _dead(settings), _queue(settings)
    done = operate.redrive_only(dead, queue, tuple(only)) if only else operate.redrive_all(dead, queue)
    if as_json:
        _print_json({"how": done.how, "count": done.count, "not_found": done.not_found})
    else:
        sent = f"{done.count} dead letter{'' if done.count == 1 else 's'}"
        if done.how == "task":
            print(f"SQS moves about {sent} back; `aws sqs list-message-move-tasks` tells how far it is")  # noqa: T201  this is the output
        else:
            print(f"{sent} sent again")  # noqa: T201  this is the output
        for missing in done.not_found:
            print(f"no dead letter of {missing}")  # noqa: T201  this is the output
    if not done.not_found:
        return DONE
    return PART_FAILED if done.count else FAILED


def status(
    recording_id: RecordingID,
    *,
    dead_letters: Annotated[
        bool, typer.Option("--dead-letters", help="Look for its dead letters too: all are read for that.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Say how a recording stands: its item, its inputs, its outputs."""
    from komorebi_qc.cli import console  # noqa: PLC0415
    from komorebi_qc.queue import operate  # noqa: PLC0415

    settings = _settings()
    dead = _dead(settings) if dead_letters else None
    media = settings.pipeline().media
    told = _standing(operate.standing(recording_id, table=_table(settings), media=media, dead=dead))
    if as_json:
        _print_json(told)
    else:
        console.print_standing(told)
    return DONE


def submit(
    recording_id: RecordingID,
    *,
    call_end: Annotated[
        str, typer.Option(help="When the call ended, from the recording's start: HH:MM:SS, as the backend tells it.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Process it again, even if it has been processed from the same inputs.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Order a recording, as the backend does: a message to the queue."""
    from komorebi_qc.queue import operate  # noqa: PLC0415

    settings = _settings()
    table, queue = _table(settings), _queue(settings)
    message_id = operate.submit(recording_id, call_end, force=force, table=table, queue=queue)
    if as_json:
        _print_json({"recording_id": recording_id, "message_id": message_id})
    else:
        print(f"sent as message {message_id}")  # noqa: T201  this is the output
    return DONE


def _settings() -> Settings:
    from komorebi_qc.wiring import Settings  # noqa: PLC0415

    return Settings.from_environment(os.environ)


def _table(settings: Settings) -> DynamoTable:
    from komorebi_qc.storage.dynamodb import DynamoTable  # noqa: PLC0415
    from komorebi_qc.wiring import aws_client  # noqa: PLC0415

    return DynamoTable(aws_client("dynamodb"), settings.table_name)


def _queue(settings: Settings) -> Queue:
    from komorebi_qc.queue.sqs import Queue  # noqa: PLC0415
    from komorebi_qc.wiring import aws_client  # noqa: PLC0415

    if not settings.queue_url:
        raise SettingsError("KOMOREBI_QUEUE_URL isn't set: it names the queue that messages are sent to")
    return Queue(aws_client("sqs"), settings.queue_url)


def _dead(settings: Settings) -> Queue:
    from komorebi_qc.queue.operate import dead_letter_queue  # noqa: PLC0415
    from komorebi_qc.queue.sqs import Queue  # noqa: PLC0415
    from komorebi_qc.wiring import aws_client  # noqa: PLC0415

    if settings.dead_letter_queue_url:
        return Queue(aws_client("sqs"), settings.dead_letter_queue_url)
    if not settings.queue_url:
        raise SettingsError(
            "neither KOMOREBI_DEAD_LETTER_QUEUE_URL nor KOMOREBI_QUEUE_URL is set: one of them has to tell where the "
            "dead letters are"
        )
    return dead_letter_queue(_queue(settings), None)


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "recording_id": letter.recording_id,
        "kind": letter.kind,
        "error": letter.error,
        "reason": letter.reason,
        "failed_at": letter.failed_at.isoformat(timespec="seconds"),
        "receive_count": letter.receive_count,
        "message_id": letter.message_id,
        "request_id": letter.request_id,
    }


def _standing(found: RecordingStatus) -> dict[str, Any]:
    recording = found.recording
    return {
        "recording_id": recording.recording_id,
        "agent_id": recording.agent_id,
        "creation_date": f"{recording.created:%Y-%m-%d %H:%M:%S}",
        "is_processed": recording.is_processed,
        "item": found.item,
        "inputs": list(found.inputs),
        "missing": found.missing,
        "outputs": [{"key": key, "bytes": size} for key, size in found.outputs],
        "dead_letters": None if found.letters is None else [_letter(letter) for letter in found.letters],
    }


def _print_json(told: dict[str, Any]) -> None:
    print(json.dumps(told, indent=1))  # noqa: T201  this is the output
