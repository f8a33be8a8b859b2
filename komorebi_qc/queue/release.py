"""The release of a held recording: it is processed as an operator decided, and then its dead letter is deleted.

If processing fails, the dead letter stays. If this process dies, it is visible again within two minutes.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from komorebi_qc.core.errors import KomorebiError, PermanentError, StorageError
from komorebi_qc.core.recording import Message, check_recording_id
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.operate import reading
from komorebi_qc.queue.visibility import kept_invisible, set_visibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.queue.sqs import Queue

T = TypeVar("T")
VISIBILITY_S = 120
"""The visibility timeout of the dead letters, extended while the recording is processed."""


def release(dead: Queue, recording_id: str, process: Callable[[Message], T], *, visibility_s: int = VISIBILITY_S) -> T:
    """Process a held recording, and delete its held dead letters.

    Several dead letters of one recording are released together; the newest one's message is processed.

    Args:
        dead: the dead-letter queue.
        recording_id: the held recording.
        process: publishes the recording of a message.
        visibility_s: the visibility timeout of the dead letters meanwhile.

    Raises:
        MessageError: the ID is malformed.
        PermanentError: the recording isn't held, or it can't be processed.
        PassingError: it can't be processed now, or it was published but a dead letter can't be deleted.
        AccessDeniedError: a service denies access.
    """
    check_recording_id(recording_id)
    with _taken(dead, recording_id, visibility_s) as messages:
        newest = max(messages, key=lambda message: DeadLetter.from_message(message).failed_at)
        result = process(Message.from_body(str(newest["Body"]), needs_call_end=False))
        try:
            while messages:
                dead.delete(messages[-1])
                messages.pop()
        except KomorebiError as error:
            raise StorageError(
                f"recording {recording_id} was published, but its dead letter is still in the queue ({error}): run the "
                "command again"
            ) from error
    return result


@contextmanager
def _taken(dead: Queue, recording_id: str, visibility_s: int) -> Iterator[list[dict[str, Any]]]:
    """A recording's held dead letters, invisible to others; those still in the list become visible at the end.

    Raises:
        PermanentError: the recording isn't held.
    """
    with reading(dead) as (messages, _):
        letters = [(message, DeadLetter.from_message(message)) for message in messages]
        ours = [message for message, letter in letters if letter.is_held and letter.recording_id == recording_id]
        others = [letter for _, letter in letters if letter.recording_id == recording_id]
        if not ours:
            raise PermanentError(_not_held(recording_id, others))
        messages[:] = [message for message in messages if message not in ours]
        for message in ours:
            dead.change_visibility(message, visibility_s)
    try:
        with kept_invisible(dead, list(ours), visibility_s):
            yield ours
    finally:
        for message in ours:
            set_visibility(dead, message, 0)


def _not_held(recording_id: str, letters: list[DeadLetter]) -> str:
    if letters:
        error = letters[-1].error or "no reason"
        return (
            f"recording {recording_id} isn't held: its dead letter has another reason ({error}); correct the reason, "
            f"and run `komorebi-qc dlq redrive --only {recording_id}`"
        )
    return f"no held recording has the ID {recording_id!r}: `komorebi-qc dlq list` lists them"
