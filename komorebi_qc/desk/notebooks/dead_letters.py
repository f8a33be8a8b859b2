"""The cells of `notebooks/dead_letters.ipynb`: the dead letters by cause, and the effect of a redrive.

Reading leaves the messages in their queue, as `komorebi_qc.queue.operate` does. A redrive is a separate call, and by
default it sends nothing.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError, KomorebiError, SettingsError, UnknownRecordingError
from komorebi_qc.core.finding import counted
from komorebi_qc.core.recording import Message
from komorebi_qc.desk.notebooks.notebook_output import (
    NotebookOutput,
    collapsed,
    combined,
    fact_table,
    figure_image,
    heading,
    paragraph,
    status_line,
    table,
)
from komorebi_qc.desk.notebooks.readable_errors import readable_errors
from komorebi_qc.desk.notebooks.recording import parameter_text
from komorebi_qc.desk.notebooks.sample_dead_letters import sample_dead_letters
from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.levels import plot_counts
from komorebi_qc.queue.operate import read_dead_letters, redrive_all, redrive_only
from komorebi_qc.queue.sqs import Queue, dead_letter_queue_of
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.queue.dead_letter import DeadLetter
    from komorebi_qc.queue.operate import DeadLetterList

MOST_SHOWN = 50
_MOST_UNCOLLAPSED = 10
_MOST_CANDIDATES = 3
_KINDS = {
    "permanent": "retrying won't help",
    "tries": "all attempts used up",
    "held": "an operator has to decide",
    "unknown": "moved by SQS itself",
}
_OUTLOOK = {
    "permanent": "fails again at once, unless the reason was corrected",
    "held": "is held again, unless an operator releases it",
    "tries": "may succeed; a lasting cause brings it back after the same number of attempts",
    "unknown": "fails again if the function crashes on it again: read its log first",
}
_IDS = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|contact-\w+")
_NUMBERS = re.compile(r"\d[\d.,:]*")


@dataclass(frozen=True, slots=True, eq=False)
class DeadLetterReview:
    """The dead letters of a queue.

    Attributes:
        dead_letter_queue: their queue.
        queue: the queue for a redrive; None if no queue is configured.
        table: the recordings table; None if only a queue's address is known.
        found: the dead letters, oldest first.
        now: the time of reading.
        is_demo: whether the AWS is embedded.
    """

    dead_letter_queue: Queue
    queue: Queue | None
    table: DynamoTable | None
    found: DeadLetterList
    now: datetime
    is_demo: bool = False


@readable_errors
def open_dead_letters(queue: str = "demo") -> DeadLetterReview:
    """Read the dead letters. They stay in their queue.

    Args:
        queue: ``demo`` for sample messages on an AWS inside this process, ``aws`` for the configured queue, or the
            address of a dead-letter queue.

    Raises:
        InputError: `queue` is something else, or moto isn't installed for the demo.
        SettingsError: No queue is configured.
        StorageError: SQS didn't answer.
        AccessDeniedError: SQS refused, or the queue doesn't exist.
    """
    if not isinstance(queue, str) or not (queue in ("demo", "aws") or queue.startswith(("https://", "http://"))):
        raise InputError(f'queue is {queue!r}: it must be "demo", "aws", or the address of a dead-letter queue')
    if queue == "demo":
        return replace(_read(*sample_dead_letters()), is_demo=True)
    if queue != "aws":
        return _read(Queue(aws_client("sqs"), queue), None, None)
    settings = Settings.from_environment(os.environ)
    work = Queue(aws_client("sqs"), settings.queue_url) if settings.queue_url else None
    url = settings.dead_letter_queue_url
    if work is None and not url:
        raise SettingsError("no queue is configured: set KOMOREBI_DEAD_LETTER_QUEUE_URL or KOMOREBI_QUEUE_URL")
    dead = Queue(aws_client("sqs"), url) if url or work is None else dead_letter_queue_of(work)
    return _read(dead, work, DynamoTable(aws_client("dynamodb"), settings.table_name))


def _read(dead: Queue, work: Queue | None, recordings: DynamoTable | None) -> DeadLetterReview:
    return DeadLetterReview(dead, work, recordings, read_dead_letters(dead), datetime.now(UTC))


def overview(letters: DeadLetterReview) -> NotebookOutput:
    """The number of dead letters, their age, and their causes."""
    found = letters.found.letters
    if not found:
        return status_line("pass", "There are no dead letters.")
    oldest, newest = found[0], found[-1]
    more = "" if letters.found.are_all else "; the queue holds more, which weren't read"
    rows = [
        ("Dead letters", f"{len(found)}{more}"),
        ("Recordings", str(len({one.recording_id for one in found if one.recording_id}))),
        ("Oldest", f"{_minute(oldest.failed_at)}, {_age(letters.now - oldest.failed_at)} ago"),
        ("Newest", f"{_minute(newest.failed_at)}, {_age(letters.now - newest.failed_at)} ago"),
        ("Held", f"{len(letters.found.held)}; an operator decides about them"),
        ("Queue", letters.dead_letter_queue.url),
    ]
    words = f"{counted(len(found), 'message is', 'messages are')} in the dead-letter queue."
    groups = _by_cause(found)
    figure, (ax,) = new_figure(12, 1.0 + 0.42 * len(groups))
    plot_counts(
        ax,
        [(f"{_title(group[0])}: {_KINDS[group[0].kind]}", len(group)) for group in groups],
        unit="Dead letters (count)",
    )
    return combined(
        [status_line("warn", words), fact_table(rows), figure_image(figure, "Number of dead letters by cause.")]
    )


def causes(letters: DeadLetterReview) -> NotebookOutput:
    """Each cause once: its reason, its time span, and its recordings. Held recordings come last, with candidates."""
    parts = []
    for group in _by_cause(letters.found.letters):
        first, last = group[0], group[-1]
        parts.append(heading(f"{_title(first)}: {counted(len(group), 'dead letter')}, {_KINDS[first.kind]}"))
        if first.reason:
            parts.append(paragraph(first.reason))
        until = "" if len(group) == 1 else f" to {_minute(last.failed_at)}"
        since = "Held since" if first.is_held else "Failed"
        parts.append(paragraph(f"{since}: {_minute(first.failed_at)}{until}."))
        if first.is_held:
            parts.append(paragraph("To publish one: komorebi-qc dlq release RECORDING_ID [--offset SECONDS]"))
        heads, rows = _recordings(letters, group)
        listed = table(heads, rows[:MOST_SHOWN])
        parts.append(listed if len(rows) <= _MOST_UNCOLLAPSED else collapsed(f"All {len(rows)}", listed))
        if len(rows) > MOST_SHOWN:
            parts.append(paragraph(f"And {len(rows) - MOST_SHOWN} more."))
    return combined(parts) if parts else paragraph("There are no dead letters.")


def _recordings(
    letters: DeadLetterReview, group: Sequence[DeadLetter]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The head and the rows of a group's table."""
    if not group[0].is_held:
        rows: list[tuple[str, ...]] = [
            (one.recording_id or "unreadable", _minute(one.failed_at), str(one.receive_count), one.message_id)
            for one in group
        ]
        return ("Recording", "Failed", "Attempts", "Message ID (for the log)"), rows
    rows = [
        (one.recording_id or "unreadable", _age(letters.now - one.failed_at), _candidates(one), one.message_id)
        for one in group
    ]
    return ("Recording", "Held for", "Candidates (offset, probability)", "Message ID (for the log)"), rows


def _candidates(one: DeadLetter) -> str:
    shown = [f"{offset_s:+.3f} s, {probability:.0%}" for offset_s, probability in one.candidates[:_MOST_CANDIDATES]]
    return "; ".join(shown) or "no place is known"


def bodies(letters: DeadLetterReview) -> NotebookOutput:
    """The messages' bodies."""
    found = letters.found.letters[:MOST_SHOWN]
    rows = [(_minute(one.failed_at), one.recording_id or "unreadable", one.body[:300]) for one in found]
    return collapsed(
        counted(len(found), "message body", "message bodies"), table(("Failed", "Recording", "Body"), rows)
    )


@readable_errors
def redrive_plan(letters: DeadLetterReview, only: str | float = "") -> NotebookOutput:
    """The effect of a redrive on each message. Nothing is sent.

    Args:
        letters: the dead letters.
        only: recording or message IDs, separated by commas; empty for all.

    Raises:
        InputError: `only` isn't a text.
    """
    chosen = _chosen(letters, only)
    if not chosen:
        return paragraph("There is nothing to send again.")
    rows = []
    for one in chosen[:MOST_SHOWN]:
        outlook, item = _outlook(letters, one)
        rows.append((one.recording_id or "unreadable", _title(one), outlook, item))
    target = "no queue, because none is configured" if letters.queue is None else letters.queue.url
    parts = [
        paragraph(f"A redrive would send {counted(len(chosen), 'message')} to {target}, and delete them here."),
        table(("Recording", "Cause", "Expected result", "Item"), rows),
    ]
    counts = Counter(one.recording_id for one in chosen if one.recording_id)
    if repeated := [recording_id for recording_id, count in counts.items() if count > 1]:
        names = ", ".join(repeated[:10])
        parts.append(
            paragraph(f"Several messages name {names}. The first one does the work; the others find it processed.")
        )
    if len(chosen) > MOST_SHOWN:
        parts.append(paragraph(f"And {len(chosen) - MOST_SHOWN} more."))
    return combined(parts)


@readable_errors
def redrive(letters: DeadLetterReview, *, really: bool = False, only: str | float = "") -> NotebookOutput:
    """Send the messages again if `really`.

    Args:
        letters: the dead letters.
        really: whether to send them.
        only: recording or message IDs, separated by commas; empty for all.

    Raises:
        InputError: `really` isn't a truth value, or no queue is configured.
        KomorebiError: See `komorebi_qc.queue.operate.redrive_all`.
    """
    if not isinstance(really, bool):
        raise InputError(f"redrive is {really!r}: it must be True or False")
    if not really:
        return paragraph("Nothing was sent: the parameter `redrive` is False.")
    if letters.queue is None:
        raise InputError('no queue is configured: set KOMOREBI_QUEUE_URL, and the parameter queue to "aws"')
    # The embedded SQS has no task that moves all messages.
    every_id = tuple(one.message_id for one in letters.found.failed) if letters.is_demo else ()
    names = _ids(only) or every_id
    done = (
        redrive_only(letters.dead_letter_queue, letters.queue, names)
        if names
        else redrive_all(letters.dead_letter_queue, letters.queue)
    )
    verb = "SQS is moving about" if done.how == "task" else "Sent again:"
    parts = [status_line("pass", f"{verb} {counted(done.count, 'message')}.")]
    parts += [status_line("warn", f"There is no dead letter for {name}.") for name in done.not_found]
    if not _ids(only) and letters.found.held:
        held = counted(len(letters.found.held), "held recording stays", "held recordings stay")
        parts.append(status_line("warn", f"{held}: a redrive would only hold them again."))
    return combined(parts)


def _ids(only: str | float) -> tuple[str, ...]:
    return tuple(part.strip() for part in parameter_text("only", only).split(",") if part.strip())


def _chosen(letters: DeadLetterReview, only: str | float) -> list[DeadLetter]:
    ids = set(_ids(only))
    if not ids:
        return list(letters.found.failed)
    return [one for one in letters.found.letters if {one.recording_id, one.message_id} & ids]


def _outlook(letters: DeadLetterReview, one: DeadLetter) -> tuple[str, str]:
    """The expected result of a redrive, and the state of the recording's item."""
    try:
        message = Message.from_body(one.body)
    except KomorebiError as error:
        return "fails again at once: the message can't be read", str(error)
    if letters.table is None:
        return _OUTLOOK[one.kind], "not read"
    try:
        item = letters.table.get(message.recording_id)
    except UnknownRecordingError as error:
        return "fails again at once: the table has no usable item", str(error)
    except KomorebiError as error:
        return _OUTLOOK[one.kind], f"can't be read: {error}"
    if item.is_processed and not message.force:
        return "skipped if its inputs are unchanged, else processed again", "processed since"
    return _OUTLOOK[one.kind], "not processed"


def _by_cause(found: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
    """Groups of dead letters whose reasons differ only in IDs and numbers, the largest first; held ones come last."""
    groups: dict[tuple[str, str, str], list[DeadLetter]] = {}
    for one in found:
        reason = one.reason.replace(one.recording_id, "#") if one.recording_id else one.reason
        pattern = _NUMBERS.sub("0", _IDS.sub("#", reason))
        groups.setdefault((one.kind, one.error, pattern), []).append(one)
    return sorted(groups.values(), key=lambda group: (group[0].is_held, -len(group)))


def _title(one: DeadLetter) -> str:
    return "Held" if one.is_held else one.error or "No reason recorded"


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _age(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    if hours < 1:
        return counted(max(round(hours * 60), 0), "minute")
    return counted(round(hours), "hour") if hours < 48 else counted(round(hours / 24), "day")
