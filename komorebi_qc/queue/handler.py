"""One message of the queue: what came of it, and what becomes of the message.

* done, or done before: it may be deleted;
* a permanent error: it is set aside at once, in the dead-letter queue and with its reason, and costs no further try;
* a passing error: it comes back later, each time after twice as long; after its last try it is set aside as well;
* anything unforeseen counts as passing: the next machine may fare better.

A `Report` tells of it: never the event, nor anything of the customer's.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePath
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from komorebi_qc.core.errors import AccessDeniedError, KomorebiError, MessageError, OutOfTimeError, PassingError
from komorebi_qc.core.recording import Message
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.pipeline.process import Order, Outcome

_T = TypeVar("_T")
OutcomeName = Literal["done", "skipped", "passing", "permanent", "unexpected"]
FIRST_RETRY_S, LAST_RETRY_S = 60, 4 * 3600
"""The first wait, and the longest: with 10 tries, a good eight hours lie between the first and the last."""
TIME_OUTS = 3
"""From this try on a recording that runs out of time is given up: SQS counts tries, whatever ended them, so the first
may have waited for the call's audio."""


class Pipeline(Protocol):
    """`komorebi_qc.wiring.WiredPipeline`."""

    def is_done(self, order: Order) -> bool:
        """Whether this very order has been carried out."""
        ...

    def process(self, order: Order, *, progress: Progress) -> Outcome:
        """Make one unified recording."""
        ...


class MessageQueues(Protocol):
    """The queues, as far as a message in hand has to do with them (`komorebi_qc.queue.sqs.SqsQueues`)."""

    def receive_count(self) -> int | None:
        """How often a message is offered; None where that isn't known."""
        ...

    def change_visibility(self, receipt_handle: str, seconds: int) -> bool:
        """Let the message in hand come back `seconds` from now; False where the queue isn't known."""
        ...

    def send_to_dlq(self, letter: DeadLetter) -> bool:
        """Put it into the dead-letter queue; False where there is none to put it into."""
        ...


@dataclass(frozen=True, slots=True)
class Metric:
    """A number for whoever watches.

    Attributes:
        name: of the metric.
        unit: CloudWatch's: ``Count``, ``Seconds``, ``None``.
        value: the number.
        by: dimensions beside the service.
    """

    name: str
    unit: str
    value: float
    by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """How a message fared.

    Attributes:
        outcome: in a word.
        message_id: SQS's.
        recording_id: None where the message couldn't be read.
        receive_count: how often it has been tried, this time included.
        seconds: wall time.
        error: the error's class.
        detail: its sentence, or where it was raised.
        retry_in_s: when it comes back; None where it doesn't, or SQS decides.
        stays: whether it stays in the queue: it has to be reported as failed.
        is_set_aside: whether it lies in the dead-letter queue now.
        result: what was made, in a few words.
        trouble: what the queues refused; SQS's own count sees to the message then.
    """

    outcome: OutcomeName
    message_id: str
    recording_id: str | None
    receive_count: int
    seconds: float
    error: str | None = None
    detail: str | None = None
    retry_in_s: int | None = None
    is_batch_item_failure: bool = False
    is_set_aside: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)
    trouble: tuple[str, ...] = ()

    @property
    def level(self) -> Literal["INFO", "WARNING", "ERROR"]:
        """For the log: done, worth another try, or a matter for an operator."""
        if self.outcome in ("done", "skipped"):
            return "INFO"
        is_ours = self.error == AccessDeniedError.__name__
        return "WARNING" if self.outcome == "passing" and not self.is_set_aside and not is_ours else "ERROR"

    def fields(self) -> dict[str, Any]:
        """For the log; what isn't known isn't told."""
        told = {
            "outcome": self.outcome,
            "messageID": self.message_id,
            "recordingID": self.recording_id,
            "receiveCount": self.receive_count,
            "seconds": self.seconds,
            "error": self.error,
            "detail": self.detail,
            "retryInSeconds": self.retry_in_s,
            "setAside": self.is_set_aside or None,
            "queueTrouble": list(self.trouble) or None,
            **self.result,
        }
        return {name: value for name, value in told.items() if value is not None}

    def metrics(self) -> list[Metric]:
        """Counts by outcome and cause; of a result its seconds a step, its speed, its sync and its offset."""
        names = {"done": "Processed", "skipped": "Skipped"}
        found = [Metric(names.get(self.outcome, "Failed"), "Count", 1.0)]
        if self.error is not None:
            found.append(Metric("FailedByCause", "Count", 1.0, {"cause": self.error}))
        for name, seconds in self.result.get("stepSeconds", {}).items():
            found.append(Metric("StepSeconds", "Seconds", seconds, {"step": name}))
        if (speed := self.result.get("timesRealTime")) is not None:
            found.append(Metric("TimesRealTime", "None", speed))
        if (status := self.result.get("syncStatus")) is not None:
            found.append(Metric("SyncStatus", "Count", 1.0, {"status": status}))
        if (offset_s := self.result.get("offsetSeconds")) is not None:
            found.append(Metric("OffsetSeconds", "Seconds", offset_s))
        return found


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """As much of Lambda's context as a handler may look at; there is no deadline.

    Attributes:
        aws_request_id: a made up one.
        reports: what the handler tells of each message; Lambda only logs it.
        function_name: for the log, as the rest.
        memory_limit_in_mb: none.
        invoked_function_arn: none.
    """

    aws_request_id: str
    reports: list[Report] = field(default_factory=list)
    function_name: str = "komorebi-qc-worker"
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = ""

    def get_remaining_time_in_millis(self) -> int:
        """A day: nothing ends this process."""
        return 24 * 3600 * 1000


class MessageStaysError(Exception):
    """Tells a batch processor that a message is to come again; its report has been told already."""


def check_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event, if it is one of a queue.

    Raises:
        MessageError: where it is no such event, so that no record of it can be reported.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not all(isinstance(r, dict) and r.get("messageId") for r in records):
        raise MessageError("the event has no Records with a messageId each: this function takes events of an SQS queue")
    return dict(event)


def retry_in_s(receive_count: int, message_id: str = "") -> int:
    """When a message that failed comes back: doubled with each try, a tenth more or less, so that a crowd spreads."""
    wait_s: int = min(FIRST_RETRY_S * 2 ** min(max(receive_count, 1) - 1, 20), LAST_RETRY_S)
    spread = zlib.crc32(message_id.encode()) % 2001 / 10_000 - 0.1
    return round(wait_s * (1 + spread))


def handle_record(
    record: Mapping[str, Any],
    pipeline: Pipeline,
    desk: MessageQueues,
    *,
    remaining_s: Callable[[], float],
    request_id: str = "",
    told: Callable[[str], None] = lambda _: None,
) -> Report:
    """Carry out one record of an SQS event, and see to its message.

    Args:
        record: as Lambda gives it.
        pipeline: what to do it with.
        desk: where the message came from, and where it goes when it can't be done.
        remaining_s: seconds until this invocation is ended.
        request_id: the invocation's.
        told: called with the recording's ID as soon as it is known.
    """
    began = time.monotonic()
    message_id, count = str(record.get("messageId", "")), _receive_count(record)
    recording_id: str | None = None
    result: Mapping[str, Any] = {}
    error: Exception | None = None
    outcome: OutcomeName
    try:
        message = Message.from_body(str(record.get("body", "")))
        recording_id = message.recording_id
        told(recording_id)
        outcome, result = _carry_out(message, pipeline, remaining_s)
    except OutOfTimeError as raised:
        outcome, error = "permanent" if count >= TIME_OUTS else "passing", raised
    except (PassingError, AccessDeniedError) as raised:
        # A right that the function lacks isn't the message's fault: a wrong role must not empty the queue.
        outcome, error = "passing", raised
    except KomorebiError as raised:
        outcome, error = "permanent", raised
    except Exception as raised:  # noqa: BLE001  whatever it is, the other records go on
        outcome, error = "unexpected", raised
    seconds = round(time.monotonic() - began, 3)
    if error is None:
        return Report(outcome, message_id, recording_id, count, seconds, result=result)

    trouble: list[str] = []
    receive_count = _noting(trouble, desk.receive_count)
    is_last = outcome == "permanent" or (receive_count is not None and count >= receive_count)
    is_set_aside = is_last and bool(
        _noting(
            trouble,
            lambda: desk.send_to_dlq(
                DeadLetter(
                    str(record.get("body", "")),
                    "permanent" if outcome == "permanent" else "tries",
                    type(error).__name__,
                    _sentence(error),
                    recording_id or "",
                    message_id,
                    request_id,
                    count,
                    datetime.now(UTC),
                )
            ),
        )
    )
    later_s = None if is_set_aside else retry_in_s(count, message_id)
    if later_s is not None and not _noting(
        trouble, partial(desk.change_visibility, str(record.get("receiptHandle", "")), later_s)
    ):
        later_s = None
    return Report(
        outcome,
        message_id,
        recording_id,
        count,
        seconds,
        type(error).__name__,
        _for_the_log(error),
        later_s,
        is_batch_item_failure=not is_set_aside,
        is_set_aside=is_set_aside,
        trouble=tuple(trouble),
    )


def _carry_out(
    message: Message, pipeline: Pipeline, remaining_s: Callable[[], float]
) -> tuple[OutcomeName, Mapping[str, Any]]:
    from komorebi_qc.pipeline.process import Order  # noqa: PLC0415  the decoders load after the message has proved to be one

    order = Order(message.recording_id, message.call_end)
    if not message.force and pipeline.is_done(order):
        return "skipped", {}
    return "done", _summary(pipeline.process(order, progress=Deadline(remaining_s)))


def _summary(outcome: Outcome) -> dict[str, Any]:
    document = outcome.document
    took_s = sum(step.seconds for step in outcome.steps)
    output_s = document["durations"]["output_s"]
    sync = document["sync"]
    return {
        "verdict": outcome.verdict,
        "output": outcome.published.video,
        "outputBytes": outcome.published.video_bytes,
        "syncStatus": "unmeasured" if sync is None else sync["status"],
        "offsetSeconds": document["alignment"]["offset_s"],
        "stepSeconds": {step.name: step.seconds for step in outcome.steps},
        "timesRealTime": round(output_s / took_s, 1) if took_s > 0 else None,
    }


def _noting(trouble: list[str], act: Callable[[], _T]) -> _T | None:
    """What the queue refuses isn't the message's fault."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001  whatever it is, the message's report is told
        trouble.append(_sentence(error))
        return None


def _receive_count(record: Mapping[str, Any]) -> int:
    attributes = record.get("attributes")
    text = str(attributes.get("ApproximateReceiveCount", "")) if isinstance(attributes, dict) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _sentence(error: Exception) -> str:
    """For the dead letter, which holds the message itself."""
    return str(error) if isinstance(error, KomorebiError) else f"unforeseen: {_places(error)}"


def _for_the_log(error: Exception) -> str:
    if isinstance(error, MessageError):
        # Its sentence quotes the message, which is no matter for the log: the dead-letter queue keeps it.
        return "the message can't be read: look at its body in the dead-letter queue"
    return _sentence(error)


def _places(error: Exception) -> str:
    """An unforeseen text may quote anything; where it was raised says as much."""
    frames = extract_tb(error.__traceback__)[-5:]
    return f"{type(error).__name__} at " + ", ".join(
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames
    )
