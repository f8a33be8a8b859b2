"""An operator's work: read the dead-letter queue, redrive it, read a recording's status, send a message.

SQS can be read only by receiving messages. So dead letters are invisible to others while they are read, and visible
again afterwards.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from komorebi_qc.core.errors import InputError, KomorebiError, PermanentError
from komorebi_qc.core.recording import CALL_END_ATTRIBUTE, check_recording_id, message_body
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.storage.aws_errors import aws_errors, error_code
from komorebi_qc.storage.generation import Generation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.core.output import Container
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.queue.sqs import Queue
    from komorebi_qc.storage.dynamodb import DynamoTable
    from komorebi_qc.storage.s3.media import S3Media

LOG = logging.getLogger(__name__)
MAX_DEAD_LETTERS = 1_000
_READING_S = 120
"""The visibility timeout of messages that are being read; it matters only if this process dies meanwhile."""
_EMPTY_POLLS = 2
"""SQS asks only some of its servers, so one empty response doesn't prove an empty queue."""
_UNKNOWN_TO_THE_SERVICE = frozenset(
    {"AWS.SimpleQueueService.UnsupportedOperation", "InvalidAction", "NotImplemented", "UnsupportedOperation"}
)


class CallEndTable(Protocol):
    """A table whose items may have a reported call end (`komorebi_qc.storage.dynamodb.DynamoTable`)."""

    def text(self, recording_id: str, attribute: str) -> str:
        """One attribute as text; empty if the item or the attribute is missing."""
        ...


@dataclass(frozen=True, slots=True)
class DeadLetterList:
    """The content of the dead-letter queue.

    Attributes:
        letters: oldest first, held recordings among them.
        are_all: whether there are no more, as far as SQS shows.
    """

    letters: tuple[DeadLetter, ...]
    are_all: bool

    @property
    def held(self) -> tuple[DeadLetter, ...]:
        """Those that an operator decides about, oldest first."""
        return tuple(letter for letter in self.letters if letter.is_held)

    @property
    def failed(self) -> tuple[DeadLetter, ...]:
        """All others, oldest first."""
        return tuple(letter for letter in self.letters if not letter.is_held)

    def to_dict(self, now: datetime | None = None) -> dict[str, Any]:
        """The dead letters for JSON, without their bodies; held recordings have their own list.

        Args:
            now: the end of a held recording's time; by default the present.
        """
        until = now or datetime.now(UTC)
        held = [
            {**letter.to_dict(), "held_for_s": max(0, round((until - letter.failed_at).total_seconds()))}
            for letter in self.held
        ]
        return {"letters": [letter.to_dict() for letter in self.failed], "held": held, "are_all": self.are_all}


@dataclass(frozen=True, slots=True)
class Redriven:
    """The result of a redrive.

    Attributes:
        how: by SQS itself (``task``), or one by one (``messages``).
        count: number of messages; for a task the approximate number at its start.
        not_found: requested IDs that no dead letter has.
        held_left: held recordings that stay in the dead-letter queue.
        held_sent: held recordings among those that were sent, because they were named.
    """

    how: Literal["task", "messages"]
    count: int
    not_found: tuple[str, ...] = ()
    held_left: int = 0
    held_sent: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON."""
        return {
            "how": self.how,
            "count": self.count,
            "not_found": self.not_found,
            "held_left": self.held_left,
            "held_sent": self.held_sent,
        }


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """The state of a recording.

    Attributes:
        recording: its item.
        item: the attributes that this package has written.
        inputs: keys of the call audio, the agent recording and Contact Lens' analyses; empty if one is missing.
        missing: why an input is missing.
        outputs: keys and sizes in bytes of the published files.
        letters: its dead letters; None if they weren't read.
        input_buckets: the bucket of each input.
        output_bucket: the bucket of the outputs.
        generation: the run that made each output.
    """

    recording: Recording
    item: dict[str, Any]
    inputs: tuple[str, ...]
    missing: str | None
    outputs: tuple[tuple[str, int], ...]
    letters: tuple[DeadLetter, ...] | None
    input_buckets: tuple[str, ...] = ()
    output_bucket: str = ""
    generation: Generation = field(default_factory=Generation)

    @property
    def is_mixed(self) -> bool:
        """Whether outputs and item are of different runs, or some of a run's outputs are missing."""
        is_begun = self.recording.is_processed or any(self.generation.to_dict().values())
        return is_begun and not self.generation.is_of(self.recording.run_id)

    def to_dict(self) -> dict[str, Any]:
        """The state for JSON."""
        recording = self.recording
        addresses = [f"s3://{bucket}/{key}" for bucket, key in zip(self.input_buckets, self.inputs, strict=False)]
        return {
            "recording_id": recording.recording_id,
            "agent_id": recording.agent_id,
            "creation_date": f"{recording.created:%Y-%m-%d %H:%M:%S}",
            "is_processed": recording.is_processed,
            "item": self.item,
            "inputs": list(self.inputs),
            "input_addresses": addresses,
            "missing": self.missing,
            "outputs": [
                {"key": key, "bytes": size, "address": f"s3://{self.output_bucket}/{key}"} for key, size in self.outputs
            ],
            "runs": {"item": recording.run_id, **self.generation.to_dict()},
            "is_mixed": self.is_mixed,
            "dead_letters": None if self.letters is None else [letter.to_dict() for letter in self.letters],
        }


def read_dead_letters(dead: Queue, *, most: int | None = MAX_DEAD_LETTERS) -> DeadLetterList:
    """Read the dead letters; they stay in their queue.

    Args:
        dead: their queue.
        most: how many are read at most; None for all.

    Raises:
        StorageError: the queue doesn't respond.
        AccessDeniedError: the queue denies access or doesn't exist.
    """
    with reading(dead, most) as (messages, are_all):
        letters = [DeadLetter.from_message(message) for message in messages]
    return DeadLetterList(tuple(sorted(letters, key=lambda letter: letter.failed_at)), are_all)


def redrive_all(dead: Queue, queue: Queue) -> Redriven:
    """Send every dead letter back, except held recordings, which would only be held again.

    Without held recordings it is SQS's own task; beside them, or if the service has no such task, it is one by one.

    Raises:
        PermanentError: a task is running already.
        StorageError: a queue doesn't respond.
        AccessDeniedError: a queue denies access or doesn't exist.
    """
    count = dead.counts().visible
    if any(letter.is_held for letter in read_dead_letters(dead, most=None).letters):
        return _redrive(dead, queue, lambda letter: not letter.is_held)
    source, destination = dead.arn(), queue.arn()
    with aws_errors(f"queue {dead.url}"):
        try:
            dead.client.start_message_move_task(SourceArn=source, DestinationArn=destination)
        except Exception as error:
            code = error_code(error)
            if code == "InvalidParameterValue":
                raise PermanentError(
                    f"SQS refuses a redrive of {dead.url} now ({code}): one is running already (`aws sqs "
                    "list-message-move-tasks` shows it), or no queue names it as its dead-letter queue"
                ) from error
            # A number is a bare HTTP status, which isn't from SQS: SQS names each of its errors.
            if code not in _UNKNOWN_TO_THE_SERVICE and not code.isdigit():
                raise
        else:
            return Redriven("task", count)
    return _redrive(dead, queue, lambda letter: not letter.is_held)


def redrive_only(dead: Queue, queue: Queue, recording_ids: tuple[str, ...]) -> Redriven:
    """Send the dead letters of these recordings back, held ones too; a message's ID names a dead letter as well.

    Raises:
        MessageError: a text is neither kind of ID.
        StorageError: a queue doesn't respond.
        AccessDeniedError: a queue denies access or doesn't exist.
    """
    wanted = {check_recording_id(text) for text in recording_ids}
    seen: set[str] = set()

    def is_wanted(letter: DeadLetter) -> bool:
        named = {letter.recording_id, letter.message_id} & wanted
        seen.update(named)
        return bool(named)

    found = _redrive(dead, queue, is_wanted)
    return replace(found, not_found=tuple(sorted(wanted - seen)), held_left=0)


def _redrive(dead: Queue, queue: Queue, is_wanted: Callable[[DeadLetter], bool]) -> Redriven:
    """Send each message, then delete it: an end in between leaves it twice, which is harmless."""
    count = held_left = held_sent = 0
    with reading(dead) as (messages, _):
        for message in list(messages):
            letter = DeadLetter.from_message(message)
            if is_wanted(letter):
                queue.send(letter.body)
                dead.delete(message)
                messages.remove(message)
                count += 1
                held_sent += letter.is_held
            else:
                held_left += letter.is_held
    return Redriven("messages", count, held_left=held_left, held_sent=held_sent)


def discard(dead: Queue, is_wanted: Callable[[DeadLetter], bool]) -> int:
    """Delete dead letters without processing them; returns their number.

    Raises:
        StorageError: the queue doesn't respond.
        AccessDeniedError: the queue denies access or doesn't exist.
    """
    count = 0
    with reading(dead) as (messages, _):
        for message in list(messages):
            if is_wanted(DeadLetter.from_message(message)):
                dead.delete(message)
                messages.remove(message)
                count += 1
    return count


@contextmanager
def reading(dead: Queue, most: int | None = None) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """The messages of a queue, invisible to others meanwhile, and whether there are no more.

    At the end, those that are still in the list become visible again.

    Args:
        dead: the queue.
        most: how many are read at most; None for all.
    """
    messages: list[dict[str, Any]] = []
    empty = 0
    try:
        while empty < _EMPTY_POLLS and (most is None or len(messages) < most):
            some = dead.receive_some(10 if most is None else min(10, most - len(messages)), min(empty, 1), _READING_S)
            again = {message["MessageId"] for message in some}
            known = {message["MessageId"] for message in messages}
            # Of a message that is received twice, only the newer receipt handle is valid.
            messages[:] = [message for message in messages if message["MessageId"] not in again] + some
            empty = 0 if again - known else empty + 1
        yield messages, empty >= _EMPTY_POLLS
    finally:
        try:
            for message in messages:
                dead.change_visibility(message, 0)
        except KomorebiError as error:
            LOG.warning("%s; the dead letters are visible again in %d s", error, _READING_S)


def recording_status(
    recording_id: str, *, table: DynamoTable, media: S3Media, dead: Queue | None = None
) -> RecordingStatus:
    """The state of a recording: its item, its inputs, its outputs and its dead letters.

    Args:
        recording_id: the recording's ID.
        table: the table of recordings.
        media: the buckets.
        dead: the dead-letter queue; None to leave it unread.

    Raises:
        MessageError: `recording_id` is malformed.
        UnknownRecordingError: there is no item, or it lacks what the keys are made of.
        StorageError: a service doesn't respond.
        AccessDeniedError: a service denies access.
    """
    recording = table.get(recording_id)
    try:
        inputs, missing = media.input_versions(recording)[::2], None
    except KomorebiError as error:
        inputs, missing = (), str(error)
    letters = None
    if dead is not None:
        letters = tuple(letter for letter in read_dead_letters(dead).letters if letter.recording_id == recording_id)
    outputs = media.outputs(recording)
    return RecordingStatus(
        recording,
        table.own_attributes(recording_id),
        inputs,
        missing,
        outputs,
        letters,
        _input_buckets(recording, media, inputs),
        media.output_bucket,
        media.generation(recording, recording.container or _container_of(outputs)),
    )


def _input_buckets(recording: Recording, media: S3Media, inputs: tuple[str, ...]) -> tuple[str, ...]:
    """The bucket of each input: call audio, agent recording, further files of it, and Contact Lens' analyses."""
    screens = media.screens
    uploads = {recording.agent_recording_key, *recording.further_recording_keys}
    own = media.input_bucket if screens is None or inputs[1:2] == (recording.agent_recording_key,) else screens.bucket
    others = (media.input_bucket if key in uploads else media.connect_bucket for key in inputs[2:])
    return (media.connect_bucket, own, *others)


def _container_of(outputs: tuple[tuple[str, int], ...]) -> Container:
    """The container of a video that no item names."""
    return "webm" if any(key.endswith("/recording.webm") for key, _ in outputs) else "mp4"


def submit(recording_id: str, call_end: str, *, force: bool, table: DynamoTable, queue: Queue) -> str:
    """Send a message for a recording, as the backend does; returns the message's ID.

    Args:
        recording_id: the recording's ID.
        call_end: ``HH:MM:SS``, ``MM:SS`` or seconds; empty for the item's call end.
        force: process it again, even if the inputs haven't changed.
        table: the table of recordings.
        queue: the queue.

    Raises:
        InputError: the call end is missing here and in the item.
        MessageError: the ID or the call end is malformed.
        UnknownRecordingError: the table has no such item, so the message would only become a dead letter.
        StorageError: a service doesn't respond.
        AccessDeniedError: a service denies access.
    """
    if call_end:
        body = message_body(recording_id, call_end, force=force)
        table.get(recording_id)
    else:
        table.get(recording_id)
        body = message_body(recording_id, reported_call_end(table, recording_id), force=force)
    return queue.send(body)


def reported_call_end(table: CallEndTable, recording_id: str) -> str:
    """The reported call end in a recording's item.

    Raises:
        InputError: the item has no call end, or one that isn't a time.
        StorageError: the table doesn't respond.
        AccessDeniedError: the table denies access or doesn't exist.
    """
    text = table.text(recording_id, CALL_END_ATTRIBUTE)
    if not text:
        raise InputError(
            f"--call-end is missing, and the item of {recording_id} has no attribute {CALL_END_ATTRIBUTE}: give the "
            "end of the call, counted from the recording's start (HH:MM:SS)"
        )
    parse_call_end(text)
    return text
