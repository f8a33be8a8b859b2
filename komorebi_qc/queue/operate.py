"""What an operator does: look at the dead letters, send them again, ask how a recording stands, order it anew.

The dead-letter queue is read by receiving, since SQS knows no other way: letters are out of others' sight for as long
as that takes, and then back.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import InputError, KomorebiError, PermanentError, SettingsError
from komorebi_qc.core.recording import check_recording_id, message_body
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.sqs import Queue, queue_by_arn
from komorebi_qc.storage.aws_errors import aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.core.recording import Recording
    from komorebi_qc.storage.dynamodb import DynamoTable
    from komorebi_qc.storage.s3_media import S3Media

LOG = logging.getLogger(__name__)
MOST_LETTERS = 1_000
_HELD_S = 120
"""How long letters stay out of sight where this process dies while it holds them."""
_EMPTY_POLLS = 2
"""SQS asks a sample of its servers: one empty answer doesn't mean an empty queue."""
_UNKNOWN_TO_THE_SERVICE = frozenset(
    {"AWS.SimpleQueueService.UnsupportedOperation", "InvalidAction", "NotImplemented", "UnsupportedOperation"}
)


@dataclass(frozen=True, slots=True)
class Letters:
    """What was found in the dead-letter queue.

    Attributes:
        letters: oldest first.
        are_all: whether there are no more, as far as SQS can tell.
    """

    letters: tuple[DeadLetter, ...]
    are_all: bool


@dataclass(frozen=True, slots=True)
class Redriven:
    """What was sent again.

    Attributes:
        how: by SQS itself (``task``), or one by one (``messages``).
        count: how many; of a task, how many it was begun with, roughly.
        not_found: the IDs asked for of which no letter was there.
    """

    how: Literal["task", "messages"]
    count: int
    not_found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """How a recording stands.

    Attributes:
        recording: its item.
        item: what this package has written into it.
        inputs: the inputs' keys; empty where one isn't there.
        missing: why not.
        outputs: keys and bytes of what lies in the output bucket.
        letters: its dead letters; None where no queue is configured.
    """

    recording: Recording
    item: dict[str, Any]
    inputs: tuple[str, ...]
    missing: str | None
    outputs: tuple[tuple[str, int], ...]
    letters: tuple[DeadLetter, ...] | None


def dead_letter_queue(queue: Queue, dead: Queue | None) -> Queue:
    """The dead-letter queue: as configured, else as the queue's own policy names it.

    Raises:
        SettingsError: where neither names one.
        StorageError: where the queue doesn't answer.
        AccessDeniedError: where it refuses or doesn't exist.
    """
    if dead is not None:
        return dead
    arn = queue.policy().dead_letter_arn
    if arn is None:
        raise SettingsError(
            f"the queue {queue.url} has no dead-letter queue: set its redrive policy, or KOMOREBI_DEAD_LETTER_QUEUE_URL"
        )
    return queue_by_arn(queue.client, arn)


def read_letters(dead: Queue, *, most: int = MOST_LETTERS) -> Letters:
    """The dead letters, left where they are.

    Raises:
        StorageError: where the queue doesn't answer.
        AccessDeniedError: where it refuses or doesn't exist.
    """
    with _held(dead, most) as (messages, are_all):
        letters = [DeadLetter.from_message(message) for message in messages]
    return Letters(tuple(sorted(letters, key=lambda letter: letter.failed_at)), are_all)


def redrive_all(dead: Queue, queue: Queue) -> Redriven:
    """Send every dead letter again: by SQS's own task, or one by one where the service has none.

    Raises:
        PermanentError: where a task is under way already.
        StorageError: where a queue doesn't answer.
        AccessDeniedError: where one refuses or doesn't exist.
    """
    count = dead.counts().visible
    source, destination = dead.arn(), queue.arn()
    with aws_errors(f"queue {dead.url}"):
        try:
            dead.client.start_message_move_task(SourceArn=source, DestinationArn=destination)
        except Exception as error:
            code = error_code(error)
            if code == "InvalidParameterValue":
                raise PermanentError(
                    f"SQS takes no redrive of {dead.url} now ({code}): one is under way already (`aws sqs "
                    "list-message-move-tasks` tells), or no queue names it as its dead-letter queue"
                ) from error
            # A number is a bare HTTP status: no answer of SQS, which gives each of its errors a name.
            if code not in _UNKNOWN_TO_THE_SERVICE and not code.isdigit():
                raise
        else:
            return Redriven("task", count)
    return _redrive(dead, queue, lambda _letter: True)


def redrive_only(dead: Queue, queue: Queue, recording_ids: tuple[str, ...]) -> Redriven:
    """Send the dead letters of these recordings again; the message's ID names a letter as well.

    Raises:
        MessageError: where one is neither kind of ID.
        StorageError: where a queue doesn't answer.
        AccessDeniedError: where one refuses or doesn't exist.
    """
    wanted = {check_recording_id(text) for text in recording_ids}
    seen: set[str] = set()

    def is_wanted(letter: DeadLetter) -> bool:
        named = {letter.recording_id, letter.message_id} & wanted
        seen.update(named)
        return bool(named)

    found = _redrive(dead, queue, is_wanted)
    return Redriven("messages", found.count, tuple(sorted(wanted - seen)))


def _redrive(dead: Queue, queue: Queue, is_wanted: Callable[[DeadLetter], bool]) -> Redriven:
    """Sent first, deleted then: what ends this in between leaves a message twice, which is harmless, and never none."""
    count = 0
    with _held(dead, None) as (messages, _):
        for message in list(messages):
            letter = DeadLetter.from_message(message)
            if is_wanted(letter):
                queue.send(letter.body)
                dead.delete(message)
                messages.remove(message)
                count += 1
    return Redriven("messages", count)


@contextmanager
def _held(dead: Queue, most: int | None) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """The messages of a queue, and whether they are all.

    In the end those that are still in the list come back into sight.
    """
    messages: list[dict[str, Any]] = []
    empty = 0
    try:
        while empty < _EMPTY_POLLS and (most is None or len(messages) < most):
            some = dead.receive_some(10 if most is None else min(10, most - len(messages)), min(empty, 1), _HELD_S)
            again = {message["MessageId"] for message in some}
            known = {message["MessageId"] for message in messages}
            # Of a message that is given twice, the newer handle counts.
            messages[:] = [message for message in messages if message["MessageId"] not in again] + some
            empty = 0 if again - known else empty + 1
        yield messages, empty >= _EMPTY_POLLS
    finally:
        try:
            for message in messages:
                dead.change_visibility(message, 0)
        except KomorebiError as error:
            LOG.warning("%s; the letters are in sight again in %d s", error, _HELD_S)


def standing(recording_id: str, *, table: DynamoTable, media: S3Media, dead: Queue | None = None) -> RecordingStatus:
    """How a recording stands: its item, its inputs, its outputs and its dead letters.

    Raises:
        MessageError: where `recording_id` is none.
        UnknownRecordingError: where there is no item, or it lacks what the keys are made of.
        StorageError: where a service doesn't answer.
        AccessDeniedError: where one refuses.
    """
    recording = table.get(recording_id)
    try:
        inputs, missing = media.input_versions(recording)[::2], None
    except KomorebiError as error:
        inputs, missing = (), str(error)
    letters = None
    if dead is not None:
        letters = tuple(letter for letter in read_letters(dead).letters if letter.recording_id == recording_id)
    return RecordingStatus(
        recording, table.own_attributes(recording_id), inputs, missing, media.outputs(recording), letters
    )


def submit(recording_id: str, call_end: str, *, force: bool, table: DynamoTable, queue: Queue) -> str:
    """Order a recording as the backend does; the message's ID.

    Raises:
        InputError: where the call end is missing.
        MessageError: where the ID or the call end is none.
        UnknownRecordingError: where the table has no such item: the message would only become a dead letter.
        StorageError: where a service doesn't answer.
        AccessDeniedError: where one refuses.
    """
    if not call_end:
        raise InputError("--call-end is missing: when the call ended, counted from the recording's start (HH:MM:SS)")
    body = message_body(recording_id, call_end, force=force)
    table.get(recording_id)
    return queue.send(body)
