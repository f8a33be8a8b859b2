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

from komorebi_qc.errors import KomorebiError, PassingError, PermanentError
from komorebi_qc.stores_aws import aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

LOG = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], Mapping[str, Any]]
"""What AWS Lambda would call: event and context in, ``batchItemFailures`` out."""

WAIT_S = 20
"""The longest poll SQS knows: the fewest requests, and a message comes at once all the same."""
VISIBILITY_S = 120
"""How long a message stays hidden if this process dies; extended three times as often while it lives."""
RETRY_S = (60, 900)
"""When a failed message comes back: after the first, doubled with each try up to the second."""
_POLL_AGAIN_S = (1.0, 60.0)
_NOT_IN_HAND = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")


@dataclass(frozen=True, slots=True)
class Counts:
    """What a worker did.

    Attributes:
        done: messages the handler took, deleted from the queue.
        failed: messages it reported as failed, left to the queue.
    """

    done: int = 0
    failed: int = 0

    @property
    def handled(self) -> int:
        """Messages it had in hand."""
        return self.done + self.failed


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue.

    Attributes:
        client: boto3's ``sqs`` client; its read timeout has to be longer than `WAIT_S`.
        url: the queue's.
    """

    client: Any
    url: str

    def arn(self) -> str:
        """Its ARN.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def receive(self, wait_s: int, visibility_s: int) -> dict[str, Any] | None:
        """The next message, as SQS gives it; None where none came in `wait_s`.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=visibility_s,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        messages = answer.get("Messages", [])
        return messages[0] if messages else None

    def hide(self, message: Mapping[str, Any], seconds: int) -> None:
        """Let the message come back `seconds` from now, unless it is deleted before.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            try:
                self.client.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
                )
            except Exception as error:
                if not error_code(error).endswith(_NOT_IN_HAND):
                    raise
                LOG.warning("message %s is no longer in hand: another worker may have it", message["MessageId"])

    def delete(self, message: Mapping[str, Any]) -> None:
        """Take the message out of the queue.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """As much of Lambda's context as a handler may look at; there is no deadline."""

    aws_request_id: str
    function_name: str = "komorebi-qc-worker"

    def get_remaining_time_in_millis(self) -> int:
        """A day: nothing ends this process."""
        return 24 * 3600 * 1000


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
                done = _handle(queue, message, handler, arn, visibility_s)
                counts = Counts(counts.done + done, counts.failed + (not done))
            if once:
                break
    return counts


def _handle(queue: Queue, message: dict[str, Any], handler: Handler, arn: str, visibility_s: int) -> bool:
    """Whether the handler took the message."""
    event = {"Records": [lambda_record(message, arn)]}
    try:
        with _kept_hidden(queue, message, visibility_s):
            failures = handler(event, WorkerContext(uuid.uuid4().hex))["batchItemFailures"]
        done = not any(failure["itemIdentifier"] == message["MessageId"] for failure in failures)
    except (KomorebiError, KeyboardInterrupt, SystemExit):
        _try(queue.hide, message, 0)  # not the message's fault: another worker may take it now
        raise
    except Exception:
        # Lambda would count a failed invocation, and the queue would offer the message again.
        LOG.exception("the handler failed on message %s", message["MessageId"])
        done = False
    if done:
        _try(queue.delete, message)  # where that fails the message comes again, and its result is made again
    else:
        first, most = RETRY_S
        tries = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        _try(queue.hide, message, min(first * 2 ** min(tries - 1, 10), most))
    return done


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
            _try(queue.hide, message, visibility_s)

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
    package = Path(__file__).resolve().parent
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
