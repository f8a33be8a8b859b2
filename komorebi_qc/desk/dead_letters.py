"""What the notebook of dead letters calls, one call a cell: what is set aside, why, since when, and what to do.

Letters are read as `komorebi_qc.queue.operate` reads them: they stay where they are. A redrive is a call of its own,
and does nothing unless it is told to.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import re
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError, KomorebiError, SettingsError, UnknownRecordingError
from komorebi_qc.core.finding import counted
from komorebi_qc.core.recording import Message
from komorebi_qc.demo.run import embedded_aws, make_resources
from komorebi_qc.desk.notebook_output import Shown, all_of, facts, folded, headed, judged, picture, said, table
from komorebi_qc.desk.plots.plots import new_figure, plot_counts
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.operate import dead_letter_queue, read_letters, redrive_all, redrive_only
from komorebi_qc.queue.sqs import Queue
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.queue.dead_letter import Kind
    from komorebi_qc.queue.operate import Letters

MOST_SHOWN = 50
_KINDS = {
    "permanent": "no further try can help",
    "tries": "all tries are used up",
    "unknown": "moved by SQS itself",
}
_OUTLOOK = {
    "permanent": "comes back at once, unless what the reason names has been mended",
    "tries": "may succeed: its reason passes by itself, or comes back after as many tries",
    "unknown": "comes back if the function crashes on it again: look into its log first",
}
_IDS = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|contact-\w+")
_NUMBERS = re.compile(r"\d[\d.,:]*")


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """The dead letters on the desk.

    Attributes:
        dead: their queue.
        queue: to which a redrive would send them; None where none is configured.
        table: of recordings; None where the settings name none that can be read.
        found: the letters, oldest first.
        now: when they were read.
        is_demo: whether the AWS is the embedded one.
    """

    dead: Queue
    queue: Queue | None
    table: DynamoTable | None
    found: Letters
    now: datetime
    is_demo: bool = False


def open_letters(queue: str = "demo") -> Desk:
    """Read the dead letters; they stay where they are.

    Args:
        queue: ``demo`` for a few made ones on an AWS inside this process, ``aws`` for the configured queue, or the
            address of a dead-letter queue.

    Raises:
        InputError: where `queue` is none of these, or moto isn't installed for the demo.
        SettingsError: where no queue is configured.
        StorageError: where the queue doesn't answer.
        AccessDeniedError: where it refuses or doesn't exist.
    """
    if not isinstance(queue, str) or not (queue in ("demo", "aws") or queue.startswith(("https://", "http://"))):
        raise InputError(f'queue is {queue!r}: it is "demo", "aws", or the address of a dead-letter queue')
    if queue == "demo":
        return replace(_read(*_made()), is_demo=True)
    if queue != "aws":
        return _read(Queue(aws_client("sqs"), queue), None, None)
    settings = Settings.from_environment(os.environ)
    work = Queue(aws_client("sqs"), settings.queue_url) if settings.queue_url else None
    named = settings.dead_letter_queue_url
    if work is None and not named:
        raise SettingsError("neither KOMOREBI_DEAD_LETTER_QUEUE_URL nor KOMOREBI_QUEUE_URL is set: one has to tell")
    dead = Queue(aws_client("sqs"), named) if named or work is None else dead_letter_queue(work, None)
    return _read(dead, work, DynamoTable(aws_client("dynamodb"), settings.table_name))


def _read(dead: Queue, work: Queue | None, recordings: DynamoTable | None) -> Desk:
    return Desk(dead, work, recordings, read_letters(dead), datetime.now(UTC))


def overview(desk: Desk) -> Shown:
    """How many there are, since when, and by what cause."""
    letters = desk.found.letters
    if not letters:
        return judged("pass", "There are no dead letters.")
    oldest, newest = letters[0], letters[-1]
    more = "" if desk.found.are_all else "; there are more, which weren't read"
    rows = [
        ("dead letters", f"{len(letters)}{more}"),
        ("recordings", str(len({one.recording_id for one in letters if one.recording_id}))),
        ("the oldest", f"{_minute(oldest.failed_at)}, {_age(desk.now - oldest.failed_at)} ago"),
        ("the newest", f"{_minute(newest.failed_at)}, {_age(desk.now - newest.failed_at)} ago"),
        ("queue", desk.dead.url),
    ]
    words = f"{counted(len(letters), 'message was', 'messages were')} set aside."
    figure, (ax,) = new_figure(12, 1.0 + 0.42 * len(_by_cause(letters)))
    counts = [(f"{_title(group[0])}: {_KINDS[group[0].kind]}", len(group)) for group in _by_cause(letters)]
    plot_counts(ax, counts, unit="Dead letters (count)")
    return all_of([judged("warn", words), facts(rows), picture(figure, "Dead letters by cause.")])


def causes(desk: Desk) -> Shown:
    """Each cause once: what it says, since when, and whose recordings it concerns."""
    parts = []
    for group in _by_cause(desk.found.letters):
        first, last = group[0], group[-1]
        parts.append(headed(f"{_title(first)}: {counted(len(group), 'dead letter')}, {_KINDS[first.kind]}"))
        parts.append(said(first.reason))
        span = (
            _minute(first.failed_at) if len(group) == 1 else f"{_minute(first.failed_at)} to {_minute(last.failed_at)}"
        )
        parts.append(said(f"Set aside: {span}."))
        rows = [
            (one.recording_id or "unreadable", _minute(one.failed_at), str(one.receive_count), one.message_id)
            for one in group
        ]
        listed = table(("Recording", "Set aside", "Tries", "Message (for the log)"), rows[:MOST_SHOWN])
        parts.append(listed if len(rows) <= 10 else folded(f"The {len(rows)} of them", listed))
        if len(rows) > MOST_SHOWN:
            parts.append(said(f"And {len(rows) - MOST_SHOWN} more."))
    return all_of(parts) if parts else said("There is none.")


def letters(desk: Desk) -> Shown:
    """The letters' bodies, for whoever has to look."""
    shown = desk.found.letters[:MOST_SHOWN]
    rows = [(_minute(one.failed_at), one.recording_id or "unreadable", one.body[:300]) for one in shown]
    return folded(counted(len(shown), "body", "bodies"), table(("Set aside", "Recording", "Body"), rows))


def redrive_plan(desk: Desk, only: str = "") -> Shown:
    """What a redrive would do with each, without doing it.

    Args:
        desk: the letters.
        only: recording or message IDs with commas between them; empty for all.
    """
    chosen = _chosen(desk, only)
    if not chosen:
        return said("There is nothing to send again.")
    rows = []
    for one in chosen[:MOST_SHOWN]:
        outlook, advice = _would(desk, one)
        rows.append((one.recording_id or "unreadable", _title(one), outlook, advice))
    where = "no queue is configured" if desk.queue is None else desk.queue.url
    parts = [
        said(f"A redrive would send {counted(len(chosen), 'message')} to {where}, as they came, and delete them here."),
        table(("Recording", "Cause", "It", "The item now"), rows),
    ]
    repeated = [
        name for name, count in Counter(one.recording_id for one in chosen if one.recording_id).items() if count > 1
    ]
    if repeated:
        names = ", ".join(repeated[:10])
        parts.append(said(f"Several letters each: {names}. The first does the work, the others find it done."))
    if len(chosen) > MOST_SHOWN:
        parts.append(said(f"And {len(chosen) - MOST_SHOWN} more."))
    return all_of(parts)


def redrive(desk: Desk, *, really: bool = False, only: str = "") -> Shown:
    """Send them again, if `really`; else say how.

    Raises:
        InputError: where `really` is no truth value, or no queue is known to send them to.
        KomorebiError: see `komorebi_qc.queue.operate.redrive_all`.
    """
    if not isinstance(really, bool):
        raise InputError(f"redrive is {really!r}: it is True or False, without quotes")
    if not really:
        return said("Nothing was sent: the parameter `redrive` is False.")
    if desk.queue is None:
        raise InputError('no queue is known to send them to: set KOMOREBI_QUEUE_URL, and queue to "aws"')
    # The embedded SQS has no task of its own that moves them all.
    names = _names(only) or (tuple(one.message_id for one in desk.found.letters) if desk.is_demo else ())
    done = redrive_only(desk.dead, desk.queue, names) if names else redrive_all(desk.dead, desk.queue)
    how = "SQS moves about" if done.how == "task" else "Sent again:"
    parts = [judged("pass", f"{how} {counted(done.count, 'message')}.")]
    parts += [judged("warn", f"There is no dead letter of {name}.") for name in done.not_found]
    return all_of(parts)


def _names(only: str) -> tuple[str, ...]:
    if not isinstance(only, str):
        raise InputError(f"only is {only!r}: it is a text with IDs, and commas between them")
    return tuple(part.strip() for part in only.split(",") if part.strip())


def _chosen(desk: Desk, only: str) -> list[DeadLetter]:
    names = set(_names(only))
    return [one for one in desk.found.letters if not names or {one.recording_id, one.message_id} & names]


def _would(desk: Desk, one: DeadLetter) -> tuple[str, str]:
    """What becomes of it, and how its recording stands."""
    try:
        wanted = Message.from_body(one.body)
    except KomorebiError as error:
        return "comes back at once: it can't be read", str(error)
    if desk.table is None:
        return _OUTLOOK[one.kind], "not looked at"
    try:
        item = desk.table.get(wanted.recording_id)
    except UnknownRecordingError as error:
        return "comes back at once: the table has no usable item", str(error)
    except KomorebiError as error:
        return _OUTLOOK[one.kind], f"can't be asked for: {error}"
    if item.is_processed and not wanted.force:
        return "is passed over if its inputs are the same, else processed anew", "processed since"
    return _OUTLOOK[one.kind], "not processed"


def _by_cause(found: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
    """The same error in other words for each recording is one cause; the most frequent first."""
    groups: dict[tuple[str, str, str], list[DeadLetter]] = {}
    for one in found:
        plain = one.reason.replace(one.recording_id, "#") if one.recording_id else one.reason
        alike = _NUMBERS.sub("0", _IDS.sub("#", plain))
        groups.setdefault((one.kind, one.error, alike), []).append(one)
    return sorted(groups.values(), key=lambda group: -len(group))


def _title(one: DeadLetter) -> str:
    return one.error or "No reason"


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _age(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    if hours < 1:
        return counted(max(round(hours * 60), 0), "minute")
    return counted(round(hours), "hour") if hours < 48 else counted(round(hours / 24), "day")


# --- the demo


def _made() -> tuple[Queue, Queue, DynamoTable]:
    """An AWS inside this process, until it ends, with a few letters of each kind."""
    from rich.console import Console  # noqa: PLC0415  only to be silent

    kept = ExitStack()
    kept.enter_context(embedded_aws())
    atexit.register(kept.close)
    queue = make_resources(Console(file=io.StringIO()))
    dead = dead_letter_queue(queue, None)
    settings = Settings.from_environment(os.environ)
    recordings = DynamoTable(aws_client("dynamodb"), settings.table_name)
    for letter, is_processed in _samples():
        if letter.recording_id and is_processed is not None:
            _put_item(settings.table_name, letter.recording_id, is_processed=is_processed)
        dead.send(letter.body, letter.attributes() if letter.kind != "unknown" else None)
    return dead, queue, recordings


def _put_item(table_name: str, recording_id: str, *, is_processed: bool) -> None:
    item = {
        "videoID": {"S": recording_id},
        "agentID": {"S": "agent-7"},
        "creationDate": {"S": "2026-03-02 14:05:09"},
        "isProcessed": {"BOOL": is_processed},
    }
    aws_client("dynamodb").put_item(TableName=table_name, Item=item)


def _samples() -> list[tuple[DeadLetter, bool | None]]:
    """Letters, and whether their recording has been processed meanwhile; None where the table doesn't know it."""
    ids = [f"{n}f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f{n}" for n in range(6)]
    began = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
    lost = "s3://demo-input/2026/03/02/agent-7/{}.mp4 isn't there {} h after creationDate, and after 48 h nothing comes"
    wrong = "the call's audio and the recording belong to different calls (only 9 s of 62 s of speech agree)"
    busy = "s3://demo-output: SlowDown, HTTP 503: it is worth another try"
    found: list[tuple[Kind, str, str, str, int, bool | None]] = [
        ("permanent", "MissingMediaError", lost.format(ids[0], 50), ids[0], 1, False),
        ("permanent", "MissingMediaError", lost.format(ids[1], 61), ids[1], 1, False),
        ("permanent", "WrongPairError", wrong, ids[2], 1, False),
        ("tries", "StorageError", busy, ids[3], 8, True),
        ("unknown", "", "", ids[4], 3, False),
        (
            "permanent",
            "UnknownRecordingError",
            f"there is no item with videoID {ids[5]}: check the ID",
            ids[5],
            1,
            None,
        ),
    ]
    out: list[tuple[DeadLetter, bool | None]] = []
    for number, (kind, error, reason, recording_id, tries, processed) in enumerate(found):
        body = json.dumps({"recordingID": recording_id, "callEndingTimestamp": "00:12:34"})
        when = began + timedelta(hours=7 * number)
        letter = DeadLetter(body, kind, error, reason, recording_id, f"message-{number}", "request-1", tries, when)
        out.append((letter, processed))
    return out
