"""The queue's worker: hands each message to the Lambda's own handler, on a machine that outlives 15 minutes.

A message stays hidden from other workers while the handler runs: a second thread extends that time. It is deleted once
it is done; one that failed comes back after a while, and after the queue's tries it is in the dead-letter queue.
"""

from __future__ import annotations

import base64
import importlib.util
import logging
import signal
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import KomorebiError, PassingError, PermanentError
from komorebi_qc.queue.handler import WorkerContext, retry_in_s

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from komorebi_qc.queue.sqs import Queue

LOG = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], Mapping[str, Any]]
"""What AWS Lambda would call: event and context in, ``batchItemFailures`` out."""

WAIT_S = 20
"""The longest poll SQS knows: the fewest requests, and a message comes at once all the same."""
VISIBILITY_S = 120
"""How long a message stays hidden if this process dies; extended three times as often while it lives."""
_POLL_AGAIN_S = (1.0, 60.0)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a worker did.

    Attributes:
        done: messages the handler took, deleted from the queue.
        failed: messages it reported as failed, left to the queue.
        set_aside: messages that no further try can help, in the dead-letter queue now.
    """

    done: int = 0
    failed: int = 0
    dead_lettered: int = 0

    @property
    def handled(self) -> int:
        """Messages it had in hand."""
        return self.done + self.failed + self.dead_lettered

    def __add__(self, more: Counts) -> Counts:
        return Counts(self.done + more.done, self.failed + more.failed, self.dead_lettered + more.dead_lettered)


def run(
    queue: Queue,
    handler: Handler,
    *,
    once: bool = False,
    stop: threading.Event | None = None,
    wait_s: int = WAIT_S,
    visibility_s: int = VISIBILITY_S,
) -> Counts:
    """Poll the queue and hand each message to `handler`, one at a time, until told to stop.

    SIGTERM and SIGINT (in the main thread), or `stop`, end it after the message in hand; a second SIGINT at once.

    Args:
        queue: to poll.
        handler: the Lambda's, see `load_handler`.
        once: handle one message at most, and return even if none came.
        stop: set it to stop from another thread.
        wait_s: how long one poll waits for a message.
        visibility_s: how long a message stays hidden without a sign of life.

    Raises:
        AccessDeniedError: where the queue refuses or doesn't exist.
        StorageError: with `once`, where the queue doesn't answer; without, it is asked again.
        PermanentError: what `handler` itself raises, settings that are missing for one.
    """
    stopping = _Stopping(stop)
    counts = Counts()
    pause_s, longest_pause_s = _POLL_AGAIN_S
    arn = ""
    with stopping.on_signals(), suppress(_Interrupted):
        while not stopping:
            try:
                with stopping.may_interrupt():
                    arn = arn or queue.arn()
                    message = queue.receive(wait_s, visibility_s)
            except PassingError as error:
                if once:
                    raise
                LOG.warning("%s", error)
                with stopping.may_interrupt():
                    time.sleep(pause_s)
                pause_s = min(2 * pause_s, longest_pause_s)
                continue
            pause_s = _POLL_AGAIN_S[0]
            if message is not None:
                counts += _handle(queue, message, handler, arn, visibility_s)
            if once:
                break
    return counts


def _handle(queue: Queue, message: dict[str, Any], handler: Handler, arn: str, visibility_s: int) -> Counts:
    """What became of the message."""
    event = {"Records": [lambda_record(message, arn)]}
    context = WorkerContext(uuid.uuid4().hex)
    try:
        with _kept_hidden(queue, message, visibility_s):
            failures = handler(event, context)["batchItemFailures"]
        done = not any(failure["itemIdentifier"] == message["MessageId"] for failure in failures)
    except (KomorebiError, KeyboardInterrupt, SystemExit):
        _try(queue.change_visibility, message, 0)  # not the message's fault: another worker may take it now
        raise
    except Exception:
        # Lambda would count a failed invocation, and the queue would offer the message again.
        LOG.exception("the handler failed on message %s", message["MessageId"])
        done = False
    if done:
        _try(queue.delete, message)  # where that fails the message comes again, and its result is made again
    else:
        # The handler says so too; but a sign of life may have come after it.
        receive_count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        _try(queue.change_visibility, message, retry_in_s(receive_count, message["MessageId"]))
        return Counts(failed=1)
    is_set_aside = any(report.is_set_aside for report in context.reports)
    return Counts(dead_lettered=1) if is_set_aside else Counts(done=1)


def _try(act: Callable[..., None], *arguments: Any) -> None:
    try:
        act(*arguments)
    except KomorebiError as error:
        LOG.warning("%s", error)


@contextmanager
def _kept_hidden(queue: Queue, message: Mapping[str, Any], visibility_s: int) -> Iterator[None]:
    over = threading.Event()

    def beat() -> None:
        while not over.wait(visibility_s / 3):
            _try(queue.change_visibility, message, visibility_s)

    heart = threading.Thread(target=beat, name="visibility", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()


class _Interrupted(BaseException):
    """A signal came while a poll waited. No Exception: botocore would wrap it into one of its own."""


class _Stopping:
    """What the two signals do: stop after the message in hand; at once where there is none."""

    def __init__(self, event: threading.Event | None) -> None:
        self._event = event
        # Not the event: its lock might be held by the very code that a signal interrupts.
        self._signalled = False
        self._waiting = False

    def __bool__(self) -> bool:
        return self._signalled or (self._event is not None and self._event.is_set())

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, action in before.items():
                signal.signal(number, action)

    @contextmanager
    def may_interrupt(self) -> Iterator[None]:
        self._waiting = True
        try:
            if self._signalled:  # a moment ago
                raise _Interrupted
            yield
        finally:
            self._waiting = False

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        again, self._signalled = self._signalled, True
        if self._waiting:
            # A message that is on its way this very moment comes back by itself.
            raise _Interrupted
        if again and number == signal.SIGINT:
            raise KeyboardInterrupt
        LOG.warning("stopping after the message in hand")


def lambda_record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """One of SQS's messages in the shape in which Lambda hands it on."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: _lambda_attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _lambda_attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        told["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        told["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return told


def load_handler() -> Handler:
    """The handler of ``lambda/app.py``, afresh: as it is installed with the package, or as it lies in the repo.

    Raises:
        PermanentError: where it is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    # The installed copy first: beside an installed package, a folder `lambda` would be somebody else's.
    places = (package / "lambda_shell" / "app.py", package.parent / "lambda" / "app.py")
    place = next((p for p in places if p.is_file()), None)
    spec = importlib.util.spec_from_file_location("komorebi_qc_lambda_app", place) if place else None
    if spec is None or spec.loader is None:
        raise PermanentError(f"the Lambda's handler is neither {places[0]} nor {places[1]}: install komorebi-qc again")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler
