"""The worker: polls the queue and passes each message to the Lambda's own handler, without the limit of 15 minutes.

A message stays invisible to other workers while the handler runs: a second thread extends its visibility timeout. A
message that is done is deleted. A message that failed becomes visible again later; after the queue's last delivery it
is in the dead-letter queue.
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import KomorebiError, PassingError, PermanentError
from komorebi_qc.isolation.carried_errors import error_places
from komorebi_qc.queue.handler import WorkerContext, retry_in_s
from komorebi_qc.queue.visibility import kept_invisible, set_visibility

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from komorebi_qc.queue.handler import Pipeline
    from komorebi_qc.queue.sqs import Queue

LOG = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], Mapping[str, Any]]
"""The function that AWS Lambda would call: event and context in, ``batchItemFailures`` out."""

WAIT_S = 20
"""The longest poll that SQS allows. It needs the fewest requests, and a message still arrives at once."""
VISIBILITY_S = 120
"""The visibility timeout: how long a message stays invisible if this process dies. While it lives it is extended."""
RETRY_POLL_S = (1.0, 60.0)
"""The first and the longest pause after a poll that failed."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The messages that a worker handled.

    Attributes:
        done: processed, and deleted from the queue.
        failed: to be delivered again.
        dead_lettered: sent to the dead-letter queue, because a retry can't help.
        held: sent to the dead-letter queue, because an operator decides about them.
        is_interrupted: whether Ctrl-C ended the worker.
    """

    done: int = 0
    failed: int = 0
    dead_lettered: int = 0
    held: int = 0
    is_interrupted: bool = False

    @property
    def handled(self) -> int:
        """All messages that it received."""
        return self.done + self.failed + self.dead_lettered + self.held

    def __add__(self, more: Counts) -> Counts:
        return Counts(
            self.done + more.done,
            self.failed + more.failed,
            self.dead_lettered + more.dead_lettered,
            self.held + more.held,
        )


def run(
    queue: Queue,
    handler: Handler,
    *,
    once: bool = False,
    stop: threading.Event | None = None,
    wait_s: int = WAIT_S,
    visibility_s: int = VISIBILITY_S,
    pipeline: Pipeline | None = None,
) -> Counts:
    """Poll the queue and pass each message to `handler`, one at a time, until asked to stop.

    SIGTERM and SIGINT (in the main thread) or `stop` end it after the current message. A second SIGINT ends it at once.

    Args:
        queue: the queue to poll.
        handler: the Lambda's handler, see `load_handler`.
        once: handle one message at most, and return even if no message came.
        stop: an event that another thread sets to stop the worker.
        wait_s: how long one poll waits for a message.
        visibility_s: the visibility timeout of a message, extended while the handler runs.
        pipeline: processes the recordings instead of the handler's own pipeline.

    Raises:
        AccessDeniedError: the queue denies access or doesn't exist.
        StorageError: the queue doesn't respond; raised only with `once`. Without it, the poll is repeated.
        PermanentError: `handler` itself can't run, for instance because settings are missing.
    """
    stopping = _Stopping(stop)
    counts = Counts()
    pause_s, longest_pause_s = RETRY_POLL_S
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
            pause_s = RETRY_POLL_S[0]
            if message is not None:
                counts += _handle(queue, message, handler, arn, visibility_s, pipeline)
            if once:
                break
    return replace(counts, is_interrupted=stopping.is_interrupted)


def _handle(
    queue: Queue, message: dict[str, Any], handler: Handler, arn: str, visibility_s: int, pipeline: Pipeline | None
) -> Counts:
    """Pass one message to the handler, and delete it or let it return."""
    event = {"Records": [lambda_record(message, arn)]}
    context = WorkerContext(uuid.uuid4().hex, pipeline=pipeline)
    try:
        with kept_invisible(queue, [message], visibility_s):
            failures = handler(event, context)["batchItemFailures"]
        done = not any(failure["itemIdentifier"] == message["MessageId"] for failure in failures)
    except (KomorebiError, KeyboardInterrupt, SystemExit):
        set_visibility(queue, message, 0)  # the message isn't the cause: another worker may take it now
        raise
    except Exception as error:
        # Lambda would count a failed invocation, and the queue would deliver the message again. A traceback may quote
        # anything, such as a key with the agent's name in it.
        LOG.error("the handler failed on message %s: %s", message["MessageId"], error_places(error))  # noqa: TRY400
        LOG.debug("its traceback", exc_info=True)
        done = False
    if done:
        _delete(queue, message)
    else:
        # The handler has set this timeout too, but the second thread may have extended it afterwards.
        receive_count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        set_visibility(queue, message, retry_in_s(receive_count, message["MessageId"]))
        return Counts(failed=1)
    dead_lettered = [report for report in context.reports if report.is_dead_lettered]
    if not dead_lettered:
        return Counts(done=1)
    return Counts(held=1) if dead_lettered[0].outcome == "held" else Counts(dead_lettered=1)


def _delete(queue: Queue, message: Mapping[str, Any]) -> None:
    try:
        queue.delete(message)
    except KomorebiError as error:
        LOG.warning("%s", error)  # the message is delivered and processed again


class _Interrupted(BaseException):
    """A signal came while a poll waited. Not an Exception, which botocore would wrap into one of its own."""


class _Stopping:
    """The effect of the two signals: stop after the current message, or at once while no message is being handled."""

    def __init__(self, event: threading.Event | None) -> None:
        self._event = event
        # Not the event: its lock might be held by the very code that a signal interrupts.
        self._signalled = False
        self._waiting = False
        self.is_interrupted = False

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
            if self._signalled:  # since the last check
                raise _Interrupted
            yield
        finally:
            self._waiting = False

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        again, self._signalled = self._signalled, True
        self.is_interrupted |= number == signal.SIGINT
        if self._waiting:
            # A message that is being delivered at this moment becomes visible again by itself.
            raise _Interrupted
        if again and number == signal.SIGINT:
            raise KeyboardInterrupt
        LOG.warning("stopping after the current message")


def lambda_record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """A message of SQS as a record of the event that Lambda would pass on."""
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
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute


def load_handler() -> Handler:
    """Load the handler of ``lambda/app.py``, from the installed package or from the repository.

    Raises:
        PermanentError: it is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    # The installed copy first: beside an installed package, a folder `lambda` would be somebody else's.
    places = (package / "lambda_shell" / "app.py", package.parent / "lambda" / "app.py")
    place = next((p for p in places if p.is_file()), None)
    spec = importlib.util.spec_from_file_location("komorebi_qc_lambda_app", place) if place else None
    if spec is None or spec.loader is None:
        raise PermanentError(
            f"the Lambda's handler is missing: neither {places[0]} nor {places[1]} exists; install komorebi-qc again"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler
