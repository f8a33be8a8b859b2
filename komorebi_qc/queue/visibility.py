"""Messages that stay invisible to others for as long as the work on them goes on."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import KomorebiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from komorebi_qc.queue.sqs import Queue

LOG = logging.getLogger(__name__)


@contextmanager
def kept_invisible(queue: Queue, messages: list[dict[str, Any]], visibility_s: int) -> Iterator[None]:
    """Extend the messages' visibility timeout from a second thread, again and again.

    If this process dies, the messages are visible again within the timeout.

    Args:
        queue: their queue.
        messages: as SQS returned them.
        visibility_s: the timeout.
    """
    over = threading.Event()

    def beat() -> None:
        while not over.wait(visibility_s / 3):
            for message in messages:
                set_visibility(queue, message, visibility_s)

    heart = threading.Thread(target=beat, name="visibility", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()


def set_visibility(queue: Queue, message: Mapping[str, Any], seconds: int) -> None:
    """Make a message visible again `seconds` from now; an error is only logged, because the timeout ends by itself."""
    try:
        queue.change_visibility(message, seconds)
    except KomorebiError as error:
        LOG.warning("%s", error)
