"""Messages stay invisible to others while the work on them goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from aws_fixtures import Faulty, client_error, fails

from komorebi_qc.queue.sqs import Queue
from komorebi_qc.queue.visibility import kept_invisible, set_visibility

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from aws_fixtures import World


def received(world: World, count: int) -> list[dict[str, Any]]:
    """Messages of the queue, invisible for a minute."""
    for number in range(count):
        world.queue().send(str(number))
    return world.queue().receive_some(10, 0, 60)


def test_the_timeout_is_extended_for_each_message(world: World) -> None:
    """Two messages of a minute each get a quarter of an hour, again and again, until the work ends."""
    messages, seen = received(world, 2), threading.Semaphore(0)

    def change(true: Callable[..., Any], **arguments: Any) -> Any:
        seen.release()
        return true(**arguments)

    queue = Queue(Faulty(world.sqs, change_message_visibility=change), world.queue().url)
    with kept_invisible(queue, messages, 1):
        for _ in range(4):
            assert seen.acquire(timeout=10)
    assert not [left for left in world.hidden_for_s() if left > 1]


def test_an_error_is_a_warning(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The timeout ends by itself, so the work goes on."""
    (message,) = received(world, 1)
    broken = fails(client_error("InternalError", 500, "ChangeMessageVisibility"))
    set_visibility(Queue(Faulty(world.sqs, change_message_visibility=broken), world.queue().url), message, 0)
    assert "InternalError" in caplog.text
    set_visibility(world.queue(), message, 0)
    assert world.waiting() == (1, 0)
