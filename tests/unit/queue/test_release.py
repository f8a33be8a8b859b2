"""The release of held recordings, on moto's SQS and with artificial faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import Faulty, World, client_error, fails

from komorebi_qc.core.errors import MediaError, MessageError, PermanentError, StorageError
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.release import release
from komorebi_qc.queue.sqs import Queue

if TYPE_CHECKING:
    from komorebi_qc.core.recording import Message

WHEN = datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC)


def letter(recording_id: str, kind: Any = "held", *, call_end: str = "00:01:02", minute: int = 0) -> DeadLetter:
    """A dead letter."""
    body = json.dumps({"recordingID": recording_id, "callEndingTimestamp": call_end})
    error = "HeldError" if kind == "held" else "MissingMediaError"
    when = WHEN + timedelta(minutes=minute)
    return DeadLetter(body, kind, error, "why", recording_id, "m1", "r1", 1, when, ((1.5, 0.9),))


def put(world: World, *letters: DeadLetter) -> None:
    """Put dead letters into their queue."""
    for one in letters:
        world.queue("dead").send(one.body, one.attributes())


def test_a_held_recording_is_processed_and_its_letter_deleted(world: World) -> None:
    """Its message is processed while the letter is invisible; other letters stay, and are visible meanwhile."""
    put(world, letter("a"), letter("b"), letter("c", "permanent"))
    seen: list[Any] = []

    def process(message: Message) -> str:
        seen.append((message.recording_id, message.call_end, world.waiting("dead")))
        return "published"

    assert release(world.queue("dead"), "a", process) == "published"
    assert seen == [("a", CallEnd(62.0, 1.0), (2, 1))]
    assert world.bodies("dead") == {letter("b").body: 1, letter("c").body: 1}
    assert world.waiting("dead") == (2, 0)


@pytest.mark.parametrize("error", [MediaError("it isn't media"), KeyboardInterrupt(), ZeroDivisionError()])
def test_a_failure_leaves_the_letter(world: World, error: BaseException) -> None:
    """After any error, and after Ctrl-C, the letter is visible again at once."""
    put(world, letter("a"))

    def process(_message: Message) -> None:
        raise error

    with pytest.raises(type(error)):
        release(world.queue("dead"), "a", process)
    assert world.waiting("dead") == (1, 0)


def test_all_letters_of_the_recording_are_deleted(world: World) -> None:
    """The newest one's call end is used."""
    put(world, letter("a", call_end="00:00:10"), letter("a", call_end="00:00:30", minute=9), letter("a", minute=3))
    assert release(world.queue("dead"), "a", lambda message: message.call_end) == CallEnd(30.0, 1.0)
    assert world.waiting("dead") == (0, 0)


@pytest.mark.parametrize(
    ("recording_id", "kind", "words"),
    [
        ("nobody", PermanentError, "no held recording has the ID 'nobody'"),
        ("b", PermanentError, "isn't held.*MissingMediaError.*redrive --only b"),
        ("../x", MessageError, "isn't a recording ID"),
    ],
)
def test_only_held_recordings_are_released(world: World, recording_id: str, kind: type[Exception], words: str) -> None:
    """An unknown, a failed or a malformed recording is an error before any work, and every letter is visible."""
    put(world, letter("a"), letter("b", "permanent"))

    def process(_message: Message) -> None:
        raise AssertionError("not processed")

    with pytest.raises(kind, match=words):
        release(world.queue("dead"), recording_id, process)
    assert world.waiting("dead") == (2, 0)


def test_a_letter_that_cannot_be_deleted(world: World) -> None:
    """The recording is published, the letter stays, and the error says both."""
    put(world, letter("a"))
    broken = fails(client_error("InternalError", 500, "DeleteMessage"))
    dead = Queue(Faulty(world.sqs, delete_message=broken), world.queue("dead").url)
    with pytest.raises(StorageError, match="was published, but its dead letter is still in the queue"):
        release(dead, "a", lambda _message: None)
    assert world.waiting("dead") == (1, 0)
